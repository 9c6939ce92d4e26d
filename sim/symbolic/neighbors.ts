/**
 * Which neighbours routers may have learned.
 *
 * Where a host is, or the world outside, any address may be claimed.  Where routers are among themselves it is
 * supposed that nothing is learned but addresses that routers answer for, and whatever else would be learned of the packets that
 * arrive there is noted (`teach`).  If there is none, it is so: the first packet that taught anything else would
 * have gone its way by what was learned before it.
 *
 * What routers tell each other of their own addresses may be learned wherever they are.
 */
import { formatEthernet, formatIpv4, formatIpv6 } from '../../engine/lang/index.ts';
import type { FieldRef } from '../../engine/lang/ir.ts';
import type { MacBinding } from '../../engine/ovsdb/southbound.ts';
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import {
  linkLocal,
  type Network as Prefix,
  parseAddress,
  parseSecuredAddresses,
  type SecuredAddresses,
} from '../trace/addresses.ts';
import { fieldIndex, lookups } from './fields.ts';
import { portsIn, type Run } from './run.ts';
import { packetsOf, type State } from './state.ts';
import { at, before, placeOf, readRef, type Store, type Stores, write } from './store.ts';
import type { Network, NetworkDatapath, NetworkPort, TrafficClass } from './types.ts';
import type { Value } from './value.ts';

/**
 * Packets for which no neighbour was learned but routers that told of their own addresses. Any other one is a host or
 * somebody outside, and what is sent there has left; nobody there has the MAC address of a router.
 */
export function amongRouters(space: Space): PacketSet {
  const bit = (name: string, value: bigint): PacketSet => space.cube([{ field: fieldIndex(name), value, mask: 1n }]);
  const told = Array.from({ length: lookups }, (_, n) =>
    space.or(bit(`neighbor.${n}.known`, 0n), bit(`neighbor.${n}.honest`, 1n)),
  );
  return told.reduce((all, one) => space.and(all, one));
}

/**
 * Whether packets surely come back to where they were, as they were, without any neighbour that was learned. Care does away with those
 * that do by what routers learn of each other: they are no reason to follow others less far.
 */
export function goesRound(space: Space, classes: readonly TrafficClass[]): boolean {
  const fixed = space.cube(
    Array.from({ length: lookups }, (_, n) => ({ field: fieldIndex(`neighbor.${n}.known`), value: 0n, mask: 1n })),
  );
  const loops = classes.filter(({ end, exact }) => exact && end.kind === 'loop');
  return loops.some(({ packets }) => space.intersects(packets, fixed));
}

/** By how wide the IP addresses are: pairs of addresses, in two fields. */
type Pairs = ReadonlyMap<number, PacketSet>;

/** What may be learned at a router's port. */
interface Told {
  /** What routers there tell of their own addresses. */
  readonly own: Pairs;
  /** Everything that is supposed to be learned; undefined where that may be anything. */
  readonly all?: Pairs;
}

/** What may be learned, by number of a router's port. */
export type Learnable = ReadonlyMap<number, Told>;

/** Whether anything is supposed. */
export const supposes = (learnable: Learnable): boolean => [...learnable.values()].some(({ all }) => all !== undefined);

/** Without what is supposed. */
export const withoutSupposing = (learnable: Learnable): Learnable =>
  new Map([...learnable].map(([number, { own }]) => [number, { own }]));

/** The fields that a pair is in. */
const fieldsOf = (width: number) =>
  width === 32 ? { ip: at.arpSpa, mac: at.arpSha } : { ip: at.ip6Src, mac: at.ndSll };

/** What may be learned at the ports of routers. */
export function learnableIn(space: Space, network: Network, component: readonly NetworkDatapath[]): Learnable {
  const routerPorts = component.flatMap(({ kind, ports }) => (kind === 'router' ? ports : []));
  const answered = answeredIn(network);
  const known = new Map<string, Pairs>();
  const once = (key: string, pairs: () => Pair[]): Pairs => {
    const found = known.get(key) ?? pairsIn(space, pairs());
    known.set(key, found);
    return found;
  };
  return new Map(
    routerPorts.map((port) => {
      const segment = port.peer?.datapath.kind === 'switch' ? port.peer.datapath.uuid : port.name;
      const networks = networksOf(port);
      const own = once(`${segment} ${[...networks].join()}`, () => toldIn(networks, port));
      if (!areAlone(port)) return [port.number, { own }];
      const answers = (one: NetworkPort): Pair[] => answeredBy(one, answered.get(one.datapath.uuid) ?? []);
      const all = once(segment, () => routersAt(port).flatMap((one) => [...ownPairs(one), ...answers(one)]));
      return [port.number, { own, all: bothOf(space, all, pairsIn(space, rowsOf(network, port))) }];
    }),
  );
}

