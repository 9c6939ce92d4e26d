/**
 * What parts of a network have to do with each other by way of the world outside.
 *
 * Each part sums up its wires: what its hosts put there, what comes to its hosts (or
 * was not understood) of what comes in, and what goes out again of what comes in: answers
 * and errors of routers.  The sums are laid side by side in one small space, where the packets of each part
 * are followed over the wires: as they left, or as somebody outside has forwarded them.  More may seem to come somewhere
 * than does (whose answer it is, is not told apart), never less.  A part whose packets come to no other
 * part's hosts has nothing to do with the others.
 */
import type { PacketSet, Rewrite, SavedSets, Space } from '../../engine/sets/index.ts';
import { leavingClasses } from '../properties/crossing.ts';
import { requestFor } from '../properties/nat-unique.ts';
import type { View, Wire } from '../properties/view.ts';
import { asSeenOn, beforeForwarding, circumstances, forwarded, onWire, wireRewrites } from '../properties/wires.ts';
import { at, fieldIndex, inportIn, packetFields } from '../symbolic/index.ts';
import { withinMemory } from './findings.ts';

/** A part's side of its wires. */
export interface WireSummary {
  readonly wires: readonly Pick<Wire, 'name' | 'physical' | 'vlan'>[];
  /** What becomes of packets that come in by one wire and leave by another, or the same: numbers of wires. */
  readonly reactions: readonly { readonly from: number; readonly to: number; readonly rewrites: readonly Rewrite[] }[];
  /**
   * Three for each wire: what comes in again of what hosts of the part put there; of what comes in, what comes to hosts or
   * was not understood; and that with what is so once it was forwarded.  Then one for each reaction: of what packets it is one.
   */
  readonly sets: SavedSets;
}

/** Not a packet's own as others see it. */
const beside: readonly number[] = [at.inport, fieldIndex('pkt.mark'), ...circumstances];

/** More steps of the space than this are not taken for the wires of a part, or for those of all parts. */
const mostSteps = 50_000_000;

/** Whether a space has taken so many steps from now on. */
function spentAfter(space: Space, steps: number): () => boolean {
  const start = space.stats().steps;
  return () => space.stats().steps - start > steps;
}

/** Sums up the wires of a part, which its view is of; undefined where that takes more steps than are given. */
export function summaryOf(view: View, steps = mostSteps): WireSummary | undefined {
  const { space } = view.analysis;
  const isSpent = spentAfter(space, steps);
  const reactions = view.wires.flatMap((wire, from) => reactionsTo(view, wire, from, isSpent));
  if (isSpent()) return undefined;
  const sets = view.wires.flatMap((wire) => {
    const sent = sentTo(view, wire);
    const here = admitted(view, wire);
    return [space.or(sent, forwarded(space, sent)), here, space.or(here, beforeForwarding(space, here))];
  });
  return {
    wires: view.wires.map(({ name, physical, vlan }) => ({ name, physical, vlan })),
    reactions: reactions.map(({ from, to, rewrites }) => ({ from, to, rewrites })),
    sets: space.save([...sets, ...reactions.map(({ packets }) => packets)]),
  };
}

function sentTo(view: View, wire: Wire): PacketSet {
  const { space, network } = view.analysis;
  const hosts = [...network.ports.values()].filter(({ edge }) => edge === 'vif');
  const sent = inportIn(space, hosts);
  const leaving = leavingClasses(view).filter((one) => one.wire === wire && space.intersects(one.one.packets, sent));
  return space.orAll(leaving.map(({ one }) => onWire(view, one, sent)));
}

function admitted(view: View, { ports }: Wire): PacketSet {
  const { space, gaps, bundles } = view.analysis;
  const entering = inportIn(space, ports);
  const toHosts = bundles.flatMap((one) =>
    one.meets(entering) ? [one.within(({ edge }) => (edge === 'vif' ? entering : space.empty))] : [],
  );
  const sets = [...toHosts, ...gaps.map(({ packets }) => space.and(packets, entering))];
  return space.forget(space.orAll(sets), beside);
}

function reactionsTo(view: View, { ports }: Wire, from: number, isSpent: () => boolean) {
  const { analysis, wires } = view;
  const { space } = analysis;
  const entering = inportIn(space, ports);
  return leavingClasses(view).flatMap(({ one, wire }) => {
    if (isSpent() || !space.intersects(one.packets, entering)) return [];
    return analysis.looks(one, space.and(one.packets, entering)).map(({ store, packets }) => ({
      from,
      to: wires.indexOf(wire),
      rewrites: wireRewrites(store),
      packets: space.forget(packets, beside),
    }));
  });
}

