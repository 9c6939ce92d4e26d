/** The verdict as JUnit's XML, which build servers show as tests: a suite a property, a test a subject. */
import type { Counterexample, Finding, Verification } from '../verdict.ts';
import { attributes, escaped } from './markup.ts';
import { type ReportOptions, toldProperties } from './options.ts';
import { printable } from './printable.ts';
import { causeText, flowText, isDecisive, obstacleLines, placeText, reasonText } from './wording.ts';

/**
 * A broken promise is a failure, an unknown one an error, a vacuous or excused one is skipped; what is no more
 * than a warning passes, with what there is to say as its output.
 */
export function junitReport(verification: Verification, options: ReportOptions): string {
  const { properties, elapsedMs } = printable(verification);
  const all = attributes({ name: 'lflow verify', ...numbers(properties), time: (elapsedMs / 1000).toFixed(3) });
  return junitOf(all, junitSuites(verification, options));
}

/** The document that has these suites. */
export const junitOf = (all: string, suites: readonly string[]): string =>
  ['<?xml version="1.0" encoding="UTF-8"?>', `<testsuites${all}>`, ...suites, '</testsuites>', ''].join('\n');

/** A suite for each property of a network, which has a name where there are several. */
export function junitSuites(verification: Verification, options: ReportOptions, network?: string): string[] {
  const { properties } = printable(verification);
  return toldProperties(properties, options).map(({ id, promise }) => {
    const findings = properties.filter((finding) => finding.id === id);
    return [
      `  <testsuite${attributes({ name: id, package: network, ...numbers(findings) })}>`,
      `    <properties><property${attributes({ name: 'promise', value: promise })}/></properties>`,
      ...findings.map(testcase),
      '  </testsuite>',
    ].join('\n');
  });
}

type Outcome = 'passed' | 'failure' | 'error' | 'skipped';

function outcomeOf({ verdict, severity, excused }: Finding): Outcome {
  if (verdict === 'holds') return 'passed';
  if (verdict === 'vacuous' || excused) return 'skipped';
  if (severity !== 'error') return 'passed';
  return verdict === 'violated' ? 'failure' : 'error';
}

function numbers(findings: readonly Finding[]): Record<'tests' | 'failures' | 'errors' | 'skipped', number> {
  const of = (outcome: Outcome): number => findings.filter((finding) => outcomeOf(finding) === outcome).length;
  return { tests: findings.length, failures: of('failure'), errors: of('error'), skipped: of('skipped') };
}

function testcase(finding: Finding): string {
  const { id, subject, source } = finding;
  const [place] = source;
  const start = `    <testcase${attributes({ name: subject, classname: `lflow.${id}`, file: place?.file, line: place?.line })}`;
  const body = bodyOf(finding);
  return body === '' ? `${start}/>` : `${start}>\n${body}\n    </testcase>`;
}

function bodyOf(finding: Finding): string {
  const outcome = outcomeOf(finding);
  const message = attributes({ message: reasonText(finding), type: finding.verdict });
  switch (outcome) {
    case 'passed':
      return finding.verdict === 'holds'
        ? ''
        : `      <system-out>${escaped([reasonText(finding), details(finding)].join('\n'))}</system-out>`;
    case 'skipped':
      return `      <skipped${attributes({ message: reasonText(finding) })}/>`;
    default:
      return `      <${outcome}${message}>${escaped(details(finding))}</${outcome}>`;
  }
}

function details({ counterexample, flows = [], obstacles = [], source }: Finding): string {
  return [
    ...(counterexample ? packetLines(counterexample) : []),
    ...flows.filter(isDecisive).map((flow) => `flow: ${[flowText(flow), causeText(flow)].filter(Boolean).join('   ')}`),
    ...obstacleLines(obstacles).map((line) => `to change: ${line}`),
    ...source.map((place) => `written down at: ${placeText(place)}`),
  ].join('\n');
}

function packetLines({ summary, inport, outport, frame, microflow, traceOptions = [], before = [] }: Counterexample) {
  return [
    ...before.map((sent) => `first: ${sent.summary}, into ${sent.inport}`),
    `packet: ${summary}`,
    `goes into: ${inport}`,
    ...(outport === undefined ? [] : [`comes out: ${outport}`]),
    `microflow: ${[...traceOptions, microflow].join(' ')}`,
    `frame: ${frame}`,
  ];
}
