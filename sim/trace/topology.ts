/**
 * A southbound database made ready for tracing: ports and groups by tunnel key,
 * flows by pipeline and table in the order in which they are tried.
 */
import { parseEthernet } from '../../engine/lang/addresses.ts';
import type { MatchEnvironment } from '../../engine/lang/index.ts';
import type {
  DatapathBinding,
  MulticastGroup,
  Pipeline,
  PortBinding,
  Southbound,
} from '../../engine/ovsdb/southbound.ts';
import { parseAddress, parseSecuredAddresses, type SecuredAddresses } from './addresses.ts';
import { newIndexCode } from './flow-index.ts';
import type { FlowCache, FlowWays, TableFlow } from './flows.ts';
import { friendlyText, shortName } from './names.ts';

export interface TracePort {
  binding: PortBinding;
  datapath: TraceDatapath;
  key: number;
  friendlyName: string;
  /** The other end of a `patch` or `l3gateway` port. */
  peer?: TracePort;
  /** Of a `chassisredirect` port: the port that it stands for on one chassis. */
  distributedPort?: TracePort;
  secured: SecuredAddresses[];
}

export interface TraceGroup {
  name: string;
  key: number;
  /** In order of their names. */
  ports: TracePort[];
}

export interface TraceDatapath {
  binding: DatapathBinding;
  friendlyName: string;
  portsByKey: Map<number, TracePort>;
  groupsByKey: Map<number, TraceGroup>;
  groupsByName: Map<string, TraceGroup>;
  /** Flows of a pipeline by table, by falling priority. */
  tables: Record<Pipeline, TableFlow[][]>;
  /** Ways into the tables that packets have looked into. */
  ways: Record<Pipeline, FlowWays>;
  /** MAC addresses by `KEY IP`: the port's tunnel key and the address as a number. */
  macBindings: Map<string, bigint>;
  /** Tunnel keys of ports by MAC address. */
  fdb: Map<bigint, number>;
  /** A gateway router on some chassis: it has an `l3gateway` port. */
  isGateway: boolean;
}

export interface PrepareOptions {
  /** Show the names that external_ids give instead of the rows' own, and short UUIDs. Default true. */
  friendlyNames?: boolean;
}

/** A database ready for tracing, and what was found wrong with it on the way. */
export interface TraceTopology {
  southbound: Southbound;
  friendlyNames: boolean;
  datapaths: Map<string, TraceDatapath>;
  ports: Map<string, TracePort>;
  /** What the database says that is not understood, and is left out: sentences. Grows as flows are met. */
  warnings: string[];
  environment: MatchEnvironment;
  cache: FlowCache;
}

/** Indexes a southbound database; takes time proportional to its size, parses nothing. */
export function prepare(southbound: Southbound, options: PrepareOptions = {}): TraceTopology {
  const topology: TraceTopology = {
    southbound,
    friendlyNames: options.friendlyNames ?? true,
    datapaths: new Map(),
    ports: new Map(),
    warnings: [],
    environment: { addressSets: southbound.addressSets, portGroups: southbound.portGroups },
    cache: { conditions: new Map(), expressions: new Map(), actions: new Map(), operations: new Map() },
  };
  for (const binding of southbound.datapaths) addDatapath(topology, binding);
  for (const binding of southbound.ports) addPort(topology, binding);
  linkRedirects(topology);
  const portsByUuid = new Map([...topology.ports.values()].map((port) => [port.binding.uuid, port]));
  for (const group of southbound.multicastGroups) addGroup(topology, group, portsByUuid);
  addFlows(topology);
  addMacBindings(topology);
  addFdb(topology);
  return topology;
}

function addDatapath(topology: TraceTopology, binding: DatapathBinding): void {
  const name = binding.externalIds.name2 ?? binding.name;
  topology.datapaths.set(binding.uuid, {
    binding,
    friendlyName: topology.friendlyNames ? shortName(name) : binding.northboundUuid,
    portsByKey: new Map(),
    groupsByKey: new Map(),
    groupsByName: new Map(),
    tables: { ingress: [], egress: [] },
    ways: { ingress: noWays(), egress: noWays() },
    macBindings: new Map(),
    fdb: new Map(),
    isGateway: false,
  });
}

/** No table has been looked into. */
function noWays(): FlowWays {
  const code = newIndexCode();
  return { visits: [], starts: [], code, entries: [], flows: [], executables: [], leaps: [{ flows: [], to: 0 }] };
}

function addPort(topology: TraceTopology, binding: PortBinding): void {
  const name = binding.logicalPort;
  const datapath = topology.datapaths.get(binding.datapath);
  if (!datapath) {
    topology.warnings.push(`port "${name}" belongs to a datapath that does not exist; it is left out`);
    return;
  }
  if (topology.ports.has(name)) {
    topology.warnings.push(`there are two ports named "${name}"; the second is left out`);
    return;
  }
  const port: TracePort = {
    binding,
    datapath,
    key: binding.tunnelKey,
    friendlyName: topology.friendlyNames ? shortName(binding.externalIds.name ?? name) : name,
    secured: binding.portSecurity.map(parseSecuredAddresses).filter((entry) => entry !== undefined),
  };
  topology.ports.set(name, port);
  if (!datapath.portsByKey.has(port.key)) datapath.portsByKey.set(port.key, port);
  if (binding.type === 'l3gateway') datapath.isGateway = true;
  if (binding.type === 'l3gateway' || binding.type === 'patch') linkPeer(topology, port);
}

