/** Both directions of a connection pass the same gateway, whatever member of a group is taken for a packet. */
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { allOf } from '../policy/packets.ts';
import {
  at,
  type Bundle,
  inportIn,
  type Looks,
  type NetworkDatapath,
  type NetworkPort,
  packetFields,
} from '../symbolic/index.ts';
import { honestOpeners } from './conversations.ts';
import { leavingClasses } from './crossing.ts';
import { outsideOf } from './outside.ts';
import { type Check, holds, type Judgement, type Property, unknown, violated } from './property.ts';
import { doubt, endingAt, portsOf, type Tenant, type View } from './view.ts';

export const sameGatewayBothWays: Property = {
  id: 'same-gateway-both-ways',
  severity: 'error',
  promise: 'both directions of a connection pass the same gateway',
  *checks(view) {
    for (const tenant of view.tenants) yield checkOf(view, tenant);
  },
};

function checkOf(view: View, tenant: Tenant): Check {
  const components = [...new Set(tenant.datapaths.map(({ component }) => component))];
  const outside = components.flatMap((component) => [...outsideOf(view, component)]);
  const tracked = outside.length >= 2 && components.some((component) => tracks(view, component));
  const vacuous =
    outside.length < 2
      ? 'there are no two ports outside to choose from'
      : tracked
        ? undefined
        : 'nothing on the way outside knows connections';
  return {
    subject: choosers(view, tenant),
    source: tenant.source,
    ...(vacuous !== undefined && { vacuous }),
    judge: () => judge(view, tenant, outside),
  };
}

/** Routers that choose by `select`, or all of a tenant. */
function choosers({ southbound }: View, { name, datapaths, plan }: Tenant): string {
  if (plan) return name;
  const { choosing } = rolesIn(southbound);
  const routers = datapaths.filter(({ uuid }) => choosing.has(uuid));
  return routers.length === 0 ? name : routers.map((router) => router.name).join(', ');
}

/** UUIDs of the datapaths with flows that choose, and of those that ask conntrack. */
interface Roles {
  readonly choosing: ReadonlySet<string>;
  readonly tracking: ReadonlySet<string>;
}

const roles = new WeakMap<Southbound, Roles>();

function rolesIn(southbound: Southbound): Roles {
  const known = roles.get(southbound);
  if (known) return known;
  const choosing = new Set<string>();
  const tracking = new Set<string>();
  for (const { actions, datapath } of southbound.flows) {
    if (/\bselect\(/.test(actions)) choosing.add(datapath);
    if (/\bct_(snat|dnat|commit|lb)/.test(actions)) tracking.add(datapath);
  }
  const made = { choosing, tracking };
  roles.set(southbound, made);
  return made;
}

/** Whether routers, or switches between them, ask conntrack. */
const tracks = (view: View, component: number): boolean =>
  (view.analysis.network.components[component] ?? []).some(
    (datapath) => rolesIn(view.southbound).tracking.has(datapath.uuid) && isTransit(view, datapath),
  );

const isTransit = ({ tenants }: View, datapath: NetworkDatapath): boolean =>
  !tenants.some(({ networks }) => networks.some((network) => network.datapath === datapath));

/** Datapaths on which no host is: connections that are known there belong to a gateway. */
function transit({ analysis: { network }, tenants }: View): NetworkDatapath[] {
  const withHosts = new Set(tenants.flatMap(({ networks }) => networks.map(({ datapath }) => datapath)));
  return [...network.datapaths.values()].filter((datapath) => !withHosts.has(datapath));
}

/** What makes packets belong to one connection, and who sent them. */
const connection: ReadonlySet<number> = new Set([
  at.inport,
  at.ethType,
  at.ethDst,
  at.ethSrc,
  at.ipProto,
  at.ip4Src,
  at.ip4Dst,
  at.ip6Src,
  at.ip6Dst,
  at.tpSrc,
  at.tpDst,
  at.icmpType,
]);

const besides: readonly number[] = packetFields.map((_, field) => field).filter((field) => !connection.has(field));

function judge(view: View, tenant: Tenant, outside: readonly NetworkPort[]): Judgement {
  const { space } = view.analysis;
  const known = new Set(transit(view).map(({ uuid }) => uuid));
  const isKnown = ({ commits }: Looks): boolean => commits.some(({ zone }) => known.has(zone.split(' ')[0] ?? ''));
  const openers = honestOpeners(view);
  const hosts = inportIn(space, portsOf(tenant.networks));
  const sent = space.and(openers, hosts);
  const apart = twoExits(view, tenant, outside, sent, isKnown);
  if (apart) return apart;
  const coming = space.and(openers, inportIn(space, outside));
  const other = answersElsewhere(view, tenant, coming, isKnown);
  if (other) return other;
  const reason = doubt(view, space.or(sent, coming), 'new');
  return reason === undefined ? holds : unknown(reason);
}

/** Packets of one connection that leave by two ports outside, and one of the gateways knows connections. */
function twoExits(
  view: View,
  { name }: Tenant,
  outside: readonly NetworkPort[],
  sent: PacketSet,
  isKnown: (one: Looks) => boolean,
): Judgement | undefined {
  const { space } = view.analysis;
  const leaving = leavingClasses(view).filter(
    ({ one, port }) =>
      outside.includes(port) &&
      one.connection === 'new' &&
      one.made === undefined &&
      space.intersects(one.packets, sent),
  );
  const connections = leaving.map(({ one }) => space.forget(space.and(one.packets, sent), besides));
  for (const [index, { one, port }] of leaving.entries()) {
    if (!isKnown(one)) continue;
    const own = connections[index] ?? space.empty;
    for (const [second, other] of leaving.entries()) {
      if (other.port === port || !space.intersects(own, connections[second] ?? space.empty)) continue;
      const both = space.and(own, connections[second] ?? space.empty);
      const packets = allOf(space, [one.packets, sent, both]);
      const sentence = `packets of one connection of ${name} leave by ${port.name} or by ${other.port.name}`;
      const sure = one.exact && other.one.exact;
      return sure
        ? violated({ kind: 'goes', class: one, packets, sentence })
        : unknown(`${sentence}, as far as it was modelled`);
    }
  }
  return undefined;
}

/** Connections from outside whose answers leave elsewhere, or pass nobody who knows of them. */
function answersElsewhere(
  view: View,
  { networks }: Tenant,
  coming: PacketSet,
  isKnown: (one: Looks) => boolean,
): Judgement | undefined {
  const { space } = view.analysis;
  const concerned = (one: Bundle): boolean =>
    one.connection === 'new' && one.made === undefined && isKnown(one) && one.meets(coming);
  for (const one of endingAt(view, portsOf(networks), concerned)) {
    if (one.end.kind !== 'port' || !space.intersects(one.packets, coming)) continue;
    for (const answer of view.analysis.answers([{ one, packets: space.and(one.packets, coming) }])) {
      if (answer.end.kind !== 'port' || answer.made !== undefined) continue;
      const out = answer.end.port;
      const away = space.diff(answer.packets, inportIn(space, [out]));
      const stranger = answer.connection === 'new' ? answer.packets : space.empty;
      const packets = space.or(away, stranger);
      if (packets === space.empty) continue;
      const sentence = `the answer of ${one.end.port.name} to a connection from outside leaves by ${out.name}, and not as its answer`;
      if (!one.exact || !answer.exact) return unknown(`${sentence}, as far as it was modelled`);
      return violated({ kind: 'unanswered', class: one, packets, sentence });
    }
  }
  return undefined;
}
