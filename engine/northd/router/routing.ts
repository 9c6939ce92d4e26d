/** lr_in_ip_routing_pre, lr_in_ip_routing and lr_in_ip_routing_ecmp: the longest prefix decides where a packet goes. */
import type { NorthboundRow } from '../../ovsdb/northbound.ts';
import { routerGroups } from '../multicast.ts';
import {
  REG_ECMP_GROUP_ID,
  REG_NEXT_HOP_IPV4,
  REG_NEXT_HOP_IPV6,
  REG_ROUTE_TABLE_ID,
  REG_SRC_IPV4,
  REG_SRC_IPV6,
  stages,
} from '../stages.ts';
import type { RouterPort } from '../topology.ts';
import { buildEcmpGroup } from './ecmp.ts';
import { isLinkLocal } from './networks.ts';
import { rowsByUuid } from './order.ts';
import { routableAddresses } from './routable.ts';
import type { Router } from './router.ts';
import { exitOf, type Route, routeMatch, routeTables, staticRoutes } from './routes.ts';

const stage = stages.lr_in_ip_routing;

export function buildRouting(router: Router): void {
  const { dp, drop, emit, topology } = router;
  const tables = routeTables();
  emit(stages.lr_in_ip_routing_pre, 0, '1', `${REG_ROUTE_TABLE_ID} = 0; next;`, 11968);
  for (const { name, options } of rowsByUuid(topology, 'Logical_Router_Port', dp.row.ports)) {
    const table = tables.number(options.route_table);
    if (table === 0) continue;
    emit(stages.lr_in_ip_routing_pre, 100, `inport == "${name}"`, `${REG_ROUTE_TABLE_ID} = ${table}; next;`, 9686);
  }
  emit(stages.lr_in_ip_routing_ecmp, 0, '1', drop, 12044);
  emit(stage, 0, '1', drop, 12045);
  emit(stages.lr_in_ip_routing_ecmp, 150, `${REG_ECMP_GROUP_ID} == 0`, 'next;', 12046);
  for (const port of dp.ports) connectedRoutes(router, port);
  neighboursRoutes(router);
  const { single, groups } = staticRoutes(router, tables);
  for (const group of groups) buildEcmpGroup(router, group);
  for (const route of single) staticRoute(router, route);
  multicastRoutes(router);
}

function connectedRoutes(router: Router, port: RouterPort): void {
  for (const { address, network, prefixLength } of port.networks.ipv4) {
    const route = { family: '4', network, prefixLength, ...connected } as const;
    routeVia(router, route, port, address, '', port.row);
  }
  for (const own of port.networks.ipv6) {
    const { address, network, prefixLength } = own;
    const route = { family: '6', network, prefixLength, ...connected } as const;
    // Every port has the link-local network: it is the one of the port where the packet came in.
    const inport = isLinkLocal(own) ? `inport == ${port.quoted} && ` : '';
    routeVia(router, route, port, address, '', port.row, inport);
  }
}

const connected = { bySource: false, table: 0, isConnected: true } as const;

/** External addresses that neighbours on a switch ask to be routed to them (NAT with options:add_route). */
function neighboursRoutes(router: Router): void {
  for (const dp of new Set(router.dp.switchPeers)) {
    for (const { peer: port } of dp.routerPorts) {
      if (port?.datapath !== router.dp || port.networks.ipv4.length === 0) continue;
      for (const { peer: neighbour } of dp.routerPorts) {
        if (!neighbour || neighbour === port) continue;
        for (const { addresses } of routableAddresses(router.topology, neighbour)) {
          for (const { network, prefixLength } of addresses) {
            const route = { family: '4', network, prefixLength, ...connected } as const;
            routeVia(router, route, port, port.networks.ipv4[0].address, '', port.row);
          }
        }
      }
    }
  }
}

function staticRoute(router: Router, route: Route): void {
  const { row } = route;
  if (route.discards) {
    const { match, priority } = routeMatch(route);
    router.emit(stage, priority, match, router.drop, 10388, row);
    return;
  }
  const exit = exitOf(router, row, route.family);
  if (typeof exit !== 'string') routeVia(router, route, exit.port, exit.address, row.nexthop, row);
}

/** Sends what matches `route` by `port` to `gateway`, or to its destination where `gateway` is ''. */
function routeVia(
  { bfdPorts, emit }: Router,
  route: Parameters<typeof routeMatch>[0],
  port: RouterPort,
  address: string,
  gateway: string,
  hint: NorthboundRow<'Logical_Router_Port'> | NorthboundRow<'Logical_Router_Static_Route'>,
  inport = '',
): void {
  const { match, priority } = routeMatch(route, inport);
  const [nexthop, source] =
    route.family === '4' ? [REG_NEXT_HOP_IPV4, REG_SRC_IPV4] : [REG_NEXT_HOP_IPV6, REG_SRC_IPV6];
  const to = gateway === '' ? `ip${route.family}.dst` : gateway;
  const forward = `${REG_ECMP_GROUP_ID} = 0; ${nexthop} = ${to}; ${source} = ${address}; eth.src = ${port.networks.mac}; outport = ${port.quoted}; flags.loopback = 1; next;`;
  emit(stage, priority, match, `ip.ttl--; ${forward}`, 10388, hint);
  // BFD demands a TTL of 255 (RFC 5881, section 5).
  if (bfdPorts.has(port.name)) emit(stage, priority + 1, `${match} && udp.dst == 3784`, forward, 10393, hint);
}

function multicastRoutes({ dp, drop, emit, floodsMulticast, relaysMulticast, topology }: Router): void {
  emit(stage, 10550, 'nd_rs || nd_ra', drop, 12113);
  if (!relaysMulticast) return;
  const fixed = floodsMulticast ? 'clone { outport = "_MC_static"; ip.ttl--; next; };' : '';
  for (const { address } of routerGroups(dp, topology)) {
    const family = address.includes(':') ? '6' : '4';
    const match = `ip${family} && ip${family}.dst == ${address} `;
    emit(stage, 10500, match, `${fixed}outport = "${address}"; ip.ttl--; next;`, 12141);
  }
  if (!floodsMulticast) {
    emit(stage, 10450, 'ip4.mcast || ip6.mcast', drop, 12190);
    return;
  }
  // IGMP and MLD keep their TTL of 1, so nothing else would stop them from going round.
  for (const { networks } of dp.ports) {
    emit(stage, 10550, `eth.src == ${networks.mac} && igmp`, drop, 12160);
    emit(stage, 10550, `eth.src == ${networks.mac} && (mldv1 || mldv2)`, drop, 12166);
  }
  emit(stage, 10460, 'igmp', 'clone { outport = "_MC_static"; next; };', 12170);
  emit(stage, 10460, 'mldv1 || mldv2', 'clone { outport = "_MC_static"; next; };', 12176);
  emit(stage, 10450, 'ip4.mcast || ip6.mcast', 'clone { outport = "_MC_static"; ip.ttl--; next; };', 12182);
}
