/**
 * Ethernet and IP addresses as northbound columns write them, and in the text
 * form that ovn-northd puts into flows.
 */

import { formatIpv4, netmask } from '../address.ts';

/** What differs between IPv4 and IPv6 in the text of a flow: `ip4` and `icmp4`, `ip6` and `icmp6`. */
export type Family = '4' | '6';

/** An IPv4 address with its network. */
export interface Ipv4Network {
  /** The address as an unsigned 32-bit integer. */
  readonly bits: number;
  readonly prefixLength: number;
  /** `192.168.1.5` */
  readonly address: string;
  /** `192.168.1.0` */
  readonly network: string;
  /** `192.168.1.255` */
  readonly broadcast: string;
}

/** An IPv6 address with its network. */
export interface Ipv6Network {
  /** The address as an unsigned 128-bit integer. */
  readonly bits: bigint;
  readonly prefixLength: number;
  readonly address: string;
  readonly network: string;
  /** The solicited-node multicast address (RFC 4291, section 2.7.1). */
  readonly solicitedNode: string;
}

/** A MAC address and the IP addresses that go with it. */
export interface PortAddresses {
  /** Lower case, two digits a byte; '' where only IP addresses were given. */
  readonly mac: string;
  readonly ipv4: Ipv4Network[];
  readonly ipv6: Ipv6Network[];
}

const macPattern = /^\s*([0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5})(?![0-9a-f:])/i;

/** `AA:b:0c:...` in canonical form, or undefined if `text` is not a MAC address. */
export function parseMac(text: string): string | undefined {
  const match = macPattern.exec(text);
  return match && match[0].length === text.length ? canonicalMac(match[1]) : undefined;
}

/** The MAC address that `text` starts with, in canonical form, or undefined. */
export function leadingMac(text: string): string | undefined {
  const match = macPattern.exec(text);
  return match ? canonicalMac(match[1]) : undefined;
}

function canonicalMac(text: string): string {
  const lower = text.toLowerCase();
  return lower.length === 17 ? lower : lower.replace(/\b[0-9a-f]\b/g, '0$&');
}

/** A canonical MAC address as an integer below 2^48. */
export function macToNumber(mac: string): number {
  return Number.parseInt(mac.replaceAll(':', ''), 16);
}

/** An integer below 2^48 as a MAC address. */
export function macFromNumber(value: number): string {
  return value
    .toString(16)
    .padStart(12, '0')
    .replace(/..(?=.)/g, '$&:');
}

/**
 * A dotted quad as an unsigned 32-bit integer, or undefined.  Of an octet above
 * 255 the low 8 bits count, and before an octet there may be spaces, because OVN
 * reads it so.
 */
export function parseIpv4(text: string): number | undefined {
  let value = 0;
  let octets = 0;
  let octet = -1;
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : 46;
    if (code === 46) {
      if (octet < 0) return undefined;
      value = value * 256 + octet;
      octets++;
      octet = -1;
    } else if (code >= 48 && code <= 57) {
      octet = ((octet < 0 ? 0 : octet * 10) + code - 48) & 255;
    } else if (octet >= 0 || !isSpace(code)) return undefined;
  }
  return octets === 4 ? value : undefined;
}

/** A dotted quad and nothing else, as inet_pton(3) takes it. */
export function parseExactIpv4(text: string): number | undefined {
  const bits = parseIpv4(text);
  return bits !== undefined && formatIpv4(bits) === text ? bits : undefined;
}

/** What isspace(3) takes for white space. */
function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13);
}

/** The address with its network's addresses worked out. */
export function ipv4Network(bits: number, prefixLength: number): Ipv4Network {
  const mask = netmask(prefixLength);
  return {
    bits,
    prefixLength,
    address: formatIpv4(bits),
    network: formatIpv4((bits & mask) >>> 0),
    broadcast: formatIpv4((bits | ~mask) >>> 0),
  };
}

