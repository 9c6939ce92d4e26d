/** Networks that are put on one chassis whole, without a real OVN: topologies of other suites, examples, random ones. */
import { readFileSync } from 'node:fs';
import { parseIpv4, parseIpv6 } from '../../engine/lang/index.ts';
import { createNode, type Node, type NodeOptions } from '../../engine/node/index.ts';
import { computeSouthbound } from '../../engine/northd/index.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import { type Placement, placementOf } from '../../engine/program/index.ts';
import { readManifests } from '../../engine/spec/read.ts';
import { northboundOf } from '../../engine/vpc/index.ts';
import { exampleManifests } from '../examples/manifests.ts';
import { topologies as routerTopologies } from '../northd/router/topologies.ts';
import { switchTopologies } from '../northd/topologies.ts';
import { planeRecordings, readPlaneRecording } from '../oracle/plane-recording.ts';
import { type Scene, sceneOf } from '../ovn/plane/scene.ts';

/** The chassis that all of a network is on. */
export const chassis = 'here';

export interface Network {
  readonly name: string;
  readonly nb: Northbound;
}

export interface Placed {
  readonly southbound: Southbound;
  readonly placement: Placement;
  readonly scene: Scene;
}

const examplesFolder = new URL('../../examples/', import.meta.url);

export const ofManifests = (name: string, text: string): Network => ({
  name,
  nb: northboundOf(readManifests([{ file: name, text }]).resources),
});

export const ofExample = (file: string): Network =>
  ofManifests(file, readFileSync(new URL(file, examplesFolder), 'utf8'));

/** Nobody can say who is on a network whose addresses are wrong, or behind a next hop that is a port. */
const leftOut = ['mistakes', 'meters-and-samples'];

/** Examples, and the topologies that northd's tests are made of. */
export function knownNetworks(): Network[] {
  const made = Object.entries({ ...switchTopologies, ...routerTopologies }).filter(([name]) => !leftOut.includes(name));
  return [...exampleManifests.map(ofExample), ...made.map(([name, make]) => ({ name, nb: make() }))];
}

/** Everything that is on some chassis is on this one. */
export function hereOnly(nb: Northbound): Northbound {
  for (const { options } of nb.Logical_Router.values()) if (options.chassis) options.chassis = chassis;
  for (const { options } of nb.Logical_Switch_Port.values()) {
    if (options['requested-chassis']) options['requested-chassis'] = chassis;
  }
  for (const row of nb.Gateway_Chassis.values()) row.chassis_name = chassis;
  for (const row of nb.HA_Chassis.values()) row.chassis_name = chassis;
  return nb;
}

const isAddress = (ip: string | undefined): ip is string => {
  const [address = '', length = '0'] = ip?.split('/') ?? [];
  return /^\d+$/.test(length) && (parseIpv4(address) ?? parseIpv6(address)) !== undefined;
};

/** Without what is no address: names of pools, mistakes. */
function believable(scene: Scene): Scene {
  return {
    ...scene,
    targets: scene.targets.filter(({ ip }) => isAddress(ip) && !ip.includes('/')),
    hosts: scene.hosts.map(({ ip4, ip6, ...host }) => ({
      ...host,
      ...(isAddress(ip4) && { ip4 }),
      ...(isAddress(ip6) && { ip6 }),
      gateways: host.gateways
        .map((gateway) => ({ ...gateway, networks: gateway.networks.filter(isAddress) }))
        .filter(({ networks }) => networks.length > 0),
    })),
  };
}

/** The network on the one chassis, with who is on it. */
export function placed({ nb }: Network): Placed {
  hereOnly(nb);
  const scene = believable(sceneOf(nb));
  const { southbound } = computeSouthbound(nb);
  const macBindings = [...southbound.macBindings, ...scene.learned.macBindings];
  return { southbound: { ...southbound, macBindings }, placement: placementOf(nb), scene };
}

/** Small tables, so that they have to make room. */
const common = { wire: 'hub', seed: 11n, plane: { megaflows: 512, connections: 4096, entries: 256 } } as const;

/** What creates the chassis of a network. */
export function optionsOf({ southbound, placement, scene }: Placed): NodeOptions {
  return { southbound, placement, chassis, bindings: scene.vifs, networks: scene.networks, ...common };
}

/** A recording's chassis, and what was sent into the real one. */
export function recorded(name: string) {
  const { southbound, placement, vifs, networks, steps } = readPlaneRecording(name);
  const options: NodeOptions = { southbound, placement, chassis: 'peer', bindings: vifs, networks, ...common };
  return { options, steps };
}

export { planeRecordings };

/** A chassis that translates every packet anew: nothing that an earlier packet left behind in a cache is used. */
export function nodeWithoutCaches(options: NodeOptions): Node {
  const node = createNode(options);
  const { plane } = node;
  const { exports } = plane;
  const [push, process, inject] = [plane.push, plane.process, plane.inject].map((method) =>
    method.bind(plane),
  ) as unknown as [typeof plane.push, typeof plane.process, typeof plane.inject];
  let pushed = 0;
  const forget = () => {
    exports.dropConnections();
    exports.invalidateAll();
  };
  plane.push = (port, frame) => {
    if (pushed === 1 || !push(port, frame)) return false;
    pushed = 1;
    return true;
  };
  plane.process = (milliseconds, outlet) => {
    pushed = 0;
    forget();
    process(milliseconds, outlet);
  };
  plane.inject = (frame, flow, milliseconds) => {
    forget();
    return inject(frame, flow, milliseconds);
  };
  return node;
}
