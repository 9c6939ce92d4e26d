/** No packet meets two flows of one priority that do different things. */
import { groupBy } from '../../engine/group.ts';
import type { LogicalFlow } from '../../engine/ovsdb/southbound.ts';
import { type Check, holds, type Property, violated } from './property.ts';
import type { View } from './view.ts';

type Pair = View['analysis']['ambiguous'][number];

export const ambiguousFlows: Property = {
  id: 'ambiguous-flows',
  severity: 'error',
  promise: 'no packet meets two flows of one priority that do different things',
  *checks(view) {
    const pairs = groupBy(view.analysis.ambiguous, ({ flows: [flow] }) => `${placeOf(view, flow)} ${flow.stage}`);
    for (const [subject, alike] of pairs) {
      // What rows are to blame for comes before what none is.
      const pair = alike.find((one) => !isOfNorthd(view, one));
      const [own] = alike;
      if (pair) yield check(subject, pair);
      else if (own) yield { ...check(subject, own, ownWords), severity: 'info' };
    }
    if (pairs.size === 0) yield { subject: 'all datapaths', source: [], judge: () => holds };
  },
};

const placeOf = ({ analysis }: View, { datapath }: LogicalFlow): string =>
  analysis.network.datapaths.get(datapath)?.name ?? datapath;

function check(subject: string, { flows }: Pair, more = ''): Check {
  const [a, b] = flows;
  const sentence = `packets match two flows of priority ${a.priority} (${a.match}; ${b.match}), and which of them is taken is left to chance${more}`;
  return { subject, source: [], judge: () => violated({ kind: 'written', sentence, flows }) };
}

/** Flows of ls_in_l2_lkup that ovn-northd writes for a switch with mcast_snoop (northd.c:8959, 8991), and for a router's IPv6 address (8022). */
const toEverybody = 'ip6.mcast_flood';
const toNobody = 'ip4.mcast || ip6.mcast';
const toRouter = /^flags\[1\] == 0 && nd_ns && nd\.target == [0-9a-f:.]+$/;

const ownWords =
  "; both are ovn-northd's own for a switch with mcast_snoop, and no row is wrong: only solicitations for a router that are sent to" +
  ' another group than the solicited-node address meet them, and RFC 4861 (section 7.2.2) has no such';

/**
 * Whether both flows are OVN's own, and no row is wrong: solicitations for an address of a router, and what is sent to groups that
 * nobody joined. Those that hosts send go to groups that everybody gets, and have met a flow of a higher priority.
 */
function isOfNorthd({ analysis: { network } }: View, { flows }: Pair): boolean {
  const [{ datapath, stage, priority }] = flows;
  const isOwn = ([one, other]: readonly LogicalFlow[]) =>
    one?.match === toNobody && other !== undefined && toRouter.test(other.match);
  if (stage !== 'ls_in_l2_lkup' || !(isOwn(flows) || isOwn(flows.toReversed()))) return false;
  return network.southbound.flows.some(
    (flow) =>
      flow.match === toEverybody && flow.datapath === datapath && flow.stage === stage && flow.priority > priority,
  );
}
