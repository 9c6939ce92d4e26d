/**
 * A few words in which a test writes down a northbound database: each adds a
 * row and the reference to it that keeps it alive.
 */
import {
  emptyNorthbound,
  insertRow,
  type Northbound,
  type NorthboundColumns,
  rowUuid,
} from '../../../engine/ovsdb/northbound.ts';

type Extra<T extends Parameters<typeof insertRow>[1]> = Partial<NorthboundColumns<T>>;

/** A database in which northd makes nothing up: mac_prefix and svc_monitor_mac are given. */
export function northbound(): Northbound {
  const nb = emptyNorthbound();
  insertRow(nb, 'NB_Global', 'global', {
    options: { mac_prefix: '0a:00:00', svc_monitor_mac: '0a:00:00:00:00:01' },
  });
  return nb;
}

function router(nb: Northbound, name: string) {
  const row = nb.Logical_Router.get(rowUuid('Logical_Router', name));
  if (!row) throw new Error(`no router ${name}`);
  return row;
}

function logicalSwitch(nb: Northbound, name: string) {
  const row = nb.Logical_Switch.get(rowUuid('Logical_Switch', name));
  if (!row) throw new Error(`no switch ${name}`);
  return row;
}

export function addSwitch(nb: Northbound, name: string, extra: Extra<'Logical_Switch'> = {}): void {
  insertRow(nb, 'Logical_Switch', name, { name, ...extra });
}

/** A port of `on`; `addresses` is what stands in its column of that name. */
export function addPort(
  nb: Northbound,
  on: string,
  name: string,
  addresses: string[],
  extra: Extra<'Logical_Switch_Port'> = {},
): void {
  const row = insertRow(nb, 'Logical_Switch_Port', name, { name, addresses, ...extra });
  logicalSwitch(nb, on).ports.push(row._uuid);
}

export function addLocalnet(nb: Northbound, on: string, name: string, extra: Extra<'Logical_Switch_Port'> = {}): void {
  addPort(nb, on, name, ['unknown'], { type: 'localnet', options: { network_name: 'physnet' }, ...extra });
}

export function addRouter(nb: Northbound, name: string, extra: Extra<'Logical_Router'> = {}): void {
  insertRow(nb, 'Logical_Router', name, { name, ...extra });
}

export function addRouterPort(
  nb: Northbound,
  of: string,
  name: string,
  mac: string,
  networks: string[],
  extra: Extra<'Logical_Router_Port'> = {},
): void {
  const row = insertRow(nb, 'Logical_Router_Port', name, { name, mac, networks, ...extra });
  router(nb, of).ports.push(row._uuid);
}

/** The switch's side of router port `routerPort`. */
export function attach(nb: Northbound, to: string, routerPort: string, extra: Extra<'Logical_Switch_Port'> = {}): void {
  addPort(nb, to, `${to}-${routerPort}`, ['router'], {
    type: 'router',
    ...extra,
    options: { 'router-port': routerPort, ...extra.options },
  });
}

export function addRoute(
  nb: Northbound,
  of: string,
  prefix: string,
  nexthop: string,
  extra: Extra<'Logical_Router_Static_Route'> = {},
): void {
  const routes = router(nb, of).static_routes;
  const key = `${of} ${routes.length}`;
  routes.push(insertRow(nb, 'Logical_Router_Static_Route', key, { ip_prefix: prefix, nexthop, ...extra })._uuid);
}

export function addPolicy(
  nb: Northbound,
  of: string,
  priority: number,
  match: string,
  action: string,
  extra: Extra<'Logical_Router_Policy'> = {},
): void {
  const { policies } = router(nb, of);
  const key = `${of} ${policies.length}`;
  policies.push(insertRow(nb, 'Logical_Router_Policy', key, { priority, match, action, ...extra })._uuid);
}

export function addNat(
  nb: Northbound,
  of: string,
  type: string,
  external: string,
  logical: string,
  extra: Extra<'NAT'> = {},
): void {
  const { nat } = router(nb, of);
  const key = `${of} ${nat.length}`;
  nat.push(insertRow(nb, 'NAT', key, { type, external_ip: external, logical_ip: logical, ...extra })._uuid);
}

/** Makes a router port a distributed gateway port: each chassis with its priority. */
export function addGatewayChassis(nb: Northbound, routerPort: string, chassis: Record<string, number>): void {
  const row = nb.Logical_Router_Port.get(rowUuid('Logical_Router_Port', routerPort));
  if (!row) throw new Error(`no router port ${routerPort}`);
  for (const [chassis_name, priority] of Object.entries(chassis)) {
    const name = `${routerPort}-${chassis_name}`;
    row.gateway_chassis.push(insertRow(nb, 'Gateway_Chassis', name, { name, chassis_name, priority })._uuid);
  }
}
