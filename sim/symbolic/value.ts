/**
 * What a field of a packet on its way is, in terms of the packet that entered:
 * bits of the input, constants, or what nothing is known of; or one of several
 * such values, each for some of the packets that entered.
 *
 * Equal values are the same object, so they can be compared by `===`.
 */
import type { PacketSet, Rewrite, Space } from '../../engine/sets/index.ts';

/** Some bits of a value; those of a value are listed from the lowest on. */
export type Piece = { readonly n: number } & (
  | { readonly kind: 'constant'; readonly value: bigint }
  /** Bits `ofs` and up of a field of the packet that entered. */
  | { readonly kind: 'input'; readonly field: number; readonly ofs: number }
  /** A whole field of the packet that entered and an amount more, modulo 2^n. */
  | { readonly kind: 'plus'; readonly field: number; readonly amount: number }
  /** Nothing is known; the same `tag` is the same unknown. */
  | { readonly kind: 'any'; readonly tag: number; readonly ofs: number }
);

/** What a value is for some packets. */
export interface Option {
  readonly packets: PacketSet;
  /** Has no options itself. */
  readonly value: Value;
}

export interface Value {
  /** Dense, from 0. */
  readonly id: number;
  readonly width: number;
  /** None where there are options. */
  readonly pieces: readonly Piece[];
  /** Set where the value differs from packet to packet; of sets that do not overlap. */
  readonly options?: readonly Option[];
  /** Of options that are constants: by constant. */
  readonly byConstant?: ReadonlyMap<bigint, PacketSet>;
  /** Set where all of it is one constant. */
  readonly constant?: bigint;
  /** Part of it is unknown. */
  readonly vague: boolean;
  /** Where there are options: the packets whose bits are equal to something, once that has been asked. */
  readonly asked?: Map<string, PacketSet>;
}

/** Values that were made, by what they are. */
export interface Values {
  readonly known: Map<string, Value>;
  readonly constants: Map<number, Map<bigint, Value>>;
  tags: number;
}

export function createValues(): Values {
  return { known: new Map(), constants: new Map(), tags: 0 };
}

export function constantOf(values: Values, width: number, value: bigint): Value {
  let ofWidth = values.constants.get(width);
  if (!ofWidth) {
    ofWidth = new Map();
    values.constants.set(width, ofWidth);
  }
  let made = ofWidth.get(value);
  if (!made) {
    made = composed(values, [{ n: width, kind: 'constant', value }]);
    ofWidth.set(value, made);
  }
  return made;
}

export function inputOf(values: Values, field: number, n: number, ofs = 0): Value {
  return composed(values, [{ n, kind: 'input', field, ofs }]);
}

/** Something new that nothing is known of. */
export function unknownOf(values: Values, n: number): Value {
  return composed(values, [{ n, kind: 'any', tag: values.tags++, ofs: 0 }]);
}

/** A value that is one of several; alike ones are put together. */
export function choiceOf(values: Values, space: Space, options: readonly Option[]): Value {
  const sets = new Map<Value, PacketSet[]>();
  for (const { packets, value } of options) {
    if (packets === space.empty) continue;
    const known = sets.get(value);
    if (known) known.push(packets);
    else sets.set(value, [packets]);
  }
  const [only] = sets.keys();
  if (only && sets.size === 1) return only;
  const united = [...sets].map(([value, list]) => ({ value, packets: space.orAll(list) }));
  united.sort((a, b) => a.value.id - b.value.id);
  const key = united.map(({ value, packets }) => `${value.id}:${packets}`).join('|');
  let made = values.known.get(key);
  if (!made) {
    const constants = united.flatMap(({ value: { constant }, packets }) =>
      constant === undefined ? [] : [[constant, packets] as const],
    );
    made = {
      id: values.known.size,
      width: united[0]?.value.width ?? 0,
      pieces: [],
      options: united,
      byConstant: new Map(constants),
      vague: united.some(({ value }) => value.vague),
      asked: new Map(),
    };
    values.known.set(key, made);
  }
  return made;
}

/** The value with something done to it, whichever of its options it is. */
export function mapped(values: Values, space: Space, value: Value, change: (plain: Value) => Value): Value {
  if (!value.options) return change(value);
  return choiceOf(
    values,
    space,
    value.options.map((option) => ({ packets: option.packets, value: change(option.value) })),
  );
}

