/**
 * Connection tracking: executes DP_CT instructions (layout.ts), as Open vSwitch
 * 3.1's userspace tracker does its `ct` action.
 *
 *     ctInit(max)                               once
 *     ctProcess(packet, flow, op)               one DP_CT instruction on one packet
 *
 * touching.ts has the same by heart, for a connection cache; census.ts what is asked and done from outside.
 *
 * A packet that is to be translated must be its own (PS_SHARED not set).
 *
 * Word W_CT of the flow also has, in bits 16 to 31, the zone of the last DP_CT:
 * what was said of a packet in one zone does not hold in another.  P_STATE of
 * the packet has in its upper 24 bits the number + 1 of the connection that the
 * last DP_CT found, if it did not translate: a further one in the same zone then
 * does not count the packet a second time.
 */
import { now } from './clock';
import {
  allocate,
  changed,
  cold,
  createTable,
  EXPIRES,
  evict,
  find,
  giveBack,
  hot,
  insert,
  isLingering,
  isLive,
  isZoneFull,
  KIND,
  keyId,
  LABEL,
  LABELLED,
  linger,
  MARK,
  NATS_DST,
  NATS_SRC,
  PROTO,
  PROTO_ICMP,
  PROTO_ICMP6,
  PROTO_TCP,
  PROTO_UDP,
  pulse,
  RANK_ESTABLISHED,
  RANK_UNANSWERED,
  remove,
  reverseKey,
  STATE,
  seedTable,
  setKey4,
  setKey6,
  setKeyOf,
  setRank,
  VERSION,
  ZONE,
} from './connection';
import { joinWheel } from './expiry';
import { assembledFlow, assembledPacket, FRAGMENT_HELD, FRAGMENTS_COMPLETE, hold, release } from './fragments';
import { groupHash } from './groups';
import {
  B_ETH_TYPE,
  B_FRAG,
  CS_DNAT,
  CS_EST,
  CS_INV,
  CS_NEW,
  CS_REL,
  CS_RPL,
  CS_SNAT,
  CS_TRK,
  CT_BACKENDS,
  CT_COMMIT,
  CT_FORCE,
  CT_SET,
  CT_TRANSLATES,
  P_END,
  P_FRAME,
  P_L4,
  P_STATE,
  PS_BAD_IP_CHECKSUM,
  W_CT,
  W_IP4,
  W_IP6_SRC,
  W_L4,
} from './layout';
import { chooseBy, chooseTranslation, translatePacket } from './nat';
import { icmpKey, isIcmp6Error, isIcmpError, setQuotedKey } from './related';
import {
  tcpChanged,
  tcpMayOpen,
  tcpOpen,
  tcpRank,
  tcpTimeout,
  tcpUpdate,
  UPDATE_NEW,
  UPDATE_VALID,
  UPDATE_VALID_NEW,
} from './tcp';
import { B_CT_ZONE, tell, tellInvalid, tellKey } from './telling';
import { ANSWERED, ICMP_FIRST, MULTIPLE, putOff, timeoutOf, UDP_FIRST } from './timeouts';
import { isTransportRight } from './transport';

/** The packet goes on behind this instruction. */
export const CTR_GO: u32 = 0;
/** The packet was taken into custody, a fragment of one that is not complete: it is finished for now. */
export const CTR_HELD: u32 = 1;
/**
 * It goes on as the first fragment of its datagram, and behind it those from
 * `ctReleasedFrom` up to `ctReleasedTo` do (fragments.ts).  Read both at once:
 * what goes on may release others.
 */
export const CTR_MORE: u32 = 2;

/** What the last `ctProcess` found: number + 1 of an established connection that the packet is part of, or 0. */
export let ctConn: u32 = 0;
/** ... as of which version ... */
export let ctVersion: u32 = 0;
/** ... and in which direction: 0 its opener's, 1 the replies'. */
export let ctDirection: u32 = 0;

const ETH_IP4: u32 = 0x0800;
const ETH_IP6: u32 = 0x86dd;
const CS_NAT: u32 = CS_SNAT | CS_DNAT;
const NONE: u32 = 0xffffffff;
const B_CONN: u32 = 8;

