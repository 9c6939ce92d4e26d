/** What is different between two verdicts on a network, for who watches it. */
import type { Finding, Verification } from '../sim/verdict.ts';

/** How much was verified again. */
export interface Work {
  readonly parts: number;
  readonly verified: number;
}

/** A line for the whole, and one for each finding that is another one now; `time` is shown as it is. */
export function changesText(before: Verification, now: Verification, { parts, verified }: Work, time: string): string {
  const work = `${verified} of ${parts} ${parts === 1 ? 'part' : 'parts'} verified again in ${now.elapsedMs} ms`;
  const lines = changedFindings(before.properties, now.properties);
  const all = lines.length > 0 ? lines : ['  nothing has changed'];
  return [`${time}  ${now.verdict}: ${work}`, ...all, ''].join('\n');
}

function changedFindings(before: readonly Finding[], now: readonly Finding[]): string[] {
  const known = byName(before);
  const found = byName(now);
  const changed = [...found].flatMap(([name, finding]) => {
    const was = known.get(name);
    if (was?.verdict === finding.verdict && was.reason === finding.reason) return [];
    return [`  ${titleOf(finding)}: ${was ? `${was.verdict}, now ` : ''}${wordsOf(finding)}`];
  });
  const gone = [...known].flatMap(([name, finding]) =>
    found.has(name) ? [] : [`  ${titleOf(finding)}: ${finding.verdict}, now gone`],
  );
  return [...changed, ...gone];
}

const titleOf = ({ id, subject }: Finding): string => `${id}, ${subject}`;

const wordsOf = ({ verdict, reason }: Finding): string => (reason === undefined ? verdict : `${verdict}: ${reason}`);

/** Several findings of one property and subject are told apart by their order. */
function byName(findings: readonly Finding[]): Map<string, Finding> {
  const counts = new Map<string, number>();
  return new Map(
    findings.map((finding) => {
      const title = titleOf(finding);
      const count = (counts.get(title) ?? 0) + 1;
      counts.set(title, count);
      return [`${title} ${count}`, finding];
    }),
  );
}
