/**
 * What both data planes are measured with: a topology, and frames that come in
 * by its ports.  Everything is made here from manifests, and is the same on
 * every run.
 *
 * | scenario          | one VPC, two networks, all ports on one node                          |
 * | ----------------- | --------------------------------------------------------------------- |
 * | `east-west`       | from a port of one network to ports of the other, by the VPC's router |
 * | `source-nat`      | to the world outside on connections that were answered before         |
 * | `new-connections` | the same way, where every packet opens a connection                   |
 * | `misses`          | east-west to 32 000 addresses, where caches forget at once            |
 */

import { formatIpv4 } from '../../engine/address.ts';
import type { WrittenFrame } from '../../engine/capture/index.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import { northboundOfPlan } from '../../engine/vpc/index.ts';
import { externalName, localnetPort } from '../../engine/vpc/names.ts';
import { type GatewayPlan, type PortPlan, planTopology, type VpcPlan } from '../../engine/vpc/plan.ts';
import { resourcesOf } from '../topology.ts';
import { shuffled, type UdpFrame, udpFrames } from './frames.ts';

export type ScenarioKind = 'east-west' | 'source-nat' | 'new-connections' | 'misses';

/** Frames that come in by a port, over and over. */
export interface Input {
  /** A logical port, of type `localnet` perhaps. */
  port: string;
  frames(): WrittenFrame[];
}

export interface Scenario {
  kind: ScenarioKind;
  /** Of flows, of connections, or of different packets. */
  count: number;
  /** All its ports and gateways are on the chassis `chassis`. */
  northbound: Northbound;
  /** Ports that frames come out of; each of them is on the chassis. */
  outputs: readonly string[];
  /** What is known of the world outside: rows of MAC_Binding. */
  neighbours: readonly { logicalPort: string; ip: string; mac: string }[];
  /** `network_name` of the localnet ports. */
  physicalNetwork: string;
  /** What is measured. */
  input: Input;
  /** What the world outside answers, to be sent besides `input` before measuring begins. */
  replies?: Input;
  /** How many times as fast as the peer lflow is to be. */
  goal: number;
}

/** The scenarios that are measured, each with its sizes. */
export const sizes: readonly (readonly [ScenarioKind, number])[] = [
  ['east-west', 1],
  ['east-west', 1000],
  ['east-west', 100_000],
  ['source-nat', 1],
  ['source-nat', 1000],
  ['source-nat', 100_000],
  ['new-connections', 240_000],
  ['misses', 32_000],
];

/** The name of a scenario in a table. */
export const scenarioText = ({ kind, count }: Pick<Scenario, 'kind' | 'count'>): string => `${kind} ${count}`;

/** A scenario, on the chassis of that name. */
export function scenarioOf(kind: ScenarioKind, count: number, chassis: string): Scenario {
  const topology = topologyOf(chassis);
  switch (kind) {
    case 'east-west':
      return eastWest(topology, count);
    case 'source-nat':
      return { ...sourceNat(topology, count), replies: repliesOf(topology, count) };
    case 'new-connections':
      return { ...sourceNat(topology, count), kind, goal: 3 };
    case 'misses':
      return misses(topology, count);
  }
}

/** Hosts of a network where there are many ports, and how many of them are on the chassis: it has 65 535 conntrack zones. */
const largeNetwork = 1000;
const hostsHere = 500;
/** The chassis of the others. */
export const otherChassis = 'elsewhere';

/** `count` flows east-west, with about `ports` ports in the program: VPCs like the one with the flows. */
export function eastWestBeside(count: number, chassis: string, ports: number): Scenario {
  const networks = 2;
  const interfaces = Math.min(largeNetwork, Math.max(1, Math.floor(ports / networks)));
  const topology = topologyOf(chassis, Math.max(1, Math.round(ports / networks / interfaces)), interfaces);
  const far = new Set(topology.far);
  for (const { name, options } of topology.northbound.Logical_Switch_Port.values()) {
    if (far.has(name)) options['requested-chassis'] = otherChassis;
  }
  return eastWest({ ...topology, receivers: topology.receivers.slice(0, receiverCount) }, count);
}

interface Topology {
  northbound: Northbound;
  plan: VpcPlan;
  gateway: GatewayPlan;
  /** The gateway's MAC address of the network that frames come from. */
  router: string;
  sender: Host;
  receivers: readonly Host[];
  /** Ports that may be on another chassis, where there are many. */
  far: readonly string[];
}

type Host = PortPlan & { address: number };

/** Hosts that frames go to, where there are enough flows. */
const receiverCount = 10;

/** The router outside. */
const outsideMac = '02:00:00:00:00:01';

