/**
 * The traffic of one node, made of the logical flows: the packets that hosts
 * behind its ports send, up to where they leave the node, and what tunnels bring
 * for its ports, from the egress pipeline on (ovn-architecture(7), "Architectural
 * Physical Life Cycle of a Packet").
 *
 *     const traffic = nodeTraffic({ southbound, chassis: 'worker1', peers: ['worker2'] });
 */
import type {
  Change,
  Exit,
  NodeClass,
  NodePort,
  NodeTraffic,
  SoftwarePart,
  TunnelEntry,
} from '../../engine/offload/classes.ts';
import type { Reason } from '../../engine/offload/plan.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import { type ChassisView, type LocalPort, portsHere, type Tunnel, viewOf } from '../../engine/program/chassis.ts';
import { NO_PLACEMENT, type Placement } from '../../engine/program/placement.ts';
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { inportIn, newRun, openWorkshop, type Workshop } from '../symbolic/analyse.ts';
import { endedOf } from '../symbolic/ends.ts';
import { fieldIndex, headerFields, packetFields } from '../symbolic/fields.ts';
import { readDatapaths, type SymbolicDatapath } from '../symbolic/flows.ts';
import { networkOf } from '../symbolic/network.ts';
import { startPipeline } from '../symbolic/pipelines.ts';
import type { Run } from '../symbolic/run.ts';
import { noTrail, nothingUsed, only, type State } from '../symbolic/state.ts';
import { at, headerPlaces, places, read, type Store, write } from '../symbolic/store.ts';
import type { Network, NetworkPort, TrafficClass } from '../symbolic/types.ts';
import { constantOf, type Value } from '../symbolic/value.ts';
import { walk } from '../symbolic/walk.ts';
import { alikeIn, type Kind } from './alike.ts';
import { createSorter, type Sorter } from './sorter.ts';
import { chassisOf, NotAlike, withAlike } from './twins.ts';
import { reasonsOf } from './work.ts';

export interface NodeTrafficInput {
  readonly southbound: Southbound;
  readonly placement?: Placement;
  /** Name of the chassis. */
  readonly chassis: string;
  /** Names of the chassis that there are tunnels to. */
  readonly peers: readonly string[];
  /** A space of packets to work in; one of its own unless given. */
  readonly space?: Space;
  /** Whether packets for each port of other nodes are followed, though some are alike. */
  readonly each?: boolean;
}

/** The traffic of a node, and the network that its ports' numbers are of. */
export interface Followed {
  readonly traffic: NodeTraffic;
  /** Without ports of other nodes that others stand for. */
  readonly network: Network;
}

/** Follows the packets of a node.  Throws `SpaceFull` where its sets need more memory than there may be. */
export function followNode(input: NodeTrafficInput): Followed {
  const alike = input.each ? undefined : alikeIn(input.southbound, chassisView(input));
  if (!alike) return followed(input, new Map());
  try {
    return followed({ ...input, southbound: alike.southbound }, alike.kinds);
  } catch (error) {
    if (!(error instanceof NotAlike)) throw error;
    return followed(input, new Map());
  }
}

/** The traffic of a node. */
export const nodeTraffic = (input: NodeTrafficInput): NodeTraffic => followNode(input).traffic;

function followed(input: NodeTrafficInput, kinds: ReadonlyMap<string, Kind>): Followed {
  const view = chassisView(input);
  const network = networkOf(input.southbound, { isResident: view.isResident });
  const workshop = openWorkshop(network, input.space);
  const mark = workshop.space.mark();
  const found = new Survey(workshop, view, input.chassis, input.peers).result();
  const traffic = kinds.size > 0 ? withAlike(found, kinds) : found;
  return { traffic: alone(traffic, (sets) => workshop.space.release(mark, sets)), network };
}

/** The traffic with all that was needed to find it gone: `release` gives the sets their new numbers. */
function alone(traffic: NodeTraffic, release: (sets: readonly PacketSet[]) => PacketSet[]): NodeTraffic {
  const { possible, returning, alive, classes, software, arriving } = traffic;
  const inside = arriving.flatMap((entry) => [entry.senders, ...entry.classes.map(({ packets }) => packets)]);
  const [all, back, ...rest] = release([
    ...[possible, returning],
    ...alive.flatMap(({ packets, among }) => [packets, among]),
    ...[...classes, ...software].map(({ packets }) => packets),
    ...inside,
  ]);
  const sets = rest.values();
  const next = (): PacketSet => {
    const { value } = sets.next();
    if (value === undefined) throw new Error('a set was lost');
    return value;
  };
  return {
    ...traffic,
    ...(all !== undefined && { possible: all }),
    ...(back !== undefined && { returning: back }),
    alive: alive.map(() => ({ packets: next(), among: next() })),
    classes: classes.map((one) => ({ ...one, packets: next() })),
    software: software.map((part) => ({ ...part, packets: next() })),
    arriving: arriving.map((entry) => {
      const senders = next();
      return { ...entry, senders, classes: entry.classes.map((one) => ({ ...one, packets: next() })) };
    }),
  };
}

