/**
 * The express lane: packets of established connections whose way comes to this:
 * other addresses and ports, another TTL and TOS, out of one port.  Nothing of
 * them is extracted; they are told by the bytes of the frame.
 *
 *     findLane(frame, port, hash): usize                       the lane of a frame, 0 if there is none
 *     beginLane(lane): u32                                     before the first of some frames of one lane: LANE_...
 *     runLane(lane, frame, length, index): bool                each of them
 *     endLane(lane, packets, bytes)                            behind the last one: what went by it
 *     installLane(flow, offsets, chain, connections): bool     made where a chain and its connections allow it
 *
 * Plain frames only: TCP or UDP behind an IPv4 header of 20 bytes, no tag, no
 * fragment.  Of these a chain's program (`chains.ts`) does the same to all that
 * have the same key, so it is run once, on a sample that has the key.
 *
 * Sets of eight: eight hashes in one half of a cache line, then the lanes of the
 * same numbers, 128 bytes each; numbers as they stand in the frame:
 *
 *      0 | bytes 0 to 15 of the frame: addresses and type of Ethernet, version and length of the header, TOS
 *     16 | bytes 22 to 37: TTL, protocol, 0 for the checksum, addresses, ports
 *     32 | bytes 0 to 15 afterwards
 *     48 | bytes 22 to 37 afterwards, 0 for the checksum
 *     64 | chain         | its version   | physical port it comes from | ... leaves by
 *     80 | sum of the IPv4 header's bytes that are above | of those that the transport's checksum covers
 *     88 | change of the IPv4 header's checksum (16) | of the transport's (16) | connections (8), protocol (8) | (zero)
 *     96 | for each connection, LANE_CONNECTIONS at most: index + 1, direction in bit 31; version
 *
 * A change is what RFC 1624 adds to the complement of a checksum, 0 for none.
 *
 * Nothing tells a lane that its connection or its chain is gone: whoever uses it
 * asks both whether their version is still the same.
 */
import { be16 } from '../bytes';
import { reserve } from './arena';
import {
  CHAIN_CONNECTIONS,
  CHAIN_LANES,
  CHAIN_OTHER_COUNT,
  CHAIN_OTHER_NUMBERS,
  CHAIN_PROGRAM,
  CHAIN_TRACKED,
  CHAIN_VERSION,
  countChain,
  OP_TRACKED,
} from './chains';
import { now } from './clock';
import { isCurrent, pulse } from './connection';
import {
  CACHE_CONNECTION_NEW,
  countCache,
  countIn,
  countOut,
  PORT_UNDERLAY,
  portAt,
  portFlags,
  portRecord,
} from './counters';
import { hasRoom, putOutUncounted } from './frames';
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
import { ctTouchTcp, ctTouchUdp, ctTranslate } from './touching';

/** Its frames may go. */
export const LANE_OPEN: u32 = 0;
/** They have to go the long way. */
export const LANE_SHUT: u32 = 1;
/** The same, and the lane is over: its chain or one of its connections is not what it was. */
export const LANE_OVER: u32 = 2;

/** The least frame that may have a lane: Ethernet, IPv4, UDP. */
export const LANE_LEAST: u32 = 42;

const WAYS: u32 = 8;
const LANE_SIZE: u32 = 128;
const KEY: u32 = 0;
const AFTER: u32 = 32;
const CHAIN: u32 = 64;
const CHAIN_AS_OF: u32 = 68;
const FROM: u32 = 72;
const TO: u32 = 76;
const SUM_IP: u32 = 80;
const SUM_L4: u32 = 84;
const CHANGE_IP: u32 = 88;
const CHANGE_L4: u32 = 90;
const COUNT: u32 = 92;
const PROTO: u32 = 93;
const CONNECTIONS: u32 = 96;
const CONNECTION_SIZE: u32 = 8;
const LANE_CONNECTIONS: u32 = 4;
const DIRECTION_BIT: u32 = 1 << 31;

