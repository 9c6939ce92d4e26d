/**
 * The northbound database, indexed for the stages: datapaths and their ports,
 * peers resolved, addresses parsed, tunnel keys chosen.  Everything that
 * ovn-northd would complain about in its log becomes a warning here.
 */
import type { Northbound, NorthboundRow, NorthboundTable } from '../ovsdb/northbound.ts';
import {
  isDynamicAddress,
  linkLocal,
  type PortAddresses,
  parseIpAddresses,
  parseIpv4Cidr,
  parseIpv6Cidr,
  parseMac,
  parsePortAddresses,
} from './addresses.ts';
import { sortedByName } from './by-name.ts';
import { type DropActions, dropActions } from './drop.ts';
import { assignDynamicAddresses } from './ipam.ts';
import { type LoadBalancer, loadBalancers, type WatchedBackend, watchedBackends } from './load-balancer.ts';
import { booleanOption, quote, sortedSet } from './options.ts';
import { noVirtualAddresses, type VirtualAddresses, virtualAddresses } from './router/virtual-addresses.ts';
import { assignTunnelKeys } from './tunnel-keys.ts';
import { type NorthdWarning, warn } from './warning.ts';
import { nothingWritten, type Written } from './written.ts';

/** A Logical_Switch. */
export interface SwitchDatapath {
  readonly kind: 'switch';
  readonly row: NorthboundRow<'Logical_Switch'>;
  readonly name: string;
  /** UUID of the southbound Datapath_Binding. */
  readonly uuid: string;
  tunnelKey: number;
  /** By name. */
  readonly ports: SwitchPort[];
  /** Those of type router whose peer exists. */
  readonly routerPorts: SwitchPort[];
  readonly localnetPorts: SwitchPort[];
  hasVtepPorts: boolean;
  readonly portGroups: NorthboundRow<'Port_Group'>[];
  /** Its own, those of its groups and, with NB_Global options:install_ls_lb_from_router, those of its routers. */
  readonly loadBalancers: LoadBalancer[];
  /** One of its own load balancers has a virtual address. */
  readonly hasLbVip: boolean;
  /** The load balancers' backends on this switch whose health is watched, one entry a virtual address. */
  readonly watchedBackends: WatchedBackend[];
}

/** An enabled Logical_Router. */
export interface RouterDatapath {
  readonly kind: 'router';
  readonly row: NorthboundRow<'Logical_Router'>;
  readonly name: string;
  /** UUID of the southbound Datapath_Binding. */
  readonly uuid: string;
  tunnelKey: number;
  /** By name. */
  readonly ports: RouterPort[];
  /** options:chassis: the router lives on that one chassis. */
  readonly gatewayChassis?: string;
  /** Its distributed gateway ports. */
  readonly gatewayPorts: RouterPort[];
  /** A dnat_and_snat rule translates on the chassis of its own logical port. */
  readonly hasDistributedNat: boolean;
  /** The switches that have a port to this router, one entry a port. */
  readonly switchPeers: SwitchDatapath[];
  readonly loadBalancers: LoadBalancer[];
  /** The addresses of its load balancers. */
  virtualAddresses: VirtualAddresses;
  /** One of its load balancers has a virtual address. */
  readonly hasLbVip: boolean;
}

export type Datapath = SwitchDatapath | RouterDatapath;

/** A Logical_Switch_Port. */
export interface SwitchPort {
  readonly kind: 'switch-port';
  readonly row: NorthboundRow<'Logical_Switch_Port'>;
  readonly name: string;
  /** The name as a string constant of the match language: in quotes. */
  readonly quoted: string;
  /** UUID of the southbound Port_Binding. */
  readonly uuid: string;
  readonly datapath: SwitchDatapath;
  tunnelKey: number;
  /** The router port, for a port of type router whose options:router-port exists. */
  peer?: RouterPort;
  /** Addresses given in its row, then those of its peer (`router`) and those that IPAM chose. */
  readonly addresses: PortAddresses[];
  /** How many of `addresses`, from the first, its row spells out. */
  ownAddresses: number;
  /** Its row has the address `unknown`. */
  readonly hasUnknown: boolean;
  readonly portSecurity: PortAddresses[];
  /** What IPAM chose, in the form of the northbound column. */
  dynamicAddresses?: string;
  /** options:arp_proxy of a router port. */
  arpProxy?: PortAddresses;
}

