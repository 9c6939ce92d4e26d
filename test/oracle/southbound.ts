/**
 * The southbound database that a real ovn-northd wrote, as `Southbound`: what the
 * executors read, so that they can be compared with OVN on OVN's own flows.
 *
 *     const southbound = southboundOf(await central.rows('OVN_Southbound', southboundTables));
 */
import type {
  DatapathBinding,
  DhcpOption,
  LogicalFlow,
  MulticastGroup,
  Pipeline,
  PortBinding,
  Southbound,
} from '../../engine/ovsdb/southbound.ts';

/** The tables that a `Southbound` is made of. */
export const southboundTables = [
  'Datapath_Binding',
  'Port_Binding',
  'Logical_Flow',
  'Logical_DP_Group',
  'Multicast_Group',
  'Address_Set',
  'Port_Group',
  'DHCP_Options',
  'DHCPv6_Options',
  'MAC_Binding',
  'Static_MAC_Binding',
  'FDB',
] as const;

/** A row as OVSDB's JSON notation has it (RFC 7047, section 5.1). */
type Row = Record<string, unknown>;

export type SouthboundRows = Record<(typeof southboundTables)[number], Row[]>;

/** A flow of several datapaths becomes one of each, with the row's UUID. */
export function southboundOf(rows: SouthboundRows): Southbound {
  const groups = new Map(rows.Logical_DP_Group.map((row) => [uuidOf(row._uuid), list(row.datapaths).map(uuidOf)]));
  return {
    datapaths: rows.Datapath_Binding.map(datapath),
    ports: rows.Port_Binding.map(portBinding),
    flows: rows.Logical_Flow.flatMap((row) => flows(row, groups)).sort(inOrder),
    multicastGroups: rows.Multicast_Group.map(multicastGroup),
    addressSets: new Map(rows.Address_Set.map((row) => [String(row.name), list(row.addresses).map(String)])),
    portGroups: new Map(rows.Port_Group.map((row) => [String(row.name), list(row.ports).map(String)])),
    dhcpOptions: rows.DHCP_Options.map(dhcpOption),
    dhcpv6Options: rows.DHCPv6_Options.map(dhcpOption),
    macBindings: rows.MAC_Binding.map(macBinding),
    staticMacBindings: rows.Static_MAC_Binding.map(macBinding),
    fdb: rows.FDB.map((row) => ({
      datapathKey: Number(row.dp_key),
      portKey: Number(row.port_key),
      mac: String(row.mac),
    })),
    origins: new Map(),
  };
}

/** The members of a set; a set of one is written as its member. */
function list(value: unknown): unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) && value[0] === 'set' && Array.isArray(value[1]) ? value[1] : [value];
}

function uuidOf(value: unknown): string {
  return Array.isArray(value) && value[0] === 'uuid' ? String(value[1]) : '';
}

function mapOf(value: unknown): Record<string, string> {
  const pairs: unknown = Array.isArray(value) && value[0] === 'map' ? value[1] : [];
  if (!Array.isArray(pairs)) return {};
  return Object.fromEntries(pairs.map((pair: unknown[]) => [String(pair[0]), String(pair[1])]));
}

function datapath(row: Row): DatapathBinding {
  const externalIds = mapOf(row.external_ids);
  const router = externalIds['logical-router'];
  const uuid = uuidOf(row._uuid);
  return {
    uuid,
    name: externalIds.name ?? uuid,
    kind: router === undefined ? 'switch' : 'router',
    tunnelKey: Number(row.tunnel_key),
    northboundUuid: router ?? externalIds['logical-switch'] ?? uuid,
    externalIds,
  };
}

function portBinding(row: Row): PortBinding {
  return {
    uuid: uuidOf(row._uuid),
    logicalPort: String(row.logical_port),
    datapath: uuidOf(row.datapath),
    tunnelKey: Number(row.tunnel_key),
    type: String(row.type),
    mac: list(row.mac).map(String),
    portSecurity: list(row.port_security).map(String),
    options: mapOf(row.options),
    externalIds: mapOf(row.external_ids),
  };
}

function flows(row: Row, groups: ReadonlyMap<string, string[]>): LogicalFlow[] {
  const ids = mapOf(row.external_ids);
  const group = groups.get(uuidOf(list(row.logical_dp_group)[0])) ?? [];
  const datapaths = [...list(row.logical_datapath).map(uuidOf), ...group];
  return datapaths.map((owner) => ({
    uuid: uuidOf(row._uuid),
    datapath: owner,
    pipeline: String(row.pipeline) as Pipeline,
    table: Number(row.table_id),
    stage: ids['stage-name'] ?? '',
    priority: Number(row.priority),
    match: String(row.match),
    actions: String(row.actions),
    source: ids.source ?? '',
  }));
}

function inOrder(a: LogicalFlow, b: LogicalFlow): number {
  return (
    a.datapath.localeCompare(b.datapath) ||
    b.pipeline.localeCompare(a.pipeline) ||
    a.table - b.table ||
    b.priority - a.priority ||
    a.match.localeCompare(b.match)
  );
}

function multicastGroup(row: Row): MulticastGroup {
  return {
    uuid: uuidOf(row._uuid),
    datapath: uuidOf(row.datapath),
    name: String(row.name),
    tunnelKey: Number(row.tunnel_key),
    ports: list(row.ports).map(uuidOf),
  };
}

function dhcpOption(row: Row): DhcpOption {
  return { name: String(row.name), code: Number(row.code), type: String(row.type) };
}

function macBinding(row: Row): { logicalPort: string; ip: string; mac: string } {
  return { logicalPort: String(row.logical_port), ip: String(row.ip), mac: String(row.mac) };
}
