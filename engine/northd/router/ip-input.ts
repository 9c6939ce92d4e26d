/** lr_in_ip_input: what a router does as an IP host, and what it refuses to forward. */
import { REGBIT_EGRESS_LOOPBACK, stages } from '../stages.ts';
import type { RouterPort } from '../topology.ts';
import { replyForNat, replyForNatAt, replyForPort, replyForVirtualAddresses } from './arp-nd.ts';
import { exceedTimeIpv4, exceedTimeIpv6, refuseOwnTraffic, replyToEcho } from './icmp.ts';
import { addressSet, braces } from './networks.ts';
import { dropOwnDestination } from './own-destination.ts';
import type { Router } from './router.ts';

const stage = stages.lr_in_ip_input;

export function buildIpInput(router: Router): void {
  admitIp(router);
  replyForNat(router);
  skipSourceCheckForSnat(router);
  for (const port of router.dp.ports) portInput(router, port);
}

function admitIp({ drop, emit, floodsMulticast, relaysMulticast }: Router): void {
  if (floodsMulticast) {
    emit(stage, 120, 'igmp && ip.ttl == 1', 'next;', 13012);
    emit(stage, 120, '(mldv1 || mldv2) && ip.ttl == 1', 'next;', 13014);
  }
  const martian =
    'ip4.src_mcast ||ip4.src == 255.255.255.255 || ip4.src == 127.0.0.0/8 || ip4.dst == 127.0.0.0/8 || ip4.src == 0.0.0.0/8 || ip4.dst == 0.0.0.0/8';
  emit(stage, 100, martian, drop, 13021);
  emit(stage, 85, 'arp || nd', drop, 13035);
  emit(stage, 84, 'nd_rs || nd_ra', 'next;', 13041);
  emit(stage, 83, 'ip6.mcast_rsvd', drop, 13045);
  emit(stage, 82, 'ip4.mcast || ip6.mcast', relaysMulticast ? 'next;' : drop, 13049);
  emit(stage, 50, 'eth.bcast', drop, 13056);
  emit(stage, 32, 'ip.ttl == {0, 1} && !ip.later_frag && (ip4.mcast || ip6.mcast)', drop, 13073);
  emit(stage, 30, 'ip.ttl == {0, 1}', drop, 13078);
  emit(stage, 0, '1', 'next;', 13083);
}

function portInput(router: Router, port: RouterPort): void {
  acceptPrefixDelegation(router, port);
  replyToEcho(router, port, '6');
  refuseOwnTraffic(router, port, '6');
  exceedTimeIpv6(router, port);
  dropOwnSource(router, port);
  replyToEcho(router, port, '4');
  acceptBfd(router, port);
  exceedTimeIpv4(router, port);
  replyForPort(router, port);
  replyForVirtualAddresses(router, port);
  refuseOwnTraffic(router, port, '4');
  if (!router.nat.lbForceSnatRouterIp) dropOwnDestination(router, port, stage, 60, 'except-translated');
  replyForNatAt(router, port);
}

/** Replies to the router's own DHCPv6 client, which asks for a prefix. */
function acceptPrefixDelegation({ emit }: Router, port: RouterPort): void {
  for (const { address } of port.networks.ipv6) {
    const match = `ip6.dst == ${address} && udp.src == 547 && udp.dst == 546`;
    emit(stage, 100, match, 'reg0 = 0; handle_dhcpv6_reply;', 13098);
  }
}

/** Nobody else may send from the router's own addresses or from a broadcast address. */
function dropOwnSource({ drop, emit }: Router, port: RouterPort): void {
  const { ipv4 } = port.networks;
  if (ipv4.length === 0) return;
  const sources = braces(ipv4.flatMap(({ address, broadcast }) => [address, broadcast]));
  emit(stage, 100, `ip4.src == ${sources} && ${REGBIT_EGRESS_LOOPBACK} == 0`, drop, 13340, port.row);
}

function acceptBfd({ bfdPorts, emit, meter }: Router, port: RouterPort): void {
  if (!bfdPorts.has(port.name)) return;
  for (const [family, networks, fromUs, toUs] of [
    ['4', port.networks.ipv4, 11455, 11461],
    ['6', port.networks.ipv6, 11474, 11480],
  ] as const) {
    if (networks.length === 0) continue;
    const addresses = addressSet(networks);
    emit(stage, 110, `ip${family}.src == ${addresses} && udp.dst == 3784`, 'next; ', fromUs, port.row);
    emit(
      stage,
      110,
      `ip${family}.dst == ${addresses} && udp.dst == 3784`,
      'handle_bfd_msg(); ',
      toUs,
      port.row,
      meter('bfd'),
    );
  }
}

/** Between two networks behind one gateway port a translated packet comes in again with the router's own source. */
function skipSourceCheckForSnat({ emit, nat }: Router): void {
  for (const { row, family, gatewayPort } of nat.rules) {
    if (!gatewayPort || row.type !== 'snat') continue;
    const match = `inport == ${gatewayPort.quoted} && ip${family}.src == ${row.external_ip}`;
    emit(stage, 120, match, 'next;', 14067, row);
  }
}
