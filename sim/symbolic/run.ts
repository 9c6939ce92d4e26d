/**
 * One run of packets through the network while it is under way: the states that
 * wait, by place, and what has ended.
 *
 * A state is packets that look alike and are at one place.  States of one place
 * with the same store and passage are one.  Packets pass pipelines one after the
 * other; all that have passed as many are brought forward together, table by table.
 */
import type { LogicalFlow, Pipeline } from '../../engine/ovsdb/southbound.ts';
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import type { SymbolicDatapath } from './flows.ts';
import { constantBits } from './flows.ts';
import type { Knowledge } from './knowledge.ts';
import type { Passage, Passages, TrackedCommit } from './passage.ts';
import { at, headerRewrites, read, type Store, type Stores, write } from './store.ts';
import type { End, Gap, Network, NetworkPort, TrafficClass } from './types.ts';
import { constantOf, inputOf, type Value } from './value.ts';

export interface State {
  readonly store: Store;
  readonly passage: Passage;
  readonly packets: PacketSet;
  /** The nodes (places at the start of pipelines) that the packets come from. */
  readonly origins: readonly number[];
  /** What `push` left for `pop`, within one flow. */
  readonly stack?: readonly Value[];
}

/** Where packets are. */
export interface Here {
  readonly datapath: SymbolicDatapath;
  readonly pipeline: Pipeline;
  readonly table: number;
  /** How many pipelines they have passed. */
  readonly hops: number;
  /** The flow that they meet. */
  readonly flow?: LogicalFlow;
}

/** What connections there are. */
export type Connections =
  /** None but those that packets open themselves. */
  | { readonly kind: 'none' }
  /** Any of those that packets may open. */
  | { readonly kind: 'any'; readonly knowledge: Knowledge }
  /** The packets are answers, and these connections belong to them. */
  | { readonly kind: 'own'; readonly commits: readonly TrackedCommit[] };

export interface Run {
  readonly network: Network;
  readonly datapaths: ReadonlyMap<string, SymbolicDatapath>;
  readonly space: Space;
  readonly stores: Stores;
  readonly passages: Passages;
  readonly connections: Connections;
  /** Names of ports and datapaths to remember. */
  readonly watch: ReadonlySet<string>;
  readonly memory: Memory;
  /** By hops, then pipeline; see `enqueue`. */
  readonly levels: Map<string, Bucket>[];
  /** What has started a pipeline, by place, store and passage. */
  readonly seen: Map<string, PacketSet>;
  readonly nodes: Map<string, number>;
  readonly nodePlaces: { readonly datapath: SymbolicDatapath; readonly pipeline: Pipeline }[];
  /** From node to node, the packets that go that way. */
  readonly edges: Map<number, Map<number, PacketSet>>;
  readonly ended: Map<string, Mutable<TrafficClass> & { passage: Passage }>;
  readonly gaps: Map<string, Mutable<Gap>>;
  readonly met: Set<LogicalFlow>;
  readonly ambiguous: Map<string, { flows: [LogicalFlow, LogicalFlow]; packets: PacketSet }>;
  /** Connections that packets opened. */
  readonly opened: Map<string, Opened>;
  /** How often anything went on or ended: tells whether actions led anywhere. */
  outcomes: number;
}

/** A connection and the packets that open it. */
export interface Opened {
  readonly commit: TrackedCommit;
  /** Mark and label that it has from then on. */
  readonly mark: Value;
  readonly label: Value;
  packets: PacketSet;
}

/** What is worked out once for a space. */
export interface Memory {
  readonly sets: Map<string, PacketSet>;
  /** Marks and labels that connections were given, by what their packets look like after and before. */
  readonly marks: Map<number, { mark: Value; label: Value }>;
  /** Ports that translation chose. */
  readonly ports: Map<string, Value>;
}

export const createMemory = (): Memory => ({ sets: new Map(), marks: new Map(), ports: new Map() });

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The states that wait in the tables of one pipeline. */
export interface Bucket {
  readonly datapath: SymbolicDatapath;
  readonly pipeline: Pipeline;
  readonly hops: number;
  /** By table, then by store and passage. */
  readonly tables: Map<number, Map<string, State>>;
}

/** Packets that have passed more pipelines than this go round in a loop. */
export const maxHops = 64;

/** Brings packets into another table of the pipeline that they are in. */
export function goOn(run: Run, here: Here, table: number, state: State): void {
  if (table <= here.table) {
    startPipeline(run, here.datapath, here.pipeline, table, here.hops + 1, state);
    return;
  }
  wait(run, here.datapath, here.pipeline, table, here.hops, state);
}

/** Brings packets into a pipeline; those that have been there, looking the same, are left out. */
export function startPipeline(
  run: Run,
  datapath: SymbolicDatapath,
  pipeline: Pipeline,
  table: number,
  hops: number,
  state: State,
): void {
  const { space } = run;
  run.outcomes++;
  const node = nodeOf(run, datapath, pipeline, table, state);
  for (const origin of state.origins) join(run, origin, node, state.packets);
  if (hops > maxHops) {
    end(run, { kind: 'loop', datapaths: [datapath.datapath] }, state);
    return;
  }
  const key = `${node} ${state.store.id} ${state.passage.id}`;
  const seen = run.seen.get(key) ?? space.empty;
  const packets = seen === space.empty ? state.packets : space.diff(state.packets, seen);
  if (packets === space.empty) return;
  run.seen.set(key, space.or(seen, packets));
  wait(run, datapath, pipeline, table, hops, { ...state, packets, origins: [node] });
}

