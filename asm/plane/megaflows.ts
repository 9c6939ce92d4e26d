/**
 * Megaflows: what the translation of one packet says about all packets that
 * agree with it on the bits it looked at.
 *
 *     lookupMegaflow(flow): usize          the megaflow's record, 0 if there is none
 *     installMegaflow(...): usize          keeps the translation of a packet
 *     invalidateTags, invalidateTables     drop what depended on what changed
 *     ageMegaflows(...)                    a few on every batch
 *
 * Tuple space: the words of the flow under each mask of the packet's origin
 * (`masks.ts`) are looked up in one hash table of lists.  Megaflows do not
 * overlap in what they say, so the first one found will do.
 *
 * A megaflow, 256 bytes:
 *
 *      0 | hash (0 in `MEGAFLOW_MASK`: free) | next  | mask     | program, a block
 *     16 | packets (u64)                             | bytes (u64)
 *     32 | used: `now`  | MF_... flags | number of logical flows | list of them, in the program's block
 *     48 | tags (u64)                                | visited (u64)
 *     64 | the pairs of words under the mask, 11 at most
 *    240 | its straight way (ways.ts), 1: it has none, 0: not known | (zero)
 */
import { reserve } from './arena';
import { giveBlock, takeBlock } from './blocks';
import { now } from './clock';
import { countFlow } from './counters';
import { begin, finish, mix } from './hash';
import { B_RECIRC, DP_CT, DP_END, KEY_WORDS, W_IN } from './layout';
import {
  countHit,
  findOrigin,
  ITEM_LAST,
  initMasks,
  itemMask,
  joinMask,
  leaveMask,
  MASK_NUMBERS,
  MASK_PAIRS,
  maskCount,
  nextItem,
  originCount,
  originList,
} from './masks';
import { POLISH_WORDS, polish } from './polish';

const MEGAFLOW_SIZE: u32 = 256;
const NEXT: u32 = 4;
export const MEGAFLOW_MASK: u32 = 8;
const PROGRAM: u32 = 12;
const PACKETS: u32 = 16;
const BYTES: u32 = 24;
const USED: u32 = 32;
const FLAGS: u32 = 36;
const FLOWS_COUNT: u32 = 40;
const FLOWS: u32 = 44;
const TAGS: u32 = 48;
const VISITED: u32 = 56;
export const MEGAFLOW_KEY: u32 = 64;
const WAY: u32 = 240;

/** Entries of connections refer to it by way of a chain. */
export const MF_CHAINED: u32 = 1;
/** Its program tracks connections. */
export const MF_TRACKS: u32 = 2;

const SALT: u32 = 3;
/** The mask to be installed. */
const WANTED: usize = memory.data(22 * 8, 64);

let records: usize = 0;
let capacity: u32 = 0;
let heads: usize = 0;
let headMask: u32 = 0;
let free: usize = 0;
/** Records below this one were used once. */
let unused: u32 = 0;
let count: u32 = 0;
let hand: u32 = 0;

/** Tells the keeper of chains that a megaflow goes, or asks it to bring its counters up to date. */
let onChained: (megaflow: usize, gone: bool) => void = ignore;

function ignore(megaflow: usize, gone: bool): void {
  assert(megaflow !== 0 || gone);
}

/** Sets what is called before a megaflow of a chain goes, or is judged by its age. */
export function whenChained(call: (megaflow: usize, gone: bool) => void): void {
  onChained = call;
}

/** Tells the keeper of straight ways that a megaflow with one goes. */
let onStraight: (way: usize) => void = ignoreWay;

function ignoreWay(way: usize): void {
  assert(way !== 0);
}

/** Sets what is called before a megaflow with a straight way goes. */
export function whenStraight(call: (way: usize) => void): void {
  onStraight = call;
}

/** Takes memory for `most` megaflows; false if there is none. */
export function initMegaflows(most: u32): bool {
  capacity = most;
  const size: u32 = 1 << (32 - clz<u32>((most < 16 ? 16 : most) - 1));
  headMask = size - 1;
  records = reserve((most as usize) * MEGAFLOW_SIZE);
  heads = reserve((size as usize) << 2);
  return records !== 0 && heads !== 0 && initMasks();
}

