/**
 * Packets a second of lflow's packet plane by itself, on what `bench:peer` measures beside the peer.
 *
 *     npm run bench:plane -- [--only KIND] [--count N] [--seconds S] [--runs N]
 */
import { parseArgs } from 'node:util';
import { median, tableText } from './measure.ts';
import { dpdkPeerChassis } from './peer/dpdk.ts';
import { scenarioOf, scenarioText, sizes } from './peer/scenarios.ts';
import { measurePlane } from './plane/run.ts';

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { only: text, count: text, seconds: text, runs: text } });
const seconds = Number(values.seconds ?? 1);
const runs = Number(values.runs ?? 3);
const chosen = sizes.filter(
  ([kind, count]) =>
    (values.only === undefined || values.only === kind) &&
    (values.count === undefined || Number(values.count) === count),
);
if (!(seconds > 0) || !(runs >= 1) || chosen.length === 0) {
  throw new Error('give --seconds and --runs above 0, --only one of the scenarios, and --count one of its sizes');
}

const rows = [['', 'lflow, Mpps', 'least', 'most', 'of core time', 'by connection', 'by megaflow', 'misses']];
for (const [kind, count] of chosen) {
  const scenario = scenarioOf(kind, count, dpdkPeerChassis);
  const measured = measurePlane(scenario, dpdkPeerChassis, { seconds, runs });
  const speeds = measured.map(({ mpps }) => mpps);
  const share = (of: 'connections' | 'megaflows' | 'misses') =>
    median(measured.map(({ caches, packets }) => caches[of] / packets)).toFixed(2);
  rows.push([
    scenarioText(scenario),
    median(speeds).toFixed(3),
    Math.min(...speeds).toFixed(3),
    Math.max(...speeds).toFixed(3),
    median(measured.map(({ packets, coreSeconds }) => packets / coreSeconds / 1e6)).toFixed(3),
    share('connections'),
    share('megaflows'),
    share('misses'),
  ]);
}
process.stdout.write(tableText(rows));
