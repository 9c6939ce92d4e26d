/** IPv4, IPv6 and Ethernet addresses in text, accepted and printed as the C library and OVS do. */

/** inet_pton(AF_INET): four decimal numbers up to 255 without leading zeros; undefined for anything else. */
export function parseIpv4(text: string): bigint | undefined {
  let value = 0;
  let part = -1;
  let parts = 1;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 46) {
      if (part < 0) return undefined;
      value = value * 256 + part;
      part = -1;
      parts += 1;
    } else {
      const digit = code - 48;
      if (digit < 0 || digit > 9 || part === 0) return undefined;
      part = part < 0 ? digit : part * 10 + digit;
      if (part > 255) return undefined;
    }
  }
  return parts === 4 && part >= 0 ? BigInt(value * 256 + part) : undefined;
}

/** inet_pton(AF_INET6): RFC 4291, with an IPv4 address as the last 32 bits allowed. */
export function parseIpv6(text: string): bigint | undefined {
  const gap = text.indexOf('::');
  const head = groups(gap < 0 ? text : text.slice(0, gap), gap < 0);
  const tail = gap < 0 ? [] : groups(text.slice(gap + 2), true);
  if (!head || !tail) {
    return undefined;
  }
  const missing = 8 - head.length - tail.length;
  if (gap < 0 ? missing !== 0 : missing < 1) {
    return undefined;
  }
  const words = [...head, ...new Array<number>(missing).fill(0), ...tail];
  return words.reduce((value, word) => (value << 16n) | BigInt(word), 0n);
}

function groups(text: string, last: boolean): number[] | undefined {
  if (text === '') {
    return [];
  }
  const parts = text.split(':');
  const words: number[] = [];
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      words.push(Number.parseInt(part, 16));
      continue;
    }
    const ipv4 = last && i === parts.length - 1 ? parseIpv4(part) : undefined;
    if (ipv4 === undefined) {
      return undefined;
    }
    words.push(Number(ipv4 >> 16n), Number(ipv4 & 0xffffn));
  }
  return words;
}

/** The Ethernet address in a word of 17 characters; undefined if it is not one. */
export function parseEthernet(text: string): bigint | undefined {
  const parts = text.split(':');
  if (parts.length !== 6) {
    return undefined;
  }
  let value = 0;
  for (const part of parts) {
    const byte = byteOf(part);
    if (byte === undefined) {
      return undefined;
    }
    value = value * 256 + byte;
  }
  return BigInt(value);
}

/** Of hexadecimal digits, mostly two, the last eight bits. */
function byteOf(text: string): number | undefined {
  const [high, low] = [digitOf(text.charCodeAt(0)), digitOf(text.charCodeAt(1))];
  if (text.length === 2 && high >= 0 && low >= 0) return 16 * high + low;
  return /^(0[xX])?[0-9a-fA-F]+$/.test(text) ? Number.parseInt(text, 16) & 0xff : undefined;
}

/** Of a character's code, -1 if it is no hexadecimal digit. */
function digitOf(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const letter = (code | 32) - 97;
  return letter >= 0 && letter < 6 ? letter + 10 : -1;
}

/** Dotted decimal. */
export function formatIpv4(value: bigint): string {
  return ipv4Text(Number(value));
}

/** Dotted decimal of 32 bits. */
export function ipv4Text(n: number): string {
  return `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`;
}

/** inet_ntop(AF_INET6): the first longest run of two or more zero groups becomes `::` (RFC 5952). */
export function formatIpv6(value: bigint): string {
  const words: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) {
    words.push(Number((value >> shift) & 0xffffn));
  }
  const { start, length } = longestZeros(words);
  if (start === 0 && (length === 6 || (length === 5 && words[5] === 0xffff))) {
    return `::${length === 5 ? 'ffff:' : ''}${formatIpv4(value & 0xffffffffn)}`;
  }
  const hex = words.map((word) => word.toString(16));
  if (length < 2) {
    return hex.join(':');
  }
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

function longestZeros(words: readonly number[]): { start: number; length: number } {
  let best = { start: -1, length: 0 };
  for (let i = 0; i < words.length; i++) {
    let end = i;
    while (words[end] === 0) {
      end++;
    }
    if (end - i > best.length) {
      best = { start: i, length: end - i };
    }
    i = Math.max(i, end);
  }
  return best;
}

/** Six pairs of hexadecimal digits. */
export function formatEthernet(value: bigint): string {
  return ethernetText(Number((value >> 32n) & 0xffffn), Number(value & 0xffffffffn));
}

const pairs = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Six pairs of hexadecimal digits, of the highest 16 bits and the lowest 32. */
export function ethernetText(high: number, low: number): string {
  const end = `${pairs[(low >>> 24) & 255]}:${pairs[(low >>> 16) & 255]}:${pairs[(low >>> 8) & 255]}:${pairs[low & 255]}`;
  return `${pairs[(high >>> 8) & 255]}:${pairs[high & 255]}:${end}`;
}
