/**
 * Conversations for connection trackers: hosts inside (port 0) and outside
 * (port 1) that open connections, answer what reached them, complain about it
 * by ICMP, send it in fragments, and send nonsense.
 *
 * A conversation is a list of steps of small numbers, so that it can shrink;
 * what a step sends depends on what was sent, and came out, before.
 */
import fc from 'fast-check';
import { be, bytes, checked, ethernet, ip4, ip6, pseudo, udp } from '../build.ts';
import type { CtAction } from './tracker.ts';

export interface Step {
  kind: (typeof kinds)[number];
  family: 4 | 6;
  host: number;
  peer: number;
  /** Chooses ports, and among earlier packets. */
  choice: number;
  /** Of TCP. */
  flags: number;
  seq: number;
  ack: number;
  window: number;
  size: number;
}

const kinds = [
  ...(['udp', 'udp', 'tcp', 'tcp', 'echo', 'answer', 'answer', 'answer', 'answer', 'error', 'again'] as const),
  ...(['from outside', 'fragments', 'damaged', 'other', 'icmp'] as const),
] as const;

const syn = 2;
const ack = 16;

export const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...kinds),
  family: fc.constantFrom<4 | 6>(4, 4, 6),
  host: fc.nat(2),
  peer: fc.nat(1),
  choice: fc.nat(30),
  flags: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(syn, syn, ack, 24, 17, 20, 4, 18, 1, 0) },
    { weight: 1, arbitrary: fc.nat(63) },
  ),
  seq: fc.oneof(
    { weight: 8, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.constantFrom(1, -1, 100, -100, 70_000, -70_000, 2 ** 30, -(2 ** 30)) },
  ),
  ack: fc.oneof(
    { weight: 8, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.constantFrom(1, -1, 100, -100, 70_000, -70_000, 2 ** 30, -(2 ** 30)) },
  ),
  window: fc.constantFrom(0, 1, 100, 512, 4096, 65535),
  size: fc.constantFrom(0, 1, 2, 33, 100),
});

/** Steps of one TCP connection, which it opens again and again. */
export const tcpStep: fc.Arbitrary<Step> = step.map((each) => ({
  ...each,
  kind:
    each.kind === 'answer' || each.kind === 'again' || each.kind === 'error'
      ? each.kind
      : each.host === 0
        ? 'tcp'
        : 'answer',
  family: 4,
  host: 0,
  peer: 0,
  choice: 6 * (each.choice % 5),
}));

/** Actions of both ports; each with what makes it worth trying. */
export const setups: Record<string, [readonly CtAction[], readonly CtAction[]]> = {
  'commits what goes out': [[{ zone: 1 }, { zone: 1, commit: true }], [{ zone: 1 }]],
  'commits both ways': [[{ zone: 1, commit: true }], [{ zone: 1, commit: true }]],
  'source translated': [
    [
      { zone: 7, nat: 'known' },
      { zone: 7, commit: true, nat: { to: 'src', address: '30.0.0.1' } },
    ],
    [{ zone: 7, nat: 'known' }],
  ],
  'source translated, IPv6': [
    [
      { zone: 7, nat: 'known' },
      { zone: 7, commit: true, nat: { to: 'src', address: 'fd00:30::1' } },
    ],
    [{ zone: 7, nat: 'known' }],
  ],
  'load balanced, then marked': [
    [
      { zone: 2 },
      { zone: 2, commit: true, nat: { to: 'dst', address: '20.0.0.9', ports: [8080, 8080] } },
      { zone: 2, commit: true, mark: [0x21, 0xff], label: [5n, 0xffn] },
    ],
    [{ zone: 2, nat: 'known' }],
  ],
  'destination translated, IPv6': [
    [{ zone: 2, commit: true, nat: { to: 'dst', address: 'fd00:20::9', ports: [8080, 8080] } }],
    [{ zone: 2, nat: 'known' }],
  ],
  'destination translated, port kept': [
    [{ zone: 2, commit: true, nat: { to: 'dst', address: '20.0.0.9' } }],
    [{ zone: 2, nat: 'known' }],
  ],
  'committed as OVN does it': [
    [{ zone: 3 }, { zone: 3, commit: true, nat: 'kept', mark: [2, 2] }],
    [{ zone: 3, nat: 'known' }, { zone: 4 }],
  ],
  'load balanced, then committed as OVN does it': [
    [
      { zone: 2 },
      { zone: 2, commit: true, nat: { to: 'dst', address: '20.0.0.9', ports: [8080, 8080] } },
      { zone: 2, commit: true, nat: 'kept' },
      { zone: 4, nat: 'kept', commit: true },
    ],
    [
      { zone: 4, nat: 'known' },
      { zone: 2, nat: 'known' },
    ],
  ],
  'two zones': [
    [
      { zone: 1, commit: true },
      { zone: 2, commit: true, nat: { to: 'src', address: '30.0.0.1' } },
    ],
    [{ zone: 2, nat: 'known' }, { zone: 1 }],
  ],
  'forced from outside': [[{ zone: 1, commit: true }], [{ zone: 1, force: true, mark: [1, 1] }]],
};

