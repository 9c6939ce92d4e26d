/** Fragments in conntrack: held, tracked as one packet, and let go. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseFrame } from '../../../engine/frame.ts';
import { be, bytes, checked, ethernet, internetChecksum, ip4, ip6, pseudo, udp } from '../build.ts';
import { type CtAction, stateText, type Tracked, Tracker } from './tracker.ts';

const a = 0x0a000001;
const b = 0x14000001;
const next: CtAction = { zone: 1 };
const snat: CtAction = { zone: 1, commit: true, nat: { to: 'src', address: '30.0.0.1' } };
const snat6: CtAction = { zone: 1, commit: true, nat: { to: 'src', address: 'fd00::99' } };

interface Datagram {
  size: number;
  /** Bytes of each fragment but the last. */
  each: number;
  id?: number;
  src?: number;
}

/** A UDP datagram in fragments, in order. */
function fragments4({ size, each, id = 7, src = a }: Datagram): Uint8Array[] {
  const data = new Uint8Array(size).map((_, i) => i);
  const datagram = checked(udp(1000, 53, data), 6, pseudo(src, b, 4, 17, size + 8));
  return cut(datagram, each, (at, isLast, part) => {
    const packet = ip4({ src, dst: b, proto: 17, fragment: (at / 8) | (isLast ? 0 : 0x2000) }, part);
    const header = packet.slice(0, 20);
    header.set(be(id, 2), 4);
    header.fill(0, 10, 12);
    header.set(be(internetChecksum(header), 2), 10);
    return ethernet(0x800, bytes(header, part));
  });
}

const host6 = 0xfd00_0000_0000_0000_0000_0000_0000_0001n;
const peer6 = 0xfd00_0000_0000_0000_0000_0000_0000_0002n;

function fragments6({ size, each, id = 7 }: Datagram): Uint8Array[] {
  const data = new Uint8Array(size).map((_, i) => i);
  const datagram = checked(udp(1000, 53, data), 6, pseudo(host6, peer6, 16, 17, size + 8));
  return cut(datagram, each, (at, isLast, part) =>
    ethernet(
      0x86dd,
      ip6({ src: host6, dst: peer6, next: 44 }, bytes(17, 0, be(at | (isLast ? 0 : 1), 2), be(id, 4), part)),
    ),
  );
}

function cut(
  datagram: Uint8Array,
  each: number,
  frame: (at: number, isLast: boolean, part: Uint8Array) => Uint8Array,
): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < datagram.length; at += each) {
    frames.push(frame(at, at + each >= datagram.length, datagram.slice(at, at + each)));
  }
  return frames;
}

/** Sends frames one after the other; what came out of each. */
const sendAll = (t: Tracker, frames: readonly Uint8Array[], ...actions: CtAction[]): Tracked[][] =>
  frames.map((frame) => t.send(frame, actions));

const states = (out: readonly Tracked[]): string[] => out.map(({ state }) => stateText(state));

/** The datagram that fragments in order make, as one frame. */
function whole(family: 4 | 6, out: readonly Tracked[]): Uint8Array {
  const header = family === 4 ? 34 : 62;
  const first = out[0]?.frame ?? new Uint8Array();
  const segment = bytes(...out.map(({ frame }) => frame.slice(header)));
  if (family === 6)
    return ethernet(0x86dd, bytes(first.slice(14, 18), be(segment.length, 2), 17, 64, first.slice(22, 54), segment));
  const plain = bytes(
    first.slice(14, 16),
    be(20 + segment.length, 2),
    first.slice(18, 20),
    0,
    0,
    64,
    17,
    0,
    0,
    first.slice(26, 34),
  );
  plain.set(be(internetChecksum(plain), 2), 10);
  return ethernet(0x800, bytes(plain, segment));
}

test.each([4, 6] as const)('fragments of IPv%i come out in order when the last one has come, translated', (family) => {
  const frames = family === 4 ? fragments4({ size: 4000, each: 1480 }) : fragments6({ size: 4000, each: 1400 });
  const action = family === 4 ? snat : snat6;
  fc.assert(
    fc.property(fc.shuffledSubarray(frames, { minLength: frames.length }), (shuffled) => {
      const t = new Tracker();
      const out = sendAll(t, shuffled, action);
      expect(out.slice(0, -1).flat()).toEqual([]);
      const last = out.at(-1) ?? [];
      expect(states(last)).toEqual(frames.map(() => 'new|trk|snat'));
      expect(t.plane.ctFragments()).toBe(0);
      const wrong = 'the checksum of the IPv4 header is wrong';
      for (const { frame } of last) expect(parseFrame(frame).problems).not.toContain(wrong);
      const together = parseFrame(whole(family, last));
      expect(together.problems).toEqual([]);
      expect(together.fields).toMatchObject({ 'udp.src': 1000n, 'udp.dst': 53n });
      expect(together.fields[`ip${family}.src`]).toBe(family === 4 ? 0x1e000001n : (0xfd00n << 112n) + 0x99n);
      const payload = (list: readonly Uint8Array[]) =>
        bytes(...list.map((frame) => frame.slice(family === 4 ? 34 : 62))).slice(8);
      expect(payload(last.map(({ frame }) => frame))).toEqual(payload(frames));
      t.wait(0);
    }),
    { numRuns: 20 },
  );
});

