/**
 * A southbound database as it is kept, of OVN 20.03 to 26.03, as what the
 * executors read: the flows that ovn-northd wrote, taken as they are.
 */
import { mapOf, numberOf, optionalTextOf, type Row, rowsOf, textOf, textsOf } from './columns.ts';
import type { Database } from './database.ts';
import { DatabaseError } from './record.ts';
import type {
  Chassis,
  DatapathBinding,
  DhcpOption,
  FdbEntry,
  LoadBalancer,
  LogicalFlow,
  MacBinding,
  MulticastGroup,
  PortBinding,
  Southbound,
} from './southbound.ts';
import { readServices } from './southbound-services.ts';

/** The name in its schema. */
export const southboundName = 'OVN_Southbound';

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
  'Chassis',
  'Chassis_Template_Var',
  'Load_Balancer',
  'DNS',
  'Service_Monitor',
  'IP_Multicast',
  'BFD',
  'Meter',
  'Meter_Band',
  'Gateway_Chassis',
  'HA_Chassis_Group',
  'HA_Chassis',
] as const;

export interface SouthboundReading {
  southbound: Southbound;
  /** What is left out because the database contradicts itself: sentences without a full stop. */
  warnings: string[];
}

/** Flows after those of several datapaths became one of each. */
const maxFlows = 4_000_000;
/** OVN has 33 tables at most in a pipeline; no release will have more than this. */
const maxTable = 255;

/**
 * Reads the rows.  A flow of several datapaths becomes one of each, with the
 * row's UUID.  Throws `DatabaseError` if that makes too many.
 */
export function readSouthbound(database: Database): SouthboundReading {
  const warnings: string[] = [];
  const datapaths = datapathsOf(database);
  const southbound: Southbound = {
    datapaths,
    ports: portsOf(database),
    flows: flowsOf(database, datapaths, warnings),
    multicastGroups: multicastGroupsOf(database),
    addressSets: setsOf(database, 'Address_Set', 'addresses'),
    portGroups: setsOf(database, 'Port_Group', 'ports'),
    dhcpOptions: dhcpOptionsOf(database, 'DHCP_Options'),
    dhcpv6Options: dhcpOptionsOf(database, 'DHCPv6_Options'),
    macBindings: macBindingsOf(database, 'MAC_Binding'),
    staticMacBindings: macBindingsOf(database, 'Static_MAC_Binding'),
    fdb: fdbOf(database),
    origins: new Map(),
    chassis: chassisOf(database),
    templates: templatesOf(database),
    loadBalancers: loadBalancersOf(database),
    services: readServices(database),
  };
  return { southbound, warnings };
}

function datapathsOf(database: Database): DatapathBinding[] {
  const table = database.tables.get('Datapath_Binding');
  const tunnelKey = numberOf(table, 'tunnel_key');
  const ids = mapOf(table, 'external_ids');
  // Since 25.09 a datapath's type and its northbound row have columns of their own.
  const type = textOf(table, 'type');
  const northboundUuid = optionalTextOf(table, 'nb_uuid');
  const datapaths = rowsOf(database, 'Datapath_Binding').map(([uuid, row]): DatapathBinding => {
    const externalIds = ids(row);
    const { 'logical-router': router, 'logical-switch': logicalSwitch } = externalIds;
    return {
      uuid,
      name: externalIds.name ?? uuid,
      kind: router !== undefined || type(row) === 'logical-router' ? 'router' : 'switch',
      tunnelKey: tunnelKey(row),
      northboundUuid: northboundUuid(row) ?? router ?? logicalSwitch ?? uuid,
      externalIds,
    };
  });
  return datapaths.sort((a, b) => compare(a.name, b.name));
}

function portsOf(database: Database): PortBinding[] {
  const table = database.tables.get('Port_Binding');
  const logicalPort = textOf(table, 'logical_port');
  const datapath = textOf(table, 'datapath');
  const tunnelKey = numberOf(table, 'tunnel_key');
  const type = textOf(table, 'type');
  const mac = textsOf(table, 'mac');
  const portSecurity = textsOf(table, 'port_security');
  const options = mapOf(table, 'options');
  const externalIds = mapOf(table, 'external_ids');
  const chassis = optionalTextOf(table, 'chassis');
  const names = new Map(chassisOf(database).map(({ uuid, name }) => [uuid, name]));
  const ports = rowsOf(database, 'Port_Binding').map(([uuid, row]): PortBinding => {
    const chassisName = names.get(chassis(row) ?? '');
    return {
      uuid,
      logicalPort: logicalPort(row),
      datapath: datapath(row),
      tunnelKey: tunnelKey(row),
      type: type(row),
      mac: mac(row),
      portSecurity: portSecurity(row),
      options: options(row),
      externalIds: externalIds(row),
      ...(chassisName !== undefined && { chassis: chassisName }),
    };
  });
  return ports.sort((a, b) => compare(a.logicalPort, b.logicalPort));
}