/** A packet of a transport protocol between two addresses. */
interface Segment {
  family: 4 | 6;
  src: bigint;
  dst: bigint;
  proto: number;
  body: Uint8Array;
}

const checksumAt: Partial<Record<number, number>> = { 1: 2, 6: 16, 17: 6, 58: 2 };
const inside = { 4: 0x0a000001n, 6: 0xfd000010000000000000000000000001n };
const outside = { 4: 0x14000001n, 6: 0xfd000020000000000000000000000001n };
const numbers = [1000, 80, 500, 600, 53, 65535];

/** The frame of a segment, with right checksums. */
export function frameOf({ family, src, dst, proto, body }: Segment, fragment = 0): Uint8Array {
  const at = checksumAt[proto];
  const own = proto === 1 ? new Uint8Array() : pseudo(src, dst, family === 4 ? 4 : 16, proto, body.length);
  const segment = at === undefined ? body : checked(withZero(body, at), at, own);
  return family === 4
    ? ethernet(0x800, ip4({ src: Number(src), dst: Number(dst), proto, fragment }, segment))
    : ethernet(0x86dd, ip6({ src, dst, next: proto }, segment));
}

function withZero(body: Uint8Array, at: number): Uint8Array {
  const copy = body.slice();
  copy.fill(0, at, at + 2);
  return copy;
}

/** What a frame that `frameOf` made, or that came of it, carries. */
function segmentOf(frame: Uint8Array): Segment | undefined {
  const number = (at: number, size: number): bigint =>
    frame.slice(at, at + size).reduce((value, byte) => value * 256n + BigInt(byte), 0n);
  const family = frame[12] === 8 ? 4 : 6;
  if (family === 4 && (number(20, 2) & 0x3fffn) !== 0n) return undefined;
  return family === 4
    ? { family, src: number(26, 4), dst: number(30, 4), proto: frame[23] ?? 0, body: frame.slice(34) }
    : { family, src: number(22, 16), dst: number(38, 16), proto: frame[20] ?? 0, body: frame.slice(54) };
}

/** Sequence numbers of both directions of TCP, by the text of source and destination. */
interface Story {
  next: number;
}

/** Of datagrams: a tracker may still hold fragments of an earlier conversation. */
let identifier = 0;

/** Turns steps into frames. */
export class Conversation {
  private readonly isCareful: boolean;
  private readonly came: { port: number; frame: Uint8Array }[] = [];
  private readonly sent: { port: number; frame: Uint8Array }[] = [];
  private readonly stories = new Map<string, Story>();
  /**
   * With `isCareful` no error is sent whose translation makes Open vSwitch 3.1 write outside of the packet (IPv4: less
   * than a TCP header is quoted) or into what it quotes (IPv6: TCP).
   */
  constructor(isCareful: boolean) {
    this.isCareful = isCareful;
  }

  /** What came out by the other port, to be answered later. */
  saw(port: number, frame: Uint8Array): void {
    this.came.push({ port: 1 - port, frame });
  }

  /** The frames of a step, and the port they come in by. */
  frames(step: Step): { port: number; frame: Uint8Array }[] {
    const made = this.make(step);
    this.sent.push(...made);
    return made;
  }

