/** An explanation as one HTML file with a picture; it loads nothing from anywhere and needs no script. */
import {
  behind,
  type Counts,
  type ExplainedGroup,
  type ExplainedReason,
  type Explanation,
  type FlowExplanation,
  flowLine,
  howToCheck,
  linesOf,
  summary,
  trafficLine,
} from './explain.ts';
import type { Place } from './plan.ts';
import { remedies } from './reasons.ts';

/** A page about a plan. */
export function planHtml(explanation: Explanation): string {
  const { node, device, classes, groups, tables } = explanation;
  const rows = tables.map(
    ({ group, purpose, rules, limit }) =>
      `<tr><td>${group}</td><td>${escaped(purpose)}</td><td>${rules}</td><td>${limit ?? 'not told'}</td></tr>`,
  );
  const table =
    rows.length === 0
      ? ''
      : `<h2>How full the device gets</h2><table><tr><th>group</th><th>for</th><th>rules</th><th>limit</th></tr>${rows.join('')}</table>`;
  return page(
    `What becomes of the traffic of ${node}`,
    `${device}. ${summary(classes, 'class of traffic', 'classes of traffic')}. These are kinds of packets, not numbers of packets.`,
    classes,
    `${groups.map((group) => section(group, trafficLine)).join('\n')}\n${table}`,
  );
}

/** A page about flows. */
export function flowsHtml({ classes, packets, groups }: FlowExplanation): string {
  const words = `${summary(classes, 'flow', 'flows')}; packets: ${packets.hardware} in hardware, ${packets.software} in software.`;
  return page(
    'What the flows of this switch do',
    words,
    classes,
    groups.map((group) => section(group, flowLine)).join('\n'),
  );
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as text, whatever stands in it; what controls a terminal is shown. */
function escaped(text: string): string {
  return text
    .replace(/[&<>"']/g, (c) => escapes[c] ?? c)
    .replace(/\p{Cc}/gu, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** A sentence with what stands between backquotes as code. */
const sentence = (text: string): string => escaped(text).replace(/`([^`]+)`/g, '<code>$1</code>');

const colours: Readonly<Record<Place, string>> = {
  hardware: '#2e7d32',
  'hardware-after-first': '#9e9d24',
  software: '#c62828',
};

const words: Readonly<Record<Place, string>> = {
  hardware: 'in hardware',
  'hardware-after-first': 'after the first packet',
  software: 'in software',
};

/** Packets come from the left; so much of their kinds goes by each way. */
function picture(counts: Counts): string {
  const all = (Object.keys(colours) as Place[]).filter((place) => counts[place] > 0);
  const total = all.reduce((sum, place) => sum + counts[place], 0);
  const height = Math.max(1, all.length) * 56 + 16;
  const middle = height / 2;
  const ways = all.map((place, index) => {
    const y = 36 + index * 56;
    const width = 3 + (15 * counts[place]) / total;
    return (
      `<path d="M120 ${middle} C 220 ${middle}, 220 ${y}, 320 ${y}" fill="none" stroke="${colours[place]}" stroke-width="${width.toFixed(1)}"/>` +
      `<rect x="320" y="${y - 18}" width="250" height="36" rx="6" fill="${colours[place]}"/>` +
      `<text x="445" y="${y + 5}" text-anchor="middle" fill="#fff">${counts[place]} ${words[place]}</text>`
    );
  });
  return (
    `<svg viewBox="0 0 600 ${height}" role="img" aria-label="${escaped(summary(counts, 'kind', 'kinds'))}">` +
    `${ways.join('')}<rect x="10" y="${middle - 18}" width="110" height="36" rx="6" fill="#37474f"/>` +
    `<text x="65" y="${middle + 5}" text-anchor="middle" fill="#fff">packets</text></svg>`
  );
}

function section<M>({ place, title, reasons, members }: ExplainedGroup<M>, lineOf: (member: M) => string): string {
  const colour = place === undefined ? '#616161' : colours[place];
  return [
    `<section style="border-left-color:${colour}"><h2>${escaped(title)}</h2>`,
    ...reasons.map(reasonHtml),
    `<details${members.length > 8 ? '' : ' open'}><summary>${members.length} kind${members.length === 1 ? '' : 's'}</summary><ul>`,
    ...linesOf(members, lineOf).map((line) => `<li>${escaped(line)}</li>`),
    '</ul></details></section>',
  ].join('\n');
}

function reasonHtml({ code, why, todo, check, remedy, details, page: where }: ExplainedReason): string {
  const here = details.map(({ detail, stage, flow }) => `<li>${escaped(detail + behind(stage, flow))}</li>`);
  return (
    `<p><code>${code}</code> ${sentence(why)}</p><ul>${here.join('')}</ul>` +
    `<dl><dt>What to do</dt><dd>${sentence(todo)} (${remedies[remedy]})</dd>` +
    `<dt>How to check</dt><dd>${sentence(check)}</dd><dt>More</dt><dd>${where}</dd></dl>`
  );
}

const style =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#212121}' +
  'section{border-left:6px solid;padding:0 0 0 1em;margin:1.5em 0}code{background:#eee;padding:0 .3em}' +
  'li{overflow-wrap:anywhere}dt{font-weight:600}dd{margin:0 0 .4em 1.5em}svg{width:100%;max-width:600px}' +
  'table{border-collapse:collapse}td,th{border:1px solid #bbb;padding:.2em .6em;text-align:left}';

function page(title: string, words: string, counts: Counts, body: string): string {
  const checks = howToCheck.map((line) => `<li>${sentence(line)}</li>`).join('');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title><style>${style}</style></head><body>
<h1>${escaped(title)}</h1><p>${escaped(words)}</p>
${picture(counts)}
${body}
<h2>To see it for yourself</h2><ol>${checks}</ol>
</body></html>
`;
}
