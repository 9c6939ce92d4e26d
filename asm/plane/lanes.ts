/**
 * Lanes: packets of established connections whose way comes to this: other
 * addresses and ports, another TTL and TOS, out of one port.  Nothing of them is
 * extracted; they are told by the bytes of the frame, and sent by express.ts.
 *
 *     laneHash(frame, port): u32                               0 if it is no frame that may have a lane
 *     findLane(frame, port, hash): usize                       the lane of a frame, 0 if there is none
 *     installLane(flow, offsets, chain, connections): bool     made where a chain and its connections allow it
 *
 * Plain frames only: TCP or UDP behind an IPv4 header of 20 bytes, no tag, no
 * fragment.  Of these a chain's program (`chains.ts`) does the same to all that
 * have the same key, so it is run once, on a sample that has the key.
 *
 * Sets of eight words in one half of a cache line, each a lane's number in its
 * low bits and bits of its hash above them, 0 for none.  Lanes are numbered as
 * they are made, so that few of them lie on few pages; 128 bytes each, numbers as
 * they stand in the frame:
 *
 *      0 | bytes 0 to 15 of the frame: addresses and type of Ethernet, version and length of the header, TOS
 *     16 | bytes 22 to 37: TTL, protocol, 0 for the checksum, addresses, ports
 *     32 | bytes 0 to 15 afterwards
 *     48 | bytes 22 to 37 afterwards, 0 for the checksum
 *     64 | chain         | its version   | physical port it comes from | ... leaves by
 *     80 | sum of the IPv4 header's bytes that are above | of those that the transport's checksum covers
 *     88 | change of the IPv4 header's checksum (16) | of the transport's (16) | connections (8), protocol (8), queue (16)
 *     96 | for each connection, LANE_CONNECTIONS at most: index + 1, direction in bit 31; version
 *
 * One that is free comes from NO_PORT, and has where its port out stands the
 * next free one.
 *
 * A change is what RFC 1624 adds to the complement of a checksum, 0 for none.
 *
 * Nothing tells a lane that its connection or its chain is gone: whoever uses it
 * asks both whether their version is still the same.
 */
import { reserve } from './arena';
import {
  CHAIN_CONNECTIONS,
  CHAIN_LANES,
  CHAIN_OTHER_COUNT,
  CHAIN_OTHER_NUMBERS,
  CHAIN_PROGRAM,
  CHAIN_TRACKED,
  CHAIN_VERSION,
  OP_TRACKED,
} from './chains';
import { CACHE_CONNECTION_NEW, countCache } from './counters';
import { begin, finish, mix } from './hash';
import {
  B_ETH_TYPE,
  B_TOS,
  B_TTL,
  DP_CT_CLEAR,
  DP_END,
  DP_OUTPUT,
  DP_SET,
  FLOW_SIZE,
  KEY_WORDS,
  P_END,
  P_FRAME,
  P_L3,
  P_LENGTH,
  P_STATE,
  PACKET_SIZE,
  PACKET_WORDS,
  W_CT,
  W_DERIVED,
  W_ETH_DST,
  W_ETH_SRC,
  W_IN,
  W_IP4,
  W_L4,
  W_TUNNEL,
} from './layout';
import { OP_ADDRESSES, setAddresses } from './polish';
import { PROTO_TCP, PROTO_UDP, setWord, TYPE_IP4 } from './rewrite';
import { ctTranslate } from './touching';

/** The least frame that may have a lane: Ethernet, IPv4, UDP. */
export const LANE_LEAST: u32 = 42;

const WAYS: u32 = 8;
const LANE_SIZE: u32 = 128;
const KEY: u32 = 0;
export const LANE_AFTER: u32 = 32;
export const LANE_CHAIN: u32 = 64;
export const LANE_AS_OF: u32 = 68;
export const LANE_FROM: u32 = 72;
export const LANE_TO: u32 = 76;
export const LANE_SUM_IP: u32 = 80;
export const LANE_SUM_L4: u32 = 84;
export const LANE_CHANGE_IP: u32 = 88;
export const LANE_CHANGE_L4: u32 = 90;
export const LANE_COUNT: u32 = 92;
export const LANE_PROTO: u32 = 93;
export const LANE_QUEUE: u32 = 94;
export const LANE_CONNECTIONS: u32 = 96;
export const LANE_CONNECTION_SIZE: u32 = 8;
const MOST_CONNECTIONS: u32 = 4;
export const DIRECTION_BIT: u32 = 1 << 31;
const NO_PORT: u32 = 0xffffffff;

