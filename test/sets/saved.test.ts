import { expect, test } from 'vitest';
import { createSpace, type PacketSet, type SavedSets, type Space } from '../../engine/sets/index.ts';
import { fields, membersOf } from './brute.ts';

function someSets(space: Space): PacketSet[] {
  const a = space.range(0, 2n, 5n);
  const b = space.and(a, space.oneOf(3, [1n, 4n, 6n]));
  return [space.empty, space.all, a, b, space.not(b), space.or(space.same(0, 0, 2, 0, 3), b), a];
}

test('sets are the same in another space, whatever is there already', () => {
  const from = createSpace(fields);
  const sets = someSets(from);
  const to = createSpace(fields);
  to.range(2, 1n, 6n);
  const saved = JSON.parse(JSON.stringify(from.save(sets))) as SavedSets;
  const loaded = to.load(saved);
  expect(loaded.map((set) => membersOf(to, set))).toEqual(sets.map((set) => membersOf(from, set)));
  expect(loaded).toEqual(someSets(to));
});

test('each node is saved once', () => {
  const space = createSpace(fields);
  const set = space.range(0, 2n, 5n);
  expect(space.save([set, space.not(set), set]).nodes).toHaveLength(3 * space.size(set));
});

test('what is no set of such a space is refused', () => {
  const space = createSpace(fields);
  const saved = space.save([space.range(0, 2n, 5n)]);
  expect(() => space.load({ ...saved, variables: 7 })).toThrow('these sets are of packets of 7 bits, not of 10');
  expect(() => space.load({ ...saved, sets: [1000] })).toThrow(RangeError);
  expect(() => space.load({ ...saved, nodes: [10, 0, 1] })).toThrow('node 1');
  const [variable = 0] = saved.nodes;
  expect(() => space.load({ ...saved, nodes: [variable, 0, 1, variable, 0, 2] })).toThrow('node 2');
  expect(() => space.save([99999])).toThrow(RangeError);
});
