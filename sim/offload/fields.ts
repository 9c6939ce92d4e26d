/**
 * Packets as hardware sees them: the fields of the analysis of all packets, and
 * behind them what logical flows do not look at but rules may.
 *
 * Both stand in one space, so that what rules take and what flows do with it are
 * sets of the same packets.  `possibleInHardware` ties them together: a header that
 * cannot be read has no fields, a fragment has an offset.
 */
import { createSpace, type Literal, type PacketSet, type SetField, type Space } from '../../engine/sets/index.ts';
import { fieldOrder, packetFields } from '../symbolic/fields.ts';
import { at } from '../symbolic/store.ts';

/** How many times on its way a packet's connection may be asked for. */
export const trackings = 4;

/** Number of the uplink among ports, where no logical port stands for it; `inport` 0 is any port that is not the node's. */
export const uplinkNumber = 2 ** 20 - 1;

const times = (make: (n: number) => SetField): SetField[] => Array.from({ length: trackings }, (_, n) => make(n));

const extra: readonly SetField[] = [
  /** The packet is sent by software, by way of a representor. */
  { name: 'hw.software', width: 1 },
  /** The header of IP or ARP, and the one behind IP, are whole: what is not whole nobody sees. */
  { name: 'hw.l3', width: 1 },
  { name: 'hw.l4', width: 1 },
  /** Of a tunnel: there is the option that OVN writes, the key of the port the packet is for, the network. */
  { name: 'geneve.option', width: 1 },
  { name: 'geneve.out', width: 16 },
  { name: 'geneve.vni', width: 24 },
  { name: 'outer.ip4.src', width: 32 },
  { name: 'outer.eth.dst', width: 48 },
  { name: 'outer.eth.src', width: 48 },
  { name: 'outer.tos', width: 8 },
  { name: 'outer.ttl', width: 8 },
  { name: 'outer.offset', width: 16 },
  { name: 'outer.tp.src', width: 16 },
  /** IPv4: flags and offset as they stand in the header. */
  { name: 'ip4.offset', width: 16 },
  /** IPv6: the number in the first header's `next header`, whether a fragment header is there, and what it says. */
  { name: 'ip6.next', width: 8 },
  { name: 'ip6.fragmented', width: 1 },
  { name: 'ip6.offset', width: 16 },
  { name: 'ip6.behind', width: 8 },
  { name: 'icmp.ident', width: 16 },
  { name: 'icmp.seq', width: 16 },
  /** What the nth look at a connection finds: bits of the item `conntrack`. */
  ...times((n) => ({ name: `ct.${n}`, width: 5 })),
];

const fields: readonly SetField[] = [...packetFields, ...extra];
const indices = new Map(fields.map(({ name }, index) => [name, index]));

/** The index of a field in a space of `openSpace`; throws for a name that is none. */
export function hardwareField(name: string): number {
  const index = indices.get(name);
  if (index === undefined) throw new Error(`hardware sees no field called ${name}`);
  return index;
}

/** How wide a field is, in bits. */
export const widthOf = (field: number): number => (fields[field] as SetField).width;

/** A space for packets as hardware and logical flows see them. */
export function openSpace(): Space {
  const all = extra.map((_, index) => packetFields.length + index);
  const top = all.slice(
    0,
    extra.findIndex(({ name }) => name === 'outer.ip4.src'),
  );
  // What is tied to the protocol stands beside it.
  const tied = ['ip6.next', 'ip6.fragmented'].map(hardwareField);
  const rest = all.filter((field) => !top.includes(field) && !tied.includes(field));
  const order = fieldOrder.flatMap((field) => (field === at.ipProto ? [field, ...tied] : [field]));
  return createSpace(fields, { order: [...top, ...order, ...rest] });
}

/** The packets whose field has this value, in the bits of the mask. */
export function fieldIs(space: Space, name: string, value: bigint | number, mask?: bigint): PacketSet {
  return space.cube([literal(name, value, mask)]);
}

function literal(name: string, value: bigint | number, mask?: bigint): Literal {
  const field = hardwareField(name);
  const all = (1n << BigInt(widthOf(field))) - 1n;
  return { field, value: BigInt(value), mask: mask ?? all };
}

/** Ethernet types of VLAN tags that Open vSwitch knows: IEEE 802.1Q, 802.1ad (its lib/packets.h, eth_type_vlan). */
const softwareTags = [0x8100n, 0x88a8n];
/** Those that hardware may know: one from before the others, too. */
const tagTypes = [...softwareTags, 0x9100n];

/** Kinds of packets that rules tell apart. */
export interface Kinds {
  readonly ip4: PacketSet;
  readonly ip6: PacketSet;
  readonly arp: PacketSet;
  readonly tagged: PacketSet;
  /** Behind the tag that logical flows see stands another one: they see nothing behind it, hardware does. */
  readonly hidden: PacketSet;
  /** The header behind IP can be seen. */
  readonly l4: PacketSet;
  readonly tcp: PacketSet;
  readonly udp: PacketSet;
  readonly sctp: PacketSet;
  readonly icmp4: PacketSet;
  readonly icmp6: PacketSet;
}

