/**
 * The datapath program of the translation under way.  What flows do to header
 * fields is not emitted at once: before anything that shows the packet to
 * somebody, `commit` compares the flow with what the program has made of it so far.
 */
import {
  B_ETH_TYPE,
  B_VLAN_TCI,
  DP_CLONE,
  DP_CT_CLEAR,
  DP_DROP,
  DP_OUTPUT,
  DP_POP_VLAN,
  DP_PUNT,
  DP_PUSH_VLAN,
  DP_RECIRC,
  DP_SET,
  DP_TUNNEL,
  PACKET_WORDS,
  W_CT,
  W_DERIVED,
  W_ETH_SRC,
  W_IP4,
  W_IP6_DST,
  W_IP6_SRC,
  W_L4,
  W_SHA,
  W_TUNNEL,
} from './layout';
import { TYPE_IP4, TYPE_IP6 } from './rewrite';
import { KNOWN, look, WC } from './wildcards';

/** Words that a program may have; what is longer is not run. */
const MAX_WORDS: u32 = 16_384;

export const PROGRAM: usize = memory.data(16_384 * 4, 64);
let words: u32 = 0;
let overflown: bool = false;

/** Header words as the program has made them so far, and which of their bits it has set. */
const EMITTED: usize = memory.data(16 * 8, 64);
const SET: usize = memory.data(16 * 8, 64);
/** Bytes of EMITTED and SET, for those who keep them while a copy of the packet is worked on. */
export const EMITTED_SIZE: usize = 16 * 8 * 2;

/** How often the packet was changed. */
let changes: u32 = 0;
/** Where the last clone begins, and where it ended. */
let cloneAt: u32 = 0;
let cloneEnd: u32 = 0;
/** The packet still has what conntrack said, the flow does not: STALE; and flows asked for that: CLEARED. */
let conntrack: u32 = 0;
const STALE: u32 = 1;
const CLEARED: u32 = 2;
/** The zone that what the packet has was said in. */
let saidIn: u32 = 0;

const CFI: u64 = (<u64>0x1000) << B_VLAN_TCI;
const TCI: u64 = (<u64>0xffff) << B_VLAN_TCI;

/** An empty program, for a packet with this flow. */
export function startProgram(flow: usize): void {
  words = 0;
  overflown = false;
  changes = 0;
  cloneAt = 0;
  cloneEnd = 0;
  conntrack = 0;
  saidIn = <u32>(load<u64>(flow + W_CT * 8) >> 16) & 0xffff;
  memory.copy(EMITTED, flow, <usize>PACKET_WORDS * 8);
  memory.fill(SET, 0, <usize>PACKET_WORDS * 8);
}

export function programWords(): u32 {
  return words;
}

/** The program became too long. */
export function isTooLong(): bool {
  return overflown;
}

export function emit(word: u32): void {
  if (words >= MAX_WORDS) {
    overflown = true;
    return;
  }
  store<u32>(PROGRAM + ((<usize>words) << 2), word);
  words++;
}

/** First word of an instruction. */
export function emitHead(opcode: u32, length: u32, argument: u32): void {
  emit(opcode | (length << 8) | (argument << 16));
}

export function emit64(value: u64): void {
  emit(<u32>value);
  emit(<u32>(value >> 32));
}

/** Something was emitted that changes the packet for what comes behind. */
export function noteChange(): void {
  changes++;
}

/** The flow forgot what conntrack said: the packet has to as well when it matters; `asked` if an action says so. */
export function forgetConntrack(asked: bool): void {
  conntrack |= asked ? STALE | CLEARED : STALE;
}

/** What the packet has was said in this zone. */
export function saidInZone(zone: u32): void {
  conntrack = 0;
  saidIn = zone;
}

/** Brings the packet's conntrack fields to what the flow has. */
export function commitConntrack(): void {
  if (!conntrack) return;
  emitHead(DP_CT_CLEAR, 1, 0);
  changes++;
  conntrack = 0;
}

/**
 * Before conntrack is asked in a zone: what was said there before counts, unless
 * it was cleared.  What was said in other zones does not count in any case.
 */
