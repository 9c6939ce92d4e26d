/**
 * ovn-northd 23.03.1: from a northbound database to the logical flows and what
 * stands around them, ovn-northd(8).
 */
import type { Origin } from '../origin.ts';
import type { Northbound } from '../ovsdb/northbound.ts';
import type { LogicalFlow, Southbound } from '../ovsdb/southbound.ts';
import { flowTable } from './emit.ts';
import { buildRouterFlows } from './router/index.ts';
import { routerStages, switchStages } from './stages.ts';
import { buildSwitchFlows } from './switch/index.ts';
import { buildTopology } from './topology.ts';
import type { NorthdWarning } from './warning.ts';

export type { NorthdWarning } from './warning.ts';

/** What ovn-northd makes of `nb`, and what it passed over. */
export function computeSouthbound(nb: Northbound): { southbound: Southbound; warnings: NorthdWarning[] } {
  const topology = buildTopology(nb);
  const flows: LogicalFlow[] = [];
  for (const dp of topology.switches) {
    const table = flowTable(dp.uuid, switchStages);
    buildSwitchFlows(dp, topology, table.emit);
    for (const flow of table.flows()) flows.push(flow);
  }
  for (const dp of topology.routers) {
    const table = flowTable(dp.uuid, routerStages);
    buildRouterFlows(dp, topology, table.emit);
    for (const flow of table.flows()) flows.push(flow);
  }
  const southbound: Southbound = {
    datapaths: [],
    ports: [],
    flows,
    multicastGroups: [],
    addressSets: new Map(),
    portGroups: new Map(),
    dhcpOptions: [],
    dhcpv6Options: [],
    macBindings: [],
    staticMacBindings: [],
    fdb: [],
    origins: originsOf(nb),
  };
  return { southbound, warnings: topology.warnings };
}

function originsOf(nb: Northbound): Map<string, Origin> {
  const origins = new Map<string, Origin>();
  for (const rows of Object.values(nb)) {
    for (const row of rows.values()) if (row.origin) origins.set(row._uuid, row.origin);
  }
  return origins;
}
