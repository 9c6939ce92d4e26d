/** The `output` action by itself: where packets go on, where they end, and what does not go with them. */
import { describe, expect, test } from 'vitest';
import type { PortBinding, Southbound } from '../../../engine/ovsdb/southbound.ts';
import { endedOf } from '../../../sim/symbolic/ends.ts';
import { at, fieldIndex, read } from '../../../sim/symbolic/index.ts';
import { enter, output } from '../../../sim/symbolic/output.ts';
import type { Here, Run } from '../../../sim/symbolic/run.ts';
import { packetsOf, type State } from '../../../sim/symbolic/state.ts';
import { type Store, write } from '../../../sim/symbolic/store.ts';
import { choiceOf, constantOf, inputOf, unknownOf, type Value } from '../../../sim/symbolic/value.ts';
import { southboundFrom } from '../../trace/southbound.ts';
import { type Trial, trialOf } from './runs.ts';

const patch = (peer: string): Partial<PortBinding> => ({ type: 'patch', options: { peer } });

function databaseOf(): Southbound {
  const southbound = southboundFrom({
    s: {
      ports: {
        a: {},
        b: {},
        's-r': patch('r-s'),
        lost: patch('nobody'),
        cr: { type: 'chassisredirect', options: { 'distributed-port': 'b' } },
      },
      flows: ['0 0 1 => drop;'],
    },
    r: { kind: 'router', ports: { 'r-s': patch('s-r') }, flows: ['0 0 1 => drop;'] },
  });
  const [s] = southbound.datapaths;
  const ports = southbound.ports.filter(({ logicalPort }) => ['a', 'b', 's-r'].includes(logicalPort));
  const group = {
    uuid: 'g',
    datapath: s?.uuid ?? '',
    name: 'all',
    tunnelKey: 32768,
    ports: ports.map(({ uuid }) => uuid),
  };
  return { ...southbound, multicastGroups: [group] };
}

interface Tried extends Trial {
  readonly number: (name: string) => number;
  /** A store with these places changed; numbers are of ports and of registers. */
  readonly store: (changes: Readonly<Record<number, Value | number>>) => Store;
}

function tried(): Tried {
  const trial = trialOf(databaseOf());
  const { run } = trial;
  const number = (name: string) =>
    run.network.ports.get(name)?.number ?? [...trial.here.datapath.groupsByNumber.keys()][0] ?? 0;
  const widthOf = (place: number) => read(run.stores.initial, place).width;
  const store = (changes: Readonly<Record<number, Value | number>>) =>
    Object.entries(changes).reduce((one, [place, value]) => {
      const known =
        typeof value === 'number' ? constantOf(run.stores.values, widthOf(Number(place)), BigInt(value)) : value;
      return write(run.stores, one, Number(place), known);
    }, run.stores.initial);
  return { ...trial, number, store };
}

/** Where packets wait now: datapath, pipeline, states. */
const waiting = ({ levels }: Run): [string, string, State[]][] =>
  levels.flatMap((level) =>
    [...(level?.values() ?? [])].map(({ datapath, pipeline, tables }): [string, string, State[]] => [
      datapath.datapath.name,
      pipeline,
      [...tables.values()].flat(),
    ]),
  );

const waitingAlone = (run: Run): [string, string, State] => {
  const [[datapath, pipeline, states] = ['', '', []], ...more] = waiting(run);
  expect([more.length, states.length]).toEqual([0, 1]);
  return [datapath, pipeline, states[0] as State];
};

/** Ends, as text: `port b`, `drop inport`, `sender`. */
const ends = (run: Run): string[] =>
  endedOf(run).map(({ end }) =>
    end.kind === 'port' ? `port ${end.port.name}` : end.kind === 'drop' ? `drop ${end.why}` : end.kind,
  );

const egress = (here: Here): Here => ({ ...here, pipeline: 'egress' });

