/**
 * Router advertisements (RFC 4861 section 4.2): what `put_nd_ra_opts` makes of a
 * solicitation, and those that a router sends from time to time.
 */
import type { OptionValue } from '../../lang/ir.ts';
import { type PortAddresses, parseIpAddresses } from '../../northd/addresses.ts';
import { addWords, checksumOf, setU16, textBytes, Writer } from './bytes.ts';
import { composeIp, fillTransportChecksum, ICMP_CHECKSUM, ipBytes, macBytes, pseudoHeader } from './compose.ts';
import type { Resumed } from './dhcpv4.ts';
import { ipDst, ipSrc, PROTO_ICMPV6, readIp } from './headers.ts';
import { bitsOf } from './options.ts';

const SOLICITATION = 133;
const ADVERTISEMENT = 134;

const HOP_LIMIT = 255;
const ROUTER_LIFETIME = 0xffff;

/** Flags: RFC 4861 section 4.2, RFC 4191 section 2.2. */
const MANAGED = 0x80;
const OTHER = 0x40;
const preferences: Readonly<Record<string, number>> = { HIGH: 0x08, LOW: 0x18 };

/** Flags of a prefix: RFC 4861 section 4.6.2. */
const ON_LINK = 0x80;
const AUTONOMOUS = 0x40;

/** "For ever", as a lifetime. */
const INFINITY = 0xffffffff;

/** Options; the first and the last are OVN's names for flags. */
const ADDRESS_MODE = 0;
const SOURCE_LINK_LAYER = 1;
const PREFIX = 3;
const MTU = 5;
const ROUTE = 24;
const RDNSS = 25;
const DNSSL = 31;
const PREFERENCE = 255;

const DNSSL_MAX = 255;

/** The advertisement for a solicitation (an ICMPv6 message of type 133, code 0), with the packet's addresses as they are. */
export function routerAdvertisementAnswer(frame: Uint8Array, options: readonly OptionValue[]): Resumed {
  const ip = readIp(frame);
  const isSolicitation =
    ip?.family === 6 && ip.proto === PROTO_ICMPV6 && ip.l4 + 8 <= ip.end && frame[ip.l4] === SOLICITATION;
  if (!isSolicitation || frame[ip.l4 + 1] !== 0) return { frame, success: false };
  const message = advertisement(options);
  const answer = new Writer(ip.l4 + message.length).put(frame.subarray(0, ip.l4)).put(message).done();
  setU16(answer, ip.l3 + 4, message.length);
  const sum = pseudoHeader(ipSrc(answer, ip), ipDst(answer, ip), PROTO_ICMPV6, message.length);
  setU16(answer, ip.l4 + ICMP_CHECKSUM, checksumOf(addWords(answer, ip.l4, answer.length, sum)));
  return { frame: answer, success: true };
}

/** An advertisement without its checksum. */
function advertisement(options: readonly OptionValue[]): Uint8Array {
  const body = new Writer(128);
  let flags = 0;
  for (const { code, values } of options) {
    const [value] = values;
    const text = value?.kind === 'string' ? value.text : '';
    if (code === ADDRESS_MODE) flags |= text === 'dhcpv6_stateful' ? MANAGED : text === 'dhcpv6_stateless' ? OTHER : 0;
    else if (code === PREFERENCE) flags |= preferences[text] ?? 0;
    else if (code === SOURCE_LINK_LAYER) putLinkLayer(body, new Writer().bits(bitsOf(value), 6).done());
    else if (code === MTU) putMtu(body, Number(bitsOf(value) & 0xffffffffn));
    else if (code === PREFIX && value?.kind === 'bits') {
      // The flags that came before count: OVN writes the address mode first.
      const own = (flags & MANAGED) === 0 ? ON_LINK | AUTONOMOUS : ON_LINK;
      putPrefix(body, onesIn(value.mask), own, new Writer().bits(value.value, 16).done());
    } else if (code === RDNSS) putDnsServer(body, new Writer().bits(bitsOf(value), 16).done());
    else if (code === DNSSL) putDomains(body, text);
    else if (code === ROUTE) putRoutes(body, text);
  }
  return new Writer(16 + body.length).put(header(flags)).put(body.done()).done();
}

function header(flags: number): Uint8Array {
  return new Writer(16).u8(ADVERTISEMENT).u8(0).u16(0).u8(HOP_LIMIT).u8(flags).u16(ROUTER_LIFETIME).zeros(8).done();
}

function onesIn(mask: bigint): number {
  let ones = 0;
  for (let bits = mask & ((1n << 128n) - 1n); bits > 0n; bits &= bits - 1n) ones++;
  return ones;
}

function putLinkLayer(to: Writer, mac: Uint8Array): void {
  to.u8(SOURCE_LINK_LAYER).u8(1).put(mac);
}

function putMtu(to: Writer, mtu: number): void {
  to.u8(MTU).u8(1).u16(0).u32(mtu);
}

function putPrefix(to: Writer, length: number, flags: number, prefix: Uint8Array): void {
  to.u8(PREFIX).u8(4).u8(length).u8(flags).u32(INFINITY).u32(INFINITY).u32(0).put(prefix);
}

/** RFC 8106 section 5.1. */
function putDnsServer(to: Writer, server: Uint8Array): void {
  to.u8(RDNSS).u8(3).u16(0).u32(INFINITY).put(server);
}

