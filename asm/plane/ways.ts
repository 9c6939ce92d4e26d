/**
 * Straight ways: what becomes of everyday frames of a megaflow, from bytes to
 * bytes, without a flow in between.  Everyday is UDP or TCP behind an IPv4 header
 * of 20 bytes, untagged, no fragment, on a port without tunnels.
 *
 *     wayUnder(head, body, wayMasks(port), port)       the way of a frame; straight.ts sends it
 *     learnWay(megaflow)                               the way of a megaflow that was met; not while ways are being run
 *     allowWays(on)                                    whether any are learned; for comparisons
 *
 * All that a flow says of an everyday frame stands in two vectors of it, *head*
 * (bytes 0 to 15: Ethernet, version, TOS) and *body* (bytes 22 to 37: TTL,
 * protocol, checksum, addresses, ports).  What changes are these, and the header's
 * checksum by a difference that is the same for all frames of the megaflow.
 *
 * For each port there are a few masks of head and body, 48 bytes each: ways that
 * have it (u32), (zero), mask of the head, of the body.  A hash of port, mask, and
 * head and body under it leads to a way, 128 bytes:
 *
 *      0 | megaflow, 0: free         | port        | number of its mask | slot in the hash table
 *     16 | head, body                | new head, which bits of it are new | the same of the body
 *    112 | port out, or DROP_ reason | difference of the header's checksum | drops (0, 1; 16), queue (16) | next free one
 */
import { reserve } from './arena';
import { PORT_MASKS, PORT_PRESENT, portAt, portFlags, portRecord } from './counters';
import { begin, finish, mix } from './hash';
import {
  B_FRAG,
  B_TOS,
  B_TTL,
  DP_DROP,
  DP_END,
  DP_OUTPUT,
  DP_SET,
  KEY_WORDS,
  W_DERIVED,
  W_ETH_DST,
  W_ETH_SRC,
  W_IN,
  W_IP4,
  W_L4,
} from './layout';
import { maskWord } from './masks';
import { MEGAFLOW_MASK, megaflowProgram, megaflowWay, megaflowWord, setMegaflowWay, whenStraight } from './megaflows';
import { OP_ADDRESSES } from './polish';

const TYPE_IP4: u64 = 0x0800;
/** Version 4, a header of five words. */
const PLAIN_HEADER: u8 = 0x45;

const MASK_LIST_SIZE: u32 = 192;
const MASK_ITEM: u32 = 48;
const MASK_HEAD: u32 = 16;
const MASK_BODY: u32 = 32;
const MASKS_A_PORT: u32 = 4;
const WAY_SIZE: u32 = 128;
const MAX_WAYS: u32 = 16384;
const SLOTS: u32 = 32768;

const WAY_PORT: u32 = 4;
const WAY_MASK: u32 = 8;
const WAY_SLOT: u32 = 12;
const WAY_HEAD: u32 = 16;
const WAY_BODY: u32 = 32;
export const NEW_HEAD: u32 = 48;
export const HEAD_CHANGES: u32 = 64;
export const NEW_BODY: u32 = 80;
export const BODY_CHANGES: u32 = 96;
export const WAY_OUT: u32 = 112;
export const WAY_DIFFERENCE: u32 = 116;
export const WAY_DROPS: u32 = 120;
export const WAY_QUEUE: u32 = 122;
const WAY_NEXT: u32 = 124;

/** What words of head and body are added to in the hash. */
const SEEDS: usize = memory.data(32, 16);
const SALT: u32 = 7;

let lists: usize = 0;
let ways: usize = 0;
let unusedWay: u32 = 0;
let freeWay: usize = 0;
let slots: usize = 0;
/** Whether new ones are made. */
let allowed: bool = true;
/** Whether there was ever a way. */
export let hasWays: bool = false;

/** Takes memory for that many ports; false if there is none. */
export function initWays(ports: u32): bool {
  lists = reserve((ports as usize) * MASK_LIST_SIZE);
  ways = reserve((MAX_WAYS as usize) * WAY_SIZE);
  slots = reserve(SLOTS * 4);
  for (let i: u32 = 0; i < 4; i++) store<u64>(SEEDS + (i << 3), mix(begin(SALT), i));
  whenStraight(dropWay);
  return lists !== 0 && ways !== 0 && slots !== 0;
}

