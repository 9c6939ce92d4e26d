/**
 * Tracking of TCP connections: the states of both ends, and the windows in which
 * their sequence numbers have to be.  This is the algorithm of Guido van Rooij
 * ("Real Stateful TCP Packet Filtering in IP Filter") with the states, limits
 * and time-outs of Open vSwitch 3.1's userspace tracker.
 *
 * For each end ("peer"; 0 opened the connection) it knows: a state, the highest
 * sequence number sent (SEQ_LOW), the highest that the other one lets it send
 * (SEQ_HIGH), its largest window, and its window scale.
 */
import { be16, be32 } from '../bytes';
import {
  CARRIED,
  cold,
  hot,
  KIND,
  RANK_CLOSED,
  RANK_ESTABLISHED,
  RANK_UNANSWERED,
  SCALE,
  SEQ_HIGH,
  SEQ_LOW,
  STATE,
  WINDOW,
} from './connection';
import { P_END, P_FRAME, P_L4 } from './layout';

/** States of a peer, in their order. */
const CLOSED: u32 = 0;
const SYN_SENT: u32 = 2;
export const ESTABLISHED: u32 = 4;
const CLOSING: u32 = 7;
const FIN_WAIT_2: u32 = 9;
const TIME_WAIT: u32 = 10;

const FIN: u32 = 1;
const SYN: u32 = 2;
const RST: u32 = 4;
const PSH: u32 = 8;
const ACK: u32 = 16;
const URG: u32 = 32;

/** Offsets in a TCP header. */
const SEQUENCE: usize = 4;
const ACKNOWLEDGEMENT: usize = 8;
const OFFSET_FLAGS: usize = 12;
const WINDOW_FIELD: usize = 14;
const HEADER: u32 = 20;

const OPTION_END: u32 = 0;
const OPTION_NOP: u32 = 1;
const OPTION_WINDOW: u32 = 3;

/** Bits of SCALE. */
const SCALE_KNOWN: u32 = 0x80;
/** The connection was picked up in the middle. */
const SCALE_UNKNOWN: u32 = 0x40;
const SCALE_MASK: u32 = 0xf;
const SCALE_MAX: u32 = 14;

/** How far an acknowledgement may be behind: a window, and some. */
const ACK_WINDOW: i32 = 0xffff + 1500;

/** What a packet is to its connection; the same for all protocols. */
export const UPDATE_INVALID: u32 = 0;
export const UPDATE_VALID: u32 = 1;
/** The connection is over, and the packet opens another one. */
export const UPDATE_NEW: u32 = 2;
/** It is valid, but the connection is still a new one. */
export const UPDATE_VALID_NEW: u32 = 3;

/** Milliseconds after which a connection is forgotten, by what it is doing. */
const FIRST_PACKET: u32 = 30_000;
const OPENING: u32 = 30_000;
export const LIVING: u32 = 86_400_000;
const HALF_CLOSED: u32 = 900_000;
const BOTH_CLOSING: u32 = 45_000;
const OVER: u32 = 30_000;

/** Set by `tcpOpen`, `tcpUpdate` and `tcpTouch`: milliseconds that the connection has from now, 0 for as many as before. */
export let tcpTimeout: u32 = 0;
/** Set by `tcpUpdate`: what the connection is worth now (RANK_...). */
export let tcpRank: u8 = 0;
/** Set by `tcpUpdate`: whether the state of a peer has changed. */
export let tcpChanged: bool = false;

/** Whether a packet may be a connection's first: a SYN, or one from the middle, but no SYN-ACK. */
export function tcpMayOpen(packet: usize): bool {
  const flags = flagsOf(header(packet));
  return !isNonsense(flags) && (flags & (SYN | ACK)) !== (SYN | ACK);
}