/**
 * Whichever of two peers is read last links both, if they name each other: what ovn-trace makes of one that is named by a port
 * that it does not name is up to the order of rows, and on a chassis nothing passes there.
 */
function linkPeer(topology: TraceTopology, port: TracePort): void {
  const peer = topology.ports.get(port.binding.options.peer ?? '');
  if (peer?.binding.options.peer !== port.binding.logicalPort) return;
  port.peer = peer;
  peer.peer = port;
}

function linkRedirects(topology: TraceTopology): void {
  for (const port of topology.ports.values()) {
    if (port.binding.type !== 'chassisredirect') continue;
    const distributed = topology.ports.get(port.binding.options['distributed-port'] ?? '');
    if (distributed?.datapath === port.datapath) port.distributedPort = distributed;
  }
}

function addGroup(topology: TraceTopology, group: MulticastGroup, portsByUuid: ReadonlyMap<string, TracePort>): void {
  const datapath = topology.datapaths.get(group.datapath);
  if (!datapath) {
    topology.warnings.push(`multicast group "${group.name}" belongs to a datapath that does not exist; it is left out`);
    return;
  }
  const ports: TracePort[] = [];
  for (const uuid of group.ports) {
    const port = portsByUuid.get(uuid);
    if (port?.datapath === datapath) ports.push(port);
    else topology.warnings.push(`multicast group "${group.name}" contains a port that is not of its datapath`);
  }
  const byName = (a: TracePort, b: TracePort) => compareNames(a.binding.logicalPort, b.binding.logicalPort);
  const entry: TraceGroup = { name: group.name, key: group.tunnelKey, ports: ports.sort(byName) };
  if (!datapath.groupsByKey.has(entry.key)) datapath.groupsByKey.set(entry.key, entry);
  if (!datapath.groupsByName.has(entry.name)) datapath.groupsByName.set(entry.name, entry);
}

function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function addFlows(topology: TraceTopology): void {
  const unsorted = new Set<TableFlow[]>();
  for (const flow of topology.southbound.flows) {
    const datapath = topology.datapaths.get(flow.datapath);
    if (!datapath) {
      topology.warnings.push(`logical flow ${flow.uuid} belongs to a datapath that does not exist; it is left out`);
      continue;
    }
    const tables = datapath.tables[flow.pipeline];
    tables[flow.table] ??= [];
    const table = tables[flow.table] as TableFlow[];
    if (flow.priority > (table.at(-1)?.flow.priority ?? flow.priority)) unsorted.add(table);
    table.push({ flow, condition: undefined, executable: undefined, problem: undefined });
  }
  for (const table of unsorted) table.sort((a, b) => b.flow.priority - a.flow.priority);
}

function addMacBindings(topology: TraceTopology): void {
  for (const { logicalPort, ip, mac } of topology.southbound.macBindings) {
    const port = topology.ports.get(logicalPort);
    const address = parseAddress(ip);
    const value = parseEthernet(mac);
    if (port && address && value !== undefined) {
      port.datapath.macBindings.set(macBindingKey(port.key, address.family, address.value), value);
    } else {
      topology.warnings.push(`the neighbor ${ip} at ${mac} on port "${logicalPort}" cannot be used; it is left out`);
    }
  }
}

/** The key of `TraceDatapath.macBindings`. */
export function macBindingKey(portKey: number, family: 4 | 6, address: bigint): string {
  return `${portKey} ${family} ${address}`;
}

function addFdb(topology: TraceTopology): void {
  const byKey = new Map([...topology.datapaths.values()].map((datapath) => [datapath.binding.tunnelKey, datapath]));
  for (const entry of topology.southbound.fdb) {
    const mac = parseEthernet(entry.mac);
    if (mac !== undefined) byKey.get(entry.datapathKey)?.fdb.set(mac, entry.portKey);
  }
}

/** The tunnel key that a name stands for on a datapath: a port's, a multicast group's, 0 for none. */
export function portKey(topology: TraceTopology, datapath: TraceDatapath, name: string): number | undefined {
  if (name === '' || name === 'none') return 0;
  const port = topology.ports.get(name);
  if (port) return port.datapath === datapath ? port.key : undefined;
  return datapath.groupsByName.get(name)?.key;
}

/** A match or an action with the names of ports as they are shown. */
export function shown(topology: TraceTopology, text: string): string {
  if (!topology.friendlyNames || !text.includes('"')) return text;
  return friendlyText(text, (name) => topology.ports.get(name)?.friendlyName);
}
