/**
 * The OVN southbound database, schema 20.27.0 (OVN 23.03): ovn-sb(5).  Rows are
 * plain data under OVN's own column names; `southbound.ts` is what the executors
 * read of them.
 */
import { rowUuid } from './northbound.ts';
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
  ref,
  refs,
  text,
  textSet,
  textToRef,
  uuidSet,
} from './schema.ts';
import type { SchemaFacts } from './schema-json.ts';

/** Every table and column of the schema, as ovn-sb(5) describes them. */
export const southboundSchema = {
  Address_Set: {
    name: text,
    addresses: textSet,
  },
  BFD: {
    src_port: integer,
    disc: integer,
    logical_port: text,
    dst_ip: text,
    min_tx: integer,
    min_rx: integer,
    detect_mult: integer,
    status: text,
    external_ids: map,
    options: map,
  },
  Chassis: {
    name: text,
    hostname: text,
    encaps: refs('Encap'),
    vtep_logical_switches: textSet,
    nb_cfg: integer,
    external_ids: map,
    other_config: map,
    transport_zones: textSet,
  },
  Chassis_Private: {
    name: text,
    chassis: optionalRef('Chassis', 'weak'),
    nb_cfg: integer,
    nb_cfg_timestamp: integer,
    external_ids: map,
  },
  Chassis_Template_Var: {
    chassis: text,
    variables: map,
  },
  Connection: {
    target: text,
    max_backoff: optionalInteger,
    inactivity_probe: optionalInteger,
    read_only: boolean,
    role: text,
    other_config: map,
    external_ids: map,
    is_connected: boolean,
    status: map,
  },
  Controller_Event: {
    event_type: text,
    event_info: map,
    chassis: optionalRef('Chassis', 'weak'),
    seq_num: integer,
  },
  DHCP_Options: {
    name: text,
    code: integer,
    type: text,
  },
  DHCPv6_Options: {
    name: text,
    code: integer,
    type: text,
  },
  DNS: {
    records: map,
    datapaths: refs('Datapath_Binding'),
    external_ids: map,
  },
  Datapath_Binding: {
    tunnel_key: integer,
    load_balancers: uuidSet,
    external_ids: map,
  },
  Encap: {
    type: text,
    options: map,
    ip: text,
    chassis_name: text,
  },
  FDB: {
    mac: text,
    dp_key: integer,
    port_key: integer,
  },
  Gateway_Chassis: {
    name: text,
    chassis: optionalRef('Chassis', 'weak'),
    priority: integer,
    external_ids: map,
    options: map,
  },
  HA_Chassis: {
    chassis: optionalRef('Chassis', 'weak'),
    priority: integer,
    external_ids: map,
  },
  HA_Chassis_Group: {
    name: text,
    ha_chassis: refs('HA_Chassis'),
    ref_chassis: refs('Chassis', 'weak'),
    external_ids: map,
  },
  IGMP_Group: {
    address: text,
    datapath: optionalRef('Datapath_Binding', 'weak'),
    chassis: optionalRef('Chassis', 'weak'),
    ports: refs('Port_Binding', 'weak'),
  },
  IP_Multicast: {
    datapath: ref('Datapath_Binding', 'weak'),
    enabled: optionalBoolean,
    querier: optionalBoolean,
    eth_src: text,
    ip4_src: text,
    ip6_src: text,
    table_size: optionalInteger,
    idle_timeout: optionalInteger,
    query_interval: optionalInteger,
    query_max_resp: optionalInteger,
    seq_no: integer,
  },
  Load_Balancer: {
    name: text,
    vips: map,
    protocol: optionalText,
    datapaths: refs('Datapath_Binding'),
    datapath_group: optionalRef('Logical_DP_Group'),
    options: map,
    external_ids: map,
  },
  Logical_DP_Group: {
    datapaths: refs('Datapath_Binding', 'weak'),
  },
  Logical_Flow: {
    logical_datapath: optionalRef('Datapath_Binding'),
    logical_dp_group: optionalRef('Logical_DP_Group'),
    pipeline: text,
    table_id: integer,
    priority: integer,
    match: text,
    actions: text,
    tags: map,
    controller_meter: optionalText,
    external_ids: map,
  },
  MAC_Binding: {
    logical_port: text,
    ip: text,
    mac: text,
    timestamp: integer,
    datapath: ref('Datapath_Binding'),
  },
  Meter: {
    name: text,
    unit: text,
    bands: refs('Meter_Band'),
  },
  Meter_Band: {
    action: text,
    rate: integer,
    burst_size: integer,
  },
  Mirror: {
    name: text,
    filter: text,
    sink: text,
    type: text,
    index: integer,
    external_ids: map,
  },
  Multicast_Group: {
    datapath: ref('Datapath_Binding'),
    name: text,
    tunnel_key: integer,
    ports: refs('Port_Binding', 'weak'),
  },
  Port_Binding: {
    logical_port: text,
    type: text,
    gateway_chassis: refs('Gateway_Chassis'),
    ha_chassis_group: optionalRef('HA_Chassis_Group'),
    options: map,
    datapath: ref('Datapath_Binding'),
    tunnel_key: integer,
    parent_port: optionalText,
    tag: optionalInteger,
    virtual_parent: optionalText,
    chassis: optionalRef('Chassis', 'weak'),
    additional_chassis: refs('Chassis', 'weak'),
    encap: optionalRef('Encap', 'weak'),
    additional_encap: refs('Encap', 'weak'),
    mirror_rules: refs('Mirror', 'weak'),
    mac: textSet,
    port_security: textSet,
    nat_addresses: textSet,
    up: optionalBoolean,
    external_ids: map,
    requested_chassis: optionalRef('Chassis', 'weak'),
    requested_additional_chassis: refs('Chassis', 'weak'),
  },
  Port_Group: {
    name: text,
    ports: textSet,
  },
  RBAC_Permission: {
    table: text,
    authorization: textSet,
    insert_delete: boolean,
    update: textSet,
  },
  RBAC_Role: {
    name: text,
    permissions: textToRef('RBAC_Permission', 'weak'),
  },
  SB_Global: {
    nb_cfg: integer,
    external_ids: map,
    connections: refs('Connection'),
    ssl: optionalRef('SSL'),
    options: map,
    ipsec: boolean,
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
  Service_Monitor: {
    ip: text,
    protocol: optionalText,
    port: integer,
    logical_port: text,
    src_mac: text,
    src_ip: text,
    status: optionalText,
    options: map,
    external_ids: map,
  },
  Static_MAC_Binding: {
    logical_port: text,
    ip: text,
    mac: text,
    override_dynamic_mac: boolean,
    datapath: ref('Datapath_Binding'),
  },
} as const;

/** What the schema says of tables beyond their columns' types, and of values beyond those. */
export const southboundFacts: SchemaFacts = {
  name: 'OVN_Southbound',
  version: '20.27.0',
  checksum: '4078371916 30328',
  roots: new Set([
    'Address_Set',
    'BFD',
    'Chassis',
    'Chassis_Private',
    'Chassis_Template_Var',
    'Controller_Event',
    'DHCP_Options',
    'DHCPv6_Options',
    'DNS',
    'Datapath_Binding',
    'FDB',
    'HA_Chassis_Group',
    'IGMP_Group',
    'IP_Multicast',
    'Load_Balancer',
    'Logical_Flow',
    'MAC_Binding',
    'Meter',
    'Mirror',
    'Multicast_Group',
    'Port_Binding',
    'Port_Group',
    'RBAC_Permission',
    'RBAC_Role',
    'SB_Global',
    'Service_Monitor',
    'Static_MAC_Binding',
  ]),
  indexes: {
    Address_Set: [['name']],
    BFD: [['logical_port', 'dst_ip', 'src_port', 'disc']],
    Chassis: [['name']],
    Chassis_Private: [['name']],
    Chassis_Template_Var: [['chassis']],
    Connection: [['target']],
    Datapath_Binding: [['tunnel_key']],
    Encap: [['type', 'ip']],
    FDB: [['mac', 'dp_key']],
    Gateway_Chassis: [['name']],
    HA_Chassis_Group: [['name']],
    IGMP_Group: [['address', 'datapath', 'chassis']],
    IP_Multicast: [['datapath']],
    MAC_Binding: [['logical_port', 'ip']],
    Meter: [['name']],
    Mirror: [['name']],
    Multicast_Group: [
      ['datapath', 'tunnel_key'],
      ['datapath', 'name'],
    ],
    Port_Binding: [['datapath', 'tunnel_key'], ['logical_port']],
    Port_Group: [['name']],
    Service_Monitor: [['logical_port', 'ip', 'port', 'protocol']],
    Static_MAC_Binding: [['logical_port', 'ip']],
  },
  maxRows: { SB_Global: 1, SSL: 1 },
  limits: {
    BFD: {
      src_port: { key: { min: 49152, max: 65535 } },
      status: { key: ['down', 'init', 'up', 'admin_down'] },
    },
    Chassis: {
      encaps: { atLeastOne: true },
    },
    Connection: {
      max_backoff: { key: { min: 1000 } },
      is_connected: { ephemeral: true },
      status: { ephemeral: true },
    },
    Controller_Event: {
      event_type: { key: ['empty_lb_backends'] },
    },
    DHCP_Options: {
      code: { key: { min: 0, max: 254 } },
      type: { key: ['bool', 'uint8', 'uint16', 'uint32', 'ipv4', 'static_routes', 'str', 'host_id', 'domains'] },
    },
    DHCPv6_Options: {
      code: { key: { min: 0, max: 254 } },
      type: { key: ['ipv6', 'str', 'mac'] },
    },
    DNS: {
      datapaths: { atLeastOne: true },
    },
    Datapath_Binding: {
      tunnel_key: { key: { min: 1, max: 16777215 } },
    },
    Encap: {
      type: { key: ['geneve', 'stt', 'vxlan'] },
    },
    FDB: {
      dp_key: { key: { min: 1, max: 16777215 } },
      port_key: { key: { min: 1, max: 16777215 } },
    },
    Gateway_Chassis: {
      priority: { key: { min: 0, max: 32767 } },
    },
    HA_Chassis: {
      priority: { key: { min: 0, max: 32767 } },
    },
    Load_Balancer: {
      protocol: { key: ['tcp', 'udp', 'sctp'] },
    },
    Logical_Flow: {
      pipeline: { key: ['ingress', 'egress'] },
      table_id: { key: { min: 0, max: 32 } },
      priority: { key: { min: 0, max: 65535 } },
    },
    Meter: {
      unit: { key: ['kbps', 'pktps'] },
      bands: { atLeastOne: true },
    },
    Meter_Band: {
      action: { key: ['drop'] },
      rate: { key: { min: 1, max: 4294967295 } },
      burst_size: { key: { min: 0, max: 4294967295 } },
    },
    Mirror: {
      filter: { key: ['from-lport', 'to-lport'] },
      type: { key: ['gre', 'erspan'] },
    },
    Multicast_Group: {
      tunnel_key: { key: { min: 32768, max: 65535 } },
    },
    Port_Binding: {
      tunnel_key: { key: { min: 1, max: 32767 } },
      tag: { key: { min: 1, max: 4095 } },
    },
    Service_Monitor: {
      protocol: { key: ['tcp', 'udp'] },
      port: { key: { min: 0, max: 65535 } },
      status: { key: ['online', 'offline', 'error'] },
    },
  },
};

export type SouthboundTable = keyof typeof southboundSchema;

/** The columns of table `T` alone. */
export type SouthboundColumns<T extends SouthboundTable> = Columns<(typeof southboundSchema)[T]>;

/** A row of table `T`: its columns and its UUID. */
export type SouthboundRow<T extends SouthboundTable> = SouthboundColumns<T> & { _uuid: string };

/** A whole database: the rows of each table by UUID. */
export type SouthboundRows = { [T in SouthboundTable]: Map<string, SouthboundRow<T>> };

/** A database without rows. */
export function emptySouthbound(): SouthboundRows {
  const tables = Object.keys(southboundSchema).map((table) => [table, new Map()]);
  return Object.fromEntries(tables) as SouthboundRows;
}

/** The UUID of the row that `key` names in `table`: the same key, the same UUID. */
export function southboundRowUuid(table: SouthboundTable, key: string): string {
  return rowUuid(`${southboundFacts.name} ${table}`, key);
}

/**
 * Adds a row to `table`; columns left out get their defaults.  `key` names the row
 * within its table and gives its UUID.  A row that is there already stays and is
 * given instead.
 */
export function addSouthboundRow<T extends SouthboundTable>(
  database: SouthboundRows,
  table: T,
  key: string,
  columns: Partial<SouthboundColumns<T>>,
): SouthboundRow<T> {
  const uuid = southboundRowUuid(table, key);
  const rows: Map<string, SouthboundRow<T>> = database[table];
  const present = rows.get(uuid);
  if (present) return present;
  const defaults = Object.entries(southboundSchema[table]).map(([name, column]) => [name, defaultValue(column)]);
  const row = { ...Object.fromEntries(defaults), ...columns, _uuid: uuid } as SouthboundRow<T>;
  rows.set(uuid, row);
  return row;
}
