/**
 * One run of packets through the network while it is under way: the states that
 * wait, by place, and what has ended.
 *
 * A state is packets at one place, with what they look like.  States of one place
 * are joined as far as they do not overlap.  Packets pass pipelines one after the
 * other; all that have passed as many are brought forward together, table by table.
 */
import { groupBy } from '../../engine/group.ts';
import type { Action } from '../../engine/lang/ir.ts';
import type { LogicalFlow, Pipeline } from '../../engine/ovsdb/southbound.ts';
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { constantBits, type SymbolicDatapath } from './flows.ts';
import type { Knowledge } from './knowledge.ts';
import type { Matches } from './matching.ts';
import type { Learnable } from './neighbors.ts';
import { copiesOf, copyFields, packetsOfParts } from './parts.ts';
import type { Passage, Passages, TrackedCommit } from './passage.ts';
import {
  at,
  before,
  connectionStates,
  joined,
  makings,
  plainParts,
  read,
  type Store,
  type Stores,
  write,
} from './store.ts';
import type { TrackingAction } from './tracking.ts';
import type { ClassPart, End, Gap, Lineage, Network, NetworkPort, TrafficClass } from './types.ts';
import { unknownOnce } from './unknown.ts';
import { constantOf, type Value } from './value.ts';
import { isArp, isWide, joinedWidely, likeness, relaxed, slim, widened } from './widening.ts';

export interface State {
  readonly store: Store;
  readonly passage: Passage;
  /**
   * The packets that were looked up together in the last table, and which of them these are: in a set that says no more than
   * what parted them, so that it is small. The packets themselves (`packetsOf`) are worked out where they are asked for.
   */
  readonly lineage: Lineage;
  readonly guard: PacketSet;
  readonly used: Used;
  readonly trail: Trail;
  /** What `push` left for `pop`, within one flow. */
  readonly stack?: readonly Value[];
}

/**
 * Where packets entered pipelines, and what they looked like then, with and without their time to live: all of them, and
 * some of them. Then how many pipelines they may pass without being known exactly.
 */
export interface Trail {
  readonly all: readonly string[];
  readonly some: readonly string[];
  readonly inexactTo: number;
}

/** Through so many pipelines what is not known exactly any more is followed on: the rest goes too many ways. */
const exactHops = 8;

export const noTrail: Trail = { all: [], some: [], inexactTo: exactHops };

/** How many of the fields that are not the packet's have been used on the way: neighbor.N, choice.N, bits of chance, copy.N. */
export interface Used {
  readonly neighbors: Questions;
  readonly choices: Questions;
  readonly chances: Questions;
  readonly copies: number;
  /** How often it was translated back as a reply, with the fields of an opener each. */
  readonly openers: number;
  /** The packets are followed widely: none of those fields is theirs any more. */
  readonly wide?: true;
}

/** The packets of a state: never none. */
export const packetsOf = ({ space }: Run, { lineage, guard }: State): PacketSet => space.and(lineage.packets, guard);

/** What a state of these packets knows of them. */
export const only = ({ space }: { readonly space: Space }, packets: PacketSet): Pick<State, 'lineage' | 'guard'> => ({
  lineage: lineageOf(packets),
  guard: space.all,
});

/** Packets that are looked up together from now on; `from` what they were before, unless they have only just entered. */
export const lineageOf = (packets: PacketSet, from?: Lineage): Lineage =>
  from ? { packets, root: from.root ?? from } : { packets, asked: new Map() };

/** Whether any packets of a lineage may be in the set: asked of its root, where the answer serves all that came of it. */
export function mayMeet(space: Space, lineage: Lineage, set: PacketSet): boolean {
  const root = lineage.root ?? lineage;
  const known = root.asked?.get(set);
  if (known !== undefined) return known;
  const found = space.intersects(root.packets, set);
  root.asked?.set(set, found);
  return found;
}