/** A Logical_Router_Port with a MAC address and at least one network. */
export interface RouterPort {
  readonly kind: 'router-port';
  readonly row: NorthboundRow<'Logical_Router_Port'>;
  readonly name: string;
  /** The name as a string constant of the match language: in quotes. */
  readonly quoted: string;
  /** UUID of the southbound Port_Binding. */
  readonly uuid: string;
  readonly datapath: RouterDatapath;
  tunnelKey: number;
  peer?: SwitchPort | RouterPort;
  /** MAC address and networks, the link-local one last. */
  readonly networks: PortAddresses;
  /** Of a distributed gateway port: the port that stands for it on the gateway chassis. */
  redirect?: { readonly name: string; readonly quoted: string; readonly uuid: string; tunnelKey: number };
}

export type Port = SwitchPort | RouterPort;

export interface Topology {
  readonly nb: Northbound;
  /** `options` of NB_Global. */
  readonly options: Readonly<Record<string, string>>;
  /** By name. */
  readonly switches: SwitchDatapath[];
  /** By name; disabled ones are left out. */
  readonly routers: RouterDatapath[];
  /** Every port by its name. */
  readonly ports: ReadonlyMap<string, Port>;
  /** The actions of flows that drop. */
  readonly drop: DropActions;
  /** First three bytes of the MAC addresses that IPAM makes, e.g. `0a:00:00`. */
  readonly macPrefix: string;
  /** The address that load balancer health checks are sent from. */
  readonly svcMonitorMac: string;
  readonly warnings: NorthdWarning[];
  /** What chassis have told. */
  readonly written: Written;
}

/** options:mac_prefix where NB_Global has none; ovn-northd would make up a random one. */
const defaultMacPrefix = '0a:00:00';

/** Indexes `nb`, which it does not change. */
export function buildTopology(nb: Northbound, written: Written = nothingWritten): Topology {
  const warnings: NorthdWarning[] = [];
  const ports = new Map<string, Port>();
  const options = firstRow(nb, 'NB_Global')?.options ?? {};
  const macPrefix = parseMac(`${options.mac_prefix ?? ''}:00:00:00`)?.slice(0, 8) ?? defaultMacPrefix;
  const topology: Topology = {
    nb,
    options,
    switches: sortedByName(nb.Logical_Switch.values()).map((row) => switchDatapath(nb, row)),
    routers: sortedByName(nb.Logical_Router.values())
      .filter((row) => row.enabled !== false)
      .map((row) => routerDatapath(nb, row)),
    ports,
    drop: dropActions(options),
    macPrefix,
    svcMonitorMac: parseMac(options.svc_monitor_mac ?? '') ?? `${macPrefix}:ff:ff:fe`,
    warnings,
    written,
  };
  for (const dp of topology.switches) joinSwitchPorts(nb, dp, ports, warnings);
  for (const dp of topology.routers) joinRouterPorts(nb, dp, ports, warnings);
  assignTunnelKeys(topology);
  leaveOutKeyless(topology, ports);
  for (const port of ports.values()) connect(port, ports, warnings);
  joinPortGroups(nb, ports);
  joinLoadBalancers(topology);
  assignDynamicAddresses(topology);
  return topology;
}

/** What got no tunnel key cannot be told in a packet: it is as if it was not there. */
function leaveOutKeyless({ switches, routers }: Topology, ports: Map<string, Port>): void {
  const keep = <T extends { tunnelKey: number }>(list: T[]): void => {
    if (list.some(({ tunnelKey }) => tunnelKey === 0))
      list.splice(0, list.length, ...list.filter((one) => one.tunnelKey));
  };
  keep(switches);
  keep(routers);
  for (const dp of [...switches, ...routers]) keep<Port>(dp.ports);
  for (const dp of switches) keep(dp.localnetPorts);
  for (const dp of routers) keep(dp.gatewayPorts);
  for (const [name, { tunnelKey, datapath }] of ports) if (!tunnelKey || !datapath.tunnelKey) ports.delete(name);
}

