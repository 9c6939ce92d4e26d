import { describe, expect, test } from 'vitest';
import { periodicAdvertisement, routerAdvertisementAnswer } from '../../../engine/node/answer/router-advertisement.ts';
import { bytes, type Ends, hex, icmp, optionsOf, packet, problemsOf, proto, udp, zeros } from '../../messages.ts';

const ends: Ends = { ethSrc: '00:00:00:00:00:0a', ethDst: '33:33:00:00:00:02', src: 'fe80::a', dst: 'ff02::2' };
const solicitation = (type = 133, code = 0) => packet(ends, proto.icmp6, icmp(type, code, zeros(12)), { ttl: 255 });

/** What stands in the advertisement behind its checksum. */
function advertised(options: string, tags: number[] = []): string {
  const sent = packet(ends, proto.icmp6, icmp(133, 0), { ttl: 255, tags });
  const { frame, success } = routerAdvertisementAnswer(sent, optionsOf(`put_nd_ra_opts(${options})`));
  expect(success).toBe(true);
  expect(problemsOf(frame)).toEqual([]);
  const l4 = 54 + 4 * tags.length;
  expect(hex(frame.subarray(0, 12))).toBe(hex(sent.subarray(0, 12)));
  expect(hex(frame.subarray(l4, l4 + 2))).toBe('8600');
  return hex(frame.subarray(l4 + 4));
}

const slla = '0101 000000000001';
const prefix = 'fd000000000000000000000000000000';
const forEver = 'ffffffff ffffffff 00000000';

describe('an answer to a solicitation, RFC 4861 section 4.2', () => {
  test.each([
    [
      'addr_mode = "slaac", slla = 00:00:00:00:00:01, prefix = fd00::/64',
      '00',
      `${slla} 0304 40 c0 ${forEver} ${prefix}`,
    ],
    [
      'addr_mode = "dhcpv6_stateless", slla = 00:00:00:00:00:01, prefix = fd00::/64',
      '40',
      `${slla} 0304 40 c0 ${forEver} ${prefix}`,
    ],
    [
      'addr_mode = "dhcpv6_stateful", slla = 00:00:00:00:00:01, prefix = fd00::/56',
      '80',
      `${slla} 0304 38 80 ${forEver} ${prefix}`,
    ],
    [
      'slla = 00:00:00:00:00:01, prefix = fd00::/64, addr_mode = "dhcpv6_stateful"',
      '80',
      `${slla} 0304 40 c0 ${forEver} ${prefix}`,
    ],
    ['addr_mode = "dhcpv6_stateful", mtu = 1450, slla = 00:00:00:00:00:01', '80', `0501 0000 000005aa ${slla}`],
    ['addr_mode = "dhcpv6_stateful", slla = 00:00:00:00:00:01, router_preference = "HIGH"', '88', slla],
    ['addr_mode = "dhcpv6_stateful", slla = 00:00:00:00:00:01, router_preference = "LOW"', '98', slla],
    ['addr_mode = "dhcpv6_stateful", slla = 00:00:00:00:00:01, router_preference = "MEDIUM"', '80', slla],
    // RFC 8106 section 5.1.
    [
      'addr_mode = "dhcpv6_stateful", slla = 00:00:00:00:00:01, rdnss = fd00::',
      '80',
      `${slla} 1903 0000 ffffffff ${prefix}`,
    ],
  ])('%s', (options, flags, expected) => {
    expect(advertised(options)).toBe(hex(bytes(`ff ${flags} ffff 00000000 00000000 ${expected}`)));
  });

  const stateful = 'addr_mode = "dhcpv6_stateful", slla = 00:00:00:00:00:01';
  const start = `ff 80 ffff 00000000 00000000 ${slla}`;

  test('search domains: RFC 8106 section 5.2', () => {
    expect(advertised(`${stateful}, dnssl = "ovn.org,a..b"`)).toBe(
      // The room is for as many dots as were written, so there are more zeros than needed.
      hex(bytes(`${start} 1f03 0000 ffffffff 03 6f766e 03 6f7267 00 0161 0162 00 0000`)),
    );
    expect(advertised(`${stateful}, dnssl = "${'a'.repeat(246)}"`)).toBe(hex(bytes(start)));
    expect(advertised(`${stateful}, dnssl = "${'a'.repeat(245)}"`).length).toBe(2 * (20 + 256));
  });

  test('routes: RFC 4191 section 2.3', () => {
    const routes = 'HIGH-fd77::11/48,LOW-fd78::/96,MEDIUM-::/0';
    expect(advertised(`${stateful}, route_info = "${routes}"`)).toBe(
      hex(
        bytes(
          `${start} 1802 30 08 ffffffff fd77000000000000 1803 60 18 ffffffff fd780000000000000000000000000000`,
          '1801 00 00 ffffffff',
        ),
      ),
    );
    expect(advertised(`${stateful}, route_info = "HIGH-fd77::/64,LOW-nothing,HIGH-fd78::/64"`)).toBe(
      hex(bytes(`${start} 1802 40 08 ffffffff fd77000000000000`)),
    );
  });

  test('behind a VLAN tag', () => {
    expect(advertised(stateful, [5])).toBe(hex(bytes(start)));
  });

  test('only to a solicitation', () => {
    const options = optionsOf(`put_nd_ra_opts(${stateful})`);
    const four = packet({ ...ends, src: '10.0.0.1', dst: '10.0.0.2' }, proto.icmp6, icmp(133, 0));
    for (const frame of [solicitation(134), solicitation(133, 1), packet(ends, proto.udp, udp(133, 0)), four]) {
      expect(routerAdvertisementAnswer(frame, options)).toEqual({ frame, success: false });
    }
  });
});

