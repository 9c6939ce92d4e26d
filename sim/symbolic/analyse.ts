/**
 * The fate of all packets: what enters by any edge port is followed to where it
 * ends, first as if there were no connections, then with all those that packets
 * may open.
 */
import { groupBy } from '../../engine/group.ts';
import type { LogicalFlow } from '../../engine/ovsdb/southbound.ts';
import { createSpace, type PacketSet, type Space } from '../../engine/sets/index.ts';
import { fieldOrder, packetFields } from './fields.ts';
import { createTexts, readDatapaths, type SymbolicDatapath, type Texts } from './flows.ts';
import { answering } from './host.ts';
import { isKnown, knowledgeOf } from './knowledge.ts';
import { enter } from './output.ts';
import { possiblePackets } from './packets.ts';
import { createPassages, type Passages, type TrackedCommit } from './passage.ts';
import {
  type Connections,
  copyFields,
  createMemory,
  endedOf,
  type Lineage,
  type Memory,
  noTrail,
  nothingUsed,
  type Opened,
  type OwnCommit,
  type Questions,
  type Run,
  type State,
  startPipeline,
} from './run.ts';
import { at, createStores, headerPlaces, plainParts, type Store, type Stores } from './store.ts';
import { trackKnown } from './tracking.ts';
import type {
  AnalyseOptions,
  Analysis,
  Gap,
  Network,
  NetworkDatapath,
  NetworkPort,
  Question,
  TrafficClass,
} from './types.ts';
import type { Value } from './value.ts';
import { walk } from './walk.ts';

/** What analyses of one network share. */
export interface Workshop {
  readonly network: Network;
  readonly space: Space;
  readonly stores: Stores;
  readonly passages: Passages;
  readonly memory: Memory;
  readonly texts: Texts;
  readonly possible: PacketSet;
}

/** A space for the packets of networks; several networks are compared in one. */
export const packetSpace = (): Space => createSpace(packetFields, { order: fieldOrder });

/** Makes ready to analyse a network, in a space of its own unless one is given. */
export function openWorkshop(network: Network, space = packetSpace()): Workshop {
  return {
    network,
    space,
    stores: createStores(space),
    passages: createPassages(),
    memory: createMemory(),
    texts: createTexts(network),
    possible: possiblePackets(space),
  };
}

/** How often connections that packets of connections open are looked for before the answer is no proof. */
const maxRounds = 4;

