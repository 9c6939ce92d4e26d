import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIpv4 } from '../../../engine/lang/index.ts';
import { createSpace, type PacketSet } from '../../../engine/sets/index.ts';
import { addressText, rangesOf } from '../../../sim/answers/ranges.ts';
import { trafficLines, trafficWords } from '../../../sim/answers/words.ts';
import { fieldIndex, packetFields } from '../../../sim/symbolic/fields.ts';

const space = createSpace(packetFields);
const is = (name: string, value: number | bigint): PacketSet =>
  space.range(fieldIndex(name), BigInt(value), BigInt(value));
const between = (name: string, low: number, high: number): PacketSet =>
  space.range(fieldIndex(name), BigInt(low), BigInt(high));
const both = (...sets: PacketSet[]): PacketSet => sets.reduce((a, b) => space.and(a, b));
const ip4 = is('eth.type', 0x800);
const ip6 = is('eth.type', 0x86dd);
const tcp = is('ip.proto', 6);
const net = (name: string, prefix: number): PacketSet => between(name, prefix, prefix + 255);
const words = (set: PacketSet, options = {}) => trafficWords(space, set, options);
const lines = (set: PacketSet, options = {}) => trafficLines(space, set, options);

describe('traffic in short words', () => {
  it.each<[string, PacketSet]>([
    ['nothing', space.empty],
    ['any', space.all],
    ['any IPv4', ip4],
    ['any IP', space.or(ip4, ip6)],
    ['any IPv6, arp', space.or(ip6, is('eth.type', 0x806))],
    ['tcp', both(ip4, tcp)],
    ['tcp/443', both(ip4, tcp, is('tp.dst', 443))],
    ['tcp/80, tcp/8000-8100', both(ip4, tcp, space.or(is('tp.dst', 80), between('tp.dst', 8000, 8100)))],
    ['tcp/443, tcp6/443', both(space.or(ip4, ip6), tcp, is('tp.dst', 443))],
    ['icmp', both(ip4, is('ip.proto', 1))],
    [
      'icmp echo, udp/53',
      space.or(both(ip4, is('ip.proto', 1), is('icmp.type', 8)), both(ip4, is('ip.proto', 17), is('tp.dst', 53))),
    ],
    ['icmp6 neighbor solicitation', both(ip6, is('ip.proto', 58), is('icmp.type', 135))],
    ['IPv4 protocol 47', both(ip4, is('ip.proto', 47))],
    ['Ethernet type 0x88cc', is('eth.type', 0x88cc)],
    ['including tcp/443', both(ip4, tcp, is('tp.dst', 443), net('ip4.src', 0x0a000000))],
  ])('%s', (expected, set) => {
    expect(words(set)).toBe(expected);
  });

  it('speak of what there is at all, where that is told', () => {
    const among = both(ip4, net('ip4.src', 0x0a000000));
    expect(words(both(among, tcp), { among })).toBe('tcp');
    expect(words(among, { among })).toBe('any');
    expect(words(both(among, tcp, is('ip.ttl', 3)), { among })).toBe('including tcp');
  });

  it('are cut off at a number', () => {
    const ports = space.orAll(Array.from({ length: 20 }, (_, n) => is('tp.dst', 100 + 2 * n)));
    expect(words(both(ip4, tcp, ports), { limit: 3 })).toBe('tcp/100, tcp/102, tcp/104 and 17 more');
  });

  it('leave the space as it was', () => {
    const before = space.stats().nodes;
    words(both(ip4, tcp, between('tp.dst', 77, 9999)));
    const set = both(ip4, tcp, between('tp.dst', 78, 9998));
    const after = space.stats().nodes;
    lines(set);
    words(set);
    expect(space.stats().nodes).toBe(after);
    expect(before).toBeLessThanOrEqual(after);
  });
});

describe('lines of traffic', () => {
  const from = net('ip4.src', 0x0a000000);
  const to = net('ip4.dst', 0x0a000100);

  it('name addresses as networks', () => {
    expect(lines(both(ip4, tcp, is('tp.dst', 443), from, to))).toEqual(['tcp/443 from 10.0.0.0/24 to 10.0.1.0/24']);
    expect(lines(both(ip4, is('ip4.dst', 0x0a000105)))).toEqual(['any IPv4 to 10.0.1.5']);
    expect(lines(space.all)).toEqual(['any']);
    expect(lines(space.empty)).toEqual([]);
  });

  it('take a line for each destination that has its own sources', () => {
    const one = both(ip4, tcp, is('ip4.dst', 0x0a000105), from);
    const other = both(ip4, tcp, is('ip4.dst', 0x0a000205), to === 0 ? from : net('ip4.src', 0x0a000900));
    expect(lines(space.or(one, other))).toEqual([
      'tcp from 10.0.0.0/24 to 10.0.1.5',
      'tcp from 10.0.9.0/24 to 10.0.2.5',
    ]);
  });

  it('say so where not all that they name is there', () => {
    expect(lines(both(ip4, tcp, from, is('ip.ttl', 64)))).toEqual(['including tcp from 10.0.0.0/24']);
    expect(lines(both(ip4, tcp, from, is('ip.ttl', 64)), { among: is('ip.ttl', 64) })).toEqual([
      'tcp from 10.0.0.0/24',
    ]);
  });

  it('are cut off at a number', () => {
    const sets = Array.from({ length: 9 }, (_, n) => both(ip4, is('ip.proto', 100 + 2 * n)));
    expect(lines(space.orAll(sets), { limit: 2 })).toEqual(['IPv4 protocol 100', 'IPv4 protocol 102', 'and 7 more']);
  });
});

describe('ranges', () => {
  it('are the values of the field, for any set of them', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 65535 }), { maxLength: 30 }), (values) => {
        const set = space.oneOf(fieldIndex('tp.dst'), values.map(BigInt));
        const listed = rangesOf(space, set, fieldIndex('tp.dst'))?.flatMap(({ low, high }) =>
          Array.from({ length: Number(high - low) + 1 }, (_, n) => Number(low) + n),
        );
        expect(listed).toEqual([...values].sort((a, b) => a - b));
      }),
    );
  });

  it('of many scattered values are not listed', () => {
    const odd = space.cube([{ field: fieldIndex('ip4.dst'), value: 1n, mask: 1n }]);
    expect(rangesOf(space, odd, fieldIndex('ip4.dst'))).toBeUndefined();
    expect(lines(both(ip4, odd))).toEqual(['any IPv4 to many addresses']);
  });

  it('of addresses are written as networks where few are enough', () => {
    const text = (low: number, high: number) => addressText({ low: BigInt(low), high: BigInt(high) }, 32, formatIpv4);
    expect(text(0x0a000000, 0x0a0000ff)).toBe('10.0.0.0/24');
    expect(text(0x0a000005, 0x0a000005)).toBe('10.0.0.5');
    expect(text(0x0a000000, 0x0a000102)).toBe('10.0.0.0/24, 10.0.1.0/31, 10.0.1.2');
    expect(text(0x0a000003, 0x0a00005a)).toBe('10.0.0.3-10.0.0.90');
    expect(text(0, 0xffffffff)).toBe('0.0.0.0/0');
  });
});
