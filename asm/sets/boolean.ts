/**
 * Sets of two sets.  `and` is the one operation: complements cost nothing, so
 * the others are made of it.
 *
 * Each descends to the children of the set whose variable stands higher, at most
 * as deep as there are variables.
 */
import { AND, INTERSECTS, recall, remember } from './cache';
import { highOf, levelOf, lowOf, make, NONE } from './nodes';

/** What is in both. */
export function and(a: u32, b: u32): u32 {
  const known = plainly(a, b);
  return known === NONE ? meet(a, b) : known;
}

/** What is in both, where the two numbers alone tell it; NONE otherwise. */
function plainly(a: u32, b: u32): u32 {
  if (a === b) return a;
  if ((a ^ b) === 1) return 0;
  if (a <= 1) return a === 0 ? 0 : b;
  if (b <= 1) return b === 0 ? 0 : a;
  return NONE;
}

function meet(one: u32, other: u32): u32 {
  const a = min(one, other);
  const b = max(one, other);
  const known = recall(a, b, AND);
  if (known !== 0) return load<u32>(known);
  const levelA = levelOf(a);
  const levelB = levelOf(b);
  const level = min(levelA, levelB);
  let lowA = a;
  let highA = a;
  let lowB = b;
  let highB = b;
  if (levelA === level) {
    lowA = lowOf(a);
    highA = highOf(a);
  }
  if (levelB === level) {
    lowB = lowOf(b);
    highB = highOf(b);
  }
  const low = and(lowA, lowB);
  const high = and(highA, highB);
  // Where one set is within the other, its node is at hand: no other is looked for.
  const result = low === lowA && high === highA ? a : low === lowB && high === highB ? b : make(level, low, high);
  remember(a, b, AND, result);
  return result;
}

/** What is in one of them at least. */
export function or(a: u32, b: u32): u32 {
  return and(a ^ 1, b ^ 1) ^ 1;
}

/** `high` where the condition holds, `low` elsewhere. */
export function choose(condition: u32, low: u32, high: u32): u32 {
  if (low === high) return low;
  return or(and(condition, high), and(condition ^ 1, low));
}

/** Whether anything is in both; makes no node. */
export function intersects(a: u32, b: u32): bool {
  if (a === b) return a !== 0;
  if ((a ^ b) === 1) return false;
  // Complements hold the packet of all zeros.
  if ((a & b & 1) !== 0) return true;
  if (a > b) {
    const c = a;
    a = b;
    b = c;
  }
  if (a <= 1) return a === 1;
  const known = recall(a, b, INTERSECTS);
  if (known !== 0) return load<u32>(known) !== 0;
  const levelA = levelOf(a);
  const levelB = levelOf(b);
  let result: bool;
  if (levelA === levelB) result = intersects(lowOf(a), lowOf(b)) || intersects(highOf(a), highOf(b));
  else if (levelA < levelB) result = intersects(lowOf(a), b) || intersects(highOf(a), b);
  else result = intersects(a, lowOf(b)) || intersects(a, highOf(b));
  remember(a, b, INTERSECTS, result ? 1 : 0);
  return result;
}
