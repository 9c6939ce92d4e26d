/**
 * ovn-northd 23.03.1: from a northbound database to the logical flows and what
 * stands around them, ovn-northd(8).
 */
import type { Origin } from '../origin.ts';
import { type DatapathRows, listedRows } from '../ovsdb/datapath-rows.ts';
import type { Northbound } from '../ovsdb/northbound.ts';
import type { LogicalFlow, MacBinding, Southbound } from '../ovsdb/southbound.ts';
import type { SouthboundRows } from '../ovsdb/southbound-schema.ts';
import { datapathBinding, portBindings } from './bindings.ts';
import { dhcpv4Options, dhcpv6Options } from './dhcp-options.ts';
import { flowTable } from './emit.ts';
import { multicastGroups } from './multicast.ts';
import { buildRouterFlows } from './router/index.ts';
import { addressSets, portGroups } from './sets.ts';
import { routerStages, switchStages } from './stages.ts';
import { buildSwitchFlows } from './switch/index.ts';
import { allTables, balancersOf, portFacts, servicesOf, serviceTables } from './tables/index.ts';
import { buildTopology, type Datapath, type Topology } from './topology.ts';
import type { NorthdWarning } from './warning.ts';
import { writtenIn } from './written.ts';

export { formatWarning, type NorthdWarning } from './warning.ts';

/** What comes out. */
export interface Computation {
  southbound: Southbound;
  /** What was passed over. */
  warnings: NorthdWarning[];
  /** The addresses that IPAM gave to ports, by port: what ovn-northd writes into `dynamic_addresses`. */
  dynamicAddresses: Map<string, string>;
}

/**
 * What ovn-northd makes of `nb`, which stays as it is.  Of the rows of the southbound database as chassis left it,
 * those count that flows follow from (`written.ts`): its IP multicast groups, the health of backends, who has a
 * virtual port, and whether tunnels are VXLAN's.  Without it nobody wrote anything.
 */
export function computeSouthbound(nb: Northbound, rows?: SouthboundRows): Computation {
  return compute(nb, rows).computation;
}

/** The same with every row of every table: what ovn-northd writes into an empty southbound database. */
export interface TableComputation extends Computation {
  tables: SouthboundRows;
}

/** As `computeSouthbound`, with all tables; chassis, and what they write, are in none. */
export function computeTables(nb: Northbound, rows?: SouthboundRows): TableComputation {
  const { computation, topology, facts, services } = compute(nb, rows);
  return { ...computation, tables: allTables(topology, computation.southbound, facts, services) };
}

function compute(nb: Northbound, rows: SouthboundRows | undefined) {
  const topology = buildTopology(nb, rows && writtenIn(rows));
  const datapaths = [...topology.switches, ...topology.routers];
  const made = datapaths.map((dp) => datapathRows(dp, topology, datapathFlows(dp, topology)));
  return computationOf(topology, made, originsOf(nb));
}

/** The rows of one datapath of a topology, whose flows are there already. */
export const datapathRows = (dp: Datapath, topology: Topology, flows: readonly LogicalFlow[]): DatapathRows => ({
  binding: datapathBinding(dp),
  ports: portBindings(dp),
  flows,
  multicastGroups: multicastGroups(dp, topology),
});

/** What follows from a topology whose datapaths' rows are there already, in their order; for `incremental.ts`. */
export function computationOf(topology: Topology, rows: readonly DatapathRows[], origins: Map<string, Origin>) {
  const facts = portFacts(topology);
  const services = serviceTables(topology);
  const southbound: Southbound = {
    ...listedRows(rows),
    addressSets: addressSets(topology),
    portGroups: portGroups(topology),
    dhcpOptions: dhcpv4Options(),
    dhcpv6Options: dhcpv6Options(),
    macBindings: [],
    staticMacBindings: staticMacBindings(topology),
    fdb: [],
    origins,
    templates: templatesOf(services),
    loadBalancers: balancersOf(services),
    services: servicesOf(services, facts, topology),
  };
  const { warnings } = topology;
  const computation: Computation = { southbound, warnings, dynamicAddresses: dynamicAddresses(topology) };
  return { computation, topology, facts, services };
}

function templatesOf({ Chassis_Template_Var: rows }: SouthboundRows): Map<string, Record<string, string>> {
  return new Map([...rows.values()].map(({ chassis, variables }) => [chassis, variables]));
}

/** The flows of one datapath of a topology; `repeated` gets the UUIDs of those that several rows cause. */
export function datapathFlows(dp: Datapath, topology: Topology, repeated?: Set<string>): LogicalFlow[] {
  const flows: LogicalFlow[] = [];
  const table = flowTable(dp.uuid, dp.kind === 'switch' ? switchStages : routerStages);
  if (dp.kind === 'switch') buildSwitchFlows(dp, topology, table.emit);
  else buildRouterFlows(dp, topology, table.emit);
  table.appendTo(flows, repeated);
  return flows;
}

function staticMacBindings(topology: Topology): MacBinding[] {
  return [...topology.nb.Static_MAC_Binding.values()].flatMap(({ logical_port, ip, mac, override_dynamic_mac }) =>
    topology.ports.get(logical_port)?.kind === 'router-port'
      ? [{ logicalPort: logical_port, ip, mac, ...(override_dynamic_mac && { overridesLearned: true }) }]
      : [],
  );
}

function dynamicAddresses(topology: Topology): Map<string, string> {
  const result = new Map<string, string>();
  for (const dp of topology.switches) {
    for (const { name, dynamicAddresses } of dp.ports) if (dynamicAddresses) result.set(name, dynamicAddresses);
  }
  return result;
}

/** Where the rows of a database that manifests led to are written down. */
export function originsOf(nb: Northbound): Map<string, Origin> {
  const origins = new Map<string, Origin>();
  for (const rows of Object.values(nb)) {
    for (const row of rows.values()) if (row.origin) origins.set(row._uuid, row.origin);
  }
  return origins;
}
