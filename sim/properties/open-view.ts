/** Opens a view: sorts a network's ports into tenants, networks and wires. */
import { groupBy } from '../../engine/group.ts';
import { parseEthernet } from '../../engine/lang/addresses.ts';
import type { Origin, Position } from '../../engine/origin.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import { externalName, gatewayRouterName, joinName, routerName, switchName } from '../../engine/vpc/names.ts';
import type { VpcPlan } from '../../engine/vpc/plan.ts';
import type { Policy } from '../policy/policy.ts';
import type { Analysis, Network, NetworkDatapath, NetworkPort, TrafficClass } from '../symbolic/index.ts';
import { parseAddress, parseSecuredAddresses } from '../trace/addresses.ts';
import type { Gateway, Host, Tenant, TenantNetwork, View, Wire } from './view.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A view of what an analysis found; `plans` are those of the manifests, none for a database. */
export function openView(
  analysis: Analysis,
  plans: readonly VpcPlan[] = [],
  northbound?: Northbound,
  policy?: Policy,
): View {
  const { network } = analysis;
  const tenants = plans.length > 0 ? plannedTenants(network, plans) : foundTenants(network);
  const networks = tenants.flatMap((tenant) => tenant.networks);
  const arrivals = new Map<NetworkPort, TrafficClass[]>();
  for (const one of analysis.classes) {
    if (one.end.kind !== 'port') continue;
    const known = arrivals.get(one.end.port);
    if (known) known.push(one);
    else arrivals.set(one.end.port, [one]);
  }
  return {
    analysis,
    southbound: network.southbound,
    ...(northbound && { northbound }),
    ...(policy && { policy }),
    tenants,
    wires: wiresOf(network),
    hostOf: new Map(networks.flatMap(({ hosts }) => hosts.map((host) => [host.port, host] as const))),
    tenantOf: new Map(tenants.flatMap((tenant) => tenant.datapaths.map((datapath) => [datapath, tenant] as const))),
    arrivals,
    returning: analysis.classes.filter(({ end }) => end.kind === 'sender'),
    bundleOf: new Map(analysis.bundles.flatMap((bundle) => bundle.members.map((one) => [one, bundle] as const))),
  };
}

/** Ports outside by wire: those of a physical network and VLAN, of an l2gateway or a vtep; each remote port has its own. */
function wiresOf({ ports, southbound }: Network): Wire[] {
  const outside = [...ports.values()].filter(({ edge }) => edge === 'outside');
  const places = outside.map((port) => ({ port, physical: physicalOf(port), vlan: vlanOf(port, southbound) }));
  return [...groupBy(places, ({ physical, vlan }) => `${physical} ${vlan}`).values()].map((list): Wire => {
    const [{ physical, vlan }] = list as [(typeof list)[number]];
    return {
      name: vlan === 0 ? physical : `${physical}, VLAN ${vlan}`,
      physical,
      vlan,
      ports: list.map(({ port }) => port),
    };
  });
}

function physicalOf({ name, binding: { type, options } }: NetworkPort): string {
  if (type === 'remote') return name;
  if (type === 'vtep') return `${options['vtep-physical-switch']} ${options['vtep-logical-switch']}`;
  return options.network_name ?? name;
}

const vlanOf = ({ name }: NetworkPort, { services }: Southbound): number => services?.ports.get(name)?.tag ?? 0;

const placeOf = ({ file, line, column }: Origin): Position => ({ file, line, column });

const plannedNames = new WeakMap<VpcPlan, readonly string[]>();

/** The names of the datapaths that a plan asks for: each part of a network looks for those of all tenants. */
function namesOf(plan: VpcPlan): readonly string[] {
  const { vpc, gateways, networks } = plan;
  const names = plannedNames.get(plan) ?? [
    routerName(vpc),
    joinName(vpc),
    ...gateways.flatMap(({ node }) => [gatewayRouterName(vpc, node), externalName(vpc, node)]),
    ...networks.map(({ network }) => switchName(network)),
  ];
  plannedNames.set(plan, names);
  return names;
}

