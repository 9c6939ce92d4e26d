/**
 * Fragments on their way through conntrack: they are held until their datagram
 * is complete, then it is tracked as one packet, and all go on as that one was
 * tracked and translated.  Limits are those of Open vSwitch 3.1 (dpctl(8),
 * "ipf-get-status"): fragments but the last have at least 1 200 bytes (IPv6:
 * 1 280), none overlaps another, 1 000 are held at most, and for 15 seconds.
 *
 *     hold(packet, flow, zone)        takes a fragment into custody, or not
 *     assembledPacket, ...Flow        the datagram, after FRAGMENTS_COMPLETE
 *     release(packet, flow)           after that was tracked: its fragments
 *     expireFragments()               once a batch
 *
 * The fragment that completed its datagram becomes the first one; the others
 * are numbered from `ctReleasedFrom` to `ctReleasedTo`, and `ctReleased` gives
 * where they are: the packet's record and, behind it, its flow.  They stay there
 * until the next `expireFragments`.
 *
 * A slot: packet's record (32), flow (256), 32 free, HEADROOM, frame.
 * A list, 512 bytes, by offset:
 *
 *      0 | source, destination (16 each; IPv4 as a word of the flow in the first eight)|
 *     32 | RECIRC (4) | ID (4) | ZONE (2), PROTO (1), 6 or 4 (1) | NEXT of the chain (4)|
 *     48 | EXPIRES (4) | COUNT (2), ENDS (2: 1 first, 2 last seen, 4 failed) | -        |
 *     64 | for each fragment, sorted: first byte (2), last byte (2), slot (2)           |
 */
import { be16, be32, setBe16 } from '../bytes';
import { reserve } from './arena';
import { now } from './clock';
import { hashOf, PROTO_ICMP, PROTO_ICMP6 } from './connection';
import { countDrops } from './counters';
import {
  B_ETH_TYPE,
  B_FRAG,
  B_RECIRC,
  DROP_FRAGMENT,
  FLOW_SIZE,
  HEADROOM,
  P_END,
  P_FRAME,
  P_INDEX,
  P_L3,
  P_L4,
  P_LENGTH,
  P_PAYLOAD,
  P_ROOM,
  P_STATE,
  PACKET_SIZE,
  PS_BAD_IP_CHECKSUM,
  W_CT,
  W_CT_IP6_DST,
  W_IN,
  W_IP4,
  W_IP6_SRC,
  W_L4,
} from './layout';
import { applyChange, change } from './rewrite';
import { addBytes } from './transport';

/** The fragment cannot be part of any datagram: it goes on as invalid. */
export const FRAGMENT_BAD: u32 = 0;
export const FRAGMENT_HELD: u32 = 1;
export const FRAGMENTS_COMPLETE: u32 = 2;

/** The numbers of the packets that `release` gave besides the first. */
export let ctReleasedFrom: u32 = 0;
/** ... up to this one, which is none of them. */
export let ctReleasedTo: u32 = 0;

const MOST: u32 = 1000;
const TIMEOUT: u32 = 15_000;
const LEAST_IP4: u32 = 1200;
const LEAST_IP6: u32 = 1280;
const LONGEST: u32 = 65535;
/** No more fragments of the least size make the longest datagram. */
const MOST_OF_ONE: u32 = 64;

/** Frames up to this length have slots of their own; there are some for longer ones. */
const SMALL: u32 = 2048;
const LARGE: u32 = 65536;
const SMALL_SLOTS: u32 = 1000;
const LARGE_SLOTS: u32 = 32;
const BEFORE: u32 = 320 + HEADROOM;
const FLOW_AT: usize = PACKET_SIZE;

const LISTS: u32 = 1024;
const LIST_SIZE: usize = 512;
const RECIRC: usize = 32;
const ID: usize = 36;
const ZONE: usize = 40;
const NEXT: usize = 44;
const EXPIRES: usize = 48;
const COUNT: usize = 52;
const ENDS: usize = 54;
const ENTRIES: usize = 64;
const ENTRY_SIZE: usize = 6;
const FIRST_SEEN: u16 = 1;
const LAST_SEEN: u16 = 2;
const FAILED: u16 = 4;

