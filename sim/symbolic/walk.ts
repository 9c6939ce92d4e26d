/** The walk of all packets that wait: table by table, flow by flow, until none is left. */
import { formatActions } from '../../engine/lang/index.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { perform } from './actions.ts';
import { drop, gap } from './ends.ts';
import { packetFields } from './fields.ts';
import { candidates, passedBy, type SymbolicFlow } from './flows.ts';
import { joinedStates } from './joining.ts';
import { isVague, matching, matchingOnce, type Test } from './matching.ts';
import { choose } from './packets.ts';
import { goOn } from './pipelines.ts';
import { type Bucket, type Here, inexactly, type Run } from './run.ts';
import { flowOf, limited, lineageOf, mayBeInexact, mayMeet, packetsOf, type State } from './state.ts';
import { at, read, write } from './store.ts';
import { cleared } from './tracking.ts';
import { constantOf } from './value.ts';
import { whateverAnswered } from './widening.ts';

/** Follows everything that waits until it has ended. `onStep` is called after each pipeline. */
export function walk(run: Run, onStep?: () => void): void {
  for (let hops = 0; hops < run.levels.length; hops++) {
    const level = run.levels[hops];
    if (!level) continue;
    for (;;) {
      const [first] = level;
      if (!first) break;
      const [place, bucket] = first;
      passPipeline(run, bucket);
      level.delete(place);
      onStep?.();
    }
    delete run.levels[hops];
  }
}

function passPipeline(run: Run, { datapath, pipeline, hops, tables }: Bucket): void {
  for (;;) {
    const table = lowest(tables);
    if (table === undefined) return;
    const states = joinedStates(run, tables.get(table) ?? []);
    tables.delete(table);
    const here = { datapath, pipeline, table, hops };
    for (const state of states) lookUp(run, here, state);
  }
}

function lowest(tables: ReadonlyMap<number, unknown>): number | undefined {
  let least: number | undefined;
  for (const table of tables.keys()) if (least === undefined || table < least) least = table;
  return least;
}

/** Which packets of a state have not met a flow of a table yet, and which of them may have after all. */
interface Rest {
  guard: PacketSet;
  unsure: PacketSet;
}

/** In a table with fewer flows packets are told apart by their guards alone: to put them together costs more. */
const fewFlows = 16;

/** Packets meet the flows of a table, those of the highest priority first. */
function lookUp(run: Run, here: Here, arrived: State): void {
  const { space } = run;
  const table = here.datapath.tables[here.pipeline][here.table];
  const flows = table ? candidates(table, arrived.store) : [];
  const passed = run.chassis ? undefined : passedBy(flows);
  if (passed) {
    run.met.add(passed.flow);
    goOn(run, here, passed.table, arrived);
    return;
  }
  if (++run.lookups > run.mostLookups && run.current) {
    gap(run, run.current, 'packets go more ways than are followed', whateverAnswered(run, packetsOf(run, arrived)));
    return;
  }
  const state = flows.length < fewFlows ? arrived : together(run, here, arrived);
  const rest: Rest = { guard: space.all, unsure: space.empty };
  let looked = space.all;
  for (let i = 0; i < flows.length; ) {
    // There is a packet at first, and as long as none has met a flow.
    if (rest.guard !== looked && !limited(run, state, rest.guard)) break;
    looked = rest.guard;
    const { priority } = (flows[i] as SymbolicFlow).flow;
    let next = i + 1;
    while (next < flows.length && (flows[next] as SymbolicFlow).flow.priority === priority) next++;
    meetAll(run, here, state, rest, flows, i, next);
    i = next;
  }
  const left = limited(run, state, rest.guard);
  if (left) forEachSure(run, left, rest.unsure, (some) => drop(run, here, 'no match', some));
}

/** The packets as a lineage of their own. In the first pipeline it becomes the root of those behind it. */
function together(run: Run, { hops }: Here, state: State): State {
  const lineage = lineageOf(packetsOf(run, state), hops === 0 ? undefined : state.lineage);
  return { ...state, lineage: { ...lineage, kinds: new Map() }, guard: run.space.all };
}