/** What each of these fields answers: who asks the same again is told the same. Undefined: one question or another. */
export type Questions = readonly (string | undefined)[];

/** Which field answers a question, and what has been asked by then. */
export function answeredBy(asked: Questions, question: string): { n: number; asked: Questions } {
  const before = asked.indexOf(question);
  return before < 0 ? { n: asked.length, asked: [...asked, question] } : { n: before, asked };
}

/** What the packets of a store are told apart by where they are spread over several ways. */
export const flowOf = (store: Store): string => tuplePlaces.map((place) => read(store, place).id).join(' ');

/** Places of a connection's addresses and ports. */
export const tuplePlaces = [at.ethType, at.ipProto, at.ip4Src, at.ip6Src, at.tpSrc, at.ip4Dst, at.ip6Dst, at.tpDst];

export const nothingUsed: Used = { neighbors: [], choices: [], chances: [], copies: 0, openers: 0 };

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
  | {
      readonly kind: 'any';
      readonly knowledge: Knowledge;
      /** All packets that are followed belong to one, and what they open has been put with what is known. */
      readonly isSecond?: true;
      /** What the network makes of packets is known to belong to their connections, whoever opened these. */
      readonly isCareful?: boolean;
    }
  /** The packets are answers, and these connections belong to them. */
  | { readonly kind: 'own'; readonly commits: readonly OwnCommit[] };

/** A connection that some packets opened, with stores that have no options for them. */
export interface OwnCommit extends TrackedCommit {
  readonly packets: PacketSet;
}

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
  /** Packets that have passed more pipelines than this are not followed on. */
  readonly maxHops: number;
  /** Who entered a pipeline, by place and looks. */
  readonly visits: Map<string, State[]>;
  /** What is followed widely, by where it entered a pipeline. */
  readonly wide: Map<string, { readonly store: Store; readonly packets: PacketSet }>;
  readonly ended: Map<string, Ended>;
  /** Where conntrack was asked: to go on from with connections that were not known then. */
  readonly asked: { readonly here: Here; readonly state: State; readonly action: TrackingAction }[];
  readonly gaps: Map<string, Mutable<Gap>>;
  readonly met: Set<LogicalFlow>;
  readonly ambiguous: Map<string, { flows: [LogicalFlow, LogicalFlow]; packets: PacketSet }>;
  /** Connections that packets opened. */
  readonly opened: Map<string, Opened>;
  /** Packets that were not followed may have opened more. */
  opensUnknown: boolean;
  /** What routers may have learned, where that is not just anything; and at which of these ports packets teach something else. */
  readonly learnable: Learnable;
  readonly taught: Set<number>;
  /** How many tables states were looked up in, and may be. */
  lookups: number;
  readonly mostLookups: number;
  /** The flow whose actions are executed. */
  current?: Here;
  /** How often anything went on or ended: tells whether actions led anywhere. */
  outcomes: number;
  /** Set where one chassis is looked at, not all of them as one. */
  readonly chassis?: ChassisRun;
}

/** What is different, and what is asked for, where packets are followed on one chassis. */
export interface ChassisRun {
  /** Packets for this port leave the chassis before the egress pipeline: they end there. */
  isAway(port: NetworkPort): boolean;
  /** Packets meet a flow and are about to go through its actions. */
  meets(here: Here, packets: () => PacketSet, actions: readonly Action[]): void;
  /** Packets that would be dropped because they go out by the port that they came in by; they are followed on. */
  returns(packets: PacketSet): void;
  /** Packets are sent to a group; they are followed no further. */
  floods(packets: PacketSet): void;
}

/** A connection and the packets that open it. */
export interface Opened {
  readonly commit: TrackedCommit;
  packets: PacketSet;
}

export { copyFields, unknownOnce };