function chassisView({ southbound, placement = NO_PLACEMENT, chassis, peers }: NodeTrafficInput): ChassisView {
  const names = portsHere(southbound, chassis, placement);
  const tunnels = new Map(
    peers.map((peer, number): [string, Tunnel] => [peer, { number, port: names.length + number, type: 'geneve' }]),
  );
  const ports = new Map(names.map((name, number) => [name, number]));
  return viewOf({ southbound, placement, chassis, ports, tunnels });
}

interface Place extends LocalPort {
  readonly port: NetworkPort;
  readonly datapathKey: number;
}

class Survey {
  private readonly workshop: Workshop;
  private readonly chassis: string;
  private readonly peers: readonly string[];
  private readonly places = new Map<string, Place>();
  private readonly datapaths: ReadonlyMap<string, SymbolicDatapath>;
  private readonly software: SoftwarePart[] = [];
  private readonly sorter: Sorter;
  private readonly possible: PacketSet;
  private returning: PacketSet;

  constructor(workshop: Workshop, view: ChassisView, chassis: string, peers: readonly string[]) {
    const { network, space } = workshop;
    this.workshop = workshop;
    this.chassis = chassis;
    this.peers = peers;
    for (const { binding, ports } of view.datapaths) {
      for (const one of ports) {
        const port = network.ports.get(one.binding.logicalPort);
        if (port) this.places.set(port.name, { ...one, port, datapathKey: binding.tunnelKey });
      }
    }
    const local = view.datapaths.flatMap(({ binding }) => network.datapaths.get(binding.uuid) ?? []);
    this.datapaths = readDatapaths(network, local, workshop.texts);
    this.sorter = createSorter(workshop.stores);
    this.possible = possibleFrames(space, workshop);
    this.returning = space.empty;
  }

  result(): NodeTraffic {
    const { space } = this.workshop;
    const all = [...this.places.values()];
    const entries = all.filter(({ port, reach }) => port.edge === 'vif' && reach.kind === 'vif' && !reach.nested);
    const sent = this.sentBy(entries);
    const arriving = entries.flatMap((place) => this.arrivingAt(place));
    return {
      node: this.chassis,
      space,
      possible: this.possible,
      ports: entries.map(portOf),
      ...sent,
      returning: this.returning,
      software: this.software,
      arriving,
      unplanned: all.flatMap((place) => unplanned(place)),
    };
  }

  /** What the hosts behind these ports send. */
  private sentBy(entries: readonly Place[]): Pick<NodeTraffic, 'classes' | 'alive'> {
    const { space, stores, network } = this.workshop;
    const run = this.newRun(this.software);
    for (const { datapath } of this.datapaths.values()) {
      const own = entries.filter(({ port }) => port.datapath === datapath).map(({ port }) => port);
      const packets = space.and(this.workshop.possible, space.and(this.possible, inportIn(space, own)));
      const from = this.datapaths.get(datapath.uuid);
      if (from && packets !== space.empty)
        startPipeline(run, from, 'ingress', 0, 0, this.begun(stores.initial, packets));
    }
    walk(run);
    for (const { flow, datapath, reason, packets } of run.gaps.values()) {
      const detail = `${reason} (${datapath.name})`;
      this.software.push({ packets, reason: { code: 'not-modelled', detail, flow: flow.uuid } });
    }
    const busy = this.withoutCircumstances(space.orAll(this.software.map(({ packets }) => packets)));
    const dropped: PacketSet[] = [];
    const classes: NodeClass[] = [];
    for (const one of endedOf(run)) {
      const { end } = one;
      if (end.kind === 'drop' && one.exact && (end.why === 'flow' || end.why === 'no match' || end.why === 'no port'))
        dropped.push(one.packets);
      if (end.kind !== 'port') continue;
      const place = this.places.get(end.port.name);
      if (place) classes.push(...this.classesOf(one, place, busy, network));
    }
    const free = space.diff(this.surely(space.orAll(dropped)), busy);
    return { classes, alive: [{ packets: space.not(free), among: space.all }] };
  }

