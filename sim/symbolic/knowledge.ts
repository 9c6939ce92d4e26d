/**
 * The connections that there may be: sets of headers that conntrack zones know,
 * made of all the packets that open connections there.
 */
import type { PacketSet, Rewrite, Space } from '../../engine/sets/index.ts';
import { fieldIndex, headerFields, openers, packetFields } from './fields.ts';
import type { TrackedCommit } from './passage.ts';
import type { Opened } from './run.ts';
import { at, plainParts, read, type Store, type Stores } from './store.ts';
import { constantOf, inputOf, rewritesOf, unknownOf, type Value, type Values } from './value.ts';

/** Connections of one zone that are translated alike and have the same mark and label. */
export interface KnownConnections {
  /** Headers of packets from their openers, before translation; the field `inport` is the port of the zone, on a switch. */
  readonly original: PacketSet;
  /**
   * Headers of their replies, before they are translated back; the fields
   * `opener.*` are then what the opener's first packet had, where that was translated.
   */
  readonly reply: PacketSet;
  /** Places of the opener's packets that are translated. */
  readonly translated: readonly number[];
  /** Where their openers' packets are sent instead, where that is the same for all. */
  readonly destination?: { readonly ip4: Value; readonly ip6: Value; readonly port: Value };
  readonly mark: Value;
  readonly label: Value;
}

/** By zone, and by what else they have in common. */
export type Knowledge = ReadonlyMap<string, ReadonlyMap<string, KnownConnections>>;

/** Whether all connections of one are among those of the other. */
export function isKnown(space: Space, some: Knowledge, all: Knowledge): boolean {
  for (const [zone, groups] of some) {
    for (const [key, { original, reply }] of groups) {
      const known = all.get(zone)?.get(key);
      if (!known || !space.isSubset(original, known.original) || !space.isSubset(reply, known.reply)) return false;
    }
  }
  return true;
}

const tupleEnds = [at.ip4Src, at.ip6Src, at.tpSrc, at.ip4Dst, at.ip6Dst, at.tpDst];
const tuplePlaces = [at.ethType, at.ipProto, ...tupleEnds];
const destinations = new Set<number>([at.ip4Dst, at.ip6Dst, at.tpDst]);

const openerEnds: readonly (readonly [place: number, name: string])[] = [
  [at.ip4Src, 'src4'],
  [at.ip6Src, 'src6'],
  [at.tpSrc, 'sport'],
  [at.ip4Dst, 'dst4'],
  [at.ip6Dst, 'dst6'],
  [at.tpDst, 'dport'],
];

/** By opener: the circumstances that tell what its packet had in a place. The last opener has not all of them. */
const openerFields: readonly ReadonlyMap<number, number>[] = Array.from(
  { length: openers },
  (_, n) =>
    new Map(
      openerEnds.flatMap(([place, name]) => {
        const full = `opener.${n === 0 ? '' : `${n}.`}${name}`;
        return packetFields.some((field) => field.name === full) ? [[place, fieldIndex(full)] as const] : [];
      }),
    ),
);

/** The circumstances that tell of an opener. */
export const fieldsOfOpener: readonly (readonly number[])[] = openerFields.map((fields) => [...fields.values()]);

/** Where a reply has what its opener's packet has in a place. */
const mirrored = new Map<number, number>([
  [at.ip4Src, at.ip4Dst],
  [at.ip6Src, at.ip6Dst],
  [at.tpSrc, at.tpDst],
  [at.ip4Dst, at.ip4Src],
  [at.ip6Dst, at.ip6Src],
  [at.tpDst, at.tpSrc],
]);

/** What a zone knows of a packet, besides these: nothing. */
const tuple = new Set<number>([at.ethType, at.ipProto]);

/** Puts together what packets opened. */
export function knowledgeOf(stores: Stores, opened: Iterable<Opened>): Knowledge {
  const { space } = stores;
  const zones = new Map<string, Map<string, KnownConnections>>();
  for (const one of [...opened].flatMap((each) => plainOpened(stores, each))) {
    const { commit } = one;
    const { mark, label } = commit;
    const made = connectionsOnce(stores, one);
    let groups = zones.get(commit.zone);
    if (!groups) {
      groups = new Map();
      zones.set(commit.zone, groups);
    }
    const { destination } = made;
    const key = [
      made.translated.join('+'),
      destination?.ip4.id,
      destination?.ip6.id,
      destination?.port.id,
      mark.id,
      label.id,
    ].join(' ');
    const known = groups.get(key);
    groups.set(
      key,
      known
        ? {
            ...known,
            original: space.or(known.original, made.original),
            reply: space.or(known.reply, made.reply),
          }
        : made,
    );
  }
  return zones;
}

/** One opening for each way its packets look. */
function plainOpened(stores: Stores, { commit, packets }: Opened): Opened[] {
  const { space } = stores;
  const marks = partsOf(space, [commit.mark, commit.label, ...(commit.port ? [commit.port] : [])], packets);
  return marks.flatMap(({ values: [mark, label, port], packets: some }) =>
    plainParts(stores, commit.before, some, tuplePlaces).flatMap((before) =>
      plainParts(stores, commit.after, before.packets, tuplePlaces).map((after) => ({
        commit: {
          zone: commit.zone,
          before: before.store,
          after: after.store,
          mark: mark as Value,
          label: label as Value,
          ...(port && { port }),
        },
        packets: after.packets,
      })),
    ),
  );
}