/** The rows that `uuids` refer to; references that lead nowhere are left out. */
export function rowsOf<T extends NorthboundTable>(
  nb: Northbound,
  table: T,
  uuids: readonly string[],
): NorthboundRow<T>[] {
  const rows: Map<string, NorthboundRow<T>> = nb[table];
  const found: NorthboundRow<T>[] = [];
  for (const uuid of uuids) {
    const row = rows.get(uuid);
    if (row) found.push(row);
  }
  return found;
}

function firstRow<T extends NorthboundTable>(nb: Northbound, table: T): NorthboundRow<T> | undefined {
  const rows: Map<string, NorthboundRow<T>> = nb[table];
  return rows.values().next().value;
}

/** The UUID of a southbound row that a row with this UUID gives rise to. */
function southboundUuid(uuid: string): string {
  const first = (Number.parseInt(uuid.slice(0, 8), 16) ^ 0x5b5b5b5b) >>> 0;
  return first.toString(16).padStart(8, '0') + uuid.slice(8);
}

interface HasLoadBalancers {
  readonly load_balancer: string[];
  readonly load_balancer_group: string[];
}

function loadBalancersOf(nb: Northbound, row: HasLoadBalancers): Set<string> {
  const groups = rowsOf(nb, 'Load_Balancer_Group', row.load_balancer_group);
  return new Set([...row.load_balancer, ...groups.flatMap((group) => group.load_balancer)]);
}

function hasVip(nb: Northbound, row: HasLoadBalancers): boolean {
  const rows = rowsOf(nb, 'Load_Balancer', [...loadBalancersOf(nb, row)]);
  return rows.some((balancer) => Object.keys(balancer.vips).length > 0);
}

function joinLoadBalancers({ nb, options, ports, routers, switches, warnings, written }: Topology): void {
  const balancers = loadBalancers(nb, ports, warnings, written);
  const fromRouters = booleanOption(options, 'install_ls_lb_from_router', false);
  const inherited = new Map<SwitchDatapath, Set<string>>();
  for (const dp of routers) {
    const uuids = loadBalancersOf(nb, dp.row);
    dp.loadBalancers.push(...pick(balancers, uuids));
    const groups = rowsOf(nb, 'Load_Balancer_Group', [...dp.row.load_balancer_group].sort());
    const grouped = groups.map((group) => pick(balancers, group.load_balancer));
    dp.virtualAddresses = virtualAddresses(dp, grouped, pick(balancers, dp.row.load_balancer));
    if (!fromRouters) continue;
    for (const peer of dp.switchPeers) inherited.set(peer, new Set([...(inherited.get(peer) ?? []), ...uuids]));
  }
  for (const dp of switches) {
    const uuids = new Set([...loadBalancersOf(nb, dp.row), ...(inherited.get(dp) ?? [])]);
    dp.loadBalancers.push(...pick(balancers, uuids));
  }
  for (const balancer of balancers.values()) {
    for (const watched of watchedBackends(balancer)) watched.port.datapath.watchedBackends.push(watched);
  }
}

/** Those of `uuids` that exist, in an order that does not depend on theirs. */
function pick(balancers: ReadonlyMap<string, LoadBalancer>, uuids: Iterable<string>): LoadBalancer[] {
  return [...uuids].sort().flatMap((uuid) => balancers.get(uuid) ?? []);
}

function switchDatapath(nb: Northbound, row: NorthboundRow<'Logical_Switch'>): SwitchDatapath {
  return {
    kind: 'switch',
    row,
    name: row.name,
    uuid: southboundUuid(row._uuid),
    tunnelKey: 0,
    ports: [],
    routerPorts: [],
    localnetPorts: [],
    hasVtepPorts: false,
    portGroups: [],
    loadBalancers: [],
    hasLbVip: hasVip(nb, row),
    watchedBackends: [],
  };
}

function routerDatapath(nb: Northbound, row: NorthboundRow<'Logical_Router'>): RouterDatapath {
  return {
    kind: 'router',
    row,
    name: row.name,
    uuid: southboundUuid(row._uuid),
    tunnelKey: 0,
    ports: [],
    gatewayChassis: row.options.chassis,
    gatewayPorts: [],
    hasDistributedNat: rowsOf(nb, 'NAT', row.nat).some(isDistributed),
    switchPeers: [],
    loadBalancers: [],
    virtualAddresses: noVirtualAddresses,
    hasLbVip: hasVip(nb, row),
  };
}