function plannedTenants(network: Network, plans: readonly VpcPlan[]): Tenant[] {
  const byName = new Map([...network.datapaths.values()].map((datapath) => [datapath.name, datapath]));
  return plans.map((plan) => {
    const { vpc } = plan;
    const names = namesOf(plan);
    const tenant: Mutable<Tenant> = {
      name: routerName(vpc),
      networks: [],
      datapaths: names.flatMap((name) => byName.get(name) ?? []),
      source: [placeOf(vpc.origin)],
      plan,
    };
    tenant.networks = plan.networks.flatMap((one): TenantNetwork[] => {
      const datapath = byName.get(switchName(one.network));
      if (!datapath) return [];
      const made = networkOn(datapath, tenant, [placeOf(one.network.origin)]);
      const planned = new Map(one.ports.map((port) => [port.name, port]));
      made.plan = one;
      made.hosts = made.hosts.map((host) => {
        const port = planned.get(host.port.name);
        return port ? { ...host, network: made, node: port.node.name, source: [placeOf(port.origin)] } : host;
      });
      return [made];
    });
    return tenant;
  });
}

/** Components with hosts; those without any (switches to the outside alone) are nobody's. */
function foundTenants(network: Network): Tenant[] {
  return network.components.flatMap((datapaths): Tenant[] => {
    const routers = datapaths.filter(({ kind }) => kind === 'router');
    const tenant: Mutable<Tenant> = {
      name: (routers.length > 0 ? routers : datapaths).map(({ name }) => name).join(' '),
      networks: [],
      datapaths,
      source: [],
    };
    tenant.networks = datapaths
      .filter(({ kind, ports }) => kind === 'switch' && ports.some(({ edge }) => edge === 'vif'))
      .map((datapath) => networkOn(datapath, tenant, []));
    return tenant.networks.length > 0 ? [tenant] : [];
  });
}

function networkOn(datapath: NetworkDatapath, tenant: Tenant, source: readonly Position[]): Mutable<TenantNetwork> {
  const network: Mutable<TenantNetwork> = {
    name: datapath.name,
    tenant,
    datapath,
    hosts: [],
    gateways: datapath.ports.flatMap(gatewayBehind),
    source,
  };
  network.hosts = datapath.ports.filter(({ edge }) => edge === 'vif').map((port) => hostBehind(port, network));
  return network;
}

function hostBehind(port: NetworkPort, network: TenantNetwork): Host {
  const entries = port.binding.mac.flatMap((entry) => parseSecuredAddresses(entry) ?? []);
  const [first] = entries;
  return {
    port,
    network,
    ...(first && { mac: first.mac }),
    ip4: entries.flatMap(({ ip4 }) => ip4.map(({ value }) => value)),
    ip6: entries.flatMap(({ ip6 }) => ip6.map(({ value }) => value)),
    source: [],
  };
}

/** The router's port behind a switch's, if there is one: its own binding names MAC address and networks. */
export function gatewayBehind(switchPort: NetworkPort): Gateway[] {
  const routerPort = switchPort.peer;
  if (routerPort?.datapath.kind !== 'router') return [];
  const words = routerPort.binding.mac.flatMap((entry) => entry.trim().split(/\s+/));
  const mac = parseEthernet(words[0] ?? '');
  if (mac === undefined) return [];
  const addresses = words.slice(1).flatMap((text) => {
    const [ip = '', length] = text.split('/');
    const address = parseAddress(ip);
    if (!address) return [];
    const bits = address.family === 4 ? 32 : 128;
    const prefixLength = length === undefined ? bits : Number(length);
    // What is no prefix, ovn-northd leaves out.
    return Number.isInteger(prefixLength) && prefixLength >= 0 && prefixLength <= bits
      ? [{ address, prefixLength }]
      : [];
  });
  return [{ switchPort, routerPort, mac, addresses }];
}
