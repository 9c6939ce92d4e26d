/** A network's gateway, the first address of its subnet, answers ARP and ping. */
import { gatewayText } from '../conversation.ts';
import { arpRequestText, ipv4Text } from '../packets.ts';
import type { Host, World } from '../world.ts';
import { expectArpReply, returned } from './expect.ts';
import { allNetworks, type Failure, networkSubject, type Probe, type Property, sample, share } from './property.ts';

export const gatewayAnswers: Property = {
  id: 'gateway-answers',
  promise: "a network's gateway answers ARP and ping",
  *checks(world) {
    for (const { plan } of allNetworks(world)) {
      const hosts = world.hostsOf(plan);
      yield {
        subject: networkSubject(plan),
        source: plan.network.at('spec.bridgedNetwork.ipam.ipv4.subnet'),
        probes: probes(world, sample(hosts, share(world, 2048))),
        ...(hosts.length === 0 && { vacuous: 'the network has no port' }),
      };
    }
  },
};

function* probes(world: World, hosts: readonly Host[]): Generator<Probe> {
  for (const host of hosts) {
    const gateway = gatewayText(host);
    yield () => {
      const outcome = world.send(arpRequestText(host.port.name, host.endpoint, gateway));
      return expectArpReply(outcome, gateway, host.network.gateway.mac);
    };
    yield () => expectPong(world, host, gateway);
  }
}

function expectPong(world: World, host: Host, gateway: string): Failure | undefined {
  const outcome = world.send(
    ipv4Text({
      inport: host.port.name,
      ethSrc: host.endpoint.mac,
      ethDst: host.network.gateway.mac,
      source: host.endpoint.ip,
      destination: gateway,
      transport: { protocol: 'icmp', type: 'request' },
    }),
  );
  const reply = returned(outcome);
  if (reply?.field('ip.proto') === 1n && reply.field('icmp4.type') === 0n) return undefined;
  return { reason: `the gateway ${gateway} does not answer the ping of ${host.port.name}`, outcome };
}
