/** Unknown values: the same one where it is the same that is not known, and what flows that ask for one make of it. */
import { expect, test } from 'vitest';
import { endedOf } from '../../../sim/symbolic/ends.ts';
import { at, read } from '../../../sim/symbolic/index.ts';
import { startPipeline } from '../../../sim/symbolic/pipelines.ts';
import { write } from '../../../sim/symbolic/store.ts';
import { unknownOnce } from '../../../sim/symbolic/unknown.ts';
import { constantOf, unknownOf } from '../../../sim/symbolic/value.ts';
import { walk } from '../../../sim/symbolic/walk.ts';
import { trialOf } from './runs.ts';

const { run, here, state } = trialOf({
  ports: { a: {} },
  flows: ['0 50 ip4.dst == 10.0.0.1 => outport = "a"; output;', 'egress 0 0 1 => output;'],
});
const vague = write(run.stores, run.stores.initial, at.ip4Dst, unknownOf(run.stores.values, 32));
const isWide = write(run.stores, vague, at.inexact, constantOf(run.stores.values, 1, 1n));

test('what is unknown once is the same unknown again, and no other', () => {
  const port = unknownOnce(run, 'port', 16);
  expect(unknownOnce(run, 'port', 16)).toBe(port);
  expect(unknownOnce(run, 'other port', 16)).not.toBe(port);
  expect(port.vague).toBe(true);
});

test('an unknown value is known behind a flow that asks for it', () => {
  startPipeline(run, here.datapath, 'ingress', 0, 0, state(run.space.all, isWide));
  walk(run);
  const arrived = endedOf(run).filter(({ end }) => end.kind === 'port');
  expect(arrived.map(({ store }) => read(store, at.ip4Dst).constant)).toEqual([0x0a000001n]);
});
