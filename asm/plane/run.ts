/**
 * Runs datapath programs (layout.ts), and finds the ones to run: by the
 * connection cache, by megaflows, or by a translation.
 *
 *     forward(packet, flow, entry, megaflow)          one packet that has come in
 *     goOn(packet, flow)                              one that the host gives back
 *
 * A packet passes at most MAX_PASSES megaflows, and clones nest at most
 * MAX_DEPTH deep.  What is run never goes away while a packet is under way.
 */
import { giveBlock, takeBlock } from './blocks';
import {
  CHAIN_CONNECTIONS,
  CHAIN_MEGAFLOWS,
  CHAIN_PROGRAM,
  CHAIN_TRACKED,
  countChain,
  joinChain,
  OP_TRACKED,
} from './chains';
import { now } from './clock';
import { CONNECTION_SIZE, dropConnection, ENTRY_CHAIN, ENTRY_CONNECTIONS, installConnection } from './connections';
import { CTR_GO, CTR_HELD, ctConn, ctDirection, ctProcess, ctVersion } from './conntrack';
import {
  CACHE_CONNECTION,
  CACHE_MEGAFLOW,
  CACHE_MISS,
  CACHE_RECIRC,
  CACHE_UNKEPT,
  countCache,
  countDrop,
  countFlow,
} from './counters';
import { sendThrough } from './encap';
import { extract, hashAgain, hashed, setHashes, WANT_HASH, WANT_HASH_BOTH, wantHash } from './extract';
import { ctReleased, ctReleasedFrom, ctReleasedTo } from './fragments';
import { outputsCount, own, punt, putOut } from './frames';
import { packetHash } from './hash';
import { installLane, isTranslating, translateTracked } from './lanes';
import {
  B_HASH_BOTH,
  CS_EST,
  CS_INV,
  CS_NEW,
  CT_TRANSLATES,
  DP_CLONE,
  DP_CT,
  DP_CT_CLEAR,
  DP_CT_WORDS,
  DP_DROP,
  DP_END,
  DP_METER,
  DP_OUTPUT,
  DP_POP_VLAN,
  DP_PUNT,
  DP_PUSH_VLAN,
  DP_RECIRC,
  DP_SET,
  DP_TUNNEL,
  DROP_METER,
  DROP_NO_ROOM,
  DROP_RECIRC_LIMIT,
  DROP_TOO_DEEP,
  DROP_TOO_LONG,
  FLOW_SIZE,
  KEY_WORDS,
  P_FRAME,
  P_INDEX,
  P_L3,
  P_LENGTH,
  P_ROOM,
  P_STATE,
  PACKET_SIZE,
  PACKET_WORDS,
  PS_SHARED,
  W_CT,
  W_DERIVED,
  W_IN,
  W_TUNNEL,
} from './layout';
import { countMegaflow, installMegaflow, lookupMegaflow, MF_TRACKS, megaflowFlags, megaflowProgram } from './megaflows';
import { passMeter } from './meters';
import { OP_ADDRESSES, setAddresses } from './polish';
import { setWord } from './rewrite';
import { PS_RETAGGED, popTag, pushTag } from './tags';
import { ctTouch } from './touching';
import {
  translate,
  translatedFlowCount,
  translatedFlows,
  translatedMask,
  translatedProgram,
  translatedTags,
  translatedVisited,
  translatedWords,
} from './walk';

/** Open vSwitch's userspace datapath gives up at the same depth (MAX_RECIRC_DEPTH, dpif-netdev.c). */
const MAX_PASSES: u32 = 7;
const MAX_DEPTH: u32 = 16;
const DIRECTION_BIT: u32 = 1 << 31;

/** Packets and flows of clones, by depth. */
const CLONES: usize = memory.data(16 * (32 + 256), 64);

/** What a packet met so far: the flow and the offsets it came in with, megaflows, connections; see `connections.ts`. */
const ORIGINAL: usize = memory.data(16 * 8, 64);
const TRAIL: usize = memory.data(6 * 4, 16);
const TRACKED: usize = memory.data(4 * 8, 16);
let originalOffsets: u64 = 0;
let trailLength: u32 = 0;
let trackedCount: u32 = 0;
/** Whether what is met can be remembered. */
let remembers: bool = false;

