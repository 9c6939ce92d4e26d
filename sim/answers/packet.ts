/**
 * One packet of the analysis: a value for each of `packetFields`, read by names,
 * and what it is to people.
 */
import { fieldIndex } from '../symbolic/fields.ts';

/** A value for each of `packetFields`; those that are not there are 0. */
export type PacketValues = readonly bigint[];

/** Reads a field by its name in `packetFields`; throws for a name that is none. */
export type ReadField = (name: string) => bigint;

/** Reads the fields of a packet. */
export function fieldReader(packet: PacketValues): ReadField {
  return (name) => packet[fieldIndex(name)] ?? 0n;
}

/** The packet with these fields; all others are 0.  Throws for a name that is none. */
export function packetOf(fields: Readonly<Record<string, bigint | number>>): PacketValues {
  const packet: bigint[] = [];
  for (const [name, value] of Object.entries(fields)) packet[fieldIndex(name)] = BigInt(value);
  return Array.from(packet, (value) => value ?? 0n);
}

export const etherTypes = { ip4: 0x800n, arp: 0x806n, rarp: 0x8035n, ip6: 0x86ddn } as const;

/** Protocols of IP by their numbers. */
export const protocols = { icmp4: 1n, tcp: 6n, udp: 17n, icmp6: 58n, sctp: 132n } as const;

/** Bits of `ip.frag`: it is a fragment; not the first one. */
export const fragments = { any: 1n, later: 2n } as const;

/** The bit of `vlan.tci` that says that there is a tag. */
export const vlanPresent = 0x1000n;

/** `payload`: what an action of the chassis reads in it. */
export const payloads = { none: 0n, dhcp: 1n, dns: 2n } as const;

/** What stands behind the Ethernet header. */
export type Network = 'ip4' | 'ip6' | 'arp' | 'rarp' | 'other';

export function networkOf(read: ReadField): Network {
  const type = read('eth.type');
  return (Object.keys(etherTypes) as (keyof typeof etherTypes)[]).find((name) => etherTypes[name] === type) ?? 'other';
}

/** What stands behind the IP header and can be read: `none` where there is none, or in a fragment that is not the first. */
export type Transport = 'icmp4' | 'icmp6' | 'tcp' | 'udp' | 'sctp' | 'none';

export function transportOf(read: ReadField): Transport {
  const network = networkOf(read);
  if (network !== 'ip4' && network !== 'ip6') return 'none';
  if ((read('ip.frag') & fragments.later) !== 0n) return 'none';
  switch (read('ip.proto')) {
    case protocols.tcp:
      return 'tcp';
    case protocols.udp:
      return 'udp';
    case protocols.sctp:
      return 'sctp';
    case protocols.icmp4:
      return network === 'ip4' ? 'icmp4' : 'none';
    case protocols.icmp6:
      return network === 'ip6' ? 'icmp6' : 'none';
    default:
      return 'none';
  }
}

/** Types of ICMP that conntrack takes for errors about packets of a connection: RFC 792, RFC 4443. */
const errorTypes: Readonly<Partial<Record<Transport, readonly bigint[]>>> = {
  icmp4: [3n, 4n, 5n, 11n, 12n],
  icmp6: [1n, 2n, 3n, 4n],
};

/** Whether the packet is an ICMP error, which quotes another packet. */
export const isIcmpError = (read: ReadField): boolean =>
  errorTypes[transportOf(read)]?.includes(read('icmp.type')) ?? false;

/** Neighbour solicitations (135) and advertisements (136) have a target: RFC 4861. */
export const neighborTypes = { solicitation: 135n, advertisement: 136n } as const;

/** Whether the packet is a neighbour solicitation or advertisement with its target. */
export function isNeighborDiscovery(read: ReadField): boolean {
  const type = read('icmp.type');
  const isOne = type === neighborTypes.solicitation || type === neighborTypes.advertisement;
  return transportOf(read) === 'icmp6' && isOne && read('icmp.code') === 0n;
}
