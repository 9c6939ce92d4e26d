import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  contains,
  firstAddress,
  formatCidr,
  formatIpv4,
  hostCount,
  lastAddress,
  overlap,
  parseCidr,
  parseIpv4,
} from '../engine/address.ts';

const address = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const cidr = fc.record({ address, prefixLength: fc.integer({ min: 0, max: 32 }) });

test('an address is what it is printed as', () => {
  fc.assert(
    fc.property(address, (each) => {
      expect(parseIpv4(formatIpv4(each))).toBe(each);
    }),
  );
  expect(parseIpv4('255.255.255.255')).toBe(0xffffffff);
});

test('a subnet has its addresses and no other', () => {
  fc.assert(
    fc.property(cidr, address, (each, other) => {
      expect(contains(each, each.address)).toBe(true);
      expect(lastAddress(each) - firstAddress(each) + 1).toBe(2 ** (32 - each.prefixLength));
      const shared = Math.clz32((each.address ^ other) >>> 0);
      expect(contains(each, other)).toBe(shared >= each.prefixLength);
      expect(parseCidr(formatCidr(each))).toEqual({ address: firstAddress(each), prefixLength: each.prefixLength });
    }),
  );
});

test('subnets overlap if and only if the shorter prefix holds the other', () => {
  fc.assert(
    fc.property(cidr, cidr, fc.boolean(), (a, b, isNear) => {
      const near = isNear ? { ...b, address: a.address } : b;
      const [wide, narrow] = a.prefixLength < near.prefixLength ? [a, near] : [near, a];
      expect(overlap(a, near)).toBe(contains(wide, narrow.address));
      expect(overlap(near, a)).toBe(overlap(a, near));
    }),
  );
});

test('hosts are all but the first and the last', () => {
  expect([24, 30, 31, 32].map((prefixLength) => hostCount({ address: 0, prefixLength }))).toEqual([254, 2, 0, 0]);
});
