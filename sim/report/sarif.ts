/**
 * The verdict as SARIF 2.1.0 (OASIS), which code hosts show beside the lines of
 * the manifests: a rule a property, a result a subject.
 */
import type { Position } from '../../engine/origin.ts';
import type { Finding, FlowMet, Verification } from '../verdict.ts';
import { type PropertyText, type ReportOptions, toldProperties } from './options.ts';
import { printable } from './printable.ts';
import { flowText, isDecisive, obstacleLines, reasonText } from './wording.ts';

const schema = 'https://json.schemastore.org/sarif-2.1.0.json';

/** JSON, indented, with a newline at its end. */
export function sarifReport(verification: Verification, options: ReportOptions): string {
  const { properties, elapsedMs, verdict, topology } = printable(verification);
  const rules = toldProperties(properties, options);
  const indices = new Map(rules.map(({ id }, index) => [id, index]));
  const log = {
    $schema: schema,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'lflow',
            ...(options.version !== undefined && { version: options.version, semanticVersion: options.version }),
            rules: rules.map(ruleOf),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: properties.map((finding) => resultOf(finding, indices.get(finding.id) ?? 0)),
        properties: { verdict, topology, elapsedMs },
      },
    ],
  };
  return `${JSON.stringify(log, undefined, 2)}\n`;
}

function ruleOf({ id, promise, help }: PropertyText): object {
  const address = help !== undefined && /^https?:\/\//.test(help) ? help : undefined;
  const text = `lflow proves for all packets: ${promise}.`;
  const more = help === undefined ? '' : ` More: ${help}`;
  return {
    id,
    shortDescription: { text: `${capitalized(promise)}.` },
    fullDescription: { text },
    help: { text: text + more, markdown: address === undefined ? text + more : `${text} [More](${address})` },
    ...(address !== undefined && { helpUri: address }),
    defaultConfiguration: { level: 'error' },
  };
}

const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** What SARIF calls a verdict. */
const kinds = { holds: 'pass', violated: 'fail', vacuous: 'notApplicable', unknown: 'open' } as const;
const levels = { error: 'error', warning: 'warning', info: 'note' } as const;

function resultOf(finding: Finding, ruleIndex: number): object {
  const { id, subject, verdict, severity, source, excused, counterexample, flows = [], obstacles = [] } = finding;
  const [place, ...others] = source;
  const steps = flows.filter(isDecisive).map(stepOf);
  return {
    ruleId: id,
    ruleIndex,
    kind: kinds[verdict],
    // Only what fails has a level.
    level: verdict === 'violated' ? levels[severity] : 'none',
    message: { text: messageOf(finding) },
    locations: [{ ...(place && physical(place)), logicalLocations: [{ fullyQualifiedName: subject }] }],
    ...(others.length > 0 && { relatedLocations: others.map((other, index) => ({ id: index, ...physical(other) })) }),
    partialFingerprints: { 'subject/v1': `${id} ${subject}` },
    ...(excused && {
      suppressions: [{ kind: 'external', status: 'accepted', justification: excusedText(excused) }],
    }),
    ...(steps.length > 0 && { codeFlows: [{ threadFlows: [{ locations: steps }] }] }),
    properties: { ...(counterexample && { counterexample }), ...(obstacles.length > 0 && { obstacles }) },
  };
}

const excusedText = ({ reason, until }: NonNullable<Finding['excused']>): string =>
  until === undefined ? reason : `${reason} (until ${until})`;

function messageOf(finding: Finding): string {
  const { subject, verdict, counterexample, obstacles = [] } = finding;
  if (verdict === 'holds') return `${subject}: proven for all packets`;
  return [
    `${subject}: ${reasonText(finding)}`,
    ...(counterexample ? [`Packet: ${counterexample.summary}; it goes into ${counterexample.inport}.`] : []),
    ...obstacleLines(obstacles),
  ].join('\n');
}

/** A reference (RFC 3986) to the file; standard input has none. */
function physical({ file, line, column }: Position): object {
  if (file === '-') return {};
  const path = file
    .split('/')
    .map((part) => encodeURIComponent(part))
    .join('/');
  const uri = path.startsWith('/') ? `file://${path}` : path.replace(/^(\.\/)+/, '');
  return { physicalLocation: { artifactLocation: { uri }, region: { startLine: line, startColumn: column } } };
}

function stepOf(flow: FlowMet): object {
  return {
    location: {
      ...(flow.source && physical(flow.source)),
      logicalLocations: [{ fullyQualifiedName: `${flow.datapath}/${flow.stage || flow.table}` }],
      message: { text: flowText(flow) },
    },
  };
}
