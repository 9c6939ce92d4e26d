/**
 * Frames that leave the plane: what is put out, what is handed to the host, and
 * copies of frames that are changed after they were put out.
 *
 * All of it stays until `release`, which the host calls when it has taken it.
 *
 * An output, 16 bytes: physical port, address (u32 each), length, queue (u16 each), index of the frame in its batch (u32).
 *
 * A punt, a multiple of 16 bytes:
 *
 *      0 | size of the record  | action    | RECIRC     | length of the frame |
 *     16 | index of the frame  | in port   | (zero)                           |
 *     32 | the flow, FLOW_SIZE bytes
 *    288 | the frame
 */
import { reserve } from './arena';
import { CACHE_PUNT, countCache, countDrop, countOut, portAt } from './counters';
import {
  DROP_NO_PORT,
  DROP_NO_ROOM,
  FLOW_SIZE,
  HEADROOM,
  P_FRAME,
  P_IN_PORT,
  P_INDEX,
  P_LENGTH,
  P_ROOM,
  P_STATE,
  PS_SHARED,
} from './layout';

const OUTPUT_SIZE: u32 = 16;
const MAX_OUTPUTS: u32 = 16384;
const PUNT_HEADER: u32 = 32;
const PUNT_BYTES: u32 = 4 << 20;
const COPY_BYTES: u32 = 8 << 20;
/** Copies may be written and read a vector beyond their end. */
const SLACK: u32 = 16;

let outputs: usize = 0;
let outputCount: u32 = 0;
let punts: usize = 0;
let puntEnd: u32 = 0;
let puntCount: u32 = 0;
let copies: usize = 0;
let copyEnd: u32 = 0;

/** Takes memory; false if there is none. */
export function initFrames(): bool {
  outputs = reserve(MAX_OUTPUTS * OUTPUT_SIZE);
  punts = reserve(PUNT_BYTES);
  copies = reserve(COPY_BYTES);
  return outputs !== 0 && punts !== 0 && copies !== 0;
}

/** Forgets outputs, punts and copies. */
export function release(): void {
  outputCount = 0;
  puntEnd = 0;
  puntCount = 0;
  copyEnd = 0;
}

export function outputsAt(): usize {
  return outputs;
}

export function outputsCount(): u32 {
  return outputCount;
}

export function puntsAt(): usize {
  return punts;
}

export function puntsCount(): u32 {
  return puntCount;
}

/** Whether so much is used that the host had better take it before more frames come in. */
export function isCrowded(): bool {
  return outputCount > MAX_OUTPUTS / 2 || puntEnd > PUNT_BYTES / 2 || copyEnd > COPY_BYTES / 2;
}

/** Puts `length` bytes at `frame` out of a port; counts the drop if there is no such port, or no room. */
export function putOut(port: u32, frame: usize, length: u32, index: u32, queue: u32): void {
  const record = portAt(port);
  if (record === 0) {
    countDrop(DROP_NO_PORT);
    return;
  }
  if (outputCount === MAX_OUTPUTS) {
    countDrop(DROP_NO_ROOM);
    return;
  }
  const at = outputs + outputCount * OUTPUT_SIZE;
  store<u32>(at, port);
  store<u32>(at, frame as u32, 4);
  store<u32>(at, length | (queue << 16), 8);
  store<u32>(at, index, 12);
  outputCount += 1;
  countOut(record, 1, length);
}

/** Where the next output is to be written by whoever has seen that there is room for it; `addOutputs` tells how many were. */
export function nextOutput(): usize {
  return outputs + outputCount * OUTPUT_SIZE;
}

/** So many outputs were written at `nextOutput`. */
export function addOutputs(count: u32): void {
  outputCount += count;
  assert(outputCount <= MAX_OUTPUTS);
}

/** Whether there is room for so many outputs. */
export function hasRoomFor(count: u32): bool {
  return outputCount + count <= MAX_OUTPUTS;
}

/** Hands packet and flow, as they are, to the host; counts a drop if there is no room. */
export function punt(packet: usize, flow: usize, action: u32, recirc: u32): void {
  const length = load<u32>(packet, P_LENGTH);
  const size = (PUNT_HEADER + FLOW_SIZE + length + 15) & ~15;
  if (puntEnd + size > PUNT_BYTES) {
    countDrop(DROP_NO_ROOM);
    return;
  }
  const at = punts + puntEnd;
  store<u32>(at, size);
  store<u32>(at, action, 4);
  store<u32>(at, recirc, 8);
  store<u32>(at, length, 12);
  store<u32>(at, load<u32>(packet, P_INDEX), 16);
  store<u32>(at, load<u32>(packet, P_IN_PORT), 20);
  store<u64>(at, 0, 24);
  memory.copy(at + PUNT_HEADER, flow, FLOW_SIZE);
  memory.copy(at + PUNT_HEADER + FLOW_SIZE, load<u32>(packet, P_FRAME), length);
  puntEnd += size;
  puntCount += 1;
  countCache(CACHE_PUNT, 1);
}

/**
 * Makes the packet's frame its own, with `room` bytes free before it (HEADROOM
 * at most): a copy if it was put out, or if the room is taken.  False, and a
 * drop counted, if there is no memory.
 */
export function own(packet: usize, room: u32): bool {
  if (!(load<u32>(packet, P_STATE) & PS_SHARED) && load<u32>(packet, P_ROOM) >= room) return true;
  return copyFrame(packet);
}

/** Gives the packet a copy of its frame, HEADROOM bytes free before it. */
export function copyFrame(packet: usize): bool {
  const length = load<u32>(packet, P_LENGTH);
  const size = (HEADROOM + length + SLACK + 15) & ~15;
  if (copyEnd + size > COPY_BYTES) {
    countDrop(DROP_NO_ROOM);
    return false;
  }
  const to = copies + copyEnd + HEADROOM;
  memory.copy(to, load<u32>(packet, P_FRAME), length);
  copyEnd += size;
  store<u32>(packet, to as u32, P_FRAME);
  store<u32>(packet, HEADROOM, P_ROOM);
  store<u32>(packet, load<u32>(packet, P_STATE) & ~PS_SHARED, P_STATE);
  return true;
}
