/** The checksum of the transport segment of a parsed frame: whether it is right, and setting it. */
import { be16, mark, setBe16 } from './bytes';
import { add, fold, pseudoHeader } from './checksum';
import { ICMP_CHECKSUM } from './icmp';
import {
  DST,
  END,
  L4,
  LAYER_ICMP4,
  LAYER_ICMP6,
  LAYER_IP4,
  LAYER_TCP,
  LAYER_UDP,
  LAYERS,
  PROBLEM_L4_CHECKSUM,
  PROBLEM_UDP6_NO_CHECKSUM,
  PROBLEMS,
  PROTO,
  SRC,
} from './layout';
import { isUdpLength, TCP_CHECKSUM, UDP_CHECKSUM, UDP_LENGTH } from './transport';

/** Marks what is wrong with the checksum of a whole, unfragmented segment. */
export function verifySegment(frame: usize, out: usize): void {
  const field = checksumOffset(out);
  if (field === 0) return;
  const layers = load<u32>(out + LAYERS);
  if (layers & LAYER_UDP && be16(frame + load<u32>(out + L4) + field) === 0) {
    // In IPv4 the sender may leave it out.
    if (!(layers & LAYER_IP4)) mark(out + PROBLEMS, PROBLEM_UDP6_NO_CHECKSUM);
    return;
  }
  if (segmentChecksum(frame, out) !== 0) mark(out + PROBLEMS, PROBLEM_L4_CHECKSUM);
}

/** Writes the right checksum into the frame, if the segment has a field for it. */
export function fillSegment(frame: usize, out: usize): void {
  const field = checksumOffset(out);
  if (field === 0) return;
  const at = frame + load<u32>(out + L4) + field;
  setBe16(at, 0);
  const check = segmentChecksum(frame, out);
  // Zero says "no checksum" in UDP; its other form is all ones (RFC 768).
  setBe16(at, check === 0 && load<u32>(out + LAYERS) & LAYER_UDP ? 0xffff : check);
}

/** Where the segment has its checksum, 0 if it has none of this kind. */
function checksumOffset(out: usize): u32 {
  const layers = load<u32>(out + LAYERS);
  if (layers & LAYER_TCP) return TCP_CHECKSUM;
  if (layers & LAYER_UDP) return UDP_CHECKSUM;
  return layers & (LAYER_ICMP4 | LAYER_ICMP6) ? ICMP_CHECKSUM : 0;
}

function segmentChecksum(frame: usize, out: usize): u32 {
  const layers = load<u32>(out + LAYERS);
  const at = frame + load<u32>(out + L4);
  const length = segmentLength(at, load<u32>(out + END) - load<u32>(out + L4), layers);
  if (layers & LAYER_ICMP4) return fold(add(0, at, length));
  const size: u32 = layers & LAYER_IP4 ? 4 : 16;
  return fold(add(pseudoHeader(out + SRC, out + DST, size, load<u8>(out + PROTO), length), at, length));
}

/** UDP says itself how long it is; what follows in the packet is not covered. */
function segmentLength(at: usize, length: u32, layers: u32): u32 {
  if (!(layers & LAYER_UDP)) return length;
  const said = be16(at + UDP_LENGTH);
  return isUdpLength(said, length) ? said : length;
}
