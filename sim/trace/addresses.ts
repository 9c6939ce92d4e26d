/**
 * Addresses as the southbound database writes them, read into the words of a
 * packet: MAC_Binding, FDB and port security.
 */
import { parseEthernet, parseIpv4, parseIpv6 } from '../../engine/lang/addresses.ts';

/** An address of either family. */
export interface Address {
  family: 4 | 6;
  value: bigint;
}

/** Reads an IPv4 or IPv6 address; undefined if it is not one. */
export function parseAddress(text: string): Address | undefined {
  const ip4 = parseIpv4(text);
  if (ip4 !== undefined) return { family: 4, value: ip4 };
  const ip6 = parseIpv6(text);
  return ip6 === undefined ? undefined : { family: 6, value: ip6 };
}

/** An address with the length of its prefix. */
export interface Network extends Address {
  prefixLength: number;
}

/** An entry of port security: a MAC address and the addresses allowed with it. */
export interface SecuredAddresses {
  mac: bigint;
  ip4: Network[];
  ip6: Network[];
}

/**
 * Reads an entry such as `02:00:00:00:00:01 10.0.0.4 fd00::/64`.  What follows
 * an address that is none is not looked at, as in OVN; undefined if the entry
 * does not start with a MAC address.
 */
export function parseSecuredAddresses(text: string): SecuredAddresses | undefined {
  const [first = '', ...rest] = text.trim().split(/\s+/);
  const mac = parseEthernet(first);
  if (mac === undefined) return undefined;
  const secured: SecuredAddresses = { mac, ip4: [], ip6: [] };
  for (const word of rest) {
    const network = parseNetwork(word);
    if (!network) break;
    (network.family === 4 ? secured.ip4 : secured.ip6).push(network);
  }
  return secured;
}

function parseNetwork(text: string): Network | undefined {
  const [host = '', length, ...more] = text.split('/');
  const address = parseAddress(host);
  if (!address || more.length > 0) return undefined;
  const bits = address.family === 4 ? 32 : 128;
  const prefixLength = length === undefined ? bits : Number(length);
  return Number.isInteger(prefixLength) && prefixLength >= 0 && prefixLength <= bits
    ? { ...address, prefixLength }
    : undefined;
}

/** The link-local address that a MAC address gives (RFC 4291, appendix A). */
export function linkLocal(mac: bigint): bigint {
  const upper = (mac >> 24n) ^ 0x020000n;
  return (0xfe80n << 112n) | (upper << 40n) | (0xfffen << 24n) | (mac & 0xffffffn);
}
