/** Which packets get from one place of a network to another, over all packets; or what is in the way. */
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import { type PacketSet, SpaceFull } from '../../engine/sets/index.ts';
import { addressesOf } from '../answers/hosts.ts';
import { openAnswers, trafficLines, witnessOf } from '../answers/index.ts';
import { anyCircumstances, arrivalsOf } from '../diff/deliveries.ts';
import { addressedPackets, honestPackets, plainPackets, usualIn, usualLines } from '../diff/usual.ts';
import { type Analysis, analyse, inportIn, type Network, type TrafficClass } from '../symbolic/index.ts';
import type { Counterexample, Obstacle } from '../verdict.ts';
import type { Place } from './places.ts';

/** What gets from a place to another. */
export interface Reach {
  readonly verdict: 'reachable' | 'unreachable' | 'unknown';
  readonly from: string;
  readonly to: string;
  /** Lines such as `tcp/443 from 10.0.0.11`: of the most usual packets that arrive; empty where none does. */
  readonly traffic: readonly string[];
  /** Whether some of them are what hosts send with their own addresses. */
  readonly honest: boolean;
  /** A packet that arrives, or one that does not where none does; absent where no packet can be sent at all. */
  readonly sample?: Counterexample;
  /** The datapaths that the sample passes, in order. */
  readonly datapaths: readonly string[];
  /** Where nothing arrives: everything that would have to change for the sample to arrive. */
  readonly obstacles: readonly Obstacle[];
  /** Where it is not known: sentences without a full stop, and the traffic in lines. */
  readonly doubts: readonly { readonly reason: string; readonly traffic: readonly string[] }[];
}

export interface ReachOptions {
  /** Where the southbound database was computed: what the names of rows are taken from. */
  readonly northbound?: Northbound;
  readonly onProgress?: (what: string) => void;
}

/**
 * What packets that open connections get from one place to another (`placesOf`) inside the network; what leaves it over a
 * wire outside and comes in again is another packet.  Where memory does not suffice the verdict is unknown.
 */
export function reachOf(network: Network, from: Place, to: Place, options: ReachOptions = {}): Reach {
  const components = [...new Set(from.ports.map(({ datapath }) => datapath.component))];
  try {
    const analysis = analyse(network, {
      components,
      onProgress: (done, total) => options.onProgress?.(`following all packets: ${done} of ${total} parts`),
    });
    return reachIn(analysis, from, to, options);
  } catch (error) {
    if (!(error instanceof SpaceFull)) throw error;
    const doubts = [{ reason: 'to follow all packets takes more memory than there is', traffic: [] }];
    return { ...nothingTold(from, to), verdict: 'unknown', doubts };
  }
}

const nothingTold = ({ name: from }: Place, { name: to }: Place): Omit<Reach, 'verdict'> => ({
  from,
  to,
  traffic: [],
  honest: false,
  datapaths: [],
  obstacles: [],
  doubts: [],
});

/** Packets of a class that arrive. */
interface Arriving {
  readonly class: TrafficClass;
  readonly packets: PacketSet;
}

function reachIn(analysis: Analysis, from: Place, to: Place, { northbound }: ReachOptions): Reach {
  const { space, network } = analysis;
  const answers = openAnswers(analysis, { plays: 0, ...(northbound && { northbound }) });
  const entering = inportIn(space, from.ports);
  const gaps = analysis.gaps.filter(({ packets }) => space.intersects(packets, entering));
  const unsure = anyCircumstances(space, space.orAll(gaps.map(({ packets }) => packets)));
  const arriving = arrivingAt(analysis, to, entering);
  const sure = arriving
    .filter((one) => one.class.exact)
    .map((one) => ({ ...one, packets: space.diff(one.packets, unsure) }))
    .filter(({ packets }) => packets !== space.empty);
  const nothing = nothingTold(from, to);
  if (sure.length > 0) {
    const packets = anyCircumstances(space, space.orAll(sure.map((one) => one.packets)));
    const usual = usualIn(space, packets, from.ports, to.ports);
    const shown = sure
      .map((one) => ({ ...one, packets: space.and(one.packets, usual.packets) }))
      .filter((one) => one.packets !== space.empty);
    const witness = witnessOf(network, space, space.orAll(shown.map((one) => one.packets)));
    const best = shown.find((one) => witness && space.contains(one.packets, [...witness.packet]));
    const told = best && answers.explain({ kind: 'goes', sentence: 'it arrives', ...best });
    return {
      ...nothing,
      verdict: 'reachable',
      traffic: usualLines(space, usual),
      honest: usual.rank < 2,
      ...(told?.counterexample && { sample: told.counterexample }),
      datapaths: [...new Set(told?.flows?.map(({ datapath }) => datapath))],
    };
  }
  if (arriving.length > 0 || gaps.length > 0) {
    const doubts = [
      ...gaps.map(({ reason, datapath, flow, packets }) => ({
        reason: `${reason} (${datapath.name}, ${flow.stage}, priority ${flow.priority}: ${flow.match})`,
        traffic: trafficLines(space, space.and(packets, entering)),
      })),
      ...(gaps.length > 0 ? [] : [widened(analysis, arriving)]),
    ];
    return { ...nothing, verdict: 'unknown', doubts };
  }
  const wanted = wantedOf(analysis, from, to);
  if (wanted === undefined) return { ...nothing, verdict: 'unreachable' };
  const missing = answers.explain({
    kind: 'missing',
    sentence: 'it does not arrive',
    packets: wanted,
    to: to.ports,
  });
  return {
    ...nothing,
    verdict: 'unreachable',
    ...(missing.counterexample && { sample: missing.counterexample }),
    datapaths: [...new Set(missing.flows?.map(({ datapath }) => datapath))],
    obstacles: missing.obstacles ?? [],
  };
}

/** What honest hosts send to the hosts of a place, if need be to their own address, or to any; undefined where they send nothing. */
function wantedOf({ space, possible }: Analysis, from: Place, to: Place): PacketSet | undefined {
  const honest = [honestPackets(space, from.ports), plainPackets(space), possible].reduce((a, b) => space.and(a, b));
  const addressed = space.and(honest, addressedPackets(space, to.ports));
  const own = from.ports
    .filter((port) => addressesOf(port).length > 0)
    .map((port) => space.and(inportIn(space, [port]), addressedPackets(space, [port])));
  return [space.diff(addressed, space.orAll(own)), addressed, honest].find((packets) => packets !== space.empty);
}

const widened = ({ space }: Analysis, arriving: readonly Arriving[]) => ({
  reason: 'something on the way of these packets was modelled more widely than it is',
  traffic: trafficLines(space, space.orAll(arriving.map(({ packets }) => packets))),
});

function arrivingAt(analysis: Analysis, to: Place, entering: PacketSet): Arriving[] {
  const { space, classes } = analysis;
  const names = new Set(to.ports.map(({ name }) => name));
  return classes.flatMap((one) =>
    arrivalsOf(analysis, one).flatMap(({ port, made, packets }): Arriving[] => {
      if (made !== undefined || !names.has(port)) return [];
      const some = space.and(packets, entering);
      return some === space.empty ? [] : [{ class: one, packets: some }];
    }),
  );
}
