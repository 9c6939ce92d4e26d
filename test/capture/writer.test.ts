/** What is written is read again; and the bytes themselves, once. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { captureWriter, readCapture, type WrittenFrame, writeCapture } from '../../engine/capture/index.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { description, enhanced, join, option, pcapHeader, pcapRecord, section } from './bytes.ts';

const order = { little: true };
const some = { bytes: Uint8Array.of(1, 2, 3, 4, 5), timestamp: 1_700_000_000_123_456_789n, originalLength: 1500 };

test('a pcap file with nanoseconds', () => {
  const header = pcapHeader(order, { magic: 0xa1b23c4d });
  // The snap length.
  header.set([0, 0, 4, 0], 16);
  const record = pcapRecord(order, some.bytes, { seconds: 1_700_000_000, fraction: 123_456_789, original: 1500 });
  expect(writeCapture([some])).toEqual(join(header, record));
});

test('a pcapng file with nanoseconds', () => {
  const options = [option(order, 9, Uint8Array.of(9)), option(order, 0, Uint8Array.of())];
  const begin = join(section(order), description(order, { snapLength: 0x40000 }, ...options));
  const packet = enhanced(order, some.bytes, { stamp: some.timestamp, original: 1500 });
  expect(writeCapture([some], 'pcapng')).toEqual(join(begin, packet));
});

describe.each(['pcap', 'pcapng'] as const)('%s', (format) => {
  const latest = format === 'pcap' ? 2n ** 32n * 1_000_000_000n - 1n : 2n ** 64n - 1n;
  const frames = fc.array(
    fc.record({
      bytes: fc.uint8Array({ maxLength: 200 }),
      timestamp: fc.oneof(fc.bigInt(0n, latest), fc.constantFrom(0n, 1n, latest)),
      missing: fc.nat(2000),
    }),
  );
  const framesOf = (list: { bytes: Uint8Array; timestamp: bigint; missing: number }[]) =>
    list.map(({ bytes, timestamp, missing }) => ({ bytes, timestamp, originalLength: bytes.length + missing }));

  test('is read as it was written', () => {
    const { seed, runs } = seedAndRuns(300);
    fc.assert(
      fc.property(frames, (list) => {
        const written = framesOf(list);
        expect(readCapture(writeCapture(written, format), 'x')).toEqual({ frames: written, problems: [] });
      }),
      { seed, numRuns: runs },
    );
  });

  test('is the same whenever it is taken', () => {
    const { seed, runs } = seedAndRuns(300);
    fc.assert(
      fc.property(frames, fc.array(fc.boolean()), (list, takes) => {
        const written = framesOf(list);
        const writer = captureWriter(format);
        const parts: Uint8Array[] = [];
        for (const [at, each] of written.entries()) {
          writer.add(each);
          if (takes[at]) parts.push(writer.take());
        }
        parts.push(writer.take());
        expect(join(...parts)).toEqual(writeCapture(written, format));
        expect(writer.take()).toHaveLength(0);
      }),
      { seed, numRuns: runs },
    );
  });

  test('is a header, where there are no frames', () => {
    expect(readCapture(writeCapture([], format), 'x')).toEqual({ frames: [], problems: [] });
  });

  test.each<[string, WrittenFrame]>([
    ['a time before 1970', { bytes: some.bytes, timestamp: -1n }],
    ['a time too late', { bytes: some.bytes, timestamp: latest + 1n }],
    ['a frame too long', { bytes: new Uint8Array(262_145), timestamp: 0n }],
  ])('%s is refused, and nothing written', (_, frame) => {
    const writer = captureWriter(format);
    expect(() => writer.add(frame)).toThrow(RangeError);
    expect(writer.take()).toEqual(writeCapture([], format));
  });

  test('the longest frame and the latest time can be written', () => {
    const frame = { bytes: new Uint8Array(262_144).fill(7), timestamp: latest, originalLength: 262_144 };
    const { frames: again, problems } = readCapture(writeCapture([frame], format), 'x');
    expect(problems).toEqual([]);
    expect(again).toEqual([frame]);
  });
});
