/** No packet meets two flows of one priority that do different things. */
import { groupBy } from '../../engine/group.ts';
import type { LogicalFlow } from '../../engine/ovsdb/southbound.ts';
import { type Check, holds, type Property, violated } from './property.ts';
import type { View } from './view.ts';

export const ambiguousFlows: Property = {
  id: 'ambiguous-flows',
  severity: 'error',
  promise: 'no packet meets two flows of one priority that do different things',
  *checks(view) {
    const pairs = groupBy(view.analysis.ambiguous, ({ flows: [flow] }) => `${placeOf(view, flow)} ${flow.stage}`);
    for (const [subject, [pair]] of pairs) if (pair) yield check(subject, pair);
    if (pairs.size === 0) yield { subject: 'all datapaths', source: [], judge: () => holds };
  },
};

const placeOf = ({ analysis }: View, { datapath }: LogicalFlow): string =>
  analysis.network.datapaths.get(datapath)?.name ?? datapath;

function check(subject: string, { flows }: View['analysis']['ambiguous'][number]): Check {
  const [a, b] = flows;
  const sentence = `packets match two flows of priority ${a.priority} (${a.match}; ${b.match}), and which of them is taken is left to chance`;
  return { subject, source: [], judge: () => violated({ kind: 'written', sentence, flows }) };
}
