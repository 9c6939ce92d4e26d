/** Which port a frame goes to: ls_in_l2_lkup, ls_in_l2_unknown. */

import type { NorthboundRow } from '../../ovsdb/northbound.ts';
import { isDynamicAddress, leadingMac, parseIpv4Cidr, parseIpv6Cidr, parseMac } from '../addresses.ts';
import { coppMeter } from '../copp.ts';
import type { Emit } from '../emit.ts';
import { hashOrder } from '../hash-order.ts';
import { switchGroups, switchMulticast } from '../multicast.ts';
import { booleanOption, sortedSet } from '../options.ts';
import { addressFacing } from '../router/networks.ts';
import { FLAGBIT_NOT_VXLAN, stages } from '../stages.ts';
import { type RouterPort, rowsOf, type SwitchDatapath, type SwitchPort, type Topology } from '../topology.ts';

export function buildL2Lookup(dp: SwitchDatapath, topology: Topology, emit: Emit): void {
  const service = 'eth.dst == $svc_monitor_mac && (tcp || icmp || icmp6)';
  const meter = coppMeter(topology.nb, dp.row.copp, 'svc-monitor');
  emit(stages.ls_in_l2_lkup, 110, service, 'handle_svc_check(inport);', 8926, undefined, meter);
  buildMulticast(dp, topology, emit);
  buildGroups(dp, topology, emit);
  emit(stages.ls_in_l2_lkup, 70, 'eth.mcast', 'outport = "_MC_flood"; output;', 8997);
  for (const port of dp.ports) {
    if (port.row.type === 'external') continue;
    if (port.row.type === 'router' && port.peer) buildArpRequests(port, port.peer, topology, emit);
    for (const address of sortedSet(port.row.addresses)) buildUnicast(port, address, topology, emit);
  }
  emit(stages.ls_in_l2_lkup, 0, '1', 'outport = get_fdb(eth.dst); next;', 8373);

  const unknown = dp.ports.some(
    (port) => port.hasUnknown && port.row.enabled !== false && port.row.type !== 'external',
  );
  if (unknown) emit(stages.ls_in_l2_unknown, 50, 'outport == "none"', 'outport = "_MC_unknown"; output;', 8377);
  else emit(stages.ls_in_l2_unknown, 50, 'outport == "none"', topology.drop.drop, 8381);
  emit(stages.ls_in_l2_unknown, 0, '1', 'output;', 8384);
}

/** With other_config:mcast_snoop, IP multicast goes only where it is asked for (RFC 4541). */
function buildMulticast(dp: SwitchDatapath, topology: Topology, emit: Emit): void {
  const multicast = switchMulticast(dp);
  if (!multicast.snoop) return;
  const meter = coppMeter(topology.nb, dp.row.copp, 'igmp');
  emit(stages.ls_in_l2_lkup, 100, 'igmp', 'igmp;', 8938, undefined, meter);
  emit(stages.ls_in_l2_lkup, 100, 'mldv1 || mldv2', 'igmp;', 8944, undefined, meter);
  const local = 'ip4.mcast && ip4.dst == 224.0.0.0/24';
  emit(stages.ls_in_l2_lkup, 85, local, 'outport = "_MC_flood_l2"; output;', 8952);
  emit(stages.ls_in_l2_lkup, 85, 'ip6.mcast_flood', 'outport = "_MC_flood"; output;', 8959);
  if (multicast.floodUnregistered) return;
  const relay = multicast.floodRelay ? 'clone { outport = "_MC_mrouter_flood"; output; }; ' : '';
  const fixed = multicast.floodStatic ? 'outport ="_MC_static"; output;' : '';
  emit(stages.ls_in_l2_lkup, 80, 'ip4.mcast || ip6.mcast', `${relay}${fixed}` || topology.drop.drop, 8991);
}

/** What is sent to a group goes to those who asked for it, besides those who get everything. */
function buildGroups(dp: SwitchDatapath, topology: Topology, emit: Emit): void {
  const { floodRelay, floodStatic } = switchMulticast(dp);
  const relay = floodRelay ? 'clone { outport = "_MC_mrouter_flood"; output; };' : '';
  const fixed = floodStatic ? 'clone { outport ="_MC_static"; output; };' : '';
  for (const { address } of switchGroups(dp, topology)) {
    // Everybody gets what is sent to these.
    if (address.startsWith('224.0.0.') || address === 'ff02::1' || address === 'ff02::2') continue;
    const family = address.includes(':') ? '6' : '4';
    const match = `eth.mcast && ip${family} && ip${family}.dst == ${address} `;
    emit(stages.ls_in_l2_lkup, 90, match, `${relay}${fixed}outport = "${address}"; output; `, 9080);
  }
}

