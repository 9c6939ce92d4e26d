/**
 * What operations gave, so that none is done twice soon.
 *
 * A table of entries of 16 bytes, each at the one place that its hash names: the
 * one who comes last stays.  It grows with the nodes, up to what a core's second
 * level cache holds.
 *
 *       0        4        8             12
 *      +--------+--------+-------------+--------+
 *      | a      | b      | operation   | result |
 *      +--------+--------+-------------+--------+
 *
 * No operation asks about a set of number 0 or 1 as its `a`, so that zeros are
 * an empty entry.
 */

/** Operations; the third kind is told apart by what stands above these bits. */
export const AND: u32 = 0;
export const INTERSECTS: u32 = 1;
export const COMPOSE: u32 = 2;
export const OPERATION_BITS: u32 = 2;

const ENTRY: usize = 16;
const FACTOR: u64 = ((0x9e3779b9 as u64) << 32) | 0x7f4a7c15;
const FACTOR_OPERATION: u64 = ((0xc2b2ae3d as u64) << 32) | 0x27d4eb4f;

let cacheAt: usize = 0;
let entries: u32 = 0;
let shift: u64 = 0;
let steps: u64 = 0;
let hits: u64 = 0;

/** Bytes of a cache of 2^`log` entries. */
export function cacheBytes(log: u32): usize {
  return ENTRY << log;
}

/** An empty cache of 2^`log` entries from `at` on. */
export function placeCache(at: usize, log: u32): void {
  cacheAt = at;
  entries = 1 << log;
  shift = 64 - log;
  memory.fill(at, 0, ENTRY << log);
}

function place(key: u64, operation: u32): usize {
  const hash = (key ^ ((operation as u64) * FACTOR_OPERATION)) * FACTOR;
  return cacheAt + (((hash >> shift) as usize) << 4);
}

/** Where the result of an operation stands, 0 if it is not known; counts a step. */
export function recall(a: u32, b: u32, operation: u32): usize {
  const key = (a as u64) | ((b as u64) << 32);
  const at = place(key, operation);
  steps += 1;
  if (load<u64>(at) !== key || load<u32>(at, 8) !== operation) return 0;
  hits += 1;
  return at + 12;
}

export function remember(a: u32, b: u32, operation: u32, result: u32): void {
  const key = (a as u64) | ((b as u64) << 32);
  const at = place(key, operation);
  store<u64>(at, key);
  store<u64>(at, (operation as u64) | ((result as u64) << 32), 8);
}

/** Forgets what names a set of a number from `first` on. */
export function forgetFrom(first: u32): void {
  for (let at = cacheAt, end = cacheAt + ((entries as usize) << 4); at < end; at += ENTRY) {
    const operation = load<u32>(at, 8);
    const result: u32 = operation === INTERSECTS ? 0 : load<u32>(at, 12);
    if (load<u32>(at) >= first || load<u32>(at, 4) >= first || result >= first) store<u64>(at, 0);
  }
}

/** Forgets everything. */
export function forgetAll(): void {
  memory.fill(cacheAt, 0, (entries as usize) << 4);
}

/** Steps of operations so far. */
export function stepCount(): f64 {
  return steps as f64;
}

/** How many of them this cache answered. */
export function hitCount(): f64 {
  return hits as f64;
}
