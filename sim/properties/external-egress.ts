/** Externally routed networks reach the outside by their own gateway, and the answers come back. */
import { localnetPort } from '../../engine/vpc/names.ts';
import type { Condition } from '../policy/select.ts';
import type { NetworkPort } from '../symbolic/index.ts';
import { judgeLeaving } from './leaving.ts';
import { networksOf, outsideOfNetwork } from './outside.ts';
import { type Check, holds, type Judgement, type Property } from './property.ts';
import { judgeReaching } from './reaching.ts';
import { conditionsOf, networksMeant, settingsIn } from './told.ts';
import type { TenantNetwork, View } from './view.ts';

export const externalEgress: Property = {
  id: 'external-egress',
  severity: 'error',
  promise: 'externally routed networks reach the outside by their own gateway, and the answers come back',
  *checks(view) {
    const inside = networksMeant(view, settingsIn(view)?.internal ?? []);
    for (const network of networksOf(view)) yield check(view, network, inside.has(network));
  },
};

function check(view: View, network: TenantNetwork, isInside: boolean): Check {
  const vacuous = isInside ? 'a policy keeps it inside' : vacuity(view, network);
  return {
    subject: network.name,
    source: network.source,
    ...(vacuous !== undefined && { vacuous }),
    judge: () => judge(view, network),
  };
}

function vacuity(view: View, network: TenantNetwork): string | undefined {
  if (network.hosts.length === 0) return 'it has no interface';
  if (network.plan) return network.plan.network.externallyRouted ? undefined : 'it is not externally routed';
  return waysOut(view, network).length === 0 ? 'no router of it has a way outside' : undefined;
}

/** Hosts with the ports by which they leave: those of their own node, or any. */
function judge(view: View, network: TenantNetwork): Judgement {
  for (const { name, ports, out } of groupsOf(view, network)) {
    const judgement = judgeReaching(
      view,
      { name, ports },
      { name: 'the outside', ports: out, condition: worldFor(view) },
    );
    if (judgement.verdict !== 'holds') return judgement;
  }
  return network.tenant.plan ? judgeLeaving(view, network, network.tenant.plan) : holds;
}

interface Group {
  readonly name: string;
  readonly ports: readonly NetworkPort[];
  readonly out: readonly NetworkPort[];
}

function groupsOf(view: View, network: TenantNetwork): Group[] {
  const ports = network.hosts.map(({ port }) => port);
  const { plan } = network.tenant;
  if (!plan) return [{ name: network.name, ports, out: waysOut(view, network) }];
  return plan.gateways.flatMap(({ node }): Group[] => {
    const here = network.hosts.filter((host) => host.node === node.name).map(({ port }) => port);
    const out = view.analysis.network.ports.get(localnetPort(plan.vpc, node));
    return here.length === 0 ? [] : [{ name: `${network.name} on ${node.name}`, ports: here, out: out ? [out] : [] }];
  });
}

/** The ports outside that the default routes of routers in the network's component lead to, by whatever router. */
function waysOut(view: View, network: TenantNetwork): readonly NetworkPort[] {
  const outside = outsideOfNetwork(view, network).filter(({ datapath }) => datapath !== network.datapath);
  return hasDefaultRoute(view, network) ? outside : [];
}

/** Whether a router beside the network sends what it has no other route for somewhere, or reroutes. */
function hasDefaultRoute({ northbound, southbound }: View, network: TenantNetwork): boolean {
  const routers = network.gateways.map(({ routerPort }) => routerPort.datapath);
  if (!northbound) {
    return southbound.flows.some(
      ({ datapath, stage, match }) =>
        stage === 'lr_in_ip_routing' &&
        /\bip4\.dst == 0\.0\.0\.0\/0/.test(match) &&
        routers.some(({ uuid }) => uuid === datapath),
    );
  }
  const rows = [...northbound.Logical_Router.values()].filter(({ name }) => routers.some((one) => one.name === name));
  return rows.some(
    (row) =>
      row.static_routes.some((uuid) => northbound.Logical_Router_Static_Route.get(uuid)?.ip_prefix === '0.0.0.0/0') ||
      row.policies.some((uuid) => northbound.Logical_Router_Policy.get(uuid)?.action === 'reroute'),
  );
}

/** All addresses outside, or those that a policy names; without those that run the network. */
function worldFor(view: View): Exclude<Condition, false> {
  const { outside, infrastructure = [] } = settingsIn(view) ?? {};
  const named = outside ? conditionsOf(view, [outside]) : [];
  const terms: Condition[] = [
    ...(outside ? [anyOf(named)] : []),
    ...conditionsOf(view, infrastructure).map((term): Condition => ({ kind: 'not', term })),
  ];
  return terms.length === 0 ? true : { kind: 'and', terms };
}

const anyOf = (terms: readonly Condition[]): Condition => ({ kind: 'or', terms });
