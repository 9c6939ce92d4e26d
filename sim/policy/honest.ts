/**
 * What honest hosts send: the packets that `always` and `some` speak of.
 *
 * From a port's own MAC and IP address; to the MAC address of the destination where
 * that is on the same switch, else of a router there whose network is the sender's;
 * whole packets of at most 1280 bytes with a time to live of 64 or more, that open
 * a connection; with neighbours known, wherever the network asks for one.
 */
import type { Literal, PacketSet } from '../../engine/sets/index.ts';
import { everybodyKnown, fieldIndex, lookups } from '../symbolic/fields.ts';
import type { Store } from '../symbolic/store.ts';
import type { Analysis, NetworkDatapath, TrafficClass } from '../symbolic/types.ts';
import { addressesOf, type EdgePlace } from './inventory.ts';
import { allOf, conditionSet, enteringBy, fromPrefix, matchSet, sent, toPrefix } from './packets.ts';
import type { Prefix } from './policy.ts';
import { contains, formatPrefix, isSingle, widthOf } from './prefix.ts';
import { type Condition, type Extent, meets, prefixesOf } from './select.ts';

export interface Promised {
  /** What is sent, of whatever traffic. */
  readonly packets: PacketSet;
  /** By port where they are to arrive. */
  readonly arriving: ReadonlyMap<EdgePlace, Arriving>;
  /** Why it is not known what all of the promised packets are: a sentence. */
  readonly doubt?: string;
}

/** Packets that may arrive at a port, by what they are addressed to. */
export interface Arriving {
  /** To the host there. */
  readonly own: PacketSet;
  /** To an address that may be behind the port: outside, or of a host there once it is translated. */
  readonly behind: PacketSet;
}

/** A host that is reached, by one of its addresses. */
interface Target {
  readonly edge: EdgePlace;
  readonly address: Prefix;
  readonly mac: bigint;
}

/** The packets that honest hosts of `from` send to `to`. */
export function promised(analysis: Analysis, from: Extent, to: Extent): Promised {
  const { space } = analysis;
  const targets = targetsOf(to);
  const free = space.diff(freeDestinations(analysis, to), addressed(analysis, targets));
  const everywhere = space.or(addressed(analysis, targets), free);
  const sources = [...groupSources(analysis, from).values()];
  const pairs = sources.map((source) => {
    const near = targets.filter(({ edge }) => edge.port.datapath === source.datapath);
    const far = space.diff(everywhere, addressed(analysis, near));
    const direct = space.orAll(near.map((target) => directly(analysis, target)));
    return space.and(source.packets, space.or(direct, space.and(byRouter(analysis, source), far)));
  });
  const own = space.orAll(targets.map(({ edge, address }) => toItself(analysis, edge, address)));
  const packets = allOf(space, [space.diff(space.orAll(pairs), own), orderly(analysis), opening(analysis)]);
  const doubtful = [...from.groups, ...to.groups].flatMap(({ condition, edges }) =>
    condition === true ? edges.filter(({ port, hosts }) => port.edge === 'vif' && hosts.length === 0) : [],
  );
  const [one] = doubtful;
  return {
    packets: space.and(packets, analysis.possible),
    arriving: arrivals(analysis, to, targets, free),
    ...(one && { doubt: `the addresses of port "${one.name}" are not known, so what it sends and gets is not either` }),
  };
}

const hostsOf = ({ hosts }: EdgePlace, condition: Condition) => hosts.filter(({ ip }) => meets(ip, condition));

const targetsOf = ({ groups }: Extent): Target[] =>
  groups.flatMap(({ condition, edges }) =>
    edges.flatMap((edge) => hostsOf(edge, condition).map(({ mac, ip }) => ({ edge, mac, address: ip }))),
  );

const ethType = (family: 4 | 6): Literal => ({
  field: fieldIndex('eth.type'),
  value: family === 4 ? 0x800n : 0x86ddn,
  mask: 0xffffn,
});

const whole = (name: string, width: number, value: bigint): Literal => ({
  field: fieldIndex(name),
  value,
  mask: (1n << BigInt(width)) - 1n,
});