/** Lists looked at once a batch, whether their time is over. */
const LISTS_A_BATCH: u32 = 16;

const IP4_TOTAL: usize = 2;
const IP4_ID: usize = 4;
const IP4_OFFSET: usize = 6;
const IP4_CHECKSUM: usize = 10;
const IP4_SRC: usize = 12;
const IP6_LENGTH: usize = 4;
const IP6_NEXT: usize = 6;
const IP6_SRC: usize = 8;
const IP6_HEADER: u32 = 40;
const EXT_FRAGMENT: u32 = 44;
const EXT_AUTHENTICATION: u32 = 51;

let slots: usize = 0;
let lists: usize = 0;
let assembled: usize = 0;
/** Chains of lists: number + 1 each; slots that are free, lists that are free: stacks of numbers. */
let heads: usize = 0;
let freeSmall: usize = 0;
let freeLarge: usize = 0;
let freeLists: usize = 0;
let freeSmallCount: u32 = 0;
let freeLargeCount: u32 = 0;
let freeListCount: u32 = 0;
/** Slots of the packets that were released, by number. */
let released: usize = 0;
let releasedCount: u32 = 0;
let cursor: u32 = 0;
let complete: u32 = 0;

/** What `hold` reads of a fragment. */
const key: usize = memory.data(48, 16);
let firstByte: u32 = 0;
let lastByte: u32 = 0;
let isFirst: bool = false;
let isLast: bool = false;

/** Fragments in custody. */
export function ctFragments(): u32 {
  return slots === 0 ? 0 : SMALL_SLOTS - freeSmallCount + (LARGE_SLOTS - freeLargeCount) - releasedCount;
}

/** The datagram that `hold` completed, as a packet. */
export function assembledPacket(): usize {
  return assembled;
}

export function assembledFlow(): usize {
  return assembled + FLOW_AT;
}

/** The packet of this number: its record, and its flow PACKET_SIZE bytes behind. */
export function ctReleased(id: u32): usize {
  assert(id < releasedCount);
  return slotAt(load<u16>(released + ((<usize>id) << 1)));
}

/** Takes a fragment into custody; gives FRAGMENT... */
export function hold(packet: usize, flow: usize, zone: u32): u32 {
  const isV6 = ((load<u64>(flow) >> B_ETH_TYPE) as u32) === 0x86dd;
  if (!(isV6 ? read6(packet) : read4(packet, flow))) return FRAGMENT_BAD;
  if (slots === 0 && !prepare()) return FRAGMENT_BAD;
  fillKey(flow, zone, isV6);
  const head =
    heads + ((<usize>(hashOf(load<u64>(key) ^ load<u64>(key, 16), load<u32>(key, ID), zone) & (LISTS - 1))) << 2);
  let number = findList(head);
  if (number === 0) {
    if (freeListCount === 0) return FRAGMENT_BAD;
  } else {
    const list = listAt(number - 1);
    const count: u32 = load<u16>(list, COUNT);
    if ((load<u16>(list, ENDS) & FAILED) !== 0 || count >= MOST_OF_ONE) return FRAGMENT_BAD;
    if (overlaps(list)) return FRAGMENT_BAD;
  }
  if (ctFragments() >= MOST) return FRAGMENT_BAD;
  const slot = takeSlot(load<u32>(packet, P_LENGTH));
  if (slot === NO_SLOT) return FRAGMENT_BAD;
  keep(slot, packet, flow);
  if (number === 0) number = newList(head);
  const list = listAt(number - 1);
  addEntry(list, slot);
  let ends = load<u16>(list, ENDS);
  if (isFirst) ends |= FIRST_SEEN;
  if (isLast) ends |= LAST_SEEN;
  store<u16>(list, ends, ENDS);
  if (ends !== (FIRST_SEEN | LAST_SEEN) || !isWhole(list)) return FRAGMENT_HELD;
  if (!assemble(list, isV6)) {
    store<u16>(list, ends | FAILED, ENDS);
    return FRAGMENT_HELD;
  }
  complete = number;
  unlinkList(head, number);
  return FRAGMENTS_COMPLETE;
}

