/** Who reaches whom, over all packets. */
import type { Literal, PacketSet, Space } from '../../engine/sets/index.ts';
import { fieldIndex, inportIn, packetFields } from '../symbolic/index.ts';
import { copyFields } from '../symbolic/parts.ts';
import type { Analysis, Bundle, NetworkPort } from '../symbolic/types.ts';
import type { Matrix } from '../verdict.ts';
import { addressesOf } from './hosts.ts';
import { etherTypes } from './packet.ts';
import { trafficWords } from './words.ts';

/** A row and a column of the table: some edge ports. */
export interface MatrixGroup {
  readonly name: string;
  readonly ports: readonly NetworkPort[];
}

type Cell = Matrix['cells'][number][number];

/**
 * Of each group, what new connections that it may open reach the ports of each other group.  Traffic is what hosts send
 * with their own addresses to those of the others; from and to ports without addresses, anything.
 */
export function matrixOf(analysis: Analysis, groups: readonly MatrixGroup[]): Matrix {
  const { space } = analysis;
  const opening = analysis.bundles.filter(({ connection, made }) => connection === 'new' && made === undefined);
  const targets = groups.map((group) => targetOf(space, group));
  return {
    names: groups.map(({ name }) => name),
    cells: groups.map((from) => {
      const sent = sentBy(space, from.ports);
      const bundles = opening.filter((one) => one.meets(sent));
      return targets.map((to) => cellOf(space, from, to, sent, bundles));
    }),
  };
}

/** A group that is to be reached. */
interface Target {
  /** Packets to any of its ports. */
  readonly packets: PacketSet;
  /** By port: what is for it, and from none but others. */
  readonly wanted: ReadonlyMap<NetworkPort, PacketSet>;
}

function targetOf(space: Space, { ports }: MatrixGroup): Target {
  const own = ports.map((port) => [port, addressed(space, port)] as const);
  return {
    packets: space.orAll(own.map(([, set]) => set)),
    wanted: new Map(own.map(([port, set]) => [port, space.diff(set, inportIn(space, [port]))])),
  };
}

function cellOf(
  space: Space,
  from: MatrixGroup,
  { packets, wanted }: Target,
  sent: PacketSet,
  bundles: readonly Bundle[],
): Cell {
  const through = bundles.map(({ within }) => within((port) => wanted.get(port) ?? space.empty, sent));
  const all = space.forget(space.orAll(through), copyFields);
  if (all === space.empty) return { reach: 'none', traffic: '' };
  const among = space.and(sent, packets);
  const reach = reachesAll(space, from, wanted, bundles, through) ? 'all' : 'some';
  return { reach, traffic: trafficWords(space, all, { among, anyOf: true }) };
}

const inport = fieldIndex('inport');

/** Whether all of a group get something through to each port, but to themselves: `through` tells what, by bundle. */
function reachesAll(
  space: Space,
  from: MatrixGroup,
  wanted: ReadonlyMap<NetworkPort, PacketSet>,
  bundles: readonly Bundle[],
  through: readonly PacketSet[],
): boolean {
  const supports = new Map<PacketSet, readonly number[]>();
  const fieldsIn = (set: PacketSet): readonly number[] => {
    const fields = supports.get(set) ?? space.support(set);
    supports.set(set, fields);
    return fields;
  };
  const senders = new Map<NetworkPort, PacketSet[]>([...wanted.keys()].map((port) => [port, []]));
  for (const [index, { parts }] of bundles.entries()) {
    const packets = through[index] ?? space.empty;
    if (packets === space.empty) continue;
    const isOne = parts.every(({ lineage }) => lineage === parts[0]?.lineage);
    const arriving = parts.flatMap(({ port, guard, lineage }) => {
      const set = space.and(guard, wanted.get(port) ?? space.empty);
      return set === space.empty ? [] : [{ port, set, lineage }];
    });
    const told = new Set([inport, ...arriving.flatMap(({ set }) => fieldsIn(set))]);
    const rest = space.fields.map((_, field) => field).filter((field) => !told.has(field));
    const seen = isOne ? space.forget(packets, rest) : packets;
    for (const { port, set, lineage } of arriving) {
      // Packets that were looked up elsewhere are told apart by more than the guard.
      const here = space.and(isOne ? seen : space.and(packets, lineage.packets), set);
      if (here !== space.empty) senders.get(port)?.push(space.forget(here, allButInport));
    }
  }
  return [...senders].every(([port, sets]) => {
    const others = from.ports.filter((other) => other !== port);
    return space.isSubset(inportIn(space, others), space.orAll(sets));
  });
}

const allButInport = packetFields.map((_, field) => field).filter((field) => field !== inport);

const whole = (name: string, value: bigint): Literal => ({
  field: fieldIndex(name),
  value,
  mask: (1n << BigInt(packetFields[fieldIndex(name)]?.width ?? 0)) - 1n,
});

/** IP packets with the addresses of who is behind the ports; any IP packets of ports without. */
function sentBy(space: Space, ports: readonly NetworkPort[]): PacketSet {
  return space.orAll(
    ports.map((port) => {
      const inport = whole('inport', BigInt(port.number));
      const hosts = addressesOf(port);
      const honest = hosts.flatMap(({ mac, ip4, ip6 }) => [
        ...ip4.map((ip) => [whole('eth.src', mac), whole('eth.type', etherTypes.ip4), whole('ip4.src', ip)]),
        ...ip6.map((ip) => [whole('eth.src', mac), whole('eth.type', etherTypes.ip6), whole('ip6.src', ip)]),
      ]);
      if (honest.length === 0) return space.and(anyIp(space), space.cube([inport]));
      return space.orAll(honest.map((literals) => space.cube([inport, ...literals])));
    }),
  );
}

/** IP packets to an address of the port; any IP packets where none is known. */
function addressed(space: Space, port: NetworkPort): PacketSet {
  const cubes = addressesOf(port).flatMap(({ ip4, ip6 }) => [
    ...ip4.map((ip) => [whole('eth.type', etherTypes.ip4), whole('ip4.dst', ip)]),
    ...ip6.map((ip) => [whole('eth.type', etherTypes.ip6), whole('ip6.dst', ip)]),
  ]);
  return cubes.length === 0 ? anyIp(space) : space.orAll(cubes.map((literals) => space.cube(literals)));
}

const anyIp = (space: Space): PacketSet => space.oneOf(fieldIndex('eth.type'), [etherTypes.ip4, etherTypes.ip6]);
