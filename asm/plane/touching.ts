/**
 * Packets of connections that a cache knows: the same as `ctProcess` does (conntrack.ts), by heart.
 *
 *     ctTouch, ctTranslate           any packet; what is said of it is filled in
 *     ctTouchUdp, ctTouchTcp         one whose cache knows all that would be said
 */
import { now } from './clock';
import {
  EXPIRES,
  hot,
  ID,
  ID_V6,
  isCurrent,
  PROTO_ICMP,
  PROTO_ICMP6,
  PROTO_TCP,
  portsOf,
  pulse,
  STATE,
  tableCapacity,
} from './connection';
import { CS_DNAT, CS_EST, CS_NEW, CS_RPL, CS_SNAT, CS_TRK, P_STATE, PS_BAD_IP_CHECKSUM, W_CT } from './layout';
import { translatePacket } from './nat';
import { icmpKey } from './related';
import { tcpTimeout, tcpTouch } from './tcp';
import { B_CT_ZONE, tell } from './telling';
import { ANSWERED, timeoutOf, UDP_ANSWERED } from './timeouts';
import { isTransportRight } from './transport';

/** Milliseconds that a connection may be forgotten too early by. */
export const LAZINESS: u32 = 256;
const CS_NAT: u32 = CS_SNAT | CS_DNAT;

/**
 * A packet of a connection that a cache knows: the version and the direction
 * are what `ctProcess` told.  If the connection is as it was and the packet an
 * everyday one, counts it, fills words W_CT to 21 as `ctProcess` would and says
 * true; else false, nothing is changed, and `ctProcess` has to do it.
 */
export function ctTouch(conn: u32, version: u32, direction: u32, packet: usize, flow: usize): bool {
  assert(conn !== 0 && conn <= tableCapacity());
  const number = conn - 1;
  const line = hot(number);
  if (!isCurrent(number, version)) return false;
  const id = load<u32>(line, ID);
  const proto = (id >> 16) & 0xff;
  const isV6 = (id & ID_V6) !== 0;
  if (!isV6 && load<u32>(packet, P_STATE) & PS_BAD_IP_CHECKSUM) return false;
  if (!isTransportRight(packet, proto, isV6)) return false;
  if (proto === PROTO_TCP) {
    if (!tcpTouch(number, packet, direction)) return false;
    store<u32>(pulse(number), now + tcpTimeout, EXPIRES);
  } else {
    const state = load<u8>(line, STATE);
    if (state !== ANSWERED) return false;
    const isIcmp = proto === PROTO_ICMP || proto === PROTO_ICMP6;
    const ports = portsOf(number, direction);
    // No flow has the identifier, so a cache cannot tell queries of the same hosts apart.
    if (isIcmp && ports !== 0 && ports !== icmpKey(packet, isV6)) return false;
    store<u32>(pulse(number), now + timeoutOf(isIcmp, state), EXPIRES);
  }
  const said = load<u64>(flow, W_CT << 3);
  let state = said as u32 & 0xff;
  if (((said >> B_CT_ZONE) as u32 & 0xffff) !== (id & 0xffff)) state = 0;
  tell(number, flow, (state & ~CS_NEW) | CS_EST | CS_TRK | (direction === 1 ? CS_RPL : 0));
  return true;
}

/**
 * Counts a packet of a UDP connection that is current, answered, and known to a
 * cache: only its time is put off, and that not more often than every
 * LAZINESS, as so many bytes of memory are written.
 */
export function ctTouchUdp(conn: u32): void {
  putOffLazily(conn, UDP_ANSWERED);
}

/** The same for TCP; false, and nothing is changed, if the packet is not an everyday one. */
export function ctTouchTcp(conn: u32, direction: u32, packet: usize): bool {
  if (!tcpTouch(conn, packet, direction)) return false;
  putOffLazily(conn, tcpTimeout);
  return true;
}

function putOffLazily(conn: u32, timeout: u32): void {
  const at = pulse(conn);
  const expires = now + timeout;
  if (expires - load<u32>(at, EXPIRES) > LAZINESS) store<u32>(at, expires, EXPIRES);
}

/** Translates a packet that `ctTouch` has counted, if the instruction says `CT_NAT...`. */
export function ctTranslate(conn: u32, direction: u32, packet: usize, flow: usize): void {
  const said = load<u64>(flow, W_CT << 3);
  if (said & (CS_NAT as u64)) return;
  const bits = translatePacket(conn - 1, direction, packet, flow, false);
  store<u64>(flow, said | (bits as u64), W_CT << 3);
}
