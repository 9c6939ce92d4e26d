/** Whether routes lead to the neighbours of which a policy says that they know the way: `builtin.next-hop-valid.beyond`. */
import type { NorthboundRow } from '../../engine/ovsdb/northbound.ts';
import type { Beyond, Prefix } from '../policy/policy.ts';
import { contains, formatPrefix, parsePrefix } from '../policy/prefix.ts';

type Route = NorthboundRow<'Logical_Router_Static_Route'>;

/** A router as rows have it. */
export interface Hopping {
  readonly ports: readonly NorthboundRow<'Logical_Router_Port'>[];
  readonly routes: readonly Route[];
  /** Whether somebody on a switch of the router has an address, in whatever network. */
  hasNeighbor(hop: Prefix): boolean;
}

/** What is wrong with the way to somewhere, and the route to blame if there is one. */
export interface Misled {
  readonly fault: string;
  readonly route?: Route;
}

/**
 * The first route that leads elsewhere than a policy says, or network that none leads to.  Spoken of are routers that have such a
 * neighbour in one of their networks, or on a switch of theirs, and routes by the destination for all packets.
 */
export function misled({ ports, routes, hasNeighbor }: Hopping, beyond: readonly Beyond[]): Misled | undefined {
  const connected = ports.flatMap(({ networks }) => networks.flatMap((text) => parsePrefix(text) ?? []));
  const isBeside = (hop: Prefix): boolean => connected.some((own) => contains(own, hop)) || hasNeighbor(hop);
  const told = beyond.flatMap(({ networks, by }) => {
    const hops = by.filter(isBeside);
    return hops.length === 0 ? [] : networks.map((network) => ({ network, hops }));
  });
  const ways = routes.flatMap((route) => {
    const prefix = isForAll(route) ? parsePrefix(route.ip_prefix) : undefined;
    return prefix ? [{ route, prefix }] : [];
  });
  for (const { network, hops } of told) {
    if (connected.some((own) => contains(own, network))) continue;
    const taken = longest(ways, ({ prefix }) => (contains(prefix, network) ? prefix : undefined));
    const wanted = `${formatPrefix(network)} is behind ${hops.map(formatPrefix).join(', ')}`;
    if (taken.length === 0) return { fault: `${wanted}, and no route leads there` };
    const wrong = taken.find(({ route }) => !isOne(hops, route.nexthop));
    if (wrong) return { fault: `leads elsewhere than the policy says: ${wanted}`, route: wrong.route };
  }
  for (const { route, prefix } of ways) {
    const [own] = longest(told, ({ network }) => (contains(network, prefix) ? network : undefined));
    if (!own || !isTold(told, route.nexthop) || isOne(own.hops, route.nexthop)) continue;
    const wanted = `${formatPrefix(own.network)} is behind ${own.hops.map(formatPrefix).join(', ')}`;
    return { fault: `leads elsewhere than the policy says: ${wanted}`, route };
  }
  return undefined;
}

const isForAll = ({ policy, route_table: table }: Route): boolean => (policy ?? 'dst-ip') === 'dst-ip' && table === '';

const isOne = (hops: readonly Prefix[], text: string): boolean => {
  const hop = parsePrefix(text);
  return hop !== undefined && hops.some((one) => contains(one, hop));
};

const isTold = (told: readonly { hops: readonly Prefix[] }[], hop: string): boolean =>
  told.some(({ hops }) => isOne(hops, hop));

/** Of those that have a prefix, all with the longest. */
function longest<One>(all: readonly One[], of: (one: One) => Prefix | undefined): One[] {
  const some = all.flatMap((one) => {
    const prefix = of(one);
    return prefix ? [{ one, length: prefix.length }] : [];
  });
  const most = Math.max(...some.map(({ length }) => length));
  return some.filter(({ length }) => length === most).map(({ one }) => one);
}