interface Pair {
  readonly ip: bigint;
  readonly width: number;
  readonly mac: bigint;
}

const pairsIn = (space: Space, pairs: readonly Pair[]): Pairs =>
  new Map([32, 128].map((width) => [width, pairSet(space, pairs, width)]));

const bothOf = (space: Space, a: Pairs, b: Pairs): Pairs =>
  new Map([...a].map(([width, pairs]) => [width, space.or(pairs, b.get(width) ?? space.empty)]));

function pairSet(space: Space, pairs: readonly Pair[], width: number): PacketSet {
  const fields = fieldsOf(width);
  const all = (bits: number) => (1n << BigInt(bits)) - 1n;
  const own = pairs.filter((pair) => pair.width === width);
  return space.orAll(
    own.map(({ ip, mac }) =>
      space.cube([
        { field: fields.ip, value: ip, mask: all(width) },
        { field: fields.mac, value: mac, mask: all(48) },
      ]),
    ),
  );
}

/** The ports of the routers on a router's port's segment, itself among them. */
function routersAt(port: NetworkPort): NetworkPort[] {
  const { peer } = port;
  if (!peer || peer.datapath.kind === 'router') return peer ? [port, peer] : [port];
  return peer.datapath.ports.flatMap(({ peer: behind }) => (behind?.datapath.kind === 'router' ? behind : []));
}

/** Whether nobody but routers is on a router's port's segment. */
function areAlone({ peer }: NetworkPort): boolean {
  if (!peer || peer.datapath.kind === 'router') return peer !== undefined;
  return peer.datapath.ports.every((one) => one.edge === undefined && one.peer?.datapath.kind !== 'switch');
}

const addressesOf = ({ binding }: NetworkPort): SecuredAddresses[] =>
  binding.mac.flatMap((entry) => parseSecuredAddresses(entry) ?? []);

const ownPairs = (port: NetworkPort): Pair[] => addressesOf(port).flatMap(pairsOf);

const pairsOf = ({ mac, ip4, ip6 }: SecuredAddresses): Pair[] => [
  ...[...ip4, ...ip6].map(({ value, family }) => ({ ip: value, width: widthOf(family), mac })),
  { ip: linkLocal(mac), width: 128, mac },
];

/** The networks of a router's port. */
const networksOf = (port: NetworkPort): ReadonlySet<string> =>
  new Set(addressesOf(port).flatMap(({ ip4, ip6 }) => [...ip4, ...ip6].map(networkText)));

function networkText({ family, value, prefixLength }: Prefix): string {
  const rest = BigInt(widthOf(family) - prefixLength);
  return `${family} ${(value >> rest) << rest}/${prefixLength}`;
}

/** What routers on a port's segment are sure to answer of themselves if they are asked from a network of their own, one of these. */
function toldIn(networks: ReadonlySet<string>, port: NetworkPort): Pair[] {
  const routers = routersAt(port);
  // A router does not ask itself.
  if (routers.length === 1) return [];
  const isTold = (one: Prefix): boolean => networks.has(networkText(one));
  return routers
    .flatMap(addressesOf)
    .flatMap(({ mac, ip4, ip6 }) => pairsOf({ mac, ip4: ip4.filter(isTold), ip6: ip6.filter(isTold) }));
}

/** Rows for all that routers learn of each other's own addresses. */
export const rowsOfRouters = ({ ports }: Network): MacBinding[] =>
  [...ports.values()].flatMap((port) =>
    port.datapath.kind === 'router' ? rowsAt(port, toldIn(networksOf(port), port)) : [],
  );

const rowsAt = ({ name }: NetworkPort, pairs: readonly Pair[]): MacBinding[] =>
  pairs.map(({ ip, width, mac }) => ({
    logicalPort: name,
    ip: width === 32 ? formatIpv4(ip) : formatIpv6(ip),
    mac: formatEthernet(mac),
  }));

const widthOf = (family: 4 | 6): number => (family === 4 ? 32 : 128);

/** By datapath, the addresses that its flows are asked for: those of routers, of source NAT and of services. Read once for a network. */
function answeredIn(network: Network): ReadonlyMap<string, readonly string[]> {
  const known = answeredBefore.get(network) ?? readAnswered(network);
  answeredBefore.set(network, known);
  return known;
}

