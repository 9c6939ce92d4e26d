import { isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatIpv4 } from '../../engine/address.ts';
import {
  eui64Address,
  formatIpv6,
  isDynamicAddress,
  linkLocal,
  macFromNumber,
  macToNumber,
  parseIpAddresses,
  parseIpv4,
  parseIpv4Cidr,
  parseIpv6,
  parseIpv6Cidr,
  parseMac,
  parsePortAddresses,
} from '../../engine/northd/addresses.ts';

test('MAC addresses in any spelling, printed in one', () => {
  expect(parseMac('02:00:00:00:0A:ff')).toBe('02:00:00:00:0a:ff');
  expect(parseMac('2:0:0:0:a:f')).toBe('02:00:00:00:0a:0f');
  for (const text of ['', '02:00:00:00:00', '02:00:00:00:00:00:00', '02:00:00:00:00:0g', '02-00-00-00-00-00']) {
    expect(parseMac(text)).toBeUndefined();
  }
  expect(macFromNumber(macToNumber('fe:dc:ba:98:76:54'))).toBe('fe:dc:ba:98:76:54');
});

test('IPv4 networks, by length and by mask', () => {
  expect(parseIpv4Cidr('10.1.2.3/12')).toMatchObject({
    network: '10.0.0.0',
    broadcast: '10.15.255.255',
    prefixLength: 12,
  });
  expect(parseIpv4Cidr('10.1.2.3/255.240.0.0')).toEqual(parseIpv4Cidr('10.1.2.3/12'));
  expect(parseIpv4Cidr('10.1.2.3/0')).toMatchObject({ network: '0.0.0.0', broadcast: '255.255.255.255' });
  expect(parseIpv4Cidr('10.1.2.3')).toMatchObject({ network: '10.1.2.3', broadcast: '10.1.2.3', prefixLength: 32 });
  for (const text of ['10.1.2', '10.1.2.3.4', '10.1.2.3/33', '10.1.2.3/255.0.255.0', '10.1..3', 'fd00::1', '']) {
    expect(parseIpv4Cidr(text), text).toBeUndefined();
  }
});

test('IPv4 text and number are each other', () => {
  expect(parseIpv4(' 10.\t1.2. 3')).toBe(parseIpv4('10.1.2.3'));
  for (const text of ['10 .1.2.3', '10.1.2.3 ', ' ', '10.1.2. ']) expect(parseIpv4(text), text).toBeUndefined();
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (bits) => parseIpv4(formatIpv4(bits)) === bits));
});

test.each([
  ['::', '::'],
  ['1::', '1::'],
  ['::1', '::1'],
  ['fd00:0:0:1:0:0:0:1', 'fd00:0:0:1::1'],
  ['fd00:0:0:1:1:0:0:1', 'fd00::1:1:0:0:1'],
  ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
  ['::ffff:10.0.0.1', '::ffff:10.0.0.1'],
  ['::10.0.0.1', '::10.0.0.1'],
  ['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
  ['FD00::ABCD', 'fd00::abcd'],
])('IPv6 %s is printed as %s', (text, printed) => {
  expect(formatIpv6(parseIpv6(text) ?? -1n)).toBe(printed);
});

test('IPv6 text and number are each other', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(0, 0, 1, 0xffff), { minLength: 8, maxLength: 8 }), (words) => {
      const bits = words.reduce((value, word) => (value << 16n) | BigInt(word), 0n);
      const text = formatIpv6(bits);
      return isIPv6(text) && parseIpv6(text) === bits;
    }),
  );
});

test('what is not an IPv6 address', () => {
  for (const text of [
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    'g::',
    '12345::',
  ]) {
    expect(parseIpv6(text), text).toBeUndefined();
  }
  expect(parseIpv6Cidr('fd00::/129')).toBeUndefined();
});

test('IPv6 networks and solicited-node groups', () => {
  expect(parseIpv6Cidr('fd00:1:2:3:4:5:6:789a/48')).toMatchObject({
    network: 'fd00:1:2::',
    solicitedNode: 'ff02::1:ff06:789a',
    prefixLength: 48,
  });
  expect(parseIpv6Cidr('fd00::1/ffff:ffff::')).toMatchObject({ network: 'fd00::', prefixLength: 32 });
  expect(parseIpv6Cidr('fd00::1/ffff:0:ffff::')).toBeUndefined();
});

test('addresses made of a MAC address', () => {
  expect(linkLocal('02:00:00:00:0a:01').address).toBe('fe80::ff:fe00:a01');
  expect(linkLocal('00:25:96:12:34:56').address).toBe('fe80::225:96ff:fe12:3456');
  expect(formatIpv6(eui64Address(parseIpv6('fd00:1:2:3:ffff::') ?? 0n, '02:00:00:00:0a:01'))).toBe(
    'fd00:1:2:3:0:ff:fe00:a01',
  );
});

describe("a port's addresses", () => {
  test('are read up to the first word that is none', () => {
    const parsed = parsePortAddresses(' 2:0:0:0:0:1  10.0.0.1/24 fd00::1 rubbish 10.0.0.2');
    expect(parsed?.complete).toBe(false);
    expect(parsed?.addresses.mac).toBe('02:00:00:00:00:01');
    expect(parsed?.addresses.ipv4.map(({ address }) => address)).toEqual(['10.0.0.1']);
    expect(parsed?.addresses.ipv6.map(({ address }) => address)).toEqual(['fd00::1']);
  });

  test('need a MAC address', () => {
    expect(parsePortAddresses('10.0.0.1')).toBeUndefined();
    expect(parsePortAddresses('unknown')).toBeUndefined();
    expect(parsePortAddresses('02:00:00:00:00:011')).toBeUndefined();
  });

  test('without a MAC address are all addresses or nothing', () => {
    expect(parseIpAddresses('10.0.0.1 fd00::1')?.ipv6).toHaveLength(1);
    expect(parseIpAddresses('10.0.0.1 x')).toBeUndefined();
  });
});

test('the forms of dynamic', () => {
  const forms = [
    'dynamic',
    '02:00:00:00:00:01 dynamic',
    'dynamic 10.0.0.1',
    'dynamic fd00::1',
    'dynamic 10.0.0.1 fd00::1',
  ];
  for (const text of forms) expect(isDynamicAddress(text), text).toBe(true);
  const others = [
    '',
    'dynamic x',
    'dynamic fd00::1 10.0.0.1',
    'x dynamic',
    '02:00:00:00:00:01',
    'dynamic 10.0.0.1 fd00::1 x',
  ];
  for (const text of others) expect(isDynamicAddress(text), text).toBe(false);
});
