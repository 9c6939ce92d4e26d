/** Sets of packets in which addresses have other names: saved sets, without a space. */
import type { SavedSets } from '../../../engine/sets/index.ts';

/** Bits of packets that stand beside each other in diagrams, the highest first, and which of their values are exchanged. */
export interface Exchange {
  readonly first: number;
  readonly bits: number;
  readonly values: ReadonlyMap<bigint, bigint>;
}

/** More nodes than this are not worked on. */
const mostNodes = 2 ** 20;

/**
 * The sets of packets in whose bits values are exchanged. The bits of the exchanges do not overlap. Undefined where that
 * would take very many nodes.
 */
export function exchangedIn(saved: SavedSets, exchanges: readonly Exchange[]): SavedSets | undefined {
  const ranges = exchanges
    .map(({ first, bits, values }) => ({
      first,
      end: first + bits,
      moved: toldApart(saved, first, first + bits, values),
    }))
    .filter(({ moved }) => moved.length > 0);
  return ranges.length === 0 ? saved : exchanged(saved, ranges);
}

interface Range {
  readonly first: number;
  readonly end: number;
  readonly moved: readonly (readonly [bigint, bigint])[];
}

/** Where bits of packets stand in diagrams. */
export type Place = Pick<Exchange, 'first' | 'bits'>;

/**
 * The exchanges of values that matter: a set tells one of the two from its neighbour, which differs in the last bit. Where
 * none does, no set tells either from values that nobody has named, and they are exchanged as they are.
 */
function toldApart(
  saved: SavedSets,
  first: number,
  end: number,
  values: ReadonlyMap<bigint, bigint>,
): (readonly [bigint, bigint])[] {
  const moved = [...values].filter(([one, other]) => one !== other);
  const told = namedIn(saved, { first, bits: end - first }, ascending(moved.map(([one]) => one)));
  return moved.filter(([one, other]) => told.has(one) || told.has(other));
}

/** The nodes of saved sets: a set is twice the place of its node, and 1 more for the complement. */
function reading({ nodes, sets }: SavedSets) {
  const variable = (set: number): number =>
    set < 2 ? Number.POSITIVE_INFINITY : (nodes[3 * (set >> 1) - 3] as number);
  const low = (set: number): number => (nodes[3 * (set >> 1) - 2] as number) ^ (set & 1);
  const high = (set: number): number => (nodes[3 * (set >> 1) - 1] as number) ^ (set & 1);
  /** Sets that are reached from above these bits: each node once. */
  const entries = ({ first, bits }: Place): number[] => {
    const found = new Set<number>();
    const enter = (set: number): void => {
      const at = variable(set);
      if (at >= first && at < first + bits) found.add(set & ~1);
    };
    for (const set of sets) enter(set);
    for (let i = 0; i < nodes.length; i += 3) {
      if ((nodes[i] as number) >= first) continue;
      enter(nodes[i + 1] as number);
      enter(nodes[i + 2] as number);
    }
    return [...found];
  };
  return { variable, low, high, entries };
}

/** Values in ascending order, each once. */
export const ascending = (values: Iterable<bigint>): bigint[] => [...new Set(values)].sort((a, b) => (a < b ? -1 : 1));

/** Of the values, which are in ascending order, those that a set tells from their neighbours. */
export function namedIn(saved: SavedSets, place: Place, sorted: readonly bigint[]): Set<bigint> {
  const { variable, low, high, entries } = reading(saved);
  const end = place.first + place.bits;
  const named = new Set<bigint>();
  /** Where the values begin that have a 1 in this bit, of those from `from` to `to` that are the same above it. */
  const split = (from: number, to: number, bit: bigint): number => {
    let [a, b] = [from, to];
    while (a < b) {
      const middle = (a + b) >> 1;
      if (((sorted[middle] as bigint) & bit) === 0n) a = middle + 1;
      else b = middle;
    }
    return a;
  };
  const seek = (set: number, from: number, to: number, level: number): void => {
    const at = variable(set);
    if (from === to || at >= end) return;
    if (level === end - 1) {
      for (let i = from; i < to; i++) named.add(sorted[i] as bigint);
      return;
    }
    const middle = split(from, to, 1n << BigInt(end - 1 - level));
    seek(at === level ? low(set) : set, from, middle, level + 1);
    seek(at === level ? high(set) : set, middle, to, level + 1);
  };
  for (const set of entries(place)) seek(set, 0, sorted.length, place.first);
  return named;
}

/** Whether no set tells the values of any one of these lists from each other. */
export function isBlindTo(saved: SavedSets, place: Place, lists: readonly (readonly bigint[])[]): boolean {
  const { variable, low, high, entries } = reading(saved);
  const end = place.first + place.bits;
  /** What follows for all values; undefined where that is not the same. */
  const behind = (set: number, values: readonly bigint[]): number | undefined => {
    const at = variable(set);
    if (at >= end) return set;
    const bit = 1n << BigInt(end - 1 - at);
    const zeros = values.filter((value) => (value & bit) === 0n);
    if (zeros.length === 0) return behind(high(set), values);
    if (zeros.length === values.length) return behind(low(set), values);
    const one = behind(low(set), zeros);
    if (one === undefined) return undefined;
    const ones = values.filter((value) => (value & bit) !== 0n);
    return behind(high(set), ones) === one ? one : undefined;
  };
  return entries(place).every((set) => lists.every((values) => values.length < 2 || behind(set, values) !== undefined));
}

