/** Nothing that one tenant sends arrives at a port of another, on any path: inside, or over a wire outside. */
import type { PacketSet } from '../../engine/sets/index.ts';
import { at, headerRewrites, inportIn, type NetworkPort, type TrafficClass } from '../symbolic/index.ts';
import { type Check, holds, type Judgement, type Property, unknown, violated } from './property.ts';
import { arriving, doubt, from, portsOf, type Tenant, type View } from './view.ts';

export const tenantIsolation: Property = {
  id: 'tenant-isolation',
  severity: 'error',
  promise: 'nothing that one tenant sends arrives in another, whatever the path',
  *checks(view) {
    if (view.tenants.length < 2) return;
    for (const tenant of view.tenants) yield check(view, tenant);
  },
};

function check(view: View, tenant: Tenant): Check {
  const ports = portsOf(tenant.networks);
  const others = view.tenants.filter((one) => one !== tenant).flatMap((one) => portsOf(one.networks));
  return {
    subject: `${tenant.name} → others`,
    source: tenant.source,
    ...(ports.length === 0 && { vacuous: `${tenant.name} has no port` }),
    ...(others.length === 0 && { vacuous: 'no other tenant has a port' }),
    judge: () => judge(view, tenant, ports, others),
  };
}

function judge(view: View, tenant: Tenant, ports: readonly NetworkPort[], others: readonly NetworkPort[]): Judgement {
  const sent = from(view, ports);
  const inside = arriving(view, sent, others);
  if (inside) return violated({ kind: 'goes', ...inside, sentence: sentence(view, tenant, inside.class) });
  const crossing = overWires(view, tenant, sent);
  if (crossing) return crossing;
  const reason = doubt(view, sent);
  return reason === undefined ? holds : unknown(reason);
}

/** What leaves by an outside port may come in by any other one of the same wire, looking as it left. */
function overWires(view: View, tenant: Tenant, sent: PacketSet): Judgement | undefined {
  const { analysis, wires } = view;
  const { space } = analysis;
  for (const { ports } of wires) {
    const own = ports.filter((port) => view.tenantOf.get(port.datapath) === tenant);
    const foreign = ports.filter((port) => view.tenantOf.get(port.datapath) !== tenant);
    if (own.length === 0 || foreign.length === 0) continue;
    const admitted = admittedBy(view, foreign, tenant);
    if (admitted === space.empty) continue;
    for (const one of own.flatMap((port) => view.arrivals.get(port) ?? [])) {
      const packets = space.and(one.packets, sent);
      if (packets === space.empty) continue;
      const seen = space.forget(space.image(packets, headerRewrites(one.store)), [at.inport]);
      if (!space.intersects(seen, admitted)) continue;
      const found = crossing(view, one, packets, foreign, tenant);
      if (found) return found;
    }
  }
  return undefined;
}

/** The packets from outside, by whichever of the ports, that arrive at somebody else's host. */
function admittedBy(view: View, ports: readonly NetworkPort[], tenant: Tenant): PacketSet {
  const { space } = view.analysis;
  const entering = inportIn(space, ports);
  const theirs = view.tenants.filter((one) => one !== tenant).flatMap((one) => portsOf(one.networks));
  const arrived = theirs.flatMap((port) => view.arrivals.get(port) ?? []).map(({ packets }) => packets);
  return space.forget(space.and(space.orAll(arrived), entering), [at.inport]);
}

/** Follows what left by one port in by the others. */
function crossing(
  view: View,
  one: TrafficClass,
  packets: PacketSet,
  ports: readonly NetworkPort[],
  tenant: Tenant,
): Judgement | undefined {
  for (const port of ports) {
    for (const then of view.analysis.reenter(packets, one.store, port)) {
      const arrived = then.end.kind === 'port' ? view.hostOf.get(then.end.port) : undefined;
      if (!arrived || arrived.network.tenant === tenant) continue;
      const said = `${sentence(view, tenant, then)}, over the wire outside`;
      return violated({ kind: 'crosses', class: one, packets: then.packets, port, then, sentence: said });
    }
  }
  return undefined;
}

function sentence(view: View, tenant: Tenant, { end }: TrafficClass): string {
  const host = end.kind === 'port' ? view.hostOf.get(end.port) : undefined;
  const where = host ? `${host.port.name}, of ${host.network.tenant.name}` : 'another tenant';
  return `a packet of ${tenant.name} arrives at ${where}`;
}
