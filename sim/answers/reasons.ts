/** One sentence that says why: what is wrong, and what in the network makes it so. */
import type { LogicalFlow } from '../../engine/ovsdb/southbound.ts';
import type { Obstacle } from '../verdict.ts';
import type { FlowTeller } from './flow-met.ts';

/** What the last packet of a story met. */
export interface Met {
  readonly flows: readonly LogicalFlow[];
}

/** The sentence of a violation with its cause; without a full stop. */
export function sentenceOf(sentence: string, { flows }: Met, obstacles: readonly Obstacle[], tell: FlowTeller): string {
  const [first, ...more] = obstacles;
  if (first) return `${sentence}: ${first.what}${more.length > 0 ? `, and ${more.length} more in its way` : ''}`;
  const decisive = flows.map((flow) => ({ flow, words: causeOf(flow) })).filter(({ words }) => words !== undefined);
  const best = decisive.sort((a, b) => weight(b.flow) - weight(a.flow))[0];
  if (!best) return sentence;
  const { row } = tell(best.flow);
  return `${sentence}: ${best.words}${row === undefined || row.startsWith('row ') ? '' : ` (${row})`}`;
}

/** How much a flow that let a packet through explains, the most telling stages highest. */
const stages: readonly (readonly [RegExp, number])[] = [
  [/_acl$|_acl_eval$/, 5],
  [/lr_in_policy$/, 4],
  [/lr_in_dnat$|lr_in_unsnat$|_lb$/, 3],
  [/lr_in_ip_routing$/, 2],
  [/ls_in_l2_lkup$/, 1],
];

const weight = ({ stage }: LogicalFlow): number => stages.find(([pattern]) => pattern.test(stage))?.[1] ?? 0;

/** What a flow does for a packet that gets through; undefined where it decides nothing. */
function causeOf(flow: LogicalFlow): string | undefined {
  const { stage, match, actions } = flow;
  if (match === '1') return undefined;
  if (/_acl$|_acl_eval$/.test(stage)) return /drop;|reject/.test(actions) ? undefined : `an ACL allows it: ${match}`;
  if (/lr_in_policy$/.test(stage)) {
    const port = /outport = "([^"]*)"/.exec(actions)?.[1];
    return `a routing policy ${port === undefined ? 'lets it pass' : `sends it to ${port}`}: ${match}`;
  }
  if (/lr_in_dnat$|_lb$/.test(stage))
    return /ct_(dnat|lb)/.test(actions) ? `its destination is translated: ${match}` : undefined;
  if (/lr_in_unsnat$/.test(stage)) return undefined;
  if (/lr_in_ip_routing$/.test(stage)) {
    const port = /outport = "([^"]*)"/.exec(actions)?.[1];
    return port === undefined ? undefined : `a route leads to ${port}: ${match}`;
  }
  if (/ls_in_l2_lkup$/.test(stage)) {
    const port = /outport = "([^"]*)"/.exec(actions)?.[1];
    return port === undefined ? undefined : `the switch sends it to ${port}: ${match}`;
  }
  return undefined;
}
