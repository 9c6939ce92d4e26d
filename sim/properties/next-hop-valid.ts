/** Every route leads to a next hop that can exist, and to the one that was meant. */
import { contains, firstAddress, formatIpv4, lastAddress, parseCidr, parseIpv4 } from '../../engine/address.ts';
import type { Northbound, NorthboundRow } from '../../engine/ovsdb/northbound.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import { gatewayRouterName, routerName } from '../../engine/vpc/names.ts';
import type { VpcPlan } from '../../engine/vpc/plan.ts';
import type { Prefix } from '../policy/policy.ts';
import type { NetworkPort } from '../symbolic/index.ts';
import { misled } from './beyond.ts';
import { gatewayBehind } from './open-view.ts';
import { type Check, holds, type Judgement, type Property, violated } from './property.ts';
import { settingsIn } from './told.ts';
import type { View } from './view.ts';

type Router = NorthboundRow<'Logical_Router'>;
type Route = NorthboundRow<'Logical_Router_Static_Route'>;

export const nextHopValid: Property = {
  id: 'next-hop-valid',
  severity: 'error',
  promise: 'every route leads to a next hop that can exist, and to the one that was meant',
  *checks(view) {
    const { northbound } = view;
    for (const router of northbound?.Logical_Router.values() ?? []) yield check(view, northbound as Northbound, router);
  },
};

function check(view: View, northbound: Northbound, router: Router): Check {
  const routes = router.static_routes.flatMap((uuid) => northbound.Logical_Router_Static_Route.get(uuid) ?? []);
  const detours = router.policies
    .flatMap((uuid) => northbound.Logical_Router_Policy.get(uuid) ?? [])
    .filter(({ action }) => action === 'reroute');
  const isTold = (settingsIn(view)?.beyond ?? []).length > 0;
  return {
    subject: router.name,
    source: [],
    ...(routes.length + detours.length === 0 &&
      !isTold && { vacuous: 'it has no static route, and no policy that reroutes' }),
    judge: () => {
      const judgement = judge(view, northbound, router, routes);
      return judgement.verdict === 'holds' ? judgeBesides(view, northbound, router, routes, detours) : judgement;
    },
  };
}

type Detour = NorthboundRow<'Logical_Router_Policy'>;

/** The next hops of policies, and what the user tells of neighbours. */
function judgeBesides(
  view: View,
  northbound: Northbound,
  router: Router,
  routes: readonly Route[],
  detours: readonly Detour[],
): Judgement {
  for (const detour of detours) {
    for (const nexthop of hopsOf(detour)) {
      const fault = unreachable(view, northbound, router, { nexthop, output_port: undefined });
      if (fault === undefined) continue;
      const { priority, match, origin } = detour;
      return violated({
        kind: 'written',
        sentence: `the policy ${priority} ${match} by ${nexthop} ${fault}`,
        rows: [`Logical_Router_Policy ${priority} ${match} of ${router.name}`],
        source: origin ? [origin] : [],
      });
    }
  }
  const ports = portsOf(northbound, router);
  const places = ports.flatMap(({ name }) => view.analysis.network.ports.get(name)?.peer?.datapath ?? []);
  const hasNeighbor = ({ value }: Prefix): boolean =>
    places.some((place) => place.ports.some((port) => view.hostOf.get(port)?.ip4.includes(value)));
  const wrong = misled({ ports, routes, hasNeighbor }, settingsIn(view)?.beyond ?? []);
  if (!wrong) return holds;
  const { fault, route } = wrong;
  return violated({
    kind: 'written',
    sentence: route ? `the route ${textOf(route)} ${fault}` : fault,
    rows: [
      route ? `Logical_Router_Static_Route ${route.ip_prefix} of ${router.name}` : `Logical_Router ${router.name}`,
    ],
    source: route?.origin ? [route.origin] : [],
  });
}

