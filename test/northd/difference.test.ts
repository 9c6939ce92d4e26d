import fc from 'fast-check';
import { expect, test } from 'vitest';
import { differenceOf } from '../../engine/northd/difference.ts';
import { createNorthd } from '../../engine/northd/incremental.ts';
import { emptyNorthbound, insertRow, type Northbound } from '../../engine/ovsdb/northbound.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { northboundOf, randomSwitches } from './random.ts';

const { seed, runs } = seedAndRuns(20);

/** All rows, by table and UUID, without their order. */
const rowsOf = (nb: Northbound): unknown =>
  Object.entries(nb).map(([table, rows]) => [table, [...rows].sort(([a], [b]) => (a < b ? -1 : 1))]);

/** The same rows, none of them the very object. */
const copyOf = (nb: Northbound): Northbound => structuredClone(nb);

test('of any two databases the difference makes one of the other, and a computation that follows them knows no other rows', () => {
  fc.assert(
    fc.property(randomSwitches, randomSwitches, (one, other) => {
      const [before, after] = [northboundOf(one), northboundOf(other)];
      const kept = copyOf(before);
      const { changes, northbound } = differenceOf(before, copyOf(after));
      expect(rowsOf(northbound)).toEqual(rowsOf(after));
      expect(before).toEqual(kept);
      const northd = createNorthd(before);
      northd.apply(changes);
      expect(northd.computation().southbound).toEqual(createNorthd(northbound).computation().southbound);
    }),
    { seed, numRuns: runs },
  );
});

const origin = (line: number) => ({ file: 'a.yaml', line, column: 1, resource: 'DPUVirtualNetwork/default/a' });

function network(names: readonly string[], line = 1): Northbound {
  const nb = emptyNorthbound();
  for (const name of names) insertRow(nb, 'Logical_Switch', name, { name }, origin(line));
  insertRow(nb, 'NB_Global', '', { options: { mac_prefix: '06:00:00' } });
  return nb;
}

test('what is the same stays the very object, in its place', () => {
  const before = network(['a', 'b', 'c']);
  const same = differenceOf(before, network(['a', 'b', 'c']));
  expect(same.changes).toEqual([]);
  expect(same.northbound.Logical_Switch).toBe(before.Logical_Switch);
  const { changes, northbound } = differenceOf(before, network(['d', 'c', 'a']));
  expect(changes.map((change) => ('row' in change ? change.row._uuid : `no ${change.deleted}`))).toHaveLength(2);
  expect([...northbound.Logical_Switch.values()].map(({ name }) => name)).toEqual(['a', 'c', 'd']);
  for (const { _uuid, name } of northbound.Logical_Switch.values()) {
    const known = before.Logical_Switch.get(_uuid);
    if (name === 'd') expect(known).toBeUndefined();
    else expect(northbound.Logical_Switch.get(_uuid)).toBe(known);
  }
  expect(northbound.NB_Global).toBe(before.NB_Global);
});

test('a row that is written down elsewhere is another row', () => {
  const { changes } = differenceOf(network(['a', 'b']), network(['a', 'b'], 2));
  expect(changes).toHaveLength(2);
});
