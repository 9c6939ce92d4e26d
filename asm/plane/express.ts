/**
 * The express lane: sends frames by their lanes (lanes.ts).
 *
 *     findLanes(inputs, count, found): u32                   the lanes of inputs (u32 each, 0 for none); gives how many have one
 *     runLanes(inputs, first, count, found, recheck): u32    sends inputs of a batch from the first one on, as long as they
 *                                                            may go by the lanes found; gives how many it was
 *
 * What is the same for frames of one chain and two ports that follow each other
 * is done once for all of them: looking at chain and ports, counting.  Frames of
 * one lane ask once for its connections.
 */
import { be16 } from '../bytes';
import { CHAIN_VERSION, countChain } from './chains';
import { now } from './clock';
import { EXPIRES, pulse, VERSION } from './connection';
import { CACHE_CONNECTION, countCache, countIn, countOut, PORT_PRESENT, portAt, portFlags } from './counters';
import { addOutputs, hasRoomFor, nextOutput } from './frames';
import {
  CHECKSUM,
  DIRECTION_BIT,
  dropLane,
  findLane,
  IP,
  isLaneOf,
  LANE_AFTER,
  LANE_AS_OF,
  LANE_CHAIN,
  LANE_CHANGE_IP,
  LANE_CHANGE_L4,
  LANE_CONNECTION_SIZE,
  LANE_CONNECTIONS,
  LANE_COUNT,
  LANE_FROM,
  LANE_LEAST,
  LANE_PROTO,
  LANE_QUEUE,
  LANE_SUM_IP,
  LANE_SUM_L4,
  laneChanges,
  laneHash,
  laneSet,
  likelyLane,
  PORTS,
  setPlain,
  TCP_CHECKSUM,
  TCP_END,
  TTL,
  UDP_CHECKSUM,
  UDP_END,
} from './lanes';
import { PACKET_SIZE } from './layout';
import { PROTO_TCP } from './rewrite';
import { UDP_ANSWERED } from './timeouts';
import { ctTouchTcp, ctTouchUdp, LAZINESS } from './touching';

const INPUT_SIZE: u32 = 16;
const OUTPUT_SIZE: u32 = 16;
const MOST_FOUND: u32 = 32;
const LONGEST: u32 = 0xffff - 8;
/** Bytes 16 to 23 of a frame, as memory has them: length, identification, fragment, TTL, protocol. */
const LENGTH_TO_PROTOCOL: u32 = 16;
/** More fragments, or an offset. */
const FRAGMENT_BITS: u64 = (0xff3f as u64) << 32;
const BEHIND_PORTS: usize = 38;
const UDP_LENGTH: usize = 38;
const TCP_OFFSET: usize = 46;
/** So many frames that are not of the last lane show that a step is of many. */
const MANY_OTHERS: u32 = 3;

const HASHES: usize = memory.data(32 * 4, 64);
/** The record of a frame of TCP. */
const PACKET: usize = memory.data(32, 16);
/** Sixteen ones, then sixteen zeros: from 16 - n on, n bytes are kept. */
const KEEP: usize = memory.data<u8>([
  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0,
  0, 0, 0, 0, 0, 0, 0, 0, 0,
]);

/** The lane that was found last, and `laneChanges` by then: the next frames are often its own. */
let lastLane: usize = 0;
let lastAsOf: u32 = 0;
/** Takes what was read only to have it near. */
export let nearLanes: u32 = 0;

