/**
 * Hashes of flows.
 *
 * All but the symmetric one start from a seed, so that nobody who sends frames
 * can know which of them fall together.
 */
import { B_ETH_TYPE, W_IN, W_IP4, W_IP6_DST, W_IP6_SRC, W_L4 } from './layout';
import { TYPE_IP6 } from './rewrite';

/** Odd numbers of 64 bits whose ones are spread. */
const FACTOR: u64 = ((0x9e3779b9 as u64) << 32) | 0x7f4a7c15;
const FACTOR_HIGH: u64 = ((0xc2b2ae3d as u64) << 32) | 0x27d4eb4f;
const FACTOR_LOW: u64 = ((0x165667b1 as u64) << 32) | 0x9e3779f9;
const FACTOR_LAST: u64 = ((0xd6e8feb8 as u64) << 32) | 0x6659fd93;

let seed: u64 = FACTOR_LAST;

/** Sets the seed: before the first packet, as every table is ordered by it. */
export function setSeed(low: u32, high: u32): void {
  seed = ((high as u64) << 32) | (low as u64);
}

/** The start of a hash that `mix` goes on with and `finish` ends; `salt` tells kinds of hashes apart. */
export function begin(salt: u32): u64 {
  return seed ^ ((salt as u64) * FACTOR_HIGH);
}

/** Takes in a word. */
export function mix(hash: u64, word: u64): u64 {
  hash = (hash ^ word) * FACTOR;
  return hash ^ (hash >> 32);
}

/** All 32 bits are good ones. */
export function finish(hash: u64): u32 {
  hash *= FACTOR_LAST;
  return (hash >> 32) as u32;
}

/** Of what tells one direction of a connection from others: Ethernet, addresses, ports, where it came in. */
export function packetHash(flow: usize): u32 {
  const first = load<u64>(flow);
  let hash = mix(seed, first);
  hash = mix(hash, load<u64>(flow, 8));
  hash = mix(hash, load<u64>(flow, W_IP4 << 3));
  hash = mix(hash, load<u64>(flow, W_L4 << 3));
  hash = mix(hash, load<u64>(flow, W_IN << 3));
  if (((first >> B_ETH_TYPE) as u32) === TYPE_IP6) {
    hash = mix(hash, load<u64>(flow, W_IP6_SRC << 3));
    hash = mix(hash, load<u64>(flow, (W_IP6_SRC + 1) << 3));
    hash = mix(hash, load<u64>(flow, W_IP6_DST << 3));
    hash = mix(hash, load<u64>(flow, (W_IP6_DST + 1) << 3));
  }
  return finish(hash);
}

/** Of addresses, protocol and ports; the same for both directions of a connection, and in every engine. */
export function symmetricHash(flow: usize): u32 {
  const ip4 = load<u64>(flow, W_IP4 << 3);
  const l4 = load<u64>(flow, W_L4 << 3);
  const high = load<u64>(flow, W_IP6_SRC << 3) ^ load<u64>(flow, W_IP6_DST << 3);
  const low = load<u64>(flow, (W_IP6_SRC + 1) << 3) ^ load<u64>(flow, (W_IP6_DST + 1) << 3);
  const ports = ((l4 >> 48) ^ (l4 >> 32)) & 0xffff;
  const addresses = ((ip4 >> 32) ^ ip4) & 0xffffffff;
  let hash = mix(FACTOR_LAST, addresses ^ (ports << 32) ^ ((l4 & 0xff) << 48));
  hash ^= high * FACTOR_HIGH;
  hash ^= low * FACTOR_LOW;
  return finish(hash ^ (hash >> 32));
}
