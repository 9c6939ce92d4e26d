/**
 * A network in parts that can be verified one by one, each with a database of its
 * own: plain data, which is all that the findings of the part depend on.
 *
 * A part is a component (datapaths that patch ports join), or several where
 * manifests say that they are one tenant's.  What a packet does inside a part, no
 * row of another part has a say in; what is to be known of the others all the same
 * (the addresses of routers, the gateways of tenants) is `Elsewhere`, the same for all.
 */
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import type { DatapathBinding, PortBinding, Southbound } from '../../engine/ovsdb/southbound.ts';
import type { Resource } from '../../engine/spec/resources.ts';
import { routerName } from '../../engine/vpc/names.ts';
import type { VpcPlan } from '../../engine/vpc/plan.ts';
import type { Tenant } from '../properties/view.ts';
import type { Network, NetworkDatapath } from '../symbolic/index.ts';
import { northboundsOf } from './northbound.ts';
import { southboundsOf } from './southbound.ts';

/** What is verified. */
export interface Subject {
  readonly southbound: Southbound;
  /** Of manifests; none for a database. */
  readonly plans?: readonly VpcPlan[];
  /** Where the southbound database was computed from it. */
  readonly northbound?: Northbound;
}

/** A part of a network. */
export interface Part {
  /** Of its first datapath. */
  readonly name: string;
  readonly southbound: Southbound;
  readonly northbound?: Northbound;
  /** Of its own tenants. */
  readonly plans: readonly VpcPlan[];
}

/** What parts have to know of each other. */
export interface Elsewhere {
  /** Of all tenants, without their networks. */
  readonly plans: readonly VpcPlan[];
  /** The addresses of all routers' ports: `MAC IP/LENGTH...`, each once. */
  readonly routers: readonly string[];
}

export interface Partition {
  readonly parts: readonly Part[];
  readonly elsewhere: Elsewhere;
}

/** Takes a network apart; `tenants` are those of its view. */
export function partitionOf(
  { southbound, northbound, plans = [] }: Subject,
  network: Network,
  tenants: readonly Tenant[],
): Partition {
  const groups = groupsOf(network, tenants);
  const homeOf = new Map(groups.flatMap((group, part) => group.map((datapath) => [datapath.uuid, part] as const)));
  const homes = {
    count: groups.length,
    ofDatapath: (uuid: string) => homeOf.get(uuid),
    ofPort: (name: string) => homeOf.get(network.ports.get(name)?.datapath.uuid ?? ''),
  };
  const southbounds = southboundsOf(southbound, homes);
  const northbounds =
    northbound &&
    northboundsOf(
      northbound,
      southbounds.map(({ datapaths }) => datapaths.map(({ northboundUuid }) => northboundUuid)),
    );
  const own = plansOf(groups.length, tenants, homes.ofDatapath);
  return {
    parts: groups.map(([first], part) => ({
      name: first?.name ?? '',
      southbound: southbounds[part] as Southbound,
      ...(northbounds && { northbound: northbounds[part] as Northbound }),
      plans: own[part] ?? [],
    })),
    elsewhere: {
      plans: plans.map(withoutNetworks),
      routers: [...new Set([...network.datapaths.values()].flatMap(routerAddresses))],
    },
  };
}

/** Components, those of one tenant together, in the order of their first ones. */
function groupsOf({ components, ports }: Network, tenants: readonly Tenant[]): NetworkDatapath[][] {
  const leader = components.map((_, index) => index);
  const find = (index: number): number => {
    let at = index;
    while (leader[at] !== at) at = leader[at] ?? at;
    return at;
  };
  for (const { datapaths, plan } of tenants) {
    const names = (plan?.networks ?? []).flatMap((network) => network.ports.map(({ name }) => name));
    const all = [...datapaths, ...names.flatMap((name) => ports.get(name)?.datapath ?? [])];
    for (const { component } of all) {
      const [a, b] = [find(all[0]?.component ?? component), find(component)];
      leader[Math.max(a, b)] = Math.min(a, b);
    }
  }
  const groups = new Map<number, NetworkDatapath[]>();
  for (const [index, component] of components.entries()) {
    const known = groups.get(find(index));
    if (known) known.push(...component);
    else groups.set(find(index), [...component]);
  }
  return [...groups.values()];
}

