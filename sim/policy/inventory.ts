/**
 * What a policy can speak of in a network: ports where packets enter and leave,
 * and what packets pass on their way, each with its names.
 */
import { formatIpv4 as formatNumber } from '../../engine/address.ts';
import { parseEthernet } from '../../engine/lang/addresses.ts';
import { gatewayRouterName, joinName, localnetPort, routerName, switchName } from '../../engine/vpc/names.ts';
import type { NetworkPlan, PortPlan, VpcPlan } from '../../engine/vpc/plan.ts';
import type { Network, NetworkDatapath, NetworkPort } from '../symbolic/types.ts';
import { type NameKey, nameKeys, type Prefix } from './policy.ts';
import { hostOf, parsePrefix } from './prefix.ts';

/** Names by what they are names of: several routers may be attached to a switch. */
export type Names = Readonly<Partial<Record<NameKey, readonly string[]>>>;

/** A port, switch or router with the names that it goes by. */
export interface Place {
  /** Of a switch or router its own name. */
  readonly name: string;
  readonly names: Names;
  readonly labels: Readonly<Record<string, string>>;
  readonly external: boolean;
}

/** A port where packets enter and leave the network. */
export interface EdgePlace extends Place {
  readonly port: NetworkPort;
  /** The addresses of who is behind it; none where they are not known. */
  readonly hosts: readonly HostAddress[];
}

/** A MAC address, and an IP address that goes with it. */
export interface HostAddress {
  readonly mac: bigint;
  readonly ip: Prefix;
}

export interface Inventory {
  readonly network: Network;
  /** In the order of the ports' numbers. */
  readonly edges: readonly EdgePlace[];
  readonly edgeOf: ReadonlyMap<NetworkPort, EdgePlace>;
  /** Everything that has a name: switches, routers, and all ports. */
  readonly ways: readonly Place[];
  /** All names that there are. */
  readonly known: ReadonlyMap<NameKey, ReadonlySet<string>>;
  /** Whether the network was planned from manifests, which alone know of tenants and VPCs. */
  readonly planned: boolean;
}

/** What one can speak of in a network; `plans` are those that it was made of, if manifests were. */
export function inventoryOf(network: Network, plans: readonly VpcPlan[] = []): Inventory {
  const planned = plannedNames(plans);
  const ports = network.portsByNumber.flatMap((port) => port ?? []);
  const edges = ports.flatMap((port) => (port.edge ? edgePlace(port, planned) : []));
  const ways = [
    ...[...network.datapaths.values()].map((datapath) => datapathPlace(datapath, planned)),
    ...ports.map((port) => portPlace(port, planned)),
  ];
  return {
    network,
    edges,
    edgeOf: new Map(edges.map((edge) => [edge.port, edge])),
    ways,
    known: knownNames([...ways, ...edges, ...planned.values()]),
    planned: plans.length > 0,
  };
}

/** What one can speak of in a view of a network (sim/properties), with its plans. */
export const inventoryIn = (view: {
  readonly analysis: { readonly network: Network };
  readonly tenants: readonly { readonly plan?: VpcPlan }[];
}): Inventory =>
  inventoryOf(
    view.analysis.network,
    view.tenants.flatMap(({ plan }) => plan ?? []),
  );

interface PlannedPlace {
  readonly names: Names;
  readonly labels: Readonly<Record<string, string>>;
  /** IPAM's choice. */
  readonly address?: number;
}

const noPlace: PlannedPlace = { names: {}, labels: {} };

/** By the names of datapaths and ports, what the manifests call them. */
function plannedNames(plans: readonly VpcPlan[]): Map<string, PlannedPlace> {
  const places = new Map<string, PlannedPlace>();
  for (const plan of plans) {
    const { vpc, networks, gateways } = plan;
    const names: Names = { tenant: [vpc.tenant], vpc: [routerName(vpc)] };
    places.set(`router ${routerName(vpc)}`, { names, labels: vpc.labels });
    places.set(`switch ${joinName(vpc)}`, { names, labels: vpc.labels });
    for (const network of networks) addNetwork(places, names, plan, network);
    for (const { node } of gateways) {
      const there = { names: { ...names, node: [node.name] }, labels: vpc.labels };
      places.set(`router ${gatewayRouterName(vpc, node)}`, there);
      places.set(`port ${localnetPort(vpc, node)}`, there);
    }
  }
  return places;
}