  private make(step: Step): { port: number; frame: Uint8Array }[] {
    const { kind, choice } = step;
    const earlier =
      this.came.length === 0 ? undefined : this.came[this.came.length - 1 - (choice % Math.min(6, this.came.length))];
    switch (kind) {
      case 'udp':
      case 'tcp':
      case 'echo':
      case 'other':
      case 'icmp':
        return [{ port: 0, frame: frameOf(this.fresh(step, kind)) }];
      case 'from outside': {
        const made = this.fresh(step, choice % 2 ? 'tcp' : 'udp');
        return [
          { port: 1, frame: frameOf({ ...made, src: made.dst, dst: choice % 3 === 0 ? 0x1e000001n : made.src }) },
        ];
      }
      case 'again': {
        const again = this.sent.at(-1 - (choice % 8));
        return again ? [again] : [];
      }
      case 'answer': {
        const segment = earlier && segmentOf(earlier.frame);
        const answer = segment && this.answer(segment, step);
        return earlier && answer ? [{ port: earlier.port, frame: frameOf(answer) }] : [];
      }
      case 'error':
        return earlier ? this.error(earlier, step) : [];
      case 'fragments': {
        const made = this.fresh({ ...step, family: 4, size: 3000 + step.size, flags: syn }, choice % 2 ? 'udp' : 'tcp');
        return this.cut(frameOf(made), step).map((frame) => ({ port: 0, frame }));
      }
      case 'damaged': {
        const frame = frameOf(this.fresh(step, choice % 2 ? 'tcp' : 'udp'));
        const at = 14 + ((choice * 7 + step.size) % (frame.length - 14));
        // What the addresses and lengths say is left alone.
        if (at >= (step.family === 4 ? 24 : 54)) frame[at] = (frame[at] ?? 0) ^ (1 << (choice % 8));
        return [{ port: 0, frame }];
      }
    }
  }

  private fresh({ family, host, peer, choice, flags, seq, ack, window, size }: Step, kind: string): Segment {
    const src = inside[family] + BigInt(host);
    const dst = outside[family] + BigInt(peer);
    const from = numbers[choice % 3] ?? 0;
    const to = numbers[choice % 2] ?? 0;
    const payload = new Uint8Array(size).fill(choice);
    // Of hosts that share an address no two have the same: Open vSwitch 3.1 crashes where a translation fails.
    const own = 16 * host + 64 * peer;
    switch (kind) {
      case 'udp':
        return { family, src, dst, proto: 17, body: udp(from, to, payload) };
      case 'tcp': {
        const step = { flags, seq, ack, window };
        return { family, src, dst, proto: 6, body: this.tcp({ src, dst, from, to }, step, payload) };
      }
      case 'echo':
        return {
          family,
          src,
          dst,
          proto: family === 4 ? 1 : 58,
          body: bytes(family === 4 ? 8 : 128, 0, 0, 0, be(own + (choice % 3), 2), be(seq & 255, 2), payload),
        };
      case 'icmp':
        return {
          family,
          src,
          dst,
          proto: family === 4 ? 1 : 58,
          body: bytes(choice, size % 2, 0, 0, be(own + 9, 2), be(2, 2), payload),
        };
      default:
        return {
          family,
          src,
          dst,
          proto: [132, 47, 2, 50, 89, 103][2 * host + peer] ?? 0,
          body: bytes(be(from, 2), be(to, 2), be(0, 8), payload),
        };
    }
  }

  /** A TCP segment that goes on where its sender has stopped, but for what the step says. */
  private tcp(
    ends: { src: bigint; dst: bigint; from: number; to: number },
    { flags, seq, ack: skew, window }: { flags: number; seq: number; ack: number; window: number },
    payload: Uint8Array,
  ): Uint8Array {
    const own = this.story(`${ends.src} ${ends.from} ${ends.dst} ${ends.to}`);
    const other = this.story(`${ends.dst} ${ends.to} ${ends.src} ${ends.from}`);
    const isSyn = (flags & syn) !== 0;
    const number = (own.next + seq) >>> 0;
    const acknowledged = flags & ack ? (other.next + skew) >>> 0 : 0;
    const data = isSyn ? payload.subarray(0, payload.length % 2) : payload;
    const options = isSyn && window > 1 ? bytes('01 03 03', window % 16) : new Uint8Array();
    if (seq === 0) own.next = (own.next + data.length + (isSyn ? 1 : 0) + (flags & 1)) >>> 0;
    const word = ((20 + options.length) / 4) * 4096 + flags;
    return bytes(
      ...[be(ends.from, 2), be(ends.to, 2), be(number, 4), be(acknowledged, 4)],
      ...[be(word, 2), be(window, 2), be(0, 4), options, data],
    );
  }

  private story(name: string): Story {
    const story = this.stories.get(name) ?? { next: 1000 * (this.stories.size + 1) };
    this.stories.set(name, story);
    return story;
  }