export function commitZone(zone: u32): void {
  if (!(conntrack & CLEARED)) return;
  // The zone that the packet brought is part of what the program depends on.
  store<u64>(WC + W_CT * 8, load<u64>(WC + W_CT * 8) | 0xffff0000);
  if (saidIn === zone) commitConntrack();
}

/**
 * Brings the packet to what the flow says.  A bit that was assigned is emitted
 * unless all packets of the megaflow have it already.
 */
export function commit(flow: usize): void {
  commitTag(flow);
  const isKept = keepsIp(flow);
  for (let word: u32 = 0; word < <u32>PACKET_WORDS; word++) {
    if (word >= <u32>W_DERIVED && word <= <u32>W_TUNNEL) continue;
    if (isKept && word >= <u32>W_IP4 && word < <u32>W_IP6_DST + 2) continue;
    const at = (<usize>word) << 3;
    const known = load<u64>(KNOWN + at);
    if (!known) continue;
    const value = load<u64>(flow + at);
    const sure = load<u64>(SET + at) | load<u64>(WC + at);
    let mask = known & ((value ^ load<u64>(EMITTED + at)) | ~sure);
    if (word === W_ETH_SRC || word === W_SHA) mask &= ~TCI;
    if (!mask) continue;
    emitHead(DP_SET, 5, word);
    emit64(value & mask);
    emit64(mask);
    changes++;
    store<u64>(EMITTED + at, (load<u64>(EMITTED + at) & ~mask) | (value & mask));
    store<u64>(SET + at, load<u64>(SET + at) | mask);
  }
}

/** Open vSwitch changes nothing in the IP header of a packet of protocol 0 (lib/odp-util.c, `commit_set_nw_action`). */
function keepsIp(flow: usize): bool {
  const type = <u32>(load<u64>(flow) >> B_ETH_TYPE);
  if (type !== TYPE_IP4 && type !== TYPE_IP6) return false;
  let changed = load<u64>(KNOWN + W_IP4 * 8) | (load<u64>(KNOWN + W_L4 * 8) & 0xffff00);
  for (let word: usize = W_IP6_SRC; word < <usize>W_IP6_DST + 2; word++) changed |= load<u64>(KNOWN + word * 8);
  if (!changed) return false;
  look(W_L4, 0xff);
  return (load<u64>(flow + W_L4 * 8) & 0xff) === 0;
}

/** Brings the packet's tags to those of the flow. */
function commitTag(flow: usize): void {
  const at = (<usize>W_ETH_SRC) << 3;
  const known = load<u64>(KNOWN + at) & TCI;
  if (!known) return;
  if (!(known & CFI)) look(W_ETH_SRC, CFI);
  if (!(load<u64>(SET + at) & CFI)) store<u64>(WC + at, load<u64>(WC + at) | CFI);
  const has = tagsOf(flow);
  // A tag that was taken off shows the one behind it.
  while (tagsOf(EMITTED) > has) emitPop();
  const value = load<u64>(flow + at);
  const before = load<u64>(EMITTED + at);
  if (has > tagsOf(EMITTED)) {
    emitHead(DP_PUSH_VLAN, 1, <u32>((value & TCI) >> B_VLAN_TCI));
    setInner(before & TCI);
    setOuter(value & TCI, TCI);
  } else if (value & CFI) {
    const sure = load<u64>(SET + at) | load<u64>(WC + at);
    const mask = known & ((value ^ before) | ~sure);
    if (!mask) return;
    emitHead(DP_SET, 5, W_ETH_SRC);
    emit64(value & mask);
    emit64(mask);
    setOuter(value & TCI, known);
  } else {
    return;
  }
  changes++;
}

/** How many tags a flow has; the inner one counts only where one was taken off, or put on. */
function tagsOf(flow: usize): u32 {
  const outer: u32 = load<u64>(flow + W_ETH_SRC * 8) & CFI ? 1 : 0;
  const isAsked = (load<u64>(KNOWN + W_SHA * 8) & CFI) !== 0;
  return outer + (isAsked && load<u64>(flow + W_SHA * 8) & CFI ? 1 : 0);
}

