/** What a router answers to packets for itself and to packets whose TTL is spent (lr_in_ip_input). */
import type { Family } from '../addresses.ts';
import { stages } from '../stages.ts';
import type { RouterPort } from '../topology.ts';
import { addressSet, isLinkLocal } from './networks.ts';
import type { Router } from './router.ts';

const stage = stages.lr_in_ip_input;

/** Echo requests to `port`'s addresses are answered, whatever port they come in by (RFC 1812, section 4.3.3.6). */
export function replyToEcho({ emit }: Router, port: RouterPort, family: Family): void {
  const networks = family === '4' ? port.networks.ipv4 : port.networks.ipv6;
  if (networks.length === 0) return;
  const [request, reply, line] = family === '4' ? [8, 0, 13359] : [128, 129, 13129];
  const match = `ip${family}.dst == ${addressSet(networks)} && icmp${family}.type == ${request} && icmp${family}.code == 0`;
  const actions = `ip${family}.dst <-> ip${family}.src; ip.ttl = 255; icmp${family}.type = ${reply}; flags.loopback = 1; next; `;
  emit(stage, 90, match, actions, line, port.row);
}

/** ICMP types and codes of "destination unreachable", and the lines of northd.c. */
const unreachable = {
  '4': { type: 3, portCode: 3, protocolCode: 2, udp: 13494, tcp: 13510, sctp: 13526, other: 13545 },
  '6': { type: 1, portCode: 4, protocolCode: 3, udp: 13201, tcp: 13166, sctp: 13182, other: 13220 },
} as const;

/**
 * Anything else for `port`'s addresses is refused in its protocol's own way.
 * Not on routers with NAT or load balancers, which may still turn the packet to
 * somebody else: gateway routers and those with gateway ports.
 */
export function refuseOwnTraffic({ dp, emit, isGateway, meter }: Router, port: RouterPort, family: Family): void {
  if (isGateway || dp.gatewayPorts.length > 0) return;
  const { type, portCode, protocolCode, udp, tcp, sctp, other } = unreachable[family];
  const errorMeter = meter(`icmp${family}-error`);
  const swap = `eth.dst <-> eth.src; ip${family}.dst <-> ip${family}.src; `;
  const error = (code: number) =>
    `icmp${family} {${swap}ip.ttl = 255; icmp${family}.type = ${type}; icmp${family}.code = ${code}; next; };`;
  for (const { address } of family === '4' ? port.networks.ipv4 : port.networks.ipv6) {
    const match = `ip${family} && ip${family}.dst == ${address} && !ip.later_frag`;
    emit(stage, 80, `${match} && udp`, error(portCode), udp, port.row, errorMeter);
    emit(stage, 80, `${match} && tcp`, `tcp_reset {${swap}next; };`, tcp, port.row, meter('tcp-reset'));
    emit(stage, 80, `${match} && sctp`, `sctp_abort {${swap}next; };`, sctp, port.row, meter('tcp-reset'));
    emit(stage, 70, match, error(protocolCode), other, port.row, errorMeter);
  }
}

/** "Time exceeded" to the sender of an IPv4 packet that came in by `port`. */
export function exceedTimeIpv4({ emit, meter }: Router, port: RouterPort): void {
  const match = `inport == ${port.quoted} && ip4 && ip.ttl == {0, 1} && !ip.later_frag`;
  for (const { address } of port.networks.ipv4) {
    const addresses = turnBack(port, '4', address);
    const actions = `icmp4 {eth.dst <-> eth.src; icmp4.type = 11; /* Time exceeded */ icmp4.code = 0; /* TTL exceeded in transit */ ${addresses} ; ip.ttl = 254; outport = ${port.quoted}; flags.loopback = 1; output; };`;
    emit(stage, 31, match, actions, 13390, port.row, meter('icmp4-error'));
  }
}

/** "Time exceeded" to the sender of an IPv6 packet that came in by `port` from one of its networks. */
export function exceedTimeIpv6({ emit, meter }: Router, port: RouterPort): void {
  for (const network of port.networks.ipv6) {
    if (isLinkLocal(network)) continue;
    const match = `inport == ${port.quoted} && ip6 && ip6.src == ${network.network}/${network.prefixLength} && ip.ttl == {0, 1} && !ip.later_frag`;
    const addresses = turnBack(port, '6', network.address);
    const actions = `icmp6 {eth.dst <-> eth.src; ${addresses} ; ip.ttl = 254; icmp6.type = 3; /* Time exceeded */ icmp6.code = 0; /* TTL exceeded in transit */ outport = ${port.quoted}; flags.loopback = 1; output; };`;
    emit(stage, 31, match, actions, 13262, port.row, meter('icmp6-error'));
  }
}

function turnBack(port: RouterPort, family: Family, address: string): string {
  const ip = `ip${family}`;
  return port.redirect ? `${ip}.dst <-> ${ip}.src` : `${ip}.dst = ${ip}.src; ${ip}.src = ${address}`;
}
