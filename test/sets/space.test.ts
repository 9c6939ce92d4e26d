/** Sets of packets, compared with lists of all packets. */
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { createSpace, type Literal, type PacketSet } from '../../engine/sets/index.ts';
import {
  cook,
  cookByHand,
  fields,
  literal,
  type Members,
  meets,
  membersOf,
  numberOf,
  packets,
  recipe,
  rewrites,
  rewritten,
  TOTAL,
} from './brute.ts';

const space = createSpace(fields);
const start = space.mark();
afterEach(() => void space.release(start));

const runs = { numRuns: 200 };

function expectMembers(set: PacketSet, members: Members): void {
  expect(membersOf(space, set)).toEqual(members);
}

describe('what is built', () => {
  test('a cube has the packets that meet its demands', () => {
    fc.assert(
      fc.property(fc.array(literal, { maxLength: 5 }), (literals) => {
        expectMembers(
          space.cube(literals),
          packets.map((packet) => meets(packet, literals)),
        );
      }),
      runs,
    );
  });

  test('a cube of bits is the cube of the literals with these bits', () => {
    const bit = fc.tuple(fc.nat({ max: TOTAL - 1 }), fc.nat({ max: 1 }));
    fc.assert(
      fc.property(fc.uniqueArray(bit, { selector: ([variable]) => variable }), (chosen) => {
        const bits = Int32Array.from(chosen.map(([variable, value]) => variable * 2 + value)).sort();
        const literals = fields.flatMap(({ width }, field) =>
          Array.from({ length: width }, (_, i) => i).flatMap((i): Literal[] => {
            const found = chosen.find(([variable]) => variable === space.variableOf(field, i));
            return found ? [{ field, value: BigInt(found[1]) << BigInt(i), mask: 1n << BigInt(i) }] : [];
          }),
        );
        expect(space.cubeBits(bits)).toBe(space.cube(literals));
        expect(space.cubeBits([...bits, 0, 0, 0], bits.length)).toBe(space.cube(literals));
      }),
      runs,
    );
    expect(space.cubeBits([4, 4, 7])).toBe(space.cubeBits([4, 7]));
    expect(space.cubeBits([4, 5, 7])).toBe(space.empty);
  });

  test('a range has the values from its low to its high one', () => {
    const value = fc.bigInt(0n, 7n);
    fc.assert(
      fc.property(fc.constantFrom(0, 2, 3), value, value, (field, low, high) => {
        expectMembers(
          space.range(field, low, high),
          packets.map((packet) => (packet[field] ?? 0n) >= low && (packet[field] ?? 0n) <= high),
        );
      }),
      runs,
    );
  });

  test('oneOf has the packets with one of the values', () => {
    fc.assert(
      fc.property(fc.constantFrom(0, 2, 3), fc.array(fc.bigInt(0n, 7n)), (field, values) => {
        expectMembers(
          space.oneOf(field, values),
          packets.map((packet) => values.includes(packet[field] ?? 0n)),
        );
      }),
      runs,
    );
  });

  test('same has the packets whose bits are the same', () => {
    const place = fc.record({ field: fc.constantFrom(0, 2, 3), ofs: fc.nat({ max: 1 }) });
    fc.assert(
      fc.property(place, place, fc.nat({ max: 2 }), (a, b, n) => {
        const bits = (packet: readonly bigint[], { field, ofs }: typeof a) =>
          ((packet[field] ?? 0n) >> BigInt(ofs)) & ((1n << BigInt(n)) - 1n);
        expectMembers(
          space.same(a.field, a.ofs, b.field, b.ofs, n),
          packets.map((packet) => bits(packet, a) === bits(packet, b)),
        );
      }),
      runs,
    );
  });
});

