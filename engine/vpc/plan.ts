/**
 * Everything about a topology that has to be decided before rows are written:
 * which interface is a port on which node, every MAC and IP address, the nodes'
 * gateways.  The same resources always give the same plan.
 */
import type { Origin } from '../origin.ts';
import { interfacePlacements, vpcNodes } from '../spec/nodes.ts';
import type {
  Node,
  Resources,
  ServiceInterface,
  ServiceInterfaceTemplate,
  VirtualNetwork,
  Vpc,
} from '../spec/resources.ts';
import { allocateMac, gatewayAddress, hostAddresses, type Subnet } from './ipam.ts';
import {
  externalName,
  gatewayJoinPort,
  gatewayPort,
  interfacePort,
  joinName,
} from './names.ts';
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
  subnet: Subnet;
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

/** Annotation keys under which a ServiceInterface's MAC address is written; the documents have both spellings. */
const macAnnotations = ['ovn.vpc.dpu.nvidia.com/lsp-mac-address', 'vpc.dpu.nvidia.com/lsp-mac-address'];

const unknownMacAnnotation = 'ovn.vpc.dpu.nvidia.com/unknown-mac';

export function planTopology(resources: Resources): VpcPlan[] {
  const external = new Map<string, Iterator<number, void>>();
  return [...resources.vpcs].sort(byName).map((vpc) => planVpc(vpc, resources, external));
}

/** `external` holds, by isolation class, what is left of the external addresses. */
function planVpc(vpc: Vpc, resources: Resources, external: Map<string, Iterator<number, void>>): VpcPlan {
  const isolationClass = resources.isolationClasses.find(({ name }) => name === vpc.isolationClassName);
  const parameters = parametersOf(isolationClass ?? { parameters: {} });
  const networks = resources.networks
    .filter(({ namespace, vpcName }) => namespace === vpc.namespace && vpcName === vpc.name)
    .sort(byName)
    .map((network) => planNetwork(vpc, network, resources));

  const joinAddresses = hostAddresses(parameters.join, new Set());
  const joinMacs = new Set<string>();
  const join = { address: take(joinAddresses), mac: allocateMac(joinName(vpc), joinMacs) };

  const isExternal = networks.some(({ network }) => network.externallyRouted);
  const nodes = isExternal ? [...vpcNodes(vpc, resources)].sort(byName) : [];
  const gateways = nodes.map((node): GatewayPlan => {
    const pool = externalPool(vpc.isolationClassName, parameters, external);
    return {
      node,
      joinAddress: take(joinAddresses),
      joinMac: allocateMac(gatewayJoinPort(vpc, node), joinMacs),
      externalAddress: take(pool),
      externalMac: allocateMac(externalName(vpc, node), new Set()),
    };
  });
  return { vpc, parameters, networks, join, gateways };
}

function externalPool(
  isolationClass: string,
  parameters: Parameters,
  pools: Map<string, Iterator<number, void>>,
): Iterator<number, void> {
  const pool = pools.get(isolationClass) ?? hostAddresses(parameters.external, new Set([parameters.externalGateway]));
  pools.set(isolationClass, pool);
  return pool;
}

/** The next address of a pool that validation found large enough. */
function take(pool: Iterator<number, void>): number {
  const { value } = pool.next();
  if (value === undefined) throw new RangeError('an address pool is too small for the nodes of the topology');
  return value;
}

function planNetwork(vpc: Vpc, network: VirtualNetwork, resources: Resources): NetworkPlan {
  const subnet = { address: network.subnet, prefixLength: network.prefixLength };
  const gateway = gatewayAddress(subnet);
  const macs = new Set<string>();
  const gatewayMac = allocateMac(gatewayPort(vpc, network), macs);

  const wanted = interfacePlacements(resources)
    .filter((placement) => placement.network === network)
    .flatMap((placement) => placement.nodes.map((node) => ({ interfaces: placement.interface, node })))
    .sort((a, b) => byName(a.interfaces, b.interfaces) || compare(a.node.name, b.node.name))
    .map(({ interfaces, node }) => ({ interfaces, node, given: givenMac(interfaces, node, resources) }));
  for (const { given } of wanted) if (given) macs.add(given.mac);

  const addresses = hostAddresses(subnet, new Set([gateway]), network.excludeIPs);
  const ports = wanted.map(({ interfaces, node, given }): PortPlan => {
    const name = interfacePort(interfaces, node);
    const address = addresses.next().value;
    return {
      interface: interfaces,
      node,
      name,
      mac: given?.mac ?? allocateMac(name, macs),
      ...(address !== undefined && { address }),
      unknownMac: [interfaces.annotations, interfaces.templateAnnotations].some(
        (annotations) => annotations[unknownMacAnnotation] === 'true',
      ),
      origin: given?.origin ?? interfaces.origin,
    };
  });
  return { network, subnet, gateway: { address: gateway, mac: gatewayMac }, ports };
}

/** The MAC address that a ServiceInterface among the inputs reports for an interface on a node. */
function givenMac(
  interfaces: ServiceInterfaceTemplate,
  node: Node,
  resources: Resources,
): { mac: string; origin: Origin } | undefined {
  const reported = resources.serviceInterfaces.find((candidate) => isInstance(candidate, interfaces, node));
  const key = macAnnotations.find((annotation) => reported?.annotations[annotation] !== undefined);
  if (!reported || !key) return undefined;
  return { mac: reported.annotations[key].toLowerCase(), origin: reported.origin };
}

/** Whether a ServiceInterface is what became of a DPUServiceInterface on a node. */
function isInstance(instance: ServiceInterface, template: ServiceInterfaceTemplate, node: Node): boolean {
  return (
    instance.node === node.name &&
    instance.virtualNetwork === template.virtualNetwork &&
    JSON.stringify(instance.attachment) === JSON.stringify(template.attachment)
  );
}
