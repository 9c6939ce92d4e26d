/** DHCP gives each interface the address that IPAM chose, and nothing where it is off. */
import { gatewayText } from '../conversation.ts';
import { dhcpDiscoverText } from '../packets.ts';
import type { Host, Outcome, World } from '../world.ts';
import { returned } from './expect.ts';
import { allNetworks, type Failure, networkSubject, type Probe, type Property, sample, share } from './property.ts';

export const dhcpAddress: Property = {
  id: 'dhcp-address',
  promise: 'DHCP gives each interface the address that IPAM chose; nobody answers where it is off',
  *checks(world) {
    for (const { plan } of allNetworks(world)) {
      const hosts = world.hostsOf(plan);
      yield {
        subject: networkSubject(plan),
        source: plan.network.at('spec.bridgedNetwork.ipam.ipv4.dhcp'),
        probes: probes(world, sample(hosts, share(world, 4096))),
        ...(hosts.length === 0 && { vacuous: 'the network has no port' }),
      };
    }
  },
};

function* probes(world: World, hosts: readonly Host[]): Generator<Probe> {
  for (const host of hosts) {
    yield () => {
      const outcome = world.send(dhcpDiscoverText(host.port.name, host.endpoint.mac));
      return host.network.network.dhcp ? expectOffer(outcome, host) : expectSilence(outcome, host);
    };
  }
}

/** The option `name` of the reply that put_dhcp_opts makes. */
function offered({ flows }: Outcome, name: string): string | undefined {
  const actions = flows.map((flow) => flow.actions).find((text) => text.includes('put_dhcp_opts('));
  return actions?.match(new RegExp(`\\b${name} = ([^,)]+)`))?.[1];
}

const isReply = (outcome: Outcome): boolean => returned(outcome)?.field('udp.src') === 67n;

function expectOffer(outcome: Outcome, host: Host): Failure | undefined {
  const { name } = host.port;
  if (!isReply(outcome)) return { reason: `nobody answers the DHCP request of ${name}`, outcome };
  const address = offered(outcome, 'offerip');
  if (address !== host.endpoint.ip) {
    return { reason: `DHCP offers ${name} the address ${address}, IPAM chose ${host.endpoint.ip}`, outcome };
  }
  const router = offered(outcome, 'router');
  if (router === gatewayText(host)) return undefined;
  return { reason: `DHCP tells ${name} to use the router ${router}, the gateway is ${gatewayText(host)}`, outcome };
}

function expectSilence(outcome: Outcome, host: Host): Failure | undefined {
  if (!isReply(outcome)) return undefined;
  return { reason: `OVN answers the DHCP request of ${host.port.name}, although DHCP is off`, outcome };
}
