/** A network verified in one space, whole or as much of it as matters: what its parts cannot decide by themselves, or everything. */
import { type MatrixGroup, matrixOf, openAnswers } from '../answers/index.ts';
import type { Policy } from '../policy/index.ts';
import { openView } from '../properties/open-view.ts';
import type { Property } from '../properties/property.ts';
import type { View } from '../properties/view.ts';
import { policyWatch } from '../rules/index.ts';
import { analyse, type Network, openWorkshop } from '../symbolic/index.ts';
import type { Finding, Matrix } from '../verdict.ts';
import { judged, tooLarge, withinMemory } from './findings.ts';
import { forOnce, type Kept } from './kept.ts';
import type { Subject } from './parts.ts';

/** What is asked of the whole. */
export interface Question {
  readonly property: Property;
  /** Numbers of the checks to judge; all unless given. */
  readonly checks?: ReadonlySet<number>;
}

export interface TogetherOptions {
  readonly policy?: Policy;
  /** Numbers of the components whose packets are followed; all unless given. */
  readonly components?: readonly number[];
  /** The rows and columns of the table of who reaches whom, if that is asked for. */
  readonly groups?: (view: View) => readonly MatrixGroup[];
  /** What is kept of networks before; nothing unless given. */
  readonly kept?: Kept;
  readonly onProgress?: (what: string) => void;
}

export interface TogetherResult {
  /** For each question its findings by the number of the check; of one that has no check at all there is none. */
  readonly findings: readonly ReadonlyMap<number, Finding>[];
  readonly matrix?: Matrix;
}

/** Follows all packets of a network, and answers the questions. */
export function judgeTogether(
  network: Network,
  { plans = [], northbound }: Subject,
  questions: readonly Question[],
  { policy, components, groups, kept = forOnce(), onProgress }: TogetherOptions,
): TogetherResult {
  const analysis = withinMemory(() =>
    analyse(
      network,
      {
        watch: policy ? policyWatch(policy, network, plans) : [],
        ...(components && { components }),
        onProgress: (done, total) => onProgress?.(`following all packets: ${done} of ${total} parts of the network`),
      },
      openWorkshop(network, kept.space()),
    ),
  );
  if (!analysis) {
    return { findings: questions.map(({ property }) => new Map([[0, tooLarge(property, 'the network')]])) };
  }
  const view = openView(analysis, plans, northbound, policy);
  const answers = openAnswers(analysis, { backstage: kept.backstage, ...(northbound && { northbound }) });
  const findings = questions.map(({ property, checks }) => {
    const found = new Map<number, Finding>();
    let number = 0;
    for (const check of property.checks(view)) {
      if (!checks || checks.has(number)) {
        onProgress?.(`${property.id}: ${check.subject}`);
        found.set(number, judged(property, check, answers));
      }
      number += 1;
    }
    return found;
  });
  const matrix = groups && withinMemory(() => matrixOf(analysis, groups(view)));
  return { findings, ...(matrix && { matrix }) };
}

/** The components that have a port that questions speak of; undefined if all matter to any of them. */
export function componentsFor(questions: readonly Question[], view: View): readonly number[] | undefined {
  const found = new Set<number>();
  for (const { property } of questions) {
    const ports = property.ports?.(view);
    if (!ports) return undefined;
    for (const { datapath } of ports) found.add(datapath.component);
  }
  return [...found].sort((a, b) => a - b);
}
