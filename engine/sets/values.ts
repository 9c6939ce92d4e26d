/** Sets that say something about the values of one or two fields; built from the last bit up. */
import type { Cubes } from './cubes.ts';
import { checkValue, fieldAt, type Layout, variableOf } from './fields.ts';
import type { Kernel } from './kernel.ts';
import type { Literal, PacketSet, SetField } from './space.ts';

/** The packets whose field is `low` to `high`, inclusive. */
export function range(
  kernel: Kernel,
  layout: Layout,
  cubes: Cubes,
  field: number,
  low: bigint,
  high: bigint,
): PacketSet {
  const at = fieldAt(layout, field);
  checkValue(at, low);
  checkValue(at, high);
  if (low > high) return 0;
  if (low === high) return cubes.of([whole(field, at.width, low)]);
  let least = 1;
  let most = 1;
  for (let bit = 0; bit < at.width; bit++) {
    const variable = at.first + at.width - 1 - bit;
    least = (low >> BigInt(bit)) & 1n ? kernel.node(variable, 0, least) : kernel.node(variable, least, 1);
    most = (high >> BigInt(bit)) & 1n ? kernel.node(variable, 1, most) : kernel.node(variable, most, 0);
  }
  return kernel.and(least, most);
}

/** The packets whose field is one of the values. */
export function oneOf(
  kernel: Kernel,
  layout: Layout,
  cubes: Cubes,
  field: number,
  values: Iterable<bigint>,
): PacketSet {
  const at = fieldAt(layout, field);
  const sorted = [...new Set(values)].sort((a, b) => (a < b ? -1 : 1));
  for (const value of sorted) checkValue(at, value);
  const [only, ...more] = sorted;
  if (only !== undefined && more.length === 0) return cubes.of([whole(field, at.width, only)]);
  return cubes.once(`${field} ${sorted.join(' ')}`, () => amongSorted(kernel, at, sorted));
}

/** The packets whose field is one of the values, which ascend. */
function amongSorted(kernel: Kernel, at: SetField & { readonly first: number }, sorted: readonly bigint[]): PacketSet {
  const wordsOfValue = Math.ceil(at.width / 32);
  const words = new Uint32Array(sorted.length * wordsOfValue);
  for (const [i, value] of sorted.entries()) {
    for (let word = 0; word < wordsOfValue; word++) {
      words[i * wordsOfValue + word] = Number(BigInt.asUintN(32, value >> BigInt(32 * word)));
    }
  }
  const isOne = (i: number, bit: number): boolean =>
    (((words[i * wordsOfValue + (bit >>> 5)] ?? 0) >>> (bit & 31)) & 1) === 1;
  /** Of the values from `from` to before `to`, which differ from `bit` on downwards only. */
  const build = (from: number, to: number, bit: number): PacketSet => {
    if (from === to) return 0;
    if (bit < 0) return 1;
    const variable = at.first + at.width - 1 - bit;
    if (to - from === 1) {
      const rest = build(from, to, bit - 1);
      return isOne(from, bit) ? kernel.node(variable, 0, rest) : kernel.node(variable, rest, 0);
    }
    // The first value with a one: they are sorted.
    let [firstOne, end] = [from, to];
    while (firstOne < end) {
      const middle = (firstOne + end) >>> 1;
      if (isOne(middle, bit)) end = middle;
      else firstOne = middle + 1;
    }
    const low = build(from, firstOne, bit - 1);
    return kernel.node(variable, low, build(firstOne, to, bit - 1));
  };
  return build(0, sorted.length, at.width - 1);
}

const whole = (field: number, width: number, value: bigint): Literal => ({
  ...{ field, value, mask: (1n << BigInt(width)) - 1n },
});

/** The packets in which `n` bits of two fields are the same. */
export function same(
  kernel: Kernel,
  layout: Layout,
  [a, aOfs]: readonly [field: number, ofs: number],
  [b, bOfs]: readonly [field: number, ofs: number],
  n: number,
): PacketSet {
  const pairs: [number, number][] = [];
  for (let i = 0; i < n; i++) pairs.push([variableOf(layout, a, aOfs + i), variableOf(layout, b, bOfs + i)]);
  // From the lowest bit on: what there is stands below what is added.
  return pairs.reduce((set, [one, other]) => kernel.and(equal(kernel, one, other), set), 1);
}

/** The packets in which two bits are the same. */
export function equal(kernel: Kernel, a: number, b: number): PacketSet {
  if (a === b) return 1;
  const below = kernel.node(Math.max(a, b), 0, 1);
  return kernel.node(Math.min(a, b), below ^ 1, below);
}
