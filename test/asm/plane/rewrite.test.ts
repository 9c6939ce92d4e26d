/** A packet that is changed: read again, it has the flow that was asked for, and no wrong checksum. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as layout from '../../../asm/plane/layout.ts';
import { parseFrame, withChecksums } from '../../../engine/frame.ts';
import { be, bytes, ethernet, ip4, ip6, tcp, udp } from '../build.ts';
import { frames } from './frames.ts';
import { checked } from './plane.ts';

const { exports: asm } = checked;
const packet = checked.reserve(layout.PACKET_SIZE);
const flow = checked.reserve(layout.FLOW_SIZE);
const at = checked.reserve(1 << 17) + layout.HEADROOM;

function take(frame: Uint8Array): boolean {
  checked.memory().set(frame, at);
  const view = checked.data();
  view.setUint32(packet + layout.P_FRAME, at, true);
  view.setUint32(packet + layout.P_LENGTH, frame.length, true);
  view.setUint32(packet + layout.P_IN_PORT, 1, true);
  view.setUint32(packet + layout.P_ROOM, layout.HEADROOM, true);
  return asm.extract(packet, flow) !== 0;
}

function given(): Uint8Array {
  const view = checked.data();
  const from = view.getUint32(packet + layout.P_FRAME, true);
  return checked.memory().slice(from, from + view.getUint32(packet + layout.P_LENGTH, true));
}

const words = () =>
  Array.from({ length: layout.PACKET_WORDS }, (_, i) => checked.data().getBigUint64(flow + 8 * i, true));

interface Change {
  word: number;
  value: bigint;
  mask: bigint;
}

const field = (word: number, ofs: number, width: number) =>
  fc
    .tuple(fc.bigInt(0n, (1n << BigInt(width)) - 1n), fc.bigInt(0n, (1n << BigInt(width)) - 1n))
    .map(([value, mask]) => {
      const m = mask << BigInt(ofs);
      return { word, value: (value << BigInt(ofs)) & m, mask: m };
    });

const mac = fc.oneof(field(layout.W_ETH_DST, 0, 48), field(layout.W_ETH_SRC, 0, 48));
const ttl = field(layout.W_L4, layout.B_TTL, 8);
const tos = field(layout.W_L4, layout.B_TOS, 8);
const ports = fc.oneof(field(layout.W_L4, layout.B_L4_SRC, 16), field(layout.W_L4, layout.B_L4_DST, 16));
const typeCode = fc.oneof(field(layout.W_L4, layout.B_L4_SRC, 8), field(layout.W_L4, layout.B_L4_DST, 8));
const address4 = fc.oneof(field(layout.W_IP4, 32, 32), field(layout.W_IP4, 0, 32), field(layout.W_IP4, 0, 64));
const address6 = fc.constantFrom(0, 1, 2, 3).chain((i) => field(layout.W_IP6_SRC + i, 0, 64));
const label = field(layout.W_IP6_LABEL, 0, 20);

const src = 0x0a0000ff;
const dst = 0xc0a80102;
const src6 = (0xfd00n << 112n) | 0xffffn;
const dst6 = (0xfd01n << 112n) | 0x1234n;
const payload = fc.uint8Array({ maxLength: 40 });

/** Applies changes to a whole frame with right checksums and reads the result anew. */
function expectChanged(whole: Uint8Array, changes: readonly Change[]): void {
  const frame = withChecksums(whole);
  expect(take(frame)).toBe(true);
  for (const { word, value, mask } of changes) asm.setWord(packet, flow, word, value, mask);
  const wanted = words();
  const changed = given();
  expect(parseFrame(changed).problems).toEqual(parseFrame(frame).problems);
  expect(take(changed)).toBe(true);
  expect(words().map(String)).toEqual(wanted.map(String));
}

const some = (...kinds: fc.Arbitrary<Change>[]) => fc.array(fc.oneof(...kinds), { minLength: 1, maxLength: 6 });
const property = (frame: fc.Arbitrary<Uint8Array>, ...kinds: fc.Arbitrary<Change>[]) =>
  fc.assert(fc.property(frame, some(...kinds), expectChanged), { numRuns: 1000, endOnFailure: true });