/** Lets everything go the long way from now on, but for the ways that are known already; or no more. */
export function allowWays(on: bool): void {
  allowed = on;
}

/** The masks that ways of a port have. */
export function wayMasks(port: u32): usize {
  return lists + port * MASK_LIST_SIZE;
}

/** The way of a port's everyday frame with this head and body, by one of the port's masks; 0 if it has none. */
export function wayUnder(head: v128, body: v128, masks: usize, port: u32): usize {
  let mask = masks;
  for (let i: u32 = 0; i < MASKS_A_PORT; i++) {
    if (load<u32>(mask) !== 0) {
      const headUnder = v128.and(head, v128.load(mask, MASK_HEAD));
      const bodyUnder = v128.and(body, v128.load(mask, MASK_BODY));
      const way: usize = load<u32>(slots + (slotOf(headUnder, bodyUnder, port) << 2));
      if (way !== 0 && load<u32>(way, WAY_MASK) === i && isKey(way, headUnder, bodyUnder, port)) return way;
    }
    mask += MASK_ITEM;
  }
  return 0;
}

/** Whether a way is that of a port's everyday frame; the port's own ways only. */
export function isWay(way: usize, head: v128, body: v128, masks: usize, port: u32): bool {
  const mask = masks + load<u32>(way, WAY_MASK) * MASK_ITEM;
  return isKey(way, v128.and(head, v128.load(mask, MASK_HEAD)), v128.and(body, v128.load(mask, MASK_BODY)), port);
}

/** Whether a way has this head and body under its mask. */
function isKey(way: usize, head: v128, body: v128, port: u32): bool {
  const heads = v128.xor(head, v128.load(way, WAY_HEAD));
  const bodies = v128.xor(body, v128.load(way, WAY_BODY));
  return !v128.any_true(v128.or(heads, bodies)) && load<u32>(way, WAY_PORT) === port;
}

/**
 * Slot of a port's head and body under a mask.  Each word of one is added to a
 * word of the seed and multiplied by such a sum of the other (NH, RFC 4418).
 */
function slotOf(head: v128, body: v128, port: u32): u32 {
  const heads = i32x4.add(head, v128.load(SEEDS));
  const bodies = i32x4.add(body, v128.load(SEEDS, 16));
  const sums = i64x2.add(i64x2.extmul_low_i32x4_u(heads, bodies), i64x2.extmul_high_i32x4_u(heads, bodies));
  const sum = (i64x2.extract_lane(sums, 0) as u64) + rotl<u64>(i64x2.extract_lane(sums, 1), 32);
  return finish(sum ^ (sum >> 32) ^ (port as u64)) & (SLOTS - 1);
}

/** Makes the straight way of a megaflow of packets that have just come in, if there is one.  Asked once for each. */
export function learnWay(megaflow: usize): void {
  const mask: usize = load<u32>(megaflow, MEGAFLOW_MASK);
  if (!allowed || megaflowWay(megaflow) !== 0) return;
  setMegaflowWay(megaflow, 1);
  const input = megaflowWord(megaflow, W_IN);
  const port = input as u32;
  const record = portAt(port);
  if (input >> 32 !== 0 || record === 0 || portFlags(record) !== PORT_PRESENT || !isPlain(megaflow, mask)) return;
  const way = freeWay !== 0 ? freeWay : unusedWay < MAX_WAYS ? ways + unusedWay * WAY_SIZE : 0;
  if (way === 0) return;
  const next: u32 = freeWay !== 0 ? load<u32>(way, WAY_NEXT) : 0;
  memory.fill(way, 0, WAY_SIZE);
  writeWords(WORDS, megaflow, mask, false);
  v128.store(way, v128.load(WORDS), WAY_HEAD);
  v128.store(way, v128.load(WORDS, 16), WAY_BODY);
  writeWords(WORDS, megaflow, mask, true);
  if (!writeChanges(way, megaflowProgram(megaflow))) {
    store<u32>(way, next, WAY_NEXT);
    return;
  }
  const item = maskItem(record, port);
  if (item === MASKS_A_PORT) {
    store<u32>(way, next, WAY_NEXT);
    return;
  }
  if (freeWay !== 0) freeWay = next;
  else unusedWay += 1;
  const list = lists + port * MASK_LIST_SIZE + item * MASK_ITEM;
  store<u32>(list, load<u32>(list) + 1);
  const slot = slotOf(v128.load(way, WAY_HEAD), v128.load(way, WAY_BODY), port);
  const before: usize = load<u32>(slots + (slot << 2));
  if (before !== 0) dropWay(before);
  store<u32>(slots + (slot << 2), way as u32);
  store<u32>(way, megaflow as u32);
  store<u32>(way, port, WAY_PORT);
  store<u32>(way, item, WAY_MASK);
  store<u32>(way, slot, WAY_SLOT);
  setMegaflowWay(megaflow, way as u32);
  hasWays = true;
}

