import { describe, expect, test } from 'vitest';
import { bfdControl, readBfd } from '../../../engine/node/answer/bfd.ts';
import { bytes, type Ends, hex, ip, mac, packet, problemsOf, proto, tcp, udp } from '../../messages.ts';

const control = {
  state: 'init',
  isFinal: false,
  multiplier: 5,
  myDiscriminator: 0xdeadbeef,
  yourDiscriminator: 7,
  minTx: 1000,
  minRx: 300,
} as const;
const way = { ethSrc: mac('00:00:00:00:00:01'), src: ip('10.0.0.1'), dst: ip('10.0.0.2'), srcPort: 49152 };
const way6 = { ...way, src: ip('fd00::1'), dst: ip('fd00::2') };

/** RFC 5880 section 4.1, from version to the interval of echoes. */
const message = '20 80 05 18 deadbeef 00000007 000f4240 000493e0 00000000';

describe('a control packet', () => {
  test('over IPv4: RFC 5881 section 4', () => {
    const frame = bfdControl(way, control);
    expect(problemsOf(frame)).toEqual([]);
    expect(hex(frame.subarray(0, 24))).toBe(hex(bytes('ffffffffffff 000000000001 0800 4500 0034 0000 4000 ff 11')));
    expect(hex(frame.subarray(34))).toBe(hex(bytes('c000 0ec8 0020 0000', message)));
  });

  test('over IPv6, with a checksum', () => {
    const frame = bfdControl(way6, control);
    expect(problemsOf(frame)).toEqual([]);
    expect(hex(frame.subarray(12, 22))).toBe(hex(bytes('86dd 60000000 0020 11 ff')));
    expect(hex(frame.subarray(62))).toBe(hex(bytes(message)));
  });

  test.each([
    ['admin_down', false, '00'],
    ['down', false, '40'],
    ['up', true, 'd0'],
  ] as const)('in state %s, final: %s', (state, isFinal, flags) => {
    expect(hex(bfdControl(way, { ...control, state, isFinal }).subarray(43, 44))).toBe(flags);
  });

  test.each([way, way6])('is read again', (each) => {
    expect(readBfd(bfdControl(each, control))).toEqual({ ...control, from: each.src, isPoll: false, isDemand: false });
  });
});

describe('what is ignored: RFC 5880 section 6.8.6', () => {
  const ends: Ends = { ethSrc: '00:00:00:00:00:01', ethDst: '00:00:00:00:00:02', src: '10.0.0.1', dst: '10.0.0.2' };
  const received = (text: string, port = 3784) =>
    readBfd(packet(ends, proto.udp, udp(49152, port, bytes(text)), { ttl: 255 }));
  const tail = 'deadbeef 00000007 000f4240 000493e0 00000000';

  test('poll and demand are told', () => {
    expect(received(`20 a2 05 18 ${tail}`)).toMatchObject({ isPoll: true, isDemand: true, isFinal: false });
    expect(received(`20 50 05 18 deadbeef 00000000 000003e7 000007cf 00000000`)).toMatchObject({
      state: 'down',
      isFinal: true,
      minTx: 0,
      minRx: 1,
    });
  });

  test.each([
    ['it has version 2', `40 80 05 18 ${tail}`],
    ['it is authenticated', `20 84 05 18 ${tail}`],
    ['it is cut off', `20 80 05 17 ${tail}`],
    ['it is cut off', '20 80 05 18 deadbeef'],
    ['its multiplier is 0', `20 80 00 18 ${tail}`],
    ['it is for many points', `20 81 05 18 ${tail}`],
    ['its sender does not say which session it is of', '20 80 05 18 00000000 00000007 000f4240 000493e0 00000000'],
    ['it asks and answers at once', `20 b0 05 18 ${tail}`],
    ['it does not say which session it is for', '20 80 05 18 deadbeef 00000000 000f4240 000493e0 00000000'],
    ['it does not say which session it is for', '20 c0 05 18 deadbeef 00000000 000f4240 000493e0 00000000'],
  ])('%s', (why, text) => {
    expect(received(text)).toBe(why);
  });

  test('what is not BFD at all', () => {
    expect(received(`20 80 05 18 ${tail}`, 3785)).toBe('it was sent to port 3785');
    expect(readBfd(packet(ends, proto.tcp, tcp(1, 3784)))).toBe('it is no UDP packet');
    expect(readBfd(bytes('00'))).toBe('it is no IP packet');
  });
});