describe('operations', () => {
  test('and, or, diff, not; equal sets are equal numbers', () => {
    fc.assert(
      fc.property(recipe, recipe, (first, second) => {
        const [a, b] = [cook(space, first), cook(space, second)];
        const [membersA, membersB] = [cookByHand(first), cookByHand(second)];
        expectMembers(a, membersA);
        expectMembers(
          space.and(a, b),
          membersA.map((is, i) => is && membersB[i] === true),
        );
        expectMembers(
          space.or(a, b),
          membersA.map((is, i) => is || membersB[i] === true),
        );
        expectMembers(
          space.diff(a, b),
          membersA.map((is, i) => is && membersB[i] === false),
        );
        expectMembers(
          space.not(a),
          membersA.map((is) => !is),
        );
        expect(space.or(space.and(a, b), space.diff(a, b))).toBe(a);
        expect(a === b).toBe(membersA.every((is, i) => is === membersB[i]));
      }),
      runs,
    );
  });

  test('intersects and isSubset agree with and, and make no node', () => {
    fc.assert(
      fc.property(recipe, recipe, (first, second) => {
        const [a, b] = [cook(space, first), cook(space, second)];
        const { nodes } = space.stats();
        const intersects = space.intersects(a, b);
        const isSubset = space.isSubset(a, b);
        expect(space.stats().nodes).toBe(nodes);
        expect(intersects).toBe(space.and(a, b) !== space.empty);
        expect(isSubset).toBe(space.and(a, b) === a);
      }),
      runs,
    );
  });

  test('forget leaves the packets that are in the set for some value', () => {
    fc.assert(
      fc.property(recipe, fc.uniqueArray(fc.nat({ max: fields.length - 1 })), (what, forgotten) => {
        const members = cookByHand(what);
        const rest = (packet: readonly bigint[]) =>
          numberOf(packet.map((value, i) => (forgotten.includes(i) ? 0n : value)));
        const some = new Set(packets.flatMap((packet, i) => (members[i] ? [rest(packet)] : [])));
        expectMembers(
          space.forget(cook(space, what), forgotten),
          packets.map((packet) => some.has(rest(packet))),
        );
      }),
      runs,
    );
  });

  test('restrict is and, and then forgets the bits', () => {
    fc.assert(
      fc.property(recipe, fc.array(literal, { maxLength: 3 }), (what, literals) => {
        const members = cookByHand(what);
        const rest = (packet: readonly bigint[]) =>
          numberOf(
            packet.map((value, field) => literals.reduce((v, one) => (one.field === field ? v & ~one.mask : v), value)),
          );
        const some = new Set(
          packets.flatMap((packet, i) => (members[i] && meets(packet, literals) ? [rest(packet)] : [])),
        );
        expectMembers(
          space.restrict(cook(space, what), literals),
          packets.map((packet) => some.has(rest(packet))),
        );
      }),
      runs,
    );
  });

  test('image has what packets of the set become, preimage what becomes one of the set', () => {
    fc.assert(
      fc.property(recipe, rewrites, (what, all) => {
        const set = cook(space, what);
        const members = cookByHand(what);
        const become = packets.map((packet) => rewritten(packet, all).map(numberOf));
        const results = new Set(become.filter((_, i) => members[i]).flat());
        expectMembers(
          space.image(set, all),
          packets.map((_, i) => results.has(i)),
        );
        expectMembers(
          space.preimage(set, all),
          become.map((numbers) => numbers.some((number) => members[number] === true)),
        );
      }),
      { numRuns: 600 },
    );
  });

  test('what two rewrites have in common does not mix their results up', () => {
    const set = space.cube([{ field: 0, value: 1n, mask: 7n }]);
    const plus = (amount: number) => space.image(set, [{ field: 0, ofs: 0, n: 3, kind: 'plus', from: 0, amount }]);
    const at = (value: bigint) => space.cube([{ field: 0, value, mask: 7n }]);
    for (let amount = -9; amount < 9; amount++) expect(plus(amount)).toBe(at(BigInt((((1 + amount) % 8) + 8) % 8)));
  });
});