/**
 * Gives the fragments of the datagram, which was tracked since: `packet` and
 * `flow` become its first one, the others are numbered.
 */
export function release(packet: usize, flow: usize): void {
  const list = listAt(complete - 1);
  const count: u32 = load<u16>(list, COUNT);
  const index = load<u32>(packet, P_INDEX);
  ctReleasedFrom = releasedCount + 1;
  for (let i: u32 = 0; i < count; i++) {
    const slot = load<u16>(entryAt(list, i), 4);
    const own = slotAt(slot);
    store<u32>(own, index, P_INDEX);
    follow(own, i === 0);
    store<u16>(released + ((<usize>releasedCount) << 1), slot);
    releasedCount++;
  }
  ctReleasedTo = releasedCount;
  const first = slotAt(load<u16>(entryAt(list, 0), 4));
  memory.copy(packet, first, PACKET_SIZE);
  memory.copy(flow, first + FLOW_AT, FLOW_SIZE);
  freeList(complete - 1);
}

/** Frees what was released, and drops what has waited too long. */
export function expireFragments(): void {
  if (slots === 0) return;
  for (let id: u32 = 0; id < releasedCount; id++) giveSlot(load<u16>(released + ((<usize>id) << 1)));
  releasedCount = 0;
  ctReleasedFrom = 0;
  ctReleasedTo = 0;
  for (let i: u32 = 0; i < LISTS_A_BATCH; i++) {
    cursor = (cursor + 1) & (LISTS - 1);
    const list = listAt(cursor);
    const count: u32 = load<u16>(list, COUNT);
    if (count === 0 || ((now - load<u32>(list, EXPIRES)) as i32) < 0) continue;
    for (let entry: u32 = 0; entry < count; entry++) giveSlot(load<u16>(entryAt(list, entry), 4));
    countDrops(DROP_FRAGMENT, count);
    unlinkList(heads + ((<usize>hashOfList(list)) << 2), cursor + 1);
    freeList(cursor);
  }
}

/*
 * Reading fragments.
 */

function read4(packet: usize, flow: usize): bool {
  const l3: u32 = load<u16>(packet, P_L3);
  const end: u32 = load<u16>(packet, P_END);
  if (load<u16>(packet, P_L4) === 0 || load<u32>(packet, P_STATE) & PS_BAD_IP_CHECKSUM) return false;
  const header = <usize>load<u32>(packet, P_FRAME) + l3;
  const headerLength = ((load<u8>(header) as u32) & 15) * 4;
  const total = be16(header + IP4_TOTAL);
  const offset = be16(header + IP4_OFFSET);
  // No flow calls this a fragment whose header is not one.
  assert(total === end - l3 && headerLength <= total && load<u64>(flow, W_L4 << 3) >> B_FRAG !== 0);
  if (((addBytes(0, header, headerLength) % 0xffff) as u32) !== 0) return false;
  isFirst = (offset & 0x3fff) === 0x2000;
  isLast = (offset & 0x2000) === 0;
  if (!isLast && total < LEAST_IP4) return false;
  store<u32>(key, be16(header + IP4_ID), ID);
  return setBytes((offset & 0x1fff) << 3, total - headerLength);
}

function read6(packet: usize): bool {
  const l3: u32 = load<u16>(packet, P_L3);
  const l4: u32 = load<u16>(packet, P_L4);
  const end: u32 = load<u16>(packet, P_END);
  const frame = <usize>load<u32>(packet, P_FRAME);
  if (l4 === 0) return false;
  const at = fragmentHeader(frame, l3, l4);
  if (at === 0) return false;
  const word = be16(frame + at + 2);
  isFirst = (word & 0xfff9) === 1;
  isLast = (word & 1) === 0;
  if (!isLast && end - l3 < LEAST_IP6) return false;
  store<u32>(key, be32(frame + at + 4), ID);
  return setBytes(word & 0xfff8, end - l4);
}