export function megaflowCount(): u32 {
  return count;
}

/** Whether it is time to make room. */
export function megaflowsCrowded(): bool {
  return count > capacity - (capacity >> 3);
}

/** The megaflow of a packet's flow, RECIRC included; 0 if there is none. */
export function lookupMegaflow(flow: usize): usize {
  const origin = findOrigin(load<u64>(flow, W_IN << 3));
  if (origin === 0) return 0;
  let item = originList(origin);
  for (let i = originCount(origin); i > 0; i--) {
    const mask = itemMask(item);
    // Often it is the same as for the packet before.
    const last: usize = load<u32>(item, ITEM_LAST);
    const found = last !== 0 && isMatch(last, mask, flow) ? last : findUnder(mask, flow);
    if (found !== 0) {
      countHit(origin, item, found);
      return found;
    }
    item = nextItem(item);
  }
  return 0;
}

/** Whether a megaflow with this mask is the flow's. */
function isMatch(megaflow: usize, mask: usize, flow: usize): bool {
  const pairs = maskCount(mask);
  let differs = i64x2.splat(0);
  for (let k: u32 = 0; k < pairs; k++) {
    const pair = pairUnder(mask, k, flow);
    differs = v128.or(differs, v128.xor(pair, v128.load(megaflow + MEGAFLOW_KEY + (k << 4))));
  }
  return !v128.any_true(differs);
}

function findUnder(mask: usize, flow: usize): usize {
  const hash = hashUnder(mask, flow);
  let at: usize = load<u32>(heads + ((hash & headMask) << 2));
  while (at !== 0) {
    if (load<u32>(at) === hash && (load<u32>(at, MEGAFLOW_MASK) as usize) === mask && isMatch(at, mask, flow)) break;
    at = load<u32>(at, NEXT);
  }
  return at;
}

/** The k-th pair of words of a mask, of the flow. */
function pairUnder(mask: usize, k: u32, flow: usize): v128 {
  const number: u32 = load<u8>(mask + MASK_NUMBERS + k);
  return v128.and(v128.load(flow + (number << 4)), v128.load(mask + MASK_PAIRS + (k << 4)));
}

/** Four lanes, each mixed by itself and then moved on by one, so that equal numbers in different places differ. */
function hashUnder(mask: usize, flow: usize): u32 {
  const pairs = maskCount(mask);
  const factor = i32x4.splat(0x9e3779b1);
  let lanes = i64x2.splat(begin(SALT));
  for (let k: u32 = 0; k < pairs; k++) {
    lanes = i32x4.mul(v128.xor(lanes, pairUnder(mask, k, flow)), factor);
    lanes = v128.xor(lanes, i32x4.shr_u(lanes, 15));
    lanes = v128.shuffle<u32>(lanes, lanes, 1, 2, 3, 0);
  }
  return finish(mix(i64x2.extract_lane(lanes, 0), i64x2.extract_lane(lanes, 1)));
}

/**
 * Keeps a translation: `mask` has KEY_WORDS words, `program` `words` words of
 * 32 bits, `flows` the numbers of `flowsCount` logical flows.  0 if there is no
 * room: the packet is then processed without.
 */
