/** Logical_Flow tags: the port that a flow is about, so that chassis without it need not look at the flow, ovn-sb(5). */
import type { LogicalFlow } from '../../ovsdb/southbound.ts';

/** The lines of northd.c (OVN 23.03.1) that say so of the flows that they write. */
const lines = [
  5673, 5680, 5695, 5702, 5712, 5736, 5744, 5806, 5809, 6940, 6967, 8172, 8200, 8224, 8264, 8277, 8309, 8325, 8339,
  8453, 8553, 8620, 8667,
];

const tagged: ReadonlySet<string> = new Set(lines.map((line) => `northd.c:${line}`));

/** `in_out_port`: the port that the flow's match names. */
export function flowTags({ source, match }: LogicalFlow): Record<string, string> {
  if (!tagged.has(source)) return {};
  const [, quoted] = /\b(?:inport|outport) == ("(?:[^"\\]|\\.)*")/.exec(match) ?? [];
  return quoted === undefined ? {} : { in_out_port: JSON.parse(quoted) };
}
