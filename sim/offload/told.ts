/** A packet of a set, as it comes to the device: its frame, where it comes in, and what is odd about it. */
import { parseIpv4, parseIpv6 } from '../../engine/lang/index.ts';
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { frameOf } from '../answers/frame.ts';
import { microflowOf } from '../answers/microflow.ts';
import { summaryOf } from '../answers/summary.ts';
import { hex, witnessOf } from '../answers/witness.ts';
import type { Network } from '../symbolic/index.ts';
import { at } from '../symbolic/store.ts';
import { fieldIs, hardwareField, plainlySeen } from './fields.ts';
import { encapsulationBytes } from './geneve.ts';
import type { NodeNetwork, OffloadNode } from './node.ts';
import type { SentToDevice } from './prove.ts';

export interface ShownFrom {
  readonly space: Space;
  readonly network: Network;
  readonly node: OffloadNode;
  readonly made: NodeNetwork;
  readonly packets: PacketSet;
  readonly tunnelled: boolean;
  /** Values of `inport` by the device's port. */
  readonly ports: ReadonlyMap<string, readonly number[]>;
}

/** A packet that is shown. */
export interface Shown {
  readonly packet: SentToDevice;
  /** A value for each field of the space. */
  readonly picked: readonly bigint[];
  /** What the frame does not show of it. */
  readonly odd?: string;
}

/** The most believable packet of a set; undefined of the empty one. */
export function packetShown(from: ShownFrom): Shown | undefined {
  const { space, network, tunnelled, node } = from;
  const plain = space.and(from.packets, plainlySeen(space));
  const packets = plain === space.empty ? from.packets : plain;
  const witness = witnessOf(network, space, packets);
  const picked = witness?.packet ?? space.pick(packets, usual(space));
  if (!picked) return undefined;
  // The mark tells what a tunnel is for; no packet has it.
  const packet = picked.with(hardwareField('pkt.mark'), 0n);
  const number = Number(packet[at.inport] ?? 0n);
  const port = network.portsByNumber[number];
  const inner = frameOf(packet);
  const frame = tunnelled ? Uint8Array.from([...outer(from, packet, inner.length), ...inner]) : inner;
  const devicePort = tunnelled
    ? node.uplink
    : ([...from.ports].find(([, numbers]) => numbers.includes(number))?.[0] ?? 'another port');
  const inport = port?.name ?? devicePort;
  const odd = oddity(packet);
  return {
    picked,
    packet: {
      inport,
      devicePort,
      ...(packet[hardwareField('hw.software')] === 1n && { bySoftware: true as const }),
      frame: hex(frame),
      microflow: microflowOf(packet, inport),
      summary: `${summaryOf(packet)}${tunnelled ? ' in a tunnel' : ''}`,
    },
    ...(odd !== undefined && { odd }),
  };
}

function usual(space: Space): PacketSet[] {
  return [
    fieldIs(space, 'hw.software', 0),
    fieldIs(space, 'vlan.tci', 0),
    fieldIs(space, 'eth.type', 0x800),
    fieldIs(space, 'ip.proto', 17),
    fieldIs(space, 'ip.ttl', 64),
    fieldIs(space, 'ip.frag', 0),
  ];
}

/** The headers of the tunnel that a packet comes by. */
function outer({ node, made, network }: ShownFrom, packet: readonly bigint[], inside: number): number[] {
  const field = (name: string): bigint => packet[hardwareField(name)] ?? 0n;
  const port = network.portsByNumber[Number(packet[at.inport] ?? 0n)];
  const way = made.leaving.get(port?.name ?? '');
  const address = (text: string | undefined) => (text === undefined ? undefined : (parseIpv4(text) ?? parseIpv6(text)));
  const isV6 = node.tunnels.get(node.name)?.ip.includes(':') === true;
  const picked = isV6 ? 0n : field('outer.ip4.src');
  const peer = way?.kind === 'tunnel' ? address(way.address) : undefined;
  return encapsulationBytes(
    {
      family: isV6 ? 6 : 4,
      src: picked === 0n ? (peer ?? 1n) : picked,
      dst: address(node.tunnels.get(node.name)?.ip) ?? 0n,
      vni: Number(field('geneve.vni')),
      inKey: port?.binding.tunnelKey ?? 0,
      outKey: Number(field('geneve.out')),
    },
    inside,
  );
}

/** What a packet has that its frame, built of the fields of logical flows, does not show. */
function oddity(packet: readonly bigint[]): string | undefined {
  const field = (name: string): bigint => packet[hardwareField(name)] ?? 0n;
  if (field('hw.software') === 1n) return 'of a packet that software sends by the representor of this port';
  const isV6 = field('eth.type') === 0x86ddn;
  if (field('hw.l3') === 0n) return 'of a frame whose header behind Ethernet cannot be read';
  if (isV6 && field('ip6.next') !== field('ip.proto')) return 'of a packet with extension headers of IPv6';
  if (field('hw.l4') === 0n && (isV6 || field('eth.type') === 0x800n)) {
    return 'of a packet whose header behind IP cannot be read';
  }
  return undefined;
}