/** Fields at the end of diagrams: whether packets have values there that none of them has is long looked for. */
const lateFields: ReadonlySet<number> = new Set([at.ethSrc, at.arpSha, at.arpTha, at.ndSll, at.ndTll]);

/** Whether none of the packets is in the set, as far as that is told by where they come from. */
function isStrange(run: Run, { lineage }: State, set: PacketSet): boolean {
  const { space, memory } = run;
  let isLate = memory.late.get(set);
  if (isLate === undefined) {
    isLate = space.support(set).every((field) => lateFields.has(field));
    memory.late.set(set, isLate);
  }
  return isLate && !mayMeet(space, lineage, set);
}

/** Fields at the beginning of diagrams, with few values each. */
const kindFields: ReadonlySet<number> = new Set([
  at.ethType,
  at.ipProto,
  at.ipFrag,
  at.icmpType,
  at.icmpCode,
  at.arpOp,
]);
const otherFields = packetFields.flatMap((_, field) => (kindFields.has(field) ? [] : [field]));

/** Whether none of the packets is of a protocol that packets of the set are of. It is asked once for many flows. */
function isOfOtherKind({ space, memory }: Run, { lineage }: State, set: PacketSet): boolean {
  if (!lineage.kinds) return false;
  const kind = memory.kinds.get(set) ?? space.forget(set, otherFields);
  memory.kinds.set(set, kind);
  const known = lineage.kinds.get(kind) ?? space.intersects(lineage.packets, kind);
  lineage.kinds.set(kind, known);
  return !known;
}

/** The packets of a flow. */
interface Hit {
  readonly flow: SymbolicFlow;
  readonly met: State;
  /** All packets that match, whether or not any is left of them; and those that surely do. */
  readonly matches: PacketSet;
  readonly sure: PacketSet;
}

/** Flows of one priority: where packets meet more than one, which of them OVN takes is left to chance, and all are followed. */
function meetAll(
  run: Run,
  here: Here,
  state: State,
  rest: Rest,
  flows: readonly SymbolicFlow[],
  from: number,
  to: number,
): void {
  const { space } = run;
  const hits: Hit[] = [];
  for (let i = from; i < to; i++) {
    const flow = flows[i] as SymbolicFlow;
    if (flow.problem !== undefined) {
      // OVN leaves such flows out: packets meet those behind it.
      const reason = `the flow is not understood and left out: ${flow.problem}`;
      const concerned = space.and(rest.guard, matching(space, state.store, flow.test, 'may'));
      gap(run, { ...here, flow: flow.flow }, reason, space.and(packetsOf(run, state), concerned));
      continue;
    }
    const matches = matchingOnce(run.memory.matches, space, state.store, flow.test);
    if (matches === space.empty || isOfOtherKind(run, state, matches) || isStrange(run, state, matches)) continue;
    // What has met no flow of a higher priority yet is never nothing here.
    const met =
      matches === space.all
        ? { ...state, guard: space.and(state.guard, rest.guard) }
        : limited(run, state, space.and(rest.guard, matches));
    if (!met) continue;
    const vague = isVague(state.store, flow.test);
    const sure = vague ? matching(space, state.store, flow.test, 'must') : matches;
    hits.push({ flow, met: vague && mayBeInexact(met) ? narrowed(run, met, flow.test) : met, matches, sure });
  }
  if (hits.length === 0) return;
  const contested = hits.length > 1 ? noteOverlaps(run, state, hits) : space.empty;
  const { unsure } = rest;
  const chosen = contested === space.empty ? [] : chosenBy(run, state, hits, contested);
  for (const [index, { flow, met, matches, sure }] of hits.entries()) {
    run.met.add(flow.flow);
    const doubtful = space.or(unsure, space.diff(matches, sure));
    const alone = contested === space.empty ? met : limited(run, met, space.not(contested));
    for (const some of [...(alone ? [alone] : []), ...(chosen[index] ?? [])]) {
      forEachSure(run, some, doubtful, (one) => meet(run, here, one, flow));
    }
  }
  const gone = space.orAll(hits.map(({ sure }) => sure));
  rest.guard = space.diff(rest.guard, gone);
  const maybe = hits.filter(({ matches, sure }) => matches !== sure).map(({ met }) => met.guard);
  if (maybe.length > 0 || unsure !== space.empty) {
    rest.unsure = space.and(rest.guard, space.orAll([unsure, ...maybe]));
  }
}

