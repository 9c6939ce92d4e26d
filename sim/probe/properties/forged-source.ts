/** Who forges a source address is not heard: the MAC address ends at the port, the IP address at the router. */
import { openingText } from '../conversation.ts';
import { transports } from '../packets.ts';
import type { Host, World } from '../world.ts';
import { expectNoArrival, protocolName } from './expect.ts';
import { allNetworks, networkSubject, type Probe, type Property, sample, share } from './property.ts';

/** Nobody's MAC address. */
const strangeMac = '02:00:5e:00:53:ff';

export const forgedSource: Property = {
  id: 'forged-source',
  promise: 'whoever forges a MAC address is heard by nobody, an IP address by nobody outside the network',
  *checks(world) {
    for (const { plan } of allNetworks(world)) {
      const hosts = world.hostsOf(plan);
      yield {
        subject: networkSubject(plan),
        source: plan.network.origin,
        probes: probes(world, sample(hosts, share(world, 256))),
        ...(hosts.length === 0 && { vacuous: 'the network has no port' }),
      };
    }
  },
};

function* probes(world: World, hosts: readonly Host[]): Generator<Probe> {
  for (const host of hosts) {
    for (const other of sample(targets(world, host), 8)) {
      for (const transport of transports) {
        const opening = { from: host, to: other, hop: host.network.gateway.mac, transport };
        const what = `${protocolName(transport)} from ${host.port.name} to ${other}`;
        if (!host.port.unknownMac) {
          const text = openingText({ ...opening, ethSrc: strangeMac });
          yield () => expectNoArrival(world.send(text), `${what} with a forged MAC address`, () => true);
        }
        for (const source of sources(world, host)) {
          const text = openingText({ ...opening, source });
          const isElsewhere = (arrival: { host?: Host }): boolean => arrival.host?.network !== host.network;
          yield () => expectNoArrival(world.send(text), `${what} with the forged source ${source}`, isElsewhere);
        }
      }
    }
  }
}

/** The world outside, and a port of each network of the VPC. */
function targets(world: World, { vpc }: Host): string[] {
  const ports = vpc.networks.flatMap((network) => world.hostsOf(network).slice(0, 1));
  return [world.outsideAddress, ...ports.map(({ endpoint }) => endpoint.ip)];
}

/** An address of another network of the VPC, and one of nobody. */
function sources(world: World, { vpc, network }: Host): string[] {
  const other = vpc.networks.find((each) => each !== network && world.hostsOf(each).length > 0);
  return ['198.51.100.7', ...(other ? [world.hostsOf(other)[0].endpoint.ip] : [])];
}
