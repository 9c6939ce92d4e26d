/**
 * Backends that call their own load balancer, as a chassis has them go back: what
 * ovn-controller makes of the southbound Load_Balancer rows for `chk_lb_hairpin`,
 * `chk_lb_hairpin_reply` and `ct_snat_to_vip`.  Asked only where conntrack
 * remembers; `balancers.ts` says what ovn-trace says of it.
 */

import { parseHostAndPort } from '../../engine/lang/host-port.ts';
import { formatConstant } from '../../engine/lang/index.ts';
import type { LoadBalancer, Southbound } from '../../engine/ovsdb/southbound.ts';
import { type Address, parseAddress } from './addresses.ts';
import { familyOf, type NatAddress } from './ct.ts';
import { fields, type Packet, protocol, readBits, type Storage, slot } from './packet.ts';
import type { Step } from './step.ts';

/** An address of a load balancer, and where it leads. */
interface VirtualAddress extends Address {
  /** 0 for every port, of every protocol. */
  port: number;
  proto: number;
  backends: (Address & { port: number })[];
  /** What the balancer calls its backend by when that called itself. */
  source: NatAddress;
  /** UUIDs; none for all. */
  datapaths: ReadonlySet<string>;
}

const known = new WeakMap<Southbound, VirtualAddress[]>();

function virtualAddresses(southbound: Southbound): VirtualAddress[] {
  let addresses = known.get(southbound);
  if (!addresses) {
    addresses = (southbound.loadBalancers ?? []).flatMap(addressesOf);
    known.set(southbound, addresses);
  }
  return addresses;
}

const protocols: Readonly<Record<string, number>> = { tcp: protocol.tcp, udp: protocol.udp, sctp: protocol.sctp };

function addressesOf({ vips, protocol: name = 'tcp', options, datapaths }: LoadBalancer): VirtualAddress[] {
  const sources = (options.hairpin_snat_ip ?? '').split(/\s+/).flatMap((text) => parseAddress(text) ?? []);
  return Object.entries(vips).flatMap(([vip, backends]) => {
    const address = endOf(vip);
    if (!address) return [];
    const { family, value } = address;
    return [
      {
        ...address,
        proto: protocols[name] ?? protocol.tcp,
        backends: backends.split(',').flatMap((text) => endOf(text.trim()) ?? []),
        source: sources.find((source) => source.family === family) ?? { family, value },
        datapaths: new Set(datapaths),
      },
    ];
  });
}

function endOf(text: string): (Address & { port: number }) | undefined {
  const end = parseHostAndPort(text);
  const address = end && parseAddress(formatConstant(end.ip));
  return address && { ...address, port: end.port };
}

function field(packet: Packet, family: 4 | 6, direction: 'src' | 'dst'): bigint {
  return readBits(packet, fields[`ip${family}.${direction}`] as Storage);
}

/** What conntrack knows the packet was sent to before it was translated. */
function originalDestination({ words }: Packet, family: 4 | 6): bigint {
  if (family === 4) return BigInt(words[slot.ctNwDst] as number);
  let value = 0n;
  for (let i = 0; i < 4; i++) value = (value << 32n) | BigInt(words[slot.ctIp6Dst + i] as number);
  return value;
}

/** The address by which the packet's sender called itself; undefined if it did not. */
function calledBy({ run, place, packet }: Step): VirtualAddress | undefined {
  const family = familyOf(packet);
  if (!family) return undefined;
  const self = field(packet, family, 'dst');
  if (self !== field(packet, family, 'src')) return undefined;
  const { words } = packet;
  const original = originalDestination(packet, family);
  return virtualAddresses(run.topology.southbound).find((vip) => {
    if (vip.family !== family || vip.value !== original) return false;
    if (vip.datapaths.size > 0 && !vip.datapaths.has(place.datapath.binding.uuid)) return false;
    if (vip.port !== 0 && (vip.port !== words[slot.ctTpDst] || vip.proto !== words[slot.nwProto])) return false;
    return vip.backends.some(({ value, port }) => value === self && (port === 0 || port === words[slot.tpDst]));
  });
}

/** What a reply of a backend that called itself looks like. */
function replyKey({ place }: Step, proto: number, backend: bigint, port: number, source: bigint): string {
  return `${place.datapath.binding.uuid} ${proto} ${backend} ${port} ${source}`;
}

/** `chk_lb_hairpin`: whether a backend calls itself; its replies are told by `isHairpinReply` from then on. */
export function isHairpin(step: Step, learned: Set<string>): boolean {
  const vip = calledBy(step);
  if (!vip) return false;
  const { packet } = step;
  const [proto, port] = [packet.words[slot.nwProto] as number, packet.words[slot.tpDst] as number];
  learned.add(replyKey(step, proto, field(packet, vip.family, 'dst'), port, vip.source.value));
  return true;
}

/** `chk_lb_hairpin_reply` */
export function isHairpinReply(step: Step, learned: ReadonlySet<string>): boolean {
  const { packet } = step;
  const family = familyOf(packet);
  if (!family) return false;
  const [proto, port] = [packet.words[slot.nwProto] as number, packet.words[slot.tpSrc] as number];
  const key = replyKey(step, proto, field(packet, family, 'src'), port, field(packet, family, 'dst'));
  return learned.has(key);
}

/** `ct_snat_to_vip`: the packet gets the balancer's address as its source; its state stays. */
export function translateToCaller(step: Step): void {
  const vip = calledBy(step);
  if (!vip) return;
  const { run, packet, place } = step;
  const { words } = packet;
  const state = words.slice(slot.ctState, slot.ctLabel + 4);
  const original = words.slice(slot.ctNwDst, slot.ctTpDst + 1);
  const nat = { direction: 'src', address: vip.source, commonZone: false, onGateway: false } as const;
  run.conntrack.translate(packet, `${place.datapath.binding.uuid} snat`, nat);
  words.set(state, slot.ctState);
  words.set(original, slot.ctNwDst);
}
