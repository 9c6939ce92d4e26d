/**
 * Sends frames their straight ways (ways.ts), and finds these.
 *
 *     runStraight(inputs, first, count): u32           sends inputs of a batch from the first one on, as long as each has
 *                                                      a way; gives how many it was
 *     findStraight(inputs, count, taken, found): u32   which inputs `runStraight` would send; gives how many
 *
 * What is the same for frames of one way that follow each other is done once for
 * all of them: looking at the ports, counting.
 */
import { now } from './clock';
import {
  CACHE_MEGAFLOW,
  countCache,
  countDrops,
  countIn,
  countOut,
  PORT_MASKS,
  PORT_PRESENT,
  portAt,
  portFlags,
} from './counters';
import { addOutputs, hasRoomFor, nextOutput } from './frames';
import { countMegaflow } from './megaflows';
import { PROTO_TCP, PROTO_UDP } from './rewrite';
import {
  BODY_CHANGES,
  HEAD_CHANGES,
  isWay,
  NEW_BODY,
  NEW_HEAD,
  WAY_DIFFERENCE,
  WAY_DROPS,
  WAY_OUT,
  WAY_QUEUE,
  wayMasks,
  wayUnder,
} from './ways';

const INPUT_SIZE: u32 = 16;
const OUTPUT_SIZE: u32 = 16;
/** Ends of the least frames. */
const UDP_END: u32 = 42;
const TCP_END: u32 = 54;
const LONGEST: u32 = 0xffff - 8;
const IP: u32 = 14;
const PORTS: u32 = 34;
const TCP_OFFSET: u32 = 46;
const BODY: u32 = 22;
const IP_CHECKSUM: u32 = 24;
/** Bytes 16 to 23 of a frame, as memory has them: length, identification, fragment, TTL, protocol. */
const LENGTH_TO_PROTOCOL: u32 = 16;
const B_PROTOCOL: u64 = 56;
/** More fragments, or an offset. */
const FRAGMENT_BITS: u64 = (0xff3f as u64) << 32;
/** So many frames that are not of the way before show that a step is of many. */
const MANY_OTHERS: u32 = 3;
const NO_PORT: u32 = 0xffffffff;

/** Sends inputs (batch.ts) from number `first` of their batch on, until there are `count`, or one has no way. */
export function runStraight(inputs: usize, first: u32, count: u32): u32 {
  if (!hasRoomFor(count)) return 0;
  // What the frame before had: its port, with all that came in by that; its way, with all that went it.
  let port = NO_PORT;
  let from: usize = 0;
  let masks: usize = 0;
  let portPackets: u32 = 0;
  let portBytes: u32 = 0;
  let way: usize = 0;
  let to: usize = 0;
  let packets: u32 = 0;
  let bytes: u32 = 0;
  let others: u32 = 0;
  let done: u32 = 0;
  const begin = nextOutput();
  let out = begin;
  for (; done < count; done++) {
    const input = inputs + done * INPUT_SIZE;
    if (load<u32>(input) !== port) {
      const next = load<u32>(input);
      const found = portAt(next);
      if (!hasWaysFrom(found)) break;
      if (portPackets !== 0) countIn(from, portPackets, portBytes);
      portPackets = 0;
      portBytes = 0;
      port = next;
      from = found;
      masks = wayMasks(next);
    }
    const frame: usize = load<u32>(input, 4);
    const length = load<u32>(input, 8);
    if (!isEveryday(frame, length)) break;
    const head = v128.load(frame);
    const body = v128.load(frame, BODY);
    if (way === 0 || others > MANY_OTHERS || !isWay(way, head, body, masks, port)) {
      const next = wayUnder(head, body, masks, port);
      if (next === 0) break;
      if (next !== way) {
        const record = drops(next) ? 0 : portTo(next);
        if (record === 0 && !drops(next)) break;
        if (packets !== 0) countWay(way, to, packets, bytes);
        others += 1;
        way = next;
        to = record;
        packets = 0;
        bytes = 0;
      }
    }
    packets += 1;
    bytes += length;
    portPackets += 1;
    portBytes += length;
    if (to === 0) continue;
    rewrite(way, frame, head, body);
    v128.store(out, v128.load(input));
    store<u32>(out, load<u32>(way, WAY_OUT));
    store<u16>(out, load<u16>(way, WAY_QUEUE), 10);
    store<u32>(out, first + done, 12);
    out += OUTPUT_SIZE;
  }
  if (done === 0) return 0;
  countWay(way, to, packets, bytes);
  countIn(from, portPackets, portBytes);
  countCache(CACHE_MEGAFLOW, done);
  addOutputs(((out - begin) as u32) / OUTPUT_SIZE);
  return done;
}

