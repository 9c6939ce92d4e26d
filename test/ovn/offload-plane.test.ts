/**
 * Rules in the emulated device and software for the rest, beside ovn-controller and ovs-vswitchd: what hosts say to each
 * other, to routers and to the world outside, and random frames, come out of both alike.  A chassis of lflow's own without
 * a device is the measure of what may differ (plane/bounds.ts): a device adds nothing to that.
 *
 * LFLOW_SEED repeats a run; LFLOW_RUNS (100) is the number of random frames a topology; LFLOW_TOPOLOGY picks topologies.
 */
import { describe, expect, test } from 'vitest';
import { capabilitiesOf } from '../../engine/offload/capabilities/index.ts';
import { placementOf } from '../../engine/program/index.ts';
import { compareSteps } from '../oracle/exchange.ts';
import { type Carrier, openWorld, truthful } from '../oracle/offload-world.ts';
import { peerChassis } from '../oracle/packet-peer.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { southboundOf, southboundTables } from '../oracle/southbound.ts';
import { inRealWorld, playAll } from './plane/both.ts';
import { agreementOf, exceeded, leastForOne } from './plane/bounds.ts';
import { comparedSteps, southboundFor } from './plane/differences.ts';
import { northboundOfCentral } from './plane/scene.ts';
import { wantedOf } from './plane/suite.ts';
import { planeTopologies } from './plane/topologies.ts';

const { manifests, switches, routers } = planeTopologies;
const capabilities = capabilitiesOf('bluefield-3-doca-hws');
if (!capabilities) throw new Error('no such device');

const chosen = wantedOf([...manifests.slice(0, 4), ...switches.slice(0, 1), ...routers.slice(0, 2)]);
const carriers: readonly Carrier[] = ['software', 'proactive', 'reactive'];

describe.each(chosen)('$name', (topology) => {
  test('frames', async () => {
    const { seed, runs } = seedAndRuns(100);
    const options = { seed, count: runs, batch: 1 };
    await inRealWorld(topology, async (peer, scene, central) => {
      const rows = southboundOf(await central.rows('OVN_Southbound', southboundTables));
      const southbound = southboundFor(topology.name, rows);
      const placement = placementOf(await northboundOfCentral(central));
      const theirs = await playAll(truthful(peer), scene, options);
      const common = {
        southbound,
        placement,
        chassis: [peerChassis],
        capabilities,
        bindings: scene.vifs,
        networks: scene.networks,
      };
      let plain: Awaited<ReturnType<typeof playAll>> = [];
      for (const carrier of carriers) {
        const world = await openWorld({ ...common, carrier });
        try {
          const ours = await playAll(truthful(world), scene, options, theirs);
          const agreement = agreementOf(comparedSteps(topology.name, theirs), comparedSteps(topology.name, ours));
          const { frames, hardware } = world.carried;
          const { conversations, random } = agreement;
          process.stdout.write(
            `${topology.name}, ${carrier}: ${hardware} of ${frames} frames in hardware; different from Open vSwitch: ` +
              `${conversations.different} of ${conversations.count} conversations, ${random.different} of ${random.count} random frames\n`,
          );
          if (carrier === 'software') plain = ours;
          // What a device changes comes first: it tells more than a count.
          if (carrier !== 'software') expect(compareSteps(plain, ours), carrier).toEqual([]);
          expect(exceeded(agreement, leastForOne), carrier).toEqual([]);
        } finally {
          await world.close();
        }
      }
    });
  });
});
