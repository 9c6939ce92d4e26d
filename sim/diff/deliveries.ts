/** What gets where: the packets that open connections, by the port that they come out of. */
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import {
  type Analysis,
  headerFields,
  inportIn,
  type NetworkPort,
  packetFields,
  type TrafficClass,
} from '../symbolic/index.ts';
import { anyIp } from './usual.ts';

/** Packets as they enter, whatever is learned or chosen on their way. */
export interface Delivered {
  readonly place: Omit<Arrival, 'packets'>;
  /** They come out for some circumstances, as far as the flows were understood. */
  readonly may: PacketSet;
  /** Of these, the ones that were followed exactly. */
  readonly surely: PacketSet;
}

/** What is not the packet's to choose. */
const circumstances = packetFields.map((_, field) => field).filter((field) => field >= headerFields);

/** The packets, whatever is learned or chosen on their way. */
export const anyCircumstances = (space: Space, set: PacketSet): PacketSet => space.forget(set, circumstances);

/** What a class brings to a port. */
export interface Arrival {
  readonly port: string;
  /**
   * What arrives, if it is not what was sent on its way: what was made of it, or `returned`, what comes back to its sender,
   * as the answers of routers do.  IP packets that come back over a wire outside are on their way.
   */
  readonly made?: string;
  readonly packets: PacketSet;
}

/** One for each arrival of a port: `PORT`, or `PORT MADE`. */
export const keyOf = ({ port, made }: Omit<Arrival, 'packets'>): string =>
  made === undefined ? port : `${port} ${made}`;

/** Where packets that open connections arrive, if they leave the network. */
export function arrivalsOf({ network, space }: Analysis, { end, packets, made, connection }: TrafficClass): Arrival[] {
  if (connection !== 'new' || (end.kind !== 'port' && end.kind !== 'sender')) return [];
  const ports = end.kind === 'port' ? [end.port] : network.portsByNumber.flatMap((port) => (port?.edge ? [port] : []));
  return ports
    .flatMap((port): Arrival[] => {
      const { name } = port;
      if (made !== undefined)
        return [{ port: name, made, packets: end.kind === 'port' ? packets : own(space, packets, port) }];
      const back = space.diff(own(space, packets, port), port.edge === 'outside' ? anyIp(space) : space.empty);
      const on = space.diff(end.kind === 'port' ? packets : own(space, packets, port), back);
      return [
        { port: name, packets: on },
        { port: name, made: 'returned', packets: back },
      ];
    })
    .filter((arrival) => arrival.packets !== space.empty);
}

const own = (space: Space, packets: PacketSet, port: NetworkPort): PacketSet =>
  space.and(packets, inportIn(space, [port]));

/** By `keyOf`: the packets that are on their way (`own`), or what else arrives (`aside`). */
export function deliveriesOf(analysis: Analysis, kind: 'own' | 'aside'): Map<string, Delivered> {
  const { space, classes } = analysis;
  const lists = new Map<string, { place: Omit<Arrival, 'packets'>; all: PacketSet[]; exact: PacketSet[] }>();
  for (const one of classes) {
    for (const { packets, ...place } of arrivalsOf(analysis, one)) {
      if ((place.made === undefined) !== (kind === 'own')) continue;
      const list = lists.get(keyOf(place)) ?? { place, all: [], exact: [] };
      lists.set(keyOf(place), list);
      list.all.push(packets);
      if (one.exact) list.exact.push(packets);
    }
  }
  const told = (sets: readonly PacketSet[]): PacketSet => anyCircumstances(space, space.orAll(sets));
  return new Map(
    [...lists].map(([key, { place, all, exact }]) => [key, { place, may: told(all), surely: told(exact) }]),
  );
}
