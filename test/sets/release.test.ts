/** Marks within marks: what is dropped is gone, and nothing that was known of it is told of what comes after. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSpace, type PacketSet } from '../../engine/sets/index.ts';
import { cook, cookByHand, fields, membersOf, type Recipe, recipe } from './brute.ts';

/** Makes the union and the intersection of two sets; sets a mark; releases the last mark, all marks. */
type Step =
  | { readonly kind: 'make'; readonly a: Recipe; readonly b: Recipe }
  | { readonly kind: 'mark' }
  | { readonly kind: 'release'; readonly keeps: boolean }
  | { readonly kind: 'release all' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('make'), a: recipe, b: recipe }) },
  { weight: 3, arbitrary: fc.constant<Step>({ kind: 'mark' }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('release'), keeps: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'release all' }) },
);

test('sets are what they are, whatever was released before', () => {
  const space = createSpace(fields);
  const start = space.mark();
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 30, size: 'max' }), (steps) => {
      const marks = [start];
      let last: { set: PacketSet; members: boolean[] }[] = [];
      for (const one of steps) {
        if (one.kind === 'make') {
          const [a, b] = [cook(space, one.a), cook(space, one.b)];
          const [inA, inB] = [cookByHand(one.a), cookByHand(one.b)];
          last = [
            { set: space.or(a, b), members: inA.map((is, i) => is || inB[i] === true) },
            { set: space.and(a, b), members: inA.map((is, i) => is && inB[i] === true) },
          ];
          expect(space.intersects(a, b)).toBe(last[1]?.members.includes(true));
        } else if (one.kind === 'mark') {
          marks.push(space.mark());
        } else {
          const keep = one.kind === 'release' && one.keeps ? last : [];
          const mark = one.kind === 'release' ? marks.pop() : start;
          if (one.kind === 'release all') marks.length = 0;
          const numbers = space.release(
            mark ?? start,
            keep.map(({ set }) => set),
          );
          last = keep.map(({ members }, i) => ({ set: numbers[i] ?? 0, members }));
        }
        for (const { set, members } of last) expect(membersOf(space, set)).toEqual(members);
        if (marks.length === 0) marks.push(start);
      }
    }),
    { numRuns: 80 },
  );
});

test('a rewrite is the same after its nodes were released', () => {
  const space = createSpace([
    { name: 'a', width: 8 },
    { name: 'b', width: 8 },
  ]);
  const other = { field: 1, value: 7n, mask: 0xffn };
  const set = space.cube([{ field: 0, value: 5n, mask: 0xffn }, other]);
  const copied = space.cube([
    { field: 0, value: 5n, mask: 0xffn },
    { ...other, value: 5n },
  ]);
  const mark = space.mark();
  const copy = () => space.preimage(set, [{ field: 1, ofs: 0, n: 8, kind: 'copy', from: 0, fromOfs: 0 }]);
  const swap = () =>
    space.image(set, [
      { field: 1, ofs: 0, n: 8, kind: 'copy', from: 0, fromOfs: 0 },
      { field: 0, ofs: 0, n: 8, kind: 'copy', from: 1, fromOfs: 0 },
    ]);
  for (const rewritten of [copy, swap]) {
    const before = space.size(rewritten());
    space.release(mark);
    // Others take the places of what was released.
    space.range(0, 3n, 99n);
    expect(space.size(rewritten())).toBe(before);
    expect(space.size(rewritten())).toBe(before);
    space.release(mark);
  }
  expect(space.forget(copied, [1])).toBe(space.cube([{ field: 0, value: 5n, mask: 0xffn }]));
});
