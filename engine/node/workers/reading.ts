/**
 * What steering asks of a frame: read without making anything, as it is done for each.
 *
 *     const reading = new Reading(seeds);
 *     if (readFrame(frame, reading)) ... reading.key, reading.answer, reading.hash
 */

/** Stands for protocol, addresses and ports of one direction: 64 bits that others have by chance only. */
export interface Fingerprint {
  low: number;
  high: number;
}

export class Reading {
  /** What the halves of fingerprints start from. */
  readonly seeds: readonly [number, number];
  /** Of the packet. */
  key: Fingerprint = { low: 0, high: 0 };
  /** Of the packets that answer it. */
  answer: Fingerprint = { low: 0, high: 0 };
  /** Of ports and protocol, the same for both directions. */
  hash = 0;
  /** Names the datagram, if the frame is a fragment. */
  fragment: string | undefined = undefined;
  /** A fragment that is not the first. */
  isLater = false;

  constructor(seeds: readonly [number, number]) {
    this.seeds = seeds;
  }
}

const IP4 = 0x800;
const IP6 = 0x86dd;
const ICMP = 1;
const TCP = 6;
const UDP = 17;
const ICMP6 = 58;
const SCTP = 132;
const FRAGMENT6 = 44;
/** Hop-by-hop, routing, destination options: next header, length in 8 bytes behind the first 8. */
const EXTENSIONS = [0, 43, 60];
/** DHCP, BFD: the controller's own, which worker 0 answers. */
const CONTROLLERS = [67, 68, 546, 547, 3784];
/** ICMP: unreachable, quench, redirect, time exceeded, parameter problem quote the packet that they are about. */
const ERRORS = [3, 4, 5, 11, 12];

const u16 = (frame: Uint8Array, at: number): number => ((frame[at] ?? 0) << 8) | (frame[at + 1] ?? 0);
const u32 = (frame: Uint8Array, at: number): number => (u16(frame, at) << 16) | u16(frame, at + 2);
const text = (frame: Uint8Array, from: number, to: number): string => String.fromCharCode(...frame.subarray(from, to));

/** Reads a frame; false if nothing of it tells a connection.  Of a fragment that is not the first, only that is told. */
export function readFrame(frame: Uint8Array, reading: Reading): boolean {
  let at = 12;
  while (u16(frame, at) === 0x8100 || u16(frame, at) === 0x88a8) at += 4;
  const type = u16(frame, at);
  reading.fragment = undefined;
  reading.isLater = false;
  return (type === IP4 || type === IP6) && readIp(frame, at + 2, type === IP6, false, reading);
}

function readIp(frame: Uint8Array, l3: number, is6: boolean, isQuoted: boolean, reading: Reading): boolean {
  if (frame.length < l3 + (is6 ? 40 : 20)) return false;
  const src = l3 + (is6 ? 8 : 12);
  const size = is6 ? 16 : 4;
  let protocol = frame[l3 + (is6 ? 6 : 9)] ?? 0;
  let l4 = is6 ? src + 2 * size : l3 + 4 * ((frame[l3] ?? 0) & 15);
  let fragment: string | undefined;
  let isLater = false;
  if (!is6 && (u16(frame, l3 + 6) & 0x3fff) !== 0) {
    fragment = `${protocol} ${text(frame, l3 + 4, l3 + 6)} ${text(frame, src, src + 2 * size)}`;
    isLater = (u16(frame, l3 + 6) & 0x1fff) !== 0;
  }
  for (let i = 0; is6 && i < 8; i++) {
    if (protocol === FRAGMENT6) {
      fragment = text(frame, l4 + 4, l4 + 8) + text(frame, src, src + 2 * size);
      isLater = (u16(frame, l4 + 2) & 0xfff8) !== 0;
    } else if (!EXTENSIONS.includes(protocol)) {
      break;
    }
    const length = protocol === FRAGMENT6 ? 8 : 8 + 8 * (frame[l4 + 1] ?? 0);
    protocol = frame[l4] ?? 0;
    l4 += length;
  }
  // What is quoted may be a fragment; the error that quotes it is none.
  if (!isQuoted) {
    reading.fragment = fragment;
    reading.isLater = isLater;
  }
  if (isLater) return !isQuoted;
  if (frame.length < l4 + 8) return false;
  if (protocol === TCP || protocol === UDP || protocol === SCTP) {
    tell(frame, protocol, u16(frame, l4), u16(frame, l4 + 2), src, size, reading);
    return true;
  }
  if (protocol !== ICMP && protocol !== ICMP6) return false;
  const kind = frame[l4] ?? 0;
  const isError = protocol === ICMP ? ERRORS.includes(kind) : kind < 128;
  if (isError && !isQuoted) {
    // It answers the packet that it quotes.
    if (!readIp(frame, l4 + 8, is6, true, reading)) return false;
    const { key, answer } = reading;
    reading.key = answer;
    reading.answer = key;
    return true;
  }
  const isEcho = protocol === ICMP ? kind === 0 || kind === 8 : kind === 128 || kind === 129;
  if (isEcho) tell(frame, protocol, u16(frame, l4 + 4), u16(frame, l4 + 4), src, size, reading);
  return isEcho;
}

/** Writes what tells a packet of these ports, whose addresses, of `size` bytes each, stand at `src`. */
function tell(
  frame: Uint8Array,
  protocol: number,
  from: number,
  to: number,
  src: number,
  size: number,
  reading: Reading,
): void {
  const dst = src + size;
  reading.hash = CONTROLLERS.includes(to) ? 0 : Math.imul((from ^ to) + protocol * 65537, 0x9e3779b1) >>> 8;
  print(frame, (from << 16) | to, protocol, src, dst, size, reading.seeds, reading.key);
  print(frame, (to << 16) | from, protocol, dst, src, size, reading.seeds, reading.answer);
}

/** Two hashes of ports, protocol and addresses. */
function print(
  frame: Uint8Array,
  ports: number,
  protocol: number,
  first: number,
  second: number,
  size: number,
  [seedLow, seedHigh]: readonly [number, number],
  to: Fingerprint,
): void {
  let low = mixLow(mixLow(seedLow, ports), protocol);
  let high = mixHigh(mixHigh(seedHigh, ports), protocol);
  for (let at = 0; at < size; at += 4) {
    const a = u32(frame, first + at);
    const b = u32(frame, second + at);
    low = mixLow(mixLow(low, a), b);
    high = mixHigh(mixHigh(high, a), b);
  }
  to.low = low;
  to.high = high;
}

function mixLow(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x85ebca6b);
  return product ^ (product >>> 15);
}

/** Turned before it is multiplied: differences that one of the two cannot see the other does. */
function mixHigh(hash: number, word: number): number {
  const turned = ((hash ^ word) << 13) | ((hash ^ word) >>> 19);
  const product = Math.imul(turned, 0xc2b2ae35);
  return product ^ (product >>> 16);
}
