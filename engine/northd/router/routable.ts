/** External addresses that other routers may route to a distributed gateway port (NAT and load balancers with options:add_route). */
import { type Ipv4Network, ipv4Network, parseIpv4Cidr, parseMac } from '../addresses.ts';
import { booleanOption } from '../options.ts';
import type { RouterPort, Topology } from '../topology.ts';
import { appliesAt } from './nat.ts';
import { gatewayPortsByUuid, rowsByUuid } from './order.ts';

/** Addresses behind one MAC address. */
export interface Routable {
  mac: string;
  addresses: Ipv4Network[];
}

/** The routable addresses of `port`: those of each distributed NAT rule, then all others together. */
export function routableAddresses(topology: Topology, port: RouterPort): Routable[] {
  if (!port.redirect) return [];
  // ovn-northd works this out while it still counts the gateway ports: for the first one it does not look which NAT
  // rules are the others'.
  const isFirst = gatewayPortsByUuid(port.datapath)[0] === port;
  const result: Routable[] = [];
  const centralized: Ipv4Network[] = [];
  for (const row of rowsByUuid(topology, 'NAT', port.datapath.row.nat)) {
    if (row.type === 'snat' || !booleanOption(row.options, 'add_route', false)) continue;
    const external = parseIpv4Cidr(row.external_ip);
    if (external?.prefixLength !== 32 || !(isFirst || appliesAt(row, port))) continue;
    const addresses = [external];
    if (row.type === 'dnat_and_snat' && row.logical_port !== undefined && row.external_mac !== undefined) {
      const mac = parseMac(row.external_mac);
      if (mac !== undefined) result.push({ mac, addresses });
    } else if (!port.networks.ipv4.some((own) => own.address === row.external_ip)) {
      // As text: 10.0.1.1/32 is not taken for the router's own 10.0.1.1 (northd.c, get_nat_addresses).
      centralized.push(...addresses);
    }
  }
  const virtual = port.datapath.virtualAddresses.routable;
  for (const { bits } of virtual['4']) centralized.push(ipv4Network(Number(bits), 32));
  // Of IPv6 addresses alone ovn-northd makes an entry without addresses.
  if (centralized.length > 0 || virtual['6'].length > 0)
    result.push({ mac: port.networks.mac, addresses: centralized });
  return result;
}
