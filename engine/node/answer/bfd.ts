/**
 * Control packets of BFD (RFC 5880, RFC 5881): how a session sends them, and
 * what `handle_bfd_msg` reads.
 *
 *      0                 1                 2                 3
 *     | version, reason | state, flags    | multiplier      | length          |
 *     | my discriminator                                                      |
 *     | your discriminator                                                    |
 *     | desired minimum interval of sending, microseconds                     |
 *     | required minimum interval of receiving, microseconds                  |
 *     | required minimum interval of receiving echoes, microseconds           |
 */
import { u16, u32, Writer } from './bytes.ts';
import { broadcast, composeIp, fillTransportChecksum, UDP_CHECKSUM, UDP_NEVER } from './compose.ts';
import { ipSrc, PROTO_UDP, readIp } from './headers.ts';

const PORT = 3784;
const VERSION = 1;
const LENGTH = 24;
const TTL = 255;

/** Flags: RFC 5880 section 4.1. */
const POLL = 0x20;
const FINAL = 0x10;
const AUTHENTICATION = 0x04;
const DEMAND = 0x02;
const MULTIPOINT = 0x01;

/** States in the order of their numbers, by the names of ovn-sb(5). */
export const bfdStates = ['admin_down', 'down', 'init', 'up'] as const;
export type BfdState = (typeof bfdStates)[number];

export interface BfdControl {
  readonly state: BfdState;
  readonly isFinal: boolean;
  /** How many packets may be missing. */
  readonly multiplier: number;
  readonly myDiscriminator: number;
  /** 0 as long as the other side's is not known. */
  readonly yourDiscriminator: number;
  /** Milliseconds. */
  readonly minTx: number;
  /** Milliseconds. */
  readonly minRx: number;
}

/** Where a session sends to; IP addresses of 4 or 16 bytes, Ethernet's of 6.  Everybody on the link is sent the frame. */
export interface BfdWay {
  readonly ethSrc: Uint8Array;
  readonly src: Uint8Array;
  readonly dst: Uint8Array;
  readonly srcPort: number;
}

/** A control packet in UDP; over IPv4 without a checksum. */
export function bfdControl({ ethSrc, src, dst, srcPort }: BfdWay, control: BfdControl): Uint8Array {
  const udp = new Writer(8 + LENGTH)
    .u16(srcPort)
    .u16(PORT)
    .u16(8 + LENGTH)
    .u16(0);
  udp.u8(VERSION << 5).u8((bfdStates.indexOf(control.state) << 6) | (control.isFinal ? FINAL : 0));
  udp.u8(control.multiplier).u8(LENGTH).u32(control.myDiscriminator).u32(control.yourDiscriminator);
  const payload = udp
    .u32(control.minTx * 1000)
    .u32(control.minRx * 1000)
    .u32(0)
    .done();
  const way = { ethDst: broadcast, ethSrc, src, dst };
  if (src.length === 16) fillTransportChecksum(way, PROTO_UDP, payload, UDP_CHECKSUM, UDP_NEVER);
  return composeIp(way, PROTO_UDP, TTL, payload);
}

/** What came from the other side. */
export interface ReceivedBfd extends BfdControl {
  /** Who sent it: 4 or 16 bytes. */
  readonly from: Uint8Array;
  /** It wants an answer with `isFinal`. */
  readonly isPoll: boolean;
  /** It does not want packets to be sent periodically (RFC 5880 section 6.6). */
  readonly isDemand: boolean;
}

/** Reads a control packet; a sentence if it is to be ignored (RFC 5880 section 6.8.6). */
export function readBfd(frame: Uint8Array): ReceivedBfd | string {
  const ip = readIp(frame);
  if (!ip) return 'it is no IP packet';
  const { l4, end } = ip;
  if (ip.proto !== PROTO_UDP || l4 + 8 > end) return 'it is no UDP packet';
  if (u16(frame, l4 + 2) !== PORT) return `it was sent to port ${u16(frame, l4 + 2)}`;
  const at = l4 + 8;
  if (at + LENGTH > end || frame[at + 3] < LENGTH) return 'it is cut off';
  const version = frame[at] >>> 5;
  if (version !== VERSION) return `it has version ${version}`;
  const flags = frame[at + 1];
  if ((flags & AUTHENTICATION) !== 0) return 'it is authenticated';
  const multiplier = frame[at + 2];
  if (multiplier === 0) return 'its multiplier is 0';
  if ((flags & MULTIPOINT) !== 0) return 'it is for many points';
  const myDiscriminator = u32(frame, at + 4);
  if (myDiscriminator === 0) return 'its sender does not say which session it is of';
  if ((flags & FINAL) !== 0 && (flags & POLL) !== 0) return 'it asks and answers at once';
  const state = bfdStates[flags >>> 6];
  const yourDiscriminator = u32(frame, at + 8);
  if ((state === 'init' || state === 'up') && yourDiscriminator === 0) return 'it does not say which session it is for';
  return {
    from: ipSrc(frame, ip),
    state,
    isFinal: (flags & FINAL) !== 0,
    isPoll: (flags & POLL) !== 0,
    isDemand: (flags & DEMAND) !== 0,
    multiplier,
    myDiscriminator,
    yourDiscriminator,
    minTx: Math.floor(u32(frame, at + 12) / 1000),
    minRx: Math.floor(u32(frame, at + 16) / 1000),
  };
}
