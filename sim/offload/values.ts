/**
 * Comparisons of what a field is by now (`sim/symbolic/value.ts`) with what rules
 * ask for, as sets of the packets that entered.
 */
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { type Piece, plusMatches, type Value } from '../symbolic/value.ts';

const ones = (n: number): bigint => (1n << BigInt(n)) - 1n;

/** The packets in which the bits of the mask are as wanted; `unless` of bits that nothing is known of. */
export function bitsAre(space: Space, value: Value, wanted: bigint, mask: bigint, unless: PacketSet): PacketSet {
  if (value.options) {
    return space.orAll(
      value.options.map((option) => space.and(option.packets, bitsAre(space, option.value, wanted, mask, unless))),
    );
  }
  let set = space.all;
  let ofs = 0;
  for (const piece of value.pieces) {
    const own = (mask >> BigInt(ofs)) & ones(piece.n);
    if (own !== 0n) set = space.and(set, pieceIs(space, piece, (wanted >> BigInt(ofs)) & own, own, unless));
    if (set === space.empty) return set;
    ofs += piece.n;
  }
  return set;
}

function pieceIs(space: Space, piece: Piece, wanted: bigint, mask: bigint, unless: PacketSet): PacketSet {
  switch (piece.kind) {
    case 'constant':
      return (piece.value & mask) === wanted ? space.all : space.empty;
    case 'input': {
      const shift = BigInt(piece.ofs);
      return space.cube([{ field: piece.field, value: wanted << shift, mask: mask << shift }]);
    }
    case 'plus':
      return plusMatches(space, piece, wanted, mask);
    case 'any':
      return unless;
  }
}

/** The packets in which the bits of the mask, taken as a number, are from `low` to `high`. */
export function bitsBetween(
  space: Space,
  value: Value,
  low: bigint,
  high: bigint,
  mask: bigint,
  unless: PacketSet,
): PacketSet {
  const limit = (bound: bigint, isLeast: boolean): PacketSet => {
    let set = space.all;
    // From the lowest bit up: what the higher ones decide stands above.
    for (let bit = 0; bit < value.width; bit++) {
      const place = 1n << BigInt(bit);
      if ((mask & place) === 0n) continue;
      const one = bitsAre(space, value, place, place, unless);
      const zero = bitsAre(space, value, 0n, place, unless);
      const bound1 = (bound & place) !== 0n;
      if (isLeast) set = bound1 ? space.and(one, set) : space.or(one, space.and(zero, set));
      else set = bound1 ? space.or(zero, space.and(one, set)) : space.and(zero, set);
    }
    return set;
  };
  return space.and(limit(low & mask, true), limit(high & mask, false));
}

/** The packets in which two values, equally wide, are the same; `unless` of bits that nothing is known of. */
export function valuesAgree(space: Space, a: Value, b: Value, unless: PacketSet): PacketSet {
  if (a === b) return space.all;
  if (a.options) {
    return space.orAll(a.options.map(({ packets, value }) => space.and(packets, valuesAgree(space, value, b, unless))));
  }
  if (b.options) return valuesAgree(space, b, a, unless);
  let set = space.all;
  for (let ofs = 0; ofs < a.width && set !== space.empty; ) {
    const [left, leftOfs] = pieceAt(a, ofs);
    const [right, rightOfs] = pieceAt(b, ofs);
    const n = Math.min(left.n - leftOfs, right.n - rightOfs);
    set = space.and(set, partsAgree(space, [left, leftOfs], [right, rightOfs], n, unless));
    ofs += n;
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

type Part = readonly [piece: Piece, ofs: number];

function partsAgree(space: Space, a: Part, b: Part, n: number, unless: PacketSet): PacketSet {
  const [left, leftOfs] = a;
  const [right, rightOfs] = b;
  if (left.kind === 'constant') return partIs(space, b, (left.value >> BigInt(leftOfs)) & ones(n), n, unless);
  if (right.kind === 'constant') return partIs(space, a, (right.value >> BigInt(rightOfs)) & ones(n), n, unless);
  if (left.kind === 'any' || right.kind === 'any') {
    const isSame = left.kind === 'any' && right.kind === 'any' && left.tag === right.tag;
    return isSame && left.ofs + leftOfs === right.ofs + rightOfs ? space.all : unless;
  }
  if (left.kind === 'input' && right.kind === 'input') {
    return space.same(left.field, left.ofs + leftOfs, right.field, right.ofs + rightOfs, n);
  }
  return sumsAgree(space, left, right);
}

/** Sums are of whole fields of at most 16 bits, so that every value can be tried. */
function sumsAgree(space: Space, left: Piece, right: Piece): PacketSet {
  const modulus = 2 ** left.n;
  const amountOf = (piece: Piece) => (piece.kind === 'plus' ? ((piece.amount % modulus) + modulus) % modulus : 0);
  const isSameField = 'field' in left && 'field' in right && left.field === right.field;
  if (isSameField) return amountOf(left) === amountOf(right) ? space.all : space.empty;
  const each = Array.from({ length: modulus }, (_, value) => BigInt(value));
  const whole = BigInt(modulus - 1);
  return space.orAll(
    each.map((value) =>
      space.and(pieceIs(space, left, value, whole, space.empty), pieceIs(space, right, value, whole, space.empty)),
    ),
  );
}

const partIs = (space: Space, [piece, ofs]: Part, value: bigint, n: number, unless: PacketSet): PacketSet =>
  pieceIs(space, piece, value << BigInt(ofs), ones(n) << BigInt(ofs), unless);
