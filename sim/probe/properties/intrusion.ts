/** Ways in which a host may try to reach one that it must not reach. */

import { formatIpv4, lastAddress } from '../../../engine/address.ts';
import { type Opening, openingText } from '../conversation.ts';
import { answerTo, arpRequestText, ipv4Text, type Transport, transports } from '../packets.ts';
import type { Arrival, Host, World } from '../world.ts';
import { trackingConntrack } from '../../trace/index.ts';
import { expectNoArrival, protocolName } from './expect.ts';
import { type Probe, sample } from './property.ts';

/** How many gateways of a VPC are tried. */
const gatewayLimit = 8;

/**
 * Every attempt of `from` to get a packet to the network of `to`: directly, on
 * the wire, with a forged source, by the gateways' external addresses, and by
 * punching a hole together with a partner inside.
 */
export function* intrusions(world: World, from: Host, to: Host): Generator<Probe> {
  const isForbidden = ({ host }: Arrival): boolean => host?.network === to.network;
  const attempt = (opening: Opening, what: string): Probe => {
    const text = `${protocolName(opening.transport)} from ${opening.from.port.name} ${what}`;
    return () => expectNoArrival(world.send(openingText(opening)), text, isForbidden);
  };
  const gateway = from.network.gateway.mac;
  const address = to.endpoint.ip;

  for (const transport of transports) {
    yield attempt({ from, to: address, hop: gateway, transport }, `to ${address}`);
    yield attempt(
      { from, to: address, hop: to.endpoint.mac, transport },
      `to ${address}, straight to its MAC address,`,
    );
    yield attempt(
      { from, to: address, hop: gateway, transport, source: forgedSource(to) },
      `to ${address} with a forged source`,
    );
  }
  yield () => {
    const outcome = world.send(arpRequestText(from.port.name, from.endpoint, address));
    return expectNoArrival(outcome, `an ARP request of ${from.port.name} for ${address}`, isForbidden);
  };
  for (const { endpoint } of sample(world.gatewaysOf(to.vpc), gatewayLimit)) {
    for (const transport of transports) {
      yield attempt({ from, to: endpoint.ip, hop: gateway, transport }, `to the external address ${endpoint.ip}`);
    }
  }
  yield* holePunching(world, from, to, isForbidden);
}

function punched(transport: Transport): Transport {
  const answer = answerTo(transport);
  return answer.protocol === 'tcp' ? { ...answer, flags: 'ack' } : answer;
}

/** An address that the target would take for one of its own network's. */
const forgedSource = ({ network }: Host): string => formatIpv4(lastAddress(network.subnet) - 1);

/**
 * Both hosts send to the external address of the other's gateway at once: the
 * second packet looks like the answer to the first, which for TCP is a bare ACK:
 * a SYN-ACK opens no connection that could be translated.
 */
function* holePunching(
  world: World,
  from: Host,
  to: Host,
  isForbidden: (arrival: Arrival) => boolean,
): Generator<Probe> {
  const gatewayOf = (host: Host) => world.gatewaysOf(host.vpc).find(({ plan }) => plan.node === host.port.node);
  const mine = gatewayOf(from);
  const theirs = gatewayOf(to);
  if (!mine || !theirs) return;
  for (const transport of transports.filter(({ protocol }) => protocol !== 'icmp')) {
    const punch = (host: Host, external: string, kind: Transport): string =>
      ipv4Text({
        inport: host.port.name,
        ethSrc: host.endpoint.mac,
        ethDst: host.network.gateway.mac,
        source: host.endpoint.ip,
        destination: external,
        transport: kind,
      });
    yield () => {
      const connections = trackingConntrack();
      world.send(punch(to, mine.endpoint.ip, transport), connections);
      const outcome = world.send(punch(from, theirs.endpoint.ip, punched(transport)), connections);
      const what = `${protocolName(transport)} from ${from.port.name} through a hole punched by ${to.port.name}`;
      return expectNoArrival(outcome, what, isForbidden);
    };
  }
}