/** The packets by what several values are for them. */
function partsOf(space: Space, list: readonly Value[], packets: PacketSet): { values: Value[]; packets: PacketSet }[] {
  const [first, ...more] = list;
  if (!first) return [{ values: [], packets }];
  const options = first.options ?? [{ packets: space.all, value: first }];
  return options.flatMap((option) => {
    const some = space.and(packets, option.packets);
    if (some === space.empty) return [];
    return partsOf(space, more, some).map((part) => ({ ...part, values: [option.value, ...part.values] }));
  });
}

/** What was made of packets before: who goes round after round asks again and again. */
const madeBefore = new WeakMap<Stores, Map<string, KnownConnections>>();

function connectionsOnce(stores: Stores, opened: Opened): KnownConnections {
  const { commit, packets } = opened;
  const { before, after, port, mark, label } = commit;
  const all = madeBefore.get(stores) ?? new Map<string, KnownConnections>();
  madeBefore.set(stores, all);
  const key = `${packets} ${before.id} ${after.id} ${port?.id} ${mark.id} ${label.id}`;
  const made = all.get(key) ?? connectionsOf(stores.space, stores.values, opened);
  all.set(key, made);
  return made;
}

function connectionsOf(space: Space, values: Values, { commit, packets }: Opened): KnownConnections {
  const { before, after, mark, label } = commit;
  const translated = tupleEnds.filter((place) => read(before, place) !== read(after, place));
  const original = space.image(packets, originalRewrites(values, commit));
  const reply = space.image(packets, replyRewrites(values, commit, translated));
  return {
    original,
    reply,
    translated,
    ...(translated.some((place) => destinations.has(place)) && {
      destination: { ip4: read(after, at.ip4Dst), ip6: read(after, at.ip6Dst), port: read(after, at.tpDst) },
    }),
    mark: isConstant(mark) ? mark : unknownOf(values, mark.width),
    label: isConstant(label) ? label : unknownOf(values, label.width),
  };
}

const isConstant = ({ constant }: Value): boolean => constant !== undefined;

/** Everything but what conntrack looks at is forgotten. */
function forgetting(kept: readonly (readonly [number, Value])[]): Rewrite[] {
  const named = new Set(kept.map(([field]) => field));
  const rewrites: Rewrite[] = kept.flatMap(([field, value]) => rewritesOf(field, value));
  for (let field = 0; field < headerFields; field++) {
    if (!named.has(field) && !tuple.has(field)) rewrites.push({ field, ofs: 0, n: widthOf(field), kind: 'any' });
  }
  for (const field of circumstances) {
    if (!named.has(field)) rewrites.push({ field, ofs: 0, n: widthOf(field), kind: 'any' });
  }
  return rewrites;
}

const widthOf = (field: number): number => (packetFields[field] as { width: number }).width;
const circumstances = packetFields.map((_, index) => index).slice(headerFields);

function zonePort(values: Values, { port }: TrackedCommit): readonly (readonly [number, Value])[] {
  return port ? [[at.inport, port]] : [[at.inport, constantOf(values, 20, 0n)]];
}

const proto = (store: Store): readonly (readonly [number, Value])[] => [
  [at.ethType, read(store, at.ethType)],
  [at.ipProto, read(store, at.ipProto)],
];

function originalRewrites(values: Values, commit: TrackedCommit): Rewrite[] {
  const { before } = commit;
  return forgetting([
    ...proto(before),
    ...[at.ip4Src, at.ip4Dst, at.ip6Src, at.ip6Dst, at.tpSrc, at.tpDst].map(
      (place) => [place, read(before, place)] as const,
    ),
    ...zonePort(values, commit),
  ]);
}

function replyRewrites(values: Values, commit: TrackedCommit, translated: readonly number[]): Rewrite[] {
  const { before, after } = commit;
  return forgetting([
    ...proto(after),
    [at.ip4Src, read(after, at.ip4Dst)],
    [at.ip4Dst, read(after, at.ip4Src)],
    [at.ip6Src, read(after, at.ip6Dst)],
    [at.ip6Dst, read(after, at.ip6Src)],
    [at.tpSrc, read(after, at.tpDst)],
    [at.tpDst, read(after, at.tpSrc)],
    ...zonePort(values, commit),
    ...translated.map((place) => [openerField(place, 0), read(before, place)] as const),
  ]);
}

/** Replies, as zones know them (who opened is the first opener), with another opener in its place. */
export function repliesTo(space: Space, replies: PacketSet, opener: number): PacketSet {
  if (opener === 0) return replies;
  return space.image(
    replies,
    openerEnds.flatMap(([place]): Rewrite[] => {
      const from = openerField(place, 0);
      const to = openerFields[opener]?.get(place);
      const n = widthOf(from);
      return [
        ...(to === undefined ? [] : [{ field: to, ofs: 0, n, kind: 'copy', from, fromOfs: 0 } as const]),
        { field: from, ofs: 0, n, kind: 'any' },
      ];
    }),
  );
}

/** Whether there are circumstances that tell what an opener's packet had in these places. */
export const tellsOf = (opener: number, wanted: readonly number[]): boolean =>
  wanted.every((place) => openerFields[opener]?.has(place));

/** The circumstance that tells what an opener's packet had in a place. */
function openerField(place: number, opener: number): number {
  const field = openerFields[opener]?.get(place);
  if (field === undefined) throw new Error(`conntrack does not translate ${packetFields[place]?.name}`);
  return field;
}

/** What a reply gets when a place of its opener's packets that was translated is translated back: where, and what. */
export function restoredValue(values: Values, place: number, opener: number): [number, Value] {
  const mirror = mirrored.get(place) as number;
  return [mirror, inputOf(values, openerField(place, opener), widthOf(place))];
}
