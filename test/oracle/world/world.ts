/**
 * A topology with hosts behind its interfaces and a world outside its localnet
 * ports: packets are sent, followed through all datapaths, and answered.
 *
 * The world outside joins the localnet ports of one physical network: a frame
 * that leaves by one of them reaches the gateway router that its destination
 * MAC address belongs to, and the router outside sends back what is addressed to
 * a gateway.  So two VPCs that could meet outside do meet here.
 */

import { contains, formatIpv4, parseIpv4 } from '../../../engine/address.ts';
import { groupBy } from '../../../engine/group.ts';
import type { LogicalFlow, MacBinding, Southbound } from '../../../engine/ovsdb/southbound.ts';
import { externalName, localnetPort } from '../../../engine/vpc/names.ts';
import type { GatewayPlan, NetworkPlan, PortPlan, VpcPlan } from '../../../engine/vpc/plan.ts';
import {
  type Delivery,
  type ParsedPacket,
  parsePacket,
  prepare,
  traceFlow,
  trackingConntrack,
} from '../../../sim/trace/index.ts';
import type { FieldReader } from './frame.ts';
import type { Endpoint } from './packets.ts';
import { fieldReader, macText, microflowText } from './read.ts';

/** MAC address of the router in the world outside. */
export const outsideMac = '02:00:5e:00:53:01';

/** An address in the world outside that is nobody's here: one for documentation (RFC 5737) if it is free. */
function freeAddress(plans: readonly VpcPlan[]): string {
  const taken = plans.flatMap(({ parameters, networks }) => [
    parameters.external,
    parameters.join,
    ...networks.map(({ subnet }) => subnet),
  ]);
  const documentation = ['203.0.113.10', '198.51.100.10', '192.0.2.10'];
  const others = Array.from({ length: 223 }, (_, index) => `${index + 1}.200.113.10`);
  const isFree = (address: string): boolean => !taken.some((cidr) => contains(cidr, parseIpv4(address) ?? 0));
  return [...documentation, ...others].find(isFree) ?? documentation[0];
}

/** A port of an interface, with the network and the VPC it belongs to. */
export interface Host {
  vpc: VpcPlan;
  network: NetworkPlan;
  port: PortPlan;
  /** Its MAC address and the address that IPAM chose for it. */
  endpoint: Endpoint;
}

/** A gateway router and its port on the physical network. */
export interface Gateway {
  vpc: VpcPlan;
  plan: GatewayPlan;
  localnet: string;
  endpoint: Endpoint;
}

/** A packet that came out of a port. */
export interface Arrival {
  port: string;
  /** Set where the port is an interface's. */
  host?: Host;
  /** Set where the port is a localnet port: the packet reached the world outside. */
  gateway?: Gateway;
  field: FieldReader;
}

/** What became of a packet. */
export interface Outcome {
  inport: string;
  /** The packet as it was sent. */
  field: FieldReader;
  microflow: string;
  arrivals: Arrival[];
  /** The flows that it met, in order. */
  flows: LogicalFlow[];
}

/** The connections that packets have opened so far. */
export type Connections = ReturnType<typeof trackingConntrack>;

export interface World {
  plans: readonly VpcPlan[];
  southbound: Southbound;
  hosts: readonly Host[];
  gateways: readonly Gateway[];
  hostsOf(network: NetworkPlan): readonly Host[];
  gatewaysOf(vpc: VpcPlan): readonly Gateway[];
  /** IPv4 address of a host in the world outside, behind the router there. */
  outsideAddress: string;
  /** Sends a packet, a microflow that names its inport, and follows it to where it ends. */
  send(microflow: string, connections?: Connections): Outcome;
  /** How many packets were sent so far. */
  sent(): number;
  /** Why what the world showed may not be the whole truth: a sentence each, in order of appearance. */
  gaps(): readonly string[];
  /** The name of a datapath by its UUID. */
  datapathName(uuid: string): string;
}

/** More gateways than this are not all told each other's MAC addresses: their number is squared. */
const neighbourLimit = 64;

/** How often a packet may cross the physical network before it counts as lost. */
const crossings = 4;

