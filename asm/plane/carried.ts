/**
 * Connections whose packets hardware handles: few of them come here, and the connection goes on all the same.
 *
 *     ctCurrent(conn, version)     whether what was remembered of it still holds
 *     ctCarry(conn, version)       its packets go by elsewhere
 *
 * Sequence numbers of a connection that was carried once are not held against windows any more, since what moves those
 * is not seen; Linux does the same for connections that it has offloaded (`IP_CT_TCP_FLAG_BE_LIBERAL`).
 */
import {
  CARRIED,
  hot,
  ID,
  isCurrent,
  KIND,
  PROTO_ICMP,
  PROTO_ICMP6,
  PROTO_TCP,
  STATE,
  tableCapacity,
} from './connection';
import { ESTABLISHED, LIVING } from './tcp';
import { ANSWERED, putOff, timeoutOf } from './timeouts';

/** Whether connection `conn` (number + 1) is what it was as of that version, its time is not over, and both ends have spoken. */
export function ctCurrent(conn: u32, version: u32): bool {
  if (conn === 0 || conn > tableCapacity() || !isCurrent(conn - 1, version)) return false;
  const line = hot(conn - 1);
  if (protocolOf(line) === PROTO_TCP) return load<u16>(line, STATE) === ((ESTABLISHED | (ESTABLISHED << 8)) as u16);
  return load<u8>(line, STATE) === ANSWERED;
}

/** Packets of the connection went by in hardware just now: it has as much time as if they had come here.  False if it is not current. */
export function ctCarry(conn: u32, version: u32): bool {
  if (!ctCurrent(conn, version)) return false;
  const line = hot(conn - 1);
  const proto = protocolOf(line);
  store<u8>(line, load<u8>(line, KIND) | CARRIED, KIND);
  const isIcmp = proto === PROTO_ICMP || proto === PROTO_ICMP6;
  putOff(conn - 1, proto === PROTO_TCP ? LIVING : timeoutOf(isIcmp, ANSWERED));
  return true;
}

function protocolOf(line: usize): u32 {
  return (load<u32>(line, ID) >> 16) & 0xff;
}