/** Offset of the fragment header in the frame, 0 if there is none before `l4`. */
function fragmentHeader(frame: usize, l3: u32, l4: u32): u32 {
  let next: u32 = load<u8>(frame + l3, IP6_NEXT);
  let at = l3 + IP6_HEADER;
  while (at + 8 <= l4) {
    if (next === EXT_FRAGMENT) return at;
    const length: u32 = load<u8>(frame + at, 1);
    const header = frame + at;
    at += next === EXT_AUTHENTICATION ? (length + 2) << 2 : (length + 1) << 3;
    next = load<u8>(header);
  }
  return 0;
}

function setBytes(offset: u32, length: u32): bool {
  firstByte = offset;
  lastByte = offset + length - 1;
  return length !== 0 && lastByte <= LONGEST;
}

function fillKey(flow: usize, zone: u32, isV6: bool): void {
  if (isV6) {
    memory.copy(key, flow + (W_IP6_SRC << 3), 32);
  } else {
    memory.fill(key, 0, 32);
    store<u64>(key, load<u64>(flow, W_IP4 << 3));
  }
  const proto = isV6 ? 0 : (load<u64>(flow, W_L4 << 3) as u32 & 0xff);
  store<u32>(key, (load<u64>(flow, W_IN << 3) >> B_RECIRC) as u32, RECIRC);
  store<u32>(key, zone | (proto << 16) | (isV6 ? 6 << 24 : 4 << 24), ZONE);
}

/*
 * Lists.
 */

function hashOfList(list: usize): u32 {
  return hashOf(load<u64>(list) ^ load<u64>(list, 16), load<u32>(list, ID), load<u16>(list, ZONE)) & (LISTS - 1);
}

function findList(head: usize): u32 {
  let number = load<u32>(head);
  while (number !== 0) {
    const list = listAt(number - 1);
    if (memory.compare(list, key, NEXT) === 0) return number;
    number = load<u32>(list, NEXT);
  }
  return 0;
}

function newList(head: usize): u32 {
  freeListCount--;
  const number: u32 = load<u16>(freeLists + ((<usize>freeListCount) << 1));
  const list = listAt(number);
  memory.copy(list, key, NEXT);
  store<u32>(list, load<u32>(head), NEXT);
  store<u32>(list, now + TIMEOUT, EXPIRES);
  store<u32>(list, 0, COUNT);
  store<u32>(head, number + 1);
  return number + 1;
}

function unlinkList(head: usize, number: u32): void {
  let at = head;
  for (;;) {
    const found = load<u32>(at);
    assert(found !== 0);
    const next = listAt(found - 1) + NEXT;
    if (found === number) {
      store<u32>(at, load<u32>(next));
      return;
    }
    at = next;
  }
}

function freeList(number: u32): void {
  store<u16>(listAt(number), 0, COUNT);
  store<u16>(freeLists + ((<usize>freeListCount) << 1), number as u16);
  freeListCount++;
}

/** Whether the fragment begins or ends inside another one. */
function overlaps(list: usize): bool {
  const count: u32 = load<u16>(list, COUNT);
  for (let i: u32 = 0; i < count; i++) {
    const first: u32 = load<u16>(entryAt(list, i));
    const last: u32 = load<u16>(entryAt(list, i), 2);
    if (firstByte >= first && firstByte <= last) return true;
    if (lastByte >= first && lastByte <= last) return true;
  }
  return false;
}

function addEntry(list: usize, slot: u32): void {
  const count: u32 = load<u16>(list, COUNT);
  let i = count;
  for (; i !== 0 && (load<u16>(entryAt(list, i - 1)) as u32) > firstByte; i--) {
    memory.copy(entryAt(list, i), entryAt(list, i - 1), ENTRY_SIZE);
  }
  const entry = entryAt(list, i);
  store<u16>(entry, firstByte as u16);
  store<u16>(entry, lastByte as u16, 2);
  store<u16>(entry, slot as u16, 4);
  store<u16>(list, (count + 1) as u16, COUNT);
}

