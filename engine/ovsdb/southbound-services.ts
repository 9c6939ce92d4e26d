/** The tables of a southbound database that only ovn-controller reads, not for forwarding but for what it does besides. */
import { type Getter, listOf, mapOf, numberOf, optionalTextOf, type Row, rowsOf, textOf, textsOf } from './columns.ts';
import type { Database } from './database.ts';
import type {
  BfdSession,
  ControllerServices,
  MeterSettings,
  MulticastSettings,
  PortDetails,
  ServiceMonitor,
} from './southbound.ts';

/** Tables and columns that the database does not have give nothing. */
export function readServices(database: Database): ControllerServices {
  return {
    dns: dnsOf(database),
    serviceMonitors: serviceMonitorsOf(database),
    multicast: multicastOf(database),
    bfd: bfdOf(database),
    meters: metersOf(database),
    natAddresses: natAddressesOf(database),
    ports: portDetailsOf(database),
  };
}

function dnsOf(database: Database): ControllerServices['dns'] {
  const table = database.tables.get('DNS');
  const datapaths = textsOf(table, 'datapaths');
  const records = mapOf(table, 'records');
  return rowsOf(database, 'DNS').map(([, row]) => ({ datapaths: datapaths(row), records: records(row) }));
}

function serviceMonitorsOf(database: Database): ServiceMonitor[] {
  const table = database.tables.get('Service_Monitor');
  const logicalPort = textOf(table, 'logical_port');
  const ip = textOf(table, 'ip');
  const port = numberOf(table, 'port');
  const protocol = textOf(table, 'protocol');
  const srcMac = textOf(table, 'src_mac');
  const srcIp = textOf(table, 'src_ip');
  const options = mapOf(table, 'options');
  return rowsOf(database, 'Service_Monitor').map(([, row]) => ({
    logicalPort: logicalPort(row),
    ip: ip(row),
    port: port(row),
    protocol: protocol(row) === 'udp' ? 'udp' : 'tcp',
    srcMac: srcMac(row),
    srcIp: srcIp(row),
    options: options(row),
  }));
}

function multicastOf(database: Database): MulticastSettings[] {
  const table = database.tables.get('IP_Multicast');
  const datapath = textOf(table, 'datapath');
  const flag = (column: string): Getter<boolean> => {
    const list = listOf(table, column);
    return (row) => list(row)[0] === true;
  };
  const enabled = flag('enabled');
  const querier = flag('querier');
  const ethSrc = textOf(table, 'eth_src');
  const ip4Src = textOf(table, 'ip4_src');
  const ip6Src = textOf(table, 'ip6_src');
  const tableSize = optionalNumberOf(table, 'table_size');
  const idleTimeout = optionalNumberOf(table, 'idle_timeout');
  const queryInterval = optionalNumberOf(table, 'query_interval');
  const queryMaxResponse = optionalNumberOf(table, 'query_max_resp');
  return rowsOf(database, 'IP_Multicast').map(([, row]) => ({
    datapath: datapath(row),
    enabled: enabled(row),
    querier: querier(row),
    ethSrc: ethSrc(row),
    ip4Src: ip4Src(row),
    ip6Src: ip6Src(row),
    ...defined({
      tableSize: tableSize(row),
      idleTimeout: idleTimeout(row),
      queryInterval: queryInterval(row),
      queryMaxResponse: queryMaxResponse(row),
    }),
  }));
}

function optionalNumberOf(...[table, column]: Parameters<typeof listOf>): Getter<number | undefined> {
  const list = listOf(table, column);
  return (row) => {
    const [value] = list(row);
    return value === undefined ? undefined : Number(value);
  };
}

function defined<T>(values: Record<string, T | undefined>): Record<string, T> {
  const entries = Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return Object.fromEntries(entries);
}

