/**
 * Chains: the megaflows that packets of established connections go through, one
 * after the other, as one program.
 *
 * Look-ups of connections on the way are in the program as OP_TRACKED: on the
 * entry of a packet's connection (`connections.ts`) stands which connection each
 * of them found.  Connections by the thousand share a chain.
 *
 * A chain, 128 bytes:
 *
 *      0 | version, even: free       | next in its list          | megaflows | connections
 *     16 | program, a block; 0: these megaflows make no chain    | used      | other words (count) | CHAIN_LANES (express.ts)
 *     32 | packets (u64)                                         | bytes (u64)
 *     48 | the megaflows, CHAIN_MEGAFLOWS at most
 *     72 | numbers of other words of the flow that were looked at, u8 each
 *     80 | their masks, CHAIN_OTHERS at most
 */
import { reserve } from './arena';
import { giveBlock, takeBlock } from './blocks';
import { begin, finish, mix } from './hash';
import {
  B_ETH_TYPE,
  CT_TRANSLATES,
  DP_CLONE,
  DP_CT,
  DP_END,
  DP_PUNT,
  DP_RECIRC,
  PACKET_WORDS,
  W_DERIVED,
  W_IP6_DST,
  W_IP6_LABEL,
  W_IP6_SRC,
  W_L4,
} from './layout';
import { maskWord } from './masks';
import {
  countMegaflow,
  MEGAFLOW_MASK,
  MF_CHAINED,
  megaflowFlags,
  megaflowProgram,
  setMegaflowFlags,
  whenChained,
} from './megaflows';
import { TYPE_IP6 } from './rewrite';

/** Instruction of chains only: argument: number of the connection, and 256 if it translates; operand: the zone (1). */
export const OP_TRACKED: u32 = 32;

export const CHAIN_MEGAFLOWS: u32 = 6;
/** The most connections on a chain. */
export const CHAIN_CONNECTIONS: u32 = 4;
const CHAIN_OTHERS: u32 = 5;
const CHAIN_OTHERS_IP6: u32 = 3;

const CHAIN_SIZE: u32 = 128;
const MAX_CHAINS: u32 = 4096;
const HEADS: u32 = 4096;
export const CHAIN_VERSION: u32 = 0;
const NEXT: u32 = 4;
const MEGAFLOWS: u32 = 8;
export const CHAIN_TRACKED: u32 = 12;
export const CHAIN_PROGRAM: u32 = 16;
const USED: u32 = 20;
export const CHAIN_OTHER_COUNT: u32 = 24;
/** Whether its packets may have lanes. */
export const CHAIN_LANES: u32 = 28;
const PACKETS: u32 = 32;
const BYTES: u32 = 40;
const LIST: u32 = 48;
export const CHAIN_OTHER_NUMBERS: u32 = 72;
export const CHAIN_OTHER_MASKS: u32 = 80;

const SALT: u32 = 4;
const ALL: u64 = ~(0 as u64);

let chains: usize = 0;
let heads: usize = 0;
let free: usize = 0;
let unused: u32 = 0;

/** Takes memory; false if there is none. */
export function initChains(): bool {
  chains = reserve(MAX_CHAINS * CHAIN_SIZE);
  heads = reserve(HEADS * 4);
  whenChained(onMegaflow);
  return chains !== 0 && heads !== 0;
}

/**
 * The chain of `count` megaflows (u32 each) at `list`, found or made, for
 * packets like `flow`; 0 if there is none: too long, or with something on the
 * way that every packet has to do anew.
 */
export function joinChain(list: usize, count: u32, flow: usize): usize {
  if (count > CHAIN_MEGAFLOWS) return 0;
  const head = heads + (chainHash(list, count) << 2);
  let chain: usize = load<u32>(head);
  while (chain !== 0 && !isChain(chain, list, count)) chain = load<u32>(chain, NEXT);
  if (chain === 0) chain = makeChain(head, list, count, flow);
  return chain !== 0 && load<u32>(chain, CHAIN_PROGRAM) !== 0 ? chain : 0;
}

