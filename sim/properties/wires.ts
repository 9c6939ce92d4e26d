/**
 * What the world outside makes of packets that leave by a wire, and how they come
 * back (docs/properties/README.md, "The world outside"): as they left, by another
 * port of the wire, or, IP packets, by any port of it, as a router forwards them.
 *
 * Sets are of packets as they are seen on a wire or come in from it: nothing but
 * their headers and, where they come in, `inport` is in them.
 */
import type { PacketSet, Rewrite, Space } from '../../engine/sets/index.ts';
import {
  at,
  fieldIndex,
  headerFields,
  headerRewrites,
  inportIn,
  type Network,
  type NetworkPort,
  packetFields,
  read,
  type Store,
  type TrafficClass,
} from '../symbolic/index.ts';
import type { View, Wire } from './view.ts';

/** What a packet does not bring along: other routers find other neighbours and make other choices. */
export const circumstances: readonly number[] = packetFields.map((_, field) => field).slice(headerFields);

const mark = fieldIndex('pkt.mark');
const vlan = fieldIndex('vlan.tci');

/** Not in a frame: where it came in, and what the chassis notes beside it. */
const beside: readonly number[] = [at.inport, mark, ...circumstances];

/** In one go with the others, for a field that is copied to another and stays is costly. */
const forgotten = (field: number): Rewrite => ({
  field,
  ofs: 0,
  n: (packetFields[field] as { width: number }).width,
  kind: 'any',
});

const forgetting: readonly Rewrite[] = beside.map(forgotten);

/** What packets of a class that leaves are on the wire. */
export const onWire = ({ analysis }: View, one: TrafficClass, packets: PacketSet): PacketSet =>
  analysis.space.orAll(
    analysis.looks(one, packets).map(({ store, packets: some }) => analysis.space.image(some, wireRewrites(store))),
  );

/** What becomes of a packet that leaves, as it is seen on the wire. */
export function wireRewrites(store: Store): readonly Rewrite[] {
  const absent = absentIn(store);
  const own = headerRewrites(store, new Set([...beside, ...absent]));
  return [...own, ...forgetting, ...absent.map(forgotten)];
}

/** Fields of protocols that a packet is made for alone, by type of frame. */
const kinds: readonly (readonly [bigint, RegExp])[] = [
  [0x806n, /^(ip|ip4|ip6|icmp|nd|tp|tcp)\./],
  [0x800n, /^(arp|ip6|nd)\./],
  [0x86ddn, /^(arp|ip4)\./],
];

/** The fields that packets do not have any more: what was made of them is of another type. */
function absentIn(store: Store): number[] {
  const type = read(store, at.ethType).constant;
  const [, pattern] = kinds.find(([kind]) => kind === type) ?? [];
  if (!pattern) return [];
  return packetFields.flatMap(({ name }, field) => (field < headerFields && pattern.test(name) ? [field] : []));
}

/** The packets of a class that leaves which are one of these on the wire. */
export const thatAreOnWire = ({ analysis }: View, one: TrafficClass, packets: PacketSet, seen: PacketSet): PacketSet =>
  analysis.space.orAll(
    analysis.looks(one, packets).map((look) => {
      const before = analysis.space.preimage(analysis.space.forget(seen, beside), headerRewrites(look.store));
      return analysis.space.and(look.packets, before);
    }),
  );

/** IP packets, as routers outside may forward them: less time to live, and MAC addresses of the world outside. */
export function forwarded(space: Space, seen: PacketSet): PacketSet {
  const ip = space.and(space.forget(seen, [at.ethSrc, at.ethDst]), ipPackets(space));
  return withOther(space, ip, 'less');
}

/** The packets that routers outside may forward so that one of these comes in. */
export function beforeForwarding(space: Space, coming: PacketSet): PacketSet {
  const ip = space.and(space.forget(coming, [at.ethSrc, at.ethDst]), ipPackets(space));
  return withOther(space, ip, 'more');
}

const ipPackets = (space: Space): PacketSet => space.oneOf(at.ethType, [0x800n, 0x86ddn]);

/** The packets with any smaller, or greater, time to live than one of the set. */
function withOther(space: Space, set: PacketSet, than: 'less' | 'more'): PacketSet {
  const parts: PacketSet[] = [];
  for (let bit = 0; bit < 8; bit++) {
    const mask = 1n << BigInt(bit);
    const from = than === 'less' ? mask : 0n;
    // Equal above the bit, which differs the right way; below it anything goes.
    const above = space.restrict(set, [{ field: at.ttl, value: from, mask }]);
    const below = bit === 0 ? above : space.image(above, [{ field: at.ttl, ofs: 0, n: bit, kind: 'any' }]);
    parts.push(space.and(below, space.cube([{ field: at.ttl, value: mask - from, mask }])));
  }
  return space.orAll(parts);
}

/** A packet that carries a VLAN's tag, 0 for none: bits 0 to 11 are the VLAN, 12 is always set, ovn-fields(7). */
const tagged = (space: Space, id: number): PacketSet =>
  space.cube([
    id === 0 ? { field: vlan, value: 0n, mask: 0xffffn } : { field: vlan, value: BigInt(0x1000 | id), mask: 0x1fffn },
  ]);

/** The packets of one wire as another one of the same physical network has them; empty where they stay apart. */
export function asSeenOn(space: Space, seen: PacketSet, here: Wire, there: Wire): PacketSet {
  if (here === there) return seen;
  if (here.physical !== there.physical) return space.empty;
  if (here.vlan === 0) return retagged(space, space.and(seen, tagged(space, there.vlan)), 0);
  // A frame of a VLAN is one with a tag to a port that takes frames as they are.
  return there.vlan === 0 ? retagged(space, space.and(seen, tagged(space, 0)), here.vlan) : space.empty;
}

const retagged = (space: Space, seen: PacketSet, id: number): PacketSet =>
  space.and(space.forget(seen, [vlan]), tagged(space, id));

/** MAC addresses of the network's own ports, and of its service monitor: nobody outside sends from those. */
export function ownMacs(view: View): PacketSet {
  const { space, network } = view.analysis;
  const macs = ownAddresses.get(network) ?? macsOf(network);
  ownAddresses.set(network, macs);
  return space.oneOf(at.ethSrc, macs);
}

/** By network: each of many parts knows the addresses of all routers. */
const ownAddresses = new WeakMap<Network, ReadonlySet<bigint>>();

function macsOf({ ports, southbound }: Network): ReadonlySet<bigint> {
  const macs = new Set<bigint>();
  for (const { binding } of ports.values()) for (const mac of macsIn(binding.mac)) macs.add(mac);
  for (const mac of macsIn(southbound.addressSets.get('svc_monitor_mac') ?? [])) macs.add(mac);
  return macs;
}

const macPattern = /\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b/gi;

/** The MAC addresses that texts have in them. */
export const macsIn = (texts: readonly string[]): bigint[] =>
  texts.flatMap((text) => [...text.matchAll(macPattern)].map(([mac]) => BigInt(`0x${mac.replaceAll(':', '')}`)));

/** Packets that come in: those of a wire, by all of its ports but `except`. */
export const comingIn = (space: Space, seen: PacketSet, { ports }: Wire, except?: NetworkPort): PacketSet =>
  seen === space.empty
    ? seen
    : space.and(
        seen,
        inportIn(
          space,
          ports.filter((port) => port !== except),
        ),
      );
