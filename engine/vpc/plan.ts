/**
 * Everything about a topology that has to be decided before rows are written:
 * which interface is a port on which node, every MAC and IP address, the nodes'
 * gateways.  The same resources always give the same plan.
 */

import { type Cidr, formatCidr } from '../address.ts';
import { groupBy } from '../group.ts';
import type { Origin } from '../origin.ts';
import { interfaceKey, interfacePlacements, type Placement, vpcNodes } from '../spec/nodes.ts';
import type {
  Node,
  Resources,
  ServiceInterface,
  ServiceInterfaceTemplate,
  VirtualNetwork,
  Vpc,
} from '../spec/resources.ts';
import { macAnnotations, unknownMacAnnotation } from '../spec/rules/macs.ts';
import { allocateMac, gatewayAddress, hostAddresses, macOfName } from './ipam.ts';
import { externalName, gatewayJoinPort, gatewayPort, interfacePort, joinName } from './names.ts';
import { type Parameters, parametersOf } from './parameters.ts';

/** One port of a virtual network: an interface on a node. */
export interface PortPlan {
  interface: ServiceInterfaceTemplate;
  node: Node;
  /** `NAMESPACE/INTERFACE@NODE`. */
  name: string;
  mac: string;
  /** The address IPAM chose; absent where the subnet had none left, which validation has complained about. */
  address?: number;
  /** Any MAC address may be used behind this port. */
  unknownMac: boolean;
  /** Where the port, or its MAC address, is asked for. */
  origin: Origin;
}

export interface NetworkPlan {
  network: VirtualNetwork;
  subnet: Cidr;
  gateway: { address: number; mac: string };
  ports: PortPlan[];
}

/** A VPC's gateway router on one node. */
export interface GatewayPlan {
  node: Node;
  /** On the join switch. */
  joinAddress: number;
  joinMac: string;
  /** The node's own address in the world outside. */
  externalAddress: number;
  externalMac: string;
}

export interface VpcPlan {
  vpc: Vpc;
  parameters: Parameters;
  networks: NetworkPlan[];
  /** The router's port on the join switch. */
  join: { address: number; mac: string };
  /** One a node in the order of their names; none where no network is externally routed. */
  gateways: GatewayPlan[];
}

const byName = (a: { namespace: string; name: string }, b: { namespace: string; name: string }): number =>
  compare(a.namespace, b.namespace) || compare(a.name, b.name);

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What the plan of one VPC shares with those of the others. */
interface Context {
  resources: Resources;
  /** By the namespace and name of their VPC. */
  networks: Map<string, VirtualNetwork[]>;
  placements: Map<VirtualNetwork, Placement[]>;
  /** The ServiceInterfaces that report a MAC address, by `reportKey`. */
  reported: Map<string, ServiceInterface>;
  /** By external subnet, what is left of its addresses: isolation classes may share one. */
  external: Map<string, Iterator<number, void>>;
}

/**
 * The plan of all VPCs.  The resources must have passed validation: a pool that
 * is too small for the nodes throws a RangeError.
 */
export function planTopology(resources: Resources): VpcPlan[] {
  const context: Context = {
    resources,
    networks: groupBy(resources.networks, ({ namespace, vpcName }) => `${namespace}/${vpcName}`),
    placements: groupBy(interfacePlacements(resources), ({ network }) => network),
    reported: new Map(
      resources.serviceInterfaces
        .filter((reported) => reportedMac(reported) !== undefined)
        .map((reported) => [reportKey(interfaceKey(reported), reported.node), reported]),
    ),
    external: new Map(),
  };
  return [...resources.vpcs].sort(byName).map((vpc) => planVpc(vpc, context));
}

function planVpc(vpc: Vpc, context: Context): VpcPlan {
  const { resources } = context;
  const isolationClass = resources.isolationClasses.find(({ name }) => name === vpc.isolationClassName);
  const parameters = parametersOf(isolationClass ?? { parameters: {} });
  const networks = [...(context.networks.get(`${vpc.namespace}/${vpc.name}`) ?? [])]
    .sort(byName)
    .map((network) => planNetwork(vpc, network, context));

  const joinAddresses = hostAddresses(parameters.join, new Set());
  const joinMacs = new Set<string>();
  const join = { address: take(joinAddresses), mac: allocateMac(joinName(vpc), joinMacs) };

  const isExternal = networks.some(({ network }) => network.externallyRouted);
  const nodes = isExternal ? [...vpcNodes(vpc, resources)].sort(byName) : [];
  const external = externalPool(parameters, context.external);
  const gateways = nodes.map(
    (node): GatewayPlan => ({
      node,
      joinAddress: take(joinAddresses),
      joinMac: allocateMac(gatewayJoinPort(vpc, node), joinMacs),
      externalAddress: take(external),
      externalMac: macOfName(externalName(vpc, node)),
    }),
  );
  return { vpc, parameters, networks, join, gateways };
}

function externalPool(
  { external, externalGateway }: Parameters,
  pools: Map<string, Iterator<number, void>>,
): Iterator<number, void> {
  const key = formatCidr(external);
  const pool = pools.get(key) ?? hostAddresses(external, new Set([externalGateway]));
  pools.set(key, pool);
  return pool;
}

function take(pool: Iterator<number, void>): number {
  const { value } = pool.next();
  if (value === undefined) throw new RangeError('an address pool is too small for the nodes of the topology');
  return value;
}

function planNetwork(vpc: Vpc, network: VirtualNetwork, context: Context): NetworkPlan {
  const subnet = { address: network.subnet, prefixLength: network.prefixLength };
  const gateway = gatewayAddress(subnet);
  const wanted = (context.placements.get(network) ?? [])
    .flatMap(({ interface: template, nodes }) => nodes.map((node) => ({ template, node })))
    .sort((a, b) => byName(a.template, b.template) || compare(a.node.name, b.node.name))
    .map((port) => ({
      ...port,
      reported: context.reported.get(reportKey(interfaceKey(port.template), port.node.name)),
    }));

  const macs = new Set(wanted.flatMap(({ reported }) => (reported && reportedMac(reported)) ?? []));
  const gatewayMac = allocateMac(gatewayPort(vpc, network), macs);
  const addresses = hostAddresses(subnet, new Set([gateway]), network.excludeIPs);
  const ports = wanted.map(({ template, node, reported }): PortPlan => {
    const name = interfacePort(template, node);
    const address = addresses.next().value;
    return {
      interface: template,
      node,
      name,
      mac: (reported && reportedMac(reported)) ?? allocateMac(name, macs),
      ...(address !== undefined && { address }),
      unknownMac: isUnknownMac(template),
      origin: reported?.origin ?? template.origin,
    };
  });
  return { network, subnet, gateway: { address: gateway, mac: gatewayMac }, ports };
}

function isUnknownMac({ annotations, templateAnnotations }: ServiceInterfaceTemplate): boolean {
  return [annotations, templateAnnotations].some((written) => written[unknownMacAnnotation] === 'true');
}

/** The MAC address that a ServiceInterface's annotation gives, in lower case. */
function reportedMac({ annotations }: ServiceInterface): string | undefined {
  return macAnnotations
    .map((key) => annotations[key])
    .find((mac) => mac !== undefined)
    ?.toLowerCase();
}

/** `key` is what a ServiceInterface has in common with the DPUServiceInterface that it comes from. */
const reportKey = (key: string, node: string): string => `${node} ${key}`;
