/**
 * Whether the built-in properties see a mutant.
 *
 *     const trial = openTrial({ plans, northbound });
 *     for (const mutant of trial.mutants) trial.judge(mutant);
 *
 * All mutants of a network are followed in one space of packets, beside the network as it was; what was made for one
 * is released before the next.
 */
import { computeSouthbound } from '../../engine/northd/index.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import { type PacketSet, type Space, SpaceFull } from '../../engine/sets/index.ts';
import type { VpcPlan } from '../../engine/vpc/index.ts';
import type { Policy } from '../../sim/policy/index.ts';
import { openView } from '../../sim/properties/open-view.ts';
import type { Check, Property } from '../../sim/properties/property.ts';
import type { View } from '../../sim/properties/view.ts';
import { policyWatch } from '../../sim/rules/index.ts';
import { type Analysis, analyse, networkOf, numbersOf, openWorkshop, packetSpace } from '../../sim/symbolic/index.ts';
import { propertiesOf } from '../../sim/verifier.ts';
import { expectedOf } from './expected.ts';
import { type Change, changesOf, changeWords, type Fates, fatesOf } from './fate.ts';
import { flowMutants } from './flows.ts';
import { matters, type Senders, sendersIn } from './harmless.ts';
import { type Mutant, withFlow } from './mutant.ts';
import type { Network } from './network.ts';
import { rowMutants } from './rows.ts';

/**
 * `caught`: a property is violated that was not and that should be, `by` it (expected.ts).  `equivalent`: no packet's fate
 * changed.  `harmless`: that of packets changed, but to nobody does it matter (harmless.ts).  `elsewhere`: only
 * properties noticed that are there for something else.  `unknown`: none is violated, but one that was decided is not
 * any more (`reason`).  `survived`: nobody noticed.  `changes`: which packets fare how, as lines.
 */
export type Outcome =
  | { readonly verdict: 'caught' | 'elsewhere'; readonly by: string }
  | { readonly verdict: 'equivalent' }
  | { readonly verdict: 'harmless'; readonly changes: readonly string[] }
  | { readonly verdict: 'unknown'; readonly reason: string }
  | { readonly verdict: 'survived'; readonly changes: readonly string[] };

export interface Trial {
  readonly mutants: readonly Mutant[];
  /** What properties say of the network as it is, other than that they hold or speak of nothing: sentences. */
  readonly complaints: readonly string[];
  judge(mutant: Mutant): Outcome;
}

/** Follows all packets of the network as it is, and makes its mutants. */
export function openTrial({ plans, northbound, policy }: Network, properties = propertiesOf(policy)): Trial {
  const { southbound } = computeSouthbound(northbound);
  const numbers = numbersOf([southbound]);
  const space = packetSpace();
  const before = followed(southbound, { plans, policy, numbers, space });
  const fates = fatesOf(before);
  const view = openView(before, plans, northbound, policy);
  const opinions = new Map(opinionsOn(view, properties).map((one) => [one.key, one]));
  const senders = sendersIn(view);
  const offers = offersOf(southbound);
  const context: Context = { offers, plans, policy, properties, numbers, space, before, fates, opinions, senders };
  return {
    mutants: [...rowMutants(northbound), ...flowMutants(southbound)],
    complaints: [...opinions.values()]
      .filter(({ verdict }) => verdict === 'violated' || verdict === 'unknown')
      .map(({ key, verdict, reason }) => `${key} is ${verdict}: ${reason}`),
    judge: (mutant) => {
      // Nothing changes where no packet came by, or where the flow is written as it was.
      if (mutant.of === 'flows' && !mutant.instead && !before.met.has(mutant.flow)) return { verdict: 'equivalent' };
      const mark = space.mark();
      try {
        return judged(context, mutant, subjectOf(mutant, northbound, southbound));
      } catch (error) {
        if (!(error instanceof SpaceFull)) throw error;
        return { verdict: 'unknown', reason: error.message };
      } finally {
        space.release(mark);
      }
    },
  };
}

interface Context {
  readonly offers: string;
  readonly plans: readonly VpcPlan[];
  readonly policy: Policy | undefined;
  readonly properties: readonly Property[];
  readonly numbers: ReadonlyMap<string, number>;
  readonly space: Space;
  readonly before: Analysis;
  readonly fates: Fates;
  readonly opinions: ReadonlyMap<string, Opinion>;
  readonly senders: Senders;
}

interface Subject {
  readonly northbound: Northbound;
  readonly southbound: Southbound;
}

function subjectOf(mutant: Mutant, northbound: Northbound, southbound: Southbound): Subject {
  if (mutant.of === 'flows') return { northbound, southbound: withFlow(southbound, mutant) };
  const copy = structuredClone(northbound);
  mutant.damage(copy);
  return { northbound: copy, southbound: computeSouthbound(copy).southbound };
}

