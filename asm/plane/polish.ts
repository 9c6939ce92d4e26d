/**
 * Datapath programs as they are kept: what is often done together is one
 * instruction.  Both Ethernet addresses, which every router sets:
 *
 *     OP_ADDRESSES: words ETH_DST and ETH_SRC of the flow: values (4), masks (4);
 *                   the first sixteen bytes of the frame: values (4), masks (4)
 */
import { DP_SET, P_FRAME, P_LENGTH, P_STATE, PS_SHARED, W_ETH_DST, W_ETH_SRC } from './layout';

export const OP_ADDRESSES: u32 = 33;
const ADDRESSES_WORDS: u32 = 17;
const SET_WORDS: u32 = 5;
const MAC: u64 = 0xffffffffffff;

/** Words that a program may become longer by. */
export const POLISH_WORDS: u32 = ADDRESSES_WORDS - 2 * SET_WORDS;

/** Copies a program of `words` words to `to`, with the first setting of both addresses as one; gives the words written. */
export function polish(program: usize, words: u32, to: usize): u32 {
  let at: u32 = 0;
  while (at < words) {
    const length: u32 = load<u8>(program + (at << 2), 1);
    assert(length !== 0 && length <= words - at);
    if (areAddresses(program, at, words)) {
      memory.copy(to, program, at << 2);
      mergeAddresses(program + (at << 2), to + (at << 2));
      const rest = at + 2 * SET_WORDS;
      memory.copy(to + ((at + ADDRESSES_WORDS) << 2), program + (rest << 2), (words - rest) << 2);
      return words + POLISH_WORDS;
    }
    // What stands in a clone is counted by the words before it.
    if (load<u8>(program + (at << 2)) !== DP_SET) break;
    at += length;
  }
  memory.copy(to, program, words << 2);
  return words;
}

function areAddresses(program: usize, at: u32, words: u32): bool {
  if (at + 2 * SET_WORDS > words) return false;
  const first = program + (at << 2);
  const second = first + (SET_WORDS << 2);
  return isSet(first, W_ETH_DST) && isSet(second, W_ETH_SRC);
}

/** Whether an instruction sets nothing but the address in a word. */
function isSet(at: usize, word: u32): bool {
  const head = DP_SET | (SET_WORDS << 8) | (word << 16);
  return load<u32>(at) === (head as u32) && (load<u64>(at, 12) & ~MAC) === 0;
}

function mergeAddresses(from: usize, to: usize): void {
  store<u32>(to, OP_ADDRESSES | (ADDRESSES_WORDS << 8));
  const second = from + (SET_WORDS << 2);
  const values = i64x2.replace_lane(i64x2.splat(load<u64>(from, 4)), 1, load<u64>(second, 4));
  const masks = i64x2.replace_lane(i64x2.splat(load<u64>(from, 12)), 1, load<u64>(second, 12));
  v128.store(to, values, 4);
  v128.store(to, masks, 20);
  v128.store(to, asSent(values), 36);
  v128.store(to, asSent(masks), 52);
}

/** Both addresses in the order of sending, as a frame begins. */
function asSent(words: v128): v128 {
  const zero = i64x2.splat(0);
  return v128.shuffle<u8>(words, zero, 5, 4, 3, 2, 1, 0, 13, 12, 11, 10, 9, 8, 16, 16, 16, 16);
}

/** Runs OP_ADDRESSES; the frame is the packet's own. */
export function setAddresses(at: usize, packet: usize, flow: usize): void {
  assert(!(load<u32>(packet, P_STATE) & PS_SHARED) && load<u32>(packet, P_LENGTH) >= 14);
  v128.store(flow, v128.bitselect(v128.load(at, 4), v128.load(flow), v128.load(at, 20)));
  const frame: usize = load<u32>(packet, P_FRAME);
  // The two bytes behind the Ethernet header stay as they are; they may be read.
  v128.store(frame, v128.bitselect(v128.load(at, 36), v128.load(frame), v128.load(at, 52)));
}
