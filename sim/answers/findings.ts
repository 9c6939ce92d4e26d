/** From what a check says to what is told of it. */
import type { Check, Property } from '../properties/property.ts';
import type { Finding, Verdict } from '../verdict.ts';
import type { Answers } from './index.ts';

/** Judges a check and explains the judgement. */
export function findingOf(
  { id, severity }: Pick<Property, 'id' | 'severity'>,
  check: Check,
  answers: Answers,
): Finding {
  const finding = (verdict: Verdict, rest: Partial<Finding> = {}): Finding => ({
    id,
    subject: check.subject,
    severity: check.severity ?? severity,
    verdict,
    method: 'proof',
    source: [...check.source],
    ...rest,
  });
  if (check.vacuous !== undefined) return finding('vacuous', { reason: check.vacuous });
  const judgement = check.judge();
  switch (judgement.verdict) {
    case 'holds':
      return finding('holds');
    case 'unknown':
      return finding('unknown', { reason: judgement.reason });
    case 'violated': {
      const { reason, counterexample, flows, obstacles, source, isLeftToChance } = answers.explain(judgement.violation);
      if (isLeftToChance) return finding('unknown', { reason: `${reason}, or not: ${chance}` });
      const places = [...check.source, ...source];
      const once = new Map(places.map((place) => [`${place.file}:${place.line}:${place.column}`, place]));
      return finding('violated', {
        reason,
        ...(counterexample && { counterexample }),
        ...(flows && { flows }),
        ...(obstacles && { obstacles }),
        source: [...once.values()],
      });
    }
  }
}

const chance = 'which of several flows of one priority packets meet is left to chance';

/** What all findings together say: the worst of those that are errors and not excused; `vacuous` only where all are. */
export function overallVerdict(findings: readonly Finding[]): Verdict {
  const counted = findings.filter(({ severity, excused }) => severity === 'error' && excused === undefined);
  const order: Verdict[] = ['violated', 'unknown'];
  const worst = order.find((verdict) => counted.some((finding) => finding.verdict === verdict));
  if (worst) return worst;
  return findings.every(({ verdict }) => verdict === 'vacuous') ? 'vacuous' : 'holds';
}