  /** What comes through tunnels for a port. */
  private arrivingAt(place: Place): TunnelEntry[] {
    const { space, stores, network } = this.workshop;
    const from = this.datapaths.get(place.port.datapath.uuid);
    if (!from || this.peers.length === 0) return [];
    const work: SoftwarePart[] = [];
    const run = this.newRun(work);
    // What would go back where it came from is dropped by the chassis before the egress pipeline.
    const senders = inportIn(
      space,
      place.port.datapath.ports.filter((port) => port !== place.port),
    );
    const packets = space.and(this.workshop.possible, space.and(this.possible, senders));
    const outport = constantOf(stores.values, 20, BigInt(place.port.number));
    startPipeline(run, from, 'egress', 0, 0, this.begun(write(stores, stores.initial, at.outport, outport), packets));
    walk(run);
    const gaps = [...run.gaps.values()].map((gap) => gap.packets);
    const busy = this.withoutCircumstances(space.orAll([...gaps, ...work.map((part) => part.packets)]));
    const classes = endedOf(run).flatMap((one) =>
      one.end.kind === 'port' && one.end.port === place.port ? this.classesOf(one, place, busy, network) : [],
    );
    return [{ port: portOf(place), datapathKey: place.datapathKey, senders, classes }];
  }

  private newRun(work: SoftwarePart[]): Run {
    const { space } = this.workshop;
    const known = new Map<string, { packets: PacketSet; reason: Reason }>();
    const note = (packets: PacketSet, reason: Reason): void => {
      const key = `${reason.code} ${reason.flow ?? ''}`;
      const part = known.get(key);
      if (part) part.packets = space.or(part.packets, packets);
      else {
        const made = { packets, reason };
        known.set(key, made);
        work.push(made);
      }
    };
    return {
      ...newRun(this.workshop, this.datapaths, { kind: 'none' }, 64),
      chassis: {
        isAway: (port) => {
          const kind = this.places.get(port.name)?.reach.kind;
          return kind === undefined || kind === 'remote' || kind === 'absent' || kind === 'by-network';
        },
        meets: ({ flow }, packets, actions) => {
          if (!flow) return;
          for (const reason of reasonsOf(actions, flow)) note(packets(), reason);
        },
        returns: (packets) => {
          this.returning = space.or(this.returning, this.withoutCircumstances(packets));
        },
        floods: (packets) =>
          note(packets, { code: 'multicast', detail: 'each receiver of the group gets a copy, which software makes' }),
      },
    };
  }

  private begun(store: Store, packets: PacketSet): State {
    const { passages, space } = this.workshop;
    return { store, ...only({ space }, packets), passage: passages.initial, used: nothingUsed, trail: noTrail };
  }

  /** The classes of packets that ended at a port, by what they look like. */
  private classesOf(one: TrafficClass, place: Place, busy: PacketSet, network: Network): NodeClass[] {
    const { space } = this.workshop;
    if (one.made !== undefined) return [];
    return this.sorter.parts(one.store, one.copies, headerPlaces).flatMap(({ store, packets }): NodeClass[] => {
      const isCertain = !dependsOnCircumstances(space, packets);
      const sure = isCertain ? packets : this.surely(packets);
      const some = space.diff(sure, busy);
      const lost = isCertain ? space.empty : space.diff(this.withoutCircumstances(packets), sure);
      if (lost !== space.empty) this.software.push({ packets: lost, reason: uncertain(space, packets) });
      if (some === space.empty) return [];
      const exit = one.exact ? exitOf(place, read(store, at.inport), network) : undefined;
      if (exit) return [{ packets: some, exit, changes: changesOf(space, store, some) }];
      this.software.push({ packets: some, reason: elsewhere(place, one.exact) });
      return [];
    });
  }

  /** The packets that are in the set whatever the circumstances are. */
  private surely(set: PacketSet): PacketSet {
    const { space } = this.workshop;
    if (!dependsOnCircumstances(space, set)) return set;
    return space.not(space.forget(space.not(set), circumstances));
  }

  private withoutCircumstances(set: PacketSet): PacketSet {
    const { space } = this.workshop;
    return dependsOnCircumstances(space, set) ? space.forget(set, circumstances) : set;
  }
}