/** What is worked out once for a space. */
export interface Memory {
  readonly sets: Map<string, PacketSet>;
  /** What is not known, by what it is: the port that a translation chose, the neighbour whom a router asked for. */
  readonly unknowns: Map<string, Value>;
  /** What tests matched, by the values that they looked at. */
  readonly matches: Matches;
  /** Of what tests matched: whether it is about fields at the end of diagrams alone. */
  readonly late: Map<PacketSet, boolean>;
  /** Of what tests matched: packets of such protocols, with any addresses. */
  readonly kinds: Map<PacketSet, PacketSet>;
}

export const createMemory = (): Memory => ({
  sets: new Map(),
  unknowns: new Map(),
  matches: new Map(),
  late: new Map(),
  kinds: new Map(),
});

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The states that wait in the tables of one pipeline. */
export interface Bucket {
  readonly datapath: SymbolicDatapath;
  readonly pipeline: Pipeline;
  readonly hops: number;
  /** By table. */
  readonly tables: Map<number, State[]>;
}

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

/** A run that looks more states up than this goes round in too many ways to follow them all. */
export const usualLookups = 20_000;

/** Whether some of the packets may also go another way than this. */
export function mayBeInexact({ store }: State): boolean {
  const { constant, options } = read(store, at.inexact);
  return constant !== 0n && (options === undefined || options.some(({ value }) => value.constant !== 0n));
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

/**
 * States that were looked up together and do not overlap are one, and so are those that look alike.  (To join all that do not
 * overlap makes values of many options with large sets, which costs more than it saves.)
 */
export function joinedStates(run: Run, states: readonly State[]): State[] {
  const wide = states.filter((state) => isWide(run, state));
  if (wide.length === 0) return joinedExactly(run, states);
  const others = states.filter((state) => !wide.includes(state));
  const known = wide.map((state) => relaxed(run, state));
  return [...joinedWidely(run, known, past), ...joinedExactly(run, others)];
}

function joinedExactly(run: Run, states: readonly State[]): State[] {
  if (states.length <= 1) return [...states];
  const byPassage = groupBy(states, ({ passage }) => passage);
  return [...byPassage.values()].flatMap((alike) => {
    const byLineage = groupBy(alike, ({ lineage }) => lineage);
    const families = [...byLineage.values()].flatMap((family) =>
      [...groupBy(family, ({ store }) => kindOf(store)).values()].flatMap((kin) => joinedFamily(run, kin)),
    );
    return mergedAlike(run, families);
  });
}

/**
 * Packets are of one kind that have the same values but for constants: those that differ by where they go. To
 * join others makes values of options that are as large as what they save.
 */
function kindOf(store: Store): string {
  if (store.kind === undefined) {
    store.kind = store.values
      .map((value, place) => (value.constant !== undefined && !kindPlaces.has(place) ? 'c' : value.id))
      .join(',');
  }
  return store.kind;
}

/** Places whose constants matter, too. */
const kindPlaces: ReadonlySet<number> = new Set([
  at.made,
  at.connection,
  at.inexact,
  at.ethType,
  at.ctState,
  at.ctMark,
  at.flags,
]);

/** Those of one lineage: their guards tell them apart. */
function joinedFamily(run: Run, family: readonly State[]): State[] {
  if (family.length === 1) return [...family];
  const { space, stores } = run;
  const alike = [...groupBy(family, ({ store }) => store).values()].map((group) => ({
    ...(group[0] as State),
    guard: space.orAll(group.map(({ guard }) => guard)),
    ...past(group),
  }));
  return grouped(run, alike, ({ guard }) => guard).map(({ set, members }) => ({
    ...(members[0] as State),
    store: joined(stores, members),
    guard: set,
    ...past(members),
  }));
}

/** Those that look alike are one, whether they overlap or not. */
function mergedAlike(run: Run, states: readonly State[]): State[] {
  if (states.length === 1) return [...states];
  return [...groupBy(states, ({ store }) => store).values()].map((group) => {
    const [first] = group as [State];
    if (group.length === 1) return first;
    const packets = run.space.orAll(group.map((state) => packetsOf(run, state)));
    const roots = new Set(group.map(({ lineage }) => lineage.root));
    const from = roots.size === 1 ? first.lineage.root : undefined;
    return { ...first, lineage: lineageOf(packets, from), guard: run.space.all, ...past(group) };
  });
}

/** Each state goes to the first group that none of its packets is in; more than one group is rare. */
function grouped(
  { space }: Run,
  states: readonly State[],
  setOf: (state: State) => PacketSet,
): { set: PacketSet; members: State[] }[] {
  const groups: { set: PacketSet; members: State[] }[] = [];
  for (const state of states) {
    const own = setOf(state);
    const group = groups.find(({ set }) => !space.intersects(set, own));
    if (group) {
      group.set = space.or(group.set, own);
      group.members.push(state);
    } else groups.push({ set: own, members: [state] });
  }
  return groups;
}

/** What is known of the way of packets that are one from now on. */
const past = (group: readonly State[]): Pick<State, 'used' | 'trail'> => ({
  used: group.map(({ used }) => used).reduce(mostUsed),
  trail: group.map(({ trail }) => trail).reduce(joinedTrail),
});

function joinedTrail(a: Trail, b: Trail): Trail {
  if (a === b) return a;
  return {
    all: a.all.filter((place) => b.all.includes(place)),
    some: [...new Set([...a.some, ...b.some])],
    inexactTo: Math.min(a.inexactTo, b.inexactTo),
  };
}

/** The questions of packets that are one from now on: where they asked different ones, neither is known to have been asked. */
function allAsked(a: Questions, b: Questions): Questions {
  if (a === b) return a;
  const [longer, shorter] = a.length < b.length ? [b, a] : [a, b];
  return longer.map((question, n) => (n < shorter.length && shorter[n] !== question ? undefined : question));
}

function mostUsed(a: Used, b: Used): Used {
  if (a === b) return a;
  return {
    neighbors: allAsked(a.neighbors, b.neighbors),
    choices: allAsked(a.choices, b.choices),
    chances: allAsked(a.chances, b.chances),
    copies: Math.max(a.copies, b.copies),
    openers: Math.max(a.openers, b.openers),
    ...((a.wide || b.wide) && { wide: true as const }),
  };
}

/** Packets have come to an end. */
export function end(run: Run, where: End, state: State): void {
  run.outcomes++;
  for (const { store, packets } of plainParts(run.stores, state.store, state.guard, endPlaces)) {
    if (run.space.intersects(state.lineage.packets, packets)) endPart(run, where, { ...state, store, guard: packets });
  }
}

/** A class in the making. */
interface Ended {
  readonly one: TrafficClass;
  readonly parts: ClassPart[];
}

/** What has ended. */
export const endedOf = ({ ended }: Run): TrafficClass[] => [...ended.values()].map(({ one }) => one);

const endPlaces = [at.made, at.connection, at.inexact];

function endPart(run: Run, where: End, { store, passage, lineage, guard, used }: State): void {
  const made = makings[Number(read(store, at.made).constant)];
  const connection = connectionStates[Number(read(store, at.connection).constant)] ?? 'new';
  const exact = read(store, at.inexact).constant === 0n;
  const looks = where.kind === 'drop' ? '' : `${store.id} ${passage.id} ${used.copies}`;
  const key = `${endText(where)} ${made} ${connection} ${exact} ${looks}`;
  const known = run.ended.get(key);
  if (known) {
    known.parts.push({ lineage, guard });
    return;
  }
  const { commits, passed } = passage;
  const parts = [{ lineage, guard }];
  const fate = { end: where, store, connection, exact, commits, passed, ...(made !== undefined && { made }) };
  run.ended.set(key, { one: classOf(run, fate, parts), parts });
}

/** The class of these parts, which must not change any more once its packets were asked for. */
function classOf(
  { space }: Run,
  fate: Omit<TrafficClass, 'packets' | 'copies' | 'parts'>,
  parts: ClassPart[],
): TrafficClass {
  let copies: PacketSet | undefined;
  let packets: PacketSet | undefined;
  return {
    ...fate,
    parts,
    get copies() {
      copies ??= copiesOf(space, parts);
      return copies;
    },
    get packets() {
      packets ??= packetsOfParts(space, parts);
      return packets;
    },
  };
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

/**
 * Something here was not understood, or is not followed on: what is said of these packets is no proof. `opening`: nor is what
 * they may open known.
 */
export function gap(run: Run, { datapath, flow }: Here, reason: string, packets: PacketSet, opening = true): void {
  const { gaps, space } = run;
  if (packets === space.empty || !flow) return;
  run.opensUnknown ||= opening;
  const key = `${flow.uuid} ${reason}`;
  const known = gaps.get(key);
  if (known) known.packets = space.or(known.packets, packets);
  else {
    const isSecond = run.connections.kind === 'any' && run.connections.isSecond;
    gaps.set(key, { datapath: datapath.datapath, flow, reason, packets, ...(isSecond && { connections: true }) });
  }
}

/** Only those of the state's packets; undefined if there are none. */
export function limited({ space }: Run, state: State, packets: PacketSet): State | undefined {
  if (packets === space.all) return state;
  const guard = space.and(state.guard, packets);
  if (guard === state.guard) return state;
  return space.intersects(state.lineage.packets, guard) ? { ...state, guard } : undefined;
}

/**
 * The packets of a state by whether something is so of them: of all in `must`, of none outside of `may`. Of those between nothing
 * is known, so that they go both ways, inexactly.
 */
export function parted(run: Run, state: State, may: PacketSet, must: PacketSet): { state: State; is: boolean }[] {
  const { space } = run;
  const part = (packets: PacketSet, answers: readonly boolean[], isExact: boolean) => {
    const some = limited(run, state, packets);
    const known = some && (isExact ? some : { ...some, store: inexactly(run, some.store) });
    return known ? answers.map((is) => ({ state: known, is })) : [];
  };
  return [
    ...part(must, [true], true),
    ...(may === must ? [] : part(space.diff(may, must), [true, false], false)),
    ...part(space.not(may), [false], true),
  ];
}

/** A set in terms of what the packets look like now, as one of those that entered. */
export function entering({ stores, memory }: Run, store: Store, set: PacketSet): PacketSet {
  const key = `${set} ${store.id}`;
  let found = memory.sets.get(key);
  if (found === undefined) {
    found = before(stores, store, set);
    memory.sets.set(key, found);
  }
  return found;
}

/** The port or group in a place for some of the packets; `inport`: the one that they came in by. */
export interface PortChoice {
  readonly packets: PacketSet;
  readonly number: number | 'inport' | undefined;
  readonly value: Value;
}

/** The ports and groups that are in a place, each for other packets. */
export function portsIn({ space }: Run, store: Store, place: number): PortChoice[] {
  const value = read(store, place);
  const options = value.options ?? [{ packets: space.all, value }];
  return options.map((option) => ({ packets: option.packets, value: option.value, number: portOf(option.value) }));
}

function portOf(value: Value): number | 'inport' | undefined {
  const number = constantBits(value, (1n << 20n) - 1n);
  if (number !== undefined) return Number(number);
  const [piece, ...more] = value.pieces;
  const isInport = piece?.kind === 'input' && piece.field === at.inport && more.length === 0;
  return isInport ? 'inport' : undefined;
}

/** The store, of packets that may also go another way than this. */
export function inexactly({ stores }: Run, store: Store): Store {
  return write(stores, store, at.inexact, constantOf(stores.values, 1, 1n));
}

export const numberValue = ({ stores }: Run, number: number): Value => constantOf(stores.values, 20, BigInt(number));

export const portByNumber = ({ network }: Run, number: number): NetworkPort | undefined =>
  network.portsByNumber[number];
