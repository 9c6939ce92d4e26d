/** What probes expect, and how they say that it did not happen. */

import { answer, type Opening, openingText } from '../conversation.ts';
import type { Transport } from '../packets.ts';
import { ipv4Text, macText } from '../read.ts';
import type { Arrival, Host, Outcome, World } from '../world.ts';
import { trackingConntrack } from '../../trace/index.ts';
import type { Failure } from './property.ts';

/** What a packet is, for a person. */
export function protocolName(transport: Transport): string {
  switch (transport.protocol) {
    case 'icmp':
      return transport.type === 'time exceeded' ? 'an ICMP time exceeded' : `an echo ${transport.type}`;
    case 'tcp':
      return transport.flags === 'syn' ? 'TCP' : `a TCP ${transport.flags.toUpperCase()}`;
    case 'udp':
      return 'UDP';
  }
}

/** Says where a packet went instead of where it should have. */
function whereItWent({ arrivals }: Outcome): string {
  const ports = [...new Set(arrivals.map(({ port }) => port))];
  return ports.length === 0 ? 'was dropped' : `arrived at ${ports.slice(0, 3).join(', ')}`;
}

/** A host's packet reaches another host, and the answer comes back. */
export function expectConversation(world: World, opening: Opening, to: Host): Failure | undefined {
  const connections = trackingConntrack();
  const request = world.send(openingText(opening), connections);
  const arrival = request.arrivals.find(({ port }) => port === to.port.name);
  const what = `${protocolName(opening.transport)} from ${opening.from.port.name} to ${to.port.name}`;
  if (!arrival) return { reason: `${what} ${whereItWent(request)}`, outcome: request };
  const reply = answer(world, arrival, opening.transport, connections);
  if (reply.arrivals.some(({ port }) => port === opening.from.port.name)) return undefined;
  return { reason: `the answer to ${what} ${whereItWent(reply)}`, outcome: reply };
}

/** No packet arrives where `isForbidden` says. */
export function expectNoArrival(
  outcome: Outcome,
  what: string,
  isForbidden: (arrival: Arrival) => boolean,
): Failure | undefined {
  const arrival = outcome.arrivals.find(isForbidden);
  return arrival && { reason: `${what} arrived at ${arrival.port}`, outcome, outport: arrival.port };
}

/** An IPv4 packet that reached the world outside. */
export function departure({ arrivals }: Outcome): Arrival | undefined {
  return arrivals.find(({ gateway, field }) => gateway !== undefined && field('eth.type') === 0x800n);
}

/** The answer that came back to the port that the packet entered by, if it did. */
export function returned(outcome: Outcome): Arrival | undefined {
  return outcome.arrivals.find(({ port }) => port === outcome.inport);
}

/** An ARP reply that says `ip` is at `mac` came back. */
export function expectArpReply(outcome: Outcome, ip: string, mac: string): Failure | undefined {
  const reply = returned(outcome);
  if (reply?.field('eth.type') !== 0x806n) {
    return { reason: `nobody answers ${outcome.inport} that asks by ARP for ${ip}`, outcome };
  }
  const said = `${ipv4Text(reply.field('arp.spa'))} is at ${macText(reply.field('arp.sha'))}`;
  if (said === `${ip} is at ${mac}`) return undefined;
  return { reason: `${outcome.inport} is told that ${said}, not that ${ip} is at ${mac}`, outcome };
}
