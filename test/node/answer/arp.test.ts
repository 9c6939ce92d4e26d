import { expect, test } from 'vitest';
import { arpRequest, gratuitousArp, reverseArp } from '../../../engine/node/answer/arp.ts';
import { bytes, type Ends, hex, ip, mac, packet, proto, udp } from '../../messages.ts';

const ends: Ends = { ethSrc: '00:00:00:00:00:0a', ethDst: '00:00:00:00:00:0b', src: '10.0.0.10', dst: '10.0.0.99' };

/** RFC 826: hardware 1, protocol 0x0800, sizes 6 and 4, operation 1; then sender and target. */
const request = '0001 0800 06 04 0001 00000000000a 0a00000a 000000000000 0a000063';

test('a packet asks for the address that it goes to', () => {
  const answer = arpRequest(packet(ends, proto.udp, udp(1, 2)));
  expect(answer && hex(answer)).toBe(hex(bytes('00000000000b 00000000000a 0806', request)));
});

test('the VLAN tag stays, without bit 12', () => {
  const answer = arpRequest(packet(ends, proto.udp, udp(1, 2), { tags: [0x7123] }));
  expect(answer && hex(answer)).toBe(hex(bytes('00000000000b 00000000000a 8100 6123 0806', request)));
});

test('what is not IPv4 asks for nothing', () => {
  expect(arpRequest(packet({ ...ends, src: 'fd00::1', dst: 'fd00::2' }, proto.udp, udp(1, 2)))).toBeUndefined();
  expect(arpRequest(gratuitousArp(mac(ends.ethSrc), ip(ends.src)))).toBeUndefined();
});

test('announcements: RFC 5227 section 3, RFC 903', () => {
  expect(hex(gratuitousArp(mac('00:00:00:00:00:0a'), ip('10.0.0.10')))).toBe(
    hex(bytes('ffffffffffff 00000000000a 0806 0001 0800 06 04 0001 00000000000a 0a00000a 000000000000 0a00000a')),
  );
  expect(hex(reverseArp(mac('00:00:00:00:00:0a')))).toBe(
    hex(bytes('ffffffffffff 00000000000a 8035 0001 0800 06 04 0003 00000000000a 00000000 00000000000a 00000000')),
  );
});
