/** The verdict for people: what is promised, whether it is so, and the packet that says no. */
import type { Counterexample, Finding, FlowMet, Verdict, Verification } from '../verdict.ts';
import { matrixLines } from './matrix.ts';
import { type PropertyText, type ReportOptions, toldProperties } from './options.ts';
import { printable } from './printable.ts';
import {
  causeText,
  conclusion,
  count,
  flowText,
  isDecisive,
  isGrave,
  obstacleLines,
  placeText,
  reasonText,
  sizeText,
  worstOf,
} from './wording.ts';

export interface TextOptions extends ReportOptions {
  /** Colours, for a terminal. */
  readonly colour?: boolean;
}

const marks: Record<Verdict, string> = { holds: '✓', violated: '✗', vacuous: '–', unknown: '?' };
const colours: Record<Verdict, string> = { holds: '32', violated: '31', vacuous: '90', unknown: '33' };

/** How many flows of a path are shown. */
const flowLimit = 12;

type Paint = (text: string, verdict: Verdict) => string;

/** The whole report, with a newline at its end.  Control characters in names are shown as `\x1b`. */
export function textReport(verification: Verification, options: TextOptions): string {
  const { properties, topology, matrix, verdict } = printable(verification);
  const paint: Paint = (text, colour) => (options.colour ? `\u001b[${colours[colour]}m${text}\u001b[0m` : text);
  const told = toldProperties(properties, options).flatMap((property) =>
    propertyLines(
      property,
      properties.filter(({ id }) => id === property.id),
      paint,
    ),
  );
  const table = matrix
    ? matrixLines(matrix, (text, reach) =>
        paint(text, reach === 'all' ? 'holds' : reach === 'some' ? 'unknown' : 'vacuous'),
      )
    : [];
  return [sizeText(topology), '', ...told, ...table, paint(conclusion(verification), verdict), ''].join('\n');
}

function propertyLines({ id, promise }: PropertyText, findings: readonly Finding[], paint: Paint): string[] {
  const grave = findings.filter(isGrave);
  const told = findings.filter(({ verdict }) => verdict === 'violated' || verdict === 'unknown');
  const deciding = grave.length > 0 ? grave : findings;
  const verdict = worstOf(deciding);
  return [
    `${paint(`${marks[verdict]} ${id.padEnd(26)}`, verdict)} ${verdict}${scopeText(findings, deciding, verdict)}`,
    `    ${promise}`,
    ...told.flatMap((finding) => detailLines(finding, paint)),
    '',
  ];
}

/** How much the verdict is about; why, where it is about nothing. */
function scopeText(findings: readonly Finding[], deciding: readonly Finding[], verdict: Verdict): string {
  const [first] = findings;
  if (verdict === 'vacuous') {
    const isSame = findings.every(({ reason }) => reason === first?.reason);
    return isSame && first?.reason ? ` (${first.reason})` : ' (nothing here that it speaks of)';
  }
  const such = deciding.filter((finding) => finding.verdict === verdict).length;
  const all = findings.filter((finding) => finding.verdict !== 'vacuous').length;
  if (all === 1) return ` (${first?.subject})`;
  return verdict === 'holds' ? ` (${count(all, 'subject')})` : ` (${such} of ${count(all, 'subject')})`;
}

function detailLines(finding: Finding, paint: Paint): string[] {
  const { subject, verdict, counterexample, flows = [], obstacles = [], source } = finding;
  return [
    '',
    `    ${paint(`${subject}: ${reasonText(finding)}`, verdict)}`,
    ...(counterexample ? packetLines(counterexample) : []),
    ...section('flows that decide', flowLines(flows)),
    ...section('for it to arrive, this would have to change', obstacleLines(obstacles)),
    ...section(
      'written down at',
      source.map((place) => placeText(place)),
    ),
    ...(counterexample ? repeatLines(counterexample) : []),
  ];
}

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : [`      ${title}`, ...lines.map((line) => `        ${line}`)];

function packetLines(counterexample: Counterexample): string[] {
  const { inport, summary, outport, arrives, before = [], neighbors = [], learned = [] } = counterexample;
  return [
    ...before.map((sent) => `      first     ${sent.summary}, into ${sent.inport}`),
    `      packet    ${summary}`,
    `      goes into ${inport}`,
    ...(outport === undefined ? [] : [`      comes out ${outport}`]),
    ...(arrives ? [`      as        ${arrives.summary}`] : []),
    ...neighbors.map((neighbor) => `      known     ${neighbor}`),
    ...learned.map((address) => `      learned   ${address}`),
  ];
}

function flowLines(flows: readonly FlowMet[]): string[] {
  const path = flows.filter(isDecisive);
  const hidden = path.length - flowLimit;
  return [
    ...(hidden > 0 ? [`… ${hidden} before these`] : []),
    ...path.slice(-flowLimit).map((flow) => {
      const cause = causeText(flow);
      return `${flowText(flow)}${cause ? `   (${cause})` : ''}`;
    }),
  ];
}

/** What to paste where to see it again. */
function repeatLines({ frame, microflow, traceOptions = [], before = [], replayed }: Counterexample): string[] {
  const lines = [...before.map((sent) => `first frame ${sent.frame}`), `frame ${frame}`];
  const command = ['ovn-trace', ...traceOptions, shellQuoted(microflow)].join(' ');
  const doubt = replayed.why === undefined ? [] : [`this is a mistake of lflow: ${replayed.why}; please report it`];
  return [...section('to see it again', [command, ...lines]), ...doubt.map((text) => `      ${text}`)];
}

/** As one word of a shell. */
const shellQuoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
