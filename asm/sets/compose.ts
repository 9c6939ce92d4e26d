/**
 * Sets with something in the place of variables: a constant, any value at all,
 * or another set, which says where the variable is 1.
 */

import { and, choose, or } from './boolean';
import { COMPOSE, forgetAll, OPERATION_BITS, recall, remember } from './cache';
import { highOf, levelCount, levelOf, lowOf, make, substitutionsAt } from './nodes';

/** In the place of a variable: itself; any value. */
export const ITSELF: u32 = 0xffffffff;
export const ANY: u32 = 0xfffffffe;

/** The last variable that has a substitution. */
let last: u32 = 0;
let operation: u32 = 0;
let serial: u32 = 0;

/** Begins substitutions: all variables stand for themselves. The number tells equal substitutions to `compose`. */
export function beginSubstitutions(): u32 {
  memory.fill(substitutionsAt(), 0xff, levelCount() * 4);
  serial += 1;
  if (serial === (1 as u32) << (32 - OPERATION_BITS)) {
    forgetAll();
    serial = 1;
  }
  return serial;
}

/**
 * The set with the substitutions that stand at `substitutionsAt`; variables behind
 * `lastVariable` have none.  `number` came from `beginSubstitutions`, for these
 * or for the same ones before.
 */
export function compose(set: u32, number: u32, lastVariable: u32): u32 {
  operation = (number << OPERATION_BITS) | COMPOSE;
  last = lastVariable;
  return substitute(set);
}

function substitute(set: u32): u32 {
  const level = levelOf(set);
  if (level > last) return set;
  const known = recall(set, 0, operation);
  if (known !== 0) return load<u32>(known);
  const by = load<u32>(substitutionsAt() + ((level as usize) << 2));
  let result: u32;
  if (by === 0) {
    result = substitute(lowOf(set));
  } else if (by === 1) {
    result = substitute(highOf(set));
  } else {
    const low = substitute(lowOf(set));
    if (by === ANY) {
      result = low === 1 ? 1 : or(low, substitute(highOf(set)));
    } else {
      const high = substitute(highOf(set));
      if (by === ITSELF) result = test(level, low, high);
      else if (lowOf(by) === 0 && highOf(by) === 1) result = test(levelOf(by), low, high);
      else result = choose(by, low, high);
    }
  }
  remember(set, 0, operation, result);
  return result;
}

/** `low` where the variable of `level` is 0, `high` where it is 1; they may have earlier variables. */
function test(level: u32, low: u32, high: u32): u32 {
  if (level < levelOf(low) && level < levelOf(high)) return make(level, low, high);
  if (low === high) return low;
  const variable = make(level, 0, 1);
  return or(and(variable, high), and(variable ^ 1, low));
}