function topologyOf(chassis: string, vpcs = 1, interfaces = receiverCount): Topology {
  const plans = planTopology(resourcesOf({ vpcs, networks: 2, nodes: 1, interfaces }));
  const [plan] = plans;
  const [from, to] = plan?.networks ?? [];
  const [gateway] = plan?.gateways ?? [];
  const [sender] = (from?.ports ?? []).filter(hasAddress);
  if (!plan || !gateway || !from || !to || !sender) throw new Error('the topology has not what is measured');
  const northbound = northboundOfPlan(plans);
  for (const { options } of northbound.Logical_Router.values()) if (options.chassis) options.chassis = chassis;
  for (const { options } of northbound.Logical_Switch_Port.values()) {
    if (options['requested-chassis']) options['requested-chassis'] = chassis;
  }
  const networks = plans.flatMap((each) => each.networks);
  const far = networks.flatMap(({ ports }) => ports.slice(hostsHere).map(({ name }) => name));
  return { northbound, plan, gateway, router: from.gateway.mac, sender, receivers: to.ports.filter(hasAddress), far };
}

const hasAddress = (port: PortPlan): port is Host => port.address !== undefined;

/** What all scenarios share. */
const common = ({ northbound, plan, gateway }: Topology) => ({
  northbound,
  neighbours: [
    {
      logicalPort: externalName(plan.vpc, gateway.node),
      ip: formatIpv4(plan.parameters.externalGateway),
      mac: outsideMac,
    },
  ],
  physicalNetwork: plan.parameters.physicalNetwork,
});

/** Ports that servers listen on, in most of what one sees. */
const servicePorts = [443, 53, 8080, 5432];

/** Flows differ in the hosts they go to, in their source ports, and in the service. */
function eastWest(topology: Topology, count: number): Scenario {
  const { sender, receivers, router } = topology;
  const hosts = receivers.slice(0, count);
  const services = servicePorts.slice(0, Math.ceil(count / 1000));
  const frameOf = (flow: number): UdpFrame => {
    const client = Math.floor(flow / hosts.length);
    return {
      ethSrc: sender.mac,
      ethDst: router,
      ipSrc: sender.address,
      ipDst: hosts[flow % hosts.length]?.address ?? 0,
      udpSrc: ephemeralPort(Math.floor(client / services.length)),
      udpDst: services[client % services.length] ?? 0,
    };
  };
  return {
    ...common(topology),
    kind: 'east-west',
    count,
    outputs: hosts.map(({ name }) => name),
    input: { port: sender.name, frames: () => inSomeOrder(count, frameOf) },
    goal: 3,
  };
}

/** Connections from one host to servers outside: a hundred for each server, if there are so many. */
function sourceNat(topology: Topology, count: number): Scenario {
  const { plan, gateway, sender, router } = topology;
  return {
    ...common(topology),
    kind: 'source-nat',
    count,
    outputs: [localnetPort(plan.vpc, gateway.node)],
    input: {
      port: sender.name,
      frames: () =>
        inSomeOrder(count, (connection) => ({
          ethSrc: sender.mac,
          ethDst: router,
          ipSrc: sender.address,
          udpDst: 443,
          ...serverAndPort(connection),
        })),
    },
    goal: 10,
  };
}

const serverAndPort = (connection: number) => ({
  ipDst: firstServer + Math.floor(connection / 100),
  udpSrc: ephemeralPort(connection % 100),
});

/** 198.18.0.1: RFC 2544's range for benchmarks. */
const firstServer = 0xc6120001;

/** A connection keeps its source port in translation, as long as no other to the same server has it. */
function repliesOf({ plan, gateway }: Topology, count: number): Input {
  return {
    port: localnetPort(plan.vpc, gateway.node),
    frames: () =>
      inSomeOrder(count, (connection) => {
        const { ipDst: server, udpSrc: port } = serverAndPort(connection);
        return {
          ethSrc: outsideMac,
          ethDst: gateway.externalMac,
          ipSrc: server,
          ipDst: gateway.externalAddress,
          udpSrc: 443,
          udpDst: port,
        };
      }),
  };
}

/**
 * Hosts with many addresses each, as those with containers behind them: the
 * router has to look up each address, so no two share a megaflow.
 */
function misses(topology: Topology, count: number): Scenario {
  const { northbound, sender, receivers, router } = topology;
  // Behind the hosts' own addresses.
  const first = ((receivers[0]?.address ?? 0) & ~0xff) + 0x100;
  const rows = new Map([...northbound.Logical_Switch_Port.values()].map((row) => [row.name, row]));
  for (const [index, { name, mac }] of receivers.entries()) {
    const row = rows.get(name);
    const own = Array.from({ length: count }, (_, at) => at).filter((at) => at % receivers.length === index);
    if (row) row.addresses = [`${mac} ${own.map((at) => formatIpv4(first + at)).join(' ')}`];
  }
  return {
    ...common(topology),
    kind: 'misses',
    count,
    outputs: receivers.map(({ name }) => name),
    input: {
      port: sender.name,
      frames: () =>
        inSomeOrder(count, (at) => ({
          ethSrc: sender.mac,
          ethDst: router,
          ipSrc: sender.address,
          ipDst: first + at,
          udpSrc: ephemeralPort(at % 100),
          udpDst: 443,
        })),
    },
    goal: 3,
  };
}

/** The ports that Linux gives to clients, 32768 and up. */
const ephemeralPort = (at: number): number => 32768 + at;

function inSomeOrder(count: number, frameOf: (index: number) => UdpFrame): WrittenFrame[] {
  const order = shuffled(count);
  return udpFrames(count, (at) => frameOf(order[at] ?? 0));
}
