/** What gets from one place to another, for people to read. */
import type { Obstacle } from '../verdict.ts';
import type { Reach } from './reach.ts';

/** The verdict, what arrives, a packet and its way; or what is in the way; or what is not known. */
export function reachText(reach: Reach): string {
  const { verdict, from, to, traffic, honest, sample, datapaths, obstacles, doubts } = reach;
  const lines = [
    `${verdict.toUpperCase()}: ${headlines[verdict]} from ${from} to ${to}`,
    ...traffic.map((line) => `  ${line}`),
    ...(verdict === 'reachable' && !honest ? ['  only with what honest hosts do not send: forged or odd packets'] : []),
    ...(sample
      ? [
          `for example ${sample.summary}`,
          `  in by ${sample.inport}${sample.outport === undefined ? '' : `, out by ${sample.outport}`}`,
          `  ${sample.microflow}`,
          ...(sample.arrives ? [`  arrives as ${sample.arrives.summary}`] : []),
          ...(sample.neighbors ?? []).map((neighbor) => `  once this neighbour is known: ${neighbor}`),
          `  through ${datapaths.join(', ')}`,
          ...(sample.replayed.tracer
            ? []
            : [`  the tracer does not agree: ${sample.replayed.why ?? 'it ends elsewhere'}`]),
        ]
      : []),
    ...(obstacles.length > 0
      ? ['in the way, all of it would have to change:', ...obstacles.flatMap(obstacleLines)]
      : []),
    ...doubts.flatMap(({ reason, traffic: some }) => [`because ${reason}:`, ...some.map((line) => `  ${line}`)]),
  ];
  return `${lines.join('\n')}\n`;
}

const headlines: Record<Reach['verdict'], string> = {
  reachable: 'packets get',
  unreachable: 'no packet of a new connection gets',
  unknown: 'it is not known what gets',
};

function obstacleLines({ what, flow }: Obstacle): string[] {
  const row = flow?.row === undefined || flow.row.startsWith('row ') ? '' : ` (${flow.row})`;
  const source = flow?.source && `    ${flow.source.file}:${flow.source.line}:${flow.source.column}`;
  return [`  ${what}${row}`, ...(source ? [source] : [])];
}
