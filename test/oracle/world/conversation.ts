/** Hosts that send to each other and to the world outside, and answer. */
import { formatIpv4 } from '../../../engine/address.ts';
import type { FieldReader } from './frame.ts';
import { answerTo, ipv4Text, type Transport } from './packets.ts';
import { ipv4Text as addressText, macText } from './read.ts';
import type { Arrival, Connections, Host, Outcome, World } from './world.ts';

/** The first packet of a conversation. */
export interface Opening {
  from: Host;
  /** IPv4 address. */
  to: string;
  /** MAC address of the next hop: the gateway's, or the other host's on one network. */
  hop: string;
  transport: Transport;
  /** Source address; the host's own unless given. */
  source?: string;
  /** Source MAC address; the host's own unless given. */
  ethSrc?: string;
}

export function openingText({ from, to, hop, transport, source, ethSrc }: Opening): string {
  return ipv4Text({
    inport: from.port.name,
    ethSrc: ethSrc ?? from.endpoint.mac,
    ethDst: hop,
    source: source ?? from.endpoint.ip,
    destination: to,
    transport,
  });
}

/** The next hop for a packet to `to`: the host itself on its own network, else the gateway. */
export function hopTo(from: Host, to: Host): string {
  return to.network === from.network ? to.endpoint.mac : from.network.gateway.mac;
}

/** From a host to another. */
export function between(from: Host, to: Host, transport: Transport): Opening {
  return { from, to: to.endpoint.ip, hop: hopTo(from, to), transport };
}

/** From a host to the world outside. */
export function toOutside({ outsideAddress }: World, from: Host, transport: Transport): Opening {
  return { from, to: outsideAddress, hop: from.network.gateway.mac, transport };
}

/** Who got the packet answers it, seeing only what came in. */
export function answer(world: World, { port, field }: Arrival, asked: Transport, connections: Connections): Outcome {
  const transport = answerTo(asSeen(asked, field));
  const text = ipv4Text({
    inport: port,
    ethSrc: macText(field('eth.dst')),
    ethDst: macText(field('eth.src')),
    source: addressText(field('ip4.dst')),
    destination: addressText(field('ip4.src')),
    transport,
  });
  return world.send(text, connections);
}

/** The ports as they came in: address translation may have chosen others. */
function asSeen(asked: Transport, field: FieldReader): Transport {
  if (asked.protocol === 'icmp') return asked;
  const { protocol } = asked;
  const ports = { source: Number(field(`${protocol}.src`)), destination: Number(field(`${protocol}.dst`)) };
  return { ...asked, ...ports };
}

/** `192.178.0.1`. */
export const gatewayText = ({ network }: Host): string => formatIpv4(network.gateway.address);
