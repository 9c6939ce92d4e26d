/** Where a network meets the world outside. */
import type { NetworkPort } from '../symbolic/index.ts';
import type { Tenant, TenantNetwork, View } from './view.ts';

const byComponent = new WeakMap<View, Map<number, NetworkPort[]>>();

/** The ports outside of a component. */
export function outsideOf(view: View, component: number): readonly NetworkPort[] {
  let known = byComponent.get(view);
  if (!known) {
    known = new Map();
    for (const port of view.wires.flatMap(({ ports }) => ports)) {
      const list = known.get(port.datapath.component) ?? [];
      known.set(port.datapath.component, list);
      list.push(port);
    }
    byComponent.set(view, known);
  }
  return known.get(component) ?? [];
}

/** The ports outside that a network is joined with. */
export const outsideOfNetwork = (view: View, { datapath }: TenantNetwork): readonly NetworkPort[] =>
  outsideOf(view, datapath.component);

/** The ports outside that a tenant is joined with. */
export function outsideOfTenant(view: View, { datapaths }: Tenant): NetworkPort[] {
  const components = [...new Set(datapaths.map(({ component }) => component))];
  return components.flatMap((component) => outsideOf(view, component));
}

/** All networks, the tenants' one after the other. */
export const networksOf = ({ tenants }: View): TenantNetwork[] => tenants.flatMap(({ networks }) => networks);
