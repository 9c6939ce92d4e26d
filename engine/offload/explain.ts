/**
 * What becomes of traffic, in words for somebody who has never heard of rules in hardware: grouped by what happens to it
 * and why, what is mostly meant first and exceptions behind it.
 */
import type { DatapathFlow, Judged } from './datapath-flows.ts';
import type { GroupUse, OffloadPlan, Place, Reason, ReasonCode, Traffic } from './plan.ts';
import { type ReasonText, reasonTexts, remedies } from './reasons.ts';

/** Why, once for all traffic that has the same reason. */
export interface ExplainedReason extends ReasonText {
  readonly code: ReasonCode;
  /** The page about it. */
  readonly page: string;
  /** What stands about single classes of traffic: each sentence once, with the stage and the flow behind it. */
  readonly details: readonly Omit<Reason, 'code'>[];
}

/** Classes of traffic of one place and the same reasons. */
export interface ExplainedGroup<T> {
  /** Undefined where nothing tells: flows without `-m`. */
  readonly place: Place | undefined;
  readonly title: string;
  readonly reasons: readonly ExplainedReason[];
  readonly members: readonly T[];
}

export type Counts = Readonly<Record<Place, number>>;

export interface Explanation {
  readonly node: string;
  readonly device: string;
  readonly placement: OffloadPlan['placement'];
  /** How many classes of traffic are in each place. */
  readonly classes: Counts;
  readonly groups: readonly ExplainedGroup<Traffic>[];
  readonly tables: readonly GroupUse[];
}

/** What a running switch does. */
export interface FlowExplanation {
  readonly classes: Counts;
  /** How many packets met flows of each place. */
  readonly packets: Counts;
  /** Flows of which nothing is told. */
  readonly untold: number;
  readonly groups: readonly ExplainedGroup<DatapathFlow>[];
}

/** Explains a plan. */
export function explainPlan({ node, device, placement, traffic, groups }: OffloadPlan): Explanation {
  return {
    node,
    device,
    placement,
    classes: countsOf(traffic, () => 1),
    groups: grouped(traffic, (one) => one),
    tables: groups,
  };
}

/** Explains flows of a running switch. */
export function explainFlows(judged: readonly Judged[]): FlowExplanation {
  return {
    classes: countsOf(judged, () => 1),
    packets: countsOf(judged, ({ flow }) => flow.packets),
    untold: judged.filter(({ place }) => place === undefined).length,
    groups: grouped(judged, ({ flow }) => flow),
  };
}

interface Placed {
  readonly place: Place | undefined;
  readonly reasons: readonly Reason[];
}

const places: readonly (Place | undefined)[] = ['hardware', 'hardware-after-first', 'software', undefined];

function countsOf<T extends Placed>(all: readonly T[], weight: (one: T) => number): Counts {
  const sum = (place: Place) => all.reduce((total, one) => total + (one.place === place ? weight(one) : 0), 0);
  return {
    hardware: sum('hardware'),
    'hardware-after-first': sum('hardware-after-first'),
    software: sum('software'),
  };
}

/** By place, then by reasons; the groups of one place by their size, those that are as they should be behind the others. */
function grouped<T extends Placed, M>(all: readonly T[], memberOf: (one: T) => M): ExplainedGroup<M>[] {
  const byKey = new Map<string, T[]>();
  for (const one of all) {
    const codes = [...new Set(one.reasons.map(({ code }) => code))].sort();
    const key = `${places.indexOf(one.place)} ${codes.join(' ')}`;
    byKey.set(key, [...(byKey.get(key) ?? []), one]);
  }
  const groups = [...byKey.values()].map((members): ExplainedGroup<M> => {
    const place = members[0]?.place;
    const reasons = explainedReasons(members.flatMap((one) => one.reasons));
    return { place, title: titleOf(place, reasons), reasons, members: members.map(memberOf) };
  });
  const isUsual = ({ reasons }: ExplainedGroup<M>) => Number(reasons.every(({ remedy }) => remedy === 'usual'));
  return groups.sort(
    (a, b) =>
      places.indexOf(a.place) - places.indexOf(b.place) ||
      isUsual(a) - isUsual(b) ||
      b.members.length - a.members.length,
  );
}

function explainedReasons(reasons: readonly Reason[]): ExplainedReason[] {
  const codes = [...new Set(reasons.map(({ code }) => code))];
  return codes.map((code) => {
    const details = new Map<string, Omit<Reason, 'code'>>();
    for (const { code: other, ...detail } of reasons) {
      const key = `${detail.detail} ${detail.stage} ${detail.flow}`;
      if (other === code && !details.has(key)) details.set(key, detail);
    }
    return { code, page: `docs/offload/reasons/${code}.md`, details: [...details.values()], ...reasonTexts[code] };
  });
}

function titleOf(place: Place | undefined, reasons: readonly ExplainedReason[]): string {
  const why = reasons.map(({ title }) => inside(title)).join('; ');
  const of = why === '' ? '' : `: ${why}`;
  if (place === 'hardware') return 'In hardware, from the first packet on';
  if (place === 'hardware-after-first') return `In hardware once software has seen the first packet${of}`;
  if (place === 'software') return `In software${of}`;
  return why === '' ? 'Nothing is told of these' : `Not told; they will be in software${of}`;
}

/** A title within a sentence; names such as ICMP stay as they are. */
const inside = (title: string): string =>
  /^[A-Z][a-z]/.test(title) ? title.charAt(0).toLowerCase() + title.slice(1) : title;

