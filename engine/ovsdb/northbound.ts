/**
 * The OVN northbound database, schema 7.0.0 (OVN 23.03): ovn-nb(5).
 *
 * Rows are plain data under OVN's own column names.  A reference is the UUID of
 * the row it points to; UUIDs are version 5, made of the row's table and name,
 * so that one input always gives one database.
 */

import { parse, v5 } from 'uuid';
import type { Origin } from '../origin.ts';
import type { Column } from './schema.ts';
import {
  boolean,
  type Columns,
  defaultValue,
  integer,
  map,
  optionalBoolean,
  optionalInteger,
  optionalRef,
  optionalText,
  refs,
  text,
  textSet,
  textToInteger,
} from './schema.ts';

/** Every table and column of the schema, as ovn-nb(5) describes them. */
export const northboundSchema = {
  ACL: {
    name: optionalText,
    priority: integer,
    direction: text,
    match: text,
    action: text,
    log: boolean,
    severity: optionalText,
    meter: optionalText,
    label: integer,
    options: map,
    external_ids: map,
  },
  Address_Set: {
    name: text,
    addresses: textSet,
    external_ids: map,
  },
  BFD: {
    logical_port: text,
    dst_ip: text,
    min_tx: optionalInteger,
    min_rx: optionalInteger,
    detect_mult: optionalInteger,
    status: optionalText,
    external_ids: map,
    options: map,
  },
  Chassis_Template_Var: {
    chassis: text,
    variables: map,
    external_ids: map,
  },
  Connection: {
    target: text,
    max_backoff: optionalInteger,
    inactivity_probe: optionalInteger,
    other_config: map,
    external_ids: map,
    is_connected: boolean,
    status: map,
  },
  Copp: {
    name: text,
    meters: map,
    external_ids: map,
  },
  DHCP_Options: {
    cidr: text,
    options: map,
    external_ids: map,
  },
  DNS: {
    records: map,
    external_ids: map,
  },
  Forwarding_Group: {
    name: text,
    vip: text,
    vmac: text,
    liveness: boolean,
    external_ids: map,
    child_port: textSet,
  },
  Gateway_Chassis: {
    name: text,
    chassis_name: text,
    priority: integer,
    external_ids: map,
    options: map,
  },
  HA_Chassis: {
    chassis_name: text,
    priority: integer,
    external_ids: map,
  },
  HA_Chassis_Group: {
    name: text,
    ha_chassis: refs('HA_Chassis'),
    external_ids: map,
  },
  Load_Balancer: {
    name: text,
    vips: map,
    protocol: optionalText,
    health_check: refs('Load_Balancer_Health_Check'),
    ip_port_mappings: map,
    selection_fields: textSet,
    options: map,
    external_ids: map,
  },
  Load_Balancer_Group: {
    name: text,
    load_balancer: refs('Load_Balancer', 'weak'),
  },
  Load_Balancer_Health_Check: {
    vip: text,
    options: map,
    external_ids: map,
  },
  Logical_Router: {
    name: text,
    ports: refs('Logical_Router_Port'),
    static_routes: refs('Logical_Router_Static_Route'),
    policies: refs('Logical_Router_Policy'),
    enabled: optionalBoolean,
    nat: refs('NAT'),
    load_balancer: refs('Load_Balancer', 'weak'),
    load_balancer_group: refs('Load_Balancer_Group'),
    copp: optionalRef('Copp', 'weak'),
    options: map,
    external_ids: map,
  },
  Logical_Router_Policy: {
    priority: integer,
    match: text,
    action: text,
    nexthop: optionalText,
    nexthops: textSet,
    options: map,
    external_ids: map,
  },
  Logical_Router_Port: {
    name: text,
    gateway_chassis: refs('Gateway_Chassis'),
    ha_chassis_group: optionalRef('HA_Chassis_Group'),
    options: map,
    networks: textSet,
    mac: text,
    peer: optionalText,
    enabled: optionalBoolean,
    ipv6_ra_configs: map,
    ipv6_prefix: textSet,
    external_ids: map,
  },
  Logical_Router_Static_Route: {
    route_table: text,
    ip_prefix: text,
    policy: optionalText,
    nexthop: text,
    output_port: optionalText,
    bfd: optionalRef('BFD', 'weak'),
    options: map,
    external_ids: map,
  },
  Logical_Switch: {
    name: text,
    ports: refs('Logical_Switch_Port'),
    acls: refs('ACL'),
    qos_rules: refs('QoS'),
    load_balancer: refs('Load_Balancer', 'weak'),
    load_balancer_group: refs('Load_Balancer_Group'),
    dns_records: refs('DNS', 'weak'),
    copp: optionalRef('Copp', 'weak'),
    other_config: map,
    external_ids: map,
    forwarding_groups: refs('Forwarding_Group'),
  },
  Logical_Switch_Port: {
    name: text,
    type: text,
    options: map,
    parent_name: optionalText,
    tag_request: optionalInteger,
    tag: optionalInteger,
    addresses: textSet,
    dynamic_addresses: optionalText,
    port_security: textSet,
    up: optionalBoolean,
    enabled: optionalBoolean,
    dhcpv4_options: optionalRef('DHCP_Options', 'weak'),
    dhcpv6_options: optionalRef('DHCP_Options', 'weak'),
    mirror_rules: refs('Mirror', 'weak'),
    ha_chassis_group: optionalRef('HA_Chassis_Group'),
    external_ids: map,
  },
  Meter: {
    name: text,
    unit: text,
    bands: refs('Meter_Band'),
    fair: optionalBoolean,
    external_ids: map,
  },
  Meter_Band: {
    action: text,
    rate: integer,
    burst_size: integer,
    external_ids: map,
  },
  Mirror: {
    name: text,
    filter: text,
    sink: text,
    type: text,
    index: integer,
    external_ids: map,
  },
  NAT: {
    external_ip: text,
    external_mac: optionalText,
    external_port_range: text,
    logical_ip: text,
    logical_port: optionalText,
    type: text,
    allowed_ext_ips: optionalRef('Address_Set'),
    exempted_ext_ips: optionalRef('Address_Set'),
    gateway_port: optionalRef('Logical_Router_Port', 'weak'),
    options: map,
    external_ids: map,
  },
  NB_Global: {
    name: text,
    nb_cfg: integer,
    nb_cfg_timestamp: integer,
    sb_cfg: integer,
    sb_cfg_timestamp: integer,
    hv_cfg: integer,
    hv_cfg_timestamp: integer,
    external_ids: map,
    connections: refs('Connection'),
    ssl: optionalRef('SSL'),
    options: map,
    ipsec: boolean,
  },
  Port_Group: {
    name: text,
    ports: refs('Logical_Switch_Port', 'weak'),
    acls: refs('ACL'),
    external_ids: map,
  },
  QoS: {
    priority: integer,
    direction: text,
    match: text,
    action: textToInteger,
    bandwidth: textToInteger,
    external_ids: map,
  },
  SSL: {
    private_key: text,
    certificate: text,
    ca_cert: text,
    bootstrap_ca_cert: boolean,
    ssl_protocols: text,
    ssl_ciphers: text,
    external_ids: map,
  },
  Static_MAC_Binding: {
    logical_port: text,
    ip: text,
    mac: text,
    override_dynamic_mac: boolean,
  },
} as const;