export function openWorld(southbound: Southbound, plans: readonly VpcPlan[]): World {
  const hosts = plans.flatMap(hostsOfVpc);
  const gateways = plans.flatMap(gatewaysOfVpc);
  const hostsByNetwork = groupBy(hosts, ({ network }) => network);
  const gatewaysByVpc = groupBy(gateways, ({ vpc }) => vpc);
  const hostByPort = new Map(hosts.map((host) => [host.port.name, host]));
  const gatewayByPort = new Map(gateways.map((gateway) => [gateway.localnet, gateway]));
  const macBindings = [...southbound.macBindings, ...neighbours(gateways)];
  const topology = prepare({ ...southbound, macBindings });
  const names = new Map(southbound.datapaths.map(({ uuid, name }) => [uuid, name]));
  const gaps: string[] = [];
  let sent = 0;

  const arrivalOf = ({ port, packet }: Delivery): Arrival => {
    const name = port.binding.logicalPort;
    const host = hostByPort.get(name);
    const gateway = gatewayByPort.get(name);
    return { port: name, ...(host && { host }), ...(gateway && { gateway }), field: fieldReader(packet) };
  };

  const follow = (
    { datapath, packet }: ParsedPacket,
    connections: Connections,
    outcome: Outcome,
    crossed: number,
  ): void => {
    const result = traceFlow(topology, datapath, packet, {
      conntrack: connections,
      securedNetworks: 'as-network',
    });
    outcome.flows.push(...result.flows);
    gaps.push(...result.gaps);
    const arrivals = result.deliveries.map(arrivalOf);
    outcome.arrivals.push(...arrivals);
    for (const arrival of arrivals) {
      if (arrival.gateway && crossed < crossings) {
        for (const back of comesBack(arrival, gateways)) {
          follow(parsePacket(topology, back), connections, outcome, crossed + 1);
        }
      }
    }
  };

  return {
    plans,
    southbound,
    hosts,
    gateways,
    hostsOf: (network) => hostsByNetwork.get(network) ?? [],
    gatewaysOf: (vpc) => gatewaysByVpc.get(vpc) ?? [],
    outsideAddress: freeAddress(plans),
    send: (microflow, connections = trackingConntrack()) => {
      sent++;
      const parsed = parsePacket(topology, microflow);
      const field = fieldReader(parsed.packet);
      const outcome: Outcome = { inport: parsed.inport, field, microflow, arrivals: [], flows: [] };
      follow(parsed, connections, outcome, 0);
      return outcome;
    },
    sent: () => sent,
    gaps: () => gaps,
    datapathName: (uuid) => names.get(uuid) ?? uuid,
  };
}

function hostsOfVpc(vpc: VpcPlan): Host[] {
  return vpc.networks.flatMap((network) =>
    network.ports.flatMap((port) =>
      port.address === undefined
        ? []
        : [{ vpc, network, port, endpoint: { mac: port.mac, ip: formatIpv4(port.address) } }],
    ),
  );
}

function gatewaysOfVpc(vpc: VpcPlan): Gateway[] {
  return vpc.gateways.map((plan) => ({
    vpc,
    plan,
    localnet: localnetPort(vpc.vpc, plan.node),
    endpoint: { mac: plan.externalMac, ip: formatIpv4(plan.externalAddress) },
  }));
}

const samePhysicalNetwork = (a: Gateway, b: Gateway): boolean =>
  a.vpc.parameters.physicalNetwork === b.vpc.parameters.physicalNetwork;

/** What gateway routers have learned by ARP: the router outside, and each other. */
function neighbours(gateways: readonly Gateway[]): MacBinding[] {
  const known = gateways.slice(0, neighbourLimit);
  return gateways.flatMap((gateway) => {
    const logicalPort = externalName(gateway.vpc.vpc, gateway.plan.node);
    const others = known.filter((other) => other !== gateway && samePhysicalNetwork(gateway, other));
    return [
      { logicalPort, ip: formatIpv4(gateway.vpc.parameters.externalGateway), mac: outsideMac },
      ...others.map(({ endpoint }) => ({ logicalPort, ...endpoint })),
    ];
  });
}

/**
 * What the physical network brings back of a frame that left for it: to the
 * gateway router that has the frame's destination MAC address, or, by the router
 * outside, to the one that the packet is addressed to.
 */
function comesBack({ gateway: from, field }: Arrival, gateways: readonly Gateway[]): string[] {
  const others = gateways.filter((other) => from && other !== from && samePhysicalNetwork(from, other));
  const ethDst = macText(field('eth.dst'));
  const onWire = others.find(({ endpoint }) => endpoint.mac === ethDst);
  if (onWire) return [microflowText(field, onWire.localnet)];

  if (ethDst !== outsideMac || field('eth.type') !== 0x800n || field('ip.ttl') <= 1n) return [];
  const destination = Number(field('ip4.dst'));
  return others
    .filter((gateway) => routesTo(gateway, destination))
    .map((gateway) => microflowText(forwarded(field, gateway), gateway.localnet));
}

/** Whether the router outside sends packets for an address to a gateway. */
function routesTo({ plan, vpc }: Gateway, destination: number): boolean {
  const isRouted = ({ network, subnet }: NetworkPlan): boolean =>
    network.externallyRouted && !network.masquerade && contains(subnet, destination);
  return destination === plan.externalAddress || vpc.networks.some(isRouted);
}

/** The packet as the router outside sends it on to a gateway. */
function forwarded(field: FieldReader, { endpoint }: Gateway): FieldReader {
  const changed: Record<string, bigint> = {
    'eth.src': macNumber(outsideMac),
    'eth.dst': macNumber(endpoint.mac),
    'ip.ttl': field('ip.ttl') - 1n,
  };
  return (name) => changed[name] ?? field(name);
}

const macNumber = (mac: string): bigint => BigInt(`0x${mac.replaceAll(':', '')}`);
