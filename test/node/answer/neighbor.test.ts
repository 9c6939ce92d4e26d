import { describe, expect, test } from 'vitest';
import { linkLocal, neighborAdvertisement, neighborSolicitation } from '../../../engine/node/answer/neighbor.ts';
import { bytes, concat, type Ends, hex, icmp, ip, mac, packet, problemsOf, proto, udp, zeros } from '../../messages.ts';

const ends: Ends = {
  ethSrc: '02:00:00:00:00:0a',
  ethDst: '33:33:ff:56:78:9a',
  src: 'fd00::10',
  dst: 'ff02::1:ff56:789a',
};
const target = 'fd00::1234:5678:9a';

function solicitation(type = 135, code = 0, data = concat(zeros(4), ip(target)), tags: number[] = []): Uint8Array {
  return packet(ends, proto.icmp6, icmp(type, code, data), { ttl: 255, tags });
}

test('a packet asks for the address that it goes to, from the link-local address: RFC 4861 section 4.3', () => {
  const sent = packet({ ...ends, ethDst: '00:00:00:00:00:00', dst: target }, proto.udp, udp(1, 2), { tags: [5] });
  const answer = neighborSolicitation(sent) ?? zeros(0);
  expect(problemsOf(answer)).toEqual([]);
  expect(hex(answer.subarray(0, 54))).toBe(
    hex(
      concat(
        bytes('3333ff78009a 02000000000a 86dd 60000000 0020 3a ff'),
        bytes('fe80000000000000 000000fffe00000a'),
        bytes('ff02000000000000 00000001ff78009a'),
      ),
    ),
  );
  expect(hex(answer.subarray(54, 56))).toBe('8700');
  expect(hex(answer.subarray(58))).toBe(hex(concat(zeros(4), ip(target), bytes('0101 02000000000a'))));
});

describe.each([
  [false, '60000000'],
  [true, 'e0000000'],
])('the answer to a solicitation, from a router: %s', (isRouter, flags) => {
  test('says who has the target: RFC 4861 section 4.4', () => {
    for (const sent of [solicitation(), solicitation(136), solicitation(135, 0, concat(zeros(4), ip(target)), [7])]) {
      const answer = neighborAdvertisement(sent, isRouter) ?? zeros(0);
      expect(problemsOf(answer)).toEqual([]);
      expect(hex(answer.subarray(0, 14))).toBe(hex(bytes('02000000000a 3333ff56789a 86dd')));
      expect(hex(answer.subarray(22, 54))).toBe(hex(concat(ip(target), ip(ends.src))));
      expect(hex(answer.subarray(58))).toBe(hex(concat(bytes(flags), ip(target), bytes('0201 3333ff56789a'))));
    }
  });
});

test('nothing else is answered', () => {
  for (const sent of [
    solicitation(133),
    solicitation(135, 1),
    solicitation(135, 0, zeros(16)),
    packet(ends, proto.udp, udp(1, 2, zeros(20))),
  ]) {
    expect(neighborAdvertisement(sent, false)).toBeUndefined();
  }
  const four = packet({ ...ends, src: '10.0.0.1', dst: '10.0.0.2' }, proto.udp, udp(1, 2));
  expect(neighborSolicitation(four)).toBeUndefined();
  expect(neighborAdvertisement(four, false)).toBeUndefined();
});

test('the link-local address of a MAC address: RFC 4291 appendix A', () => {
  expect(linkLocal(mac('34:56:78:9a:bc:de'))).toEqual(ip('fe80::3656:78ff:fe9a:bcde'));
});
