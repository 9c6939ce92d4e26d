/**
 * Frames beside the real data plane, topology by topology: what hosts say to each other, to
 * routers and to the world outside, then random frames.  Every port must be sent the same
 * bytes.
 *
 * LFLOW_SEED repeats a run; LFLOW_RUNS (500) is the number of random frames a topology;
 * LFLOW_BATCH (50) is how many of them are sent at once; LFLOW_TOPOLOGY picks topologies by a
 * part of their names.
 */
import { describe, expect, test } from 'vitest';
import { compareSteps, play, type Step } from '../oracle/exchange.ts';
import { type PacketPeer, startPeer } from '../oracle/packet-peer.ts';
import { type Central, withCentral } from '../oracle/sandbox.ts';
import { seedAndRuns, wholeNumber } from '../oracle/seed.ts';
import { conversationsOf } from './plane/conversations.ts';
import { randomFrames } from './plane/random.ts';
import { readScene, type Scene } from './plane/scene.ts';
import { servicesOf } from './plane/services.ts';
import { type PlaneTopology, planeTopologies } from './plane/topologies.ts';

const { seed, runs } = seedAndRuns(500);
const batch = wholeNumber('LFLOW_BATCH') ?? 50;
const wanted = process.env.LFLOW_TOPOLOGY ?? '';

/** A real world of its own for each run: what a switch remembers (fragments, connections) ends with it. */
async function inRealWorld<T>(act: (central: Central, peer: PacketPeer) => Promise<T>): Promise<T> {
  return withCentral(async (central) => {
    const peer = await startPeer(central, { waitsForController: true });
    await peer.localnet('physnet', 'hub');
    return act(central, peer);
  });
}

async function load(central: Central, peer: PacketPeer, { northbound, learned }: PlaneTopology): Promise<Scene> {
  await central.run(northbound);
  await central.settle();
  const scene = await readScene(central);
  const own = new Set(scene.learned.macBindings.map(({ logicalPort, ip }) => `${logicalPort} ${ip}`));
  const others = learned.macBindings.filter(({ logicalPort, ip }) => !own.has(`${logicalPort} ${ip}`));
  await central.learn({ macBindings: [...scene.learned.macBindings, ...others], fdb: learned.fdb });
  await peer.bind(scene.vifs);
  await peer.ready();
  return scene;
}

describe.each(planeTopologies.filter(({ name }) => name.includes(wanted)))('$name', (topology) => {
  test('frames', async () => {
    const begin = performance.now();
    const run = (): Promise<{ steps: Step[]; random: Step[] }> =>
      inRealWorld(async (central, peer) => {
        const t0 = performance.now();
        const scene = await load(central, peer, topology);
        const t1 = performance.now();
        const steps = await play(peer, [...servicesOf(scene), ...conversationsOf(scene)], { oneByOne: batch === 1 });
        const t2 = performance.now();
        const random = await play(peer, [randomFrames(scene, steps, { seed, count: runs, batch })]);
        console.log('load', t1 - t0, 'talk', t2 - t1, 'random', performance.now() - t2);
        return { steps, random };
      });
    const first = await run();
    const middle = performance.now();
    const second = await run();
    const all = [...first.steps, ...first.random];
    const frames = all.flatMap(({ sent }) => sent).length;
    const seen = all.flatMap(({ received }) => received).length;
    console.log(
      `${topology.name}: ${all.length} steps, ${frames} sent, ${seen} received, ${((middle - begin) / 1000).toFixed(1)} s`,
    );
    const differences = compareSteps([...first.steps, ...first.random], [...second.steps, ...second.random]);
    if (differences.length > 0) expect.fail(differences.join('\n'));
  });
});
