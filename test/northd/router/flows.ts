/** Our router flows in the form in which they are compared with ovn-northd's. */
import { computeSouthbound } from '../../../engine/northd/index.ts';
import { buildRouterFlows } from '../../../engine/northd/router/index.ts';
import { buildTopology } from '../../../engine/northd/topology.ts';
import type { Northbound } from '../../../engine/ovsdb/northbound.ts';
import { compareFlows, type Flow, flowsOf } from '../../oracle/compare.ts';

const withoutHint = [
  'pipeline',
  'table',
  'stage',
  'priority',
  'match',
  'actions',
  'source',
  'controllerMeter',
] as const satisfies readonly (keyof Flow)[];

/** The flows of routers alone. */
export function routerFlowsOnly(flows: readonly Flow[]): Flow[] {
  return flows.filter(({ stage }) => stage.startsWith('lr_'));
}

/**
 * What differs between ovn-northd's router flows of `nb`, `real`, and ours; ''
 * for nothing.  ovn-northd stores flows that are the same on several routers
 * once, with the hint of one of them, and of several rows that cause one flow it
 * names the one it meets first in a hash table: a hint is right if it is that of
 * any row that causes the same flow.
 */
export function routerDifferences(nb: Northbound, real: readonly Flow[]): string {
  const ours = routerFlowsOnly(flowsOf(computeSouthbound(nb).southbound));
  const expected = routerFlowsOnly(real);
  const differences = compareFlows(expected, ours, withoutHint);
  if (differences !== '') return differences;
  const hints = hintsOf(nb);
  const wrong = expected.filter((flow) => !hints.get(text(flow))?.has(flow.hint ?? ''));
  return wrong.map((flow) => `hint ${flow.hint} is none of ours: ${text(flow)}`).join('\n');
}

/** The first digits of the UUIDs of all rows that cause a flow, by the flow. */
function hintsOf(nb: Northbound): Map<string, Set<string>> {
  const topology = buildTopology(nb);
  const hints = new Map<string, Set<string>>();
  for (const dp of topology.routers) {
    buildRouterFlows(dp, topology, ({ name }, priority, match, actions, _line, hint) => {
      const key = text({ stage: name, priority, match, actions });
      const rows = hints.get(key) ?? new Set();
      hints.set(key, rows.add(hint?._uuid.slice(0, 8) ?? ''));
    });
  }
  return hints;
}

function text({ stage, priority, match, actions }: Pick<Flow, 'stage' | 'priority' | 'match' | 'actions'>): string {
  return `${stage} ${priority} ${match} ${actions}`;
}
