/** A network verified by parts, and at once. */

import { verifyPart } from '../../../sim/jobs/part-job.ts';
import type { Subject } from '../../../sim/jobs/parts.ts';
import { conclude, type Plan, planOf, togetherOf } from '../../../sim/jobs/plan.ts';
import type { Policy } from '../../../sim/policy/index.ts';
import { builtInProperties } from '../../../sim/properties/index.ts';
import type { Property } from '../../../sim/properties/property.ts';
import type { Verification } from '../../../sim/verdict.ts';

type Concluded = Omit<Verification, 'elapsedMs'>;

export interface BothWays {
  readonly plan: Plan;
  readonly parts: Concluded;
  readonly together: Concluded;
  /** What parts alone did not decide: ids of properties. */
  readonly asked: readonly string[];
}

/** Rules are left out, for they are always decided by the whole. */
export function bothWays(
  subject: Subject,
  properties: readonly Property[] = builtInProperties,
  policy?: Policy,
): BothWays {
  const options = {
    properties: properties.filter((one) => builtInProperties.includes(one)),
    today: '2026-01-01',
    ...(policy && { policy }),
  };
  const plan = planOf(subject, options);
  const asked: string[] = [];
  const ask = togetherOf(plan);
  const results = plan.partition.parts.map((part) => verifyPart(part, plan.common));
  const { found: parts } = conclude({ ...plan, isWhole: false }, results, (questions, isMatrixWanted) => {
    asked.push(...questions.map(({ property }) => property.id), ...(isMatrixWanted ? ['matrix'] : []));
    return ask(questions, isMatrixWanted);
  });
  const { found: together } = conclude({ ...plan, isWhole: true }, [], ask);
  return { plan, parts, together, asked };
}