describe('what is in a set', () => {
  test('cubes are disjoint and complete, until they are told to stop', () => {
    fc.assert(
      fc.property(recipe, fc.integer({ min: 1, max: 5 }), (what, most) => {
        const set = cook(space, what);
        const found: Literal[][] = [];
        space.cubes(set, (literals) => {
          found.push(literals);
          return true;
        });
        const times = packets.map((packet) => found.filter((literals) => meets(packet, literals)).length);
        expect(times).toEqual(cookByHand(what).map(Number));
        let calls = 0;
        space.cubes(set, () => {
          calls += 1;
          return calls < most;
        });
        expect(calls).toBe(Math.min(most, found.length));
      }),
      runs,
    );
  });

  test('count, support and size', () => {
    fc.assert(
      fc.property(recipe, (what) => {
        const set = cook(space, what);
        const members = cookByHand(what);
        expect(space.count(set)).toBe(members.filter(Boolean).length);
        const decides = (field: number) =>
          packets.some((packet, i) =>
            packets.some(
              (other, j) => members[i] !== members[j] && packet.every((value, f) => f === field || value === other[f]),
            ),
          );
        const support = space.support(set);
        const distinct = fields.flatMap((_, field) => (decides(field) ? [field] : []));
        expect(support).toEqual(distinct);
        expect(space.size(set) === 0).toBe(support.length === 0);
        expect(space.size(space.not(set))).toBe(space.size(set));
      }),
      { numRuns: 20 },
    );
    expect(space.size(space.cubeBits([0, 3, 5]))).toBe(3);
  });

  test('hull is what all packets of the set have in common, bit by bit', () => {
    fc.assert(
      fc.property(recipe, (made) => {
        const set = cook(space, made);
        const members = membersOf(space, set);
        const own = packets.filter((_, number) => members[number]);
        const common = space.hull(set);
        expect(own.every((packet) => meets(packet, common))).toBe(true);
        for (const [field, { width }] of fields.entries()) {
          for (let bit = 0; bit < width; bit++) {
            const one = 1n << BigInt(bit);
            const values = new Set(own.map((packet) => (packet[field] ?? 0n) & one));
            const isSaid = common.some((each) => each.field === field && (each.mask & one) !== 0n);
            expect(isSaid).toBe(values.size === 1);
          }
        }
      }),
      runs,
    );
    expect(space.hull(space.empty)).toEqual([]);
  });

  test('pick takes a packet of the set, and meets each preference that it can', () => {
    fc.assert(
      fc.property(recipe, fc.array(recipe, { maxLength: 3 }), (what, preferred) => {
        const set = cook(space, what);
        const picked = space.pick(
          set,
          preferred.map((one) => cook(space, one)),
        );
        let left = cookByHand(what);
        if (!left.includes(true)) {
          expect(picked).toBeUndefined();
          return;
        }
        for (const one of preferred.map(cookByHand)) {
          const met = left.map((is, i) => is && one[i] === true);
          if (met.includes(true)) left = met;
        }
        expect(picked && left[numberOf(picked)]).toBe(true);
      }),
      runs,
    );
    expect(space.pick(space.all)).toEqual([0n, 0n, 0n, 0n]);
    expect(space.pick(space.cube([{ field: 2, value: 4n, mask: 4n }]))).toEqual([0n, 0n, 4n, 0n]);
  });
});

test('an order of fields changes the variables, and nothing else', () => {
  const turned = createSpace(fields, { order: [2, 0, 3, 1] });
  expect(fields.map((_, field) => turned.variableOf(field, 0))).toEqual([5, 9, 2, 8]);
  fc.assert(
    fc.property(recipe, rewrites, fc.array(literal, { maxLength: 3 }), (what, all, literals) => {
      const set = cook(turned, what);
      const expected = cook(space, what);
      expect(membersOf(turned, set)).toEqual(cookByHand(what));
      const inOrder = (a: boolean[], b: PacketSet) => expect(a).toEqual(membersOf(space, b));
      inOrder(membersOf(turned, turned.image(set, all)), space.image(expected, all));
      inOrder(membersOf(turned, turned.restrict(set, literals)), space.restrict(expected, literals));
      const found: Literal[][] = [];
      turned.cubes(set, (one) => found.push(one) > 0);
      expect(turned.orAll(found.map((one) => turned.cube(one)))).toBe(set);
      expect(turned.support(set)).toEqual(space.support(expected));
      expect(turned.pick(set) === undefined).toBe(set === 0);
    }),
    runs,
  );
});

describe('release', () => {
  test('keeps what is told and what was before, under new numbers; the rest can be made anew', () => {
    fc.assert(
      fc.property(
        fc.array(recipe, { minLength: 1, maxLength: 3 }),
        fc.array(recipe, { minLength: 1, maxLength: 6 }),
        fc.infiniteStream(fc.boolean()),
        (before, after, choice) => {
          const old = before.map((one) => cook(space, one));
          const mark = space.mark();
          const made = after.map((one) => cook(space, one));
          const kept = after.filter(() => choice.next().value);
          const numbers = space.release(
            mark,
            kept.map((one) => made[after.indexOf(one)] ?? 0),
          );
          for (const [i, one] of kept.entries()) expectMembers(numbers[i] ?? 0, cookByHand(one));
          for (const [i, one] of before.entries()) expectMembers(old[i] ?? 0, cookByHand(one));
          for (const [i, one] of kept.entries()) expect(cook(space, one)).toBe(numbers[i]);
          for (const [i, one] of before.entries()) expect(cook(space, one)).toBe(old[i]);
          for (const one of after) expectMembers(cook(space, one), cookByHand(one));
          const [first, second] = [after[0], before[0]];
          if (!first || !second) return;
          const others = cookByHand(second);
          expectMembers(
            space.and(cook(space, first), cook(space, second)),
            cookByHand(first).map((is, i) => is && others[i] === true),
          );
        },
      ),
      { numRuns: 100 },
    );
  });

  test('leaves no node of what is dropped', () => {
    const mark = space.mark();
    const { nodes } = space.stats();
    const set = space.or(space.range(0, 1n, 5n), space.range(3, 2n, 3n));
    const size = space.size(set);
    expect(space.stats().nodes).toBeGreaterThan(nodes + size);
    const [kept = 0] = space.release(mark, [set]);
    expect(space.stats().nodes).toBe(nodes + size);
    expect(space.size(kept)).toBe(size);
    space.release(mark);
    expect(space.stats().nodes).toBe(nodes);
    expect(space.stats().peakNodes).toBeGreaterThan(nodes + size);
  });
});