/** A packet that came in: `entry` and `megaflow` as looked up, 0 if not found. */
export function forward(packet: usize, flow: usize, entry: usize, megaflow: usize): void {
  if (entry !== 0 && runEntry(entry, packet, flow)) return;
  trailLength = 0;
  trackedCount = 0;
  remembers = true;
  passOn(packet, flow, megaflow, 0, 0);
  if (!remembers || trackedCount === 0) return;
  const chain = joinChain(TRAIL, trailLength, ORIGINAL);
  if (chain === 0 || load<u32>(chain, CHAIN_TRACKED) !== trackedCount) return;
  if (!installLane(ORIGINAL, originalOffsets, chain, TRACKED)) {
    installConnection(ORIGINAL, packetHash(ORIGINAL), chain, TRACKED);
  }
}

/** A packet whose flow says where it goes on: RECIRC and what conntrack said are filled in. */
export function goOn(packet: usize, flow: usize): void {
  remembers = false;
  passOn(packet, flow, 0, 0, 0);
}

/** Sends a packet the way that its connection's packets went before; false if that is not so any more. */
function runEntry(entry: usize, packet: usize, flow: usize): bool {
  const chain: usize = load<u32>(entry, ENTRY_CHAIN);
  const count = load<u32>(chain, CHAIN_TRACKED);
  const list = entry + ENTRY_CONNECTIONS;
  for (let i: u32 = 0; i < count; i++) {
    const at = list + i * CONNECTION_SIZE;
    const number = load<u32>(at);
    if (!ctTouch(number & ~DIRECTION_BIT, load<u32>(at, 4), number >> 31, packet, flow)) {
      dropConnection(entry);
      clearConntrack(flow);
      return false;
    }
  }
  countChain(chain, 1, load<u32>(packet, P_LENGTH), now);
  countCache(CACHE_CONNECTION, 1);
  remembers = false;
  store<u64>(flow, 0, W_CT << 3);
  run(load<u32>(chain, CHAIN_PROGRAM), 0, packet, flow, 0, 0, list);
  return true;
}

function clearConntrack(flow: usize): void {
  memory.fill(flow + (W_CT << 3), 0, (KEY_WORDS - W_CT) << 3);
}

/** From megaflow to megaflow, until the packet does not come again. */
function passOn(packet: usize, flow: usize, megaflow: usize, depth: u32, passes: u32): void {
  while (true) {
    if (megaflow === 0) megaflow = lookupMegaflow(flow);
    if (megaflow !== 0) countCache(CACHE_MEGAFLOW, 1);
    else megaflow = miss(packet, flow);
    let again = false;
    if (megaflow !== 0) {
      countMegaflow(megaflow, 1, load<u32>(packet, P_LENGTH), now);
      if (remembers) remember(megaflow, packet, flow, depth);
      again = run(megaflowProgram(megaflow), 0, packet, flow, depth, passes, 0);
    } else if (unkept !== 0) {
      const program = unkept;
      unkept = 0;
      remembers = false;
      again = run(program, 0, packet, flow, depth, passes, 0);
      giveBlock(program);
    }
    if (!again) return;
    passes += 1;
    if (passes === MAX_PASSES) {
      countDrop(DROP_RECIRC_LIMIT);
      return;
    }
    countCache(CACHE_RECIRC, 1);
    if (hashed !== 0) hashAgain(flow);
    megaflow = 0;
  }
}

/** A program that could not be kept: a block that is given back once it has run. */
let unkept: usize = 0;

/** Translates a packet; 0 if the result is not kept: then `unkept` has it, or the packet is dropped. */
function miss(packet: usize, flow: usize): usize {
  countCache(CACHE_MISS, 1);
  let reason = translate(packet, flow);
  // Hashes are made only once somebody asks for them.
  const asked = reason === 0 ? askedHashes() & ~hashed : 0;
  if (asked !== 0) {
    wantHash(hashed | asked);
    setHashes(packet, flow);
    reason = translate(packet, flow);
  }
  if (reason !== 0) {
    remembers = false;
    countDrop(reason);
    return 0;
  }
  const program = translatedProgram();
  const words = translatedWords();
  const megaflow = installMegaflow(
    flow,
    translatedMask(),
    program,
    words,
    translatedTags(),
    translatedVisited(),
    translatedFlows(),
    translatedFlowCount(),
  );
  if (megaflow !== 0) return megaflow;
  countCache(CACHE_UNKEPT, 1);
  unkept = takeBlock((words + 1) << 2);
  if (unkept === 0) {
    remembers = false;
    countDrop(DROP_NO_ROOM);
    return 0;
  }
  memory.copy(unkept, program, words << 2);
  store<u32>(unkept + (words << 2), DP_END | (1 << 8));
  // Nobody else will count for it.
  const flows = translatedFlows();
  for (let i: u32 = 0; i < translatedFlowCount(); i++) {
    countFlow(load<u32>(flows + (i << 2)), 1, load<u32>(packet, P_LENGTH));
  }
  return 0;
}

