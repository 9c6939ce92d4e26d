import { describe, expect, test } from 'vitest';
import { dhcpv4Options, dhcpv6Options, offeredAddress } from '../../../engine/node/answer/options.ts';
import { bytes, hex, ip, mac, optionsOf, text } from '../../messages.ts';

const four = (options: string): string =>
  hex(dhcpv4Options(optionsOf(`put_dhcp_opts(offerip = 10.0.0.4, ${options})`)));

describe('DHCPv4 options', () => {
  test.each([
    ['netmask = 255.255.255.0', '01 04 ffffff00'],
    ['router = 10.0.0.1', '03 04 0a000001'],
    ['dns_server = {8.8.8.8, 7.7.7.7}', '06 08 08080808 07070707'],
    ['lease_time = 3600', '33 04 00000e10'],
    ['mtu = 1400', '1a 02 0578'],
    ['mtu = 65537', '1a 02 0001'],
    ['default_ttl = 64', '17 01 40'],
    ['ip_forward_enable = 1', '13 01 01'],
    ['domain_name = "ovn.org"', '0f 07 6f766e2e6f7267'],
    ['tftp_server = 10.0.0.9', '42 04 0a000009'],
    ['tftp_server = "tftp"', '42 04 74667470'],
    ['tftp_server_address = {10.0.0.8, 10.0.0.9}', '96 08 0a000008 0a000009'],
    ['arp_cache_timeout = 4294967295', '23 04 ffffffff'],
    ['next_server = 10.0.0.77', 'fd 04 0a00004d'],
    ['wpad = ""', 'fc 00'],
  ])('%s', (options, expected) => {
    expect(four(options)).toBe(hex(bytes(expected)));
  });

  test('classless routes: the examples of RFC 3442', () => {
    const routes = [
      '0.0.0.0/0',
      '10.0.0.0/8',
      '10.0.0.0/24',
      '10.17.0.0/16',
      '10.27.129.0/24',
      '10.229.0.128/25',
      '10.198.122.47',
    ];
    const option = `classless_static_route = {${routes.map((route) => `${route}, 10.0.0.1`).join(', ')}}`;
    const descriptors = ['00', '08 0a', '18 0a0000', '10 0a11', '18 0a1b81', '19 0ae50080', '20 0ac67a2f'];
    const expected = bytes(descriptors.map((descriptor) => `${descriptor} 0a000001`).join(' '));
    expect(four(option)).toBe(hex(bytes('79', expected.length.toString(16), hex(expected))));
  });

  test('a destination without a router is left out', () => {
    expect(four('ms_classless_static_route = {10.0.0.0/8, 10.0.0.1, 11.0.0.0/8}')).toBe(
      hex(bytes('f9 06 080a 0a000001')),
    );
  });

  test('domains share their ends: RFC 3397', () => {
    // The example of RFC 3397 section 2, with the short one first.
    expect(four('domain_search_list = "apple.com,eng.apple.com,marketing.apple.com"')).toBe(
      hex(bytes('77 1d 056170706c6503636f6d00 03656e67c000 096d61726b6574696e67c000')),
    );
    expect(four('domain_search_list = "a.b.c"')).toBe(hex(bytes('77 07 0161 0162 0163 00')));
    expect(four('domain_search_list = ""')).toBe('7700');
    expect(four('domain_search_list = "..a..b.,,"')).toBe(hex(bytes('77 05 0161 0162 00')));
  });

  test('domains that differ in the last character only share it too, as with OVN', () => {
    expect(four('domain_search_list = "example.com,example.con"')).toBe(
      hex(bytes('77 0f 076578616d706c6503636f6d00 c000')),
    );
  });

  test('a domain above 255 bytes leaves nothing', () => {
    expect(four(`domain_search_list = "ovn.org,${'a'.repeat(256)}"`)).toBe('7700');
  });

  test('a text above 255 bytes is cut to what its length says', () => {
    expect(four(`wpad = "${'a'.repeat(258)}"`)).toBe(hex(bytes('fc 02 6161')));
  });

  test('boot files and the next server come first; the rest keeps its order', () => {
    const options = 'router = 10.0.0.1, next_server = 10.0.0.2, bootfile_name_alt = "b", mtu = 1, bootfile_name = "a"';
    expect(four(options)).toBe(hex(bytes('43 01 61  fe 01 62  fd 04 0a000002  03 04 0a000001  1a 02 0001')));
  });

  test('the offered address is apart', () => {
    expect(offeredAddress(optionsOf('put_dhcp_opts(offerip = 10.0.0.4)'))).toBe(0x0a000004);
    expect(offeredAddress([])).toBeUndefined();
  });
});

test('DHCPv6 options', () => {
  const action =
    'put_dhcpv6_opts(ia_addr = fd00::4, dns_server = {fd00::53, fd00::54}, domain_search = "ovn.org", server_id = 00:00:00:00:00:01)';
  expect(dhcpv6Options(optionsOf(action))).toEqual([
    { code: 5, value: ip('fd00::4') },
    { code: 23, value: Uint8Array.from([...ip('fd00::53'), ...ip('fd00::54')]) },
    { code: 24, value: text('ovn.org') },
    { code: 2, value: mac('00:00:00:00:00:01') },
  ]);
});