/** A request for a router's address goes to that router alone, not to every router on the switch. */
function buildArpRequests(port: SwitchPort, peer: RouterPort, topology: Topology, emit: Emit): void {
  if (peer.row.enabled === false) return;
  const dp = port.datapath;
  const hasHosts = dp.routerPorts.length !== dp.row.ports.length;
  const actions = hasHosts
    ? `clone {outport = ${port.quoted}; output; }; outport = "_MC_flood_l2"; output;`
    : `outport = ${port.quoted}; output;`;
  const request = (match: string) =>
    emit(stages.ls_in_l2_lkup, 80, `${FLAGBIT_NOT_VXLAN} && ${match}`, actions, hasHosts ? 8022 : 8027, port.row);
  const requestV4 = (ip: string) => request(`arp.op == 1 && arp.tpa == ${ip}`);
  const requestV6 = (ip: string) => request(`nd_ns && nd.target == ${ip}`);

  const rules = destinationRules(peer, topology);
  const virtual = peer.datapath.virtualAddresses.all;
  for (const { text, family } of virtual.values()) {
    if (addressFacing(peer, text) === undefined) continue;
    if (family === '4') requestV4(text);
    else requestV6(text);
  }
  for (const { external_ip } of rules) {
    if (virtual.has(external_ip)) continue;
    if (parseIpv4Cidr(external_ip)) requestV4(external_ip);
    else requestV6(external_ip);
  }
  for (const { address } of peer.networks.ipv4) requestV4(address);
  for (const { address } of peer.networks.ipv6) requestV6(address);

  if (!hasHosts) return;
  const own = hashOrder([peer.networks.mac, ...rules.flatMap(({ external_mac }) => external_mac ?? [])]);
  const match = `eth.src == {${own.join(', ')}} && (arp.op == 1 || rarp.op == 3 || nd_ns)`;
  emit(stages.ls_in_l2_lkup, 75, match, 'outport = "_MC_flood_l2"; output;', 7938);
}

/** The router's NAT rules with an external address that hosts outside ask for. */
function destinationRules(peer: RouterPort, topology: Topology): NorthboundRow<'NAT'>[] {
  const rules = rowsOf(topology.nb, 'NAT', [...peer.datapath.row.nat].sort());
  return rules.filter(
    ({ type, external_ip }) => type !== 'snat' && (parseIpv4Cidr(external_ip) || parseIpv6Cidr(external_ip)),
  );
}

/** The frames addressed to one entry of a port's addresses. */
function buildUnicast(port: SwitchPort, address: string, topology: Topology, emit: Emit): void {
  const { row } = port;
  const actions = row.enabled === false ? topology.drop.drop : `outport = ${port.quoted}; output;`;
  const to = (match: string, line: number) => emit(stages.ls_in_l2_lkup, 50, match, actions, line, row);
  const mac = leadingMac(address);
  if (mac !== undefined) {
    to(`eth.dst == ${mac}`, 9122);
  } else if (address === 'router') {
    if (port.peer) buildToRouter(port, port.peer, topology, to);
  } else if (isDynamicAddress(address)) {
    const chosen = leadingMac(port.dynamicAddresses ?? '');
    if (chosen !== undefined) to(`eth.dst == ${chosen}`, 9145);
  }
}

function buildToRouter(
  port: SwitchPort,
  peer: RouterPort,
  topology: Topology,
  to: (match: string, line: number) => void,
): void {
  const resident = residentPort(port, peer);
  to(`eth.dst == ${peer.networks.mac}${resident ? ` && is_chassis_resident(${resident})` : ''}`, 9193);
  if (!peer.redirect) return;
  for (const nat of rowsOf(topology.nb, 'NAT', peer.datapath.row.nat)) {
    const mac = parseMac(nat.external_mac ?? '');
    if (nat.type !== 'dnat_and_snat' || nat.logical_port === undefined || mac === undefined) continue;
    to(`eth.dst == ${mac} && is_chassis_resident("${nat.logical_port}")`, 9216);
  }
}

/** With a physical network behind the switch, a distributed gateway port's address lives on its chassis alone. */
function residentPort(port: SwitchPort, peer: RouterPort): string | undefined {
  const { gatewayPorts } = peer.datapath;
  if (gatewayPorts.length === 0 || port.datapath.localnetPorts.length === 0) return undefined;
  if (peer.redirect) return peer.redirect.quoted;
  const resides = booleanOption(peer.row.options, 'reside-on-redirect-chassis', false);
  return resides && gatewayPorts.length === 1 ? gatewayPorts[0].redirect?.quoted : undefined;
}