/** `ADDRESS`, `ADDRESS/LENGTH` or `ADDRESS/MASK` with a contiguous mask, or undefined. */
export function parseIpv4Cidr(text: string): Ipv4Network | undefined {
  const slash = text.indexOf('/');
  const bits = parseIpv4(slash < 0 ? text : text.slice(0, slash));
  if (bits === undefined) return undefined;
  if (slash < 0) return ipv4Network(bits, 32);
  const suffix = text.slice(slash + 1);
  if (/^\d{1,2}$/.test(suffix)) {
    const length = Number(suffix);
    return length <= 32 ? ipv4Network(bits, length) : undefined;
  }
  const mask = parseIpv4(suffix);
  if (mask === undefined) return undefined;
  const length = 32 - Math.log2((~mask >>> 0) + 1);
  return Number.isInteger(length) ? ipv4Network(bits, length) : undefined;
}

/** An IPv6 address, perhaps with spaces before it, as an unsigned 128-bit integer, or undefined. */
export function parseIpv6(text: string): bigint | undefined {
  if (isSpace(text.charCodeAt(0))) return parseIpv6(text.replace(/^[ \t-\r]+/, ''));
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (tail) {
    const quad = parseIpv4(tail[2]);
    if (quad === undefined) return undefined;
    return parseIpv6(`${tail[1]}${(quad >>> 16).toString(16)}:${(quad & 0xffff).toString(16)}`);
  }
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [left, right] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const given = left.length + (right?.length ?? 0);
  if (right ? given > 7 : given !== 8) return undefined;
  const words = [...left, ...Array<string>(8 - given).fill('0'), ...(right ?? [])];
  let bits = 0n;
  for (const word of words) {
    if (!/^[0-9a-f]{1,4}$/i.test(word)) return undefined;
    bits = (bits << 16n) | BigInt(`0x${word}`);
  }
  return bits;
}

/** An unsigned 128-bit integer in the form of inet_ntop(3). */
export function formatIpv6(bits: bigint): string {
  const words: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) words.push(Number((bits >> shift) & 0xffffn));
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let n = 0;
    while (i + n < 8 && words[i + n] === 0) n++;
    if (n > length) [start, length] = [i, n];
  }
  if (start === 0 && (length === 6 || (length === 5 && words[5] === 0xffff))) {
    const quad = formatIpv4(Number(bits & 0xffffffffn));
    return length === 6 ? `::${quad}` : `::ffff:${quad}`;
  }
  const hex = words.map((word) => word.toString(16));
  if (start < 0) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

/** An IPv6 address and nothing else, as inet_pton(3) takes it. */
export function parseExactIpv6(text: string): bigint | undefined {
  return isSpace(text.charCodeAt(0)) ? undefined : parseIpv6(text);
}

const ipv6Bits = (1n << 128n) - 1n;
const solicitedNodePrefix = 0xff0200000000000000000001ff000000n;

/** The netmask of a prefix length, as an unsigned 128-bit integer. */
export function ipv6Mask(prefixLength: number): bigint {
  return (ipv6Bits << BigInt(128 - prefixLength)) & ipv6Bits;
}

/** The address with its network's addresses worked out. */
export function ipv6Network(bits: bigint, prefixLength: number): Ipv6Network {
  return {
    bits,
    prefixLength,
    address: formatIpv6(bits),
    network: formatIpv6(bits & ipv6Mask(prefixLength)),
    solicitedNode: formatIpv6(solicitedNodePrefix | (bits & 0xffffffn)),
  };
}