/** The kinds as sets of packets whose headers are as they came. */
export function kindsOf(space: Space): Kinds {
  const is = (name: string, value: number) => fieldIs(space, name, value);
  const and = (...sets: PacketSet[]) => sets.reduce((all, set) => space.and(all, set), space.all);
  const read = is('hw.l3', 1);
  const ip4 = and(read, is('eth.type', 0x800));
  const ip6 = and(read, is('eth.type', 0x86dd));
  const whole4 = and(ip4, fieldIs(space, 'ip4.offset', 0, 0x3fffn));
  const whole6 = and(ip6, is('ip6.fragmented', 0));
  const l4 = and(is('hw.l4', 1), space.or(whole4, whole6));
  const of = (proto: number) => and(l4, is('ip.proto', proto));
  return {
    ip4,
    ip6,
    arp: and(read, is('eth.type', 0x806)),
    tagged: fieldIs(space, 'vlan.tci', 0x1000, 0x1000n),
    hidden: space.oneOf(at.ethType, tagTypes),
    l4,
    tcp: of(6),
    udp: of(17),
    sctp: of(132),
    icmp4: and(of(1), ip4),
    icmp6: and(of(58), ip6),
  };
}

/** IPv6 headers that Open vSwitch passes over on its way to the transport protocol: lib/flow.c, parse_ipv6_ext_hdrs. */
const extensions = [0n, 43n, 44n, 51n, 60n, 135n, 139n, 140n];

/** Fields that are 0 where the header that they are of cannot be read. */
const behindEthernet =
  'ip.proto ip.ttl ip.dscp ip.ecn ip4.src ip4.dst ip6.src ip6.dst ip6.label arp.op arp.spa arp.tpa';
const behindIp = 'tp.src tp.dst tcp.flags icmp.type icmp.code nd.target';

/** The packets in which what hardware sees and what logical flows see does not contradict itself. */
export function possibleInHardware(space: Space): PacketSet {
  const is = (name: string, value: number, mask?: bigint) => fieldIs(space, name, value, mask);
  const implies = (a: PacketSet, b: PacketSet) => space.or(space.not(a), b);
  const zero = (names: string) => space.cube(names.split(' ').map((name) => literal(name, 0)));
  const type4 = is('eth.type', 0x800);
  const type6 = is('eth.type', 0x86dd);
  const frag = (value: number) => is('ip.frag', value);
  const moved = (name: string, bits: bigint) => space.not(is(name, 0, bits));
  const plain6 = space.and(type6, space.not(space.oneOf(hardwareField('ip6.next'), extensions)));
  const next = space.same(hardwareField('ip6.next'), 0, at.ipProto, 0, 8);
  const later = frag(3);
  const first = space.and(is('ip4.offset', 0x2000, 0x2000n), is('ip4.offset', 0, 0x1fffn));
  const rules = [
    implies(is('hw.l3', 0), space.and(is('hw.l4', 0), zero(`${behindEthernet} ${behindIp} ip.frag`))),
    // A header behind IP that is not whole has no fields; behind others of IPv6 hardware may have lost its way.
    implies(space.and(is('hw.l4', 0), space.or(type4, plain6)), zero(behindIp)),
    implies(later, zero(behindIp)),
    implies(space.and(type4, frag(0)), is('ip4.offset', 0, 0x3fffn)),
    implies(space.and(type4, frag(1)), first),
    implies(space.and(type4, later), moved('ip4.offset', 0x1fffn)),
    implies(plain6, space.and(next, is('ip6.fragmented', 0))),
    implies(space.and(type6, is('ip6.next', 44)), is('ip6.fragmented', 1)),
    implies(space.and(type6, is('ip6.fragmented', 0)), frag(0)),
    implies(space.and(type6, frag(1)), space.and(is('ip6.offset', 0, 0xfff8n), is('ip6.offset', 1, 1n))),
    implies(space.and(type6, later), moved('ip6.offset', 0xfff8n)),
    // What stands behind Ethernet's addresses of a tagged frame is a tag, not a type.
    implies(space.oneOf(at.ethType, softwareTags), is('vlan.tci', 0x1000, 0x1000n)),
  ];
  return rules.reduce((all, rule) => space.and(all, rule), space.all);
}

/** The packets that a person believes first: everything in them can be read, and nothing odd stands between. */
export function plainlySeen(space: Space): PacketSet {
  const same = space.same(hardwareField('ip6.next'), 0, at.ipProto, 0, 8);
  const ones = space.cube([literal('hw.l3', 1), literal('hw.l4', 1), literal('ip6.fragmented', 0)]);
  return space.and(ones, space.or(space.not(fieldIs(space, 'eth.type', 0x86dd)), same));
}

/** What is not the packet's: neighbours, choices, chance, and who opened its connection. */
export const circumstanceFields: readonly number[] = packetFields.flatMap(({ name }, index) =>
  /^(neighbor|choice|copy|opener)\.|^chance$/.test(name) ? [index] : [],
);

/** What the looks at connections find. */
export const trackingFields: readonly number[] = Array.from({ length: trackings }, (_, n) => hardwareField(`ct.${n}`));
