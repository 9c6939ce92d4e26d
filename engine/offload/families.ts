/**
 * Classes of packets taken apart into what few rules can say each: who sends
 * (a port and its addresses), where to, and what kind of packet it is.
 *
 * A class is *sender and kind and destination*, or is made so: what stands in
 * the way of that is left to software.  Classes that differ by their destination
 * alone are a family, and families of the same senders share their rules.
 */
import type { Literal, PacketSet, Space } from '../sets/index.ts';
import { type Capabilities, whyNotItem } from './capabilities/types.ts';
import type { NodeClass, NodeTraffic, SoftwarePart } from './classes.ts';
import { isExclusive } from './pattern.ts';
import type { Reason } from './plan.ts';

/** One destination of a family: `set` is over fields of destinations alone. */
export interface Target {
  readonly set: PacketSet;
  readonly class: NodeClass;
}

export interface Family {
  /** Over fields of senders alone. */
  readonly senders: PacketSet;
  /** Over the other fields. */
  readonly kind: PacketSet;
  readonly targets: readonly Target[];
  /** Its rules differ from sender to sender. */
  readonly bySender: boolean;
}

export interface Families {
  readonly families: readonly Family[];
  /** What is left to software because rules cannot say it. */
  readonly lost: readonly SoftwarePart[];
}

/** Fields by their names in a space. */
export interface FieldNames {
  index(name: string): number;
  literal(name: string, value: bigint): Literal;
  /** All fields but these. */
  without(names: readonly string[]): number[];
}

export function fieldNames({ fields }: Pick<Space, 'fields'>): FieldNames {
  const known = names.get(fields);
  if (known) return known;
  const made = namesOf(fields);
  names.set(fields, made);
  return made;
}

const names = new WeakMap<Space['fields'], FieldNames>();

function namesOf(fields: Space['fields']): FieldNames {
  const indices = new Map(fields.map(({ name }, index) => [name, index]));
  const index = (name: string): number => {
    const found = indices.get(name);
    if (found === undefined) throw new RangeError(`the space has no field ${name}`);
    return found;
  };
  return {
    index,
    literal: (name, value) => {
      const field = index(name);
      return { field, value, mask: (1n << BigInt(fields[field]?.width ?? 0)) - 1n };
    },
    without: (names) => [...indices].flatMap(([name, at]) => (names.includes(name) ? [] : [at])),
  };
}

const destination = ['eth.dst', 'ip4.dst', 'ip6.dst'];
const port = ['inport', 'eth.src'];
const address = ['ip4.src', 'ip6.src'];

/** Puts the classes of a node's hosts into families. */
export function familiesOf(traffic: NodeTraffic, capabilities: Capabilities, hasTunnels: boolean): Families {
  const { space } = traffic;
  const classes = bySwitch(traffic);
  const names = fieldNames(space);
  const limits = limitsOf(traffic, capabilities, hasTunnels);
  const lost: SoftwarePart[] = [];
  const lose = (packets: PacketSet, reason: Reason): void => {
    if (packets !== space.empty) lost.push({ packets, reason });
  };
  const destinations = destination.map(names.index);
  const others = names.without(destination);
  const shapes = new Map<PacketSet, Shape & { readonly hasScatteredSources: boolean }>();
  const made = new Map<string, Shape & { targets: Target[]; bySender: boolean }>();
  const notKinds = [...destination, ...port, ...address].map(names.index);
  for (const { packets: kinds, reason } of limits.kinds) {
    const some = space.and(kinds, space.orAll(classes.map(({ packets }) => packets)));
    lose(some, reason);
  }
  const excluded = space.orAll([...limits.kinds.map(({ packets }) => packets)]);
  for (const one of classes) {
    const free = space.diff(one.packets, excluded);
    const alike = changedAlike(space, one, free);
    lose(space.diff(free, alike), unchanged);
    const set = one.exit.kind === 'tunnel' ? space.and(alike, limits.calm) : alike;
    lose(space.diff(alike, set), congested);
    if (set === space.empty) continue;
    const rest = space.forget(set, destinations);
    let shape = shapes.get(rest);
    if (!shape) {
      const found = shapeOf(space, names, limits.blind(rest));
      shape = { ...found, hasScatteredSources: isScattered(space, names, found) };
      shapes.set(rest, shape);
    }
    if (shape.hasScatteredSources) {
      lose(set, {
        code: 'match-too-wide',
        detail: 'which of the addresses of senders decide is not told by few rules',
      });
      continue;
    }
    const target = space.forget(set, others);
    // Kinds that only some destinations have are left out for all.
    const over = space.diff(space.and(target, space.and(shape.senders, shape.kind)), set);
    const kind = space.diff(shape.kind, space.forget(over, notKinds));
    const said = space.and(target, space.and(shape.senders, kind));
    lose(space.diff(set, said), { code: 'unsupported-match', detail: limits.blindness });
    if (said === space.empty) continue;
    const bySender = one.exit.kind === 'tunnel' && one.exit.inKey === 'sender';
    const key = `${shape.senders} ${kind} ${bySender}`;
    const family = made.get(key) ?? { senders: shape.senders, kind, targets: [], bySender };
    made.set(key, family);
    family.targets.push({ set: target, class: one });
    for (const other of targetsLike(space, target, one)) family.targets.push(other);
  }
  return { families: [...made.values()], lost };
}

