import fc from 'fast-check';
import { expect, test } from 'vitest';
import { frameSize, shuffled, udpFrames, writeUdpFrame } from '../../../bench/peer/frames.ts';
import { parseFrame, withChecksums } from '../../../engine/frame.ts';
import { seedAndRuns } from '../../oracle/seed.ts';

test('a frame says what it is to say, with right checksums', () => {
  const { seed, runs } = seedAndRuns(500);
  const address = fc.nat(0xffff_ffff);
  const port = fc.nat(0xffff);
  fc.assert(
    fc.property(address, address, port, port, (ipSrc, ipDst, udpSrc, udpDst) => {
      const bytes = new Uint8Array(frameSize).fill(0xff);
      writeUdpFrame(bytes, 0, {
        ethSrc: '02:00:00:00:00:0a',
        ethDst: '02:00:00:00:00:0b',
        ipSrc,
        ipDst,
        udpSrc,
        udpDst,
      });
      const { fields, problems } = parseFrame(bytes);
      expect(problems).toEqual([]);
      expect(fields).toMatchObject({
        'eth.src': 0x02000000000an,
        'eth.dst': 0x02000000000bn,
        'ip4.src': BigInt(ipSrc),
        'ip4.dst': BigInt(ipDst),
        'udp.src': BigInt(udpSrc),
        'udp.dst': BigInt(udpDst),
        'ip.ttl': 64n,
        'ip.frag': 0n,
      });
      expect(withChecksums(bytes)).toEqual(bytes);
    }),
    { seed, numRuns: runs },
  );
});

test('a checksum that comes out as zero is written as all ones, for zero would say that there is none', () => {
  const frameOf = (udpDst: number) => {
    const mac = '02:00:00:00:00:0a';
    const [frame] = udpFrames(1, () => ({ ethSrc: mac, ethDst: mac, ipSrc: 1, ipDst: 2, udpSrc: 3, udpDst }));
    return frame?.bytes.subarray(40, 42);
  };
  const sums = Array.from({ length: 0x10000 }, (_, port) => Buffer.from(frameOf(port) ?? []).readUInt16BE());
  expect(sums).not.toContain(0);
  expect(sums).toContain(0xffff);
});

test('there must be room for a frame', () => {
  const frame = { ethSrc: '', ethDst: '', ipSrc: 0, ipDst: 0, udpSrc: 0, udpDst: 0 };
  expect(() => writeUdpFrame(new Uint8Array(frameSize), 1, frame)).toThrow(RangeError);
});

test('many frames are of their own bytes and times', () => {
  const mac = '02:00:00:00:00:0a';
  const frames = udpFrames(3, (udpSrc) => ({ ethSrc: mac, ethDst: mac, ipSrc: 1, ipDst: 2, udpSrc, udpDst: 9 }));
  expect(frames.map(({ bytes }) => parseFrame(bytes).fields['udp.src'])).toEqual([0n, 1n, 2n]);
  expect(frames.map(({ timestamp }) => timestamp)).toEqual([0n, 1000n, 2000n]);
});

test('an order has each number once, is not the usual one, and is the same again', () => {
  const order = [...shuffled(1000)];
  const usual = Array.from({ length: 1000 }, (_, at) => at);
  expect(order).not.toEqual(usual);
  expect(order.toSorted((a, b) => a - b)).toEqual(usual);
  expect([...shuffled(1000)]).toEqual(order);
  expect([...shuffled(1)]).toEqual([0]);
});