describe('a periodic advertisement', () => {
  const port = {
    ipv6_ra_address_mode: 'slaac',
    ipv6_ra_src_eth: '00:00:00:00:00:01',
    ipv6_ra_src_addr: 'fe80::1',
    ipv6_ra_prefixes: 'fd00::1/64',
  };

  test('goes to all nodes', () => {
    const periodic = periodicAdvertisement({ ...port, ipv6_ra_mtu: '1400', ipv6_ra_prf: 'LOW' });
    if (typeof periodic === 'string') throw new Error(periodic);
    expect(problemsOf(periodic.frame)).toEqual([]);
    expect(periodic).toMatchObject({ minInterval: 200, maxInterval: 600 });
    expect(hex(periodic.frame.subarray(0, 54))).toBe(
      hex(
        bytes(
          '333300000001 000000000001 86dd 60000000 0040 3a ff',
          'fe800000000000000000000000000001 ff020000000000000000000000000001',
        ),
      ),
    );
    const start = 'ff 18 ffff 00000000 00000000 0101 000000000001 0501 0000 00000578';
    expect(hex(periodic.frame.subarray(58))).toBe(
      hex(bytes(`${start} 0304 40 c0 ${forEver} fd000000000000000000000000000001`)),
    );
  });

  test.each([
    [{}, 200, 600],
    [{ ipv6_ra_max_interval: '1800' }, 600, 1800],
    [{ ipv6_ra_max_interval: '8' }, 6, 8],
    [{ ipv6_ra_max_interval: '100', ipv6_ra_min_interval: '7' }, 7, 100],
  ])('with %j is sent every so many seconds: RFC 4861 section 6.2.1', (more, minInterval, maxInterval) => {
    expect(periodicAdvertisement({ ...port, ...more })).toMatchObject({ minInterval, maxInterval });
  });

  test.each([
    [{ ipv6_ra_address_mode: 'manual' }, '"manual" is no address mode'],
    [{ ipv6_ra_prefixes: 'fd00::/64 x' }, '"fd00::/64 x" are no prefixes'],
    [{ ipv6_ra_src_eth: '00' }, '"00" is no Ethernet address'],
    [{ ipv6_ra_src_addr: '10.0.0.1' }, '"10.0.0.1" is no IPv6 address'],
    [{ ipv6_ra_rdnss: 'x' }, '"x" is no IPv6 address'],
  ])('with %j is none', (more, why) => {
    expect(periodicAdvertisement({ ...port, ...more })).toBe(why);
  });

  test('of a port that says nothing is none', () => {
    expect(periodicAdvertisement({})).toBe('"" is no address mode');
  });
});
