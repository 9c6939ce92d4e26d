/**
 * Frames as hosts send them: Ethernet, VLAN tags (IEEE 802.1Q), ARP (RFC 826), IPv4 (RFC 791),
 * IPv6 (RFC 8200), ICMP (RFC 792), ICMPv6 and neighbour discovery (RFC 4443, RFC 4861), TCP
 * (RFC 9293), UDP, SCTP, DHCP (RFC 2131, RFC 8415), DNS (RFC 1035).
 *
 * Builders return bytes with right lengths.  `frame` fills in checksums.
 */
import { withChecksums } from '../../engine/frame.ts';

/** Bytes of a header or a payload. */
export type Bytes = readonly number[];

export interface Ethernet {
  src: string;
  dst: string;
  /** VLAN tags, the outermost first: the whole tag control information. */
  tags?: readonly number[];
}

/** What IPv4 and IPv6 share; each option has its usual value unless given. */
export interface Ip {
  src: string;
  dst: string;
  ttl?: number;
  /** DSCP and ECN. */
  tos?: number;
}

export interface Ipv4 extends Ip {
  id?: number;
  /** DF is 0x4000, MF 0x2000, then the offset in units of eight bytes. */
  fragment?: number;
  options?: Bytes;
}

export interface Ipv6 extends Ip {
  label?: number;
  /** Extension headers before the payload: each has its number and all of its bytes; the first of these is put in. */
  extensions?: readonly { number: number; bytes: Bytes }[];
}

export const protocols = { icmp: 1, igmp: 2, tcp: 6, udp: 17, icmp6: 58, sctp: 132 } as const;

export const u16 = (value: number): number[] => [(value >>> 8) & 0xff, value & 0xff];
export const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)];
export const mac = (text: string): number[] => text.split(':').map((byte) => Number.parseInt(byte, 16));
export const ip4 = (text: string): number[] => text.split('.').map(Number);

/** An IPv6 address; an IPv4 tail is not understood. */
export function ip6(text: string): number[] {
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':')).map((g) => Number.parseInt(g, 16));
  const [before, after] = text.split('::');
  const head = groups(before);
  const tail = after === undefined ? [] : groups(after);
  const middle = after === undefined ? [] : new Array<number>(8 - head.length - tail.length).fill(0);
  return [...head, ...middle, ...tail].flatMap(u16);
}

export const isIp6 = (address: string): boolean => address.includes(':');

const types = { ip4: 0x800, arp: 0x806, ip6: 0x86dd } as const;

/** A frame with this Ethernet type and payload, as it is. */
export function rawFrame({ src, dst, tags = [] }: Ethernet, type: number, payload: Bytes): Uint8Array {
  // The outer one of two tags is a service tag (IEEE 802.1ad).
  const tagged = tags.flatMap((tci, at) => [...u16(at < tags.length - 1 ? 0x88a8 : 0x8100), ...u16(tci)]);
  return Uint8Array.from([...mac(dst), ...mac(src), ...tagged, ...u16(type), ...payload]);
}

/** A frame with an IP packet of this protocol in it, IPv4 or IPv6 as its addresses are, with right checksums. */
export function frame(ethernet: Ethernet, ip: Ipv4 | Ipv6, protocol: number, payload: Bytes): Uint8Array {
  const bytes = isIp6(ip.dst)
    ? rawFrame(ethernet, types.ip6, ipv6Packet(ip, protocol, payload))
    : rawFrame(ethernet, types.ip4, ipv4Packet(ip, protocol, payload));
  return withChecksums(bytes, { vlanLimit: 2 });
}

/** An IPv4 packet without its checksum. */
export function ipv4Packet(ip: Ipv4, protocol: number, payload: Bytes): number[] {
  const { src, dst, ttl = 64, tos = 0, id = 1, fragment = 0x4000, options = [] } = ip;
  const header = 20 + options.length;
  return [
    ...[0x40 | (header / 4), tos, ...u16(header + payload.length), ...u16(id), ...u16(fragment)],
    ...[ttl, protocol, 0, 0, ...ip4(src), ...ip4(dst), ...options, ...payload],
  ];
}

