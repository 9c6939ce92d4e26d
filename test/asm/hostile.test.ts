/** The parser meets bytes that nobody meant as a frame: it never traps, and never looks outside what it was given. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FRAME_AT, FRAME_MAX, PARSED_AT, PARSED_SIZE } from '../../asm/layout.ts';
import { parseFrame, withChecksums } from '../../engine/frame.ts';
import { be, bytes, ethernet, ip4, ip6, tcp, udp } from './build.ts';
import { asm, memory } from './module.ts';

/** Frames that get far: right headers with random contents, cut at random places. */
function frames(): fc.Arbitrary<Uint8Array> {
  const raw = fc.uint8Array({ maxLength: 120 });
  const type = fc.constantFrom(0x800, 0x806, 0x86dd, 0x8100, 0x88a8, 0x8035, 40);
  const proto = fc.constantFrom(0, 1, 6, 17, 43, 44, 51, 58, 60, 132);
  const any = fc.tuple(type, raw).map(([t, payload]) => ethernet(t, payload));
  const over4 = fc.tuple(proto, raw, fc.nat(0xffff)).map(([p, payload, fragment]) => {
    return ethernet(0x800, ip4({ src: 1, dst: 2, proto: p, fragment: fragment < 0x8000 ? 0 : fragment }, payload));
  });
  const over6 = fc
    .tuple(proto, raw)
    .map(([next, payload]) => ethernet(0x86dd, ip6({ src: 1n, dst: 2n, next }, payload)));
  const discovery = fc.tuple(fc.constantFrom(135, 136), raw).map(([t, options]) => {
    return ethernet(0x86dd, ip6({ src: 1n, dst: 2n, next: 58 }, bytes(t, be(0, 7), be(3n, 16), options)));
  });
  const segments = fc.tuple(raw, fc.nat(0xffff)).map(([payload, length]) => {
    const datagram = udp(1, 2, payload);
    datagram.set(be(length, 2), 4);
    return ethernet(0x800, ip4({ src: 1, dst: 2, proto: 17 }, datagram));
  });
  const headers = fc.tuple(raw, fc.nat(0xffff)).map(([payload, flags]) => {
    const segment = tcp(1, 2, 0, payload);
    segment.set(be(flags, 2), 12);
    return ethernet(0x86dd, ip6({ src: 1n, dst: 2n, next: 6 }, segment));
  });
  const whole = fc.oneof(raw, any, over4, over6, discovery, segments, headers);
  return fc
    .tuple(whole, fc.nat(200))
    .map(([frame, cut]) => (cut < frame.length ? frame.subarray(0, frame.length - cut) : frame));
}

const tags = fc.constantFrom(0, 1, 2);

/** What the parser says of a frame that lies at `at`, with `around` before and behind it. */
function parseAt(frame: Uint8Array, at: number, around: number, limit: number): Uint8Array {
  const before = memory.slice(at + frame.length);
  memory.fill(around, FRAME_AT);
  memory.set(frame, at);
  asm.parseFrame(at, frame.length, PARSED_AT, limit);
  const parsed = memory.slice(PARSED_AT, PARSED_AT + PARSED_SIZE);
  memory.set(before, at + frame.length);
  return parsed;
}

describe('hostile frames', () => {
  test('give the same whatever lies around them', () => {
    fc.assert(
      fc.property(frames(), tags, (frame, limit) => {
        expect(parseAt(frame, FRAME_AT + 64, 0x00, limit)).toEqual(parseAt(frame, FRAME_AT + 64, 0xff, limit));
      }),
      { numRuns: 2000 },
    );
  });

  test('at the very end of the memory do not make it trap', () => {
    fc.assert(
      fc.property(frames(), tags, (frame, limit) => {
        parseAt(frame, memory.length - frame.length, 0x00, limit);
      }),
      { numRuns: 2000 },
    );
  });

  test('are not changed, and nothing outside the result is', () => {
    fc.assert(
      fc.property(frames(), tags, (frame, limit) => {
        memory.set(frame, FRAME_AT);
        const before = memory.slice();
        asm.parseFrame(FRAME_AT, frame.length, PARSED_AT, limit);
        const after = memory.slice();
        after.set(before.subarray(PARSED_AT, PARSED_AT + PARSED_SIZE), PARSED_AT);
        expect(Buffer.compare(after, before)).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  test('have fields and problems of the right form', () => {
    fc.assert(
      fc.property(frames(), (frame) => {
        const { fields, problems } = parseFrame(frame);
        if (frame.length < 14) expect(fields).toEqual({});
        for (const value of Object.values(fields)) expect(value >= 0n && value < 1n << 128n).toBe(true);
        for (const problem of problems) expect(problem).toMatch(/^[A-Za-z].*[^.]$/);
        expect(parseFrame(frame)).toEqual({ fields, problems });
      }),
    );
  });

  test('with their checksums filled in have none that is wrong', () => {
    fc.assert(
      fc.property(frames(), (frame) => {
        const filled = withChecksums(frame);
        expect(filled.length).toBe(frame.length);
        expect(parseFrame(filled).problems.filter((problem) => problem.includes('checksum'))).toEqual([]);
      }),
    );
  });

  test('longer than any packet are read as far as there is room', () => {
    const { fields, problems } = parseFrame(bytes(ethernet(0x800, bytes()), new Uint8Array(FRAME_MAX)));
    expect(fields['eth.type']).toBe(0x800n);
    expect(problems).toContain(`only the first ${FRAME_MAX} bytes of the frame were read`);
  });
});
