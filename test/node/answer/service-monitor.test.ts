import { describe, expect, test } from 'vitest';
import {
  answersProbe,
  readServiceAnswer,
  tcpProbe,
  tcpProbeEnd,
  udpProbe,
} from '../../../engine/node/answer/service-monitor.ts';
import {
  bytes,
  concat,
  type Ends,
  hex,
  icmp,
  ip,
  mac,
  packet,
  problemsOf,
  proto,
  tcp,
  udp,
  zeros,
} from '../../messages.ts';

const service = {
  ethSrc: mac('00:00:00:00:99:99'),
  ethDst: mac('00:00:00:00:00:0f'),
  src: ip('10.5.0.200'),
  dst: ip('10.5.0.10'),
  srcPort: 0x9999,
  dstPort: 8080,
};
const back: Ends = { ethSrc: '00:00:00:00:00:0f', ethDst: '00:00:00:00:99:99', src: '10.5.0.10', dst: '10.5.0.200' };

describe('a probe', () => {
  test('of TCP is a SYN: RFC 9293 section 3.1', () => {
    const frame = tcpProbe(service, 0x01020304);
    expect(problemsOf(frame)).toEqual([]);
    expect(hex(frame.subarray(0, 24))).toBe(hex(bytes('00000000000f 000000009999 0800 4500 0028 0000 4000 3f 06')));
    expect(hex(frame.subarray(26, 50))).toBe(hex(bytes('0a0500c8 0a05000a 9999 1f90 01020304 00000000 5002 fe88')));
  });

  test('of UDP are eight zeros without a checksum', () => {
    const frame = udpProbe(service);
    expect(problemsOf(frame)).toEqual([]);
    expect(hex(frame.subarray(12, 24))).toBe(hex(bytes('0800 4500 0024 0000 4000 3f 11')));
    expect(hex(frame.subarray(34))).toBe(hex(bytes('9999 1f90 0010 0000 0000000000000000')));
  });
});

describe('an answer', () => {
  const reply = (flags: number, seq = 0xffffffff) =>
    packet(back, proto.tcp, tcp(8080, 0x9999, { flags, seq, ack: 0x01020305 }));

  test.each([
    [0x12, 'accepted'],
    [0x14, 'refused'],
    [0x04, 'refused'],
    [0x16, 'accepted'],
    [0x10, 'nothing'],
  ])('with flags %i says: %s', (flags, says) => {
    expect(readServiceAnswer(reply(flags))).toEqual({
      protocol: 'tcp',
      ip: service.dst,
      port: 8080,
      monitorPort: 0x9999,
      sequence: 0xffffffff,
      acknowledged: 0x01020305,
      says,
    });
  });

  test('that accepts is ended with an RST', () => {
    const answer = readServiceAnswer(reply(0x12));
    if (answer?.protocol !== 'tcp') throw new Error('it is no answer of TCP');
    const frame = tcpProbeEnd(service, answer);
    expect(problemsOf(frame)).toEqual([]);
    expect(hex(frame.subarray(34, 50))).toBe(hex(bytes('9999 1f90 01020306 00000000 5014 fe88')));
  });

  test('belongs to a probe by port and number', () => {
    const answer = readServiceAnswer(reply(0x12));
    if (!answer) throw new Error('it is an answer');
    expect(answersProbe(answer, 0x9999, 0x01020304)).toBe(true);
    expect(answersProbe(answer, 0x9998, 0x01020304)).toBe(false);
    expect(answersProbe(answer, 0x9999, 0x01020305)).toBe(false);
    if (answer.protocol !== 'tcp') throw new Error('it is no answer of TCP');
    expect(answersProbe({ ...answer, acknowledged: 0 }, 0x9999, 0xffffffff)).toBe(true);
  });

  const refusal = (type: number, code: number, quoted: Uint8Array) =>
    packet(back, proto.icmp, icmp(type, code, concat(zeros(4), quoted)));
  const quoted = udpProbe(service).subarray(14);

  test('about a UDP probe is an ICMP error: RFC 792', () => {
    const answer = readServiceAnswer(refusal(3, 3, quoted));
    expect(answer).toEqual({ protocol: 'udp', ip: service.dst, port: 8080, monitorPort: 0x9999 });
    expect(answer && answersProbe(answer, 0x9999, 0)).toBe(true);
    expect(answer && answersProbe(answer, 1, 0)).toBe(false);
  });

  test.each([
    ['another type', refusal(11, 3, quoted)],
    ['another code', refusal(3, 1, quoted)],
    ['another length', refusal(3, 3, concat(bytes('45000025'), quoted.subarray(4)))],
    ['half a packet', refusal(3, 3, quoted.subarray(0, 27))],
    ['a datagram', packet(back, proto.udp, udp(8080, 0x9999, zeros(40)))],
    ['half a segment', packet(back, proto.tcp, tcp(1, 2).subarray(0, 19))],
    ['IPv6', packet({ ...back, src: 'fd00::1', dst: 'fd00::2' }, proto.tcp, tcp(1, 2))],
  ])('is not %s', (_, frame) => {
    expect(readServiceAnswer(frame)).toBeUndefined();
  });
});
