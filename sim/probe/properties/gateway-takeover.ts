/** No port takes over its gateway's addresses, by ARP or by sending from them. */
import { gatewayText } from '../conversation.ts';
import { arpAnnouncementText, arpRequestText, ipv4Text } from '../packets.ts';
import type { Host, World } from '../world.ts';
import { expectNoArrival } from './expect.ts';
import { allNetworks, networkSubject, type Probe, type Property, sample, share } from './property.ts';

export const gatewayTakeover: Property = {
  id: 'gateway-takeover',
  promise: "no port is heard that claims its gateway's IP or MAC address",
  *checks(world) {
    for (const { plan } of allNetworks(world)) {
      const hosts = world.hostsOf(plan);
      yield {
        subject: networkSubject(plan),
        source: plan.network.at('spec.bridgedNetwork.ipam.ipv4.subnet'),
        probes: probes(world, sample(hosts, share(world, 1024))),
        ...(hosts.length === 0 && { vacuous: 'the network has no port' }),
      };
    }
  },
};

function* probes(world: World, hosts: readonly Host[]): Generator<Probe> {
  for (const host of hosts) {
    const { mac } = host.endpoint;
    const gateway = { mac: host.network.gateway.mac, ip: gatewayText(host) };
    const { name } = host.port;
    const neighbour = host.network.ports.find((port) => port !== host.port)?.mac ?? 'ff:ff:ff:ff:ff:ff';
    const udp = { protocol: 'udp', source: 49152, destination: 53 } as const;
    const sent = { inport: name, ethDst: neighbour, destination: host.endpoint.ip, transport: udp };
    const claims: [string, string][] = [
      ['an ARP announcement of the gateway address', arpAnnouncementText(name, { mac, ip: gateway.ip }, mac)],
      ['an ARP announcement in the name of the gateway', arpAnnouncementText(name, gateway, gateway.mac)],
      ['an ARP request from the gateway address', arpRequestText(name, { mac, ip: gateway.ip }, host.endpoint.ip)],
      ['a packet from the gateway address', ipv4Text({ ...sent, ethSrc: mac, source: gateway.ip })],
      ["a packet from the gateway's MAC address", ipv4Text({ ...sent, ethSrc: gateway.mac, source: host.endpoint.ip })],
    ];
    for (const [what, text] of claims) {
      yield () => expectNoArrival(world.send(text), `${what} by ${name}`, () => true);
    }
  }
}