/** Places that packets of any age start at looking alike are one node. */
function nodeOf(run: Run, { datapath }: SymbolicDatapath, pipeline: Pipeline, table: number, state: State): number {
  const ageless = write(run.stores, state.store, at.ttl, constantOf(run.stores.values, 8, 0n));
  const key = `${datapath.uuid} ${pipeline} ${table} ${ageless.id} ${state.passage.made}`;
  let node = run.nodes.get(key);
  if (node === undefined) {
    node = run.nodes.size;
    run.nodes.set(key, node);
    run.nodePlaces.push({ datapath: run.datapaths.get(datapath.uuid) as SymbolicDatapath, pipeline });
  }
  return node;
}

function join({ edges, space }: Run, from: number, to: number, packets: PacketSet): void {
  let targets = edges.get(from);
  if (!targets) {
    targets = new Map();
    edges.set(from, targets);
  }
  const known = targets.get(to);
  targets.set(to, known === undefined ? packets : space.or(known, packets));
}

function wait(
  run: Run,
  datapath: SymbolicDatapath,
  pipeline: Pipeline,
  table: number,
  hops: number,
  state: State,
): void {
  run.outcomes++;
  run.levels[hops] ??= new Map();
  const level = run.levels[hops] as Map<string, Bucket>;
  const place = `${pipeline} ${datapath.datapath.uuid}`;
  let bucket = level.get(place);
  if (!bucket) {
    bucket = { datapath, pipeline, hops, tables: new Map() };
    level.set(place, bucket);
  }
  let states = bucket.tables.get(table);
  if (!states) {
    states = new Map();
    bucket.tables.set(table, states);
  }
  const { stack: _, ...plain } = state;
  const key = `${state.store.id} ${state.passage.id}`;
  const known = states.get(key);
  states.set(key, known ? mergedState(run, known, plain) : plain);
}

function mergedState({ space }: Run, a: State, b: State): State {
  const origins = a.origins === b.origins ? a.origins : [...new Set([...a.origins, ...b.origins])];
  return { ...a, packets: space.or(a.packets, b.packets), origins };
}

/** Packets have come to an end. */
export function end(run: Run, where: End, state: State): void {
  const { space } = run;
  run.outcomes++;
  if (state.packets === space.empty) return;
  const { store, passage, packets } = state;
  const key = `${endText(where)} ${passage.made} ${passage.connection} ${
    where.kind === 'drop' ? '' : `${store.id} ${passage.id}`
  }`;
  const known = run.ended.get(key);
  if (known) {
    known.packets = space.or(known.packets, packets);
    known.exact &&= passage.exact;
    return;
  }
  const { connection, made, exact, commits, passed } = passage;
  const ended = { packets, end: where, store, connection, exact, commits, passed, passage };
  run.ended.set(key, made === undefined ? ended : { ...ended, made });
}

function endText(where: End): string {
  switch (where.kind) {
    case 'port':
      return `port ${where.port.number}`;
    case 'drop':
      return `drop ${where.datapath.uuid} ${where.pipeline} ${where.table} ${where.flow?.uuid} ${where.why}`;
    case 'loop':
      return `loop ${where.datapaths.map(({ uuid }) => uuid).join(' ')}`;
    case 'sender':
      return 'sender';
  }
}

/** Packets are dropped here. */
export function drop(run: Run, here: Here, why: (End & { kind: 'drop' })['why'], state: State): void {
  const { pipeline, table, flow } = here;
  end(run, { kind: 'drop', datapath: here.datapath.datapath, pipeline, table, why, ...(flow && { flow }) }, state);
}

/** Something here was not understood: what is said of these packets is no proof. */
export function gap({ gaps, space }: Run, { datapath, flow }: Here, reason: string, packets: PacketSet): void {
  if (packets === space.empty || !flow) return;
  const key = `${flow.uuid} ${reason}`;
  const known = gaps.get(key);
  if (known) known.packets = space.or(known.packets, packets);
  else gaps.set(key, { datapath: datapath.datapath, flow, reason, packets });
}

/** Only those of the state's packets; undefined if there are none. */
export function limited({ space }: Run, state: State, packets: PacketSet): State | undefined {
  const left = packets === space.all ? state.packets : space.and(state.packets, packets);
  return left === space.empty ? undefined : left === state.packets ? state : { ...state, packets: left };
}

/** A set in terms of what the packets look like now, as one of those that entered. */
export function entering({ space, memory }: Run, store: Store, set: PacketSet): PacketSet {
  if (set === space.all || set === space.empty) return set;
  const key = `${set} ${store.id}`;
  let found = memory.sets.get(key);
  if (found === undefined) {
    found = space.preimage(set, headerRewrites(store));
    memory.sets.set(key, found);
  }
  return found;
}

/** The port or group number in a place; `inport` where it is the one that the packets came in by. */
export function portIn(store: Store, place: number): number | 'inport' | undefined {
  const value = read(store, place);
  const number = constantBits(value, (1n << 20n) - 1n);
  if (number !== undefined) return Number(number);
  const [piece, ...more] = value.pieces;
  const isInport = piece?.kind === 'input' && piece.field === at.inport && more.length === 0;
  return isInport ? 'inport' : undefined;
}

export const numberValue = ({ stores }: Run, number: number): Value => constantOf(stores.values, 20, BigInt(number));

/** The port that packets entered by, as a value. */
export const inportValue = ({ stores }: Run): Value => inputOf(stores.values, at.inport, 20);

export const portByNumber = ({ network }: Run, number: number): NetworkPort | undefined =>
  network.portsByNumber[number];
