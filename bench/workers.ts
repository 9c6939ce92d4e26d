/**
 * How packets a second grow with workers: established connections through source NAT, in calls of many frames, beside
 * one engine in main's own thread.
 *
 *     node build/bench/bench/workers.js [--seconds S] [--workers N]
 *
 * All of them are there at once and are measured by turns, so that what else the machine does disturbs all alike.
 * CPU times, of all threads and of main alone, say what a packet costs, and what more cores would be good for.
 */
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { createNode, type Received } from '../engine/node/index.ts';
import { createWorkers } from '../engine/node/workers/index.ts';
import { median, tableText } from './measure.ts';
import { datagramFrom, variantOf } from './soak/churn.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '3' }, workers: { type: 'string', default: '2' } },
});
const seconds = Number(values.seconds);
const most = Number(values.workers);
if (!(seconds > 0 && most >= 1)) throw new Error('give --seconds above 0 and --workers of 1 or more');

interface Engine {
  sendAll(frames: readonly Received[]): void;
  received(): Received[];
}

interface Round {
  readonly perSecond: number;
  /** Microseconds of CPU a packet, of all threads and of main. */
  readonly all: number;
  readonly main: number;
}

const flows = 4096;
const rounds = 10;
const frames = Array.from({ length: flows }, (_, i) => ({ port: `h${i % 8}`, frame: datagramFrom(i % 8, 2000 + i) }));
const chassis = { ...variantOf(0), chassis: 'here' };

/** Microseconds of CPU that main's thread has had: proc(5), `schedstat`. */
const mainCpu = (): number =>
  Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e3;

function allCpu(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function round(engine: Engine): Round {
  let sent = 0;
  const [start, all, main] = [performance.now(), allCpu(), mainCpu()];
  while (performance.now() - start < (seconds * 1000) / rounds) {
    engine.sendAll(frames);
    sent += engine.received().length;
  }
  const elapsed = performance.now() - start;
  return { perSecond: (sent * 1000) / elapsed, all: (allCpu() - all) / sent, main: (mainCpu() - main) / sent };
}

const counts = Array.from({ length: most }, (_, i) => i + 1);
const workers = counts.map((count) => createWorkers({ ...chassis, workers: count }));
const engines: readonly (readonly [name: string, engine: Engine])[] = [
  ['one engine', createNode(chassis)],
  ...workers.map((each, i) => [`${counts[i]} worker${i === 0 ? '' : 's'}`, each] as const),
];
for (const [name, engine] of engines) {
  for (let i = 0; i < 20; i++) engine.sendAll(frames);
  const arrived = engine.received().length;
  if (arrived < flows * 19) throw new Error(`${name}: only ${arrived} packets arrived`);
}
const measured = engines.map((): Round[] => []);
for (let i = 0; i < rounds; i++) for (const [at, [, engine]] of engines.entries()) measured[at]?.push(round(engine));

const rows = [['', 'packets a second', 'at best', 'CPU a packet, µs', 'of it main']];
for (const [at, [name]] of engines.entries()) {
  const of = (figure: keyof Round) => (measured[at] ?? []).map((each) => each[figure]);
  const count = (figure: number) => Math.round(figure).toLocaleString('en');
  const speeds = of('perSecond');
  rows.push([
    name,
    ...[count(median(speeds)), count(Math.max(...speeds))],
    ...[median(of('all')).toFixed(2), median(of('main')).toFixed(2)],
  ]);
}
process.stdout.write(tableText(rows));
await Promise.all(workers.map((each) => each.close()));
