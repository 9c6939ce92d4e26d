/** What each instruction of a flow's code does: image.ts, "Code". */

import { checkHairpin, checkNextHop, checkSession, commitNextHop, commitSession, snatToVip } from './balancing';
import { choosesByFields, hashFields, memberBothWays, memberByFields, memberOneWay } from './choices';
import { commit, commitConntrack, emit, emitHead } from './emit';
import { freeze } from './frozen';
import {
  A_AFFINITY,
  A_CLONE,
  A_COMMIT_AFFINITY,
  A_COMMIT_NEXT_HOP,
  A_CT,
  A_CT_CLEAR,
  A_DEC_TTL,
  A_END,
  A_EXCHANGE,
  A_FDB,
  A_FORWARD,
  A_HAIRPIN,
  A_HASH,
  A_LARGER,
  A_LOAD,
  A_METER,
  A_MOVE,
  A_NEIGHBOR,
  A_NEXT,
  A_NEXT_HOP,
  A_OUTPUT,
  A_POP,
  A_PORT_SECURITY,
  A_PUNT,
  A_PUSH,
  A_SELECT,
  A_SNAT_TO_VIP,
  FDB_GET,
  LEARNED_FDB,
  LEARNED_NEIGHBOR,
  NEIGHBOR_GET,
  NEIGHBOR_LOOKUP,
  NO_FLOW,
  PUNT_NESTED,
  PUNT_PAUSE,
  RESUME_CODE,
  TABLE_PORT_SECURITY,
  TABLE_PORT_SECURITY_ND,
} from './image';
import { B_LONGER, B_TTL, DP_METER, DP_PUNT, DROP_TTL, W_DERIVED, W_ETH_DST, W_L4 } from './layout';
import { ask, key } from './learned';
import { clearConntrack, outputFromEgress, outputFromIngress, setOutport, W_CAME_BY } from './outputs';
import { assign, readPiece, writePiece } from './pieces';
import { keepMarks, track } from './tracking';
import { beginScope, codeOf, detour, endScope, FLOW, flowOf, goTo, halted, noteDrop, wait } from './translation';
import { look } from './wildcards';

/** What `push` keeps: ovn-sb(5) has no more than a few; what is too much is lost. */
const STACK: usize = memory.data(64 * 8, 8);
let stack: u32 = 0;

/**
 * Runs a flow's code from word `from` on; the first word of the code is its length.
 * With `tail` nothing is done with the packet afterwards; then, and only then, it may
 * answer true: the packet goes on where `goTo` said.
 */
export function perform(code: usize, from: u32, tail: bool, number: u32, pipeline: u32, table: u32): bool {
  return run(code, from, load<u32>(code), tail, number, pipeline, table);
}

