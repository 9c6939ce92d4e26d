/** What a rule claims of one network: which packets it speaks of, and which classes bring them where it says. */
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import type { EdgePlace, Inventory } from '../policy/inventory.ts';
import { conditionSet, enteringBy, matchSet, sentFrom, toPrefix, trafficSet } from '../policy/packets.ts';
import type { Policy, Prefix, Rule } from '../policy/policy.ts';
import { type Condition, type Extent, extentOf, isMember, unknownNames, waysOf } from '../policy/select.ts';
import type { View } from '../properties/view.ts';
import type { Value } from '../symbolic/index.ts';
import { fieldIndex, readNamed, type TrafficClass } from '../symbolic/index.ts';
import type { Certainty } from '../symbolic/matching.ts';

/** A rule with what it selects in a network. */
export interface Claim {
  readonly rule: Rule;
  readonly view: View;
  readonly inventory: Inventory;
  readonly from: Extent;
  readonly to: Extent;
  /** By port of `to`, the condition on addresses there. */
  readonly conditions: ReadonlyMap<EdgePlace, Condition>;
  /** Names of what packets have to pass, and what they must not; undefined where nothing is said. */
  readonly through?: ReadonlySet<string>;
  readonly notThrough?: ReadonlySet<string>;
  /** All that `from` may send, forged or not. */
  readonly sent: PacketSet;
  /** Names in the rule that nothing has: sentences. */
  readonly unknown: readonly string[];
}

/** Looks up what a rule selects. */
export function claimOf(rule: Rule, policy: Policy, view: View, inventory: Inventory): Claim {
  const from = extentOf(rule.from, policy, inventory);
  const to = extentOf(rule.to, policy, inventory);
  const ways = [rule.through, rule.notThrough].flatMap((way) => way ?? []);
  const waySet = (way: Rule['through']) => way && new Set(waysOf(way.value, policy, inventory));
  const through = waySet(rule.through);
  const notThrough = waySet(rule.notThrough);
  return {
    rule,
    view,
    inventory,
    from,
    to,
    conditions: new Map(to.groups.flatMap(({ condition, edges }) => edges.map((edge) => [edge, condition] as const))),
    ...(through && { through }),
    ...(notThrough && { notThrough }),
    sent: sentFrom(view.analysis.space, from),
    unknown: [...from.unknown, ...to.unknown, ...ways.flatMap(({ value }) => unknownNames(value, policy, inventory))],
  };
}

/** Why a claim speaks of nothing: a sentence; undefined if it does not. */
export function emptiness({ rule, from, to, through, notThrough, sent, view, unknown }: Claim): string | undefined {
  const [name] = unknown;
  if (name !== undefined) return name;
  if (from.groups.length === 0) return `no port is in ${from.text}`;
  if (to.groups.length === 0) return `no port is in ${to.text}`;
  if (through?.size === 0) return `no port, switch or router is in ${rule.through?.text}`;
  if (notThrough?.size === 0) return `no port, switch or router is in ${rule.notThrough?.text}`;
  const { space, possible } = view.analysis;
  if (!space.intersects(sent, possible)) return `no packet is from ${from.text}`;
  return undefined;
}

/** `red → vpc blue`. */
export const subjectOf = ({ from, to }: Pick<Claim, 'from' | 'to'>): string => `${from.text} → ${to.text}`;

/**
 * Of a class's packets those that arrive at a port of `to` and are for it: all, if the host there is of the set.  Where
 * hosts are not known, and outside, the destination tells, as it was sent or as it arrives.  And what was sent to an
 * address of the set, and is translated to another one, has reached it; answers of routers have not.
 */
