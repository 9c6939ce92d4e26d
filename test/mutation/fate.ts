/**
 * What becomes of all packets, to be compared between a network and a mutant of it: which come out where, looking
 * like what, of which connections.  What is dropped is what comes out nowhere, whoever drops it.
 */
import { groupBy } from '../../engine/group.ts';
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { trafficWords } from '../../sim/answers/index.ts';
import {
  type Analysis,
  at,
  type ConnectionState,
  type End,
  headerFields,
  inportIn,
  type Piece,
  type Store,
  type TrafficClass,
  type Value,
} from '../../sim/symbolic/index.ts';

/** Packets by their fate. */
export interface Fates {
  readonly byKey: ReadonlyMap<string, Fate>;
  /** The packets that conntrack was asked about and knew, whatever became of them, by what it knew and what was made of them. */
  readonly known: ReadonlyMap<string, PacketSet>;
}

/** Where packets come out: of somebody's port, of the one that they came in by, nowhere ever, or that is left to chance. */
export type Place = 'port' | 'sender' | 'loop' | 'chance';

export interface Fate {
  readonly place: Place;
  readonly connection: ConnectionState;
  readonly made?: string;
  /** They may have it. */
  readonly packets: PacketSet;
  /** Of these, the ones that surely have it. */
  readonly surely: PacketSet;
  /** `leave by "red1"`. */
  readonly words: string;
  /** What they look like; of those of which that matters. */
  readonly store?: Store;
}

interface Gathered extends Pick<Fate, 'place' | 'connection' | 'made' | 'words' | 'store'> {
  readonly all: PacketSet[];
  readonly exact: PacketSet[];
}

/** Sorts the packets of an analysis by their fate. */
export function fatesOf(analysis: Analysis): Fates {
  const { space, classes, ambiguous } = analysis;
  const gathered = new Map<string, Gathered>();
  for (const one of classes) {
    for (const { place, words: where, within } of placesOf(space, one)) {
      const words = `${where}${one.made === undefined ? '' : `, made into ${one.made}`}`;
      for (const { store, packets } of analysis.looks(one, within)) {
        if (packets === space.empty) continue;
        const key = `${one.connection} ${words} ${lookText(store)}`;
        const { connection, made } = one;
        const fate = gathered.get(key) ?? {
          place,
          connection,
          ...(made && { made }),
          words,
          store,
          all: [],
          exact: [],
        };
        gathered.set(key, fate);
        fate.all.push(packets);
        if (one.exact) fate.exact.push(packets);
      }
    }
  }
  const byKey = new Map(
    [...gathered].map(([key, { all, exact, ...rest }]): [string, Fate] => [
      key,
      { ...rest, packets: space.orAll(all), surely: space.orAll(exact) },
    ]),
  );
  const chance = space.orAll(ambiguous.map(({ packets }) => packets));
  const words = 'meet two flows of which OVN takes any';
  byKey.set('new chance', { place: 'chance', connection: 'new', packets: chance, surely: space.empty, words });
  const known = new Map(
    [...groupBy(classes, knownAs)].map(([key, list]) => [key, space.orAll(list.map((one) => one.packets))] as const),
  );
  return { byKey, known };
}

const knownAs = ({ connection, made }: Pick<Fate, 'connection' | 'made'>): string => `${connection} ${made}`;

/** None of packets that end inside.  Those that leave by the port that they came in by return to their sender. */
function placesOf(space: Space, { end }: TrafficClass): { place: Place; words: string; within: PacketSet }[] {
  const back = { place: 'sender', words: 'return to their sender' } as const;
  switch (end.kind) {
    case 'port': {
      const own = inportIn(space, [end.port]);
      return [
        { place: 'port', words: placeWords(end), within: space.not(own) },
        { ...back, within: own },
      ];
    }
    case 'sender':
      return [{ ...back, within: space.all }];
    case 'loop':
      return [{ place: 'loop', words: 'go round for ever', within: space.all }];
    case 'drop':
      return [];
  }
}

const placeWords = ({ port }: Extract<End, { kind: 'port' }>): string => `leave by "${port.name}"`;

/** The header of a frame as it is put out: where it last came in is no part of it. */
const lookOf = ({ values }: Store): Value[] => values.slice(0, headerFields).filter((_, place) => place !== at.inport);

/** The same in terms of the one that entered. */
function lookText(store: Store): string {
  return lookOf(store)
    .map(({ pieces }) => pieces.map(pieceText).join('+'))
    .join(' ');
}

/** Numbers of unknowns depend on how many there were before. */
function pieceText(piece: Piece): string {
  switch (piece.kind) {
    case 'constant':
      return `${piece.n}=${piece.value}`;
    case 'input':
      return `${piece.n}<${piece.field}.${piece.ofs}`;
    case 'plus':
      return `${piece.n}<${piece.field}+${piece.amount}`;
    case 'any':
      return `${piece.n}?`;
  }
}