function run(code: usize, from: u32, end: u32, tail: bool, number: u32, pipeline: u32, table: u32): bool {
  let at = from;
  while (at < end) {
    const pc = code + ((<usize>at) << 2);
    const head = load<u32>(pc);
    const op = head & 0xff;
    const argument = (head >> 8) & 0xff;
    const length = head >> 16;
    const isLast = tail && (at + length >= end || (load<u32>(pc + ((<usize>length) << 2)) & 0xff) === A_END);
    switch (op) {
      case A_END:
        return false;
      case A_LOAD:
        assign(argument, load<u64>(pc, 4), load<u64>(pc, 12));
        break;
      case A_MOVE:
        writePiece(load<u32>(pc, 4), readPiece(load<u32>(pc, 8)));
        break;
      case A_EXCHANGE: {
        const one = readPiece(load<u32>(pc, 4));
        writePiece(load<u32>(pc, 4), readPiece(load<u32>(pc, 8)));
        writePiece(load<u32>(pc, 8), one);
        break;
      }
      case A_NEXT:
        goTo(load<u32>(pc, 4), argument);
        if (isLast) return true;
        detour(load<u32>(pc, 4), argument, pipeline, table);
        break;
      case A_OUTPUT:
        if (pipeline === 0 ? outputFromIngress(isLast) : outputFromEgress(isLast)) return true;
        break;
      case A_DEC_TTL:
        if (!decrementTtl()) return false;
        break;
      case A_PUSH:
        if (stack < 64) {
          store<u64>(STACK + ((<usize>stack) << 3), readPiece(load<u32>(pc, 4)));
          stack++;
        }
        break;
      case A_POP:
        if (stack > 0) {
          stack--;
          writePiece(load<u32>(pc, 4), load<u64>(STACK + ((<usize>stack) << 3)));
        }
        break;
      case A_CLONE: {
        const body = load<u32>(pc, 4);
        const isTail =
          tail && (at + length + body >= end || (load<u32>(pc + ((<usize>(length + body)) << 2)) & 0xff) === A_END);
        if (isTail) return run(code, at + length, at + length + body, true, number, pipeline, table);
        if (!beginScope()) return false;
        // A copy of the packet has its own walk: what would be handed back is followed here.
        if (run(code, at + length, at + length + body, false, number, pipeline, table)) unreachable();
        endScope();
        at += body;
        break;
      }
      case A_CT:
        at += trackCode(code, at, number, pipeline, table);
        break;
      case A_CT_CLEAR:
        clearConntrack(true);
        break;
      case A_PUNT:
        if (punt(pc, at, argument, number, pipeline, table)) {
          wait();
          return false;
        }
        at += load<u32>(pc, 8);
        break;
      case A_SELECT:
        if (select(pc, argument, pipeline, table, isLast)) return true;
        break;
      case A_FORWARD:
        setOutport(load<u32>(pc + ((<usize>(2 + memberOneWay(load<u32>(pc, 4)))) << 2)));
        if (outputFromIngress(isLast)) return true;
        break;
      case A_HASH:
        hashFields(pc + 4, argument);
        break;
      case A_NEIGHBOR:
        neighbor(pc, argument);
        break;
      case A_FDB:
        portOfMac(pc, argument);
        break;
      case A_LARGER: {
        const bit = <u64>(B_LONGER + argument);
        look(W_DERIVED, (<u64>1) << bit);
        writePiece(load<u32>(pc, 4), (load<u64>(FLOW + W_DERIVED * 8) >> bit) & 1);
        break;
      }
      case A_PORT_SECURITY:
        writePiece(load<u32>(pc, 4), isSecured(argument) ? 0 : 1);
        break;
      case A_HAIRPIN:
        writePiece(load<u32>(pc, 4), checkHairpin(argument) ? 1 : 0);
        break;
      case A_SNAT_TO_VIP:
        snatToVip();
        break;
      case A_AFFINITY:
        writePiece(load<u32>(pc, 4), checkSession() ? 1 : 0);
        break;
      case A_COMMIT_AFFINITY:
        commitSession(pc);
        break;
      case A_NEXT_HOP:
        writePiece(load<u32>(pc, 4), checkNextHop(argument) ? 1 : 0);
        break;
      case A_COMMIT_NEXT_HOP:
        commitNextHop();
        break;
      case A_METER:
        commit(FLOW);
        emitHead(DP_METER, 2, 0);
        emit(load<u32>(pc, 4));
        break;
      default:
        // The compiler makes no other.
        unreachable();
    }
    if (halted()) return false;
    at += length;
  }
  return false;
}

/** Whether port security lets the packet in (0) or out (1): controller/lflow.c, `consider_port_sec_flows`. */
function isSecured(direction: u32): bool {
  let met = flowOf(direction, TABLE_PORT_SECURITY, FLOW);
  let code: usize = met === NO_FLOW ? 0 : codeOf(met);
  if (code && (load<u32>(code, 4) & 0xff) === A_NEXT) {
    met = flowOf(0, TABLE_PORT_SECURITY_ND, FLOW);
    code = met === NO_FLOW ? 0 : codeOf(met);
  }
  return met === NO_FLOW || code !== 0;
}

/** As Open vSwitch's dec_ttl: a packet that has no hop left ends here. */
function decrementTtl(): bool {
  const ttl = (load<u64>(FLOW + W_L4 * 8) >> B_TTL) & 0xff;
  look(W_L4, (<u64>0xff) << B_TTL);
  if (ttl <= 1) {
    noteDrop(DROP_TTL);
    return false;
  }
  assign(W_L4, (ttl - 1) << B_TTL, (<u64>0xff) << B_TTL);
  return true;
}