export function composed(values: Values, pieces: readonly Piece[]): Value {
  const joined = join(pieces);
  const key = joined.map(pieceText).join(' ');
  let value = values.known.get(key);
  if (!value) {
    const [only, ...more] = joined;
    const width = joined.reduce((sum, { n }) => sum + n, 0);
    value = {
      id: values.known.size,
      width,
      pieces: joined,
      ...(only?.kind === 'constant' && more.length === 0 && { constant: only.value }),
      vague: joined.some(({ kind }) => kind === 'any'),
    };
    values.known.set(key, value);
  }
  return value;
}

function pieceText(piece: Piece): string {
  switch (piece.kind) {
    case 'constant':
      return `c${piece.n}=${piece.value.toString(16)}`;
    case 'input':
      return `i${piece.n}=${piece.field}.${piece.ofs}`;
    case 'plus':
      return `p${piece.n}=${piece.field}+${piece.amount}`;
    case 'any':
      return `a${piece.n}=${piece.tag}.${piece.ofs}`;
  }
}

/** Neighbours that are of one kind and run on are one. */
function join(pieces: readonly Piece[]): readonly Piece[] {
  if (pieces.length === 1) return pieces;
  const joined: Piece[] = [];
  for (const piece of pieces) {
    if (piece.n === 0) continue;
    const last = joined.at(-1);
    const both = last && together(last, piece);
    if (both) joined[joined.length - 1] = both;
    else joined.push(piece);
  }
  return joined;
}

function together(low: Piece, high: Piece): Piece | undefined {
  const n = low.n + high.n;
  if (low.kind === 'constant' && high.kind === 'constant') {
    return { n, kind: 'constant', value: low.value | (high.value << BigInt(low.n)) };
  }
  if (low.kind === 'input' && high.kind === 'input' && low.field === high.field && low.ofs + low.n === high.ofs) {
    return { n, kind: 'input', field: low.field, ofs: low.ofs };
  }
  if (low.kind === 'any' && high.kind === 'any' && low.tag === high.tag && low.ofs + low.n === high.ofs) {
    return { n, kind: 'any', tag: low.tag, ofs: low.ofs };
  }
  return undefined;
}

/** Bits `ofs` to `ofs + n - 1`. Part of a field that was added to is not known. */
export function sliceOf(values: Values, space: Space, value: Value, ofs: number, n: number): Value {
  if (ofs === 0 && n === value.width) return value;
  if (value.options) return mapped(values, space, value, (plain) => sliceOf(values, space, plain, ofs, n));
  return composed(values, cut(values, value, ofs, n));
}

function cut(values: Values, { pieces }: Value, ofs: number, n: number): Piece[] {
  const slices: Piece[] = [];
  let at = 0;
  for (const piece of pieces) {
    const low = Math.max(at, ofs);
    const high = Math.min(at + piece.n, ofs + n);
    if (low < high) slices.push(partOf(values, piece, low - at, high - low));
    at += piece.n;
  }
  return slices;
}

function partOf(values: Values, piece: Piece, ofs: number, n: number): Piece {
  if (n === piece.n) return piece;
  switch (piece.kind) {
    case 'constant':
      return { n, kind: 'constant', value: (piece.value >> BigInt(ofs)) & ((1n << BigInt(n)) - 1n) };
    case 'plus':
      return { n, kind: 'any', tag: values.tags++, ofs: 0 };
    case 'input':
    case 'any':
      return { ...piece, n, ofs: piece.ofs + ofs };
  }
}

/** The value with its bits from `ofs` on replaced. */
export function replaced(values: Values, space: Space, value: Value, ofs: number, by: Value): Value {
  if (ofs === 0 && by.width === value.width) return by;
  if (by.options) {
    const pairs = by.options.flatMap((option) => {
      const whole = replaced(values, space, value, ofs, option.value);
      const parts = whole.options ?? [{ packets: space.all, value: whole }];
      return parts.map((part) => ({ packets: space.and(option.packets, part.packets), value: part.value }));
    });
    return choiceOf(values, space, pairs);
  }
  if (value.options) return mapped(values, space, value, (plain) => replaced(values, space, plain, ofs, by));
  const end = ofs + by.width;
  return composed(values, [...cut(values, value, 0, ofs), ...by.pieces, ...cut(values, value, end, value.width - end)]);
}

/** The value and an amount more: of a constant or of a whole field of the input, else unknown. */
export function plus(values: Values, space: Space, value: Value, amount: number): Value {
  if (value.options) return mapped(values, space, value, (plain) => plus(values, space, plain, amount));
  const [piece, ...more] = value.pieces;
  const modulus = 2 ** value.width;
  if (value.constant !== undefined) {
    const sum = (Number(value.constant) + amount + modulus) % modulus;
    return constantOf(values, value.width, BigInt(sum));
  }
  if (piece && more.length === 0 && (piece.kind === 'plus' || (piece.kind === 'input' && piece.ofs === 0))) {
    const before = piece.kind === 'plus' ? piece.amount : 0;
    return composed(values, [{ n: piece.n, kind: 'plus', field: piece.field, amount: before + amount }]);
  }
  return unknownOf(values, value.width);
}

