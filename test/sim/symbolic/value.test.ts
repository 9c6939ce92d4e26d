/** Values beside what they are of every packet of two fields of four bits. */
import { describe, expect, it } from 'vitest';
import { createSpace, type PacketSet } from '../../../engine/sets/index.ts';
import {
  choiceOf,
  constantOf,
  createValues,
  inputOf,
  plus,
  plusMatches,
  replaced,
  rewritesOf,
  sameValues,
  sliceOf,
  unknownOf,
  type Value,
} from '../../../sim/symbolic/value.ts';
import { evaluate } from './traced.ts';

const space = createSpace([
  { name: 'a', width: 4 },
  { name: 'b', width: 4 },
]);
const values = createValues();
const [a, b] = [inputOf(values, 0, 4), inputOf(values, 1, 4)];
const packets = Array.from({ length: 256 }, (_, n) => [BigInt(n >> 4), BigInt(n & 15)] as const);

const whatIs = (value: Value, packet: readonly bigint[]): bigint | undefined =>
  evaluate(value, packet, (set) => space.contains(set, [...packet]));

/** The packets that a set has, one by one. */
const setOf = (isIn: (packet: readonly bigint[]) => boolean): PacketSet =>
  space.orAll(
    packets
      .filter((packet) => isIn(packet))
      .map((packet) => space.cube(packet.map((value, field) => ({ field, value, mask: 15n })))),
  );

const low = space.range(0, 0n, 6n);
const samples: readonly [string, Value][] = [
  ['an input', a],
  ['a constant', constantOf(values, 4, 9n)],
  ['a sum', plus(values, space, b, 3)],
  ['a smaller sum', plus(values, space, a, -1)],
  ['halves of two', replaced(values, space, a, 2, sliceOf(values, space, b, 0, 2))],
  [
    'one of two',
    choiceOf(values, space, [
      { packets: low, value: b },
      { packets: space.not(low), value: constantOf(values, 4, 5n) },
    ]),
  ],
];

describe('symbolic/value', () => {
  it('is one object for what is the same', () => {
    expect(inputOf(values, 0, 4)).toBe(a);
    expect(replaced(values, space, a, 2, sliceOf(values, space, a, 2, 2))).toBe(a);
    expect(plus(values, space, plus(values, space, a, 2), 3)).toBe(plus(values, space, a, 5));
    expect(choiceOf(values, space, [{ packets: low, value: a }])).toBe(a);
    expect(unknownOf(values, 4)).not.toBe(unknownOf(values, 4));
  });

  it.each(samples)('%s is cut, replaced and added to bit by bit', (_, value) => {
    const middle = sliceOf(values, space, value, 1, 2);
    const patched = replaced(values, space, value, 1, constantOf(values, 2, 2n));
    const more = plus(values, space, value, 7);
    for (const packet of packets) {
      const is = whatIs(value, packet) ?? -1n;
      // Part of a sum is not known.
      expect([(is >> 1n) & 3n, undefined]).toContain(whatIs(middle, packet));
      expect([(is & 9n) | 4n, undefined]).toContain(whatIs(patched, packet));
      expect([(is + 7n) & 15n, undefined]).toContain(whatIs(more, packet));
    }
  });

  it.each(samples)('%s is compared with all others', (_, value) => {
    for (const [, other] of samples) {
      const exactly = setOf((packet) => whatIs(value, packet) === whatIs(other, packet));
      const may = sameValues(space, value, other, space.all);
      const must = sameValues(space, value, other, space.empty);
      expect(space.isSubset(exactly, may)).toBe(true);
      expect(space.isSubset(must, exactly)).toBe(true);
      expect(may === exactly || must !== may).toBe(true);
    }
  });

  it.each(samples.filter(([, value]) => !value.options))('%s is what rewrites make of a field', (_, value) => {
    for (const wanted of [0n, 5n, 9n]) {
      const found = space.preimage(space.cube([{ field: 1, value: wanted, mask: 15n }]), rewritesOf(1, value));
      expect(found).toBe(setOf((packet) => whatIs(value, packet) === wanted));
    }
  });

  it('knows which packets have bits of a sum', () => {
    const piece = { n: 4, kind: 'plus', field: 0, amount: 13 } as const;
    for (const mask of [15n, 8n, 6n, 0n]) {
      for (const value of [0n, 2n, 8n, 14n]) {
        const wanted = value & mask;
        expect(plusMatches(space, piece, wanted, mask)).toBe(setOf(([one = 0n]) => ((one + 13n) & mask) === wanted));
      }
    }
  });

  it('does not know what is unknown', () => {
    const unknown = unknownOf(values, 4);
    expect(sameValues(space, unknown, a, space.all)).toBe(space.all);
    expect(sameValues(space, unknown, a, space.empty)).toBe(space.empty);
    expect(sameValues(space, unknown, unknown, space.empty)).toBe(space.all);
    expect(b.vague || !unknown.vague).toBe(false);
  });
});
