/**
 * Frames that come again and again, from memory: a source of load that costs
 * what a receive ring costs, a copy into a slot.
 *
 *     addCapture(port, bytes): address    room for a capture of `bytes`
 *     replay(batches, size, now)          so many batches of so many frames, from all captures in turn
 *
 * A capture is a list of frames: length (u32), 12 bytes of nothing, the frame,
 * padded to a multiple of 16; it ends with a length of 0.
 */
import { giveBack, reserve } from './arena';
import { inputsAt, MAX_INPUTS, process } from './batch';
import { release } from './frames';
import { HEADROOM } from './layout';

const MAX_CAPTURES: u32 = 1024;
const CAPTURE_SIZE: u32 = 16;
/** Port, first frame, next frame, bytes reserved. */
const FIRST: u32 = 4;
const NEXT: u32 = 8;
const BYTES: u32 = 12;
const FRAME_HEADER: u32 = 16;

const CAPTURES: usize = memory.data(1024 * 16, 16);
let captures: u32 = 0;
let turn: u32 = 0;
let slots: usize = 0;
const INPUT_SIZE: u32 = 16;
/** Bytes that are copied at once. */
const COPIED: u32 = 64;
/** Bytes for the frames of a batch. */
const SLOTS: u32 = 16 << 20;

/** Takes memory for a capture; 0 if there is none.  It is written before the first `replay`. */
export function addCapture(port: u32, bytes: u32): usize {
  if (captures === MAX_CAPTURES) return 0;
  if (slots === 0) slots = reserve(SLOTS);
  const size = (bytes as usize) + FRAME_HEADER + COPIED;
  if (slots === 0 || size < (bytes as usize)) return 0;
  const at = reserve(size);
  if (at === 0) return 0;
  const capture = CAPTURES + captures * CAPTURE_SIZE;
  captures += 1;
  store<u32>(capture, port);
  store<u32>(capture, at as u32, FIRST);
  store<u32>(capture, at as u32, NEXT);
  store<u32>(capture, size as u32, BYTES);
  return at;
}

/** Forgets the captures and gives their memory back. */
export function clearCaptures(): void {
  for (let i: u32 = 0; i < captures; i++) {
    const capture = CAPTURES + i * CAPTURE_SIZE;
    giveBack(load<u32>(capture, FIRST), load<u32>(capture, BYTES));
  }
  captures = 0;
  turn = 0;
}

/** Runs batches of `size` frames; outputs are counted and dropped.  Gives the number of frames. */
export function replay(batches: u32, size: u32, milliseconds: u32): u32 {
  if (captures === 0) return 0;
  if (size > MAX_INPUTS) size = MAX_INPUTS;
  let frames: u32 = 0;
  for (let batch: u32 = 0; batch < batches; batch++) {
    const count = fill(size);
    release();
    frames += process(count, milliseconds);
  }
  return frames;
}

/** Copies the next frames into slots, one behind the other; gives how many there is room for. */
function fill(size: u32): u32 {
  const end = slots + SLOTS;
  let input = inputsAt();
  let slot = slots + HEADROOM;
  for (let i: u32 = 0; i < size; i++) {
    const capture = CAPTURES + turn * CAPTURE_SIZE;
    const at: usize = load<u32>(capture, NEXT);
    const length = load<u32>(at);
    if (slot + length + HEADROOM > end) return i;
    if (captures > 1) turn = turn + 1 === captures ? 0 : turn + 1;
    const from = at + FRAME_HEADER;
    copy(slot, from, length);
    const next = from + ((length + 15) & ~15);
    store<u32>(capture, load<u32>(next) === 0 ? load<u32>(capture, FIRST) : (next as u32), NEXT);
    store<u32>(input, load<u32>(capture));
    store<u32>(input, slot as u32, 4);
    store<u32>(input, length, 8);
    input += INPUT_SIZE;
    slot += (length + HEADROOM + 127) & ~63;
  }
  return size;
}

/** Copies a frame, and up to COPIED - 1 bytes behind it. */
function copy(to: usize, from: usize, length: u32): void {
  for (let k: u32 = 0; k < length; k += COPIED) {
    const a = v128.load(from + k);
    const b = v128.load(from + k, 16);
    const c = v128.load(from + k, 32);
    const d = v128.load(from + k, 48);
    v128.store(to + k, a);
    v128.store(to + k, b, 16);
    v128.store(to + k, c, 32);
    v128.store(to + k, d, 48);
  }
}