/** The rewrites that give a field the value. */
export function rewritesOf(field: number, { pieces }: Value): Rewrite[] {
  let ofs = 0;
  return pieces.map((piece): Rewrite => {
    const target = { field, ofs, n: piece.n };
    ofs += piece.n;
    return rewriteOf(target, piece);
  });
}

function rewriteOf(target: { field: number; ofs: number; n: number }, piece: Piece): Rewrite {
  switch (piece.kind) {
    case 'constant':
      return { ...target, kind: 'constant', value: piece.value };
    case 'input':
      return { ...target, kind: 'copy', from: piece.field, fromOfs: piece.ofs };
    case 'plus':
      return { ...target, kind: 'plus', from: piece.field, amount: piece.amount };
    case 'any':
      return { ...target, kind: 'any' };
  }
}

/** The packets in which two values, equally wide, are the same; `unless` is said of bits that are unknown. */
export function sameValues(space: Space, a: Value, b: Value, unless: PacketSet): PacketSet {
  if (a === b) return space.all;
  if (a.options) {
    return space.orAll(a.options.map(({ packets, value }) => space.and(packets, sameValues(space, value, b, unless))));
  }
  if (b.options) return sameValues(space, b, a, unless);
  let set = space.all;
  let at = 0;
  while (at < a.width) {
    const [left, leftOfs] = pieceAt(a, at);
    const [right, rightOfs] = pieceAt(b, at);
    const n = Math.min(left.n - leftOfs, right.n - rightOfs);
    set = space.and(set, samePart(space, left, leftOfs, right, rightOfs, n, unless));
    if (set === space.empty) return set;
    at += n;
  }
  return set;
}

function pieceAt({ pieces }: Value, at: number): [Piece, number] {
  let start = 0;
  for (const piece of pieces) {
    if (at < start + piece.n) return [piece, at - start];
    start += piece.n;
  }
  throw new RangeError(`a value has no bit ${at}`);
}

function samePart(
  space: Space,
  left: Piece,
  leftOfs: number,
  right: Piece,
  rightOfs: number,
  n: number,
  unless: PacketSet,
): PacketSet {
  if (left.kind === 'constant') return equalsConstant(space, right, rightOfs, n, bits(left.value, leftOfs, n), unless);
  if (right.kind === 'constant') return equalsConstant(space, left, leftOfs, n, bits(right.value, rightOfs, n), unless);
  if (left.kind === 'input' && right.kind === 'input') {
    return space.same(left.field, left.ofs + leftOfs, right.field, right.ofs + rightOfs, n);
  }
  const isSame =
    left.kind === 'any' &&
    right.kind === 'any' &&
    left.tag === right.tag &&
    left.ofs + leftOfs === right.ofs + rightOfs;
  return isSame ? space.all : unless;
}

const bits = (value: bigint, ofs: number, n: number): bigint => (value >> BigInt(ofs)) & ((1n << BigInt(n)) - 1n);

function equalsConstant(
  space: Space,
  piece: Piece,
  ofs: number,
  n: number,
  value: bigint,
  unless: PacketSet,
): PacketSet {
  switch (piece.kind) {
    case 'constant':
      return bits(piece.value, ofs, n) === value ? space.all : space.empty;
    case 'input': {
      const shift = BigInt(piece.ofs + ofs);
      return space.cube([{ field: piece.field, value: value << shift, mask: ((1n << BigInt(n)) - 1n) << shift }]);
    }
    case 'plus':
      return plusMatches(space, piece, value << BigInt(ofs), ((1n << BigInt(n)) - 1n) << BigInt(ofs));
    case 'any':
      return unless;
  }
}

/** The packets in which a sum has these bits. */
export function plusMatches(
  space: Space,
  { n, field, amount }: Piece & { readonly kind: 'plus' },
  value: bigint,
  mask: bigint,
): PacketSet {
  const modulus = 2 ** n;
  const before = (sum: number): bigint => BigInt((((sum - amount) % modulus) + modulus) % modulus);
  if (mask === BigInt(modulus) - 1n) {
    return space.cube([{ field, value: before(Number(value)), mask }]);
  }
  const sums = Array.from({ length: modulus }, (_, sum) => sum).filter((sum) => (BigInt(sum) & mask) === value);
  return space.oneOf(field, sums.map(before));
}