/** A policy's next hops: ovn-nb(5) has two columns for them. */
const hopsOf = ({ nexthop, nexthops }: Detour): readonly string[] =>
  nexthops.length > 0 ? nexthops : nexthop === undefined ? [] : [nexthop];

const portsOf = (northbound: Northbound, { ports }: Router): NorthboundRow<'Logical_Router_Port'>[] =>
  ports.flatMap((uuid) => northbound.Logical_Router_Port.get(uuid) ?? []);

function judge(view: View, northbound: Northbound, router: Router, routes: readonly Route[]): Judgement {
  for (const route of routes) {
    const fault =
      besides(view, router, route, routes) ??
      unreachable(view, northbound, router, route) ??
      elsewhere(view, router, route) ??
      unresolved(view, northbound, router, route);
    if (fault === undefined) continue;
    return violated({
      kind: 'written',
      sentence: `the route ${textOf(route)} ${fault}`,
      rows: [`Logical_Router_Static_Route ${route.ip_prefix} of ${router.name}`],
      source: route.origin ? [route.origin] : [],
    });
  }
  return holds;
}

const textOf = ({ ip_prefix: prefix, nexthop }: Route): string => `to ${prefix} by ${nexthop}`;

/** Another route of the same prefix: equal paths that nobody meant, or one that discards beside one that does not. */
function besides(view: View, { name }: Router, route: Route, routes: readonly Route[]): string | undefined {
  const same = routes.find(
    (other) =>
      other !== route &&
      other.ip_prefix === route.ip_prefix &&
      (other.policy ?? 'dst-ip') === (route.policy ?? 'dst-ip') &&
      other.route_table === route.route_table,
  );
  if (!same) return undefined;
  if ((same.nexthop === 'discard') !== (route.nexthop === 'discard')) {
    return `stands beside one ${textOf(same)}: only some packets are discarded`;
  }
  const isMeant =
    settingsIn(view)?.equalPaths.includes(name) ||
    [route, same].every(({ bfd, options }) => bfd !== undefined || options.ecmp_symmetric_reply === 'true');
  return isMeant ? undefined : `stands beside one ${textOf(same)}: packets take either of them`;
}

/** Of a route that manifests lead to: by VPCs' routers to the first node's gateway, by gateways outside, or back inside. */
function elsewhere(view: View, { name }: Router, route: Route): string | undefined {
  const plan = routersOf(view).get(name);
  if (!plan) return undefined;
  const { vpc, gateways, parameters, join } = plan;
  const isDefault = route.ip_prefix === '0.0.0.0/0';
  const outward = routerName(vpc) === name ? gateways[0].joinAddress : parameters.externalGateway;
  const meant = formatIpv4(isDefault ? outward : join.address);
  return route.nexthop === meant ? undefined : `should lead to ${meant}`;
}

const planned = new WeakMap<View, ReadonlyMap<string, VpcPlan>>();

/** The routers that manifests ask for, by name. */
function routersOf(view: View): ReadonlyMap<string, VpcPlan> {
  const known =
    planned.get(view) ??
    new Map(
      view.tenants.flatMap(({ plan }) => {
        if (!plan) return [];
        const { vpc, gateways } = plan;
        const names = [routerName(vpc), ...gateways.map(({ node }) => gatewayRouterName(vpc, node))];
        return names.map((name) => [name, plan] as const);
      }),
    );
  planned.set(view, known);
  return known;
}

const resolving = new WeakMap<Southbound, ReadonlyMap<string, ReadonlySet<string>>>();

/** The IPv4 addresses whose MAC addresses routers know from flows, by the UUIDs of their datapaths. */
function resolvedBy({ southbound }: View): ReadonlyMap<string, ReadonlySet<string>> {
  const known = resolving.get(southbound);
  if (known) return known;
  const found = new Map<string, Set<string>>();
  for (const { datapath, stage, match } of southbound.flows) {
    const address = stage === 'lr_in_arp_resolve' ? /\breg0 == ([\d.]+)$/.exec(match)?.[1] : undefined;
    if (address !== undefined) found.set(datapath, (found.get(datapath) ?? new Set()).add(address));
  }
  resolving.set(southbound, found);
  return found;
}

