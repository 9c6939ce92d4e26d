/** Sets of packets of few bits as lists of all their packets: what decision diagrams are compared with. */
import fc from 'fast-check';
import type { Literal, PacketSet, Rewrite, SetField, Space } from '../../engine/sets/index.ts';

/** Ten bits: few enough to look at every packet. */
export const fields: readonly SetField[] = [
  { name: 'a', width: 3 },
  { name: 'b', width: 1 },
  { name: 'c', width: 3 },
  { name: 'd', width: 3 },
];
export const TOTAL = fields.reduce((sum, { width }) => sum + width, 0);

/** Every packet, in the order of its number. */
export const packets: readonly bigint[][] = Array.from({ length: 1 << TOTAL }, (_, number) => {
  let left = number;
  return fields.map(({ width }) => {
    const value = left & ((1 << width) - 1);
    left >>= width;
    return BigInt(value);
  });
});

export function numberOf(packet: readonly bigint[]): number {
  let shift = 0;
  let number = 0;
  for (const [i, { width }] of fields.entries()) {
    number |= Number(packet[i]) << shift;
    shift += width;
  }
  return number;
}

/** Whether each packet is in the set, by its number. */
export type Members = readonly boolean[];

export function membersOf(space: Space, set: PacketSet): boolean[] {
  return packets.map((packet) => space.contains(set, packet));
}

export function meets(packet: readonly bigint[], literals: readonly Literal[]): boolean {
  return literals.every(({ field, value, mask }) => ((packet[field] ?? 0n) & mask) === (value & mask));
}

/** A field, and `n` bits of it from `ofs` on. */
const part = fc.nat({ max: fields.length - 1 }).chain((field) => {
  const width = fields[field]?.width ?? 1;
  return fc
    .nat({ max: width - 1 })
    .chain((ofs) => fc.integer({ min: 1, max: width - ofs }).map((n) => ({ field, ofs, n })));
});

export const literal: fc.Arbitrary<Literal> = fc.nat({ max: fields.length - 1 }).chain((field) => {
  const most = (1n << BigInt(fields[field]?.width ?? 1)) - 1n;
  return fc.record({ field: fc.constant(field), value: fc.bigInt(0n, most), mask: fc.bigInt(0n, most) });
});

/** A set as some conjunctions, of which it is the union, or what is in none of them. */
export interface Recipe {
  readonly cubes: readonly (readonly Literal[])[];
  readonly complement: boolean;
}

export const recipe: fc.Arbitrary<Recipe> = fc.record({
  cubes: fc.array(fc.array(literal, { maxLength: 4 }), { maxLength: 6 }),
  complement: fc.boolean(),
});

export function cook(space: Space, { cubes, complement }: Recipe): PacketSet {
  const union = space.orAll(cubes.map((literals) => space.cube(literals)));
  return complement ? space.not(union) : union;
}

export function cookByHand({ cubes, complement }: Recipe): boolean[] {
  return packets.map((packet) => cubes.some((literals) => meets(packet, literals)) !== complement);
}

const rewrite: fc.Arbitrary<Rewrite> = part.chain(({ field, ofs, n }): fc.Arbitrary<Rewrite> => {
  const width = fields[field]?.width ?? 1;
  const equallyWide = fields.flatMap((other, i) => (other.width === width ? [i] : []));
  return fc.oneof(
    fc.bigInt(0n, (1n << BigInt(n)) - 1n).map((value): Rewrite => ({ field, ofs, n, kind: 'constant', value })),
    fc
      .nat({ max: fields.length - 1 })
      .filter((from) => (fields[from]?.width ?? 0) >= n)
      .chain((from) =>
        fc
          .nat({ max: (fields[from]?.width ?? n) - n })
          .map((fromOfs): Rewrite => ({ field, ofs, n, kind: 'copy', from, fromOfs })),
      ),
    fc
      .record({ from: fc.constantFrom(...equallyWide), amount: fc.integer({ min: -20, max: 20 }) })
      .map(({ from, amount }): Rewrite => ({ field, ofs: 0, n: width, kind: 'plus', from, amount })),
    fc.constant<Rewrite>({ field, ofs, n, kind: 'any' }),
  );
});

const bitsOf = ({ field, ofs, n }: Rewrite) => Array.from({ length: n }, (_, i) => `${field}.${ofs + i}`);

/** Rewrites of different bits each. */
export const rewrites: fc.Arbitrary<Rewrite[]> = fc.array(rewrite, { maxLength: 5 }).map((all) => {
  const taken = new Set<string>();
  return all.filter((one) => {
    const bits = bitsOf(one);
    if (bits.some((bit) => taken.has(bit))) return false;
    for (const bit of bits) taken.add(bit);
    return true;
  });
});

/** Every packet that a packet may become. */
export function rewritten(packet: readonly bigint[], all: readonly Rewrite[]): bigint[][] {
  return all.reduce<bigint[][]>(
    (results, one) =>
      valuesOf(packet, one).flatMap((value) =>
        results.map((result) =>
          result.map((old, field) => {
            if (field !== one.field) return old;
            const mask = ((1n << BigInt(one.n)) - 1n) << BigInt(one.ofs);
            return (old & ~mask) | (value << BigInt(one.ofs));
          }),
        ),
      ),
    [[...packet]],
  );
}

function valuesOf(packet: readonly bigint[], one: Rewrite): bigint[] {
  const most = (1n << BigInt(one.n)) - 1n;
  if (one.kind === 'constant') return [one.value];
  if (one.kind === 'any') return Array.from({ length: 1 << one.n }, (_, value) => BigInt(value));
  const from = packet[one.from] ?? 0n;
  if (one.kind === 'copy') return [(from >> BigInt(one.fromOfs)) & most];
  return [(from + BigInt(one.amount)) & most];
}
