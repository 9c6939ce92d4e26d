import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatEthernet,
  formatIpv4,
  formatIpv6,
  parseEthernet,
  parseIpv4,
  parseIpv6,
} from '../../engine/lang/addresses.ts';

/** Groups, gaps and embedded IPv4 addresses, mostly put together wrongly. */
const addressLike = fc
  .array(
    fc.constantFrom('0', '1', 'ffff', 'abcd', '00001', 'g', ':', ':', ':', '::', '.', '1.2.3.4', '255.0.0.256', '01'),
    {
      maxLength: 12,
    },
  )
  .map((parts) => parts.join(''));

const ipv6 = fc
  .array(fc.oneof(fc.constant(0), fc.constant(0), fc.constant(0xffff), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
  .map((words) => words.reduce((value, word) => (value << 16n) | BigInt(word), 0n));

describe('addresses', () => {
  it('are accepted exactly where the C library accepts them', () => {
    fc.assert(
      fc.property(fc.oneof(addressLike, fc.ipV4(), fc.ipV6()), (text) => {
        expect(parseIpv4(text) !== undefined).toBe(isIPv4(text));
        expect(parseIpv6(text) !== undefined).toBe(isIPv6(text));
      }),
      { numRuns: 5000 },
    );
  });

  it('come back from their text', () => {
    fc.assert(
      fc.property(ipv6, (value) => {
        expect(parseIpv6(formatIpv6(value))).toBe(value);
        expect(parseIpv4(formatIpv4(value & 0xffffffffn))).toBe(value & 0xffffffffn);
        expect(parseEthernet(formatEthernet(value & 0xffffffffffffn))).toBe(value & 0xffffffffffffn);
      }),
    );
  });

  it.each([
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['0:0:1:0:0:0:2:3', '0:0:1::2:3'],
    ['1:0:0:2:0:0:3:4', '1::2:0:0:3:4'],
    ['1:0:2:0:3:0:4:0', '1:0:2:0:3:0:4:0'],
    ['::ffff:1.2.3.4', '::ffff:1.2.3.4'],
    ['::1.2.3.4', '::1.2.3.4'],
    ['FE80::ABCD', 'fe80::abcd'],
  ])('%s is printed %s', (text, printed) => {
    expect(formatIpv6(parseIpv6(text) ?? -1n)).toBe(printed);
  });
});
