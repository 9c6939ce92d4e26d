/**
 * A verification as parts to be verified one by one, in whatever order and wherever,
 * and what is concluded when all of them are: the same findings, in the same order and words, as of
 * verifying the whole network at once.
 */

import { isSame } from '../../engine/same.ts';
import { findingOf, overallVerdict } from '../answers/findings.ts';
import { type Answers, openAnswers } from '../answers/index.ts';
import { excused, inventoryOf, type Policy } from '../policy/index.ts';
import { addressesOnWires } from '../properties/address-unique.ts';
import { openView } from '../properties/open-view.ts';
import type { Check, Property } from '../properties/property.ts';
import type { View } from '../properties/view.ts';
import { analyse, type Network, type NetworkDatapath, networkOf } from '../symbolic/index.ts';
import type { Finding, TopologySize, Verification } from '../verdict.ts';
import { type Kin, type Outlined, openOutlined, openOutside } from './alike/crowds.ts';
import { speechless, tooLarge, withinMemory } from './findings.ts';
import { differenceFrom, type Ground, groundOf } from './ground.ts';
import type { Kept } from './kept.ts';
import { type Kind, keyOf, kindOf, kinds } from './kinds.ts';
import { hasMatrix, matrixGroups, mergedMatrix } from './matrix.ts';
import type { Common, Offer, PartResult } from './part-job.ts';
import { type Partition, partitionOf, type Subject } from './parts.ts';
import { componentsFor, judgeTogether, type Question, type TogetherResult } from './together.ts';
import { guarded, type Outside } from './wires.ts';

export interface PlanOptions {
  readonly properties: readonly Property[];
  readonly policy?: Policy;
  /** `YYYY-MM-DD`. */
  readonly today: string;
  /** Whether other networks follow: then a single part is worth being one. */
  readonly isRepeated?: boolean;
}

/** A verification that is prepared. */
export interface Plan {
  readonly subject: Subject;
  readonly options: PlanOptions;
  readonly network: Network;
  /** Of the network, without a packet followed. */
  readonly view: View;
  readonly partition: Partition;
  /** For `verifyPart`, with each of the parts. */
  readonly common: Common;
  /** Whether the whole network is followed at once, and no part by itself: there is one, or rules ask for all of them. */
  readonly isWhole: boolean;
  /** By which it is seen what another network differs in. */
  readonly ground?: Ground;
}

/** Prepares the verification of a network. */
export function planOf(subject: Subject, options: PlanOptions): Plan {
  const { policy, properties, isRepeated } = options;
  const network = networkOf(subject.southbound);
  const view = viewOf(network, subject, policy);
  const partition = partitionOf(subject, network, view.tenants);
  const common: Common = {
    elsewhere: partition.elsewhere,
    properties: properties.filter((one) => kindOf(one, policy) !== 'together').map(({ id }) => id),
    ...(policy && { policy }),
    matrix: hasMatrix(view),
  };
  const together = properties.filter((one) => kindOf(one, policy) === 'together').map((property) => ({ property }));
  const asked = componentsFor(together, view);
  const isWhole = partition.parts.length < (isRepeated ? 1 : 2) || !asked || network.components.every(isAmong(asked));
  const ground = isWhole || common.matrix ? undefined : groundOf(subject, partition);
  return { subject, options, network, view, partition, common, isWhole, ...(ground && { ground }) };
}

/** A plan for a network that differs by little from one before, whose plan is not used any more. */
export interface NextPlan {
  readonly plan: Plan;
  /** Numbers of the parts that are not as they were. */
  readonly changed: readonly number[];
}

