/**
 * A DPUVirtualNetwork as a logical switch: its ports, DHCP, and the ACLs that
 * keep the gateway's addresses the gateway's.
 */

import { formatCidr, formatIpv4 } from '../address.ts';
import { insertRow, type Northbound } from '../ovsdb/northbound.ts';
import { type AclPlan, addAcls } from './acl.ts';
import { gatewayPort, networkRouterPort, switchName } from './names.ts';
import type { NetworkPlan, PortPlan, VpcPlan } from './plan.ts';

/** Adds the switch of a network, with all its ports, to the database. */
export function addNetwork(nb: Northbound, vpc: VpcPlan, plan: NetworkPlan): void {
  const { network, subnet, gateway } = plan;
  const name = switchName(network);
  const dhcpOptions = network.dhcp ? addDhcpOptions(nb, vpc, plan) : undefined;
  const ports = [addRouterPort(nb, vpc, plan), ...plan.ports.map((port) => addPort(nb, plan, port, dhcpOptions))];

  insertRow(
    nb,
    'Logical_Switch',
    name,
    {
      name,
      ports,
      acls: addGatewayAcls(nb, plan),
      other_config: {
        subnet: formatCidr(subnet),
        exclude_ips: [
          formatIpv4(gateway.address),
          ...network.excludeIPs.map(({ first, last }) =>
            first === last ? formatIpv4(first) : `${formatIpv4(first)}..${formatIpv4(last)}`,
          ),
        ].join(' '),
      },
      external_ids: { tenant: vpc.vpc.tenant, vpc: `${vpc.vpc.namespace}/${vpc.vpc.name}`, network: name },
    },
    network.origin,
  );
}

function addRouterPort(nb: Northbound, { vpc }: VpcPlan, { network }: NetworkPlan): string {
  const name = networkRouterPort(network);
  const options = { 'router-port': gatewayPort(vpc, network) };
  const origin = { ...network.origin, ...network.at('spec.vpcName') };
  return insertRow(nb, 'Logical_Switch_Port', name, { name, type: 'router', addresses: ['router'], options }, origin)
    ._uuid;
}

/**
 * Port security binds the MAC address, not the IP address: an address inside
 * the subnet may be set by hand.  Source addresses of other networks end at the
 * router (see router.ts).
 */
function addPort(nb: Northbound, { network }: NetworkPlan, port: PortPlan, dhcpOptions?: string): string {
  const { name, mac, address, unknownMac, node } = port;
  const bound = address === undefined ? mac : `${mac} ${formatIpv4(address)}`;
  return insertRow(
    nb,
    'Logical_Switch_Port',
    name,
    {
      name,
      addresses: unknownMac ? [bound, 'unknown'] : [bound],
      port_security: unknownMac ? [] : [mac],
      options: { 'requested-chassis': node.name },
      external_ids: {
        interface: `${port.interface.namespace}/${port.interface.name}`,
        network: switchName(network),
        node: node.name,
      },
      ...(dhcpOptions && { dhcpv4_options: dhcpOptions }),
    },
    port.origin,
  )._uuid;
}

function addDhcpOptions(nb: Northbound, { parameters }: VpcPlan, { network, subnet, gateway }: NetworkPlan): string {
  return insertRow(
    nb,
    'DHCP_Options',
    switchName(network),
    {
      cidr: formatCidr(subnet),
      options: {
        lease_time: String(parameters.leaseTime),
        mtu: String(parameters.mtu),
        router: formatIpv4(gateway.address),
        server_id: formatIpv4(gateway.address),
        server_mac: gateway.mac,
      },
      external_ids: { network: switchName(network) },
    },
    { ...network.origin, ...network.at('spec.bridgedNetwork.ipam.ipv4.dhcp') },
  )._uuid;
}

/**
 * Only the router may speak for the gateway: a port that claims its IP or MAC
 * address, by ARP or as a source, is dropped, also where port security is off.
 */
function addGatewayAcls(nb: Northbound, { network, gateway }: NetworkPlan): string[] {
  const address = formatIpv4(gateway.address);
  const claims = `arp.spa == ${address} || ip4.src == ${address} || eth.src == ${gateway.mac}`;
  const acls: AclPlan[] = [
    { priority: 1002, match: `inport == "${networkRouterPort(network)}"`, action: 'allow' },
    { priority: 1001, match: claims, action: 'drop' },
  ];
  const origin = { ...network.origin, ...network.at('spec.bridgedNetwork.ipam.ipv4.subnet') };
  return addAcls(nb, switchName(network), acls, origin);
}