describe('setWord', () => {
  const tags = fc.constantFrom(bytes(), bytes('81000005'));

  test('TCP over IPv4, with options and tags', () => {
    const frame = fc.tuple(payload, tags, fc.constantFrom(bytes(), bytes('01010101'))).map(([data, tag, options]) => {
      return ethernet(0x800, ip4({ src, dst, proto: 6, options }, tcp(1, 2, 0x18, data)), tag);
    });
    property(frame, mac, ttl, tos, ports, address4);
  });

  test('UDP over IPv4', () => {
    const frame = payload.map((data) => ethernet(0x800, ip4({ src, dst, proto: 17 }, udp(1, 2, data))));
    property(frame, mac, ttl, tos, ports, address4);
  });

  test('ICMP over IPv4', () => {
    const frame = payload.map((data) =>
      ethernet(0x800, ip4({ src, dst, proto: 1 }, bytes('0800 0000 00010002', data))),
    );
    property(frame, mac, ttl, tos, typeCode, address4);
  });

  test('TCP and UDP over IPv6, with extension headers', () => {
    const extensions = fc.constantFrom(0, 1, 2);
    const frame = fc.tuple(payload, extensions, fc.boolean()).map(([data, count, isTcp]) => {
      const next = isTcp ? 6 : 17;
      const segment = isTcp ? tcp(1, 2, 0x10, data) : udp(1, 2, data);
      const headers = bytes(
        ...Array.from({ length: count }, (_, i) => bytes(i + 1 === count ? next : 60, 0, new Uint8Array(6))),
      );
      return ethernet(0x86dd, ip6({ src: src6, dst: dst6, next: count === 0 ? next : 60 }, bytes(headers, segment)));
    });
    property(frame, mac, ttl, tos, ports, address6, label);
  });

  test('ICMPv6, and neighbour discovery with its options', () => {
    const ping = ethernet(0x86dd, ip6({ src: src6, dst: dst6, next: 58 }, bytes('8000 0000 00010002 0304')));
    // Of the type, so few bits that no echo becomes neighbour discovery.
    const echo = fc.oneof(field(layout.W_L4, layout.B_L4_SRC, 2), field(layout.W_L4, layout.B_L4_DST, 8));
    property(fc.constant(ping), mac, ttl, tos, echo, address6, label);
    const target = fc.oneof(field(layout.W_ND_TARGET, 0, 64), field(layout.W_ND_TARGET + 1, 0, 64));
    const solicit = bytes(135, 0, be(0, 6), be(dst6, 16), '0e01000000000000', '0101020000000001');
    const mac6 = fc.bigInt(1n, 0xffffffffffffn).map((value) => ({ word: layout.W_SHA, value, mask: 0xffffffffffffn }));
    property(fc.constant(ethernet(0x86dd, ip6({ src: src6, dst: dst6, next: 58 }, solicit))), address6, target, mac6);
    const advertise = bytes(136, 0, be(0, 6), be(dst6, 16), '0201020000000001');
    const tll = fc.bigInt(1n, 0xffffffffffffn).map((value) => ({ word: layout.W_THA, value, mask: 0xffffffffffffn }));
    property(fc.constant(ethernet(0x86dd, ip6({ src: src6, dst: dst6, next: 58 }, advertise))), address6, target, tll);
  });

  test('ARP', () => {
    const request = ethernet(0x806, bytes('0001 0800 0604 0001 020000000001 0a000001 000000000000 0a000002'));
    const sha = fc.oneof(field(layout.W_SHA, 0, 48), field(layout.W_THA, 0, 48));
    property(fc.constant(request), mac, address4, sha, field(layout.W_L4, 0, 8));
  });

  test('a UDP packet without a checksum gets none; one whose sum comes to zero says ffff', () => {
    const plain = ethernet(0x800, ip4({ src, dst, proto: 17 }, udp(1, 2)));
    take(plain);
    asm.setWord(packet, flow, layout.W_IP4, 5n, 0xffffn);
    expect(given().subarray(40, 42)).toEqual(bytes('0000'));
    // Every source port once: one of them makes the sum come to zero.
    const found: number[] = [];
    const frame = withChecksums(plain);
    for (let port = 0; port < 0x10000; port++) {
      take(frame);
      asm.setWord(packet, flow, layout.W_L4, BigInt(port) << 48n, 0xffffn << 48n);
      const check = checked.data().getUint16(at + 40);
      if (check === 0xffff) found.push(port);
      expect(check).not.toBe(0);
    }
    expect(found).toHaveLength(1);
  });

  test('a TTL that goes down one by one keeps the header checksum right', () => {
    for (const id of [0, 1, 0x1234, 0xfeff, 0xff00, 0xffff]) {
      const whole = ethernet(0x800, ip4({ src, dst, proto: 17, ttl: 255 }, udp(1, 2)));
      whole.set(be(id, 2), 18);
      take(withChecksums(whole));
      for (let ttlNow = 254n; ttlNow >= 0n; ttlNow--) {
        asm.setWord(packet, flow, layout.W_L4, ttlNow << 8n, 0xff00n);
        expect(parseFrame(given()).problems).toEqual([]);
      }
    }
  });

  test('SCTP: the right checksum stays right, a wrong one wrong by the same bits', () => {
    // Computed bit by bit, independently of the module.
    const crc = (data: Uint8Array): number => {
      let value = 0xffffffff;
      for (const byte of data) {
        value ^= byte;
        for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0x82f63b78 : 0);
      }
      return ~value >>> 0;
    };
    const segment = bytes(be(1000, 2), be(2000, 2), be(7, 4), be(0, 4), '00010203040506');
    const sum = crc(segment);
    new DataView(segment.buffer).setUint32(8, sum, true);
    const frame = ethernet(0x800, ip4({ src, dst, proto: 132 }, segment));
    take(frame);
    asm.setWord(packet, flow, layout.W_L4, 0x12345678n << 32n, 0xffffffffn << 32n);
    const changed = given().subarray(34);
    const plain = changed.slice();
    plain.set([0, 0, 0, 0], 8);
    expect(new DataView(changed.buffer, changed.byteOffset).getUint32(8, true)).toBe(crc(plain));
    expect(changed.subarray(0, 4)).toEqual(bytes('12345678'));
    const bad = frame.slice();
    bad[42] = (bad[42] ?? 0) ^ 0x55;
    take(bad);
    asm.setWord(packet, flow, layout.W_L4, 0x12345678n << 32n, 0xffffffffn << 32n);
    expect((given()[42] ?? 0) ^ (changed[8] ?? 0)).toBe(0x55);
  });

  test('a later fragment has no transport checksum to be changed', () => {
    const whole = ethernet(0x800, ip4({ src, dst, proto: 17, fragment: 0x2005 }, new Uint8Array(40).fill(9)));
    take(whole);
    asm.setWord(packet, flow, layout.W_IP4, 0x01020304n, 0xffffffffn);
    expect(given().subarray(34)).toEqual(whole.subarray(34));
    expect(parseFrame(given()).problems).toEqual([]);
  });

  test('a destination that a routing header will replace is not in the checksum', () => {
    const routing = bytes(17, 0, 0, 1, new Uint8Array(4));
    const whole = ethernet(0x86dd, ip6({ src: src6, dst: dst6, next: 43 }, bytes(routing, udp(1, 2).fill(0x77, 6, 8))));
    take(whole);
    asm.setWord(packet, flow, layout.W_IP6_DST, 1n, 0xffn);
    expect(given().subarray(62)).toEqual(whole.subarray(62));
    asm.setWord(packet, flow, layout.W_IP6_SRC, 1n, 0xffn);
    expect(given().subarray(62)).not.toEqual(whole.subarray(62));
  });

  test('hostile frames: nothing outside the frame is written, and asserts hold', () => {
    const any = fc.nat(layout.KEY_WORDS - 1).chain((word) => field(word, 0, 64));
    fc.assert(
      fc.property(frames(), fc.array(any, { maxLength: 8 }), (frame, changes) => {
        if (!take(frame)) return;
        // Ethernet type, protocol and fragment bits are what the frame is; nobody sets them.
        const fixed: Record<number, bigint> = { 0: 0xffffn << 48n, 3: 0xff0000ffn, 1: 0xffffn << 48n };
        const length = frame.length;
        const before = checked.memory().slice(at - 64, at + length + 64);
        for (const { word, value, mask } of changes) {
          const allowed = mask & ~(fixed[word] ?? 0n);
          asm.setWord(packet, flow, word, value & allowed, allowed);
        }
        const after = checked.memory().slice(at - 64, at + length + 64);
        expect(after.subarray(0, 64)).toEqual(before.subarray(0, 64));
        expect(after.subarray(64 + length)).toEqual(before.subarray(64 + length));
      }),
      { numRuns: 3000 },
    );
  });
});
