/**
 * Which neighbours routers may have learned.
 *
 * Where a host is, or the world outside, any address may be claimed.  Where routers are among themselves it is
 * supposed that nothing is learned but addresses that routers answer for, and whatever else would be learned of the packets that
 * arrive there is noted (`teach`).  If there is none, it is so: the first packet that taught anything else would
 * have gone its way by what was learned before it.
 */
import type { FieldRef } from '../../engine/lang/ir.ts';
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { linkLocal, parseAddress, parseSecuredAddresses } from '../trace/addresses.ts';
import { fieldIndex, lookups } from './fields.ts';
import { packetsOf, portsIn, type Run, type State } from './run.ts';
import { at, before, placeOf, readRef, type Store, type Stores, write } from './store.ts';
import type { Network, NetworkDatapath, NetworkPort, TrafficClass } from './types.ts';
import type { Value } from './value.ts';

/**
 * Packets for which no neighbour was learned. Routers know each other from the database: a neighbour that was learned is a host or
 * somebody outside, and what is sent there has left; nobody there has the MAC address of a router.
 */
export const withoutLearned = (space: Space): PacketSet =>
  space.cube(
    Array.from({ length: lookups }, (_, n) => ({ field: fieldIndex(`neighbor.${n}.known`), value: 0n, mask: 1n })),
  );

/** Whether packets surely come back to where they were, as they were, by routers alone. */
export function goesRound(space: Space, classes: readonly TrafficClass[]): boolean {
  const fixed = withoutLearned(space);
  const loops = classes.filter(({ end, exact }) => exact && end.kind === 'loop');
  return loops.some(({ packets }) => space.intersects(packets, fixed));
}

/** By number of a router's port, and by how wide the IP addresses are: pairs of addresses that may be learned there, in two fields. */
export type Learnable = ReadonlyMap<number, ReadonlyMap<number, PacketSet>>;

/** The fields that a pair is in. */
const fieldsOf = (width: number) =>
  width === 32 ? { ip: at.arpSpa, mac: at.arpSha } : { ip: at.ip6Src, mac: at.ndSll };

/** What may be learned where routers are among themselves; no port is there that anything may be learned on. */
export function learnableIn(space: Space, network: Network, component: readonly NetworkDatapath[]): Learnable {
  const routerPorts = component.flatMap(({ kind, ports }) => (kind === 'router' ? ports : []));
  const answered = answeredIn(network);
  return new Map(
    routerPorts.flatMap((port) => {
      const others = routersBeside(port);
      if (!others) return [];
      const routers = [port, ...others];
      const answers = routers.flatMap((one) => answeredBy(one, answered.get(one.datapath.uuid) ?? []));
      const pairs = [...routers.flatMap(ownPairs), ...answers, ...rowsOf(network, port)];
      const sets = [32, 128].map((width) => [width, pairSet(space, pairs, width)] as const);
      return [[port.number, new Map(sets)] as const];
    }),
  );
}

interface Pair {
  readonly ip: bigint;
  readonly width: number;
  readonly mac: bigint;
}

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

/** The ports of the other routers on a router's port's segment; undefined if others are there as well. */
function routersBeside({ peer }: NetworkPort): NetworkPort[] | undefined {
  if (!peer) return undefined;
  if (peer.datapath.kind === 'router') return [peer];
  const { ports } = peer.datapath;
  if (ports.some((one) => one.edge !== undefined || (one.peer && one.peer.datapath.kind !== 'router')))
    return undefined;
  return ports.flatMap((one) => (one === peer ? [] : (one.peer ?? [])));
}

function ownPairs({ binding }: NetworkPort): Pair[] {
  return binding.mac.flatMap((entry) => {
    const known = parseSecuredAddresses(entry);
    if (!known) return [];
    const { mac, ip4, ip6 } = known;
    return [
      ...ip4.map(({ value }) => ({ ip: value, width: 32, mac })),
      ...[...ip6.map(({ value }) => value), linkLocal(mac)].map((ip) => ({ ip, width: 128, mac })),
    ];
  });
}

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
    return address && known ? [{ ip: address.value, width: address.family === 4 ? 32 : 128, mac: known.mac }] : [];
  });

/** What the database says is known at the port. */
function rowsOf({ southbound }: Network, { name }: NetworkPort): Pair[] {
  return [...southbound.macBindings, ...southbound.staticMacBindings].flatMap(({ logicalPort, ip, mac }) => {
    const address = logicalPort === name ? parseAddress(ip) : undefined;
    const known = parseSecuredAddresses(mac);
    return address && known ? [{ ip: address.value, width: address.family === 4 ? 32 : 128, mac: known.mac }] : [];
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
    supposed(run, store, port, ip.width).map(({ packets, pairs }) =>
      pairs === undefined ? packets : space.and(packets, before(stores, pairStore(stores, ip, mac), pairs)),
    ),
  );
}

/** Packets teach who has an address: where that is supposed not to be learned, the port is noted. */
export function teach(run: Run, state: State, told: { port: FieldRef; ip: FieldRef; mac: FieldRef }): void {
  const { space, stores, taught } = run;
  const ip = readRef(stores, state.store, told.ip);
  const mac = readRef(stores, state.store, told.mac);
  if (!ip || !mac) return;
  for (const { packets, number, pairs } of supposed(run, state.store, told.port, ip.width)) {
    if (pairs === undefined || number === undefined) continue;
    const others = before(stores, pairStore(stores, ip, mac), space.not(pairs));
    if (space.intersects(packetsOf(run, state), space.and(packets, others))) taught.add(number);
  }
}

interface Supposed {
  readonly packets: PacketSet;
  readonly number?: number;
  /** What is learned at the port; undefined where that may be anything. */
  readonly pairs?: PacketSet;
}

/** What is supposed to be learned at the port that packets name. */
function supposed(run: Run, store: Store, port: FieldRef, width: number): Supposed[] {
  const { learnable } = run;
  const place = placeOf(port.symbol);
  if (learnable.size === 0 || place === undefined) return [{ packets: run.space.all }];
  return portsIn(run, store, place).map(({ packets, number }) => {
    const pairs = typeof number === 'number' ? learnable.get(number)?.get(width) : undefined;
    return { packets, ...(typeof number === 'number' && { number }), ...(pairs !== undefined && { pairs }) };
  });
}