/** Offsets in a DP_CT instruction, in bytes. */
const OP_FLAGS: usize = 4;
const OP_MARK: usize = 8;
const OP_MARK_MASK: usize = 12;
const OP_LABEL: usize = 16;
const OP_LABEL_MASK: usize = 32;

/** How long a translation stays taken after its connection was ended by another one. */
const LINGERING: u32 = 5_000;

/** Whether the key was made of the packet that an ICMP error quotes; set by `readKey`. */
let isRelated: bool = false;

/**
 * Makes room for `maxConnections`, each about 216 bytes; once, before anything
 * else.  False if there is not enough memory.
 */
export function ctInit(maxConnections: u32): bool {
  // Numbers have to fit into the 24 bits that P_STATE has for them.
  return maxConnections !== 0 && maxConnections < 0xffffff && createTable(maxConnections);
}

/** Gives the hash of connections bits that nobody can guess, before the first packet. */
export function ctSeed(low: u32, high: u32): void {
  seedTable(low, high);
}

/**
 * Executes the DP_CT instruction at `op`: sets words W_CT to 21 of the flow and
 * translates packet and flow.  Gives CTR_...
 */
export function ctProcess(packet: usize, flow: usize, op: usize): u32 {
  if (((load<u64>(flow, W_L4 << 3) >> B_FRAG) & 3) === 0) {
    track(packet, flow, op);
    return CTR_GO;
  }
  const zone = load<u32>(op) >> 16;
  const held = hold(packet, flow, zone);
  if (held === FRAGMENT_HELD) return CTR_HELD;
  if (held === FRAGMENTS_COMPLETE) {
    track(assembledPacket(), assembledFlow(), op);
    release(packet, flow);
    ctConn = 0;
    return CTR_MORE;
  }
  ctConn = 0;
  tellInvalid(flow, zone);
  return CTR_GO;
}

/** The instruction on a packet that is no fragment. */
function track(packet: usize, flow: usize, op: usize): void {
  const zone = load<u32>(op) >> 16;
  const flags = load<u32>(op, OP_FLAGS);
  const said = load<u64>(flow, W_CT << 3);
  const packetState = load<u32>(packet, P_STATE);
  let state = said as u32 & 0xff;
  ctConn = 0;
  if (state !== 0 && ((said >> B_CT_ZONE) as u32 & 0xffff) !== zone) state = 0;
  const known = packetState >> B_CONN;
  if (known !== 0) {
    store<u32>(packet, packetState & ((1 << B_CONN) - 1), P_STATE);
    if (state !== 0 && !(flags & CT_FORCE) && isLive(known - 1) && load<u16>(hot(known - 1), ZONE) === (zone as u16)) {
      again(packet, flow, op, flags, known - 1, state);
      return;
    }
  }
  if (!readKey(packet, flow, zone)) {
    tellInvalid(flow, zone);
    return;
  }
  const natted = (state & CS_NAT) !== 0;
  if (natted) reverseKey();
  let link = find();
  if (natted) {
    // A packet that was translated in this zone looks like a reply's reverse.
    if (link !== 0) {
      link = ((link - 1) ^ 1) + 1;
      setKeyOf((link - 1) >> 1, (link - 1) & 1);
    } else {
      reverseKey();
    }
  }
  let conn = (link - 1) >> 1;
  const direction = (link - 1) & 1;
  if (link !== 0 && isLingering(conn)) {
    tellInvalid(flow, zone);
    return;
  }
  if (link !== 0 && flags & CT_FORCE && direction === 1) {
    end(conn);
    link = 0;
  }
  let opens = false;
  if (link !== 0) {
    const related = isRelated;
    const result = related ? UPDATE_VALID : update(conn, packet, direction);
    const reply: u32 = direction === 1 ? CS_RPL : 0;
    if (result === UPDATE_NEW) {
      end(conn);
      // Where its translation lingers, a packet from the other side opens nothing, and nothing is said of it.
      opens = find() === 0;
    } else {
      if (related) state |= CS_REL | reply;
      else if (result === UPDATE_VALID) state = (state & ~CS_NEW) | CS_EST | reply;
      else if (result === UPDATE_VALID_NEW) state |= CS_NEW;
      else state = CS_INV;
      if (flags & CT_TRANSLATES && !(state & CS_NAT)) {
        state |= translatePacket(conn, direction, packet, flow, related);
      }
      if (!related && result === UPDATE_VALID) ctConn = conn + 1;
      ctDirection = direction;
    }
  } else if (isRelated) {
    state = CS_INV;
  } else {
    opens = true;
  }
  if (opens) {
    conn = NONE;
    if (!mayOpen(packet)) {
      state = CS_INV;
    } else {
      state = CS_NEW;
      if (flags & CT_BACKENDS) chooseBy(groupHash(packet, flow));
      if (flags & CT_COMMIT) conn = open(packet, op, flags);
      if (conn !== NONE && flags & CT_TRANSLATES) state |= translatePacket(conn, 0, packet, flow, false);
    }
  } else if (link === 0) {
    conn = NONE;
  }
  if (conn === NONE) {
    store<u64>(flow, ((zone as u64) << B_CT_ZONE) | ((state | CS_TRK) as u64), W_CT << 3);
    tellKey(flow);
    return;
  }
  if (flags & CT_SET) setMarks(conn, op);
  tell(conn, flow, state | CS_TRK);
  if (ctConn !== 0) ctVersion = load<u32>(pulse(conn), VERSION);
  if (!(flags & CT_TRANSLATES)) {
    store<u32>(packet, load<u32>(packet, P_STATE) | ((conn + 1) << B_CONN), P_STATE);
  }
}