/**
 * Looks up `count` inputs, but for those that have something else in `taken`
 * (u32 each; 0 if none has): writes whether they go straight (u32 each) to `found`.
 */
export function findStraight(inputs: usize, count: u32, taken: usize, found: usize): u32 {
  let ways: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const isTaken = taken !== 0 && load<u32>(taken + (i << 2)) !== 0;
    const isStraight = !isTaken && goesStraight(inputs + i * INPUT_SIZE);
    store<u32>(found + (i << 2), isStraight as u32);
    ways += isStraight as u32;
  }
  return ways;
}

function goesStraight(input: usize): bool {
  const port = load<u32>(input);
  const frame: usize = load<u32>(input, 4);
  if (!hasWaysFrom(portAt(port)) || !isEveryday(frame, load<u32>(input, 8))) return false;
  const way = wayUnder(v128.load(frame), v128.load(frame, BODY), wayMasks(port), port);
  return way !== 0 && (drops(way) || portTo(way) !== 0);
}

function hasWaysFrom(record: usize): bool {
  return record !== 0 && load<u32>(record, PORT_MASKS) !== 0 && portFlags(record) === PORT_PRESENT;
}

function drops(way: usize): bool {
  return load<u16>(way, WAY_DROPS) !== 0;
}

/** The record of the port that a way leads to; 0 if there is no such port, which the long way knows to count. */
function portTo(way: usize): usize {
  return portAt(load<u32>(way, WAY_OUT));
}

/** Whether ways are for such a frame, as far as they do not look themselves. */
function isEveryday(frame: usize, length: u32): bool {
  if (length < UDP_END || length > LONGEST) return false;
  const words = load<u64>(frame, LENGTH_TO_PROTOCOL);
  const total: u32 = bswap<u16>(words as u16);
  const proto = (words >> B_PROTOCOL) as u32;
  const least = proto === PROTO_UDP ? UDP_END - IP : proto === PROTO_TCP ? TCP_END - IP : NO_PORT;
  if ((words & FRAGMENT_BITS) !== 0 || total < least || total > length - IP) return false;
  return proto === PROTO_UDP || isTcpHeader((load<u8>(frame, TCP_OFFSET) >> 4) << 2, total);
}

/** Whether a data offset of so many bytes can be; where it cannot, there are no ports (asm/transport.ts). */
function isTcpHeader(header: u32, total: u32): bool {
  return header >= 20 && header <= total - (PORTS - IP);
}

/** Changes a frame, which has this head and body. */
function rewrite(way: usize, frame: usize, head: v128, body: v128): void {
  v128.store(frame, v128.or(v128.andnot(head, v128.load(way, HEAD_CHANGES)), v128.load(way, NEW_HEAD)));
  // RFC 1624; all as memory has it, as the order of bytes does not matter.
  const sum = (~(load<u16>(frame, IP_CHECKSUM) as u32) & 0xffff) + load<u32>(way, WAY_DIFFERENCE);
  const checksum = ~((sum & 0xffff) + (sum >> 16));
  v128.store(frame, v128.or(v128.andnot(body, v128.load(way, BODY_CHANGES)), v128.load(way, NEW_BODY)), BODY);
  store<u16>(frame, checksum as u16, IP_CHECKSUM);
}

/** Counts frames that went a way, to the port of that record, 0 if they were dropped. */
function countWay(way: usize, to: usize, packets: u32, bytes: u32): void {
  countMegaflow(load<u32>(way), packets, bytes, now);
  if (to !== 0) countOut(to, packets, bytes);
  else countDrops(load<u32>(way, WAY_OUT), packets);
}
