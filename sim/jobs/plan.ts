/**
 * A verification as parts to be verified one by one, in whatever order and wherever,
 * and what is concluded when all of them are: the same findings, in the same order and words, as of
 * verifying the whole network at once.
 */
import { findingOf, overallVerdict } from '../answers/findings.ts';
import { type Answers, openAnswers } from '../answers/index.ts';
import { excused, inventoryOf, type Policy } from '../policy/index.ts';
import { openView } from '../properties/open-view.ts';
import type { Check, Property } from '../properties/property.ts';
import type { View } from '../properties/view.ts';
import { analyse, type Network, type NetworkDatapath, networkOf } from '../symbolic/index.ts';
import type { Finding, TopologySize, Verification } from '../verdict.ts';
import { type Kin, openOutside } from './alike/crowds.ts';
import { speechless, tooLarge } from './findings.ts';
import { type Kind, keyOf, kindOf } from './kinds.ts';
import { hasMatrix, matrixGroups, mergedMatrix } from './matrix.ts';
import type { Common, PartResult } from './part-job.ts';
import { type Partition, partitionOf, type Subject } from './parts.ts';
import { isSame } from './same.ts';
import { componentsFor, judgeTogether, type Question, type TogetherResult } from './together.ts';
import type { Outside } from './wires.ts';

export interface PlanOptions {
  readonly properties: readonly Property[];
  readonly policy?: Policy;
  /** `YYYY-MM-DD`. */
  readonly today: string;
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
}

/** Prepares the verification of a network. */
export function planOf(subject: Subject, options: PlanOptions): Plan {
  const { southbound, plans = [], northbound } = subject;
  const { policy, properties } = options;
  const network = networkOf(southbound);
  const view = openView(analyse(network, { components: [] }), plans, northbound, policy);
  const partition = partitionOf(subject, network, view.tenants);
  const common: Common = {
    elsewhere: partition.elsewhere,
    properties: properties.filter((one) => kindOf(one, policy) !== 'together').map(({ id }) => id),
    ...(policy && { policy }),
    matrix: hasMatrix(view),
  };
  const together = properties.filter((one) => kindOf(one, policy) === 'together').map((property) => ({ property }));
  const asked = componentsFor(together, view);
  const isWhole = partition.parts.length < 2 || !asked || network.components.every(isAmong(asked));
  return { subject, options, network, view, partition, common, isWhole };
}

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
  ({ network, subject, view, options: { policy } }: Plan, onProgress?: (what: string) => void): Together =>
  (questions, isMatrixWanted) => {
    const components = isMatrixWanted ? undefined : componentsFor(questions, view);
    return judgeTogether(network, subject, questions, {
      ...(policy && { policy }),
      ...(components && { components }),
      ...(isMatrixWanted && { groups: matrixGroups }),
      ...(onProgress && { onProgress }),
    });
  };

/** A place in the list of findings: one that is there, or all or one of the checks of a question that is still open. */
type Slot =
  | { readonly finding: Finding }
  | { readonly question: number; readonly check?: { readonly number: number; readonly subject: string } };

/** What was known of wires the last time: so it is, as long as what parts say of them is the same. */
export interface WireMemory {
  last?: { readonly said: readonly unknown[] } & Pick<Known, 'outside' | 'entangled' | 'isUnclear'>;
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
): Omit<Verification, 'elapsedMs'> {
  const { options, view, common } = plan;
  const known = knownOf(results, memory, kin);
  const questions: Question[] = [];
  const slots: Slot[] = [];
  for (const property of options.properties) {
    const own: Slot[] = plan.isWhole
      ? [{ question: questions.length }]
      : slotsOf(plan, property, known, questions.length);
    slots.push(...own);
    const open = own.flatMap((slot) => ('question' in slot ? [slot] : []));
    if (open.length === 0) continue;
    const numbers = open.flatMap(({ check }) => check?.number ?? []);
    questions.push({ property, ...(numbers.length > 0 && { checks: new Set(numbers) }) });
  }
  const matrices = results.map(({ matrix }) => matrix);
  const merged = common.matrix && !plan.isWhole ? mergedMatrix(view, matrices) : undefined;
  const isMatrixWanted = common.matrix && !merged;
  // What a part takes too much memory for, the whole does.
  const isAsked = (questions.length > 0 || isMatrixWanted) && !known.isUnclear;
  const together = isAsked ? ask(questions, isMatrixWanted) : undefined;
  const findings = slots.flatMap((slot) => ('finding' in slot ? slot.finding : answered(slot, together, questions)));
  const properties = excusing(plan, playsLimited(findings));
  const matrix = merged ?? together?.matrix;
  return {
    verdict: overallVerdict(properties),
    topology: sizeOf(view),
    properties,
    ...(matrix && { matrix }),
  };
}

