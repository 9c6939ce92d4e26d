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

/**
 * Flows in the order in which they were given, and what they still insist on:
 *
 *     tests  end of flow 0's words | end of flow 1's | ... | at mask value | at mask value | ...
 */
export interface Leaf<Flow> {
  flows: readonly Flow[];
  tests: Int32Array;
}

export type FlowIndex<Flow> = Branch<Flow> | Leaf<Flow>;

/** Fewer flows than this are tried one by one. */
const fewFlows = 4;
const maxDepth = 6;
/** A flow that does not insist on a branch's bits is in each of its cases: so many copies are made for each flow. */
const copiesPerFlow = 8;

/** Counts down the copies of flows that may still be made. */
interface Budget {
  copies: number;
}

/** Builds an index of flows, which keep their order. */
export function indexFlows<Flow>(flows: readonly IndexedFlow<Flow>[]): FlowIndex<Flow> {
  return indexBelow(flows, 0, { copies: copiesPerFlow * flows.length });
}

function indexBelow<Flow>(flows: readonly IndexedFlow<Flow>[], depth: number, budget: Budget): FlowIndex<Flow> {
  const bits = flows.length < fewFlows || depth === maxDepth ? undefined : tellingBits(flows, budget);
  if (!bits) return leafOf(flows);
  budget.copies -= copiesBelow(bits, flows.length);
  const { at, mask } = bits;
  const below = (list: readonly IndexedFlow<Flow>[]) => indexBelow(list, depth + 1, budget);
  const { cases, others } = divided(flows, at, mask);
  return { at, mask, cases: new Map([...cases].map(([value, list]) => [value, below(list)])), others: below(others) };
}

function leafOf<Flow>(flows: readonly IndexedFlow<Flow>[]): Leaf<Flow> {
  const words = flows.reduce((sum, { required }) => sum + required.length, 0);
  const tests = new Int32Array(flows.length + 3 * words);
  let end = flows.length;
  for (const [i, { required }] of flows.entries()) {
    for (const { at, mask, value } of required) {
      tests[end++] = at;
      tests[end++] = mask;
      tests[end++] = value;
    }
    tests[i] = end;
  }
  return { flows: flows.map(({ flow }) => flow), tests };
}

/** The leaf with the flows that a packet with these words may match. */
export function candidates<Flow>(index: FlowIndex<Flow>, words: Uint32Array): Leaf<Flow> {
  let node = index;
  while ('cases' in node) node = node.cases.get((words[node.at] as number) & node.mask) ?? node.others;
  return node;
}

/** Position of the first flow of a leaf, from `from` on, that gets all it insists on; -1 if there is none. */
export function nextCandidate({ flows, tests }: Leaf<unknown>, words: Uint32Array, from: number): number {
  for (let i = from; i < flows.length; i++) {
    const end = tests[i] as number;
    let at = i === 0 ? flows.length : (tests[i - 1] as number);
    while (at < end && ((words[tests[at] as number] as number) & (tests[at + 1] as number)) === tests[at + 2]) at += 3;
    if (at >= end) return i;
  }
  return -1;
}

interface Bits {
  at: number;
  mask: number;
  values: Set<number>;
  flows: number;
}

function copiesBelow({ values, flows }: Bits, all: number): number {
  return (all - flows) * values.size;
}

/**
 * The bits that leave the fewest flows to look at, if that does not take too many copies of those that
 * do not insist on them.
 */
function tellingBits(flows: readonly IndexedFlow<unknown>[], budget: Budget): Bits | undefined {
  const all = new Map<number, Bits[]>();
  for (const { required } of flows) {
    for (const { at, mask, value } of required) {
      const masks = all.get(at) ?? [];
      if (masks.length === 0) all.set(at, masks);
      const known = masks.find((one) => one.mask === mask);
      const bits = known ?? { at, mask, values: new Set(), flows: 0 };
      if (!known) masks.push(bits);
      bits.values.add(value);
      bits.flows++;
    }
  }
  const useful = [...all.values()]
    .flat()
    .filter((bits) => bits.flows > 1 && copiesBelow(bits, flows.length) <= budget.copies);
  const left = (bits: Bits) => flows.length - bits.flows + bits.flows / bits.values.size;
  const [best] = useful.sort((a, b) => left(a) - left(b));
  return best && left(best) < flows.length ? best : undefined;
}

/** The flows as they stand below a branch: in each value's list and, where they insist on none, in all of them. */
function divided<Flow>(
  flows: readonly IndexedFlow<Flow>[],
  at: number,
  mask: number,
): { cases: Map<number, IndexedFlow<Flow>[]>; others: IndexedFlow<Flow>[] } {
  const isAsked = (test: WordTest) => test.at === at && test.mask === mask;
  const cases = new Map<number, IndexedFlow<Flow>[]>();
  const asked = flows.map(({ required }) => required.filter(isAsked).map(({ value }) => value));
  for (const [value] of asked) if (value !== undefined) cases.set(value, []);
  const others: IndexedFlow<Flow>[] = [];
  for (const [i, entry] of flows.entries()) {
    const [value, ...more] = asked[i] as number[];
    if (value === undefined) {
      others.push(entry);
      for (const list of cases.values()) list.push(entry);
    } else if (more.every((other) => other === value)) {
      cases.get(value)?.push({ flow: entry.flow, required: entry.required.filter((test) => !isAsked(test)) });
    }
  }
  return { cases, others };
}
