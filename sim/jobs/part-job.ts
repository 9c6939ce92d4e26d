/** The work on one part of a network: plain data in, plain data out, in any thread or on any machine. */
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import { routerName } from '../../engine/vpc/names.ts';
import { matrixOf, openAnswers } from '../answers/index.ts';
import type { Policy } from '../policy/index.ts';
import { builtInProperties } from '../properties/index.ts';
import { openView } from '../properties/open-view.ts';
import type { Check, Property } from '../properties/property.ts';
import type { View } from '../properties/view.ts';
import { analyse, networkOf, openWorkshop } from '../symbolic/index.ts';
import type { Finding, Matrix } from '../verdict.ts';
import { judged, tooLargeReason, unknownFinding, withinMemory } from './findings.ts';
import { forOnce, type Kept } from './kept.ts';
import { keyOf, kindOf } from './kinds.ts';
import { matrixGroups } from './matrix.ts';
import { type Elsewhere, type Part, subjectOf } from './parts.ts';
import { summaryOf, type WireSummary } from './wires.ts';

/** What is the same for all parts. */
export interface Common {
  readonly elsewhere: Elsewhere;
  /** Ids of built-in properties. */
  readonly properties: readonly string[];
  readonly policy?: Policy;
  /** Whether it is asked who reaches whom. */
  readonly matrix: boolean;
}

/** A finding of a part, and what its check is known by. */
export interface Offer {
  readonly property: string;
  readonly key: string;
  readonly finding: Finding;
}

/** What comes of a part. */
export interface PartResult {
  readonly offers: readonly Offer[];
  /** Of a part that takes more memory than there is nothing is known. */
  readonly outside?: WireSummary | 'unknown';
  readonly matrix?: Matrix;
  /** Positions of the part's flows that some packet meets. */
  readonly met?: readonly number[];
}

/** Verifies a part by itself; `kept` is what was kept of those before, if anything. */
export function verifyPart(part: Part, common: Common, kept: Kept = forOnce()): PartResult {
  const { network, components, subject } = opened(part, common);
  const analysis = withinMemory(() => analyse(network, { components }, openWorkshop(network, kept.space())));
  if (!analysis) return givenUp(part, common, tooLargeReason);
  const view = openView(analysis, subject.plans, subject.northbound, common.policy);
  const answers = openAnswers(analysis, {
    ...{ backstage: kept.backstage, ...(subject.northbound && { northbound: subject.northbound }) },
  });
  const offers = offersOf(part, common, view, (property, check) => judged(property, check, answers));
  const outside = withinMemory(() => summaryOf(view)) ?? 'unknown';
  const matrix = common.matrix ? withinMemory(() => matrixOf(analysis, matrixGroups(view))) : undefined;
  const met = part.southbound.flows.flatMap((flow, position) => (analysis.met.has(flow) ? [position] : []));
  return { offers, met, ...(view.wires.length > 0 && { outside }), ...(matrix && { matrix }) };
}

/** What is said of a part that could not be verified: everything is unknown, for this reason. */
export function givenUp(part: Part, common: Common, reason: string): PartResult {
  const { network, subject } = opened(part, common);
  const view = openView(analyse(network, { components: [] }), subject.plans, subject.northbound, common.policy);
  return {
    offers: offersOf(part, common, view, (property, { subject: about }) => unknownFinding(property, about, reason)),
    ...(view.wires.length > 0 && { outside: 'unknown' }),
  };
}

/** The network of a part, and which of its components are the part's own. */
export function opened(part: Part, common: Common) {
  const subject = subjectOf(part, common.elsewhere);
  const network = networkOf(subject.southbound);
  const components = network.components.flatMap(([first], index) =>
    first && subject.strangers.has(first.uuid) ? [] : [index],
  );
  return { subject, network, components };
}

const wanted = ({ properties }: Common): readonly Property[] =>
  builtInProperties.filter(({ id }) => properties.includes(id));

/** What a part has to say of each check that its view lists; `decide` decides. */
export function offersOf(
  part: Part,
  common: Common,
  view: View,
  decide: (property: Property, check: Check) => Finding,
): Offer[] {
  const own = new Set<unknown>(part.plans);
  const names = new Set(view.tenants.flatMap(({ plan, name }) => (plan && own.has(plan) ? [name] : [])));
  return wanted(common).flatMap((property) => {
    const kind = kindOf(property, common.policy);
    if (kind === 'rows' || kind === 'together') return [];
    return [...property.checks(view)].flatMap((check): Offer[] => {
      const key = keyOf(property, check);
      // Who the others are is not known here.
      const isAlone = property.id === 'tenant-isolation' && names.has(key);
      if (check.vacuous !== undefined && !isAlone) return [];
      const { vacuous: _, ...rest } = check;
      return [{ property: property.id, key, finding: decide(property, rest) }];
    });
  });
}

/** Who lists what there is to be said of a part has to know that there are others: one, or more than that. */
const fewOthers = 2;

/**
 * A part with a few tenants beside it that have nothing, of which no packet is followed; these flows of it, by their
 * positions, are met.
 */
export function asideOf(part: Part, common: Common, met: ReadonlySet<number>): Aside {
  if (last?.part !== part || last.common !== common) last = { part, common, aside: opensAside(part, common) };
  const { view, northbound } = last.aside;
  if (met.size === 0) return last.aside;
  const flows = part.southbound.flows.filter((_, index) => met.has(index));
  return { view: { ...view, analysis: { ...view.analysis, met: new Set(flows) } }, northbound };
}

interface Aside {
  readonly view: View;
  readonly northbound: Northbound | undefined;
}

/** Who asks about a part asks again: what it is told, and what it lists. */
let last: { readonly part: Part; readonly common: Common; readonly aside: Aside } | undefined;

function opensAside(part: Part, common: Common): Aside {
  const own = new Set(part.plans.map(({ vpc }) => routerName(vpc)));
  let others = 0;
  const beside = common.elsewhere.plans.filter(({ vpc }) => own.has(routerName(vpc)) || others++ < fewOthers);
  const { plans, northbound, southbound } = subjectOf(part, { plans: beside, routers: [] });
  const analysis = analyse(networkOf(southbound), { components: [] });
  return { view: openView({ ...analysis, met: new Set() }, plans, northbound, common.policy), northbound };
}