export function addressedTo(claim: Claim, edge: EdgePlace, one: TrafficClass, certainty: Certainty): PacketSet {
  const { space } = claim.view.analysis;
  const condition = claim.conditions.get(edge) ?? false;
  const member = isMember(edge, condition);
  if (member === true) return one.packets;
  const opposite: Certainty = certainty === 'may' ? 'must' : 'may';
  const sent = (prefix: Prefix): PacketSet => toPrefix(space, prefix);
  const arrived = (prefix: Prefix, side: Certainty): PacketSet => toPrefix(space, prefix, one.store, side);
  if (member === undefined) {
    const addressed = conditionSet(
      space,
      condition,
      (prefix, side) => space.or(sent(prefix), arrived(prefix, side)),
      certainty,
    );
    return space.and(one.packets, addressed);
  }
  if (one.made !== undefined) return space.empty;
  const asked = conditionSet(space, condition, sent);
  const got = conditionSet(space, condition, arrived, opposite);
  const translated = space.and(one.packets, space.diff(asked, got));
  return translated === space.empty ? translated : space.diff(translated, answers(claim.view, one));
}

/** Whether packets of a class pass what they have to, and nothing that they must not. */
export const goesThrough = ({ through, notThrough }: Claim, { passed }: TrafficClass): boolean =>
  (!through || passed.some((name) => through.has(name))) &&
  !(notThrough && passed.some((name) => notThrough.has(name)));

/** The packets that look as they are to look, where those of the class arrive. */
export const looking = ({ rule, view }: Claim, { store }: TrafficClass, certainty: Certainty): PacketSet =>
  trafficSet(view.analysis.space, rule.seenAs?.value, store, certainty);

/** Whether the connection state of a class is one that the rule speaks of. */
export const isOfState = ({ rule }: Claim, { connection }: TrafficClass): boolean =>
  rule.state === 'any' || connection === 'new';

/** Packets of a class that end at a port of `to`. */
export interface Arrival {
  readonly edge: EdgePlace;
  readonly class: TrafficClass;
  /** Of the class those that are asked about and look alike: values of its store have no options. */
  readonly one: TrafficClass;
}

/** Where packets arrive at `to`: those of a set, sorted by what they look like; nobody reaches himself. */
export function* arrivalsAt(claim: Claim, within: PacketSet): Generator<Arrival, void> {
  const { view, conditions } = claim;
  const { space } = view.analysis;
  for (const edge of conditions.keys()) {
    for (const one of view.arrivals.get(edge.port) ?? []) yield* looksOf(view, edge, one, within);
    // From one host outside to another one there.
    if (edge.port.edge !== 'outside') continue;
    const own = space.and(within, enteringBy(space, [edge]));
    for (const one of view.returning) yield* looksOf(view, edge, one, own);
  }
}

function* looksOf(view: View, edge: EdgePlace, whole: TrafficClass, within: PacketSet): Generator<Arrival, void> {
  const { analysis } = view;
  const { space } = analysis;
  if (!space.intersects(whole.packets, within)) return;
  const own = enteringBy(space, [edge]);
  for (const look of analysis.looks(whole, space.and(whole.packets, within))) {
    const one = { ...whole, ...look };
    const back = edge.port.edge === 'outside' ? space.and(own, answers(view, one)) : own;
    const packets = space.diff(look.packets, back);
    if (packets !== space.empty) yield { edge, class: whole, one: { ...one, packets } };
  }
}

/** The packets of a class that go back to the host that sent them. */
function answers({ analysis: { space } }: View, { store }: TrafficClass): PacketSet {
  const pairs = [
    ['ip4', 'ip4.dst', 'ip4.src'],
    ['ip6', 'ip6.dst', 'ip6.src'],
    ['arp', 'arp.tpa', 'arp.spa'],
  ] as const;
  return space.orAll(
    pairs.map(([text, to, from]) =>
      space.and(matchSet(space, text), copiesOf(space, readNamed(store, to), fieldIndex(from))),
    ),
  );
}

/** The packets of which a value is what a field was when they entered: all or none. */
function copiesOf(space: Space, { pieces, width }: Value, field: number): PacketSet {
  const [piece] = pieces;
  return piece?.kind === 'input' && piece.field === field && piece.n === width ? space.all : space.empty;
}