/** Whether each fragment begins where the one before it ends. */
function isWhole(list: usize): bool {
  const count: u32 = load<u16>(list, COUNT);
  for (let i: u32 = 1; i < count; i++) {
    if ((load<u16>(entryAt(list, i - 1), 2) as u32) + 1 !== (load<u16>(entryAt(list, i)) as u32)) return false;
  }
  return true;
}

/*
 * The datagram.
 */

/** Puts the datagram together; false if it is longer than one can be. */
function assemble(list: usize, isV6: bool): bool {
  const count: u32 = load<u16>(list, COUNT);
  const first = slotAt(load<u16>(entryAt(list, 0), 4));
  let end: u32 = load<u16>(first, P_END);
  const rest = (load<u16>(entryAt(list, count - 1), 2) as u32) - (load<u16>(entryAt(list, 0), 2) as u32);
  if (end + rest > LONGEST) return false;
  const frame = assembled + BEFORE;
  memory.copy(assembled, first, FLOW_AT + FLOW_SIZE);
  memory.copy(frame, load<u32>(first, P_FRAME), end);
  for (let i: u32 = 1; i < count; i++) {
    const entry = entryAt(list, i);
    const length = (load<u16>(entry, 2) as u32) - (load<u16>(entry) as u32) + 1;
    const own = slotAt(load<u16>(entry, 4));
    memory.copy(frame + end, <usize>load<u32>(own, P_FRAME) + load<u16>(own, P_L4), length);
    end += length;
  }
  store<u32>(assembled, frame as u32, P_FRAME);
  store<u32>(assembled, end, P_LENGTH);
  store<u16>(assembled, end as u16, P_END);
  const flow = assembledFlow();
  const l4 = load<u64>(flow, W_L4 << 3) & ~((0xff as u64) << B_FRAG);
  store<u64>(flow, (l4 & 0xffffffff) | ((portsOf(assembled, l4 as u32 & 0xff) as u64) << 32), W_L4 << 3);
  const l3: u32 = load<u16>(assembled, P_L3);
  const header = frame + l3;
  if (isV6) {
    const at = frame + fragmentHeader(frame, l3, load<u16>(assembled, P_L4));
    setBe16(at + 2, 0);
    setBe16(header + IP6_LENGTH, end - l3 - IP6_HEADER);
  } else {
    const total = be16(header + IP4_TOTAL);
    const offset = be16(header + IP4_OFFSET);
    setBe16(header + IP4_TOTAL, end - l3);
    setBe16(header + IP4_OFFSET, offset & ~0x2000);
    const before = ((total << 16) | offset) as u64;
    const after = (((end - l3) << 16) | (offset & ~0x2000)) as u64;
    applyChange(header + IP4_CHECKSUM, change(before, after));
  }
  return true;
}

/** Ports (source << 16 | destination), or type and code, of a datagram whose first fragment has its transport header. */
function portsOf(packet: usize, proto: u32): u32 {
  if (load<u16>(packet, P_PAYLOAD) === 0) return 0;
  const at = <usize>load<u32>(packet, P_FRAME) + load<u16>(packet, P_L4);
  const first = be16(at);
  if (proto === PROTO_ICMP || proto === PROTO_ICMP6) return ((first >> 8) << 16) | (first & 0xff);
  return (first << 16) | be16(at + 2);
}

