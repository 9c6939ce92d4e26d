/**
 * All built-in properties of a topology, proven: from nothing, after one port changed, and the memory for it.
 *
 *     npm run bench:verify -- [--vpcs N] [--networks N] [--nodes N] [--interfaces N]
 *     npm run bench:verify -- --part growth      from 10 ports on, and a picture of it: build/verify-speed.svg
 *
 * Nothing else proves them, so there is no peer.  The goal for the usual size is 10 s, 0.1 s after one port
 * changed, and 1 GB.  Each size is measured in a process of its own; one that takes more than a minute says so, and
 * larger ones are not tried.  Times are of the processor: one thread, whoever else uses the machine.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createNorthd } from '../engine/northd/incremental.ts';
import type { Northbound } from '../engine/ovsdb/northbound.ts';
import { northboundOfPlan, planTopology } from '../engine/vpc/index.ts';
import { openVerifier } from '../sim/verifier.ts';
import { argumentsOf, duration, processMegabytes, readOptions, sizeText, tableText } from './measure.ts';
import { resourcesOf, type Size } from './topology.ts';
import { type Point, plotText } from './verify-plot.ts';

/** What is measured of one size; milliseconds and megabytes. */
interface Measured {
  readonly flows: number;
  readonly parts: number;
  readonly findings: number;
  readonly verdict: string;
  readonly cold: number;
  readonly again: number;
  readonly changed: number;
  readonly verified: number;
  readonly memory: number;
}

const options = readOptions(1);
const limitSeconds = 60;

const processorMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** Sizes by ports: as many VPCs as there are hundreds of ports, with two networks on five nodes from 100 ports on. */
const growth: readonly Size[] = [
  { vpcs: 1, networks: 1, nodes: 2, interfaces: 5 },
  { vpcs: 1, networks: 2, nodes: 5, interfaces: 10 },
  { vpcs: 10, networks: 2, nodes: 5, interfaces: 10 },
  { vpcs: 100, networks: 2, nodes: 5, interfaces: 10 },
  { vpcs: 1000, networks: 2, nodes: 5, interfaces: 10 },
];

if (options.part === 'point') process.stdout.write(`${JSON.stringify(measured(options))}\n`);
else if (options.part === 'growth') grow();
else process.stdout.write(`${sizeText(options)}\n\n${tableText(rowsOf(measured(options)))}`);

function measured(size: Size): Measured {
  const plans = planTopology(resourcesOf(size));
  const northbound = northboundOfPlan(plans);
  const northd = createNorthd(northbound);
  const verifier = openVerifier({ now: processorMs });
  const { southbound } = northd.computation();
  const before = verifier.verify({ southbound, plans, northbound });
  const again = verifier.verify({ southbound, plans, northbound });
  const { changes, changed } = withOnePortChanged(northbound);
  northd.apply(changes);
  const after = verifier.verify({ southbound: northd.computation().southbound, plans, northbound: changed });
  return {
    flows: southbound.flows.length,
    parts: verifier.last.parts,
    findings: before.properties.length,
    verdict: before.verdict,
    cold: before.elapsedMs,
    again: again.elapsedMs,
    changed: after.elapsedMs,
    verified: verifier.last.verified,
    memory: processMegabytes('self', 'VmHWM'),
  };
}

/** Anybody may send from the last port any more. */
function withOnePortChanged(northbound: Northbound) {
  const rows = [...northbound.Logical_Switch_Port.values()].filter(
    ({ type, port_security: secured }) => type === '' && secured.length > 0,
  );
  const row = rows.at(-1);
  if (!row) throw new Error('there is no port to change');
  const now = { ...row, port_security: [] };
  const table = new Map(northbound.Logical_Switch_Port).set(row._uuid, now);
  return {
    changes: [{ table: 'Logical_Switch_Port', row: now }] as const,
    changed: { ...northbound, Logical_Switch_Port: table },
  };
}

function rowsOf({ flows, parts, findings, verdict, cold, again, changed, verified, memory }: Measured): string[][] {
  return [
    ['', 'time', ''],
    ['from nothing', duration(cold), `${flows} flows in ${parts} parts, ${findings} findings, ${verdict}`],
    ['nothing changed', duration(again), ''],
    ['one port changed', duration(changed), `${verified} of ${parts} parts verified again`],
    ['memory at most', `${memory.toFixed(0)} MB`, ''],
  ];
}

function grow(): void {
  const rows = [['ports', 'flows', 'from nothing', 'one port changed', 'memory']];
  const points: Point[] = [];
  for (const size of growth) {
    const ports = size.vpcs * size.networks * size.nodes * size.interfaces;
    const isTried = points.length === rows.length - 1;
    const found = isTried ? inProcess(size) : undefined;
    if (found) points.push({ ports, cold: found.cold, changed: found.changed });
    rows.push(
      found
        ? [`${ports}`, `${found.flows}`, duration(found.cold), duration(found.changed), `${found.memory.toFixed(0)} MB`]
        : [`${ports}`, '', 'more than a minute', '', ''],
    );
    process.stdout.write(`${rows.at(-1)?.join('  ')}\n`);
  }
  process.stdout.write(`\n${tableText(rows)}`);
  writeFileSync('build/verify-speed.svg', plotText(points));
}

/** Undefined where it takes more than a minute. */
function inProcess(size: Size): Measured | undefined {
  const args = [process.argv[1] ?? '', ...argumentsOf({ ...size, runs: 1 }, 'point')];
  const limited = ['-c', `ulimit -t ${limitSeconds}; exec "$0" "$@"`, process.execPath, ...args];
  const { stdout, status } = spawnSync('sh', limited, { encoding: 'utf8' });
  return status === 0 ? (JSON.parse(stdout) as Measured) : undefined;
}
