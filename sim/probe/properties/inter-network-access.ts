/** Networks of one VPC reach each other, or not at all: `interNetworkAccess`. */
import type { VpcPlan } from '../../../engine/vpc/plan.ts';
import { between } from '../conversation.ts';
import { transports } from '../packets.ts';
import type { World } from '../world.ts';
import { expectConversation } from './expect.ts';
import { intrusions } from './intrusion.ts';
import { hostPairs, type Probe, type Property, share, vpcSubject } from './property.ts';

export const interNetworkAccess: Property = {
  id: 'inter-network-access',
  promise: 'networks of a VPC reach each other where interNetworkAccess says so, otherwise not at all',
  *checks(world) {
    for (const plan of world.plans) {
      const inhabited = plan.networks.filter((network) => world.hostsOf(network).length > 0);
      yield {
        subject: vpcSubject(plan),
        source: plan.vpc.at('spec.interNetworkAccess'),
        probes: probes(world, plan),
        ...(inhabited.length < 2 && { vacuous: 'the VPC has fewer than two networks with ports' }),
      };
    }
  },
};

function* probes(world: World, { vpc, networks }: VpcPlan): Generator<Probe> {
  for (const a of networks) {
    for (const b of networks) {
      if (a === b) continue;
      const limit = share(world, vpc.interNetworkAccess ? 1024 : 128);
      for (const [one, other] of hostPairs(world.hostsOf(a), world.hostsOf(b), limit)) {
        if (!vpc.interNetworkAccess) yield* intrusions(world, one, other);
        else for (const kind of transports) yield () => expectConversation(world, between(one, other, kind), other);
      }
    }
  }
}