/** `ADDRESS`, `ADDRESS/LENGTH` or `ADDRESS/MASK` with a contiguous mask, or undefined. */
export function parseIpv6Cidr(text: string): Ipv6Network | undefined {
  const slash = text.indexOf('/');
  const bits = parseIpv6(slash < 0 ? text : text.slice(0, slash));
  if (bits === undefined) return undefined;
  if (slash < 0) return ipv6Network(bits, 128);
  const suffix = text.slice(slash + 1);
  if (/^\d{1,3}$/.test(suffix)) {
    const length = Number(suffix);
    return length <= 128 ? ipv6Network(bits, length) : undefined;
  }
  const mask = parseIpv6(suffix);
  if (mask === undefined) return undefined;
  const length = mask.toString(2).replace(/0+$/, '').length;
  return mask === ipv6Mask(mask === 0n ? 0 : length) ? ipv6Network(bits, mask === 0n ? 0 : length) : undefined;
}

/** The interface identifier that RFC 4291, appendix A derives from a MAC address. */
function eui64(mac: string): bigint {
  const value = BigInt(macToNumber(mac)) ^ 0x020000000000n;
  return ((value >> 24n) << 40n) | 0xfffe000000n | (value & 0xffffffn);
}

/** The link-local address of a MAC address. */
export function linkLocal(mac: string): Ipv6Network {
  return ipv6Network((0xfe80n << 112n) | eui64(mac), 64);
}

/** The address that `mac` gets in the network `prefix` by stateless configuration. */
export function eui64Address(prefix: bigint, mac: string): bigint {
  return ((prefix >> 64n) << 64n) | eui64(mac);
}

function storeAddresses(list: readonly string[], into: PortAddresses): boolean {
  for (const word of list) {
    const v4 = parseIpv4Cidr(word);
    if (v4) {
      into.ipv4.push(v4);
      continue;
    }
    const v6 = parseIpv6Cidr(word);
    if (!v6) return false;
    into.ipv6.push(v6);
  }
  return true;
}

/**
 * `MAC [IP[/LENGTH]]...`, as in a switch port's addresses or port_security.
 * Undefined if there is no MAC address; reading stops at the first word that is
 * not an IP address, and `complete` says whether it had to.
 */
export function parsePortAddresses(text: string): { addresses: PortAddresses; complete: boolean } | undefined {
  const match = macPattern.exec(text);
  if (!match) return undefined;
  const addresses: PortAddresses = { mac: canonicalMac(match[1]), ipv4: [], ipv6: [] };
  const complete = storeAddresses(words(text.slice(match[0].length)), addresses);
  return { addresses, complete };
}

/** `IP[/LENGTH]...` without a MAC address, or undefined if any word is not one. */
export function parseIpAddresses(text: string): PortAddresses | undefined {
  const addresses: PortAddresses = { mac: '', ipv4: [], ipv6: [] };
  return storeAddresses(words(text), addresses) ? addresses : undefined;
}

function words(text: string): string[] {
  return text.split(' ').filter((word) => word !== '');
}

/** Whether an entry of a switch port's addresses asks ovn-northd for an address: `dynamic` and its forms. */
export function isDynamicAddress(text: string): boolean {
  if (!text.includes('dynamic')) return false;
  const parts = text.split(' ');
  if (parts.length === 2 && parts[1] === 'dynamic') return parseMac(parts[0]) !== undefined;
  if (parts[0] !== 'dynamic') return false;
  const rest = parts.slice(1);
  if (rest.length === 1) return parseIpv4(rest[0]) !== undefined || parseIpv6(rest[0]) !== undefined;
  if (rest.length === 2) return parseIpv4(rest[0]) !== undefined && parseIpv6(rest[1]) !== undefined;
  return rest.length === 0;
}

/** Whether routers pass on what is sent to a multicast group: not to IPv6 ones of a link or less (RFC 4291, section 2.7). */
export function isRoutableGroup(address: string): boolean {
  const bits = address.includes(':') ? parseExactIpv6(address) : undefined;
  if (bits === undefined) return true;
  const scope = Number((bits >> 112n) & 0xfn);
  return bits >> 120n === 0xffn && ![0, 1, 2, 3, 15].includes(scope);
}
