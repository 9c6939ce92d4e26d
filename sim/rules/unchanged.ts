/**
 * `unchanged`: what arrives is what arrived in another network.  Both are followed in one space; ports of the same
 * name are the same, and whoever either network has in a set of the rule is meant.
 *
 *     const compare = comparison(policy, new Map([['previous', { southbound, northbound, plans }]]));
 *     policyProperties(policy, { today, compare });
 */
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { quote } from '../../engine/spec/complain.ts';
import type { VpcPlan } from '../../engine/vpc/plan.ts';
import { witnessOf } from '../answers/witness.ts';
import { anyCircumstances } from '../diff/deliveries.ts';
import { changedComponents } from '../diff/unchanged.ts';
import { whole } from '../diff/usual.ts';
import type { EdgePlace } from '../policy/inventory.ts';
import { inventoryIn } from '../policy/inventory.ts';
import { trafficSet } from '../policy/packets.ts';
import type { Policy } from '../policy/policy.ts';
import type { Condition, Extent } from '../policy/select.ts';
import { openView } from '../properties/open-view.ts';
import { holds, type Judgement, unknown, violated } from '../properties/property.ts';
import { doubt, isQuestion, type View } from '../properties/view.ts';
import {
  analyse,
  headerFields,
  type Network,
  networkOf,
  numbersOf,
  openWorkshop,
  packetFields,
  packetSpace,
} from '../symbolic/index.ts';
import { addressedTo, arrivalsAt, type Claim, claimOf, goesThrough, isOfState, looking } from './claim.ts';
import { policyWatch } from './properties.ts';

/** A network to compare with. */
export interface OtherNetwork {
  readonly southbound: Southbound;
  readonly northbound?: Northbound;
  /** Of manifests; none for a database. */
  readonly plans?: readonly VpcPlan[];
}

/**
 * Decides `unchanged` for `PolicyOptions.compare`.  `others` go by the names that rules have in `against`; the one that is
 * called '' is for rules that name none.
 */
export function comparison(
  policy: Policy,
  others: ReadonlyMap<string, OtherNetwork>,
): (claim: Claim) => Judgement | undefined {
  const pairs = new WeakMap<Network, Map<string, Pair>>();
  return (claim) => {
    const name = claim.rule.against ?? '';
    const other = others.get(name);
    if (!other) return undefined;
    const { network } = claim.view.analysis;
    const known = pairs.get(network) ?? new Map<string, Pair>();
    pairs.set(network, known);
    const pair = known.get(name) ?? openPair(claim.view, other, policy);
    known.set(name, pair);
    return judgeUnchanged(claim, pair, policy, name === '' ? 'before' : `in ${quote(name)}`);
  };
}

/** Two networks in one space. */
interface Pair {
  readonly space: Space;
  readonly old: View;
  readonly now: View;
}

/** Follows what differs between the networks: what is written the same does the same. */
function openPair(view: View, other: OtherNetwork, policy: Policy): Pair {
  const numbers = numbersOf([other.southbound, view.southbound]);
  const old = networkOf(other.southbound, { numbers });
  const now = networkOf(view.southbound, { numbers });
  const space = packetSpace();
  const components = changedComponents(old, now);
  const follow = (network: Network, wanted: readonly number[], plans: readonly VpcPlan[]): View => {
    const watch = policyWatch(policy, network, plans);
    const analysis = analyse(network, { components: [...wanted], watch }, openWorkshop(network, space));
    return openView(analysis, plans, undefined, policy);
  };
  return {
    space,
    old: follow(old, components.old, other.plans ?? []),
    now: follow(
      now,
      components.now,
      view.tenants.flatMap(({ plan }) => plan ?? []),
    ),
  };
}

/** What arrives at a port: as it was sent, or what is made of it. */
interface Delivered {
  readonly port: string;
  readonly made?: string;
  may: PacketSet;
  surely: PacketSet;
}

function judgeUnchanged(asked: Claim, pair: Pair, policy: Policy, before: string): Judgement {
  const { space } = pair;
  const own = (view: View): Claim => claimOf(asked.rule, policy, view, inventoryIn(view));
  const [was, is] = [own(pair.old), own(pair.now)];
  const sent = space.or(was.sent, is.sent);
  const old = deliveredBy(withBoth(was, is, sent));
  const now = deliveredBy(withBoth(is, was, sent));
  const gaps = space.orAll([pair.old, pair.now].flatMap(({ analysis }) => analysis.gaps.map(({ packets }) => packets)));
  const unclear = anyCircumstances(space, gaps);
  let guess: string | undefined;
  for (const key of new Set([...now.keys(), ...old.keys()])) {
    const [one, other] = [now.get(key), old.get(key)];
    const { port, made } = (one ?? other) as Delivered;
    const found = { port, ...(made !== undefined && { made }) };
    const appeared = space.diff(surelyOf(one, space), space.or(mayOf(other, space), unclear));
    if (appeared !== space.empty) return newlyAllowed(asked, pair, found, appeared, before);
    const lost = space.diff(surelyOf(other, space), space.or(mayOf(one, space), unclear));
    if (lost !== space.empty) return newlyDenied(asked, pair, found, lost, before);
    const perhaps = [
      space.diff(mayOf(one, space), surelyOf(other, space)),
      space.diff(mayOf(other, space), surelyOf(one, space)),
    ];
    if (perhaps.some((set) => set !== space.empty)) {
      guess ??= `what arrives at ${quote(port)} may differ, as far as it was modelled, which is not exact`;
    }
  }
  const concerned = space.and(sent, trafficSet(space, asked.rule.traffic?.value));
  const reason = doubt(pair.now, concerned) ?? doubt(pair.old, concerned) ?? guess;
  return reason === undefined ? holds : unknown(reason);
}

