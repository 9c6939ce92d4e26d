/**
 * What honest hosts send: the packets that promises to hosts are about.  From a
 * port's own MAC and IP addresses; what is said of frames otherwise is `orderly`
 * (sim/policy/honest.ts).
 */
import type { Literal, PacketSet, Space } from '../../engine/sets/index.ts';
import { allOf } from '../policy/packets.ts';
import { everybodyKnown, lookups } from '../symbolic/fields.ts';
import { at, fieldIndex, packetFields } from '../symbolic/index.ts';
import type { Gateway, Host } from './view.ts';

export { opening, orderly, outsideAddresses } from '../policy/honest.ts';

export type Family = 4 | 6;
export const families: readonly Family[] = [4, 6];

/** Demands that a field has the value, all of it. */
export const field = (index: number, value: bigint): Literal => ({
  field: index,
  value,
  mask: (1n << BigInt(packetFields[index]?.width ?? 0)) - 1n,
});

export const inport = ({ port }: Host): Literal => field(at.inport, BigInt(port.number));

/** The frame's type, and the fields of addresses, of a family. */
export const ofFamily = {
  4: { type: field(at.ethType, 0x800n), src: at.ip4Src, dst: at.ip4Dst },
  6: { type: field(at.ethType, 0x86ddn), src: at.ip6Src, dst: at.ip6Dst },
} as const;

export const addressesOf = ({ ip4, ip6 }: Host, family: Family): readonly bigint[] => (family === 4 ? ip4 : ip6);

/** The IP packets of hosts, from their own addresses; hosts whose addresses are not known send none. */
export function sentBy(space: Space, hosts: readonly Host[], family: Family): PacketSet {
  const { type, src } = ofFamily[family];
  return space.orAll(
    hosts.flatMap((host) => {
      const { mac } = host;
      if (mac === undefined) return [];
      const own = [inport(host), type, field(at.ethSrc, mac)];
      return addressesOf(host, family).map((ip) => space.cube([...own, field(src, ip)]));
    }),
  );
}

const broadcast = 0xffffffffffffn;

/** The hosts' ARP requests, in their own name: for whatever address. */
export function asking(space: Space, hosts: readonly Host[]): PacketSet {
  const request = space.cube([
    field(at.ethType, 0x806n),
    field(at.arpOp, 1n),
    field(at.ethDst, broadcast),
    field(at.arpTha, 0n),
  ]);
  const own = hosts.flatMap((host) => {
    const { mac } = host;
    if (mac === undefined) return [];
    const sender = [inport(host), field(at.ethSrc, mac), field(at.arpSha, mac)];
    return host.ip4.map((ip) => space.cube([...sender, field(at.arpSpa, ip)]));
  });
  return allOf(space, [request, plain(space), space.orAll(own)]);
}

/** The hosts' neighbour solicitations for an address, in their own name. RFC 4861, section 4.3. */
export function soliciting(space: Space, hosts: readonly Host[], target: bigint): PacketSet {
  const low = target & 0xffffffn;
  // To the group of the address: RFC 4291, section 2.7.1; RFC 2464, section 7.
  const request = space.cube([
    ofFamily[6].type,
    field(at.ipProto, 58n),
    field(at.icmpType, 135n),
    field(at.icmpCode, 0n),
    field(at.ttl, 255n),
    field(at.ndTll, 0n),
    field(at.ndTarget, target),
    field(at.ip6Dst, 0xff0200000000000000000001ff000000n | low),
    field(at.ethDst, 0x3333ff000000n | low),
  ]);
  const own = hosts.flatMap((host) => {
    const { mac } = host;
    if (mac === undefined) return [];
    const sender = [inport(host), field(at.ethSrc, mac), field(at.ndSll, mac)];
    return host.ip6.map((ip) => space.cube([...sender, field(at.ip6Src, ip)]));
  });
  return allOf(space, [request, plain(space), space.orAll(own)]);
}

/** Frames as they are sent by who has nothing to say about it: no tag, no fragment, no mark; with neighbours known. */
export const plain = (space: Space): PacketSet =>
  space.cube([
    field(fieldIndex('vlan.tci'), 0n),
    field(at.ipFrag, 0n),
    field(fieldIndex('pkt.mark'), 0n),
    ...everybodyKnown,
  ]);

/** Packets to hosts on their own switch: to the IP address and the MAC address of one, but to nobody himself. */
export function toNeighbors(space: Space, hosts: readonly Host[], family: Family): PacketSet {
  const { type, dst } = ofFamily[family];
  const pairs = (of: (host: Host, mac: bigint) => Literal[]): PacketSet =>
    space.orAll(
      hosts.flatMap((host) => {
        const { mac } = host;
        if (mac === undefined) return [];
        return addressesOf(host, family).map((ip) => space.cube([type, field(dst, ip), ...of(host, mac)]));
      }),
    );
  return space.diff(
    pairs((_, mac) => [field(at.ethDst, mac)]),
    pairs((host) => [inport(host)]),
  );
}

/** Packets to the IP addresses of hosts, by a gateway. */
export function toHosts(space: Space, hosts: readonly Host[], family: Family): PacketSet {
  const { type, dst } = ofFamily[family];
  const addresses = hosts.flatMap((host) => (host.mac === undefined ? [] : addressesOf(host, family)));
  return space.and(space.cube([type]), space.oneOf(dst, addresses));
}

/** Frames to a gateway. */
export const toGateway = (space: Space, { mac }: Gateway): PacketSet => space.cube([field(at.ethDst, mac)]);

/** The MAC addresses that neighbours have: nobody promises which. */
export const neighborMacs: readonly number[] = Array.from({ length: lookups }, (_, n) =>
  fieldIndex(`neighbor.${n}.mac`),
);

/** Which of its copies a packet is. */
export const copyFields: readonly number[] = Array.from({ length: lookups }, (_, n) => fieldIndex(`copy.${n}`));
