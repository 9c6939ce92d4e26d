/**
 * A packet of the analysis as an Ethernet frame that can be sent, with right
 * lengths and checksums: RFC 826, 791, 792, 768, 9293, 9260, 2131, 8200, 4443,
 * 4861, 8415, 1035, IEEE 802.1Q.
 */
import { withChecksums } from '../../engine/frame.ts';
import {
  fieldReader,
  fragments,
  isNeighborDiscovery,
  neighborTypes,
  networkOf,
  type PacketValues,
  payloads,
  type ReadField,
  transportOf,
  vlanPresent,
} from './packet.ts';

/** What a frame's payload says that is not in the fields of packets. */
export interface FrameOptions {
  /** The name that a DNS question asks for; `host.example` unless given. */
  dnsName?: string;
  /** The packet that an ICMP error is about, as it arrived; a datagram of its addressee unless given. */
  quoted?: PacketValues;
}

/**
 * The frame of a packet, without padding to Ethernet's least length.  A packet
 * whose `pkt.len` is more than its headers need is filled up with zeros; one
 * whose `pkt.len` is less gets what its headers need.
 */
export function frameOf(packet: PacketValues, options: FrameOptions = {}): Uint8Array {
  const read = fieldReader(packet);
  const shortest = build(read, options, 0);
  const missing = Math.max(0, Number(read('pkt.len')) - shortest.length);
  const frame = Uint8Array.from(missing === 0 ? shortest : build(read, options, missing));
  return networkOf(read) === 'ip4' || networkOf(read) === 'ip6' ? withChecksums(frame) : frame;
}

const bytes = (value: bigint | number, length: number): number[] =>
  Array.from({ length }, (_, index) => Number((BigInt(value) >> BigInt(8 * (length - 1 - index))) & 0xffn));

const zeros = (length: number): number[] => new Array<number>(length).fill(0);

function build(read: ReadField, options: FrameOptions, fill: number): number[] {
  const tci = read('vlan.tci');
  const tag = (tci & vlanPresent) === 0n ? [] : [0x81, 0, ...bytes(tci & ~vlanPresent, 2)];
  const addresses = [...bytes(read('eth.dst'), 6), ...bytes(read('eth.src'), 6), ...tag];
  const type = bytes(read('eth.type'), 2);
  switch (networkOf(read)) {
    case 'ip4':
      return [...addresses, ...type, ...ip4(read, options, fill)];
    case 'ip6':
      return [...addresses, ...type, ...ip6(read, options, fill)];
    case 'arp':
    case 'rarp':
      return [...addresses, ...type, ...arp(read), ...zeros(fill)];
    case 'other':
      return [...addresses, ...otherType(read('eth.type'), fill)];
  }
}

/** No Ethernet type is below 0x600: such a frame has its length there, and a header of IEEE 802.2. */
function otherType(type: bigint, fill: number): number[] {
  if (type >= 0x600n) return [...bytes(type, 2), ...zeros(46 + fill)];
  const llc = [0x42, 0x42, 0x03, ...zeros(43 + fill)];
  return [...bytes(llc.length, 2), ...llc];
}

function arp(read: ReadField): number[] {
  const party = (hardware: string, address: string): number[] => [
    ...bytes(read(hardware), 6),
    ...bytes(read(address), 4),
  ];
  const header = [0, 1, 8, 0, 6, 4, ...bytes(read('arp.op'), 2)];
  return [...header, ...party('arp.sha', 'arp.spa'), ...party('arp.tha', 'arp.tpa')];
}

const trafficClass = (read: ReadField): number => Number((read('ip.dscp') << 2n) | read('ip.ecn'));

/** Where a fragment that is not the first one starts, in units of 8 bytes. */
const laterOffset = 185;

