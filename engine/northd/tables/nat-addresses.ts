/**
 * Port_Binding nat_addresses: what the chassis of a gateway announces on a switch,
 * ovn-sb(5); options:nat-addresses of Logical_Switch_Port, ovn-nb(5).
 */
import { type Family, parseIpv4Cidr, parseMac, parsePortAddresses } from '../addresses.ts';
import { hashOrder } from '../hash-order.ts';
import { booleanOption } from '../options.ts';
import { appliesAt } from '../router/nat.ts';
import { gatewayPortsByUuid, rowsByUuid } from '../router/order.ts';
import type { RouterDatapath, RouterPort, SwitchPort, Topology } from '../topology.ts';

/** `MAC IP... [is_chassis_resident("PORT")]`, for a switch port of type router. */
export function natAddresses(port: SwitchPort, topology: Topology): string[] {
  const { peer } = port;
  if (!peer) return [];
  return [...translated(port, peer, topology), ...ownAddresses(port, peer)];
}

/** What is asked for by the option: `router`, or addresses written out. */
function translated({ row }: SwitchPort, peer: RouterPort, topology: Topology): string[] {
  const wanted = row.options['nat-addresses'];
  const { gatewayChassis, gatewayPorts } = peer.datapath;
  if (wanted === undefined || (gatewayChassis === undefined && gatewayPorts.length === 0)) return [];
  if (wanted === 'router') {
    return routerAddresses(peer, topology, !booleanOption(row.options, 'exclude-lb-vips-from-garp', false));
  }
  return parsePortAddresses(wanted) ? [wanted + onGateway(peer)] : [];
}

/** The addresses that the router translates to, and with `balanced` those of its load balancers. */
function routerAddresses(peer: RouterPort, topology: Topology, balanced: boolean): string[] {
  const dp = peer.datapath;
  const result: string[] = [];
  const central: string[] = [];
  for (const row of rowsByUuid(topology, 'NAT', dp.row.nat)) {
    const external = parseIpv4Cidr(row.external_ip);
    if (external?.prefixLength !== 32 || !appliesAt(row, peer)) continue;
    const isDistributed = row.type === 'dnat_and_snat' && row.logical_port !== undefined;
    if (dp.gatewayPorts.length > 0 && isDistributed && row.external_mac !== undefined) {
      const mac = parseMac(row.external_mac);
      if (mac !== undefined) result.push(`${mac} ${row.external_ip} is_chassis_resident("${row.logical_port}")`);
    } else if (!peer.networks.ipv4.some(({ address }) => address === row.external_ip)) {
      central.push(row.external_ip);
    }
  }
  if (balanced) central.push(...balancedAddresses(dp, '4'), ...balancedAddresses(dp, '6'));
  if (central.length > 0) {
    const gateway = peer.redirect ? ` is_chassis_resident(${peer.redirect.quoted})` : '';
    result.push(`${[peer.networks.mac, ...central].join(' ')}${gateway}`);
  }
  return result;
}

/** In ovn-northd's order. */
function balancedAddresses({ virtualAddresses: { all } }: RouterDatapath, family: Family): string[] {
  return hashOrder([...all].filter(([, ip]) => ip.family === family).map(([address]) => address));
}

/** The router port's own addresses, where frames to it arrive on one chassis only. */
function ownAddresses(port: SwitchPort, peer: RouterPort): string[] {
  const { gatewayChassis, gatewayPorts } = peer.datapath;
  const stays = booleanOption(peer.row.options, 'reside-on-redirect-chassis', false);
  const isCentral =
    gatewayPorts.length > 0
      ? peer.redirect !== undefined || (stays && gatewayPorts.length === 1)
      : gatewayChassis !== undefined && port.datapath.localnetPorts.length > 0;
  if (!isCentral) return [];
  const { mac, ipv4 } = peer.networks;
  return [[mac, ...ipv4.map(({ address }) => address)].join(' ') + onGateway(peer)];
}

/** Where the router has a distributed gateway port: on its chassis. */
function onGateway(peer: RouterPort): string {
  const [first] = gatewayPortsByUuid(peer.datapath);
  const { redirect } = peer.redirect ? peer : (first ?? peer);
  return redirect ? ` is_chassis_resident(${redirect.quoted})` : '';
}
