/**
 * What becomes of all packets, to be compared between a network and a mutant of it: which come out where, looking
 * like what, of which connections.  What is dropped is what comes out nowhere, whoever drops it.
 */
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { trafficWords } from '../../sim/answers/index.ts';
import { type Analysis, type End, headerFields, type Piece, type Store } from '../../sim/symbolic/index.ts';

/** Packets by their fate. */
export type Fates = ReadonlyMap<string, Fate>;

interface Fate {
  /** They may have it. */
  readonly packets: PacketSet;
  /** Of these, the ones that surely have it. */
  readonly surely: PacketSet;
  /** `leave by "red1"`. */
  readonly words: string;
}

/** Sorts the packets of an analysis by their fate. */
export function fatesOf(analysis: Analysis): Fates {
  const { space, classes, ambiguous } = analysis;
  const sets = new Map<string, { words: string; all: PacketSet[]; exact: PacketSet[] }>();
  for (const one of classes) {
    const end = endWords(one.end);
    if (end === undefined) continue;
    const connection = one.connection === 'new' ? '' : `, as ${one.connection === 'reply' ? 'replies' : 'established'}`;
    const words = `${end}${one.made === undefined ? '' : `, made into ${one.made}`}${connection}`;
    for (const { store, packets } of analysis.looks(one)) {
      const key = `${words} ${lookText(store)}`;
      const fate = sets.get(key) ?? { words, all: [], exact: [] };
      sets.set(key, fate);
      fate.all.push(packets);
      if (one.exact) fate.exact.push(packets);
    }
  }
  const fate = (words: string, all: PacketSet[], exact: PacketSet[]): Fate => ({
    words,
    packets: space.orAll(all),
    surely: space.orAll(exact),
  });
  const sorted = [...sets].map(([key, { words, all, exact }]) => [key, fate(words, all, exact)] as const);
  const chance = space.orAll(ambiguous.map(({ packets }) => packets));
  return new Map([...sorted, ['chance', fate('meet two flows of which OVN takes any', [chance], [])]]);
}

/** Undefined of packets that end inside. */
function endWords(end: End): string | undefined {
  switch (end.kind) {
    case 'port':
      return `leave by "${end.port.name}"`;
    case 'sender':
      return 'return to their sender';
    case 'loop':
      return 'go round for ever';
    case 'drop':
      return undefined;
  }
}

/** The header as it is put out, in terms of the one that entered. */
function lookText({ values }: Store): string {
  return values
    .slice(0, headerFields)
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

/** How fates differ, as lines such as `no longer leave by "red1": tcp`; at most `limit`, none where nothing differs. */
export function changesOf(space: Space, old: Fates, now: Fates, limit = 4): string[] {
  const lines: string[] = [];
  for (const [before, after] of pairs(space, old, now)) {
    if (lines.length >= limit) break;
    const tell = (how: string, a: PacketSet, b: PacketSet): void => {
      const set = space.diff(a, b);
      if (set !== space.empty) lines.push(`${how} ${before.words}: ${trafficWords(space, set)}`);
    };
    tell('no longer', before.packets, after.packets);
    tell('newly', after.packets, before.packets);
    if (before.packets !== after.packets) continue;
    tell('no longer surely', before.surely, after.surely);
    tell('now surely', after.surely, before.surely);
  }
  return lines.slice(0, limit);
}

/** Whether every packet has the fate that it had. */
export const isSame = (space: Space, old: Fates, now: Fates): boolean =>
  pairs(space, old, now).every(([a, b]) => a.packets === b.packets && a.surely === b.surely);

/** Before and after, of every fate that there is. */
function pairs({ empty }: Space, old: Fates, now: Fates): [Fate, Fate][] {
  return [...new Set([...old.keys(), ...now.keys()])].map((key) => {
    const [before, after] = [old.get(key), now.get(key)];
    const nothing = { words: (before ?? after)?.words ?? '', packets: empty, surely: empty };
    return [before ?? nothing, after ?? nothing];
  });
}
