/**
 * The fate of all packets: what enters by any edge port is followed to where it
 * ends, first as if there were no connections, then with all those that packets
 * may open.
 */
import type { LogicalFlow } from '../../engine/ovsdb/southbound.ts';
import { createSpace, type PacketSet, type Space } from '../../engine/sets/index.ts';
import { packetFields } from './fields.ts';
import { createTexts, readDatapaths, type SymbolicDatapath, type Texts } from './flows.ts';
import { answering } from './host.ts';
import { knowledgeOf } from './knowledge.ts';
import { loopsOf } from './loops.ts';
import { enter } from './output.ts';
import { possiblePackets } from './packets.ts';
import { createPassages, type Passage, type Passages } from './passage.ts';
import {
  type Connections,
  createMemory,
  type Memory,
  type Opened,
  type Run,
  type State,
  startPipeline,
} from './run.ts';
import { at, createStores, type Store, type Stores } from './store.ts';
import type { AnalyseOptions, Analysis, Gap, Network, NetworkDatapath, NetworkPort, TrafficClass } from './types.ts';
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

export function openWorkshop(network: Network): Workshop {
  const space = createSpace(packetFields);
  return {
    network,
    space,
    stores: createStores(),
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
    answers: (opened, packets = opened.packets) => answersTo(workshop, partOf, opened, packets),
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
}

function analyseComponent(workshop: Workshop, component: readonly NetworkDatapath[], options: AnalyseOptions): Part {
  const { network, space, stores, possible } = workshop;
  const datapaths = readDatapaths(network, component, workshop.texts);
  const edges = component.flatMap(({ ports }) => ports.filter(({ edge }) => edge !== undefined));
  const follow = (connections: Connections): Run => {
    const run = newRun(workshop, datapaths, connections, options.watch ?? []);
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
      startPipeline(run, from, 'ingress', 0, 0, newState(workshop, stores.initial, packets));
    }
    walk(run);
    return run;
  };
  const first = follow({ kind: 'none' });
  let opened: ReadonlyMap<string, Opened> = first.opened;
  let connections: Connections = { kind: 'none' };
  let last = first;
  let isSettled = opened.size === 0;
  for (let round = 0; round < maxRounds && !isSettled; round++) {
    connections = { kind: 'any', knowledge: knowledgeOf(space, stores.values, opened.values()) };
    last = follow(connections);
    const all = new Map([...opened, ...last.opened]);
    isSettled = !opensMore(space, opened, last.opened);
    opened = all;
  }
  const runs = last === first ? [first] : [first, last];
  return {
    datapaths,
    edges,
    classes: [
      ...classesOf(first),
      ...loopClasses(first, stores.initial),
      ...(last === first ? [] : laterClasses(last)),
    ],
    gaps: [...runs.flatMap(({ gaps }) => [...gaps.values()]), ...(isSettled ? [] : unsettled(last))],
    met: new Set(runs.flatMap(({ met }) => [...met])),
    ambiguous: [...last.ambiguous.values()],
    connections,
  };
}

/** Whether packets of connections opened any that were not known. */
function opensMore(space: Space, before: ReadonlyMap<string, Opened>, after: ReadonlyMap<string, Opened>): boolean {
  for (const [key, { packets }] of after) {
    const known = before.get(key);
    if (!known || !space.isSubset(packets, known.packets)) return true;
  }
  return false;
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
  watch: readonly string[],
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
    seen: new Map(),
    nodes: new Map(),
    nodePlaces: [],
    edges: new Map(),
    ended: new Map(),
    gaps: new Map(),
    met: new Set(),
    ambiguous: new Map(),
    opened: new Map(),
    outcomes: 0,
  };
}

const newState = ({ passages }: Workshop, store: Store, packets: PacketSet): State => ({
  store,
  packets,
  passage: passages.initial,
  origins: [],
});

function classesOf({ ended }: Run): TrafficClass[] {
  return [...ended.values()].map(withoutPassage);
}

function withoutPassage({ passage: _, ...one }: TrafficClass & { passage: Passage }): TrafficClass {
  return one;
}

/** What belongs to a connection that others opened, or goes on in one. */
function laterClasses({ ended }: Run): TrafficClass[] {
  return [...ended.values()].filter(({ connection }) => connection !== 'new').map(withoutPassage);
}

function loopClasses(run: Run, store: Store): TrafficClass[] {
  return loopsOf(run).map(({ packets, datapaths }) => ({
    packets,
    end: { kind: 'loop', datapaths },
    store,
    connection: 'new',
    exact: false,
    commits: [],
    passed: [],
  }));
}

function answersTo(
  workshop: Workshop,
  partOf: (datapath: NetworkDatapath) => Part | undefined,
  opened: TrafficClass,
  packets: PacketSet,
): TrafficClass[] {
  const { network, space } = workshop;
  if (opened.end.kind !== 'port' && opened.end.kind !== 'sender') return [];
  const ports =
    opened.end.kind === 'port'
      ? [opened.end.port]
      : network.portsByNumber.flatMap((port) =>
          port?.edge && space.intersects(packets, inportIn(space, [port])) ? [port] : [],
        );
  return ports.flatMap((port) => {
    const part = partOf(port.datapath);
    if (!part) return [];
    const some = opened.end.kind === 'port' ? packets : space.and(packets, inportIn(space, [port]));
    const run = newRun(workshop, part.datapaths, { kind: 'own', commits: opened.commits }, []);
    for (const { store, set } of answering(run, opened.store, some)) {
      enter(run, 0, newState(workshop, store, set), port);
    }
    walk(run);
    return classesOf(run);
  });
}

function followFrom(workshop: Workshop, part: Part, set: PacketSet, store: Store, port: NetworkPort): TrafficClass[] {
  const run = newRun(workshop, part.datapaths, part.connections, []);
  enter(run, 0, newState(workshop, store, set), port);
  walk(run);
  return classesOf(run);
}
