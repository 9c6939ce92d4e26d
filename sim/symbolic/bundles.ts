/**
 * Classes that are alike but for the port where they end.  A switch with a hundred ports has a hundred of each: what is
 * asked of all of them is asked of the bundle, and of single ones only where its answer leaves something open.
 */
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { copyFields, packetsOfParts } from './parts.ts';
import { mayMeet } from './state.ts';
import type { Bundle, Lineage, Looks, NetworkPort, TrafficClass } from './types.ts';

/** The bundles of the classes that end at ports, in the order of their first members. */
export function bundlesOf(space: Space, classes: readonly TrafficClass[]): Bundle[] {
  const ids = new Map<unknown, number>();
  const idOf = (one: unknown): number => {
    const id = ids.get(one) ?? ids.size;
    ids.set(one, id);
    return id;
  };
  const groups = new Map<string, Arrived[]>();
  for (const one of classes) {
    const { end, store, commits, passed, connection, made, exact } = one;
    if (end.kind !== 'port') continue;
    const key = `${idOf(store)} ${idOf(commits)} ${idOf(passed)} ${connection} ${made} ${exact}`;
    const known = groups.get(key);
    if (known) known.push({ one, port: end.port });
    else groups.set(key, [{ one, port: end.port }]);
  }
  return [...groups.values()].map((members) => bundleOf(space, members));
}

interface Arrived {
  readonly one: TrafficClass;
  readonly port: NetworkPort;
}

function bundleOf(space: Space, arrived: readonly Arrived[]): Bundle {
  let copies: PacketSet | undefined;
  let packets: PacketSet | undefined;
  let guards: ReadonlyMap<Lineage, PacketSet> | undefined;
  const [{ one }] = arrived as [Arrived];
  const { store, connection, made, exact, commits, passed } = one;
  const looks: Looks = { store, connection, exact, commits, passed, ...(made !== undefined && { made }) };
  return {
    ...looks,
    members: arrived.map((each) => each.one),
    parts: arrived.flatMap(({ one: { parts }, port }) => parts.map((part) => ({ ...part, port }))),
    get copies() {
      copies ??= within(space, arrived, () => space.all);
      return copies;
    },
    get packets() {
      packets ??= packetsOfParts(
        space,
        arrived.flatMap(({ one: { parts } }) => parts),
      );
      return packets;
    },
    meets(set) {
      guards ??= guardsIn(space, arrived, () => space.all);
      return reaches(space, guards, set);
    },
    within: (setAt, asked) => within(space, arrived, setAt, asked),
    reaches: (setAt, asked) => reaches(space, guardsIn(space, arrived, setAt), asked),
  };
}

/** The packets of a class that are in the set: small sets cost little. */
export function packetsIn(space: Space, { parts }: Pick<TrafficClass, 'parts'>, set: PacketSet): PacketSet {
  const found = parts.map(({ lineage, guard }) =>
    mayMeet(space, lineage, set) && space.intersects(guard, set)
      ? space.and(lineage.packets, space.and(guard, set))
      : space.empty,
  );
  return space.orAll(found.map((some) => space.forget(some, copyFields)));
}

function within(
  space: Space,
  arrived: readonly Arrived[],
  setAt: (port: NetworkPort) => PacketSet,
  asked = space.all,
): PacketSet {
  const found = askedOf(space, guardsIn(space, arrived, setAt), asked);
  return space.orAll(found.map(([lineage, set]) => space.and(lineage.packets, set)));
}

function reaches(space: Space, guards: ReadonlyMap<Lineage, PacketSet>, asked = space.all): boolean {
  return askedOf(space, guards, asked).some(([lineage, set]) => space.intersects(lineage.packets, set));
}

/** What is asked of each lineage: guards are small, and are put together with it before the packets themselves are looked at. */
const askedOf = (
  space: Space,
  guards: ReadonlyMap<Lineage, PacketSet>,
  asked: PacketSet,
): (readonly [Lineage, PacketSet])[] =>
  [...guards].flatMap(([lineage, guard]) =>
    mayMeet(space, lineage, asked) ? [[lineage, space.and(asked, guard)] as const] : [],
  );

/** Which packets of each lineage end at a port and are in the set for it. */
function guardsIn(
  space: Space,
  arrived: readonly Arrived[],
  setAt: (port: NetworkPort) => PacketSet,
): ReadonlyMap<Lineage, PacketSet> {
  const guards = new Map<Lineage, PacketSet[]>();
  for (const { one, port } of arrived) {
    const set = setAt(port);
    if (set === space.empty) continue;
    for (const { lineage, guard } of one.parts) {
      const some = space.and(guard, set);
      if (some === space.empty) continue;
      const known = guards.get(lineage);
      if (known) known.push(some);
      else guards.set(lineage, [some]);
    }
  }
  return new Map([...guards].map(([lineage, sets]) => [lineage, space.orAll(sets)] as const));
}
