/** What is different between two verdicts on a network, for who watches it. */
import type { Finding, Verification } from '../sim/verdict.ts';

/** How much was verified again. */
export interface Work {
  readonly parts: number;
  readonly verified: number;
}

/**
 * A line for the whole, and one for each finding that is another one now; `time` is shown as it is. Of those that hold and were
 * not there, and of those that held and are gone, it is said how many they are: an interface more gives names to many rows.
 */
export function changesText(before: Verification, now: Verification, { parts, verified }: Work, time: string): string {
  const work = `${verified} of ${parts} ${parts === 1 ? 'part' : 'parts'} verified again in ${now.elapsedMs} ms`;
  const lines = changedFindings(before.properties, now.properties);
  const all = lines.length > 0 ? lines : ['  nothing has changed'];
  return [`${time}  ${now.verdict}: ${work}`, ...all, ''].join('\n');
}

function changedFindings(before: readonly Finding[], now: readonly Finding[]): string[] {
  const known = byName(before);
  const found = byName(now);
  const lines: string[] = [];
  let [come, gone] = [0, 0];
  for (const [name, finding] of found) {
    const was = known.get(name);
    if (was?.verdict === finding.verdict && was.reason === finding.reason) continue;
    if (!was && finding.verdict === 'holds') come += 1;
    else lines.push(`  ${titleOf(finding)}: ${was ? `${was.verdict}, now ` : ''}${wordsOf(finding)}`);
  }
  for (const [name, finding] of known) {
    if (found.has(name)) continue;
    if (finding.verdict === 'holds') gone += 1;
    else lines.push(`  ${titleOf(finding)}: ${finding.verdict}, now gone`);
  }
  if (come > 0) lines.push(`  ${come} ${come === 1 ? 'finding that holds is' : 'findings that hold are'} new`);
  if (gone > 0) lines.push(`  ${gone} ${gone === 1 ? 'finding that held is' : 'findings that held are'} gone`);
  return lines;
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
