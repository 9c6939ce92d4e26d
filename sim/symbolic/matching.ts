/**
 * Matches against stores: which of the packets that entered match, now that they
 * look as the store says.
 */
import type { Comparison, Expr, StringComparison } from '../../engine/lang/ir.ts';
import type { Literal, PacketSet, Space } from '../../engine/sets/index.ts';
import { placeOf, read, type Store } from './store.ts';
import { type Piece, plusMatches, type Value } from './value.ts';

/** A match as it is evaluated: places and numbers instead of symbols and names. */
export type Test =
  | {
      readonly type: 'bits';
      readonly place: number;
      readonly value: bigint;
      readonly mask: bigint;
      readonly equal: boolean;
    }
  | { readonly type: 'and' | 'or'; readonly terms: readonly Test[] }
  | { readonly type: 'constant'; readonly value: boolean };

export const always: Test = { type: 'constant', value: true };
const never: Test = { type: 'constant', value: false };

/** What the names in a match stand for. */
export interface Names {
  /** The number of a port or multicast group by its name; undefined if the datapath has none of that name. */
  numberOf(name: string): number | undefined;
  isResident(port: string): boolean;
}

/** Bits of the places `inport` and `outport`. */
export const portMask = (1n << 20n) - 1n;

/** Makes a test of an annotated expression. */
export function testOf(expr: Expr, names: Names): Test {
  switch (expr.type) {
    case 'boolean':
      return expr.value ? always : never;
    case 'is_chassis_resident':
      return names.isResident(expr.port) !== expr.negated ? always : never;
    case 'string':
      return portTest(expr, names);
    case 'comparison':
      return comparisonTest(expr);
    default:
      return combined(
        expr.type,
        expr.terms.map((term) => testOf(term, names)),
      );
  }
}

/** Both, or either, of the tests. */
export function combined(type: 'and' | 'or', terms: readonly Test[]): Test {
  const absorbing = type === 'or';
  const flat: Test[] = [];
  for (const term of terms) {
    if (term.type === 'constant') {
      if (term.value === absorbing) return term;
    } else if (term.type === type) flat.push(...term.terms);
    else flat.push(term);
  }
  if (flat.length === 1) return flat[0] as Test;
  return flat.length === 0 ? { type: 'constant', value: !absorbing } : { type, terms: flat };
}

function portTest({ symbol, relop, value }: StringComparison, names: Names): Test {
  const number = names.numberOf(value);
  const place = placeOf(symbol);
  const equal = relop === '==';
  if (number === undefined || place === undefined) return equal ? never : always;
  return { type: 'bits', place, value: BigInt(number), mask: portMask, equal };
}

function comparisonTest({ symbol, relop, value, mask }: Comparison): Test {
  const place = placeOf(symbol);
  if (place === undefined) return never;
  const shift = BigInt(symbol.ofs);
  if (relop === '==' || relop === '!=') {
    if (mask === 0n) return relop === '==' ? always : never;
    return { type: 'bits', place, value: value << shift, mask: mask << shift, equal: relop === '==' };
  }
  return orderTest(place, shift, relop, value, mask);
}

/** The mask is one run of bits; the numbers below or above a bound are a few prefixes. */
function orderTest(place: number, shift: bigint, relop: '<' | '<=' | '>' | '>=', value: bigint, mask: bigint): Test {
  const low = BigInt(mask.toString(2).length - mask.toString(2).lastIndexOf('1') - 1);
  const run = mask >> low;
  const bound = value >> low;
  const from = relop === '>' ? bound + 1n : relop === '>=' ? bound : 0n;
  const to = relop === '<' ? bound - 1n : relop === '<=' ? bound : run;
  const terms = prefixes(from, to, run).map(
    (prefix): Test => ({
      type: 'bits',
      place,
      value: prefix.value << (low + shift),
      mask: prefix.mask << (low + shift),
      equal: true,
    }),
  );
  return combined(
    'or',
    terms.length === 0 ? [never] : terms.some((term) => term.type === 'bits' && term.mask === 0n) ? [always] : terms,
  );
}

/** Numbers `from` to `to`, of those up to `all` (all ones), as values under masks. */
export function prefixes(from: bigint, to: bigint, all: bigint): { value: bigint; mask: bigint }[] {
  const parts: { value: bigint; mask: bigint }[] = [];
  let at = from;
  while (at <= to) {
    let size = 1n;
    while ((at & size) === 0n && size <= all && at + 2n * size - 1n <= to && 2n * size - 1n <= all) size *= 2n;
    parts.push({ value: at, mask: all & ~(size - 1n) });
    at += size;
  }
  return parts;
}

/** Whether what is unknown of the packet counts as matching: `may` for what might match, `must` for what surely does. */
export type Certainty = 'may' | 'must';

/** The packets that match, looking as the store says. */
export function matching(space: Space, store: Store, test: Test, certainty: Certainty): PacketSet {
  switch (test.type) {
    case 'constant':
      return test.value ? space.all : space.empty;
    case 'bits':
      return bitsMatching(space, read(store, test.place), test, certainty);
    case 'or':
      return space.orAll(test.terms.map((term) => matching(space, store, term, certainty)));
    case 'and':
      return allMatching(space, store, test.terms, certainty);
  }
}

/** What tests matched: which places they look at, and the sets by the values that were there. */
export type Matches = Map<Test, { readonly places: readonly number[]; readonly sets: Map<string, PacketSet> }>;