/** Ends a connection because another one takes its place. Its translation stays taken for a while, as in Open vSwitch. */
function end(conn: u32): void {
  if (load<u8>(hot(conn), KIND) & (NATS_SRC | NATS_DST)) linger(conn, LINGERING);
  else remove(conn);
}

/** A packet that was just tracked in this zone is tracked in it again: it is not counted twice. */
function again(packet: usize, flow: usize, op: usize, flags: u32, conn: u32, state: u32): void {
  const direction: u32 = state & CS_RPL ? 1 : 0;
  if (flags & CT_TRANSLATES) {
    if (!(state & CS_NAT)) {
      const related = (state & CS_REL) !== 0;
      // What the error quotes is read once more, to find it.
      if (!related || readKey(packet, flow, load<u16>(hot(conn), ZONE))) {
        state |= translatePacket(conn, direction, packet, flow, related);
      }
    }
  } else {
    store<u32>(packet, load<u32>(packet, P_STATE) | ((conn + 1) << B_CONN), P_STATE);
  }
  if (flags & CT_SET) setMarks(conn, op);
  tell(conn, flow, state);
  if ((state & (CS_EST | CS_REL | CS_INV)) === CS_EST) {
    ctConn = conn + 1;
    ctVersion = load<u32>(pulse(conn), VERSION);
    ctDirection = direction;
  }
}

/** Sets the key to that of the packet; false if the packet cannot be part of any connection. */
function readKey(packet: usize, flow: usize, zone: u32): bool {
  isRelated = false;
  const type = (load<u64>(flow) >> B_ETH_TYPE) as u32;
  const isV6 = type === ETH_IP6;
  if (!isV6 && type !== ETH_IP4) return false;
  const word = load<u64>(flow, W_L4 << 3);
  if (!isV6 && load<u32>(packet, P_STATE) & PS_BAD_IP_CHECKSUM) return false;
  const proto = word as u32 & 0xff;
  if (!isTransportRight(packet, proto, isV6)) return false;
  let ports: u32 = 0;
  if (proto === PROTO_TCP || proto === PROTO_UDP) {
    ports = (word >> 32) as u32;
    if (ports >> 16 === 0 || (ports & 0xffff) === 0) return false;
  } else if (proto === (isV6 ? PROTO_ICMP6 : PROTO_ICMP)) {
    const icmpType: u32 = load<u8>(<usize>load<u32>(packet, P_FRAME) + load<u16>(packet, P_L4));
    if (isV6 ? isIcmp6Error(icmpType) : isIcmpError(icmpType)) {
      isRelated = true;
      return setQuotedKey(packet, flow, zone, isV6);
    }
    ports = icmpKey(packet, isV6);
    if (ports === 0) return false;
  }
  if (isV6) {
    const at = flow + (W_IP6_SRC << 3);
    setKey6(zone, proto, load<u64>(at), load<u64>(at, 8), load<u64>(at, 16), load<u64>(at, 24), ports);
  } else {
    setKey4(zone, proto, load<u64>(flow, W_IP4 << 3), ports);
  }
  return true;
}

