/** Sets of packets with as many bits as frames have, and of as many values as networks have. */
import { describe, expect, test } from 'vitest';
import { createSpace, type SetField, SpaceFull } from '../../engine/sets/index.ts';

/** Numbers that look random, the same ones always. */
function numbers(count: number, bits: number): bigint[] {
  let state = 88172645463325252n;
  return Array.from({ length: count }, () => {
    state ^= (state << 13n) & 0xffffffffffffffffn;
    state ^= state >> 7n;
    state ^= (state << 17n) & 0xffffffffffffffffn;
    return state & ((1n << BigInt(bits)) - 1n);
  });
}

const wide: readonly SetField[] = Array.from({ length: 19 }, (_, i) => ({ name: `field${i}`, width: 128 }));

describe('2432 bits', () => {
  const space = createSpace(wide);
  const value = (1n << 127n) | 5n;
  const full = (1n << 128n) - 1n;
  const one = space.cube(wide.map((_, field) => ({ field, value, mask: full })));
  const other = space.cube(wide.map((_, field) => ({ field, value: field === 18 ? 4n : value, mask: full })));

  test('every operation goes down to the last bit', () => {
    const both = space.or(one, other);
    expect(space.count(one)).toBe(1);
    expect(space.count(both)).toBe(2);
    expect(space.count(space.not(space.not(both)))).toBe(2);
    expect(space.and(one, other)).toBe(space.empty);
    expect(space.intersects(both, one)).toBe(true);
    expect(space.isSubset(both, one)).toBe(false);
    expect(space.size(one)).toBe(2432);
    expect(space.pick(one)).toEqual(wide.map(() => value));
    expect(space.contains(other, [...wide.slice(1).map(() => value), 4n])).toBe(true);
    expect(space.support(both)).toEqual(wide.map((_, field) => field));
    expect(space.forget(both, [18])).toBe(space.forget(one, [18]));
    expect(space.restrict(both, [{ field: 18, value: 4n, mask: full }])).toBe(space.forget(other, [18]));
    let calls = 0;
    space.cubes(both, (literals) => {
      calls += 1;
      return literals.length === 19;
    });
    expect(calls).toBe(2);
  });

  test('fields are exchanged and shifted, back and forth', () => {
    const exchange = [
      { field: 0, ofs: 0, n: 128, kind: 'copy', from: 18, fromOfs: 0 },
      { field: 18, ofs: 0, n: 128, kind: 'copy', from: 0, fromOfs: 0 },
    ] as const;
    const image = space.image(other, exchange);
    expect(space.pick(image)).toEqual([4n, ...wide.slice(1).map(() => value)]);
    expect(space.preimage(image, exchange)).toBe(other);
    const shift = wide
      .slice(1)
      .map((_, i) => ({ field: i, ofs: 0, n: 128, kind: 'copy', from: i + 1, fromOfs: 0 }) as const);
    expect(space.pick(space.image(other, shift))?.slice(16)).toEqual([value, 4n, 4n]);
  });

  test('more packets than a number can tell are infinitely many', () => {
    expect(space.count(space.all)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('10 000 addresses', () => {
  const space = createSpace([
    { name: 'inport', width: 15 },
    { name: 'eth.dst', width: 48 },
    { name: 'eth.src', width: 48 },
  ]);
  const macs = [...new Set(numbers(10_000, 48))];

  test('are a set of just these', () => {
    const set = space.oneOf(1, macs);
    expect(space.count(set)).toBe(macs.length * 2 ** 63);
    expect(macs.every((mac) => space.contains(set, [1n, mac, 2n]))).toBe(true);
    expect(space.contains(set, [0n, 1n, 0n])).toBe(false);
    expect(space.orAll(macs.map((value) => space.cube([{ field: 1, value, mask: 2n ** 48n - 1n }])))).toBe(set);
  });

  test('belong to a port each', () => {
    const mask = 2n ** 48n - 1n;
    const pairs = macs.map((value, port) => [
      { field: 0, value: BigInt(port), mask: 0x7fffn },
      { field: 2, value, mask },
    ]);
    const set = space.orAll(pairs.map((pair) => space.cube(pair)));
    expect(space.size(set)).toBeGreaterThan(200_000);
    expect(space.count(set)).toBe(macs.length * 2 ** 48);
    expect(space.pick(space.restrict(set, [{ field: 0, value: 77n, mask: 0x7fffn }]))?.[2]).toBe(macs[77]);
    // The other way round: forget the ports, and the MAC addresses are left.
    expect(space.forget(set, [0])).toBe(space.oneOf(2, macs));
  });
});

describe('memory', () => {
  const fields = [
    { name: 'a', width: 32 },
    { name: 'b', width: 32 },
  ];

  test('that is full is a SpaceFull; the sets stay, and there is room after release', () => {
    const space = createSpace(fields, { limit: 1 << 20 });
    const kept = space.oneOf(0, numbers(50, 32));
    const mark = space.mark();
    const fill = () => space.same(0, 0, 1, 0, 32);
    for (let round = 0; round < 3; round++) {
      expect(fill).toThrow(SpaceFull);
      expect(fill).toThrow(/more than the 1048576 bytes/);
      expect(space.stats().bytes).toBeLessThanOrEqual(1 << 20);
      expect(space.count(kept)).toBe(50 * 2 ** 32);
      expect(space.release(mark, [kept])).toEqual([kept]);
      expect(space.oneOf(0, numbers(50, 32))).toBe(kept);
      const more = space.oneOf(1, numbers(500, 32));
      expect(space.count(space.and(kept, more))).toBe(50 * 500);
    }
  });

  test('grows with what is in it, and every set stays what it is', () => {
    const space = createSpace(fields);
    const { bytes } = space.stats();
    const values = numbers(4000, 32);
    const parts = values.map((value) => space.oneOf(0, [value]));
    const set = space.orAll(parts);
    expect(space.stats().bytes).toBeGreaterThan(bytes);
    expect(set).toBe(space.oneOf(0, values));
    expect(parts.every((part) => space.isSubset(part, set))).toBe(true);
  });

  test('what is known of sets that were dropped is not taken for what is known of those that come after', () => {
    const fields = ['a', 'b', 'c'].map((name) => ({ name, width: 12 }));
    const space = createSpace(fields, { cacheLog: 12 });
    const fresh = createSpace(fields);
    const values = numbers(6000, 12);
    const kept = space.oneOf(0, values.slice(0, 300));
    // Little work and much, so that what was done last is known one by one, and not.
    for (let round = 0; round < 40; round++) {
      const mark = space.mark();
      const some = (start: number) => values.slice(start, start + (round % 4 === 3 ? 200 : 3));
      const made = [space, fresh].map((one) => {
        const pairs = some(round * 60).map((value, i) =>
          one.and(one.oneOf(1, [value]), one.oneOf(2, some(round * 50 + 3 * i))),
        );
        return one.and(one.or(one.oneOf(0, some(round * 70)), one.orAll(pairs)), one.oneOf(0, values.slice(0, 300)));
      });
      expect(space.count(made[0] ?? 0)).toBe(fresh.count(made[1] ?? 0));
      const packet = fresh.pick(made[1] ?? 0);
      if (packet) expect(space.contains(made[0] ?? 0, packet)).toBe(true);
      const [again = 0] = space.release(mark, round % 3 === 0 ? [made[0] ?? 0] : []);
      if (round % 3 === 0) expect(space.count(again)).toBe(fresh.count(made[1] ?? 0));
      expect(space.isSubset(again, kept)).toBe(true);
    }
  });

  test('steps are counted, and what is known is no work', () => {
    const space = createSpace(fields);
    const a = space.oneOf(0, numbers(500, 32));
    const b = space.oneOf(1, numbers(400, 32));
    space.and(a, b);
    const first = space.stats();
    expect(first.steps).toBeGreaterThan(0);
    space.and(a, b);
    expect(space.stats()).toEqual({ ...first, steps: first.steps + 1, hits: first.hits + 1 });
  });
});

test('what is known stays known while nodes and results get more room', () => {
  const space = createSpace(
    [
      { name: 'one', width: 32 },
      { name: 'other', width: 32 },
    ],
    { cacheLog: 20 },
  );
  const pairs = Array.from({ length: 40 }, (_, i) => {
    const low = BigInt(i * 1000 + 17);
    return [space.range(0, low, low + 12_345n), space.range(1, low, low + 54_321n)] as const;
  });
  const both = pairs.map(([one, other]) => space.and(one, other));
  const before = space.stats();
  space.oneOf(0, numbers(60_000, 32));
  expect(space.stats().nodes).toBeGreaterThan(16 * before.nodes);
  const { steps } = space.stats();
  expect(pairs.map(([one, other]) => space.and(one, other))).toEqual(both);
  // One that is known is one step; a few had to make room for others.
  expect(space.stats().steps - steps).toBeLessThan(2 * pairs.length);
});
