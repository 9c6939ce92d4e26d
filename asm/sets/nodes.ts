/**
 * The nodes of the decision diagrams, and the memory that they lie in.
 *
 * A set is a number: a node's index times 2, plus 1 if what is meant is all that
 * is not in the node's set.  Node 0 is the empty set, so 0 is none and 1 all
 * packets.  A node says what remains of its set where its variable is 0 and
 * where it is 1.  The first is never a complement (the node is then another
 * one's complement), so equal sets are equal numbers.  Children lie before their
 * parents.
 *
 *       0        4        8        12
 *      +--------+--------+--------+--------+
 *      | low    | high   | level  | next   |      next: in the chain of its hash
 *      +--------+--------+--------+--------+
 *
 * Memory, from the end of the static data on; what is behind a part moves when
 * the part grows:
 *
 *      | bits of a cube, substitutions | cache | heads of chains | nodes ...
 *
 * Chains run from later nodes to earlier ones.
 */
import { cacheBytes, growCache, placeCache } from './cache';
import { nodeCount, resetCensus, setNodeCount } from './census';

/** No set. */
export const NONE: u32 = 0xffffffff;
/** The level of the terminal, below all variables. */
export const BOTTOM: u32 = 0x7fffffff;

const HIGH: usize = 4;
const LEVEL: usize = 8;
const NEXT: usize = 12;
const FIRST_LOG: u32 = 12;
const PAGE: u64 = 65536;
const FACTOR: u64 = ((0x9e3779b9 as u64) << 32) | 0x7f4a7c15;
const FACTOR_LEVEL: u64 = ((0xc2b2ae3d as u64) << 32) | 0x27d4eb4f;

/** Variables: levels are below it. */
let levels: u32 = 0;
/** Bytes that memory may have. */
let limit: u64 = 0;
let headsAt: usize = 0;
let headLog: u32 = 0;
let cacheLog: u32 = 0;
let mostCacheLog: u32 = 0;
let nodesAt: usize = 0;
/** Nodes that there is room for. */
let room: u32 = 0;
/** With so many nodes, half as many as chains, the chains are too long. */
let crowded: u32 = 0;
let isFull: bool = false;

/** Room for the bits of a cube: for each a u32, variable * 2 + value; as many as two a variable, over the substitutions. */
export function bitsAt(): usize {
  return (__heap_base + 15) & ~15;
}

/** Room for a u32 for each variable: what is put in its place (compose.ts). */
export function substitutionsAt(): usize {
  return bitsAt() + levels * 4;
}

/** Makes everything anew. False if `most` bytes are not enough, or there are no more. */
export function setUp(variables: u32, most: u32, mostCache: u32): bool {
  levels = variables;
  limit = most;
  headLog = FIRST_LOG;
  mostCacheLog = mostCache;
  cacheLog = min(headLog, mostCache);
  const cacheAt: usize = (bitsAt() + levels * 8 + 63) & ~63;
  headsAt = cacheAt + cacheBytes(cacheLog);
  nodesAt = headsAt + ((4 as usize) << headLog);
  const first: u32 = 1024;
  if (!reach((nodesAt as u64) + ((first as u64) << 4))) return false;
  placeCache(cacheAt, cacheLog);
  memory.fill(headsAt, 0, (4 as usize) << headLog);
  room = first;
  crowded = (1 as u32) << (headLog - 1);
  resetCensus();
  setNodeCount(1);
  store<u64>(nodesAt, 0);
  store<u32>(nodesAt, BOTTOM, LEVEL);
  store<u32>(nodesAt, 0, NEXT);
  return true;
}

/** Makes memory go to `end`; false if it may not. */
function reach(end: u64): bool {
  if (end > limit) return false;
  const more = (((end + PAGE - 1) / PAGE) as i32) - memory.size();
  return more <= 0 || memory.grow(more) >= 0;
}

/** Bytes of memory. */
export function bytes(): f64 {
  return ((memory.size() as u64) * PAGE) as f64;
}

export function levelCount(): u32 {
  return levels;
}

/** Whether the last call was cut off because memory was full; the next call may ask again. */
export function wasFull(): bool {
  const full = isFull;
  isFull = false;
  return full;
}

/** Whether this number is that of a set that there is. */
export function known(set: u32): bool {
  return set >> 1 < nodeCount();
}

function at(index: u32): usize {
  return nodesAt + ((index as usize) << 4);
}

/** The level of the set's first variable, BOTTOM if it has none. */
export function levelOf(set: u32): u32 {
  return load<u32>(nodesAt + (((set >> 1) as usize) << 4), LEVEL);
}

/** What remains of the set where its first variable is 0. */
export function lowOf(set: u32): u32 {
  return load<u32>(nodesAt + (((set >> 1) as usize) << 4)) ^ (set & 1);
}

/** What remains of the set where its first variable is 1. */
export function highOf(set: u32): u32 {
  return load<u32>(nodesAt + (((set >> 1) as usize) << 4), HIGH) ^ (set & 1);
}