/** Domains with commas between them: RFC 8106 section 5.2.  Nothing if they take more than 247 bytes. */
function putDomains(to: Writer, list: string): void {
  const labels = new Writer(DNSSL_MAX);
  let size = 8;
  for (const domain of list.split(',').filter((name) => name !== '')) {
    size += textBytes(domain).length + 2;
    if (size > DNSSL_MAX) return;
    for (const label of domain.split('.').filter((name) => name !== '')) {
      const bytes = textBytes(label);
      labels.u8(bytes.length).put(bytes);
    }
    labels.u8(0);
  }
  const units = Math.ceil(size / 8);
  to.u8(DNSSL).u8(units).u16(0).u32(INFINITY);
  to.put(labels.done()).zeros(8 * units - 8 - labels.length);
}

/**
 * Routes with commas between them, each a preference and a prefix with a dash
 * between: RFC 4191 section 2.3.  The first that is no IPv6 prefix ends the
 * list; says whether none did.
 */
function putRoutes(to: Writer, list: string): boolean {
  for (const route of list.split(',')) {
    const [preference, ...prefixes] = route.split('-').filter((part) => part !== '');
    for (const prefix of prefixes) {
      const [network] = parseIpAddresses(prefix)?.ipv6 ?? [];
      const bytes = network && ipBytes(network.network);
      if (!bytes) return false;
      const units = Math.ceil(network.prefixLength / 64);
      to.u8(ROUTE)
        .u8(1 + units)
        .u8(network.prefixLength)
        .u8(preferences[preference] ?? 0)
        .u32(INFINITY);
      to.put(bytes.subarray(0, 8 * units));
    }
  }
  return true;
}

/** What a router port advertises by itself, from the options of its Port_Binding (ovn-sb(5), `ipv6_ra_...`). */
export interface PeriodicAdvertisement {
  /** Seconds. */
  readonly minInterval: number;
  readonly maxInterval: number;
  /** The whole frame, to all nodes. */
  readonly frame: Uint8Array;
}

/** Seconds: RFC 4861 section 6.2.1. */
const MAX_INTERVAL = 600;

/**
 * Reads a router port's options; a sentence if they say nothing that can be
 * sent.  A port without `ipv6_ra_send_periodic` is the caller's to leave out.
 */
export function periodicAdvertisement(options: Readonly<Record<string, string>>): PeriodicAdvertisement | string {
  const maxInterval = integer(options.ipv6_ra_max_interval, MAX_INTERVAL);
  const shortest = maxInterval >= 9 ? Math.floor(maxInterval / 3) : Math.floor((maxInterval * 3) / 4);
  const minInterval = integer(options.ipv6_ra_min_interval, shortest);
  const mode = addressModes[options.ipv6_ra_address_mode ?? ''];
  if (!mode) return `"${options.ipv6_ra_address_mode ?? ''}" is no address mode`;
  const prefixes = options.ipv6_ra_prefixes === undefined ? noAddresses : parseIpAddresses(options.ipv6_ra_prefixes);
  if (!prefixes) return `"${options.ipv6_ra_prefixes}" are no prefixes`;
  const mac = macBytes(options.ipv6_ra_src_eth ?? '');
  if (!mac) return `"${options.ipv6_ra_src_eth ?? ''}" is no Ethernet address`;
  const src = ipv6(options.ipv6_ra_src_addr);
  if (!src) return `"${options.ipv6_ra_src_addr ?? ''}" is no IPv6 address`;
  const server = ipv6(options.ipv6_ra_rdnss);
  if (options.ipv6_ra_rdnss !== undefined && !server) return `"${options.ipv6_ra_rdnss}" is no IPv6 address`;

  const flags = mode.flags | (preferences[options.ipv6_ra_prf ?? ''] ?? 0);
  const message = new Writer(128).put(header(flags));
  putLinkLayer(message, mac);
  const mtu = integer(options.ipv6_ra_mtu, 0);
  if (mtu !== 0) putMtu(message, mtu);
  for (const { bits, prefixLength } of prefixes.ipv6) {
    putPrefix(message, prefixLength, mode.prefix, new Writer().bits(bits, 16).done());
  }
  if (server) putDnsServer(message, server);
  if (options.ipv6_ra_dnssl) putDomains(message, options.ipv6_ra_dnssl);
  if (options.ipv6_ra_route_info) putRoutes(message, options.ipv6_ra_route_info);
  const payload = message.done();
  const way = { ethDst: allNodesEthernet, ethSrc: mac, src, dst: allNodes };
  fillTransportChecksum(way, PROTO_ICMPV6, payload, ICMP_CHECKSUM);
  return { minInterval, maxInterval, frame: composeIp(way, PROTO_ICMPV6, HOP_LIMIT, payload) };
}

const addressModes: Readonly<Record<string, { flags: number; prefix: number }>> = {
  dhcpv6_stateless: { flags: OTHER, prefix: ON_LINK | AUTONOMOUS },
  dhcpv6_stateful: { flags: MANAGED, prefix: ON_LINK },
  slaac: { flags: 0, prefix: ON_LINK | AUTONOMOUS },
};

const noAddresses: PortAddresses = { mac: '', ipv4: [], ipv6: [] };

/** ff02::1 and its Ethernet address. */
const allNodes = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
const allNodesEthernet = Uint8Array.of(0x33, 0x33, 0, 0, 0, 1);

function ipv6(text: string | undefined): Uint8Array | undefined {
  const bytes = text === undefined ? undefined : ipBytes(text);
  return bytes?.length === 16 ? bytes : undefined;
}

function integer(text: string | undefined, otherwise: number): number {
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : otherwise;
}
