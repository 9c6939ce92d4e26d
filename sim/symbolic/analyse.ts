/**
 * The fate of all packets: what enters by any edge port is followed to where it
 * ends, first as if there were no connections, then with all those that packets
 * may open.
 */
import { groupBy } from '../../engine/group.ts';
import type { LogicalFlow } from '../../engine/ovsdb/southbound.ts';
import { createSpace, type PacketSet, type Space, type SpaceOptions } from '../../engine/sets/index.ts';
import { bundlesOf } from './bundles.ts';
import { endedOf } from './ends.ts';
import { fieldOrder, packetFields } from './fields.ts';
import { createTexts, readDatapaths, type SymbolicDatapath, type Texts } from './flows.ts';
import { answering } from './host.ts';
import { fieldsOfOpener, isKnown, type Knowledge, knowledgeOf } from './knowledge.ts';
import { goesRound, type Learnable, learnableIn, supposes, withoutSupposing } from './neighbors.ts';
import { enter, enterBy } from './output.ts';
import { possiblePackets } from './packets.ts';
import { copyFields } from './parts.ts';
import { createPassages, type Passages, type TrackedCommit } from './passage.ts';
import { startPipeline } from './pipelines.ts';
import {
  type Connections,
  createMemory,
  type Memory,
  numberValue,
  type Opened,
  type OwnCommit,
  type Run,
  usualLookups,
} from './run.ts';
import { lineageOf, noTrail, nothingUsed, packetsOf, type Questions, type State } from './state.ts';
import { at, createStores, headerPlaces, places, plainParts, type Store, type Stores, writeAll } from './store.ts';
import { trackKnown } from './tracking.ts';
import type {
  AnalyseOptions,
  Analysis,
  Bundle,
  Gap,
  Lineage,
  Network,
  NetworkDatapath,
  NetworkPort,
  Question,
  TrafficClass,
} from './types.ts';
import { unknownOnce } from './unknown.ts';
import { choiceOf, type Value } from './value.ts';
import { walk } from './walk.ts';
import { whateverAnswered } from './widening.ts';

/** What analyses of one network share. */
export interface Workshop {
  readonly network: Network;
  readonly space: Space;
  readonly stores: Stores;
  readonly passages: Passages;
  readonly memory: Memory;
  readonly texts: Texts;
  /** Of sets that packets were answered in: the fields that they depend on. */
  readonly supports: Map<PacketSet, readonly number[]>;
  readonly possible: PacketSet;
}

/** A space for the packets of networks; several networks are compared in one. */
export const packetSpace = (options: Pick<SpaceOptions, 'limit' | 'cacheLog'> = {}): Space =>
  createSpace(packetFields, { ...options, order: fieldOrder });

/** Makes ready to analyse a network, in a space of its own unless one is given. */
export function openWorkshop(network: Network, space = packetSpace()): Workshop {
  return {
    network,
    space,
    stores: createStores(space),
    passages: createPassages(),
    memory: createMemory(),
    texts: createTexts(network),
    supports: new Map(),
    possible: possiblePackets(space),
  };
}

/** How often connections that packets of connections open are looked for before the answer is no proof. */
const maxRounds = 4;

/** Analyses a network, or some of its components. */
export function analyse(network: Network, options: AnalyseOptions = {}, opened = openWorkshop(network)): Analysis {
  const { space } = opened;
  const { packets = space.all } = options;
  const workshop = { ...opened, possible: space.and(opened.possible, packets) };
  const wanted = options.components ?? network.components.map((_, index) => index);
  const parts: Part[] = [];
  for (const [done, index] of wanted.entries()) {
    options.onProgress?.(done, wanted.length);
    parts.push(analyseComponent(workshop, network.components[index] ?? [], options));
  }
  options.onProgress?.(wanted.length, wanted.length);
  const edges = parts.flatMap(({ edges: ports }) => ports);
  const possible = space.and(workshop.possible, inportIn(space, edges));
  const partOf = (datapath: NetworkDatapath): Part | undefined =>
    parts.find(({ datapaths }) => datapaths.has(datapath.uuid));
  const classes = parts.flatMap((part) => part.classes);
  return {
    network,
    space,
    possible,
    classes,
    bundles: bundlesOf(space, classes),
    gaps: parts.flatMap(({ gaps }) => gaps),
    met: new Set(parts.flatMap(({ met }) => [...met])),
    ambiguous: parts.flatMap(({ ambiguous }) => ambiguous),
    looks: (one, packets = space.all) => looksOf(workshop, one, packets),
    answers: (questions) => answersTo(workshop, partOf, questions),
    reenter: (set, store, port) => {
      const part = partOf(port.datapath);
      return part ? followFrom(workshop, part, set, store, port) : [];
    },
  };
}

