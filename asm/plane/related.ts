/**
 * ICMP errors: which connection they are about, and the packet they quote
 * translated with them (RFC 792, RFC 4443, RFC 5508 section 4).
 *
 * An error is about the connection of the packet that it quotes, and travels
 * against it.  The quoted packet has to be from the error's addressee.
 */
import { be16, setBe16 } from '../bytes';
import { fold, pseudoHeader } from '../checksum';
import {
  addressesOf,
  hot,
  ID,
  ID_V6,
  PROTO,
  PROTO_ICMP,
  PROTO_ICMP6,
  PROTO_TCP,
  PROTO_UDP,
  portsOf,
  reverseKey,
  setKey4,
  setKey6,
  six,
} from './connection';
import { P_END, P_FRAME, P_L3, P_L4, W_IP4, W_IP6_DST } from './layout';
import { applyChange, applyUdpChange, change } from './rewrite';
import { addBytes } from './transport';

/** Offsets in an ICMP message, and in the headers that it quotes. */
const QUOTED: u32 = 8;
const ICMP_CHECKSUM: usize = 2;
const IDENTIFIER: usize = 4;
const IP4_FRAGMENT: usize = 6;
const IP4_PROTO: usize = 9;
const IP4_CHECKSUM: usize = 10;
const IP4_SRC: usize = 12;
const IP4_HEADER: u32 = 20;
const IP6_NEXT: usize = 6;
const IP6_SRC: usize = 8;
const IP6_HEADER: u32 = 40;
const TCP_CHECKSUM: u32 = 16;
const TCP_HEADER: u32 = 20;
const UDP_CHECKSUM: u32 = 6;
const UDP_HEADER: u32 = 8;

const HOP_BY_HOP: u32 = 0;
const ROUTING: u32 = 43;
const FRAGMENT: u32 = 44;
const AUTHENTICATION: u32 = 51;
const DESTINATION_OPTIONS: u32 = 60;

/** How much of the transport header an ICMP error quotes at least. */
const QUOTED_TRANSPORT: u32 = 8;

/** Where the transport header of the quoted packet begins; offset in the frame. Set by `setQuotedKey`. */
let quotedL4: u32 = 0;
let quotedProto: u32 = 0;

/** The ports of an ICMP query or answer as a key has them; 0 if the message is neither. */
export function icmpPorts(message: usize, size: u32): u32 {
  if (size < QUOTED || load<u8>(message, 1) !== 0) return 0;
  const type: u32 = load<u8>(message);
  let kind: u32;
  if (type === 8 || type === 0) kind = 2 | (type === 0 ? 1 : 0);
  else if (type === 13 || type === 14) kind = 4 | (type & 1 ? 0 : 1);
  else if (type === 15 || type === 16) kind = 6 | (type & 1 ? 0 : 1);
  else return 0;
  return (be16(message + IDENTIFIER) << 16) | kind;
}

/** The same of ICMPv6. */
export function icmp6Ports(message: usize, size: u32): u32 {
  if (size < QUOTED || load<u8>(message, 1) !== 0) return 0;
  const type: u32 = load<u8>(message);
  if (type !== 128 && type !== 129) return 0;
  return (be16(message + IDENTIFIER) << 16) | 2 | (type & 1);
}

/** The ports that stand for an ICMP query or answer in a key; 0 for any other message. */
export function icmpKey(packet: usize, isV6: bool): u32 {
  const l4: u32 = load<u16>(packet, P_L4);
  const size = (load<u16>(packet, P_END) as u32) - l4;
  const message = <usize>load<u32>(packet, P_FRAME) + l4;
  return isV6 ? icmp6Ports(message, size) : icmpPorts(message, size);
}

/** Whether an ICMP type is an error. */
export function isIcmpError(type: u32): bool {
  return type === 3 || type === 4 || type === 5 || type === 11 || type === 12;
}

/** Whether an ICMPv6 type is an error. */
export function isIcmp6Error(type: u32): bool {
  return type >= 1 && type <= 4;
}

/**
 * Sets the key to what a packet of the error's direction looks like in the
 * connection that the quoted packet belongs to.  False if what is quoted cannot be read.
 */
export function setQuotedKey(packet: usize, flow: usize, zone: u32, isV6: bool): bool {
  const frame = <usize>load<u32>(packet, P_FRAME);
  const end: u32 = load<u16>(packet, P_END);
  const l3 = (load<u16>(packet, P_L4) as u32) + QUOTED;
  if (!(isV6 ? readQuoted6(frame, l3, end) : readQuoted4(frame, l3, end))) return false;
  const ports = quotedPorts(frame, end, isV6);
  if (ports === BAD_PORTS) return false;
  const header = frame + l3;
  if (isV6) {
    const src0 = bswap<u64>(load<u64>(header + IP6_SRC));
    const src1 = bswap<u64>(load<u64>(header + IP6_SRC, 8));
    if (src0 !== load<u64>(flow, W_IP6_DST << 3) || src1 !== load<u64>(flow, (W_IP6_DST + 1) << 3)) return false;
    const dst0 = bswap<u64>(load<u64>(header + IP6_SRC, 16));
    const dst1 = bswap<u64>(load<u64>(header + IP6_SRC, 24));
    setKey6(zone, quotedProto, src0, src1, dst0, dst1, ports);
  } else {
    const addresses = bswap<u64>(load<u64>(header + IP4_SRC));
    if (((addresses >> 32) as u32) !== (load<u64>(flow, W_IP4 << 3) as u32)) return false;
    setKey4(zone, quotedProto, addresses, ports);
  }
  reverseKey();
  return true;
}

const BAD_PORTS: u32 = 0xffffffff;

