import { describe, expect, test } from 'vitest';
import { dhcpv6Answer, optionsIn } from '../../../engine/node/answer/dhcpv6.ts';
import { bytes, type Ends, hex, optionsOf, packet, problemsOf, proto, udp, zeros } from '../../messages.ts';

const ends: Ends = { ethSrc: '00:00:00:00:00:0a', ethDst: '33:33:00:01:00:02', src: 'fe80::a', dst: 'ff02::1:2' };
const clientId = '0001 000a 00030001 00000000000a';
const association = '0003 000c 00001234 00000e10 00001518';
const stored = optionsOf(
  'put_dhcpv6_opts(ia_addr = fd00::4, dns_server = fd00::53, domain_search = "ovn.org", server_id = 00:00:00:00:00:01)',
);
const message = (dhcp: string, tags: number[] = []) =>
  packet(ends, proto.udp, udp(546, 547, bytes(dhcp)), { ttl: 1, tags });

/** RFC 8415 sections 21.4, 21.6; RFC 3646 sections 3 and 4; then the server's DUID-LL. */
const address = '0003 0028 00001234 ffffffff ffffffff 0005 0018 fd000000000000000000000000000004 ffffffff ffffffff';
const others =
  '0017 0010 fd000000000000000000000000000053 0018 0009 07 6f766e2e6f7267 00 0002 000a 0003 0001 000000000001';

describe('an answer', () => {
  test.each([
    ['SOLICIT', 1, 2],
    ['REQUEST', 3, 7],
    ['CONFIRM', 4, 7],
    ['DECLINE', 9, 7],
  ])('to %s', (_, type, reply) => {
    const sent = message(`0${type} aabbcc 0006 0002 0017 ${association} ${clientId}`);
    const { frame, success } = dhcpv6Answer(sent, stored);
    expect(success).toBe(true);
    expect(problemsOf(frame)).toEqual([]);
    expect(hex(frame.subarray(0, 18))).toBe(hex(sent.subarray(0, 18)));
    expect(hex(frame.subarray(20, 58))).toBe(hex(sent.subarray(20, 58)));
    expect(hex(frame.subarray(62))).toBe(hex(bytes(`0${reply} aabbcc ${clientId} ${address} ${others}`)));
  });

  test('to INFORMATION-REQUEST has an address only for an association', () => {
    const without = dhcpv6Answer(message(`0b aabbcc ${clientId}`), stored).frame;
    expect(hex(without.subarray(62))).toBe(hex(bytes(`07 aabbcc ${clientId} ${others}`)));
    const withOne = dhcpv6Answer(message(`0b aabbcc ${clientId} ${association}`, [7]), stored).frame;
    expect(problemsOf(withOne)).toEqual([]);
    expect(hex(withOne.subarray(66))).toBe(hex(bytes(`07 aabbcc ${clientId} ${address} ${others}`)));
  });
});

test('an association may lie about its length, as with OVN', () => {
  for (const length of ['0000', '0028', 'ffff']) {
    const { frame, success } = dhcpv6Answer(message(`01 aabbcc ${clientId} 0003 ${length} 00001234 0000`), stored);
    expect(success).toBe(true);
    expect(hex(frame.subarray(62))).toBe(hex(bytes(`02 aabbcc ${clientId} ${address} ${others}`)));
  }
});

describe('no answer', () => {
  test.each([
    ['RENEW', `05 aabbcc ${clientId} ${association}`],
    ['an unknown type', `ff aabbcc ${clientId} ${association}`],
    ['nobody', `01 aabbcc ${association}`],
    ['no association', `01 aabbcc ${clientId}`],
    ['association 0', `01 aabbcc ${clientId} 0003 000c 00000000 00000000 00000000`],
    ['an association that is cut off', `01 aabbcc ${clientId} 0003 0004 000012`],
    ['an identifier that is cut off', `01 aabbcc ${association} 0001 000a 0003`],
    ['half a header', '01 aabb'],
  ])('to %s', (_, dhcp) => {
    const sent = message(dhcp);
    expect(dhcpv6Answer(sent, stored)).toEqual({ frame: sent, success: false });
  });

  test('without options, or with some that OVN 23.03 does not know', () => {
    const sent = message(`01 aabbcc ${clientId} ${association}`);
    expect(dhcpv6Answer(sent, []).success).toBe(false);
    expect(dhcpv6Answer(sent, optionsOf('put_dhcpv6_opts(bootfile_name = "http://boot")')).success).toBe(false);
    const twoAddresses = optionsOf('put_dhcpv6_opts(ia_addr = {fd00::4, fd00::5})');
    expect(dhcpv6Answer(sent, twoAddresses).success).toBe(false);
  });

  test('over IPv4', () => {
    const sent = packet({ ...ends, src: '10.0.0.1', dst: '10.0.0.2' }, proto.udp, udp(546, 547, zeros(40)));
    expect(dhcpv6Answer(sent, stored)).toEqual({ frame: sent, success: false });
  });
});

test('optionsIn ends where an option is not whole', () => {
  const data = bytes('ffff 0001 0002 61 62 0003 0000 0004 0005 01');
  expect([...optionsIn(data, 2, data.length)].map(({ code, at, next }) => [code, at, next])).toEqual([
    [1, 2, 8],
    [3, 8, 12],
  ]);
});
