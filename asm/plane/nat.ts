/**
 * Address translation: which addresses and ports a new connection gets, and
 * what that does to its packets.
 *
 * The replies' tuple says everything: a packet of either direction is made to
 * look like the other direction's tuple reversed.  A new connection keeps its
 * source port if the replies can then be told from those of others; else it
 * gets the next one that is free, in the class that Open vSwitch 3.1 looks in
 * (1 to 511, 600 to 1023, 1024 to 65535).
 */
import {
  addressesOf,
  changeKey,
  digestKey,
  find,
  hot,
  ID,
  ID_V6,
  KEY6,
  KIND,
  keyAddresses,
  keyHash,
  keyPorts,
  NATS_DST,
  NATS_SRC,
  PROTO,
  PROTO_TCP,
  PROTO_UDP,
  portsOf,
  setKeyOf,
  setReplies,
  six,
  UNCHANGED,
} from './connection';
import { memberOf } from './groups';
import {
  CS_DNAT,
  CS_SNAT,
  CT_BACKENDS,
  CT_NAT_DST,
  CT_NAT_SRC,
  CT_NAT_V6,
  CT_UNCHANGED,
  DP_CT_WORDS,
  W_IP4,
  W_IP6_DST,
  W_IP6_SRC,
  W_L4,
} from './layout';
import { translateQuoted } from './related';
import { setWord } from './rewrite';

/** Offsets in a DP_CT instruction, in bytes. */
const OP_FLAGS: usize = 4;
const OP_ADDRESS: usize = 48;
const OP_PORTS: usize = 64;
const OP_BACKENDS: usize = 68;

/** A backend of a DP_CT instruction: address (16), port (4), weight (4). */
const BACKEND_SIZE: usize = 24;
const BACKEND_PORT: usize = 16;
const BACKEND_WEIGHT: usize = 20;

/** How many ports are tried one after the other, before that is tried from elsewhere with half as many. */
const ATTEMPTS: u32 = 128;
const LEAST_ATTEMPTS: u32 = 16;

/** The hash by which the next connection gets its backend. */
let choice: u32 = 0;

/** Sets the hash by which the next connection gets one of its backends: `groupHash` of its first packet. */
export function chooseBy(hash: u32): void {
  choice = hash;
}

/** What the translation is to be; set by `readTarget`. Address: 16 bytes as sent. */
let targetAddress: usize = 0;
let targetLow: u32 = 0;
let targetHigh: u32 = 0;
let random: u32 = 0x2545f491;

/**
 * Gives a connection that was allocated for the key, and is not in the table
 * yet, the translation that a DP_CT instruction asks for.  False if no port is free.
 */
export function chooseTranslation(conn: u32, op: usize): bool {
  assert(op !== 0 && DP_CT_WORDS === 18);
  const hash = keyHash();
  const flags = load<u32>(op, OP_FLAGS);
  const line = hot(conn);
  const isV6 = (load<u32>(line, ID) & ID_V6) !== 0;
  const source = (flags & (CT_NAT_SRC | CT_UNCHANGED)) !== 0;
  const proto: u32 = load<u8>(line, PROTO);
  const ports = keyPorts;
  if (!(flags & (CT_NAT_SRC | CT_NAT_DST | CT_UNCHANGED))) return findWithoutTarget(conn, isV6, proto);
  if (flags & CT_UNCHANGED) readNothing();
  else if (!readTarget(op, flags, isV6)) return true;
  setKeyOf(conn, 1);
  const replies = keyPorts;
  if (targetAddress !== 0) setReplyAddress(source, isV6);
  const found = proto === PROTO_TCP || proto === PROTO_UDP ? findPorts(ports, source, hash) : find() === 0;
  if (found) setReplies(conn);
  const same = (flags & CT_UNCHANGED) !== 0 && keyPorts === replies;
  store<u8>(line, load<u8>(line, KIND) | (same ? UNCHANGED : source ? NATS_SRC : NATS_DST), KIND);
  return found;
}

/**
 * `nat` of a new connection without saying to what: Open vSwitch 3.1 then waits
 * for replies from address 0 to port 0, and so for none.
 */
function findWithoutTarget(conn: u32, isV6: bool, proto: u32): bool {
  setKeyOf(conn, 1);
  if (isV6) {
    memory.fill(KEY6, 0, 16);
    digestKey();
  }
  const ports = proto === PROTO_TCP || proto === PROTO_UDP ? keyPorts & 0xffff0000 : keyPorts;
  changeKey(keyAddresses & 0xffffffff, ports);
  if (find() !== 0) return false;
  setReplies(conn);
  return true;
}

/** There is nothing to translate to: what is to be translated stays what it is, if it can. */
function readNothing(): void {
  targetLow = 0;
  targetHigh = 0;
  targetAddress = 0;
}