/** Counts packets that went by a chain. */
export function countChain(chain: usize, packets: u32, bytes: u32, used: u32): void {
  store<u64>(chain, load<u64>(chain, PACKETS) + (packets as u64), PACKETS);
  store<u64>(chain, load<u64>(chain, BYTES) + (bytes as u64), BYTES);
  store<u32>(chain, used, USED);
}

function chainHash(list: usize, count: u32): u32 {
  let hash = begin(SALT);
  for (let i: u32 = 0; i < count; i++) hash = mix(hash, load<u32>(list + (i << 2)));
  return finish(hash) & (HEADS - 1);
}

function isChain(chain: usize, list: usize, count: u32): bool {
  if (load<u32>(chain, MEGAFLOWS) !== count) return false;
  for (let i: u32 = 0; i < count; i++) {
    if (load<u32>(chain + LIST + (i << 2)) !== load<u32>(list + (i << 2))) return false;
  }
  return true;
}

function makeChain(head: usize, list: usize, count: u32, flow: usize): usize {
  const chain = free !== 0 ? free : unused < MAX_CHAINS ? chains + unused * CHAIN_SIZE : 0;
  if (chain === 0) return 0;
  if (free !== 0) free = load<u32>(chain, NEXT);
  else unused += 1;
  const version = load<u32>(chain, CHAIN_VERSION);
  memory.fill(chain, 0, CHAIN_SIZE);
  store<u32>(chain, version + 1, CHAIN_VERSION);
  store<u32>(chain, load<u32>(head), NEXT);
  store<u32>(head, chain as u32);
  store<u32>(chain, count, MEGAFLOWS);
  for (let i: u32 = 0; i < count; i++) {
    const megaflow: usize = load<u32>(list + (i << 2));
    store<u32>(chain + LIST + (i << 2), megaflow as u32);
    setMegaflowFlags(megaflow, megaflowFlags(megaflow) | MF_CHAINED);
  }
  if (setOthers(chain, flow)) store<u32>(chain, joinPrograms(chain) as u32, CHAIN_PROGRAM);
  return chain;
}

function megaflowOf(chain: usize, i: u32): usize {
  return load<u32>(chain + LIST + (i << 2));
}

/** Notes which words of the flow were looked at besides those that every entry of a connection has. */
function setOthers(chain: usize, flow: usize): bool {
  const isIp6 = ((load<u64>(flow) >> B_ETH_TYPE) as u32) === TYPE_IP6;
  const most: u32 = isIp6 ? CHAIN_OTHERS_IP6 : CHAIN_OTHERS;
  let count: u32 = 0;
  for (let word: u32 = 0; word < (PACKET_WORDS as u32); word++) {
    if (isInEntry(word, isIp6)) continue;
    const looked = lookedAt(chain, word);
    if (looked === 0) continue;
    if (count === most) return false;
    store<u8>(chain + CHAIN_OTHER_NUMBERS + count, word as u8);
    store<u64>(chain + CHAIN_OTHER_MASKS + (count << 3), word === (W_DERIVED as u32) ? looked : ALL);
    count += 1;
  }
  store<u32>(chain, count, CHAIN_OTHER_COUNT);
  return true;
}

/** Whether all of a word is compared for every connection, or is the same for all packets of its kind. */
function isInEntry(word: u32, isIp6: bool): bool {
  if (word <= (W_L4 as u32) || word === 5) return true;
  const wide = word >= (W_IP6_SRC as u32) && word < (W_IP6_DST as u32) + 2;
  return isIp6 ? wide : wide || word === (W_IP6_LABEL as u32);
}

/** Bits of a word that any of the megaflows matches. */
function lookedAt(chain: usize, word: u32): u64 {
  let looked: u64 = 0;
  for (let i: u32 = 0; i < load<u32>(chain, MEGAFLOWS); i++) {
    looked |= maskWord(load<u32>(megaflowOf(chain, i), MEGAFLOW_MASK), word);
  }
  return looked;
}

