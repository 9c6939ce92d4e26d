/**
 * Translation: the walk of one packet through the logical tables.  What comes of
 * it (the program in emit.ts, the bits looked at in wildcards.ts, tags, datapaths
 * visited, flows met) holds for every packet that agrees on the bits looked at.
 *
 * The walk works on a copy of the packet's flow, FLOW.  It is bounded as that of
 * Open vSwitch is: MAX_STEPS tables, MAX_DEPTH ways back.
 */

import { perform } from './actions';
import { dropAll, finishProgram, isTooLong, PROGRAM, programWords, startProgram } from './emit';
import { findFrozen, frozenFlow, frozenMetadata, frozenPlace } from './frozen';
import { MAX_DEPTH, NO_FLOW, RESUME_CODE, RESUME_OUTPUT } from './image';
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
  W_IN,
} from './layout';
import { askedTags, clearTags } from './learned';
import { enter, outputFromIngress } from './outputs';
import {
  codeOf,
  depth,
  dropReason,
  FLOW,
  fail,
  failure,
  flowOf,
  followBy,
  nextPipeline,
  nextTable,
  noteDrop,
  setDepth,
  startTranslation,
  step,
  visit,
  visited,
} from './translation';
import { KNOWN, WC } from './wildcards';

export { loadImage } from './translation';

/** Numbers of the flows that were met. */
const FLOWS: usize = memory.data(4096 * 4, 64);
let flows: u32 = 0;

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
  startTranslation();
  followBy(walk);
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
    if (enter()) walk(nextPipeline, nextTable, true);
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
function walk(pipeline: u32, table: u32, tail: bool): void {
  const depthBefore = depth;
  while (true) {
    if (!step(1) || depth >= <u32>MAX_DEPTH) {
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
    if (nextPipeline < pipeline || (nextPipeline === pipeline && nextTable <= table)) setDepth(depth + 1);
    pipeline = nextPipeline;
    table = nextTable;
  }
  setDepth(depthBefore);
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