function isDistributed({ type, logical_port, external_mac, external_ip }: NorthboundRow<'NAT'>): boolean {
  if (type !== 'dnat_and_snat' || logical_port === undefined || external_mac === undefined) return false;
  return parseIpv4Cidr(external_ip) !== undefined || parseIpv6Cidr(external_ip) !== undefined;
}

function joinSwitchPorts(
  nb: Northbound,
  dp: SwitchDatapath,
  ports: Map<string, Port>,
  warnings: NorthdWarning[],
): void {
  for (const row of sortedByName(rowsOf(nb, 'Logical_Switch_Port', dp.row.ports))) {
    if (ports.has(row.name)) {
      warn(warnings, row, 'duplicate-port', `There is more than one logical port "${row.name}"; only one is used`);
      continue;
    }
    const port: SwitchPort = {
      kind: 'switch-port',
      row,
      name: row.name,
      quoted: quote(row.name),
      uuid: southboundUuid(row._uuid),
      datapath: dp,
      tunnelKey: 0,
      addresses: ownAddresses(row, warnings),
      ownAddresses: 0,
      hasUnknown: row.addresses.includes('unknown'),
      portSecurity: portSecurityAddresses(row, warnings),
    };
    port.ownAddresses = port.addresses.length;
    ports.set(row.name, port);
    dp.ports.push(port);
    if (row.type === 'localnet') dp.localnetPorts.push(port);
    if (row.type === 'vtep') dp.hasVtepPorts = true;
  }
}

function ownAddresses(row: NorthboundRow<'Logical_Switch_Port'>, warnings: NorthdWarning[]): PortAddresses[] {
  const result: PortAddresses[] = [];
  for (const text of sortedSet(row.addresses)) {
    if (text === 'unknown' || text === 'router' || isDynamicAddress(text)) continue;
    const parsed = parsePortAddresses(text);
    if (parsed) result.push(parsed.addresses);
    if (!parsed?.complete) warn(warnings, row, 'bad-address', badAddress('addresses', text, row.name, parsed));
  }
  return result;
}

function portSecurityAddresses(row: NorthboundRow<'Logical_Switch_Port'>, warnings: NorthdWarning[]): PortAddresses[] {
  const result: PortAddresses[] = [];
  for (const text of sortedSet(row.port_security)) {
    const parsed = parsePortAddresses(text);
    if (parsed) result.push(parsed.addresses);
    if (!parsed?.complete) warn(warnings, row, 'bad-address', badAddress('port_security', text, row.name, parsed));
  }
  return result;
}

function badAddress(column: string, text: string, name: string, parsed: unknown): string {
  const consequence = parsed
    ? 'what follows its last valid address is ignored'
    : 'it does not start with a MAC address';
  return `"${text}" in ${column} of switch port "${name}": ${consequence}`;
}

function joinRouterPorts(
  nb: Northbound,
  dp: RouterDatapath,
  ports: Map<string, Port>,
  warnings: NorthdWarning[],
): void {
  for (const row of sortedByName(rowsOf(nb, 'Logical_Router_Port', dp.row.ports))) {
    const networks = routerNetworks(row, warnings);
    if (!networks) continue;
    if (ports.has(row.name)) {
      warn(warnings, row, 'duplicate-port', `There is more than one logical port "${row.name}"; only one is used`);
      continue;
    }
    const port: RouterPort = {
      kind: 'router-port',
      row,
      name: row.name,
      quoted: quote(row.name),
      uuid: southboundUuid(row._uuid),
      datapath: dp,
      tunnelKey: 0,
      networks,
    };
    ports.set(row.name, port);
    dp.ports.push(port);
    if (asksForChassis(row)) makeGatewayPort(port, warnings);
  }
}

/** Whether the port is to be a distributed gateway port. */
export function asksForChassis({ ha_chassis_group, gateway_chassis }: NorthboundRow<'Logical_Router_Port'>): boolean {
  return ha_chassis_group !== undefined || gateway_chassis.length > 0;
}