export function ipv6Packet(ip: Ipv6, protocol: number, payload: Bytes): number[] {
  const { src, dst, ttl = 64, tos = 0, label = 0, extensions = [] } = ip;
  const numbers = [...extensions.map(({ number }) => number), protocol];
  const chain = extensions.flatMap(({ bytes }, at) => [numbers[at + 1], ...bytes.slice(1)]);
  return [
    ...u32(0x60000000 + tos * 0x100000 + label),
    ...[...u16(chain.length + payload.length), numbers[0], ttl, ...ip6(src), ...ip6(dst), ...chain, ...payload],
  ];
}

export const tcpFlags = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32 } as const;

export interface Tcp {
  src: number;
  dst: number;
  seq?: number;
  ack?: number;
  flags: number;
  window?: number;
  data?: Bytes;
  options?: Bytes;
}

export function tcp({ src, dst, seq = 1, ack = 0, flags, window = 65535, data = [], options = [] }: Tcp): number[] {
  const offset = ((20 + options.length) / 4) << 12;
  return [
    ...[...u16(src), ...u16(dst), ...u32(seq), ...u32(ack), ...u16(offset | flags), ...u16(window), 0, 0, 0, 0],
    ...[...options, ...data],
  ];
}

export const udp = (src: number, dst: number, data: Bytes = []): number[] => [
  ...[...u16(src), ...u16(dst), ...u16(8 + data.length), 0, 0, ...data],
];

/** An SCTP packet with one INIT chunk; the checksum (CRC32c) is left zero. */
export const sctp = (src: number, dst: number): number[] => [
  ...[...u16(src), ...u16(dst), ...u32(0), ...u32(0)],
  ...[1, 0, 0, 20, ...u32(7), ...u32(65536), 0, 1, 0, 1, ...u32(1)],
];

/** ICMP or ICMPv6: the second word, then data. */
export const icmp = (type: number, code: number, word: number, data: Bytes = []): number[] => [
  ...[type, code, 0, 0, ...u32(word), ...data],
];

export const echoData: Bytes = [...'abcdefgh'].map((character) => character.charCodeAt(0));

const identifierAndSequence = (identifier: number, sequence: number): number => identifier * 65536 + sequence;

/** An echo request, or the reply, of the family that the addresses have. */
export function echo(
  ethernet: Ethernet,
  ip: Ip,
  { isReply = false, identifier = 1, sequence = 1 }: { isReply?: boolean; identifier?: number; sequence?: number } = {},
): Uint8Array {
  const is6 = isIp6(ip.dst);
  const type = is6 ? (isReply ? 129 : 128) : isReply ? 0 : 8;
  const message = icmp(type, 0, identifierAndSequence(identifier, sequence), echoData);
  return frame(ethernet, ip, is6 ? protocols.icmp6 : protocols.icmp, message);
}

export interface Arp {
  op: number;
  sha: string;
  spa: string;
  tha?: string;
  tpa: string;
}

export const noMac = '00:00:00:00:00:00';
export const broadcast = 'ff:ff:ff:ff:ff:ff';

export function arp(ethernet: Ethernet, { op, sha, spa, tha = noMac, tpa }: Arp): Uint8Array {
  const message = [0, 1, 8, 0, 6, 4, ...u16(op), ...mac(sha), ...ip4(spa), ...mac(tha), ...ip4(tpa)];
  return rawFrame(ethernet, types.arp, message);
}

/** Where a host asks for `target`: ARP's broadcast or the solicited-node group. */
export function whoHas(from: { mac: string; ip: string }, target: string, tags?: readonly number[]): Uint8Array {
  const tagged = tags ? { tags } : {};
  if (!isIp6(target)) {
    return arp({ src: from.mac, dst: broadcast, ...tagged }, { op: 1, sha: from.mac, spa: from.ip, tpa: target });
  }
  const last = ip6(target).slice(13);
  const group = `ff02::1:ff${hex(last.slice(0, 1))}:${hex(last.slice(1))}`;
  const dst = `33:33:ff:${last.map((byte) => hex([byte])).join(':')}`;
  const solicitation = icmp(135, 0, 0, [...ip6(target), 1, 1, ...mac(from.mac)]);
  const ip = { src: from.ip, dst: group, ttl: 255 };
  return frame({ src: from.mac, dst, ...tagged }, ip, protocols.icmp6, solicitation);
}

