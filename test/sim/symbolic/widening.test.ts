/** Following widely by itself: nothing of what was possible is lost, and what is given up is given up in its order. */
import { describe, expect, test } from 'vitest';
import { at, read } from '../../../sim/symbolic/index.ts';
import { changed } from '../../../sim/symbolic/passage.ts';
import type { Run } from '../../../sim/symbolic/run.ts';
import { nothingUsed, packetsOf, type State } from '../../../sim/symbolic/state.ts';
import { type Store, write } from '../../../sim/symbolic/store.ts';
import { choiceOf, constantOf, replaced, sliceOf, unknownOf, type Value } from '../../../sim/symbolic/value.ts';
import { isWide, joinedWidely, likeness, relaxed, slim, widened } from '../../../sim/symbolic/widening.ts';
import { trialOf } from './runs.ts';

const { run, state, is } = trialOf({ ports: { a: {} }, flows: ['0 0 1 => drop;'] });
const { space, stores } = run;
const { values, initial } = stores;
const second: Run = { ...run, connections: { kind: 'any', knowledge: new Map(), isSecond: true } };

const with_ = (place: number, value: number, store = initial): Store =>
  write(stores, store, place, constantOf(values, read(initial, place).width, BigInt(value)));
const inexact = with_(at.inexact, 1);
const past = (group: readonly State[]): Pick<State, 'used' | 'trail'> => {
  const [{ used, trail }] = group as readonly [State];
  return { used, trail };
};
const opened = changed(run.passages, run.passages.initial, {
  commits: [
    {
      zone: 'z',
      before: initial,
      after: initial,
      mark: constantOf(values, 32, 0n),
      label: constantOf(values, 128, 0n),
    },
  ],
});

describe('packets are followed widely', () => {
  test('once they are', () => {
    const wide: State = { ...state(), used: { ...nothingUsed, wide: true } };
    expect([isWide(run, state()), isWide(run, wide), isWide(second, wide)]).toEqual([false, true, true]);
  });

  test('in the second pass where they are not exact, and not before', () => {
    expect([isWide(run, state(space.all, inexact)), isWide(second, state(space.all, inexact))]).toEqual([false, true]);
    expect(isWide(second, state())).toBe(false);
  });
});

describe('from then on', () => {
  test('they are inexact, have any time to live, and are told nothing of their own', () => {
    const wide = relaxed(run, state(is('ip.proto', 6), with_(at.ip4Dst, 5)));
    expect(read(wide.store, at.inexact).constant).toBe(1n);
    expect(read(wide.store, at.ttl).vague).toBe(true);
    expect(read(wide.store, at.ip4Dst).constant).toBe(5n);
    expect(packetsOf(run, wide)).toBe(is('ip.proto', 6));
    expect(isWide(run, wide)).toBe(true);
    expect(relaxed(run, wide).store).toBe(wide.store);
  });

  test('in the second pass they forget what they opened, and one unknown is like another', () => {
    const vague = (): Store => write(stores, initial, at.ip4Dst, unknownOf(values, 32));
    const one = relaxed(second, { ...state(space.all, vague()), passage: opened });
    expect(one.passage.commits).toEqual([]);
    expect(relaxed(second, state(space.all, vague())).store).toBe(one.store);
    const kept = relaxed(run, { ...state(space.all, vague()), passage: opened });
    expect(kept.passage).toBe(opened);
    expect(relaxed(run, state(space.all, vague())).store).not.toBe(kept.store);
  });

  test('they let go of what was answered on their way where they are a large set, but for whether neighbours are known', () => {
    const ways = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
    const way = (n: number): number => space.and(is('tp.src', n), is('neighbor.0.known', n % 2));
    const told = (n: number): number => space.and(way(n), is('neighbor.0.mac', (n + 1) * 0x9e3779b97f));
    const many = state(space.orAll(ways(300).map(told)));
    expect(packetsOf(run, slim(run, many))).toBe(space.orAll(ways(300).map(way)));
    const few = state(space.orAll(ways(30).map(told)));
    expect(slim(run, few)).toBe(few);
  });

  test('of a value that is unknown for some packets, it stays known for the others', () => {
    const tcp = is('ip.proto', 6);
    const five = constantOf(values, 32, 5n);
    const value = choiceOf(values, space, [
      { packets: tcp, value: five },
      { packets: space.not(tcp), value: unknownOf(values, 32) },
    ]);
    const { options = [] } = read(
      relaxed(second, state(space.all, write(stores, initial, at.ip4Dst, value))).store,
      at.ip4Dst,
    );
    expect(options.find(({ packets }) => packets === tcp)?.value).toBe(five);
    expect(options.find(({ packets }) => packets === space.not(tcp))?.value.vague).toBe(true);
  });
});