/** One program of all: RECIRC is to go on with the next, CT becomes OP_TRACKED.  0 if that cannot be. */
function joinPrograms(chain: usize): usize {
  const count = load<u32>(chain, MEGAFLOWS);
  let bytes: u32 = 8;
  for (let i: u32 = 0; i < count; i++) bytes += programBytes(megaflowProgram(megaflowOf(chain, i)));
  const block = takeBlock(bytes);
  if (block === 0) return 0;
  let to = block;
  for (let i: u32 = 0; i < count; i++) {
    to = appendProgram(chain, megaflowProgram(megaflowOf(chain, i)), to, i + 1 < count);
    if (to === 0) {
      giveBlock(block);
      return 0;
    }
  }
  store<u32>(to, DP_END | (1 << 8));
  return block;
}

function programBytes(program: usize): u32 {
  let at = program;
  while ((load<u8>(at) as i32) !== DP_END) at += (load<u8>(at, 1) as usize) << 2;
  return (at - program) as u32;
}

/** Where the joined program goes on; 0 if the program is not one that can be joined. */
function appendProgram(chain: usize, program: usize, to: usize, hasNext: bool): usize {
  let cloneEnd: usize = 0;
  let at = program;
  while (true) {
    const opcode: i32 = load<u8>(at);
    const bytes = (load<u8>(at, 1) as usize) << 2;
    if (opcode === DP_END) return hasNext ? 0 : to;
    if (opcode === DP_PUNT) return 0;
    if (opcode === DP_RECIRC) return hasNext && at >= cloneEnd ? to : 0;
    if (opcode === DP_CT) {
      if (at < cloneEnd) return 0;
      to = appendTracked(chain, load<u32>(at) >> 16, load<u32>(at, 4), to);
      if (to === 0) return 0;
    } else {
      memory.copy(to, at, bytes);
      to += bytes;
    }
    at += bytes;
    if (opcode === DP_CLONE && at + (load<u32>(at - 4) << 2) > cloneEnd) cloneEnd = at + (load<u32>(at - 4) << 2);
  }
}

function appendTracked(chain: usize, zone: u32, flags: u32, to: usize): usize {
  const number = load<u32>(chain, CHAIN_TRACKED);
  if (number === CHAIN_CONNECTIONS) return 0;
  store<u32>(chain, number + 1, CHAIN_TRACKED);
  const translates: u32 = flags & CT_TRANSLATES ? 256 : 0;
  store<u32>(to, OP_TRACKED | (2 << 8) | ((number | translates) << 16));
  store<u32>(to, zone, 4);
  return to + 8;
}

/** Gives a chain's packets to its megaflows. */
function pushCounters(chain: usize): void {
  const packets = load<u64>(chain, PACKETS);
  if (packets === 0) return;
  const bytes = load<u64>(chain, BYTES);
  const used = load<u32>(chain, USED);
  for (let i: u32 = 0; i < load<u32>(chain, MEGAFLOWS); i++) countMegaflow(megaflowOf(chain, i), packets, bytes, used);
  store<u64>(chain, 0, PACKETS);
  store<u64>(chain, 0, BYTES);
}

/** A megaflow goes, and its chains with it; or it wants to know what went by it. */
function onMegaflow(megaflow: usize, gone: bool): void {
  for (let i: u32 = 0; i < unused; i++) {
    const chain = chains + i * CHAIN_SIZE;
    if (!(load<u32>(chain, CHAIN_VERSION) & 1) || !hasMegaflow(chain, megaflow)) continue;
    pushCounters(chain);
    if (gone) dropChain(chain);
  }
}

function hasMegaflow(chain: usize, megaflow: usize): bool {
  for (let i: u32 = 0; i < load<u32>(chain, MEGAFLOWS); i++) {
    if (megaflowOf(chain, i) === megaflow) return true;
  }
  return false;
}

function dropChain(chain: usize): void {
  let link = heads + (chainHash(chain + LIST, load<u32>(chain, MEGAFLOWS)) << 2);
  while ((load<u32>(link) as usize) !== chain) link = load<u32>(link) + NEXT;
  store<u32>(link, load<u32>(chain, NEXT));
  const program: usize = load<u32>(chain, CHAIN_PROGRAM);
  if (program !== 0) giveBlock(program);
  store<u32>(chain, load<u32>(chain, CHAIN_VERSION) + 1, CHAIN_VERSION);
  store<u32>(chain, free as u32, NEXT);
  free = chain;
}
