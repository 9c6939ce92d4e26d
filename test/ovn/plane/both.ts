/** A topology in a world: what is loaded there, and everything that is played. */
import { play, type Step } from '../../oracle/exchange.ts';
import { type PacketPeer, startPeer } from '../../oracle/packet-peer.ts';
import type { PacketWorld } from '../../oracle/packet-world.ts';
import { type Central, withCentral } from '../../oracle/sandbox.ts';
import { conversationsOf } from './conversations.ts';
import { type RandomFrames, randomFrames } from './random.ts';
import { readScene, type Scene } from './scene.ts';
import { servicesOf } from './services.ts';
import type { PlaneTopology } from './topologies.ts';

/** A real world of its own: what a switch remembers (fragments, connections) ends with it. */
export function inRealWorld<T>(
  topology: PlaneTopology,
  act: (peer: PacketPeer, scene: Scene, central: Central) => Promise<T>,
): Promise<T> {
  return withCentral(async (central) => {
    const peer = await startPeer(central, { waitsForController: true });
    await central.run(topology.northbound);
    await central.settle();
    const scene = await readScene(central);
    for (const network of new Set(['physnet', ...scene.networks])) await peer.localnet(network, 'hub');
    const own = new Set(scene.learned.macBindings.map(({ logicalPort, ip }) => `${logicalPort} ${ip}`));
    const others = topology.learned.macBindings.filter(({ logicalPort, ip }) => !own.has(`${logicalPort} ${ip}`));
    const macBindings = [...scene.learned.macBindings, ...others];
    await central.learn({ macBindings, fdb: topology.learned.fdb });
    await peer.bind(scene.vifs);
    await peer.ready();
    return act(peer, scene, central);
  });
}

/**
 * Plays everything in a world.  Random frames are mutants of what was said in the real one:
 * `pool`, or what is said now.
 */
export async function playAll(
  world: PacketWorld,
  scene: Scene,
  options: RandomFrames,
  pool?: readonly Step[],
): Promise<Step[]> {
  const talk = [...servicesOf(scene), ...conversationsOf(scene)];
  const steps = await play(world, talk, { oneByOne: options.batch === 1 });
  return [...steps, ...(await play(world, [randomFrames(scene, pool ?? steps, options)]))];
}