describe('from the ingress pipeline', () => {
  test('packets for a port start the egress pipeline, without registers', () => {
    const { run, here, state, number, store } = tried();
    output(
      run,
      here,
      state(
        run.space.all,
        store({
          [at.inport]: number('a'),
          [at.outport]: number('b'),
          [at.xxreg0]: 7,
          [at.xxreg1]: 8,
          [at.xreg4]: 9,
          [at.flags]: 32,
          [at.ctState]: 33,
        }),
      ),
    );
    const [datapath, pipeline, next] = waitingAlone(run);
    expect([datapath, pipeline]).toEqual(['s', 'egress']);
    const of = (place: number) => read(next.store, place).constant;
    expect([at.xxreg0, at.xxreg1, at.xreg4].map(of)).toEqual([0n, 0n, 0n]);
    expect([at.outport, at.flags, at.ctState].map(of)).toEqual([BigInt(number('b')), 32n, 33n]);
    expect(ends(run)).toEqual([]);
  });

  test.each([
    [0, ['drop inport'], 0],
    [1, [], 1],
  ])('what goes back where it came from, with loopback %i', (loopback, ended, waits) => {
    const { run, here, state, number, store } = tried();
    output(
      run,
      here,
      state(run.space.all, store({ [at.inport]: number('a'), [at.outport]: number('a'), [at.flags]: loopback })),
    );
    expect(ends(run)).toEqual(ended);
    expect(waiting(run)).toHaveLength(waits);
  });

  test('of packets from anywhere, only those from the port itself stay behind', () => {
    const { run, here, state, number, store, is } = tried();
    output(run, here, state(run.space.all, store({ [at.outport]: number('b') })));
    const own = is('inport', number('b'));
    expect(packetsOf(run, waitingAlone(run)[2])).toBe(run.space.not(own));
    expect(endedOf(run).map(({ packets }) => packets)).toEqual([own]);
  });

  test('a port of a chassis stands for the port that it is distributed from', () => {
    const { run, here, state, number, store } = tried();
    output(run, here, state(run.space.all, store({ [at.inport]: number('a'), [at.outport]: number('cr') })));
    expect(read(waitingAlone(run)[2].store, at.outport).constant).toBe(BigInt(number('b')));
  });

  test('a group gets a copy each, but for who sent it', () => {
    const { run, here, state, number, store } = tried();
    output(run, here, state(run.space.all, store({ [at.inport]: number('a'), [at.outport]: number('group') })));
    const [, , next] = waitingAlone(run);
    const options = read(next.store, at.outport).options ?? [];
    expect(options.map(({ value }) => Number(value.constant))).toEqual(['a', 'b', 's-r'].map(number));
    const [a, b, r] = options.map(({ packets }) => packets) as [number, number, number];
    expect(packetsOf(run, next)).toBe(run.space.not(a));
    expect(run.space.or(b, r)).toBe(run.space.not(a));
    expect(run.space.support(b)).toEqual([fieldIndex('copy.0')]);
    expect(ends(run)).toEqual(['drop inport']);
  });

  test('packets that differ by where they go part there', () => {
    const { run, here, state, number, store, is } = tried();
    const tcp = is('ip.proto', 6);
    const value = (name: string) => constantOf(run.stores.values, 20, BigInt(number(name)));
    const outport = choiceOf(run.stores.values, run.space, [
      { packets: tcp, value: value('b') },
      { packets: run.space.not(tcp), value: constantOf(run.stores.values, 20, 0n) },
    ]);
    output(run, here, state(run.space.all, store({ [at.inport]: number('a'), [at.outport]: outport })));
    expect(packetsOf(run, waitingAlone(run)[2])).toBe(tcp);
    expect(ends(run)).toEqual(['drop no port']);
    expect(endedOf(run)[0]?.packets).toBe(run.space.not(tcp));
  });

  test('of a port that is not known nothing is known', () => {
    const { run, here, state, store } = tried();
    output(run, here, state(run.space.all, store({ [at.outport]: unknownOf(run.stores.values, 20) })));
    expect([...run.gaps.values()].map(({ reason }) => reason)).toEqual([
      'the port that the packets are sent to is not known',
    ]);
    expect(run.opensUnknown).toBe(true);
    expect(ends(run)).toEqual(['drop no port']);
  });
});

describe('from the egress pipeline', () => {
  test.each([
    ['b', 'port b'],
    ['lost', 'drop no port'],
  ])('packets for %s end: %s', (port, end) => {
    const { run, here, state, number, store } = tried();
    output(run, egress(here), state(run.space.all, store({ [at.outport]: number(port) })));
    expect(ends(run)).toEqual([end]);
    expect(waiting(run)).toEqual([]);
  });

  test('packets for the port that they came in by end at their sender', () => {
    const { run, here, state, store } = tried();
    output(run, egress(here), state(run.space.all, store({ [at.outport]: inputOf(run.stores.values, at.inport, 20) })));
    expect(ends(run)).toEqual(['sender']);
  });

  test('a peer takes them over, as if nothing had been before', () => {
    const { run, here, state, number, store } = tried();
    const before = store({
      [at.outport]: number('s-r'),
      [at.flags]: 1,
      [at.ctState]: 33,
      [at.ctMark]: 2,
      [at.xxreg0]: 7,
      [at.ethDst]: 5,
    });
    output(run, egress(here), state(run.space.all, before));
    const [datapath, pipeline, next] = waitingAlone(run);
    expect([datapath, pipeline]).toEqual(['r', 'ingress']);
    const of = (place: number) => read(next.store, place).constant;
    expect([at.outport, at.flags, at.ctState, at.ctMark, at.xxreg0].map(of)).toEqual([0n, 0n, 0n, 0n, 0n]);
    expect([at.inport, at.ethDst].map(of)).toEqual([BigInt(number('r-s')), 5n]);
  });
});

test('ports that are watched are noted once', () => {
  const { run: plain, state, number } = tried();
  const run: Run = { ...plain, watch: new Set(['r-s', 'r']) };
  const port = run.network.portsByNumber[number('r-s')];
  if (!port) throw new Error('there is no port r-s');
  enter(run, 0, state(), port);
  const [, , next] = waitingAlone(run);
  expect(next.passage.passed).toEqual(['r', 'r-s']);
  run.levels.length = 0;
  enter(run, 0, { ...state(), passage: next.passage }, port);
  expect(waitingAlone(run)[2].passage).toBe(next.passage);
});
