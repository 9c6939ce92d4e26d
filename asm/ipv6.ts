/** IPv6 (RFC 8200): hop-by-hop, destination, routing, authentication (RFC 4302) and fragment headers. */
import { be16, be32, copyIp6, mark } from './bytes';
import {
  DST,
  END,
  FRAG,
  FRAG_ANY,
  FRAG_LATER,
  FRAG_OFFSET,
  IP6_LABEL,
  L4,
  LAYER_IP,
  LAYER_IP6,
  LAYERS,
  PROBLEM_IP_TRUNCATED,
  PROBLEM_IP_VERSION,
  PROBLEM_IP6_EXTENSION,
  PROBLEM_IP6_SHORT,
  PROBLEMS,
  PROTO,
  SRC,
  TOS,
  TTL,
} from './layout';

/** Offsets in the header. */
const VERSION_CLASS_LABEL: u32 = 0;
const PAYLOAD_LENGTH: u32 = 4;
const NEXT: u32 = 6;
const HOP_LIMIT: u32 = 7;
const SOURCE: u32 = 8;
const DESTINATION: u32 = 24;
const HEADER: u32 = 40;

/** Offsets in an extension header; the least length of one is 8 bytes. */
const EXT_NEXT: u32 = 0;
const EXT_LENGTH: u32 = 1;
const EXT_SEGMENTS_LEFT: u32 = 3;
const EXT_FRAGMENT: u32 = 2;
const EXT_MIN: u32 = 8;

const LABEL_MASK: u32 = 0xfffff;
const OFFSET_MASK: u32 = 0xfff8;
const MORE_FRAGMENTS: u32 = 1;

const HOP_BY_HOP: u32 = 0;
const ROUTING: u32 = 43;
const FRAGMENT: u32 = 44;
const AUTHENTICATION: u32 = 51;
const DESTINATION_OPTIONS: u32 = 60;

/** What `parseIp6` found out about the transport header. */
export const TRANSPORT_NONE: u32 = 0;
export const TRANSPORT: u32 = 1;
/** A routing header has segments left: the checksum is that of the final destination, which we do not look for. */
export const TRANSPORT_ROUTED: u32 = 2;

/**
 * Parses the header at offset `at` of a frame of `length` bytes; says whether
 * a transport header is to be looked for.
 */
export function parseIp6(frame: usize, at: u32, length: u32, out: usize): u32 {
  const header = frame + at;
  if (length - at < HEADER) return fail(out, PROBLEM_IP6_SHORT);
  const first = be32(header + VERSION_CLASS_LABEL);
  if (first >> 28 !== 6) mark(out + PROBLEMS, PROBLEM_IP_VERSION);
  const payload = be16(header + PAYLOAD_LENGTH);
  if (payload > length - at - HEADER) return fail(out, PROBLEM_IP_TRUNCATED);

  copyIp6(out + SRC, header + SOURCE);
  copyIp6(out + DST, header + DESTINATION);
  store<u32>(out + IP6_LABEL, first & LABEL_MASK);
  store<u32>(out + END, at + HEADER + payload);
  mark(out + LAYERS, LAYER_IP6);
  const found = parseExtensions(frame, at + HEADER, at + HEADER + payload, load<u8>(header + NEXT), out);
  // Where the extension headers are broken, these fields stay zero, as in Open vSwitch.
  if (load<u32>(out + LAYERS) & LAYER_IP) {
    store<u8>(out + TOS, (first >> 20) as u8);
    store<u8>(out + TTL, load<u8>(header + HOP_LIMIT));
  }
  return found;
}

/** Every round goes at least eight bytes on, so a hostile chain ends with the packet. */
function parseExtensions(frame: usize, at: u32, end: u32, next: u32, out: usize): u32 {
  let found: u32 = TRANSPORT;
  while (isExtension(next)) {
    if (end - at < EXT_MIN) return fail(out, PROBLEM_IP6_EXTENSION);
    const header = frame + at;
    const kind = next;
    const size = extensionLength(header, kind);
    if (end - at < size) return fail(out, PROBLEM_IP6_EXTENSION);
    next = load<u8>(header + EXT_NEXT);
    at += size;
    if (kind === ROUTING && load<u8>(header + EXT_SEGMENTS_LEFT) !== 0) found = TRANSPORT_ROUTED;
    if (kind === FRAGMENT && parseFragment(be16(header + EXT_FRAGMENT), out)) {
      next = FRAGMENT;
      found = TRANSPORT_NONE;
      break;
    }
  }
  store<u8>(out + PROTO, next as u8);
  store<u32>(out + L4, at);
  mark(out + LAYERS, LAYER_IP);
  return found;
}

function isExtension(next: u32): bool {
  return (
    next === HOP_BY_HOP ||
    next === ROUTING ||
    next === FRAGMENT ||
    next === AUTHENTICATION ||
    next === DESTINATION_OPTIONS
  );
}

function extensionLength(header: usize, kind: u32): u32 {
  const length: u32 = load<u8>(header + EXT_LENGTH);
  if (kind === FRAGMENT) return EXT_MIN;
  // RFC 4302 counts in units of four bytes, and from two.
  return kind === AUTHENTICATION ? (length + 2) * 4 : (length + 1) * 8;
}

/** Says whether the packet is a fragment that carries no transport header. */
function parseFragment(word: u32, out: usize): bool {
  const offset = word & OFFSET_MASK;
  // An atomic fragment (RFC 6946) is a whole packet.
  if (offset === 0 && (word & MORE_FRAGMENTS) === 0) return false;
  store<u8>(out + FRAG, offset === 0 ? FRAG_ANY : FRAG_ANY | FRAG_LATER);
  store<u16>(out + FRAG_OFFSET, offset as u16);
  return offset !== 0;
}

function fail(out: usize, problem: u32): u32 {
  mark(out + PROBLEMS, problem);
  return TRANSPORT_NONE;
}
