/**
 * What hardware may do with a frame, said by the tracer for one frame at a time:
 * nothing here knows of sets of packets.
 */
import { parseFrame } from '../../engine/frame.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import type { PacketValues } from '../../sim/answers/packet.ts';
import { packetOfFields } from '../../sim/answers/story.ts';
import { createTracer } from '../../sim/answers/traced.ts';
import { bytesOfHex, readEncapsulation } from '../../sim/offload/geneve.ts';
import type { OffloadNode } from '../../sim/offload/node.ts';
import { fieldIndex, headerFields } from '../../sim/symbolic/fields.ts';
import { networkOf } from '../../sim/symbolic/index.ts';
import type { Fate } from './executor.ts';
import { gatewaysOf, hostsOf } from './rule-maker.ts';

/** A frame that comes to the device. */
export interface Arrival {
  readonly port: string;
  /** In hexadecimal digits. */
  readonly frame: string;
  readonly bySoftware?: boolean;
}

/** Says why a fate is wrong for a frame; undefined where it is right. */
export type Reference = (arrival: Arrival, fate: Fate) => string | undefined;

/** Bytes from the first of Geneve's headers to the frame inside. */
const outerBytes = 58;

/** What is no header of a packet. */
const ignored = new Set(['inport', 'pkt.len', 'payload', 'pkt.mark'].map(fieldIndex));
const compared = Array.from({ length: headerFields }, (_, field) => field).filter((field) => !ignored.has(field));

const packetIn = (frame: string): PacketValues => packetOfFields(parseFrame(Uint8Array.from(bytesOfHex(frame))).fields);
const isSame = (a: PacketValues, b: PacketValues): boolean =>
  compared.every((field) => (a[field] ?? 0n) === (b[field] ?? 0n));

/** What the tracer says: what comes out, and whether software has something to do with the packet. */
interface Traced {
  readonly right: readonly { readonly port: string; readonly packet: PacketValues }[];
  readonly isWork: boolean;
}

/** The reference of a node. */
export function referenceOf(southbound: Southbound, node: OffloadNode): Reference {
  const tracer = createTracer(southbound);
  const network = networkOf(southbound);
  const hosts = hostsOf(southbound);
  const gateways = gatewaysOf(southbound);
  const plugged = new Map([...node.ports].map(([logical, port]) => [port, logical]));
  const addressOf = (chassis: string) => node.tunnels.get(chassis)?.ip ?? '';

  const known = new Map<string, Traced>();
  const traced = (logical: string, frame: string): Traced => {
    const key = `${logical} ${frame}`;
    const found = known.get(key);
    if (found) return found;
    const port = network.ports.get(logical);
    if (!port) throw new Error(`no port ${logical}`);
    const expected = { kind: 'lost' } as const;
    const { legs } = tracer.tell({ sends: [{ kind: 'packet', packet: packetIn(frame), port, expected }] });
    const flows = legs[0]?.flows ?? [];
    const isWork = flows.some(({ actions }) => /put_arp|put_nd|handle_svc_check|igmp;/.test(actions));
    const made = { right: [...(legs[0]?.deliveries ?? [])], isWork };
    known.set(key, made);
    return made;
  };

  const fromTunnel = (frame: string, fate: Fate): string | undefined => {
    const outer = readEncapsulation(bytesOfHex(frame).slice(0, outerBytes));
    const to =
      typeof outer === 'string' ? undefined : hosts.find(({ vni, key }) => vni === outer.vni && key === outer.outKey);
    if (typeof outer === 'string' || to?.chassis !== node.name) return 'it is for no host here';
    if (outer.dst !== numberOf(addressOf(node.name))) return 'it is for another node';
    const from = hosts.filter(({ vni, chassis }) => vni === outer.vni && chassis !== node.name);
    const inner = frame.slice(2 * outerBytes);
    if (from.length === 0 || (Number.parseInt(inner.slice(12, 14), 16) & 1) === 1) return undefined;
    if (fate.kind !== 'port') return 'it is dropped';
    if (fate.port !== node.ports.get(to.port)) return `it is for ${to.port}`;
    return fate.frame === inner ? undefined : 'it is changed';
  };

  return ({ port, frame, bySoftware }, fate) => {
    if (fate.kind === 'software') return fate.frame === frame ? undefined : 'software gets it changed';
    if (bySoftware)
      return fate.kind === 'port' && fate.port === port && fate.frame === frame ? undefined : 'software sent it';
    if (port === node.uplink) return fromTunnel(frame, fate);
    const logical = plugged.get(port);
    if (logical === undefined) return 'it is not of this node';
    const { right, isWork } = traced(logical, frame);
    if (isWork) return 'software has to see it';
    if (fate.kind === 'drop') return right.length === 0 ? undefined : 'it is dropped';
    const [only, ...more] = right;
    if (!only || more.length > 0) return 'it has not one way';
    const to = hosts.find((host) => host.port === only.port);
    const from = hosts.find((host) => host.port === logical);
    if (!to || !from) return 'it goes to no host';
    if (to.chassis === node.name) {
      if (fate.port !== node.ports.get(to.port)) return `it is for ${to.port}`;
      return isSame(packetIn(fate.frame), only.packet) ? undefined : 'it looks otherwise';
    }
    if (fate.port !== node.uplink) return 'it is for another node';
    const outer = readEncapsulation(bytesOfHex(fate.frame).slice(0, outerBytes));
    if (typeof outer === 'string') return outer;
    const inKey = to.datapath === from.datapath ? from.key : gateways.get(to.datapath)?.key;
    if (outer.vni !== to.vni || outer.outKey !== to.key || outer.inKey !== inKey) return 'the keys are others';
    if (outer.src !== numberOf(addressOf(node.name)) || outer.dst !== numberOf(addressOf(to.chassis))) {
      return 'the addresses of the tunnel are others';
    }
    return isSame(packetIn(fate.frame.slice(2 * outerBytes)), only.packet) ? undefined : 'it looks otherwise inside';
  };
}

const numberOf = (ip: string): bigint => ip.split('.').reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
