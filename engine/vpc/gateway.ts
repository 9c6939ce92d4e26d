/**
 * A VPC's way out on one node: a gateway router between the join switch and a
 * switch with a localnet port.
 *
 * OVN would route any frame from outside that is addressed to a private address
 * into the VPC: source NAT is no firewall.  Routing policies let pass:
 *
 * | priority | packets                                              | action |
 * | -------- | ---------------------------------------------------- | ------ |
 * | 500      | from outside, claiming to be a VPC (`$vpc_external`) | drop   |
 * | 400      | from outside, replies of translated connections      | allow  |
 * | 300      | from outside, to networks routed without translation | allow  |
 * | 200      | from externally routed networks, outside             | allow  |
 * | 1        | anything                                             | drop   |
 *
 * On the external switch ACLs see to it that nothing leaves but with an address
 * that is known outside: what conntrack takes for no connection's, an echo reply
 * that answers nothing say, source NAT leaves as it is.
 *
 * `ct.rpl` is set where `lr_in_unsnat` found the connection that a packet
 * answers, ICMP errors about it included.
 */

import { type Cidr, formatCidr, formatIpv4 } from '../address.ts';
import type { Origin } from '../origin.ts';
import { insertRow, type Northbound } from '../ovsdb/northbound.ts';
import { type AclPlan, addAcls } from './acl.ts';
import {
  externalName,
  externalRouterPort,
  gatewayJoinPort,
  gatewayRouterName,
  joinGatewayPort,
  localnetPort,
  routerName,
  vpcExternalSet,
} from './names.ts';
import type { GatewayPlan, NetworkPlan, VpcPlan } from './plan.ts';

/**
 * Adds the gateway router of a VPC on one node with its external switch.
 * Returns the UUID of its port on the join switch, which that switch has yet to own.
 */
export function addGateway(nb: Northbound, plan: VpcPlan, gateway: GatewayPlan): string {
  const { vpc } = plan;
  const name = gatewayRouterName(vpc, gateway.node);
  const external = plan.networks.filter(({ network }) => network.externallyRouted);
  insertRow(
    nb,
    'Logical_Router',
    name,
    {
      name,
      ports: addRouterPorts(nb, plan, gateway),
      static_routes: addRoutes(nb, plan, gateway, external),
      nat: external.filter(({ network }) => network.masquerade).map((network) => addSnat(nb, plan, gateway, network)),
      policies: policies(plan, gateway, external).map(
        ({ key, origin, ...columns }) =>
          insertRow(nb, 'Logical_Router_Policy', `${name} ${key}`, columns, origin)._uuid,
      ),
      options: { always_learn_from_arp_request: 'false', chassis: gateway.node.name },
      external_ids: { tenant: vpc.tenant, vpc: routerName(vpc), node: gateway.node.name },
    },
    vpc.origin,
  );
  addExternalSwitch(nb, plan, gateway, external);
  return addSwitchPort(nb, joinGatewayPort(vpc, gateway.node), gatewayJoinPort(vpc, gateway.node), vpc.origin);
}

function addSwitchPort(nb: Northbound, name: string, routerPort: string, origin: Origin): string {
  const columns = { name, type: 'router', addresses: ['router'], options: { 'router-port': routerPort } };
  return insertRow(nb, 'Logical_Switch_Port', name, columns, origin)._uuid;
}

function addRouterPorts(nb: Northbound, { vpc, parameters }: VpcPlan, gateway: GatewayPlan): string[] {
  const port = (name: string, mac: string, address: number, { prefixLength }: Cidr): string => {
    const columns = { name, mac, networks: [`${formatIpv4(address)}/${prefixLength}`] };
    return insertRow(nb, 'Logical_Router_Port', name, columns, vpc.origin)._uuid;
  };
  return [
    port(gatewayJoinPort(vpc, gateway.node), gateway.joinMac, gateway.joinAddress, parameters.join),
    port(externalName(vpc, gateway.node), gateway.externalMac, gateway.externalAddress, parameters.external),
  ];
}