/** What the parts found. */
interface Known extends Wires {
  /** By property and key, then by part. */
  readonly offers: ReadonlyMap<string, ReadonlyMap<number, readonly Finding[]>>;
  readonly results: readonly PartResult[];
}

/** What is known of wires. */
interface Wires {
  readonly outside: Outside;
  /** Whether there is a part of which it is not known what concerns it outside. */
  readonly isUnclear: boolean;
  /** Parts whose packets outside concern others. */
  readonly entangled: ReadonlySet<number>;
}

const nameOf = (property: string, key: string): string => `${property}\n${key}`;

function knownOf(results: readonly PartResult[], memory: WireMemory, kin: readonly (Kin | undefined)[]): Known {
  const offers = new Map<string, Map<number, Finding[]>>();
  for (const [part, { offers: own }] of results.entries()) {
    for (const { property, key, finding } of own) {
      const name = nameOf(property, key);
      const byPart = offers.get(name) ?? new Map<number, Finding[]>();
      offers.set(name, byPart);
      const list = byPart.get(part);
      if (list) list.push(finding);
      else byPart.set(part, [finding]);
    }
  }
  return { offers, results, ...wiresOf(results, memory, kin) };
}

function wiresOf(results: readonly PartResult[], memory: WireMemory, kin: readonly (Kin | undefined)[]): Wires {
  // Who is told by another one is on its wires what that one is, but for the names of constants.
  const said = results.map(({ outside }, part) => [kin[part]?.source.outside ?? outside, kin[part]?.form.constants]);
  if (!memory.last || !isSame(memory.last.said, said)) {
    const summaries = results.map(({ outside }) => (outside === 'unknown' ? undefined : outside));
    const all = results.some(({ outside }) => outside === 'unknown')
      ? undefined
      : openOutside(summaries.map((summary, part) => ({ summary, ...(kin[part] && { kin: kin[part] }) })));
    const entangled = all ? results.flatMap((_, part) => (all.isEntangled(part) ? [part] : [])) : [];
    memory.last = { said, outside: all ?? nowhere, isUnclear: !all, entangled: new Set(entangled) };
  }
  const { outside, entangled, isUnclear } = memory.last;
  return { outside, entangled, isUnclear };
}

/** Of wires that nothing is known of. */
const nowhere: Outside = { isEntangled: () => true, isAnsweredBesides: () => true };

function slotsOf(plan: Plan, property: Property, known: Known, question: number): Slot[] {
  const { options, view } = plan;
  const kind = kindOf(property, options.policy);
  if (kind === 'together') return [{ question }];
  if (kind === 'found') return foundBy(property, known).map((finding) => ({ finding }));
  const checks = [...property.checks(view)];
  if (checks.length === 0) return [{ finding: speechless(property) }];
  const taken = new Map<string, number>();
  const counts = new Map<string, number>();
  const open = checks.map((check) => (check.vacuous === undefined ? keyOf(property, check) : undefined));
  for (const key of open) if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1);
  return checks.map((check, number): Slot => {
    const key = open[number];
    if (key === undefined || kind === 'rows') return { finding: findingOf(property, check, rowAnswers(plan)) };
    const nth = taken.get(key) ?? 0;
    taken.set(key, nth + 1);
    const list = offered(kind, property, check, key, known);
    const finding = list?.length === counts.get(key) ? list?.[nth] : undefined;
    if (finding) return { finding: { ...finding, subject: check.subject } };
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
): readonly Finding[] | undefined {
  const byPart = offers.get(nameOf(id, key));
  const [only] = byPart?.size === 1 ? byPart : [];
  if (!only) return undefined;
  const [part, list] = only;
  // Of a part of which nothing is known, anything may come in.
  if (kind !== 'part' && isUnclear) return undefined;
  if (kind === 'wires' && entangled.has(part)) return undefined;
  if (kind === 'owners' && outside.isAnsweredBesides(part, subject)) return undefined;
  return list;
}

/** What the analysis of the parts found; where it is that there is nothing, once. */
function foundBy(property: Property, { results }: Known): Finding[] {
  const all = results.flatMap(({ offers }) =>
    offers.flatMap((one) => (one.property === property.id ? [one.finding] : [])),
  );
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

function excusing({ network, subject, options: { policy, today } }: Plan, findings: readonly Finding[]): Finding[] {
  if (!policy || policy.builtIn.except.length === 0) return [...findings];
  const inventory = inventoryOf(network, subject.plans);
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
