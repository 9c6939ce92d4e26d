/**
 * The connections that there are, seen from outside.
 *
 *     ctExpire(now, budget)                     once a batch
 *     ctFlush, ctLimit, ctCount                 of a zone, or of all
 *     ctNext, ctDescribe                        one after the other
 */
import { now, setNow } from './clock';
import {
  addressesOf,
  cold,
  EXPIRES,
  hot,
  ID,
  ID_V6,
  isExpired,
  isInTable,
  isLive,
  KIND,
  LABEL,
  LABELLED,
  limitZone,
  MARK,
  NATS_DST,
  NATS_SRC,
  portsOf,
  pulse,
  remove,
  STATE,
  six,
  tableCapacity,
  tableCount,
  ZONE,
  zoneCount,
} from './connection';
import { joinWheel, leaveWheel, nextDue } from './expiry';
import { expireFragments } from './fragments';

/**
 * Once a batch: sets the time, and looks at up to `budget` connections whose time
 * may be over.  Gives how many were removed.
 */
export function ctExpire(nowMs: u32, budget: u32): u32 {
  setNow(nowMs);
  expireFragments();
  let removed: u32 = 0;
  for (; budget !== 0; budget--) {
    const due = nextDue(now);
    if (due === 0) break;
    if (isExpired(due - 1)) {
      remove(due - 1);
      removed++;
    } else {
      leaveWheel(due - 1);
      joinWheel(due - 1, load<u32>(pulse(due - 1), EXPIRES));
    }
  }
  return removed;
}

/** Forgets the connections of a zone, or of all zones with -1. */
export function ctFlush(zone: i32): void {
  for (let conn: u32 = 0; conn < tableCapacity(); conn++) {
    if (isInTable(conn) && (zone < 0 || load<u16>(hot(conn), ZONE) === (zone as u16))) remove(conn);
  }
}

/** Lets a zone have at most `most` connections at once; 0 for any number. Those that there are stay. */
export function ctLimit(zone: u32, most: u32): void {
  limitZone(zone, most);
}

/** How many connections a zone has, or all zones with -1. Expired ones count until they are removed. */
export function ctCount(zone: i32): u32 {
  return zone < 0 ? tableCount() : zoneCount(zone);
}

/** Number + 1 of the first connection from number `from` on; 0 if there is none. */
export function ctNext(from: u32): u32 {
  for (let conn = from; conn < tableCapacity(); conn++) {
    if (isLive(conn)) return conn + 1;
  }
  return 0;
}

/** Bytes that `ctDescribe` writes. */
export const CT_DESCRIPTION = 128;

/**
 * Writes what is known of connection `conn` (number + 1) to `out`; false if there is none:
 *
 *      0 zone (16), protocol (8), 6 for IPv6 or 4 (8)      4 mark        8 milliseconds left, 0 if its time is over
 *     12 states of both ends (8 each; TCP's, or 0 first, 1 multiple, 2 answered), 1 source and 2 destination translated (8)
 *     16 label: high word, low word (8 each)
 *     32 the opener's packets: source, destination (16 each; IPv4 in the last four bytes, as sent), 64 ports (`source << 16 | destination`)
 *     72 the replies: the same; 104 ports
 */
export function ctDescribe(conn: u32, out: usize): bool {
  if (conn === 0 || !isLive(conn - 1)) return false;
  const number = conn - 1;
  const line = hot(number);
  const id = load<u32>(line, ID);
  memory.fill(out, 0, CT_DESCRIPTION);
  store<u32>(out, (id & 0xffffff) | ((id & ID_V6 ? 6 : 4) << 24));
  store<u32>(out, load<u32>(line, MARK), 4);
  store<u32>(out, isExpired(number) ? 0 : load<u32>(pulse(number), EXPIRES) - now, 8);
  store<u16>(out, load<u16>(line, STATE), 12);
  store<u8>(out, (load<u8>(line, KIND) & (NATS_SRC | NATS_DST)) >> 1, 14);
  if (load<u8>(line, KIND) & LABELLED) memory.copy(out + 16, cold(number) + LABEL, 16);
  describeTuple(number, 0, out + 32);
  describeTuple(number, 1, out + 72);
  return true;
}

function describeTuple(conn: u32, direction: u32, out: usize): void {
  if (load<u32>(hot(conn), ID) & ID_V6) {
    const addresses = six(conn, direction);
    for (let i: usize = 0; i < 32; i += 8) store<u64>(out + i, bswap<u64>(load<u64>(addresses + i)));
  } else {
    const addresses = addressesOf(conn, direction);
    store<u32>(out, bswap<u32>((addresses >> 32) as u32), 12);
    store<u32>(out, bswap<u32>(addresses as u32), 28);
  }
  store<u32>(out, portsOf(conn, direction), 32);
}