function flowsOf(database: Database, datapaths: readonly DatapathBinding[], warnings: string[]): LogicalFlow[] {
  const owners = ownersOf(database);
  const flowOf = flowReader(database);
  const byDatapath = new Map<string, LogicalFlow[]>(datapaths.map(({ uuid }) => [uuid, []]));
  let count = 0;
  let misplaced = 0;
  let homeless = 0;
  for (const [uuid, row] of database.tables.get('Logical_Flow')?.rows ?? []) {
    const flow = flowOf(uuid, row);
    if (!flow) {
      misplaced++;
      continue;
    }
    for (const owner of owners(row)) {
      const flows = byDatapath.get(owner);
      if (!flows) homeless++;
      else if (++count > maxFlows) throw tooMany();
      else flows.push({ ...flow, datapath: owner });
    }
  }
  if (misplaced > 0) warnings.push(`${countOf(misplaced)} in no table of a pipeline; left out`);
  if (homeless > 0) warnings.push(`${countOf(homeless)} of a datapath that does not exist; left out`);
  const sorted: LogicalFlow[] = [];
  for (const flows of byDatapath.values()) {
    for (const flow of flows.sort(inOrder)) sorted.push(flow);
  }
  return sorted;
}

const countOf = (flows: number): string => (flows === 1 ? 'one logical flow is' : `${flows} logical flows are`);

const tooMany = (): DatabaseError =>
  new DatabaseError(`the database is too large: more than ${maxFlows} logical flows of all datapaths`);

/** A reader of one flow without its datapath; undefined if it is in no table that there can be. */
function flowReader(database: Database): (uuid: string, row: Row) => LogicalFlow | undefined {
  const table = database.tables.get('Logical_Flow');
  const pipelineOf = textOf(table, 'pipeline');
  const tableId = numberOf(table, 'table_id');
  const priority = numberOf(table, 'priority');
  const match = textOf(table, 'match');
  const actions = textOf(table, 'actions');
  const ids = mapOf(table, 'external_ids');
  const meter = optionalTextOf(table, 'controller_meter');
  const description = optionalTextOf(table, 'flow_desc');
  const tags = mapOf(table, 'tags');
  return (uuid, row) => {
    const pipeline = pipelineOf(row);
    const number = tableId(row);
    const { 'stage-name': stage = '', 'stage-hint': hint, source = '' } = ids(row);
    if ((pipeline !== 'ingress' && pipeline !== 'egress') || number < 0 || number > maxTable) return undefined;
    const controllerMeter = meter(row);
    const text = description(row);
    const tagged = tags(row);
    return {
      uuid,
      datapath: '',
      pipeline,
      table: number,
      stage,
      priority: priority(row),
      match: match(row),
      actions: actions(row),
      source,
      ...(hint !== undefined && { hint }),
      ...(controllerMeter !== undefined && { controllerMeter }),
      ...(text !== undefined && { description: text }),
      ...(Object.keys(tagged).length > 0 && { tags: tagged }),
    };
  };
}

/** The datapaths of a flow: its own, and those of its group. */
function ownersOf(database: Database): (row: Row) => Iterable<string> {
  const table = database.tables.get('Logical_Flow');
  const own = optionalTextOf(table, 'logical_datapath');
  const group = optionalTextOf(table, 'logical_dp_group');
  const members = textsOf(database.tables.get('Logical_DP_Group'), 'datapaths');
  const groups = new Map(rowsOf(database, 'Logical_DP_Group').map(([uuid, row]) => [uuid, members(row)]));
  return (row) => {
    const datapath = own(row);
    const others = groups.get(group(row) ?? '') ?? [];
    if (datapath === undefined) return others;
    return others.length === 0 ? [datapath] : new Set([datapath, ...others]);
  };
}

