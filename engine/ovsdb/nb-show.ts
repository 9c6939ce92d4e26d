/**
 * What `ovn-nbctl show` (ovn-nbctl(8)) prints of a northbound database.
 *
 * Addresses are in OVSDB's order, that of their bytes.  Switches, routers, ports
 * and NAT rules, which ovn-nbctl gives in an order that means nothing, are in
 * the order in which they were inserted; gateway chassis by falling priority,
 * which ovn-nbctl 23.03 intends but does not read.
 */
import type { Northbound, NorthboundColumns, NorthboundRow, NorthboundTable } from './northbound.ts';

/** The text of `ovn-nbctl show`; '' for a database without switches and routers. */
export function nbShow(nb: Northbound): string {
  const switches = [...nb.Logical_Switch.values()].flatMap((row) => switchLines(nb, row));
  const routers = [...nb.Logical_Router.values()].flatMap((row) => routerLines(nb, row));
  return [...switches, ...routers].map((line) => `${line}\n`).join('');
}

function switchLines(nb: Northbound, row: NorthboundRow<'Logical_Switch'>): string[] {
  const ports = present(nb, 'Logical_Switch_Port', row.ports);
  const title = `switch ${row._uuid} (${row.name})${alias(row.external_ids['neutron:network_name'])}`;
  return [title, ...ports.flatMap(switchPortLines)];
}

function switchPortLines(port: NorthboundColumns<'Logical_Switch_Port'>): string[] {
  const { name, type, parent_name, tag, options } = port;
  // A port whose only address is its router's says so by its router port.
  const addresses = port.addresses.length === 1 && port.addresses[0] === 'router' ? [] : port.addresses;
  return [
    `    port ${name}${alias(port.external_ids['neutron:port_name'])}`,
    ...(type === '' ? [] : [`        type: ${type}`]),
    ...(parent_name === undefined ? [] : [`        parent: ${parent_name}`]),
    ...(tag === undefined ? [] : [`        tag: ${tag}`]),
    ...(addresses.length === 0 ? [] : [`        addresses: ${list(addresses)}`]),
    ...(options['router-port'] === undefined ? [] : [`        router-port: ${options['router-port']}`]),
  ];
}

function routerLines(nb: Northbound, row: NorthboundRow<'Logical_Router'>): string[] {
  const ports = present(nb, 'Logical_Router_Port', row.ports);
  const nats = present(nb, 'NAT', row.nat);
  return [
    `router ${row._uuid} (${row.name})${alias(row.external_ids['neutron:router_name'])}`,
    ...ports.flatMap((port) => routerPortLines(nb, port)),
    ...nats.flatMap(natLines),
  ];
}

function routerPortLines(nb: Northbound, port: NorthboundColumns<'Logical_Router_Port'>): string[] {
  const chassis = present(nb, 'Gateway_Chassis', port.gateway_chassis).sort(
    (a, b) => b.priority - a.priority || compare(b.name, a.name),
  );
  return [
    `    port ${port.name}`,
    `        mac: "${port.mac}"`,
    ...(port.networks.length === 0 ? [] : [`        networks: ${list(port.networks)}`]),
    ...(chassis.length === 0 ? [] : [`        gateway chassis: [${chassis.map((row) => row.chassis_name).join(' ')}]`]),
  ];
}

function natLines(nat: NorthboundRow<'NAT'>): string[] {
  return [
    `    nat ${nat._uuid}`,
    `        external ip: "${nat.external_ip}"`,
    ...(nat.external_port_range === '' ? [] : [`        external port(s): "${nat.external_port_range}"`]),
    `        logical ip: "${nat.logical_ip}"`,
    `        type: "${nat.type}"`,
  ];
}

/** The rows of `table` that `uuids` name and that are there, in the order of `uuids`. */
function present<T extends NorthboundTable>(nb: Northbound, table: T, uuids: readonly string[]): NorthboundRow<T>[] {
  const rows: Map<string, NorthboundRow<T>> = nb[table];
  return uuids.flatMap((uuid) => rows.get(uuid) ?? []);
}

function alias(name: string | undefined): string {
  return name ? ` (aka ${name})` : '';
}

function list(texts: readonly string[]): string {
  return `[${[...texts]
    .sort(compare)
    .map((text) => `"${text}"`)
    .join(', ')}]`;
}

const encoder = new TextEncoder();

/** Order of bytes, which for UTF-8 is the order of code points. */
function compare(a: string, b: string): number {
  const [one, other] = [encoder.encode(a), encoder.encode(b)];
  const differs = one.findIndex((byte, at) => byte !== other[at]);
  return differs < 0 ? one.length - other.length : one[differs] - (other[differs] ?? -1);
}
