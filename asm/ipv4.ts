/** IPv4 (RFC 791), with options and fragments. */
import { be16, mark } from './bytes';
import { checksum } from './checksum';
import {
  DST,
  END,
  FRAG,
  FRAG_ANY,
  FRAG_LATER,
  FRAG_OFFSET,
  L4,
  LAYER_IP,
  LAYER_IP4,
  LAYERS,
  PROTO as PARSED_PROTO,
  TOS as PARSED_TOS,
  TTL as PARSED_TTL,
  PROBLEM_IP_TRUNCATED,
  PROBLEM_IP_VERSION,
  PROBLEM_IP4_CHECKSUM,
  PROBLEM_IP4_HEADER_LENGTH,
  PROBLEM_IP4_SHORT,
  PROBLEMS,
  SRC,
} from './layout';

/** Offsets in the header. */
const VERSION_IHL: u32 = 0;
const TOS: u32 = 1;
const TOTAL_LENGTH: u32 = 2;
const FRAGMENT: u32 = 6;
const TTL: u32 = 8;
const PROTO: u32 = 9;
export const IP4_CHECKSUM: u32 = 10;
const SOURCE: u32 = 12;
const DESTINATION: u32 = 16;
const HEADER: u32 = 20;

const MORE_FRAGMENTS: u32 = 0x2000;
const OFFSET_MASK: u32 = 0x1fff;

/** The length of the header at `at` in bytes, by its own word. */
export function ip4HeaderLength(at: usize): u32 {
  return (load<u8>(at + VERSION_IHL) & 15) * 4;
}

/**
 * Parses the header at offset `at` of a frame of `length` bytes; says whether
 * a transport header is to be looked for.  A header that contradicts itself
 * leaves the packet without fields, as in Open vSwitch.
 */
export function parseIp4(frame: usize, at: u32, length: u32, out: usize): bool {
  const header = frame + at;
  const size = length - at;
  if (size < HEADER) return fail(out, PROBLEM_IP4_SHORT);
  if (load<u8>(header + VERSION_IHL) >> 4 !== 4) mark(out + PROBLEMS, PROBLEM_IP_VERSION);
  const headerLength = ip4HeaderLength(header);
  const total = be16(header + TOTAL_LENGTH);
  if (headerLength < HEADER || headerLength > total) return fail(out, PROBLEM_IP4_HEADER_LENGTH);
  if (total > size) return fail(out, PROBLEM_IP_TRUNCATED);

  if (checksum(header, headerLength) !== 0) mark(out + PROBLEMS, PROBLEM_IP4_CHECKSUM);
  store<u32>(out + SRC, load<u32>(header + SOURCE));
  store<u32>(out + DST, load<u32>(header + DESTINATION));
  store<u8>(out + PARSED_TOS, load<u8>(header + TOS));
  store<u8>(out + PARSED_TTL, load<u8>(header + TTL));
  store<u8>(out + PARSED_PROTO, load<u8>(header + PROTO));
  store<u32>(out + L4, at + headerLength);
  store<u32>(out + END, at + total);
  mark(out + LAYERS, LAYER_IP4 | LAYER_IP);
  return !parseFragment(be16(header + FRAGMENT), out);
}

/** Says whether the packet is a fragment that carries no transport header. */
function parseFragment(word: u32, out: usize): bool {
  const offset = word & OFFSET_MASK;
  if (offset === 0 && (word & MORE_FRAGMENTS) === 0) return false;
  store<u8>(out + FRAG, offset === 0 ? FRAG_ANY : FRAG_ANY | FRAG_LATER);
  store<u16>(out + FRAG_OFFSET, (offset * 8) as u16);
  return offset !== 0;
}

function fail(out: usize, problem: u32): bool {
  mark(out + PROBLEMS, problem);
  return false;
}