function bfdOf(database: Database): BfdSession[] {
  const table = database.tables.get('BFD');
  const logicalPort = textOf(table, 'logical_port');
  const dstIp = textOf(table, 'dst_ip');
  const srcPort = numberOf(table, 'src_port');
  const discriminator = numberOf(table, 'disc');
  const minTx = numberOf(table, 'min_tx');
  const minRx = numberOf(table, 'min_rx');
  const multiplier = numberOf(table, 'detect_mult');
  const status = textOf(table, 'status');
  return rowsOf(database, 'BFD').map(([, row]) => ({
    logicalPort: logicalPort(row),
    dstIp: dstIp(row),
    srcPort: srcPort(row),
    discriminator: discriminator(row),
    minTx: minTx(row),
    minRx: minRx(row),
    multiplier: multiplier(row),
    status: status(row),
  }));
}

function metersOf(database: Database): MeterSettings[] {
  const table = database.tables.get('Meter');
  const name = textOf(table, 'name');
  const unit = textOf(table, 'unit');
  const bands = textsOf(table, 'bands');
  const bandTable = database.tables.get('Meter_Band');
  const rate = numberOf(bandTable, 'rate');
  const burst = numberOf(bandTable, 'burst_size');
  const rows = new Map<string, Row>(rowsOf(database, 'Meter_Band'));
  return rowsOf(database, 'Meter').map(([, row]) => {
    const band = bands(row)
      .map((uuid) => rows.get(uuid))
      .find((each) => each !== undefined);
    return {
      name: name(row),
      unit: unit(row) === 'pktps' ? 'pktps' : 'kbps',
      rate: band ? rate(band) : 0,
      burst: band ? burst(band) : 0,
    };
  });
}

function natAddressesOf(database: Database): Map<string, string[]> {
  const table = database.tables.get('Port_Binding');
  const logicalPort = textOf(table, 'logical_port');
  const addresses = textsOf(table, 'nat_addresses');
  const found = rowsOf(database, 'Port_Binding').map(([, row]) => [logicalPort(row), addresses(row)] as const);
  return new Map(found.filter(([, own]) => own.length > 0));
}

function portDetailsOf(database: Database): Map<string, PortDetails> {
  const table = database.tables.get('Port_Binding');
  const logicalPort = textOf(table, 'logical_port');
  const parent = optionalTextOf(table, 'parent_port');
  const tag = numberOf(table, 'tag');
  const gateways = textsOf(table, 'gateway_chassis');
  const group = optionalTextOf(table, 'ha_chassis_group');
  const members = textsOf(database.tables.get('HA_Chassis_Group'), 'ha_chassis');
  const groups = new Map(rowsOf(database, 'HA_Chassis_Group').map(([uuid, row]) => [uuid, members(row)]));
  const inGroup = candidatesOf(database, 'HA_Chassis');
  const asGateway = candidatesOf(database, 'Gateway_Chassis');
  const ports = new Map<string, PortDetails>();
  for (const [, row] of rowsOf(database, 'Port_Binding')) {
    const chassis = [...inGroup(groups.get(group(row) ?? '') ?? []), ...asGateway(gateways(row))];
    const machine = parent(row);
    const vlan = tag(row);
    const details: PortDetails = {
      ...(machine && { parent: machine }),
      ...(vlan !== 0 && { tag: vlan }),
      ...(chassis.length > 0 && { chassis }),
    };
    if (Object.keys(details).length > 0) ports.set(logicalPort(row), details);
  }
  return ports;
}

/** Names of the chassis that rows of a table stand for, by falling priority. */
function candidatesOf(database: Database, name: string): (rows: readonly string[]) => string[] {
  const table = database.tables.get(name);
  const chassis = textOf(table, 'chassis');
  const priority = numberOf(table, 'priority');
  const chassisName = textOf(database.tables.get('Chassis'), 'name');
  const names = new Map(rowsOf(database, 'Chassis').map(([uuid, row]) => [uuid, chassisName(row)]));
  const rows = new Map(
    rowsOf(database, name).flatMap(([uuid, row]) => {
      const found = names.get(chassis(row));
      return found === undefined ? [] : [[uuid, { name: found, priority: priority(row) }] as const];
    }),
  );
  return (uuids) =>
    uuids
      .flatMap((uuid) => rows.get(uuid) ?? [])
      .sort((a, b) => b.priority - a.priority || (a.name < b.name ? -1 : 1))
      .map((each) => each.name);
}