function inOrder(a: LogicalFlow, b: LogicalFlow): number {
  if (a.pipeline !== b.pipeline) return a.pipeline === 'ingress' ? -1 : 1;
  return (
    a.table - b.table ||
    b.priority - a.priority ||
    compare(a.match, b.match) ||
    compare(a.actions, b.actions) ||
    compare(a.uuid, b.uuid)
  );
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function multicastGroupsOf(database: Database): MulticastGroup[] {
  const table = database.tables.get('Multicast_Group');
  const datapath = textOf(table, 'datapath');
  const name = textOf(table, 'name');
  const tunnelKey = numberOf(table, 'tunnel_key');
  const ports = textsOf(table, 'ports');
  return rowsOf(database, 'Multicast_Group').map(([uuid, row]) => {
    return { uuid, datapath: datapath(row), name: name(row), tunnelKey: tunnelKey(row), ports: ports(row) };
  });
}

function setsOf(database: Database, tableName: string, column: string): Map<string, string[]> {
  const table = database.tables.get(tableName);
  const name = textOf(table, 'name');
  const members = textsOf(table, column);
  return new Map(rowsOf(database, tableName).map(([, row]) => [name(row), members(row)]));
}

function dhcpOptionsOf(database: Database, tableName: string): DhcpOption[] {
  const table = database.tables.get(tableName);
  const name = textOf(table, 'name');
  const code = numberOf(table, 'code');
  const type = textOf(table, 'type');
  return rowsOf(database, tableName).map(([, row]) => ({ name: name(row), code: code(row), type: type(row) }));
}

function macBindingsOf(database: Database, tableName: string): MacBinding[] {
  const table = database.tables.get(tableName);
  const logicalPort = textOf(table, 'logical_port');
  const ip = textOf(table, 'ip');
  const mac = textOf(table, 'mac');
  const overrides = textOf(table, 'override_dynamic_mac');
  return rowsOf(database, tableName).map(([, row]) => {
    const overridesLearned = overrides(row) === 'true';
    return { logicalPort: logicalPort(row), ip: ip(row), mac: mac(row), ...(overridesLearned && { overridesLearned }) };
  });
}

function fdbOf(database: Database): FdbEntry[] {
  const table = database.tables.get('FDB');
  const datapathKey = numberOf(table, 'dp_key');
  const portKey = numberOf(table, 'port_key');
  const mac = textOf(table, 'mac');
  return rowsOf(database, 'FDB').map(([, row]) => {
    return { datapathKey: datapathKey(row), portKey: portKey(row), mac: mac(row) };
  });
}

function chassisOf(database: Database): Chassis[] {
  const table = database.tables.get('Chassis');
  const name = textOf(table, 'name');
  const hostname = textOf(table, 'hostname');
  return rowsOf(database, 'Chassis').map(([uuid, row]) => ({ uuid, name: name(row), hostname: hostname(row) }));
}

/** `chassis` is the name of a chassis, which need not be there yet. */
function templatesOf(database: Database): Map<string, Record<string, string>> {
  const table = database.tables.get('Chassis_Template_Var');
  const chassis = textOf(table, 'chassis');
  const variables = mapOf(table, 'variables');
  return new Map(rowsOf(database, 'Chassis_Template_Var').map(([, row]) => [chassis(row), variables(row)]));
}

function loadBalancersOf(database: Database): LoadBalancer[] {
  const table = database.tables.get('Load_Balancer');
  const name = textOf(table, 'name');
  const vips = mapOf(table, 'vips');
  const protocol = optionalTextOf(table, 'protocol');
  const options = mapOf(table, 'options');
  const own = textsOf(table, 'datapaths');
  const members = textsOf(database.tables.get('Logical_DP_Group'), 'datapaths');
  const groups = new Map(rowsOf(database, 'Logical_DP_Group').map(([uuid, row]) => [uuid, members(row)]));
  // 23.03 has one group of datapaths, 24.03 one each for switches and routers.
  const named = ['datapath_group', 'ls_datapath_group', 'lr_datapath_group'].map((column) => textOf(table, column));
  return rowsOf(database, 'Load_Balancer').map(([uuid, row]) => {
    const grouped = named.flatMap((group) => groups.get(group(row)) ?? []);
    const datapaths = [...new Set([...own(row), ...grouped])];
    const kind = protocol(row);
    return {
      uuid,
      name: name(row),
      vips: vips(row),
      ...(kind && { protocol: kind }),
      options: options(row),
      datapaths,
    };
  });
}
