/** What a policy tells built-in properties, as ports and networks: `builtin.ID` (docs/properties). */
import type { Position } from '../../engine/origin.ts';
import type { Inventory } from '../policy/inventory.ts';
import { inventoryIn } from '../policy/inventory.ts';
import type { Selector, Settings, Worded } from '../policy/policy.ts';
import { type Condition, extentOf, isMember, unknownNames } from '../policy/select.ts';
import type { NetworkPort } from '../symbolic/index.ts';
import type { Tenant, TenantNetwork, View } from './view.ts';

/** Hosts that are spoken of together. */
export interface Party {
  readonly name: string;
  readonly ports: readonly NetworkPort[];
  readonly source: readonly Position[];
  /** Set where nobody is in it: why. */
  readonly empty?: string;
}

const inventories = new WeakMap<View, Inventory>();

/** Everything that a policy can speak of in the view, worked out once. */
export function inventoryFor(view: View): Inventory {
  const known = inventories.get(view) ?? inventoryIn(view);
  inventories.set(view, known);
  return known;
}

/** What the policy tells; undefined without one. */
export const settingsIn = ({ policy }: View): Settings | undefined => policy?.builtIn.settings;

/** The edge ports that a selector means: with an address in its ranges, or of unknown address. */
export function portsMeant(view: View, selector: Worded<Selector>): NetworkPort[] {
  const { policy } = view;
  if (!policy) return [];
  const { groups } = extentOf(selector, policy, inventoryFor(view));
  return groups.flatMap(({ condition, edges }) =>
    edges.filter((edge) => isMember(edge, condition) !== false).map(({ port }) => port),
  );
}

/** What selectors of addresses say of them. */
export function conditionsOf(view: View, selectors: readonly Worded<Selector>[]): Condition[] {
  const { policy } = view;
  if (!policy) return [];
  return selectors.flatMap((selector) =>
    extentOf(selector, policy, inventoryFor(view)).groups.map(({ condition }) => condition),
  );
}

/** The hosts that a selector means. */
export function partyMeant(view: View, selector: Worded<Selector>): Party {
  const { policy } = view;
  const { text, value, at } = selector;
  const ports = portsMeant(view, selector).filter(({ edge }) => edge === 'vif');
  const party = { name: text, ports, source: [at] };
  if (ports.length > 0 || !policy) return party;
  const [unknown] = unknownNames(value, policy, inventoryFor(view));
  return { ...party, empty: unknown ?? `no host's port is in ${text}` };
}

/** The networks that have a host's port in any of the selectors. */
export function networksMeant(view: View, selectors: readonly Worded<Selector>[]): Set<TenantNetwork> {
  const ports = selectors.flatMap((selector) => portsMeant(view, selector));
  return new Set(ports.flatMap((port) => view.hostOf.get(port)?.network ?? []));
}

/** All hosts of a tenant: those that manifests ask for, on whichever switch they are. */
export function partyOfTenant(view: View, tenant: Tenant): Party {
  const { name, networks, source } = tenant;
  const ports = [...new Set(networks.flatMap((network) => portsOfNetwork(view, network)))];
  return { name, ports, source, ...(ports.length === 0 && { empty: `${name} has no interface` }) };
}

/** All hosts of a network: those that manifests ask for, on whichever switch they are. */
export function partyOfNetwork(view: View, network: TenantNetwork): Party {
  const { name, source } = network;
  const ports = portsOfNetwork(view, network);
  return { name, ports, source, ...(ports.length === 0 && { empty: `${name} has no interface` }) };
}

/** With manifests a switch's other ports are not the network's, if another network has them. */
function portsOfNetwork(view: View, { plan, hosts }: TenantNetwork): NetworkPort[] {
  const own = hosts.map(({ port }) => port);
  if (!plan) return own;
  const planned = plan.ports.flatMap(({ name }) => view.analysis.network.ports.get(name) ?? []);
  const known = new Set(planned);
  const others = own.filter((port) => !known.has(port));
  if (others.length === 0) return planned;
  const strays = new Set(strangers(view, plan));
  return [...planned, ...others.filter(({ name }) => !strays.has(name))];
}

/** Names of the ports of all other planned networks. */
const strangers = ({ tenants }: View, own: TenantNetwork['plan']): string[] =>
  tenants.flatMap(({ plan }) =>
    (plan?.networks ?? []).flatMap((network) => (network === own ? [] : network.ports.map(({ name }) => name))),
  );