const address = (side: 'src' | 'dst', { family, value }: Prefix): Literal[] => [
  ethType(family),
  whole(`ip${family}.${side}`, widthOf({ family }), value),
];

const inport = ({ port }: EdgePlace): Literal => whole('inport', 20, BigInt(port.number));

/** The packets to any of the targets. */
function addressed({ space }: Analysis, targets: readonly Target[]): PacketSet {
  const ofFamily = (family: 4 | 6): PacketSet => {
    const values = targets.flatMap((target) => (target.address.family === family ? target.address.value : []));
    if (values.length === 0) return space.empty;
    return space.and(space.cube([ethType(family)]), space.oneOf(fieldIndex(`ip${family}.dst`), values));
  };
  return space.or(ofFamily(4), ofFamily(6));
}

const directly = ({ space }: Analysis, { address: to, mac }: Target): PacketSet =>
  space.cube([...address('dst', to), whole('eth.dst', 48, mac)]);

const toItself = ({ space }: Analysis, edge: EdgePlace, to: Prefix): PacketSet =>
  space.cube([...address('dst', to), inport(edge)]);

/** Ranges of which no address is a host's outside: RFC 6890, and IPv6 that is not global unicast. */
const reserved = 'ip4.DIR == {0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/3}';
const global = 'ip4 || ip6.DIR == 2000::/3';

const sets = new WeakMap<Analysis, Map<string, PacketSet>>();

/** A set that is worked out once for an analysis, by its name. */
function once(analysis: Analysis, name: string, make: () => PacketSet): PacketSet {
  const known = sets.get(analysis) ?? new Map<string, PacketSet>();
  sets.set(analysis, known);
  const set = known.get(name) ?? make();
  known.set(name, set);
  return set;
}

/** The packets from or to addresses outside: unicast, and in no network that a router of ours is attached to. */
export const outsideAddresses = (analysis: Analysis, side: 'src' | 'dst'): PacketSet =>
  once(analysis, `outside ${side}`, () => toOutside(analysis, side));

function toOutside({ space, network }: Analysis, side: 'src' | 'dst'): PacketSet {
  const connected = [...network.datapaths.values()].flatMap(({ kind, ports }) =>
    kind === 'router' ? ports.flatMap(addressesOf).flatMap(({ ips }) => ips) : [],
  );
  const texts = new Set(connected.map((prefix) => `ip${prefix.family}.${side} == ${formatPrefix(prefix)}`));
  const inside = [...texts, reserved.replaceAll('DIR', side)].map((text) => matchSet(space, text));
  return space.diff(matchSet(space, global.replaceAll('DIR', side)), space.orAll(inside));
}

/**
 * The packets to addresses that are no port's: those outside, where that is meant;
 * and single addresses that are written down, which a router translates.
 */
function freeDestinations(analysis: Analysis, { groups }: Extent): PacketSet {
  const { space } = analysis;
  const toCondition = (condition: Condition): PacketSet =>
    conditionSet(space, condition, (prefix) => space.and(matchSet(space, 'ip'), toPrefix(space, prefix)));
  const outside = groups.flatMap(({ condition, edges }) =>
    edges.some(({ port }) => port.edge === 'outside') ? toCondition(condition) : [],
  );
  const singles = groups.flatMap(({ condition }) =>
    prefixesOf(condition).filter((prefix) => isSingle(prefix) && meets(prefix, condition)),
  );
  return space.or(
    outside.length === 0 ? space.empty : space.and(outsideAddresses(analysis, 'dst'), space.orAll(outside)),
    space.orAll(singles.map((single) => space.cube(address('dst', single)))),
  );
}

interface Source {
  readonly datapath: NetworkDatapath;
  /** MAC addresses of the routers that serve the sender. */
  readonly routers: readonly bigint[];
  packets: PacketSet;
}