/** Begins to track a connection with its first packet. */
export function tcpOpen(conn: u32, packet: usize): void {
  const segment = header(packet);
  const flags = flagsOf(segment);
  const line = hot(conn);
  const own = cold(conn);
  const sequence = be32(segment + SEQUENCE);
  let high = sequence + payload(packet, segment) + 1;
  let window = be16(segment + WINDOW_FIELD);
  if (window === 0) window = 1;
  let scale: u32 = SCALE_UNKNOWN;
  if (flags & SYN) {
    high++;
    scale = scaleOf(packet, segment);
    window = unscaled(window, scale & SCALE_MASK);
  }
  if (flags & FIN) high++;
  store<u32>(own, sequence, SEQ_LOW);
  store<u32>(own, 0, SEQ_LOW + 4);
  store<u32>(own, high, SEQ_HIGH);
  store<u32>(own, 1, SEQ_HIGH + 4);
  store<u8>(line, SYN_SENT as u8, STATE);
  store<u8>(line, CLOSED as u8, STATE + 1);
  store<u8>(line, scale as u8, SCALE);
  store<u8>(line, (flags & SYN ? 0 : SCALE_UNKNOWN) as u8, SCALE + 1);
  store<u16>(line, window as u16, WINDOW);
  store<u16>(line, 1, WINDOW + 2);
  tcpTimeout = FIRST_PACKET;
}

/** Takes a packet of a connection into account; gives UPDATE_... */
export function tcpUpdate(conn: u32, packet: usize, direction: u32): u32 {
  const segment = header(packet);
  const flags = flagsOf(segment);
  const line = hot(conn);
  const states = load<u16>(line, STATE);
  tcpTimeout = 0;
  const result = update(line, cold(conn), packet, segment, flags, direction);
  tcpChanged = load<u16>(line, STATE) !== states;
  tcpRank = rankOf(load<u8>(line, STATE), load<u8>(line, STATE + 1));
  return result;
}

/**
 * The same for a packet that only carries data or acknowledges, in a connection
 * that is established: false, and nothing has changed, if it is not that or
 * not where it should be.
 */
export function tcpTouch(conn: u32, packet: usize, direction: u32): bool {
  const segment = header(packet);
  const line = hot(conn);
  const established = (ESTABLISHED | (ESTABLISHED << 8)) as u16;
  if (load<u16>(line, STATE) !== established) return false;
  if ((flagsOf(segment) & (FIN | SYN | RST | ACK | URG)) !== ACK) return false;
  tcpTimeout = 0;
  if (update(line, cold(conn), packet, segment, ACK, direction) === UPDATE_VALID) return tcpTimeout !== 0;
  return false;
}

