/**
 * What hosts say to each other, then random frames, in two worlds: data planes alone, and data planes beside devices.
 * Every port has to be sent the same bytes.
 */
import { computeSouthbound } from '../../engine/northd/index.ts';
import type { Capabilities } from '../../engine/offload/capabilities/index.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import { placementOf } from '../../engine/program/index.ts';
import { chassisIn } from '../../sim/offload/node.ts';
import { compareSteps, play, type Step } from '../oracle/exchange.ts';
import { type Carrier, openWorld, truthful } from '../oracle/offload-world.ts';
import type { PacketWorld } from '../oracle/packet-world.ts';
import { conversationsOf } from '../ovn/plane/conversations.ts';
import { randomFrames } from '../ovn/plane/random.ts';
import { sceneOf } from '../ovn/plane/scene.ts';

export interface AgreeOptions {
  readonly capabilities: Capabilities;
  readonly seed: number;
  /** Random frames that each port sends. */
  readonly random: number;
  /** How many conversations of each topology are played; all without it. */
  readonly conversations?: number;
}

export interface Agreed {
  /** Where the worlds differ, in words; none where they agree. */
  readonly differences: readonly string[];
  /** Frames that ports sent, that came to a device, and that it carried by itself. */
  readonly sent: number;
  readonly frames: number;
  readonly hardware: number;
  readonly rules: number;
}

/** Plays a northbound database with each of these carriers, and compares. */
export async function agree(
  nb: Northbound,
  carriers: readonly Carrier[],
  options: AgreeOptions,
): Promise<Map<Carrier, Agreed>> {
  const { southbound } = computeSouthbound(nb);
  const placement = placementOf(nb);
  const chassis = [...chassisIn(southbound)].sort();
  const scene = sceneOf(nb);
  const vifs = Math.max(scene.vifs.length, 1);
  const talk = conversationsOf(scene).slice(0, options.conversations);
  const frames = { seed: options.seed, count: options.random * vifs, batch: 1 };
  const played = async (all: PacketWorld, pool?: readonly Step[]): Promise<Step[]> => {
    const world = truthful(all);
    const steps = await play(world, talk, { oneByOne: true });
    return [...steps, ...(await play(world, [randomFrames(scene, pool ?? steps, frames)]))];
  };
  const common = { southbound, placement, chassis, capabilities: options.capabilities };
  const soft = await openWorld({ ...common, carrier: 'software' });
  const expected = await played(soft);
  const sent = expected.reduce((sum, step) => sum + step.sent.length, 0);
  const found = new Map<Carrier, Agreed>();
  for (const carrier of carriers) {
    const world = await openWorld({ ...common, carrier });
    try {
      const differences = compareSteps(expected, await played(world, expected));
      const rules = [...world.ruleSets().values()].reduce((sum, set) => sum + set.rules.length, 0);
      found.set(carrier, { differences, sent, ...world.carried, rules });
    } finally {
      await world.close();
    }
  }
  return found;
}
