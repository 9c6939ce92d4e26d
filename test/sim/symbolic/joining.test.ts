/** States of one place: which are one from now on, and what is known of them. */
import { describe, expect, test } from 'vitest';
import { at, read } from '../../../sim/symbolic/index.ts';
import { joinedStates } from '../../../sim/symbolic/joining.ts';
import { packetsOf, type State } from '../../../sim/symbolic/state.ts';
import { write } from '../../../sim/symbolic/store.ts';
import { constantOf } from '../../../sim/symbolic/value.ts';
import { trialOf } from './runs.ts';

const { run, state, is } = trialOf({ ports: { a: {} }, flows: ['0 0 1 => drop;'] });
const { space, stores } = run;
const [tcp, udp] = [is('ip.proto', 6), is('ip.proto', 17)];
const reg = (value: number) => write(stores, stores.initial, at.xxreg0, constantOf(stores.values, 128, BigInt(value)));

describe('states of one place', () => {
  test('that do not overlap and differ by constants are one, and each packet looks as before', () => {
    const whole = state();
    const [one, two] = [
      { ...whole, guard: tcp, store: reg(1) },
      { ...whole, guard: udp, store: reg(2) },
    ];
    const [both, ...more] = joinedStates(run, [one, two]);
    expect(more).toEqual([]);
    expect(both && packetsOf(run, both)).toBe(space.or(tcp, udp));
    const options = both && read(both.store, at.xxreg0).options;
    expect(options?.map(({ packets, value }) => [packets, value.constant])).toEqual([
      [tcp, 1n],
      [udp, 2n],
    ]);
  });

  test('that overlap stay apart, so that copies do not become one', () => {
    const whole = state();
    const joined = joinedStates(run, [
      { ...whole, guard: tcp, store: reg(1) },
      { ...whole, guard: space.or(tcp, udp), store: reg(2) },
    ]);
    expect(joined.map((one) => packetsOf(run, one)).sort()).toEqual([tcp, space.or(tcp, udp)].sort());
  });

  test('that look alike are one, of whatever packets they come', () => {
    const [both, ...more] = joinedStates(run, [state(tcp), state(udp)]);
    expect(more).toEqual([]);
    expect(both && packetsOf(run, both)).toBe(space.or(tcp, udp));
  });

  test('of other connections or past other ports stay apart', () => {
    const other = { ...run.passages.initial, id: 7, passed: ['x'] };
    expect(joinedStates(run, [state(tcp), { ...state(udp), passage: other }])).toHaveLength(2);
  });

  test('know what all of them know: questions that all asked, places where all have been', () => {
    const whole = state();
    const told = (guard: number, neighbors: string[], all: string[], inexactTo: number): State => ({
      ...whole,
      guard,
      used: { ...whole.used, neighbors, copies: neighbors.length, openers: neighbors.length - 1 },
      trail: { all, some: all, inexactTo },
    });
    const [both] = joinedStates(run, [told(tcp, ['q', 'r'], ['here', 'there'], 20), told(udp, ['q'], ['there'], 8)]);
    expect(both?.used).toMatchObject({ neighbors: ['q', 'r'], copies: 2, openers: 1 });
    expect(both?.trail).toEqual({ all: ['there'], some: ['here', 'there'], inexactTo: 8 });
    const [mixed] = joinedStates(run, [told(tcp, ['q'], [], 8), told(udp, ['r'], [], 8)]);
    expect(mixed?.used.neighbors).toEqual([undefined]);
  });
});