/**
 * The classes, those that hosts of several switches send taken apart: each switch has its own router's address and its
 * own hosts' addresses, so that senders and destinations of all of them together are more than the class has.
 */
function bySwitch({ space, classes, ports }: NodeTraffic): NodeClass[] {
  const inport = fieldNames(space).index('inport');
  const numbers = new Map<string, bigint[]>();
  for (const { number, datapath } of ports) numbers.set(datapath, [...(numbers.get(datapath) ?? []), BigInt(number)]);
  const switches = [...numbers.values()].map((own) => ({ own: new Set(own), set: space.oneOf(inport, own) }));
  return classes.flatMap((one): NodeClass[] => {
    const some = space.pick(one.packets)?.[inport];
    const home = switches.find(({ own }) => some !== undefined && own.has(some));
    if (!home || space.isSubset(one.packets, home.set)) return [one];
    const known = switches.map(({ set }) => space.and(one.packets, set));
    const others = space.diff(one.packets, space.orAll(known));
    return [...known, others].filter((set) => set !== space.empty).map((packets) => ({ ...one, packets }));
  });
}

/** The targets of the classes that are like one. */
function targetsLike(space: Space, target: PacketSet, one: NodeClass): Target[] {
  const { field, members } = one.others ?? { field: 0, members: [] };
  const mask = (1n << BigInt(space.fields[field]?.width ?? 0)) - 1n;
  const rest = space.forget(target, [field]);
  return members.map(({ value, exit, changes }): Target => {
    const set = space.and(rest, space.cube([{ field, value, mask }]));
    return { set, class: { packets: one.packets, exit, changes } };
  });
}

const congested: Reason = {
  code: 'unsupported-action',
  detail: 'the outer header of a tunnel has the ECN bits of the packet in it, and a rule writes the same bytes for all',
};

/** Packets of IP whose protocol is 0. */
export function protocolless(space: Space): PacketSet {
  const names = fieldNames(space);
  const none = names.literal('ip.proto', 0n);
  return space.orAll([0x800n, 0x86ddn].map((type) => space.cube([names.literal('eth.type', type), none])));
}

/**
 * The packets of a class whose headers software changes as a rule does: Open vSwitch leaves the headers of IP as they
 * are where the protocol is 0 (its lib/odp-util.c, commit_set_nw_action), whatever the flows say.
 */
export function changedAlike(space: Space, { changes }: NodeClass, packets: PacketSet): PacketSet {
  const isChanged = changes.some(({ field }) => /^(ip|ip4|ip6)\./.test(field));
  return isChanged ? space.diff(packets, protocolless(space)) : packets;
}

const unchanged: Reason = {
  code: 'unsupported-match',
  detail: 'Open vSwitch changes no header of IP whose protocol is 0, and hardware would',
};

interface Shape {
  readonly senders: PacketSet;
  readonly kind: PacketSet;
}

/** Senders and kinds, so that each of them together is in the set, and as much of it as there can be. */
function shapeOf(space: Space, names: FieldNames, set: PacketSet): Shape {
  const ways = [
    { senders: [...port], forKind: [...port] },
    { senders: [...port, ...address, 'eth.type'], forKind: [...port, ...address] },
  ].map(({ senders: own, forKind }): Shape => {
    const senders = space.forget(set, names.without(own));
    const bad = space.forget(space.diff(senders, set), forKind.map(names.index));
    return { senders, kind: space.diff(space.forget(set, forKind.map(names.index)), bad) };
  });
  const wholes = ways.map(({ senders, kind }) => space.and(senders, kind));
  const exact = ways.filter((_, index) => wholes[index] === set);
  // Where senders have few addresses these are better asked for where senders are told apart than with each destination.
  const best = exact.find(({ kind }) => !hasFewSources(space, names, kind)) ?? exact[0];
  if (best) return best;
  const counts = wholes.map((whole) => space.count(whole));
  return ways[counts.indexOf(Math.max(...counts))] as Shape;
}

/** More conjunctions than this for the addresses of senders are not tried. */
const mostSources = 40;

