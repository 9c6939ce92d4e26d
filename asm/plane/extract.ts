/**
 * From a frame to its flow and the offsets of its headers.
 *
 *     extract(packet, flow): bool     P_FRAME, P_LENGTH, P_IN_PORT in; false if there is no Ethernet header
 *     wantHash(kinds), setThresholds(n)  which of the fields made for translation's sake are filled
 *
 * TCP and UDP over plain IPv4 and IPv6 headers, untagged, are taken in vectors:
 * a shuffle turns the order of sending into numbers.  Everything else goes
 * through `headers.ts`, with the same result.
 */
import { be16 } from '../bytes';
import { groupHash, symmetricGroupHash } from './groups';
import { extractHeaders } from './headers';
import {
  B_HASH_BOTH,
  B_LONGER,
  B_TCP_FLAGS,
  MAX_THRESHOLDS,
  P_FRAME,
  P_IN_PORT,
  P_L3,
  P_LENGTH,
  P_STATE,
  W_DERIVED,
  W_IN,
  W_IP4,
  W_IP6_DST,
  W_IP6_LABEL,
  W_IP6_SRC,
  W_L4,
} from './layout';
import { PROTO_TCP, PROTO_UDP } from './rewrite';

/** Ethernet types as little-endian memory holds them. */
const IP4_IN_MEMORY: u32 = 0x0008;
const IP6_IN_MEMORY: u32 = 0xdd86;
/** More fragments, or an offset. */
const FRAGMENT_IN_MEMORY: u32 = 0xff3f;

/** Ends of the least frames: Ethernet, IPv4 or IPv6, UDP. */
const UDP4: u32 = 42;
const UDP6: u32 = 62;
const TCP_MORE: u32 = 12;

const THRESHOLDS: usize = memory.data(36 * 4, 16);
let thresholds: u32 = 0;
/** Which hashes are filled: WANT_... */
export let hashed: u32 = 0;
/** HASH. */
export const WANT_HASH: u32 = 1;
/** HASH_BOTH. */
export const WANT_HASH_BOTH: u32 = 2;

/** Has these hashes filled from now on, and no others. */
export function wantHash(kinds: u32): void {
  hashed = kinds;
}

/** Where the thresholds of LONGER (u32 each, bytes of a frame) are written, before `setThresholds`. */
export function thresholdsAt(): usize {
  return THRESHOLDS;
}

/** How many of them are used. */
export function setThresholds(count: u32): void {
  assert(count <= (MAX_THRESHOLDS as u32));
  thresholds = count;
}

/** Fills the flow's first KEY_WORDS words and the packet's record; false for a frame without an Ethernet header. */
export function extract(packet: usize, flow: usize): bool {
  const zero = i64x2.splat(0);
  v128.store(flow, zero, 4 << 3);
  v128.store(flow, zero, 6 << 3);
  v128.store(flow, zero, 8 << 3);
  v128.store(flow, zero, 10 << 3);
  v128.store(flow, zero, 12 << 3);
  v128.store(flow, zero, 14 << 3);
  v128.store(flow, zero, 16 << 3);
  v128.store(flow, zero, 18 << 3);
  v128.store(flow, zero, 20 << 3);
  const frame: usize = load<u32>(packet, P_FRAME);
  const length = load<u32>(packet, P_LENGTH);
  const type: u32 = length >= UDP4 ? load<u16>(frame, 12) : 0;
  let done = false;
  if (type === IP4_IN_MEMORY) done = extractIp4(packet, flow, frame, length);
  else if (type === IP6_IN_MEMORY) done = extractIp6(packet, flow, frame, length);
  if (!done && !extractHeaders(packet, flow)) return false;
  store<u64>(flow, load<u32>(packet, P_IN_PORT), W_IN << 3);
  if (hashed !== 0) setHashes(packet, flow);
  if (thresholds !== 0) setLonger(flow, length);
  return true;
}

/** TCP or UDP, header of 20 bytes, no fragment; false if it is anything else. */
function extractIp4(packet: usize, flow: usize, frame: usize, length: u32): bool {
  const total = be16(frame + 16);
  const proto: u32 = load<u8>(frame, 23);
  // Addresses behind the frame's start are below its end: it has UDP4 bytes at least.
  if (
    load<u8>(frame, 14) !== 0x45 ||
    (load<u16>(frame, 20) & FRAGMENT_IN_MEMORY) !== 0 ||
    total > length - 14 ||
    total < UDP4 - 14
  ) {
    return false;
  }
  if (proto === PROTO_UDP) {
    setOffsets(packet, 34, UDP4, total + 14);
  } else if (proto !== PROTO_TCP || total < UDP4 - 14 + TCP_MORE || !setTcp(packet, flow, frame, 34, total + 14)) {
    return false;
  }
  const ethernet = v128.load(frame);
  const rest = v128.load(frame, 22);
  setEthernet(flow, ethernet);
  // Byte 13 of the Ethernet header is the zero of 0x0800: FRAG.
  const words = v128.shuffle<u8>(rest, ethernet, 11, 10, 9, 8, 7, 6, 5, 4, 1, 0, 31, 29, 15, 14, 13, 12);
  v128.store(flow, words, W_IP4 << 3);
  return true;
}

