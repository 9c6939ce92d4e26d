/** Static routes: parsed, checked and put into groups of equals. */

import { formatIpv4, netmask } from '../../address.ts';
import type { NorthboundRow } from '../../ovsdb/northbound.ts';
import {
  type Family,
  formatIpv6,
  type Ipv4Network,
  type Ipv6Network,
  ipv6Mask,
  parseIpv4Cidr,
  parseIpv6Cidr,
} from '../addresses.ts';
import { booleanOption } from '../options.ts';
import { REG_ROUTE_TABLE_ID } from '../stages.ts';
import type { RouterPort } from '../topology.ts';
import { warn } from '../warning.ts';
import { addressFacing } from './networks.ts';
import { rowsByUuid } from './order.ts';
import type { Router } from './router.ts';

/** A static route that leads somewhere. */
export interface Route {
  readonly row: NorthboundRow<'Logical_Router_Static_Route'>;
  readonly family: Family;
  /** Its prefix without the bits beyond its length, e.g. `10.0.0.0`. */
  readonly network: string;
  readonly prefixLength: number;
  /** It looks at the source address. */
  readonly bySource: boolean;
  /** 0 is the main table. */
  readonly table: number;
  readonly discards: boolean;
  /** options:ecmp_symmetric_reply. */
  readonly symmetricReply: boolean;
  /** options:origin is `connected`: as good as a network of the router itself. */
  readonly isConnected: boolean;
}

/** The routes that share prefix, policy and table, and the number of their group. */
export interface RouteGroup {
  readonly id: number;
  readonly routes: Route[];
}

/** Where a route leaves the router, and the address of the router there. */
export interface Exit {
  readonly port: RouterPort;
  readonly address: string;
}

/** Numbers for the names of route tables, from 1 in the order in which they are met. */
export interface RouteTables {
  number(name: string | undefined): number;
}

/** No table has a number yet but the main one, which has no name and is 0. */
export function routeTables(): RouteTables {
  const numbers = new Map<string, number>();
  return {
    number(name) {
      if (name === undefined || name === '') return 0;
      let id = numbers.get(name);
      if (id === undefined) {
        id = numbers.size + 1;
        numbers.set(name, id);
      }
      return id;
    },
  };
}

/** The router's routes: those that are alone with their prefix, and the groups of the others. */
export function staticRoutes(router: Router, tables: RouteTables): { single: Route[]; groups: RouteGroup[] } {
  const byPrefix = new Map<string, { routes: Route[]; id: number }>();
  let groups = 0;
  for (const row of rowsByUuid(router.topology, 'Logical_Router_Static_Route', router.dp.row.static_routes)) {
    const parsed = parseRoute(router, row, tables);
    if (!parsed) continue;
    const [route, key] = parsed;
    const same = byPrefix.get(key);
    if (!same) byPrefix.set(key, { routes: [route], id: 0 });
    else {
      if (same.id === 0) same.id = ++groups;
      same.routes.push(route);
    }
  }
  const all = [...byPrefix.values()];
  return {
    single: all.filter(({ id }) => id === 0).map(({ routes }) => routes[0]),
    groups: all.filter(({ id }) => id !== 0),
  };
}

