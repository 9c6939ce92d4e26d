/**
 * The flows of a table that a packet may match, found without trying them all:
 * a tree that at each branch looks at some bits of one word of the packet, on
 * whose value most of the flows below insist.  A warm trace mostly waits for
 * memory, so the trees of a pipeline's tables are written one behind the other
 * into one array of words, with all that is compared:
 *
 *     branch   -1 - at | mask | places - 1 | others | value, node | value, node | ...
 *     leaf     flow | flow | ... | 0
 *     flow     next | 4 * number + marks | choices | test | ... | choice | ...
 *     test     at | mask | value
 *     choice   end | alternative | alternative | ...
 *     alternative   end | test | test | ...
 *
 * `others`, `node`, `next`, `choices` and `end` are positions in the array.  A branch's values stand
 * in a hash table, where node 0 is an empty place.
 */
import type { Alternatives, WordTest } from './matcher.ts';

/** What a flow insists on. */
export interface IndexedFlow {
  /** By which it is known to who asks. */
  number: number;
  required: readonly WordTest[];
  /** One alternative of each. */
  choices: readonly Alternatives[];
  /** Whether it asks for more than that. */
  isGuarded: boolean;
}

/** Where indexes are written, one behind the other. */
export interface IndexCode {
  words: Int32Array;
  used: number;
}

/** Room for indexes.  They start behind position 0, which stands for none. */
export function newIndexCode(): IndexCode {
  return { words: new Int32Array(64), used: 1 };
}

/** Makes room for `count` more words, and returns where they start. */
export function reserve(code: IndexCode, count: number): number {
  const start = code.used;
  code.used += count;
  if (code.used > code.words.length) {
    const words = new Int32Array(Math.max(2 * code.words.length, code.used));
    words.set(code.words);
    code.words = words;
  }
  return start;
}

/** Marks of a flow. */
const guarded = 1;
const passed = 2;

/** Fewer flows than this are tried one by one. */
const fewFlows = 4;
const maxDepth = 6;
/** A flow that does not insist on a branch's bits is in each of its cases: so many copies are made for each flow. */
const copiesPerFlow = 8;

/** Counts down the copies of flows that may still be made. */
interface Budget {
  copies: number;
}

/** Writes an index of flows, which keep their order; returns where it starts. */
export function writeIndex(code: IndexCode, flows: readonly IndexedFlow[]): number {
  return writeNode(code, flows, 0, { copies: copiesPerFlow * flows.length });
}

function writeNode(code: IndexCode, flows: readonly IndexedFlow[], depth: number, budget: Budget): number {
  const bits = flows.length < fewFlows || depth === maxDepth ? undefined : tellingBits(flows, budget);
  if (!bits) return writeLeaf(code, flows);
  budget.copies -= copiesBelow(bits, flows.length);
  const { at, mask } = bits;
  const { cases, others } = divided(flows, at, mask);
  const places = placesFor(cases.size);
  const start = reserve(code, 4 + 2 * places);
  code.words.set([-1 - at, mask, places - 1], start);
  for (const [value, list] of cases) {
    const node = writeNode(code, list, depth + 1, budget);
    const { words } = code;
    let place = placeOf(value, places - 1);
    while (words[start + 5 + 2 * place] !== 0) place = (place + 1) & (places - 1);
    words[start + 4 + 2 * place] = value;
    words[start + 5 + 2 * place] = node;
  }
  const node = writeNode(code, others, depth + 1, budget);
  code.words[start + 3] = node;
  return start;
}

/** A power of two, of which at most half are taken. */
function placesFor(values: number): number {
  let places = 2;
  while (places < 2 * values) places *= 2;
  return places;
}

function placeOf(value: number, last: number): number {
  const mixed = Math.imul(value ^ (value >>> 16), 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) & last;
}

function writeLeaf(code: IndexCode, flows: readonly IndexedFlow[]): number {
  const start = code.used;
  for (const flow of flows) {
    const at = reserve(code, 3);
    writeTests(code, flow.required);
    code.words[at + 2] = code.used;
    for (const alternatives of flow.choices) {
      const choice = reserve(code, 1);
      for (const tests of alternatives) {
        const alternative = reserve(code, 1);
        writeTests(code, tests);
        code.words[alternative] = code.used;
      }
      code.words[choice] = code.used;
    }
    code.words[at] = code.used;
    code.words[at + 1] = 4 * flow.number + (flow.isGuarded ? guarded : 0);
  }
  reserve(code, 1);
  return start;
}

