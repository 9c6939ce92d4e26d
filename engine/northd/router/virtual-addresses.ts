/** The addresses of all load balancers of a router, as the stages ask for them. */
import type { Family } from '../addresses.ts';
import { hashOrder } from '../hash-order.ts';
import type { Ip, LoadBalancer } from '../load-balancer.ts';
import type { RouterDatapath } from '../topology.ts';
import { addressFacing } from './networks.ts';

export interface VirtualAddresses {
  /** Every address but templates' variables, by its text. */
  readonly all: ReadonlyMap<string, Ip>;
  /** Those for which the router answers ARP requests and neighbor solicitations, sorted. */
  readonly answered: Readonly<Record<Family, readonly string[]>>;
  /** Addresses that other routers may route to (options:add_route). */
  readonly routable: Readonly<Record<Family, readonly Ip[]>>;
}

/** Those of a router without load balancers. */
export const noVirtualAddresses: VirtualAddresses = {
  all: new Map(),
  answered: { '4': [], '6': [] },
  routable: { '4': [], '6': [] },
};

/** The virtual addresses of router `dp`, whose ports are known: of its groups of load balancers and of its own ones. */
export function virtualAddresses(
  dp: RouterDatapath,
  groups: readonly (readonly LoadBalancer[])[],
  own: readonly LoadBalancer[],
): VirtualAddresses {
  const all = new Map<string, Ip>();
  const answered: Record<Family, Set<string>> = { '4': new Set(), '6': new Set() };
  for (const { vips, answersFor } of [...groups.flat(), ...own]) {
    for (const { ip, address, family } of vips) {
      if (ip) all.set(address, ip);
      const isReachable = () => dp.ports.some((port) => addressFacing(port, address) !== undefined);
      if (answersFor === 'all' || (answersFor === 'reachable' && isReachable())) answered[family].add(address);
    }
  }
  const routable = (family: Family) => routableAddresses(family, groups, own);
  const ipOf = (address: string) => all.get(address) ?? [];
  return {
    all,
    answered: { '4': [...answered['4']].sort(), '6': [...answered['6']].sort() },
    routable: { '4': routable('4').flatMap(ipOf), '6': routable('6').flatMap(ipOf) },
  };
}

/** The addresses with options:add_route, as ovn-northd puts them together: the largest group's first. */
function routableAddresses(
  family: Family,
  groups: readonly (readonly LoadBalancer[])[],
  own: readonly LoadBalancer[],
): string[] {
  const routableOf = ({ isRoutable, vips }: LoadBalancer): string[] => {
    const routed = vips.filter(({ ip }) => isRoutable && ip?.family === family);
    return hashOrder(routed.map(({ address }) => address));
  };
  const largest = Math.max(0, ...groups.map((group) => group.length));
  const start = groups.findIndex((group) => group.length === largest);
  const [first = [], ...others] = [...groups.slice(start), ...groups.slice(0, Math.max(0, start))];
  const copied = hashOrder(first.flatMap(routableOf));
  return hashOrder([...copied, ...[...others.flat(), ...own].flatMap(routableOf)], copied.length);
}

/** The name of the Address_Set of the addresses that router `dp` answers for. */
export function answeredSetName(dp: RouterDatapath, family: Family): string {
  return `_rtr_lb_${dp.tunnelKey}_ip${family}`;
}

/** The same as a value of the match language. */
export function answeredSet(dp: RouterDatapath, family: Family): string {
  return `$${answeredSetName(dp, family)}`;
}

/** The Address_Set rows of router `dp`: those that are not empty, by name. */
export function answeredSets(dp: RouterDatapath): [string, string[]][] {
  const families = (['4', '6'] as const).filter((family) => dp.virtualAddresses.answered[family].length > 0);
  return families.map((family) => [answeredSetName(dp, family), [...dp.virtualAddresses.answered[family]]]);
}
