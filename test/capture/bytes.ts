/** Captures byte by byte, in either byte order, for tests of what reads them. */

/** Numbers of `size` bytes each, in either byte order. */
export type Fields = readonly (readonly [size: 1 | 2 | 4 | 8, value: number | bigint])[];

export interface Order {
  little: boolean;
}

export function fields(values: Fields, { little }: Order): Uint8Array {
  const parts = values.map(([size, value]) => {
    const bytes = Array.from({ length: size }, (_, at) => Number((BigInt(value) >> BigInt(8 * at)) & 0xffn));
    return little ? bytes : bytes.reverse();
  });
  return Uint8Array.from(parts.flat());
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** The header of a pcap file. */
export function pcapHeader(order: Order, { magic = 0xa1b2c3d4, major = 2, minor = 4, link = 1 } = {}): Uint8Array {
  return fields(
    [
      [4, magic],
      [2, major],
      [2, minor],
      [4, 0],
      [4, 0],
      [4, 65535],
      [4, link],
    ],
    order,
  );
}

/** A record of a pcap file; `captured` may lie. */
export function pcapRecord(
  order: Order,
  frame: Uint8Array,
  { seconds = 0, fraction = 0, captured = frame.length, original = frame.length } = {},
): Uint8Array {
  const header: Fields = [
    [4, seconds],
    [4, fraction],
    [4, captured],
    [4, original],
  ];
  return join(fields(header, order), frame);
}

/** A block of pcapng, whose body is padded; the lengths at its two ends may lie. */
export function block(order: Order, type: number, body: Uint8Array, lie: { begin?: number; end?: number } = {}) {
  const padded = join(body, new Uint8Array(-body.length & 3));
  const length = padded.length + 12;
  const begin: Fields = [
    [4, type],
    [4, lie.begin ?? length],
  ];
  return join(fields(begin, order), padded, fields([[4, lie.end ?? length]], order));
}

export function option(order: Order, code: number, value: Uint8Array): Uint8Array {
  const begin: Fields = [
    [2, code],
    [2, value.length],
  ];
  return join(fields(begin, order), value, new Uint8Array(-value.length & 3));
}

export function section(order: Order, { major = 1, magic = 0x1a2b3c4d } = {}, ...options: Uint8Array[]): Uint8Array {
  const body: Fields = [
    [4, magic],
    [2, major],
    [2, 0],
    [8, -1n],
  ];
  return block(order, 0x0a0d0d0a, join(fields(body, order), ...options));
}

export function description(order: Order, { link = 1, snapLength = 0 } = {}, ...options: Uint8Array[]): Uint8Array {
  const body: Fields = [
    [2, link],
    [2, 0],
    [4, snapLength],
  ];
  return block(order, 1, join(fields(body, order), ...options));
}

export function enhanced(
  order: Order,
  frame: Uint8Array,
  { from = 0, stamp = 0n, captured = frame.length, original = frame.length } = {},
  ...options: Uint8Array[]
): Uint8Array {
  const begin: Fields = [
    [4, from],
    [4, stamp >> 32n],
    [4, stamp & 0xffff_ffffn],
    [4, captured],
    [4, original],
  ];
  return block(order, 6, join(fields(begin, order), frame, new Uint8Array(-frame.length & 3), ...options));
}

/** The packet block that the enhanced one has replaced. */
export function obsolete(order: Order, frame: Uint8Array, { from = 0, stamp = 0n } = {}): Uint8Array {
  const begin: Fields = [
    [2, from],
    [2, 0xffff],
    [4, stamp >> 32n],
    [4, stamp & 0xffff_ffffn],
    [4, frame.length],
    [4, frame.length],
  ];
  return block(order, 2, join(fields(begin, order), frame));
}

export function simple(order: Order, frame: Uint8Array, original = frame.length): Uint8Array {
  return block(order, 3, join(fields([[4, original]], order), frame));
}