function writeTests(code: IndexCode, tests: readonly WordTest[]): void {
  let to = reserve(code, 3 * tests.length);
  const { words } = code;
  for (const { at, mask, value } of tests) {
    words[to++] = at;
    words[to++] = mask;
    words[to++] = value;
  }
}

/** Where the flows stand that a packet with these words may match. */
export function candidates(code: Int32Array, start: number, packet: Uint32Array): number {
  let node = start;
  for (;;) {
    const branch = code[node] as number;
    if (branch >= 0) return node;
    const value = (packet[-1 - branch] as number) & (code[node + 1] as number);
    const last = code[node + 2] as number;
    let place = node + 4 + 2 * placeOf(value, last);
    const end = node + 4 + 2 * last;
    while (code[place + 1] !== 0 && code[place] !== value) place = place === end ? node + 4 : place + 2;
    node = (code[place + 1] as number) || (code[node + 3] as number);
  }
}

/** Position of the first flow that gets all it insists on, from the one at `from` on; 0 if there is none. */
export function nextCandidate(code: Int32Array, packet: Uint32Array, from: number): number {
  for (let flow = from; ; ) {
    const next = code[flow] as number;
    if (next === 0) return 0;
    const choices = code[flow + 2] as number;
    if (allAsked(code, packet, flow + 3, choices) && (choices === next || oneOfEach(code, packet, choices, next))) {
      return flow;
    }
    flow = next;
  }
}

function allAsked(code: Int32Array, packet: Uint32Array, from: number, end: number): boolean {
  for (let at = from; at < end; at += 3) {
    if (((packet[code[at] as number] as number) & (code[at + 1] as number)) !== code[at + 2]) return false;
  }
  return true;
}

function oneOfEach(code: Int32Array, packet: Uint32Array, from: number, end: number): boolean {
  for (let choice = from; choice < end; ) {
    const over = code[choice] as number;
    let alternative = choice + 1;
    while (alternative < over && !allAsked(code, packet, alternative + 1, code[alternative] as number)) {
      alternative = code[alternative] as number;
    }
    if (alternative >= over) return false;
    choice = over;
  }
  return true;
}

/** The flow behind one in its leaf, whatever it insists on; the leaf's end may be there instead. */
export function following(code: Int32Array, flow: number): number {
  return code[flow] as number;
}

/** The number of a flow; -1 at the end of a leaf. */
export function numberOf(code: Int32Array, flow: number): number {
  return code[flow] === 0 ? -1 : (code[flow + 1] as number) >> 2;
}

/** Whether a flow asks for more than what is in the index. */
export function isGuarded(code: Int32Array, flow: number): boolean {
  return ((code[flow + 1] as number) & guarded) !== 0;
}

/** Whether a flow has been marked by `markPassed`. */
export function isPassed(code: Int32Array, flow: number): boolean {
  return ((code[flow + 1] as number) & passed) !== 0;
}

/** Notes that a flow has been found to do nothing that is told of. */
export function markPassed(code: Int32Array, flow: number): void {
  code[flow + 1] = (code[flow + 1] as number) | passed;
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
function tellingBits(flows: readonly IndexedFlow[], budget: Budget): Bits | undefined {
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
function divided(
  flows: readonly IndexedFlow[],
  at: number,
  mask: number,
): { cases: Map<number, IndexedFlow[]>; others: IndexedFlow[] } {
  const isAsked = (test: WordTest) => test.at === at && test.mask === mask;
  const cases = new Map<number, IndexedFlow[]>();
  const asked = flows.map(({ required }) => required.filter(isAsked).map(({ value }) => value));
  for (const [value] of asked) if (value !== undefined) cases.set(value, []);
  const others: IndexedFlow[] = [];
  for (const [i, entry] of flows.entries()) {
    const [value, ...more] = asked[i] as number[];
    if (value === undefined) {
      others.push(entry);
      for (const list of cases.values()) list.push(entry);
    } else if (more.every((other) => other === value)) {
      cases.get(value)?.push({ ...entry, required: entry.required.filter((test) => !isAsked(test)) });
    }
  }
  return { cases, others };
}
