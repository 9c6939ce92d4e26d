/** `always` and `some`: what honest hosts send arrives, and is answered where that is asked for. */
import type { PacketSet } from '../../engine/sets/index.ts';
import { answered, choices, forgotten, type Promised, promised, promisedTo } from '../policy/honest.ts';
import type { EdgePlace } from '../policy/inventory.ts';
import { enteringBy, trafficSet } from '../policy/packets.ts';
import { holds, type Judgement, unknown, violated } from '../properties/property.ts';
import { doubt } from '../properties/view.ts';
import { gapsOf, type Network, type TrafficClass } from '../symbolic/index.ts';
import { arrivalsAt, type Claim, goesThrough, looking } from './claim.ts';

/** Packets of a class that arrive where they are promised to. */
interface Delivery {
  readonly edge: EdgePlace;
  readonly one: TrafficClass;
  readonly packets: PacketSet;
}

/** What of the promised packets arrives. */
interface Deliveries {
  readonly sent: PacketSet;
  readonly sure: readonly Delivery[];
  /** Those too that arrive unless what was not modelled exactly keeps them from it. */
  readonly possible: readonly Delivery[];
  /** Surely arrives, but not as it should. */
  readonly wrong?: Delivery & { readonly how: string };
}

const known = new WeakMap<Claim, Promised>();

/** What a claim promises, worked out once. */
function promiseOf(claim: Claim): Promised {
  const promise = known.get(claim) ?? promised(claim.view.analysis, claim.from, claim.to);
  known.set(claim, promise);
  return promise;
}

/** Why a promise speaks of nothing, though its sets are not empty: a sentence. */
export function nothingPromised(claim: Claim): string | undefined {
  const { rule, from, to, view } = claim;
  const { space } = view.analysis;
  const { packets, doubt: why } = promiseOf(claim);
  if (packets === space.empty) return why ?? `no address of ${to.text} is known that ${from.text} could send to`;
  if (space.intersects(packets, trafficSet(space, rule.traffic?.value))) return undefined;
  return `no honest host begins with ${rule.traffic?.text}`;
}

/** Decides whether what is promised arrives. */
export function judgePromise(claim: Claim): Judgement {
  const promise = promiseOf(claim);
  const deliveries = deliver(claim, promise);
  const arrival = claim.rule.kind === 'some' ? judgeSome(claim, deliveries) : judgeAll(claim, deliveries);
  if (arrival.verdict !== 'holds') return arrival;
  const reply = claim.rule.bothWays ? judgeAnswers(claim, deliveries) : holds;
  if (reply.verdict !== 'holds') return reply;
  return promise.doubt !== undefined && claim.rule.kind === 'always' ? unknown(promise.doubt) : holds;
}

function deliver(claim: Claim, { packets, arriving }: Promised): Deliveries {
  const { rule, view } = claim;
  const { space } = view.analysis;
  const sent = space.and(packets, trafficSet(space, rule.traffic?.value));
  const unclear = space.orAll(gapsOf(view.analysis, 'new').map((gap) => gap.packets));
  const sure: Delivery[] = [];
  const possible: Delivery[] = [];
  let wrong: Deliveries['wrong'];
  for (const { edge, one } of arrivalsAt(claim, sent)) {
    if (one.connection !== 'new' || one.made !== undefined) continue;
    const addresses = arriving.get(edge);
    const here = addresses ? space.and(promisedTo(view.analysis, edge, addresses, one), sent) : space.empty;
    if (here === space.empty) continue;
    const clear = one.exact ? space.diff(here, unclear) : space.empty;
    if (!goesThrough(claim, one)) {
      if (clear !== space.empty) wrong ??= { edge, one, packets: clear, how: wayText(claim, one) };
      continue;
    }
    const unlike = space.diff(clear, looking(claim, one, 'may'));
    if (unlike !== space.empty) wrong ??= { edge, one, packets: unlike, how: `not as ${rule.seenAs?.text}` };
    possible.push({ edge, one, packets: space.and(here, looking(claim, one, 'may')) });
    const right = space.and(clear, looking(claim, one, 'must'));
    if (right !== space.empty) sure.push({ edge, one, packets: right });
  }
  return { sent, sure, possible, ...(wrong && { wrong }) };
}

function wayText({ rule, notThrough }: Claim, { passed }: TrafficClass): string {
  const met = notThrough && passed.find((name) => notThrough.has(name));
  return met === undefined ? `without passing ${rule.through?.text}` : `by way of ${met}`;
}

const all = ({ view }: Claim, deliveries: readonly Delivery[]): PacketSet =>
  view.analysis.space.orAll(deliveries.map(({ packets }) => packets));

const sentText = ({ rule, from }: Claim): string => `${rule.traffic?.text ?? 'what'} from ${from.text}`;

