/** The southbound tables as OVSDB has them, row by row: ovn-sb(5). */
import type { Southbound } from '../../ovsdb/southbound.ts';
import { addSouthboundRow, emptySouthbound, type SouthboundRows } from '../../ovsdb/southbound-schema.ts';
import type { Topology } from '../topology.ts';
import { addBfd } from './bfd.ts';
import { addDns } from './dns.ts';
import { addFlows } from './flows.ts';
import { addGlobal, addRoles } from './global.ts';
import { addIpMulticast } from './ip-multicast.ts';
import { addLoadBalancers, addServiceMonitors } from './load-balancers.ts';
import { addMeters } from './meters.ts';
import { addPorts, type PortFacts } from './ports.ts';

export { type PortFacts, portFacts } from './ports.ts';
export { balancersOf, servicesOf } from './services.ts';

/** The tables that only ovn-controller reads, for what it does beside forwarding. */
export function serviceTables(topology: Topology): SouthboundRows {
  const rows = emptySouthbound();
  addDns(topology, rows);
  addMeters(topology, rows);
  addBfd(topology, rows);
  addIpMulticast(topology, rows);
  addLoadBalancers(topology, rows);
  addServiceMonitors(topology, rows);
  for (const { chassis, variables } of topology.nb.Chassis_Template_Var.values()) {
    addSouthboundRow(rows, 'Chassis_Template_Var', chassis, { chassis, variables });
  }
  return rows;
}

/** Adds all other tables to `services`; chassis and what they write are in none. */
export function allTables(
  topology: Topology,
  southbound: Southbound,
  facts: PortFacts,
  services: SouthboundRows,
): SouthboundRows {
  const rows: SouthboundRows = copyOf(services);
  addGlobal(topology, rows);
  addRoles(rows);
  addDatapaths(southbound, rows);
  addMirrors(topology, rows);
  addPorts(facts, topology, southbound, rows);
  addFlows(southbound, rows);
  addSets(southbound, rows);
  addOptions(southbound, rows);
  addStaticBindings(topology, southbound, rows);
  return rows;
}

/** Tables with the same rows, so that rows can be added. */
function copyOf(rows: SouthboundRows): SouthboundRows {
  return Object.fromEntries(
    Object.entries(rows).map(([table, found]) => [table, new Map<string, unknown>(found)]),
  ) as SouthboundRows;
}

function addDatapaths({ datapaths, multicastGroups }: Southbound, rows: SouthboundRows): void {
  for (const { uuid, tunnelKey, externalIds } of datapaths) {
    if (tunnelKey === 0) continue;
    rows.Datapath_Binding.set(uuid, {
      _uuid: uuid,
      tunnel_key: tunnelKey,
      load_balancers: [],
      external_ids: externalIds,
    });
  }
  for (const { uuid, datapath, name, tunnelKey, ports } of multicastGroups) {
    if (!rows.Datapath_Binding.has(datapath)) continue;
    rows.Multicast_Group.set(uuid, { _uuid: uuid, datapath, name, tunnel_key: tunnelKey, ports });
  }
}

function addMirrors({ nb }: Topology, rows: SouthboundRows): void {
  for (const { name, filter, sink, type, index } of nb.Mirror.values()) {
    addSouthboundRow(rows, 'Mirror', name, { name, filter, sink, type, index });
  }
}

/** A port group is one row for each of its datapaths, `KEY_NAME`. */
function addSets({ addressSets, portGroups, ports, datapaths }: Southbound, rows: SouthboundRows): void {
  for (const [name, addresses] of addressSets) addSouthboundRow(rows, 'Address_Set', name, { name, addresses });
  const keys = new Map(datapaths.map(({ uuid, tunnelKey }) => [uuid, tunnelKey]));
  const places = new Map(ports.map(({ logicalPort, datapath }) => [logicalPort, keys.get(datapath)]));
  for (const [group, members] of portGroups) {
    for (const key of new Set(members.map((port) => places.get(port)))) {
      const name = `${key}_${group}`;
      addSouthboundRow(rows, 'Port_Group', name, { name, ports: members.filter((port) => places.get(port) === key) });
    }
  }
}

function addOptions({ dhcpOptions, dhcpv6Options }: Southbound, rows: SouthboundRows): void {
  for (const option of dhcpOptions) addSouthboundRow(rows, 'DHCP_Options', option.name, option);
  for (const option of dhcpv6Options) addSouthboundRow(rows, 'DHCPv6_Options', option.name, option);
}

function addStaticBindings(topology: Topology, { staticMacBindings }: Southbound, rows: SouthboundRows): void {
  for (const { logicalPort, ip, mac, overridesLearned = false } of staticMacBindings) {
    const datapath = topology.ports.get(logicalPort)?.datapath.uuid;
    if (datapath === undefined || !rows.Datapath_Binding.has(datapath)) continue;
    addSouthboundRow(rows, 'Static_MAC_Binding', `${logicalPort}\0${ip}`, {
      logical_port: logicalPort,
      ip,
      mac,
      override_dynamic_mac: overridesLearned,
      datapath,
    });
  }
}