/** Looks up the lanes of `count` inputs, at most 32. */
export function findLanes(inputs: usize, count: u32, found: usize): u32 {
  assert(count <= MOST_FOUND);
  let last = laneChanges === lastAsOf ? lastLane : 0;
  let others: u32 = 0;
  let lanes: u32 = 0;
  let read: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const input = inputs + i * INPUT_SIZE;
    const frame: usize = load<u32>(input, 4);
    const length = load<u32>(input, 8);
    const isWhole = length >= LANE_LEAST && length <= LONGEST;
    const isSame = isWhole && last !== 0 && isLaneOf(last, frame, load<u32>(input));
    store<u32>(found + (i << 2), isSame ? (last as u32) : 0);
    if (isSame) {
      store<u32>(HASHES + (i << 2), 0);
      lanes += 1;
      continue;
    }
    others += 1;
    if (others === MANY_OTHERS) last = 0;
    const hash: u32 = isWhole ? laneHash(frame, load<u32>(input)) : 0;
    store<u32>(HASHES + (i << 2), hash);
    read += load<u32>(laneSet(hash));
  }
  if (lanes === count) return lanes;
  for (let i: u32 = 0; i < count; i++) {
    const hash = load<u32>(HASHES + (i << 2));
    if (hash === 0) continue;
    const lane = likelyLane(hash);
    store<u32>(found + (i << 2), lane as u32);
    if (lane !== 0) read += load<u32>(lane) + load<u32>(lane, 64);
  }
  for (let i: u32 = 0; i < count; i++) {
    const hash = load<u32>(HASHES + (i << 2));
    if (hash === 0) continue;
    let lane: usize = load<u32>(found + (i << 2));
    if (lane === 0) continue;
    const input = inputs + i * INPUT_SIZE;
    const frame: usize = load<u32>(input, 4);
    if (!isLaneOf(lane, frame, load<u32>(input))) {
      lane = findLane(frame, load<u32>(input), hash);
      store<u32>(found + (i << 2), lane as u32);
      if (lane === 0) continue;
    }
    lanes += 1;
    const tracked: u32 = load<u8>(lane, LANE_COUNT);
    for (let k: u32 = 0; k < tracked; k++) read += load<u32>(pulseOf(lane, k));
    lastLane = lane;
  }
  nearLanes += read;
  lastAsOf = laneChanges;
  return lanes;
}

/** The pulse of one of a lane's connections. */
function pulseOf(lane: usize, index: u32): usize {
  return pulse((load<u32>(lane + index * LANE_CONNECTION_SIZE, LANE_CONNECTIONS) & ~DIRECTION_BIT) - 1);
}

/**
 * Sends inputs from number `first` of their batch on by the lanes at `found`,
 * until there are `count`, or one has to go the long way.  `recheck`: lanes were
 * made or dropped since they were found.
 */
export function runLanes(inputs: usize, first: u32, count: u32, found: usize, recheck: bool): u32 {
  if (!hasRoomFor(count)) return 0;
  // What the frame before had: its lane; its chain and ports, with all that went by these.
  let lane: usize = 0;
  let isLate = false;
  let chain: u64 = 0;
  let ports: u64 = 0;
  let from: usize = 0;
  let to: usize = 0;
  let packets: u32 = 0;
  let bytes: u32 = 0;
  const begin = nextOutput();
  let out = begin;
  let done: u32 = 0;
  for (; done < count; done++) {
    const input = inputs + done * INPUT_SIZE;
    const frame: usize = load<u32>(input, 4);
    const length = load<u32>(input, 8);
    const next: usize = load<u32>(found + (done << 2));
    if (next !== lane) {
      if (next === 0 || (recheck && !isLaneOf(next, frame, load<u32>(input)))) break;
      if (load<u64>(next, LANE_CHAIN) !== chain || load<u64>(next, LANE_FROM) !== ports) {
        if (packets !== 0) countGone(chain as u32, from, to, packets, bytes);
        packets = 0;
        bytes = 0;
        chain = load<u64>(next, LANE_CHAIN);
        ports = load<u64>(next, LANE_FROM);
        if (load<u32>(chain as u32 as usize, CHAIN_VERSION) !== load<u32>(next, LANE_AS_OF)) {
          dropLane(next);
          break;
        }
        from = portAt(ports as u32);
        to = portAt((ports >> 32) as u32);
        if (from === 0 || to === 0 || portFlags(from) !== PORT_PRESENT) break;
      }
      const left = timeLeft(next);
      if (left <= 0) {
        dropLane(next);
        break;
      }
      isLate = left < ((UDP_ANSWERED - LAZINESS) as i32) && load<u8>(next, LANE_PROTO) !== (PROTO_TCP as u8);
      lane = next;
    }
    if (!change(lane, frame, length)) break;
    if (isLate) {
      isLate = false;
      putOff(lane);
    }
    v128.store(out, v128.load(input));
    store<u32>(out, (ports >> 32) as u32);
    store<u16>(out, load<u16>(lane, LANE_QUEUE), 10);
    store<u32>(out, first + done, 12);
    out += OUTPUT_SIZE;
    packets += 1;
    bytes += length;
  }
  if (packets !== 0) countGone(chain as u32, from, to, packets, bytes);
  if (done !== 0) {
    countCache(CACHE_CONNECTION, done);
    addOutputs(((out - begin) as u32) / OUTPUT_SIZE);
  }
  return done;
}

