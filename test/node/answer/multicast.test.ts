import { describe, expect, test } from 'vitest';
import { igmpQuery, mldQuery, readMembership } from '../../../engine/node/answer/multicast.ts';
import {
  be16,
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
  zeros,
} from '../../messages.ts';

const host: Ends = { ethSrc: '00:00:00:00:00:0a', ethDst: '01:00:5e:00:00:16', src: '10.0.0.10', dst: '224.0.0.22' };

/** An IGMP message with its checksum: RFC 3376 section 4.1.2. */
function igmp(message: Uint8Array): Uint8Array {
  const filled = message.slice();
  let sum = 0;
  for (let at = 0; at < filled.length; at += 2) sum += (filled[at] << 8) | (filled[at + 1] ?? 0);
  filled.set(be16(~((sum & 0xffff) + (sum >> 16)) & 0xffff), 2);
  return packet(host, proto.igmp, filled, { ttl: 1, padding: zeros(4) });
}

function mld(type: number, rest: Uint8Array, src = 'fe80::a'): Uint8Array {
  const ends = { ...host, ethDst: '33:33:00:00:00:16', src, dst: 'ff02::16' };
  return packet(ends, proto.icmp6, icmp(type, 0, rest), {
    ttl: 1,
    extensions: bytes('3a00 0502 0000 0000'),
    nextHeader: 0,
  });
}

const read = (frame: Uint8Array) => {
  const message = readMembership(frame);
  return (
    message && { ...message, groups: message.groups.map(({ address, joins }) => `${joins ? '+' : '-'}${hex(address)}`) }
  );
};

describe('IGMP', () => {
  test.each([
    ['a query', '11640000 00000000', 'query', true, []],
    ['a query of version 3', '11640000 00000000 02 7d 0000', 'query', true, []],
    ['a report of version 1', '12000000 ef010203', 'report', false, ['+ef010203']],
    ['a report of version 2', '16000000 ef010203', 'report', false, ['+ef010203']],
    ['a leave', '17000000 ef010203', 'leave', false, ['-ef010203']],
  ] as const)('%s', (_, message, kind, isRouter, groups) => {
    expect(read(igmp(bytes(message)))).toEqual({ kind, isRouter, groups });
  });

  test('reports of version 3: RFC 3376 section 4.2', () => {
    const records = [
      '01 00 0000 ef000001', // includes nobody
      '01 00 0001 ef000002 0a000001',
      '02 00 0000 ef000003', // excludes nobody
      '03 00 0000 ef000004', // includes nobody any more
      '04 01 0000 ef000005 ff', // with a byte of auxiliary data
      '06 00 0000 ef000006',
    ];
    const groups = ['-ef000001', '+ef000002', '+ef000003', '-ef000004', '+ef000005', '+ef000006'];
    const message = igmp(bytes('22000000 0000 0006', ...records));
    expect(read(message)).toEqual({ kind: 'report', isRouter: false, groups });
    expect(read(igmp(bytes('22000000 0000 0002', ...records)))?.groups).toEqual(groups.slice(0, 2));
    expect(read(igmp(bytes('22000000 0000 0006', records[0])))?.groups).toEqual(groups.slice(0, 1));
    expect(read(igmp(bytes('22000000 0000 0003', records[0], '07 00 0000 ef000009', records[2])))?.groups).toEqual([
      '-ef000001',
    ]);
  });

  test('is nothing with a wrong checksum, another type, or cut off', () => {
    const wrong = igmp(bytes('16000000 ef010203'));
    wrong[36] ^= 1;
    expect(readMembership(wrong)).toBeUndefined();
    expect(readMembership(igmp(bytes('13000000 ef010203')))).toBeUndefined();
    expect(readMembership(igmp(bytes('16000000 ef01')))).toBeUndefined();
    expect(readMembership(packet(host, proto.udp, bytes('16000000 ef010203')))).toBeUndefined();
  });
});

describe('MLD', () => {
  const group = 'ff050000000000000000000000010001';

  test.each([
    [130, 'query', true, []],
    [131, 'report', false, [`+${group}`]],
    [132, 'leave', false, [`-${group}`]],
  ] as const)('type %i', (type, kind, isRouter, groups) => {
    expect(read(mld(type, bytes('00000000', group)))).toEqual({ kind, isRouter, groups });
  });

  test('a query from nobody does not show where a router is', () => {
    expect(read(mld(130, bytes('00000000', group), '::'))).toMatchObject({ kind: 'query', isRouter: false });
  });

  test('reports of version 2: RFC 3810 section 5.2', () => {
    const records = [`03 00 0000 ${group}`, `09 00 0001 ${group} ${group}`, `05 00 0001 ${group} ${group}`];
    expect(read(mld(143, bytes('0000 0003', ...records)))).toEqual({
      kind: 'report',
      isRouter: false,
      groups: [`-${group}`, `+${group}`],
    });
  });

  test('is nothing with a wrong checksum or another type', () => {
    const wrong = mld(131, bytes('00000000', group));
    wrong[wrong.length - 1] ^= 1;
    expect(readMembership(wrong)).toBeUndefined();
    expect(readMembership(mld(135, bytes('00000000', group)))).toBeUndefined();
    expect(read(mld(131, bytes('00000000')))).toEqual({ kind: 'report', isRouter: false, groups: [] });
  });
});

describe('a querier', () => {
  const ethSrc = mac('00:00:00:00:77:77');

  test('asks by IGMP: RFC 3376 section 4.1', () => {
    const frame = igmpQuery({ ethSrc, src: ip('10.0.0.77'), maxResponse: 1 });
    expect(problemsOf(frame)).toEqual([]);
    expect(hex(frame.subarray(0, 24))).toBe(hex(bytes('01005e000001 000000007777 0800 4500 0020 0000 4000 01 02')));
    expect(hex(frame.subarray(26))).toBe(hex(bytes('0a00004d e0000001 110a eeeb 00000000 000a 0000')));
    expect(readMembership(frame)).toEqual({ kind: 'query', isRouter: true, groups: [] });
  });

  test('asks by MLD: RFC 3810 section 5.1', () => {
    const frame = mldQuery({ ethSrc, src: ip('fe80::77'), maxResponse: 1 });
    expect(problemsOf(frame)).toEqual([]);
    expect(hex(frame.subarray(0, 22))).toBe(hex(bytes('333300000000 000000007777 86dd 60000000 0024 00 01')));
    expect(hex(concat(frame.subarray(54, 64), frame.subarray(66)))).toBe(
      hex(bytes('3a00 0502 0000 0000 8200 03e8 0000', '00'.repeat(16), '00 01 0000')),
    );
    expect(readMembership(frame)).toEqual({ kind: 'query', isRouter: true, groups: [] });
  });
});