function ip4(read: ReadField, options: FrameOptions, fill: number): number[] {
  const payload = [...transport(read, options, fill)];
  const isLater = (read('ip.frag') & fragments.later) !== 0n;
  const hasMore = (read('ip.frag') & fragments.any) !== 0n && !isLater;
  const flags = bytes((hasMore ? 0x2000 : 0) | (isLater ? laterOffset : 0), 2);
  const lengths = bytes(20 + payload.length, 2);
  const start = [0x45, trafficClass(read), ...lengths, 0, 1, ...flags];
  const rest = [Number(read('ip.ttl')), Number(read('ip.proto')), 0, 0];
  return [...start, ...rest, ...bytes(read('ip4.src'), 4), ...bytes(read('ip4.dst'), 4), ...payload];
}

const fragmentHeader = 44;

function ip6(read: ReadField, options: FrameOptions, fill: number): number[] {
  const proto = Number(read('ip.proto'));
  // Of later fragments Open vSwitch knows no other protocol than that of the extension header.
  const behind = proto === fragmentHeader ? 17 : proto;
  const isFragment = read('ip.frag') !== 0n;
  const isLater = (read('ip.frag') & fragments.later) !== 0n;
  const place = isLater ? laterOffset << 3 : 1;
  const extension = isFragment ? [behind, 0, ...bytes(place, 2), 0, 0, 0, 1] : [];
  const payload = [...extension, ...transport(read, options, fill)];
  const first = (6n << 28n) | (BigInt(trafficClass(read)) << 20n) | read('ip6.label');
  const header = [...bytes(first, 4), ...bytes(payload.length, 2), isFragment ? fragmentHeader : proto];
  return [...header, Number(read('ip.ttl')), ...bytes(read('ip6.src'), 16), ...bytes(read('ip6.dst'), 16), ...payload];
}

/** What stands behind the IP header, with checksums of 0, filled up by so many bytes. */
function transport(read: ReadField, options: FrameOptions, fill: number): number[] {
  const ports = [...bytes(read('tp.src'), 2), ...bytes(read('tp.dst'), 2)];
  switch (transportOf(read)) {
    case 'icmp4':
      return [...icmp4(read, options), ...zeros(fill)];
    case 'icmp6':
      return [...icmp6(read, options), ...zeros(fill)];
    case 'tcp': {
      const flags = bytes(0x5000n | read('tcp.flags'), 2);
      return [...ports, ...bytes(1, 4), ...bytes(0, 4), ...flags, 0xff, 0xff, 0, 0, 0, 0, ...zeros(fill)];
    }
    case 'udp': {
      const payload = [...datagram(read, options), ...zeros(fill)];
      return [...ports, ...bytes(8 + payload.length, 2), 0, 0, ...payload];
    }
    case 'sctp':
      return sctp([...ports, ...zeros(8), ...initChunk, ...zeros(fill)]);
    case 'none':
      return zeros(8 + fill);
  }
}

const echoTypes4 = [0n, 8n];
const errorTypes4 = [3n, 4n, 5n, 11n, 12n];

function icmp4(read: ReadField, { quoted: about }: FrameOptions): number[] {
  const type = read('icmp.type');
  const header = [Number(type), Number(read('icmp.code')), 0, 0];
  if (echoTypes4.includes(type)) return [...header, 0, 1, 0, 1];
  if (!errorTypes4.includes(type)) return [...header, ...zeros(16)];
  if (about) return [...header, ...zeros(4), ...quotationOf(about, 20)];
  // An error quotes the packet that it is about, which its addressee has sent.
  const addresses = [...bytes(read('ip4.dst'), 4), ...bytes(read('ip4.src'), 4)];
  const quoted = [0x45, 0, 0, 28, 0, 1, 0, 0, 64, 17, 0, 0, ...addresses, ...quotedUdp];
  return [...header, ...zeros(4), ...quoted];
}

/** The IP header of a packet, of so many bytes, and the first 8 bytes behind it. */
function quotationOf(packet: PacketValues, header: number): number[] {
  const frame = frameOf(packet);
  const start = (fieldReader(packet)('vlan.tci') & vlanPresent) === 0n ? 14 : 18;
  return [...frame.slice(start, start + header + 8)];
}