/** Counts what went by a chain, between ports of these records. */
function countGone(chain: usize, from: usize, to: usize, packets: u32, bytes: u32): void {
  countIn(from, packets, bytes);
  countOut(to, packets, bytes);
  countChain(chain, packets, bytes, now);
}

/** Milliseconds until a lane's first connection is over; 0 or less if one is over, or another than it was. */
function timeLeft(lane: usize): i32 {
  const tracked: u32 = load<u8>(lane, LANE_COUNT);
  let least: i32 = i32.MAX_VALUE;
  for (let k: u32 = 0; k < tracked; k++) {
    const at = pulseOf(lane, k);
    if (load<u32>(at, VERSION) !== load<u32>(lane + k * LANE_CONNECTION_SIZE, LANE_CONNECTIONS + 4)) return 0;
    const left = (load<u32>(at, EXPIRES) - now) as i32;
    if (left < least) least = left;
  }
  return least;
}

/** Keeps a lane's connections of UDP alive. */
function putOff(lane: usize): void {
  const tracked: u32 = load<u8>(lane, LANE_COUNT);
  for (let k: u32 = 0; k < tracked; k++) {
    ctTouchUdp((load<u32>(lane + k * LANE_CONNECTION_SIZE, LANE_CONNECTIONS) & ~DIRECTION_BIT) - 1);
  }
}

/**
 * Changes a frame of an open lane's key as the lane says; false, and nothing was
 * done, if it is none of every day and has to go the long way.  What the tracker
 * asks of every packet is asked here too: that lengths agree, and that checksums
 * are right.
 */
function change(lane: usize, frame: usize, length: u32): bool {
  const words = load<u64>(frame, LENGTH_TO_PROTOCOL);
  const total: u32 = bswap<u16>(words as u16);
  if ((words & FRAGMENT_BITS) !== 0 || total > length - (IP as u32)) return false;
  const isTcp = load<u8>(lane, LANE_PROTO) === (PROTO_TCP as u8);
  const end = total + (IP as u32);
  const leastEnd: u32 = isTcp ? TCP_END : UDP_END;
  if (end < leastEnd) return false;
  const header: u32 = isTcp ? ((load<u8>(frame, TCP_OFFSET) as u32) >> 4) << 2 : be16(frame + UDP_LENGTH);
  const leastHeader: u32 = isTcp ? 20 : 8;
  if (header < leastHeader || header > end - (PORTS as u32)) return false;

  const checksum: u32 = load<u16>(frame, CHECKSUM);
  const varying = (words as u32 & 0xffff) + ((words as u32) >> 16) + ((words >> 32) as u32 & 0xffff);
  if (folded(load<u32>(lane, LANE_SUM_IP) + varying + checksum) !== 0xffff) return false;
  const checksumAt = frame + (isTcp ? TCP_CHECKSUM : UDP_CHECKSUM);
  const l4Checksum: u32 = load<u16>(checksumAt);
  const isSummed = isTcp || l4Checksum !== 0;
  if (isSummed) {
    const size: u32 = bswap<u16>((end - (PORTS as u32)) as u16);
    const sum = load<u32>(lane, LANE_SUM_L4) + size + sumOf(frame + BEHIND_PORTS, end - (BEHIND_PORTS as u32));
    if (folded(sum) !== 0xffff) return false;
  }
  if (isTcp && !touchTcp(lane, frame, length, end)) return false;

  const fresh = ~folded((~checksum & 0xffff) + load<u16>(lane, LANE_CHANGE_IP));
  v128.store(frame, v128.load(lane, LANE_AFTER));
  v128.store(frame, i16x8.replace_lane(v128.load(lane, LANE_AFTER + 16), 1, fresh as i16), TTL);
  if (isSummed) {
    const changed = ~folded((~l4Checksum & 0xffff) + load<u16>(lane, LANE_CHANGE_L4)) & 0xffff;
    store<u16>(checksumAt, (changed === 0 && !isTcp ? 0xffff : changed) as u16);
  }
  return true;
}

function touchTcp(lane: usize, frame: usize, length: u32, end: u32): bool {
  assert(PACKET_SIZE === 32);
  setPlain(PACKET, frame, length, (PORTS as u32) + 20, end);
  const tracked: u32 = load<u8>(lane, LANE_COUNT);
  for (let k: u32 = 0; k < tracked; k++) {
    const number = load<u32>(lane + k * LANE_CONNECTION_SIZE, LANE_CONNECTIONS);
    if (!ctTouchTcp((number & ~DIRECTION_BIT) - 1, number >> 31, PACKET)) return false;
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
