/**
 * Which worker a frame belongs to.
 *
 * A connection belongs to the worker of its first packet, which is chosen by protocol and ports: those of both
 * directions in one number, without addresses.  So connections that want the same translated port of one address
 * meet in one worker, which tells them apart as a single engine does.  Where translation changes a port, the answer
 * would go elsewhere: what a worker sent is remembered by what answers it, and answers follow that.
 *
 * ICMP errors go where the packet goes that they quote, fragments where the first one of their datagram went.
 * What has no ports (ARP, neighbour discovery, IGMP, unknown protocols) or goes to a group belongs to worker 0.
 */

/** What is read of a frame's IP packet; `key` is the same for all packets of one direction. */
interface Reading {
  readonly key: string;
  /** Of the packets that answer it. */
  readonly answer: string;
  /** Of ports and protocol, symmetric. */
  readonly hash: number;
  /** Of the datagram, if the frame is a fragment. */
  readonly fragment?: string;
  readonly isLater: boolean;
}

/** Answers and fragments that are remembered; then the oldest are forgotten. */
const MOST = 1 << 17;

export class Steering {
  private readonly workers: number;
  private readonly answers = new Map<string, number>();
  private readonly fragments = new Map<string, number>();

  constructor(workers: number) {
    this.workers = workers;
  }

  /** The worker that a frame is for; undefined for a fragment as long as the first one of its datagram has not come. */
  workerOf(frame: Uint8Array): number | undefined {
    if (this.workers === 1 || isGroup(frame)) return 0;
    const found = read(frame);
    if (!found) return 0;
    if (found.isLater) return this.fragments.get(found.fragment ?? '');
    const worker = this.answers.get(found.key) ?? found.hash % this.workers;
    if (found.fragment !== undefined) remember(this.fragments, found.fragment, worker);
    return worker;
  }

  /** A worker sent a frame: answers to it are the same worker's. */
  sent(frame: Uint8Array, worker: number): void {
    if (this.workers === 1) return;
    const found = read(frame);
    if (!found || found.isLater) return;
    // Where the hash says the same, nothing needs to be remembered, unless something else was.
    if (found.hash % this.workers !== worker || this.answers.has(found.answer)) {
      remember(this.answers, found.answer, worker);
    }
  }

  /** Answers that are remembered. */
  get size(): number {
    return this.answers.size;
  }
}

const isGroup = (frame: Uint8Array): boolean => ((frame[0] ?? 0) & 1) === 1;

function remember(map: Map<string, number>, key: string, worker: number): void {
  map.delete(key);
  map.set(key, worker);
  if (map.size <= MOST) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}

const IP4 = 0x800;
const IP6 = 0x86dd;
const ICMP = 1;
const ICMP6 = 58;
const FRAGMENT6 = 44;
/** Hop-by-hop, routing, destination options: next header, length in 8 bytes behind the first 8. */
const EXTENSIONS = [0, 43, 60];

const u16 = (frame: Uint8Array, at: number): number => ((frame[at] ?? 0) << 8) | (frame[at + 1] ?? 0);
const text = (frame: Uint8Array, from: number, to: number): string => String.fromCharCode(...frame.subarray(from, to));

function read(frame: Uint8Array): Reading | undefined {
  let at = 12;
  while (u16(frame, at) === 0x8100 || u16(frame, at) === 0x88a8) at += 4;
  const type = u16(frame, at);
  return type === IP4 || type === IP6 ? readIp(frame, at + 2, type === IP6, false) : undefined;
}

function readIp(frame: Uint8Array, l3: number, is6: boolean, isQuoted: boolean): Reading | undefined {
  if (frame.length < l3 + (is6 ? 40 : 20)) return undefined;
  const [src, dst, end] = is6 ? [l3 + 8, l3 + 24, l3 + 40] : [l3 + 12, l3 + 16, l3 + 20];
  let protocol = frame[l3 + (is6 ? 6 : 9)] ?? 0;
  let l4 = is6 ? end : l3 + 4 * ((frame[l3] ?? 0) & 15);
  let fragment: string | undefined;
  let isLater = false;
  if (!is6 && (u16(frame, l3 + 6) & 0x3fff) !== 0) {
    fragment = `${protocol} ${text(frame, l3 + 4, l3 + 6)} ${text(frame, src, end)}`;
    isLater = (u16(frame, l3 + 6) & 0x1fff) !== 0;
  }
  for (let i = 0; is6 && i < 8; i++) {
    if (protocol === FRAGMENT6) {
      fragment = text(frame, l4 + 4, l4 + 8) + text(frame, src, end);
      isLater = (u16(frame, l4 + 2) & 0xfff8) !== 0;
    } else if (!EXTENSIONS.includes(protocol)) {
      break;
    }
    const length = protocol === FRAGMENT6 ? 8 : 8 + 8 * (frame[l4 + 1] ?? 0);
    protocol = frame[l4] ?? 0;
    l4 += length;
  }
  if (isLater) return { key: '', answer: '', hash: 0, ...(fragment !== undefined && { fragment }), isLater };
  if (frame.length < l4 + 8) return undefined;
  const ends = [text(frame, src, dst), text(frame, dst, end)] as const;
  const more = { isLater, ...(fragment !== undefined && { fragment }) };
  if (protocol === ICMP || protocol === ICMP6) {
    const kind = frame[l4] ?? 0;
    const isError = protocol === ICMP ? [3, 4, 5, 11, 12].includes(kind) : kind < 128;
    if (isError && !isQuoted) {
      // It answers the packet that it quotes.
      const quoted = readIp(frame, l4 + 8, is6, true);
      return quoted && { ...quoted, key: quoted.answer, answer: quoted.key, ...more };
    }
    const isEcho = protocol === ICMP ? kind === 0 || kind === 8 : kind === 128 || kind === 129;
    if (!isEcho) return undefined;
    return reading(protocol, [u16(frame, l4 + 4), u16(frame, l4 + 4)], ends, more);
  }
  if (![6, 17, 132].includes(protocol)) return undefined;
  return reading(protocol, [u16(frame, l4), u16(frame, l4 + 2)], ends, more);
}

function reading(
  protocol: number,
  [from, to]: readonly [number, number],
  [src, dst]: readonly [string, string],
  more: { isLater: boolean; fragment?: string },
): Reading {
  // DHCP and what else is the controller's own is answered by worker 0.
  const hash = [67, 68, 546, 547, 3784].includes(to) ? 0 : Math.imul((from ^ to) + protocol * 65537, 0x9e3779b1) >>> 8;
  return {
    key: `${protocol} ${from} ${to} ${src} ${dst}`,
    answer: `${protocol} ${to} ${from} ${dst} ${src}`,
    hash,
    ...more,
  };
}