function headOf(level: u32, children: u64): usize {
  const hash = (children ^ ((level as u64) * FACTOR_LEVEL)) * FACTOR;
  return headsAt + (((hash >> (64 - headLog)) as usize) << 2);
}

/** The set that is `low` where the variable of `level` is 0 and `high` where it is 1; both have later variables only. */
export function make(level: u32, low: u32, high: u32): u32 {
  if (low === high) return low;
  const flip = low & 1;
  const children = ((low ^ flip) as u64) | (((high ^ flip) as u64) << 32);
  const head = headOf(level, children);
  for (let i = load<u32>(head); i !== 0; i = load<u32>(at(i), NEXT)) {
    if (load<u64>(at(i)) === children && load<u32>(at(i), LEVEL) === level) return (i << 1) | flip;
  }
  return (add(level, children) << 1) | flip;
}

function add(level: u32, children: u64): u32 {
  const index = nodeCount();
  if (index >= crowded) growHeads();
  if (index === room) growNodes();
  store<u64>(at(index), children);
  store<u32>(at(index), level, LEVEL);
  setNodeCount(index + 1);
  chain(index);
  return index;
}

/** Puts a node at the head of its chain. */
function chain(index: u32): void {
  const head = headOf(load<u32>(at(index), LEVEL), load<u64>(at(index)));
  store<u32>(at(index), load<u32>(head), NEXT);
  store<u32>(head, index);
}

function growNodes(): void {
  const most = ((limit - (nodesAt as u64)) >> 4) as u32;
  const wanted = min(room + max(room, 4096), most);
  if (wanted <= room || !reach((nodesAt as u64) + ((wanted as u64) << 4))) {
    isFull = true;
    unreachable();
  }
  room = wanted;
}

/** Bits of the number of heads that come at once: each time all nodes are put into new chains. */
const STEP_LOG: u32 = 2;

/** Four times as many heads, and a cache that goes with them; without room for them the chains get longer. */
function growHeads(): void {
  const newHeadLog = headLog + STEP_LOG;
  const newCacheLog = min(newHeadLog, mostCacheLog);
  const cacheMore = cacheBytes(newCacheLog) - cacheBytes(cacheLog);
  const more = cacheMore + ((4 as usize) << newHeadLog) - ((4 as usize) << headLog);
  if (!reach((nodesAt as u64) + (more as u64) + ((room as u64) << 4))) {
    crowded = u32.MAX_VALUE;
    return;
  }
  memory.copy(nodesAt + more, nodesAt, (nodeCount() as usize) << 4);
  nodesAt += more;
  headsAt += cacheMore;
  headLog = newHeadLog;
  crowded = (1 as u32) << (headLog - 1);
  for (; cacheLog < newCacheLog; cacheLog++) growCache();
  memory.fill(headsAt, 0, (4 as usize) << headLog);
  for (let i: u32 = 1; i < nodeCount(); i++) chain(i);
}

/**
 * Takes the nodes from `mark` on out of their chains, and makes their `next` 0:
 * the first step of dropping them.  `want` then says which ones are to stay,
 * `renumber` gives those their new places, `renumbered` tells it, `settle` puts
 * them there.
 */
export function unlink(mark: u32): void {
  for (let i = nodeCount() - 1; i >= mark; i--) {
    store<u32>(headOf(load<u32>(at(i), LEVEL), load<u64>(at(i))), load<u32>(at(i), NEXT));
    store<u32>(at(i), 0, NEXT);
  }
}

/** The set stays, if it is one of those that go. */
export function want(set: u32, mark: u32): void {
  const index = set >> 1;
  if (index >= mark) store<u32>(at(index), 1, NEXT);
}

/** Where the wanted nodes, and all below them, will lie: in `next`. */
export function renumber(mark: u32): void {
  for (let i = nodeCount() - 1; i >= mark; i--) {
    if (load<u32>(at(i), NEXT) === 0) continue;
    want(load<u32>(at(i)), mark);
    want(load<u32>(at(i), HIGH), mark);
  }
  let place = mark;
  for (let i = mark, end = nodeCount(); i < end; i++) {
    if (load<u32>(at(i), NEXT) === 0) continue;
    store<u32>(at(i), place, NEXT);
    store<u32>(at(i), renumbered(load<u32>(at(i)), mark));
    store<u32>(at(i), renumbered(load<u32>(at(i), HIGH), mark), HIGH);
    place += 1;
  }
}

/** The set's number from now on. */
export function renumbered(set: u32, mark: u32): u32 {
  const index = set >> 1;
  return index < mark ? set : (load<u32>(at(index), NEXT) << 1) | (set & 1);
}

export function settle(mark: u32): void {
  let place = mark;
  for (let i = mark, end = nodeCount(); i < end; i++) {
    if (load<u32>(at(i), NEXT) === 0) continue;
    store<u64>(at(place), load<u64>(at(i)));
    store<u32>(at(place), load<u32>(at(i), LEVEL), LEVEL);
    chain(place);
    place += 1;
  }
  setNodeCount(place);
}