/** A next hop that is another router's port, of which the router has to ask the MAC address, though it is written down. */
function unresolved(view: View, northbound: Northbound, router: Router, { nexthop }: Route): string | undefined {
  if (router.options.dynamic_neigh_routers === 'true') return undefined;
  const ports = portsOf(northbound, router);
  const hop = parseIpv4(nexthop);
  const beside = ports.flatMap(({ name }) => {
    const place = view.analysis.network.ports.get(name)?.peer?.datapath;
    return place?.kind === 'switch' ? place.ports.flatMap(gatewayBehind) : [];
  });
  const isRouter = beside.some(({ routerPort, addresses }) => {
    const isOwn = ports.some(({ name }) => name === routerPort.name);
    return !isOwn && addresses.some(({ address: { family, value } }) => family === 4 && Number(value) === hop);
  });
  if (!isRouter) return undefined;
  const datapath = ports.flatMap(({ name }) => view.analysis.network.ports.get(name)?.datapath ?? [])[0];
  const isKnown =
    resolvedBy(view)
      .get(datapath?.uuid ?? '')
      ?.has(nexthop) ?? false;
  return isKnown ? undefined : 'has a next hop whose MAC address is written down, but the router asks for it';
}

/** Why the next hop cannot be; IPv4 only, of IPv6 nothing is said. */
function unreachable(
  view: View,
  northbound: Northbound,
  router: Router,
  route: Pick<Route, 'nexthop' | 'output_port'>,
): string | undefined {
  const hop = parseIpv4(route.nexthop);
  if (hop === undefined) return undefined;
  const ports = portsOf(northbound, router);
  const leaving = ports.filter(({ name }) => route.output_port === undefined || route.output_port === name);
  const connected = leaving.flatMap((port) =>
    port.networks.flatMap((text) => {
      const cidr = parseCidr(text);
      return cidr && contains(cidr, hop) ? [{ port, cidr }] : [];
    }),
  );
  const [first, second] = connected;
  if (!first) return route.output_port === undefined ? 'has a next hop in no network of the router' : undefined;
  if (second && second.port !== first.port) {
    return `has a next hop in the networks of two ports, ${first.port.name} and ${second.port.name}`;
  }
  const { cidr, port } = first;
  if (cidr.prefixLength < 31 && (hop === firstAddress(cidr) || hop === lastAddress(cidr))) {
    return 'has the address of a network, or its broadcast, for a next hop';
  }
  if (connected.some((one) => one.cidr.address === hop)) return 'leads to the router itself';
  const peer = view.analysis.network.ports.get(port.name)?.peer;
  if (!peer || isKnownTo(view, peer, BigInt(hop))) return undefined;
  return `has a next hop that nobody on ${peer.datapath.name} has`;
}

/** Whether somebody on a switch may have the address: any host of unknown address, and anybody outside, may. */
function isKnownTo(view: View, { datapath }: NetworkPort, address: bigint): boolean {
  if (datapath.kind === 'router') return true;
  return datapath.ports.some((port) => {
    if (port.edge === 'outside' || port.binding.mac.some((entry) => entry.startsWith('unknown'))) return true;
    if (port.edge === 'vif') return hasAddress(view, port, address);
    return gatewayBehind(port).some((gateway) =>
      gateway.addresses.some(({ address: own }) => own.family === 4 && own.value === address),
    );
  });
}

function hasAddress({ hostOf }: View, port: NetworkPort, address: bigint): boolean {
  const host = hostOf.get(port);
  return host === undefined || host.ip4.includes(address) || port.binding.options['virtual-ip'] !== undefined;
}
