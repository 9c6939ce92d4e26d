/** The walk of all packets that wait: table by table, flow by flow, until none is left. */
import type { PacketSet } from '../../engine/sets/index.ts';
import { perform } from './actions.ts';
import { candidates, type SymbolicFlow } from './flows.ts';
import { isVague, matching } from './matching.ts';
import { changed } from './passage.ts';
import { type Bucket, drop, gap, type Here, limited, type Run, type State } from './run.ts';

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
    const states = tables.get(table) as Map<string, State>;
    tables.delete(table);
    const here = { datapath, pipeline, table, hops };
    for (const state of states.values()) lookUp(run, here, state);
  }
}

function lowest(tables: ReadonlyMap<number, unknown>): number | undefined {
  let least: number | undefined;
  for (const table of tables.keys()) if (least === undefined || table < least) least = table;
  return least;
}

/** Packets meet the flows of a table, those of the highest priority first. */
function lookUp(run: Run, here: Here, state: State): void {
  const { space } = run;
  const table = here.datapath.tables[here.pipeline][here.table];
  let rest = state.packets;
  const flows = table ? candidates(table, state.store) : [];
  for (let i = 0; i < flows.length && rest !== space.empty; ) {
    const { priority } = (flows[i] as SymbolicFlow).flow;
    let next = i + 1;
    while (next < flows.length && (flows[next] as SymbolicFlow).flow.priority === priority) next++;
    rest =
      next === i + 1
        ? one(run, here, state, rest, flows[i] as SymbolicFlow)
        : several(run, here, state, rest, flows, i, next);
    i = next;
  }
  const left = limited(run, state, rest);
  if (left) drop(run, here, 'no match', left);
}

/** A flow that is alone with its priority; returns the packets that go on to the next one. */
function one(run: Run, here: Here, state: State, rest: PacketSet, flow: SymbolicFlow): PacketSet {
  const { space } = run;
  const matches = matching(space, state.store, flow.test, 'may');
  if (matches === space.empty) return rest;
  const hit = matches === space.all ? rest : space.and(rest, matches);
  if (hit === space.empty) return rest;
  const vague = isVague(state.store, flow.test);
  meet(run, here, state, hit, flow, vague);
  return vague ? space.diff(rest, matching(space, state.store, flow.test, 'must')) : space.diff(rest, hit);
}

/** Flows of one priority: where packets meet more than one, which of them OVN takes is left to chance. */
function several(
  run: Run,
  here: Here,
  state: State,
  rest: PacketSet,
  flows: readonly SymbolicFlow[],
  from: number,
  to: number,
): PacketSet {
  const { space } = run;
  const hits: { flow: SymbolicFlow; packets: PacketSet; sure: PacketSet; vague: boolean }[] = [];
  for (let i = from; i < to; i++) {
    const flow = flows[i] as SymbolicFlow;
    const matches = matching(space, state.store, flow.test, 'may');
    if (matches === space.empty) continue;
    const packets = matches === space.all ? rest : space.and(rest, matches);
    if (packets === space.empty) continue;
    const vague = isVague(state.store, flow.test);
    const sure = vague ? space.and(rest, matching(space, state.store, flow.test, 'must')) : packets;
    hits.push({ flow, packets, sure, vague });
  }
  if (hits.length === 0) return rest;
  noteOverlaps(run, hits);
  for (const { flow, packets, vague } of hits) meet(run, here, state, packets, flow, vague);
  return space.diff(rest, space.orAll(hits.map(({ sure }) => sure)));
}

/** Pairs that share packets and do different things. */
function noteOverlaps(run: Run, hits: readonly { flow: SymbolicFlow; packets: PacketSet }[]): void {
  const { space } = run;
  if (hits.length === 1) return;
  // Where together they are as many as one by one, none overlaps; that is usual, and quickly seen.
  let sum = space.empty;
  for (const [index, { flow, packets }] of hits.entries()) {
    if (index > 0 && space.intersects(sum, packets)) {
      for (const other of hits.slice(0, index)) {
        if (other.flow.flow.actions === flow.flow.actions) continue;
        const both = space.and(other.packets, packets);
        if (both === space.empty) continue;
        const key = `${other.flow.flow.uuid} ${flow.flow.uuid}`;
        const known = run.ambiguous.get(key);
        if (known) known.packets = space.or(known.packets, both);
        else run.ambiguous.set(key, { flows: [other.flow.flow, flow.flow], packets: both });
      }
    }
    sum = space.or(sum, packets);
  }
}

function meet(run: Run, here: Here, state: State, packets: PacketSet, flow: SymbolicFlow, vague: boolean): void {
  run.met.add(flow.flow);
  const there: Here = { ...here, flow: flow.flow };
  const passage = vague ? changed(run.passages, state.passage, { exact: false }) : state.passage;
  const met = { ...state, packets, passage };
  if (flow.problem !== undefined) {
    gap(run, there, `the flow is not understood: ${flow.problem}`, packets);
    return;
  }
  perform(run, there, met, flow.actions);
}
