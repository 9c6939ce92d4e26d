/** What a packet's flow says of its connection: words W_CT to 21. */
import {
  addressesOf,
  cold,
  hot,
  ID,
  ID_V6,
  KEY6,
  KIND,
  keyAddresses,
  keyId,
  keyPorts,
  LABEL,
  LABELLED,
  MARK,
  PROTO_ICMP,
  PROTO_ICMP6,
  portsOf,
  six,
} from './connection';
import {
  B_CT_MARK,
  B_CT_PROTO,
  B_CT_TP_DST,
  CS_INV,
  CS_TRK,
  W_CT,
  W_CT_IP6_DST,
  W_CT_LABEL,
  W_CT_TUPLE,
} from './layout';

/** Bits 16 to 31 of W_CT: the zone in which all this was said. */
export const B_CT_ZONE: u64 = 16;

/** Writes what is known of a connection into words W_CT to 21. */
export function tell(conn: u32, flow: usize, state: u32): void {
  const line = hot(conn);
  const id = load<u32>(line, ID);
  const word = ((load<u32>(line, MARK) as u64) << B_CT_MARK) | (((id & 0xffff) as u64) << B_CT_ZONE) | (state as u64);
  store<u64>(flow, word, W_CT << 3);
  if (load<u8>(line, KIND) & LABELLED) {
    const own = cold(conn);
    store<u64>(flow, load<u64>(own, LABEL), W_CT_LABEL << 3);
    store<u64>(flow, load<u64>(own, LABEL + 8), (W_CT_LABEL + 1) << 3);
  } else {
    store<u64>(flow, 0, W_CT_LABEL << 3);
    store<u64>(flow, 0, (W_CT_LABEL + 1) << 3);
  }
  tellTuple(flow, id, addressesOf(conn, 0), portsOf(conn, 0), six(conn, 0));
}

/** Writes what the key says, of a packet that is part of no connection. */
export function tellKey(flow: usize): void {
  store<u64>(flow, 0, W_CT_LABEL << 3);
  store<u64>(flow, 0, (W_CT_LABEL + 1) << 3);
  tellTuple(flow, keyId, keyAddresses, keyPorts, KEY6);
}

/** `addresses6`: source and destination of IPv6. */
function tellTuple(flow: usize, id: u32, addresses: u64, ports: u32, addresses6: usize): void {
  const proto = (id >> 16) & 0xff;
  // The code of an ICMP query is 0, and others that have no ports have none here.
  const port = proto === PROTO_ICMP || proto === PROTO_ICMP6 ? 0 : ports & 0xffff;
  let word = ((proto as u64) << B_CT_PROTO) | ((port as u64) << B_CT_TP_DST);
  if (id & ID_V6) {
    store<u64>(flow, load<u64>(addresses6, 16), W_CT_IP6_DST << 3);
    store<u64>(flow, load<u64>(addresses6, 24), (W_CT_IP6_DST + 1) << 3);
  } else {
    word |= addresses & 0xffffffff;
    store<u64>(flow, 0, W_CT_IP6_DST << 3);
    store<u64>(flow, 0, (W_CT_IP6_DST + 1) << 3);
  }
  store<u64>(flow, word, W_CT_TUPLE << 3);
}

/** Writes that the packet is part of nothing that can be tracked. */
export function tellInvalid(flow: usize, zone: u32): void {
  store<u64>(flow, ((zone as u64) << B_CT_ZONE) | ((CS_INV | CS_TRK) as u64), W_CT << 3);
  memory.fill(flow + (W_CT_LABEL << 3), 0, (W_CT_IP6_DST + 2 - W_CT_LABEL) << 3);
}
