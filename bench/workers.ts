/**
 * How packets a second grow with workers: established connections through source NAT, in calls of many frames.
 *
 *     node build/bench/bench/workers.js [--seconds S]
 */
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { createWorkers } from '../engine/node/workers/index.ts';
import { tableText } from './measure.ts';
import { datagramFrom, variantOf } from './soak/churn.ts';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '3' } } });
const seconds = Number(values.seconds);
if (!(seconds > 0)) throw new Error(`--seconds ${values.seconds}: give a number above 0`);

const flows = 1024;
const frames = Array.from({ length: flows }, (_, i) => ({ port: `h${i % 8}`, frame: datagramFrom(i % 8, 2000 + i) }));
const rows = [['workers', 'packets a second']];
for (const count of [1, 2]) {
  const workers = createWorkers({ ...variantOf(0), chassis: 'here', workers: count });
  for (let i = 0; i < 20; i++) workers.sendAll(frames);
  const arrived = workers.received().length;
  if (arrived < flows * 19) throw new Error(`only ${arrived} packets arrived`);
  let sent = 0;
  const start = performance.now();
  while (performance.now() - start < seconds * 1000) {
    workers.sendAll(frames);
    sent += workers.received().length;
  }
  rows.push([String(count), Math.round((sent * 1000) / (performance.now() - start)).toLocaleString('en')]);
  await workers.close();
}
process.stdout.write(tableText(rows));
