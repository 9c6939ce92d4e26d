/** Bits of the flow under translation, as the code of flows refers to them: see image.ts, "piece". */
import { FLOW } from './translation';
import { KNOWN, look } from './wildcards';

function maskOf(bits: u32): u64 {
  return bits >= 64 ? u64.MAX_VALUE : ((<u64>1) << bits) - 1;
}

/** The value of a piece, which the translation thereby depends on; 0 for no bits. */
export function readPiece(piece: u32): u64 {
  const bits = (piece >> 16) & 0x7f;
  if (bits === 0) return 0;
  const word = piece & 0x1f;
  const low = <u64>((piece >> 8) & 0x3f);
  const mask = maskOf(bits);
  look(word, mask << low);
  return (load<u64>(FLOW + ((<usize>word) << 3)) >> low) & mask;
}

/** Assigns to a piece. */
export function writePiece(piece: u32, value: u64): void {
  const bits = (piece >> 16) & 0x7f;
  if (bits === 0) return;
  const low = <u64>((piece >> 8) & 0x3f);
  const mask = maskOf(bits);
  assign(piece & 0x1f, (value & mask) << low, mask << low);
}

/** Assigns to bits of a word. */
export function assign(word: u32, value: u64, mask: u64): void {
  const at = (<usize>word) << 3;
  store<u64>(FLOW + at, (load<u64>(FLOW + at) & ~mask) | value);
  store<u64>(KNOWN + at, load<u64>(KNOWN + at) | mask);
}
