/**
 * A state: packets at one place, with what they look like by now, what they were answered on their way, and where they have been.
 */
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import type { Passage } from './passage.ts';
import { at, read, type Store } from './store.ts';
import type { Lineage } from './types.ts';
import type { Value } from './value.ts';

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
export const exactHops = 8;

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

/** Whoever knows the space that sets are of. */
interface InSpace {
  readonly space: Space;
}

/** The packets of a state: never none. */
export const packetsOf = ({ space }: InSpace, { lineage, guard }: State): PacketSet =>
  space.and(lineage.packets, guard);

/** What a state of these packets knows of them. */
export const only = ({ space }: InSpace, packets: PacketSet): Pick<State, 'lineage' | 'guard'> => ({
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

/** Whether some of the packets may also go another way than this. */
export function mayBeInexact({ store }: State): boolean {
  const { constant, options } = read(store, at.inexact);
  return constant !== 0n && (options === undefined || options.some(({ value }) => value.constant !== 0n));
}

/** Only those of the state's packets; undefined if there are none. */
export function limited({ space }: InSpace, state: State, packets: PacketSet): State | undefined {
  if (packets === space.all) return state;
  const guard = space.and(state.guard, packets);
  if (guard === state.guard) return state;
  return space.intersects(state.lineage.packets, guard) ? { ...state, guard } : undefined;
}
