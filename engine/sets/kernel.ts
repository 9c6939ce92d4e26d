/**
 * The WebAssembly module of decision diagrams (`#asm/sets`), typed: one instance
 * is one space.  Sets that are none any more, and memory that is full, become
 * errors here.
 */
import { instantiateSync } from '@assemblyscript/loader';
import { wasm } from '#asm/sets';
import { type PacketSet, SpaceFull, type SpaceOptions } from './space.ts';

/** What the module exports: asm/sets/index.ts. */
interface KernelExports extends Record<string, unknown> {
  memory: { readonly buffer: ArrayBuffer };
  setUp(variables: number, most: number, mostCache: number): number;
  and(a: PacketSet, b: PacketSet): PacketSet;
  intersects(a: PacketSet, b: PacketSet): number;
  beginSubstitutions(): number;
  compose(set: PacketSet, number: number, lastVariable: number): PacketSet;
  cube(count: number): PacketSet;
  node(level: number, low: PacketSet, high: PacketSet): PacketSet;
  isSet(set: PacketSet): number;
  level(set: PacketSet): number;
  low(set: PacketSet): PacketSet;
  high(set: PacketSet): PacketSet;
  bitsAt(): number;
  substitutionsAt(): number;
  wasFull(): number;
  nodeCount(): number;
  peakCount(): number;
  bytes(): number;
  stepCount(): number;
  hitCount(): number;
  drop(mark: number): void;
  want(set: PacketSet, mark: number): void;
  renumber(mark: number): void;
  renumbered(set: PacketSet, mark: number): PacketSet;
  settle(mark: number): void;
}

/** In the place of a variable: any value. */
export const ANY = -2;

export interface Kernel {
  and(a: PacketSet, b: PacketSet): PacketSet;
  or(a: PacketSet, b: PacketSet): PacketSet;
  intersects(a: PacketSet, b: PacketSet): boolean;
  /** Of bits in ascending order, each variable * 2 + value. */
  cube(bits: ArrayLike<number>, count: number): PacketSet;
  /** The set that is `low` where a variable is 0 and `high` where it is 1; both have later variables only. */
  node(variable: number, low: PacketSet, high: PacketSet): PacketSet;
  /**
   * The set with other sets (or 0, 1, ANY) in the place of variables, all at once.  Equal keys
   * promise equal substitutions: what is known from one time is used the next.
   */
  substitute(set: PacketSet, substitutions: () => ReadonlyMap<number, PacketSet>, key?: string): PacketSet;
  /** The set's first variable, more than there are of `empty` and `all`; what remains where it is 0 and 1. */
  variable(set: PacketSet): number;
  low(set: PacketSet): PacketSet;
  high(set: PacketSet): PacketSet;
  /** Throws a RangeError if the number is that of no set. */
  check(set: PacketSet): void;
  release(mark: number, keep: readonly PacketSet[]): PacketSet[];
  readonly exports: KernelExports;
}

/** Substitutions: those of a key, if they have one; the number by which results are known, and their last variable. */
interface Placed {
  readonly key: string | undefined;
  readonly number: number;
  readonly last: number;
}

const GIB = 2 ** 30;
const LEAST_BYTES = 2 ** 18;
const MOST_BYTES = 2 ** 32 - 2 ** 16;
const MOST_KEYS = 4096;

