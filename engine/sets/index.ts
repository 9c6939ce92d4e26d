/** Sets of packets: `createSpace`, and the types of space.ts. */
import { rememberedCubes } from './cubes.ts';
import { bitsOf, fieldAt, type Layout, layOut, variableOf } from './fields.ts';
import { ANY, type Kernel, startKernel } from './kernel.ts';
import { commonBits, contains, count, cubes, eachNode, firstPacket, literalsOf } from './packets.ts';
import { image, preimage } from './rewriting.ts';
import { load, save } from './saved.ts';
import type { PacketSet, SetField, Space, SpaceOptions } from './space.ts';
import { oneOf, range, same } from './values.ts';

export type { SavedSets } from './saved.ts';
export {
  type Literal,
  type Mark,
  type PacketSet,
  type Rewrite,
  type SetField,
  type Space,
  SpaceFull,
  type SpaceOptions,
  type SpaceStats,
} from './space.ts';

/**
 * A space of packets with these fields; those by which sets differ most are best first.
 * Throws a RangeError if there are more than 2432 bits, or no such memory.
 */
export function createSpace(fields: readonly SetField[], options: SpaceOptions = {}): Space {
  const layout = layOut(fields, options.order);
  const kernel = startKernel(layout.variables, options);
  const { exports } = kernel;
  const known = rememberedCubes(kernel, layout);
  const { and, or } = kernel;
  const checked = (set: PacketSet): PacketSet => {
    kernel.check(set);
    return set;
  };
  return {
    fields,
    empty: 0,
    all: 1,
    variables: layout.variables,
    variableOf: (field, bit) => variableOf(layout, field, bit),
    cube: known.of,
    cubeBits: (bits, n = bits.length) => kernel.cube(bits, n),
    range: (field, low, high) => range(kernel, layout, known, field, low, high),
    oneOf: (field, values) => oneOf(kernel, layout, known, field, values),
    same: (a, aOfs, b, bOfs, n) => same(kernel, layout, [a, aOfs], [b, bOfs], n),
    and,
    or,
    diff: (a, b) => and(a, b ^ 1),
    not: (a) => checked(a) ^ 1,
    orAll: (sets) => orAll(kernel, sets),
    intersects: kernel.intersects,
    isSubset: (a, b) => !kernel.intersects(a, b ^ 1),
    forget(set, forgotten) {
      for (const field of forgotten) fieldAt(layout, field);
      return kernel.substitute(set, () => forgetting(layout, forgotten), `forget ${forgotten.join(' ')}`);
    },
    restrict(set, literals) {
      const bits = bitsOf(layout, literals);
      kernel.check(set);
      if (contradict(bits)) return 0;
      return kernel.substitute(set, () => new Map(bits.map((bit) => [bit >> 1, bit & 1])));
    },
    image: (set, rewrites) => image(kernel, layout, set, rewrites),
    preimage: (set, rewrites) => preimage(kernel, layout, set, rewrites),
    pick(set, preferences = []) {
      let chosen = checked(set);
      for (const preferred of preferences) {
        if (kernel.intersects(chosen, preferred)) chosen = and(chosen, preferred);
      }
      return firstPacket(kernel, layout, chosen);
    },
    contains: (set, packet) => contains(kernel, layout, checked(set), packet),
    cubes: (set, visit) => cubes(kernel, layout, checked(set), visit),
    hull: (set) => literalsOf(layout, commonBits(kernel, checked(set))),
    count: (set) => count(kernel, layout, checked(set)),
    size(set) {
      let size = 0;
      eachNode(kernel, checked(set), () => {
        size += 1;
      });
      return size;
    },
    support(set) {
      const found = new Set<number>();
      eachNode(kernel, checked(set), (node) => found.add(layout.fieldOf[kernel.variable(node)] ?? 0));
      return [...found].sort((a, b) => a - b);
    },
    save: (sets) => save(kernel, layout.variables, sets),
    load: (saved) => load(kernel, layout.variables, saved),
    mark: () => exports.nodeCount(),
    release(mark, keep = []) {
      known.forget(mark);
      return kernel.release(mark, keep);
    },
    stats: () => ({
      nodes: exports.nodeCount(),
      peakNodes: exports.peakCount(),
      bytes: exports.bytes(),
      steps: exports.stepCount(),
      hits: exports.hitCount(),
    }),
  };
}

/** Any value in the place of the fields' bits. */
function forgetting(layout: Layout, forgotten: readonly number[]): Map<number, PacketSet> {
  const substitutions = new Map<number, PacketSet>();
  for (const field of forgotten) {
    const { first, width } = fieldAt(layout, field);
    for (let i = 0; i < width; i++) substitutions.set(first + i, ANY);
  }
  return substitutions;
}

/** Whether two of the bits, in ascending order, are the two values of a variable. */
function contradict(bits: readonly number[]): boolean {
  return bits.some((bit, i) => (bit ^ (bits[i + 1] ?? bit)) === 1);
}

/** Of neighbours first, so that small sets meet small ones. */
function orAll(kernel: Kernel, sets: readonly PacketSet[]): PacketSet {
  let left = [...sets];
  sets.forEach(kernel.check);
  while (left.length > 1) {
    const next: PacketSet[] = [];
    for (let i = 0; i < left.length; i += 2) next.push(kernel.or(left[i] ?? 0, left[i + 1] ?? 0));
    left = next;
  }
  return left[0] ?? 0;
}
