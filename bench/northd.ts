/**
 * Northbound database to logical flows: ours beside a full recomputation by
 * ovn-northd, in one run on one machine.
 *
 *     npm run bench:northd -- [--vpcs N] [--networks N] [--nodes N] [--interfaces N] [--runs N]
 *
 * Each side runs in a process of its own.  ovn-northd's time is what its own
 * stopwatches say (the loop includes comparing with the southbound database
 * that it holds; building the flows does not), and the CPU that the process
 * used.  Ours is the call of `computeSouthbound`: the first in the process, and
 * the median of those that follow.
 *
 * Then what single changes cost where the computation follows its database
 * (`northd-changes.ts`), in that network and with as many ports on one switch.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { computeSouthbound } from '../engine/northd/index.ts';
import { nbctlScript } from '../engine/ovsdb/nbctl.ts';
import { northboundOf } from '../engine/vpc/index.ts';
import { withCentral } from '../test/oracle/sandbox.ts';
import {
  argumentsOf,
  duration,
  median,
  type Options,
  processCpu,
  processMegabytes,
  readOptions,
  sizeText,
  tableText,
  timed,
} from './measure.ts';
import { type ChangeTimes, changeRows, changeTimes, oneSwitch } from './northd-changes.ts';
import { resourcesOf } from './topology.ts';

interface Ours {
  first: number;
  median: number;
  /** MB before the first call, and the most there ever were. */
  before: number;
  peak: number;
  flows: number;
}

interface Theirs {
  loop: number;
  build: number;
  cpu: number;
  peak: number;
  flows: number;
}

/** How often each kind of change is made. */
const changesMeasured = 50;

const program = fileURLToPath(import.meta.url);
const options = readOptions(9);
if (options.part === 'ours') process.stdout.write(JSON.stringify(ours(options)));
else if (options.part === 'changes') process.stdout.write(JSON.stringify(changeTimes(options, changesMeasured)));
else {
  if (options.part !== 'changes-only') await compare(options);
  compareChanges(options);
}

function compareChanges(options: Options): void {
  for (const [title, size] of [
    ['a change', options],
    ['a change, all ports on one switch', oneSwitch(options)],
  ] as const) {
    const answer = execFileSync(process.execPath, [program, ...argumentsOf({ ...options, ...size }, 'changes')], {
      encoding: 'utf8',
    });
    const times: ChangeTimes[] = JSON.parse(answer);
    process.stdout.write(`\n${tableText([[title, 'median', 'worst', 'CPU median', 'worst'], ...changeRows(times)])}`);
  }
}

async function compare(options: Options): Promise<void> {
  const answer = execFileSync(process.execPath, [program, ...argumentsOf(options, 'ours')], { encoding: 'utf8' });
  const mine: Ours = JSON.parse(answer);
  const real = await theirs(options);
  if (mine.flows !== real.flows) throw new Error(`${mine.flows} flows of ours, ${real.flows} of ovn-northd's`);
  const ratio = (time: number) => (time / real.loop).toFixed(2);
  const megabytes = (value: number) => `${value.toFixed(0)} MB`;
  const rows = [
    ['', 'time', 'of theirs', 'peak memory'],
    ['ovn-northd, full recomputation', duration(real.loop), '1.00', megabytes(real.peak)],
    ['  of that, building the flows', duration(real.build), ratio(real.build), ''],
    ['  CPU used', duration(real.cpu), ratio(real.cpu), ''],
    ['lflow, first call', duration(mine.first), ratio(mine.first), ''],
    ['lflow, later calls', duration(mine.median), ratio(mine.median), megabytes(mine.peak)],
  ];
  process.stdout.write(`${sizeText(options)}: ${real.flows} flows\n${tableText(rows)}`);
  process.stdout.write(`(${megabytes(mine.before)} of lflow's memory are the manifests and the northbound database)\n`);
}

function ours(options: Options): Ours {
  const nb = northboundOf(resourcesOf(options));
  const before = processMegabytes('self', 'VmRSS');
  let flows = 0;
  const run = () => {
    flows = computeSouthbound(nb).southbound.flows.length;
  };
  const first = timed(run);
  const later = Array.from({ length: options.runs }, () => timed(run));
  return { first, median: median(later), before, peak: processMegabytes('self', 'VmHWM'), flows };
}

function theirs(options: Options): Promise<Theirs> {
  const script = nbctlScript(northboundOf(resourcesOf(options)));
  return withCentral(async (central) => {
    await central.load(script);
    const pid = Number(readFileSync(`${central.directory}/northd.pid`, 'utf8'));
    const loops: number[] = [];
    const builds: number[] = [];
    const cpus: number[] = [];
    for (let run = 0; run < options.runs; run++) {
      await central.northd('stopwatch/reset');
      const cpu = processCpu(pid);
      await central.northd('inc-engine/recompute');
      await central.nbctl('--wait=sb', 'sync');
      cpus.push(processCpu(pid) - cpu);
      const watches = await central.northd('stopwatch/show');
      loops.push(longest(watches, 'ovn-northd-loop'));
      builds.push(longest(watches, 'build_lflows'));
    }
    const flows = (await central.flows()).length;
    return {
      loop: median(loops),
      build: median(builds),
      cpu: median(cpus),
      peak: processMegabytes(pid, 'VmHWM'),
      flows,
    };
  });
}

/** The longest time in milliseconds that a stopwatch of `stopwatch/show` has seen. */
function longest(watches: string, name: string): number {
  const [, after = ''] = watches.split(`Statistics for '${name}'`);
  return Number(/Maximum: (\d+) msec/.exec(after)?.[1]);
}
