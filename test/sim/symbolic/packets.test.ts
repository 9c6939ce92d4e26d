/** Which packets there are, and how what they do not say is shared out: each answer to some, every packet to one. */
import { describe, expect, test } from 'vitest';
import { lookups } from '../../../sim/symbolic/fields.ts';
import { at, fieldIndex, packetFields, read } from '../../../sim/symbolic/index.ts';
import { chance, choose, copies, possiblePackets } from '../../../sim/symbolic/packets.ts';
import { packetsOf, type State } from '../../../sim/symbolic/state.ts';
import { trialOf } from './runs.ts';

const { run, state } = trialOf({ ports: { a: {} }, flows: ['0 0 1 => drop;'] });
const { space } = run;

describe('packets that there are', () => {
  const possible = possiblePackets(space);
  const frame = (fields: Record<string, number | bigint>): bigint[] =>
    packetFields.map(({ name }) => BigInt({ 'eth.type': 0x800, ...fields }[name] ?? 0));

  test.each<[string, Record<string, number | bigint>]>([
    ['from a group', { 'eth.src': 0x010000000000n }],
    ['from everybody', { 'eth.src': 0xffffffffffffn }],
    ['from nobody', { 'eth.src': 0 }],
    ['of IEEE 802.2', { 'eth.type': 0x5ff }],
    ['with a tag', { 'vlan.tci': 0x1007 }],
    ['first fragments', { 'ip.frag': 1 }],
    ['later fragments of IPv6', { 'eth.type': 0x86dd, 'ip.frag': 3 }],
    ['without a hop', { 'ip.ttl': 0 }],
    ['from their own destination', { 'ip4.src': 7, 'ip4.dst': 7 }],
  ])('%s', (_, fields) => {
    expect(space.contains(possible, frame(fields))).toBe(true);
  });

  test.each<[string, Record<string, number>]>([
    ['with a length for a type', { 'eth.type': 0x2e }],
    ['in fragments, and not of IP', { 'eth.type': 0x806, 'ip.frag': 1 }],
    ['neither first nor later fragments', { 'ip.frag': 2 }],
    ['with a tag that is none', { 'vlan.tci': 7 }],
  ])('none %s', (_, fields) => {
    expect(space.contains(possible, frame(fields))).toBe(false);
  });
});

const isInexact = ({ store }: State): boolean => read(store, at.inexact).constant !== 0n;

describe('one of several', () => {
  test.each([1, 2, 3, 7, 255, 256])('%i: every packet takes one, and somebody takes each', (n) => {
    const ways = choose(run, state(), n, 'which');
    expect(ways).toHaveLength(n);
    const sets = ways.map((way) => (way ? packetsOf(run, way) : space.empty));
    expect(space.orAll(sets)).toBe(space.all);
    let sum = space.empty;
    for (const set of sets) {
      expect(set).not.toBe(space.empty);
      expect(space.intersects(sum, set)).toBe(false);
      sum = space.or(sum, set);
    }
    expect(ways.some((way) => way && isInexact(way))).toBe(false);
  });

  test('the same question is answered alike, another one by another field', () => {
    const [first] = choose(run, state(), 2, 'one') as [State];
    const [same, other] = choose(run, first, 2, 'one');
    expect(same && packetsOf(run, same)).toBe(packetsOf(run, first));
    expect(other).toBeUndefined();
    const [left, right] = choose(run, first, 2, 'two');
    expect(left && right && space.or(packetsOf(run, left), packetsOf(run, right))).toBe(packetsOf(run, first));
    expect(right?.used.choices).toEqual(['one', 'two']);
  });

  test('where there are no fields left, or more ways than values, packets may go any way', () => {
    const asked = Array.from({ length: lookups }, (_, n) => `q${n}`);
    const late = { ...state(), used: { ...state().used, choices: asked } };
    for (const ways of [choose(run, late, 3, 'new'), choose(run, state(), 257, 'many')]) {
      for (const way of ways) {
        expect(way && packetsOf(run, way)).toBe(space.all);
        expect(way && isInexact(way)).toBe(true);
      }
    }
    expect(choose(run, late, 3, 'q1').some((way) => way && isInexact(way))).toBe(false);
  });
});

describe('copies', () => {
  test('are told apart by a field of their own, which the next ones do not use', () => {
    const [first, second] = copies(run, state(), 2) as [State, State];
    expect(space.intersects(packetsOf(run, first), packetsOf(run, second))).toBe(false);
    const [again] = copies(run, first, 2) as [State];
    expect(space.support(packetsOf(run, again))).toEqual([fieldIndex('copy.0'), fieldIndex('copy.1')]);
  });

  test('are all the packets once there are no fields left', () => {
    const late = { ...state(), used: { ...state().used, copies: lookups } };
    expect(copies(run, late, 3).map((one) => one && packetsOf(run, one))).toEqual([space.all, space.all, space.all]);
  });
});

describe('chance', () => {
  const questions = Array.from({ length: 16 }, (_, n) => `q${n}`);

  test('has sixteen bits, one for each question; the same question has the same', () => {
    let now = state();
    const values = questions.map((question) => {
      const told = chance(run, now, question);
      now = told.state;
      return told.value;
    });
    expect(new Set(values).size).toBe(16);
    expect(questions.map((question) => chance(run, now, question).value)).toEqual(values);
    expect(isInexact(now)).toBe(false);
  });

  test('is not known behind them, and the same unknown for the same question', () => {
    const late = { ...state(), used: { ...state().used, chances: questions } };
    const told = chance(run, late, 'more');
    expect(isInexact(told.state)).toBe(true);
    expect(told.value.vague).toBe(true);
    expect(chance(run, late, 'more').value).toBe(told.value);
    expect(chance(run, late, 'most').value).not.toBe(told.value);
  });
});
