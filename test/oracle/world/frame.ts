/**
 * The Ethernet frame of a packet, so that a counterexample can be sent: RFC 826,
 * RFC 791, RFC 792, RFC 768, RFC 9293, RFC 2131.
 */

/** Reads a field of a packet by its name in the match language, e.g. `ip4.src`. */
export type FieldReader = (name: string) => bigint;

const bytesOf = (value: bigint | number, length: number): number[] =>
  Array.from({ length }, (_, index) => Number((BigInt(value) >> BigInt(8 * (length - 1 - index))) & 0xffn));

/** The Internet checksum (RFC 1071) of bytes; an odd last byte is padded with zero. */
function checksum(bytes: readonly number[]): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at] << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function withChecksum(bytes: number[], at: number, pseudoHeader: readonly number[] = []): number[] {
  const sum = checksum([...pseudoHeader, ...bytes]);
  return [...bytes.slice(0, at), sum >>> 8, sum & 0xff, ...bytes.slice(at + 2)];
}

/** BOOTP and the options of a DHCPDISCOVER from the host with this MAC address. */
function dhcpDiscover(mac: number[]): number[] {
  const bootp = [1, 1, 6, 0, ...bytesOf(0x6c666c77, 4), ...new Array(20).fill(0), ...mac, ...new Array(202).fill(0)];
  return [...bootp, 99, 130, 83, 99, 53, 1, 1, 255];
}

/** Header and payload of what follows IPv4, without its checksum, and where that stands. */
function transportOf(field: FieldReader, protocol: number): { bytes: number[]; at: number; pseudo: boolean } {
  const ports = (name: string): number[] => [...bytesOf(field(`${name}.src`), 2), ...bytesOf(field(`${name}.dst`), 2)];
  switch (protocol) {
    case 1: {
      const header = [Number(field('icmp4.type')), Number(field('icmp4.code')), 0, 0, 0, 1, 0, 1];
      return { bytes: header, at: 2, pseudo: false };
    }
    case 6: {
      const flags = bytesOf(0x5000n | field('tcp.flags'), 2);
      const header = [...ports('tcp'), ...bytesOf(1, 4), ...bytesOf(0, 4), ...flags, 0xff, 0xff, 0, 0, 0, 0];
      return { bytes: header, at: 16, pseudo: true };
    }
    case 17: {
      const isDhcp = field('udp.src') === 68n && field('udp.dst') === 67n;
      const payload = isDhcp ? dhcpDiscover(bytesOf(field('eth.src'), 6)) : [];
      return { bytes: [...ports('udp'), ...bytesOf(8 + payload.length, 2), 0, 0, ...payload], at: 6, pseudo: true };
    }
    default:
      return { bytes: [], at: -1, pseudo: false };
  }
}

function ipv4(field: FieldReader): number[] {
  const protocol = Number(field('ip.proto'));
  const addresses = [...bytesOf(field('ip4.src'), 4), ...bytesOf(field('ip4.dst'), 4)];
  const { bytes, at, pseudo } = transportOf(field, protocol);
  const pseudoHeader = pseudo ? [...addresses, 0, protocol, ...bytesOf(bytes.length, 2)] : [];
  const payload = at < 0 ? bytes : withChecksum(bytes, at, pseudoHeader);
  const tos = Number((field('ip.dscp') << 2n) | field('ip.ecn'));
  const total = bytesOf(20 + payload.length, 2);
  const header = [0x45, tos, ...total, 0, 1, 0, 0, Number(field('ip.ttl')), protocol, 0, 0, ...addresses];
  return [...withChecksum(header, 10), ...payload];
}

function arp(field: FieldReader): number[] {
  const party = (hardware: string, address: string): number[] => [
    ...bytesOf(field(hardware), 6),
    ...bytesOf(field(address), 4),
  ];
  return [
    0,
    1,
    8,
    0,
    6,
    4,
    ...bytesOf(field('arp.op'), 2),
    ...party('arp.sha', 'arp.spa'),
    ...party('arp.tha', 'arp.tpa'),
  ];
}

/** The frame of an ARP or unfragmented IPv4 packet, with right lengths and checksums, without padding. */
export function frameOf(field: FieldReader): Uint8Array {
  const type = field('eth.type');
  const header = [...bytesOf(field('eth.dst'), 6), ...bytesOf(field('eth.src'), 6), ...bytesOf(type, 2)];
  const payload = type === 0x806n ? arp(field) : type === 0x800n ? ipv4(field) : [];
  return Uint8Array.from([...header, ...payload]);
}