/** Undefined where it may differ by more than some parts' own. */
export function nextPlan({ ground, options, common }: Plan, subject: Subject): NextPlan | undefined {
  const difference = ground && differenceFrom(ground, subject);
  if (!difference) return undefined;
  const { ground: fresh, changed } = difference;
  let network: Network | undefined;
  let view: View | undefined;
  const plan: Plan = {
    ...{ subject, options, common, partition: fresh.partition, isWhole: false, ground: fresh },
    get network() {
      network ??= networkOf(subject.southbound);
      return network;
    },
    get view() {
      view ??= viewOf(plan.network, subject, options.policy);
      return view;
    },
  };
  return { plan, changed };
}

const viewOf = (network: Network, { plans = [], northbound }: Subject, policy: Policy | undefined): View =>
  openView(analyse(network, { components: [] }), plans, northbound, policy);

/** Whether a component is one of these, or nobody sends anything there. */
const isAmong = (numbers: readonly number[]) => {
  const known = new Set(numbers);
  return (datapaths: readonly NetworkDatapath[], number: number): boolean =>
    known.has(number) || datapaths.every(({ ports }) => ports.every(({ edge }) => edge === undefined));
};

/** What is known of the whole from an earlier time: asked for only where parts do not suffice. */
export type Together = (questions: readonly Question[], isMatrixWanted: boolean) => TogetherResult;

/** The network verified for questions, here and now: all of it, or the components that they speak of. */
export const togetherOf =
  ({ network, subject, view, options: { policy } }: Plan, onProgress?: (what: string) => void, kept?: Kept): Together =>
  (questions, isMatrixWanted) => {
    const components = isMatrixWanted ? undefined : componentsFor(questions, view);
    return judgeTogether(network, subject, questions, {
      ...(policy && { policy }),
      ...(components && { components }),
      ...(isMatrixWanted && { groups: matrixGroups }),
      ...(onProgress && { onProgress }),
      ...(kept && { kept }),
    });
  };

/** A place in the list of findings: one that is there, or all or one of the checks of a question that is still open. */
type Slot =
  | { readonly finding: Finding; readonly told?: Told }
  | { readonly question: number; readonly check?: { readonly number: number; readonly subject: string } };

/** By what a finding is known: the decided offer of a part, or a row's check by its name. */
type Told = { readonly part: number; readonly place: number } | { readonly row: string };

/** What was known of wires the last time: so it is, as long as what parts say of them is the same. */
export interface WireMemory {
  last?: Wires & { readonly said: readonly unknown[]; readonly outlined?: Outlined };
}

/** The findings of a network, and from where they are: for `concludeNext`. */
export interface Concluded {
  readonly found: Omit<Verification, 'elapsedMs'>;
  /** Undefined where more than the parts was asked. */
  readonly origin?: FindingsOrigin;
}

/** The findings of each property, as they were before there were too many to be played or some were excused. */
export interface FindingsOrigin {
  readonly lists: readonly (readonly Finding[])[];
  /** Where in these lists the decided offers of each part are; -1 where they are nowhere. */
  readonly places: readonly Int32Array[];
  /** Where checks are that rows decide, by property and name. */
  readonly rows: ReadonlyMap<string, readonly number[]>;
  /** Where findings are that other parts have a say in: nobody else may answer for the address. */
  readonly owned: readonly { readonly part: number; readonly address: string }[];
  /** Which parts have an address on a wire: it changes with the network. */
  readonly addresses: Map<string, Set<number>>;
}

/**
 * Puts together what came of the parts, in their order (none, if they are not asked); `ask` is called at most once.  Who
 * concludes again and again gives a memory. `kin` says of parts (by position) what they are told by.
 */