/** The route and what it has in common with its equals, or undefined if it cannot be used. */
function parseRoute(
  router: Router,
  row: NorthboundRow<'Logical_Router_Static_Route'>,
  tables: RouteTables,
): [Route, string] | undefined {
  const refuse = (why: string): undefined => {
    const message = `Static route ${row.ip_prefix} of router "${router.dp.name}" is not applied: ${why}`;
    warn(router.topology.warnings, row, 'bad-route', message);
  };
  const discards = row.nexthop === 'discard';
  const ipv4 = parseIpv4Cidr(row.ip_prefix);
  const prefix = ipv4 ?? parseIpv6Cidr(row.ip_prefix);
  if (!prefix) return refuse('its ip_prefix is not an IP address or network');
  const family = ipv4 ? '4' : '6';
  if (!discards && row.nexthop !== '') {
    const nexthop = parseIpv4Cidr(row.nexthop) ?? parseIpv6Cidr(row.nexthop);
    if (!nexthop) return refuse(`its nexthop "${row.nexthop}" is not an IP address`);
    const isIpv4 = typeof nexthop.bits === 'number';
    if (nexthop.prefixLength !== (isIpv4 ? 32 : 128)) return refuse(`its nexthop ${row.nexthop} is not one address`);
    if (isIpv4 !== (family === '4')) return refuse(`its nexthop ${row.nexthop} is of the other IP version`);
  }
  const exit = discards ? undefined : exitOf(router, row, family);
  if (typeof exit === 'string') return refuse(exit);
  if (isDown(router, row)) return refuse('its BFD session is not up');
  const bySource = row.policy === 'src-ip';
  const table = tables.number(row.route_table);
  const route: Route = {
    row,
    family,
    network: networkOf(prefix),
    prefixLength: prefix.prefixLength,
    bySource,
    table,
    discards,
    symmetricReply: booleanOption(row.options, 'ecmp_symmetric_reply', false),
    isConnected: row.options.origin === 'connected',
  };
  return [route, `${family} ${prefix.address}/${prefix.prefixLength} ${bySource} ${table}`];
}

function networkOf(prefix: Ipv4Network | Ipv6Network): string {
  if (typeof prefix.bits === 'bigint') return formatIpv6(prefix.bits & ipv6Mask(prefix.prefixLength));
  return formatIpv4((prefix.bits & netmask(prefix.prefixLength)) >>> 0);
}

/** A route that BFD watches counts only while its session is up. */
function isDown({ topology }: Router, row: NorthboundRow<'Logical_Router_Static_Route'>): boolean {
  const session = row.bfd === undefined ? undefined : topology.nb.BFD.get(row.bfd);
  return session?.dst_ip === row.nexthop && session.status !== 'up' && session.status !== 'init';
}

/** By which port the route leaves, or why by none. */
export function exitOf(
  { dp, portsByUuid, topology }: Router,
  row: NorthboundRow<'Logical_Router_Static_Route'>,
  family: Family,
): Exit | string {
  if (row.output_port === undefined) {
    for (const port of portsByUuid) {
      const address = row.nexthop === '' ? undefined : addressFacing(port, row.nexthop);
      if (address !== undefined) return { port, address };
    }
    return `no port of the router has a network with its nexthop "${row.nexthop}"`;
  }
  const port = topology.ports.get(row.output_port);
  if (port?.kind !== 'router-port' || port.datapath !== dp) {
    return `its output_port "${row.output_port}" is not a port of the router`;
  }
  const own: readonly { address: string }[] = family === '4' ? port.networks.ipv4 : port.networks.ipv6;
  const address = (row.nexthop === '' ? undefined : addressFacing(port, row.nexthop)) ?? own[0]?.address;
  if (address === undefined) return `its output_port "${row.output_port}" has no IPv${family} address`;
  return { port, address };
}

/** Of a prefix with equal length, a static route yields to a connected one, a source route to both. */
const staticOffset = 1;
const connectedOffset = 2;
const multiplier = 3;

/** What a route looks at: match and priority of its flow. */
export function routeMatch(
  route: Pick<Route, 'family' | 'network' | 'prefixLength' | 'bySource' | 'table' | 'isConnected'>,
  inport = '',
): { match: string; priority: number } {
  const side = route.bySource ? 'src' : 'dst';
  const destinationOffset = route.isConnected ? connectedOffset : staticOffset;
  const offset = route.bySource ? 0 : destinationOffset;
  const table = route.table !== 0 || offset === staticOffset ? `${REG_ROUTE_TABLE_ID} == ${route.table} && ` : '';
  return {
    match: `${inport}${table}ip${route.family}.${side} == ${route.network}/${route.prefixLength}`,
    priority: route.prefixLength * multiplier + offset,
  };
}
