import { describe, expect, test } from 'vitest';
import { reject, sctpAbort, tcpReset } from '../../../engine/node/answer/reset.ts';
import {
  bytes,
  concat,
  type Ends,
  hex,
  icmp,
  packet,
  problemsOf,
  proto,
  sctp,
  tcp,
  udp,
  zeros,
} from '../../messages.ts';

const four: Ends = { ethSrc: '00:00:00:00:00:0a', ethDst: '00:00:00:00:00:0b', src: '10.0.0.10', dst: '10.0.1.10' };
const six: Ends = { ...four, src: 'fd00::10', dst: 'fd01::10' };

describe('TCP', () => {
  test('RST and ACK, the ports on their other sides', () => {
    for (const [ends, at] of [
      [four, 34],
      [six, 54],
    ] as const) {
      const sent = packet(ends, proto.tcp, tcp(0x1111, 0x2222, { seq: 0xffffffff, flags: 2 }, zeros(3)), { tags: [9] });
      const answer = tcpReset(sent) ?? zeros(0);
      expect(problemsOf(answer)).toEqual([]);
      expect(hex(answer.subarray(0, 12))).toBe('00000000000b00000000000a');
      expect(answer[at === 34 ? 22 : 21]).toBe(63);
      expect(hex(answer.subarray(at, at + 16))).toBe(hex(bytes('2222 1111 00000000 00000000 5014 0000')));
      expect(hex(answer.subarray(at + 18))).toBe('0000');
    }
  });

  test('turned round it goes to the sender', () => {
    const answer = tcpReset(packet(four, proto.tcp, tcp(1, 2)), true) ?? zeros(0);
    expect(hex(answer.subarray(26, 34))).toBe('0a00010a0a00000a');
    expect(problemsOf(answer)).toEqual([]);
  });

  test('of a segment whose data begin nowhere has no ports', () => {
    for (const offset of [0x40, 0x60]) {
      const segment = tcp(1, 2);
      segment[12] = offset;
      expect(hex(tcpReset(packet(four, proto.tcp, segment))?.subarray(34, 38) ?? zeros(0))).toBe('00000000');
    }
  });

  test('only TCP; of a sequence number that is cut off what is there counts', () => {
    expect(tcpReset(packet(four, proto.udp, udp(1, 2, zeros(20))))).toBeUndefined();
    const segment = tcp(1, 2, { seq: 0x01020304 });
    const acknowledged = (length: number): string =>
      hex(tcpReset(packet(four, proto.tcp, segment.subarray(0, length)))?.subarray(42, 46) ?? zeros(0));
    expect([8, 7, 6, 4, 0].map(acknowledged)).toEqual(['01020305', '01020301', '01020001', '00000001', '00000001']);
  });
});

describe('SCTP, RFC 9260 section 8.4', () => {
  const init = bytes('01000014 deadbeef 00010000 000a000a 00000001');
  const data = bytes('00030010 00000001 00000000 00000000');

  test.each([
    ['INIT: the tag that it asks for', 0, init, 'deadbeef', '06000004'],
    ['INIT with a tag: its own', 77, init, '0000004d', '06010004'],
    ['DATA: its own', 0x12345678, data, '12345678', '06010004'],
    ['DATA without a tag', 0, data, '00000000', '06010004'],
  ])('%s', (_, tag, chunk, expected, abort) => {
    const answer = sctpAbort(packet(four, proto.sctp, sctp(0x1111, 0x2222, tag, chunk))) ?? zeros(0);
    expect(problemsOf(answer)).toEqual([]);
    expect(hex(answer.subarray(34, 42))).toBe(`22221111${expected}`);
    expect(hex(answer.subarray(46))).toBe(abort);
  });

  test('CRC32c over header and chunk', () => {
    // As the real ovn-controller sends it.
    const answer = sctpAbort(packet(four, proto.sctp, sctp(40000, 81, 0, init))) ?? zeros(0);
    expect(hex(answer.subarray(34))).toBe('00519c40deadbeefa2f176be06000004');
  });

  test('an ABORT is not answered, nor half an INIT; a packet without a chunk is', () => {
    const alone = sctpAbort(packet(four, proto.sctp, sctp(0, 0, 0, zeros(0)))) ?? zeros(0);
    // As the real ovn-controller sends it.
    expect(hex(alone.subarray(34))).toBe('0000000000000000f98deee406010004');
    for (const chunk of [bytes('06000004'), init.subarray(0, 19)]) {
      expect(sctpAbort(packet(four, proto.sctp, sctp(1, 2, 3, chunk)))).toBeUndefined();
    }
    expect(sctpAbort(packet(four, proto.udp, udp(1, 2, zeros(20))))).toBeUndefined();
  });
});

describe('reject', () => {
  test.each([four, six])('answers by the protocol, to $src', (ends) => {
    const isV4 = ends === four;
    const l4 = isV4 ? 34 : 54;
    const protocolOf = (frame: Uint8Array | undefined) => frame?.[isV4 ? 23 : 20];
    const icmpProtocol = isV4 ? proto.icmp : proto.icmp6;
    expect(protocolOf(reject(packet(ends, proto.tcp, tcp(1, 2))))).toBe(proto.tcp);
    expect(protocolOf(reject(packet(ends, proto.sctp, sctp(1, 2, 3, bytes('00000004')))))).toBe(proto.sctp);
    for (const [protocol, payload, code] of [
      [proto.udp, udp(1, 2), isV4 ? 3 : 4],
      [47, zeros(4), 1],
      [icmpProtocol, icmp(isV4 ? 8 : 128, 0), 1],
    ] as const) {
      const answer = reject(packet(ends, protocol, payload)) ?? zeros(0);
      expect(problemsOf(answer)).toEqual([]);
      expect(protocolOf(answer)).toBe(icmpProtocol);
      expect(hex(answer.subarray(l4, l4 + 2))).toBe(`0${isV4 ? 3 : 1}0${code}`);
      expect(hex(answer.subarray(0, 6))).toBe('00000000000a');
    }
  });

  test('is not answered itself', () => {
    for (const sent of [
      packet(four, proto.tcp, tcp(1, 2, { flags: 0x14 })),
      packet(four, proto.sctp, sctp(1, 2, 3, bytes('06000004'))),
      packet(four, proto.icmp, icmp(3, 1, zeros(4))),
      packet(six, proto.icmp6, icmp(1, 4, zeros(4))),
      concat(zeros(12), bytes('0806'), zeros(28)),
    ]) {
      expect(reject(sent)).toBeUndefined();
    }
  });

  test('a packet whose extension headers are cut off is answered as one without a transport header', () => {
    // Hop-by-hop options of which eight bytes are said to be 288.
    const answer = reject(packet(six, 0, bytes('3a23 000000000000'))) ?? zeros(0);
    expect(problemsOf(answer)).toEqual([]);
    expect(hex(answer.subarray(54, 56))).toBe('0101');
  });
});