/** Forgets a way, as its megaflow goes or another way needs its slot. */
function dropWay(way: usize): void {
  setMegaflowWay(load<u32>(way), 1);
  store<u32>(slots + (load<u32>(way, WAY_SLOT) << 2), 0);
  const port = load<u32>(way, WAY_PORT);
  const list = lists + port * MASK_LIST_SIZE + load<u32>(way, WAY_MASK) * MASK_ITEM;
  const left = load<u32>(list) - 1;
  store<u32>(list, left);
  const record = portRecord(port);
  if (left === 0) store<u32>(record, load<u32>(record, PORT_MASKS) - 1, PORT_MASKS);
  store<u32>(way, 0);
  store<u32>(way, freeWay as u32, WAY_NEXT);
  freeWay = way;
}

/** Masks of head and body as in a frame, or what they have to be. */
const WORDS: usize = memory.data(32, 16);

/** The number of the mask at WORDS in a port's list, found or put there; MASKS_A_PORT if there is no room. */
function maskItem(record: usize, port: u32): u32 {
  const list = lists + port * MASK_LIST_SIZE;
  let free = MASKS_A_PORT;
  for (let i: u32 = 0; i < MASKS_A_PORT; i++) {
    const item = list + i * MASK_ITEM;
    if (load<u32>(item) === 0) free = i;
    else if (
      !v128.any_true(
        v128.or(v128.xor(v128.load(item, 16), v128.load(WORDS)), v128.xor(v128.load(item, 32), v128.load(WORDS, 16))),
      )
    ) {
      return i;
    }
  }
  if (free === MASKS_A_PORT) return free;
  v128.store(list + free * MASK_ITEM, v128.load(WORDS), 16);
  v128.store(list + free * MASK_ITEM, v128.load(WORDS, 16), 32);
  store<u32>(record, load<u32>(record, PORT_MASKS) + 1, PORT_MASKS);
  return free;
}

/** Whether everyday frames alone, by their head and body alone, can be a megaflow's. */
function isPlain(megaflow: usize, mask: usize): bool {
  if (maskWord(mask, W_DERIVED) !== 0) return false;
  // No tag, no fragment; nothing that other frames have.
  if (megaflowWord(megaflow, W_ETH_SRC) >> 48 !== 0 || ((megaflowWord(megaflow, W_L4) >> 24) & 0xff) !== 0)
    return false;
  const type = maskWord(mask, W_ETH_DST) >> 48;
  if (megaflowWord(megaflow, W_ETH_DST) >> 48 !== (TYPE_IP4 & type)) return false;
  for (let word: u32 = W_IN + 1; word < (KEY_WORDS as u32); word++) {
    if (megaflowWord(megaflow, word) !== 0) return false;
  }
  return true;
}

/** Writes a megaflow's first words, or its masks of them, in the order of a frame's head and body. */
function writeWords(to: usize, megaflow: usize, mask: usize, isMask: bool): void {
  const first = isMask ? maskWord(mask, W_ETH_DST) : megaflowWord(megaflow, W_ETH_DST);
  const second = isMask ? maskWord(mask, W_ETH_SRC) : megaflowWord(megaflow, W_ETH_SRC);
  const addresses = isMask ? maskWord(mask, W_IP4) : megaflowWord(megaflow, W_IP4);
  const l4 = isMask ? maskWord(mask, W_L4) : megaflowWord(megaflow, W_L4);
  store<u64>(to, bswap<u64>(first << 16));
  store<u32>(to, bswap<u32>((second >> 16) as u32), 6);
  store<u16>(to, bswap<u16>(second as u16), 10);
  // All of these have the type, whether the megaflow asked for it or not.
  store<u16>(to, isMask ? 0xffff : bswap<u16>(TYPE_IP4 as u16), 12);
  store<u8>(to, isMask ? 0xff : PLAIN_HEADER, 14);
  store<u8>(to, (l4 >> B_TOS) as u8, 15);
  store<u8>(to, (l4 >> B_TTL) as u8, 16);
  store<u8>(to, l4 as u8, 17);
  store<u16>(to, 0, 18);
  store<u64>(to, bswap<u64>(addresses), 20);
  store<u32>(to, bswap<u32>((l4 >> 32) as u32), 28);
}