/** Whether the addresses that packets from a port have as their source are very many conjunctions. */
function isScattered(space: Space, names: FieldNames, { senders, kind }: Shape): boolean {
  const set = space.and(senders, kind);
  const one = space.pick(set)?.[names.index('inport')];
  if (one === undefined) return false;
  const own = space.restrict(set, [names.literal('inport', one)]);
  return address.some((field) => {
    if (!space.support(own).includes(names.index(field))) return false;
    let found = 0;
    space.cubes(space.forget(own, names.without([field])), () => ++found <= mostSources);
    return found > mostSources;
  });
}

/** Whether packets of IPv4 or IPv6, if there are any, have fewer than half of all addresses as their source. */
function hasFewSources(space: Space, names: FieldNames, kind: PacketSet): boolean {
  return [['ip4.src', 0x800n] as const, ['ip6.src', 0x86ddn] as const].some(([field, type]) => {
    const own = space.restrict(kind, [names.literal('eth.type', type)]);
    const sources = space.forget(own, names.without([field]));
    return sources !== space.empty && space.count(sources) < space.count(space.all) / 2;
  });
}

/** What a device cannot look at. */
interface Limits {
  /** Kinds of packets that are left to software whole. */
  readonly kinds: readonly SoftwarePart[];
  /** Packets that a tunnel's header says nothing of. */
  readonly calm: PacketSet;
  /** The packets that are in the set whatever the fields have that the device does not look at. */
  blind(set: PacketSet): PacketSet;
  readonly blindness: string;
}

/** Fields that no rule of any device looks at. */
const unseen = ['ip.frag', 'tcp.flags', 'pkt.len', 'payload', 'pkt.mark'];

function limitsOf({ space, possible, software }: NodeTraffic, capabilities: Capabilities, hasTunnels: boolean): Limits {
  const names = fieldNames(space);
  const cube = (fields: Readonly<Record<string, bigint>>): PacketSet =>
    space.cube(Object.entries(fields).map(([name, value]) => names.literal(name, value)));
  const [ip4, ip6] = [cube({ 'eth.type': 0x800n }), cube({ 'eth.type': 0x86ddn })];
  const ip = space.or(ip4, ip6);
  const arp = space.or(cube({ 'eth.type': 0x806n }), cube({ 'eth.type': 0x8035n }));
  const canSee = (item: 'icmp' | 'icmp6'): boolean =>
    whyNotItem(capabilities, item, 'type') === undefined && !(hasTunnels && isExclusive(capabilities, item));
  const icmp6 = cube({ 'eth.type': 0x86ddn, 'ip.proto': 58n });
  const discovery = canSee('icmp6') ? space.and(icmp6, space.range(names.index('icmp.type'), 133n, 137n)) : icmp6;
  const icmp4 = cube({ 'eth.type': 0x800n, 'ip.proto': 1n });
  const sctp = space.and(ip, cube({ 'ip.proto': 132n }));
  const ndReason = canSee('icmp6')
    ? 'rules do not look into neighbour discovery'
    : 'rules do not look at types of ICMPv6, so neighbour discovery is not told from the rest';
  /** Slices of packets of which the device sees less than others, and the fields that it does not see there. */
  const slices: readonly (readonly [PacketSet, readonly string[]])[] = [
    [space.all, unseen],
    [sctp, ['tp.src', 'tp.dst']],
    ...(canSee('icmp') ? [] : [[icmp4, ['icmp.type', 'icmp.code']] as const]),
    ...(canSee('icmp6') ? [] : [[icmp6, ['icmp.type', 'icmp.code']] as const]),
  ];
  return {
    kinds: [
      { packets: arp, reason: { code: 'arp-nd', detail: 'rules do not look into ARP' } },
      { packets: discovery, reason: { code: 'arp-nd', detail: ndReason } },
      ...software.flatMap((part) => kindOf(space, names, part)),
    ],
    calm: space.or(space.not(ip), cube({ 'ip.ecn': 0n })),
    blindness: 'what decides is a field that rules of this device do not look at',
    blind(set) {
      let seen = set;
      for (const [slice, fields] of slices) {
        const hidden = fields.map(names.index);
        if (space.forget(seen, hidden) === seen) continue;
        const bad = space.forget(space.and(slice, space.diff(possible, seen)), hidden);
        seen = space.diff(seen, space.and(slice, bad));
      }
      return seen;
    },
  };
}

/** Of work for a service (DHCP, DNS) all packets for its port: so that rules need not tell whose are answered. */
function kindOf(space: Space, names: FieldNames, { packets, reason }: SoftwarePart): SoftwarePart[] {
  if (reason.code !== 'controller-action') return [];
  const tp = names.index('tp.dst');
  const wanted = ['eth.type', 'ip.proto', 'tp.src', 'tp.dst'].map(names.index);
  const hull = space.hull(packets).filter(({ field }) => wanted.includes(field));
  const isService = hull.some(({ field, mask }) => field === tp && mask === 0xffffn);
  return isService ? [{ packets: space.cube(hull), reason }] : [];
}