function emitPop(): void {
  emitHead(DP_POP_VLAN, 1, 0);
  setOuter(load<u64>(EMITTED + W_SHA * 8) & TCI, TCI);
  setInner(0);
  changes++;
}

function setOuter(tci: u64, mask: u64): void {
  setEmitted((<usize>W_ETH_SRC) << 3, tci, mask);
}

function setInner(tci: u64): void {
  setEmitted((<usize>W_SHA) << 3, tci, TCI);
}

function setEmitted(at: usize, tci: u64, mask: u64): void {
  store<u64>(EMITTED + at, (load<u64>(EMITTED + at) & ~TCI) | tci);
  store<u64>(SET + at, load<u64>(SET + at) | mask);
}

/** Keeps what has been emitted at `to` (EMITTED_SIZE bytes) and begins a copy of the packet; gives what `endCopy` wants. */
export function beginCopy(to: usize): u32 {
  memory.copy(to, EMITTED, 128);
  memory.copy(to + 128, SET, 128);
  const start = words;
  emitHead(DP_CLONE, 2, 0);
  emit(0);
  return start;
}

export function changesSoFar(): u32 {
  return changes;
}

/** What is known of the packet's conntrack fields, for those who keep it while a copy is worked on. */
export function conntrackKept(): u32 {
  return conntrack | (saidIn << 8);
}

export function keepConntrack(kept: u32): void {
  conntrack = kept & 0xff;
  saidIn = kept >> 8;
}

/** Ends the copy: if nothing happened to it there was no need of one. */
export function endCopy(start: u32, from: usize, changesBefore: u32): void {
  // A fork at the end of a copy that nothing else happens to stays a fork.
  if (changes !== changesBefore) unwrapLast();
  memory.copy(EMITTED, from, 128);
  memory.copy(SET, from + 128, 128);
  if (overflown) return;
  const body = words - start - 2;
  if (body === 0) {
    words = start;
  } else if (changes === changesBefore) {
    moveDown(start, start + 2);
  } else {
    store<u32>(PROGRAM + ((<usize>(start + 1)) << 2), body);
    cloneAt = start;
    cloneEnd = words;
  }
  changes = changesBefore;
}

/** Begins a copy in which the packet goes on after a look-up anew. */
export function beginFork(): u32 {
  const start = words;
  emitHead(DP_CLONE, 2, 0);
  emit(0);
  return start;
}

/** Ends it with the look-up. */
export function endFork(start: u32, recirc: u32): void {
  emitHead(DP_RECIRC, 2, 0);
  emit(recirc);
  if (overflown) return;
  store<u32>(PROGRAM + ((<usize>(start + 1)) << 2), words - start - 2);
  cloneAt = start;
  cloneEnd = words;
}

/** A clone with nothing behind it need not be one. */
export function unwrapLast(): void {
  if (overflown || cloneEnd === 0 || cloneEnd !== words) return;
  moveDown(cloneAt, cloneAt + 2);
  cloneEnd = 0;
}

function moveDown(to: u32, from: u32): void {
  memory.copy(PROGRAM + ((<usize>to) << 2), PROGRAM + ((<usize>from) << 2), (<usize>(words - from)) << 2);
  words -= from - to;
  // What moved may have held the last clone.
  if (cloneEnd > from) {
    cloneAt -= from - to;
    cloneEnd -= from - to;
  }
}

/** Ends the program; one by which no packet goes anywhere says why. */
export function finishProgram(reason: u32): void {
  unwrapLast();
  if (overflown) return;
  if (!leadsOn()) emitHead(DP_DROP, 1, reason);
}

/** Whether some copy of the packet leaves, is looked up again, or waits for the host. */
function leadsOn(): bool {
  let at: u32 = 0;
  while (at < words) {
    const head = load<u32>(PROGRAM + ((<usize>at) << 2));
    const opcode = head & 0xff;
    if (opcode === DP_OUTPUT || opcode === DP_TUNNEL || opcode === DP_RECIRC || opcode === DP_PUNT) return true;
    at += (head >> 8) & 0xff;
  }
  return false;
}

/** The program does nothing but count a drop. */
export function dropAll(reason: u32): void {
  words = 0;
  overflown = false;
  emitHead(DP_DROP, 1, reason);
}
