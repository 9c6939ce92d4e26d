/**
 * Cubes, and other sets of values, each made once: the same addresses and ports are asked about again and again, and to look
 * a set up costs less than to make its nodes bit by bit.
 */
import { bitsOf, type Layout } from './fields.ts';
import type { Kernel } from './kernel.ts';
import type { Literal, PacketSet } from './space.ts';

export interface Cubes {
  /** The packets that all of the literals are true of. Throws a RangeError if a field or a value is none. */
  of(literals: readonly Literal[]): PacketSet;
  /** The set that `make` makes, unless it did under this key before. */
  once(key: string, make: () => PacketSet): PacketSet;
  /** Forgets sets that were made with as many nodes or more: they may be gone. */
  forget(mark: number): void;
}

/** So many are remembered at most, before all are forgotten. */
const mostKnown = 1 << 18;

/** The cubes of a space, none of them made yet. */
export function rememberedCubes(kernel: Kernel, layout: Layout): Cubes {
  /** Numbers of literals, which they keep: by field, mask, and value. */
  const numbers = new Map<number, Map<bigint, Map<bigint, number>>>();
  let literalCount = 0;
  /** Cubes by the numbers of their literals, and other sets by their keys. */
  const known = new Map<string, PacketSet>();

  const numberOf = ({ field, mask, value }: Literal): number => {
    const ofField = numbers.get(field) ?? new Map<bigint, Map<bigint, number>>();
    const ofMask = ofField.get(mask) ?? new Map<bigint, number>();
    const before = ofMask.get(value & mask);
    if (before !== undefined) return before;
    numbers.set(field, ofField.set(mask, ofMask.set(value & mask, literalCount)));
    literalCount += 1;
    return literalCount - 1;
  };
  const once = (key: string, make: () => PacketSet): PacketSet => {
    const before = known.get(key);
    if (before !== undefined) return before;
    if (known.size >= mostKnown) {
      known.clear();
      numbers.clear();
    }
    const set = make();
    known.set(key, set);
    return set;
  };
  const made = (literals: readonly Literal[]): PacketSet => {
    const bits = bitsOf(layout, literals);
    return kernel.cube(bits, bits.length);
  };

  return {
    of(literals) {
      let key = '';
      for (const literal of literals) key += `${numberOf(literal)} `;
      return once(key, () => made(literals));
    },
    once: (key, make) => once(`${key};`, make),
    forget(mark) {
      for (const [key, set] of known) if (set >>> 1 >= mark) known.delete(key);
    },
  };
}