/** CHAIN_LANES: nobody knows yet, and: its packets have none. */
const LANES_NEVER: u32 = 1;

/** Offsets in plain frames. */
export const IP: usize = 14;
export const TTL: usize = 22;
export const CHECKSUM: usize = 24;
const ADDRESSES: usize = 26;
export const PORTS: usize = 34;
export const UDP_CHECKSUM: usize = 40;
const TCP_OFFSET: usize = 46;
export const TCP_CHECKSUM: usize = 50;
export const UDP_END: u32 = 42;
export const TCP_END: u32 = 54;
/** Type 0x0800 and a header of version 4 and five words, with TOS above them. */
const PLAIN: u32 = 0x450008;
const PLAIN_MASK: u32 = 0xffffff;

/** Bytes 22 to 37 but the checksum. */
const WITHOUT_CHECKSUM: v128 = i16x8(-1, 0, -1, -1, -1, -1, -1, -1);

const SALT: u32 = 5;
const SALT_REST: u32 = 6;

/** What a program is tried on: packet, flow, frame. */
const SAMPLE: usize = memory.data(32, 16);
const SAMPLE_FLOW: usize = memory.data(256, 16);
const SAMPLE_FRAME: usize = memory.data(96, 16);

let sets: usize = 0;
let lanes: usize = 0;
let setMask: u32 = 0;
/** Bits of a set's words that are a lane's number. */
let numberMask: u32 = 0;
/** Numbers below were in use at least once. */
let unused: u32 = 0;
/** The first lane that is free again. */
let free: usize = 0;
let turn: u32 = 0;
/** Whether there was ever a lane. */
export let hasLanes: bool = false;
/** How often a lane was made or dropped: as long as it stays, what was found holds. */
export let laneChanges: u32 = 0;

/** Takes memory for `most` lanes, rounded up to a power of two; false if there is none. */
export function initLanes(most: u32): bool {
  const count: u32 = 1 << (32 - clz<u32>((most < 64 ? 64 : most) - 1));
  setMask = count / WAYS - 1;
  numberMask = count - 1;
  sets = reserve((count as usize) << 2);
  lanes = reserve((count as usize) * LANE_SIZE);
  return sets !== 0 && lanes !== 0;
}

/** The hash of a frame of at least LANE_LEAST bytes; 0 if it is none that has a lane. */
export function laneHash(frame: usize, port: u32): u32 {
  if ((load<u32>(frame, 12) & PLAIN_MASK) !== PLAIN) return 0;
  return keyHash(v128.load(frame), restOf(frame), port);
}

function restOf(frame: usize): v128 {
  return v128.and(v128.load(frame, TTL), WITHOUT_CHECKSUM);
}

/** What a word of a set has of it is never 0. */
function keyHash(first: v128, rest: v128, port: u32): u32 {
  const one = mix(mix(begin(SALT), i64x2.extract_lane(first, 0)), i64x2.extract_lane(first, 1) ^ ((port as u64) << 32));
  const two = mix(mix(begin(SALT_REST), i64x2.extract_lane(rest, 0)), i64x2.extract_lane(rest, 1));
  const hash = finish(one ^ rotl<u64>(two, 29));
  return hash > numberMask ? hash : hash | ~numberMask;
}

/** Where the set of a hash is. */
export function laneSet(hash: u32): usize {
  return sets + (((hash & setMask) * WAYS) << 2);
}

/** The lane that is likely to be the hash's; 0 if none can be. */
export function likelyLane(hash: u32): usize {
  const set = laneSet(hash);
  const same = sameWays(set, hash);
  return same === 0 ? 0 : laneAt(set, ctz<i32>(same));
}

/** A bit for each way of a set whose hash it may be. */
function sameWays(set: usize, hash: u32): i32 {
  const mask = i32x4.splat(~numberMask);
  const wanted = i32x4.splat(hash & ~numberMask);
  const low = i32x4.eq(v128.and(v128.load(set), mask), wanted);
  const high = i32x4.eq(v128.and(v128.load(set, 16), mask), wanted);
  return i32x4.bitmask(low) | (i32x4.bitmask(high) << 4);
}

