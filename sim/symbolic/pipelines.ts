/**
 * How packets come into tables and pipelines, and wait there; who has been there before goes round, and who goes too many ways is
 * followed widely (docs/verifier.md, "Round and round", "Widely").
 */
import type { Pipeline } from '../../engine/ovsdb/southbound.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { end, gap } from './ends.ts';
import type { SymbolicDatapath } from './flows.ts';
import { type Bucket, type Here, inexactly, type Run } from './run.ts';
import { exactHops, limited, mayBeInexact, only, packetsOf, type State, type Trail } from './state.ts';
import { at, read, write } from './store.ts';
import type { End } from './types.ts';
import { unknownOnce } from './unknown.ts';
import { constantOf, type Value } from './value.ts';
import { isArp, isWide, likeness, relaxed, slim, widened } from './widening.ts';

/** Brings packets into another table of the pipeline that they are in. */
export function goOn(run: Run, here: Here, table: number, state: State): void {
  if (table <= here.table) {
    startPipeline(run, here.datapath, here.pipeline, table, here.hops + 1, state);
    return;
  }
  wait(run, here.datapath, here.pipeline, table, here.hops, state);
}

/** Brings packets into a pipeline. */
export function startPipeline(
  run: Run,
  datapath: SymbolicDatapath,
  pipeline: Pipeline,
  table: number,
  hops: number,
  state: State,
): void {
  if (run.chassis && hops > run.maxHops && run.current) {
    gap(run, run.current, 'packets pass more pipelines than are followed', packetsOf(run, state));
    return;
  }
  if (pipeline === 'egress') wait(run, datapath, pipeline, table, hops, state);
  else enterPipeline(run, datapath, table, hops, state);
}

/** Where packets come into a pipeline they may have been before: those go round, or came a second way to what is followed already. */
function enterPipeline(run: Run, datapath: SymbolicDatapath, table: number, hops: number, state: State): void {
  const { trail } = state;
  const isVague = mayBeInexact(state) && hops > trail.inexactTo && !isArp(state.store);
  const isFar = hops > run.maxHops + (isArp(state.store) ? exactHops : 0);
  if (run.chassis && isVague && run.current) {
    gap(run, run.current, 'packets that are not followed exactly any more go on and on', packetsOf(run, state));
    return;
  }
  if (!run.chassis && (isVague || isFar || isWide(run, state))) {
    enterWidely(run, datapath, table, hops, slim(run, relaxed(run, state)));
    return;
  }
  const place = placeOf(run, datapath, table, state);
  const life = read(state.store, at.ttl);
  const loop: End = { kind: 'loop', datapaths: [datapath.datapath] };
  const goRound = (round: State, isEternal: boolean): void => {
    end(run, loop, round);
    if (!isEternal && !life.vague) enterPipeline(run, datapath, table, hops, aged(run, round, hops));
  };
  if (trail.all.includes(place)) {
    goRound(state, trail.all.includes(timed(place, life)));
    return;
  }
  const next = { ...state, trail: passedBy(trail, [place, timed(place, life)]) };
  if (!trail.some.includes(place)) {
    visit(run, place, next);
    wait(run, datapath, 'ingress', table, hops, next);
    return;
  }
  const visits = run.visits.get(place) ?? [];
  const been = (all: readonly State[]): PacketSet => run.space.orAll(all.map((one) => packetsOf(run, one)));
  const alike = been(visits.filter(({ store }) => read(store, at.ttl) === life));
  const again = limited(run, state, alike);
  const older = limited(run, state, run.space.diff(been(visits), alike));
  const fresh = limited(run, next, run.space.not(been(visits)));
  if (again) goRound({ ...again, store: inexactly(run, again.store) }, true);
  if (older) goRound({ ...older, store: inexactly(run, older.store) }, false);
  if (fresh) visit(run, place, fresh);
  if (fresh) wait(run, datapath, 'ingress', table, hops, fresh);
}

/** What is followed widely goes on where it is wider than what was there before, or has more packets. */
function enterWidely(run: Run, datapath: SymbolicDatapath, table: number, hops: number, state: State): void {
  const place = `widely ${datapath.datapath.uuid} ${table} ${likeness(state)}`;
  const before = run.wide.get(place);
  const store = before ? widened(run, before.store, state.store) : state.store;
  const wide = { ...state, store };
  const again = before && state.trail.some.includes(place) ? limited(run, wide, before.packets) : undefined;
  if (again) end(run, { kind: 'loop', datapaths: [datapath.datapath] }, again);
  const fresh = before?.store === store ? limited(run, wide, run.space.not(before.packets)) : wide;
  if (!fresh) return;
  const packets = run.space.or(before?.packets ?? run.space.empty, packetsOf(run, fresh));
  run.wide.set(place, { store, packets });
  const next = before?.store === store ? fresh : { ...fresh, ...only(run, packets) };
  wait(run, datapath, 'ingress', table, hops, { ...next, trail: passedBy(state.trail, [place]) });
}

/**
 * Packets that go round lose a hop or more each time, and what becomes of them at last (who is told that they had no hop
 * left) is up to how many they had: they are followed once more with any number, as far again as they came.
 */
function aged(run: Run, state: State, hops: number): State {
  const store = write(run.stores, inexactly(run, state.store), at.ttl, unknownOnce(run, 'ttl', 8));
  return { ...state, store, trail: { ...state.trail, inexactTo: Math.max(exactHops, 2 * hops + 2) } };
}

const timed = (place: string, life: Value): string => `${place} at ${life.id}`;

function passedBy({ all, some, inexactTo }: Trail, places: readonly string[]): Trail {
  return {
    all: [...all, ...places],
    some: places.every((place) => some.includes(place)) ? some : [...new Set([...some, ...places])],
    inexactTo,
  };
}

function visit({ visits }: Run, place: string, state: State): void {
  const known = visits.get(place);
  if (known) known.push(state);
  else visits.set(place, [state]);
}

/** Where packets are, what they look like but for their time to live, and what else decides what becomes of them. */
function placeOf({ stores }: Run, { datapath }: SymbolicDatapath, table: number, state: State): string {
  const { store, passage, used } = state;
  const timeless = write(stores, store, at.ttl, constantOf(stores.values, 8, 0n));
  const asked = [used.neighbors, used.choices, used.chances].map((questions) => questions.join()).join(';');
  const life = read(store, at.ttl).vague ? 'aged' : '';
  return `${datapath.uuid} ${table} ${timeless.id} ${life} ${passage.id} ${used.openers} ${asked}`;
}

/** Brings packets to the next table that does something with them. */
function wait(
  run: Run,
  datapath: SymbolicDatapath,
  pipeline: Pipeline,
  first: number,
  hops: number,
  state: State,
): void {
  run.outcomes++;
  let table = first;
  for (;;) {
    const passed = run.chassis ? undefined : datapath.tables[pipeline][table]?.passed;
    if (!passed) break;
    run.met.add(passed.flow);
    table = passed.table;
  }
  run.levels[hops] ??= new Map();
  const level = run.levels[hops] as Map<string, Bucket>;
  const place = `${pipeline} ${datapath.datapath.uuid}`;
  let bucket = level.get(place);
  if (!bucket) {
    bucket = { datapath, pipeline, hops, tables: new Map() };
    level.set(place, bucket);
  }
  const states = bucket.tables.get(table);
  if (states) states.push(state);
  else bucket.tables.set(table, [state]);
}
