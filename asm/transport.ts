/** TCP (RFC 9293), UDP (RFC 768), SCTP (RFC 9260): ports, TCP flags, header lengths. */
import { be16, mark } from './bytes';
import {
  L4_DST,
  L4_SRC,
  LAYER_SCTP,
  LAYER_TCP,
  LAYER_UDP,
  LAYERS,
  PROBLEM_L4_SHORT,
  PROBLEM_TCP_OFFSET,
  PROBLEM_UDP_LENGTH,
  PROBLEMS,
  TCP_FLAGS,
} from './layout';

/** Offsets that all three share. */
const SRC_PORT: u32 = 0;
const DST_PORT: u32 = 2;

const TCP_OFFSET_FLAGS: u32 = 12;
export const TCP_CHECKSUM: u32 = 16;
const TCP_HEADER: u32 = 20;
const FLAGS_MASK: u32 = 0xfff;

export const UDP_LENGTH: u32 = 4;
export const UDP_CHECKSUM: u32 = 6;
export const UDP_HEADER: u32 = 8;

const SCTP_HEADER: u32 = 12;

/**
 * Gives the length of the header with its options, 0 if it is cut off.  Where the data offset cannot be, there
 * are no ports and no flags, and the header is taken for the shortest one: Open vSwitch since 3.1, lib/flow.c.
 */
export function parseTcp(at: usize, length: u32, out: usize): u32 {
  const word: u32 = length < TCP_HEADER ? 0 : be16(at + TCP_OFFSET_FLAGS);
  const header = (word >> 12) * 4;
  if (length >= TCP_HEADER && (header < TCP_HEADER || header > length)) {
    mark(out + PROBLEMS, PROBLEM_TCP_OFFSET);
    return TCP_HEADER;
  }
  if (!parsePorts(at, length, out, TCP_HEADER, LAYER_TCP)) return 0;
  store<u16>(out + TCP_FLAGS, (word & FLAGS_MASK) as u16);
  return header;
}

/** Gives the length of the header, 0 if it is cut off. */
export function parseUdp(at: usize, length: u32, out: usize): u32 {
  if (!parsePorts(at, length, out, UDP_HEADER, LAYER_UDP)) return 0;
  if (!isUdpLength(be16(at + UDP_LENGTH), length)) mark(out + PROBLEMS, PROBLEM_UDP_LENGTH);
  return UDP_HEADER;
}

/** Whether a UDP length can be, in a packet that has `length` bytes for it. */
export function isUdpLength(said: u32, length: u32): bool {
  return said >= UDP_HEADER && said <= length;
}

/** Gives the length of the common header, 0 if it is cut off. */
export function parseSctp(at: usize, length: u32, out: usize): u32 {
  return parsePorts(at, length, out, SCTP_HEADER, LAYER_SCTP) ? SCTP_HEADER : 0;
}

function parsePorts(at: usize, length: u32, out: usize, header: u32, layer: u32): bool {
  if (length < header) {
    mark(out + PROBLEMS, PROBLEM_L4_SHORT);
    return false;
  }
  store<u16>(out + L4_SRC, be16(at + SRC_PORT) as u16);
  store<u16>(out + L4_DST, be16(at + DST_PORT) as u16);
  mark(out + LAYERS, layer);
  return true;
}
