/**
 * The translation under way: the flow that it works on, where it is, what it has come
 * to, and the copies that it has made.  walk.ts moves it; what actions and ports do, they do here.
 */

import { lookup } from './classify';
import { beginCopy, changesSoFar, conntrackKept, EMITTED_SIZE, endCopy, keepConntrack } from './emit';
import {
  DATAPATH_SIZE,
  IM_DATAPATHS,
  IM_FLOWS,
  IM_LENGTH,
  IM_MAGIC,
  IMAGE_HEADER,
  IMAGE_MAGIC,
  MAX_DEPTH,
  MAX_STEPS,
  NO_FLOW,
  TABLES,
} from './image';
import { DROP_TOO_DEEP, W_DATAPATH } from './layout';
import { KNOWN } from './wildcards';

/** The flow that the walk works on. */
export const FLOW: usize = memory.data(256, 64);

/** The image that packets are translated with; 0 for none. */
export let image: usize = 0;

/** Bits of VISITED that datapaths share out among themselves; the last one stands for the physical ports. */
const DATAPATH_BITS: u32 = 63;
export let visited: u64 = 0;

let steps: u32 = 0;
/** How many ways back the packet has gone. */
export let depth: u32 = 0;
/** What ended the whole translation, plus 1; 0 while it goes on. */
export let failure: u32 = 0;
/** The packet waits for the host: nothing more is done. */
let waiting: bool = false;
/** Why a packet that goes nowhere was dropped, plus 1. */
export let dropReason: u32 = 0;

/** Where a packet goes on that was handed back to the loop of `walk`. */
export let nextPipeline: u32 = 0;
export let nextTable: u32 = 0;

/** Flow, KNOWN and what was emitted, of the packets of which copies are under way. */
const COPY_SIZE: usize = 256 + 256 + EMITTED_SIZE + 64;
const COPIES: usize = memory.data(66 * (256 + 256 + 256 + 64), 64);
let copies: u32 = 0;

/** How a packet is followed from a table on: `walk`, which lies above this file. */
let follow: (pipeline: u32, table: u32, tail: bool) => void = nowhere;

function nowhere(_pipeline: u32, _table: u32, _tail: bool): void {
  unreachable();
}

export function followBy(walk: (pipeline: u32, table: u32, tail: bool) => void): void {
  follow = walk;
}

/** Nothing is known yet. */
export function startTranslation(): void {
  visited = 0;
  steps = 0;
  depth = 0;
  failure = 0;
  waiting = false;
  dropReason = 0;
  copies = 0;
}

/** Sets how deep the packet is. */
export function setDepth(now: u32): void {
  depth = now;
}

/** Takes the image at `address` into use; false if it is none. */
export function loadImage(address: usize, length: u32): bool {
  if (length < <u32>IMAGE_HEADER || load<u32>(address, IM_MAGIC) !== IMAGE_MAGIC) return false;
  if (load<u32>(address, IM_LENGTH) > length) return false;
  image = address;
  return true;
}

/** Hands the packet back to the loop of `walk`. */
export function goTo(pipeline: u32, table: u32): void {
  nextPipeline = pipeline;
  nextTable = table;
}

/** Follows the packet from a table on, as an action in the midst of others does. */
export function detour(pipeline: u32, table: u32, from: u32, fromTable: u32): void {
  const back: u32 = pipeline < from || (pipeline === from && table <= fromTable) ? 1 : 0;
  depth += back;
  follow(pipeline, table, false);
  depth -= back;
}

/** Number of the flow of a table that the packet meets, NO_FLOW for none. */
export function flowOf(pipeline: u32, table: u32, flow: usize): u32 {
  const tables = image + load<u32>(datapath(), 12);
  const use = tables + <usize>(pipeline * TABLES + table) * 8;
  const blob = load<u32>(use);
  const numbers = load<u32>(use, 4);
  if (!blob) return numbers;
  const rank = lookup(image + blob, flow);
  return rank < 0 ? NO_FLOW : load<u32>(image + numbers + ((<usize>rank) << 2));
}

/** The record of the datapath that the packet is on. */
export function datapath(): usize {
  const number = load<u32>(FLOW + W_DATAPATH * 8);
  assert(number < load<u32>(image, IM_DATAPATHS));
  return image + load<u32>(image, IM_DATAPATHS + 4) + <usize>number * DATAPATH_SIZE;
}

/** Address of a flow's code, 0 if it has none. */
export function codeOf(number: u32): usize {
  if (number >= load<u32>(image, IM_FLOWS)) return 0;
  const offset = load<u32>(image + load<u32>(image, IM_FLOWS + 4) + ((<usize>number) << 2));
  return offset ? image + offset : 0;
}

/** Notes that the packet is on this datapath. */
export function visit(): void {
  const number = load<u32>(FLOW + W_DATAPATH * 8);
  visited |= (<u64>1) << (number % DATAPATH_BITS);
}

/** Notes that the translation depends on the physical ports as a whole. */
export function visitPhysical(): void {
  visited |= (<u64>1) << DATAPATH_BITS;
}

/** Counts look-ups; false when there were too many. */
export function step(count: u32): bool {
  steps += count;
  return steps <= <u32>MAX_STEPS;
}

/** Ends the translation: the packet is dropped altogether. */
export function fail(reason: u32): void {
  if (!failure) failure = reason + 1;
}

/** Ends the translation after what was emitted so far. */
export function wait(): void {
  waiting = true;
}

/** Nothing more may be done with this packet. */
export function halted(): bool {
  return failure !== 0 || waiting;
}

/** The packet, or a copy of it, ends here. */
export function noteDrop(reason: u32): void {
  if (!dropReason) dropReason = reason + 1;
}

/** What follows works on a copy of the packet, until `endScope`.  False if there are too many. */
export function beginScope(): bool {
  if (copies > <u32>MAX_DEPTH) {
    fail(DROP_TOO_DEEP);
    return false;
  }
  const kept = COPIES + <usize>copies * COPY_SIZE;
  copies++;
  memory.copy(kept, FLOW, 256);
  memory.copy(kept + 256, KNOWN, 256);
  store<u32>(kept, changesSoFar(), 512 + EMITTED_SIZE);
  store<u32>(kept, conntrackKept(), 516 + EMITTED_SIZE);
  store<u32>(kept, beginCopy(kept + 512), 520 + EMITTED_SIZE);
  return true;
}

/** The packet is again what it was at `beginScope`. */
export function endScope(): void {
  copies--;
  const kept = COPIES + <usize>copies * COPY_SIZE;
  endCopy(load<u32>(kept, 520 + EMITTED_SIZE), kept + 512, load<u32>(kept, 512 + EMITTED_SIZE));
  keepConntrack(load<u32>(kept, 516 + EMITTED_SIZE));
  memory.copy(FLOW, kept, 256);
  memory.copy(KNOWN, kept + 256, 256);
}