function followed(
  southbound: Southbound,
  { plans, policy, numbers, space }: Pick<Context, 'plans' | 'policy' | 'numbers' | 'space'>,
): Analysis {
  const network = networkOf(southbound, { numbers });
  const watch = policy ? policyWatch(policy, network, plans) : [];
  return analyse(network, { watch }, openWorkshop(network, space));
}

function judged(context: Context, mutant: Mutant, { southbound, northbound }: Subject): Outcome {
  const { space, fates, opinions, plans, policy, senders } = context;
  const after = followed(southbound, context);
  const gaps = newGaps(context, after);
  const changes = changesOf(space, fates, fatesOf(after));
  const besides = [
    ...(gaps === undefined ? [] : [gaps]),
    ...(offersOf(southbound) === context.offers ? [] : ['DHCP offers something else']),
  ];
  if (besides.length === 0 && changes.length === 0) return { verdict: 'equivalent' };
  const view = openView(after, plans, northbound, policy);
  const { first, others } = inOrder(context, mutant);
  let reason: string | undefined;
  let elsewhere: string | undefined;
  for (const property of [...first, ...others]) {
    for (const { key, verdict, reason: why } of opinionsOn(view, [property])) {
      const known = opinions.get(key)?.verdict;
      if (verdict === 'violated' && known !== 'violated') {
        if (first.includes(property)) return { verdict: 'caught', by: property.id };
        elsewhere ??= property.id;
      }
      if (verdict === 'unknown' && known !== 'unknown') reason ??= `${key}: ${why}`;
    }
  }
  const isHarmless = besides.length === 0 && !changes.some((change) => matters(after, senders, change));
  const told = (list: readonly Change[]): string[] => list.slice(0, lines).map((change) => changeWords(space, change));
  if (isHarmless) return { verdict: 'harmless', changes: told(changes) };
  if (elsewhere !== undefined) return { verdict: 'elsewhere', by: elsewhere };
  if (reason !== undefined) return { verdict: 'unknown', reason };
  const grave = changes.filter((change) => matters(after, senders, change));
  return { verdict: 'survived', changes: [...besides, ...told(grave)] };
}

/** So many changes are told of a mutant. */
const lines = 4;

/** The properties that should catch a mutant, and all others. What a policy's rules say is what the network is for: whatever breaks one should not be. */
function inOrder({ properties, policy }: Context, mutant: Mutant): { first: Property[]; others: Property[] } {
  const rules = new Set(policy?.rules.map(({ id }) => id));
  const first = [
    ...[...expectedOf(mutant)].flatMap((id) => properties.find((property) => property.id === id) ?? []),
    ...properties.filter(({ id }) => rules.has(id)),
  ];
  return { first, others: properties.filter((property) => !first.includes(property)) };
}

/** What DHCP says, which is no header of a packet and so no part of its fate. */
function offersOf({ flows }: Southbound): string {
  return flows.flatMap(({ actions }) => (actions.includes('put_dhcp') ? [actions] : [])).join('\n');
}

/** Of what was understood before and is not any more. */
function newGaps({ space, before }: Context, after: Analysis): string | undefined {
  const packets = (gaps: Analysis['gaps']): PacketSet => space.orAll(gaps.map((one) => one.packets));
  if (space.isSubset(packets(after.gaps), packets(before.gaps))) return undefined;
  return `not understood any more: ${after.gaps.map(({ reason }) => reason)[0]}`;
}

/** What a property says on one thing. */
interface Opinion {
  /** `ID SUBJECT`, with what tells it apart from others of that subject. */
  readonly key: string;
  readonly verdict: 'holds' | 'violated' | 'unknown' | 'vacuous';
  readonly reason: string;
}

function opinionsOn(view: View, properties: readonly Property[]): Opinion[] {
  return properties.flatMap((property) => [...property.checks(view)].map((check) => opinion(property, check)));
}

function opinion({ id }: Property, check: Check): Opinion {
  const { key: own, severity } = check;
  const key = [id, check.subject, ...(own === undefined ? [] : [own]), ...(severity ? [`(${severity})`] : [])].join(
    ' ',
  );
  if (check.vacuous !== undefined) return { key, verdict: 'vacuous', reason: check.vacuous };
  const judgement = check.judge();
  switch (judgement.verdict) {
    case 'holds':
      return { key, verdict: 'holds', reason: '' };
    case 'unknown':
      return { key, verdict: 'unknown', reason: judgement.reason };
    case 'violated':
      return { key, verdict: 'violated', reason: judgement.violation.sentence };
  }
}
