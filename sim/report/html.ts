/**
 * The verdict as one HTML file that asks nobody for anything: it can be sent by
 * mail, kept beside the change that it is about, and read without scripts.
 */
import type { Counterexample, Finding, FlowMet, Matrix, Obstacle, Sent, Verdict, Verification } from '../verdict.ts';
import { decodedFields } from './decoded.ts';
import { script, style } from './html-style.ts';
import { attributes, escaped } from './markup.ts';
import { reachMarks } from './matrix.ts';
import { type PropertyText, type ReportOptions, toldProperties } from './options.ts';
import { type Picture, pictureMarkup } from './picture.ts';
import { printable } from './printable.ts';
import {
  causeText,
  conclusion,
  count,
  flowText,
  isDecisive,
  isGrave,
  placeText,
  reasonText,
  sizeText,
  worstOf,
} from './wording.ts';

export interface HtmlOptions extends ReportOptions {
  /** The network, for the picture of it. */
  readonly picture?: Picture;
  /** What was verified: the inputs' names. */
  readonly subject?: string;
}

const verdictNames: Readonly<Record<Verdict, string>> = {
  holds: '✓ holds',
  violated: '✗ violated',
  vacuous: '– vacuous',
  unknown: '? unknown',
};

/** The whole document. */
export function htmlReport(given: Verification, options: HtmlOptions): string {
  const verification = printable(given);
  const { properties, verdict, topology, matrix } = verification;
  const told = toldProperties(properties, options);
  const title = `lflow verify${options.subject === undefined ? '' : `: ${options.subject}`}`;
  const policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
  return [
    '<!DOCTYPE html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta${attributes({ 'http-equiv': 'Content-Security-Policy', content: policy })}>`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escaped(title)}</title>`,
    `<style>${style}</style>`,
    '</head>',
    '<body>',
    `<header><h1>${escaped(title)}</h1>${badge(verdict)}</header>`,
    `<p>${escaped(conclusion(verification))}</p>`,
    `<p class="quiet">${escaped(sizeText(topology))}${options.version === undefined ? '' : `; lflow ${escaped(options.version)}`}</p>`,
    promises(told, properties),
    ...(matrix && matrix.names.length > 0 ? [matrixSection(matrix)] : []),
    ...(options.picture ? [pictureSection(options.picture, properties)] : []),
    findingsSection(told, properties),
    `<script>${script}</script>`,
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

const badge = (verdict: Verdict): string => `<span class="badge ${verdict}">${verdictNames[verdict]}</span>`;

function promises(told: readonly PropertyText[], findings: readonly Finding[]): string {
  const rows = told.map(({ id, promise, help }) => {
    const own = findings.filter((finding) => finding.id === id);
    const grave = own.filter(isGrave);
    const name =
      help !== undefined && /^https?:/.test(help) ? `<a${attributes({ href: help })}>${escaped(id)}</a>` : escaped(id);
    return `<tr><td>${badge(worstOf(grave.length > 0 ? grave : own))}</td><td>${name}</td><td>${escaped(promise)}</td><td>${escaped(tally(own))}</td></tr>`;
  });
  const head = '<tr><th>verdict</th><th>property</th><th>what is promised</th><th>subjects</th></tr>';
  return `<h2>What is promised</h2>\n<div class="scroll"><table>${head}\n${rows.join('\n')}\n</table></div>`;
}

/** `2 hold, 1 is violated`. */
function tally(findings: readonly Finding[]): string {
  const words: readonly (readonly [Verdict, string, string])[] = [
    ['violated', 'is violated', 'are violated'],
    ['unknown', 'is unknown', 'are unknown'],
    ['holds', 'holds', 'hold'],
    ['vacuous', 'is vacuous', 'are vacuous'],
  ];
  return words
    .map(([verdict, one, many]): [number, string, string] => [
      findings.filter((finding) => finding.verdict === verdict).length,
      one,
      many,
    ])
    .filter(([number]) => number > 0)
    .map(([number, one, many]) => `${number.toLocaleString('en-US')} ${number === 1 ? one : many}`)
    .join(', ');
}

function matrixSection({ names, cells }: Matrix): string {
  const head = `<tr><td></td>${names.map((name) => `<th scope="col">${escaped(name)}</th>`).join('')}</tr>`;
  const rows = names.map((name, row) => {
    const line = names.map((to, column) => {
      const { reach, traffic } = cells[row]?.[column] ?? { reach: 'none' as const, traffic: '' };
      const words = { all: 'every pair of ports', some: 'some pairs of ports', none: 'nobody' }[reach];
      const title = `${name} to ${to}: ${words}${traffic ? `, ${traffic}` : ''}`;
      const shown = reach === 'none' ? reachMarks[reach] : `${reachMarks[reach]} ${traffic}`;
      return `<td${attributes({ class: reach, title })}>${escaped(shown)}</td>`;
    });
    return `<tr><th scope="row">${escaped(name)}</th>${line.join('')}</tr>`;
  });
  const legend = 'Rows send to columns. ✓ every pair of their ports, ~ some pairs, · nobody; over all packets.';
  return `<h2>Who reaches whom</h2>\n<p class="quiet">${legend}</p>\n<div class="scroll"><table class="matrix">${head}\n${rows.join('\n')}\n</table></div>`;
}

function pictureSection(picture: Picture, findings: readonly Finding[]): string {
  const marked = new Set(
    findings.flatMap(({ counterexample }) =>
      counterexample ? [counterexample.inport, counterexample.outport ?? ''] : [],
    ),
  );
  const legend = marked.size > 0 ? '<p class="quiet">Red ports send or get a packet that breaks a promise.</p>\n' : '';
  return `<h2>The network</h2>\n${legend}<div class="scroll">${pictureMarkup(picture, marked)}</div>`;
}

function findingsSection(told: readonly PropertyText[], findings: readonly Finding[]): string {
  const shown = told.flatMap(({ id }) =>
    findings.filter(
      (finding) => finding.id === id && (finding.verdict === 'violated' || finding.verdict === 'unknown'),
    ),
  );
  const quiet = findings.filter(({ verdict }) => verdict === 'holds' || verdict === 'vacuous');
  const ids = [...new Set(shown.map(({ id }) => id))];
  const tools = [
    ...(ids.length > 1 ? [button('all findings', 'show', ''), ...ids.map((id) => button(id, 'show', id))] : []),
    button('open all', 'open', 'yes'),
    button('close all', 'open', 'no'),
  ];
  return [
    '<h2>Findings</h2>',
    `<div class="tools">${tools.join('')}</div>`,
    ...(shown.length === 0 ? ['<p>Nothing is broken.</p>'] : shown.map(article)),
    ...(quiet.length > 0
      ? [fold(`What else was looked at (${count(quiet.length, 'finding')})`, quietTable(quiet))]
      : []),
  ].join('\n');
}

const button = (label: string, action: 'show' | 'open', value: string): string =>
  `<button type="button"${attributes({ [`data-${action}`]: value })}>${escaped(label)}</button>`;

const fold = (title: string, body: string, isOpen = false): string =>
  `<details${isOpen ? ' open' : ''}><summary>${escaped(title)}</summary>\n${body}\n</details>`;

function quietTable(findings: readonly Finding[]): string {
  const rows = findings.map(
    ({ id, subject, verdict, reason = '' }) =>
      `<tr><td>${badge(verdict)}</td><td>${escaped(id)}</td><td>${escaped(subject)}</td><td>${escaped(reason)}</td></tr>`,
  );
  return `<table>${rows.join('\n')}</table>`;
}

function article(finding: Finding): string {
  const { id, subject, verdict, counterexample, flows = [], obstacles = [], source } = finding;
  const look = !isGrave(finding) ? 'mild' : verdict === 'unknown' ? 'open' : 'broken';
  return [
    `<article${attributes({ class: look, 'data-property': id })}>`,
    `<header>${badge(verdict)}<h3>${escaped(id)}: ${escaped(subject)}</h3></header>`,
    `<p class="why">${escaped(reasonText(finding))}</p>`,
    ...(counterexample ? [packetMarkup(counterexample)] : []),
    ...(obstacles.length > 0 ? [obstaclesMarkup(obstacles)] : []),
    ...(flows.some(isDecisive) ? ['<h4>Flows that decide</h4>', flowTable(flows.filter(isDecisive))] : []),
    ...(source.length > 0
      ? [
          '<h4>Written down at</h4>',
          `<ul>${source.map((place) => `<li class="mono">${escaped(placeText(place))}</li>`).join('')}</ul>`,
        ]
      : []),
    ...(counterexample ? [evidence(counterexample)] : []),
    '</article>',
  ].join('\n');
}

function packetMarkup({
  summary,
  inport,
  outport,
  arrives,
  before = [],
  neighbors = [],
  learned = [],
  replayed,
}: Counterexample): string {
  const stop = (words: string, port: string): string =>
    `<span class="stop">${words} <code>${escaped(port)}</code></span>`;
  return [
    ...(before.length > 0
      ? [
          '<h4>First</h4>',
          ...before.map(
            (sent) => `<p><code>${escaped(sent.summary)}</code> into <code>${escaped(sent.inport)}</code></p>`,
          ),
        ]
      : []),
    '<h4>The packet</h4>',
    `<p><code>${escaped(summary)}</code></p>`,
    `<div class="way">${stop('goes into', inport)}${outport === undefined ? '' : `→${stop('comes out of', outport)}`}</div>`,
    ...(arrives ? [`<p>as <code>${escaped(arrives.summary)}</code></p>`] : []),
    ...(neighbors.length > 0
      ? [`<p>if these neighbours are known: <code>${neighbors.map(escaped).join('; ')}</code></p>`]
      : []),
    ...(learned.length > 0 ? [`<p>if switches have learned: <code>${learned.map(escaped).join('; ')}</code></p>`] : []),
    ...(replayed.why === undefined
      ? []
      : [`<p class="violated">This is a mistake of lflow: ${escaped(replayed.why)}; please report it.</p>`]),
  ].join('\n');
}

function obstaclesMarkup(obstacles: readonly Obstacle[]): string {
  const items = obstacles.map(
    ({ what, flow }) => `<li>${escaped(what)}${flow ? `<br><code>${escaped(flowText(flow))}</code>` : ''}</li>`,
  );
  return `<h4>For it to arrive, all of this would have to change</h4>\n<ol>${items.join('\n')}</ol>`;
}

function flowTable(flows: readonly FlowMet[]): string {
  const head =
    '<tr><th>datapath</th><th>stage</th><th>priority</th><th>match</th><th>actions</th><th>asked for by</th></tr>';
  const rows = flows.map((flow) => {
    const { datapath, stage, table, priority, match, actions } = flow;
    const cells = [datapath, stage || `table ${table}`, priority, match, actions, causeText(flow)];
    return `<tr>${cells.map((cell, column) => `<td class="code${column === 1 ? ' stage' : ''}">${escaped(cell)}</td>`).join('')}</tr>`;
  });
  return `<div class="scroll"><table>${head}\n${rows.join('\n')}\n</table></div>`;
}

function evidence({
  trace,
  frame,
  microflow,
  traceOptions = [],
  before = [],
  arrives,
  replayed,
}: Counterexample): string {
  const again = [
    ...before.map((sent, index) => sentMarkup(`first, ${index + 1}`, sent)),
    `<h4>Microflow for ovn-trace and lflow trace</h4><pre class="wrap" data-copy>${escaped([...traceOptions, microflow].join(' '))}</pre>`,
    `<h4>Frame</h4><pre class="wrap" data-copy>${escaped(frame)}</pre>`,
    `<p class="quiet">Replayed by the tracer: ${replayed.tracer ? 'yes' : 'no'}; by the data plane: ${replayed.plane === true ? 'yes' : replayed.plane === false ? 'no' : 'not run'}.</p>`,
  ].join('\n');
  return [
    fold(
      'The packet, field by field',
      `${decodedTable(frame)}${arrives ? `<h4>As it arrives</h4>${decodedTable(arrives.frame)}` : ''}`,
    ),
    fold('To see it again', again),
    ...(trace === '' ? [] : [fold('Trace', `<pre>${escaped(trace)}</pre>`)]),
  ].join('\n');
}

const sentMarkup = (title: string, { frame, microflow }: Sent): string =>
  `<h4>${escaped(title)}</h4><pre class="wrap" data-copy>${escaped(microflow)}</pre><pre class="wrap" data-copy>${escaped(frame)}</pre>`;

function decodedTable(frame: string): string {
  const rows = decodedFields(frame).map(
    ({ layer, name, value }) =>
      `<tr><td>${escaped(layer)}</td><td class="code">${escaped(name)}</td><td class="code">${escaped(value)}</td></tr>`,
  );
  return `<table>${rows.join('\n')}</table>`;
}
