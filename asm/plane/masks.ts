/**
 * Masks of megaflows, and which of them are worth trying for a packet.
 *
 * A mask that many megaflows have is kept once (256 bytes):
 *
 *      0 | count of pairs | references | next in its hash list | (zero)
 *     16 | numbers of the pairs of words that are not zero, ascending: u8 each
 *     32 | these pairs, 16 bytes each
 *
 * Which masks a packet is compared by depends on where it comes from, its
 * *origin*: the physical port if it has just come in, RECIRC if it comes again.
 * An origin, 32 bytes, has a list of masks, the most asked ones first:
 *
 *      0 | its W_IN: RECIRC, or the port (u64)
 *      8 | next in its hash list | masks in the list | address of the list | (zero)
 *
 * An item of the list, 16 bytes: address of the mask, hits, megaflows, the megaflow found last (0: none).
 */
import { reserve } from './arena';
import { blockRoom, giveBlock, takeBlock } from './blocks';
import { begin, finish, mix } from './hash';
import { B_RECIRC, KEY_WORDS } from './layout';

const MASK_SIZE: u32 = 256;
const MAX_MASKS: u32 = 8192;
const MASK_REFERENCES: u32 = 4;
const MASK_NEXT: u32 = 8;
/** Numbers of the pairs: words `2 n` and `2 n + 1`. */
export const MASK_NUMBERS: u32 = 16;
/** The pairs. */
export const MASK_PAIRS: u32 = 32;
const PAIRS: u32 = KEY_WORDS / 2;

const ORIGIN_SIZE: u32 = 32;
const ORIGIN_NEXT: u32 = 8;
const ORIGIN_COUNT: u32 = 12;
const ORIGIN_LIST: u32 = 16;
const MAX_ORIGINS: u32 = 32768;
/** The most masks that one origin may have: what a look-up costs at most. */
const MAX_LIST: u32 = 512;

const ITEM_SIZE: u32 = 16;
const ITEM_HITS: u32 = 4;
const ITEM_FLOWS: u32 = 8;
/** The megaflow found last. */
export const ITEM_LAST: u32 = 12;

const HEADS: u32 = 16384;
const SALT_MASK: u32 = 1;
const SALT_ORIGIN: u32 = 2;

let masks: usize = 0;
let maskHeads: usize = 0;
let freeMask: usize = 0;
let origins: usize = 0;
let originHeads: usize = 0;
let freeOrigin: usize = 0;

/** The origin asked for last; packets that come together often come from one place. */
let lastInput: u64 = 0;
let lastOrigin: usize = 0;

/** Takes memory; false if there is none. */
export function initMasks(): bool {
  masks = reserve(MAX_MASKS * MASK_SIZE);
  maskHeads = reserve(HEADS * 4);
  origins = reserve(MAX_ORIGINS * ORIGIN_SIZE);
  originHeads = reserve(HEADS * 4);
  if (masks === 0 || maskHeads === 0 || origins === 0 || originHeads === 0) return false;
  for (let i: u32 = 0; i < MAX_MASKS; i++) {
    const mask = masks + (MAX_MASKS - 1 - i) * MASK_SIZE;
    store<u32>(mask, freeMask as u32, MASK_NEXT);
    freeMask = mask;
  }
  for (let i: u32 = 0; i < MAX_ORIGINS; i++) {
    const origin = origins + (MAX_ORIGINS - 1 - i) * ORIGIN_SIZE;
    store<u32>(origin, freeOrigin as u32, ORIGIN_NEXT);
    freeOrigin = origin;
  }
  return true;
}

/** How many pairs of words a mask has. */
export function maskCount(mask: usize): u32 {
  return load<u32>(mask);
}

/** What stands in an origin for a packet's W_IN: a packet that comes again is the same wherever it came in. */
function originKey(input: u64): u64 {
  return input >> B_RECIRC !== 0 ? (input >> B_RECIRC) << B_RECIRC : input;
}

/** The origin that a packet with this W_IN has; 0 if there is none yet. */
export function findOrigin(input: u64): usize {
  if (input === lastInput && lastOrigin !== 0) return lastOrigin;
  const key = originKey(input);
  const head = finish(mix(begin(SALT_ORIGIN), key)) & (HEADS - 1);
  let origin: usize = load<u32>(originHeads + (head << 2));
  while (origin !== 0 && load<u64>(origin) !== key) origin = load<u32>(origin, ORIGIN_NEXT);
  lastInput = input;
  lastOrigin = origin;
  return origin;
}