function judgeAll(claim: Claim, { sent, sure, possible, wrong }: Deliveries): Judgement {
  const { view, to, conditions } = claim;
  const { space } = view.analysis;
  if (wrong) return misled(claim, wrong);
  const ports = [...conditions.keys()].map(({ port }) => port);
  const missing = (packets: PacketSet): Judgement =>
    violated({ kind: 'missing', packets, to: ports, sentence: `${sentText(claim)} does not arrive at ${to.text}` });
  const unclear = space.and(sent, space.orAll(gapsOf(view.analysis, 'new').map((gap) => gap.packets)));
  const hoped = space.or(all(claim, possible), unclear);
  const lost = space.diff(sent, space.forget(hoped, [...forgotten, ...choices]));
  if (lost !== space.empty) return missing(lost);

  const arrived = all(claim, sure);
  const unsure = space.diff(sent, space.forget(arrived, [...forgotten, ...choices]));
  if (unsure !== space.empty) return unknown(doubt(view, unsure, 'new') ?? inexact(claim));
  const byChance = space.diff(sent, space.forget(arrived, forgotten));
  if (byChance === space.empty || !chooses(view.analysis.network)) return holds;
  const surelyLost = space.diff(sent, space.forget(hoped, forgotten));
  if (surelyLost !== space.empty && !learns(view.analysis.network)) return missing(surelyLost);
  return unknown(
    `${sentText(claim)} arrives by some of the ways that chance may choose, and it is not known whether by all`,
  );
}

const misled = ({ rule, from }: Claim, { edge, one, packets, how }: NonNullable<Deliveries['wrong']>): Judgement =>
  violated({
    kind: 'goes',
    class: one,
    packets,
    sentence: `${rule.traffic?.text ?? 'a packet'} from ${from.text} arrives at "${edge.name}" ${how}`,
  });

const inexact = (claim: Claim): string =>
  `whether ${sentText(claim)} arrives depends on something that is not modelled exactly`;

/** Whether one of several ways is taken that all have to lead there: backends, routes of equal cost. */
const chooses = ({ southbound }: Network): boolean =>
  southbound.flows.some(({ actions }) => /\b(ct_lb(_mark)?|select|fwd_group)\(/.test(actions));

/** Whether a MAC address may have been seen at one port of several, so that it is wrongly sent there. */
const learns = ({ datapaths }: Network): boolean =>
  [...datapaths.values()].some(
    ({ ports }) =>
      ports.filter(({ binding: { type, mac } }) => type === 'localnet' || mac.some((one) => one.startsWith('unknown')))
        .length > 1,
  );

function judgeSome(claim: Claim, { sent, sure, possible }: Deliveries): Judgement {
  const { view, to, conditions } = claim;
  const { space } = view.analysis;
  if (sure.length > 0) return holds;
  const unclear = doubt(view, sent, 'new');
  if (all(claim, possible) !== space.empty || unclear !== undefined) return unknown(unclear ?? inexact(claim));
  return violated({
    kind: 'missing',
    packets: sent,
    to: [...conditions.keys()].map(({ port }) => port),
    sentence: `nothing of ${sentText(claim)} arrives at ${to.text}`,
  });
}

/** Questions that arrived, with those of which the answers come back. */
interface Answered extends Delivery {
  readonly possibly: PacketSet;
  readonly surely: PacketSet;
}

/** Decides whether what arrived is answered, and the answers come back. */
function judgeAnswers(claim: Claim, { sure }: Deliveries): Judgement {
  const { view, rule } = claim;
  const { space, network } = view.analysis;
  const asked = answered(view.analysis);
  const found = sure.flatMap((delivery): Answered[] => {
    const packets = space.and(delivery.packets, asked);
    return packets === space.empty ? [] : [{ ...delivery, packets, ...answersBack(claim, delivery.one, packets) }];
  });
  if (found.length === 0) return unknown(`how hosts answer ${rule.traffic?.text ?? 'it'} is not known`);
  const questions = all(claim, found);
  const possibly = space.orAll(found.map((one) => one.possibly));
  const surely = space.orAll(found.map((one) => one.surely));
  if (rule.kind === 'some' && surely !== space.empty) return holds;

  const luck = chooses(network) ? forgotten : [...forgotten, ...choices];
  const lost =
    rule.kind === 'some' && possibly !== space.empty
      ? space.empty
      : space.diff(questions, space.forget(possibly, luck));
  for (const { edge, one, packets } of found) {
    const here = space.and(packets, lost);
    if (here === space.empty) continue;
    const sentence = `what "${edge.name}" answers to ${sentText(claim)} does not come back`;
    return violated({ kind: 'unanswered', class: one, packets: here, sentence });
  }
  if (space.diff(questions, space.forget(surely, luck)) !== space.empty) return unknown(inexact(claim));
  const reason = doubt(view, enteringBy(space, [...claim.conditions.keys()]), 'new');
  return reason === undefined ? holds : unknown(reason);
}

/** The packets of a class whose answers come back to the port that they came from. */
function answersBack(claim: Claim, one: TrafficClass, questions: PacketSet) {
  const { view, inventory } = claim;
  const { space } = view.analysis;
  const sets: { packets: PacketSet; exact: boolean }[] = [];
  for (const { end, packets, made, exact } of view.analysis.answers([{ one, packets: questions }])) {
    const edge = end.kind === 'port' ? inventory.edgeOf.get(end.port) : undefined;
    if (edge && made === undefined) sets.push({ packets: space.and(packets, enteringBy(space, [edge])), exact });
  }
  return {
    possibly: space.orAll(sets.map(({ packets }) => packets)),
    surely: space.orAll(sets.flatMap(({ packets, exact }) => (exact ? [packets] : []))),
  };
}
