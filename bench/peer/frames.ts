/**
 * Frames to measure with: UDP in IPv4 in Ethernet, 60 bytes as the shortest that
 * a wire carries has them (without its checksum), all checksums right.  Many at
 * once and quickly: the same call gives the same bytes.
 */
import type { WrittenFrame } from '../../engine/capture/index.ts';

/** What one frame says; addresses of IPv4 as numbers. */
export interface UdpFrame {
  /** MAC addresses, as six bytes each with colons between. */
  ethSrc: string;
  ethDst: string;
  ipSrc: number;
  ipDst: number;
  udpSrc: number;
  udpDst: number;
}

export const frameSize = 60;

/** IEEE 802.3, RFC 791, RFC 768: where what differs between frames stands. */
const ipAt = 14;
const ipChecksumAt = ipAt + 10;
const ipSrcAt = ipAt + 12;
const ipDstAt = ipAt + 16;
const udpAt = ipAt + 20;
const udpChecksumAt = udpAt + 6;
const ipLength = frameSize - ipAt;
const udpLength = frameSize - udpAt;

/** Writes a frame; throws a RangeError if there is no room for it. */
export function writeUdpFrame(to: Uint8Array, at: number, frame: UdpFrame): void {
  if (at + frameSize > to.length) throw new RangeError('no room for a frame');
  const view = new DataView(to.buffer, to.byteOffset + at, frameSize);
  for (let i = 0; i < frameSize; i++) view.setUint8(i, 0);
  writeMac(view, 0, frame.ethDst);
  writeMac(view, 6, frame.ethSrc);
  view.setUint16(12, 0x800);
  view.setUint16(ipAt, 0x4500);
  view.setUint16(ipAt + 2, ipLength);
  // Don't fragment; time to live 64; UDP.
  view.setUint16(ipAt + 6, 0x4000);
  view.setUint16(ipAt + 8, (64 << 8) | 17);
  view.setUint32(ipSrcAt, frame.ipSrc);
  view.setUint32(ipDstAt, frame.ipDst);
  view.setUint16(ipChecksumAt, checksum(sumOf(view, ipAt, udpAt)));
  view.setUint16(udpAt, frame.udpSrc);
  view.setUint16(udpAt + 2, frame.udpDst);
  view.setUint16(udpAt + 4, udpLength);
  const pseudoHeader = sumOf(view, ipSrcAt, udpAt) + 17 + udpLength;
  // Zero would say that there is no checksum.
  view.setUint16(udpChecksumAt, checksum(pseudoHeader + sumOf(view, udpAt, frameSize)) || 0xffff);
}

/** So many frames as a capture has them, a microsecond apart. */
export function udpFrames(count: number, frameOf: (index: number) => UdpFrame): WrittenFrame[] {
  const bytes = new Uint8Array(count * frameSize);
  return Array.from({ length: count }, (_, index) => {
    const at = index * frameSize;
    writeUdpFrame(bytes, at, frameOf(index));
    return { bytes: bytes.subarray(at, at + frameSize), timestamp: BigInt(index) * 1000n };
  });
}

/**
 * The numbers from 0 to `count` - 1 in an order that neither rises nor repeats:
 * the same for the same count.
 */
export function shuffled(count: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, at) => at);
  let state = 0x9e3779b9;
  for (let at = count - 1; at > 0; at--) {
    // Marsaglia's xorshift of 32 bits.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const other = (state >>> 0) % (at + 1);
    const moved = order[at] ?? 0;
    order[at] = order[other] ?? 0;
    order[other] = moved;
  }
  return order;
}

function writeMac(view: DataView, at: number, mac: string): void {
  for (let i = 0; i < 6; i++) view.setUint8(at + i, Number.parseInt(mac.slice(3 * i, 3 * i + 2), 16));
}

function sumOf(view: DataView, from: number, to: number): number {
  let sum = 0;
  for (let at = from; at < to; at += 2) sum += view.getUint16(at);
  return sum;
}

/** RFC 1071. */
function checksum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >>> 16);
  return ~folded & 0xffff;
}
