/** Nothing that one VPC sends arrives at an interface of another, on any path. */
import type { VpcPlan } from '../../../engine/vpc/plan.ts';
import type { World } from '../world.ts';
import { intrusions } from './intrusion.ts';
import { type Check, hostPairs, type Probe, type Property, sample, vpcSubject } from './property.ts';

/** How many other VPCs each VPC is tried against. */
const othersLimit = 16;
/** How many pairs of hosts of different VPCs are tried, all in all. */
const pairLimit = 1024;

export const tenantIsolation: Property = {
  id: 'tenant-isolation',
  promise: 'nothing that one VPC sends arrives in another, whatever the path',
  *checks(world) {
    for (const from of world.plans) {
      const others = world.plans.filter((to) => to !== from);
      for (const to of sample(others, othersLimit)) yield check(world, from, to);
    }
  },
};

function check(world: World, from: VpcPlan, to: VpcPlan): Check {
  const isEmpty = [from, to].find((vpc) => vpc.networks.every((network) => world.hostsOf(network).length === 0));
  return {
    subject: `${vpcSubject(from)} → ${vpcSubject(to)}`,
    source: from.vpc.at('spec.tenant'),
    probes: probes(world, from, to),
    ...(isEmpty && { vacuous: `${vpcSubject(isEmpty)} has no port` }),
  };
}

function* probes(world: World, from: VpcPlan, to: VpcPlan): Generator<Probe> {
  const hosts = (vpc: VpcPlan) => vpc.networks.flatMap((network) => world.hostsOf(network));
  const vpcPairs = Math.max(1, world.plans.length * Math.min(othersLimit, world.plans.length - 1));
  const limit = Math.max(1, Math.min(64, Math.floor(pairLimit / vpcPairs)));
  for (const [a, b] of hostPairs(hosts(from), hosts(to), limit)) yield* intrusions(world, a, b);
}
