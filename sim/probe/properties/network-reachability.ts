/** Interfaces of one network reach each other: ARP, ping, TCP and UDP, both ways. */
import { between } from '../conversation.ts';
import { arpRequestText, transports } from '../packets.ts';
import type { Host, World } from '../world.ts';
import { expectArpReply, expectConversation } from './expect.ts';
import { allNetworks, type Failure, hostPairs, networkSubject, type Probe, type Property, share } from './property.ts';

export const networkReachability: Property = {
  id: 'network-reachability',
  promise: 'interfaces of one network find and reach each other',
  *checks(world) {
    for (const { plan } of allNetworks(world)) {
      const hosts = world.hostsOf(plan);
      yield {
        subject: networkSubject(plan),
        source: plan.network.origin,
        probes: probes(world, hosts),
        ...(hosts.length < 2 && { vacuous: 'the network has fewer than two ports' }),
      };
    }
  },
};

function* probes(world: World, hosts: readonly Host[]): Generator<Probe> {
  for (const [from, to] of hostPairs(hosts, hosts, share(world, 4096))) {
    yield () => expectFound(world, from, to);
    for (const transport of transports) yield () => expectConversation(world, between(from, to, transport), to);
  }
}

/** OVN answers for ports whose MAC address it knows; the others are asked themselves. */
function expectFound(world: World, from: Host, to: Host): Failure | undefined {
  const outcome = world.send(arpRequestText(from.port.name, from.endpoint, to.endpoint.ip));
  if (outcome.arrivals.some(({ port }) => port === to.port.name)) return undefined;
  return expectArpReply(outcome, to.endpoint.ip, to.endpoint.mac);
}