/** The header of a UDP datagram without payload from port 49152 to port 33434. */
const quotedUdp = [0xc0, 0, 0x82, 0x9a, 0, 8, 0, 0];

const echoTypes6 = [128n, 129n];

function icmp6(read: ReadField, { quoted: about }: FrameOptions): number[] {
  const type = read('icmp.type');
  const header = [Number(type), Number(read('icmp.code')), 0, 0];
  if (isNeighborDiscovery(read)) return [...header, ...zeros(4), ...bytes(read('nd.target'), 16), ...linkAddress(read)];
  if (echoTypes6.includes(type)) return [...header, 0, 1, 0, 1];
  if (type < 128n && about) return [...header, ...zeros(4), ...quotationOf(about, 40)];
  if (type < 128n) {
    const addresses = [...bytes(read('ip6.dst'), 16), ...bytes(read('ip6.src'), 16)];
    return [...header, ...zeros(4), 0x60, 0, 0, 0, 0, 8, 17, 64, ...addresses, ...quotedUdp];
  }
  return [...header, ...zeros(16)];
}

/** The option with the sender's (of a solicitation) or the target's address, if there is one. */
function linkAddress(read: ReadField): number[] {
  const isSolicitation = read('icmp.type') === neighborTypes.solicitation;
  const mac = read(isSolicitation ? 'nd.sll' : 'nd.tll');
  return mac === 0n ? [] : [isSolicitation ? 1 : 2, 1, ...bytes(mac, 6)];
}

/** INIT: tag 1, window 65535, one stream each way, first number 1. */
const initChunk = [1, 0, 0, 20, ...bytes(1, 4), ...bytes(65535, 4), 0, 1, 0, 1, ...bytes(1, 4)];

function sctp(packet: number[]): number[] {
  const sum = crc32c(packet);
  // The only number in it with its lowest byte first.
  return [...packet.slice(0, 8), ...bytes(sum, 4).reverse(), ...packet.slice(12)];
}

/** CRC32c (RFC 9260, appendix A). */
function crc32c(data: readonly number[]): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function datagram(read: ReadField, { dnsName = 'host.example' }: FrameOptions): number[] {
  switch (read('payload')) {
    case payloads.dhcp:
      return networkOf(read) === 'ip4'
        ? dhcpDiscover(bytes(read('eth.src'), 6))
        : dhcpSolicit(bytes(read('eth.src'), 6));
    case payloads.dns:
      return dnsQuestion(dnsName, networkOf(read) === 'ip6');
    default:
      return [];
  }
}

const transaction = 0x6c666c;

/** BOOTP and the options of a DHCPDISCOVER from the host with this MAC address. */
function dhcpDiscover(mac: readonly number[]): number[] {
  const bootp = [1, 1, 6, 0, ...bytes(transaction, 4), ...zeros(20), ...mac, ...zeros(202)];
  return [...bootp, 99, 130, 83, 99, 53, 1, 1, 55, 3, 1, 3, 26, 255];
}

/** SOLICIT with the client's identifier (its MAC address) and a request for an address. */
function dhcpSolicit(mac: readonly number[]): number[] {
  const client = [0, 1, 0, 10, 0, 3, 0, 1, ...mac];
  const address = [0, 3, 0, 12, ...bytes(1, 4), ...zeros(8)];
  return [1, ...bytes(transaction, 3), ...client, ...address, 0, 8, 0, 2, 0, 0];
}

/** A question for the IPv4, or IPv6, address of a name. */
function dnsQuestion(name: string, isIp6: boolean): number[] {
  const labels = name.split('.').flatMap((label) => {
    const ascii = [...new TextEncoder().encode(label)].slice(0, 63);
    return ascii.length === 0 ? [] : [ascii.length, ...ascii];
  });
  return [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, isIp6 ? 28 : 1, 0, 1];
}