/** What was unknown of packets, and is what their flow asks for: without it, one guess would lead to the next. */
function narrowed({ stores }: Run, state: State, test: Test): State {
  const terms = test.type === 'and' ? test.terms : [test];
  const store = terms.reduce((one, term) => {
    if (term.type !== 'bits' || !term.equal) return one;
    const value = read(one, term.place);
    const isWhole = term.mask === (1n << BigInt(value.width)) - 1n;
    return value.vague && isWhole
      ? write(stores, one, term.place, constantOf(stores.values, value.width, term.value))
      : one;
  }, state.store);
  return store === state.store ? state : { ...state, store };
}

/**
 * Of packets that several flows may take, those that each of them takes: which one is nothing that a packet says, so that a field
 * of its own does, as it does for members of a route. Packets that look the same take the same one again.
 */
function chosenBy(run: Run, state: State, hits: readonly Hit[], contested: PacketSet): State[][] {
  const { space } = run;
  const taken: State[][] = hits.map(() => []);
  const some = limited(run, state, contested);
  const question = `one of ${hits.map(({ flow }) => flow.flow.uuid).join(' ')} ${flowOf(state.store)}`;
  for (const [choice, one] of (some ? choose(run, some, hits.length, question) : []).entries()) {
    // Who is not among the packets of that flow takes the first of its own.
    let left = one;
    for (const index of [choice, ...hits.keys()]) {
      const { guard } = (hits[index] as Hit).met;
      const own = left && limited(run, left, guard);
      if (own) taken[index]?.push(own);
      left = left && limited(run, left, space.not(guard));
    }
  }
  return taken;
}

/** The packets in two parts: those that are sure to come here, and those that may. */
function forEachSure(run: Run, state: State, doubtful: PacketSet, take: (state: State) => void): void {
  if (doubtful === run.space.empty) {
    take(state);
    return;
  }
  const sure = limited(run, state, run.space.not(doubtful));
  const unsure = limited(run, state, doubtful);
  if (sure) take(sure);
  if (unsure) take({ ...unsure, store: inexactly(run, unsure.store) });
}

/** Pairs that surely share packets and do different things; the packets (a guard) that may meet the one or the other. */
function noteOverlaps(run: Run, state: State, hits: readonly Hit[]): PacketSet {
  const { space } = run;
  let sum = space.empty;
  let contested = space.empty;
  for (const [index, hit] of hits.entries()) {
    if (index > 0 && space.intersects(sum, hit.sure)) {
      for (const other of hits.slice(0, index)) contested = space.or(contested, noteOverlap(run, state, other, hit));
    }
    sum = space.or(sum, hit.sure);
  }
  return contested;
}

function noteOverlap(run: Run, state: State, a: Hit, b: Hit): PacketSet {
  const { space, ambiguous } = run;
  if (a.flow.flow.actions === b.flow.flow.actions || !space.intersects(a.sure, b.sure)) return space.empty;
  if (effectOf(run, state, a.flow) === effectOf(run, state, b.flow)) return space.empty;
  const guard = space.and(space.and(a.met.guard, b.met.guard), space.and(a.sure, b.sure));
  const both = packetsOf(run, { ...state, guard });
  if (both === space.empty) return space.empty;
  const key = `${a.flow.flow.uuid} ${b.flow.flow.uuid}`;
  const known = ambiguous.get(key);
  if (known) known.packets = space.or(known.packets, both);
  else ambiguous.set(key, { flows: [a.flow.flow, b.flow.flow], packets: both });
  return guard;
}

/** What actions do to packets of a state, without those that change nothing of them. */
function effectOf(run: Run, { store }: State, { actions }: SymbolicFlow): string {
  const isClear = cleared(run, store) === store;
  return formatActions(actions.filter(({ type }) => type !== 'log' && !(type === 'ct_clear' && isClear)));
}

function meet(run: Run, here: Here, state: State, { flow, actions }: SymbolicFlow): void {
  run.current = { ...here, flow };
  run.chassis?.meets(run.current, () => packetsOf(run, state), actions);
  perform(run, run.current, state, actions);
}