export function conclude(
  plan: Plan,
  results: readonly PartResult[],
  ask: Together,
  memory: WireMemory = {},
  kin: readonly (Kin | undefined)[] = [],
): Concluded {
  const { options, view, common } = plan;
  const known = knownOf(results, memory, kin);
  const questions: Question[] = [];
  const lists = options.properties.map((property) => {
    const own: Slot[] = plan.isWhole
      ? [{ question: questions.length }]
      : slotsOf(plan, property, known, questions.length);
    const open = own.flatMap((slot) => ('question' in slot ? [slot] : []));
    const numbers = open.flatMap(({ check }) => check?.number ?? []);
    if (open.length > 0) questions.push({ property, ...(numbers.length > 0 && { checks: new Set(numbers) }) });
    return own;
  });
  const matrices = results.map(({ matrix }) => matrix);
  const merged = common.matrix && !plan.isWhole ? mergedMatrix(view, matrices) : undefined;
  const isMatrixWanted = common.matrix && !merged;
  // What a part takes too much memory for, the whole does.
  const isAsked = (questions.length > 0 || isMatrixWanted) && !known.isUnclear;
  const together = isAsked ? ask(questions, isMatrixWanted) : undefined;
  const findings = lists.map((slots) =>
    slots.flatMap((slot) => ('finding' in slot ? slot.finding : answered(slot, together, questions))),
  );
  const properties = toldOf(plan, findings);
  const matrix = merged ?? together?.matrix;
  return {
    found: {
      verdict: overallVerdict(properties),
      topology: sizeOf(view),
      properties,
      ...(matrix && { matrix }),
    },
    ...(questions.length === 0 && plan.ground && { origin: originOf(plan, results, lists, findings) }),
  };
}

/** What is told of findings: some are not played, and some are excused. */
export const toldOf = (plan: Plan, lists: readonly (readonly Finding[])[]): Finding[] =>
  excusing(plan, playsLimited(lists.flat()));

function originOf(
  { options: { properties, policy }, view, ground }: Plan,
  results: readonly PartResult[],
  slots: readonly (readonly Slot[])[],
  lists: readonly (readonly Finding[])[],
): FindingsOrigin {
  const places = results.map((result) => new Int32Array(offersIn(result).decided.length).fill(-1));
  const rows = new Map<string, number[]>();
  const owned: { part: number; address: string }[] = [];
  for (const [index, list] of slots.entries()) {
    const property = properties[index] as Property;
    const isOwned = kindOf(property, policy) === 'owners';
    for (const [place, slot] of list.entries()) {
      const told = 'finding' in slot ? slot.told : undefined;
      if (!told || !('finding' in slot)) continue;
      if ('row' in told) {
        const known = rows.get(told.row);
        if (known) known.push(place);
        else rows.set(told.row, [place]);
        continue;
      }
      (places[told.part] as Int32Array)[told.place] = place;
      if (isOwned) owned.push({ part: told.part, address: slot.finding.subject });
    }
  }
  const addresses = new Map<string, Set<number>>();
  for (const { name, datapath } of addressesOnWires(view)) {
    const part = ground?.homes.get(datapath.uuid) ?? -1;
    addresses.set(name, (addresses.get(name) ?? new Set()).add(part));
  }
  return { lists, places, rows, owned, addresses };
}

/** What the parts found. */
interface Known extends Wires {
  /** By property and key, then by part: places of its decided offers. */
  readonly offers: ReadonlyMap<string, ReadonlyMap<number, readonly number[]>>;
  readonly results: readonly PartResult[];
  /** By part. */
  readonly decided: readonly (readonly Offer[])[];
}

/** What is known of wires. */
export interface Wires {
  readonly outside: Outside;
  /** Whether there is a part of which it is not known what concerns it outside. */
  readonly isUnclear: boolean;
  /** Parts whose packets outside concern others. */
  readonly entangled: ReadonlySet<number>;
}

/** What a check of a property is known by among those of all properties. */
export const nameOf = (property: string, key: string): string => `${property}\n${key}`;

/** The offers of a part: those that decide checks, and those that the analysis of the part found, by their properties. */
export interface Offers {
  readonly decided: readonly Offer[];
  readonly found: ReadonlyMap<string, readonly Finding[]>;
}

const sortedOffers = new WeakMap<PartResult, Offers>();

