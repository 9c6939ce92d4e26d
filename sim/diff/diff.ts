/** Two networks compared, packet by packet: what only one of them delivers. */
import { type PacketSet, type Space, SpaceFull } from '../../engine/sets/index.ts';
import { type Answers, openAnswers, sentOf, trafficLines, witnessOf } from '../answers/index.ts';
import {
  type Analysis,
  analyse,
  gapsOf,
  inportIn,
  type Network,
  type NetworkPort,
  networkOf,
  numbersOf,
  openWorkshop,
  packetSpace,
} from '../symbolic/index.ts';
import type { Counterexample, Sent } from '../verdict.ts';
import { anyCircumstances, arrivalsOf, type Delivered, deliveriesOf, keyOf } from './deliveries.ts';
import { edgesOf, groupNames, groupsOf } from './groups.ts';
import type { Change, DiffSide, Doubt, NetworkDiff, PortNote } from './types.ts';
import { changedComponents } from './unchanged.ts';
import { anyIp, honestPackets, packetsNaming, plainPackets, usualIn, usualLines, whole } from './usual.ts';

export interface DiffOptions {
  /** Told now and then what is being done. */
  readonly onProgress?: (what: string) => void;
}

/**
 * Compares two networks: the traffic that is newly allowed and newly denied by the new one, for all packets that open
 * connections.  Ports of the same name are the same.  Where memory does not suffice the verdict is unknown.
 */
export function diffNetworks(old: DiffSide, now: DiffSide, options: DiffOptions = {}): NetworkDiff {
  const numbers = numbersOf([old.southbound, now.southbound]);
  const networks = {
    old: networkOf(old.southbound, { numbers }),
    now: networkOf(now.southbound, { numbers }),
  };
  const space = packetSpace();
  try {
    const wanted = changedComponents(networks.old, networks.now);
    const follow = (network: Network, components: number[], which: string): Analysis =>
      analyse(
        network,
        {
          components,
          onProgress: (done, total) =>
            options.onProgress?.(`following all packets of the ${which} network: ${done} of ${total} parts`),
        },
        openWorkshop(network, space),
      );
    const before = openSide(follow(networks.old, wanted.old, 'old'), old);
    const after = openSide(follow(networks.now, wanted.now, 'new'), now);
    options.onProgress?.('comparing what is delivered');
    return compared({ space, old: before, now: after });
  } catch (error) {
    if (!(error instanceof SpaceFull)) throw error;
    const reason = 'to follow all packets of both networks takes more memory than there is';
    const ports = portNotes(networks.old, networks.now, new Map());
    return { verdict: 'unknown', ports, changes: [], doubts: [{ reason, traffic: [] }] };
  }
}

interface Side {
  readonly analysis: Analysis;
  readonly answers: Answers;
  /** The group of each edge port. */
  readonly groupOf: ReadonlyMap<string, string>;
}

interface Pair {
  readonly space: Space;
  readonly old: Side;
  readonly now: Side;
}

function openSide(analysis: Analysis, { northbound }: DiffSide): Side {
  // The tracer has to agree with what is told; a chassis need not be made for it.
  const answers = openAnswers(analysis, { plays: 0, ...(northbound && { northbound }) });
  return { analysis, answers, groupOf: groupNames(groupsOf(analysis)) };
}

function compared(pair: Pair): NetworkDiff {
  const { space, old, now } = pair;
  const ports = portNotes(old.analysis.network, now.analysis.network, new Map([...old.groupOf, ...now.groupOf]));
  const own = differences(pair, 'own');
  const hasOwn = own.some(({ packets }) => packets !== space.empty) || ports.new.length > 0 || ports.gone.length > 0;
  const found = hasOwn ? own : [...own, ...differences(pair, 'aside')];
  const changes = changesOf(pair, found);
  const doubts = [...gapDoubts(pair), ...widenedDoubts(pair, found)];
  const isChanged = changes.length > 0 || ports.new.length > 0 || ports.gone.length > 0;
  return { verdict: isChanged ? 'changed' : doubts.length > 0 ? 'unknown' : 'same', ports, changes, doubts };
}

/** Edge ports that only one network has. */
function portNotes(old: Network, now: Network, groupOf: ReadonlyMap<string, string>): NetworkDiff['ports'] {
  const only = (one: Network, other: Network): PortNote[] =>
    edgesOf(one)
      .filter(({ name }) => other.ports.get(name)?.edge === undefined)
      .map(({ name, datapath }) => ({ name, group: groupOf.get(name) ?? datapath.name }));
  return { new: only(now, old), gone: only(old, now) };
}