/** The edge port is one of these. */
export function inportIn(space: Space, ports: readonly NetworkPort[]): PacketSet {
  return space.oneOf(
    at.inport,
    ports.map(({ number }) => BigInt(number)),
  );
}

/** What came of a component. */
interface Part {
  readonly datapaths: ReadonlyMap<string, SymbolicDatapath>;
  readonly edges: readonly NetworkPort[];
  readonly classes: readonly TrafficClass[];
  readonly gaps: readonly Gap[];
  readonly met: ReadonlySet<LogicalFlow>;
  readonly ambiguous: Analysis['ambiguous'];
  readonly connections: Connections;
  readonly limits: Pick<Run, 'maxHops' | 'mostLookups'>;
  readonly learnable: Learnable;
}

/** What routers learn of each other is supposed, and if anything else might be, it is said again without that. */
function analyseComponent(workshop: Workshop, component: readonly NetworkDatapath[], options: AnalyseOptions): Part {
  const learnable = learnableIn(workshop.space, workshop.network, component);
  const { part, taught } = analyseWith(workshop, component, options, learnable);
  const isProven = !supposes(learnable) || (taught === 0 && part.gaps.length === 0);
  return isProven ? part : analyseWith(workshop, component, options, withoutSupposing(learnable)).part;
}

function analyseWith(
  workshop: Workshop,
  component: readonly NetworkDatapath[],
  options: AnalyseOptions,
  learnable: Learnable,
): { part: Part; taught: number } {
  const { network, space, stores, possible } = workshop;
  const datapaths = readDatapaths(network, component, workshop.texts);
  const edges = component.flatMap(({ ports }) => ports.filter(({ edge }) => edge !== undefined));
  const limits = { maxHops: Math.max(64, 4 * component.length), mostLookups: options.mostLookups ?? usualLookups };
  const first = newRun(
    workshop,
    datapaths,
    { kind: 'none' },
    limits.maxHops,
    options.watch,
    limits.mostLookups,
    learnable,
  );
  const taught = new Set<number>();
  for (const datapath of component) {
    const packets = space.and(
      possible,
      inportIn(
        space,
        datapath.ports.filter(({ edge }) => edge !== undefined),
      ),
    );
    if (packets === space.empty) continue;
    const from = datapaths.get(datapath.uuid) as SymbolicDatapath;
    startPipeline(first, from, 'ingress', 0, 0, newState(workshop, stores.initial, packets));
  }
  walk(first);
  const { last, knowledge, isSettled, ports } = secondPass(workshop, first);
  for (const port of ports) taught.add(port);
  const runs = last ? [first, last] : [first];
  const whateverCopy = <T extends { packets: PacketSet }>(one: T): T => ({
    ...one,
    packets: space.forget(one.packets, copyFields),
  });
  for (const port of first.taught) taught.add(port);
  const part: Part = {
    datapaths,
    edges,
    classes: runs.flatMap(endedOf),
    gaps: [
      ...runs.flatMap(({ gaps }) => [...gaps.values()]),
      ...(isSettled && runs.every(({ opensUnknown }) => !opensUnknown) ? [] : strangers(first)),
    ].map(whateverCopy),
    met: new Set(runs.flatMap(({ met }) => [...met])),
    ambiguous: runs.flatMap(({ ambiguous }) => [...ambiguous.values()].map(whateverCopy)),
    connections: last ? { kind: 'any', knowledge } : { kind: 'none' },
    limits,
    learnable,
  };
  return { part, taught: taught.size };
}

/** What came of the packets of connections: the last round, and whether no other connections were opened in it. */
interface Followed {
  readonly last?: Run;
  readonly knowledge: Knowledge;
  readonly isSettled: boolean;
  /** Where packets taught something, in any round. */
  readonly ports: readonly number[];
}