export function installMegaflow(
  flow: usize,
  mask: usize,
  program: usize,
  words: u32,
  tags: u64,
  visited: u64,
  flows: usize,
  flowsCount: u32,
): usize {
  const input = load<u64>(flow, W_IN << 3);
  memory.copy(WANTED, mask, KEY_WORDS << 3);
  // Origins go by these bits, whether translation looked at them or not.
  const always: u64 = input >> B_RECIRC !== 0 ? (0xffffffff as u64) << B_RECIRC : ~(0 as u64);
  store<u64>(WANTED, load<u64>(WANTED, W_IN << 3) | always, W_IN << 3);

  const at = free !== 0 ? free : unused < capacity ? records + unused * MEGAFLOW_SIZE : 0;
  if (at === 0) return 0;
  const block = takeBlock((words + POLISH_WORDS + 1 + flowsCount) << 2);
  if (block === 0) return 0;
  const kept = joinMask(WANTED, input);
  if (kept === 0) {
    giveBlock(block);
    return 0;
  }
  if (free !== 0) free = load<u32>(at, NEXT);
  else unused += 1;
  count += 1;

  const written = polish(program, words, block);
  store<u32>(block + (written << 2), DP_END | (1 << 8));
  const list = block + ((written + 1) << 2);
  memory.copy(list, flows, flowsCount << 2);

  const hash = hashUnder(kept, flow);
  for (let k: u32 = 0; k < maskCount(kept); k++) {
    v128.store(at + MEGAFLOW_KEY + (k << 4), pairUnder(kept, k, flow));
  }
  const head = heads + ((hash & headMask) << 2);
  store<u32>(at, hash);
  store<u32>(at, load<u32>(head), NEXT);
  store<u32>(at, kept as u32, MEGAFLOW_MASK);
  store<u32>(at, block as u32, PROGRAM);
  store<u64>(at, 0, PACKETS);
  store<u64>(at, 0, BYTES);
  store<u32>(at, now, USED);
  store<u32>(at, hasTracking(block) ? MF_TRACKS : 0, FLAGS);
  store<u32>(at, flowsCount, FLOWS_COUNT);
  store<u32>(at, list as u32, FLOWS);
  store<u64>(at, tags, TAGS);
  store<u64>(at, visited, VISITED);
  store<u32>(at, 0, WAY);
  store<u32>(head, at as u32);
  return at;
}

/** Whether a program, which ends with DP_END, has a DP_CT. */
function hasTracking(program: usize): bool {
  for (let at = program; (load<u8>(at) as i32) !== DP_END; at += (load<u8>(at, 1) as usize) << 2) {
    if ((load<u8>(at) as i32) === DP_CT) return true;
  }
  return false;
}

/** The program of a megaflow; it ends with DP_END. */
export function megaflowProgram(megaflow: usize): usize {
  return load<u32>(megaflow, PROGRAM);
}

export function megaflowFlags(megaflow: usize): u32 {
  return load<u32>(megaflow, FLAGS);
}

/** The straight way of a megaflow: 0 not known yet, 1 none. */
export function megaflowWay(megaflow: usize): u32 {
  return load<u32>(megaflow, WAY);
}

export function setMegaflowWay(megaflow: usize, way: u32): void {
  store<u32>(megaflow, way, WAY);
}

export function setMegaflowFlags(megaflow: usize, flags: u32): void {
  store<u32>(megaflow, flags, FLAGS);
}

/** Counts packets that went by a megaflow, the last one at `used`. */
export function countMegaflow(megaflow: usize, packets: u64, bytes: u64, used: u32): void {
  store<u64>(megaflow, load<u64>(megaflow, PACKETS) + packets, PACKETS);
  store<u64>(megaflow, load<u64>(megaflow, BYTES) + bytes, BYTES);
  if (((used - load<u32>(megaflow, USED)) as i32) > 0) store<u32>(megaflow, used, USED);
}

/** Adds what it counted to the logical flows it met, and begins anew. */
function pushCounters(megaflow: usize): void {
  const packets = load<u64>(megaflow, PACKETS);
  if (packets === 0) return;
  const bytes = load<u64>(megaflow, BYTES);
  const list: usize = load<u32>(megaflow, FLOWS);
  for (let i = load<u32>(megaflow, FLOWS_COUNT); i > 0; i--) {
    countFlow(load<u32>(list + ((i - 1) << 2)), packets, bytes);
  }
  store<u64>(megaflow, 0, PACKETS);
  store<u64>(megaflow, 0, BYTES);
}

function isUsed(megaflow: usize): bool {
  return load<u32>(megaflow, MEGAFLOW_MASK) !== 0;
}

