/** Small networks of several parts. */
import { computeSouthbound } from '../../../engine/northd/index.ts';
import { northboundOfPlan, planTopology } from '../../../engine/vpc/index.ts';
import type { Subject } from '../../../sim/jobs/parts.ts';
import { builtInProperties } from '../../../sim/properties/index.ts';
import type { Property } from '../../../sim/properties/property.ts';
import type { Verification } from '../../../sim/verdict.ts';
import { network, node, resourcesOf, vf, vpc } from '../../topology.ts';

/** Manifests of two VPCs with a way outside, each on a node of its own; the second one has so many interfaces. */
export const twoVpcManifests = (interfaces = 1): object[] => [
  vpc('red'),
  vpc('blue'),
  network('rednet', 'red', '10.0.0.0/24'),
  network('bluenet', 'blue', '10.0.0.0/24'),
  vf('rednet', 0),
  node('n0', 'red'),
  node('n1', 'blue'),
  ...Array.from({ length: interfaces }, (_, index) => vf('bluenet', index)),
];

export function twoVpcs(interfaces = 1): Subject {
  const plans = planTopology(resourcesOf(...twoVpcManifests(interfaces)));
  const northbound = northboundOfPlan(plans);
  return { southbound: computeSouthbound(northbound).southbound, northbound, plans };
}

/** Properties of every kind, of those that are proven soon. */
export const cheapIds = ['tenant-isolation', 'no-transit', 'nat-unique', 'address-unique', 'no-loop', 'dead-flows'];

export const cheap: readonly Property[] = builtInProperties.filter(({ id }) => cheapIds.includes(id));

/** All but how long it took. */
export const said = ({ elapsedMs: _, ...rest }: Verification): Omit<Verification, 'elapsedMs'> => rest;
