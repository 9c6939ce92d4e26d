/** Rules that conversations and random frames left in devices are proven, given the connections that they stand on. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { computeSouthbound } from '../../engine/northd/index.ts';
import { capabilitiesOf } from '../../engine/offload/capabilities/index.ts';
import type { RuleSet } from '../../engine/offload/rules.ts';
import { placementOf } from '../../engine/program/index.ts';
import { readManifests } from '../../engine/spec/read.ts';
import { northboundOf } from '../../engine/vpc/index.ts';
import { chassisIn } from '../../sim/offload/node.ts';
import { openProver } from '../../sim/offload/prove.ts';
import { play } from '../oracle/exchange.ts';
import { devicePortsOf, openWorld, truthful } from '../oracle/offload-world.ts';
import type { PacketWorld } from '../oracle/packet-world.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { conversationsOf } from '../ovn/plane/conversations.ts';
import { randomFrames } from '../ovn/plane/random.ts';
import { sceneOf } from '../ovn/plane/scene.ts';

/** Rule sets of each chassis that are proven: those with the most connections, and those with the most rules. */
const each = 3;

test.each([
  ['single-vpc', 'bluefield-3-doca-hws'],
  ['service-interface', 'connectx-6-dx-sws'],
])(
  'examples/%s.yaml on %s',
  async (example, device) => {
    const { seed, runs } = seedAndRuns(20);
    const capabilities = capabilitiesOf(device);
    if (!capabilities) throw new Error(`no device ${device}`);
    const text = readFileSync(new URL(`../../examples/${example}.yaml`, import.meta.url), 'utf8');
    const nb = northboundOf(readManifests([{ file: `${example}.yaml`, text }]).resources);
    const { southbound } = computeSouthbound(nb);
    const placement = placementOf(nb);
    const chassis = [...chassisIn(southbound)].sort();
    const world = await openWorld({ southbound, placement, chassis, capabilities, carrier: 'reactive' });
    const seen = new Map<string, RuleSet[]>(chassis.map((name) => [name, []]));
    const note = (): void => {
      for (const [name, rules] of world.ruleSets()) seen.get(name)?.push(rules);
    };
    // Connections are forgotten between conversations.
    const noting: PacketWorld = {
      ...truthful(world),
      async forgetConnections() {
        note();
        await world.forgetConnections();
      },
    };
    const scene = sceneOf(nb);
    const steps = await play(noting, conversationsOf(scene), { oneByOne: true });
    const many = { seed, count: runs * scene.vifs.length, batch: 1 };
    await play(noting, [randomFrames(scene, steps, many)]);
    note();
    await world.close();
    const local = (name: string): string[] =>
      southbound.ports
        .filter(({ type, options }) => type === '' && options['requested-chassis'] === name)
        .map((port) => port.logicalPort);
    let proven = 0;
    for (const [name, all] of seen) {
      const prove = openProver({ southbound, placement }, { name, ...devicePortsOf(local(name), chassis) });
      const most = (size: (rules: RuleSet) => number): RuleSet[] =>
        all.toSorted((a, b) => size(b) - size(a)).slice(0, each);
      for (const rules of [...most(({ indirect = [] }) => indirect.length), ...most((set) => set.rules.length)]) {
        const proof = prove(rules);
        const told =
          proof.verdict === 'violated'
            ? proof.violations.map(({ sentence, packet }) => `${sentence} ${packet?.microflow}`)
            : [];
        expect(told, name).toEqual([]);
        expect(proof.verdict).toBe('holds');
        proven += rules.rules.length;
      }
    }
    process.stdout.write(`${example} on ${device}: ${proven} rules proven\n`);
    expect(proven).toBeGreaterThan(20);
  },
  300_000,
);