const circumstances = packetFields.map((_, index) => index).filter((index) => index >= headerFields);

const dependsOnCircumstances = (space: Space, set: PacketSet): boolean => space.forget(set, circumstances) !== set;

/** Frames that hosts can send: a payload that nobody reads is as it is, and marks are the chassis' own. */
function possibleFrames(space: Space, workshop: Workshop): PacketSet {
  const none = (field: string): PacketSet =>
    space.cube([{ field: fieldIndex(field), value: 0n, mask: (1n << BigInt(widthOf(field))) - 1n }]);
  return space.and(none('pkt.mark'), workshop.possible);
}

const widthOf = (name: string): number => packetFields[fieldIndex(name)]?.width ?? 0;

const portOf = ({ port }: Place): NodePort => ({
  name: port.name,
  number: port.number,
  tunnelKey: port.binding.tunnelKey,
  datapath: port.datapath.name,
});

function exitOf({ reach, port, datapathKey }: Place, inport: Value, network: Network): Exit | undefined {
  if (reach.kind === 'vif' && !reach.nested) return { kind: 'port', port: port.name };
  if (reach.kind !== 'remote' || reach.tunnel.type !== 'geneve' || reach.isVtep) return undefined;
  const chassis = chassisOf(port.binding);
  const isSender = inport.constant === undefined;
  const from = isSender ? undefined : network.portsByNumber[Number(inport.constant)];
  if (chassis === undefined || (!isSender && !from)) return undefined;
  const inKey = from ? from.binding.tunnelKey : 'sender';
  return { kind: 'tunnel', chassis, port: port.name, datapathKey, inKey, outKey: port.binding.tunnelKey };
}

function elsewhere({ reach, port }: Place, isExact: boolean): Reason {
  if (!isExact)
    return { code: 'not-modelled', detail: `not all that decides over packets for ${port.name} is modelled` };
  const where = reach.kind === 'network' ? 'a physical network' : reach.kind === 'vif' ? 'a nested port' : 'no tunnel';
  return { code: 'unsupported-action', detail: `${port.name} is reached by ${where}, for which no rules are planned` };
}

function unplanned({ port, reach }: Place): { port: string; reason: Reason }[] {
  const isOutside = port.edge === 'outside' && reach.kind === 'network';
  const isNested = port.edge === 'vif' && reach.kind === 'vif' && reach.nested;
  if (!isOutside && !isNested) return [];
  const what = isOutside ? 'a physical network' : 'a nested port';
  return [{ port: port.name, reason: { code: 'not-modelled', detail: `what comes by ${what} is left to software` } }];
}

function uncertain(space: Space, packets: PacketSet): Reason {
  const names = space.support(packets).map((field) => packetFields[field]?.name ?? '');
  if (names.some((name) => name.startsWith('neighbor.')))
    return { code: 'neighbour-unknown', detail: 'where it goes depends on a neighbour that software has to learn' };
  if (names.some((name) => name.startsWith('choice.')))
    return { code: 'ecmp', detail: 'one of several ways is chosen by a hash' };
  return { code: 'not-modelled', detail: 'where it goes depends on what software has learned' };
}

/** What is different at the end; fields that the set fixes to the value stay. */
function changesOf(space: Space, store: Store, packets: PacketSet): Change[] {
  const changes: Change[] = [];
  for (const place of headerPlaces) {
    if (place === at.inport || ignored.has(place)) continue;
    const value = read(store, place);
    const change = changeOf(space, place, value, packets);
    if (change) changes.push(change);
  }
  return changes;
}

/** What is no header, or follows from others. */
const ignored = new Set([at.length, at.payload, fieldIndex('pkt.mark')]);

function changeOf(space: Space, place: number, value: Value, packets: PacketSet): Change | undefined {
  const { name, width } = places[place] as { name: string; width: number };
  const [piece, ...more] = value.pieces;
  if (value.constant !== undefined) {
    const same = space.cube([{ field: place, value: value.constant, mask: (1n << BigInt(width)) - 1n }]);
    return space.isSubset(packets, same) ? undefined : { field: name, kind: 'set', value: value.constant };
  }
  if (piece && more.length === 0) {
    if (piece.kind === 'input' && piece.field === place && piece.ofs === 0) return undefined;
    if (piece.kind === 'plus' && piece.field === place && piece.amount < 0) {
      return { field: name, kind: 'less', amount: -piece.amount };
    }
  }
  return { field: name, kind: 'other', what: 'it is made of other fields' };
}
