/**
 * A suite of topologies: what hosts say to each other, to routers and to the world outside, then random
 * frames, go into ovn-controller and ovs-vswitchd and into a chassis of lflow's own that reads the same
 * southbound database.  Every port should be sent the same bytes.  Two real worlds are, so whatever
 * differs is lflow's doing: it is printed, counted, and bounded, for each topology and for the suite
 * (bounds.ts).
 *
 * LFLOW_SEED repeats a run; LFLOW_RUNS (500) is the number of random frames a topology;
 * LFLOW_BATCH (10) is how many of them are sent at once; LFLOW_TOPOLOGY picks topologies by a
 * part of their names.
 */
import { afterAll, describe, expect, test } from 'vitest';
import { placementOf } from '../../../engine/program/index.ts';
import { nodeWorld } from '../../oracle/node-world.ts';
import { peerChassis } from '../../oracle/packet-peer.ts';
import { seedAndRuns, wholeNumber } from '../../oracle/seed.ts';
import { southboundOf, southboundTables } from '../../oracle/southbound.ts';
import { inRealWorld, playAll } from './both.ts';
import { type Agreement, agreementOf, exceeded, leastForAll, leastForOne, mostUnequal, total } from './bounds.ts';
import { comparedSteps, southboundFor } from './differences.ts';
import { northboundOfCentral } from './scene.ts';
import type { PlaneTopology } from './topologies.ts';

/** The topologies that LFLOW_TOPOLOGY asks for. */
export const wantedOf = (topologies: readonly PlaneTopology[]): PlaneTopology[] =>
  topologies.filter(({ name }) => name.includes(process.env.LFLOW_TOPOLOGY ?? ''));

/** A test for each topology, and one for all of them. */
export function comparePlanes(topologies: readonly PlaneTopology[]): void {
  const { seed, runs } = seedAndRuns(300);
  const options = { seed, count: runs, batch: wholeNumber('LFLOW_BATCH') ?? 10 };
  const wanted = wantedOf(topologies);
  const agreements: Agreement[] = [];
  const tally = { frames: 0, received: 0 };
  const unequal = (): number =>
    agreements.filter(({ conversations, random }) => conversations.different + random.different > 0).length;
  afterAll(() => {
    const { conversations, random } = total(agreements);
    process.stdout.write(
      `${agreements.length} topologies, ${unequal()} of them different: ` +
        `${tally.frames} frames sent, ${tally.received} received in the real world; ` +
        `different: ${conversations.different} of ${conversations.count} conversations, ` +
        `${random.different} of ${random.count} batches of random frames\n`,
    );
  });

  describe.each(wanted)('$name', (topology) => {
    test('frames', async () => {
      await inRealWorld(topology, async (peer, scene, central) => {
        const rows = southboundOf(await central.rows('OVN_Southbound', southboundTables));
        const southbound = southboundFor(topology.name, rows);
        const placement = placementOf(await northboundOfCentral(central));
        const theirs = await playAll(peer, scene, options);
        const { vifs: bindings, networks } = scene;
        const node = nodeWorld({ southbound, placement, chassis: peerChassis, bindings, networks });
        const ours = await playAll(node, scene, options, theirs);
        const agreement = agreementOf(comparedSteps(topology.name, theirs), comparedSteps(topology.name, ours));
        for (const text of agreement.told) process.stdout.write(`${topology.name}: ${text}\n`);
        agreements.push(agreement);
        const received = theirs.flatMap((step) => step.received).length;
        tally.frames += theirs.flatMap(({ sent }) => sent).length;
        tally.received += received;
        expect(received).toBeGreaterThan(100);
        expect(exceeded(agreement, leastForOne)).toEqual([]);
      });
    });
  });

  test('altogether', () => {
    expect(agreements.length).toBe(wanted.length);
    if (wanted.length < topologies.length) return;
    expect(exceeded(total(agreements), leastForAll)).toEqual([]);
    expect(unequal()).toBeLessThanOrEqual(mostUnequal);
  });
}
