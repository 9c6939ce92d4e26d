/** How long connections that are not TCP's are remembered, and how their time is put off. */
import { now } from './clock';
import { EXPIRES, pulse } from './connection';
import { joinWheel, leaveWheel } from './expiry';

/** States of connections that are not TCP's: 0 at first; the opener has sent more than once ... */
export const MULTIPLE: u8 = 1;
/** ... somebody has answered. */
export const ANSWERED: u8 = 2;

/** Milliseconds after which they are forgotten. */
export const UDP_FIRST: u32 = 60_000;
const UDP_MULTIPLE: u32 = 60_000;
export const UDP_ANSWERED: u32 = 30_000;
export const ICMP_FIRST: u32 = 60_000;
const ICMP_ANSWERED: u32 = 30_000;

/** Milliseconds after which a connection in this state is forgotten. */
export function timeoutOf(isIcmp: bool, state: u8): u32 {
  if (isIcmp) return state === ANSWERED ? ICMP_ANSWERED : ICMP_FIRST;
  return state === ANSWERED ? UDP_ANSWERED : state === MULTIPLE ? UDP_MULTIPLE : UDP_FIRST;
}

/**
 * Gives a connection more time, or less: its place in the wheel may only be too
 * early, so it is moved if it got less.
 */
export function putOff(conn: u32, timeout: u32): void {
  const at = pulse(conn);
  const before = load<u32>(at, EXPIRES);
  const expires = now + timeout;
  store<u32>(at, expires, EXPIRES);
  if (((expires - before) as i32) < 0) {
    leaveWheel(conn);
    joinWheel(conn, expires);
  }
}