function addNetwork(places: Map<string, PlannedPlace>, names: Names, { vpc }: VpcPlan, plan: NetworkPlan): void {
  const { network, ports } = plan;
  const inNetwork: Names = { ...names, network: [switchName(network)] };
  const labels = { ...vpc.labels, ...network.labels };
  places.set(`switch ${switchName(network)}`, { names: inNetwork, labels });
  for (const port of ports) places.set(`port ${port.name}`, plannedPort(port, inNetwork, labels));
}

function plannedPort(port: PortPlan, names: Names, labels: Readonly<Record<string, string>>): PlannedPlace {
  const { namespace, name } = port.interface;
  return {
    names: { ...names, interface: [`${namespace}/${name}`], node: [port.node.name] },
    labels: { ...labels, ...port.interface.labels },
    ...(port.address !== undefined && { address: port.address }),
  };
}

/** The routers that a switch is attached to. */
const routersOf = ({ ports }: NetworkDatapath): string[] => [
  ...new Set(ports.flatMap(({ peer }) => (peer?.datapath.kind === 'router' ? [peer.datapath.name] : []))),
];

function datapathPlace(datapath: NetworkDatapath, planned: ReadonlyMap<string, PlannedPlace>): Place {
  const { names, labels } = planned.get(`${datapath.kind} ${datapath.name}`) ?? noPlace;
  const own: Names = datapath.kind === 'switch' ? { switch: [datapath.name] } : { router: [datapath.name] };
  return { name: datapath.name, names: { ...names, ...own }, labels, external: false };
}

function portPlace(port: NetworkPort, planned: ReadonlyMap<string, PlannedPlace>): Place {
  const { names, labels } = planned.get(`port ${port.name}`) ?? noPlace;
  return { name: port.name, names: { ...names, port: [port.name] }, labels, external: port.edge === 'outside' };
}

function edgePlace(port: NetworkPort, planned: ReadonlyMap<string, PlannedPlace>): EdgePlace {
  const place = portPlace(port, planned);
  const { names, labels, address } = planned.get(`port ${port.name}`) ?? noPlace;
  const chosen = address === undefined ? undefined : parsePrefix(formatNumber(address));
  const hosts = addressesOf(port).flatMap(({ mac, ips }) =>
    (ips.length > 0 ? ips : [chosen].flatMap((each) => each ?? [])).map((ip) => ({ mac, ip: hostOf(ip) })),
  );
  return {
    ...place,
    port,
    names: { ...names, port: [port.name], switch: [port.datapath.name], router: routersOf(port.datapath) },
    // What a database knows of a port is what its external_ids say.
    labels: names.vpc ? labels : port.binding.externalIds,
    hosts,
  };
}

/** What `mac` of a Port_Binding says: `MAC IP...` or `MAC IP/LENGTH...`, each of them; `unknown` says nothing. */
export function addressesOf({ binding }: NetworkPort): { mac: bigint; ips: Prefix[] }[] {
  return binding.mac.flatMap((text) => {
    const [first = '', ...rest] = text.trim().split(/\s+/);
    const mac = parseEthernet(first);
    return mac === undefined ? [] : [{ mac, ips: rest.flatMap((address) => parsePrefix(address) ?? []) }];
  });
}

function knownNames(places: Iterable<{ names: Names }>): Map<NameKey, Set<string>> {
  const known = new Map<NameKey, Set<string>>(nameKeys.map((key) => [key, new Set()]));
  for (const { names } of places) {
    for (const key of nameKeys) for (const name of names[key] ?? []) known.get(key)?.add(name);
  }
  return known;
}