/** Analyses a network, or some of its components. */
export function analyse(network: Network, options: AnalyseOptions = {}, workshop = openWorkshop(network)): Analysis {
  const { space } = workshop;
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
  return {
    network,
    space,
    possible,
    classes: parts.flatMap(({ classes }) => classes),
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
  readonly maxHops: number;
}

function analyseComponent(workshop: Workshop, component: readonly NetworkDatapath[], options: AnalyseOptions): Part {
  const { network, space, stores, possible } = workshop;
  const datapaths = readDatapaths(network, component, workshop.texts);
  const edges = component.flatMap(({ ports }) => ports.filter(({ edge }) => edge !== undefined));
  const maxHops = Math.max(64, 4 * component.length);
  const first = newRun(workshop, datapaths, { kind: 'none' }, maxHops, options.watch);
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
  let opened: readonly Opened[] = [...first.opened.values()];
  let knowledge = knowledgeOf(stores, opened);
  let last: Run | undefined;
  let isSettled = opened.length === 0;
  for (let round = 0; round < maxRounds && !isSettled; round++) {
    last = newRun(workshop, datapaths, { kind: 'any', knowledge }, maxHops, options.watch);
    for (const { here, state, action } of first.asked) trackKnown(last, here, state, action);
    walk(last);
    opened = [...opened, ...last.opened.values()];
    const more = knowledgeOf(stores, opened);
    isSettled = isKnown(space, more, knowledge);
    knowledge = more;
  }
  const runs = last ? [first, last] : [first];
  const whateverCopy = <T extends { packets: PacketSet }>(one: T): T => ({
    ...one,
    packets: space.forget(one.packets, copyFields),
  });
  return {
    datapaths,
    edges,
    classes: runs.flatMap(endedOf),
    gaps: [
      ...runs.flatMap(({ gaps }) => [...gaps.values()].map(whateverCopy)),
      ...(isSettled ? [] : unsettled(last ?? first)),
    ],
    met: new Set(runs.flatMap(({ met }) => [...met])),
    ambiguous: runs.flatMap(({ ambiguous }) => [...ambiguous.values()].map(whateverCopy)),
    connections: last ? { kind: 'any', knowledge } : { kind: 'none' },
    maxHops,
  };
}

function looksOf({ space, stores }: Workshop, { copies, store }: TrafficClass, packets: PacketSet): Look[] {
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

function unsettled({ opened, met, space, datapaths }: Run): Gap[] {
  const [flow] = met;
  const [datapath] = datapaths.values();
  if (!flow || !datapath) return [];
  const packets = space.orAll([...opened.values()].map((one) => one.packets));
  const reason = 'connections that packets of connections open were not followed to their end';
  return [{ datapath: datapath.datapath, flow, reason, packets }];
}

export function newRun(
  { network, space, stores, passages, memory }: Workshop,
  datapaths: ReadonlyMap<string, SymbolicDatapath>,
  connections: Connections,
  maxHops: number,
  watch: readonly string[] = [],
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
    maxHops,
    asked: [],
    ended: new Map(),
    gaps: new Map(),
    met: new Set(),
    ambiguous: new Map(),
    opened: new Map(),
    lookups: 0,
    outcomes: 0,
  };
}

const newState = ({ passages, space }: Workshop, store: Store, packets: PacketSet): State => ({
  store,
  lineage: { packets },
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
  const arrived = questions.flatMap((question) => arrivedAt(workshop, question));
  return [...groupBy(arrived, ({ port }) => partOf(port.datapath))].flatMap(([part, ofPart]) => {
    if (!part) return [];
    return [...groupBy(ofPart, ({ one }) => one.commits).values()].flatMap((alike) => answersIn(workshop, part, alike));
  });
}

interface Arrived extends Question {
  readonly port: NetworkPort;
}

function arrivedAt({ network, space }: Workshop, { one, packets }: Question): Arrived[] {
  const { end } = one;
  if (end.kind === 'port') return [{ one, packets, port: end.port }];
  if (end.kind !== 'sender') return [];
  return network.portsByNumber.flatMap((port) => {
    const some = port?.edge ? space.and(packets, inportIn(space, [port])) : space.empty;
    return port && some !== space.empty ? [{ one, packets: some, port }] : [];
  });
}

function answersIn(workshop: Workshop, part: Part, questions: readonly Arrived[]): TrafficClass[] {
  const { space } = workshop;
  const all = space.orAll(questions.map(({ packets }) => packets));
  const [first] = questions as [Arrived];
  const commits = ownCommits(workshop, first.one.commits as readonly TrackedCommit[], all);
  const run = newRun(workshop, part.datapaths, { kind: 'own', commits }, part.maxHops);
  const shared = new Map<Lineage, Lineage>();
  for (const { one, packets, port } of questions) {
    const isWhole = space.isSubset(space.and(one.copies, all), packets);
    for (const { lineage, guard } of one.parts) {
      const known = isWhole ? shared.get(lineage) : undefined;
      const asked = known ?? { packets: space.and(lineage.packets, isWhole ? all : packets) };
      if (isWhole) shared.set(lineage, asked);
      if (!space.intersects(asked.packets, guard)) continue;
      for (const { store, set } of answering(run, one.store, guard)) {
        if (space.intersects(asked.packets, set)) enter(run, 0, laterState(workshop, store, asked, set), port);
      }
    }
  }
  walk(run);
  return endedOf(run);
}

/** Packets on another way, on which nothing is told by the fields that told it on the first one. */
function laterState(workshop: Workshop, store: Store, lineage: Lineage, guard = workshop.space.all): State {
  const { space, passages } = workshop;
  const inputs = store.values.flatMap(inputsOf);
  const names = [...space.support(lineage.packets), ...space.support(guard), ...inputs].map(
    (field) => packetFields[field]?.name ?? '',
  );
  const next = (kind: string): number =>
    Math.max(0, ...names.filter((name) => name.startsWith(`${kind}.`)).map((name) => Number(name.split('.')[1]) + 1));
  const used = {
    neighbors: someQuestions(next('neighbor')),
    choices: someQuestions(next('choice')),
    chances: someQuestions(names.includes('chance') ? 16 : 0),
    copies: next('copy'),
    restored: names.some((name) => name.startsWith('opener.')),
  };
  return { store, lineage, guard, passage: passages.initial, used, trail: noTrail };
}

const someQuestions = (n: number): Questions => Array.from({ length: n }, () => undefined);

/** The fields that a value depends on. */
const inputsOf = ({ pieces, options = [] }: Value): number[] => [
  ...pieces.flatMap((piece) => (piece.kind === 'input' || piece.kind === 'plus' ? [piece.field] : [])),
  ...options.flatMap(({ value }) => inputsOf(value)),
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
  const run = newRun(workshop, part.datapaths, part.connections, part.maxHops);
  enter(run, 0, laterState(workshop, store, { packets: set }), port);
  walk(run);
  return endedOf(run);
}
