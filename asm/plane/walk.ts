/**
 * Translation: the walk of one packet through the logical tables.  What comes of
 * it (the program in emit.ts, the bits looked at in wildcards.ts, tags, datapaths
 * visited, flows met) holds for every packet that agrees on the bits looked at.
 *
 * The walk works on a copy of the packet's flow, FLOW.  It is bounded as that of
 * Open vSwitch is: MAX_STEPS tables, MAX_DEPTH ways back.
 */

import { perform } from './actions';
import { lookup } from './classify';
import {
  beginCopy,
  changesSoFar,
  conntrackKept,
  dropAll,
  EMITTED_SIZE,
  endCopy,
  finishProgram,
  isTooLong,
  keepConntrack,
  PROGRAM,
  programWords,
  startProgram,
} from './emit';
import { findFrozen, frozenFlow, frozenMetadata, frozenPlace } from './frozen';
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
  RESUME_CODE,
  RESUME_OUTPUT,
  TABLES,
} from './image';
import {
  B_RECIRC,
  DROP_FLOW,
  DROP_NO_FLOW,
  DROP_RECIRC_GONE,
  DROP_TOO_DEEP,
  DROP_TOO_LONG,
  FLOW_SIZE,
  FLOW_WORDS,
  KEY_WORDS,
  PACKET_WORDS,
  W_CT,
  W_DATAPATH,
  W_IN,
} from './layout';
import { askedTags, clearTags } from './learned';
import { enter, outputFromIngress } from './outputs';
import { KNOWN, WC } from './wildcards';

/** The flow that the walk works on. */
export const FLOW: usize = memory.data(256, 64);

/** Numbers of the flows that were met. */
const FLOWS: usize = memory.data(4096 * 4, 64);
let flows: u32 = 0;

/** The image that packets are translated with; 0 for none. */
export let image: usize = 0;

/** Bits of VISITED that datapaths share out among themselves; the last one stands for the physical ports. */
const DATAPATH_BITS: u32 = 63;
let visited: u64 = 0;

let steps: u32 = 0;
let depth: u32 = 0;
/** What ended the whole translation, plus 1; 0 while it goes on. */
let failure: u32 = 0;
/** The packet waits for the host: nothing more is done. */
let waiting: bool = false;
/** Why a packet that goes nowhere was dropped, plus 1. */
let dropReason: u32 = 0;

/** Where a packet goes on that was handed back to the loop of `walk`. */
let nextPipeline: u32 = 0;
let nextTable: u32 = 0;

/** Flow, KNOWN and what was emitted, of the packets of which copies are under way. */
const COPY_SIZE: usize = 256 + 256 + EMITTED_SIZE + 64;
const COPIES: usize = memory.data(66 * (256 + 256 + 256 + 64), 64);
let copies: u32 = 0;

/** Takes the image at `address` into use; false if it is none. */
export function loadImage(address: usize, length: u32): bool {
  if (length < <u32>IMAGE_HEADER || load<u32>(address, IM_MAGIC) !== IMAGE_MAGIC) return false;
  if (load<u32>(address, IM_LENGTH) > length) return false;
  image = address;
  return true;
}

/**
 * Translates a packet, whose flow is not changed.  0, or the reason (DROP_...) for which the packet
 * is dropped and nothing can be remembered.
 */
export function translate(_packet: usize, flow: usize): u32 {
  memory.copy(FLOW, flow, FLOW_SIZE);
  memory.fill(WC, 0, KEY_WORDS * 8);
  memory.fill(KNOWN, 0, FLOW_WORDS * 8);
  clearTags();
  flows = 0;
  visited = 0;
  steps = 0;
  depth = 0;
  failure = 0;
  waiting = false;
  dropReason = 0;
  copies = 0;
  startProgram(FLOW);
  const recirc = <u32>(load<u64>(FLOW + W_IN * 8) >> B_RECIRC);
  if (recirc) {
    const record = findFrozen(recirc);
    if (!record) return DROP_RECIRC_GONE;
    store<u64>(WC + W_IN * 8, (<u64>0xffffffff) << B_RECIRC);
    resume(record);
  } else {
    store<u64>(WC + W_IN * 8, u64.MAX_VALUE);
    memory.fill(FLOW + PACKET_WORDS * 8, 0, (FLOW_WORDS - PACKET_WORDS) * 8);
    memory.fill(KNOWN + W_CT * 8, 0xff, (KEY_WORDS - W_CT) * 8);
    enter();
  }
  if (failure) dropAll(failure - 1);
  else if (isTooLong()) dropAll(DROP_TOO_LONG);
  else finishProgram(dropReason ? dropReason - 1 : DROP_FLOW);
  return 0;
}

/** Goes on with a frozen packet. */
function resume(record: usize): void {
  memory.copy(FLOW + KEY_WORDS * 8, frozenMetadata(record), (FLOW_WORDS - KEY_WORDS) * 8);
  visit();
  const place = frozenPlace(record);
  const pipeline = (place >> 1) & 1;
  const table = (place >> 2) & 0x3fff;
  if ((place & 1) === RESUME_CODE) {
    const number = frozenFlow(record);
    const code = codeOf(number);
    if (!code) {
      noteDrop(DROP_RECIRC_GONE);
      return;
    }
    if (perform(code, place >> 16, true, number, pipeline, table)) walk(nextPipeline, nextTable, true);
  } else if (table === RESUME_OUTPUT) {
    if (outputFromIngress(true)) walk(nextPipeline, nextTable, true);
  } else {
    walk(pipeline, table, true);
  }
}

/**
 * Follows the packet from a table on.  With `tail` nothing is done with it afterwards, so
 * that the flow may be changed for good.
 */
export function walk(pipeline: u32, table: u32, tail: bool): void {
  const depthBefore = depth;
  while (true) {
    if (!step(1) || depth > <u32>MAX_DEPTH) {
      fail(DROP_TOO_DEEP);
      break;
    }
    const number = flowOf(pipeline, table, FLOW);
    if (number === NO_FLOW) {
      noteDrop(DROP_NO_FLOW);
      break;
    }
    store<u32>(FLOWS + ((<usize>flows) << 2), number);
    flows++;
    const code = codeOf(number);
    if (!code) {
      noteDrop(DROP_FLOW);
      break;
    }
    if (!perform(code, 1, tail, number, pipeline, table)) break;
    // As Open vSwitch counts: a way back to an earlier table is one level deeper.
    if (nextPipeline < pipeline || (nextPipeline === pipeline && nextTable <= table)) depth++;
    pipeline = nextPipeline;
    table = nextTable;
  }
  depth = depthBefore;
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
  walk(pipeline, table, false);
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

/** What a translation came to. */
export function translatedProgram(): usize {
  return PROGRAM;
}

export function translatedWords(): u32 {
  return programWords();
}

export function translatedMask(): usize {
  return WC;
}

export function translatedTags(): u64 {
  return askedTags();
}

export function translatedVisited(): u64 {
  return visited;
}

export function translatedFlows(): usize {
  return FLOWS;
}

export function translatedFlowCount(): u32 {
  return flows;
}
