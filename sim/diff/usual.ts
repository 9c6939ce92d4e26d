/** Packets as people speak of them: what is usual between two groups of ports. */

import type { Literal, PacketSet, Space } from '../../engine/sets/index.ts';
import { addressesOf } from '../answers/hosts.ts';
import { trafficLines } from '../answers/index.ts';
import { etherTypes, protocols } from '../answers/packet.ts';
import { fieldIndex, inportIn, type NetworkPort, packetFields } from '../symbolic/index.ts';

/** A demand for one value of a whole field. */
export function whole(name: string, value: bigint | number): Literal {
  const field = fieldIndex(name);
  return { field, value: BigInt(value), mask: (1n << BigInt(packetFields[field]?.width ?? 0)) - 1n };
}

/** Untagged whole packets with nothing special in their headers; of TCP those that open a connection, of ICMP echo requests. */
export function plainPackets(space: Space): PacketSet {
  const zero = ['vlan.tci', 'ip.frag', 'ip.dscp', 'ip.ecn', 'ip6.label', 'pkt.mark', 'payload'];
  const length = space.range(fieldIndex('pkt.len'), 64n, 1280n);
  const plain = space.and(space.cube([...zero.map((name) => whole(name, 0)), whole('ip.ttl', 64)]), length);
  const odd = (protocol: bigint, ...opener: Literal[]): PacketSet =>
    space.diff(space.cube([whole('ip.proto', protocol)]), space.cube(opener));
  const echo = (type: number): Literal[] => [whole('icmp.type', type), whole('icmp.code', 0)];
  const { tcp, icmp4, icmp6 } = protocols;
  return space.diff(
    plain,
    space.orAll([odd(tcp, whole('tcp.flags', 2)), odd(icmp4, ...echo(8)), odd(icmp6, ...echo(128))]),
  );
}

/** IP packets of either version. */
export const anyIp = (space: Space): PacketSet => space.oneOf(fieldIndex('eth.type'), [etherTypes.ip4, etherTypes.ip6]);

/** IP packets of the ports' hosts with their own addresses; any IP packets of ports without addresses. */
export function honestPackets(space: Space, ports: readonly NetworkPort[]): PacketSet {
  return space.orAll(
    ports.map((port) => {
      const own = addressesOf(port).flatMap(({ mac, ip4, ip6 }) => [
        ...ip4.map((ip) => [whole('eth.src', mac), whole('eth.type', etherTypes.ip4), whole('ip4.src', ip)]),
        ...ip6.map((ip) => [whole('eth.src', mac), whole('eth.type', etherTypes.ip6), whole('ip6.src', ip)]),
      ]);
      const sent = own.length === 0 ? anyIp(space) : space.orAll(own.map((literals) => space.cube(literals)));
      return space.and(inportIn(space, [port]), sent);
    }),
  );
}

/** IP packets to addresses of the ports' hosts; any IP packets where a port has none. */
export function addressedPackets(space: Space, ports: readonly NetworkPort[]): PacketSet {
  return space.orAll(
    ports.map((port) => {
      const own = addressesOf(port).flatMap(({ ip4, ip6 }) => [
        ...ip4.map((ip) => [whole('eth.type', etherTypes.ip4), whole('ip4.dst', ip)]),
        ...ip6.map((ip) => [whole('eth.type', etherTypes.ip6), whole('ip6.dst', ip)]),
      ]);
      return own.length === 0 ? anyIp(space) : space.orAll(own.map((literals) => space.cube(literals)));
    }),
  );
}

/** The most usual packets there are in a set, and all that are as usual. */
export interface Usual {
  readonly packets: PacketSet;
  readonly among: PacketSet;
  /** 0 of what honest hosts send to hosts, more of what is less usual. */
  readonly rank: number;
}

/**
 * What is most usual in a set of packets that go from ports to ports: plain packets of honest hosts to the hosts there, or
 * to any address, or of liars, or else whatever there is.
 */
export function usualIn(space: Space, set: PacketSet, from: readonly NetworkPort[], to: readonly NetworkPort[]): Usual {
  const sent = inportIn(space, from);
  const plain = space.and(sent, plainPackets(space));
  const honest = space.and(plain, honestPackets(space, from));
  const scopes = [space.and(honest, addressedPackets(space, to)), honest, plain];
  const found = scopes.findIndex((scope) => space.intersects(set, scope));
  const rank = found < 0 ? scopes.length : found;
  const among = scopes[rank] ?? sent;
  return { packets: space.and(set, among), among, rank };
}

/**
 * The usual packets of a set in lines: `tcp/443 from 10.0.0.11 to 10.1.0.0/24`.  To which MAC addresses they have
 * to be sent is no matter here.
 */
export const usualLines = (space: Space, { packets, among }: Usual): string[] =>
  trafficLines(space, space.forget(packets, [fieldIndex('eth.dst')]), { among });

/** Packets that name hosts of the ports (and of none of the others) by an address, as where they go or where they come from. */
export function packetsNaming(space: Space, ports: readonly NetworkPort[], but: readonly NetworkPort[]): PacketSet {
  const taken = addressLists(but);
  const { macs, ip4, ip6 } = addressLists(ports);
  const free = (values: ReadonlySet<bigint>, others: ReadonlySet<bigint>): bigint[] =>
    [...values].filter((value) => !others.has(value));
  const naming = (name: string, values: readonly bigint[]): PacketSet => space.oneOf(fieldIndex(name), values);
  return space.orAll([
    ...['eth.dst', 'eth.src'].map((name) => naming(name, free(macs, taken.macs))),
    ...['ip4.dst', 'ip4.src', 'arp.tpa', 'arp.spa'].map((name) => naming(name, free(ip4, taken.ip4))),
    ...['ip6.dst', 'ip6.src', 'nd.target'].map((name) => naming(name, free(ip6, taken.ip6))),
  ]);
}

function addressLists(ports: readonly NetworkPort[]): Record<'macs' | 'ip4' | 'ip6', Set<bigint>> {
  const hosts = ports.flatMap(addressesOf);
  return {
    macs: new Set(hosts.map(({ mac }) => mac)),
    ip4: new Set(hosts.flatMap((host) => host.ip4)),
    ip6: new Set(hosts.flatMap((host) => host.ip6)),
  };
}