/** A kernel without sets but the empty one and that of all. Throws a RangeError if it cannot have so much memory. */
export function startKernel(variables: number, options: SpaceOptions): Kernel {
  const { limit = GIB, cacheLog = 16 } = options;
  if (!(limit >= LEAST_BYTES && limit <= MOST_BYTES)) {
    throw new RangeError(`a space of packets may have ${LEAST_BYTES} to ${MOST_BYTES} bytes of memory, not ${limit}`);
  }
  if (!Number.isInteger(cacheLog) || cacheLog < 8 || cacheLog > 24) {
    throw new RangeError(`the cache of results has 2^8 to 2^24 entries, not 2^${cacheLog}`);
  }
  const { exports } = instantiateSync<KernelExports>(wasm);
  if (!exports.setUp(variables, Math.floor(limit), cacheLog)) {
    throw new RangeError(`${limit} bytes of memory are not enough for packets of ${variables} bits`);
  }

  let words = new Int32Array();
  /** Room for the bits of a cube, and for substitutions: behind the first half. */
  const room = (): Int32Array => {
    // Memory that has grown is another buffer.
    if (words.length === 0) words = new Int32Array(exports.memory.buffer, exports.bitsAt(), 2 * variables);
    return words;
  };

  const check = (set: PacketSet): void => {
    if (!exports.isSet(set)) throw new RangeError(`${set} is no set of packets of this space; was it released?`);
  };
  const explained = (error: unknown): unknown =>
    exports.wasFull() ? new SpaceFull(`sets of packets need more than the ${limit} bytes of memory allowed`) : error;
  /** The answer, unless it says that one of the sets was none. */
  const answer = (result: number, a: PacketSet, b: PacketSet): number => {
    if (result === -1) {
      check(a);
      check(b);
    }
    return result;
  };
  const and = (a: PacketSet, b: PacketSet): PacketSet => {
    try {
      return answer(exports.and(a, b), a, b);
    } catch (error) {
      throw explained(error);
    }
  };

  const numbers = new Map<string, number>();
  let lastNumber = 0;
  /** The substitutions that are in place. */
  let placed: Placed | undefined;
  /** Puts substitutions in place; the number by which results of equal ones are known, and their last variable. */
  const place = (substitutions: ReadonlyMap<number, PacketSet>, key: string | undefined): Placed => {
    const fresh = exports.beginSubstitutions();
    // Numbers begin anew.
    if (fresh < lastNumber) numbers.clear();
    lastNumber = fresh;
    const to = room();
    let last = -1;
    for (const [variable, by] of substitutions) {
      to[variables + variable] = by;
      if (variable > last) last = variable;
    }
    const number = (key === undefined ? undefined : numbers.get(key)) ?? fresh;
    if (key !== undefined && number === fresh) {
      if (numbers.size === MOST_KEYS) numbers.clear();
      numbers.set(key, fresh);
    }
    placed = { key, number, last };
    return placed;
  };

  return {
    exports,
    and,
    check,
    or: (a, b) => and(a ^ 1, b ^ 1) ^ 1,
    intersects: (a, b) => answer(exports.intersects(a, b), a, b) === 1,
    cube(bits, count) {
      // There may be both values of each variable.
      if (!(count >= 0 && count <= Math.min(2 * variables, bits.length))) {
        throw new RangeError(`a cube has ${Math.min(2 * variables, bits.length)} bits at most, not ${count}`);
      }
      const to = room();
      for (let i = 0; i < count; i++) to[i] = bits[i] ?? 0;
      let set: number;
      try {
        set = exports.cube(count);
      } catch (error) {
        throw explained(error);
      }
      if (set === -1) {
        throw new RangeError('the bits of a cube are variable * 2 + value, in ascending order, of variables there are');
      }
      return set;
    },
    node(variable, low, high) {
      try {
        return exports.node(variable, low, high);
      } catch (error) {
        throw explained(error);
      }
    },
    substitute(set, substitutions, key) {
      check(set);
      if (set <= 1) return set;
      const known = key !== undefined && placed?.key === key ? placed : undefined;
      const { number, last } = known ?? place(substitutions(), key);
      if (last < 0) return set;
      try {
        return exports.compose(set, number, last);
      } catch (error) {
        throw explained(error);
      }
    },
    variable: exports.level,
    low: exports.low,
    high: exports.high,
    release(mark, keep) {
      const count = exports.nodeCount();
      if (!Number.isInteger(mark) || mark < 1 || mark > count) {
        throw new RangeError(`${mark} is no mark of this space; one from before was released, and this one with it`);
      }
      keep.forEach(check);
      if (mark === count) return [...keep];
      // Sets that are in the place of variables may be among those that go.
      placed = undefined;
      exports.drop(mark);
      for (const set of keep) exports.want(set, mark);
      exports.renumber(mark);
      const kept = keep.map((set) => exports.renumbered(set, mark));
      exports.settle(mark);
      return kept;
    },
  };
}
