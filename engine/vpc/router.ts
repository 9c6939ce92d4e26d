/**
 * A DPUVPC as a distributed logical router.
 *
 * Connected routes would join everything with everything, so routing policies
 * say what may pass, by the port a packet came in by and the one it would leave
 * by, and drop the rest:
 *
 * | priority | packets                                       | action                          |
 * | -------- | --------------------------------------------- | ------------------------------- |
 * | 500      | network to the networks it may reach, itself among them | allow                 |
 * | 500      | gateway routers to externally routed networks | allow                           |
 * | 400      | to what no VPC may reach (`$vpc_external`)    | drop                            |
 * | 300      | network to outside, from a port's address     | reroute to its own node's gateway |
 * | 200      | network to outside, from another of its addresses | reroute to the first node's gateway |
 * | 1        | anything                                      | drop                            |
 *
 * Each of them names the port a packet came in by: a source address proves
 * nothing, a host may forge it.
 */

import { formatCidr, formatIpv4 } from '../address.ts';
import type { Origin } from '../origin.ts';
import { insertRow, type Northbound } from '../ovsdb/northbound.ts';
import { gatewayPort, joinName, joinRouterPort, routerName, switchName, vpcExternalSet } from './names.ts';
import type { GatewayPlan, NetworkPlan, VpcPlan } from './plan.ts';

/** Adds the router of a VPC, and the switch to its gateway routers if it has any. */
export function addRouter(nb: Northbound, plan: VpcPlan): void {
  const { vpc, networks, gateways } = plan;
  const name = routerName(vpc);
  const isExternal = gateways.length > 0;
  insertRow(
    nb,
    'Logical_Router',
    name,
    {
      name,
      ports: [
        ...networks.map((network) => addGatewayPort(nb, plan, network)),
        ...(isExternal ? [addJoinPort(nb, plan)] : []),
      ],
      static_routes: isExternal ? [addDefaultRoute(nb, plan)] : [],
      policies: policies(plan).map(
        ({ key, origin, ...columns }) =>
          insertRow(nb, 'Logical_Router_Policy', `${name} ${key}`, columns, origin)._uuid,
      ),
      options: { always_learn_from_arp_request: 'false' },
      external_ids: { tenant: vpc.tenant, vpc: name },
    },
    vpc.origin,
  );
}

function addGatewayPort(nb: Northbound, { vpc }: VpcPlan, { network, subnet, gateway }: NetworkPlan): string {
  const name = gatewayPort(vpc, network);
  const networks = [`${formatIpv4(gateway.address)}/${subnet.prefixLength}`];
  const origin = { ...network.origin, ...network.at('spec.bridgedNetwork.ipam.ipv4.subnet') };
  return insertRow(nb, 'Logical_Router_Port', name, { name, mac: gateway.mac, networks }, origin)._uuid;
}

function addJoinPort(nb: Northbound, { vpc, parameters, join }: VpcPlan): string {
  const name = joinName(vpc);
  const networks = [`${formatIpv4(join.address)}/${parameters.join.prefixLength}`];
  return insertRow(nb, 'Logical_Router_Port', name, { name, mac: join.mac, networks }, vpc.origin)._uuid;
}

/** The switch between the VPC's router and its gateway routers; the gateway routers add their own ports. */
export function addJoinSwitch(nb: Northbound, { vpc }: VpcPlan, gatewayPorts: string[]): void {
  const name = joinName(vpc);
  const port = joinRouterPort(vpc);
  const columns = { name: port, type: 'router', addresses: ['router'], options: { 'router-port': name } };
  const ports = [insertRow(nb, 'Logical_Switch_Port', port, columns, vpc.origin)._uuid, ...gatewayPorts];
  insertRow(nb, 'Logical_Switch', name, { name, ports, external_ids: { vpc: routerName(vpc) } }, vpc.origin);
}

function addDefaultRoute(nb: Northbound, { vpc, gateways }: VpcPlan): string {
  const columns = { ip_prefix: '0.0.0.0/0', nexthop: formatIpv4(gateways[0].joinAddress) };
  return insertRow(nb, 'Logical_Router_Static_Route', `${routerName(vpc)} ${columns.ip_prefix}`, columns, vpc.origin)
    ._uuid;
}

interface Policy {
  /** Names the policy within its router. */
  key: string;
  origin: Origin;
  priority: number;
  match: string;
  action: 'allow' | 'drop' | 'reroute';
  nexthops?: string[];
  external_ids: Record<string, string>;
}

