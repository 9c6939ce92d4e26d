/**
 * Whether a packet's transport header is one that a connection can be tracked
 * by: whole, with lengths that agree and right checksums, the IPv4 header's too.
 *
 * What was found is noted in the packet (`PS_L4_CHECKED`, `PS_L4_BAD`), because
 * it stays true when the packet is rewritten: checksums change by differences.
 */
import { be16 } from '../bytes';
import { fold, pseudoHeader } from '../checksum';
import { PROTO_ICMP, PROTO_ICMP6, PROTO_TCP, PROTO_UDP } from './connection';
import { P_END, P_FRAME, P_L3, P_L4, P_STATE, PS_L4_BAD, PS_L4_CHECKED } from './layout';

const TCP_HEADER: u32 = 20;
const TCP_OFFSET: usize = 12;
const UDP_HEADER: u32 = 8;
const UDP_LENGTH: usize = 4;
const UDP_CHECKSUM: usize = 6;
const ICMP_HEADER: u32 = 8;
const IP4_SRC: u32 = 12;
const IP6_SRC: u32 = 8;

/** Whether the transport header is right; `proto` and family are what the packet's flow says. */
export function isTransportRight(packet: usize, proto: u32, isV6: bool): bool {
  let state = load<u32>(packet, P_STATE);
  if (!(state & PS_L4_CHECKED)) {
    state |= PS_L4_CHECKED;
    if (!check(packet, proto, isV6)) state |= PS_L4_BAD;
    store<u32>(packet, state, P_STATE);
  }
  return (state & PS_L4_BAD) === 0;
}

function check(packet: usize, proto: u32, isV6: bool): bool {
  const l4: u32 = load<u16>(packet, P_L4);
  const end: u32 = load<u16>(packet, P_END);
  if (l4 === 0 || l4 > end) return false;
  const size = end - l4;
  const frame = <usize>load<u32>(packet, P_FRAME);
  const at = frame + l4;
  const ip = frame + load<u16>(packet, P_L3);
  if (!isV6 && fold(addBytes(0, ip, ((load<u8>(ip) as u32) & 15) * 4)) !== 0) return false;
  if (proto === PROTO_TCP) {
    if (size < TCP_HEADER) return false;
    const length = ((load<u8>(at, TCP_OFFSET) as u32) >> 4) * 4;
    if (length < TCP_HEADER || length > size) return false;
  } else if (proto === PROTO_UDP) {
    if (size < UDP_HEADER) return false;
    const length = be16(at + UDP_LENGTH);
    if (length < UDP_HEADER || length > size) return false;
    if (!isV6 && load<u16>(at, UDP_CHECKSUM) === 0) return true;
  } else if (proto === PROTO_ICMP && !isV6) {
    return size >= ICMP_HEADER && fold(addBytes(0, at, size)) === 0;
  } else if (proto === PROTO_ICMP6 && isV6) {
    if (size < ICMP_HEADER) return false;
  } else {
    return true;
  }
  const addresses = isV6 ? ip + IP6_SRC : ip + IP4_SRC;
  const each: u32 = isV6 ? 16 : 4;
  return fold(addBytes(pseudoHeader(addresses, addresses + each, each, proto, size), at, size)) === 0;
}

/** Adds `length` bytes at `at` to a checksum's sum (RFC 1071), eight at a time. */
export function addBytes(start: u64, at: usize, length: u32): u64 {
  let total = start;
  let left = length;
  for (; left >= 16; left -= 16) {
    const one = load<u64>(at);
    const two = load<u64>(at, 8);
    total += (one & 0xffffffff) + (one >> 32) + (two & 0xffffffff) + (two >> 32);
    at += 16;
  }
  for (; left >= 4; left -= 4) {
    total += load<u32>(at) as u64;
    at += 4;
  }
  if (left & 2) {
    total += load<u16>(at) as u64;
    at += 2;
  }
  if (left & 1) total += load<u8>(at) as u64;
  return total;
}
