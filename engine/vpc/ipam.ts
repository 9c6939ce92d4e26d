/**
 * Addresses: IPv4 as 32-bit unsigned integers, the allocation of a network's
 * addresses to its ports, MAC addresses made of names.
 */
import { v5 } from 'uuid';
import type { AddressRange } from '../spec/resources.ts';

/** An IPv4 subnet; `address` may have host bits. */
export interface Subnet {
  address: number;
  prefixLength: number;
}

export function formatIpv4(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** The address of a dotted quad that validation has accepted. */
export function ipv4(text: string): number {
  return text.split('.').reduce((value, byte) => value * 256 + Number(byte), 0);
}

/** The subnet of an `ADDRESS/LENGTH` text that validation has accepted. */
export function subnet(text: string): Subnet {
  const [address = '', prefixLength = ''] = text.split('/');
  return { address: ipv4(address), prefixLength: Number(prefixLength) };
}

export function netmask(prefixLength: number): number {
  return prefixLength === 0 ? 0 : (0xffffffff << (32 - prefixLength)) >>> 0;
}

export const networkAddress = ({ address, prefixLength }: Subnet): number => (address & netmask(prefixLength)) >>> 0;

/** The last address, which is the broadcast address where the subnet has one. */
export const lastAddress = (net: Subnet): number => (networkAddress(net) | ~netmask(net.prefixLength)) >>> 0;

/** `ADDRESS/LENGTH` with the host bits cleared. */
export const formatSubnet = (net: Subnet): string => `${formatIpv4(networkAddress(net))}/${net.prefixLength}`;

export const gatewayAddress = (net: Subnet): number => networkAddress(net) + 1;

/**
 * The free host addresses of a subnet from the lowest up: without its own
 * address, the broadcast address, the `reserved` ones and the `excluded` ranges.
 */
export function* hostAddresses(
  net: Subnet,
  reserved: ReadonlySet<number>,
  excluded: readonly AddressRange[] = [],
): Generator<number, void> {
  const ranges = [...excluded].sort((a, b) => a.first - b.first);
  const end = lastAddress(net);
  let next = 0;
  for (let address = networkAddress(net) + 1; address < end; address++) {
    while (next < ranges.length && ranges[next].last < address) next++;
    if (next < ranges.length && ranges[next].first <= address) {
      address = ranges[next].last;
      continue;
    }
    if (!reserved.has(address)) yield address;
  }
}

const namespace = '0d3ac2f4-9f1e-5a0b-8a57-6a1f1c1f8e02';

/** A locally administered unicast MAC address made of a name: the same name, the same address. */
export function macOfName(name: string): string {
  return `02:${v5(name, namespace).slice(0, 8).match(/../g)?.join(':')}:${v5(name, namespace).slice(9, 11)}`;
}

/**
 * Gives each name a MAC address that none of `taken` has and no other name was
 * given.  A clash, rarer than one in a million networks, is settled by trying
 * the name with a number behind it.
 */
export function allocateMac(name: string, taken: Set<string>): string {
  let mac = macOfName(name);
  for (let attempt = 1; taken.has(mac); attempt++) mac = macOfName(`${name}#${attempt}`);
  taken.add(mac);
  return mac;
}