/** CHAIN_LANES: nobody knows yet, and: its packets have none. */
const LANES_NEVER: u32 = 1;

/** Offsets in plain frames. */
const IP: usize = 14;
const TOTAL: usize = 16;
const FRAGMENT: usize = 20;
const TTL: usize = 22;
const CHECKSUM: usize = 24;
const ADDRESSES: usize = 26;
const PORTS: usize = 34;
const BEHIND_PORTS: usize = 38;
const UDP_LENGTH: usize = 38;
const UDP_CHECKSUM: usize = 40;
const TCP_OFFSET: usize = 46;
const TCP_CHECKSUM: usize = 50;
const UDP_END: u32 = 42;
const TCP_END: u32 = 54;
/** More fragments, or an offset, as memory holds them. */
const FRAGMENT_BITS: u32 = 0xff3f;
/** Type 0x0800 and a header of version 4 and five words, with TOS above them. */
const PLAIN: u32 = 0x450008;
const PLAIN_MASK: u32 = 0xffffff;

/** Bytes 22 to 37 but the checksum. */
const WITHOUT_CHECKSUM: v128 = i16x8(-1, 0, -1, -1, -1, -1, -1, -1);
/** Sixteen ones, then sixteen zeros: from 16 - n on, n bytes are kept. */
const KEEP: usize = memory.data(32, 16);

const SALT: u32 = 5;
const SALT_REST: u32 = 6;

/** What a program is tried on: packet, flow, frame. */
const SAMPLE: usize = memory.data(32, 16);
const SAMPLE_FLOW: usize = memory.data(256, 16);
const SAMPLE_FRAME: usize = memory.data(96, 16);

let tags: usize = 0;
let lanes: usize = 0;
let setMask: u32 = 0;
let turn: u32 = 0;
/** Whether there was ever a lane. */
export let hasLanes: bool = false;
/** How often a lane was made or dropped: as long as it stays, what was found holds. */
export let laneChanges: u32 = 0;
/** Takes what was read only to have it near. */
export let nearLanes: u32 = 0;

/** Takes memory for `most` lanes, rounded up to a power of two; false if there is none. */
export function initLanes(most: u32): bool {
  const count: u32 = 1 << (32 - clz<u32>((most < 64 ? 64 : most) - 1));
  setMask = count / WAYS - 1;
  tags = reserve((count as usize) << 2);
  lanes = reserve((count as usize) * LANE_SIZE);
  memory.fill(KEEP, 0xff, 16);
  return tags !== 0 && lanes !== 0;
}

/** The hash of a frame of at least LANE_LEAST bytes; 0 if it is none that has a lane. */
export function laneHash(frame: usize, port: u32): u32 {
  if ((load<u32>(frame, 12) & PLAIN_MASK) !== PLAIN) return 0;
  return keyHash(v128.load(frame), restOf(frame), port);
}

function restOf(frame: usize): v128 {
  return v128.and(v128.load(frame, TTL), WITHOUT_CHECKSUM);
}

/** Never 0, which stands for a free place. */
function keyHash(first: v128, rest: v128, port: u32): u32 {
  const one = mix(mix(begin(SALT), i64x2.extract_lane(first, 0)), i64x2.extract_lane(first, 1) ^ ((port as u64) << 32));
  const two = mix(mix(begin(SALT_REST), i64x2.extract_lane(rest, 0)), i64x2.extract_lane(rest, 1));
  const hash = finish(one ^ rotl<u64>(two, 29));
  return hash === 0 ? 1 : hash;
}

/** Reads the hashes of a set, so that they are near. */
export function touchLaneSet(hash: u32): void {
  nearLanes += load<u32>(tags + (((hash & setMask) * WAYS) << 2));
}

