/**
 * Which bits of a packet's flow its translation has looked at, and so what the
 * megaflow that comes of it has to match.
 */
import { KEY_WORDS } from './layout';

/** Bits looked at: KEY_WORDS words of 64 bits. */
export const WC: usize = memory.data(22 * 8, 64);

/**
 * Bits of the flow that no longer hold what the packet came with, but what a
 * flow's action put there: FLOW_WORDS words.  Looking at them tells nothing of the packet.
 */
export const KNOWN: usize = memory.data(32 * 8, 64);

/** Notes that these bits of a word of the flow were looked at.  Metadata (from KEY_WORDS on) is not noted. */
export function look(word: u32, mask: u64): void {
  if (word < <u32>KEY_WORDS) {
    const at = (<usize>word) << 3;
    store<u64>(WC + at, load<u64>(WC + at) | (mask & ~load<u64>(KNOWN + at)));
  }
}