/** Senders that have the same switch and the same routers, with what they send, wherever to. */
function groupSources(analysis: Analysis, { groups }: Extent): Map<string, Source> {
  const { space } = analysis;
  const found = new Map<string, { datapath: NetworkDatapath; routers: bigint[]; sets: PacketSet[] }>();
  const add = ({ port }: EdgePlace, routers: bigint[], set: PacketSet): void => {
    const key = `${port.datapath.uuid} ${routers.join(' ')}`;
    const group = found.get(key);
    if (group) group.sets.push(set);
    else found.set(key, { datapath: port.datapath, routers, sets: [set] });
  };
  for (const { condition, edges } of groups) {
    for (const edge of edges) {
      const { port } = edge;
      for (const { mac, ip } of hostsOf(edge, condition)) {
        const set = space.cube([inport(edge), ...address('src', ip), whole('eth.src', 48, mac)]);
        add(edge, routersFor(port.datapath, ip), set);
      }
      if (port.edge === 'outside') add(edge, routersFor(port.datapath), fromOutside(analysis, edge, condition));
    }
  }
  const sources = [...found].map(
    ([key, { datapath, routers, sets }]) => [key, { datapath, routers, packets: space.orAll(sets) }] as const,
  );
  return new Map(sources);
}

/** What a host outside sends: its MAC address is one host's (IEEE 802.3, 3.2.3) and none of the switch's, its IP address none of the network's. */
function fromOutside(analysis: Analysis, edge: EdgePlace, condition: Condition): PacketSet {
  const { space } = analysis;
  const macs = edge.port.datapath.ports.flatMap((port) => [port, ...(port.peer ? [port.peer] : [])]);
  const taken = macs.flatMap(addressesOf).map(({ mac }) => mac);
  return allOf(space, [
    enteringBy(space, [edge]),
    space.cube([{ field: fieldIndex('eth.src'), value: 0n, mask: 1n << 40n }]),
    space.not(space.oneOf(fieldIndex('eth.src'), [0n, ...taken])),
    outsideAddresses(analysis, 'src'),
    conditionSet(space, condition, (prefix) => fromPrefix(space, prefix)),
  ]);
}

/** The routers on a switch that are in the host's network; all of them, if none is or it has none there. */
function routersFor({ ports }: NetworkDatapath, host?: Prefix): bigint[] {
  const routers = ports.flatMap(({ peer }) => (peer?.datapath.kind === 'router' ? addressesOf(peer) : []));
  const serving = routers.filter(({ ips }) => host && ips.some((network) => contains(network, host)));
  const chosen = serving.length > 0 ? serving : routers;
  return [...new Set(chosen.map(({ mac }) => mac))].sort((a, b) => (a < b ? -1 : 1));
}

/** The packets to a router that serves the sender; where there is none, to any MAC address: nobody will deliver them. */
const byRouter = ({ space }: Analysis, { routers }: Source): PacketSet =>
  routers.length === 0 ? space.all : space.oneOf(fieldIndex('eth.dst'), routers);

/** How large packets may be that always fit: IPv6's minimum MTU. */
const mtu = 1280n;

/** Whole packets without tags, that do not expire on the way, when all neighbours are known. */
export const orderly = (analysis: Analysis): PacketSet => once(analysis, 'orderly', () => wholePackets(analysis));

function wholePackets({ space }: Analysis): PacketSet {
  // A neighbour is one host: its MAC address is nobody else's.
  const single = Array.from({ length: lookups }, (_, n) => ({
    field: fieldIndex(`neighbor.${n}.mac`),
    value: 0n,
    mask: 1n << 40n,
  }));
  return allOf(space, [
    space.cube([
      whole('vlan.tci', 16, 0n),
      whole('ip.frag', 2, 0n),
      whole('payload', 2, 0n),
      whole('pkt.mark', 32, 0n),
      ...everybodyKnown,
      ...single,
    ]),
    space.range(fieldIndex('ip.ttl'), 64n, 255n),
    space.range(fieldIndex('pkt.len'), 20n, mtu),
  ]);
}