/** The lane of a way that is taken. */
function laneAt(set: usize, way: u32): usize {
  return lanes + (load<u32>(set + (way << 2)) & numberMask) * LANE_SIZE;
}

/** The lane of a frame of at least LANE_LEAST bytes, whose hash is not 0; 0 if it has none. */
export function findLane(frame: usize, port: u32, hash: u32): usize {
  const set = laneSet(hash);
  let same = sameWays(set, hash);
  while (same !== 0) {
    const lane = laneAt(set, ctz<i32>(same));
    if (isLane(lane, v128.load(frame), restOf(frame), port)) return lane;
    same &= same - 1;
  }
  return 0;
}

/** Whether a lane is this frame's. */
export function isLaneOf(lane: usize, frame: usize, port: u32): bool {
  return isLane(lane, v128.load(frame), restOf(frame), port);
}

/** Whether a lane is that of this key. */
function isLane(lane: usize, first: v128, rest: v128, port: u32): bool {
  const differs = v128.or(v128.xor(first, v128.load(lane, KEY)), v128.xor(rest, v128.load(lane, KEY + 16)));
  return !v128.any_true(differs) && load<u32>(lane, LANE_FROM) === port;
}

/**
 * Makes the lane for packets that came in with this flow and had their headers
 * there (`P_L3` and on); `connections` as in `connections.ts`.  False if they go
 * a way that is not for the express lane.
 */
export function installLane(flow: usize, offsets: u64, chain: usize, connections: usize): bool {
  if (load<u32>(chain, CHAIN_LANES) === LANES_NEVER || !isPlain(flow, offsets)) return false;
  assert(CHAIN_CONNECTIONS <= MOST_CONNECTIONS);
  const proto = load<u64>(flow, W_L4 << 3) as u32 & 0xff;
  const end: u32 = proto === PROTO_TCP ? TCP_END : UDP_END;
  memory.copy(SAMPLE_FLOW, flow, PACKET_WORDS << 3);
  memory.fill(SAMPLE_FLOW + (PACKET_WORDS << 3), 0, FLOW_SIZE - (PACKET_WORDS << 3));
  writeSample(flow);
  const first = v128.load(SAMPLE_FRAME);
  const rest = restOf(SAMPLE_FRAME);
  const port = load<u32>(flow, W_IN << 3);
  const hash = keyHash(first, rest, port);

  // Checksums of all ones are what no change leaves as it is: what comes of them is the change.
  const checksumAt = SAMPLE_FRAME + (proto === PROTO_TCP ? TCP_CHECKSUM : UDP_CHECKSUM);
  store<u16>(SAMPLE_FRAME, 0xffff, CHECKSUM);
  store<u16>(checksumAt, 0xffff);
  setPlain(SAMPLE, SAMPLE_FRAME, end, end, end);
  if (isAskedMore(chain) || !trySample(load<u32>(chain, CHAIN_PROGRAM), connections)) {
    store<u32>(chain, LANES_NEVER, CHAIN_LANES);
    return false;
  }

  const lane = takeLane(hash, first, rest, port);
  v128.store(lane, first, KEY);
  v128.store(lane, rest, KEY + 16);
  v128.store(lane, v128.load(SAMPLE_FRAME), LANE_AFTER);
  v128.store(lane, restOf(SAMPLE_FRAME), LANE_AFTER + 16);
  store<u32>(lane, chain as u32, LANE_CHAIN);
  store<u32>(lane, load<u32>(chain, CHAIN_VERSION), LANE_AS_OF);
  store<u32>(lane, port, LANE_FROM);
  store<u32>(lane, outputPort, LANE_TO);
  const addresses = pairs(i64x2.extract_lane(rest, 0) >> 32) + pairs(i64x2.extract_lane(rest, 1) & 0xffffffff);
  store<u32>(
    lane,
    pairs((i64x2.extract_lane(first, 1) as u64) >> 48) + pairs(i64x2.extract_lane(rest, 0) & 0xffff) + addresses,
    LANE_SUM_IP,
  );
  store<u32>(lane, addresses + pairs((i64x2.extract_lane(rest, 1) as u64) >> 32) + (proto << 8), LANE_SUM_L4);
  store<u16>(lane, ~load<u16>(SAMPLE_FRAME, CHECKSUM), LANE_CHANGE_IP);
  store<u16>(lane, ~load<u16>(checksumAt), LANE_CHANGE_L4);
  store<u8>(lane, load<u32>(chain, CHAIN_TRACKED) as u8, LANE_COUNT);
  store<u8>(lane, proto as u8, LANE_PROTO);
  store<u16>(lane, outputQueue as u16, LANE_QUEUE);
  memory.copy(lane + LANE_CONNECTIONS, connections, MOST_CONNECTIONS * LANE_CONNECTION_SIZE);
  hasLanes = true;
  laneChanges += 1;
  countCache(CACHE_CONNECTION_NEW, 1);
  return true;
}