/** The sums of all parts, side by side. */
export interface Outside {
  /** Whether what a part sends comes to others, or that cannot be told. */
  isEntangled(part: number): boolean;
  /** Whether somebody besides a part may answer who asks for an address on a wire. */
  isAnsweredBesides(part: number, address: string): boolean;
}

/** The same, where what takes more memory than sets are allowed cannot be told. */
export const guarded = (outside: Outside): Outside => ({
  isEntangled: (part) => withinMemory(() => outside.isEntangled(part)) ?? true,
  isAnsweredBesides: (part, address) => withinMemory(() => outside.isAnsweredBesides(part, address)) ?? true,
});

/** What is on a wire of all parts, or comes in from it. */
interface Place {
  readonly wire: Wire;
  /** By part, and as its summary has it. */
  readonly coming: Map<number, PacketSet>;
  readonly admitted: Map<number, PacketSet>;
  readonly reached: Map<number, PacketSet>;
  readonly answered: Map<number, PacketSet>;
  /** What reacts alike, whoever does. */
  readonly reactions: Map<string, Reaction>;
}

interface Reaction {
  readonly to: Place;
  readonly rewrites: readonly Rewrite[];
  /** The values that fields may have afterwards: those of all who react so. */
  readonly values: Map<number, Set<bigint>>;
  readonly sets: PacketSet[];
  packets?: PacketSet;
}

/** Packets on wires. */
type Traffic = ReadonlyMap<Place, PacketSet>;

/** Packets that cross wires more often than this are not followed. */
const maxCrossings = 6;

/** Lays sums side by side; a part without one has no wires. What takes more steps than are given cannot be told. */
export function outsideOf(space: Space, summaries: readonly (WireSummary | undefined)[], steps = mostSteps): Outside {
  const places = placesOf(space, summaries);
  const isSpent = spentAfter(space, steps);
  const firstOf = (part: number): Traffic =>
    crossed(
      space,
      places,
      trafficOf(places, (place) => place.coming.get(part)),
    );
  const comesTo = (traffic: Traffic, sets: 'admitted' | 'reached', except?: number): boolean =>
    [...traffic].some(([place, packets]) =>
      [...place[sets]].some(([part, set]) => part !== except && space.intersects(set, packets)),
    );
  // What routers make of what routers made, of all parts at once: mostly it comes to nobody.
  let isQuiet: boolean | undefined;
  const quiet = (): boolean => {
    const firsts = trafficOf(places, (place) => space.orAll([...place.coming.values()]));
    const answers = reactionsOf(space, crossed(space, places, firsts), isSpent);
    const later = answers && followed(space, places, answers, isSpent);
    return later !== undefined && !comesTo(later, 'admitted');
  };
  return {
    isEntangled(part) {
      const first = firstOf(part);
      if (first.size === 0) return false;
      if (comesTo(first, 'admitted', part)) return true;
      const answers = reactionsOf(space, first, isSpent);
      if (!answers || comesTo(crossed(space, places, answers), 'reached', part)) return true;
      isQuiet ??= quiet();
      if (isQuiet) return false;
      const later = followed(space, places, answers, isSpent);
      return later === undefined || comesTo(later, 'admitted', part);
    },
    isAnsweredBesides(part, address) {
      const asked = requestFor(space, address);
      return places.some(({ admitted: own, answered }) =>
        [own, answered].some((sets) =>
          [...sets].some(([other, set]) => other !== part && space.intersects(set, asked)),
        ),
      );
    },
  };
}

const trafficOf = (places: readonly Place[], packetsAt: (place: Place) => PacketSet | undefined): Traffic =>
  new Map(places.flatMap((place) => [[place, packetsAt(place) ?? 0] as const]).filter(([, packets]) => packets !== 0));

/** What is seen on each wire of what is on one of them. */
function crossed(space: Space, places: readonly Place[], traffic: Traffic): Traffic {
  return trafficOf(places, (there) =>
    space.orAll([...traffic].map(([here, packets]) => asSeenOn(space, packets, here.wire, there.wire))),
  );
}