/** Plans by part; the first one has those of which nothing was made. */
function plansOf(count: number, tenants: readonly Tenant[], homeOf: (uuid: string) => number | undefined): VpcPlan[][] {
  const lists = Array.from({ length: count }, (): VpcPlan[] => []);
  for (const { plan, datapaths } of tenants) {
    if (plan) lists[homeOf(datapaths[0]?.uuid ?? '') ?? 0]?.push(plan);
  }
  return lists;
}

/** Nobody asks for the places of what is another part's, nor for its manifest: they change with every line above them. */
const nowhere = { file: '', line: 0, column: 0 };

function toOthers<T extends Resource>({ manifest: _, ...resource }: T): Omit<T, 'manifest'> {
  return { ...resource, origin: { ...resource.origin, ...nowhere } };
}

/** What others know of a plan. */
export const withoutNetworks = (plan: VpcPlan): VpcPlan => ({
  ...plan,
  vpc: toOthers(plan.vpc),
  networks: [],
  gateways: plan.gateways.map((gateway) => ({ ...gateway, node: toOthers(gateway.node) })),
});

const isAddress = (text: string): boolean => /^[0-9a-f]{2}(:[0-9a-f]{2}){5} /i.test(text);

/** The addresses of a router's ports, as `Elsewhere` has them. */
export const routerAddresses = ({ kind, ports }: NetworkDatapath): string[] =>
  kind === 'router' ? ports.flatMap(({ binding }) => binding.mac.filter(isAddress)) : [];

/** A part with all that it has to know of the others: a network by itself. */
export interface PartSubject extends Subject {
  readonly plans: readonly VpcPlan[];
  /** UUIDs of the datapaths that stand for the others. */
  readonly strangers: ReadonlySet<string>;
}

const strangers = { switch: 'elsewhere-switch', router: 'elsewhere-router' } as const;

/**
 * The network that a part is verified in.  A switch and a router without flows and hosts stand for all others: their
 * ports have the addresses of the others' routers.
 */
export function subjectOf({ southbound, northbound, plans }: Part, elsewhere: Elsewhere): PartSubject {
  const routers = new Set(southbound.datapaths.flatMap(({ uuid, kind }) => (kind === 'router' ? [uuid] : [])));
  const own = new Set(southbound.ports.flatMap(({ datapath, mac }) => (routers.has(datapath) ? mac : [])));
  const others = elsewhere.routers.filter((text) => !own.has(text));
  const mine = new Map(plans.map((plan) => [routerName(plan.vpc), plan]));
  return {
    southbound: {
      ...southbound,
      datapaths: [...southbound.datapaths, ...(['switch', 'router'] as const).map(standIn)],
      ports: [...southbound.ports, ...others.flatMap(standInPorts)],
    },
    ...(northbound && { northbound }),
    plans: elsewhere.plans.map((plan) => mine.get(routerName(plan.vpc)) ?? plan),
    strangers: new Set(Object.values(strangers)),
  };
}

const standIn = (kind: 'switch' | 'router'): DatapathBinding => ({
  uuid: strangers[kind],
  name: 'elsewhere',
  kind,
  tunnelKey: 0,
  northboundUuid: '',
  externalIds: {},
});

function standInPorts(text: string): PortBinding[] {
  const port = (kind: 'switch' | 'router', peer: 'switch' | 'router'): PortBinding => ({
    uuid: `${strangers[kind]} ${text}`,
    logicalPort: `${strangers[kind]} ${text}`,
    datapath: strangers[kind],
    tunnelKey: 0,
    type: 'patch',
    mac: kind === 'router' ? [text] : [],
    portSecurity: [],
    options: { peer: `${strangers[peer]} ${text}` },
    externalIds: {},
  });
  return [port('switch', 'router'), port('router', 'switch')];
}
