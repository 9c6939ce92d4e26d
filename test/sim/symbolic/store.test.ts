/** Stores, packet by packet of a small domain: what is written, joined, parted and asked backwards. */
import { describe, expect, test } from 'vitest';
import { fieldIndex, packetFields, packetSpace } from '../../../sim/symbolic/index.ts';
import {
  at,
  createStores,
  before as entering,
  headerRewrites,
  joined,
  plainParts,
  read,
  type Store,
  write,
  writeAll,
} from '../../../sim/symbolic/store.ts';
import { composed, constantOf, inputOf, plus, unknownOf } from '../../../sim/symbolic/value.ts';
import { evaluate, type Fields } from './traced.ts';

const space = packetSpace();
const stores = createStores(space);
const { values } = stores;
const [ttl, dscp] = [fieldIndex('ip.ttl'), fieldIndex('ip.dscp')];

/** All packets that differ in hops and class of service: 16 by 16. */
const domain: Fields[] = Array.from({ length: 256 }, (_, n) =>
  packetFields.map((_field, field) => (field === ttl ? BigInt(n >> 4) : field === dscp ? BigInt(n & 15) : 0n)),
);
const low = space.range(ttl, 0n, 7n);
const even = space.cube([{ field: dscp, value: 0n, mask: 1n }]);

const contains = (packet: Fields) => (set: number) => space.contains(set, packet);
const look = (store: Store, place: number, packet: Fields) => evaluate(read(store, place), packet, contains(packet));

const older = write(stores, stores.initial, at.ttl, plus(values, space, inputOf(values, ttl, 8), -1));
const seven = write(stores, stores.initial, at.ttl, constantOf(values, 8, 7n));
/** The hops are the class of service, below two bits of ones. */
const crossed = write(
  stores,
  stores.initial,
  at.ttl,
  composed(values, [
    { kind: 'input', field: dscp, ofs: 0, n: 6 },
    { kind: 'constant', value: 3n, n: 2 },
  ]),
);
const expected: readonly (readonly [Store, (ttl: bigint, dscp: bigint) => bigint])[] = [
  [stores.initial, (hops) => hops],
  [older, (hops) => (hops + 255n) & 255n],
  [seven, () => 7n],
  [crossed, (_, service) => 192n + service],
];

describe('symbolic/store', () => {
  test('stores that are equal are the same, however they came about', () => {
    const there = writeAll(stores, seven, [[at.dscp, constantOf(values, 6, 1n)]]);
    const back = writeAll(stores, there, [
      [at.dscp, read(stores.initial, at.dscp)],
      [at.ttl, read(stores.initial, at.ttl)],
    ]);
    expect(back).toBe(stores.initial);
    expect(write(stores, seven, at.ttl, constantOf(values, 8, 7n))).toBe(seven);
  });

  test('what was joined is for each packet what it was before', () => {
    for (const [a, of] of expected) {
      for (const [b, other] of expected) {
        const both = joined(stores, [
          { store: a, guard: low },
          { store: b, guard: space.not(low) },
        ]);
        for (const packet of domain) {
          const [hops = 0n, service = 0n] = [packet[ttl], packet[dscp]];
          const is = space.contains(low, packet) ? of(hops, service) : other(hops, service);
          expect(look(both, at.ttl, packet)).toBe(is);
        }
        if (a === b) expect(both).toBe(a);
      }
    }
  });

  test('joined twice, too; and parted again, each packet is in one part, looking as it did', () => {
    const once = joined(stores, [
      { store: older, guard: low },
      { store: seven, guard: space.not(low) },
    ]);
    const other = write(stores, crossed, at.dscp, constantOf(values, 6, 9n));
    const twice = joined(stores, [
      { store: once, guard: even },
      { store: other, guard: space.not(even) },
    ]);
    const parts = plainParts(stores, twice, space.all);
    for (const packet of domain) {
      const own = parts.filter(({ packets }) => space.contains(packets, packet));
      expect(own).toHaveLength(1);
      for (const place of [at.ttl, at.dscp]) {
        expect(read(own[0]?.store ?? twice, place).options).toBeUndefined();
        expect(look(own[0]?.store ?? twice, place, packet)).toBe(look(twice, place, packet));
      }
    }
    expect(() => headerRewrites(twice)).toThrow(/plain/);
  });

  test('a set of what packets look like is one of those that entered', () => {
    const together = joined(stores, [
      { store: older, guard: low },
      { store: crossed, guard: space.not(low) },
    ]);
    const sets = [space.range(ttl, 3n, 6n), space.range(ttl, 190n, 199n), space.and(even, space.range(ttl, 0n, 196n))];
    for (const store of [...expected.map(([one]) => one), together]) {
      for (const set of sets) {
        const entered = entering(stores, store, set);
        for (const packet of domain) {
          const now = packet.map((value, field) => (field === ttl ? (look(store, at.ttl, packet) ?? 0n) : value));
          expect(space.contains(entered, packet)).toBe(space.contains(set, now));
        }
      }
    }
  });

  test('of what is not known, what may be in a set is', () => {
    const vague = write(stores, stores.initial, at.ttl, unknownOf(values, 8));
    expect(entering(stores, vague, space.range(ttl, 3n, 3n))).toBe(space.all);
    expect(entering(stores, vague, even)).toBe(even);
  });
});