/**
 * Nodes under construction. A set is twice the place of its node, and 1 more for the complement, as in `SavedSets`; the
 * side of 1 of a node is never a complement.
 */
function createNodes() {
  const nodes: number[] = [];
  const known = new Map<number, number>();
  return {
    nodes,
    make(variable: number, low: number, high: number): number {
      if (low === high) return low;
      const sign = high & 1;
      const key = (variable * 2 * mostNodes + (low ^ sign)) * 2 * mostNodes + (high ^ sign);
      let place = known.get(key);
      if (place === undefined) {
        nodes.push(variable, low ^ sign, high ^ sign);
        place = nodes.length / 3;
        known.set(key, place);
      }
      return 2 * place + sign;
    },
    /** The variable of a set's node; beyond all where it has none. */
    variable: (set: number): number => (set < 2 ? Number.POSITIVE_INFINITY : (nodes[3 * (set >> 1) - 3] as number)),
    low: (set: number): number => (nodes[3 * (set >> 1) - 2] as number) ^ (set & 1),
    high: (set: number): number => (nodes[3 * (set >> 1) - 1] as number) ^ (set & 1),
  };
}

type Nodes = ReturnType<typeof createNodes>;

function exchanged(saved: SavedSets, ranges: readonly Range[]): SavedSets | undefined {
  const { variables, nodes, sets } = saved;
  const made = createNodes();
  const { entries } = reading(saved);
  const entered = new Set(ranges.flatMap(({ first, end }) => entries({ first, bits: end - first })));
  const rangeOf: (Range | undefined)[] = Array.from({ length: variables }, () => undefined);
  for (const range of ranges) rangeOf.fill(range, range.first, range.end);
  /** What each node has become: as it is reached from above its bits, and from among them, where nothing is exchanged yet. */
  const done: number[] = [0];
  const inside: number[] = [0];
  const setOf = (list: readonly number[], set: number): number => (list[set >> 1] as number) ^ (set & 1);
  for (let i = 0; i < nodes.length; i += 3) {
    const [variable = 0, low = 0, high = 0] = [nodes[i], nodes[i + 1], nodes[i + 2]];
    const range = rangeOf[variable];
    const below = (set: number): number => {
      const next = set < 2 ? undefined : rangeOf[nodes[3 * (set >> 1) - 3] as number];
      return setOf(range && next === range ? inside : done, set);
    };
    const same = made.make(variable, below(low), below(high));
    inside.push(same);
    done.push(range && entered.has(2 * inside.length - 2) ? withExchanged(made, same, range) : same);
    if (made.nodes.length >= 3 * mostNodes) return undefined;
  }
  return reachable({ variables, nodes: made.nodes, sets: sets.map((set) => setOf(done, set)) });
}

/** A value and what follows where bits have it. */
interface Wanted {
  readonly value: bigint;
  readonly set: number;
}

function withExchanged(made: Nodes, set: number, { first, end, moved }: Range): number {
  const behind = moved.map(([value]) => follow(made, set, value, end));
  const at = new Map(moved.map(([value], index) => [value, behind[index] as number]));
  const wanted = moved.flatMap(([value, other], index): Wanted[] => {
    const there = at.get(other) ?? follow(made, set, other, end);
    return there === behind[index] ? [] : [{ value, set: there }];
  });
  return changed(made, set, wanted, first, end);
}

/** What follows in a set where the bits up to `end` have a value. */
function follow(made: Nodes, set: number, value: bigint, end: number): number {
  let at = set;
  for (let variable = made.variable(at); variable < end; variable = made.variable(at)) {
    at = ((value >> BigInt(end - 1 - variable)) & 1n) === 0n ? made.low(at) : made.high(at);
  }
  return at;
}

/** The set with something else behind these values. */
function changed(made: Nodes, set: number, wanted: readonly Wanted[], variable: number, end: number): number {
  const [only] = wanted;
  if (!only) return set;
  if (variable === end) return only.set;
  const isHere = made.variable(set) === variable;
  const bit = 1n << BigInt(end - 1 - variable);
  const zeros = wanted.filter(({ value }) => (value & bit) === 0n);
  const ones = wanted.filter(({ value }) => (value & bit) !== 0n);
  return made.make(
    variable,
    changed(made, isHere ? made.low(set) : set, zeros, variable + 1, end),
    changed(made, isHere ? made.high(set) : set, ones, variable + 1, end),
  );
}

/** The same sets without nodes that none of them needs. */
function reachable({ variables, nodes, sets }: SavedSets): SavedSets {
  const isNeeded = new Uint8Array(nodes.length / 3 + 1);
  for (const set of sets) isNeeded[set >> 1] = 1;
  for (let place = nodes.length / 3; place > 0; place--) {
    if (isNeeded[place] === 0) continue;
    isNeeded[(nodes[3 * place - 2] as number) >> 1] = 1;
    isNeeded[(nodes[3 * place - 1] as number) >> 1] = 1;
  }
  const places = new Int32Array(isNeeded.length);
  const kept: number[] = [];
  const moved = (set: number): number => 2 * (places[set >> 1] as number) + (set & 1);
  for (let place = 1; place < isNeeded.length; place++) {
    if (isNeeded[place] === 0) continue;
    kept.push(
      nodes[3 * place - 3] as number,
      moved(nodes[3 * place - 2] as number),
      moved(nodes[3 * place - 1] as number),
    );
    places[place] = kept.length / 3;
  }
  return { variables, nodes: kept, sets: sets.map(moved) };
}
