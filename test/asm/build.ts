/** Frames put together byte by byte, with checksums computed the slow way (RFC 1071), independently of the module. */

/** Bytes from numbers, hexadecimal text (blanks and colons do not count) and other bytes. */
export function bytes(...parts: (number | string | Uint8Array)[]): Uint8Array {
  return Uint8Array.from(
    parts.flatMap((part) => {
      if (typeof part === 'number') return [part];
      if (typeof part !== 'string') return [...part];
      return (part.replace(/[\s:]/g, '').match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
    }),
  );
}

/** A number in the order in which it is sent. */
export function be(value: number | bigint, size: number): Uint8Array {
  let rest = BigInt(value);
  const out = new Uint8Array(size);
  for (let i = size - 1; i >= 0; i--) {
    out[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return out;
}

/** The Internet checksum, one word at a time, with the carry added back at once. */
export function internetChecksum(data: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < data.length; i += 2) {
    sum += (data[i] ?? 0) * 256 + (data[i + 1] ?? 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return 0xffff - sum;
}

function withChecksumAt(data: Uint8Array, at: number, covered: Uint8Array): Uint8Array {
  const out = data.slice();
  out.set(be(internetChecksum(covered), 2), at);
  return out;
}

export interface Ip4 {
  src: number;
  dst: number;
  proto: number;
  ttl?: number;
  tos?: number;
  /** The word of flags and offset. */
  fragment?: number;
  options?: Uint8Array;
}

export function ip4(header: Ip4, payload: Uint8Array): Uint8Array {
  const options = header.options ?? new Uint8Array();
  const length = 20 + options.length;
  const plain = bytes(
    0x40 | (length / 4),
    header.tos ?? 0,
    be(length + payload.length, 2),
    be(0x1234, 2),
    be(header.fragment ?? 0, 2),
    header.ttl ?? 64,
    header.proto,
    be(0, 2),
    be(header.src, 4),
    be(header.dst, 4),
    options,
  );
  return bytes(withChecksumAt(plain, 10, plain), payload);
}

export interface Ip6 {
  src: bigint;
  dst: bigint;
  next: number;
  hopLimit?: number;
  trafficClass?: number;
  label?: number;
}

export function ip6(header: Ip6, payload: Uint8Array): Uint8Array {
  const first = 0x60000000 + (header.trafficClass ?? 0) * 0x100000 + (header.label ?? 0);
  return bytes(
    be(first, 4),
    be(payload.length, 2),
    header.next,
    header.hopLimit ?? 64,
    be(header.src, 16),
    be(header.dst, 16),
    payload,
  );
}

/** The pseudo header of a segment between two addresses of `size` bytes. */
export function pseudo(
  src: number | bigint,
  dst: number | bigint,
  size: 4 | 16,
  proto: number,
  length: number,
): Uint8Array {
  return bytes(be(src, size), be(dst, size), be(length, size === 4 ? 2 : 4), size === 4 ? be(proto, 2) : be(proto, 4));
}

/** A segment with its checksum at `at` set, over the pseudo header and itself. */
export function checked(segment: Uint8Array, at: number, pseudoHeader: Uint8Array = new Uint8Array()): Uint8Array {
  return withChecksumAt(segment, at, bytes(pseudoHeader, segment));
}

export function tcp(
  src: number,
  dst: number,
  flags: number,
  payload: Uint8Array = new Uint8Array(),
  options: Uint8Array = new Uint8Array(),
): Uint8Array {
  const word = ((20 + options.length) / 4) * 4096 + flags;
  return bytes(be(src, 2), be(dst, 2), be(7, 4), be(9, 4), be(word, 2), be(512, 2), be(0, 4), options, payload);
}

export function udp(src: number, dst: number, payload: Uint8Array = new Uint8Array()): Uint8Array {
  return bytes(be(src, 2), be(dst, 2), be(8 + payload.length, 2), be(0, 2), payload);
}

export const macs = bytes('02:00:00:00:00:02 02:00:00:00:00:01');

export function ethernet(type: number, payload: Uint8Array, tags: Uint8Array = new Uint8Array()): Uint8Array {
  return bytes(macs, tags, be(type, 2), payload);
}
