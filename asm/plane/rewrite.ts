/**
 * Changes a packet: a word of its flow and, with it, the bytes of the frame and
 * every checksum that covers them (incrementally, RFC 1624).
 *
 *     setWord(packet, flow, word, value, mask)    the one function
 *
 * The frame has to be the packet's own (`PS_SHARED` not set).  A field that the
 * frame does not have (its header is cut off or contradicts itself) is changed
 * in the flow only, so a hostile frame is never written outside.
 *
 * A sum of changes is a u64 to which 32-bit numbers in the order of sending are
 * added; adding the complement of what was and what is gives the change.
 */
import { be16, setBe16 } from '../bytes';
import { crc32cWithout } from './crc32c';
import {
  B_ETH_TYPE,
  B_L4_DST,
  B_L4_SRC,
  B_TOS,
  B_TTL,
  B_VLAN_TCI,
  FLOW_WORDS,
  P_END,
  P_FRAME,
  P_L3,
  P_L4,
  P_LENGTH,
  P_PAYLOAD,
  P_STATE,
  PS_SHARED,
  W_ETH_DST,
  W_ETH_SRC,
  W_IP4,
  W_IP6_DST,
  W_IP6_LABEL,
  W_IP6_SRC,
  W_L4,
  W_ND_TARGET,
  W_SHA,
  W_THA,
} from './layout';

export const TYPE_IP4: u32 = 0x0800;
export const TYPE_ARP: u32 = 0x0806;
export const TYPE_RARP: u32 = 0x8035;
export const TYPE_IP6: u32 = 0x86dd;
const TYPE_8021Q: u32 = 0x8100;
const TYPE_8021AD: u32 = 0x88a8;

export const PROTO_ICMP4: u32 = 1;
export const PROTO_TCP: u32 = 6;
export const PROTO_UDP: u32 = 17;
export const PROTO_ICMP6: u32 = 58;
export const PROTO_SCTP: u32 = 132;

/** Offsets in headers. */
const IP4_TOS: u32 = 1;
const IP4_TTL: u32 = 8;
const IP4_CHECKSUM: u32 = 10;
const IP4_SRC: u32 = 12;
const IP4_DST: u32 = 16;
const IP6_HOP_LIMIT: u32 = 7;
const IP6_SRC: u32 = 8;
const IP6_HEADER: u32 = 40;
const ARP_LENGTHS: u32 = 4;
const ARP_OPERATION: u32 = 6;
const ARP_SHA: u32 = 8;
const ARP_SPA: u32 = 14;
const ARP_THA: u32 = 18;
const ARP_TPA: u32 = 24;
const ARP_MESSAGE: u32 = 28;
const ARP_ETHERNET_IP4: u32 = 0x0604;
const TCP_CHECKSUM: u32 = 16;
const UDP_CHECKSUM: u32 = 6;
const ICMP_CHECKSUM: u32 = 2;
const SCTP_CHECKSUM: u32 = 8;
const ND_TARGET: u32 = 8;
const ND_OPTIONS: u32 = 24;
const ND_SOURCE: u32 = 1;
const ND_TARGET_LINK: u32 = 2;
const EXT_ROUTING: u32 = 43;
const EXT_AUTHENTICATION: u32 = 51;
const EXT_FRAGMENT: u32 = 44;

const MAC: u64 = 0xffffffffffff;
/** The bit of a TCI that says "there is a tag" in a flow; no tag in a frame that we write has it. */
const CFI: u32 = 0x1000;

/**
 * Gives the bits `mask` of a word of the flow the values in `value` (which has
 * no other bits set), and the frame the same.
 */
export function setWord(packet: usize, flow: usize, word: u32, value: u64, mask: u64): void {
  assert(word < (FLOW_WORDS as u32));
  assert((value & ~mask) === 0);
  const at = flow + (word << 3);
  const before = load<u64>(at);
  const after = (before & ~mask) | value;
  if (after === before) return;
  store<u64>(at, after);
  if (word > (W_IP6_LABEL as u32)) return;
  assert(!(load<u32>(packet, P_STATE) & PS_SHARED));
  switch (word) {
    case W_ETH_DST:
      setMac(byte(packet, 0, 6), after);
      return;
    case W_ETH_SRC:
      setMac(byte(packet, 6, 6), after);
      if ((before ^ after) >> B_VLAN_TCI) setTag(packet, (after >> B_VLAN_TCI) as u32);
      return;
    case W_IP4:
      setIp4(packet, flow, before, after);
      return;
    case W_L4:
      setL4(packet, flow, before, after);
      return;
    case W_IP6_SRC:
    case W_IP6_SRC + 1:
    case W_IP6_DST:
    case W_IP6_DST + 1:
      setIp6(packet, flow, word, before, after);
      return;
    case W_SHA:
    case W_THA:
      setLinkAddress(packet, flow, word, before & MAC, after & MAC);
      return;
    case W_ND_TARGET:
    case W_ND_TARGET + 1:
      setNdTarget(packet, flow, word - W_ND_TARGET, before, after);
      return;
    case W_IP6_LABEL:
      setLabel(packet, flow, after as u32 & 0xfffff);
      return;
  }
}