function update(line: usize, own: usize, packet: usize, segment: usize, flags: u32, direction: u32): u32 {
  if (isNonsense(flags)) return UPDATE_INVALID;
  const to: u32 = direction ^ 1;
  const fromAt: usize = direction;
  const toAt: usize = to;
  let fromState: u32 = load<u8>(line + fromAt, STATE);
  let toState: u32 = load<u8>(line + toAt, STATE);

  if ((flags & (SYN | ACK)) === SYN) {
    if (fromState >= FIN_WAIT_2 && toState >= FIN_WAIT_2) {
      store<u16>(line, 0, STATE);
      return UPDATE_NEW;
    }
    if (fromState <= SYN_SENT) {
      store<u8>(line + fromAt, SYN_SENT as u8, STATE);
      tcpTimeout = FIRST_PACKET;
      return UPDATE_VALID_NEW;
    }
  }

  let fromScale: u32 = load<u8>(line + fromAt, SCALE);
  let toScale: u32 = load<u8>(line + toAt, SCALE);
  let fromShift: u32 = 0;
  let toShift: u32 = 0;
  if (!(flags & SYN)) {
    if (fromScale & toScale & SCALE_KNOWN) {
      fromShift = fromScale & SCALE_MASK;
      toShift = toScale & SCALE_MASK;
    } else if (fromScale & toScale & SCALE_UNKNOWN) {
      fromShift = SCALE_MAX;
      toShift = SCALE_MAX;
    }
  }

  let window: u32 = be16(segment + WINDOW_FIELD);
  let ack = be32(segment + ACKNOWLEDGEMENT);
  const sequence = be32(segment + SEQUENCE);
  let end = sequence + payload(packet, segment);
  if (flags & SYN) end++;
  if (flags & FIN) end++;
  let fromLow = load<u32>(own + (fromAt << 2), SEQ_LOW);
  let fromHigh = load<u32>(own + (fromAt << 2), SEQ_HIGH);
  const toLow = load<u32>(own + (toAt << 2), SEQ_LOW);
  let toHigh = load<u32>(own + (toAt << 2), SEQ_HIGH);
  let fromWindow: u32 = load<u16>(line + (fromAt << 1), WINDOW);
  let toWindow: u32 = load<u16>(line + (toAt << 1), WINDOW);
  let checksAck = true;

  if (fromState < SYN_SENT) {
    // The first packet from this end.
    if (flags & SYN && toScale & SCALE_KNOWN) {
      fromScale = scaleOf(packet, segment);
      if (fromScale & SCALE_KNOWN) {
        fromShift = fromScale & SCALE_MASK;
        window = unscaled(window, fromShift);
        toShift = toScale & SCALE_MASK;
      } else {
        toWindow = (toWindow << (toScale & SCALE_MASK)) & 0xffff;
        toScale = 0;
        store<u16>(line + (toAt << 1), toWindow as u16, WINDOW);
        store<u8>(line + toAt, 0, SCALE);
      }
      store<u8>(line + fromAt, fromScale as u8, SCALE);
    }
    fromLow = sequence;
    fromState = SYN_SENT;
    const allowed = end + atLeastOne(toWindow << toShift);
    if (fromHigh === 1 || notBefore(allowed, fromHigh)) {
      fromHigh = allowed;
      checksAck = false;
    }
    if (window > fromWindow) fromWindow = window;
    // This end has said something, whatever becomes of the packet.
    store<u32>(own + (fromAt << 2), fromLow, SEQ_LOW);
    store<u32>(own + (fromAt << 2), fromHigh, SEQ_HIGH);
    store<u8>(line + fromAt, SYN_SENT as u8, STATE);
    store<u16>(line + (fromAt << 1), fromWindow as u16, WINDOW);
  }

  // Some stacks acknowledge 0 where a SYN timed out.
  if (!(flags & ACK) || (ack === 0 && flags & RST)) ack = toLow;

  let begin = sequence;
  if (begin === end) {
    begin = fromLow;
    end = begin;
  }
  const skew: i32 = checksAck ? ((toLow - ack) as i32) : 0;
  if (
    (notBefore(fromHigh, end) &&
      notBefore(begin, fromLow - (toWindow << toShift)) &&
      skew >= -ACK_WINDOW &&
      skew <= ACK_WINDOW << fromShift &&
      (!(flags & RST) || sequence - fromLow + 1 <= 2)) ||
    load<u8>(line, KIND) & CARRIED
  ) {
    if (flags & FIN && fromState < CLOSING) fromState = CLOSING;
    if (flags & ACK) {
      if (toState === SYN_SENT) toState = ESTABLISHED;
      else if (toState === CLOSING) toState = FIN_WAIT_2;
    }
    if (flags & RST) {
      fromState = TIME_WAIT;
      toState = TIME_WAIT;
    }
    tcpTimeout = timeoutOf(fromState, toState);
  } else if (
    (toState < SYN_SENT || toState >= FIN_WAIT_2 || fromState >= FIN_WAIT_2) &&
    notBefore(fromHigh + ACK_WINDOW, end) &&
    notBefore(begin, fromLow - ACK_WINDOW)
  ) {
    // What a peer sends before the other one has answered, or just after the end: its time is not put off.
    if (flags & FIN && fromState < CLOSING) fromState = CLOSING;
    if (flags & RST) {
      fromState = TIME_WAIT;
      toState = TIME_WAIT;
    }
  } else {
    return UPDATE_INVALID;
  }

  if (window > fromWindow) store<u16>(line + (fromAt << 1), window as u16, WINDOW);
  if (((end - fromLow) as i32) > 0) store<u32>(own + (fromAt << 2), end, SEQ_LOW);
  const room = window << fromShift;
  if (notBefore(ack + room, toHigh)) {
    toHigh = ack + atLeastOne(room);
    store<u32>(own + (toAt << 2), toHigh, SEQ_HIGH);
  }
  store<u8>(line + fromAt, fromState as u8, STATE);
  store<u8>(line + toAt, toState as u8, STATE);
  return UPDATE_VALID;
}