const isCut = ({ last }: Followed): boolean => last !== undefined && last.lookups > last.mostLookups;

/** So many times as many tables packets are looked up in that are followed carefully. */
const careFactor = 8;

/**
 * Packets of connections. What goes more ways than are followed is followed once more with care: then what the network makes of
 * packets belongs to the connections that these belong to, and not to any. Where packets surely go round, care would not end it;
 * where they may not, care costs less than the second half of the ways there are without it.
 */
function secondPass(workshop: Workshop, first: Run): Followed {
  const { mostLookups } = first;
  if (goesRound(workshop.space, endedOf(first))) return rounds(workshop, first, mostLookups, () => false);
  const half = rounds(workshop, first, mostLookups / 2, isCut);
  return isCut(half) ? rounds(workshop, first, careFactor * mostLookups, isCut, true) : half;
}

/** The second pass again and again, until no packet opens a connection that is not known, or it is over. */
function rounds(
  workshop: Workshop,
  first: Run,
  mostLookups: number,
  isOver: (followed: Followed) => boolean,
  isCareful = false,
): Followed {
  const { space, stores } = workshop;
  let opened: readonly Opened[] = [...first.opened.values()];
  let followed: Followed = { knowledge: knowledgeOf(stores, opened), isSettled: opened.length === 0, ports: [] };
  for (let round = 0; round < maxRounds && !followed.isSettled && !isOver(followed); round++) {
    const { knowledge } = followed;
    const last = newRun(
      workshop,
      first.datapaths,
      { kind: 'any', knowledge, isSecond: true, isCareful },
      first.maxHops,
      [...first.watch],
      mostLookups,
      first.learnable,
    );
    for (const { here, state, action } of first.asked) trackKnown(last, here, state, action);
    walk(last);
    opened = [...opened, ...last.opened.values()];
    const more = knowledgeOf(stores, opened);
    const isSettled = isKnown(space, more, knowledge);
    followed = { last, knowledge: more, isSettled, ports: [...followed.ports, ...last.taught] };
  }
  return followed;
}

function looksOf(
  { space, stores }: Workshop,
  { copies, store }: Pick<TrafficClass, 'copies' | 'store'>,
  packets: PacketSet,
): Look[] {
  const wanted = packets === space.all ? copies : space.and(copies, packets);
  const byStore = new Map<Store, PacketSet[]>();
  for (const part of plainParts(stores, store, wanted, headerPlaces)) {
    const known = byStore.get(part.store);
    if (known) known.push(part.packets);
    else byStore.set(part.store, [part.packets]);
  }
  return [...byStore].map(([look, sets]) => ({ store: look, packets: space.forget(space.orAll(sets), copyFields) }));
}

interface Look {
  readonly store: Store;
  readonly packets: PacketSet;
}

/** Packets that may belong to connections which are not known: all that conntrack was asked about. */
function strangers(run: Run): Gap[] {
  const { asked, space } = run;
  const reason = 'packets may belong to connections that were not followed to their end';
  return [...groupBy(asked, ({ here }) => here.flow)].flatMap(([flow, states]): Gap[] => {
    const [first] = states;
    if (!flow || !first) return [];
    const packets = space.orAll(states.map(({ state }) => whateverAnswered(run, packetsOf(run, state))));
    return [{ datapath: first.here.datapath.datapath, flow, reason, packets, connections: true }];
  });
}

export function newRun(
  { network, space, stores, passages, memory }: Workshop,
  datapaths: ReadonlyMap<string, SymbolicDatapath>,
  connections: Connections,
  maxHops: number,
  watch: readonly string[] = [],
  mostLookups = usualLookups,
  learnable: Learnable = new Map(),
): Run {
  return {
    network,
    datapaths,
    space,
    stores,
    passages,
    connections,
    memory,
    watch: new Set(watch),
    levels: [],
    visits: new Map(),
    wide: new Map(),
    maxHops,
    mostLookups,
    asked: [],
    ended: new Map(),
    gaps: new Map(),
    met: new Set(),
    ambiguous: new Map(),
    opened: new Map(),
    opensUnknown: false,
    learnable,
    taught: new Set(),
    lookups: 0,
    outcomes: 0,
  };
}

