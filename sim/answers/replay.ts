/**
 * Nothing is shown that was not seen: a story is told to the tracer and played in
 * the data plane, and both have to bring its last packet where the proof says.
 */
import type { LogicalFlow, Southbound } from '../../engine/ovsdb/southbound.ts';
import type { Network, NetworkPort } from '../symbolic/types.ts';
import type { Counterexample, Sent } from '../verdict.ts';
import { frameOf } from './frame.ts';
import { fieldReader, type PacketValues } from './packet.ts';
import { type Backstage, componentsOf, createPlayer, openBackstage, type Player } from './played.ts';
import { circumstancesOf, type Expected, isUnwanted, type Send, type Story } from './story.ts';
import { summaryOf } from './summary.ts';
import { ctOptions } from './trace-options.ts';
import { arrivalAt, type Choice, createTracer, type Traced, type TracedLeg, type Tracer } from './traced.ts';
import { hex, sentOf } from './witness.ts';

export interface ReplayOptions {
  /** Play stories in the data plane, too: so many at most; 16 unless given. */
  readonly plays?: number;
  /** Networks with more logical flows are not played, which would take seconds; 100 000 unless given. */
  readonly playedFlows?: number;
  /** What stories are played with: who keeps it has it from one network to the next. */
  readonly backstage?: Backstage;
}

/** What a story showed. */
export interface Replayed {
  readonly counterexample: Counterexample;
  /** The flows that the packet met, and those that a wire led it to. */
  readonly flows: readonly LogicalFlow[];
  readonly legs: readonly TracedLeg[];
}

/** Tells and plays stories about one network. */
export interface Stage {
  replay(story: Story): Replayed;
  /** Of the components that these ports are of. */
  tracer(ports: readonly NetworkPort[]): Tracer;
}

export function createStage(
  network: Network,
  { plays = 16, playedFlows = 100_000, backstage = openBackstage() }: ReplayOptions = {},
): Stage {
  const scenes = new Map<string, Scene>();
  let left = plays;
  const sceneAt = (ports: readonly NetworkPort[]): Scene => {
    const components = componentsWith(ports);
    const key = [...components].join();
    const known = scenes.get(key) ?? sceneOf(componentsOf(network, components), backstage);
    scenes.set(key, known);
    return known;
  };
  return {
    tracer: (ports) => sceneAt(ports).tracer,
    replay(story) {
      const ports = story.sends.flatMap((send) => (send.kind === 'answer' ? [] : [send.port]));
      const { southbound, tracer, player } = sceneAt(ports);
      const { traced, choice, isSeen } = search(tracer, story);
      const isPlayed = left > 0 && southbound.flows.length <= playedFlows;
      if (isPlayed) left--;
      const played = isPlayed ? player().play(story, traced) : { outcome: 'not run' as const };
      // Which member the data plane takes, its own hash decides.
      const isChosen = played.outcome === false && (choice !== undefined || traced.legs.some(meetsChoice));
      const plane = isChosen ? 'not run' : played.outcome;
      const why = isSeen ? (plane === false ? played.why : undefined) : missed(story, traced);
      return told(network, story, traced, choice, { tracer: isSeen, plane, ...(why !== undefined && { why }) });
    },
  };
}

/** Components where stories are told and played. */
interface Scene {
  readonly southbound: Southbound;
  readonly tracer: Tracer;
  /** Made when it is asked for the first time. */
  player(): Player;
}

function sceneOf(southbound: Southbound, backstage: Backstage): Scene {
  let player: Player | undefined;
  return {
    southbound,
    tracer: createTracer(southbound),
    player() {
      player ??= createPlayer(southbound, backstage);
      return player;
    },
  };
}

