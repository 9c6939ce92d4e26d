/** lr_in_arp_resolve: the MAC address of the next hop, as far as the northbound database knows it. */
import type { NorthboundRow } from '../../ovsdb/northbound.ts';
import { parseExactIpv4, parseExactIpv6 } from '../addresses.ts';
import { booleanOption } from '../options.ts';
import { REG_NEXT_HOP_IPV4, REG_NEXT_HOP_IPV6, stages } from '../stages.ts';
import type { RouterPort, SwitchDatapath, SwitchPort } from '../topology.ts';
import type { NatRule } from './nat.ts';
import { addressFacing, addressSet, braces } from './networks.ts';
import { gatewayPortsByUuid } from './order.ts';
import { dropOwnDestination } from './own-destination.ts';
import { routableAddresses } from './routable.ts';
import type { Router } from './router.ts';

const stage = stages.lr_in_arp_resolve;

export function buildArpResolve(router: Router): void {
  const { dp, drop, emit } = router;
  emit(stage, 500, 'ip4.mcast || ip6.mcast', 'next;', 12247);
  emit(stage, 1, 'ip4', `get_arp(outport, ${REG_NEXT_HOP_IPV4}); next;`, 12250);
  emit(stage, 1, 'ip6', `get_nd(outport, ${REG_NEXT_HOP_IPV6}); next;`, 12253);
  emit(stage, 0, '1', drop, 12256);
  resolveNat(router);
  for (const neighbour of router.topology.routers) {
    for (const port of neighbour.ports) resolvePeer(router, port);
  }
  for (const peer of new Set(dp.switchPeers)) resolveOnSwitch(router, peer);
  for (const port of dp.ports) {
    resolveBridged(router, port);
    dropOwnDestination(router, port, stage, 2, 'only-translated');
  }
}

/** The router port that is `port`'s peer without a switch between them. */
function resolvePeer({ dp, emit }: Router, port: RouterPort): void {
  const { peer, networks, row } = port;
  if (peer?.kind !== 'router-port' || peer.datapath !== dp) return;
  const actions = `eth.dst = ${networks.mac}; next;`;
  if (networks.ipv4.length > 0) {
    const match = `outport == ${peer.quoted} && ${REG_NEXT_HOP_IPV4}== ${addressSet(networks.ipv4)}`;
    emit(stage, 100, match, actions, 12330, row);
  }
  const match = `outport == ${peer.quoted} && ${REG_NEXT_HOP_IPV6} == ${addressSet(networks.ipv6)}`;
  emit(stage, 100, match, actions, 12346, row);
}

/** Everybody on a switch whose address lies in a network of the port by which the router is attached to it. */
function resolveOnSwitch(router: Router, dp: SwitchDatapath): void {
  const attached = dp.routerPorts.filter(({ peer }) => peer?.datapath === router.dp);
  for (const port of dp.ports) {
    if (port.row.enabled === false || port.row.type === 'router') continue;
    if (port.row.type === 'virtual') resolveVirtual(router, dp, port);
    else for (const { peer } of attached) if (peer) resolveHost(router, peer, port);
  }
  for (const port of attached) if (port.row.enabled !== false) resolveRouters(router, dp, port);
}

function resolveHost({ emit }: Router, exit: RouterPort, host: SwitchPort): void {
  for (const { mac, ipv4, ipv6 } of host.addresses) {
    const actions = `eth.dst = ${mac}; next;`;
    for (const { address } of ipv4) {
      if (addressFacing(exit, address) === undefined) continue;
      emit(stage, 100, `outport == ${exit.quoted} && ${REG_NEXT_HOP_IPV4} == ${address}`, actions, 12419, host.row);
    }
    for (const { address } of ipv6) {
      if (addressFacing(exit, address) === undefined) continue;
      emit(stage, 100, `outport == ${exit.quoted} && ${REG_NEXT_HOP_IPV6} == ${address}`, actions, 12450, host.row);
    }
  }
}

/**
 * A virtual port that nobody has claimed is asked for each time: what was learned about it may be out of date.  One
 * that somebody has is where its parent is.
 */