/** The answer to `whoHas`: that `from.ip` is at `from.mac`. */
export function isAt(
  from: { mac: string; ip: string },
  to: { mac: string; ip: string },
  tags?: readonly number[],
): Uint8Array {
  const ethernet = { src: from.mac, dst: to.mac, ...(tags && { tags }) };
  if (!isIp6(from.ip)) return arp(ethernet, { op: 2, sha: from.mac, spa: from.ip, tha: to.mac, tpa: to.ip });
  const advertisement = icmp(136, 0, 0x60000000, [...ip6(from.ip), 2, 1, ...mac(from.mac)]);
  return frame(ethernet, { src: from.ip, dst: to.ip, ttl: 255 }, protocols.icmp6, advertisement);
}

/** A router solicitation. */
export function routerSolicitation(from: { mac: string; ip: string }): Uint8Array {
  const message = icmp(133, 0, 0, [1, 1, ...mac(from.mac)]);
  const ip = { src: from.ip, dst: 'ff02::2', ttl: 255 };
  return frame({ src: from.mac, dst: '33:33:00:00:00:02' }, ip, protocols.icmp6, message);
}

export interface Dhcp {
  mac: string;
  transaction: number;
  /** Discover is 1, request 3, release 7. */
  type?: number;
  /** The address that a request asks for. */
  requested?: string;
  server?: string;
}

/** A DHCPv4 message of a host that has no address yet. */
export function dhcpDiscover({ mac: address, transaction, type = 1, requested, server }: Dhcp): Uint8Array {
  const bootp = [1, 1, 6, 0, ...u32(transaction), ...zeros(20), ...mac(address), ...zeros(10 + 64 + 128)];
  const options = [
    ...[99, 130, 83, 99, 53, 1, type],
    ...(requested === undefined ? [] : [50, 4, ...ip4(requested)]),
    ...(server === undefined ? [] : [54, 4, ...ip4(server)]),
    ...[55, 4, 1, 3, 6, 15, 255],
  ];
  const ip = { src: '0.0.0.0', dst: '255.255.255.255' };
  return frame({ src: address, dst: broadcast }, ip, protocols.udp, udp(68, 67, [...bootp, ...options]));
}

/** A DHCPv6 message (solicit is 1, request 3, information request 11) with client identifier and one IA_NA. */
export function dhcpv6(from: { mac: string; ip: string }, type: number, server?: Bytes): Uint8Array {
  const client = [0, 3, 0, 1, ...mac(from.mac)];
  const options = [
    ...option(1, client),
    ...(server ? option(2, server) : []),
    ...(type === 11 ? [] : option(3, [...u32(1), ...u32(3600), ...u32(5400)])),
    ...option(6, [...u16(23), ...u16(24)]),
    ...option(8, u16(0)),
  ];
  const ip = { src: from.ip, dst: 'ff02::1:2', ttl: 1 };
  const message = udp(546, 547, [type, 0x12, 0x34, 0x56, ...options]);
  return frame({ src: from.mac, dst: '33:33:00:01:00:02' }, ip, protocols.udp, message);
}

const option = (code: number, bytes: Bytes): number[] => [...u16(code), ...u16(bytes.length), ...bytes];

/** A DNS query with one question; type A is 1, AAAA 28, PTR 12, any 255. */
export function dnsQuery(name: string, type: number, id = 0x1234): number[] {
  const labels = name.split('.').flatMap((label) => [label.length, ...text(label)]);
  return [...u16(id), ...u16(0x0100), ...u16(1), ...zeros(6), ...labels, 0, ...u16(type), ...u16(1)];
}

/** An IGMPv2 report (0x16), leave (0x17) or query (0x11), with its checksum. */
export function igmp(type: number, group: string): number[] {
  const message = [type, 0, 0, 0, ...ip4(group)];
  let sum = 0;
  for (let at = 0; at < message.length; at += 2) sum += message[at] * 256 + message[at + 1];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  const checksum = u16(~sum & 0xffff);
  return [type, 0, ...checksum, ...ip4(group)];
}

export const zeros = (length: number): number[] => new Array<number>(length).fill(0);
export const text = (value: string): number[] => [...value].map((character) => character.charCodeAt(0));
const hex = (bytes: Bytes): string => bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
