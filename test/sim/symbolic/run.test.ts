/** What a run keeps of packets that are parted and put together: which they are, what they were told, where they have been. */
import { describe, expect, test } from 'vitest';
import { at, read } from '../../../sim/symbolic/index.ts';
import {
  answeredBy,
  endedOf,
  joinedStates,
  limited,
  packetsOf,
  parted,
  type State,
  startPipeline,
  unknownOnce,
} from '../../../sim/symbolic/run.ts';
import { write } from '../../../sim/symbolic/store.ts';
import { constantOf, unknownOf } from '../../../sim/symbolic/value.ts';
import { walk } from '../../../sim/symbolic/walk.ts';
import { trialOf } from './runs.ts';

const { run, state, is } = trialOf({ ports: { a: {} }, flows: ['0 0 1 => drop;'] });
const { space, stores } = run;
const [tcp, udp] = [is('ip.proto', 6), is('ip.proto', 17)];
const reg = (value: number) => write(stores, stores.initial, at.xxreg0, constantOf(stores.values, 128, BigInt(value)));
const isInexact = ({ store }: State): boolean => read(store, at.inexact).constant !== 0n;

describe('guards', () => {
  test('part packets, and what is left is what was there', () => {
    const some = limited(run, state(space.not(udp)), tcp);
    expect(some && packetsOf(run, some)).toBe(tcp);
    expect(some && limited(run, some, udp)).toBeUndefined();
    expect(limited(run, state(udp), tcp)).toBeUndefined();
    const whole = state(tcp);
    expect(limited(run, whole, space.all)).toBe(whole);
  });

  test('what is so of packets, what is not, and what may be: nobody is lost, and only who is in doubt goes both ways', () => {
    const may = space.or(tcp, udp);
    for (const must of [may, tcp, space.empty]) {
      const parts = parted(run, state(), may, must);
      const of = (wanted: boolean) =>
        space.orAll(parts.filter((part) => part.is === wanted).map((part) => packetsOf(run, part.state)));
      expect(of(true)).toBe(may);
      expect(of(false)).toBe(space.not(must));
      for (const part of parts) {
        const isDoubtful = space.intersects(packetsOf(run, part.state), space.diff(may, must));
        expect(isInexact(part.state)).toBe(isDoubtful);
      }
    }
  });
});

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

describe('questions', () => {
  test('that were asked before are answered by the same field, others by the next one', () => {
    expect(answeredBy([], 'q')).toEqual({ n: 0, asked: ['q'] });
    expect(answeredBy(['p', 'q'], 'q')).toEqual({ n: 1, asked: ['p', 'q'] });
    expect(answeredBy(['p', 'q'], 'r')).toEqual({ n: 2, asked: ['p', 'q', 'r'] });
  });

  test('of which it is not known which was asked answer none', () => {
    expect(answeredBy([undefined], 'q')).toEqual({ n: 1, asked: [undefined, 'q'] });
  });

  test('unknown once is the same unknown again, and no other', () => {
    const port = unknownOnce(run, 'port', 16);
    expect(unknownOnce(run, 'port', 16)).toBe(port);
    expect(unknownOnce(run, 'other port', 16)).not.toBe(port);
    expect(port.vague).toBe(true);
  });
});

describe('a value that is unknown', () => {
  const {
    run: trial,
    here,
    state: at_,
  } = trialOf({
    ports: { a: {} },
    flows: ['0 50 ip4.dst == 10.0.0.1 => outport = "a"; output;', 'egress 0 0 1 => output;'],
  });
  const vague = write(trial.stores, trial.stores.initial, at.ip4Dst, unknownOf(trial.stores.values, 32));
  const isWide = write(trial.stores, vague, at.inexact, constantOf(trial.stores.values, 1, 1n));

  test('is known behind a flow that asks for it', () => {
    startPipeline(trial, here.datapath, 'ingress', 0, 0, at_(trial.space.all, isWide));
    walk(trial);
    const arrived = endedOf(trial).filter(({ end }) => end.kind === 'port');
    expect(arrived.map(({ store }) => read(store, at.ip4Dst).constant)).toEqual([0x0a000001n]);
  });
});