/** How the fate of packets differs: they newly have it or no longer do, or it is only what was sure that differs. */
export interface Change {
  readonly how: 'gained' | 'lost' | 'surely gained' | 'surely lost';
  readonly fate: Fate;
  readonly packets: PacketSet;
}

/**
 * How fates differ.  Packets in connections that conntrack is not asked about any more, or was not before, fare as new
 * ones do.
 */
export function changesOf(space: Space, old: Fates, now: Fates): Change[] {
  if (isSame(space, old, now)) return [];
  const changes = pairs(space, effective(space, old), effective(space, now)).flatMap(([before, after]) => {
    const changes: Change[] = [];
    const tell = (how: Change['how'], a: PacketSet, b: PacketSet): void => {
      const packets = space.diff(a, b);
      if (packets !== space.empty) changes.push({ how, fate: before, packets });
    };
    tell('lost', before.packets, after.packets);
    tell('gained', after.packets, before.packets);
    if (before.packets !== after.packets) return changes;
    tell('surely lost', before.surely, after.surely);
    tell('surely gained', after.surely, before.surely);
    return changes;
  });
  return withoutTwins(space, changes);
}

/** Without packets that are lost and gained with the same look, told another way: a constant, say, or a field that has that value. */
function withoutTwins(space: Space, changes: readonly Change[]): Change[] {
  const left = changes.map(({ packets }) => packets);
  for (const [lost, a] of changes.entries()) {
    for (const [gained, b] of changes.entries()) {
      const { store: one } = a.fate;
      const { store: other } = b.fate;
      if (a.how !== 'lost' || b.how !== 'gained' || kindOf(a.fate) !== kindOf(b.fate) || !one || !other) continue;
      const both = space.and(left[lost] as PacketSet, left[gained] as PacketSet);
      if (both === space.empty) continue;
      const twins = space.and(both, lookingAlike(space, one, other));
      left[lost] = space.diff(left[lost] as PacketSet, twins);
      left[gained] = space.diff(left[gained] as PacketSet, twins);
    }
  }
  return changes.flatMap((change, index) => {
    const packets = left[index] as PacketSet;
    return packets === space.empty ? [] : [{ ...change, packets }];
  });
}

const kindOf = ({ words, connection }: Fate): string => `${connection} ${words}`;

/** Packets that surely look alike as two stores say; only whole fields and constants are compared. */
function lookingAlike(space: Space, one: Store, other: Store): PacketSet {
  let alike = space.all;
  const others = lookOf(other);
  for (const [place, a] of lookOf(one).entries()) {
    const b = others[place];
    if (!b || a.pieces.map(pieceText).join() === b.pieces.map(pieceText).join()) continue;
    const constant = a.constant ?? b.constant;
    const [piece] = a.constant === undefined ? a.pieces : b.pieces;
    const isBoth = a.constant !== undefined && b.constant !== undefined;
    if (constant === undefined || isBoth || piece?.kind !== 'input' || piece.n !== a.width || piece.ofs !== 0) {
      return space.empty;
    }
    const mask = (1n << BigInt(a.width)) - 1n;
    alike = space.and(alike, space.cube([{ field: piece.field, value: constant, mask }]));
  }
  return alike;
}

const hows = {
  gained: 'newly',
  lost: 'no longer',
  'surely gained': 'now surely',
  'surely lost': 'no longer surely',
} as const;

const states = {
  new: '',
  established: ', as established',
  reply: ', as replies',
} as const;

/** `no longer leave by "red1", as replies: tcp`. */
export const changeWords = (space: Space, { how, fate, packets }: Change): string =>
  `${hows[how]} ${fate.words}${states[fate.connection]}: ${trafficWords(space, packets)}`;

const isSame = (space: Space, old: Fates, now: Fates): boolean =>
  pairs(space, old.byKey, now.byKey).every(([a, b]) => a.packets === b.packets && a.surely === b.surely);

/** With what becomes of packets in connections that conntrack was never asked about. */
function effective(space: Space, { byKey, known }: Fates): Map<string, Fate> {
  const all = new Map(byKey);
  for (const [key, fate] of byKey) {
    if (fate.connection !== 'new' || fate.place === 'chance') continue;
    for (const connection of ['established', 'reply'] as const) {
      const place = key.replace(/^new/, connection);
      const own = all.get(place) ?? { ...fate, connection, packets: space.empty, surely: space.empty };
      const besides = (set: PacketSet): PacketSet => space.diff(set, known.get(knownAs(own)) ?? space.empty);
      const packets = space.or(own.packets, besides(fate.packets));
      all.set(place, { ...own, packets, surely: space.or(own.surely, besides(fate.surely)) });
    }
  }
  return all;
}

/** Before and after, of every fate that there is. */
function pairs({ empty }: Space, old: ReadonlyMap<string, Fate>, now: ReadonlyMap<string, Fate>): [Fate, Fate][] {
  return [...new Set([...old.keys(), ...now.keys()])].map((key) => {
    const [before, after] = [old.get(key), now.get(key)];
    const nothing = { ...((before ?? after) as Fate), packets: empty, surely: empty };
    return [before ?? nothing, after ?? nothing];
  });
}
