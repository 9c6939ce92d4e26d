import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseFrame } from '../../../engine/frame.ts';
import { type FieldReader, frameOf } from './frame.ts';

const reader =
  (fields: Record<string, bigint>): FieldReader =>
  (name) =>
    fields[name] ?? 0n;

const bits = (width: number) => fc.bigInt(0n, (1n << BigInt(width)) - 1n);

const ethernet = { 'eth.src': bits(48), 'eth.dst': bits(48) };
const ip = {
  ...ethernet,
  'eth.type': fc.constant(0x800n),
  'ip4.src': bits(32),
  'ip4.dst': bits(32),
  'ip.ttl': bits(8),
  'ip.dscp': bits(6),
  'ip.ecn': bits(2),
};

/** What the frame parser finds in a frame is what went into it, and nothing is wrong with it. */
function expectSame(fields: Record<string, bigint>): void {
  const parsed = parseFrame(frameOf(reader(fields)));
  expect(parsed.problems).toEqual([]);
  expect(parsed.fields).toMatchObject(fields);
}

describe('a frame made of fields', () => {
  it('says the same as ARP', () => {
    const arp = {
      ...ethernet,
      'eth.type': fc.constant(0x806n),
      'arp.op': fc.constantFrom(1n, 2n),
      'arp.sha': bits(48),
      'arp.spa': bits(32),
      'arp.tha': bits(48),
      'arp.tpa': bits(32),
    };
    fc.assert(fc.property(fc.record(arp), expectSame));
  });

  it('says the same as ICMP', () => {
    const icmp = { ...ip, 'ip.proto': fc.constant(1n), 'icmp4.type': fc.constantFrom(0n, 8n), 'icmp4.code': bits(8) };
    fc.assert(fc.property(fc.record(icmp), expectSame));
  });

  it('says the same as TCP, with right checksums', () => {
    const tcp = { ...ip, 'ip.proto': fc.constant(6n), 'tcp.src': bits(16), 'tcp.dst': bits(16), 'tcp.flags': bits(9) };
    fc.assert(fc.property(fc.record(tcp), expectSame));
  });

  it('says the same as UDP, with right checksums', () => {
    const udp = { ...ip, 'ip.proto': fc.constant(17n), 'udp.src': bits(16), 'udp.dst': bits(16) };
    fc.assert(fc.property(fc.record(udp), expectSame));
  });

  it('carries a DISCOVER from a DHCP client', () => {
    const fields = {
      'eth.src': 0x020000000001n,
      'eth.dst': 0xffffffffffffn,
      'eth.type': 0x800n,
      'ip4.dst': 0xffffffffn,
      'ip.ttl': 64n,
      'ip.proto': 17n,
      'udp.src': 68n,
      'udp.dst': 67n,
    };
    const frame = Buffer.from(frameOf(reader(fields)));
    const bootp = frame.subarray(42);
    expect(parseFrame(frame).problems).toEqual([]);
    expect(bootp.subarray(28, 34).toString('hex')).toBe('020000000001');
    expect(bootp.subarray(236).toString('hex')).toBe('63825363350101ff');
  });
});