function policies(plan: VpcPlan): Policy[] {
  const { vpc, networks, gateways } = plan;
  const external = networks.filter(({ network }) => network.externallyRouted && gateways.length > 0);
  return [
    ...networks.map((network) => eastWest(plan, network)),
    ...(external.length > 0 ? [fromOutside(plan, external), toVpcs(plan)] : []),
    ...external.flatMap((network) => [...ownGateways(plan, network), firstGateway(plan, network)]),
    {
      key: 'drop',
      origin: vpc.origin,
      priority: 1,
      match: '1',
      action: 'drop',
      external_ids: { why: 'what no other policy lets through' },
    },
  ];
}

/** `{"a", "b"}` or `"a"`: the operand of a comparison. */
function anyOf(texts: readonly string[]): string {
  return texts.length === 1 ? texts[0] : `{${texts.join(', ')}}`;
}

const quoted = (texts: readonly string[]): string => anyOf(texts.map((text) => `"${text}"`));

/** Sources: the network's own addresses, and the other gateways', which answer when they are asked. */
function eastWest({ vpc, networks }: VpcPlan, plan: NetworkPlan): Policy {
  const others = vpc.interNetworkAccess ? networks.filter((other) => other !== plan) : [];
  const sources = [formatCidr(plan.subnet), ...others.map(({ gateway }) => formatIpv4(gateway.address))];
  const ports = [plan, ...others].map(({ network }) => gatewayPort(vpc, network));
  const { name } = plan.network;
  return {
    key: `east-west ${name}`,
    origin: { ...vpc.origin, ...vpc.at('spec.interNetworkAccess') },
    priority: 500,
    match: `inport == "${gatewayPort(vpc, plan.network)}" && ip4.src == ${anyOf(sources)} && outport == ${quoted(ports)}`,
    action: 'allow',
    external_ids: { why: `${name} reaches itself and what interNetworkAccess lets it reach` },
  };
}

function fromOutside({ vpc }: VpcPlan, external: NetworkPlan[]): Policy {
  const ports = external.map(({ network }) => gatewayPort(vpc, network));
  return {
    key: 'from outside',
    origin: vpc.origin,
    priority: 500,
    match: `inport == "${joinName(vpc)}" && outport == ${quoted([...ports, joinName(vpc)])}`,
    action: 'allow',
    external_ids: { why: 'what the gateway routers let in' },
  };
}

function toVpcs({ vpc, parameters }: VpcPlan): Policy {
  return {
    key: 'to VPCs',
    origin: vpc.origin,
    priority: 400,
    match: `outport == "${joinName(vpc)}" && ip4.dst == {$${vpcExternalSet}, ${formatCidr(parameters.join)}}`,
    action: 'drop',
    external_ids: { why: 'no VPC and no network reaches another by way of the world outside' },
  };
}

const toOutside = ({ vpc }: VpcPlan, { network }: NetworkPlan): string =>
  `inport == "${gatewayPort(vpc, network)}" && outport == "${joinName(vpc)}"`;

function reroute(plan: VpcPlan, network: NetworkPlan, gateway: GatewayPlan, priority: number, sources: string): Policy {
  return {
    key: `${network.network.name} ${priority} ${gateway.node.name}`,
    origin: { ...network.network.origin, ...network.network.at('spec.externallyRouted') },
    priority,
    match: `${toOutside(plan, network)} && ip4.src == ${sources}`,
    action: 'reroute',
    nexthops: [formatIpv4(gateway.joinAddress)],
    external_ids: { network: switchName(network.network), node: gateway.node.name },
  };
}

/** Ports leave by their own node's gateway. */
function ownGateways(plan: VpcPlan, network: NetworkPlan): Policy[] {
  return plan.gateways.flatMap((gateway) => {
    const addresses = network.ports
      .filter(({ node, address }) => node === gateway.node && address !== undefined)
      .map(({ address }) => formatIpv4(address as number));
    return addresses.length === 0 ? [] : [reroute(plan, network, gateway, 300, anyOf(addresses))];
  });
}

/** An address that nobody assigned leaves by the first node's gateway. */
function firstGateway(plan: VpcPlan, network: NetworkPlan): Policy {
  return reroute(plan, network, plan.gateways[0], 200, formatCidr(network.subnet));
}
