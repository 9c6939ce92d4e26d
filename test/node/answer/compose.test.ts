import { expect, test } from 'vitest';
import {
  composeIp,
  fillTransportChecksum,
  ipBytes,
  macBytes,
  pushVlan,
  UDP_CHECKSUM,
  UDP_NEVER,
} from '../../../engine/node/answer/compose.ts';
import { bytes, hex, ip, mac, problemsOf, udp, zeros } from '../../messages.ts';

const way = {
  ethDst: mac('00:00:00:00:00:02'),
  ethSrc: mac('00:00:00:00:00:01'),
  src: ip('10.0.0.1'),
  dst: ip('10.0.0.2'),
};

test('IPv4: RFC 791 section 3.1', () => {
  const frame = composeIp(way, 17, 63, udp(1, 2));
  expect(problemsOf(frame)).toEqual([]);
  expect(hex(frame)).toBe(
    hex(bytes('000000000002 000000000001 0800 4500001c 00004000 3f11 27cf 0a000001 0a000002 0001 0002 0008 0000')),
  );
});

test('IPv6: RFC 8200 section 3', () => {
  const frame = composeIp({ ...way, src: ip('fd00::1'), dst: ip('fd00::2') }, 59, 1, zeros(0));
  expect(hex(frame.subarray(0, 22))).toBe(hex(bytes('000000000002 000000000001 86dd 60000000 0000 3b 01')));
  expect(hex(frame.subarray(22))).toBe(hex(bytes(hex(ip('fd00::1')), hex(ip('fd00::2')))));
});

test('a checksum of 0 is written as UDP wants it: RFC 768', () => {
  // All words add up to 0xffff: addresses 0, protocol and length 17 + 10, then the datagram's own.
  const nobody = { ...way, src: zeros(4), dst: zeros(4) };
  const payload = bytes('0000 0000 000a 0000', hex(Uint8Array.of(0xff, 0xff - 27 - 10)));
  fillTransportChecksum(nobody, 17, payload, UDP_CHECKSUM, UDP_NEVER);
  expect(hex(payload.subarray(6, 8))).toBe('ffff');
  fillTransportChecksum(nobody, 17, payload, UDP_CHECKSUM);
  expect(hex(payload.subarray(6, 8))).toBe('0000');
});

test('a tag stands behind the addresses', () => {
  const frame = bytes('000000000002 000000000001 0800 45');
  expect(hex(pushVlan(frame, 0xffff))).toBe(hex(bytes('000000000002 000000000001 8100 efff 0800 45')));
  expect(pushVlan(frame, undefined)).toBe(frame);
});

test('addresses in text', () => {
  expect(macBytes('0a:00:00:00:00:ff')).toEqual(bytes('0a00000000ff'));
  expect(macBytes('0a:00')).toBeUndefined();
  expect(ipBytes('10.0.0.255')).toEqual(bytes('0a0000ff'));
  expect(ipBytes('fd00::1')).toEqual(ip('fd00::1'));
  expect(ipBytes('fd00::g')).toBeUndefined();
});
