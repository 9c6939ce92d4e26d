/** Writing flows' code: instructions of 32-bit words, asm/plane/image.ts, "Code". */
import type { Constant, FieldRef } from '../lang/index.ts';
import { fieldPieces, type Piece } from './fields.ts';

/** Why a flow cannot be compiled: a sentence that says what is wrong with one of its actions. */
export class CodeError extends Error {
  override name = 'CodeError';
}

/** Words of an instruction are counted in 16 bits. */
const MAX_WORDS = 0xffff;

export class Code {
  readonly words: number[] = [];

  /** Adds an instruction; operands are 32-bit numbers. */
  add(opcode: number, argument: number, ...operands: readonly number[]): void {
    const length = operands.length + 1;
    if (length > MAX_WORDS) throw new CodeError('it has too many members');
    this.words.push((opcode | (argument << 8) | (length << 16)) >>> 0);
    for (const operand of operands) this.words.push(operand >>> 0);
  }

  /** Adds finished words. */
  append(words: readonly number[]): void {
    for (const word of words) this.words.push(word);
  }
}

/** A piece as instructions write it. */
export function pieceWord({ word, bit, width }: Pick<Piece, 'word' | 'bit' | 'width'>): number {
  return word | (bit << 8) | (width << 16);
}

/** The one piece that a reference of at most 64 bits is; a `CodeError` if it is none or several. */
export function onePiece(ref: FieldRef): number {
  const [piece, ...more] = fieldPieces(ref);
  if (!piece || more.length > 0) throw new CodeError(`${ref.symbol.name} cannot be used there`);
  return pieceWord(piece);
}

/** The high and the low half of an address field: the high one is 0 for 32 bits. */
export function twoPieces(ref: FieldRef): [number, number] {
  const [first, second, ...more] = fieldPieces(ref);
  if (!first || more.length > 0) throw new CodeError(`${ref.symbol.name} cannot be used there`);
  return second ? [pieceWord(first), pieceWord(second)] : [0, pieceWord(first)];
}

/** Bits that a constant assigns, in one word of the flow. */
export interface Assignment {
  readonly word: number;
  readonly value: bigint;
  readonly mask: bigint;
}

/** What assigning a number (under a mask) to a field does, word by word. */
export function assignments(dst: FieldRef, value: bigint, mask: bigint): Assignment[] {
  return fieldPieces(dst).flatMap(({ word, bit, width, ofs }) => {
    const within = BigInt.asUintN(width, mask >> BigInt(ofs));
    if (within === 0n) return [];
    const shift = BigInt(bit);
    return [{ word, value: (BigInt.asUintN(width, value >> BigInt(ofs)) & within) << shift, mask: within << shift }];
  });
}

/** The low and the high 32 bits. */
export const halves = (value: bigint): [number, number] => [
  Number(value & 0xffffffffn),
  Number((value >> 32n) & 0xffffffffn),
];

/** Pieces of two fields that correspond, from the highest bits to the lowest. */
export function pairedPieces(dst: FieldRef, src: FieldRef): { to: Piece; from: Piece | undefined }[] {
  const sources = fieldPieces(src);
  const pairs: { to: Piece; from: Piece | undefined }[] = [];
  for (const piece of fieldPieces(dst)) {
    // From the highest bit of this piece down, as far as one piece of the source reaches.
    let top = piece.ofs + piece.width;
    while (top > piece.ofs) {
      const high = top;
      const from = sources.find(({ ofs, width }) => ofs < high && high <= ofs + width);
      const below = sources.filter(({ ofs, width }) => ofs + width < high).map(({ ofs, width }) => ofs + width);
      const low = Math.max(piece.ofs, from?.ofs ?? Math.max(0, ...below));
      const width = high - low;
      const to = { word: piece.word, bit: piece.bit + low - piece.ofs, width, ofs: low };
      pairs.push({ to, from: from && { word: from.word, bit: from.bit + low - from.ofs, width, ofs: low } });
      top = low;
    }
  }
  return pairs;
}

/** An address as four words of its bytes in the order of the wire, IPv4 in the first. */
export function addressWords(constant: Constant): { words: [number, number, number, number]; isIpv6: boolean } {
  if (constant.kind !== 'bits') throw new CodeError('a port cannot be an address');
  const isIpv6 = constant.format === 'ipv6';
  const bytes = new DataView(new ArrayBuffer(16));
  if (isIpv6) {
    bytes.setBigUint64(0, BigInt.asUintN(64, constant.value >> 64n));
    bytes.setBigUint64(8, BigInt.asUintN(64, constant.value));
  } else {
    bytes.setUint32(0, Number(BigInt.asUintN(32, constant.value)));
  }
  const word = (at: number) => bytes.getUint32(at, true);
  return { words: [word(0), word(4), word(8), word(12)], isIpv6 };
}