/** Packets that one network delivers at a place and the other does not. */
interface Difference {
  readonly kind: Change['kind'];
  readonly port: string;
  readonly made?: string;
  /** Surely so. */
  readonly packets: PacketSet;
  /** Perhaps so, for they were not followed exactly. */
  readonly doubtful: PacketSet;
}

/** Edge ports whose traffic is compared, as the new network has them: hosts of both, and wires outside of either. */
function comparedPorts({ old, now }: Pair): NetworkPort[] {
  const [before, after] = [old.analysis.network, now.analysis.network];
  const isEdgeOf = (network: Network, { name }: NetworkPort): boolean => network.ports.get(name)?.edge !== undefined;
  return [
    ...edgesOf(after).filter((port) => port.edge === 'outside' || isEdgeOf(before, port)),
    ...edgesOf(before).filter((port) => port.edge === 'outside' && !isEdgeOf(after, port)),
  ];
}

function differences(pair: Pair, kind: 'own' | 'aside'): Difference[] {
  const { space } = pair;
  const [old, now] = [deliveriesOf(pair.old.analysis, kind), deliveriesOf(pair.now.analysis, kind)];
  const names = new Set(comparedPorts(pair).map(({ name }) => name));
  const compared = space.diff(comparable(pair), gapPackets(pair));
  const onlyIn = (one: Delivered | undefined, other: Delivered | undefined) => {
    const { may, surely } = one ?? { may: space.empty, surely: space.empty };
    const packets = space.and(space.diff(surely, other?.may ?? space.empty), compared);
    const perhaps = space.and(space.diff(may, other?.surely ?? space.empty), compared);
    return { packets, doubtful: space.diff(perhaps, packets) };
  };
  return [...new Map([...old, ...now])].flatMap(([key, { place }]): Difference[] => {
    if (!names.has(place.port)) return [];
    const both: Difference[] = [
      { kind: 'allowed', ...place, ...onlyIn(now.get(key), old.get(key)) },
      { kind: 'denied', ...place, ...onlyIn(old.get(key), now.get(key)) },
    ];
    return both.filter(({ packets, doubtful }) => packets !== space.empty || doubtful !== space.empty);
  });
}

/** What enters by ports that are compared, and names no host behind the others. */
function comparable(pair: Pair): PacketSet {
  const { space, old, now } = pair;
  const ports = comparedPorts(pair);
  const known = new Set(ports.map(({ name }) => name));
  const edges = [...edgesOf(old.analysis.network), ...edgesOf(now.analysis.network)];
  const both = edges.filter(({ name }) => known.has(name));
  const others = edges.filter(({ name }) => !known.has(name));
  return space.diff(inportIn(space, ports), packetsNaming(space, others, both));
}

/** What met something that was not understood, in either network. */
function gapPackets({ space, old, now }: Pair): PacketSet {
  const gaps = [...gapsOf(old.analysis, 'new'), ...gapsOf(now.analysis, 'new')];
  return anyCircumstances(space, space.orAll(gaps.map(({ packets }) => packets)));
}

function gapDoubts({ space, old, now }: Pair): Doubt[] {
  const told = new Map<string, PacketSet>();
  for (const { reason, datapath, flow, packets } of [...gapsOf(old.analysis, 'new'), ...gapsOf(now.analysis, 'new')]) {
    const text = `${reason} (${datapath.name}, ${flow.stage}, priority ${flow.priority}: ${flow.match})`;
    told.set(text, space.or(told.get(text) ?? space.empty, packets));
  }
  return [...told].map(([reason, packets]) => ({ reason, traffic: trafficLines(space, packets) }));
}

function widenedDoubts({ space }: Pair, found: readonly Difference[]): Doubt[] {
  const packets = space.orAll(found.map(({ doubtful }) => doubtful));
  if (packets === space.empty) return [];
  const reason = 'something on the way of these packets was modelled more widely than it is';
  return [{ reason, traffic: trafficLines(space, packets) }];
}

