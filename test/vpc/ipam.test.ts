import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Cidr, formatIpv4, parseCidr, parseIpv4 } from '../../engine/address.ts';
import { allocateMac, gatewayAddress, hostAddresses, macOfName } from '../../engine/vpc/ipam.ts';

/** Addresses and subnets that the tests write down right. */
const ipv4 = (text: string): number => parseIpv4(text) ?? Number.NaN;
const subnet = (text: string): Cidr => parseCidr(text) ?? { address: 0, prefixLength: 32 };

const addresses = (text: string, reserved: string[] = [], excluded: [string, string][] = []): string[] => {
  const ranges = excluded.map(([first, last]) => ({ first: ipv4(first), last: ipv4(last) }));
  return [...hostAddresses(subnet(text), new Set(reserved.map(ipv4)), ranges)].map(formatIpv4);
};

describe('the gateway of a network', () => {
  it('is its first host address', () => {
    expect(formatIpv4(gatewayAddress(subnet('192.178.7.9/16')))).toBe('192.178.0.1');
  });
});

describe('the addresses of a network', () => {
  it('go from the lowest up, without gateway, network and broadcast address', () => {
    expect(addresses('10.0.0.0/29', ['10.0.0.1'])).toEqual([
      '10.0.0.2',
      '10.0.0.3',
      '10.0.0.4',
      '10.0.0.5',
      '10.0.0.6',
    ]);
  });

  it('leave out what is excluded, also where ranges overlap and are not in order', () => {
    const excluded: [string, string][] = [
      ['10.0.0.5', '10.0.0.6'],
      ['10.0.0.2', '10.0.0.3'],
      ['10.0.0.3', '10.0.0.3'],
    ];
    expect(addresses('10.0.0.0/29', ['10.0.0.1'], excluded)).toEqual(['10.0.0.4']);
  });

  it('end where the address space ends', () => {
    expect(addresses('255.255.255.248/29', [], [['255.255.255.250', '255.255.255.255']])).toEqual(['255.255.255.249']);
  });

  it('are never excluded, reserved or given twice', () => {
    const range = fc.tuple(fc.nat(255), fc.nat(255)).map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) }));
    fc.assert(
      fc.property(fc.array(range), fc.uniqueArray(fc.nat(255)), (excluded, reserved) => {
        const given = [...hostAddresses({ address: 0, prefixLength: 24 }, new Set(reserved), excluded)];
        const isFree = (address: number): boolean =>
          !reserved.includes(address) && !excluded.some(({ first, last }) => first <= address && address <= last);
        expect(given).toEqual(Array.from({ length: 254 }, (_, index) => index + 1).filter(isFree));
      }),
    );
  });
});

describe('MAC addresses', () => {
  it('are locally administered, unicast and the same for the same name', () => {
    fc.assert(
      fc.property(fc.string(), (name) => {
        expect(macOfName(name)).toMatch(/^02(:[0-9a-f]{2}){5}$/);
        expect(macOfName(name)).toBe(macOfName(name));
      }),
    );
  });

  it('are never given twice', () => {
    const taken = new Set([macOfName('default/a@n1')]);
    const mac = allocateMac('default/a@n1', taken);
    expect(mac).not.toBe(macOfName('default/a@n1'));
    expect(taken.has(mac)).toBe(true);
  });
});