export function offersIn(result: PartResult): Offers {
  const before = sortedOffers.get(result);
  if (before) return before;
  const decided: Offer[] = [];
  const found = new Map<string, Finding[]>();
  for (const offer of result.offers) {
    if (kinds[offer.property] !== 'found') decided.push(offer);
    else found.set(offer.property, [...(found.get(offer.property) ?? []), offer.finding]);
  }
  const offers = { decided, found };
  sortedOffers.set(result, offers);
  return offers;
}

function knownOf(results: readonly PartResult[], memory: WireMemory, kin: readonly (Kin | undefined)[]): Known {
  const offers = new Map<string, Map<number, number[]>>();
  for (const [part, result] of results.entries()) {
    for (const [place, { property, key }] of offersIn(result).decided.entries()) {
      const name = nameOf(property, key);
      const byPart = offers.get(name) ?? new Map<number, number[]>();
      offers.set(name, byPart);
      const list = byPart.get(part);
      if (list) list.push(place);
      else byPart.set(part, [place]);
    }
  }
  return {
    offers,
    results,
    decided: results.map((result) => offersIn(result).decided),
    ...wiresOf(results, memory, kin),
  };
}

/** What is known of the wires of parts; as the last time, where what they say of them is the same. */
export function wiresOf(results: readonly PartResult[], memory: WireMemory, kin: readonly (Kin | undefined)[]): Wires {
  // Who is told by another one is on its wires what that one is, but for the names of constants.
  const said = results.map(({ outside }, part) => [kin[part]?.source.outside ?? outside, kin[part]?.form.constants]);
  if (memory.last && isSame(memory.last.said, said)) return memory.last;
  const parts = results.map(({ outside }, part) => ({
    summary: outside === 'unknown' ? undefined : outside,
    ...(kin[part] && { kin: kin[part] }),
  }));
  const isKnown = results.every(({ outside }) => outside !== 'unknown');
  const outlined = isKnown ? withinMemory(() => openOutlined(parts, memory.last?.outlined)) : undefined;
  const opened = isKnown ? withinMemory(() => openOutside(parts, outlined)) : undefined;
  const all = opened && guarded(opened);
  const entangled = all ? results.flatMap((_, part) => (all.isEntangled(part) ? [part] : [])) : [];
  memory.last = {
    ...{ said, outside: all ?? nowhere, isUnclear: !all, entangled: new Set(entangled) },
    ...(outlined && { outlined }),
  };
  return memory.last;
}

/** Of wires that nothing is known of. */
const nowhere: Outside = { isEntangled: () => true, isAnsweredBesides: () => true };

function slotsOf(plan: Plan, property: Property, known: Known, question: number): Slot[] {
  const { options, view } = plan;
  const kind = kindOf(property, options.policy);
  if (kind === 'together') return [{ question }];
  if (kind === 'found') return foundBy(property, known.results).map((finding) => ({ finding }));
  const checks = [...property.checks(view)];
  if (checks.length === 0) return [{ finding: speechless(property) }];
  const taken = new Map<string, number>();
  const counts = new Map<string, number>();
  const open = checks.map((check) => (check.vacuous === undefined ? keyOf(property, check) : undefined));
  for (const key of open) if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1);
  return checks.map((check, number): Slot => {
    const key = open[number];
    if (key === undefined) return { finding: findingOf(property, check, rowAnswers(plan)) };
    if (kind === 'rows') {
      const finding = findingOf(property, check, rowAnswers(plan));
      return { finding, told: { row: nameOf(property.id, key) } };
    }
    const nth = taken.get(key) ?? 0;
    taken.set(key, nth + 1);
    const list = offered(kind, property, check, key, known);
    const told = list?.places.length === counts.get(key) ? list : undefined;
    const place = told?.places[nth];
    const finding = place === undefined ? undefined : known.decided[told?.part ?? 0]?.[place]?.finding;
    if (finding && told && place !== undefined)
      return { finding: { ...finding, subject: check.subject }, told: { part: told.part, place } };
    return { question, check: { number, subject: check.subject } };
  });
}