function resolveVirtual({ dp: router, emit, topology }: Router, dp: SwitchDatapath, { name, row }: SwitchPort): void {
  const { 'virtual-ip': ip, 'virtual-parents': parents } = row.options;
  if (ip === undefined || parents === undefined) return;
  const isIpv4 = ip.includes('.');
  if ((isIpv4 ? parseExactIpv4(ip) : parseExactIpv6(ip)) === undefined) return;
  const exit = dp.routerPorts.find(({ peer }) => peer && addressFacing(peer, ip) !== undefined)?.peer;
  if (exit?.datapath !== router) return;
  const register = isIpv4 ? REG_NEXT_HOP_IPV4 : REG_NEXT_HOP_IPV6;
  const match = `outport == ${exit.quoted} && ${register} == ${ip}`;
  const parent = topology.written.parents.get(name);
  if (parent === undefined) {
    emit(stage, 100, match, 'eth.dst = 00:00:00:00:00:00; next;', 12508, row);
    return;
  }
  const port = topology.ports.get(parent);
  if (port?.kind !== 'switch-port') return;
  const [first] = port.addresses;
  if (first) emit(stage, 100, match, `eth.dst = ${first.mac}; next;`, 12547, row);
}

/** The other routers on the switch, unless this one prefers to learn them (options:dynamic_neigh_routers). */
function resolveRouters({ dp: router, emit, isGateway, topology }: Router, dp: SwitchDatapath, by: SwitchPort): void {
  const exit = by.peer;
  if (!exit || booleanOption(router.row.options, 'dynamic_neigh_routers', false)) return;
  for (const { peer } of dp.routerPorts) {
    if (!peer || peer === exit) continue;
    const { mac, ipv4, ipv6 } = peer.networks;
    const actions = `eth.dst = ${mac}; next;`;
    if (ipv4.length > 0) {
      const match = `outport == ${exit.quoted} && ${REG_NEXT_HOP_IPV4} == ${addressSet(ipv4)}`;
      emit(stage, 100, match, actions, 12604, by.row);
    }
    const match = `outport == ${exit.quoted} && ${REG_NEXT_HOP_IPV6} == ${addressSet(ipv6)}`;
    emit(stage, 100, match, actions, 12620, by.row);
    if (!isGateway && !exit.redirect) continue;
    for (const { mac: behind, addresses } of routableAddresses(topology, peer)) {
      const external = braces(addresses.map(({ address }) => address));
      const toExternal = `outport == ${exit.quoted} && ${REG_NEXT_HOP_IPV4} == ${external}`;
      emit(stage, 100, toExternal, `eth.dst = ${behind}; next;`, 12286);
    }
  }
}

/** NAT addresses are reached at the gateway port itself, and never come back out of it untranslated. */
function resolveNat(router: Router): void {
  const seen = new Set<string>();
  for (const rule of router.nat.rules) {
    const { row, family, gatewayPort, distributedMac } = rule;
    if (!gatewayPort || seen.has(row.external_ip)) continue;
    seen.add(row.external_ip);
    const { quoted, networks } = gatewayPort;
    const untranslated = `inport == ${quoted} && outport == ${quoted} && ip${family}.dst == ${row.external_ip}`;
    router.emit(stage, 150, untranslated, router.drop, 14388, row);
    const match = `outport == ${quoted} && ${nextHop(family)} == ${row.external_ip}`;
    const mac = distributedMac === undefined ? networks.mac : row.external_mac;
    router.emit(stage, 100, match, `eth.dst = ${mac}; next;`, 14407, row);
    if (distributedMac !== undefined) resolveWhereTranslated(router, rule, row);
  }
}

/** With options:redirect-type=bridged, distributed NAT still resolves its next hops itself. */
function resolveWhereTranslated({ dp, emit }: Router, { family }: NatRule, row: NorthboundRow<'NAT'>): void {
  if (!dp.ports.some(isBridged)) return;
  const [first] = gatewayPortsByUuid(dp);
  const match = `outport == ${first.quoted} && ip${family}.src == ${row.logical_ip} && is_chassis_resident("${row.logical_port}")`;
  const lookup = family === '4' ? 'get_arp' : 'get_nd';
  emit(stage, 90, match, `${lookup}(outport, ${nextHop(family)}); next;`, 14429, row);
}

/** With options:redirect-type=bridged, other chassis send frames for the gateway port to the port's own address. */
function resolveBridged({ emit }: Router, port: RouterPort): void {
  if (!port.redirect || !isBridged(port)) return;
  const match = `outport == ${port.quoted} && !is_chassis_resident(${port.redirect.quoted})`;
  emit(stage, 50, match, `eth.dst = ${port.networks.mac}; next;`, 12371, port.row);
}

function isBridged({ row }: RouterPort): boolean {
  return row.options['redirect-type']?.toLowerCase() === 'bridged';
}

function nextHop(family: '4' | '6'): string {
  return family === '4' ? REG_NEXT_HOP_IPV4 : REG_NEXT_HOP_IPV6;
}
