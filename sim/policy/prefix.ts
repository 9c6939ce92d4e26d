/** Ranges of IPv4 and IPv6 addresses: `10.0.0.0/8`, `10.0.0.7`, `2001:db8::/32`. */
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from '../../engine/lang/index.ts';
import type { Prefix } from './policy.ts';

/** Bits of an address. */
export const widthOf = ({ family }: Pick<Prefix, 'family'>): number => (family === 4 ? 32 : 128);

/** The bits that count. */
export const maskOf = (prefix: Pick<Prefix, 'family' | 'length'>): bigint =>
  ((1n << BigInt(prefix.length)) - 1n) << BigInt(widthOf(prefix) - prefix.length);

/** Reads `ADDRESS` or `ADDRESS/LENGTH`; with host bits, if they were written. Undefined if the text is neither. */
export function parsePrefix(text: string): Prefix | undefined {
  const [address = '', written, ...rest] = text.split('/');
  const family = address.includes(':') ? 6 : 4;
  const value = family === 4 ? parseIpv4(address) : parseIpv6(address);
  if (value === undefined || rest.length > 0) return undefined;
  const width = widthOf({ family });
  if (written !== undefined && !(/^(0|[1-9]\d{0,2})$/.test(written) && Number(written) <= width)) return undefined;
  return { family, value, length: written === undefined ? width : Number(written), text };
}

export const hasHostBits = (prefix: Prefix): boolean => (prefix.value & ~maskOf(prefix)) !== 0n;

export const isSingle = (prefix: Prefix): boolean => prefix.length === widthOf(prefix);

/** Without host bits, and without the length of a single address. */
export function formatPrefix(prefix: Pick<Prefix, 'family' | 'value' | 'length'>): string {
  const value = prefix.value & maskOf(prefix);
  const address = prefix.family === 4 ? formatIpv4(value) : formatIpv6(value);
  return prefix.length === widthOf(prefix) ? address : `${address}/${prefix.length}`;
}

/** The address alone. */
export const hostOf = (prefix: Prefix): Prefix => ({ ...prefix, length: widthOf(prefix) });

/** Whether all of a range is in another. */
export const contains = (outer: Prefix, inner: Prefix): boolean =>
  outer.family === inner.family && outer.length <= inner.length && ((outer.value ^ inner.value) & maskOf(outer)) === 0n;