function readQuoted4(frame: usize, l3: u32, end: u32): bool {
  if (l3 + IP4_HEADER > end) return false;
  const header = frame + l3;
  const length = ((load<u8>(header) as u32) & 15) * 4;
  if (length < IP4_HEADER || l3 + length > end) return false;
  if (be16(header + IP4_FRAGMENT) & 0x3fff) return false;
  quotedL4 = l3 + length;
  quotedProto = load<u8>(header, IP4_PROTO);
  return true;
}

function readQuoted6(frame: usize, l3: u32, end: u32): bool {
  if (l3 + IP6_HEADER > end) return false;
  let next: u32 = load<u8>(frame + l3, IP6_NEXT);
  let at = l3 + IP6_HEADER;
  for (;;) {
    if (
      next !== HOP_BY_HOP &&
      next !== ROUTING &&
      next !== DESTINATION_OPTIONS &&
      next !== AUTHENTICATION &&
      next !== FRAGMENT
    ) {
      break;
    }
    if (at + 8 > end) return false;
    const header = frame + at;
    const length: u32 = load<u8>(header, 1);
    if (next === FRAGMENT) {
      if (be16(header + 2) & 0xfff9) return false;
      at += 8;
    } else {
      at += next === AUTHENTICATION ? (length + 2) << 2 : (length + 1) << 3;
    }
    next = load<u8>(header);
    if (at > end) return false;
  }
  quotedL4 = at;
  quotedProto = next;
  return true;
}

function quotedPorts(frame: usize, end: u32, isV6: bool): u32 {
  const size = end - quotedL4;
  const at = frame + quotedL4;
  if (quotedProto === PROTO_TCP || quotedProto === PROTO_UDP) {
    const least = isV6 ? (quotedProto === PROTO_TCP ? TCP_HEADER : UDP_HEADER) : QUOTED_TRANSPORT;
    if (size < least) return BAD_PORTS;
    const ports = bswap<u32>(load<u32>(at));
    return ports >> 16 === 0 || (ports & 0xffff) === 0 ? BAD_PORTS : ports;
  }
  if (quotedProto === (isV6 ? PROTO_ICMP6 : PROTO_ICMP)) {
    const ports = isV6 ? icmp6Ports(at, size) : icmpPorts(at, size);
    return ports === 0 ? BAD_PORTS : ports;
  }
  return 0;
}

/**
 * Translates the quoted packet of an error of this direction, whose quoted
 * addresses `setQuotedKey` has read just before, and computes the error's
 * checksum anew.  `source`: the quoted packet's source is translated, else its destination.
 */
export function translateQuoted(conn: u32, direction: u32, packet: usize, source: bool): void {
  const frame = <usize>load<u32>(packet, P_FRAME);
  const end: u32 = load<u16>(packet, P_END);
  const l4: u32 = load<u16>(packet, P_L4);
  const isV6 = (load<u32>(hot(conn), ID) & ID_V6) !== 0;
  const proto: u32 = load<u8>(hot(conn), PROTO);
  const header = frame + l4 + QUOTED;
  const to = direction ^ 1;
  if (proto === PROTO_TCP || proto === PROTO_UDP) {
    const ports = frame + quotedL4;
    const before = bswap<u32>(load<u32>(ports));
    const after = portsOf(conn, to);
    store<u32>(ports, bswap<u32>(after));
    coverQuoted(frame, end, proto, change((before as u64) | 0xffffffff00000000, after as u64));
  }
  let changes: u64;
  if (isV6) {
    const at = header + IP6_SRC + (source ? 0 : 16);
    const target = six(conn, to) + (source ? 0 : 16);
    const high = load<u64>(target);
    const low = load<u64>(target, 8);
    changes = change(bswap<u64>(load<u64>(at)), high) + change(bswap<u64>(load<u64>(at, 8)), low);
    store<u64>(at, bswap<u64>(high));
    store<u64>(at, bswap<u64>(low), 8);
  } else {
    const at = header + IP4_SRC + (source ? 0 : 4);
    const addresses = addressesOf(conn, to);
    const after = source ? ((addresses >> 32) as u32) : (addresses as u32);
    const before = bswap<u32>(load<u32>(at));
    changes = change((before as u64) | 0xffffffff00000000, after as u64);
    store<u32>(at, bswap<u32>(after));
    applyChange(header + IP4_CHECKSUM, changes);
  }
  if (proto !== PROTO_TCP || quotedL4 + TCP_HEADER <= end) coverQuoted(frame, end, proto, changes);
  const message = frame + l4;
  setBe16(message + ICMP_CHECKSUM, 0);
  let total: u64 = 0;
  if (isV6) {
    const ip = frame + load<u16>(packet, P_L3) + IP6_SRC;
    total = pseudoHeader(ip, ip + 16, 16, PROTO_ICMP6, end - l4);
  }
  setBe16(message + ICMP_CHECKSUM, fold(addBytes(total, message, end - l4)));
}

/** Applies a change to the checksum of the quoted transport header, if that much of it is quoted. */
function coverQuoted(frame: usize, end: u32, proto: u32, changes: u64): void {
  const at = frame + quotedL4;
  if (proto === PROTO_TCP) {
    if (quotedL4 + TCP_CHECKSUM + 2 <= end) applyChange(at + TCP_CHECKSUM, changes);
  } else if (proto === PROTO_UDP) {
    if (quotedL4 + UDP_HEADER <= end) applyUdpChange(at + UDP_CHECKSUM, changes);
  } else if (proto === PROTO_ICMP6) {
    if (quotedL4 + 4 <= end) applyChange(at + ICMP_CHECKSUM, changes);
  }
}