test('each zone holds them anew', () => {
  const t = new Tracker();
  const out = sendAll(t, fragments4({ size: 4000, each: 1480 }), next, { zone: 2, commit: true }, snat).flat();
  expect(states(out)).toEqual(Array(3).fill('new|trk|snat'));
  expect(parseFrame(whole(4, out)).problems).toEqual([]);
  expect(
    t
      .connections()
      .map(({ zone }) => zone)
      .sort(),
  ).toEqual([1, 2]);
  expect(t.plane.ctFragments()).toBe(0);
});

test('what is no part of a datagram is invalid and goes on at once', () => {
  const t = new Tracker();
  const small = fragments4({ size: 3000, each: 1176 });
  expect(sendAll(t, small, next).map(states)).toEqual([['inv|trk'], ['inv|trk'], []]);
  const none = new Uint8Array();
  const [first = none, second = none, third = none] = fragments4({ size: 4000, each: 1480, id: 8 });
  expect(sendAll(t, [first, first, second, second], next).map(states)).toEqual([[], ['inv|trk'], [], ['inv|trk']]);
  expect(states(t.send(third, [next]))).toEqual(Array(3).fill('new|trk'));
  const wrong = fragments4({ size: 2000, each: 1480, id: 9 })[0] ?? new Uint8Array();
  wrong[24] = (wrong[24] ?? 0) ^ 1;
  expect(states(t.send(wrong, [next]))).toEqual(['inv|trk']);
});

test('a fragment that ends inside of another one is none of the datagram', () => {
  const t = new Tracker();
  const [first = new Uint8Array(), second = new Uint8Array()] = fragments4({ size: 3000, each: 1480 });
  const early = second.slice();
  early.set(be(0x2000 | (1472 / 8), 2), 20);
  early.fill(0, 24, 26);
  early.set(be(internetChecksum(early.slice(14, 34)), 2), 24);
  expect(sendAll(t, [early, first], next).map(states)).toEqual([[], ['inv|trk']]);
});

test('a datagram whose checksum is wrong is invalid as a whole', () => {
  const t = new Tracker();
  const frames = fragments4({ size: 3000, each: 1480 });
  const last = frames.at(-1) ?? new Uint8Array();
  last[last.length - 1] = (last[last.length - 1] ?? 0) ^ 1;
  expect(states(sendAll(t, frames, snat).flat())).toEqual(Array(3).fill('inv|trk'));
});

test('no more are held than there is room for, and not for ever', () => {
  const t = new Tracker();
  const firsts = Array.from(
    { length: 1100 },
    (_, i) => fragments4({ size: 2000, each: 1480, id: i })[0] ?? new Uint8Array(),
  );
  const out = sendAll(t, firsts, next);
  expect(out.filter((each) => each.length === 0)).toHaveLength(1000);
  expect(t.plane.ctFragments()).toBe(1000);
  for (let batch = 0; batch < 100; batch++) t.wait(150);
  expect(t.plane.ctFragments()).toBeGreaterThan(0);
  for (let batch = 0; batch < 100; batch++) t.wait(10);
  expect(t.plane.ctFragments()).toBe(0);
  expect(sendAll(t, fragments4({ size: 2000, each: 1480, id: 5 }), next).map(states)).toEqual([
    [],
    ['new|trk', 'new|trk'],
  ]);
});

test('long frames have slots of their own', () => {
  const t = new Tracker();
  const frames = fragments4({ size: 60_000, each: 8976 });
  expect(frames.length).toBe(7);
  const out = sendAll(t, frames.toReversed(), snat).at(-1) ?? [];
  expect(states(out)).toEqual(Array(7).fill('new|trk|snat'));
  expect(parseFrame(whole(4, out)).problems).toEqual([]);
});

test('a datagram that would be too long is never complete', () => {
  const t = new Tracker();
  const frames = fragments4({ size: 65_000, each: 1480 });
  const [last = new Uint8Array()] = frames.slice(-1);
  // The last fragment moves as far as an offset can say.
  const long = last.slice();
  long.set(be(8191, 2), 20);
  long.fill(0, 24, 26);
  long.set(be(internetChecksum(long.slice(14, 34)), 2), 24);
  expect(states(t.send(long, [next]))).toEqual(['inv|trk']);
});

test('fragments that lie do no harm', () => {
  const frames = [...fragments4({ size: 3000, each: 1480 }), ...fragments6({ size: 3000, each: 1400 })];
  const t = new Tracker();
  fc.assert(
    fc.property(
      fc.constantFrom(...frames),
      fc.nat(1600),
      fc.array(fc.tuple(fc.integer({ min: 14, max: 70 }), fc.nat(255)), { maxLength: 3 }),
      (frame, length, changes) => {
        const bad = frame.slice(0, length);
        for (const [at, value] of changes) if (at < bad.length) bad[at] = value;
        if (bad.length >= 34 && bad[12] === 8) {
          bad.fill(0, 24, 26);
          bad.set(be(internetChecksum(bad.slice(14, 14 + ((bad[14] ?? 0) & 15) * 4)), 2), 24);
        }
        t.send(bad, [snat, next]);
        t.wait(20);
      },
    ),
    { numRuns: 2000 },
  );
  t.wait(60_000);
  for (let batch = 0; batch < 64; batch++) t.wait(0);
  expect(t.plane.ctFragments()).toBe(0);
});
