/**
 * The flows of a table that a packet may match, found without trying them all:
 * a tree that at each branch looks at some bits of one word of the packet, on
 * whose value most of the flows below insist.
 */
import type { WordTest } from './matcher.ts';

/** What a flow insists on. */
export interface IndexedFlow<Flow> {
  flow: Flow;
  required: readonly WordTest[];
}

interface Branch<Flow> {
  at: number;
  mask: number;
  cases: Map<number, FlowIndex<Flow>>;
  /** For a value that no flow insists on. */
  others: FlowIndex<Flow>;
}

/** A leaf holds the flows in the order in which they were given. */
export type FlowIndex<Flow> = Branch<Flow> | readonly Flow[];

/** Fewer flows than this are tried one by one. */
const fewFlows = 4;
/** A flow that does not insist on a branch's bits is in each of its cases: depth bounds how often it is copied. */
const maxDepth = 4;

/** Builds an index of flows, which keep their order. */
export function indexFlows<Flow>(flows: readonly IndexedFlow<Flow>[], depth = 0): FlowIndex<Flow> {
  const bits = flows.length < fewFlows || depth === maxDepth ? undefined : tellingBits(flows);
  if (!bits) return flows.map(({ flow }) => flow);
  const { at, mask, values } = bits;
  const below = (value: number | undefined) =>
    indexFlows(
      flows.flatMap((flow) => without(flow, at, mask, value)),
      depth + 1,
    );
  return { at, mask, cases: new Map([...values].map((value) => [value, below(value)])), others: below(undefined) };
}

/** The flows that a packet with these words may match, and no flow before them. */
export function candidates<Flow>(index: FlowIndex<Flow>, words: Uint32Array): readonly Flow[] {
  let node = index;
  while ('cases' in node) node = node.cases.get((words[node.at] as number) & node.mask) ?? node.others;
  return node;
}

interface Bits {
  at: number;
  mask: number;
  values: Set<number>;
  flows: number;
}

/** The bits that most flows insist on, if it is not too many that do not care. */
function tellingBits(flows: readonly IndexedFlow<unknown>[]): Bits | undefined {
  const all = new Map<string, Bits>();
  for (const { required } of flows) {
    for (const { at, mask, value } of required) {
      const key = `${at} ${mask}`;
      const bits = all.get(key) ?? { at, mask, values: new Set(), flows: 0 };
      bits.values.add(value);
      bits.flows++;
      all.set(key, bits);
    }
  }
  const useful = [...all.values()].filter((bits) => {
    const careless = flows.length - bits.flows;
    return bits.flows > 1 && careless * bits.values.size <= flows.length;
  });
  return useful.sort((a, b) => b.values.size - a.values.size || b.flows - a.flows)[0];
}

/** The flow as it stands below a branch for `value`; nothing if it insists on another one. */
function without<Flow>(
  { flow, required }: IndexedFlow<Flow>,
  at: number,
  mask: number,
  value: number | undefined,
): IndexedFlow<Flow>[] {
  const isAsked = (test: WordTest) => test.at === at && test.mask === mask;
  if (required.some((test) => isAsked(test) && test.value !== value)) return [];
  return [{ flow, required: required.filter((test) => !isAsked(test)) }];
}
