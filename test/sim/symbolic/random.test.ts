/**
 * Random networks: every packet that may enter is in some class, and the classes
 * bring packets where the tracer does.
 *
 * LFLOW_SEED is the seed of the networks, LFLOW_RUNS (3) is the number of networks of each kind: there are more if these
 * bring too few packets anywhere.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { computeSouthbound } from '../../../engine/northd/index.ts';
import type { Northbound } from '../../../engine/ovsdb/northbound.ts';
import { analyse, networkOf } from '../../../sim/symbolic/index.ts';
import * as switches from '../../northd/random.ts';
import * as routers from '../../northd/router/random.ts';
import { seedAndRuns } from '../../oracle/seed.ts';
import { compare, hasAll, noComparison, randomOf, randomPackets, samples } from './compare.ts';
import { prepare } from './traced.ts';

const kinds: Record<string, fc.Arbitrary<Northbound>> = {
  switches: switches.randomSwitches.map(switches.northboundOf),
  routers: routers.randomRouters.map(routers.northboundOf),
};

/** To sample what is dropped by a collector that there cannot be makes flows that nobody understands, for all packets. */
function withoutSamples(northbound: Northbound): Northbound {
  for (const row of northbound.NB_Global.values()) delete row.options.debug_drop_collector_set;
  return northbound;
}

const { seed, runs } = seedAndRuns(3);

test.each(Object.keys(kinds))('%s', { timeout: 600_000 }, (kind) => {
  const counted = noComparison();
  const databases = fc.sample(kinds[kind] as fc.Arbitrary<Northbound>, { seed, numRuns: 5 * runs });
  const isEnough = (): boolean => counted.same > 40 * runs && counted.delivered > 5 * runs;
  for (const [index, northbound] of databases.entries()) {
    if (index >= runs && isEnough()) break;
    const { southbound } = computeSouthbound(withoutSamples(northbound));
    const network = networkOf(southbound);
    if (network.components.every((all) => all.every(({ ports }) => ports.every(({ edge }) => !edge)))) continue;
    const analysis = analyse(network);
    const random = randomOf(seed + index);
    expect(hasAll(analysis, random), `network ${index} of seed ${seed}`).toBe(true);
    const packets = [...samples(analysis), ...randomPackets(analysis, random, 300)];
    const { differences, ...counts } = compare(prepare(southbound), analysis, packets);
    expect(differences, `network ${index} of seed ${seed}`).toEqual([]);
    counted.same += counts.same;
    counted.skipped += counts.skipped;
    counted.among += counts.among;
    counted.delivered += counts.delivered;
  }
  process.stdout.write(`seed ${seed}, ${kind}: ${JSON.stringify(counted)}\n`);
  expect(isEnough()).toBe(true);
});
