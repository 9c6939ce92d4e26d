/**
 * The connection cache: which chain (`chains.ts`) the packets of one direction
 * of a connection go through, and which connections they belong to on the way.
 *
 *     lookupConnection(flow, hash): usize               the entry, 0 if there is none
 *     installConnection(flow, hash, chain, connections) made once all of a packet's connections are established
 *
 * Sets of eight: eight hashes in one half of a cache line, then the entries of
 * the same numbers, 128 bytes each:
 *
 *      0 | chain         | its version
 *      8 | for each of its connections: index + 1, direction in bit 31; version
 *     40 | words of the flow: ETH_DST, ETH_SRC, L4, IN; then IP4, or IP6_SRC and IP6_DST; then the chain's others
 *
 * Nothing tells an entry that its connection is gone: whoever uses it asks the
 * connection whether its version is still the same.
 */
import { reserve } from './arena';
import {
  CHAIN_CONNECTIONS,
  CHAIN_OTHER_COUNT,
  CHAIN_OTHER_MASKS,
  CHAIN_OTHER_NUMBERS,
  CHAIN_TRACKED,
  CHAIN_VERSION,
} from './chains';
import { hot, pulse } from './connection';
import { CACHE_CONNECTION_NEW, countCache } from './counters';
import { dropLanes } from './lanes';
import { B_ETH_TYPE, W_ETH_SRC, W_IN, W_IP4, W_IP6_DST, W_IP6_SRC, W_L4 } from './layout';
import { TYPE_IP6 } from './rewrite';

const WAYS: u32 = 8;
const ENTRY_SIZE: u32 = 128;
export const ENTRY_CHAIN: u32 = 0;
const ENTRY_CHAIN_VERSION: u32 = 4;
export const ENTRY_CONNECTIONS: u32 = 8;
/** Bytes that an entry has for each connection. */
export const CONNECTION_SIZE: u32 = 8;
const KEY: u32 = 40;

let tags: usize = 0;
let entries: usize = 0;
let setMask: u32 = 0;
let turn: u32 = 0;
/** Whether there was ever an entry. */
export let hasConnections: bool = false;
/** How often an entry was made or dropped: as long as it stays, what was looked up holds. */
export let connectionChanges: u32 = 0;
/** Takes what was read only to have it near. */
export let near: u32 = 0;

/** Takes memory for `most` entries, rounded up to a power of two; false if there is none. */
export function initConnections(most: u32): bool {
  const count: u32 = 1 << (32 - clz<u32>((most < 64 ? 64 : most) - 1));
  setMask = count / WAYS - 1;
  tags = reserve((count as usize) << 2);
  entries = reserve((count as usize) * ENTRY_SIZE);
  return tags !== 0 && entries !== 0;
}

/** 0 stands for a free place. */
function tagOf(hash: u32): u32 {
  return hash === 0 ? 1 : hash;
}

/** Reads the hashes of the set that a hash belongs to, so that they are near. */
export function touchSet(hash: u32): void {
  near += load<u32>(tags + (((hash & setMask) * WAYS) << 2));
}

/** Reads the entry that is likely to be the hash's, so that it is near. */
export function touchEntry(hash: u32): void {
  const first = (hash & setMask) * WAYS;
  const same = sameTags(first, hash);
  if (same === 0) return;
  const entry = entries + (first + ctz<i32>(same)) * ENTRY_SIZE;
  near += load<u32>(entry) + load<u32>(entry, 64);
}

/** Reads the connections of an entry, so that they are near. */
export function touchTracked(entry: usize): void {
  const chain: usize = load<u32>(entry, ENTRY_CHAIN);
  const count = load<u32>(chain, CHAIN_TRACKED);
  for (let i: u32 = 0; i < count; i++) {
    const number = load<u32>(entry + ENTRY_CONNECTIONS + i * CONNECTION_SIZE) & 0x7fffffff;
    near += load<u32>(hot(number - 1)) + load<u32>(pulse(number - 1));
  }
}

/** A bit for each way of the set at `first` whose hash it is. */
function sameTags(first: u32, hash: u32): i32 {
  const at = tags + (first << 2);
  const wanted = i32x4.splat(tagOf(hash));
  return i32x4.bitmask(i32x4.eq(v128.load(at), wanted)) | (i32x4.bitmask(i32x4.eq(v128.load(at, 16), wanted)) << 4);
}

/** The entry for a packet as it came in; 0 if there is none. */
export function lookupConnection(flow: usize, hash: u32): usize {
  const first = (hash & setMask) * WAYS;
  let same = sameTags(first, hash);
  while (same !== 0) {
    const entry = entries + (first + ctz<i32>(same)) * ENTRY_SIZE;
    if (isEntry(entry, flow)) return entry;
    same &= same - 1;
  }
  return 0;
}

