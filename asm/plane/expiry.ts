/**
 * When connections are looked at again: a wheel of ticks of 1 024 ms.
 *
 * A connection stands at the tick in which its time is over, or at the
 * farthest one if that is beyond the wheel, and stays there however often its
 * time is put off: only when its tick comes is it looked at, and put where it
 * belongs by then.  So a packet of a connection only writes down a new time.
 *
 * The links (`number + 1` of the next and the previous one, 0 for none) and the
 * slot are in a line of each connection that `createWheel` is told of:
 *
 *     0 | NEXT          | PREVIOUS      | SLOT          |
 */

/** Slots of the wheel; one more tick than slots never comes up. */
const SLOTS: u32 = 256;
const TICK_SHIFT: u32 = 10;
/** Ticks are counted in the bits that are left of a time in milliseconds. */
const TICKS: u32 = 0x3fffff;

const NEXT: usize = 0;
const PREVIOUS: usize = 4;
const SLOT: usize = 8;

/** Number + 1 of the first connection in each slot. */
const slots: usize = memory.data(256 * 4, 64);
let lines: usize = 0;
/** The tick that is being emptied. */
let tick: u32 = 0;

/** `address` of the links of connection 0; those of the others follow every 64 bytes. */
export function createWheel(address: usize): void {
  lines = address;
}

/** Puts a connection where its time is over.  It must not be in the wheel. */
export function joinWheel(conn: u32, expires: u32): void {
  let ticks = ((expires >> TICK_SHIFT) - tick) & TICKS;
  if (ticks > SLOTS - 2) ticks = ticks > TICKS >> 1 ? 0 : SLOTS - 2;
  const slot = (tick + ticks) & (SLOTS - 1);
  const head = slots + ((<usize>slot) << 2);
  const line = lineOf(conn);
  const next = load<u32>(head);
  store<u32>(line, next, NEXT);
  store<u32>(line, 0, PREVIOUS);
  store<u32>(line, slot, SLOT);
  if (next !== 0) store<u32>(lineOf(next - 1), conn + 1, PREVIOUS);
  store<u32>(head, conn + 1);
}

/** Takes a connection out of the wheel. */
export function leaveWheel(conn: u32): void {
  const line = lineOf(conn);
  const next = load<u32>(line, NEXT);
  const previous = load<u32>(line, PREVIOUS);
  if (previous !== 0) store<u32>(lineOf(previous - 1), next, NEXT);
  else store<u32>(slots + ((<usize>load<u32>(line, SLOT)) << 2), next);
  if (next !== 0) store<u32>(lineOf(next - 1), previous, PREVIOUS);
}

/**
 * Number + 1 of a connection to look at: its tick has passed.  0 if there is
 * none for now.  Whoever asks removes it, or takes it out and puts it in anew.
 */
export function nextDue(now: u32): u32 {
  let behind = ((now >> TICK_SHIFT) - tick) & TICKS;
  if (behind > TICKS >> 1) return 0;
  // After a long pause each slot needs to be emptied once, and no more.
  if (behind > SLOTS) {
    tick += behind - SLOTS;
    behind = SLOTS;
  }
  for (; behind !== 0; behind--) {
    const first = load<u32>(slots + ((<usize>(tick & (SLOTS - 1))) << 2));
    if (first !== 0) return first;
    tick++;
  }
  return 0;
}

function lineOf(conn: u32): usize {
  return lines + ((<usize>conn) << 6);
}
