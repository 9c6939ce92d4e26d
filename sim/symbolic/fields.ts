/**
 * The fields of the packets that are analysed, in the order in which they stand
 * in diagrams (docs/verifier.md has the measurement).
 *
 * First what a packet has when it enters; registers, flags and conntrack's fields
 * are not among them, for every packet starts with those at 0.  Then what is not
 * the packet's to choose: the answers that learned tables and chance may give.
 */
import type { Literal, SetField } from '../../engine/sets/index.ts';

/** How many times on its way a packet may be told something that is not the packet's to choose. */
export const lookups = 4;

const header: readonly SetField[] = [
  { name: 'eth.type', width: 16 },
  { name: 'ip.proto', width: 8 },
  { name: 'ip.frag', width: 2 },
  /** Of ICMP and ICMPv6. */
  { name: 'icmp.type', width: 8 },
  { name: 'icmp.code', width: 8 },
  /** Of ARP and RARP, as their addresses below. */
  { name: 'arp.op', width: 16 },
  { name: 'eth.dst', width: 48 },
  { name: 'ip4.dst', width: 32 },
  { name: 'arp.tpa', width: 32 },
  { name: 'ip6.dst', width: 128 },
  { name: 'nd.target', width: 128 },
  /** Destination port of TCP, UDP or SCTP. */
  { name: 'tp.dst', width: 16 },
  { name: 'ip.ttl', width: 8 },
  /** The number of the edge port that the packet enters by (`NetworkPort.number`). */
  { name: 'inport', width: 20 },
  { name: 'eth.src', width: 48 },
  { name: 'ip4.src', width: 32 },
  { name: 'arp.spa', width: 32 },
  { name: 'arp.sha', width: 48 },
  { name: 'ip6.src', width: 128 },
  { name: 'nd.sll', width: 48 },
  { name: 'nd.tll', width: 48 },
  { name: 'arp.tha', width: 48 },
  { name: 'tp.src', width: 16 },
  { name: 'tcp.flags', width: 12 },
  { name: 'vlan.tci', width: 16 },
  { name: 'ip.dscp', width: 6 },
  { name: 'ip.ecn', width: 2 },
  { name: 'ip6.label', width: 20 },
  /** Bytes of the frame with its Ethernet header, as check_pkt_larger counts them. */
  { name: 'pkt.len', width: 16 },
  /** What the payload is that an action of the chassis reads: 1 a DHCP(v6) request that is answered, 2 a DNS question with a known answer. */
  { name: 'payload', width: 2 },
  { name: 'pkt.mark', width: 32 },
];

const times = (fields: (index: number) => SetField[]): SetField[] =>
  Array.from({ length: lookups }, (_, index) => fields(index)).flat();

const circumstances: readonly SetField[] = [
  /**
   * Whether the nth neighbour that is looked up on the way is known, its MAC address, and whether only what a router tells of its
   * own addresses is believed.
   */
  ...times((n) => [
    { name: `neighbor.${n}.known`, width: 1 },
    { name: `neighbor.${n}.honest`, width: 1 },
    { name: `neighbor.${n}.mac`, width: 48 },
  ]),
  /** Which of several members (ECMP routes, backends, ports) the nth choice takes: by position, the last one for greater numbers. */
  ...times((n) => [{ name: `choice.${n}`, width: 8 }]),
  /** The nth yes or no that nothing in the packet decides. */
  { name: 'chance', width: 16 },
  /** Which of its copies a packet is that is sent to several ports, the nth time; no class of packets depends on it. */
  ...times((n) => [{ name: `copy.${n}`, width: 16 }]),
  /**
   * Of a reply to a connection that was translated: the opener's own source and the destination it asked for; and of the
   * next such connection on its way.
   */
  ...['opener', 'opener.1'].flatMap((name) => [
    { name: `${name}.src4`, width: 32 },
    { name: `${name}.src6`, width: 128 },
    { name: `${name}.sport`, width: 16 },
    { name: `${name}.dst4`, width: 32 },
    { name: `${name}.dst6`, width: 128 },
    { name: `${name}.dport`, width: 16 },
  ]),
  /** Of the third one the IPv4 addresses alone: there is no room for more. */
  { name: 'opener.2.src4', width: 32 },
  { name: 'opener.2.dst4', width: 32 },
];

/** Of so many connections on a way the openers have fields of their own, the last one only for IPv4 addresses. */
export const openers = 3;

export const packetFields: readonly SetField[] = [...header, ...circumstances];

/** How many of them a packet brings along. */
export const headerFields = header.length;

const indices = new Map(packetFields.map(({ name }, index) => [name, index]));

/** The index of a field, for literals and rewrites; throws for a name that is none. */
export function fieldIndex(name: string): number {
  const index = indices.get(name);
  if (index === undefined) throw new Error(`no field of packets is called ${name}`);
  return index;
}

/** Whoever is asked for is known, and whatever is told of him is believed. */
export const everybodyKnown: readonly Literal[] = Array.from({ length: lookups }, (_, n) => [
  { field: fieldIndex(`neighbor.${n}.known`), value: 1n, mask: 1n },
  { field: fieldIndex(`neighbor.${n}.honest`), value: 0n, mask: 1n },
]).flat();

const named = (pattern: RegExp): string[] => packetFields.map(({ name }) => name).filter((name) => pattern.test(name));

/**
 * The fields from the top of diagrams on (docs/verifier.md, "The order of fields"): first those of few bits that split everything; what
 * packets are answered on their way; by what flows choose an output; at the end what goes with the port that a packet comes
 * from, so that whatever stands above leads to the same nodes.
 *
 * Packets to a port of a switch are all but those from there. So what an ARP request asks for stands below its sender, or
 * it is written down once for each port.
 */
export const fieldOrder: readonly number[] = [
  ...named(/^choice\.|\.(known|honest)$|^chance$/),
  ...'eth.type vlan.tci ip.frag pkt.len payload ip.ttl ip.dscp ip.ecn pkt.mark'.split(' '),
  ...'ip.proto icmp.type icmp.code arp.op tcp.flags'.split(' '),
  ...named(/^neighbor\..*\.mac$/),
  ...named(/^opener\./),
  'ip4.dst',
  ...named(/^copy\./),
  ...'eth.dst ip6.dst nd.target tp.dst tp.src ip4.src ip6.src ip6.label inport'.split(' '),
  ...'arp.tpa arp.spa eth.src arp.sha nd.sll nd.tll arp.tha'.split(' '),
].map(fieldIndex);