/** Reads the lane that is likely to be the hash's, so that it is near. */
export function touchLane(hash: u32): void {
  const first = (hash & setMask) * WAYS;
  const same = sameTags(first, hash);
  if (same === 0) return;
  const lane = lanes + (first + ctz<i32>(same)) * LANE_SIZE;
  nearLanes += load<u32>(lane) + load<u32>(lane, 64);
}

/** Reads what is asked of a lane's connections, so that it is near. */
export function touchLaneConnections(lane: usize): void {
  const count: u32 = load<u8>(lane, COUNT);
  for (let i: u32 = 0; i < count; i++) {
    nearLanes += load<u32>(pulse((load<u32>(lane + i * CONNECTION_SIZE, CONNECTIONS) & ~DIRECTION_BIT) - 1));
  }
}

/** A bit for each way of the set at `first` whose hash it is. */
function sameTags(first: u32, hash: u32): i32 {
  const at = tags + (first << 2);
  const wanted = i32x4.splat(hash);
  return i32x4.bitmask(i32x4.eq(v128.load(at), wanted)) | (i32x4.bitmask(i32x4.eq(v128.load(at, 16), wanted)) << 4);
}

/** The lane of a frame of at least LANE_LEAST bytes, whose hash is not 0; 0 if it has none. */
export function findLane(frame: usize, port: u32, hash: u32): usize {
  const first = (hash & setMask) * WAYS;
  let same = sameTags(first, hash);
  while (same !== 0) {
    const lane = lanes + (first + ctz<i32>(same)) * LANE_SIZE;
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
  return !v128.any_true(differs) && load<u32>(lane, FROM) === port;
}

/** Whether frames of a lane's key may go its way: until something else than a lane has its turn. */
export function beginLane(lane: usize): u32 {
  const chain: usize = load<u32>(lane, CHAIN);
  if (load<u32>(chain, CHAIN_VERSION) !== load<u32>(lane, CHAIN_AS_OF)) return LANE_OVER;
  const count: u32 = load<u8>(lane, COUNT);
  for (let i: u32 = 0; i < count; i++) {
    const at = lane + i * CONNECTION_SIZE;
    const number = load<u32>(at, CONNECTIONS) & ~DIRECTION_BIT;
    if (!isCurrent(number - 1, load<u32>(at, CONNECTIONS + 4))) return LANE_OVER;
  }
  const from = portAt(load<u32>(lane, FROM));
  return from === 0 || portFlags(from) & PORT_UNDERLAY || portAt(load<u32>(lane, TO)) === 0 ? LANE_SHUT : LANE_OPEN;
}

/** Counts what went by an open lane, `packets` of them at least 1, and keeps its connections alive. */
export function endLane(lane: usize, packets: u32, bytes: u32): void {
  assert(packets !== 0);
  countIn(portRecord(load<u32>(lane, FROM)), packets, bytes);
  countOut(portRecord(load<u32>(lane, TO)), packets, bytes);
  countChain(load<u32>(lane, CHAIN), packets, bytes, now);
  if (load<u8>(lane, PROTO) === (PROTO_TCP as u8)) return;
  const count: u32 = load<u8>(lane, COUNT);
  for (let i: u32 = 0; i < count; i++) {
    ctTouchUdp((load<u32>(lane + i * CONNECTION_SIZE, CONNECTIONS) & ~DIRECTION_BIT) - 1);
  }
}

/**
 * Sends a frame of an open lane's key the lane's way; false, and nothing was
 * done, if it is none of every day and has to go the long way.  What the tracker
 * asks of every packet is asked here too: that lengths agree, and that checksums
 * are right.
 */
export function runLane(lane: usize, frame: usize, length: u32, index: u32): bool {
  const total = be16(frame + TOTAL);
  if ((load<u16>(frame, FRAGMENT) & FRAGMENT_BITS) !== 0 || total > length - (IP as u32)) return false;
  const isTcp = load<u8>(lane, PROTO) === (PROTO_TCP as u8);
  const end = total + (IP as u32);
  const leastEnd: u32 = isTcp ? TCP_END : UDP_END;
  if (end < leastEnd) return false;
  const header: u32 = isTcp ? ((load<u8>(frame, TCP_OFFSET) as u32) >> 4) << 2 : be16(frame + UDP_LENGTH);
  const leastHeader: u32 = isTcp ? 20 : 8;
  if (header < leastHeader || header > end - (PORTS as u32)) return false;

  const checksum: u32 = load<u16>(frame, CHECKSUM);
  const varying = (load<u16>(frame, TOTAL) as u32) + load<u16>(frame, TOTAL + 2) + load<u16>(frame, FRAGMENT);
  if (folded(load<u32>(lane, SUM_IP) + varying + checksum) !== 0xffff) return false;
  const checksumAt = frame + (isTcp ? TCP_CHECKSUM : UDP_CHECKSUM);
  let l4Checksum: u32 = load<u16>(checksumAt);
  const isSummed = isTcp || l4Checksum !== 0;
  if (isSummed) {
    const size: u32 = bswap<u16>((end - (PORTS as u32)) as u16);
    if (folded(load<u32>(lane, SUM_L4) + size + sumOf(frame + BEHIND_PORTS, end - (BEHIND_PORTS as u32))) !== 0xffff) {
      return false;
    }
  }

  if (!hasRoom() || (isTcp && !touchTcp(lane, frame, length, end))) return false;

  const fresh = ~folded((~checksum & 0xffff) + load<u16>(lane, CHANGE_IP));
  v128.store(frame, v128.load(lane, AFTER));
  v128.store(frame, i16x8.replace_lane(v128.load(lane, AFTER + 16), 1, fresh as i16), TTL);
  if (isSummed) {
    l4Checksum = ~folded((~l4Checksum & 0xffff) + load<u16>(lane, CHANGE_L4)) & 0xffff;
    store<u16>(checksumAt, (l4Checksum === 0 && !isTcp ? 0xffff : l4Checksum) as u16);
  }
  putOutUncounted(load<u32>(lane, TO), frame, length, index);
  return true;
}

function touchTcp(lane: usize, frame: usize, length: u32, end: u32): bool {
  const count: u32 = load<u8>(lane, COUNT);
  setSample(frame, length, (PORTS as u32) + 20, end);
  for (let i: u32 = 0; i < count; i++) {
    const number = load<u32>(lane + i * CONNECTION_SIZE, CONNECTIONS);
    if (!ctTouchTcp((number & ~DIRECTION_BIT) - 1, number >> 31, SAMPLE)) return false;
  }
  return true;
}

/** The sum of `size` bytes in pairs, as memory holds them; up to 15 behind them are read. */
function sumOf(at: usize, size: u32): u32 {
  let sums = i32x4.splat(0);
  for (; size >= 16; size -= 16) {
    sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_u(v128.load(at)));
    at += 16;
  }
  const rest = v128.and(v128.load(at), v128.load(KEEP + (16 - size)));
  sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_u(rest));
  sums = i32x4.add(sums, v128.shuffle<u32>(sums, sums, 2, 3, 0, 1));
  return i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1);
}