const newState = ({ passages, space }: Workshop, store: Store, packets: PacketSet): State => ({
  store,
  lineage: lineageOf(packets),
  guard: space.all,
  passage: passages.initial,
  used: nothingUsed,
  trail: noTrail,
});

/** Questions whose packets opened the same connections are answered in one run; what was one lineage stays one. */
function answersTo(
  workshop: Workshop,
  partOf: (datapath: NetworkDatapath) => Part | undefined,
  questions: readonly Question[],
): TrafficClass[] {
  const arrived = questions.flatMap((question) => {
    const own = groupBy(partsOf(workshop, question), ({ port }) => partOf(port.datapath));
    return [...own].map(([part, parts]) => ({ ...question, part, parts }));
  });
  return [...groupBy(arrived, ({ part }) => part)].flatMap(([part, ofPart]) => {
    if (!part) return [];
    return [...groupBy(ofPart, ({ one }) => one.commits).values()].flatMap((alike) => answersIn(workshop, part, alike));
  });
}

/** Packets that came the same way to the same port. */
type Landed = Bundle['parts'][number];

interface Arrived extends Question {
  readonly parts: readonly Landed[];
}

function partsOf({ network, space }: Workshop, { one, packets }: Question): readonly Landed[] {
  if (!('end' in one)) return one.parts;
  const { end, parts } = one;
  if (end.kind === 'port') return parts.map((part) => ({ ...part, port: end.port }));
  if (end.kind !== 'sender') return [];
  return network.portsByNumber.flatMap((port) => {
    const own = port?.edge ? inportIn(space, [port]) : space.empty;
    if (!port || !space.intersects(packets, own)) return [];
    return parts.map(({ lineage, guard }) => ({ lineage, guard: space.and(guard, own), port }));
  });
}

function answersIn(workshop: Workshop, part: Part, questions: readonly Arrived[]): TrafficClass[] {
  const { space } = workshop;
  const all = space.orAll(questions.map(({ packets }) => packets));
  const [first] = questions as [Arrived];
  const commits = ownCommits(workshop, first.one.commits as readonly TrackedCommit[], all);
  const run = newRun(
    workshop,
    part.datapaths,
    { kind: 'own', commits },
    part.limits.maxHops,
    [],
    part.limits.mostLookups,
    part.learnable,
  );
  const shared = new Map<Lineage, Lineage>();
  for (const { one, packets, parts } of questions) {
    const isWhole = space.isSubset(space.and(one.copies, all), packets);
    for (const [lineage, ofLineage] of groupBy(parts, (each) => each.lineage)) {
      const known = isWhole ? shared.get(lineage) : undefined;
      const asked = known ?? lineageOf(space.and(lineage.packets, isWhole ? all : packets));
      if (isWhole) shared.set(lineage, asked);
      const landed = ofLineage.filter(({ guard }) => space.intersects(asked.packets, guard));
      for (const group of apart(space, landed)) answerFrom(workshop, run, one.store, asked, lineage, group);
    }
  }
  walk(run);
  return [...endedOf(run), ...endedAnywhere(run, part)];
}

/** In groups of which none has a packet twice: copies that nothing tells apart. */
function apart(space: Space, landed: readonly Landed[]): Landed[][] {
  const groups: { all: PacketSet; members: Landed[] }[] = [];
  for (const one of landed) {
    const group = groups.find(({ all }) => !space.intersects(all, one.guard));
    if (group) {
      group.all = space.or(group.all, one.guard);
      group.members.push(one);
    } else groups.push({ all: one.guard, members: [one] });
  }
  return groups.map(({ members }) => members);
}

/**
 * What arrived at ports, looking as the store says, is answered from those ports: as one for all of a datapath. `asked` are
 * some of the packets that came the same way, `way`.
 */
function answerFrom(
  workshop: Workshop,
  run: Run,
  store: Store,
  asked: Lineage,
  way: Lineage,
  landed: readonly Landed[],
): void {
  const { space, stores } = workshop;
  for (const [datapath, ofDatapath] of groupBy(landed, ({ port }) => port.datapath)) {
    const guard = space.orAll(ofDatapath.map((each) => each.guard));
    for (const { store: answer, set } of answering(run, store, guard)) {
      if (!space.intersects(asked.packets, set)) continue;
      const from = ofDatapath.map((each) => ({
        packets: space.and(each.guard, set),
        value: numberValue(run, each.port.number),
      }));
      enterBy(run, 0, laterState(workshop, answer, asked, set, way), datapath, choiceOf(stores.values, space, from));
    }
  }
}

