/**
 * Frames that ovn-controller makes itself: Ethernet, an IP header with what it
 * always writes there, and a payload with the checksum that belongs in it.
 */
import { parseIpv4, parseIpv6 } from '../../lang/addresses.ts';
import { parseMac } from '../../northd/addresses.ts';
import { addWords, checksumOf, setU16, Writer } from './bytes.ts';
import { ETH_TYPE_IP, ETH_TYPE_IPV6, ETH_TYPE_VLAN } from './headers.ts';

/** From where to where: Ethernet addresses of 6 bytes, IP addresses of 4 or of 16. */
export interface Way {
  readonly ethDst: Uint8Array;
  readonly ethSrc: Uint8Array;
  readonly src: Uint8Array;
  readonly dst: Uint8Array;
}

export const broadcast = Uint8Array.of(255, 255, 255, 255, 255, 255);

/**
 * An IP packet in an Ethernet frame.  IPv4 goes with TOS 0, identification 0 and
 * Don't Fragment; IPv6 with traffic class and flow label 0.
 */
export function composeIp(way: Way, proto: number, ttl: number, payload: Uint8Array): Uint8Array {
  const isV4 = way.src.length === 4;
  const frame = new Writer(54 + payload.length).put(way.ethDst).put(way.ethSrc);
  if (isV4) {
    frame
      .u16(ETH_TYPE_IP)
      .u8(0x45)
      .u8(0)
      .u16(20 + payload.length);
    frame.u16(0).u16(0x4000).u8(ttl).u8(proto).u16(0);
  } else {
    frame.u16(ETH_TYPE_IPV6).u32(0x60000000).u16(payload.length).u8(proto).u8(ttl);
  }
  const composed = frame.put(way.src).put(way.dst).put(payload).done();
  if (isV4) fillIpv4Checksum(composed, 14);
  return composed;
}

/** Writes the checksum of the IPv4 header at `l3`, of which OVN counts the first 20 bytes. */
export function fillIpv4Checksum(frame: Uint8Array, l3: number): void {
  setU16(frame, l3 + 10, 0);
  setU16(frame, l3 + 10, checksumOf(addWords(frame, l3, l3 + 20)));
}

/** The words of TCP's, UDP's and ICMPv6's pseudo header: RFC 9293 section 3.1, RFC 8200 section 8.1. */
export function pseudoHeader(src: Uint8Array, dst: Uint8Array, proto: number, length: number): number {
  return addWords(dst, 0, dst.length, addWords(src, 0, src.length)) + proto + length;
}

/** Writes a checksum over a pseudo header and all of `payload` at its offset `at`; `never` stands for a result of 0. */
export function fillTransportChecksum(way: Way, proto: number, payload: Uint8Array, at: number, never = 0): void {
  setU16(payload, at, 0);
  const sum = pseudoHeader(way.src, way.dst, proto, payload.length);
  setU16(payload, at, checksumOf(addWords(payload, 0, payload.length, sum)) || never);
}

/** Offsets of the checksum in the header, and what UDP writes for 0 (RFC 768). */
export const TCP_CHECKSUM = 16;
export const UDP_CHECKSUM = 6;
export const ICMP_CHECKSUM = 2;
export const UDP_NEVER = 0xffff;

/** The frame with an 802.1Q tag; without `tci` as it is.  Bit 12 of the TCI is not kept. */
export function pushVlan(frame: Uint8Array, tci: number | undefined): Uint8Array {
  if (tci === undefined) return frame;
  return new Writer(frame.length + 4)
    .put(frame.subarray(0, 12))
    .u16(ETH_TYPE_VLAN)
    .u16(tci & 0xefff)
    .put(frame.subarray(12))
    .done();
}

/** A MAC address in text as 6 bytes; undefined if it is none. */
export function macBytes(text: string): Uint8Array | undefined {
  const mac = parseMac(text);
  return mac === undefined ? undefined : Uint8Array.from(mac.split(':'), (byte) => Number.parseInt(byte, 16));
}

/** An IP address in text as 4 or 16 bytes; undefined if it is none. */
export function ipBytes(text: string): Uint8Array | undefined {
  const v4 = parseIpv4(text);
  if (v4 !== undefined) return new Writer(4).bits(v4, 4).done();
  const v6 = parseIpv6(text);
  return v6 === undefined ? undefined : new Writer(16).bits(v6, 16).done();
}
