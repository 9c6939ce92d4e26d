/** Who reaches whom, over all packets. */
import type { Literal, PacketSet, Space } from '../../engine/sets/index.ts';
import { fieldIndex, packetFields } from '../symbolic/fields.ts';
import type { Analysis, NetworkPort } from '../symbolic/types.ts';
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
  const arriving = arrivalsOf(analysis);
  return {
    names: groups.map(({ name }) => name),
    cells: groups.map((from) => groups.map((to) => cellOf(analysis.space, from, to, arriving))),
  };
}

/** What arrives at each port, whoever sent it, if it opens a connection. */
function arrivalsOf({ classes, space }: Analysis): ReadonlyMap<NetworkPort, PacketSet> {
  const lists = new Map<NetworkPort, PacketSet[]>();
  for (const { end, packets, connection, made } of classes) {
    if (end.kind !== 'port' || connection !== 'new' || made !== undefined) continue;
    const known = lists.get(end.port);
    if (known) known.push(packets);
    else lists.set(end.port, [packets]);
  }
  return new Map([...lists].map(([port, sets]) => [port, space.orAll(sets)]));
}

function cellOf(space: Space, from: MatrixGroup, to: MatrixGroup, arriving: ReadonlyMap<NetworkPort, PacketSet>): Cell {
  const senders = new Set(from.ports.map(({ number }) => BigInt(number)));
  const sent = space.and(sentBy(space, from.ports), space.oneOf(fieldIndex('inport'), senders));
  const found: PacketSet[] = [];
  const others = space.fields.map((_, index) => index).filter((index) => index !== fieldIndex('inport'));
  let all = from.ports.length > 0 && to.ports.length > 0;
  for (const port of to.ports) {
    const own = space.cube([whole('inport', BigInt(port.number))]);
    const there = space.and(space.and(arriving.get(port) ?? space.empty, sent), addressed(space, port));
    const packets = space.diff(there, own);
    found.push(packets);
    const wanted = space.oneOf(
      fieldIndex('inport'),
      [...senders].filter((number) => number !== BigInt(port.number)),
    );
    all &&= space.isSubset(wanted, space.forget(packets, others));
  }
  const through = space.orAll(found);
  if (through === space.empty) return { reach: 'none', traffic: '' };
  const among = space.and(sent, space.orAll(to.ports.map((port) => addressed(space, port))));
  return { reach: all ? 'all' : 'some', traffic: trafficWords(space, through, { among, anyOf: true }) };
}

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