/** Whether the packet, whose key is set, may be a connection's first. */
function mayOpen(packet: usize): bool {
  const proto = (keyId >> 16) & 0xff;
  if (proto === PROTO_TCP) return tcpMayOpen(packet);
  if (proto !== PROTO_ICMP && proto !== PROTO_ICMP6) return true;
  // Only a query opens something, also where the protocol is that of the other family.
  const l4: u32 = load<u16>(packet, P_L4);
  const type: u32 = l4 < load<u16>(packet, P_END) ? load<u8>(<usize>load<u32>(packet, P_FRAME) + l4) : 0;
  return proto === PROTO_ICMP ? type === 8 || type === 13 || type === 15 : type === 128;
}

/** Opens a connection for the packet, whose key is set; 0xffffffff if there is no room for it or no port. */
function open(packet: usize, op: usize, flags: u32): u32 {
  if (isZoneFull(keyId & 0xffff)) return NONE;
  let conn = allocate();
  if (conn === NONE && evict()) conn = allocate();
  if (conn === NONE) return NONE;
  const line = hot(conn);
  if (flags & CT_TRANSLATES && !chooseTranslation(conn, op)) {
    setKeyOf(conn, 0);
    giveBack(conn);
    return NONE;
  }
  const proto: u32 = load<u8>(line, PROTO);
  let timeout: u32 = proto === PROTO_ICMP || proto === PROTO_ICMP6 ? ICMP_FIRST : UDP_FIRST;
  if (proto === PROTO_TCP) {
    tcpOpen(conn, packet);
    timeout = tcpTimeout;
  }
  store<u32>(pulse(conn), now + timeout, EXPIRES);
  insert(conn);
  joinWheel(conn, now + timeout);
  setRank(conn, RANK_UNANSWERED);
  return conn;
}

/** Takes a packet of a connection into account; gives UPDATE_... */
function update(conn: u32, packet: usize, direction: u32): u32 {
  const line = hot(conn);
  const proto: u32 = load<u8>(line, PROTO);
  if (proto === PROTO_TCP) {
    const result = tcpUpdate(conn, packet, direction);
    if (result === UPDATE_NEW) return result;
    if (tcpTimeout !== 0) putOff(conn, tcpTimeout);
    if (tcpChanged) {
      changed(conn);
      setRank(conn, tcpRank);
    }
    return result;
  }
  const before = load<u8>(line, STATE);
  const isIcmp = proto === PROTO_ICMP || proto === PROTO_ICMP6;
  let state = before;
  let result = UPDATE_VALID;
  if (direction === 1) {
    state = ANSWERED;
  } else if (before !== ANSWERED) {
    if (!isIcmp) state = MULTIPLE;
    result = UPDATE_VALID_NEW;
  }
  if (state !== before) {
    store<u8>(line, state, STATE);
    changed(conn);
    if (state === ANSWERED) setRank(conn, RANK_ESTABLISHED);
  }
  putOff(conn, timeoutOf(isIcmp, state));
  return result;
}

/** Sets mark and label of a connection as the instruction says. */
function setMarks(conn: u32, op: usize): void {
  const line = hot(conn);
  const own = cold(conn);
  const mark = load<u32>(line, MARK);
  const newMark = load<u32>(op, OP_MARK) | (mark & ~load<u32>(op, OP_MARK_MASK));
  // Labels are kept high word first, and come low word first.
  const labelled = (load<u8>(line, KIND) & LABELLED) !== 0;
  const low = labelled ? load<u64>(own, LABEL + 8) : 0;
  const high = labelled ? load<u64>(own, LABEL) : 0;
  const newLow = load<u64>(op, OP_LABEL) | (low & ~load<u64>(op, OP_LABEL_MASK));
  const newHigh = load<u64>(op, OP_LABEL + 8) | (high & ~load<u64>(op, OP_LABEL_MASK + 8));
  if (newMark === mark && newLow === low && newHigh === high) return;
  store<u32>(line, newMark, MARK);
  if (newLow !== low || newHigh !== high) {
    store<u64>(own, newHigh, LABEL);
    store<u64>(own, newLow, LABEL + 8);
    store<u8>(line, load<u8>(line, KIND) | LABELLED, KIND);
  }
  changed(conn);
}
