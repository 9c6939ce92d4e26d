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
 *
 * A journal in front of the table tells which entries were written last, and how
 * many nodes there were then: what names nodes that are dropped is among those
 * that were written with more nodes, and they all go.  The table is searched only
 * where the journal does not reach back so far, after more work than that takes.
 *
 *       0        4
 *      +--------+--------+
 *      | entry  | nodes  |
 *      +--------+--------+
 */
import { nodeCount } from './census';

/** Operations; the third kind is told apart by what stands above these bits. */
export const AND: u32 = 0;
export const INTERSECTS: u32 = 1;
export const COMPOSE: u32 = 2;
export const OPERATION_BITS: u32 = 2;

const ENTRY: usize = 16;
const JOURNAL_ENTRY: usize = 8;
/** Entries of the journal, a power of two. */
const JOURNAL: usize = 4096;
const FACTOR: u64 = ((0x9e3779b9 as u64) << 32) | 0x7f4a7c15;
const FACTOR_OPERATION: u64 = ((0xc2b2ae3d as u64) << 32) | 0x27d4eb4f;

let cacheAt: usize = 0;
let entries: u32 = 0;
let shift: u64 = 0;
let steps: u64 = 0;
let hits: u64 = 0;
let journalAt: usize = 0;
/** Where the journal, a ring, goes on. */
let writes: u32 = 0;
/** How many nodes there were at most with the writes that the journal no longer tells of. */
let lostNodes: u32 = 0;

/** Bytes of a cache of 2^`log` entries, with its journal. */
export function cacheBytes(log: u32): usize {
  return JOURNAL * JOURNAL_ENTRY + (ENTRY << log);
}

/** An empty cache of 2^`log` entries from `at` on. */
export function placeCache(at: usize, log: u32): void {
  journalAt = at;
  cacheAt = at + JOURNAL * JOURNAL_ENTRY;
  entries = 1 << log;
  shift = 64 - log;
  forgetAll();
}

/** Twice as many entries, in twice as many bytes: what is known stays. */
export function growCache(): void {
  const before = entries;
  entries <<= 1;
  shift -= 1;
  // Each entry goes to one of the two places that its own becomes: from the last one on, none stands there any more.
  for (let i = before; i > 0; i--) {
    const at = cacheAt + (((i - 1) as usize) << 4);
    const key = load<u64>(at);
    const rest = load<u64>(at, 8);
    clear(at);
    clear(cacheAt + ((((i - 1) as usize) * 2) << 4));
    clear(cacheAt + ((((i - 1) as usize) * 2 + 1) << 4));
    if (key === 0) continue;
    const to = place(key, rest as u32);
    store<u64>(to, key);
    store<u64>(to, rest, 8);
  }
  // The journal names the old places.
  memory.fill(journalAt, 0, JOURNAL * JOURNAL_ENTRY);
  writes = 0;
  lostNodes = nodeCount();
}

function clear(at: usize): void {
  store<u64>(at, 0);
  store<u64>(at, 0, 8);
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
  const journal = journalPlace(writes);
  const lost = load<u32>(journal, 4);
  if (lost > lostNodes) lostNodes = lost;
  store<u64>(journal, (at as u64) | ((nodeCount() as u64) << 32));
  writes += 1;
}

function journalPlace(write: u32): usize {
  return journalAt + (((write as usize) & (JOURNAL - 1)) << 3);
}

/** Forgets what names nodes from `mark` on, and what is known since there are more. */
export function forgetFrom(mark: u32): void {
  for (;;) {
    const journal = journalPlace(writes - 1);
    // 0 where the journal ends.
    if (load<u32>(journal, 4) <= mark) break;
    store<u64>(load<u32>(journal), 0);
    store<u64>(journal, 0);
    writes -= 1;
  }
  if (lostNodes <= mark) return;
  const first = mark << 1;
  for (let at = cacheAt, end = cacheAt + ((entries as usize) << 4); at < end; at += ENTRY) {
    const result: u32 = load<u32>(at, 8) === INTERSECTS ? 0 : load<u32>(at, 12);
    if (load<u32>(at) >= first || load<u32>(at, 4) >= first || result >= first) store<u64>(at, 0);
  }
  lostNodes = mark;
}

/** Forgets everything. */
export function forgetAll(): void {
  memory.fill(journalAt, 0, cacheAt - journalAt + ((entries as usize) << 4));
  writes = 0;
  lostNodes = 0;
}

/** Steps of operations so far. */
export function stepCount(): f64 {
  return steps as f64;
}

/** How many of them this cache answered. */
export function hitCount(): f64 {
  return hits as f64;
}