/** Tables whose rows live without being referenced (`isRoot` in the schema). */
export const northboundRoots: ReadonlySet<NorthboundTable> = new Set<NorthboundTable>([
  'Address_Set',
  'BFD',
  'Chassis_Template_Var',
  'Copp',
  'DHCP_Options',
  'DNS',
  'HA_Chassis_Group',
  'Load_Balancer',
  'Load_Balancer_Group',
  'Logical_Router',
  'Logical_Switch',
  'Meter',
  'Mirror',
  'NB_Global',
  'Port_Group',
  'Static_MAC_Binding',
]);

export type NorthboundTable = keyof typeof northboundSchema;

/** The columns of table `T` alone. */
export type NorthboundColumns<T extends NorthboundTable> = Columns<(typeof northboundSchema)[T]>;

/** A row of table `T`: its columns, its UUID, and what in the manifests caused it. */
export type NorthboundRow<T extends NorthboundTable> = NorthboundColumns<T> & {
  _uuid: string;
  origin?: Origin;
};

/** A whole database: the rows of each table by UUID, in order of insertion. */
export type Northbound = { [T in NorthboundTable]: Map<string, NorthboundRow<T>> };

const namespace = parse('5c7c0f5e-7d0b-5a4e-9f63-0e2b6d6c1f10');

/** The UUID of the row that `name` names in `table`: the same name, the same UUID. */
export function rowUuid(table: string, name: string): string {
  return v5(`${table}\0${name}`, namespace);
}

/** A database without rows. */
export function emptyNorthbound(): Northbound {
  const tables = Object.keys(northboundSchema).map((table) => [table, new Map()]);
  return Object.fromEntries(tables) as Northbound;
}

/**
 * Adds a row to `table`; columns left out get their defaults.  `key` names the
 * row within its table for as long as it lives: it gives the row's UUID.
 * Throws if that key was used before, which is a bug of the caller.
 */
export function insertRow<T extends NorthboundTable>(
  nb: Northbound,
  table: T,
  key: string,
  columns: Partial<NorthboundColumns<T>>,
  origin?: Origin,
): NorthboundRow<T> {
  const uuid = rowUuid(table, key);
  const rows: Map<string, NorthboundRow<T>> = nb[table];
  if (rows.has(uuid)) throw new Error(`${table} row "${key}" was inserted twice`);
  const given: Readonly<Record<string, unknown>> = columns;
  const row: Record<string, unknown> = {};
  for (const [name, column] of columnsOf.get(table) ?? [])
    row[name] = name in given ? given[name] : defaultValue(column);
  row._uuid = uuid;
  if (origin) row.origin = origin;
  rows.set(uuid, row as NorthboundRow<T>);
  return row as NorthboundRow<T>;
}

const columnsOf: ReadonlyMap<string, readonly (readonly [string, Column])[]> = new Map(
  Object.entries(northboundSchema).map(([table, columns]) => [table, Object.entries(columns)]),
);
