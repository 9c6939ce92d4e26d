/** Tenants do not reach the addresses that run the network: those of gateways, and what a policy names. */
import { formatCidr, formatIpv4 } from '../../engine/address.ts';
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { conditionSet, matchSet, sent, trafficSet } from '../policy/packets.ts';
import type { Selector, Traffic, Worded } from '../policy/policy.ts';
import { formatPrefix } from '../policy/prefix.ts';
import type { Condition } from '../policy/select.ts';
import type { Looks, NetworkPort, Store } from '../symbolic/index.ts';
import type { Certainty } from '../symbolic/matching.ts';
import { networksOf, outsideOfNetwork } from './outside.ts';
import type { Check, Property } from './property.ts';
import { endText, judgeRefusals, type Refusal, whatText } from './refusal.ts';
import { conditionsOf, settingsIn } from './told.ts';
import { from, portsOf, type TenantNetwork, type View } from './view.ts';

export const infrastructureUnreachable: Property = {
  id: 'infrastructure-unreachable',
  severity: 'error',
  promise: 'tenants do not reach the addresses that run the network',
  *checks(view) {
    const ranges = settingsIn(view)?.infrastructure ?? [];
    for (const network of networksOf(view)) yield check(view, network, ranges);
  },
};

function check(view: View, network: TenantNetwork, ranges: readonly Worded<Selector>[]): Check {
  const nothing = 'no policy says which addresses run the network, under builtin.infrastructure-unreachable';
  const isNothing = ranges.length === 0 && network.tenant.plan === undefined;
  const vacuous = network.hosts.length === 0 ? 'it has no interface' : isNothing ? nothing : undefined;
  return {
    subject: network.name,
    source: network.source,
    ...(vacuous !== undefined && { vacuous }),
    judge: () => judge(view, network, ranges),
  };
}

function judge(view: View, network: TenantNetwork, ranges: readonly Worded<Selector>[]) {
  return judgeRefusals(view, [
    ...gatewaysOf(view, network),
    ...(ranges.length === 0 ? [] : [toRanges(view, network, ranges)]),
  ]);
}

/** Everywhere that packets of a network may get to but to itself. */
function beyond(view: View, network: TenantNetwork): NetworkPort[] {
  const { component } = network.datapath;
  const others = networksOf(view).filter((one) => one !== network && one.datapath.component === component);
  return [...outsideOfNetwork(view, network), ...portsOf(others)];
}

function toRanges(view: View, network: TenantNetwork, ranges: readonly Worded<Selector>[]): Refusal {
  const names = ranges.map(({ text }) => text).join(', ');
  return {
    packets: from(view, portsOf([network])),
    ports: beyond(view, network),
    bad: (one, certainty) => reaching(view, ranges, one, certainty),
    sentence: (one) => `${whatText(one)} of ${network.name} to ${names} comes out of ${endText(view, one)}`,
  };
}

/**
 * With manifests: gateways' addresses outside, and the network that joins them with the VPC's router, are neither
 * written to nor written from.
 */
function gatewaysOf(view: View, network: TenantNetwork): Refusal[] {
  const { space } = view.analysis;
  const { plan } = network.tenant;
  const external = view.tenants.flatMap((tenant) => tenant.plan?.gateways ?? []);
  if (!plan || plan.gateways.length === 0) return [];
  const addresses = external.map(({ externalAddress }) => formatIpv4(externalAddress));
  const inside = [...addresses, formatCidr(plan.parameters.join)].join(', ');
  return [
    {
      packets: space.and(from(view, portsOf([network])), matchSet(space, `ip4.dst == {${inside}}`)),
      ports: beyond(view, network),
      bad: ({ made }) => (made === undefined ? space.all : space.empty),
      sentence: (one) => `a packet of ${network.name} for the address of a gateway comes out of ${endText(view, one)}`,
    },
    {
      packets: space.and(
        from(view, outsideOfNetwork(view, network)),
        matchSet(space, `ip4.src == {${addresses.join(', ')}}`),
      ),
      ports: portsOf([network]),
      sentence: (one) =>
        `${whatText(one)} from outside, from the address of a gateway, arrives at ${endText(view, one)}`,
    },
  ];
}

/** The packets of a class that go to the ranges, as they were sent or as they are now, and not to what is allowed. */
function reaching(
  view: View,
  ranges: readonly Worded<Selector>[],
  { store, made }: Looks,
  certainty: Certainty,
): PacketSet {
  const { space } = view.analysis;
  const opposite: Certainty = certainty === 'may' ? 'must' : 'may';
  const wanted = conditionsOf(view, ranges);
  const meant = allowedAs(view, sent, 'must');
  const asSent = made === undefined ? space.diff(toAny(space, wanted, sent, 'must'), meant) : space.empty;
  const asNow = space.diff(toAny(space, wanted, store, certainty), space.or(meant, allowedAs(view, store, opposite)));
  return space.or(asSent, asNow);
}

function toAny(space: Space, conditions: readonly Condition[], store: Store, certainty: Certainty): PacketSet {
  const sets = conditions.map((condition) =>
    conditionSet(
      space,
      condition,
      (prefix, side) => matchSet(space, `ip${prefix.family}.dst == ${formatPrefix(prefix)}`, store, side),
      certainty,
    ),
  );
  return space.orAll(sets);
}

function allowedAs(view: View, store: Store, certainty: Certainty): PacketSet {
  const { space } = view.analysis;
  const allowed: readonly { cidr: Worded<Selector>; traffic?: Worded<Traffic> }[] = settingsIn(view)?.reachable ?? [];
  return space.orAll(
    allowed.map(({ cidr, traffic }) =>
      space.and(
        toAny(space, conditionsOf(view, [cidr]), store, certainty),
        trafficSet(space, traffic?.value, store, certainty),
      ),
    ),
  );
}
