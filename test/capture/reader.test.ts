/** Captures of every form, written here byte by byte; then broken ones. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CapturedFrame, captureReader, readCapture, writeCapture } from '../../engine/capture/index.ts';
import { InputError } from '../../engine/origin.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import {
  block,
  description,
  enhanced,
  fields,
  join,
  type Order,
  obsolete,
  option,
  pcapHeader,
  pcapRecord,
  section,
  simple,
} from './bytes.ts';

const bigEndian: Order = { little: false };
const littleEndian: Order = { little: true };
const orders = [
  ['least significant byte first', littleEndian],
  ['most significant byte first', bigEndian],
] as const;

const frame = (length: number, first = 1): Uint8Array => Uint8Array.from({ length }, (_, at) => (first + at) & 255);
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (...parts: Uint8Array[]) => readCapture(join(...parts), 'in.pcap');
const times = (...parts: Uint8Array[]): bigint[] => {
  const { frames, problems } = read(...parts);
  expect(problems).toEqual([]);
  return frames.map(({ timestamp }) => timestamp);
};

describe.each(orders)('pcap, %s', (_, order) => {
  test.each([
    ['microseconds', 0xa1b2c3d4, 1_700_000_000_123_456_000n],
    ['nanoseconds', 0xa1b23c4d, 1_700_000_000_000_123_456n],
  ])('with %s', (_, magic, timestamp) => {
    const { frames, problems } = read(
      pcapHeader(order, { magic }),
      pcapRecord(order, frame(60), { seconds: 1_700_000_000, fraction: 123_456 }),
      pcapRecord(order, frame(10, 9), { seconds: 0xffff_ffff, fraction: 0, original: 1500 }),
      pcapRecord(order, frame(0)),
    );
    expect(problems).toEqual([]);
    expect(frames).toEqual<CapturedFrame[]>([
      { bytes: frame(60), timestamp, originalLength: 60 },
      { bytes: frame(10, 9), timestamp: 4_294_967_295_000_000_000n, originalLength: 1500 },
      { bytes: frame(0), timestamp: 0n, originalLength: 0 },
    ]);
  });

  test('checksums at the ends of frames are taken off, where the header says that they are there', () => {
    const header = pcapHeader(order, { link: 0x2400_0001 });
    const { frames } = read(
      header,
      pcapRecord(order, frame(64)),
      pcapRecord(order, frame(62), { original: 64 }),
      pcapRecord(order, frame(40), { original: 64 }),
      pcapRecord(order, frame(3)),
    );
    expect(frames.map(({ bytes, originalLength }) => [bytes.length, originalLength])).toEqual([
      [60, 60],
      [60, 60],
      [40, 60],
      [0, 0],
    ]);
  });

  test('a record that ends too early leaves those before it', () => {
    const whole = join(pcapHeader(order), pcapRecord(order, frame(60)), pcapRecord(order, frame(60)));
    for (let length = 24 + 76 + 1; length < whole.length; length++) {
      const { frames, problems } = read(whole.subarray(0, length));
      expect(frames).toHaveLength(1);
      expect(problems).toHaveLength(1);
    }
    expect(read(whole.subarray(0, 150)).problems).toEqual([
      'in.pcap: at byte 116: the file ends within a frame, of which 34 of 60 bytes are there',
    ]);
    expect(read(whole.subarray(0, 100)).problems).toEqual([]);
  });

  test('a length that no frame has ends the reading', () => {
    const lie = pcapRecord(order, frame(60), { captured: 0xffff_ffff });
    const { frames, problems } = read(pcapHeader(order), pcapRecord(order, frame(60)), lie, frame(60));
    expect(frames).toHaveLength(1);
    expect(problems).toEqual([
      'in.pcap: at byte 116: a record says that its frame has 4294967295 bytes; what follows was not read',
    ]);
  });
});

describe.each(orders)('pcapng, %s', (_, order) => {
  const start = join(section(order), description(order));

  test('frames of every kind of block, others passed over', () => {
    const stamp = 1_700_000_000_123_456n;
    const { frames, problems } = read(
      section(order, {}, option(order, 1, bytesOf('a comment'))),
      description(order, { snapLength: 8 }, option(order, 2, bytesOf('eth0')), option(order, 0, frame(0))),
      block(order, 5, frame(13)),
      enhanced(order, frame(61), { stamp }, option(order, 1, bytesOf('a comment')), option(order, 0, frame(0))),
      block(order, 0x80000bad, frame(40)),
      obsolete(order, frame(5), { stamp: stamp + 1n }),
      simple(order, frame(7)),
      simple(order, frame(8), 1500),
      enhanced(order, frame(8), { stamp: stamp + 2n, original: 9000 }),
    );
    expect(problems).toEqual([]);
    expect(frames).toEqual<CapturedFrame[]>([
      { bytes: frame(61), timestamp: 1_700_000_000_123_456_000n, originalLength: 61 },
      { bytes: frame(5), timestamp: 1_700_000_000_123_457_000n, originalLength: 5 },
      { bytes: frame(7), timestamp: 0n, originalLength: 7 },
      { bytes: frame(8), timestamp: 0n, originalLength: 1500 },
      { bytes: frame(8), timestamp: 1_700_000_000_123_458_000n, originalLength: 9000 },
    ]);
  });

  test.each([
    [6, 1_500_000n, 1_500_000_000n],
    [9, 1_500_000_001n, 1_500_000_001n],
    [3, 1500n, 1_500_000_000n],
    [0, 3n, 3_000_000_000n],
    [12, 1_500_000_001_999n, 1_500_000_001n],
    [0x80, 3n, 3_000_000_000n],
    [0x80 + 1, 3n, 1_500_000_000n],
    [0x80 + 10, 1536n, 1_500_000_000n],
    [0x80 + 32, 0x1_8000_0000n, 1_500_000_000n],
    [0x80 + 63, 0xffff_ffff_ffff_ffffn, 1_999_999_999n],
    [0xff, 0xffff_ffff_ffff_ffffn, 0n],
    [0x7f, 0xffff_ffff_ffff_ffffn, 0n],
  ])('time stamps of resolution %i', (resolution, stamp, expected) => {
    const tsresol = option(order, 9, Uint8Array.of(resolution));
    expect(times(section(order), description(order, {}, tsresol), enhanced(order, frame(9), { stamp }))).toEqual([
      expected,
    ]);
  });

  test('an offset of time stamps, in seconds, may be below zero', () => {
    const [ahead, back] = [1_700_000_000n, -1n].map((offset) =>
      description(order, {}, option(order, 14, fields([[8, offset]], order)), option(order, 9, Uint8Array.of(9))),
    );
    const from = (number: number) => enhanced(order, frame(9), { from: number, stamp: 7n });
    expect(times(section(order), ahead ?? frame(0), back ?? frame(0), from(0), from(1))).toEqual([
      1_700_000_000_000_000_007n,
      -999_999_993n,
    ]);
  });

  test('what stands behind the end of options is none', () => {
    const end = option(order, 0, frame(0));
    const nanoseconds = option(order, 9, Uint8Array.of(9));
    const described = description(order, {}, end, nanoseconds);
    expect(times(section(order), described, enhanced(order, frame(9), { stamp: 7n }))).toEqual([7000n]);
  });

  test('interfaces of their own resolution; another section counts them anew, in its own byte order', () => {
    const other: Order = { little: !order.little };
    const nanoseconds = (each: Order) => description(each, {}, option(each, 9, Uint8Array.of(9)));
    expect(
      times(
        start,
        nanoseconds(order),
        enhanced(order, frame(9), { from: 1, stamp: 1n }),
        enhanced(order, frame(9), { from: 0, stamp: 2n }),
        section(other),
        nanoseconds(other),
        enhanced(other, frame(9), { from: 0, stamp: 3n }),
        section(order),
        description(order),
        enhanced(order, frame(9), { from: 0, stamp: 4n }),
      ),
    ).toEqual([1n, 2000n, 3n, 4000n]);
  });

  test('frames of an interface that is not described, or is not Ethernet, are left out', () => {
    const { frames, problems } = read(
      start,
      description(order, { link: 113 }),
      enhanced(order, frame(9), { from: 1 }),
      enhanced(order, frame(9), { from: 2 }),
      enhanced(order, frame(10), { from: 0 }),
    );
    expect(frames.map(({ bytes }) => bytes.length)).toEqual([10]);
    expect(problems).toEqual([
      expect.stringContaining('interface 1 have link type 113 (Linux cooked'),
      expect.stringContaining('a frame is of interface 2, which is not described, and was left out'),
    ]);
  });

  test.each([
    ['a length below the smallest', block(order, 6, frame(20), { begin: 8 }), 'a block says that it has 8 bytes'],
    ['a length that is not a multiple of four', block(order, 6, frame(20), { begin: 33 }), 'has 33 bytes'],
    ['two lengths', block(order, 6, frame(20), { end: 36 }), '32 bytes by its beginning and 36 by its end'],
    ['too large a length', block(order, 6, frame(20), { begin: 0xffff_fffc }), 'has 4294967292 bytes'],
    ['a section of another version', section(order, { major: 2 }), 'sections of version 2'],
    ['a section without byte order', section(order, { magic: 0x11223344 }), 'no byte order'],
  ])('%s ends the reading', (_, broken, sentence) => {
    const { frames, problems } = read(start, enhanced(order, frame(9)), broken, enhanced(order, frame(9)));
    expect(frames).toHaveLength(1);
    expect(problems).toEqual([expect.stringContaining(sentence)]);
    expect(problems[0]).toContain('what follows was not read');
  });

  test.each([
    [
      'longer than its block',
      enhanced(order, frame(9), { captured: 13 }),
      'room for 12 bytes says that its frame has 13',
    ],
    ['without room for its lengths', block(order, 6, frame(16)), 'too short for a frame'],
    ['longer than any', enhanced(order, frame(0x40001)), 'a frame has 262145 bytes'],
  ])('a frame %s is left out', (_, broken, sentence) => {
    const { frames, problems } = read(start, broken, enhanced(order, frame(10)));
    expect(frames.map(({ bytes }) => bytes.length)).toEqual([10]);
    expect(problems).toEqual([expect.stringContaining(sentence)]);
  });

  test('a description that is too short, and an option that is cut off', () => {
    const cut = join(fields([[2, 9]], order), fields([[2, 200]], order), Uint8Array.of(9, 0, 0, 0));
    const { frames, problems } = read(
      section(order),
      block(order, 1, frame(4)),
      description(order, {}, cut),
      enhanced(order, frame(9), { from: 1, stamp: 1n }),
    );
    expect(frames.map(({ timestamp }) => timestamp)).toEqual([1000n]);
    expect(problems).toEqual([
      expect.stringContaining('the description of interface 0 is too short'),
      expect.stringContaining('an option of interface 1 is cut off'),
    ]);
  });

  test('an unknown block of any length is passed over without being held', () => {
    const reader = captureReader('in.pcapng');
    const length = 0xffff_fffc;
    reader.push(
      join(
        start,
        fields(
          [
            [4, 0xbad],
            [4, length],
          ],
          order,
        ),
      ),
    );
    const megabyte = new Uint8Array(1 << 20);
    for (let left = length - 12; left > 0; left -= megabyte.length) reader.push(megabyte.subarray(0, left));
    reader.push(fields([[4, length]], order));
    expect(reader.push(enhanced(order, frame(9)))).toHaveLength(1);
    expect(reader.end()).toEqual([]);
  });
});

describe('files that are refused:', () => {
  test.each([
    ['nothing', frame(0), 'it has 0 bytes'],
    ['three bytes', frame(3), 'it has 3 bytes'],
    ['a text', bytesOf('apiVersion: v1\n'), 'this is no capture'],
    ['a compressed file', Uint8Array.of(0x1f, 0x8b, 8, 0), 'gunzip'],
    ['pcap of another version', pcapHeader(bigEndian, { major: 1 }), 'version 1.4'],
    ['pcap of an earlier version', pcapHeader(bigEndian, { minor: 2 }), 'version 2.2'],
    ['pcap of another link type', pcapHeader(bigEndian, { link: 101 }), 'link type 101 (raw IP), not Ethernet'],
    ['pcap of an unknown link type', pcapHeader(bigEndian, { link: 147 }), 'link type 147, not Ethernet'],
    ['pcapng of another version', section(bigEndian, { major: 2 }), 'version 2'],
    [
      'pcapng with no Ethernet frames',
      join(section(bigEndian), description(bigEndian, { link: 276 }), enhanced(bigEndian, frame(9))),
      'none of its frames are Ethernet frames',
    ],
  ])('%s', (_, bytes, message) => {
    expect(() => readCapture(bytes, 'in.pcap')).toThrow(InputError);
    expect(() => readCapture(bytes, 'in.pcap')).toThrow(message);
    expect(() => readCapture(bytes, 'in.pcap')).toThrow('in.pcap:1:1: ');
  });
});

test('problems are told up to a number', () => {
  const lost = Array.from({ length: 1000 }, () => enhanced(bigEndian, frame(9), { from: 7 }));
  const { problems } = read(section(bigEndian), ...lost);
  expect(problems).toHaveLength(21);
  expect(problems[20]).toBe('in.pcap: 980 more problems');
});

describe('piece by piece', () => {
  const captures = [
    writeCapture([20, 0, 60].map((length) => ({ bytes: frame(length), timestamp: BigInt(length) }))),
    join(
      section(bigEndian),
      block(bigEndian, 0xbad, frame(100)),
      description(bigEndian),
      enhanced(bigEndian, frame(61)),
      section(littleEndian, {}, option(littleEndian, 1, frame(30))),
      description(littleEndian),
      simple(littleEndian, frame(30)),
    ),
  ];

  /** Reads in pieces of these sizes over and over, and destroys what was read. */
  function readInPieces(bytes: Uint8Array, sizes: readonly number[]) {
    const reader = captureReader('in.pcap');
    const frames: CapturedFrame[] = [];
    for (let at = 0, turn = 0; at < bytes.length; turn++) {
      const size = sizes[turn % sizes.length] ?? 1;
      frames.push(...reader.push(bytes.slice(at, at + size)));
      at += size;
    }
    return { frames, problems: reader.end() };
  }

  test('pieces of any size make no difference, whole or cut off', () => {
    const { seed, runs } = seedAndRuns(500);
    fc.assert(
      fc.property(
        fc.constantFrom(...captures),
        fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }),
        fc.nat(400),
        (capture, sizes, cut) => {
          const bytes = capture.subarray(0, Math.max(capture.length - cut, 4));
          expect(readInPieces(bytes, sizes)).toEqual(readCapture(bytes, 'in.pcap'));
        },
      ),
      { seed, numRuns: runs },
    );
  });
});

