/** What the tracer and the data plane have to agree in. */
import { describe, expect, test } from 'vitest';
import { difference, packetOfFields } from '../../../sim/answers/story.ts';

const packet = (fields: Readonly<Record<string, number>>) =>
  packetOfFields({
    'eth.type': 0x800n,
    'ip4.src': 1n,
    'ip4.dst': 2n,
    ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, BigInt(value)])),
  });

const segment = { 'ip.proto': 6, 'ip.ttl': 254, 'tcp.src': 1000, 'tcp.dst': 443, 'tcp.flags': 4 };
const reset = { ...segment, 'ip.ttl': 62, 'tcp.src': 443, 'tcp.dst': 1000, 'tcp.flags': 20 };

describe('packets of the tracer and of the data plane', () => {
  test('are the same in all that matters', () => {
    expect(difference(packet(segment), packet(segment))).toBeUndefined();
    expect(difference(packet(segment), packet({ ...segment, 'ip.dscp': 3 }))).toBeUndefined();
    expect(difference(packet(segment), packet({ ...segment, 'ip.ttl': 62 }))).toBe('ip.ttl');
    expect(difference(packet(segment), packet({ ...segment, 'tcp.flags': 20 }))).toBe('tcp.flags');
    expect(difference(packet(segment), packet({ ...segment, 'ip4.dst': 3, 'ip.ttl': 62 }))).toBe('ip4.dst');
  });

  test('may be a reset as ovn-trace has it and as it is on the wire', () => {
    expect(difference(packet(segment), packet(reset))).toBeUndefined();
    expect(difference(packet(segment), packet({ ...reset, 'ip4.dst': 3 }))).toBe('ip4.dst');
    expect(difference(packet(segment), packet({ ...reset, 'tcp.dst': 1001 }))).toBe('ip.ttl');
    expect(difference(packet({ ...segment, 'tcp.flags': 2 }), packet(reset))).toBe('ip.ttl');
    expect(difference(packet(reset), packet(segment))).toBe('ip.ttl');
  });

  test('may be an abort, whose ports have changed sides, too; a datagram is none', () => {
    const sctp = { 'ip.proto': 132, 'ip.ttl': 254, 'sctp.src': 1, 'sctp.dst': 2 };
    const abort = { ...sctp, 'ip.ttl': 62, 'sctp.src': 2, 'sctp.dst': 1 };
    expect(difference(packet(sctp), packet(abort))).toBeUndefined();
    expect(difference(packet(sctp), packet({ ...abort, 'sctp.dst': 3 }))).toBe('ip.ttl');
    expect(difference(packet({ ...sctp, 'ip.proto': 17 }), packet({ ...abort, 'ip.proto': 17 }))).toBe('ip.ttl');
  });
});