/** The change of a checksum when a 64-bit word of what it covers goes from `before` to `after`. */
export function change(before: u64, after: u64): u64 {
  const gone = ~before;
  return (gone & 0xffffffff) + (gone >> 32) + (after & 0xffffffff) + (after >> 32);
}

/** Applies changes to the checksum at `at`. */
export function applyChange(at: usize, changes: u64): void {
  setBe16(at, fold(((~be16(at) & 0xffff) as u64) + changes));
}

/** Applies changes to a UDP checksum: 0 says that there is none, and is never written. */
export function applyUdpChange(at: usize, changes: u64): void {
  const check = be16(at);
  if (check === 0) return;
  const updated = fold(((~check & 0xffff) as u64) + changes);
  setBe16(at, updated === 0 ? 0xffff : updated);
}

function fold(total: u64): u32 {
  total = (total & 0xffffffff) + (total >> 32);
  let sum = (total & 0xffff) + ((total >> 16) & 0xffff) + (total >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (~sum as u32) & 0xffff;
}

/** The address of `size` bytes at an offset of the frame. */
function byte(packet: usize, offset: u32, size: u32): usize {
  assert(offset + size <= load<u32>(packet, P_LENGTH));
  return load<u32>(packet, P_FRAME) + offset;
}

function setMac(at: usize, word: u64): void {
  store<u32>(at, bswap<u32>((word >> 16) as u32));
  store<u16>(at + 4, bswap<u16>(word as u16));
}

function ethType(flow: usize): u32 {
  return (load<u64>(flow) >> B_ETH_TYPE) as u32;
}

/** Writes the TCI of the tag that the frame has; putting on and taking off is `tags.ts`. */
function setTag(packet: usize, tci: u32): void {
  if (load<u32>(packet, P_LENGTH) < 18) return;
  const type = be16(byte(packet, 12, 2));
  if (type === TYPE_8021Q || type === TYPE_8021AD) setBe16(byte(packet, 14, 2), tci & ~CFI);
}

function setIp4(packet: usize, flow: usize, before: u64, after: u64): void {
  const type = ethType(flow);
  const l3: u32 = load<u16>(packet, P_L3);
  if (type === TYPE_IP4) {
    if (load<u16>(packet, P_L4) === 0) return;
    const header = byte(packet, l3, 20);
    store<u32>(header + IP4_SRC, bswap<u32>((after >> 32) as u32));
    store<u32>(header + IP4_DST, bswap<u32>(after as u32));
    const changes = change(before, after);
    applyChange(header + IP4_CHECKSUM, changes);
    coverAddresses(packet, flow, changes);
  } else if (hasArp(packet, type)) {
    store<u32>(byte(packet, l3 + ARP_SPA, 4), bswap<u32>((after >> 32) as u32));
    store<u32>(byte(packet, l3 + ARP_TPA, 4), bswap<u32>(after as u32));
  }
}

function setIp6(packet: usize, flow: usize, word: u32, before: u64, after: u64): void {
  const l3: u32 = load<u16>(packet, P_L3);
  if (ethType(flow) !== TYPE_IP6 || l3 + IP6_HEADER > load<u32>(packet, P_LENGTH)) return;
  store<u64>(byte(packet, l3 + IP6_SRC + ((word - W_IP6_SRC) << 3), 8), bswap<u64>(after));
  // With segments left in a routing header, the checksum is made of another destination.
  if (word >= (W_IP6_DST as u32) && isRouted(packet)) return;
  coverAddresses(packet, flow, change(before, after));
}

/** What a change of addresses does to the checksum of the transport header, if there is a whole one. */
function coverAddresses(packet: usize, flow: usize, changes: u64): void {
  if (load<u16>(packet, P_PAYLOAD) === 0) return;
  const l4: u32 = load<u16>(packet, P_L4);
  const proto = load<u64>(flow, W_L4 << 3) as u32 & 0xff;
  if (proto === PROTO_UDP) applyUdpChange(byte(packet, l4 + UDP_CHECKSUM, 2), changes);
  else if (proto === PROTO_TCP) applyChange(byte(packet, l4 + TCP_CHECKSUM, 2), changes);
  else if (proto === PROTO_ICMP6 && ethType(flow) === TYPE_IP6) {
    applyChange(byte(packet, l4 + ICMP_CHECKSUM, 2), changes);
  }
}

/** Whether an IPv6 packet has a routing header with segments left. */
function isRouted(packet: usize): bool {
  const l4: u32 = load<u16>(packet, P_L4);
  const frame: usize = load<u32>(packet, P_FRAME);
  let at: u32 = load<u16>(packet, P_L3);
  let next: u32 = load<u8>(byte(packet, at + 6, 1));
  at += IP6_HEADER;
  // The headers were walked when the frame came in, and end at `l4`.
  while (at + 8 <= l4) {
    const header = frame + at;
    if (next === EXT_ROUTING && load<u8>(header + 3) !== 0) return true;
    const length: u32 = load<u8>(header + 1);
    if (next === EXT_FRAGMENT) at += 8;
    else at += next === EXT_AUTHENTICATION ? (length + 2) << 2 : (length + 1) << 3;
    next = load<u8>(header);
  }
  return false;
}

/** Ports or type and code, TOS, TTL; or the operation of ARP. */
function setL4(packet: usize, flow: usize, before: u64, after: u64): void {
  const type = ethType(flow);
  const differs = before ^ after;
  if (type === TYPE_IP4) {
    if (load<u16>(packet, P_L4) === 0) return;
    if ((differs & ~0xff00) === 0) {
      setTtl(packet, before as u32, after as u32);
      return;
    }
    if (differs & 0xff_ff00) setIp4Byte(packet, before, after);
    if (differs >> B_L4_DST) setPorts(packet, before, after);
  } else if (type === TYPE_IP6) {
    if (load<u16>(packet, P_L4) === 0) return;
    const l3: u32 = load<u16>(packet, P_L3);
    if (differs & 0xff00) store<u8>(byte(packet, l3 + IP6_HOP_LIMIT, 1), (after >> B_TTL) as u8);
    if (differs & 0xff_0000) {
      const tos = (after >> B_TOS) as u32 & 0xff;
      const at = byte(packet, l3, 2);
      setBe16(at, (be16(at) & 0xf00f) | (tos << 4));
    }
    if (differs >> B_L4_DST) setPorts(packet, before, after);
  } else if (hasArp(packet, type)) {
    setBe16(byte(packet, load<u16>(packet, P_L3) + ARP_OPERATION, 2), after as u32 & 0xff);
  }
}

/** What every router does; the word of TTL and protocol is as in the flow. */
function setTtl(packet: usize, before: u32, after: u32): void {
  const header = byte(packet, load<u16>(packet, P_L3), 20);
  store<u8>(header + IP4_TTL, (after >> B_TTL) as u8);
  let sum = (~be16(header + IP4_CHECKSUM) & 0xffff) + (~before & 0xffff) + (after & 0xffff);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  setBe16(header + IP4_CHECKSUM, ~sum & 0xffff);
}

/** TOS and TTL: each is half of a word that the header's checksum covers. */
function setIp4Byte(packet: usize, before: u64, after: u64): void {
  const header = byte(packet, load<u16>(packet, P_L3), 20);
  store<u8>(header + IP4_TOS, (after >> B_TOS) as u8);
  store<u8>(header + IP4_TTL, (after >> B_TTL) as u8);
  // The word of TTL and protocol is as in the flow; TOS is the low half of its own.
  const old = before as u32;
  const fresh = after as u32;
  const changes =
    ((~old & 0xffff) as u64) +
    ((fresh & 0xffff) as u64) +
    ((~(old >> B_TOS) & 0xff) as u64) +
    (((fresh >> B_TOS) & 0xff) as u64) +
    // The other half of the complement of TOS's word.
    0xff00;
  applyChange(header + IP4_CHECKSUM, changes);
}

function setPorts(packet: usize, before: u64, after: u64): void {
  if (load<u16>(packet, P_PAYLOAD) === 0) return;
  const l4: u32 = load<u16>(packet, P_L4);
  const proto = after as u32 & 0xff;
  const ports = byte(packet, l4, 8);
  if (proto === PROTO_ICMP4 || proto === PROTO_ICMP6) {
    const old = be16(ports);
    const fresh = (((after >> B_L4_SRC) as u32 & 0xff) << 8) | ((after >> B_L4_DST) as u32 & 0xff);
    setBe16(ports, fresh);
    applyChange(ports + ICMP_CHECKSUM, ((~old & 0xffff) as u64) + (fresh as u64));
    return;
  }
  if (proto === PROTO_SCTP) {
    setSctpPorts(packet, l4, (after >> 32) as u32);
    return;
  }
  store<u32>(ports, bswap<u32>((after >> 32) as u32));
  const changes = change(before | 0xffffffff, after & ~0xffffffff);
  if (proto === PROTO_UDP) applyUdpChange(ports + UDP_CHECKSUM, changes);
  else if (proto === PROTO_TCP) applyChange(byte(packet, l4 + TCP_CHECKSUM, 2), changes);
}

/** A checksum that was wrong stays wrong by the same bits, as in Open vSwitch. */
function setSctpPorts(packet: usize, l4: u32, ports: u32): void {
  const end: u32 = load<u16>(packet, P_END);
  const at = byte(packet, l4, end - l4);
  const before = crc32cWithout(at, end - l4, SCTP_CHECKSUM);
  store<u32>(at, bswap<u32>(ports));
  const after = crc32cWithout(at, end - l4, SCTP_CHECKSUM);
  store<u32>(at + SCTP_CHECKSUM, load<u32>(at + SCTP_CHECKSUM) ^ before ^ after);
}

/** Whether the frame has an ARP message for IPv4 on Ethernet. */
function hasArp(packet: usize, type: u32): bool {
  if (type !== TYPE_ARP && type !== TYPE_RARP) return false;
  const l3: u32 = load<u16>(packet, P_L3);
  return (
    l3 + ARP_MESSAGE <= load<u32>(packet, P_LENGTH) && be16(byte(packet, l3 + ARP_LENGTHS, 2)) === ARP_ETHERNET_IP4
  );
}

/** Whether the packet is a neighbour solicitation or advertisement with a target. */
function hasDiscovery(packet: usize, flow: usize): bool {
  if (ethType(flow) !== TYPE_IP6 || load<u16>(packet, P_PAYLOAD) === 0) return false;
  if ((load<u64>(flow, W_L4 << 3) as u32 & 0xff) !== PROTO_ICMP6) return false;
  const l4: u32 = load<u16>(packet, P_L4);
  if (l4 + ND_OPTIONS > (load<u16>(packet, P_END) as u32)) return false;
  const typeCode = be16(byte(packet, l4, 2));
  return typeCode === 0x8700 || typeCode === 0x8800;
}

/** ARP's sender or target hardware address, or the address in the option of neighbour discovery. */
function setLinkAddress(packet: usize, flow: usize, word: u32, before: u64, after: u64): void {
  const l3: u32 = load<u16>(packet, P_L3);
  if (hasArp(packet, ethType(flow))) {
    setMac(byte(packet, l3 + (word === W_SHA ? ARP_SHA : ARP_THA), 6), after);
    return;
  }
  if (!hasDiscovery(packet, flow)) return;
  const l4: u32 = load<u16>(packet, P_L4);
  const end: u32 = load<u16>(packet, P_END);
  const wanted = word === W_SHA ? ND_SOURCE : ND_TARGET_LINK;
  let at = l4 + ND_OPTIONS;
  while (at + 8 <= end) {
    const option = byte(packet, at, 8);
    const size = (load<u8>(option + 1) as u32) << 3;
    if (size === 0 || size > end - at) return;
    if (load<u8>(option) === wanted && size === 8) {
      setMac(option + 2, after);
      applyChange(byte(packet, l4 + ICMP_CHECKSUM, 2), change(before, after));
      return;
    }
    at += size;
  }
}

function setNdTarget(packet: usize, flow: usize, half: u32, before: u64, after: u64): void {
  if (!hasDiscovery(packet, flow)) return;
  const l4: u32 = load<u16>(packet, P_L4);
  store<u64>(byte(packet, l4 + ND_TARGET + (half << 3), 8), bswap<u64>(after));
  applyChange(byte(packet, l4 + ICMP_CHECKSUM, 2), change(before, after));
}

function setLabel(packet: usize, flow: usize, label: u32): void {
  const l3: u32 = load<u16>(packet, P_L3);
  if (ethType(flow) !== TYPE_IP6 || l3 + IP6_HEADER > load<u32>(packet, P_LENGTH)) return;
  const at = byte(packet, l3, 4);
  store<u32>(at, bswap<u32>((bswap<u32>(load<u32>(at)) & 0xfff00000) | label));
}