/** Gives a fragment what the datagram has got: addresses, what conntrack said; the first one its transport header. */
function follow(own: usize, isTheFirst: bool): void {
  const flow = own + FLOW_AT;
  const whole = assembledFlow();
  const frame = <usize>load<u32>(own, P_FRAME);
  const header = frame + load<u16>(own, P_L3);
  if (((load<u64>(flow) >> B_ETH_TYPE) as u32) === 0x86dd) {
    for (let word: usize = 0; word < 32; word += 8) {
      const value = load<u64>(whole + word, W_IP6_SRC << 3);
      store<u64>(flow + word, value, W_IP6_SRC << 3);
      store<u64>(header + word, bswap<u64>(value), IP6_SRC);
    }
  } else {
    const before = load<u64>(flow, W_IP4 << 3);
    const after = load<u64>(whole, W_IP4 << 3);
    if (before !== after) {
      store<u64>(flow, after, W_IP4 << 3);
      store<u64>(header, bswap<u64>(after), IP4_SRC);
      applyChange(header + IP4_CHECKSUM, change(before, after));
    }
  }
  if (isTheFirst) {
    const l4: u32 = load<u16>(own, P_L4);
    const end: u32 = load<u16>(own, P_END);
    memory.copy(frame + l4, <usize>load<u32>(assembled, P_FRAME) + l4, end - l4);
  }
  memory.copy(flow + (W_CT << 3), whole + (W_CT << 3), (W_CT_IP6_DST + 2 - W_CT) << 3);
}

/*
 * Slots.
 */

const NO_SLOT: u32 = 0xffff;

function prepare(): bool {
  const small = <usize>SMALL_SLOTS * (BEFORE + SMALL);
  const large = <usize>LARGE_SLOTS * (BEFORE + LARGE);
  const at = reserve(small + large);
  lists = reserve(<usize>LISTS * LIST_SIZE);
  heads = reserve(LISTS * 4);
  freeSmall = reserve(SMALL_SLOTS * 2);
  freeLarge = reserve(LARGE_SLOTS * 2);
  freeLists = reserve(LISTS * 2);
  released = reserve((SMALL_SLOTS + LARGE_SLOTS) * 2);
  assembled = reserve(BEFORE + LARGE);
  if (at === 0 || lists === 0 || heads === 0 || freeSmall === 0) return false;
  if (freeLarge === 0 || freeLists === 0 || released === 0 || assembled === 0) return false;
  slots = at;
  for (let slot: u32 = SMALL_SLOTS + LARGE_SLOTS; slot !== 0; slot--) giveSlot(slot - 1);
  for (let list: u32 = LISTS; list !== 0; list--) freeList(list - 1);
  return true;
}

function slotAt(slot: u32): usize {
  assert(slot < SMALL_SLOTS + LARGE_SLOTS);
  if (slot < SMALL_SLOTS) return slots + <usize>slot * (BEFORE + SMALL);
  return slots + <usize>SMALL_SLOTS * (BEFORE + SMALL) + <usize>(slot - SMALL_SLOTS) * (BEFORE + LARGE);
}

function listAt(list: u32): usize {
  assert(list < LISTS);
  return lists + <usize>list * LIST_SIZE;
}

function entryAt(list: usize, i: u32): usize {
  assert(i < MOST_OF_ONE);
  return list + ENTRIES + <usize>i * ENTRY_SIZE;
}

function takeSlot(length: u32): u32 {
  if (length <= SMALL && freeSmallCount !== 0) {
    freeSmallCount--;
    return load<u16>(freeSmall + ((<usize>freeSmallCount) << 1));
  }
  if (length > LARGE || freeLargeCount === 0) return NO_SLOT;
  freeLargeCount--;
  return load<u16>(freeLarge + ((<usize>freeLargeCount) << 1));
}

function giveSlot(slot: u32): void {
  if (slot < SMALL_SLOTS) {
    store<u16>(freeSmall + ((<usize>freeSmallCount) << 1), slot as u16);
    freeSmallCount++;
  } else {
    store<u16>(freeLarge + ((<usize>freeLargeCount) << 1), slot as u16);
    freeLargeCount++;
  }
}

/** Copies a packet, its flow and its frame into a slot. */
function keep(slot: u32, packet: usize, flow: usize): void {
  const own = slotAt(slot);
  memory.copy(own, packet, PACKET_SIZE);
  memory.copy(own + FLOW_AT, flow, FLOW_SIZE);
  memory.copy(own + BEFORE, load<u32>(packet, P_FRAME), load<u32>(packet, P_LENGTH));
  store<u32>(own, (own + BEFORE) as u32, P_FRAME);
  store<u32>(own, HEADROOM, P_ROOM);
  store<u32>(own, 0, P_STATE);
}
