/**
 * The plan that a data plane makes of traffic: which of it gets rules once software has seen it, and which never does.
 *
 *     const plan = await planReactive({ southbound, placement, node: 'worker1', device, capabilities, arrivals: () => frames });
 *
 * All frames go through software here; rules are what they would leave in a device at the end: those of connections that
 * are over by then, and those that were not used for as long as they may be idle, are not there any more.
 */
import { createNode, type Node } from '../node/node.ts';
import type { Southbound } from '../ovsdb/southbound.ts';
import type { Placement } from '../program/placement.ts';
import type { GroupUse, OffloadPlan, Reason, Traffic } from './plan.ts';
import { openReactive, type Placed, type ReactiveOptions, withTunnels } from './reactive.ts';
import { groups } from './reactive-rules.ts';
import { patternText } from './rule-text.ts';
import type { RuleSet, Tuple } from './rules.ts';

/** A frame that comes in. */
export interface Arriving {
  /** The logical port, a localnet port, or UNDERLAY. */
  readonly port: string;
  readonly frame: Uint8Array;
  /** Milliseconds since the first one; the same as before where it is absent. */
  readonly at?: number;
}

export interface ReactivePlanInput extends ReactiveOptions {
  readonly southbound: Southbound;
  readonly placement?: Placement;
  /** Name of the chassis. */
  readonly node: string;
  /** The traffic, in order; whoever makes it may try at the node first what is let through. */
  readonly arrivals: (node: Node) => Iterable<Arriving> | AsyncIterable<Arriving>;
  /** Seconds without a packet after which a rule goes; 10 without it. */
  readonly idle?: number;
}

/** Traffic of one port that software keeps for one reason. */
interface Kept {
  readonly from: string;
  readonly reason: Reason;
  frames: number;
}

/** Plans; rejects with what reading the traffic rejects with. */
export async function planReactive(input: ReactivePlanInput): Promise<OffloadPlan> {
  const { southbound, placement, node: chassis, device, capabilities, arrivals, idle = 10 } = input;
  const options = { southbound, chassis, ...(placement && { placement }) };
  const node = createNode(withTunnels(options, device));
  const table = openReactive(node, chassis, { ...input, idle });
  const kept = new Map<string, Kept>();
  const used = new Map<number, number>();
  const begin = node.now;
  for await (const { port, frame, at } of arrivals(node)) {
    if (at !== undefined && begin + at > node.now) node.advance(begin + at - node.now);
    node.send(port, frame);
    node.received();
    table.stale();
    const { added, known, reason } = table.learn(port, frame);
    const placed = added ?? known;
    if (placed) used.set(placed.number, node.now);
    if (reason) note(kept, port, reason);
  }
  table.stale();
  for (const { number } of table.placed()) {
    if (node.now - (used.get(number) ?? node.now) > idle * 1000) table.remove(number);
  }
  const ruleSet = table.ruleSet();
  return {
    node: chassis,
    device: capabilities.device,
    placement: 'reactive',
    ruleSet,
    traffic: [...table.placed().map((placed) => carried(placed, ruleSet)), ...[...kept.values()].map(keptTraffic)],
    groups: groupUses(ruleSet, capabilities.limits.rules?.value ?? null),
  };
}

function note(kept: Map<string, Kept>, from: string, reason: Reason): void {
  const key = `${from} ${reason.code} ${reason.detail}`;
  const known = kept.get(key);
  if (known) known.frames += 1;
  else kept.set(key, { from, reason, frames: 1 });
}

/** Packets that have rules. */
function carried({ number, from, to, rules, connection }: Placed, { indirect = [] }: RuleSet): Traffic {
  const id = `megaflow ${number}`;
  const known = indirect.find((each) => each.id === connection)?.connection;
  const isReply = rules.some(({ actions }) =>
    actions.some((action) => action.type === 'indirect' && action.reply === 1),
  );
  const tuple = isReply ? known?.reply : known?.opener;
  const words =
    known && tuple
      ? `${known.protocol.toUpperCase()} ${tupleText(tuple)}, ${isReply ? 'replies' : 'the opener’s packets'}`
      : patternText(rules[0]?.pattern ?? []);
  const reasons: Reason[] = known
    ? [{ code: 'ct-new', detail: 'software has to see the connection established, and its end' }]
    : [];
  return { id, from, to, words, place: 'hardware-after-first', reasons, rules: [id] };
}

function tupleText({ src, dst, srcPort, dstPort }: Tuple): string {
  const end = (address: string, port: number): string => `${address.includes(':') ? `[${address}]` : address}:${port}`;
  return `${end(src, srcPort)} > ${end(dst, dstPort)}`;
}

const keptTraffic = ({ from, reason, frames }: Kept, index: number): Traffic => ({
  id: `software ${index}`,
  from,
  to: [],
  words: `${frames} ${frames === 1 ? 'frame' : 'frames'} of the traffic that was given`,
  place: 'software',
  reasons: [reason],
  rules: [],
});

const purposes: Readonly<Record<number, string>> = {
  [groups.entry]: 'tells tunnels from all others',
  [groups.tunnels]: 'what tunnels bring, as megaflows have it',
  [groups.hosts]: 'what hosts and networks send, as megaflows have it',
  [groups.found]: 'packets that belong to their connection',
};

function groupUses({ rules }: RuleSet, limit: number | null): GroupUse[] {
  const counts = new Map<number, number>();
  for (const { group } of rules) counts.set(group, (counts.get(group) ?? 0) + 1);
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([group, count]) => ({ group, purpose: purposes[group] ?? '', rules: count, limit }));
}
