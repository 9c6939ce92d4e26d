/** The world outside opens no connection into a network, unless that is routed without masquerade. */
import { formatIpv4, lastAddress } from '../../../engine/address.ts';
import type { NetworkPlan, VpcPlan } from '../../../engine/vpc/plan.ts';
import { ipv4Text, transports } from '../packets.ts';
import { type Gateway, type Host, outsideMac, type World } from '../world.ts';
import { expectNoArrival, protocolName } from './expect.ts';
import { allNetworks, networkSubject, type Probe, type Property, sample, share } from './property.ts';

export const externalIngressBlocked: Property = {
  id: 'external-ingress-blocked',
  promise: 'the world outside opens no connection into a network, unless it is routed without masquerade',
  *checks(world) {
    for (const { vpc, plan } of allNetworks(world)) {
      const vacuous = whyVacuous(world, vpc, plan);
      yield {
        subject: networkSubject(plan),
        source: plan.network.at('spec.externallyRouted'),
        probes: probes(world, vpc, plan),
        ...(vacuous && { vacuous }),
      };
    }
  },
};

function whyVacuous(world: World, vpc: VpcPlan, { network }: NetworkPlan): string | undefined {
  if (world.gatewaysOf(vpc).length === 0) return 'the VPC has no way to the world outside';
  if (network.externallyRouted && !network.masquerade)
    return 'the network is routed without masquerade, so the world outside may reach it';
  return undefined;
}

function* probes(world: World, vpc: VpcPlan, plan: NetworkPlan): Generator<Probe> {
  const limit = Math.ceil(Math.sqrt(share(world, 512)));
  for (const gateway of sample(world.gatewaysOf(vpc), limit)) {
    for (const host of sample(world.hostsOf(plan), limit)) yield* attempts(world, gateway, host);
  }
}

/** To the private address and to the gateway's own, with an honest source and with forged ones. */
function* attempts(world: World, gateway: Gateway, host: Host): Generator<Probe> {
  const sources = [world.outsideAddress, formatIpv4(lastAddress(host.network.subnet) - 1), gateway.endpoint.ip];
  for (const destination of [host.endpoint.ip, gateway.endpoint.ip]) {
    for (const source of sources) {
      for (const ethDst of [gateway.endpoint.mac, host.endpoint.mac]) {
        for (const transport of transports) {
          const text = ipv4Text({
            inport: gateway.localnet,
            ethSrc: outsideMac,
            ethDst,
            source,
            destination,
            transport,
          });
          const what = `${protocolName(transport)} from outside (${source}) to ${destination}`;
          yield () => expectNoArrival(world.send(text), what, (arrival) => arrival.host !== undefined);
        }
      }
    }
  }
}
