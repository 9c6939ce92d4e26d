/**
 * A chassis of lflow's own beside recordings of real OVN: the same conversations, the same frames
 * out of the same ports.  Random frames are compared where real OVN is at hand (test/ovn/plane.test.ts).
 */
import { expect, test } from 'vitest';
import { compareSteps, replay } from '../oracle/exchange.ts';
import { nodeWorld } from '../oracle/node-world.ts';
import { peerChassis } from '../oracle/packet-peer.ts';
import { planeRecordings, readPlaneRecording } from '../oracle/plane-recording.ts';
import { comparedSteps, southboundFor } from '../ovn/plane/differences.ts';

test.each(planeRecordings())('%s', async (name) => {
  const { southbound, placement, vifs: bindings, networks, steps } = readPlaneRecording(name);
  const topology = name.replaceAll('-', ' ');
  // Long frames are not recorded: of what is cut into fragments, and of random frames, something may be missing.
  const isWhole = (conversation: string): boolean => !/^(random frames|fragments)/.test(conversation);
  const theirs = steps.filter(({ conversation }) => isWhole(conversation));
  expect(theirs.flatMap(({ received }) => received).length).toBeGreaterThan(100);
  const world = nodeWorld({
    southbound: southboundFor(topology, southbound),
    placement,
    chassis: peerChassis,
    bindings,
    networks,
  });
  await world.ready();
  const ours = await replay(world, theirs);
  expect(compareSteps(comparedSteps(topology, theirs), comparedSteps(topology, ours)).join('\n')).toBe('');
});