function timeoutOf(from: u32, to: u32): u32 {
  if (from >= FIN_WAIT_2 && to >= FIN_WAIT_2) return OVER;
  if (from >= CLOSING && to >= CLOSING) return BOTH_CLOSING;
  if (from < ESTABLISHED || to < ESTABLISHED) return OPENING;
  if (from >= CLOSING || to >= CLOSING) return HALF_CLOSED;
  return LIVING;
}

function rankOf(one: u32, other: u32): u8 {
  if (one >= CLOSING && other >= CLOSING) return RANK_CLOSED;
  if (one < ESTABLISHED || other < ESTABLISHED) return RANK_UNANSWERED;
  return RANK_ESTABLISHED;
}

/** The segment's header; that it is whole was checked. */
function header(packet: usize): usize {
  const l4: u32 = load<u16>(packet, P_L4);
  assert(l4 !== 0 && l4 + HEADER <= (load<u16>(packet, P_END) as u32));
  return <usize>load<u32>(packet, P_FRAME) + l4;
}

function flagsOf(segment: usize): u32 {
  return be16(segment + OFFSET_FLAGS) & 0xfff;
}

/** Bytes behind the header. */
function payload(packet: usize, segment: usize): u32 {
  const size = (load<u16>(packet, P_END) as u32) - (load<u16>(packet, P_L4) as u32);
  return size - ((load<u8>(segment, OFFSET_FLAGS) as u32) >> 4) * 4;
}

/** Flags that no packet of a connection has together. */
function isNonsense(flags: u32): bool {
  if (flags & SYN) {
    if (flags & (RST | FIN)) return true;
  } else if (!(flags & (ACK | RST))) {
    return true;
  }
  return !(flags & ACK) && (flags & (FIN | PSH | URG)) !== 0;
}

/** The window scale option of a SYN, with SCALE_KNOWN if it is there. */
function scaleOf(packet: usize, segment: usize): u32 {
  let left = ((load<u8>(segment, OFFSET_FLAGS) as u32) >> 4) * 4 - HEADER;
  let at = segment + HEADER;
  assert(at + left <= <usize>load<u32>(packet, P_FRAME) + load<u16>(packet, P_END));
  let scale: u32 = 0;
  while (left >= 3) {
    const kind: u32 = load<u8>(at);
    if (kind === OPTION_END) break;
    if (kind === OPTION_NOP) {
      at++;
      left--;
      continue;
    }
    if (kind === OPTION_WINDOW) {
      const said: u32 = load<u8>(at, 2);
      scale = (said < SCALE_MAX ? said : SCALE_MAX) | SCALE_KNOWN;
    }
    let length: u32 = load<u8>(at, 1);
    if (length < 2) length = 2;
    if (length > left) break;
    left -= length;
    at += length;
  }
  return scale;
}

/** A window as it would be written with this scale, rounded up. */
function unscaled(window: u32, shift: u32): u32 {
  return (window + (1 << shift) - 1) >> shift;
}

function atLeastOne(value: u32): u32 {
  return value === 0 ? 1 : value;
}

/** Whether sequence number `a` is `b` or comes after it, modulo 2^32. */
function notBefore(a: u32, b: u32): bool {
  return ((a - b) as i32) >= 0;
}