/** Which hashes the last translation looked at: WANT_... */
function askedHashes(): u32 {
  const mask = load<u64>(translatedMask(), W_DERIVED << 3);
  return (mask & 0xff ? WANT_HASH : 0) | ((mask >> B_HASH_BOTH) & 0xff ? WANT_HASH_BOTH : 0);
}

/** Notes a megaflow on the way of a packet; the first one says whether there is anything to remember. */
function remember(megaflow: usize, packet: usize, flow: usize, depth: u32): void {
  if (depth !== 0 || trailLength === CHAIN_MEGAFLOWS) {
    remembers = false;
    return;
  }
  if (trailLength === 0) {
    if (!(megaflowFlags(megaflow) & MF_TRACKS)) {
      remembers = false;
      return;
    }
    memory.copy(ORIGINAL, flow, PACKET_WORDS << 3);
    originalOffsets = load<u64>(packet, P_L3);
  }
  store<u32>(TRAIL + (trailLength << 2), megaflow as u32);
  trailLength += 1;
}

/** Notes the connection that was just found; those that are not established are not to be remembered. */
function rememberTracked(flow: usize, depth: u32): void {
  const state = load<u64>(flow, W_CT << 3) as u32;
  if (
    depth !== 0 ||
    ctConn === 0 ||
    trackedCount === CHAIN_CONNECTIONS ||
    (state & (CS_NEW | CS_EST | CS_INV)) !== CS_EST
  ) {
    remembers = false;
    return;
  }
  const at = TRACKED + trackedCount * CONNECTION_SIZE;
  store<u32>(at, ctConn | (ctDirection << 31));
  store<u32>(at, ctVersion, 4);
  trackedCount += 1;
}

/**
 * Runs a program from `at` to DP_END or `end`; says whether the packet is to be
 * looked up again.  `list` has the connections of OP_TRACKED.
 */
function run(at: usize, end: usize, packet: usize, flow: usize, depth: u32, passes: u32, list: usize): bool {
  while (at !== end) {
    const head = load<u32>(at);
    const next = at + (((head >> 8) & 0xff) << 2);
    switch (head & 0xff) {
      case DP_SET:
        if (!own(packet, 0)) return false;
        setWord(packet, flow, head >> 16, load<u64>(at, 4), load<u64>(at, 12));
        break;
      case OP_ADDRESSES:
        if (!own(packet, 0)) return false;
        setAddresses(at, packet, flow);
        break;
      case DP_OUTPUT:
        putOut(
          load<u32>(at, 4),
          load<u32>(packet, P_FRAME),
          load<u32>(packet, P_LENGTH),
          load<u32>(packet, P_INDEX),
          head >> 16,
        );
        store<u32>(packet, load<u32>(packet, P_STATE) | PS_SHARED, P_STATE);
        break;
      case OP_TRACKED:
        if (isTranslating(at) && !own(packet, 0)) return false;
        translateTracked(at, packet, flow, list);
        break;
      case DP_TUNNEL:
        sendThrough(packet, flow, load<u32>(at, 4), load<u32>(at, 8), load<u32>(at, 12), head >> 16);
        break;
      case DP_CT:
        if (!runTracking(at, next, end, packet, flow, depth, passes, list)) return false;
        break;
      case DP_RECIRC:
        store<u32>(flow + (W_IN << 3), load<u32>(at, 4), 4);
        if (load<u32>(packet, P_STATE) & PS_RETAGGED) readAnew(packet, flow);
        return true;
      case DP_CLONE: {
        const after = next + ((load<u32>(at, 4) as usize) << 2);
        runClone(next, after, packet, flow, depth, passes, list);
        at = after;
        continue;
      }
      case DP_PUSH_VLAN:
        if (!own(packet, 4)) return false;
        if (!pushTag(packet, flow, head >> 16)) {
          countDrop(DROP_TOO_LONG);
          return false;
        }
        break;
      case DP_POP_VLAN:
        if (!own(packet, 0)) return false;
        popTag(packet, flow);
        break;
      case DP_CT_CLEAR:
        clearConntrack(flow);
        break;
      case DP_PUNT:
        remembers = false;
        punt(packet, flow, load<u32>(at, 4), load<u32>(at, 8));
        break;
      case DP_METER:
        if (!passMeter(load<u32>(at, 4), load<u32>(packet, P_LENGTH))) {
          countDrop(DROP_METER);
          return false;
        }
        break;
      case DP_DROP:
        countDrop(head >> 16);
        break;
      default:
        assert((head & 0xff) === DP_END);
        return false;
    }
    at = next;
  }
  return false;
}