/** What goes out of what comes in; undefined if that takes too many steps. */
function reactionsOf(space: Space, coming: Traffic, isSpent: () => boolean): Traffic | undefined {
  const out = new Map<Place, PacketSet>();
  for (const [place, packets] of coming) {
    for (const reaction of place.reactions.values()) {
      if (isSpent()) return undefined;
      const made = reactionOf(space, reaction, packets);
      if (made !== space.empty) out.set(reaction.to, space.or(out.get(reaction.to) ?? space.empty, made));
    }
  }
  return out;
}

function reactionOf(space: Space, reaction: Reaction, coming: PacketSet): PacketSet {
  reaction.packets ??= space.orAll(reaction.sets);
  if (!space.intersects(reaction.packets, coming)) return space.empty;
  const out = space.image(space.and(reaction.packets, coming), reaction.rewrites);
  return [...reaction.values].reduce((set, [field, values]) => space.and(set, space.oneOf(field, values)), out);
}

/**
 * All that comes in behind what goes out: of reactions to it, and of reactions to those.  Undefined if that crosses wires
 * too often, or takes too many steps.
 */
function followed(space: Space, places: readonly Place[], sent: Traffic, isSpent: () => boolean): Traffic | undefined {
  const coming = new Map<Place, PacketSet>();
  const later = new Map<Place, PacketSet>();
  let going = sent;
  for (let round = 0; round < maxCrossings; round++) {
    const fresh = new Map<Place, PacketSet>();
    for (const [there, seen] of crossed(space, places, going)) {
      const all = space.or(seen, forwarded(space, seen));
      const before = coming.get(there) ?? space.empty;
      const news = space.diff(all, before);
      if (news === space.empty) continue;
      fresh.set(there, news);
      coming.set(there, space.or(before, news));
      if (round > 0) later.set(there, space.or(later.get(there) ?? space.empty, all));
    }
    const more = reactionsOf(space, fresh, isSpent);
    if (!more) return undefined;
    if (more.size === 0) return later;
    going = more;
  }
  return undefined;
}

function placesOf(space: Space, summaries: readonly (WireSummary | undefined)[]): Place[] {
  const places = new Map<string, Place>();
  for (const [part, summary] of summaries.entries()) {
    if (!summary) continue;
    const sets = space.load(summary.sets);
    const own = summary.wires.map((wire, index) => {
      const place = places.get(wire.name) ?? placeOf(wire);
      places.set(wire.name, place);
      place.coming.set(part, sets[3 * index] ?? space.empty);
      place.admitted.set(part, sets[3 * index + 1] ?? space.empty);
      place.reached.set(part, sets[3 * index + 2] ?? space.empty);
      return place;
    });
    for (const [index, { from, to, rewrites }] of summary.reactions.entries()) {
      const [here, there] = [own[from], own[to]];
      const packets = sets[3 * own.length + index] ?? space.empty;
      if (!here || !there) continue;
      here.answered.set(part, space.or(here.answered.get(part) ?? space.empty, packets));
      addReaction(here, there, rewrites, packets);
    }
  }
  return [...places.values()];
}

const placeOf = (wire: WireSummary['wires'][number]): Place => ({
  wire: { ...wire, ports: [] },
  coming: new Map(),
  admitted: new Map(),
  reached: new Map(),
  answered: new Map(),
  reactions: new Map(),
});

/** Fields as wide as this tell who reacts; what else is written is part of how. */
const addressBits = 32;

const isAddress = ({ field, ofs, n }: Pick<Rewrite, 'field' | 'ofs' | 'n'>): boolean =>
  ofs === 0 && n >= addressBits && n === packetFields[field]?.width;

function addReaction(here: Place, to: Place, rewrites: readonly Rewrite[], packets: PacketSet): void {
  const own = rewrites.flatMap((one) => (one.kind === 'constant' && isAddress(one) ? [one] : []));
  const alike = rewrites.map(
    (one): Rewrite =>
      one.kind === 'constant' && isAddress(one) ? { field: one.field, ofs: 0, n: one.n, kind: 'any' } : one,
  );
  const key = JSON.stringify([to.wire.name, own.map(({ field }) => field), alike], (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}` : value,
  );
  const known: Reaction = here.reactions.get(key) ?? { to, rewrites: alike, values: new Map(), sets: [] };
  here.reactions.set(key, known);
  known.sets.push(packets);
  for (const { field, value } of own)
    known.values.set(field, (known.values.get(field) ?? new Set<bigint>()).add(value));
}
