/**
 * Where packets get by way of the world outside: what leaves by a wire comes in
 * again, and what of that leaves once more does so again.
 */
import type { PacketSet } from '../../engine/sets/index.ts';
import { at, type NetworkPort, type TrafficClass } from '../symbolic/index.ts';
import { believable, type View, type Wire } from './view.ts';
import {
  asSeenOn,
  beforeForwarding,
  circumstances,
  comingIn,
  forwarded,
  onWire,
  ownMacs,
  thatAreOnWire,
} from './wires.ts';

/** Packets that come in from outside after others have left. */
export interface Returned {
  /** As they left, by another port. */
  readonly switched: PacketSet;
  /** As a router forwards them; from whatever MAC address, see `surely`. */
  readonly routed: PacketSet;
  /** Those that may come in at all, in either way. */
  readonly packets: PacketSet;
}

/** Everything that comes back of what was sent, after one crossing, two, ... */
export interface Journey {
  readonly sent: PacketSet;
  readonly crossings: readonly Returned[];
  /** All that comes in, however often it crossed a wire. */
  readonly packets: PacketSet;
  /** Set if packets cross wires more often than was followed. */
  readonly endless: boolean;
}

/** Packets that cross wires more often than this are not followed. */
const maxCrossings = 6;

/** Follows packets out of the network and in again, until nothing new comes in. */
export function journeyOf(view: View, sent: PacketSet, senders: readonly NetworkPort[]): Journey {
  const { space } = view.analysis;
  const crossings: Returned[] = [];
  let packets = space.empty;
  let going = sent;
  const components = new Set(senders.map(({ datapath }) => datapath.component));
  for (let round = 0; round < maxCrossings; round++) {
    const back = returning(view, going, round === 0 ? components : undefined);
    const fresh = space.diff(back.packets, packets);
    if (fresh === space.empty) return { sent, crossings, packets, endless: false };
    crossings.push(back);
    packets = space.or(packets, fresh);
    going = fresh;
    if (!space.intersects(fresh, leavingAgain(view))) return { sent, crossings, packets, endless: false };
  }
  return { sent, crossings, packets, endless: true };
}

/** Of what comes in, the packets that surely may: from outside, where a router forwarded them. */
export function surely(view: View, { switched, routed }: Returned): PacketSet {
  const { space } = view.analysis;
  return space.or(switched, space.diff(routed, macsOf(view)));
}

const macs = new WeakMap<View, PacketSet>();

function macsOf(view: View): PacketSet {
  const known = macs.get(view) ?? ownMacs(view);
  macs.set(view, known);
  return known;
}

interface Leaving {
  readonly one: TrafficClass;
  readonly port: NetworkPort;
  readonly wire: Wire;
}

const leavings = new WeakMap<View, Leaving[]>();

/** Classes of packets that end outside, with the port that they leave by. */
export function leavingClasses(view: View): readonly Leaving[] {
  const known = leavings.get(view);
  if (known) return known;
  const { space } = view.analysis;
  const found: Leaving[] = [];
  for (const wire of view.wires) {
    for (const port of wire.ports) {
      for (const one of view.arrivals.get(port) ?? []) found.push({ one, port, wire });
      const inport = space.cube([{ field: at.inport, value: BigInt(port.number), mask: 0xfffffn }]);
      for (const one of view.returning) {
        const packets = space.and(one.packets, inport);
        const copies = space.and(one.copies, inport);
        if (packets !== space.empty)
          found.push({ one: { ...one, packets, copies, end: { kind: 'port', port } }, port, wire });
      }
    }
  }
  leavings.set(view, found);
  return found;
}

const again = new WeakMap<View, PacketSet>();

/** The packets from outside, of which something leaves again. */
function leavingAgain(view: View): PacketSet {
  const known = again.get(view);
  if (known !== undefined) return known;
  const { space } = view.analysis;
  const outside = space.oneOf(
    at.inport,
    view.wires.flatMap(({ ports }) => ports.map(({ number }) => BigInt(number))),
  );
  const sets = leavingClasses(view).map(({ one }) => space.and(one.packets, outside));
  const all = space.forget(space.orAll(sets), circumstances);
  again.set(view, all);
  return all;
}

/** One crossing. */
function returning(view: View, going: PacketSet, components: ReadonlySet<number> | undefined): Returned {
  const { space, possible } = view.analysis;
  const seen = new Map<Wire, { by: Map<NetworkPort, PacketSet[]> }>();
  for (const { one, port, wire } of leavingClasses(view)) {
    if (components && !components.has(port.datapath.component)) continue;
    if (!space.intersects(one.packets, going)) continue;
    const there = seen.get(wire) ?? { by: new Map<NetworkPort, PacketSet[]>() };
    seen.set(wire, there);
    const list = there.by.get(port) ?? [];
    list.push(onWire(view, one, going));
    there.by.set(port, list);
  }
  const switched: PacketSet[] = [];
  const routed: PacketSet[] = [];
  for (const [here, { by }] of seen) {
    for (const there of view.wires) {
      if (there.physical !== here.physical) continue;
      const parts = [...by].map(([port, sets]) => ({ port, set: asSeenOn(space, space.orAll(sets), here, there) }));
      for (const { port, set } of parts) switched.push(comingIn(space, set, there, port));
      const all = space.orAll(parts.map(({ set }) => set));
      routed.push(comingIn(space, forwarded(space, all), there));
    }
  }
  const both = {
    switched: space.and(space.orAll(switched), possible),
    routed: space.and(space.orAll(routed), possible),
  };
  return { ...both, packets: space.or(both.switched, both.routed) };
}

/** Packets that leave, and what they come in as. */
export interface Crossing {
  readonly class: TrafficClass;
  /** Of those that were sent. */
  readonly packets: PacketSet;
  readonly port: NetworkPort;
  /** As they come in by the port. */
  readonly entering: PacketSet;
  /** Whether a router outside forwarded them. */
  readonly forwarded: boolean;
}

/** How some of the packets of a set, which come in from outside, came to leave; undefined if none did. */
export function crossingTo(view: View, going: PacketSet, coming: PacketSet): Crossing | undefined {
  const { space } = view.analysis;
  const likely = believable(space);
  let found: Crossing | undefined;
  for (const { one, port: out, wire: here } of leavingClasses(view)) {
    if (!space.intersects(one.packets, going)) continue;
    const seen = onWire(view, one, going);
    for (const there of view.wires) {
      const set = asSeenOn(space, seen, here, there);
      if (set === space.empty) continue;
      for (const port of there.ports) {
        for (const isForwarded of port === out ? [true] : [false, true]) {
          const as = comingIn(space, isForwarded ? forwarded(space, set) : set, { ...there, ports: [port] });
          const all = space.and(as, coming);
          if (all === space.empty) continue;
          const entering = isForwarded ? space.diff(all, macsOf(view)) : all;
          const before = isForwarded ? beforeForwarding(space, entering) : entering;
          const packets = thatAreOnWire(view, one, going, asSeenOn(space, before, there, here));
          if (packets === space.empty) continue;
          const crossing = { class: one, packets, port, entering, forwarded: isForwarded };
          if (space.intersects(packets, likely)) return crossing;
          found ??= crossing;
        }
      }
    }
  }
  return found;
}
