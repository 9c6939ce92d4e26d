/**
 * ovn-controller and ovs-vswitchd on southbound files of ours: what hosts say to each other, and random frames, come
 * out as they do on the database that ovn-northd wrote.
 */
import { expect, test } from 'vitest';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import { compareSteps, type Step } from '../oracle/exchange.ts';
import { peerChassis, startPeer } from '../oracle/packet-peer.ts';
import type { Central } from '../oracle/sandbox.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { centralOn } from './own-files.ts';
import { inRealWorld, playAll } from './plane/both.ts';
import type { RandomFrames } from './plane/random.ts';
import { northboundOfCentral, type Scene } from './plane/scene.ts';
import { type PlaneTopology, planeTopologies } from './plane/topologies.ts';

const { seed, runs } = seedAndRuns(25);
const options: RandomFrames = { seed, count: runs, batch: 10 };

/** A topology of each kind. */
const names = [
  'a switch alone',
  'example single-vpc',
  'translation on a gateway router',
  'distributed gateway',
  'balancers of a switch',
  'ACL allow-related',
  'DHCPv4',
  'provider network with a tag',
];

const topologies = Object.values(planeTopologies).flat();

for (const name of names) {
  test(name, async () => {
    const topology = topologies.find((one) => one.name === name);
    if (!topology) throw new Error(`there is no topology "${name}"`);
    const real = await inRealWorld(topology, async (peer, scene, central) => {
      const nb = await northboundOfCentral(central);
      return { nb, scene, steps: await playAll(peer, scene, options) };
    });
    const ours = await onOurFiles(topology, real.nb, real.scene, real.steps);
    expect(real.steps.flatMap(({ received }) => received).length).toBeGreaterThan(20);
    expect(compareSteps(real.steps, ours).join('\n')).toBe('');
  });
}

/** The same as `inRealWorld`, on files: `nb` has all that was added to the topology there. */
async function onOurFiles(
  { learned }: PlaneTopology,
  nb: Northbound,
  scene: Scene,
  pool: readonly Step[],
): Promise<Step[]> {
  const own = await centralOn(nb);
  try {
    const peer = await startPeer(withoutNorthd(own), { waitsForController: true });
    await nameChassis(own);
    for (const network of new Set(['physnet', ...scene.networks])) await peer.localnet(network, 'hub');
    const known = new Set(scene.learned.macBindings.map(({ logicalPort, ip }) => `${logicalPort} ${ip}`));
    const others = learned.macBindings.filter(({ logicalPort, ip }) => !known.has(`${logicalPort} ${ip}`));
    await own.learn({ macBindings: [...scene.learned.macBindings, ...others], fdb: learned.fdb });
    await peer.bind(scene.vifs);
    await peer.ready();
    return await playAll(peer, scene, options, pool);
  } finally {
    await own.stop();
  }
}

/** A central that needs no ovn-northd to wait for the chassis: it counts in the southbound database itself. */
function withoutNorthd(own: Central): Central {
  let count = 0;
  const sync = async (): Promise<string> => {
    count++;
    await own.sbctl('set', 'SB_Global', '.', `nb_cfg=${count}`);
    await eventually('ovn-controller has done what it was told', async () => {
      const { Chassis_Private: rows } = await own.rows('OVN_Southbound', ['Chassis_Private']);
      return rows.length > 0 && rows.every((row) => row.nb_cfg === count);
    });
    return '';
  };
  return {
    ...own,
    // What would be added is in the files.
    run: () => Promise.resolve(),
    nbctl: (...args) => (args.includes('sync') ? sync() : own.nbctl(...args)),
  };
}

/** ovn-northd's part when a chassis appears: those that are meant by a name are told which row that is. */
async function nameChassis(own: Central): Promise<void> {
  let chassis = '';
  await eventually('the chassis is there', async () => {
    const { Chassis: rows } = await own.rows('OVN_Southbound', ['Chassis']);
    chassis = uuidOf(rows.find(({ name }) => name === peerChassis)?._uuid);
    return chassis !== '';
  });
  const { HA_Chassis: rows } = await own.rows('OVN_Southbound', ['HA_Chassis']);
  for (const { _uuid, external_ids } of rows) {
    if (!JSON.stringify(external_ids).includes(`"${peerChassis}"`)) continue;
    await own.sbctl('set', 'HA_Chassis', uuidOf(_uuid), `chassis=${chassis}`);
  }
}

const uuidOf = (value: unknown): string => (Array.isArray(value) ? String(value[1]) : '');

async function eventually(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`waited 30 seconds in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
