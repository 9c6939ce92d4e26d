/**
 * Packets a second beside real OVN on OVS with DPDK: the same topology, the same
 * frames, one core each, one after the other in one run on one machine.
 *
 *     npm run bench:peer -- [--only KIND] [--count N] [--seconds S] [--runs N] [--small-pages]
 *     npm run bench:peer -- --alone        lflow without the peer, and more of what it did
 *     npm run bench:peer -- --ports 100000 [--svg FILE]
 *                                          how lflow's speed falls with the ports in its program, up to so many
 *
 * `of core time` is the speed in the time that the core was its own: others may
 * have wanted it too, or the peer waited for a lock.  Ratios are of those.
 *
 * The peer needs root, Debian's ovn-central, ovn-host and openvswitch-switch-dpdk,
 * and two cores.  bench/peer/scenarios.ts tells what is measured.
 */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { type Central, startCentral } from '../test/oracle/sandbox.ts';
import { median, tableText } from './measure.ts';
import { dpdkPeerChassis } from './peer/dpdk.ts';
import { measurePeer } from './peer/run.ts';
import { type Scenario, type ScenarioKind, scenarioOf, scenarioText, sizes } from './peer/scenarios.ts';
import { measurePorts, portsSvg, portsTable } from './plane/ports.ts';
import { measurePlane, type PlaneMeasurement } from './plane/run.ts';

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;
const usage = `npm run bench:peer -- [--only KIND] [--count N] [--seconds S] [--runs N] [--ports N [--svg FILE]] [--small-pages] [--alone] [--json]
KIND and N: ${sizes.map(([kind, count]) => `${kind} ${count}`).join(', ')}
`;
const values = readOptions();
const seconds = Number(values.seconds ?? 3);
const runs = Number(values.runs ?? 3);
const chosen = sizes.filter(
  ([kind, count]) =>
    (values.only === undefined || values.only === kind) &&
    (values.count === undefined || Number(values.count) === count),
);
const mostPorts = Number(values.ports ?? 0);
if (!(seconds > 0) || !(runs >= 1) || !(mostPorts >= 0) || chosen.length === 0) {
  refuse('give --seconds and --runs above 0, --only one of the scenarios, and --count one of its sizes');
}

function readOptions() {
  try {
    const { values: given } = parseArgs({
      options: {
        ...{ only: text, count: text, seconds: text, runs: text, ports: text, svg: text },
        ...{ 'small-pages': flag, alone: flag, json: flag, help: flag },
      },
    });
    if (given.help) {
      process.stdout.write(usage);
      process.exit(0);
    }
    return given;
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function refuse(why: string): never {
  process.stderr.write(`${why}\n${usage}`);
  process.exit(2);
}

/** Speeds of some runs, in millions of packets a second. */
interface Speeds {
  mpps: number;
  ofCoreTime: number;
}

if (mostPorts > 0) besidePorts();
else if (values.json) process.stdout.write(JSON.stringify(chosen.map(([kind, count]) => lflowMeasured(kind, count))));
else if (values.alone) process.stdout.write(tableText(aloneTable()));
else await beside();

function besidePorts(): void {
  const points = measurePorts(mostPorts, { seconds, runs });
  process.stdout.write(tableText(portsTable(points)));
  if (values.svg !== undefined) writeFileSync(values.svg, portsSvg(points));
}

async function beside(): Promise<void> {
  const central = await startCentral();
  try {
    const rows = [['', 'lflow, Mpps', 'peer', 'ratio', 'of core time: lflow', 'peer', 'ratio', 'goal']];
    for (const [kind, count] of chosen) {
      const scenario = scenarioOf(kind, count, dpdkPeerChassis);
      const lflow = await lflowSpeeds(kind, count);
      const peer = await peerSpeeds(central, scenario);
      const row = [
        scenarioText(scenario),
        ...[lflow.mpps, peer.mpps, lflow.mpps / peer.mpps].map((figure) => figure.toFixed(3)),
        ...[lflow.ofCoreTime, peer.ofCoreTime, lflow.ofCoreTime / peer.ofCoreTime].map((figure) => figure.toFixed(3)),
        String(scenario.goal),
      ];
      rows.push(row);
      process.stderr.write(`${row.join('  ')}\n`);
    }
    process.stdout.write(tableText(rows));
  } finally {
    await central.stop();
  }
}

async function peerSpeeds(central: Central, scenario: Scenario): Promise<Speeds> {
  const measured = await measurePeer(central, scenario, { seconds, runs, hugePages: !values['small-pages'] });
  return {
    mpps: median(measured.map(({ mpps }) => mpps)),
    ofCoreTime: median(measured.map(({ packets, coreSeconds }) => packets / coreSeconds / 1e6)),
  };
}

/** In a process of its own, as the peer is. */
async function lflowSpeeds(kind: ScenarioKind, count: number): Promise<Speeds> {
  const effort = ['--only', kind, '--count', String(count), '--seconds', String(seconds), '--runs', String(runs)];
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...[fileURLToPath(import.meta.url), '--json'],
    ...effort,
  ]);
  const [measured = []]: PlaneMeasurement[][] = JSON.parse(stdout);
  return speedsOf(measured);
}

function speedsOf(measured: readonly PlaneMeasurement[]): Speeds {
  return {
    mpps: median(measured.map(({ mpps }) => mpps)),
    ofCoreTime: median(measured.map(({ packets, coreSeconds }) => packets / coreSeconds / 1e6)),
  };
}

function lflowMeasured(kind: ScenarioKind, count: number): PlaneMeasurement[] {
  return measurePlane(scenarioOf(kind, count, dpdkPeerChassis), dpdkPeerChassis, { seconds, runs });
}

function aloneTable(): string[][] {
  const rows = [['', 'lflow, Mpps', 'least', 'most', 'of core time', 'by connection', 'by megaflow', 'misses']];
  for (const [kind, count] of chosen) {
    const measured = lflowMeasured(kind, count);
    const speeds = measured.map(({ mpps }) => mpps);
    const share = (of: 'connections' | 'megaflows' | 'misses') =>
      median(measured.map(({ caches, packets }) => caches[of] / packets)).toFixed(2);
    const { mpps, ofCoreTime } = speedsOf(measured);
    rows.push([
      scenarioText({ kind, count }),
      ...[mpps, Math.min(...speeds), Math.max(...speeds), ofCoreTime].map((speed) => speed.toFixed(3)),
      ...[share('connections'), share('megaflows'), share('misses')],
    ]);
  }
  return rows;
}
