/** Routes with several next hops: a group chooses a member, the next stage goes its way. */
import {
  REG_ECMP_ETH_FIELD,
  REG_ECMP_ETH_FULL,
  REG_ECMP_GROUP_ID,
  REG_ECMP_MEMBER_ID,
  REG_NEXT_HOP_IPV4,
  REG_NEXT_HOP_IPV6,
  REG_SRC_IPV4,
  REG_SRC_IPV6,
  REGBIT_KNOWN_ECMP_NH,
  stages,
} from '../stages.ts';
import type { RouterPort } from '../topology.ts';
import type { Router } from './router.ts';
import { type Exit, exitOf, type Route, type RouteGroup, routeMatch } from './routes.ts';

export function buildEcmpGroup(router: Router, { id, routes }: RouteGroup): void {
  const { emit, isGateway } = router;
  const { match, priority } = routeMatch(routes[0]);
  const members = routes.map((_, index) => index + 1).join(', ');
  const choose = `ip.ttl--; flags.loopback = 1; ${REG_ECMP_GROUP_ID} = ${id}; ${REG_ECMP_MEMBER_ID} = select(${members});`;
  emit(stages.lr_in_ip_routing, priority, match, choose, 10287);
  const symmetricPorts = new Set<RouterPort>();
  for (const [index, route] of routes.entries()) {
    const exit = exitOf(router, route.row, route.family);
    if (typeof exit === 'string') continue;
    if (isGateway && route.symmetricReply && !symmetricPorts.has(exit.port)) {
      symmetricPorts.add(exit.port);
      symmetricReply(router, route, exit, match);
    }
    const [nexthop, source] =
      route.family === '4' ? [REG_NEXT_HOP_IPV4, REG_SRC_IPV4] : [REG_NEXT_HOP_IPV6, REG_SRC_IPV6];
    const member = `${REG_ECMP_GROUP_ID} == ${id} && ${REG_ECMP_MEMBER_ID} == ${index + 1}`;
    const actions = `${nexthop} = ${route.row.nexthop}; ${source} = ${exit.address}; eth.src = ${exit.port.networks.mac}; outport = ${exit.port.quoted}; next;`;
    emit(stages.lr_in_ip_routing_ecmp, 100, member, actions, 10329, route.row);
  }
}

/** Lines of northd.c that commit a connection, for each protocol: a new one, and one that lost its entry. */
const commits = [
  ['tcp', 10132, 10173],
  ['udp', 10145, 10188],
  ['sctp', 10158, 10202],
] as const;

/**
 * Replies to what came in by one of the group's ports leave by the same port to
 * the same neighbour, which the connection's entry remembers.
 */
function symmetricReply({ emit }: Router, route: Route, { port, address }: Exit, match: string): void {
  const { family, row } = route;
  const full = family === '4' ? 32 : 128;
  const prefix = route.prefixLength === full ? route.network : `${route.network}/${route.prefixLength}`;
  const arriving = `inport == ${port.quoted} && ip${family}.${route.bySource ? 'dst' : 'src'} == ${prefix}`;
  emit(stages.lr_in_defrag, 100, arriving, `${REGBIT_KNOWN_ECMP_NH} = chk_ecmp_nh_mac(); ct_next;`, 10107, row);
  emit(stages.lr_in_defrag, 100, match, `${REGBIT_KNOWN_ECMP_NH} = chk_ecmp_nh(); ct_next;`, 10113, row);
  for (const [protocol, newLine, establishedLine] of commits) {
    const commit = `ct_commit { ct_label.ecmp_reply_eth = eth.src;  ct_mark.ecmp_reply_port = ${port.tunnelKey};}; commit_ecmp_nh(ipv6 = ${family === '6'}, proto = ${protocol}); next;`;
    const isNew = `${arriving} && (ct.new && !ct.est) && ${protocol}`;
    emit(stages.lr_in_ecmp_stateful, 100, isNew, commit, newLine, row);
    const isForgotten = `${arriving} && (!ct.rpl && ct.est) && ${protocol} && ${REGBIT_KNOWN_ECMP_NH} == 0`;
    emit(stages.lr_in_ecmp_stateful, 100, isForgotten, commit, establishedLine, row);
  }
  const isReply = `ct.rpl && ${REGBIT_KNOWN_ECMP_NH} == 1 && ct_mark.ecmp_reply_port == ${port.tunnelKey}`;
  const source = family === '4' ? REG_SRC_IPV4 : REG_SRC_IPV6;
  const actions = `ip.ttl--; flags.loopback = 1; eth.src = ${port.networks.mac}; ${source} = ${address}; outport = ${port.quoted}; next;`;
  emit(stages.lr_in_ip_routing, 10300, `${isReply} && ${match}`, actions, 10221, row);
  emit(stages.lr_in_policy, 65535, isReply, 'next;', 10226, row);
  // The label is read as a whole: some network cards cannot match or move a part of it.
  const toNeighbour = `push(${REG_ECMP_ETH_FULL}); ${REG_ECMP_ETH_FULL} = ct_label; eth.dst = ${REG_ECMP_ETH_FIELD}; pop(${REG_ECMP_ETH_FULL}); next;`;
  emit(stages.lr_in_arp_resolve, 200, isReply, toNeighbour, 10242, row);
}
