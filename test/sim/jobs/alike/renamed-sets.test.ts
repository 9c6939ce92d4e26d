import { describe, expect, test } from 'vitest';
import { createSpace, type PacketSet, type Space } from '../../../../engine/sets/index.ts';
import { exchangedIn, isBlindTo, namedIn } from '../../../../sim/jobs/alike/renamed-sets.ts';
import { seedAndRuns } from '../../../oracle/seed.ts';

const open = (): Space =>
  createSpace([
    { name: 'kind', width: 2 },
    { name: 'mac', width: 6 },
    { name: 'ip', width: 5 },
    { name: 'rest', width: 2 },
  ]);

/** Every packet there is. */
function* packets(): Generator<bigint[]> {
  for (let kind = 0n; kind < 4n; kind++)
    for (let mac = 0n; mac < 64n; mac++)
      for (let ip = 0n; ip < 32n; ip++) for (let rest = 0n; rest < 4n; rest++) yield [kind, mac, ip, rest];
}

function randomNumbers(start: number): (below: number) => number {
  let state = start;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % below;
  };
}

/** Sets of values that are named, of ranges, and of both. */
function randomSet(space: Space, random: (below: number) => number): PacketSet {
  let set = space.empty;
  for (let n = 0; n < 6; n++) {
    const cube = space.cube(
      [
        { field: 0, value: BigInt(random(4)), mask: random(2) === 0 ? 3n : 0n },
        { field: 1, value: BigInt(random(64)), mask: random(3) === 0 ? 32n : 63n },
        { field: 2, value: BigInt(random(32)), mask: random(3) === 0 ? 0n : 31n },
        { field: 3, value: BigInt(random(4)), mask: BigInt(random(4)) },
      ].map(({ field, value, mask }) => ({ field, value: value & mask, mask })),
    );
    set = random(3) === 0 ? space.diff(set, cube) : space.or(set, cube);
  }
  return random(2) === 0 ? set : space.not(set);
}

const swapped = (pairs: readonly (readonly [bigint, bigint])[]): Map<bigint, bigint> =>
  new Map(pairs.flatMap(([one, other]) => [[one, other] as const, [other, one] as const]));

const { seed, runs } = seedAndRuns(20);

describe('values exchanged in saved sets', () => {
  test.each(Array.from({ length: runs }, (_, n) => n))('exchange those of all packets: %i', (n) => {
    const random = randomNumbers(seed + 7919 * n);
    const space = open();
    const sets = [randomSet(space, random), randomSet(space, random), space.all, space.empty];
    // Both on the same side of the ranges that sets have.
    const macs = swapped([[BigInt(random(32)), BigInt(random(32))]]);
    const ips = swapped([[BigInt(random(16)), BigInt(16 + random(16))]]);
    const there = open();
    const saved = exchangedIn(space.save(sets), [
      { first: space.variableOf(1, 5), bits: 6, values: macs },
      { first: space.variableOf(2, 4), bits: 5, values: ips },
    ]);
    const made = there.load(saved ?? { variables: 0, nodes: [], sets: [] });
    for (const [kind = 0n, mac = 0n, ip = 0n, rest = 0n] of packets()) {
      const renamed = [kind, macs.get(mac) ?? mac, ips.get(ip) ?? ip, rest];
      for (const [index, set] of sets.entries()) {
        const before = space.contains(set, [kind, mac, ip, rest]);
        if (before !== there.contains(made[index] ?? 0, renamed)) {
          expect({ n, index, packet: [kind, mac, ip, rest], before }).toBe('the same for the renamed packet');
        }
      }
    }
  });
});

test('values are told from each other where a set names one of them', () => {
  const space = open();
  const mac = (value: bigint) => space.cube([{ field: 1, value, mask: 63n }]);
  const high = space.cube([{ field: 1, value: 32n, mask: 32n }]);
  const kind = space.cube([{ field: 0, value: 1n, mask: 3n }]);
  const saved = space.save([space.and(kind, space.or(mac(5n), mac(9n))), high]);
  const place = { first: space.variableOf(1, 5), bits: 6 };
  expect([...namedIn(saved, place, [4n, 5n, 6n, 9n, 40n])].sort()).toEqual([4n, 5n, 9n]);
  expect(
    isBlindTo(saved, place, [
      [5n, 9n],
      [6n, 7n, 20n],
    ]),
  ).toBe(true);
  expect(isBlindTo(saved, place, [[5n, 6n]])).toBe(false);
  expect(isBlindTo(saved, place, [[6n, 40n]])).toBe(false);
});