/** Reads what to translate to; false if it comes to nothing. */
function readTarget(op: usize, flags: u32, isV6: bool): bool {
  readNothing();
  if (flags & CT_BACKENDS) {
    const list = <usize>load<u32>(op, OP_BACKENDS);
    const backend: usize = list === 0 ? 0 : pickBackend(list);
    if (backend === 0) return false;
    targetAddress = backend;
    targetLow = load<u32>(backend, BACKEND_PORT) & 0xffff;
    targetHigh = targetLow;
  } else {
    const ports = load<u32>(op, OP_PORTS);
    targetLow = ports & 0xffff;
    targetHigh = ports >> 16;
    if (targetHigh < targetLow) targetHigh = targetLow;
    targetAddress = op + OP_ADDRESS;
  }
  // An address of the other family is none.
  if (isV6 !== ((flags & CT_NAT_V6) !== 0)) return false;
  // All zero: only the ports are translated.
  const rest = isV6 ? load<u32>(targetAddress, 4) | load<u32>(targetAddress, 8) | load<u32>(targetAddress, 12) : 0;
  if ((load<u32>(targetAddress) | rest) === 0) targetAddress = 0;
  return true;
}

/** The backend that the packet's hash falls to; 0 if there is none. */
function pickBackend(list: usize): usize {
  const count = load<u32>(list);
  if (count === 0) return 0;
  const chosen = memberOf(choice, count, list + 4 + BACKEND_WEIGHT, BACKEND_SIZE);
  return list + 4 + (chosen as usize) * BACKEND_SIZE;
}

/** Puts the target into the key of the replies: their destination if the source is translated. */
function setReplyAddress(source: bool, isV6: bool): void {
  if (isV6) {
    const at = KEY6 + (source ? 16 : 0);
    store<u64>(at, bswap<u64>(load<u64>(targetAddress)));
    store<u64>(at, bswap<u64>(load<u64>(targetAddress, 8)), 8);
    digestKey();
    return;
  }
  const address = bswap<u32>(load<u32>(targetAddress)) as u64;
  const addresses = source
    ? (keyAddresses & 0xffffffff00000000) | address
    : (keyAddresses & 0xffffffff) | (address << 32);
  changeKey(addresses, keyPorts);
}

/** Finds ports with which the replies are nobody else's, and puts them into the key. */
function findPorts(ports: u32, source: bool, hash: u32): bool {
  let to = ports & 0xffff;
  let from = ports >> 16;
  let low: u32 = 1024;
  let high: u32 = 65535;
  if (source && targetLow !== 0) {
    low = targetLow;
    high = targetHigh;
    from = low + (hash % (high - low + 1));
  } else if (from < 512) {
    low = 1;
    high = 511;
  } else if (from < 1024) {
    low = 600;
    high = 1023;
  }
  if (!source && targetLow !== 0) {
    to = targetLow + (hash % (targetHigh - targetLow + 1));
    if (searchPorts(from, to, targetLow, targetHigh, false)) return true;
  }
  return searchPorts(from, to, low, high, true);
}

/** Tries source ports (or destination ports) of a range, beginning with the one given. */
function searchPorts(from: u32, to: u32, low: u32, high: u32, isSource: bool): bool {
  const range = high - low + 1;
  let attempts = range < ATTEMPTS ? range : ATTEMPTS;
  let port = isSource ? from : to;
  for (;;) {
    const outside: u32 = port < low || port > high ? 1 : 0;
    const round = min<u32>(attempts, range + outside);
    for (let i: u32 = 0; i < round; i++) {
      changeKey(keyAddresses, isSource ? (to << 16) | port : (port << 16) | from);
      if (find() === 0) return true;
      port = port >= high || port < low ? low : port + 1;
    }
    if (attempts >= range || attempts < LEAST_ATTEMPTS) break;
    attempts >>= 1;
    random ^= random << 13;
    random ^= random >> 17;
    random ^= random << 5;
    port = low + (random % range);
  }
  return false;
}

/** Makes a packet of one direction of a connection look as its translation says; gives CS_SNAT or CS_DNAT, 0 if it has none. */
export function translatePacket(conn: u32, direction: u32, packet: usize, flow: usize, related: bool): u32 {
  const line = hot(conn);
  const kind = load<u8>(line, KIND);
  if (!(kind & (NATS_SRC | NATS_DST | UNCHANGED))) return 0;
  const source = ((kind & (NATS_SRC | UNCHANGED)) !== 0) === (direction === 0);
  if (!related && kind & UNCHANGED) return source ? CS_SNAT : CS_DNAT;
  const to = direction ^ 1;
  if (load<u32>(line, ID) & ID_V6) {
    // Our source is where the other direction's packets go to.
    const address = six(conn, to) + (source ? 16 : 0);
    const word: u32 = source ? W_IP6_SRC : W_IP6_DST;
    setWord(packet, flow, word, load<u64>(address), ~(0 as u64));
    setWord(packet, flow, word + 1, load<u64>(address, 8), ~(0 as u64));
  } else {
    const mask: u64 = source ? 0xffffffff00000000 : 0xffffffff;
    setWord(packet, flow, W_IP4, rotl<u64>(addressesOf(conn, to), 32) & mask, mask);
  }
  if (related) {
    translateQuoted(conn, direction, packet, !source);
  } else {
    const proto: u32 = load<u8>(line, PROTO);
    if (proto === PROTO_TCP || proto === PROTO_UDP) {
      const ports = (rotl<u32>(portsOf(conn, to), 16) as u64) << 32;
      setWord(packet, flow, W_L4, ports, 0xffffffff00000000);
    }
  }
  return source ? CS_SNAT : CS_DNAT;
}