test('broken captures give frames of their own bytes, or are refused', () => {
  const { seed, runs } = seedAndRuns(3000);
  const whole = [littleEndian, bigEndian].flatMap((order) => [
    join(pcapHeader(order), pcapRecord(order, frame(30)), pcapRecord(order, frame(9)), pcapRecord(order, frame(40))),
    join(
      section(order),
      description(order, {}, option(order, 9, Uint8Array.of(9)), option(order, 14, frame(8))),
      enhanced(order, frame(30)),
      simple(order, frame(9)),
      obsolete(order, frame(21)),
      section(order),
      description(order),
      enhanced(order, frame(40)),
    ),
  ]);
  let refused = 0;
  let complained = 0;
  const change = fc.record({
    at: fc.nat(400),
    value: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255)),
    count: fc.integer({ min: 1, max: 4 }),
  });
  fc.assert(
    fc.property(fc.constantFrom(...whole), fc.array(change, { maxLength: 6 }), fc.nat(400), (capture, changes, cut) => {
      const bytes = capture.slice(0, Math.max(capture.length - Math.max(cut - 200, 0), 0));
      for (const { at, value, count } of changes) bytes.fill(value, at, at + count);
      try {
        const { frames, problems } = readCapture(bytes, 'in.pcap');
        if (problems.length > 0) complained++;
        let size = 0;
        for (const each of frames) {
          expect(each.bytes.buffer).toBe(bytes.buffer);
          expect(each.bytes.length).toBeLessThanOrEqual(each.originalLength);
          size += each.bytes.length;
        }
        expect(size).toBeLessThanOrEqual(bytes.length);
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        refused++;
      }
    }),
    { seed, numRuns: runs },
  );
  // Else the changes hit nothing that matters.
  expect(refused).toBeGreaterThan(runs / 100);
  expect(complained).toBeGreaterThan(runs / 20);
});
