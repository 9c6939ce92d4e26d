/** Nothing that one party sends arrives at another, on any path: inside, or over wires outside. */
import type { PacketSet } from '../../engine/sets/index.ts';
import { at, inportIn, type NetworkPort, packetFields, type TrafficClass } from '../symbolic/index.ts';
import { crossingTo, type Journey, journeyOf, surely } from './crossing.ts';
import { holds, type Judgement, unknown, violated } from './property.ts';
import type { Party } from './told.ts';
import { among, believable, doubt, type View } from './view.ts';
import { circumstances } from './wires.ts';

/** Judges whether anything of a party arrives at any of the others; their own ports do not count. */
export function separated(view: View, party: Party, others: readonly Party[]): Judgement {
  const own = new Set(party.ports);
  const sent = inportIn(view.analysis.space, party.ports);
  const guesses: string[] = [];
  const inside = arrivesInside(view, party, others, own, sent, guesses);
  if (inside) return inside;
  const journey = journeyIn(view, party, sent);
  const outside = arrivesOverWires(view, party, others, own, journey, guesses);
  if (outside) return outside;
  const reason = guesses[0] ?? doubt(view, view.analysis.space.or(sent, journey.packets));
  if (reason !== undefined) return unknown(reason);
  if (journey.endless) return unknown(`packets of ${party.name} leave and come back more often than was followed`);
  return holds;
}

const journeys = new WeakMap<View, WeakMap<Party, Journey>>();

/** What comes back of all that a party sends, worked out once. */
function journeyIn(view: View, party: Party, sent: PacketSet): Journey {
  const known = journeys.get(view) ?? new WeakMap<Party, Journey>();
  journeys.set(view, known);
  const journey = known.get(party) ?? journeyOf(view, sent, party.ports);
  known.set(party, journey);
  return journey;
}

/** What arrives at a party's hosts, in any connection. */
interface Arriving {
  /** Of senders nothing but `inport` is in it. */
  readonly senders: PacketSet;
  /** Packets from outside, as they come in. */
  readonly admitted: PacketSet;
}

const arrivals = new WeakMap<View, WeakMap<Party, Arriving>>();

function arrivingAt(view: View, party: Party): Arriving {
  const known = arrivals.get(view) ?? new WeakMap<Party, Arriving>();
  arrivals.set(view, known);
  const before = known.get(party);
  if (before) return before;
  const { space } = view.analysis;
  const own = new Set(party.ports);
  const all = view.analysis.bundles
    .filter(({ parts }) => parts.some(({ port }) => own.has(port)))
    .map((bundle) => among(space, bundle, own));
  const entering = inportIn(
    space,
    view.wires.flatMap(({ ports }) => ports),
  );
  const united = (sets: readonly PacketSet[], fields: readonly number[]): PacketSet =>
    space.orAll(sets.map((set) => space.forget(set, fields)));
  const made = {
    senders: united(all, allButInport),
    admitted: united(
      all.map((set) => space.and(set, entering)),
      circumstances,
    ),
  };
  known.set(party, made);
  return made;
}

const allButInport = packetFields.map((_, field) => field).filter((field) => field !== at.inport);

function arrivesInside(
  view: View,
  party: Party,
  others: readonly Party[],
  own: ReadonlySet<NetworkPort>,
  sent: PacketSet,
  guesses: string[],
): Judgement | undefined {
  const { space } = view.analysis;
  const likely = believable(space);
  let found: Judgement | undefined;
  for (const other of others) {
    if (!space.intersects(arrivingAt(view, other).senders, sent)) continue;
    for (const one of classesAt(view, other, own)) {
      const packets = space.and(one.packets, sent);
      if (packets === space.empty) continue;
      const said = sentence(view, party, other, one);
      if (!one.exact) guesses.push(notExactly(said));
      else {
        const judgement = violated({ kind: 'goes', class: one, packets, sentence: said });
        if (space.intersects(packets, likely)) return judgement;
        found ??= judgement;
      }
    }
  }
  return found;
}

/** Classes that end at a port of the party which is not of the others. */
function* classesAt(view: View, { ports }: Party, own: ReadonlySet<NetworkPort>): Generator<TrafficClass, void> {
  for (const port of ports) if (!own.has(port)) yield* view.arrivals.get(port) ?? [];
}

function arrivesOverWires(
  view: View,
  party: Party,
  others: readonly Party[],
  own: ReadonlySet<NetworkPort>,
  { sent, crossings, packets: coming }: Journey,
  guesses: string[],
): Judgement | undefined {
  const { space } = view.analysis;
  const likely = believable(space);
  let found: Judgement | undefined;
  // Something made of a packet on its way is shown where there is nothing better: over one wire, believable.
  let isShown = false;
  for (const other of others) {
    if (!space.intersects(arrivingAt(view, other).admitted, coming)) continue;
    for (const then of classesAt(view, other, own)) {
      for (const [round, back] of crossings.entries()) {
        if (!space.intersects(then.packets, back.packets)) continue;
        const entering = space.and(surely(view, back), then.packets);
        if (entering === space.empty) continue;
        const said = `${sentence(view, party, other, then)}, over ${round === 0 ? 'the wire' : `${round + 1} wires`} outside`;
        if (round > 0) {
          found ??= violated({ kind: 'goes', class: then, packets: entering, sentence: said });
          continue;
        }
        const crossing = crossingTo(view, sent, space.forget(entering, circumstances));
        if (crossing?.class.exact && then.exact) {
          const judgement = violated({ kind: 'crosses', ...crossing, then, sentence: said });
          const isLikely = space.intersects(crossing.packets, likely) && space.intersects(then.packets, likely);
          if (isLikely && then.made === undefined) return judgement;
          if (isLikely && !isShown) found = judgement;
          isShown ||= isLikely;
          found ??= judgement;
        } else guesses.push(notExactly(said));
      }
    }
  }
  return found;
}

const notExactly = (sentence: string): string => `${sentence}, as far as it was modelled, which is not exact`;

function sentence(view: View, party: Party, other: Party, { end, made }: TrafficClass): string {
  const what = made === undefined ? 'a packet' : `what is made (${made}) of a packet`;
  const host = end.kind === 'port' ? view.hostOf.get(end.port)?.port.name : undefined;
  const where = host === undefined || host === other.name ? other.name : `${host}, of ${other.name}`;
  return `${what} of ${party.name} arrives at ${where}`;
}