/** In 16 bits; 0 only if the sum is 0. */
function folded(sum: u32): u32 {
  sum = (sum & 0xffff) + (sum >> 16);
  return (sum & 0xffff) + (sum >> 16);
}

/**
 * Makes the lane for packets that came in with this flow and had their headers
 * there (`P_L3` and on); `connections` as in `connections.ts`.  False if they go
 * a way that is not for the express lane.
 */
export function installLane(flow: usize, offsets: u64, chain: usize, connections: usize): bool {
  if (load<u32>(chain, CHAIN_LANES) === LANES_NEVER || !isPlain(flow, offsets)) return false;
  assert(CHAIN_CONNECTIONS <= LANE_CONNECTIONS);
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
  setSample(SAMPLE_FRAME, end, end, end);
  if (isAskedMore(chain) || !trySample(load<u32>(chain, CHAIN_PROGRAM), connections)) {
    store<u32>(chain, LANES_NEVER, CHAIN_LANES);
    return false;
  }

  const set = (hash & setMask) * WAYS;
  const way = chooseWay(set, hash, first, rest, port);
  const lane = lanes + (set + way) * LANE_SIZE;
  v128.store(lane, first, KEY);
  v128.store(lane, rest, KEY + 16);
  v128.store(lane, v128.load(SAMPLE_FRAME), AFTER);
  v128.store(lane, restOf(SAMPLE_FRAME), AFTER + 16);
  store<u32>(lane, chain as u32, CHAIN);
  store<u32>(lane, load<u32>(chain, CHAIN_VERSION), CHAIN_AS_OF);
  store<u32>(lane, port, FROM);
  store<u32>(lane, outputPort, TO);
  const addresses = pairs(i64x2.extract_lane(rest, 0) >> 32) + pairs(i64x2.extract_lane(rest, 1) & 0xffffffff);
  store<u32>(
    lane,
    pairs((i64x2.extract_lane(first, 1) as u64) >> 48) + pairs(i64x2.extract_lane(rest, 0) & 0xffff) + addresses,
    SUM_IP,
  );
  store<u32>(lane, addresses + pairs((i64x2.extract_lane(rest, 1) as u64) >> 32) + (proto << 8), SUM_L4);
  store<u16>(lane, ~load<u16>(SAMPLE_FRAME, CHECKSUM), CHANGE_IP);
  store<u16>(lane, ~load<u16>(checksumAt), CHANGE_L4);
  store<u8>(lane, load<u32>(chain, CHAIN_TRACKED) as u8, COUNT);
  store<u8>(lane, proto as u8, PROTO);
  store<u16>(lane, 0, PROTO + 1);
  memory.copy(lane + CONNECTIONS, connections, LANE_CONNECTIONS * CONNECTION_SIZE);
  store<u32>(tags + ((set + way) << 2), hash);
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
function setSample(frame: usize, length: u32, payload: u32, end: u32): void {
  assert(P_END === P_L3 + 6 && PACKET_SIZE === 32);
  store<u32>(SAMPLE, frame as u32, P_FRAME);
  store<u32>(SAMPLE, length, P_LENGTH);
  store<u64>(SAMPLE, (IP as u64) | ((PORTS as u64) << 16) | ((payload as u64) << 32) | ((end as u64) << 48), P_L3);
  store<u32>(SAMPLE, 0, P_STATE);
}

/** Set by `trySample`: the port that the packet leaves by. */
let outputPort: u32 = 0;

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
  const number = load<u32>(list + (load<u16>(at, 2) & 0xff) * CONNECTION_SIZE);
  ctTranslate(number & ~DIRECTION_BIT, number >> 31, packet, flow);
}

/** The lane of the same key, else a free place, else one whose turn it is. */
function chooseWay(first: u32, hash: u32, key: v128, rest: v128, port: u32): u32 {
  let free: u32 = WAYS;
  for (let way: u32 = 0; way < WAYS; way++) {
    const tag = load<u32>(tags + ((first + way) << 2));
    if (tag === hash && isLane(lanes + (first + way) * LANE_SIZE, key, rest, port)) return way;
    if (tag === 0 && free === WAYS) free = way;
  }
  if (free < WAYS) return free;
  turn += 1;
  return turn % WAYS;
}

/** Forgets a lane. */
export function dropLane(lane: usize): void {
  laneChanges += 1;
  store<u32>(tags + (((lane - lanes) / LANE_SIZE) << 2), 0);
}

/** Forgets all lanes. */
export function dropLanes(): void {
  memory.fill(tags, 0, ((setMask as usize) + 1) * WAYS * 4);
  hasLanes = false;
  laneChanges += 1;
}
