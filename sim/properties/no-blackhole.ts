/** What a network was promised to reach is not dropped by omission: for want of a route, a port, or an address. */
import type { LogicalFlow } from '../../engine/ovsdb/southbound.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { allOf, matchSet } from '../policy/packets.ts';
import { inportIn, type Looks, packetsIn, type TrafficClass } from '../symbolic/index.ts';
import {
  type Family,
  families,
  neighborMacs,
  orderly,
  outsideAddresses,
  sentBy,
  toGateway,
  toHosts,
  toNeighbors,
} from './honest.ts';
import { networksOf } from './outside.ts';
import { type Check, holds, type Judgement, type Property, unknown, violated } from './property.ts';
import { portsMeant, settingsIn } from './told.ts';
import { doubt, type Gateway, type Host, type TenantNetwork, type View } from './view.ts';

export const noBlackhole: Property = {
  id: 'no-blackhole',
  severity: 'error',
  promise: 'what a network was promised to reach is not dropped by omission',
  *checks(view) {
    for (const network of networksOf(view)) yield checkOf(view, network);
  },
};

function checkOf(view: View, network: TenantNetwork): Check {
  const { name: subject, source, hosts } = network;
  const known = hosts.some(({ mac, ip4, ip6 }) => mac !== undefined && ip4.length + ip6.length > 0);
  const vacuous =
    hosts.length === 0
      ? 'the network has no interface'
      : known
        ? undefined
        : 'no address of a host of the network is known';
  return { subject, source, ...(vacuous !== undefined && { vacuous }), judge: () => judge(view, network) };
}

function judge(view: View, network: TenantNetwork): Judgement {
  const { space, possible } = view.analysis;
  const all = space.orAll(families.map((family) => promised(view, network, family)));
  const packets = allOf(space, [space.diff(all, excepted(view)), orderly(view.analysis), possible]);
  const reason = doubt(view, packets, 'new');
  if (packets === space.empty) return reason === undefined ? holds : unknown(reason);
  const { classes, bundles } = view.analysis;
  const kept = [
    ...bundles.filter(isNew).map((one) => (one.meets(packets) ? space.and(one.packets, packets) : space.empty)),
    ...classes
      .filter((one) => isNew(one) && one.end.kind !== 'port' && !isOmission(one))
      .map((one) => packetsIn(space, one, packets)),
  ];
  // Lost is what is lost whatever MAC addresses neighbours have; who they are, next-hop-valid asks.
  const unspared = space.diff(packets, space.forget(space.orAll(kept), neighborMacs));
  for (const one of unspared === space.empty ? [] : classes) {
    if (!isNew(one) || !isOmission(one)) continue;
    const lost = packetsIn(space, one, unspared);
    if (lost === space.empty) continue;
    const sentence = `a packet of a host of ${network.name} is lost: ${whyLost(one)}`;
    if (one.exact) return violated({ kind: 'goes', class: one, packets: lost, sentence });
    return unknown(`${sentence}, as far as it was modelled, which is not exact`);
  }
  return reason === undefined ? holds : unknown(reason);
}

const isNew = ({ connection }: Looks): boolean => connection === 'new';

/** What the hosts of a network send to whom they were promised to reach. */
function promised(view: View, network: TenantNetwork, family: Family): PacketSet {
  const { space } = view.analysis;
  const byRouters = network.gateways.map((gateway) => {
    const beyond = toHosts(space, joinedWith(view, network, gateway), family);
    return space.and(toGateway(space, gateway), space.or(beyond, routedOutside(view, network, gateway, family)));
  });
  const near = toNeighbors(space, network.hosts, family);
  return space.and(sentBy(space, network.hosts, family), space.orAll([near, ...byRouters]));
}

/** The hosts of the other networks of a router; with manifests, those of the VPC where its networks reach each other. */
function joinedWith(view: View, network: TenantNetwork, { routerPort }: Gateway): Host[] {
  const { plan } = network.tenant;
  if (plan && !plan.vpc.interNetworkAccess) return [];
  const others = networksOf(view).filter(
    (other) => other !== network && other.gateways.some((one) => one.routerPort.datapath === routerPort.datapath),
  );
  return others.flatMap(({ hosts }) => hosts);
}