/** Several backends, members of a route or ports, of which one is taken. */
const several = /\bct_lb(_mark)?\([^)]*backends=[^;)]*,|\bselect\(|\bfwd_group\([^)]*,/;

const meetsChoice = ({ flows }: TracedLeg): boolean => flows.some(({ actions }) => several.test(actions));

const componentsWith = (ports: readonly NetworkPort[]): Set<number> =>
  new Set(ports.map(({ datapath }) => datapath.component).sort((a, b) => a - b));

/** So many members of choices are tried. */
const choiceLimit = 8;

/** Tells the story until it ends as it should: first as it comes, then with other members of what there is to choose. */
function search(tracer: Tracer, story: Story): { traced: Traced; choice: Choice | undefined; isSeen: boolean } {
  const first = tracer.tell(story);
  if (endsWell(story, first)) return { traced: first, choice: undefined, isSeen: true };
  const wanted = Number(fieldReader(circumstancesOf(story, story.sends.length - 1))('choice.0'));
  for (const member of [wanted, ...Array.from({ length: choiceLimit }, (_, index) => index)]) {
    const choice = { backend: member, selectId: member + 1, learned: member };
    const traced = tracer.tell(story, choice);
    if (endsWell(story, traced)) return { traced, choice, isSeen: true };
  }
  return { traced: first, choice: undefined, isSeen: false };
}

/** A flow that is met more often than this is on a packet's way round and round. */
const rounds = 16;

/** Whether all packets of the story ended as they should. */
const endsWell = ({ sends }: Story, { legs }: Traced): boolean =>
  sends.every(({ expected }, index) => isAsExpected(expected, legs[index]));

function isAsExpected(expected: Expected, leg: TracedLeg | undefined): boolean {
  if (!leg) return false;
  switch (expected.kind) {
    case 'arrives':
      return arrivalAt(leg, expected.port) !== undefined;
    case 'lost':
      if (expected.flow) return leg.flows.includes(expected.flow);
      return !leg.deliveries.some((came) => isUnwanted(expected, leg.packet, came));
    case 'loops':
      return isRound(leg.flows) || leg.gaps.length > 0;
  }
}

function isRound(flows: readonly LogicalFlow[]): boolean {
  const met = new Map<LogicalFlow, number>();
  for (const flow of flows) {
    const times = (met.get(flow) ?? 0) + 1;
    met.set(flow, times);
    if (times > rounds) return true;
  }
  return false;
}

function missed({ sends }: Story, { legs }: Traced): string {
  const { expected } = sends[Math.min(legs.length, sends.length) - 1] ?? sends[0];
  const came = legs.at(-1)?.deliveries.map(({ port }) => port) ?? [];
  const where = came.length === 0 ? 'nowhere' : `to ${[...new Set(came)].join(', ')}`;
  const wanted = expected.kind === 'arrives' ? `to ${expected.port}` : expected.kind === 'lost' ? 'nowhere' : 'round';
  return `the proof brings it ${wanted}, the tracer ${where}`;
}

function told(
  { southbound }: Network,
  { sends }: Story,
  { legs, neighbors, addresses }: Traced,
  choice: Choice | undefined,
  replayed: Counterexample['replayed'],
): Replayed {
  const main = mainLeg(sends);
  const own = legs.slice(main);
  const [first] = own;
  const last = sends.at(-1) ?? sends[0];
  const end = own.length === sends.length - main ? own.at(-1) : undefined;
  const arrived = last.expected.kind === 'arrives' && end ? arrivalAt(end, last.expected.port) : undefined;
  const shown: Sent = first
    ? sentFrom(first, southbound)
    : sends[0].kind === 'packet'
      ? sentOf(sends[0], southbound)
      : { inport: '', frame: '', microflow: '', summary: '' };
  const traceOptions = first ? ctOptions(first.states, choice) : [];
  const before = legs.slice(0, main).map((leg) => sentFrom(leg, southbound));
  return {
    counterexample: {
      ...shown,
      ...(traceOptions.length > 0 && { traceOptions }),
      ...(last.expected.kind === 'arrives' && { outport: last.expected.port }),
      ...(arrived && { arrives: { frame: hex(frameOf(arrived)), summary: summaryOf(arrived) } }),
      ...(before.length > 0 && { before }),
      ...(neighbors.length > 0 && {
        neighbors: neighbors.map(({ logicalPort, ip, mac }) => `${logicalPort} ${ip} ${mac}`),
      }),
      ...(addresses.length > 0 && { learned: addresses.map(({ logicalPort, mac }) => `${logicalPort} ${mac}`) }),
      trace: own.map(({ text, inport }, index) => (index === 0 ? text : `\n# and in by ${inport}\n\n${text}`)).join(''),
      replayed,
    },
    flows: own.flatMap(({ flows }) => flows),
    legs,
  };
}

/** The first send that the proof is about: what crosses a wire belongs to what was sent before. */
function mainLeg(sends: readonly Send[]): number {
  let main = sends.length - 1;
  while (main > 0 && sends[main]?.kind === 'crossing') main--;
  return main;
}

function sentFrom(
  { packet, inport, quoted }: { packet: PacketValues; inport: string; quoted?: PacketValues },
  southbound: Network['southbound'],
): Sent {
  const datapath = southbound.ports.find(({ logicalPort }) => logicalPort === inport)?.datapath ?? '';
  return sentOf({ packet, port: { name: inport, datapath: { uuid: datapath } } }, southbound, quoted);
}
