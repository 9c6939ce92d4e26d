/**
 * Clients that keep their backend: `commit_lb_aff` notes which one a client of a service got, `chk_lb_aff` finds it
 * again (ovn-sb(5)).  Done by a tracker that remembers; it has no clock, so affinities last as long as it does.
 */
import { addressOf } from './connections.ts';
import { type Backend, familyOf } from './ct.ts';
import { fields, type Packet, protocol, readBits, type Storage, slot, writeBits } from './packet.ts';
import type { ActionOf, Step } from './step.ts';

/** Backends by datapath, client and service. */
export type Affinities = Map<string, Backend>;

const protocols = { tcp: protocol.tcp, udp: protocol.udp, sctp: protocol.sctp } as const;
/** Where ports stand in reg8. */
const ports = 0xffff;

/** `commit_lb_aff(...)` */
export function commitAffinity(
  { run, place, packet }: Step,
  { vip, backend, protocol: name }: ActionOf<'commit_lb_aff'>,
): void {
  const [service, chosen] = [addressOf(vip.ip), addressOf(backend.ip)];
  if (!service || !chosen) return;
  const key = keyOf(place.datapath.binding.uuid, packet, name ? protocols[name] : 0, vip.port, service.value);
  run.conntrack.affinities?.set(key, { ...chosen, port: backend.port });
}

/**
 * `R = chk_lb_aff();` whether the client has a backend of the service that the packet goes to; the backend goes to
 * reg4 or xxreg1, its port to reg8[0..15].  Undefined where nobody remembers.
 */
export function checkAffinity({ run, place, packet }: Step): boolean | undefined {
  const { affinities } = run.conntrack;
  if (!affinities) return undefined;
  const family = familyOf(packet);
  if (!family) return false;
  const { words } = packet;
  const service = readBits(packet, fields[`ip${family}.dst`] as Storage);
  const datapath = place.datapath.binding.uuid;
  // Services of all ports are noted without protocol and port.
  const found =
    affinities.get(keyOf(datapath, packet, words[slot.nwProto] ?? 0, words[slot.tpDst] ?? 0, service)) ??
    affinities.get(keyOf(datapath, packet, 0, 0, service));
  if (!found) return false;
  if (family === 4) words[slot.reg0 + 4] = Number(found.value);
  else writeBits(packet, fields.xxreg1 as Storage, found.value);
  words[slot.reg0 + 8] = (((words[slot.reg0 + 8] ?? 0) & ~ports) | found.port) >>> 0;
  return true;
}

function keyOf(datapath: string, packet: Packet, proto: number, port: number, service: bigint): string {
  const family = familyOf(packet);
  const client = family ? readBits(packet, fields[`ip${family}.src`] as Storage) : 0n;
  return `${datapath} ${family} ${proto} ${client} ${service} ${port}`;
}
