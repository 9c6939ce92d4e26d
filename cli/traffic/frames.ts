/** Frames of conversations: UDP over IPv4 as short as Ethernet has them, what answers them, and ARP. */
import { withChecksums } from '../../engine/frame.ts';

/** Who sends: a MAC address, and an IPv4 address as a number. */
export interface Endpoint {
  mac: string;
  ip: number;
}

/** Without the checksum at its end. */
const shortest = 60;

const at = { type: 12, proto: 23, ipSrc: 26, ipDst: 30, ports: 34, arpOp: 20, arpSender: 22, arpTarget: 32 } as const;
const ETH_IPV4 = 0x0800;
const ETH_ARP = 0x0806;
const UDP = 17;

/** A datagram with right checksums that asks not to be fragmented. */
export function udpFrame(from: Endpoint, to: Endpoint, ports: { src: number; dst: number }): Uint8Array {
  const frame = new Uint8Array(shortest);
  const view = new DataView(frame.buffer);
  writeMac(frame, 0, to.mac);
  writeMac(frame, 6, from.mac);
  view.setUint16(at.type, ETH_IPV4);
  view.setUint8(14, 0x45);
  view.setUint16(16, shortest - 14);
  view.setUint16(20, 0x4000);
  view.setUint8(22, 64);
  view.setUint8(at.proto, UDP);
  view.setUint32(at.ipSrc, from.ip);
  view.setUint32(at.ipDst, to.ip);
  view.setUint16(at.ports, ports.src);
  view.setUint16(at.ports + 2, ports.dst);
  view.setUint16(at.ports + 4, shortest - at.ports);
  return withChecksums(frame);
}

/** What tells datagrams apart on their way: the port that the opener sends to, and the bytes behind the header. */
export function isDatagram(frame: Uint8Array): boolean {
  return (
    frame.length === shortest && word(frame, at.type) === ETH_IPV4 && frame[14] === 0x45 && frame[at.proto] === UDP
  );
}

/** Source and destination port of a datagram. */
export function portsOf(frame: Uint8Array): { src: number; dst: number } {
  return { src: word(frame, at.ports), dst: word(frame, at.ports + 2) };
}

/** The answer of whoever was sent a datagram: to where it came from, with checksums that stay right. */
export function answerTo(frame: Uint8Array): Uint8Array {
  const answer = frame.slice();
  swap(answer, 0, 6, 6);
  swap(answer, at.ipSrc, at.ipDst, 4);
  swap(answer, at.ports, at.ports + 2, 2);
  return answer;
}

/** The answer of `mac` to a question of ARP, for whatever address it is; undefined for anything else. */
export function arpAnswer(frame: Uint8Array, mac: string): Uint8Array | undefined {
  if (frame.length < 42 || word(frame, at.type) !== ETH_ARP || word(frame, at.arpOp) !== 1) return undefined;
  // A question for one's own address announces it.
  if (word(frame, 28) === word(frame, 38) && word(frame, 30) === word(frame, 40)) return undefined;
  const answer = frame.slice();
  answer.copyWithin(0, 6, 12);
  writeMac(answer, 6, mac);
  answer[at.arpOp + 1] = 2;
  swap(answer, at.arpSender, at.arpTarget, 10);
  writeMac(answer, at.arpSender, mac);
  return answer;
}

const word = (frame: Uint8Array, offset: number): number => ((frame[offset] ?? 0) << 8) | (frame[offset + 1] ?? 0);

function swap(frame: Uint8Array, one: number, other: number, length: number): void {
  const kept = frame.slice(one, one + length);
  frame.copyWithin(one, other, other + length);
  frame.set(kept, other);
}

function writeMac(frame: Uint8Array, offset: number, mac: string): void {
  frame.set(
    mac.split(':').map((byte) => Number.parseInt(byte, 16)),
    offset,
  );
}
