/** What comes back to the port that sent it: answers that the network makes itself, and packets turned round. */
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { type Bundle, inportIn, type Looks, type TrafficClass, type Value } from '../symbolic/index.ts';
import { copyFields, neighborMacs } from './honest.ts';
import { endingAt, type View } from './view.ts';

/** A class, or a bundle of them, with those of its packets that end at the port they entered by. */
export interface Homecoming<One extends Looks = TrafficClass> {
  readonly class: One;
  readonly packets: PacketSet;
  /** The same, with which of its copies each is. */
  readonly copies: PacketSet;
}

const known = new WeakMap<View, readonly Homecoming<Looks>[]>();

/** All that comes back of what belongs to no connection: of bundles as one. */
export function homecomings(view: View): readonly Homecoming<Looks>[] {
  const before = known.get(view);
  if (before) return before;
  const { space, bundles } = view.analysis;
  const found: Homecoming<Looks>[] = returning(view);
  for (const bundle of bundles) {
    if (bundle.connection !== 'new') continue;
    const copies = bundle.within((port) => inportIn(space, [port]));
    if (copies !== space.empty) found.push({ class: bundle, packets: space.forget(copies, copyFields), copies });
  }
  known.set(view, found);
  return found;
}

const returning = (view: View): Homecoming[] =>
  view.returning
    .filter(({ connection }) => connection === 'new')
    .map((one) => ({ class: one, packets: one.packets, copies: one.copies }));

/** The same of some packets, class by class: where something is wrong with it, and it is to be shown. */
export function homecomingsOf(view: View, packets: PacketSet): readonly Homecoming[] {
  const { space } = view.analysis;
  const found = returning(view);
  const concerned = (bundle: Bundle): boolean => bundle.meets(packets);
  for (const one of endingAt(view, [...view.arrivals.keys()], concerned)) {
    if (one.end.kind !== 'port' || one.connection !== 'new') continue;
    const own = inportIn(space, [one.end.port]);
    if (!space.intersects(one.packets, own)) continue;
    found.push({ class: one, packets: space.and(one.packets, own), copies: space.and(one.copies, own) });
  }
  return found;
}

/** How a set of requests is answered at the senders' ports. */
export interface Answered<One extends Looks = TrafficClass> {
  /** The requests that surely get what they ask for. */
  readonly right: PacketSet;
  /** Those that get something else back, surely. */
  readonly wrong?: { readonly class: One; readonly packets: PacketSet };
  /** Those that get more than one answer, or one of several. */
  readonly twice?: { readonly class: One; readonly packets: PacketSet };
}

/**
 * What new packets of the set get back.  `isRight` gives those of a class that surely come back as the answer
 * that is due; `isAnswer` tells classes that are answers from packets that just came back.
 */
export function answersAt(
  view: View,
  requests: PacketSet,
  isRight: (one: Looks) => PacketSet,
  isAnswer: (one: Looks) => PacketSet,
): Answered {
  const { right, wrong, twice } = answersAmong(view, homecomings(view), requests, isRight, isAnswer);
  if (!wrong && !twice) return { right };
  return answersAmong(view, homecomingsOf(view, requests), requests, isRight, isAnswer);
}

function answersAmong<One extends Looks>(
  view: View,
  coming: readonly Homecoming<One>[],
  requests: PacketSet,
  isRight: (one: Looks) => PacketSet,
  isAnswer: (one: Looks) => PacketSet,
): Answered<One> {
  const { space } = view.analysis;
  let right = space.empty;
  let wrong: Answered<One>['wrong'];
  let all = space.empty;
  let twice: Answered<One>['twice'];
  for (const { class: one, packets, copies } of coming) {
    if (one.connection !== 'new' || !space.intersects(packets, requests)) continue;
    const some = space.and(copies, requests);
    const answer = space.and(some, isAnswer(one));
    if (answer === space.empty) continue;
    const good = one.exact ? space.and(answer, isRight(one)) : space.empty;
    const bad = space.diff(answer, good);
    if (bad !== space.empty && one.exact) wrong ??= { class: one, packets: space.forget(bad, copyFields) };
    const both = space.and(all, space.forget(answer, copyFields));
    if (both !== space.empty && one.exact) twice ??= { class: one, packets: both };
    all = space.or(all, space.forget(answer, copyFields));
    right = space.or(right, space.forget(good, copyFields));
  }
  return { right, ...(wrong && { wrong }), ...(twice && { twice }) };
}

/**
 * The packets of which a value surely is what a field was when they were sent.  A neighbour's MAC address is taken
 * to be right: who has asked for it is told so.
 */
export function unchanged(space: Space, { pieces, options }: Value, field: number): PacketSet {
  if (options) {
    return space.orAll(options.map(({ packets, value }) => space.and(packets, unchanged(space, value, field))));
  }
  let set = space.all;
  let ofs = 0;
  for (const piece of pieces) {
    if (piece.kind === 'constant') {
      const shift = BigInt(ofs);
      const mask = ((1n << BigInt(piece.n)) - 1n) << shift;
      set = space.and(set, space.cube([{ field, value: piece.value << shift, mask }]));
    } else if (piece.kind !== 'input') return space.empty;
    else if (!(piece.field === field && piece.ofs === ofs) && !neighborMacs.includes(piece.field)) return space.empty;
    ofs += piece.n;
  }
  return set;
}