test('two stores are one: what differs is unknown, and the rest as it was', () => {
  const [a, b] = [with_(at.ip4Dst, 1, with_(at.tpDst, 53)), with_(at.ip4Dst, 2, with_(at.tpDst, 53))];
  const both = widened(run, a, b);
  expect(read(both, at.ip4Dst).vague).toBe(true);
  expect(both).toBe(write(stores, a, at.ip4Dst, read(both, at.ip4Dst)));
  expect(widened(run, a, a)).toBe(a);
  expect(widened(run, both, a)).toBe(both);
});

describe('registers', () => {
  const [address, hop] = [constantOf(values, 32, 7n), unknownOf(values, 32)];
  /** A router's own address in reg1 (bits 64 to 95), the next hop in reg0. */
  const routed = (next: Value): Store => {
    const own = replaced(values, space, read(initial, at.xxreg0), 64, address);
    return write(stores, initial, at.xxreg0, replaced(values, space, own, 96, next));
  };
  const ownIn = (store: Store) => sliceOf(values, space, read(store, at.xxreg0), 64, 32).constant;
  const hopIn = (store: Store) => sliceOf(values, space, read(store, at.xxreg0), 96, 32).vague;

  test('are given up by their parts: what is the same stays known', () => {
    const both = widened(run, routed(constantOf(values, 32, 1n)), routed(constantOf(values, 32, 2n)));
    expect([ownIn(both), hopIn(both)]).toEqual([7n, true]);
  });

  test('are as unknown as their parts are', () => {
    const { store } = relaxed(second, state(space.all, routed(hop)));
    expect([ownIn(store), hopIn(store)]).toEqual([7n, true]);
    expect(relaxed(second, state(space.all, routed(unknownOf(values, 32)))).store).toBe(store);
  });
});

test('ARP is never followed widely', () => {
  const arp = with_(at.ethType, 0x806, inexact);
  expect([isWide(second, state(space.all, inexact)), isWide(second, state(space.all, arp))]).toEqual([true, false]);
  expect(isWide(run, { ...state(space.all, arp), used: { ...nothingUsed, wide: true } })).toBe(false);
});

/** So many states of one table are kept apart. */
const most = 64;

describe('states of one table', () => {
  /** So many, each with another value in a place, and of other packets. */
  const many = (place: number, count: number): State[] =>
    Array.from({ length: count }, (_, n) => state(is('tp.src', n), with_(place, n + 1)));

  test.each<[string, number]>([
    ['Ethernet sources', at.ethSrc],
    ['ports', at.tpDst],
    ['marks of IP', at.dscp],
    ['what ARP says', at.arpTpa],
  ])('that differ by %s alone are one, however few they are', (_, place) => {
    const [one, ...more] = joinedWidely(run, many(place, 3), past);
    expect(more).toEqual([]);
    expect(one && read(one.store, place).vague).toBe(true);
    expect(one && packetsOf(run, one)).toBe(space.orAll([0, 1, 2].map((n) => is('tp.src', n))));
  });

  test.each<[string, number, boolean]>([
    ['Ethernet destinations', at.ethDst, true],
    ['what conntrack says', at.ctState, true],
    ['sources', at.ip4Src, true],
    ['destinations', at.ip6Dst, true],
    ['registers', at.xxreg0, true],
    ['where they go', at.outport, false],
    ['where they came in', at.inport, false],
    ['types', at.ethType, false],
    ['protocols', at.ipProto, false],
    ['what they were made as', at.made, false],
  ])('that differ by %s are one only if they are too many', (_, place, isGivenUp) => {
    expect(joinedWidely(run, many(place, most), past)).toHaveLength(most);
    const states = joinedWidely(run, many(place, most + 1), past);
    expect(states).toHaveLength(isGivenUp ? 1 : most + 1);
    expect(space.orAll(states.map((one) => packetsOf(run, one)))).toBe(
      space.orAll(Array.from({ length: most + 1 }, (_value, n) => is('tp.src', n))),
    );
  });

  test('give up no more than they have to: sources before destinations, destinations before registers', () => {
    const order = [at.ethDst, at.ctMark, at.ip4Src, at.ip4Dst, at.xxreg0];
    for (const [n, place] of order.entries()) {
      const kept = order[n + 1];
      if (kept === undefined) continue;
      const states = [
        ...many(place, most + 1),
        ...many(place, most + 1).map((one) => ({ ...one, store: with_(kept, 99, one.store) })),
      ];
      const found = joinedWidely(run, states, past).map(({ store }) => [
        read(store, place).vague,
        read(store, kept).constant === 99n,
      ]);
      expect(found).toEqual([
        [true, false],
        [true, true],
      ]);
    }
  });

  test('that opened other connections stay apart', () => {
    const states = [
      state(is('tp.src', 1), with_(at.ethSrc, 1)),
      { ...state(is('tp.src', 2), with_(at.ethSrc, 2)), passage: opened },
    ];
    expect(joinedWidely(run, states, past)).toHaveLength(2);
    expect(likeness(states[0] as State)).not.toBe(likeness(states[1] as State));
  });
});
