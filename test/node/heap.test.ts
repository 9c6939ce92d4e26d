import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Heap } from '../../engine/node/heap.ts';

test('gives what comes first, whatever is put in and taken out meanwhile', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(50), { freq: 3 })), (steps) => {
      const heap = new Heap<number>();
      let expected: number[] = [];
      for (const [item, at] of steps.entries()) {
        if (at === null) {
          const first = heap.shift();
          expect(first?.[0]).toBe(expected[0]);
          expected = expected.slice(1);
        } else {
          heap.push(at, item);
          expected = [...expected, at].sort((a, b) => a - b);
        }
        expect([heap.first()?.[0], heap.size]).toEqual([expected[0], expected.length]);
      }
      while (heap.size > 0) expect(heap.shift()?.[0]).toBe(expected.shift());
    }),
  );
});

test('keeps nothing that never comes', () => {
  const heap = new Heap<string>();
  heap.push(Number.POSITIVE_INFINITY, 'never');
  expect(heap.first()).toBeUndefined();
  heap.push(1, 'soon');
  heap.clear();
  expect(heap.shift()).toBeUndefined();
});
