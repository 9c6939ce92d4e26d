/**
 * Bytes in network order: reading them at an offset, writing them one after the
 * other, and the checksums of the Internet protocols (RFC 1071) and of SCTP
 * (RFC 9260, appendix A).
 */

export const u16 = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1];

export const u32 = (bytes: Uint8Array, at: number): number => ((u16(bytes, at) << 16) | u16(bytes, at + 2)) >>> 0;

export function setU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

export function setU32(bytes: Uint8Array, at: number, value: number): void {
  setU16(bytes, at, value >>> 16);
  setU16(bytes, at + 2, value);
}

/** Writes bytes at the end of what was written before.  Numbers lose the bits that have no room. */
export class Writer {
  private bytes: Uint8Array;
  private used = 0;

  constructor(expected = 128) {
    this.bytes = new Uint8Array(Math.max(expected, 16));
  }

  get length(): number {
    return this.used;
  }

  u8(value: number): this {
    this.reserve(1);
    this.bytes[this.used++] = value;
    return this;
  }

  u16(value: number): this {
    return this.u8(value >>> 8).u8(value);
  }

  u32(value: number): this {
    return this.u16(value >>> 16).u16(value);
  }

  zeros(count: number): this {
    this.reserve(count);
    this.used += count;
    return this;
  }

  put(bytes: Uint8Array): this {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.used);
    this.used += bytes.length;
    return this;
  }

  /** The low `size` bytes of `value`. */
  bits(value: bigint, size: number): this {
    for (let shift = 8 * (size - 1); shift >= 0; shift -= 8) this.u8(Number((value >> BigInt(shift)) & 0xffn));
    return this;
  }

  /** What was written. */
  done(): Uint8Array {
    return this.bytes.slice(0, this.used);
  }

  private reserve(count: number): void {
    if (this.used + count <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.bytes.length, this.used + count));
    larger.set(this.bytes.subarray(0, this.used));
    this.bytes = larger;
  }
}

/** The sum of the 16-bit words from `from` up to `to`, added to `sum`; an odd byte at the end counts as the upper one. */
export function addWords(bytes: Uint8Array, from: number, to: number, sum = 0): number {
  let total = sum;
  let at = from;
  for (; at + 1 < to; at += 2) total += (bytes[at] << 8) | bytes[at + 1];
  if (at < to) total += bytes[at] << 8;
  return total;
}

/** The checksum of words that add up to `sum`. */
export function checksumOf(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000);
  return ~folded & 0xffff;
}

let crcTable: Uint32Array | undefined;

/** CRC32c from `from` up to `to`, as it stands in an SCTP header that is read in network order. */
export function crc32c(bytes: Uint8Array, from: number, to: number): number {
  crcTable ??= Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    return crc;
  });
  let crc = 0xffffffff;
  for (let at = from; at < to; at++) crc = (crc >>> 8) ^ crcTable[(crc ^ bytes[at]) & 0xff];
  crc = ~crc;
  return ((crc << 24) | ((crc & 0xff00) << 8) | ((crc >>> 8) & 0xff00) | (crc >>> 24)) >>> 0;
}

/** The characters of `text` as bytes, as the database has them. */
export function textBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