/** The list of an origin's masks. */
export function originList(origin: usize): usize {
  return load<u32>(origin, ORIGIN_LIST);
}

export function originCount(origin: usize): u32 {
  return load<u32>(origin, ORIGIN_COUNT);
}

/** The mask of the item at `at`. */
export function itemMask(at: usize): usize {
  return load<u32>(at);
}

/** The next item. */
export function nextItem(at: usize): usize {
  return at + ITEM_SIZE;
}

/** Notes that a packet was found by item `at` of an origin; a mask that is asked more often moves forward. */
export function countHit(origin: usize, at: usize, megaflow: usize): void {
  store<u32>(at, megaflow as u32, ITEM_LAST);
  if (originCount(origin) === 1) return;
  const hits = load<u32>(at, ITEM_HITS) + 1;
  store<u32>(at, hits, ITEM_HITS);
  if (at === originList(origin)) {
    // Old merits fade before the number overflows.
    if (hits === 0x80000000) halve(origin);
    return;
  }
  const before = at - ITEM_SIZE;
  if (load<u32>(before, ITEM_HITS) >= hits) return;
  const a = v128.load(before);
  v128.store(before, v128.load(at));
  v128.store(at, a);
}

function halve(origin: usize): void {
  const list = originList(origin);
  for (let i: u32 = 0; i < originCount(origin); i++) {
    const at = list + i * ITEM_SIZE + ITEM_HITS;
    store<u32>(at, load<u32>(at) >> 1);
  }
}

/**
 * The kept mask for KEY_WORDS words at `words`, noted in the list of the
 * origin of `input` for one megaflow more; 0 if there are too many masks.
 */
export function joinMask(words: usize, input: u64): usize {
  const origin = findOrigin(input) || newOrigin(originKey(input));
  if (origin === 0) return 0;
  const mask = internMask(words);
  if (mask === 0 || !addItem(origin, mask)) {
    if (mask !== 0) dropMask(mask);
    if (originCount(origin) === 0) dropOrigin(origin);
    return 0;
  }
  return mask;
}

/** Takes back what `joinMask` noted, for one megaflow. */
export function leaveMask(mask: usize, input: u64, megaflow: usize): void {
  const origin = findOrigin(input);
  assert(origin !== 0);
  const count = originCount(origin);
  const list = originList(origin);
  for (let i: u32 = 0; i < count; i++) {
    const at = list + i * ITEM_SIZE;
    if (itemMask(at) !== mask) continue;
    const flows = load<u32>(at, ITEM_FLOWS) - 1;
    store<u32>(at, flows, ITEM_FLOWS);
    if (load<u32>(at, ITEM_LAST) === (megaflow as u32)) store<u32>(at, 0, ITEM_LAST);
    if (flows === 0) {
      memory.copy(at, at + ITEM_SIZE, (count - 1 - i) * ITEM_SIZE);
      store<u32>(origin, count - 1, ORIGIN_COUNT);
      if (count === 1) dropOrigin(origin);
    }
    break;
  }
  dropMask(mask);
}

function newOrigin(key: u64): usize {
  const origin = freeOrigin;
  if (origin === 0) return 0;
  const list = takeBlock(4 * ITEM_SIZE - 16);
  if (list === 0) return 0;
  freeOrigin = load<u32>(origin, ORIGIN_NEXT);
  const head = originHeads + ((finish(mix(begin(SALT_ORIGIN), key)) & (HEADS - 1)) << 2);
  store<u64>(origin, key);
  store<u32>(origin, load<u32>(head), ORIGIN_NEXT);
  store<u32>(origin, 0, ORIGIN_COUNT);
  store<u32>(origin, list as u32, ORIGIN_LIST);
  store<u32>(head, origin as u32);
  return origin;
}

function dropOrigin(origin: usize): void {
  const head = originHeads + ((finish(mix(begin(SALT_ORIGIN), load<u64>(origin))) & (HEADS - 1)) << 2);
  unlink(head, origin, ORIGIN_NEXT);
  lastOrigin = 0;
  giveBlock(originList(origin));
  store<u32>(origin, freeOrigin as u32, ORIGIN_NEXT);
  freeOrigin = origin;
}

