/**
 * What is counted: packets and bytes of each physical port and logical flow,
 * drops by reason, and what became of look-ups.  All numbers are u64.
 *
 * A port, 64 bytes:
 *
 *      0 | packets in | 8 bytes in | 16 packets out | 24 bytes out | 32 PORT_... flags (u32) | MASKS (u32) | (zero)
 *
 * A logical flow, 16 bytes: packets, bytes.  Flows lie in pieces of FLOWS_A_PIECE.
 */
import { reserve } from './arena';
import { DROP_REASONS } from './layout';

export const PORT_SIZE: u32 = 64;
const PORT_FLAGS: u32 = 32;
/** How many masks the straight ways of its frames have (ways.ts). */
export const PORT_MASKS: u32 = 36;
/** There is such a port. */
export const PORT_PRESENT: u32 = 1;
/** Frames that are addressed to a tunnel's end are unpacked. */
export const PORT_UNDERLAY: u32 = 2;

const DROPS: usize = memory.data(32 * 8, 64);

/** Look-ups: offsets in what `cacheCounters` gives. */
const CACHES: usize = memory.data(8 * 8, 64);
/** A packet went by its connection's entry. */
export const CACHE_CONNECTION: u32 = 0;
/** A megaflow was found. */
export const CACHE_MEGAFLOW: u32 = 8;
/** None was found: a translation. */
export const CACHE_MISS: u32 = 16;
/** Passes after the first. */
export const CACHE_RECIRC: u32 = 24;
/** A translation that could not be kept. */
export const CACHE_UNKEPT: u32 = 32;
/** Entries of connections made. */
export const CACHE_CONNECTION_NEW: u32 = 40;
/** Packets handed to the host. */
export const CACHE_PUNT: u32 = 48;

const FLOWS_A_PIECE: u32 = 4096;
const PIECES: u32 = 4096;
const DIRECTORY: usize = memory.data(4096 * 4, 16);

let ports: usize = 0;
let portCount: u32 = 0;

/** Makes room for physical ports 0 to `count` - 1; false if there is no memory. */
export function initPorts(count: u32): bool {
  ports = reserve((count as usize) * PORT_SIZE);
  if (ports === 0) return false;
  portCount = count;
  return true;
}

/** The record of a port; 0 if it has none or is not present. */
export function portAt(port: u32): usize {
  if (port >= portCount) return 0;
  const at = ports + port * PORT_SIZE;
  return load<u32>(at, PORT_FLAGS) & PORT_PRESENT ? at : 0;
}

/** The record of a port, present or not: for the host; 0 if the number is too high. */
export function portRecord(port: u32): usize {
  return port < portCount ? ports + port * PORT_SIZE : 0;
}

/** Sets the `PORT_...` flags of a port; false if there is no room for its number. */
export function setPort(port: u32, flags: u32): bool {
  if (port >= portCount) return false;
  store<u32>(ports + port * PORT_SIZE, flags, PORT_FLAGS);
  return true;
}

export function portFlags(record: usize): u32 {
  return load<u32>(record, PORT_FLAGS);
}

export function countIn(record: usize, packets: u32, bytes: u32): void {
  store<u64>(record, load<u64>(record) + (packets as u64));
  store<u64>(record, load<u64>(record, 8) + (bytes as u64), 8);
}

export function countOut(record: usize, packets: u32, bytes: u32): void {
  store<u64>(record, load<u64>(record, 16) + (packets as u64), 16);
  store<u64>(record, load<u64>(record, 24) + (bytes as u64), 24);
}

export function countDrop(reason: u32): void {
  countDrops(reason, 1);
}

export function countDrops(reason: u32, packets: u32): void {
  assert(reason < (DROP_REASONS as u32));
  const at = DROPS + (reason << 3);
  store<u64>(at, load<u64>(at) + (packets as u64));
}

/** Drops by reason, DROP_REASONS numbers. */
export function dropCounters(): usize {
  return DROPS;
}

/** Adds to one of `CACHE_...`. */
export function countCache(which: u32, packets: u32): void {
  const at = CACHES + which;
  store<u64>(at, load<u64>(at) + (packets as u64));
}

/** The numbers at `CACHE_...`. */
export function cacheCounters(): usize {
  return CACHES;
}

/** Adds to a logical flow's counters. */
export function countFlow(flow: u32, packets: u64, bytes: u64): void {
  const at = flowCounter(flow);
  if (at === 0) return;
  store<u64>(at, load<u64>(at) + packets);
  store<u64>(at, load<u64>(at, 8) + bytes, 8);
}

/** Where a logical flow's counters are; 0 if there is no memory for them. */
export function flowCounter(flow: u32): usize {
  const number = flow / FLOWS_A_PIECE;
  if (number >= PIECES) return 0;
  let piece: usize = load<u32>(DIRECTORY + (number << 2));
  if (piece === 0) {
    piece = reserve((FLOWS_A_PIECE as usize) << 4);
    if (piece === 0) return 0;
    store<u32>(DIRECTORY + (number << 2), piece as u32);
  }
  return piece + ((flow % FLOWS_A_PIECE) << 4);
}
