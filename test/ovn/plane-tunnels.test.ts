/**
 * Two chassis beside each other: what leaves one in a tunnel comes in at the other.  Encapsulated
 * frames are compared, too: Geneve with OVN's option, VXLAN as OVN limits it.
 */
import { describe, expect, test } from 'vitest';
import { type ChassisMacs, placementOf } from '../../engine/program/index.ts';
import type { Step } from '../oracle/exchange.ts';
import { connectUnderlay, joined, type Member, underlayOf, withoutHash } from '../oracle/fabric.ts';
import { fleetWorld } from '../oracle/node-world.ts';
import { startPeer } from '../oracle/packet-peer.ts';
import { withCentral } from '../oracle/sandbox.ts';
import { seedAndRuns, wholeNumber } from '../oracle/seed.ts';
import { southboundOf, southboundTables } from '../oracle/southbound.ts';
import { playAll } from './plane/both.ts';
import { agreementOf, exceeded } from './plane/bounds.ts';
import { northboundOfCentral, readScene } from './plane/scene.ts';
import { fixedTunnelKeys, type TunnelTopology, tunnelTopologies } from './plane/tunnels.ts';

const { seed, runs } = seedAndRuns(200);
const batch = wholeNumber('LFLOW_BATCH') ?? 10;

/** The share that has to be equal. */
const leastForTunnels = { conversations: 0.9, random: 0.8 };

const chassisMacs: ChassisMacs = {
  left: { physnet: '02:00:00:00:cc:01' },
  right: { physnet: '02:00:00:00:cc:02' },
};

/** What two real chassis, and two of lflow's, do with everything that is said in a topology. */
function playBoth(topology: TunnelTopology): Promise<{ theirs: Step[]; ours: Step[] }> {
  return withCentral(async (central) => {
    await central.run(`${topology.northbound}${fixedTunnelKeys}`);
    await central.settle();
    const scene = await readScene(central);
    const members: Member[] = [];
    const peers = [];
    for (const [index, name] of ['left', 'right'].entries()) {
      const ip = `192.0.2.${index + 1}`;
      const mapping = topology.hasMacs && { macMappings: `physnet:${chassisMacs[name]?.physnet}` };
      const encapsulation = { ...mapping, encapType: topology.encapsulation, encapIp: ip };
      const peer = await startPeer(central, { chassis: name, waitsForController: true, ...encapsulation });
      const isHere = (port: string): boolean =>
        topology.both?.includes(port) || topology.right.includes(port) === (name === 'right');
      const ports = scene.vifs.filter(isHere);
      const networks = name === 'right' || topology.isShared ? scene.networks : [];
      for (const network of networks) await peer.localnet(network, 'hub');
      await peer.bind(ports);
      members.push({ name, ip, mac: `02:00:00:00:ee:0${index + 1}`, world: peer, ports: [...ports, ...networks] });
      peers.push(peer);
    }
    for (const [index, peer] of peers.entries()) await connectUnderlay(peer, members[index], members);
    await central.learn(scene.learned);
    const sharedNetworks = topology.isShared ? scene.networks : [];
    const world = joined(members, sharedNetworks);
    await world.ready();
    const southbound = southboundOf(await central.rows('OVN_Southbound', southboundTables));
    const placement = placementOf(await northboundOfCentral(central));
    const options = { seed, count: runs, batch };
    const theirs = await playAll(world, scene, options);
    const chassis = members.map(({ name, ip, mac, ports }) => ({
      chassis: name,
      ip,
      mac,
      bindings: ports.filter((port) => scene.vifs.includes(port)),
      networks: ports.filter((port) => scene.networks.includes(port)),
    }));
    const fleet = fleetWorld({
      southbound,
      placement,
      chassis,
      encapsulation: topology.encapsulation,
      sharedNetworks,
      ...(topology.hasMacs && { chassisMacs }),
    });
    return { theirs, ours: await playAll(fleet, scene, options, theirs) };
  });
}

const wanted = tunnelTopologies.filter(({ name }) => name.includes(process.env.LFLOW_TOPOLOGY ?? ''));

test('there are as many as are asked for', () => {
  expect(new Set(wanted.map(({ name }) => name)).size).toBe(wanted.length);
});

describe.each(wanted)('$name', (topology) => {
  test('frames in tunnels', async () => {
    const { theirs, ours } = await playBoth(topology);
    // Where both are on the physical network, most goes there.
    const between = theirs
      .flatMap(({ received }) => received)
      .filter(({ port }) => port.startsWith(underlayOf('')) || (topology.isShared && port === 'physnet'));
    expect(between.length).toBeGreaterThan(100);
    const agreement = agreementOf(theirs, ours, { compared: withoutHash });
    for (const text of agreement.told) process.stdout.write(`${topology.name}: ${text}\n`);
    expect(exceeded(agreement, leastForTunnels)).toEqual([]);
  });
});
