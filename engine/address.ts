/** IPv4 addresses as 32-bit unsigned integers, subnets and MAC addresses: reading, printing, arithmetic. */

/** The 32-bit unsigned value of a dotted quad without leading zeros; absent if the text is none. */
export function parseIpv4(text: string): number | undefined {
  if (!/^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/.test(text)) return undefined;
  const bytes = text.split('.').map(Number);
  return bytes.some((byte) => byte > 255) ? undefined : bytes.reduce((value, byte) => value * 256 + byte, 0);
}

/** A 32-bit unsigned value as a dotted quad. */
export const formatIpv4 = (address: number): string =>
  [address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255].join('.');

/** An IPv4 subnet as it was written. */
export interface Cidr {
  /** With the host bits that were written. */
  address: number;
  prefixLength: number;
}

/** The subnet of `ADDRESS/LENGTH`; absent if the text is none. */
export function parseCidr(text: string): Cidr | undefined {
  const [quad = '', length = '', ...rest] = text.split('/');
  const address = parseIpv4(quad);
  if (address === undefined || rest.length > 0 || !/^\d{1,2}$/.test(length) || Number(length) > 32) return undefined;
  return { address, prefixLength: Number(length) };
}

/** The netmask of a prefix length, as a 32-bit unsigned integer. */
export const netmask = (prefixLength: number): number =>
  prefixLength === 0 ? 0 : (0xffffffff << (32 - prefixLength)) >>> 0;

/** A subnet's own, first address. */
export const firstAddress = ({ address, prefixLength }: Cidr): number => (address & netmask(prefixLength)) >>> 0;

/** A subnet's last address, its broadcast address. */
export const lastAddress = (cidr: Cidr): number => (firstAddress(cidr) | ~netmask(cidr.prefixLength)) >>> 0;

/** `ADDRESS/LENGTH` without host bits. */
export const formatCidr = (cidr: Cidr): string => `${formatIpv4(firstAddress(cidr))}/${cidr.prefixLength}`;

export const hasHostBits = (cidr: Cidr): boolean => firstAddress(cidr) !== cidr.address;

export const contains = (cidr: Cidr, address: number): boolean =>
  address >= firstAddress(cidr) && address <= lastAddress(cidr);

export const overlap = (a: Cidr, b: Cidr): boolean =>
  firstAddress(a) <= lastAddress(b) && firstAddress(b) <= lastAddress(a);

/** How many hosts a subnet can number: all addresses but its own and the broadcast address. */
export const hostCount = ({ prefixLength }: Cidr): number => Math.max(0, 2 ** (32 - prefixLength) - 2);

/** What is wrong with a MAC address that a host is to have; absent if nothing is. */
export function macMistake(mac: string): 'malformed' | 'multicast' | 'zero' | undefined {
  if (!/^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$/.test(mac)) return 'malformed';
  if (/^(00:?)+$/.test(mac)) return 'zero';
  return Number.parseInt(mac.slice(0, 2), 16) % 2 === 1 ? 'multicast' : undefined;
}
