/**
 * Meters: token buckets, as Open vSwitch's userspace datapath has them.
 *
 * A meter, 32 bytes:
 *
 *      0 | rate: packets or kilobits a second; 0: no meter | burst, same units | METER_... | time of the last packet
 *     16 | bucket: thousandths of packets, or bits (u64)                       | packets dropped (u64)
 */
import { reserve } from './arena';
import { now } from './clock';

const SIZE: u32 = 32;
const RATE: u32 = 0;
const BURST: u32 = 4;
const UNIT: u32 = 8;
const LAST: u32 = 12;
const BUCKET: u32 = 16;
const DROPPED: u32 = 24;

/** Units of rate and burst. */
export const METER_PACKETS: u32 = 0;
export const METER_KILOBITS: u32 = 1;

let meters: usize = 0;
let count: u32 = 0;

/** Makes room for meters 0 to `most` - 1; false if there is no memory. */
export function initMeters(most: u32): bool {
  meters = reserve((most as usize) * SIZE);
  count = most;
  return meters !== 0;
}

/**
 * Sets a meter, with a full bucket; without a burst, it is what a second lets
 * through.  Rate 0 takes it away.  False if the number is too high.
 */
export function setMeter(meter: u32, unit: u32, rate: u32, burst: u32): bool {
  if (meter >= count) return false;
  const at = meters + meter * SIZE;
  store<u32>(at, rate, RATE);
  store<u32>(at, burst === 0 ? rate : burst, BURST);
  store<u32>(at, unit, UNIT);
  store<u32>(at, now, LAST);
  store<u64>(at, full(at), BUCKET);
  store<u64>(at, 0, DROPPED);
  return true;
}

/** How many packets a meter has dropped. */
export function meterDrops(meter: u32): u64 {
  return meter < count ? load<u64>(meters + meter * SIZE, DROPPED) : 0;
}

/** Whether a packet of `bytes` passes.  All pass a meter that is not there. */
export function passMeter(meter: u32, bytes: u32): bool {
  if (meter >= count) return true;
  const at = meters + meter * SIZE;
  const rate: u64 = load<u32>(at, RATE);
  if (rate === 0) return true;
  const elapsed: u64 = now - load<u32>(at, LAST);
  store<u32>(at, now, LAST);
  const most = full(at);
  let bucket = load<u64>(at, BUCKET) + elapsed * rate;
  if (bucket > most) bucket = most;
  const cost: u64 = load<u32>(at, UNIT) === METER_KILOBITS ? (bytes as u64) << 3 : 1000;
  const passes = bucket >= cost;
  store<u64>(at, passes ? bucket - cost : bucket, BUCKET);
  if (!passes) store<u64>(at, load<u64>(at, DROPPED) + 1, DROPPED);
  return passes;
}

/** A thousand a packet, and a thousand bits a kilobit: both gain `rate` a millisecond. */
function full(at: usize): u64 {
  return (load<u32>(at, BURST) as u64) * 1000;
}