const mayOf = (one: Delivered | undefined, space: Space): PacketSet => one?.may ?? space.empty;
const surelyOf = (one: Delivered | undefined, space: Space): PacketSet => one?.surely ?? space.empty;

/** A claim that means the receivers of another one, too, and what either's senders send. */
function withBoth(own: Claim, other: Claim, sent: PacketSet): Claim {
  const there = conditionsByName(other.to);
  const here = conditionsByName(own.to);
  const conditions = new Map<EdgePlace, Condition>();
  for (const edge of own.inventory.edges) {
    const terms = [here.get(edge.name), there.get(edge.name)].flatMap((term) => term ?? []);
    if (terms.length > 0) conditions.set(edge, anyOf(terms));
  }
  return { ...own, conditions, sent };
}

const conditionsByName = ({ groups }: Extent): Map<string, Condition> =>
  new Map(groups.flatMap(({ condition, edges }) => edges.map(({ name }) => [name, condition] as const)));

const anyOf = (terms: readonly Condition[]): Condition =>
  terms.length === 1 || terms.includes(true)
    ? (terms.find((term) => term === true) ?? terms[0] ?? false)
    : { kind: 'or', terms };

/** What a rule speaks of and its network delivers, whatever is learned or chosen on the way. */
function deliveredBy(claim: Claim): Map<string, Delivered> {
  const { rule, view, sent } = claim;
  const { space, possible } = view.analysis;
  const traffic = trafficSet(space, rule.traffic?.value);
  const concerned = space.and(space.and(sent, possible), traffic);
  const found = new Map<string, Delivered>();
  for (const { edge, one } of arrivalsAt(claim, concerned)) {
    if (!isOfState(claim, one) || isQuestion(one) || !goesThrough(claim, one)) continue;
    const arriving = (certainty: 'may' | 'must'): PacketSet => {
      const packets = space.and(addressedTo(claim, edge, one, certainty), looking(claim, one, certainty));
      return anyCircumstances(space, space.and(packets, concerned));
    };
    const may = arriving('may');
    if (may === space.empty) continue;
    const key = JSON.stringify([edge.name, one.made ?? '']);
    const { name: port } = edge;
    const entry = found.get(key) ?? {
      port,
      ...(one.made !== undefined && { made: one.made }),
      may: space.empty,
      surely: space.empty,
    };
    found.set(key, entry);
    entry.may = space.or(entry.may, may);
    if (one.exact) entry.surely = space.or(entry.surely, arriving('must'));
  }
  return found;
}

type Place = Pick<Delivered, 'port' | 'made'>;

const whatOf = ({ made }: Place): string => (made === undefined ? 'a packet' : `what is made (${made}) of a packet`);

function newlyAllowed(asked: Claim, { now, space }: Pair, place: Place, packets: PacketSet, before: string): Judgement {
  const sentence = `${whatOf(place)} from ${asked.from.text} arrives at ${quote(place.port)}, which did not ${before}`;
  const { analysis, arrivals, returning } = asked.view;
  const port = analysis.network.ports.get(place.port);
  const shown = carried(now, space, packets, asked.view);
  for (const one of [...((port && arrivals.get(port)) ?? []), ...returning]) {
    if (!shown || !one.exact || one.made !== place.made || !isOfState(asked, one)) continue;
    const some = analysis.space.and(analysis.space.and(one.packets, analysis.possible), shown.packets);
    if (some !== analysis.space.empty) return violated({ kind: 'goes', class: one, packets: some, sentence });
  }
  return unknown(`${sentence}, but no packet that shows it was found`);
}

function newlyDenied(asked: Claim, { old, space }: Pair, place: Place, packets: PacketSet, before: string): Judgement {
  const from = asked.from.text;
  const sentence = `${whatOf(place)} from ${from} that arrived at ${quote(place.port)} ${before} does not any more`;
  const { analysis } = asked.view;
  const port = analysis.network.ports.get(place.port);
  const shown = carried(old, space, packets, asked.view);
  if (!port?.edge) return violated({ kind: 'written', sentence: `${sentence}: there is no such port now` });
  if (!shown) return violated({ kind: 'written', sentence: `${sentence}: the ports that it was sent by are gone` });
  const missing = analysis.space.and(shown.packets, analysis.possible);
  return violated({ kind: 'missing', packets: missing, to: [port], sentence });
}

/** A packet of a set, whatever is learned or chosen on its way, in the space of another view; undefined where its port is not. */
function carried(from: View, space: Space, packets: PacketSet, to: View): { packets: PacketSet } | undefined {
  const { network } = from.analysis;
  const both = network.portsByNumber.filter((port) => port && to.analysis.network.ports.get(port.name)?.edge);
  const shared = space.oneOf(
    packetFields.findIndex(({ name }) => name === 'inport'),
    both.flatMap((port) => (port ? [BigInt(port.number)] : [])),
  );
  const witness = witnessOf(network, space, space.and(packets, shared));
  const port = witness && to.analysis.network.ports.get(witness.port.name);
  if (!witness || !port) return undefined;
  const header = packetFields.slice(0, headerFields).map(({ name }, field) => {
    const value = witness.packet[field] ?? 0n;
    return whole(name, name === 'inport' ? port.number : value);
  });
  return { packets: to.analysis.space.cube(header) };
}