/** Takes a record out of a list that begins at `head`, linked at `link`. */
function unlink(head: usize, record: usize, link: u32): void {
  let at = head;
  while ((load<u32>(at) as usize) !== record) at = load<u32>(at) + link;
  store<u32>(at, load<u32>(record + link));
}

/** One megaflow more with this mask. */
function addItem(origin: usize, mask: usize): bool {
  const count = originCount(origin);
  let list = originList(origin);
  for (let i: u32 = 0; i < count; i++) {
    const at = list + i * ITEM_SIZE;
    if (itemMask(at) === mask) {
      store<u32>(at, load<u32>(at, ITEM_FLOWS) + 1, ITEM_FLOWS);
      return true;
    }
  }
  if (count === MAX_LIST) return false;
  if ((count + 1) * ITEM_SIZE > blockRoom(list)) {
    const larger = takeBlock((count + 1) * 2 * ITEM_SIZE);
    if (larger === 0) return false;
    memory.copy(larger, list, count * ITEM_SIZE);
    giveBlock(list);
    list = larger;
    store<u32>(origin, list as u32, ORIGIN_LIST);
  }
  const at = list + count * ITEM_SIZE;
  store<u32>(at, mask as u32);
  store<u32>(at, 0, ITEM_HITS);
  store<u32>(at, 1, ITEM_FLOWS);
  store<u32>(at, 0, ITEM_LAST);
  store<u32>(origin, count + 1, ORIGIN_COUNT);
  return true;
}

/** The mask's word `number`. */
export function maskWord(mask: usize, number: u32): u64 {
  const count = maskCount(mask);
  for (let k: u32 = 0; k < count; k++) {
    if ((load<u8>(mask + MASK_NUMBERS + k) as u32) === number >> 1) {
      return load<u64>(mask + MASK_PAIRS + (k << 4) + ((number & 1) << 3));
    }
  }
  return 0;
}

function maskHash(words: usize): u32 {
  let hash = begin(SALT_MASK);
  for (let i = 0; i < KEY_WORDS; i++) hash = mix(hash, load<u64>(words + (i << 3)));
  return finish(hash) & (HEADS - 1);
}

function internMask(words: usize): usize {
  const head = maskHeads + (maskHash(words) << 2);
  for (let mask: usize = load<u32>(head); mask !== 0; mask = load<u32>(mask, MASK_NEXT)) {
    if (isMask(mask, words)) {
      store<u32>(mask, load<u32>(mask, MASK_REFERENCES) + 1, MASK_REFERENCES);
      return mask;
    }
  }
  const mask = freeMask;
  if (mask === 0) return 0;
  freeMask = load<u32>(mask, MASK_NEXT);
  memory.fill(mask, 0, MASK_SIZE);
  let count: u32 = 0;
  for (let i: u32 = 0; i < PAIRS; i++) {
    const pair = v128.load(words + (i << 4));
    if (!v128.any_true(pair)) continue;
    store<u8>(mask + MASK_NUMBERS + count, i as u8);
    v128.store(mask + MASK_PAIRS + (count << 4), pair);
    count += 1;
  }
  store<u32>(mask, count);
  store<u32>(mask, 1, MASK_REFERENCES);
  store<u32>(mask, load<u32>(head), MASK_NEXT);
  store<u32>(head, mask as u32);
  return mask;
}

function isMask(mask: usize, words: usize): bool {
  for (let i: u32 = 0; i < (KEY_WORDS as u32); i++) {
    if (maskWord(mask, i) !== load<u64>(words + (i << 3))) return false;
  }
  return true;
}

/** The hash of a mask's words, as `internMask` found it by. */
function hashOfMask(mask: usize): u32 {
  let hash = begin(SALT_MASK);
  for (let i: u32 = 0; i < (KEY_WORDS as u32); i++) hash = mix(hash, maskWord(mask, i));
  return finish(hash) & (HEADS - 1);
}

function dropMask(mask: usize): void {
  const references = load<u32>(mask, MASK_REFERENCES) - 1;
  store<u32>(mask, references, MASK_REFERENCES);
  if (references !== 0) return;
  unlink(maskHeads + (hashOfMask(mask) << 2), mask, MASK_NEXT);
  store<u32>(mask, freeMask as u32, MASK_NEXT);
  freeMask = mask;
}