describe('bad input is a RangeError, and nothing happens', () => {
  const none = 1_000_000;
  const literalOf = (field: number, mask: bigint): Literal => ({ field, value: 0n, mask });
  test.each<[string, () => unknown, RegExp]>([
    ['and', () => space.and(1, none), /1000000 is no set/],
    ['or', () => space.or(none, 1), /is no set/],
    ['not', () => space.not(none), /is no set/],
    ['a negative set', () => space.and(-3, 1), /is no set/],
    ['orAll', () => space.orAll([none]), /1000000 is no set/],
    ['intersects', () => space.intersects(none, none), /is no set/],
    ['forget', () => space.forget(none, [0]), /is no set/],
    ['restrict', () => space.restrict(none, []), /is no set/],
    ['image', () => space.image(none, []), /is no set/],
    ['contains', () => space.contains(none, [0n, 0n, 0n, 0n]), /is no set/],
    ['count', () => space.count(none), /is no set/],
    ['cubes', () => space.cubes(none, () => true), /is no set/],
    ['pick', () => space.pick(1, [none]), /is no set/],
    ['kept sets', () => space.release(start, [none]), /is no set/],
    ['a field', () => space.cube([literalOf(4, 1n)]), /no field 4, the last one is 3/],
    ['a mask', () => space.cube([literalOf(1, 2n)]), /b has 1 bits, 2 is no value/],
    ['a negative mask', () => space.cube([literalOf(1, -1n)]), /b has 1 bits/],
    ['a value', () => space.range(0, 0n, 8n), /a has 3 bits, 8/],
    ['one of the values', () => space.oneOf(0, [1n, 9n]), /a has 3 bits, 9/],
    ['a packet', () => space.contains(1, [0n, 2n, 0n, 0n]), /b has 1 bits, 2/],
    ['a short packet', () => space.contains(1, [0n]), /4 fields, not 1/],
    ['bits in no order', () => space.cubeBits([4, 2]), /ascending order/],
    ['bits of no variable', () => space.cubeBits([2 * TOTAL]), /ascending order/],
    ['negative bits', () => space.cubeBits([-4]), /ascending order/],
    ['too many bits', () => space.cubeBits([1], 2), /1 bits at most, not 2/],
    ['a bit', () => space.same(0, 2, 2, 0, 2), /a has no bit 3/],
    [
      'two rewrites',
      () =>
        space.image(
          1,
          [0, 1].map(() => ({ field: 0, ofs: 1, n: 1, kind: 'any' })),
        ),
      /bit 1 of a/,
    ],
    ['a constant', () => space.image(1, [{ field: 0, ofs: 1, n: 2, kind: 'constant', value: 4n }]), /a\[1..2\] has 2/],
    ['a part', () => space.preimage(1, [{ field: 0, ofs: 1, n: 3, kind: 'any' }]), /a has no bit 3/],
    ['no bits', () => space.preimage(1, [{ field: 0, ofs: 0, n: 0, kind: 'any' }]), /0 bits, not of 1 or more/],
    ['a sum', () => space.image(1, [{ field: 0, ofs: 0, n: 3, kind: 'plus', from: 1, amount: 1 }]), /equal width/],
    ['a mark', () => space.release(none), /no mark/],
    ['no mark', () => space.release(0), /no mark/],
    ['no width', () => createSpace([{ name: 'x', width: 0 }]), /x has 0 bits/],
    ['too wide', () => createSpace([{ name: 'x', width: 2433 }]), /2433 bits/],
    ['a field twice', () => createSpace(fields, { order: [0, 1, 1, 2] }), /names 1 twice/],
    ['a field that is none', () => createSpace(fields, { order: [0, 1, 2, 4] }), /names 4/],
    ['a field left out', () => createSpace(fields, { order: [0, 1, 2] }), /leaves one out/],
    ['too little memory', () => createSpace(fields, { limit: 100 }), /262144 to 4294901760 bytes/],
    ['too large a cache', () => createSpace(fields, { cacheLog: 40 }), /2\^40/],
  ])('%s', (_, call, message) => {
    const before = space.stats();
    expect(call).toThrow(RangeError);
    expect(call).toThrow(message);
    expect({ ...space.stats(), steps: before.steps }).toEqual(before);
  });
});
