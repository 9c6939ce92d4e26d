/**
 * Blocks of memory of any size, for what comes and goes: programs, lists.
 *
 * Sizes are rounded up to powers of two, each with a list of free blocks; new
 * ones are cut from pieces of the arena.  A block begins with 16 bytes of its
 * own (its class), so what is handed out lies on a multiple of 16.
 */
import { reserve } from './arena';

const LEAST: u32 = 6;
const CLASSES: u32 = 15;
/** Bytes that are taken from the arena at a time. */
const PIECE: u32 = 1 << 20;
const HEADER: u32 = 16;
/** The most bytes that a block can hold. */
export const MAX_BLOCK: u32 = (1 << (LEAST + CLASSES - 1)) - HEADER;

/** First free block of each class, linked by their first words. */
const FREE: usize = memory.data(15 * 4, 16);

let piece: usize = 0;
let pieceEnd: usize = 0;
let taken: usize = 0;
let limit: usize = 256 << 20;

/** Sets how many bytes all blocks together may take. */
export function setBlockLimit(bytes: usize): void {
  limit = bytes;
}

/** A block of at least `bytes`; 0 if it is too large, or there is no memory left.  Its content is whatever was there. */
export function takeBlock(bytes: u32): usize {
  if (bytes > MAX_BLOCK) return 0;
  const sizeClass = bytes + HEADER <= 1 << LEAST ? 0 : 32 - clz<u32>(bytes + HEADER - 1) - LEAST;
  const list = FREE + (sizeClass << 2);
  const free: usize = load<u32>(list);
  if (free !== 0) {
    store<u32>(list, load<u32>(free));
    return free;
  }
  return cut(sizeClass);
}

/** Gives a block back. */
export function giveBlock(block: usize): void {
  const sizeClass = load<u32>(block - HEADER);
  assert(sizeClass < CLASSES);
  const list = FREE + (sizeClass << 2);
  store<u32>(block, load<u32>(list));
  store<u32>(list, block as u32);
}

/** How many bytes a block has room for. */
export function blockRoom(block: usize): u32 {
  return (1 << (load<u32>(block - HEADER) + LEAST)) - HEADER;
}

function cut(sizeClass: u32): usize {
  const size: usize = 1 << (sizeClass + LEAST);
  if (pieceEnd - piece < size) {
    // What is left of the old piece is lost; pieces are large beside most blocks.
    const bytes: usize = size > PIECE ? size : PIECE;
    if (taken + bytes > limit) return 0;
    piece = reserve(bytes);
    if (piece === 0) {
      pieceEnd = 0;
      return 0;
    }
    pieceEnd = piece + bytes;
    taken += bytes;
  }
  const at = piece;
  piece += size;
  store<u32>(at, sizeClass);
  return at + HEADER;
}