/** Whether an entry is of a living chain, and this flow's. */
export function isEntry(entry: usize, flow: usize): bool {
  const chain: usize = load<u32>(entry, ENTRY_CHAIN);
  if (load<u32>(chain, CHAIN_VERSION) !== load<u32>(entry, ENTRY_CHAIN_VERSION)) return false;
  const first = load<u64>(flow);
  let differs =
    (load<u64>(entry, KEY) ^ first) |
    (load<u64>(entry, KEY + 8) ^ load<u64>(flow, W_ETH_SRC << 3)) |
    (load<u64>(entry, KEY + 16) ^ load<u64>(flow, W_L4 << 3)) |
    (load<u64>(entry, KEY + 24) ^ load<u64>(flow, W_IN << 3));
  let at = entry + KEY + 32;
  if (((first >> B_ETH_TYPE) as u32) === TYPE_IP6) {
    differs |= load<u64>(at) ^ load<u64>(flow, W_IP6_SRC << 3);
    differs |= load<u64>(at, 8) ^ load<u64>(flow, (W_IP6_SRC + 1) << 3);
    differs |= load<u64>(at, 16) ^ load<u64>(flow, W_IP6_DST << 3);
    differs |= load<u64>(at, 24) ^ load<u64>(flow, (W_IP6_DST + 1) << 3);
    at += 32;
  } else {
    differs |= load<u64>(at) ^ load<u64>(flow, W_IP4 << 3);
    at += 8;
  }
  if (differs !== 0) return false;
  const others = load<u32>(chain, CHAIN_OTHER_COUNT);
  for (let i: u32 = 0; i < others; i++) {
    if (otherWord(chain, i, flow) !== load<u64>(at + (i << 3))) return false;
  }
  return true;
}

function otherWord(chain: usize, i: u32, flow: usize): u64 {
  const number: u32 = load<u8>(chain + CHAIN_OTHER_NUMBERS + i);
  return load<u64>(flow + (number << 3)) & load<u64>(chain + CHAIN_OTHER_MASKS + (i << 3));
}

/**
 * Makes the entry for a packet that came in with this flow; `connections` has
 * CHAIN_CONNECTIONS times CONNECTION_SIZE bytes.  What it replaces is a free
 * place if there is one in its set.
 */
export function installConnection(flow: usize, hash: u32, chain: usize, connections: usize): void {
  const first = (hash & setMask) * WAYS;
  const way = chooseWay(first, hash, flow);
  const entry = entries + (first + way) * ENTRY_SIZE;
  store<u32>(entry, chain as u32, ENTRY_CHAIN);
  store<u32>(entry, load<u32>(chain, CHAIN_VERSION), ENTRY_CHAIN_VERSION);
  memory.copy(entry + ENTRY_CONNECTIONS, connections, CHAIN_CONNECTIONS * CONNECTION_SIZE);
  const word = load<u64>(flow);
  store<u64>(entry, word, KEY);
  store<u64>(entry, load<u64>(flow, W_ETH_SRC << 3), KEY + 8);
  store<u64>(entry, load<u64>(flow, W_L4 << 3), KEY + 16);
  store<u64>(entry, load<u64>(flow, W_IN << 3), KEY + 24);
  let at = entry + KEY + 32;
  if (((word >> B_ETH_TYPE) as u32) === TYPE_IP6) {
    v128.store(at, v128.load(flow, W_IP6_SRC << 3));
    v128.store(at, v128.load(flow, W_IP6_DST << 3), 16);
    at += 32;
  } else {
    store<u64>(at, load<u64>(flow, W_IP4 << 3));
    at += 8;
  }
  const others = load<u32>(chain, CHAIN_OTHER_COUNT);
  assert(at + (others << 3) <= entry + ENTRY_SIZE);
  for (let i: u32 = 0; i < others; i++) store<u64>(at + (i << 3), otherWord(chain, i, flow));
  store<u32>(tags + ((first + way) << 2), tagOf(hash));
  hasConnections = true;
  connectionChanges += 1;
  countCache(CACHE_CONNECTION_NEW, 1);
}

/** A stale entry of the same hash, else a free place, else one whose turn it is. */
function chooseWay(first: u32, hash: u32, flow: usize): u32 {
  let free: u32 = WAYS;
  for (let way: u32 = 0; way < WAYS; way++) {
    const tag = load<u32>(tags + ((first + way) << 2));
    if (tag === tagOf(hash) && isSameKey(entries + (first + way) * ENTRY_SIZE, flow)) return way;
    if (tag === 0 && free === WAYS) free = way;
  }
  if (free < WAYS) return free;
  turn += 1;
  return turn % WAYS;
}

/** Whether an entry of the same hash is of the same flow, as far as all entries go. */
function isSameKey(entry: usize, flow: usize): bool {
  return load<u64>(entry, KEY + 16) === load<u64>(flow, W_L4 << 3) && load<u64>(entry, KEY) === load<u64>(flow);
}

/** Forgets an entry. */
export function dropConnection(entry: usize): void {
  connectionChanges += 1;
  store<u32>(tags + (((entry - entries) / ENTRY_SIZE) << 2), 0);
}

/** Forgets all entries, and the lanes. */
export function dropConnections(): void {
  dropLanes();
  memory.fill(tags, 0, ((setMask as usize) + 1) * WAYS * 4);
  hasConnections = false;
  connectionChanges += 1;
}
