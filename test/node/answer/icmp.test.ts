import { describe, expect, test } from 'vitest';
import { icmpError, putFragmentMtu } from '../../../engine/node/answer/icmp.ts';
import { bytes, concat, type Ends, hex, icmp, packet, problemsOf, proto, tcp, udp, zeros } from '../../messages.ts';

const four: Ends = { ethSrc: '00:00:00:00:00:0a', ethDst: '00:00:00:00:00:0b', src: '10.0.0.10', dst: '10.0.1.10' };
const six: Ends = { ...four, src: 'fd00::10', dst: 'fd01::10' };
const plain = { tellsPort: true, turns: false };

function error(frame: Uint8Array, form = plain): Uint8Array {
  const answer = icmpError(frame, form);
  if (!answer) throw new Error('no error');
  return answer;
}

describe('ICMP for IPv4, RFC 792', () => {
  test("goes on with the packet as its data, TTL 255 and Don't Fragment", () => {
    const sent = packet(four, proto.tcp, tcp(1, 2), { tos: 0xb8, padding: zeros(6) });
    const answer = error(sent);
    expect(problemsOf(answer)).toEqual([]);
    expect(hex(answer.subarray(0, 24))).toBe(hex(bytes('00000000000b 00000000000a 0800 4500 0044 0000 4000 ff 01')));
    expect(hex(answer.subarray(26, 36))).toBe(hex(bytes('0a00000a 0a00010a 0301')));
    expect(hex(answer.subarray(38))).toBe(hex(concat(zeros(4), sent.subarray(14, 54))));
  });

  test('the code tells of a port where it may', () => {
    const sent = packet(four, proto.udp, udp(1, 2));
    expect(error(sent)[35]).toBe(3);
    expect(error(sent, { tellsPort: false, turns: false })[35]).toBe(1);
  });

  test('turned round it goes to the sender', () => {
    const answer = error(packet(four, proto.udp, udp(1, 2)), { tellsPort: true, turns: true });
    expect(problemsOf(answer)).toEqual([]);
    expect(hex(answer.subarray(0, 12))).toBe('00000000000a00000000000b');
    expect(hex(answer.subarray(26, 34))).toBe('0a00010a0a00000a');
  });

  test('is no longer than 576 bytes', () => {
    for (const [length, expected] of [
      [505, 575],
      [506, 576],
      [507, 576],
      [1472, 576],
    ]) {
      expect(error(packet(four, proto.udp, udp(1, 2, zeros(length)))).length).toBe(expected);
    }
  });
});

describe('ICMP for IPv6, RFC 4443', () => {
  test('goes on with the packet as its data', () => {
    const sent = packet(six, proto.tcp, tcp(1, 2), { tos: 0xb8 });
    const answer = error(sent);
    expect(problemsOf(answer)).toEqual([]);
    expect(hex(answer.subarray(12, 22))).toBe(hex(bytes('86dd 60000000 0044 3a ff')));
    expect(hex(answer.subarray(54, 56))).toBe('0101');
    expect(hex(answer.subarray(58))).toBe(hex(concat(zeros(4), sent.subarray(14))));
  });

  test('looks no further than the first next header', () => {
    expect(error(packet(six, proto.udp, udp(1, 2)))[55]).toBe(4);
    const extensions = bytes('1100 0104 0000 0000');
    expect(error(packet(six, proto.udp, udp(1, 2), { extensions, nextHeader: 60 }))[55]).toBe(1);
  });

  test('is no longer than 1 280 bytes', () => {
    for (const [length, expected] of [
      [1169, 1279],
      [1170, 1280],
      [1171, 1280],
    ]) {
      expect(error(packet(six, proto.udp, udp(1, 2, zeros(length)))).length).toBe(expected);
    }
  });
});

test('the VLAN tag stays', () => {
  const answer = error(packet(six, proto.udp, udp(1, 2), { tags: [0x3005] }));
  expect(hex(answer.subarray(12, 18))).toBe('8100200586dd');
  expect(problemsOf(answer)).toEqual([]);
});

describe('putFragmentMtu', () => {
  test('writes 16 bits into ICMP: RFC 1191 section 4', () => {
    const sent = packet(four, proto.icmp, icmp(3, 4, concat(zeros(4), zeros(29).fill(0xa5))));
    for (const mtu of [0, 576, 1500, 0xffff]) {
      const changed = putFragmentMtu(sent, mtu);
      expect(problemsOf(changed)).toEqual([]);
      expect(hex(changed.subarray(38, 42))).toBe(`0000${mtu.toString(16).padStart(4, '0')}`);
      expect(changed.subarray(42)).toEqual(sent.subarray(42));
    }
  });

  test('writes 32 bits into ICMPv6: RFC 4443 section 3.2', () => {
    const sent = packet(six, proto.icmp6, icmp(2, 0, zeros(45).fill(0xa5)));
    const changed = putFragmentMtu(sent, 0x10203);
    expect(problemsOf(changed)).toEqual([]);
    expect(hex(changed.subarray(58, 62))).toBe('00010203');
    expect(changed.subarray(62)).toEqual(sent.subarray(62));
  });

  test('leaves alone what is no ICMP', () => {
    for (const sent of [packet(four, proto.udp, udp(1, 2)), packet(four, proto.icmp6, icmp(2, 0)), zeros(20)]) {
      expect(putFragmentMtu(sent, 1500)).toBe(sent);
    }
  });
});

test('what is no packet has no error', () => {
  expect(icmpError(bytes('ffffffffffff 00000000000a 0806 0001'), plain)).toBeUndefined();
});