/** The sum of four numbers of 16 bits. */
function pairs(word: u64): u32 {
  return ((word & 0xffff) + ((word >> 16) & 0xffff) + ((word >> 32) & 0xffff) + (word >> 48)) as u32;
}

/** Whether a packet's frame was one that lanes are made for; its flow has all that its key has. */
function isPlain(flow: usize, offsets: u64): bool {
  if (((load<u64>(flow, W_ETH_DST << 3) >> B_ETH_TYPE) as u32) !== TYPE_IP4) return false;
  const word = load<u64>(flow, W_L4 << 3);
  const proto = word as u32 & 0xff;
  return (
    (offsets & 0xffffffff) === ((IP | (PORTS << 16)) as u64) &&
    ((offsets >> 32) & 0xffff) !== 0 &&
    load<u64>(flow, W_ETH_SRC << 3) >> 48 === 0 &&
    (word & 0xff000000) === 0 &&
    load<u64>(flow, W_TUNNEL << 3) === 0 &&
    (proto === PROTO_TCP || proto === PROTO_UDP)
  );
}

/** Whether a chain's megaflows look at what is not in a lane's key, and not the same in all plain frames. */
function isAskedMore(chain: usize): bool {
  const others = load<u32>(chain, CHAIN_OTHER_COUNT);
  for (let i: u32 = 0; i < others; i++) {
    if (load<u8>(chain + CHAIN_OTHER_NUMBERS + i) === (W_DERIVED as u8)) return true;
  }
  return false;
}

/** Writes the headers that a flow tells of, up to the ports, with a checksum of 0. */
function writeSample(flow: usize): void {
  const l4 = load<u64>(flow, W_L4 << 3);
  const ip = load<u64>(flow, W_IP4 << 3);
  memory.fill(SAMPLE_FRAME, 0, TCP_END);
  store<u64>(SAMPLE_FRAME, bswap<u64>(load<u64>(flow, W_ETH_DST << 3) << 16));
  store<u64>(SAMPLE_FRAME, bswap<u64>(load<u64>(flow, W_ETH_SRC << 3) << 16), 6);
  store<u32>(SAMPLE_FRAME, PLAIN | (((l4 >> B_TOS) as u32) << 24), 12);
  store<u8>(SAMPLE_FRAME, (l4 >> B_TTL) as u8, TTL);
  store<u8>(SAMPLE_FRAME, l4 as u8, TTL + 1);
  store<u32>(SAMPLE_FRAME, bswap<u32>((ip >> 32) as u32), ADDRESSES);
  store<u32>(SAMPLE_FRAME, bswap<u32>(ip as u32), ADDRESSES + 4);
  store<u32>(SAMPLE_FRAME, bswap<u32>((l4 >> 32) as u32), PORTS);
  store<u8>(SAMPLE_FRAME, 0x50, TCP_OFFSET);
}

/** Fills the record of a plain frame. */
export function setPlain(packet: usize, frame: usize, length: u32, payload: u32, end: u32): void {
  assert(P_END === P_L3 + 6 && PACKET_SIZE === 32);
  store<u32>(packet, frame as u32, P_FRAME);
  store<u32>(packet, length, P_LENGTH);
  store<u64>(packet, (IP as u64) | ((PORTS as u64) << 16) | ((payload as u64) << 32) | ((end as u64) << 48), P_L3);
  store<u32>(packet, 0, P_STATE);
}

/** Set by `trySample`: the port that the packet leaves by, and the queue there. */
let outputPort: u32 = 0;
let outputQueue: u32 = 0;