const answeredBefore = new WeakMap<Network, ReadonlyMap<string, readonly string[]>>();

function readAnswered({ southbound }: Network): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, Set<string>>();
  for (const { datapath, match } of southbound.flows) {
    for (const [, many, one] of match.matchAll(/(?:arp\.tpa|nd\.target) == (?:\{([^}]*)\}|([0-9a-f.:]+))/g)) {
      const known = found.get(datapath) ?? new Set<string>();
      found.set(datapath, known);
      for (const text of (many ?? one ?? '').split(',')) known.add(text.trim());
    }
  }
  return new Map([...found].map(([datapath, texts]) => [datapath, [...texts]]));
}

/** A router answers for all its addresses at any port, with the port's MAC address. */
const answeredBy = ({ binding }: NetworkPort, texts: readonly string[]): Pair[] =>
  texts.flatMap((text) => {
    const address = parseAddress(text);
    const known = parseSecuredAddresses(binding.mac[0] ?? '');
    return address && known ? [{ ip: address.value, width: widthOf(address.family), mac: known.mac }] : [];
  });

/** What the database says is known at the port. */
function rowsOf({ southbound }: Network, { name }: NetworkPort): Pair[] {
  return [...southbound.macBindings, ...southbound.staticMacBindings].flatMap(({ logicalPort, ip, mac }) => {
    const address = logicalPort === name ? parseAddress(ip) : undefined;
    const known = parseSecuredAddresses(mac);
    return address && known ? [{ ip: address.value, width: widthOf(address.family), mac: known.mac }] : [];
  });
}

/** A pair of values, where sets of pairs have them. */
function pairStore(stores: Stores, ip: Value, mac: Value): Store {
  const fields = fieldsOf(ip.width);
  return write(stores, write(stores, stores.initial, fields.ip, ip), fields.mac, mac);
}

/** The packets that may find that the neighbour at an address has this MAC address; of an address that is unknown, all. */
export function mayKnow(run: Run, { store }: State, port: FieldRef, ip: Value | undefined, mac: Value): PacketSet {
  const { space, stores } = run;
  if (!ip || ip.vague) return space.all;
  return space.orAll(
    toldAt(run, store, port, ip.width).map(({ packets, all }) =>
      all === undefined ? packets : space.and(packets, before(stores, pairStore(stores, ip, mac), all)),
    ),
  );
}

/** Of these the packets that may find a router there, by its own address; of an address that is unknown, none. */
export function mayKnowRouter(
  run: Run,
  { store }: State,
  port: FieldRef,
  ip: Value | undefined,
  mac: Value,
): PacketSet {
  const { space, stores } = run;
  if (!ip || ip.vague) return space.empty;
  return space.orAll(
    toldAt(run, store, port, ip.width).map(({ packets, own = space.empty }) =>
      space.and(packets, before(stores, pairStore(stores, ip, mac), own)),
    ),
  );
}

/** Packets teach who has an address: where that is supposed not to be learned, the port is noted. */
export function teach(run: Run, state: State, told: { port: FieldRef; ip: FieldRef; mac: FieldRef }): void {
  const { space, stores, taught } = run;
  const ip = readRef(stores, state.store, told.ip);
  const mac = readRef(stores, state.store, told.mac);
  if (!ip || !mac) return;
  for (const { packets, number, all } of toldAt(run, state.store, told.port, ip.width)) {
    if (all === undefined || number === undefined) continue;
    const others = before(stores, pairStore(stores, ip, mac), space.not(all));
    if (space.intersects(packetsOf(run, state), space.and(packets, others))) taught.add(number);
  }
}

/** What may be learned at one port, of one width. */
interface ToldAt {
  readonly packets: PacketSet;
  readonly number?: number;
  readonly own?: PacketSet;
  readonly all?: PacketSet;
}

/** What may be learned at the port that packets name. */
function toldAt(run: Run, store: Store, port: FieldRef, width: number): ToldAt[] {
  const { learnable } = run;
  const place = placeOf(port.symbol);
  if (learnable.size === 0 || place === undefined) return [{ packets: run.space.all }];
  return portsIn(run, store, place).map(({ packets, number }) => {
    const told = typeof number === 'number' ? learnable.get(number) : undefined;
    const [own, all] = [told?.own.get(width), told?.all?.get(width)];
    return {
      packets,
      ...(typeof number === 'number' && { number }),
      ...(own !== undefined && { own }),
      ...(all !== undefined && { all }),
    };
  });
}
