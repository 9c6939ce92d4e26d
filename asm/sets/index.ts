/** What the module of sets of packets exports. Sets that it takes are checked; NONE is the answer to what is none. */
import { and as andOf, intersects as intersectsOf } from './boolean';
import { forgetFrom } from './cache';
import { compose as composeOf } from './compose';
import { highOf, known, levelOf, lowOf, make, NONE, unlink } from './nodes';

export { hitCount, stepCount } from './cache';
export { nodeCount, peakCount } from './census';
export { beginSubstitutions } from './compose';
export { cube } from './cube';
export {
  bitsAt,
  bytes,
  renumber,
  renumbered,
  settle,
  setUp,
  substitutionsAt,
  want,
  wasFull,
} from './nodes';

export function and(a: u32, b: u32): u32 {
  return known(a) && known(b) ? andOf(a, b) : NONE;
}

/** 1 or 0. */
export function intersects(a: u32, b: u32): u32 {
  return known(a) && known(b) ? (intersectsOf(a, b) ? 1 : 0) : NONE;
}

export function compose(set: u32, number: u32, lastVariable: u32): u32 {
  return known(set) ? composeOf(set, number, lastVariable) : NONE;
}

/** The set that is `low` where a variable is 0 and `high` where it is 1; both have later variables only. */
export function node(level: u32, low: u32, high: u32): u32 {
  return make(level, low, high);
}

export function isSet(set: u32): bool {
  return known(set);
}

export function level(set: u32): u32 {
  return levelOf(set);
}

export function low(set: u32): u32 {
  return lowOf(set);
}

export function high(set: u32): u32 {
  return highOf(set);
}

/** Begins to drop the nodes from `mark` on (nodes.ts): `want`, `renumber`, `renumbered` and `settle` are next. */
export function drop(mark: u32): void {
  forgetFrom(mark);
  unlink(mark);
}