/** Runs a chain's program on the sample; false if it does anything that a lane cannot do. */
function trySample(program: usize, connections: usize): bool {
  let isOut = false;
  let at = program;
  while (true) {
    const head = load<u32>(at);
    switch (head & 0xff) {
      case DP_SET:
        if (isOut && head >> 16 < (PACKET_WORDS as u32)) return false;
        setWord(SAMPLE, SAMPLE_FLOW, head >> 16, load<u64>(at, 4), load<u64>(at, 12));
        break;
      case OP_ADDRESSES:
        if (isOut) return false;
        setAddresses(at, SAMPLE, SAMPLE_FLOW);
        break;
      case OP_TRACKED:
        if (isOut) return false;
        translateTracked(at, SAMPLE, SAMPLE_FLOW, connections);
        break;
      case DP_CT_CLEAR:
        memory.fill(SAMPLE_FLOW + (W_CT << 3), 0, (KEY_WORDS - W_CT) << 3);
        break;
      case DP_OUTPUT:
        if (isOut) return false;
        isOut = true;
        outputPort = load<u32>(at, 4);
        outputQueue = head >> 16;
        break;
      case DP_END:
        return isOut;
      default:
        return false;
    }
    at += ((head >> 8) & 0xff) << 2;
  }
}

/** OP_TRACKED: the argument says whether the instruction asked for a translation. */
const TRANSLATES: u32 = 256;
const B_ZONE: u64 = 16;

/** Whether OP_TRACKED at `at` changes its packet. */
export function isTranslating(at: usize): bool {
  return (load<u16>(at, 2) & TRANSLATES) !== 0;
}

/** Runs OP_TRACKED on a packet that is its own: the translation of a connection in `list`, if the instruction asked for it. */
export function translateTracked(at: usize, packet: usize, flow: usize, list: usize): void {
  if (!isTranslating(at)) return;
  // What an earlier instruction did in this zone holds, in another it does not.
  const zone: u64 = load<u32>(at, 4);
  if (load<u64>(flow, W_CT << 3) >> B_ZONE !== zone) store<u64>(flow, zone << B_ZONE, W_CT << 3);
  const number = load<u32>(list + (load<u16>(at, 2) & 0xff) * LANE_CONNECTION_SIZE);
  ctTranslate(number & ~DIRECTION_BIT, number >> 31, packet, flow);
}

/** The lane of this key: its own, or a new one, whose way is a free one or that of another lane whose turn it is. */
function takeLane(hash: u32, first: v128, rest: v128, port: u32): usize {
  const set = laneSet(hash);
  let way: u32 = WAYS;
  for (let i: u32 = 0; i < WAYS; i++) {
    const word = load<u32>(set + (i << 2));
    if (((word ^ hash) & ~numberMask) === 0 && isLane(laneAt(set, i), first, rest, port)) return laneAt(set, i);
    if (word === 0 && way === WAYS) way = i;
  }
  if (way === WAYS) {
    turn += 1;
    way = turn % WAYS;
    return rename(set + (way << 2), laneAt(set, way), hash);
  }
  let lane = free;
  if (lane !== 0) {
    free = load<u32>(lane, LANE_TO);
  } else {
    // There are as many lanes as ways.
    assert(unused <= numberMask);
    lane = lanes + unused * LANE_SIZE;
    unused += 1;
  }
  return rename(set + (way << 2), lane, hash);
}

/** Writes a lane into a way, as that of a hash. */
function rename(at: usize, lane: usize, hash: u32): usize {
  store<u32>(at, (hash & ~numberMask) | (((lane - lanes) / LANE_SIZE) as u32));
  return lane;
}

/** Forgets a lane. */
export function dropLane(lane: usize): void {
  laneChanges += 1;
  const hash = keyHash(v128.load(lane, KEY), v128.load(lane, KEY + 16), load<u32>(lane, LANE_FROM));
  const word = (hash & ~numberMask) | (((lane - lanes) / LANE_SIZE) as u32);
  let at = laneSet(hash);
  while (load<u32>(at) !== word) at += 4;
  store<u32>(at, 0);
  store<u32>(lane, NO_PORT, LANE_FROM);
  store<u32>(lane, free as u32, LANE_TO);
  free = lane;
}

/** Forgets all lanes; not while packets are under way. */
export function dropLanes(): void {
  memory.fill(sets, 0, ((setMask as usize) + 1) * WAYS * 4);
  unused = 0;
  free = 0;
  hasLanes = false;
  laneChanges += 1;
}