const explained = new WeakMap<Plan, Answers>();

/** Explains what can be read off rows; it is made when there is something to explain. */
function rowAnswers(plan: Plan): Answers {
  return {
    explain(violation) {
      const { view, subject } = plan;
      const answers =
        explained.get(plan) ?? openAnswers(view.analysis, subject.northbound ? { northbound: subject.northbound } : {});
      explained.set(plan, answers);
      return answers.explain(violation);
    },
  };
}

/** What a part has to say of a check; undefined where parts alone cannot decide it. */
function offered(
  kind: Kind,
  { id }: Property,
  { subject }: Check,
  key: string,
  { offers, outside, isUnclear, entangled }: Known,
): { readonly part: number; readonly places: readonly number[] } | undefined {
  const byPart = offers.get(nameOf(id, key));
  const [only] = byPart?.size === 1 ? byPart : [];
  if (!only) return undefined;
  const [part, places] = only;
  // Of a part of which nothing is known, anything may come in.
  if (kind !== 'part' && isUnclear) return undefined;
  if (kind === 'wires' && entangled.has(part)) return undefined;
  if (kind === 'owners' && outside.isAnsweredBesides(part, subject)) return undefined;
  return { part, places };
}

/** What the analysis of the parts found; where it is that there is nothing, once. */
export function foundBy(property: Property, results: readonly PartResult[]): Finding[] {
  const all = results.flatMap((result) => offersIn(result).found.get(property.id) ?? []);
  if (all.length === 0) return [speechless(property)];
  if (property.id !== 'ambiguous-flows') return all;
  const bad = all.filter(({ verdict }) => verdict !== 'holds');
  return bad.length > 0 ? bad : all.slice(0, 1);
}

/** What the whole network's analysis says of a slot. */
function answered(
  { question, check }: Extract<Slot, { question: number }>,
  together: TogetherResult | undefined,
  questions: readonly Question[],
): Finding[] {
  const { property } = questions[question] as Question;
  const found = together?.findings[question];
  if (check) return [found?.get(check.number) ?? tooLarge(property, check.subject)];
  if (!found) return [tooLarge(property, 'the network')];
  return found.size > 0 ? [...found.values()] : [speechless(property)];
}

/** So many findings are played in the data plane: each part counts by itself. */
const plays = 16;

function playsLimited(findings: readonly Finding[]): Finding[] {
  let left = plays;
  return findings.map((finding) => {
    const { counterexample } = finding;
    if (!counterexample) return finding;
    left -= 1;
    const { replayed } = counterexample;
    if (left >= 0 || replayed.plane === 'not run') return finding;
    const { why, ...rest } = replayed;
    const without = { ...rest, plane: 'not run' as const, ...(!replayed.tracer && why !== undefined && { why }) };
    return { ...finding, counterexample: { ...counterexample, replayed: without } };
  });
}

function excusing(plan: Plan, findings: readonly Finding[]): Finding[] {
  const { policy, today } = plan.options;
  if (!policy || policy.builtIn.except.length === 0) return [...findings];
  const inventory = inventoryOf(plan.network, plan.subject.plans);
  return findings.map((finding) => excused(finding, policy, inventory, today));
}

/** Without manifests, tenants stand for VPCs, and ports are on no node. */
function sizeOf({ southbound, tenants }: View): TopologySize {
  const networks = tenants.flatMap((tenant) => tenant.networks);
  const hosts = networks.flatMap((network) => network.hosts);
  const nodes = [
    ...hosts.flatMap(({ node }) => node ?? []),
    ...tenants.flatMap(({ plan }) => plan?.gateways.map(({ node }) => node.name) ?? []),
  ];
  return {
    vpcs: tenants.length,
    networks: networks.length,
    interfaces: hosts.length,
    nodes: new Set(nodes).size,
    logicalFlows: southbound.flows.length,
  };
}