/** What is not known to its end may come out of every port, looking like anything. */
function endedAnywhere({ space, gaps, stores, memory, passages }: Run, { edges }: Part): TrafficClass[] {
  const lost = space.orAll([...gaps.values()].map(({ packets }) => packets));
  if (lost === space.empty) return [];
  const unknown = (place: number) => unknownOnce({ memory, stores }, `anything ${place}`, places[place]?.width ?? 0);
  const store = writeAll(
    stores,
    stores.initial,
    headerPlaces.map((place) => [place, unknown(place)] as const),
  );
  const { commits, passed } = passages.initial;
  const packets = space.forget(lost, copyFields);
  const parts = [{ lineage: { packets: lost }, guard: space.all }];
  return edges.map((port) => ({
    ...{ packets, copies: lost, parts, store, commits, passed },
    end: { kind: 'port', port },
    connection: 'new',
    exact: false,
  }));
}

/**
 * Packets on another way, on which nothing is told by the fields that told it on the first one: `way`. What else is demanded
 * of such fields (that all neighbours are known) is demanded of what they tell on this one.
 */
function laterState(
  workshop: Workshop,
  store: Store,
  lineage: Lineage,
  guard = workshop.space.all,
  way = lineage,
): State {
  const { passages } = workshop;
  const inputs = store.values.flatMap((value) => inputsOf(workshop, value));
  const fields = [...supportOf(workshop, way.packets), ...supportOf(workshop, guard), ...inputs];
  const names = fields.map((field) => packetFields[field]?.name ?? '');
  const next = (kind: string): number =>
    Math.max(0, ...names.filter((name) => name.startsWith(`${kind}.`)).map((name) => Number(name.split('.')[1]) + 1));
  const used = {
    neighbors: someQuestions(next('neighbor')),
    choices: someQuestions(next('choice')),
    chances: someQuestions(names.includes('chance') ? 16 : 0),
    copies: next('copy'),
    openers: fieldsOfOpener.findLastIndex((own) => own.some((field) => fields.includes(field))) + 1,
  };
  return { store, lineage, guard, passage: passages.initial, used, trail: noTrail };
}

/** The fields that tell whether packets are in a set. */
function supportOf({ space, supports }: Workshop, set: PacketSet): readonly number[] {
  const fields = supports.get(set) ?? space.support(set);
  supports.set(set, fields);
  return fields;
}

const someQuestions = (n: number): Questions => Array.from({ length: n }, () => undefined);

/** The fields that a value depends on. */
const inputsOf = (workshop: Workshop, { pieces, options = [] }: Value): number[] => [
  ...pieces.flatMap((piece) => (piece.kind === 'input' || piece.kind === 'plus' ? [piece.field] : [])),
  ...options.flatMap(({ packets, value }) => [...supportOf(workshop, packets), ...inputsOf(workshop, value)]),
];

/** The connections as those packets opened them: one for each way that these looked then. */
function ownCommits({ stores }: Workshop, commits: readonly TrackedCommit[], packets: PacketSet): OwnCommit[] {
  return commits.flatMap((commit) =>
    plainParts(stores, commit.before, packets, headerPlaces).flatMap((before) =>
      plainParts(stores, commit.after, before.packets, headerPlaces).map((after) => ({
        ...commit,
        before: before.store,
        after: after.store,
        packets: after.packets,
      })),
    ),
  );
}

function followFrom(workshop: Workshop, part: Part, set: PacketSet, store: Store, port: NetworkPort): TrafficClass[] {
  const run = newRun(
    workshop,
    part.datapaths,
    part.connections,
    part.limits.maxHops,
    [],
    part.limits.mostLookups,
    part.learnable,
  );
  enter(run, 0, laterState(workshop, store, lineageOf(set)), port);
  walk(run);
  return [...endedOf(run), ...endedAnywhere(run, part)];
}