/** Forgets a megaflow.  Not while a packet is under way: its program may be running. */
function remove(megaflow: usize): void {
  if (load<u32>(megaflow, FLAGS) & MF_CHAINED) onChained(megaflow, true);
  const way = load<u32>(megaflow, WAY);
  if (way > 1) onStraight(way);
  pushCounters(megaflow);
  let link = heads + ((load<u32>(megaflow) & headMask) << 2);
  while ((load<u32>(link) as usize) !== megaflow) link = load<u32>(link) + NEXT;
  store<u32>(link, load<u32>(megaflow, NEXT));
  leaveMask(load<u32>(megaflow, MEGAFLOW_MASK), inputOf(megaflow), megaflow);
  giveBlock(load<u32>(megaflow, PROGRAM));
  store<u32>(megaflow, 0, MEGAFLOW_MASK);
  store<u32>(megaflow, free as u32, NEXT);
  free = megaflow;
  count -= 1;
}

/** W_IN of its key, which every mask has. */
function inputOf(megaflow: usize): u64 {
  return megaflowWord(megaflow, W_IN);
}

/** A word of its key. */
export function megaflowWord(megaflow: usize, number: u32): u64 {
  const mask: usize = load<u32>(megaflow, MEGAFLOW_MASK);
  for (let k: u32 = 0; k < maskCount(mask); k++) {
    if ((load<u8>(mask + MASK_NUMBERS + k) as u32) !== number >> 1) continue;
    return load<u64>(megaflow + MEGAFLOW_KEY + (k << 4) + ((number & 1) << 3));
  }
  return 0;
}

/** Drops the megaflows whose translation asked what any of these bits stands for; gives how many. */
export function invalidateTags(tags: u64): u32 {
  let gone: u32 = 0;
  for (let i: u32 = 0; i < unused; i++) {
    const at = records + i * MEGAFLOW_SIZE;
    if (!isUsed(at) || (load<u64>(at, TAGS) & tags) === 0) continue;
    remove(at);
    gone += 1;
  }
  return gone;
}

/** Drops the megaflows whose translation visited one of these tables (any of the bits); gives how many. */
export function invalidateTables(visited: u64): u32 {
  let gone: u32 = 0;
  for (let i: u32 = 0; i < unused; i++) {
    const at = records + i * MEGAFLOW_SIZE;
    if (!isUsed(at) || (load<u64>(at, VISITED) & visited) === 0) continue;
    remove(at);
    gone += 1;
  }
  return gone;
}

/** Drops all megaflows. */
export function invalidateAll(): void {
  for (let i: u32 = 0; i < unused; i++) {
    const at = records + i * MEGAFLOW_SIZE;
    if (isUsed(at)) remove(at);
  }
}

/** Looks at the next `budget` megaflows and drops those that no packet met for `idle` milliseconds. */
export function ageMegaflows(budget: u32, idle: u32): void {
  if (count === 0) return;
  for (; budget > 0; budget--) {
    if (hand >= unused) hand = 0;
    const at = records + hand * MEGAFLOW_SIZE;
    hand += 1;
    if (!isUsed(at) || !isIdle(at, idle)) continue;
    if (load<u32>(at, FLAGS) & MF_CHAINED) {
      onChained(at, false);
      if (!isIdle(at, idle)) continue;
    }
    remove(at);
  }
}

/** A clock that was set back makes nothing old. */
function isIdle(megaflow: usize, idle: u32): bool {
  return ((now - load<u32>(megaflow, USED)) as i32) >= (idle as i32);
}

/** Brings the counters of logical flows up to date. */
export function pushAllCounters(): void {
  for (let i: u32 = 0; i < unused; i++) {
    const at = records + i * MEGAFLOW_SIZE;
    if (!isUsed(at)) continue;
    if (load<u32>(at, FLAGS) & MF_CHAINED) onChained(at, false);
    pushCounters(at);
  }
}

/** The record of the first megaflow with number `from` or above; 0 if there is none.  For dumps. */
export function megaflowFrom(from: u32): usize {
  for (let i = from; i < unused; i++) {
    const at = records + i * MEGAFLOW_SIZE;
    if (isUsed(at)) return at;
  }
  return 0;
}

/** The number of a megaflow's record. */
export function megaflowNumber(megaflow: usize): u32 {
  return ((megaflow - records) as u32) / MEGAFLOW_SIZE;
}