/** The packets to addresses outside for which a router has a route, or a policy that sends them on. */
function routedOutside(view: View, network: TenantNetwork, { routerPort }: Gateway, family: Family): PacketSet {
  const { analysis, southbound } = view;
  const { space } = analysis;
  if (network.plan && !network.plan.network.externallyRouted) return space.empty;
  const flows = southbound.flows.filter(
    (flow) => flow.datapath === routerPort.datapath.uuid && !/^drop;/.test(flow.actions),
  );
  const texts = flows.flatMap((flow) => routeOf(flow, family) ?? rerouteOf(flow, routerPort.name) ?? []);
  const routed = space.orAll([...new Set(texts)].map((text) => matchSet(space, text)));
  return allOf(space, [routed, outsideAddresses(analysis, 'dst'), matchSet(space, `ip${family}`)]);
}

/** The destinations of a route. */
function routeOf({ stage, match, priority }: LogicalFlow, family: Family): string | undefined {
  if (stage !== 'lr_in_ip_routing' || priority === 0) return undefined;
  return new RegExp(`ip${family}\\.(?:dst|src) == [0-9a-f.:]+/\\d+`).exec(match)?.[0];
}

/** What a policy sends to a next hop, if that can be said of packets as they are sent. */
function rerouteOf({ stage, match, actions }: LogicalFlow, port: string): string | undefined {
  if (stage !== 'lr_in_policy' || !/outport = |select\(/.test(actions)) return undefined;
  const text = match.replaceAll(`inport == ${JSON.stringify(port)}`, '1');
  return /port|[@$]|\bct|reg\d|flags/.test(text) ? undefined : text;
}

/** Stages in which nothing is dropped on purpose. */
const omissions: readonly {
  readonly stage: RegExp;
  readonly isMeant: (flow: LogicalFlow) => boolean;
  readonly why: string;
}[] = [
  { stage: /^lr_in_ip_routing$/, isMeant: ({ priority }) => priority === 0, why: 'there is no route for it' },
  { stage: /^ls_in_l2_unknown$/, isMeant: () => true, why: 'nobody has the MAC address that it is sent to' },
  {
    stage: /^ls_out_(apply_port_sec|check_port_sec)$/,
    isMeant: () => true,
    why: 'port security of its destination drops it',
  },
  {
    stage: /^lr_in_(arp_resolve|ip_routing_ecmp|policy_ecmp)$/,
    isMeant: () => true,
    why: 'its next hop is not resolved',
  },
];

/** Why a flow drops what nobody wanted dropped; undefined where somebody did. */
const omissionOf = (flow: LogicalFlow): string | undefined =>
  omissions.find(({ stage, isMeant }) => stage.test(flow.stage) && isMeant(flow))?.why;

function isOmission({ end }: TrafficClass): boolean {
  if (end.kind !== 'drop') return false;
  if (end.why === 'flow') return end.flow !== undefined && omissionOf(end.flow) !== undefined;
  return end.why === 'no match' || end.why === 'no port' || end.why === 'inport';
}

function whyLost({ end }: TrafficClass): string {
  if (end.kind !== 'drop') return 'it does not arrive';
  const known = end.flow && omissionOf(end.flow);
  if (known !== undefined) return known;
  switch (end.why) {
    case 'no match':
      return `no flow of ${end.datapath.name} matches it in table ${end.table} of the ${end.pipeline} pipeline`;
    case 'no port':
      return `${end.datapath.name} sends it to no port`;
    default:
      return `${end.datapath.name} would send it back where it came from`;
  }
}

/** What a policy does not expect to arrive. */
function excepted(view: View): PacketSet {
  const { space } = view.analysis;
  const pairs = settingsIn(view)?.lost ?? [];
  return space.orAll(
    pairs.map(({ from, to }) => {
      const hosts = portsMeant(view, to).flatMap((port) => view.hostOf.get(port) ?? []);
      const destinations = space.orAll(families.map((family) => toHosts(space, hosts, family)));
      return space.and(inportIn(space, portsMeant(view, from)), destinations);
    }),
  );
}
