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
  /** Forgets them all: their sets may be gone. */
  forget(): void;
}

/** So many are remembered at most, before all are forgotten. */
const mostKnown = 1 << 18;

/** The cubes of a space, none of them made yet. */
export function rememberedCubes(kernel: Kernel, layout: Layout): Cubes {
  /** Of single literals: by field, mask, and value. */
  const single = new Map<number, Map<bigint, Map<bigint, PacketSet>>>();
  /** Of several, by the cubes of each, and other sets by their keys. */
  const several = new Map<string, PacketSet>();
  let known = 0;

  const made = (literals: readonly Literal[]): PacketSet => {
    const bits = bitsOf(layout, literals);
    return kernel.cube(bits, bits.length);
  };
  const forget = (): void => {
    single.clear();
    several.clear();
    known = 0;
  };
  const ofOne = (literal: Literal): PacketSet => {
    const { field, mask } = literal;
    const value = literal.value & mask;
    const ofField = single.get(field) ?? new Map<bigint, Map<bigint, PacketSet>>();
    const ofMask = ofField.get(mask) ?? new Map<bigint, PacketSet>();
    const before = ofMask.get(value);
    if (before !== undefined) return before;
    const cube = made([literal]);
    known += 1;
    single.set(field, ofField.set(mask, ofMask.set(value, cube)));
    return cube;
  };

  const once = (key: string, make: () => PacketSet): PacketSet => {
    if (known >= mostKnown) forget();
    const before = several.get(key);
    if (before !== undefined) return before;
    const set = make();
    several.set(key, set);
    known += 1;
    return set;
  };

  return {
    of(literals) {
      if (known >= mostKnown) forget();
      const [first, ...more] = literals;
      if (!first) return 1;
      if (more.length === 0) return ofOne(first);
      let key = '';
      for (const literal of literals) key += `${ofOne(literal)} `;
      return once(key, () => made(literals));
    },
    once: (key, make) => once(`${key};`, make),
    forget,
  };
}
