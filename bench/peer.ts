/**
 * Packets a second beside real OVN on OVS with DPDK: the same topology, the same
 * frames, one core each, in one run on one machine.
 *
 *     npm run bench:peer -- [--only KIND] [--seconds S] [--runs N] [--small-pages]
 *
 * `core` is how much of the time the peer's core was its own: below 100% others
 * wanted it too, or it waited for a lock.  `of core time` is the speed in the
 * time that it was.  Recirculations and misses are for each packet.
 *
 * Needs root, Debian's ovn-central, ovn-host and openvswitch-switch-dpdk, and
 * two cores.  bench/peer/scenarios.ts tells what is measured.
 */
import { parseArgs } from 'node:util';
import { startCentral } from '../test/oracle/sandbox.ts';
import { median, tableText } from './measure.ts';
import { dpdkPeerChassis } from './peer/dpdk.ts';
import { measurePeer, type Sighting } from './peer/run.ts';
import { scenarioOf, scenarioText, sizes } from './peer/scenarios.ts';

const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: { only: text, seconds: text, runs: text, 'small-pages': { type: 'boolean', default: false } },
});
const seconds = Number(values.seconds ?? 3);
const runs = Number(values.runs ?? 3);
const chosen = sizes.filter(([kind]) => values.only === undefined || values.only === kind);
if (!(seconds > 0) || !(runs >= 1) || chosen.length === 0) {
  throw new Error('give --seconds and --runs above 0, and --only one of the scenarios');
}

const central = await startCentral();
try {
  const rows = [['', 'peer, Mpps', 'least', 'most', 'of core time', 'core', 'recirculations', 'misses', 'cycles']];
  for (const [kind, count] of chosen) {
    const scenario = scenarioOf(kind, count, dpdkPeerChassis);
    const row = cellsOf(await measurePeer(central, scenario, { seconds, runs, hugePages: !values['small-pages'] }));
    rows.push([scenarioText(scenario), ...row]);
    process.stderr.write(`${[scenarioText(scenario), ...row].join('  ')}\n`);
  }
  process.stdout.write(tableText(rows));
} finally {
  await central.stop();
}

function cellsOf(measured: readonly Sighting[]): string[] {
  const speeds = measured.map(({ mpps }) => mpps);
  const share = (of: (sighting: Sighting) => number) =>
    median(measured.map((each) => of(each) / each.packets)).toFixed(2);
  return [
    median(speeds).toFixed(3),
    Math.min(...speeds).toFixed(3),
    Math.max(...speeds).toFixed(3),
    median(measured.map(({ packets, coreSeconds }) => packets / coreSeconds / 1e6)).toFixed(3),
    `${(100 * median(measured.map((each) => each.coreSeconds / each.seconds))).toFixed(0)}%`,
    share(({ recirculations }) => recirculations),
    share(({ misses }) => misses),
    median(measured.map(({ cyclesPerPacket = Number.NaN }) => cyclesPerPacket)).toFixed(0),
  ];
}