/** The packets that may match: worked out once for stores with the same values where the test looks. */
export function matchingOnce(known: Matches, space: Space, store: Store, test: Test): PacketSet {
  if (test.type === 'constant') return test.value ? space.all : space.empty;
  let found = known.get(test);
  if (!found) {
    found = { places: [...new Set(placesIn(test))], sets: new Map() };
    known.set(test, found);
  }
  let key = '';
  for (const place of found.places) key += `${read(store, place).id} `;
  let set = found.sets.get(key);
  if (set === undefined) {
    set = matching(space, store, test, 'may');
    found.sets.set(key, set);
  }
  return set;
}

const placesIn = (test: Test): number[] =>
  test.type === 'constant' ? [] : test.type === 'bits' ? [test.place] : test.terms.flatMap(placesIn);

/** Demands of single fields make one cube; the others are intersected with it, as long as there is anything left. */
function allMatching(space: Space, store: Store, terms: readonly Test[], certainty: Certainty): PacketSet {
  const literals: Literal[] = [];
  const others: Test[] = [];
  for (const term of terms) {
    if (term.type !== 'bits' || !term.equal) others.push(term);
    else {
      const found = literalsOf(read(store, term.place), term.value, term.mask, literals);
      if (found === 'no') return space.empty;
      if (found === 'other') others.push(term);
    }
  }
  let set = literals.length === 0 ? space.all : space.cube(literals);
  for (const term of others) {
    if (set === space.empty) break;
    const more = matching(space, store, term, certainty);
    set = set === space.all ? more : space.and(set, more);
  }
  return set;
}

function bitsMatching(
  space: Space,
  value: Value,
  test: Test & { readonly type: 'bits' },
  certainty: Certainty,
): PacketSet {
  // What is not equal for sure is what may not be equal.
  const side = test.equal ? certainty : certainty === 'may' ? 'must' : 'may';
  const equal = equalTo(space, value, test.value, test.mask, side);
  return test.equal ? equal : space.not(equal);
}

function equalTo(space: Space, of: Value, value: bigint, mask: bigint, certainty: Certainty): PacketSet {
  if (of.options) return optionsEqualTo(space, of, value, mask, certainty);
  const { pieces } = of;
  const literals: Literal[] = [];
  let set = space.all;
  let ofs = 0;
  for (const piece of pieces) {
    const ones = (1n << BigInt(piece.n)) - 1n;
    const wanted = (mask >> BigInt(ofs)) & ones;
    const bits = (value >> BigInt(ofs)) & wanted;
    ofs += piece.n;
    if (wanted === 0n) continue;
    switch (piece.kind) {
      case 'constant':
        if ((piece.value & wanted) !== bits) return space.empty;
        break;
      case 'input':
        literals.push(literalOf(piece, bits, wanted));
        break;
      case 'plus':
        set = space.and(set, plusMatches(space, piece, bits, wanted));
        break;
      case 'any':
        if (certainty === 'must') return space.empty;
        break;
    }
  }
  if (literals.length === 0) return set;
  const cube = space.cube(literals);
  return set === space.all ? cube : space.and(set, cube);
}

/** Where the whole value is asked for, constants need not be compared one by one. */
function optionsEqualTo(
  space: Space,
  { options = [], byConstant, asked, width }: Value,
  value: bigint,
  mask: bigint,
  certainty: Certainty,
): PacketSet {
  const isWhole = mask === (1n << BigInt(width)) - 1n;
  const key = `${value} ${mask} ${certainty}`;
  const known = asked?.get(key);
  if (known !== undefined) return known;
  const sets: PacketSet[] = [];
  if (isWhole) {
    const constant = byConstant?.get(value);
    if (constant !== undefined) sets.push(constant);
    if (byConstant?.size === options.length) return constant ?? space.empty;
  }
  for (const option of options) {
    if (isWhole && option.value.constant !== undefined) continue;
    const equal = equalTo(space, option.value, value, mask, certainty);
    if (equal !== space.empty) sets.push(equal === space.all ? option.packets : space.and(option.packets, equal));
  }
  const found = space.orAll(sets);
  asked?.set(key, found);
  return found;
}

function literalOf({ field, ofs }: Piece & { readonly kind: 'input' }, value: bigint, mask: bigint): Literal {
  return ofs === 0 ? { field, value, mask } : { field, value: value << BigInt(ofs), mask: mask << BigInt(ofs) };
}

/** Adds the literals that equality amounts to. `no`: never equal. `other`: it takes more than literals. */
function literalsOf(value: Value, bits: bigint, mask: bigint, literals: Literal[]): 'yes' | 'no' | 'other' {
  if (value.constant !== undefined) return (value.constant & mask) === bits ? 'yes' : 'no';
  if (value.options) return 'other';
  const { pieces } = value;
  for (const { kind } of pieces) if (kind === 'plus' || kind === 'any') return 'other';
  let ofs = 0;
  for (const piece of pieces) {
    const wanted = (mask >> BigInt(ofs)) & ((1n << BigInt(piece.n)) - 1n);
    const part = (bits >> BigInt(ofs)) & wanted;
    ofs += piece.n;
    if (wanted === 0n) continue;
    if (piece.kind === 'constant') {
      if ((piece.value & wanted) !== part) return 'no';
    } else if (piece.kind === 'input') literals.push(literalOf(piece, part, wanted));
  }
  return 'yes';
}

/** Whether what the test says of the packets of a store depends on something unknown. */
export function isVague(store: Store, test: Test): boolean {
  switch (test.type) {
    case 'constant':
      return false;
    case 'bits':
      return read(store, test.place).vague;
    default:
      return test.terms.some((term) => isVague(store, term));
  }
}
