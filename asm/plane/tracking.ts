/** Connection tracking as flows ask for it: DP_CT, and the place where the packet then goes on. */

import { backendList } from './backends';
import { choosesByFields, memberByFields } from './choices';
import { beginFork, commit, commitZone, emit, emitHead, endFork, noteChange, saidInZone } from './emit';
import { freeze } from './frozen';
import {
  CT_BACKEND_WORDS,
  CT_CODE_WORDS,
  DF_COMMON_SNAT,
  RESUME_TABLE,
  ZONE_COMMON,
  ZONE_OF_PORT,
  ZONE_OF_SNAT,
} from './image';
import { B_CT_MARK, CT_BACKENDS, CT_SET, DP_CT, DP_CT_WORDS, DROP_TOO_LONG, W_CT, W_CT_LABEL, W_ZONES } from './layout';
import { clearConntrack } from './outputs';
import { datapath, FLOW, fail } from './translation';
import { KNOWN } from './wildcards';

/** Words 16 to 18 of flow and KNOWN, while the code that sets mark and label has them. */
const KEPT: usize = memory.data(48, 8);

/** Keeps what conntrack said, before code assigns the mark and label that a connection is to get. */
export function keepMarks(): void {
  keep(FLOW + W_CT * 8, KEPT);
  keep(KNOWN + W_CT * 8, KEPT + 24);
}

/** A_CT, after its code: mark and label stand in the flow, and what was kept comes back. */
export function track(pc: usize, pipeline: u32): void {
  const zone = zoneOf((load<u32>(pc) >> 8) & 0xff);
  const next = load<u32>(pc, 4);
  let flags = load<u32>(pc, 8);
  const markMask = load<u32>(pc, 12);
  const maskLow = load<u64>(pc, 16);
  const maskHigh = load<u64>(pc, 24);
  const mark = <u32>(load<u64>(FLOW + W_CT * 8) >> B_CT_MARK) & markMask;
  const labelHigh = load<u64>(FLOW + W_CT_LABEL * 8) & maskHigh;
  const labelLow = load<u64>(FLOW + W_CT_LABEL * 8 + 8) & maskLow;
  keep(KEPT, FLOW + W_CT * 8);
  keep(KEPT + 24, KNOWN + W_CT * 8);
  if (markMask !== 0 || maskLow !== 0 || maskHigh !== 0) flags |= CT_SET;
  let backends: u32 = 0;
  let target = pc + 32;
  let ports = load<u32>(pc, 48);
  const count = load<u32>(pc, 52);
  const list = pc + CT_CODE_WORDS * 4;
  if (count && choosesByFields()) {
    target = list + <usize>memberByFields(count, list + 20, CT_BACKEND_WORDS * 4) * (CT_BACKEND_WORDS * 4);
    ports = load<u32>(target, 16) * 0x10001;
  } else if (count) {
    backends = backendList(list, count);
    if (!backends) {
      fail(DROP_TOO_LONG);
      return;
    }
    flags |= CT_BACKENDS;
  }
  commit(FLOW);
  commitZone(zone);
  const fork = next ? beginFork() : 0;
  emitHead(DP_CT, DP_CT_WORDS, zone);
  emit(flags);
  emit(mark);
  emit(markMask);
  emitLong(labelLow);
  emitLong(labelHigh);
  emitLong(maskLow);
  emitLong(maskHigh);
  for (let i: usize = 0; i < 4; i++) emit(load<u32>(target + i * 4));
  emit(ports);
  emit(backends);
  if (next) endFork(fork, freeze(FLOW, RESUME_TABLE | (pipeline << 1) | ((next - 1) << 2), 0));
  else {
    noteChange();
    saidInZone(zone);
  }
  // What is left of the packet here knows nothing of it.
  clearConntrack(false);
}

function emitLong(value: u64): void {
  emit(<u32>value);
  emit(<u32>(value >> 32));
}

function keep(from: usize, to: usize): void {
  memory.copy(to, from, 24);
}

/** The zone that an action means, on the packet's datapath. */
export function zoneOf(source: u32): u32 {
  const zones = load<u64>(FLOW + W_ZONES * 8);
  if (source === ZONE_OF_PORT) return <u32>zones & 0xffff;
  const isSnat = source === ZONE_OF_SNAT || (source === ZONE_COMMON && (load<u32>(datapath()) & DF_COMMON_SNAT) !== 0);
  return <u32>(zones >> (isSnat ? 32 : 16)) & 0xffff;
}
