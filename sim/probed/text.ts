/** The verdict for people: what was promised, whether it is so, and the packet that says no. */

import type { Finding, FlowMet, Property, Verdict, Verification } from '../verify.ts';
import { matrixLines } from './matrix.ts';

export interface TextOptions {
  /** The promises, by the properties' ids. */
  properties: readonly Pick<Property, 'id' | 'promise'>[];
  /** Colours, for a terminal. */
  colour?: boolean;
}

const marks: Record<Verdict, string> = { probed: '✓', violated: '✗', vacuous: '–', unknown: '?' };
const colours: Record<Verdict, string> = { probed: '32', violated: '31', vacuous: '90', unknown: '33' };

const count = (number: number, noun: string): string =>
  `${number.toLocaleString('en-US')} ${noun}${number === 1 ? '' : 's'}`;

/** How many flows of a path are shown. */
const flowLimit = 12;

export function textReport(verification: Verification, options: TextOptions): string {
  const { properties, topology } = verification;
  const paint = (text: string, verdict: Verdict): string =>
    options.colour ? `\u001b[${colours[verdict]}m${text}\u001b[0m` : text;
  const size = [
    count(topology.vpcs, 'VPC'),
    count(topology.networks, 'network'),
    `${count(topology.interfaces, 'port')} on ${count(topology.nodes, 'node')}`,
    count(topology.logicalFlows, 'logical flow'),
  ];
  const lines = options.properties.flatMap(({ id, promise }) => {
    const findings = properties.filter((finding) => finding.id === id);
    return findings.length === 0 ? [] : propertyLines(id, promise, findings, paint);
  });
  const { reachability } = verification;
  const matrix =
    reachability && reachability.places.length > 0
      ? matrixLines(reachability, (text, isYes) => paint(text, isYes ? 'probed' : 'vacuous'))
      : [];
  return [size.join(', '), '', ...lines, ...matrix, conclusion(verification, paint), ''].join('\n');
}

type Paint = (text: string, verdict: Verdict) => string;

function propertyLines(id: string, promise: string, findings: readonly Finding[], paint: Paint): string[] {
  const verdict = worstOf(findings);
  const probes = findings.reduce((sum, finding) => sum + finding.probes, 0);
  const subjects = findings.filter((finding) => finding.verdict !== 'vacuous').length;
  const tried = subjects === 0 ? vacuity(findings) : `${count(probes, 'packet')}, ${count(subjects, 'subject')}`;
  return [
    `${paint(`${marks[verdict]} ${id.padEnd(26)}`, verdict)} ${verdict} (${tried})`,
    `    ${promise}`,
    ...findings.filter(isWorthTelling).flatMap((finding) => detailLines(finding, paint)),
    '',
  ];
}

function worstOf(findings: readonly Finding[]): Verdict {
  const order: Verdict[] = ['violated', 'unknown', 'probed'];
  return order.find((verdict) => findings.some((finding) => finding.verdict === verdict)) ?? 'vacuous';
}

/** Why nothing was tried, where the reason is one. */
function vacuity(findings: readonly Finding[]): string {
  const reasons = new Set(findings.map(({ reason }) => reason ?? ''));
  return reasons.size === 1 ? [...reasons].join('') : 'nothing here that it speaks of';
}

const isWorthTelling = ({ verdict }: Finding): boolean => verdict === 'violated' || verdict === 'unknown';

function detailLines(
  { subject, verdict, reason, counterexample, flows = [], source }: Finding,
  paint: Paint,
): string[] {
  const path = flows.filter(({ match, actions }) => match !== '1' || actions !== 'next;');
  const hidden = path.length - flowLimit;
  return [
    '',
    `    ${paint(`${subject}: ${reason}`, verdict)}`,
    ...(counterexample
      ? [
          `      packet   ${counterexample.microflow}`,
          `      frame    ${counterexample.frame}`,
          ...(counterexample.outport === undefined ? [] : [`      came out ${counterexample.outport}`]),
        ]
      : []),
    ...(path.length > 0 ? ['      flows'] : []),
    ...(hidden > 0 ? [`        … ${hidden} before these`] : []),
    ...path.slice(-flowLimit).map((flow) => `        ${flowText(flow)}`),
    ...(source.length > 0 ? ['      written down at'] : []),
    ...source.map(({ file, line, column }) => `        ${file}:${line}:${column}`),
  ];
}

function flowText({ datapath, stage, priority, match, actions, source }: FlowMet): string {
  const place = source ? `   (${source.resource})` : '';
  return `${datapath} ${stage} ${priority}: ${match} → ${actions}${place}`;
}

function conclusion({ verdict, properties, elapsedMs }: Verification, paint: Paint): string {
  const probes = properties.reduce((sum, finding) => sum + finding.probes, 0);
  const effort = `${count(probes, 'packet')} in ${(elapsedMs / 1000).toFixed(1)} s`;
  const violated = properties.filter((finding) => finding.verdict === 'violated').length;
  switch (verdict) {
    case 'violated':
      return paint(`VIOLATED: ${count(violated, 'promise')} broken (${effort}).`, verdict);
    case 'unknown':
      return paint(`UNKNOWN: not everything was understood (${effort}).`, verdict);
    case 'vacuous':
      return paint('VACUOUS: there is nothing here that could be let through.', verdict);
    case 'probed':
      return `${paint(`PROBED: every packet that was tried did what the manifests promise (${effort}).`, verdict)}
Probes are samples; they prove nothing about the packets that were not tried.`;
  }
}