/** Differences by group of senders and of receivers: what is newly allowed first, and what honest hosts send. */
function changesOf(pair: Pair, found: readonly Difference[]): Change[] {
  const { space, old, now } = pair;
  const senders = new Map<string, NetworkPort[]>();
  for (const port of comparedPorts(pair)) {
    const group = now.groupOf.get(port.name) ?? old.groupOf.get(port.name) ?? port.datapath.name;
    senders.set(group, [...(senders.get(group) ?? []), port]);
  }
  const receivers = new Map<string, Difference[]>();
  for (const one of found) {
    if (one.packets === space.empty) continue;
    const group = now.groupOf.get(one.port) ?? old.groupOf.get(one.port) ?? one.port;
    const key = JSON.stringify([one.kind, group, one.made ?? '']);
    receivers.set(key, [...(receivers.get(key) ?? []), one]);
  }
  const changes = [...receivers].flatMap(([key, list]) => {
    const [, to = ''] = JSON.parse(key) as string[];
    return [...senders].flatMap(([from, ports]) => {
      const entering = inportIn(space, ports);
      const own = list
        .map((one) => ({ ...one, packets: space.and(one.packets, entering) }))
        .filter(({ packets }) => packets !== space.empty);
      const change = changeOf(pair, own, ports, { from, to });
      return change ? [change] : [];
    });
  });
  const isDenied = ({ change: { kind } }: Ranked): number => (kind === 'denied' ? 1 : 0);
  return changes.sort((a, b) => isDenied(a) - isDenied(b) || a.rank - b.rank).map(({ change }) => change);
}

/** A change, and how unusual its packets are. */
interface Ranked {
  readonly change: Change;
  readonly rank: number;
}

/** What differs between one group of senders and one of receivers; undefined where nothing does. */
function changeOf(
  pair: Pair,
  own: readonly Difference[],
  from: readonly NetworkPort[],
  names: Pick<Change, 'from' | 'to'>,
): Ranked | undefined {
  const { space } = pair;
  const [first] = own;
  if (!first) return undefined;
  const { kind, made } = first;
  const there = kind === 'allowed' ? pair.now : pair.old;
  const packets = space.orAll(own.map((one) => one.packets));
  const to = own.flatMap(({ port }) => there.analysis.network.ports.get(port) ?? []);
  // Made packets go to whoever sent what they are made of.
  const usual = usualIn(space, packets, from, made === undefined ? to : []);
  const shown = sampleOf(pair, own, usual.packets);
  if (!shown) return undefined;
  const change: Change = {
    kind,
    ...names,
    senders: from.filter((port) => space.intersects(packets, inportIn(space, [port]))).map(({ name }) => name),
    receivers: own.map(({ port }) => port),
    traffic: usualLines(space, usual),
    forged: isForged(space, packets, from),
    ...(made !== undefined && { made }),
    ...shown,
  };
  return { change, rank: usual.rank };
}

/** Hosts with addresses send it with others. */
function isForged(space: Space, packets: PacketSet, from: readonly NetworkPort[]): boolean {
  const hosts = from.filter(({ edge }) => edge === 'vif');
  const sent = space.and(inportIn(space, hosts), plainPackets(space));
  const ip = space.and(sent, anyIp(space));
  return space.intersects(packets, space.diff(ip, honestPackets(space, hosts)));
}

/** A packet that goes the one way and not the other, seen on its way; undefined if none can be sent. */
function sampleOf(
  pair: Pair,
  own: readonly Difference[],
  wanted: PacketSet,
): { sample: Sent | Counterexample; obstacle?: string } | undefined {
  const { space } = pair;
  const allowed = own[0]?.kind === 'allowed';
  const [there, other] = allowed ? [pair.now, pair.old] : [pair.old, pair.now];
  const { network, classes } = there.analysis;
  const keys = new Map(own.map((one) => [keyOf(one), one.packets]));
  const candidates = classes.flatMap((one) =>
    arrivalsOf(there.analysis, one).flatMap(({ packets, ...place }) => {
      const some = space.and(space.and(packets, keys.get(keyOf(place)) ?? space.empty), wanted);
      return some === space.empty ? [] : [{ class: one, packets: some }];
    }),
  );
  const witness = witnessOf(network, space, space.orAll(candidates.map(({ packets }) => packets)));
  const found = witness && candidates.find(({ packets }) => space.contains(packets, [...witness.packet]));
  if (!witness || !found) return undefined;
  if (own[0]?.made !== undefined) return { sample: sentOf(witness, network.southbound) };
  const packets = space.cube(space.fields.map(({ name }, field) => whole(name, witness.packet[field] ?? 0n)));
  const { counterexample } = there.answers.explain({
    kind: 'goes',
    sentence: 'it arrives',
    class: found.class,
    packets,
  });
  const to = own.flatMap(({ port }) => other.analysis.network.ports.get(port) ?? []);
  const { obstacles } = other.answers.explain({ kind: 'missing', sentence: 'it does not arrive', packets, to });
  const [first, ...more] = obstacles ?? [];
  return {
    sample: counterexample ?? sentOf(witness, network.southbound),
    ...(first && { obstacle: more.length === 0 ? first.what : `${first.what}, and ${more.length} more in its way` }),
  };
}