function makeGatewayPort(port: RouterPort, warnings: NorthdWarning[]): void {
  const dp = port.datapath;
  if (dp.gatewayChassis !== undefined) {
    const message = `Router port "${port.name}" has gateway chassis, but router "${dp.name}" itself lives on one`;
    warn(warnings, port.row, 'gateway-port-on-gateway-router', message);
    return;
  }
  const name = `cr-${port.name}`;
  port.redirect = { name, quoted: quote(name), uuid: southboundUuid(port.uuid), tunnelKey: 0 };
  dp.gatewayPorts.push(port);
}

function routerNetworks(
  row: NorthboundRow<'Logical_Router_Port'>,
  warnings: NorthdWarning[],
): PortAddresses | undefined {
  const mac = parseMac(row.mac);
  if (mac === undefined) {
    warn(warnings, row, 'bad-address', `"${row.mac}" of router port "${row.name}" is not a MAC address`);
    return undefined;
  }
  const networks: PortAddresses = { mac, ipv4: [], ipv6: [] };
  for (const text of sortedSet(row.networks)) {
    const v4 = parseIpv4Cidr(text);
    const v6 = v4 ? undefined : parseIpv6Cidr(text);
    if (v4 && v4.bits !== 0) networks.ipv4.push(v4);
    else if (v6) networks.ipv6.push(v6);
    else warn(warnings, row, 'bad-address', `"${text}" in networks of router port "${row.name}" is not an IP network`);
  }
  networks.ipv6.push(linkLocal(mac));
  return networks;
}

function connect(port: Port, ports: ReadonlyMap<string, Port>, warnings: NorthdWarning[]): void {
  if (port.kind === 'router-port') connectRouterPort(port, ports, warnings);
  else if (port.row.type === 'router') connectSwitchPort(port, ports, warnings);
}

function connectRouterPort(port: RouterPort, ports: ReadonlyMap<string, Port>, warnings: NorthdWarning[]): void {
  if (port.row.peer === undefined) return;
  const peer = ports.get(port.row.peer);
  if (peer?.kind === 'router-port') port.peer = peer;
  else if (peer) {
    const message = `The peer of router port "${port.name}" is a switch port; it should be a router port`;
    warn(warnings, port.row, 'bad-peer', message);
  }
}

function connectSwitchPort(port: SwitchPort, ports: ReadonlyMap<string, Port>, warnings: NorthdWarning[]): void {
  const peerName = port.row.options['router-port'];
  const peer = peerName === undefined ? undefined : ports.get(peerName);
  if (peer?.kind !== 'router-port') {
    const what =
      peerName === undefined ? 'has no options:router-port' : `has no router port "${peerName}" to connect to`;
    warn(warnings, port.row, 'no-peer', `Switch port "${port.name}" of type router ${what}`);
    return;
  }
  port.datapath.routerPorts.push(port);
  peer.datapath.switchPeers.push(port.datapath);
  if (peer.peer?.kind === 'switch-port') {
    const message = `Router port "${peer.name}" has two switch ports, "${peer.peer.name}" and "${port.name}"; it answers to the latter`;
    warn(warnings, port.row, 'several-peers', message);
  }
  peer.peer = port;
  port.peer = peer;
  if (port.row.addresses.includes('router')) port.addresses.push(peer.networks);
  const arpProxy = port.row.options.arp_proxy;
  if (arpProxy === undefined) return;
  port.arpProxy = parseIpAddresses(arpProxy);
  if (port.arpProxy) return;
  const message = `options:arp_proxy "${arpProxy}" of switch port "${port.name}" is not a list of IP addresses`;
  warn(warnings, port.row, 'bad-address', message);
}

function joinPortGroups(nb: Northbound, ports: ReadonlyMap<string, Port>): void {
  for (const group of sortedByName(nb.Port_Group.values())) {
    const members = rowsOf(nb, 'Logical_Switch_Port', group.ports);
    const datapaths = new Set<SwitchDatapath>();
    for (const { name } of members) {
      const port = ports.get(name);
      if (port?.kind === 'switch-port') datapaths.add(port.datapath);
    }
    for (const dp of datapaths) dp.portGroups.push(group);
  }
}