/** What to try before all else, where somebody doubts. */
export const howToCheck: readonly string[] = [
  'Use TCP, not ping: iperf3 -c ADDRESS -t 30. ICMP through stateful ACLs or NAT is never in hardware, and few packets are no test.',
  'While it runs: ovs-appctl dpctl/dump-flows -m | grep TCP-PORT. Without -m nothing tells of hardware.',
  'Look at flows with +est and many packets: offloaded:yes is hardware. A flow with +new takes one packet a connection.',
  'On the card: tc -s filter show dev REPRESENTOR ingress (in_hw), or lflow offload dump (counters of rules).',
  'lflow offload explain --flows FILE says of each flow why it is not in hardware.',
];

/** So many members of a group are told in the text. */
const mostTold = 12;
const mostDetails = 4;

/** The explanation of a plan as text for a terminal. */
export function planText(explanation: Explanation): string {
  const { node, device, placement, classes, groups, tables } = explanation;
  return [
    `What becomes of the traffic of ${node} on ${device}`,
    `  ${summary(classes, 'class of traffic', 'classes of traffic')}`,
    `  rules are made ${placement === 'proactive' ? 'before any packet' : 'for connections that software has seen'}`,
    '',
    ...groups.flatMap((group) => groupLines(group, trafficLine)),
    ...tableLines(tables),
    'To see it for yourself',
    ...howToCheck.map((line) => `  ${line}`),
    '',
  ].join('\n');
}

/** The explanation of flows as text. */
export function flowsText(explanation: FlowExplanation): string {
  const { classes, packets, untold, groups } = explanation;
  const total = packets.hardware + packets.software;
  const share = total === 0 ? '' : `; ${percent(packets.hardware, total)} of ${total} packets met flows in hardware`;
  return [
    'What the flows of this switch do',
    `  ${summary(classes, 'flow', 'flows')}${share}`,
    ...(untold > 0 ? [`  of ${untold} flows nothing is told: dump them with -m (ovs-appctl dpctl/dump-flows -m)`] : []),
    '',
    ...groups.flatMap((group) => groupLines(group, flowLine)),
    'To see it for yourself',
    ...howToCheck.map((line) => `  ${line}`),
    '',
  ].join('\n');
}

const percent = (part: number, whole: number): string => `${Math.round((100 * part) / whole)} %`;

/** `12 flows: 8 in hardware, 4 in software`. */
export function summary(counts: Counts, one: string, many: string): string {
  const total = counts.hardware + counts['hardware-after-first'] + counts.software;
  const parts = [
    [counts.hardware, 'in hardware'],
    [counts['hardware-after-first'], 'in hardware after the first packet'],
    [counts.software, 'in software'],
  ].flatMap(([count, words]) => (count === 0 ? [] : [`${count} ${words}`]));
  return `${total} ${total === 1 ? one : many}${parts.length > 0 ? `: ${parts.join(', ')}` : ''}`;
}

function groupLines<M>(group: ExplainedGroup<M>, lineOf: (member: M) => string): string[] {
  const { title, reasons, members } = group;
  const lines = linesOf(members, lineOf);
  const more = lines.length - mostTold;
  return [
    `${title} (${members.length})`,
    ...lines.slice(0, mostTold).map((line) => `  ${line}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
    ...reasons.flatMap(reasonLines),
    '',
  ];
}

/** A line for each member; those that read alike are one. */
export function linesOf<M>(members: readonly M[], lineOf: (member: M) => string): string[] {
  const counts = new Map<string, number>();
  for (const line of members.map(lineOf)) counts.set(line, (counts.get(line) ?? 0) + 1);
  return [...counts].map(([line, count]) => (count > 1 ? `${line} (${count} kinds)` : line));
}

function reasonLines({ code, why, todo, check, remedy, details, page }: ExplainedReason): string[] {
  return [
    `  [${code}] ${why}`,
    ...details.slice(0, mostDetails).map(({ detail, stage, flow }) => `    here: ${detail}${behind(stage, flow)}`),
    `    do:    ${todo} (${remedies[remedy]})`,
    `    check: ${check}`,
    `    more:  ${page}`,
  ];
}

/** The stage and the flow, where they are known. */
export function behind(stage: string | undefined, flow: string | undefined): string {
  const named = [stage, flow === undefined ? undefined : `flow ${flow.slice(0, 8)}`].filter(
    (part) => part !== undefined,
  );
  return named.length > 0 ? ` (${named.join(', ')})` : '';
}

/** One class of traffic in a line; where it goes in software is not told by rules. */
export function trafficLine({ from, also = [], to, words, place }: Traffic): string {
  const senders = also.length === 0 ? from : `${from} and ${also.length} more`;
  const dropped = place === 'hardware' ? ' to nobody: dropped' : '';
  const more = to.length - mostNamed;
  const named = more > 1 ? `${to.slice(0, mostNamed).join(', ')} and ${more} more` : to.join(', ');
  return `${words}, from ${senders}${to.length === 0 ? dropped : ` to ${named}`}`;
}

/** So many receivers are named in a line. */
const mostNamed = 8;

/** One flow in a line: where it stands, and what tells it from others. */
export function flowLine({ line, keys, actions, packets }: DatapathFlow): string {
  const matched = [...keys].map(([name, value]) => `${name}(${value})`).join(',');
  const done = actions.map(({ name, inner }) => (inner === '' ? name : `${name}(${inner})`)).join(',');
  const text = `${matched} → ${done}`;
  return `line ${line}, ${packets} packets: ${text.length > 150 ? `${text.slice(0, 150)}...` : text}`;
}

function tableLines(tables: readonly GroupUse[]): string[] {
  if (tables.length === 0) return [];
  const lines = tables.map(
    ({ group, purpose, rules, limit }) =>
      `  group ${group}: ${rules} rules${limit === null ? '' : ` of ${limit}`}, ${purpose}`,
  );
  return ['How full the device gets', ...lines, ''];
}
