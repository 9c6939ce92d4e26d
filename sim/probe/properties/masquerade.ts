/** What leaves a masqueraded network has its node's external address; other networks keep their own. */
import { openingText, toOutside } from '../conversation.ts';
import { strays, type Transport, transports } from '../packets.ts';
import { ipv4Text } from '../read.ts';
import type { Host, World } from '../world.ts';
import { departure, protocolName } from './expect.ts';
import { allNetworks, type Failure, networkSubject, type Probe, type Property, sample, share } from './property.ts';

export const masquerade: Property = {
  id: 'masquerade',
  promise: "what leaves a masqueraded network has the external address of the port's own node",
  *checks(world) {
    for (const { plan } of allNetworks(world)) {
      const hosts = world.hostsOf(plan);
      const vacuous = plan.network.externallyRouted
        ? hosts.length === 0 && 'the network has no port'
        : 'the network is not externally routed';
      yield {
        subject: networkSubject(plan),
        source: plan.network.at('spec.masquerade'),
        probes: probes(world, sample(hosts, share(world, 1024))),
        ...(vacuous && { vacuous }),
      };
    }
  },
};

function* probes(world: World, hosts: readonly Host[]): Generator<Probe> {
  for (const host of hosts) {
    for (const transport of [...transports, ...strays]) yield () => expectSource(world, host, transport);
  }
}

function expectSource(world: World, host: Host, transport: Transport): Failure | undefined {
  const outcome = world.send(openingText(toOutside(world, host, transport)));
  const out = departure(outcome);
  if (!out?.gateway) return undefined;
  const promised = host.network.network.masquerade ? out.gateway.endpoint.ip : host.endpoint.ip;
  const source = ipv4Text(out.field('ip4.src'));
  if (source === promised) return undefined;
  const reason = `${protocolName(transport)} from ${host.port.name} left with the source address ${source}, not ${promised}`;
  return { reason, outcome, outport: out.port };
}
