/**
 * Ten minutes of churn: does memory stay as it is, do established connections live on?
 *
 *     node build/bench/bench/soak.js [--seconds S]
 *
 * A line a minute, then a verdict; the exit status is 1 if something was lost or grew.
 */
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { Churn, growth, type Memory } from './soak/churn.ts';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '600' } } });
const seconds = Number(values.seconds);
if (!(seconds > 0)) throw new Error(`--seconds ${values.seconds}: give a number above 0`);

const churn = new Churn();
const start = performance.now();
const elapsed = () => (performance.now() - start) / 1000;
const megabytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
const line = ({ plane, heap }: Memory) =>
  process.stdout.write(
    `${elapsed().toFixed(0)} s: ${churn.opened} short connections, ${churn.swaps} programs, plane ${megabytes(plane)} MB, heap ${megabytes(heap)} MB, ${churn.lost.length} lost\n`,
  );

let next = Math.min(60, seconds / 5);
const step = next;
let first: Memory | undefined;
while (elapsed() < seconds) {
  churn.round();
  if (elapsed() < next) continue;
  next += step;
  const memory = churn.memory();
  // The first look is after everything has had its first time.
  first ??= memory;
  line(memory);
}
const last = churn.memory();
line(last);
const complaints = [...churn.lost, ...growth(first ?? last, last)];
process.stdout.write(complaints.length === 0 ? 'memory is constant, nothing was lost\n' : `${complaints.join('\n')}\n`);
process.exitCode = complaints.length === 0 ? 0 : 1;