function addExternalSwitch(nb: Northbound, plan: VpcPlan, gateway: GatewayPlan, external: NetworkPlan[]): void {
  const { vpc, parameters } = plan;
  const { node } = gateway;
  const name = externalName(vpc, node);
  const localnet = localnetPort(vpc, node);
  const ports = [
    addSwitchPort(nb, externalRouterPort(vpc, node), name, vpc.origin),
    insertRow(
      nb,
      'Logical_Switch_Port',
      localnet,
      {
        name: localnet,
        type: 'localnet',
        addresses: ['unknown'],
        options: { network_name: parameters.physicalNetwork },
      },
      vpc.origin,
    )._uuid,
  ];
  insertRow(
    nb,
    'Logical_Switch',
    name,
    {
      name,
      ports,
      acls: addSourceAcls(nb, plan, gateway, external),
      external_ids: { vpc: routerName(vpc), node: node.name },
    },
    vpc.origin,
  );
}

/** What leaves has the node's external address, or one of a network that is routed without translation. */
function addSourceAcls(nb: Northbound, { vpc }: VpcPlan, gateway: GatewayPlan, external: NetworkPlan[]): string[] {
  const fromRouter = `inport == "${externalRouterPort(vpc, gateway.node)}"`;
  const routed = external.filter(({ network }) => !network.masquerade).map(({ subnet }) => formatCidr(subnet));
  const sources = [formatIpv4(gateway.externalAddress), ...routed].join(', ');
  const acls: AclPlan[] = [
    { priority: 1002, match: `${fromRouter} && ip4.src == {${sources}}`, action: 'allow' },
    { priority: 1001, match: `${fromRouter} && ip4`, action: 'drop' },
  ];
  return addAcls(nb, externalName(vpc, gateway.node), acls, vpc.origin);
}

function addRoutes(nb: Northbound, plan: VpcPlan, gateway: GatewayPlan, external: NetworkPlan[]): string[] {
  const route = (ip_prefix: string, nexthop: number, origin: Origin): string =>
    insertRow(
      nb,
      'Logical_Router_Static_Route',
      `${gatewayRouterName(plan.vpc, gateway.node)} ${ip_prefix}`,
      { ip_prefix, nexthop: formatIpv4(nexthop) },
      origin,
    )._uuid;
  return [
    route('0.0.0.0/0', plan.parameters.externalGateway, plan.vpc.origin),
    ...external.map(({ network, subnet }) => route(formatCidr(subnet), plan.join.address, network.origin)),
  ];
}

function addSnat(nb: Northbound, { vpc }: VpcPlan, gateway: GatewayPlan, { network, subnet }: NetworkPlan): string {
  const columns = {
    type: 'snat',
    logical_ip: formatCidr(subnet),
    external_ip: formatIpv4(gateway.externalAddress),
  };
  const key = `${gatewayRouterName(vpc, gateway.node)} snat ${columns.logical_ip}`;
  const origin = { ...network.origin, ...network.at('spec.masquerade') };
  return insertRow(nb, 'NAT', key, columns, origin)._uuid;
}

interface Policy {
  /** Names the policy within its router. */
  key: string;
  origin: Origin;
  priority: number;
  match: string;
  action: 'allow' | 'drop';
  external_ids: Record<string, string>;
}

function policies({ vpc }: VpcPlan, gateway: GatewayPlan, external: NetworkPlan[]): Policy[] {
  const fromOutside = `inport == "${externalName(vpc, gateway.node)}"`;
  const fromInside = `inport == "${gatewayJoinPort(vpc, gateway.node)}"`;
  const toOutside = `outport == "${externalName(vpc, gateway.node)}"`;
  const toInside = `outport == "${gatewayJoinPort(vpc, gateway.node)}"`;
  const subnets = (plans: NetworkPlan[]): string => `{${plans.map(({ subnet }) => formatCidr(subnet)).join(', ')}}`;
  const routed = external.filter(({ network }) => !network.masquerade);
  const policy = (priority: number, match: string, action: 'allow' | 'drop', why: string): Policy => ({
    key: `${priority} ${match}`,
    origin: vpc.origin,
    priority,
    match,
    action,
    external_ids: { why },
  });

  return [
    policy(
      500,
      `${fromOutside} && ip4.src == $${vpcExternalSet}`,
      'drop',
      'no VPC comes in by way of the world outside',
    ),
    policy(400, `${fromOutside} && ${toInside} && ct.rpl`, 'allow', 'replies of connections that were translated'),
    ...(routed.length === 0
      ? []
      : [
          policy(
            300,
            `${fromOutside} && ${toInside} && ip4.dst == ${subnets(routed)}`,
            'allow',
            'networks that are not masqueraded',
          ),
        ]),
    policy(200, `${fromInside} && ${toOutside} && ip4.src == ${subnets(external)}`, 'allow', 'the way out'),
    policy(1, '1', 'drop', 'what no other policy lets through'),
  ];
}
