/**
 * What no router passes on or answers: sources that nobody can have, destinations that never leave a host, frames to
 * everybody, frames for another one's MAC address. RFC 1812, sections 5.3.4 and 5.3.7; RFC 1122, section 3.2.1.3.
 */
import { parseIpv4 } from '../../engine/lang/addresses.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { allOf, matchSet } from '../policy/packets.ts';
import {
  at,
  type Looks,
  type NetworkDatapath,
  type NetworkPort,
  read,
  type Store,
  type Value,
} from '../symbolic/index.ts';
import { gatewayBehind } from './open-view.ts';
import { endText, type Refusal, whatText } from './refusal.ts';
import { from, type View } from './view.ts';

/** Of what enters by `senders`, the packets that no router may take, wherever they or what is made of them come out. */
export function misrouted(view: View, senders: readonly NetworkPort[], ports: readonly NetworkPort[]): Refusal[] {
  const { space } = view.analysis;
  const places = [...new Set(senders.map(({ datapath }) => datapath))];
  const enteringAt = (place: NetworkDatapath): PacketSet =>
    from(
      view,
      senders.filter(({ datapath }) => datapath === place),
    );
  const byPlace = (of: (place: NetworkDatapath) => PacketSet): PacketSet =>
    space.orAll(places.map((place) => space.and(enteringAt(place), of(place))));
  const kinds: readonly Kind[] = [
    {
      what: 'with a source address that no host has',
      packets: byPlace((place) => martians(view, place)),
      besides: (one: Looks) => restored(view, one, at.ip4Src),
    },
    {
      what: 'with an address of the loopback network or of none as its destination',
      packets: space.and(from(view, senders), matchSet(space, 'ip4.dst == {0.0.0.0/8, 127.0.0.0/8}')),
      besides: (one: Looks) => restored(view, one, at.ip4Dst),
    },
    {
      what: 'in a frame to everybody',
      packets: space.and(from(view, senders), matchSet(space, 'ip4 && eth.dst == ff:ff:ff:ff:ff:ff')),
      besides: (one: Looks) => byPlace((place) => answeredAt(view, place, one)),
    },
    { what: "in a frame for another one's MAC address", packets: byPlace((place) => forOthers(view, place)) },
  ];
  return kinds.map(({ what, packets, besides }) => ({
    packets,
    ports,
    orBack: true,
    bad: (one) => space.diff(taken(view, one), besides?.(one) ?? space.empty),
    sentence: (one) => `${whatText(one)} ${what} comes out of a router, and arrives at ${endText(view, one)}`,
  }));
}

interface Kind {
  readonly what: string;
  readonly packets: PacketSet;
  /** Of those that look so, the ones that come out all the same. */
  readonly besides?: (one: Looks) => PacketSet;
}

/** The IPv4 addresses of the routers on a switch, on whatever side of them, with the lengths of their networks' prefixes. */
function routersOn({ ports }: NetworkDatapath): { value: bigint; prefixLength: number }[] {
  const routers = ports.flatMap(({ peer }) => (peer?.datapath.kind === 'router' ? peer.datapath : []));
  const sides = routers.flatMap((router) => router.ports.flatMap(({ peer }) => (peer ? gatewayBehind(peer) : [])));
  return sides.flatMap(({ addresses }) =>
    addresses.flatMap(({ address: { family, value }, prefixLength }) =>
      family === 4 ? [{ value, prefixLength }] : [],
    ),
  );
}

/** The IPv4 packets from a switch with sources that are nobody's, or the own ones of the routers there. */
function martians({ analysis: { space } }: View, place: NetworkDatapath): PacketSet {
  const own = routersOn(place).flatMap(({ value, prefixLength }) => [
    value,
    value | ((1n << BigInt(32 - prefixLength)) - 1n),
  ]);
  const nobody = matchSet(space, 'ip4.src == {0.0.0.0/8, 127.0.0.0/8, 224.0.0.0/4, 255.255.255.255}');
  return space.or(nobody, space.and(matchSet(space, 'ip4'), space.oneOf(at.ip4Src, own)));
}

/** ICMP errors about a connection, whose address conntrack has changed: whoever they are from, to that of an end of it. */
const restored = ({ analysis: { space } }: View, { connection, store }: Looks, field: number): PacketSet =>
  connection === 'reply' && !isAsSent(read(store, field), field)
    ? matchSet(space, 'icmp4.type == {3, 4, 5, 11, 12}')
    : space.empty;

/** The packets to a router's own addresses, of any of its ports, that it answers itself, even in a frame to everybody: so does OVN. */
function answeredAt({ analysis: { space } }: View, { ports }: NetworkDatapath, { made }: Looks): PacketSet {
  const routers = ports.flatMap(({ peer }) => (peer?.datapath.kind === 'router' ? peer.datapath : []));
  const texts = routers.flatMap((router) => router.ports.flatMap(({ binding }) => binding.mac));
  const own = space.oneOf(at.ip4Dst, ip4In(texts));
  return made === undefined ? space.and(own, matchSet(space, 'icmp4.type == 8')) : own;
}

/** The IPv4 addresses in texts. */
const ip4In = (texts: readonly string[]): bigint[] =>
  texts.flatMap((text) => [...text.matchAll(/\d+(?:\.\d+){3}/g)].flatMap(([one]) => parseIpv4(one) ?? []));

/** The IPv4 packets that are for no router on a switch, nor for a group. */
function forOthers({ analysis: { space } }: View, { ports }: NetworkDatapath): PacketSet {
  const macs = ports.flatMap(gatewayBehind).map(({ mac }) => mac);
  return allOf(space, [matchSet(space, 'ip4 && !eth.dst[40]'), space.not(space.oneOf(at.ethDst, macs))]);
}

/** The packets that a router has passed on or answered, DHCP's answers aside: those are the switch's. */
function taken(view: View, { made, store }: Looks): PacketSet {
  const { space } = view.analysis;
  if (made === undefined) return wereRouted(view, store);
  return made.startsWith('dhcp') ? space.empty : space.all;
}

/** The packets that a router has passed on: their time to live is not what it was. */
export function wereRouted({ analysis: { space } }: View, store: Store): PacketSet {
  const value = read(store, at.ttl);
  const options = value.options ?? [{ packets: space.all, value }];
  return space.orAll(options.filter((option) => !isAsSent(option.value, at.ttl)).map(({ packets }) => packets));
}

/** Whether a plain value is what a field was when the packet was sent. */
const isAsSent = ({ pieces: [piece] }: Value, field: number): boolean =>
  piece?.kind === 'input' && piece.field === field;
