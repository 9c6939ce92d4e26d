/** The verdicts on many networks: a line each for people, and all of them for programs. */
import type { Finding, Verdict, Verification } from '../verdict.ts';
import { junitOf, junitSuites } from './junit.ts';
import { attributes, escaped } from './markup.ts';
import type { ReportOptions } from './options.ts';
import { printable } from './printable.ts';
import { count, isGrave, reasonText, worstOf } from './wording.ts';

/** One of many networks. */
export interface NetworkVerdict {
  /** The file or folder that it is in. */
  readonly name: string;
  readonly verification: Verification;
}

/** The worst of all verdicts. */
export const verdictOfAll = (all: readonly NetworkVerdict[]): Verdict =>
  worstOf(all.map(({ verification }) => verification));

/** Of one network: a line, and one for each promise that is broken or not understood, unless it is excused or a warning. */
export function networkText({ name, verification }: NetworkVerdict): string {
  const { verdict, properties, elapsedMs } = printable(verification);
  const grave = properties.filter(isGrave);
  const numbers: [number, string][] = [
    [properties.filter((finding) => finding.verdict === 'holds').length, 'hold'],
    [grave.filter((finding) => finding.verdict === 'violated').length, 'violated'],
    [grave.filter((finding) => finding.verdict === 'unknown').length, 'unknown'],
  ];
  const counts = numbers.flatMap(([number, word], index) => (number > 0 || index === 0 ? [`${number} ${word}`] : []));
  const head = `${verdict.padEnd(8)}  ${name}: ${counts.join(', ')} (${(elapsedMs / 1000).toFixed(1)} s)`;
  return [head, ...grave.map((finding) => `    ${line(finding)}`), ''].join('\n');
}

const line = (finding: Finding): string =>
  `${finding.verdict}: ${finding.id}, ${finding.subject}: ${reasonText(finding)}`;

/** A network that there is no verdict on: why it could not be read or verified, sentences. */
export interface UnreadNetwork {
  readonly name: string;
  readonly problem: string;
}

/** What is said last. */
export function networksConclusion(all: readonly NetworkVerdict[], unread: readonly UnreadNetwork[] = []): string {
  const words: [Verdict, string][] = [
    ['holds', 'hold'],
    ['violated', 'violated'],
    ['unknown', 'unknown'],
    ['vacuous', 'vacuous'],
  ];
  const parts = words.flatMap(([verdict, word]) => {
    const number = all.filter(({ verification }) => verification.verdict === verdict).length;
    return number > 0 ? [`${number} ${word}`] : [];
  });
  const lost = unread.length > 0 ? [`${unread.length} could not be verified`] : [];
  return `${count(all.length + unread.length, 'network')}: ${[...parts, ...lost].join(', ')}.\n`;
}

/** `{verdict, networks: [{name, verdict, topology, properties, ...}], unread: [{name, problem}]}`, with a newline at its end. */
export function networksJson(all: readonly NetworkVerdict[], unread: readonly UnreadNetwork[] = []): string {
  const networks = all.map(({ name, verification }) => ({ name, ...verification }));
  return `${JSON.stringify({ verdict: verdictOfAll(all), networks, unread }, undefined, 2)}\n`;
}

/** JUnit's XML: the suites of each network, as a package; of one that there is no verdict on, one with an error. */
export const networksJunit = (
  all: readonly NetworkVerdict[],
  options: ReportOptions,
  unread: readonly UnreadNetwork[] = [],
): string =>
  junitOf(attributes({ name: 'lflow verify' }), [
    ...all.flatMap(({ name, verification }) => junitSuites(verification, options, name)),
    ...unread.map(unreadSuite),
  ]);

const unreadSuite = ({ name, problem }: UnreadNetwork): string =>
  [
    `  <testsuite${attributes({ name: 'input', package: name, tests: 1, failures: 0, errors: 1, skipped: 0 })}>`,
    `    <testcase${attributes({ name, classname: 'lflow.input' })}>`,
    `      <error${attributes({ message: 'the network cannot be read' })}>${escaped(problem)}</error>`,
    '    </testcase>',
    '  </testsuite>',
  ].join('\n');