/** Writes what a program changes, and where it ends; false if it does anything else.  WORDS has the masks. */
function writeChanges(way: usize, program: usize): bool {
  let done = false;
  let at = program;
  while ((load<u8>(at) as i32) !== DP_END) {
    const head = load<u32>(at);
    const opcode = head & 0xff;
    if (done) return false;
    if (opcode === OP_ADDRESSES) {
      const changes = v128.load(at, 52);
      v128.store(way, v128.bitselect(v128.load(at, 36), v128.load(way, NEW_HEAD), changes), NEW_HEAD);
      v128.store(way, v128.or(v128.load(way, HEAD_CHANGES), changes), HEAD_CHANGES);
    } else if (opcode === DP_SET) {
      if (!writeSet(way, head >> 16, load<u64>(at, 4), load<u64>(at, 12))) return false;
    } else if (opcode === DP_OUTPUT) {
      store<u32>(way, load<u32>(at, 4), WAY_OUT);
      store<u16>(way, (head >> 16) as u16, WAY_QUEUE);
      done = true;
    } else if (opcode === DP_DROP) {
      store<u32>(way, head >> 16, WAY_OUT);
      store<u16>(way, 1, WAY_DROPS);
      done = true;
    } else {
      return false;
    }
    at += (load<u8>(at, 1) as usize) << 2;
  }
  return done;
}

/** Addresses of Ethernet, TTL and TOS; these two only where all packets of the megaflow had the same before. */
function writeSet(way: usize, word: u32, value: u64, mask: u64): bool {
  if (word === W_ETH_DST || word === W_ETH_SRC) {
    if (mask >> 48 !== 0) return false;
    const first: u32 = word === W_ETH_DST ? 0 : 6;
    for (let i: u32 = 0; i < 6; i++) {
      const changes = (mask >> (40 - (i << 3))) as u8;
      const at = way + first + i;
      store<u8>(at, (load<u8>(at, NEW_HEAD) & ~changes) | ((value >> (40 - (i << 3))) as u8), NEW_HEAD);
      store<u8>(at, load<u8>(at, HEAD_CHANGES) | changes, HEAD_CHANGES);
    }
    return true;
  }
  if (word !== W_L4) return false;
  const bits = mask as u32;
  const values = value as u32;
  if (mask >> B_TOS === 0 && (bits & 0xff) === 0) {
    return writeByte(way, NEW_BODY, BODY_CHANGES, WAY_BODY, 16, values >> B_TTL, bits >> B_TTL, 0);
  }
  if (mask >> B_FRAG === 0 && (bits & 0xffff) === 0) {
    return writeByte(way, NEW_HEAD + 15, HEAD_CHANGES + 15, WAY_HEAD + 15, 15, values >> B_TOS, bits >> B_TOS, 8);
  }
  return false;
}

/** Bits `mask` of a byte of the IPv4 header, which stands at `shift` of its word, get other values. */
function writeByte(way: usize, to: u32, changes: u32, key: u32, at: u32, value: u32, mask: u32, shift: u32): bool {
  // A second time, or not the same for all: the difference is not known.
  if (load<u8>(WORDS + at) !== 0xff || load<u8>(way + changes) !== 0) return false;
  const before: u32 = load<u8>(way + key);
  const after = (before & ~mask) | value;
  store<u8>(way + to, after as u8);
  store<u8>(way + changes, 0xff);
  const sum = load<u32>(way, WAY_DIFFERENCE) + (before === after ? 0 : 0xffff - (before << shift) + (after << shift));
  store<u32>(way, (sum & 0xffff) + (sum >> 16), WAY_DIFFERENCE);
  return true;
}