/** A_CT; gives the words behind the instruction's own that belong to it. */
function trackCode(code: usize, at: u32, number: u32, pipeline: u32, table: u32): u32 {
  const pc = code + ((<usize>at) << 2);
  const length = load<u32>(pc) >> 16;
  const body = load<u32>(pc, 56);
  const marks = at + length;
  keepMarks();
  // What sets mark and label only assigns.
  if (run(code, marks, marks + body, false, number, pipeline, table)) unreachable();
  track(pc, pipeline);
  return body;
}

/** Asks the host; true if the packet waits for the answer. */
function punt(pc: usize, at: u32, kind: u32, number: u32, pipeline: u32, table: u32): bool {
  commit(FLOW);
  commitConntrack();
  // What the host resumes with stands behind the instruction; where it is in braces it ends by itself.
  const from = at + (load<u32>(pc) >> 16);
  const place = RESUME_CODE | (pipeline << 1) | (table << 2) | (from << 16);
  // What the host makes itself came in by no port.
  const cameBy = load<u64>(FLOW + ((<usize>W_CAME_BY) << 3));
  if (kind === PUNT_NESTED) store<u64>(FLOW + ((<usize>W_CAME_BY) << 3), 0);
  const id = freeze(FLOW, place, number);
  store<u64>(FLOW + ((<usize>W_CAME_BY) << 3), cameBy);
  emitHead(DP_PUNT, 3, 0);
  emit(load<u32>(pc, 4));
  emit(id);
  return kind === PUNT_PAUSE;
}

/** `select`: a copy of the packet goes on in the next table with the chosen value. */
function select(pc: usize, next: u32, pipeline: u32, table: u32, tail: bool): bool {
  const count = load<u32>(pc, 8);
  const chosen = choosesByFields() ? memberByFields(count, pc + 16, 8) : memberBothWays(count, pc + 16, 8);
  const value = <u64>load<u32>(pc + ((<usize>(3 + chosen * 2)) << 2));
  if (tail) {
    writePiece(load<u32>(pc, 4), value);
    goTo(pipeline, next);
    return true;
  }
  if (!beginScope()) return false;
  writePiece(load<u32>(pc, 4), value);
  detour(pipeline, next, pipeline, table);
  endScope();
  return false;
}

/** get_arp, lookup_arp and their kin: ovn-sb(5). */
function neighbor(pc: usize, kind: u32): void {
  const address = load<u32>(pc, 8);
  const family: u64 = address ? 6 : 4;
  const number = load<u32>(FLOW + 22 * 8);
  key(
    LEARNED_NEIGHBOR,
    number,
    0,
    <u32>readPiece(load<u32>(pc, 4)),
    readPiece(address),
    readPiece(load<u32>(pc, 12)),
    family,
    0,
  );
  const found = ask();
  if (kind === NEIGHBOR_GET) {
    assign(W_ETH_DST, found ? load<u64>(found) : 0, 0xffff_ffff_ffff);
    return;
  }
  let is = found !== 0;
  if (kind === NEIGHBOR_LOOKUP && found) is = load<u64>(found) === readPiece(load<u32>(pc, 16));
  writePiece(load<u32>(pc, 20), is ? 1 : 0);
}

/** get_fdb and lookup_fdb. */
function portOfMac(pc: usize, kind: u32): void {
  const number = load<u32>(FLOW + 22 * 8);
  let found: usize = 0;
  key(LEARNED_FDB, number, 0, 0, 0, 0, 0, 0);
  if (ask()) {
    key(LEARNED_FDB, number, 0, 0, readPiece(load<u32>(pc, 4)), 0, 0, 0);
    found = ask();
  }
  let result: u64 = found ? load<u64>(found) : 0;
  if (kind !== FDB_GET) result = found && result === readPiece(load<u32>(pc, 12)) ? 1 : 0;
  writePiece(load<u32>(pc, 8), result);
}
