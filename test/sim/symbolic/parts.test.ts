/** What a class is the union of: the same packets, but without what would be large on the way there. */
import { expect, test } from 'vitest';
import type { PacketSet } from '../../../engine/sets/index.ts';
import { fieldIndex } from '../../../sim/symbolic/index.ts';
import { copiesOf, copyFields, packetsOfParts } from '../../../sim/symbolic/parts.ts';
import { lineageOf } from '../../../sim/symbolic/state.ts';
import type { ClassPart } from '../../../sim/symbolic/types.ts';
import { trialOf } from './runs.ts';

/** Packets that came many ways, on each of which they were copied at another place. */
function manyWays() {
  const { run, is } = trialOf({ ports: { a: {} }, flows: ['0 0 1 => drop;'] });
  const { space } = run;
  const source = fieldIndex('ip4.src');
  // Whoever has one bit set comes by one way, so that a packet may come by any of them at once.
  const parts = Array.from({ length: 20 }, (_, n): ClassPart[] => {
    const own = space.cube([{ field: source, value: 1n << BigInt(n), mask: 1n << BigInt(n) }]);
    const lineage = lineageOf(space.and(own, is(`copy.${n % 4}`, n)));
    return [6, 17, 132].map((proto) => ({ lineage, guard: is('ip.proto', proto) }));
  }).flat();
  const nodesFor = (work: () => PacketSet): { set: PacketSet; nodes: number } => {
    const before = space.stats().nodes;
    const set = work();
    return { set, nodes: space.stats().nodes - before };
  };
  return { space, parts, nodesFor };
}

test('the packets are those of all parts, whichever copies they are', () => {
  const { space, parts } = manyWays();
  const copies = space.orAll(parts.map(({ lineage, guard }) => space.and(lineage.packets, guard)));
  expect(copiesOf(space, parts)).toBe(copies);
  expect(packetsOfParts(space, parts)).toBe(space.forget(copies, copyFields));
  expect(packetsOfParts(space, parts)).not.toBe(copies);
});

test('they cost less than all copies do', () => {
  const [all, alone] = [manyWays(), manyWays()];
  const copies = all.nodesFor(() => all.space.forget(copiesOf(all.space, all.parts), copyFields));
  const packets = alone.nodesFor(() => packetsOfParts(alone.space, alone.parts));
  expect(alone.space.size(packets.set)).toBe(all.space.size(copies.set));
  expect(packets.nodes).toBeLessThan(copies.nodes / 10);
});