/** TCP or UDP directly behind an IPv6 header; false if it is anything else. */
function extractIp6(packet: usize, flow: usize, frame: usize, length: u32): bool {
  if (length < UDP6) return false;
  const payload = be16(frame + 18);
  const proto: u32 = load<u8>(frame, 20);
  if (load<u8>(frame, 14) >> 4 !== 6 || payload > length - 54 || payload < 8) return false;
  if (proto === PROTO_UDP) {
    setOffsets(packet, 54, UDP6, payload + 54);
  } else if (proto !== PROTO_TCP || payload < 8 + TCP_MORE || !setTcp(packet, flow, frame, 54, payload + 54)) {
    return false;
  }
  setEthernet(flow, v128.load(frame));
  v128.store(flow, turned(v128.load(frame, 22)), W_IP6_SRC << 3);
  v128.store(flow, turned(v128.load(frame, 38)), W_IP6_DST << 3);
  const first = bswap<u32>(load<u32>(frame, 14));
  store<u64>(flow, (first & 0xfffff) as u64, W_IP6_LABEL << 3);
  store<u64>(flow, 0, W_IP4 << 3);
  const ports = bswap<u32>(load<u32>(frame, 54)) as u64;
  const low = proto | ((load<u8>(frame, 21) as u32) << 8) | (((first >> 20) & 0xff) << 16);
  store<u64>(flow, (ports << 32) | (low as u64), W_L4 << 3);
  return true;
}

/** W_ETH_DST and W_ETH_SRC of an untagged frame, from its first sixteen bytes. */
function setEthernet(flow: usize, header: v128): void {
  const zero = i64x2.splat(0);
  v128.store(flow, v128.shuffle<u8>(header, zero, 5, 4, 3, 2, 1, 0, 13, 12, 11, 10, 9, 8, 7, 6, 16, 16));
}

/** Two words of a wide field, each from the order of sending to a number. */
function turned(bytes: v128): v128 {
  return v128.shuffle<u8>(bytes, bytes, 7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8);
}

function setOffsets(packet: usize, l4: u64, payload: u64, end: u64): void {
  store<u64>(packet, 14 | (l4 << 16) | (payload << 32) | (end << 48), P_L3);
  store<u32>(packet, 0, P_STATE);
}

/** Offsets and TCP_FLAGS; false, and nothing, for a data offset that cannot be. */
function setTcp(packet: usize, flow: usize, frame: usize, l4: u32, end: u32): bool {
  const word = be16(frame + l4 + 12);
  const header = (word >> 12) << 2;
  if (header < 20 || header > end - l4) return false;
  store<u64>(flow, ((word & 0xfff) << B_TCP_FLAGS) as u64, W_DERIVED << 3);
  setOffsets(packet, l4, l4 + header, end);
  return true;
}

/** Fills HASH and HASH_BOTH, those that are wanted. */
export function setHashes(packet: usize, flow: usize): void {
  if (hashed & WANT_HASH) store<u8>(flow, groupHash(packet, flow) as u8, W_DERIVED << 3);
  hashAgain(flow);
}

/** Fills HASH_BOTH, if it is wanted: that of the packet as it is now, while HASH is that of the packet as it came in. */
export function hashAgain(flow: usize): void {
  if (!(hashed & WANT_HASH_BOTH)) return;
  const at = flow + (W_DERIVED << 3);
  const hash = ((symmetricGroupHash(flow) & 0xff) as u64) << B_HASH_BOTH;
  store<u64>(at, (load<u64>(at) & ~((0xff as u64) << B_HASH_BOTH)) | hash);
}

function setLonger(flow: usize, length: u32): void {
  let bits: u64 = 0;
  for (let i: u32 = 0; i < thresholds; i++) {
    if (length > load<u32>(THRESHOLDS + (i << 2))) bits |= (1 as u64) << i;
  }
  const at = flow + (W_DERIVED << 3);
  store<u64>(at, load<u64>(at) | (bits << B_LONGER));
}