/** Packets that connections begin with; of ICMP what is a question. */
const openers = [
  'icmp4.type == {8, 13, 15} && icmp4.code == 0',
  'icmp6.type == 128 && icmp6.code == 0',
  'tcp.flags[0..5] == 2',
  'udp',
  'sctp',
];

/** Protocols that are spoken of above, that hosts only speak with their router, or that are headers of IPv6. */
const special = [0n, 1n, 2n, 6n, 17n, 43n, 44n, 58n, 60n, 132n];

/** The packets that a connection, or a conversation without one, begins with. */
export const opening = (analysis: Analysis): PacketSet => once(analysis, 'opening', () => firstPackets(analysis));

function firstPackets(analysis: Analysis): PacketSet {
  const { space } = analysis;
  const others = space.diff(matchSet(space, 'ip'), space.oneOf(fieldIndex('ip.proto'), special));
  return space.diff(space.orAll([others, ...openers.map((text) => matchSet(space, text))]), untracked(analysis));
}

/**
 * What looks as if it opened a connection, of which one direction is kept from conntrack where ACLs are stateful: DHCPv6 clients'
 * questions, and whatever else has their ports. ovn-northd(8), "Ingress Table 4: from-lport Pre-ACLs".
 */
function untracked({ space, network: { southbound } }: Analysis): PacketSet {
  const isKept = southbound.flows.some(({ stage, match }) => stage.endsWith('_pre_acl') && match.includes(questions));
  return isKept ? matchSet(space, `(${questions}) || (${answersToThem})`) : space.empty;
}

const questions = 'udp.src == 546 && udp.dst == 547';
const answersToThem = 'udp.src == 547 && udp.dst == 546';

/** What hosts answer to, of what is opened: `Analysis.answers`. */
export const answered = ({ space }: Analysis): PacketSet =>
  matchSet(space, 'tcp || udp || sctp || icmp4.type == 8 || icmp6.type == 128');

/** By port of `to`, the packets that are addressed to it, or to an address that may be behind it. */
function arrivals(
  { space }: Analysis,
  { groups }: Extent,
  targets: readonly Target[],
  free: PacketSet,
): Map<EdgePlace, Arriving> {
  const own = new Map<EdgePlace, PacketSet[]>();
  for (const { edge, address: to } of targets) {
    const sets = own.get(edge) ?? [];
    sets.push(space.cube(address('dst', to)));
    own.set(edge, sets);
  }
  const arriving = new Map<EdgePlace, Arriving>();
  for (const { condition, edges } of groups) {
    const behind = space.and(
      free,
      conditionSet(space, condition, (prefix) => toPrefix(space, prefix, sent)),
    );
    for (const edge of edges) arriving.set(edge, { own: space.orAll(own.get(edge) ?? []), behind });
  }
  return arriving;
}

/** What a packet does not say and nobody promises: which MAC address a neighbour has, and which of several routers is used. */
export const forgotten: readonly number[] = [
  fieldIndex('eth.dst'),
  ...Array.from({ length: lookups }, (_, n) => fieldIndex(`neighbor.${n}.mac`)),
];

/** What chance decides: which of several ways or backends is taken, or where a MAC address was seen last. */
export const choices: readonly number[] = Array.from({ length: lookups }, (_, n) => fieldIndex(`choice.${n}`));

/** Of a class's packets those that are promised to arrive at the port that they arrive at. */
export function promisedTo(
  analysis: Analysis,
  edge: EdgePlace,
  addresses: Arriving,
  { packets, store }: TrafficClass,
): PacketSet {
  return analysis.space.and(packets, addressedTo(analysis, edge, addresses, store));
}

/** The packets that are for the port, if they look so when they arrive there. */
export function addressedTo(
  { space }: Analysis,
  { port, hosts }: EdgePlace,
  { own, behind }: Arriving,
  store: Store,
): PacketSet {
  const isKnown = port.edge === 'vif' && hosts.length > 0;
  const forHost = isKnown ? space.orAll(hosts.map(({ ip }) => toPrefix(space, ip, store, 'may'))) : space.all;
  return space.or(own, behind === space.empty ? behind : space.and(behind, forHost));
}
