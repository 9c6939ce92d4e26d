/**
 * One run of packets through the network while it is under way: the states that
 * wait, by place, and what has ended.
 *
 * A state is packets at one place, with what they look like.  States of one place
 * are joined as far as they do not overlap.  Packets pass pipelines one after the
 * other; all that have passed as many are brought forward together, table by table.
 */
import type { Action } from '../../engine/lang/ir.ts';
import type { LogicalFlow, Pipeline } from '../../engine/ovsdb/southbound.ts';
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import type { Ended } from './ends.ts';
import { constantBits, type SymbolicDatapath } from './flows.ts';
import type { Knowledge } from './knowledge.ts';
import type { Matches } from './matching.ts';
import type { Learnable } from './neighbors.ts';
import type { Passages, TrackedCommit } from './passage.ts';
import { limited, type State } from './state.ts';
import { at, before, read, type Store, type Stores, write } from './store.ts';
import type { TrackingAction } from './tracking.ts';
import type { Gap, Network, NetworkPort } from './types.ts';
import { constantOf, type Value } from './value.ts';

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

/** A run that looks more states up than this goes round in too many ways to follow them all. */
export const usualLookups = 20_000;

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
