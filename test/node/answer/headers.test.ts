import { describe, expect, test } from 'vitest';
import { portsOf, readIp, udpPayload } from '../../../engine/node/answer/headers.ts';
import { be16, bytes, concat, type Ends, packet, proto, tcp, udp, zeros } from '../../messages.ts';

const four: Ends = { ethSrc: '00:00:00:00:00:01', ethDst: '00:00:00:00:00:02', src: '10.0.0.1', dst: '10.0.0.2' };
const six: Ends = { ...four, src: 'fd00::1', dst: 'fd00::2' };
const datagram = udp(1, 2, zeros(4));

describe('readIp finds', () => {
  test('IPv4, its options and the padding', () => {
    const frame = packet(four, proto.udp, datagram, { padding: zeros(14) });
    expect(readIp(frame)).toEqual({ family: 4, tci: undefined, l3: 14, l4: 34, end: 46, proto: 17 });
    const withOptions = concat(frame.subarray(0, 34), bytes('94040000'), datagram);
    withOptions[14] = 0x46;
    withOptions.set(be16(36), 16);
    expect(readIp(withOptions)).toMatchObject({ l4: 38, end: 50 });
  });

  test.each([
    [[0x2005], 18, 0x2005],
    [[0x2005, 0x0006], 22, 0x2005],
  ])('what is behind tags %j', (tags, l3, tci) => {
    const frame = packet(four, proto.udp, datagram, { tags });
    expect(readIp(frame)).toMatchObject({ l3, tci });
    frame.set(bytes('88a8'), 12);
    expect(readIp(frame)).toMatchObject({ l3, tci });
  });

  test('nothing behind three tags', () => {
    expect(readIp(packet(four, proto.udp, datagram, { tags: [1, 2, 3] }))).toBeUndefined();
  });

  test('what is behind LLC and SNAP (RFC 1042)', () => {
    const plain = packet(four, proto.udp, datagram);
    const snap = concat(plain.subarray(0, 12), be16(40), bytes('aaaa03000000'), plain.subarray(12));
    expect(readIp(snap)).toMatchObject({ family: 4, l3: 22 });
    snap[17] = 1;
    expect(readIp(snap)).toBeUndefined();
  });

  test('IPv6 behind its extensions', () => {
    const hopByHop = bytes('3c00 0502 0000 0000');
    const options = bytes('3301 0104 0000 0000 0104 0000 0000 0000');
    const authentication = bytes('1104 0000 00000001 00000001', '00'.repeat(12));
    const extensions = concat(hopByHop, options, authentication);
    const frame = packet(six, proto.udp, datagram, { extensions, nextHeader: 0 });
    expect(readIp(frame)).toEqual({ family: 6, tci: undefined, l3: 14, l4: 54 + 8 + 16 + 24, end: 114, proto: 17 });
  });

  test('fragments of IPv6: the first has a transport header, later ones have none', () => {
    const first = packet(six, proto.udp, datagram, { extensions: bytes('1100 0001 00000007'), nextHeader: 44 });
    expect(readIp(first)).toMatchObject({ proto: 17, l4: 62 });
    const later = packet(six, proto.udp, datagram, { extensions: bytes('1100 0008 00000007'), nextHeader: 44 });
    expect(readIp(later)).toMatchObject({ proto: 44, l4: 62 });
  });
});

describe('readIp finds nothing in', () => {
  const valid = packet(four, proto.udp, datagram);
  const changed = (at: number, ...values: number[]) => {
    const frame = valid.slice();
    frame.set(values, at);
    return frame;
  };

  test.each([
    ['an empty frame', zeros(0)],
    ['ARP', changed(12, 8, 6)],
    ['a header of 16 bytes', changed(14, 0x44)],
    ['a length below the header', changed(16, 0, 19)],
    ['a length behind the frame', changed(16, 0, 33)],
    ['a header that is longer than the packet', changed(14, 0x4f)],
  ])('%s', (_, frame) => {
    expect(readIp(frame)).toBeUndefined();
  });

  test('packets that are cut off anywhere', () => {
    const extensions = bytes('3c00 0502 0000 0000 1100 0104 0000 0000');
    for (const frame of [valid, packet(six, proto.udp, datagram, { extensions, nextHeader: 0, tags: [5] })]) {
      expect(readIp(frame)).toBeDefined();
      for (let length = 0; length < frame.length; length++) expect(readIp(frame.subarray(0, length))).toBeUndefined();
    }
  });

  test('an extension that is longer than the packet', () => {
    const extensions = bytes('11ff 0104 0000 0000');
    expect(readIp(packet(six, proto.udp, datagram, { extensions, nextHeader: 60 }))).toBeUndefined();
  });
});

test('udpPayload ends where UDP or the packet does', () => {
  const frame = packet(four, proto.udp, datagram, { padding: zeros(3) });
  const ip = readIp(frame);
  if (!ip) throw new Error('it is IP');
  expect(udpPayload(frame, ip)).toEqual({ at: 42, end: 46 });
  frame.set(be16(10), 38);
  expect(udpPayload(frame, ip)).toEqual({ at: 42, end: 44 });
  frame.set(be16(100), 38);
  expect(udpPayload(frame, ip)).toEqual({ at: 42, end: 46 });
  expect(udpPayload(frame, { ...ip, proto: proto.tcp })).toBeUndefined();
  expect(udpPayload(frame, { ...ip, end: 41 })).toBeUndefined();
});

describe('portsOf', () => {
  const of = (protocol: number, payload: Uint8Array) => {
    const frame = packet(four, protocol, payload);
    const found = readIp(frame);
    return found && portsOf(frame, found);
  };
  const none = { src: 0, dst: 0, flags: 0 };

  test('reads what is whole', () => {
    expect(of(proto.udp, udp(1, 2))).toEqual({ src: 1, dst: 2, flags: 0 });
    expect(of(proto.udp, udp(1, 2).subarray(0, 7))).toEqual(none);
    expect(of(proto.sctp, zeros(12).fill(1))).toEqual({ src: 257, dst: 257, flags: 0 });
    expect(of(proto.sctp, zeros(11).fill(1))).toEqual(none);
    expect(of(proto.tcp, tcp(1, 2).subarray(0, 19))).toEqual(none);
    expect(of(47, zeros(20).fill(1))).toEqual(none);
  });

  test('has none in a later fragment', () => {
    for (const fragment of [0x2000, 0x2001]) {
      const frame = packet(four, proto.udp, datagram, { fragment });
      const found = readIp(frame);
      expect(found && portsOf(frame, found)).toEqual(fragment === 0x2000 ? { src: 1, dst: 2, flags: 0 } : none);
    }
  });

  test.each([
    [0x00, none],
    [0x40, none],
    [0x5f, { src: 1, dst: 2, flags: 0xf02 }],
    [0x60, { src: 1, dst: 2, flags: 2 }],
    [0x70, none],
  ])('where TCP begins its data at %i', (offset, expected) => {
    const segment = tcp(1, 2, { flags: 2 }, zeros(4));
    segment[12] = offset;
    expect(of(proto.tcp, segment)).toEqual(expected);
  });
});
