/** Tenants do not reach the addresses that run the network. */
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { conditionSet, matchSet, sent, trafficSet } from '../policy/packets.ts';
import type { Selector, Traffic, Worded } from '../policy/policy.ts';
import { formatPrefix } from '../policy/prefix.ts';
import type { Condition } from '../policy/select.ts';
import type { Store, TrafficClass } from '../symbolic/index.ts';
import type { Certainty } from '../symbolic/matching.ts';
import { networksOf, outsideOfNetwork } from './outside.ts';
import type { Check, Property } from './property.ts';
import { endText, judgeRefusals, whatText } from './refusal.ts';
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
  const vacuous = network.hosts.length === 0 ? 'it has no interface' : ranges.length === 0 ? nothing : undefined;
  return {
    subject: network.name,
    source: network.source,
    ...(vacuous !== undefined && { vacuous }),
    judge: () => judge(view, network, ranges),
  };
}

function judge(view: View, network: TenantNetwork, ranges: readonly Worded<Selector>[]) {
  const component = network.datapath.component;
  const others = networksOf(view).filter((one) => one !== network && one.datapath.component === component);
  const names = ranges.map(({ text }) => text).join(', ');
  return judgeRefusals(view, [
    {
      packets: from(view, portsOf([network])),
      ports: [...outsideOfNetwork(view, network), ...portsOf(others)],
      bad: (one, certainty) => reaching(view, ranges, one, certainty),
      sentence: (one) => `${whatText(one)} of ${network.name} to ${names} comes out of ${endText(view, one)}`,
    },
  ]);
}

/** The packets of a class that go to the ranges, as they were sent or as they are now, and not to what is allowed. */
function reaching(
  view: View,
  ranges: readonly Worded<Selector>[],
  { store, made }: TrafficClass,
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