/** DP_CT; false if the packet does not go on. */
function runTracking(
  at: usize,
  next: usize,
  end: usize,
  packet: usize,
  flow: usize,
  depth: u32,
  passes: u32,
  list: usize,
): bool {
  assert((load<u8>(at, 1) as i32) === DP_CT_WORDS);
  if (load<u32>(at, 4) & CT_TRANSLATES && !own(packet, 0)) return false;
  const result = ctProcess(packet, flow, at);
  if (result === CTR_GO) {
    if (remembers) rememberTracked(flow, depth);
    return true;
  }
  remembers = false;
  if (result === CTR_HELD) return false;
  // The datagram is complete: all its fragments go on from here, this one first.
  const last = ctReleasedTo;
  const first = ctReleasedFrom;
  if (run(next, end, packet, flow, depth, passes, list)) comeAgain(packet, flow, depth, passes);
  for (let i = first; i < last; i++) {
    const released = ctReleased(i);
    const releasedFlow = released + PACKET_SIZE;
    if (run(next, end, released, releasedFlow, depth, passes, list)) comeAgain(released, releasedFlow, depth, passes);
  }
  return false;
}

/** Looks a packet up again that is not the one which the caller goes on with. */
function comeAgain(packet: usize, flow: usize, depth: u32, passes: u32): void {
  if (hashed !== 0) hashAgain(flow);
  if (passes + 1 < MAX_PASSES) passOn(packet, flow, 0, depth, passes + 1);
  else countDrop(DROP_RECIRC_LIMIT);
}

function runClone(body: usize, end: usize, packet: usize, flow: usize, depth: u32, passes: u32, list: usize): void {
  if (depth === MAX_DEPTH) {
    countDrop(DROP_TOO_DEEP);
    return;
  }
  const copy = CLONES + depth * (PACKET_SIZE + FLOW_SIZE);
  const copyFlow = copy + PACKET_SIZE;
  memory.copy(copy, packet, PACKET_SIZE);
  memory.copy(copyFlow, flow, FLOW_SIZE);
  store<u32>(copy, load<u32>(copy, P_STATE) | PS_SHARED, P_STATE);
  const before = outputsCount();
  if (run(body, end, copy, copyFlow, depth + 1, passes, list)) {
    remembers = false;
    comeAgain(copy, copyFlow, depth + 1, passes);
  }
  // What was put out may be the frame that both have.
  if (outputsCount() === before) return;
  store<u32>(packet, load<u32>(packet, P_STATE) | PS_SHARED, P_STATE);
  if (load<u32>(copy, P_FRAME) === load<u32>(packet, P_FRAME)) store<u32>(packet, load<u32>(copy, P_ROOM), P_ROOM);
}

/** Reads the frame of a packet whose tags were changed; what did not come with the frame stays. */
function readAnew(packet: usize, flow: usize): void {
  const state = load<u32>(packet, P_STATE) & ~PS_RETAGGED;
  const input = load<u64>(flow, W_IN << 3);
  const tunnel = load<u64>(flow, W_TUNNEL << 3);
  memory.copy(CONNTRACK, flow + (W_CT << 3), (KEY_WORDS - W_CT) << 3);
  extract(packet, flow);
  store<u64>(flow, input, W_IN << 3);
  store<u64>(flow, tunnel, W_TUNNEL << 3);
  memory.copy(flow + (W_CT << 3), CONNTRACK, (KEY_WORDS - W_CT) << 3);
  store<u32>(packet, state, P_STATE);
}

const CONNTRACK: usize = memory.data(6 * 8, 16);