  private answer({ family, src, dst, proto, body }: Segment, step: Step): Segment | undefined {
    const back = { family, src: dst, dst: src, proto };
    const payload = new Uint8Array(step.size).fill(step.choice);
    const [from = 0, to = 0] = [(body[2] ?? 0) * 256 + (body[3] ?? 0), (body[0] ?? 0) * 256 + (body[1] ?? 0)];
    if (proto === 17) return { ...back, body: udp(from, to, payload) };
    if (proto === 6) {
      const asked = body[13] ?? 0;
      const flags =
        step.choice % 5 === 0 ? step.flags : asked & syn && !(asked & ack) ? syn | ack : step.size % 5 === 0 ? 17 : ack;
      // The story has the addresses that the other end knows, which translation hides.
      this.remember({ src, dst, from: to, to: from }, body);
      return { ...back, body: this.tcp({ ...back, from, to }, { ...step, flags }, payload) };
    }
    if (proto === 1 && body[0] === 8) return { ...back, body: bytes(0, body.slice(1)) };
    if (proto === 58 && body[0] === 128) return { ...back, body: bytes(129, body.slice(1)) };
    return { ...back, body };
  }

  /** What the sender of a segment has said by now. */
  private remember(ends: { src: bigint; dst: bigint; from: number; to: number }, body: Uint8Array): void {
    const view = new DataView(body.buffer, body.byteOffset);
    if (body.length < 20) return;
    const flags = view.getUint8(13);
    const length = body.length - (view.getUint8(12) >> 4) * 4;
    const story = this.story(`${ends.src} ${ends.from} ${ends.dst} ${ends.to}`);
    story.next = (view.getUint32(4) + length + (flags & syn ? 1 : 0) + (flags & 1)) >>> 0;
  }

  /** An ICMP error about a frame that came, from its addressee or a router on the way. */
  private error(earlier: { port: number; frame: Uint8Array }, step: Step): { port: number; frame: Uint8Array }[] {
    const segment = segmentOf(earlier.frame);
    if (!segment) return [];
    const { family, src, dst } = segment;
    const isTcp = segment.proto === 6;
    if (this.isCareful && isTcp && family === 6) return [];
    const least = this.isCareful && isTcp ? 20 : 0;
    const length = [8, 8, 60, 200, 7, 24][step.choice % 6] ?? 8;
    const quoted = earlier.frame.slice(14, 14 + (family === 4 ? 20 : 40) + Math.max(length, least));
    const from = step.peer === 0 ? dst : outside[family] + 100n;
    const type = family === 4 ? [3, 11, 12, 5][step.choice % 4] : [1, 3, 2, 4][step.choice % 4];
    const body = bytes(type ?? 3, step.size % 2, 0, 0, be(step.window === 512 ? 1400 : 0, 4), quoted);
    return [
      { port: earlier.port, frame: frameOf({ family, src: from, dst: src, proto: family === 4 ? 1 : 58, body }) },
    ];
  }

  /** A frame in fragments, in some order, some of them missing or overlapping. */
  private cut(frame: Uint8Array, { choice, window, host }: Step): Uint8Array[] {
    const each = [1400, 1480, 1184, 1000, 1176][window % 5] ?? 1400;
    const payload = frame.slice(34);
    identifier = (identifier + 1) & 0xffff;
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < payload.length; at += each) {
      const isLast = at + each >= payload.length;
      const shift = choice % 11 === 0 && at > 0 ? 8 : 0;
      const word = ((at - shift) / 8) | (isLast ? 0 : 0x2000);
      const header = frame.slice(14, 34);
      const number = (from: number): number =>
        header.slice(from, from + 4).reduce((value, byte) => value * 256 + byte, 0);
      const packet = ip4(
        { src: number(12), dst: number(16), proto: header[9] ?? 0, fragment: word },
        payload.slice(at, at + each),
      );
      new DataView(packet.buffer).setUint16(4, identifier);
      pieces.push(ethernet(0x800, withHeaderChecksum(packet)));
    }
    if (choice % 7 === 0) pieces.pop();
    if (choice % 5 === 1) pieces.reverse();
    if (host === 1) pieces.push(...pieces.splice(0, 1));
    return pieces;
  }
}

function withHeaderChecksum(packet: Uint8Array): Uint8Array {
  const header = withZero(packet.slice(0, 20), 10);
  return bytes(checked(header, 10), packet.slice(20));
}
