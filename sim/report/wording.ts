/** Words that several forms of the report use. */
import type { Position } from '../../engine/origin.ts';
import type { Finding, FlowMet, Obstacle, TopologySize, Verdict, Verification } from '../verdict.ts';

/** `1 port`, `1,200 ports`. */
export const count = (number: number, noun: string): string =>
  `${number.toLocaleString('en-US')} ${noun}${number === 1 ? '' : 's'}`;

/** `2 VPCs, 5 networks, 12 ports on 4 nodes, 1,204 logical flows`; what there is none of is left out, but for the last. */
export function sizeText({ vpcs, networks, interfaces, nodes, logicalFlows }: TopologySize): string {
  const ports = nodes === 0 ? count(interfaces, 'port') : `${count(interfaces, 'port')} on ${count(nodes, 'node')}`;
  return [
    ...(vpcs === 0 ? [] : [count(vpcs, 'VPC')]),
    ...(networks === 0 ? [] : [count(networks, 'network')]),
    ...(interfaces === 0 ? [] : [ports]),
    count(logicalFlows, 'logical flow'),
  ].join(', ');
}

/** What counts: of several findings the worst; findings that are excused or mere remarks count as little as they should. */
export function worstOf(findings: readonly { readonly verdict: Verdict }[]): Verdict {
  const order: Verdict[] = ['violated', 'unknown', 'holds'];
  return order.find((verdict) => findings.some((finding) => finding.verdict === verdict)) ?? 'vacuous';
}

/** Whether the finding speaks against the network: broken or unknown, an error, and nobody excused it. */
export const isGrave = ({ verdict, severity, excused }: Finding): boolean =>
  (verdict === 'violated' || verdict === 'unknown') && severity === 'error' && excused === undefined;

/** `manifests/red.yaml:12:3`. */
export const placeText = ({ file, line, column }: Position): string => `${file}:${line}:${column}`;

/** `switch0 ls_in_acl 2001: MATCH → ACTIONS`. */
export const flowText = ({ datapath, stage, table, priority, match, actions }: FlowMet): string =>
  `${datapath} ${stage || `table ${table}`} ${priority}: ${match} → ${actions}`;

/** The row behind a flow and where it was asked for; '' where neither is known. */
export function causeText({ row, source }: FlowMet): string {
  return [row, source && `${source.resource} at ${placeText(source)}`].filter(Boolean).join(', ');
}

/** Whether a flow decides anything: most tables let most packets through as they are. */
export const isDecisive = ({ match, actions }: FlowMet): boolean => match !== '1' || actions !== 'next;';

/** Why a finding is as it is, and who excused it. */
export function reasonText({ reason = '', excused, severity, verdict }: Finding): string {
  const weight = verdict === 'violated' && severity !== 'error' ? ` (${severity})` : '';
  const until = excused?.until === undefined ? '' : ` until ${excused.until}`;
  return `${reason}${weight}${excused ? `; excused${until}: ${excused.reason}` : ''}`;
}

/** `1. what would have to change (flow)`. */
export const obstacleLines = (obstacles: readonly Obstacle[]): string[] =>
  obstacles.map(({ what, flow }, index) => `${index + 1}. ${what}${flow ? ` (${flowText(flow)})` : ''}`);

/** One sentence that says it all. */
export function conclusion({ verdict, properties, elapsedMs }: Verification): string {
  const effort = `${(elapsedMs / 1000).toFixed(1)} s`;
  const broken = properties.filter((finding) => finding.verdict === 'violated' && isGrave(finding)).length;
  const open = properties.filter((finding) => finding.verdict === 'unknown' && isGrave(finding)).length;
  const also = open > 0 ? `, and of ${count(open, 'promise')} it is not known` : '';
  switch (verdict) {
    case 'violated':
      return `VIOLATED: ${broken === 1 ? '1 promise is' : `${count(broken, 'promise')} are`} broken${also} (${effort}).`;
    case 'unknown':
      return `UNKNOWN: whether ${count(open, 'promise')} hold${open === 1 ? 's' : ''} was not understood (${effort}).`;
    case 'vacuous':
      return `VACUOUS: there is nothing here that the promises speak of (${effort}).`;
    case 'holds':
      return `HOLDS: ${aside(properties)} (${effort}).`;
  }
}

/** What is said of a network that holds: that all is proven, or what beside that is not. */
function aside(properties: readonly Finding[]): string {
  const notProven = properties.filter(({ verdict }) => verdict === 'violated' || verdict === 'unknown');
  const excused = notProven.filter((finding) => finding.excused !== undefined).length;
  const open = notProven.filter((finding) => finding.excused === undefined && finding.verdict === 'unknown').length;
  const broken = notProven.length - excused - open;
  const notes = [
    ...(broken > 0 ? [`${count(broken, 'warning')}`] : []),
    ...(open > 0 ? [`${count(open, 'promise')} of less weight not understood`] : []),
    ...(excused > 0 ? [`${count(excused, 'finding')} excused`] : []),
  ];
  return notes.length === 0 ? 'proven for all packets' : `what counts is proven for all packets; ${notes.join(', ')}`;
}
