/**
 * Tunnels: outer headers put on (DP_TUNNEL) and taken off.
 *
 * Tunnels are numbered by the host, which writes for each a record of TUNNEL_SIZE bytes:
 *
 *      0 | TUNNEL_... kind | physical port of the underlay | bytes of headers | TF_... flags
 *     16 | offset of the outer IP header | (zero)
 *     32 | the headers, 96 bytes at most: Ethernet, a tag perhaps, IPv4 without options or IPv6, UDP,
 *        | and Geneve (RFC 8926) with OVN's option or VXLAN (RFC 7348)
 *
 * Of the headers the plane fills in lengths, ECN, checksums, the source port
 * (a hash of the inner packet), VNI and option.  OVN's option: class 0x0102,
 * type 0x80 (critical), four bytes (ovn-architecture(7), Tunnel Encapsulations).
 *
 * What comes in is found by the addresses and the kind: an *end*, which has the
 * physical port that the inner frame comes in by.
 */
import { be16, be32, setBe16 } from '../bytes';
import { add, checksum, fold, pseudoHeader } from '../checksum';
import { reserve } from './arena';
import { countDrop } from './counters';
import { extract } from './extract';
import { copyFrame, putOut } from './frames';
import { begin, finish, mix, symmetricHash } from './hash';
import {
  B_ETH_TYPE,
  B_FRAG,
  B_L4_DST,
  B_TOS,
  B_TUN_OPTION,
  DROP_NO_TUNNEL,
  DROP_SHORT_FRAME,
  DROP_TOO_LONG,
  DROP_TUNNEL_FRAME,
  P_END,
  P_FRAME,
  P_IN_PORT,
  P_INDEX,
  P_L3,
  P_L4,
  P_LENGTH,
  P_PAYLOAD,
  P_ROOM,
  P_STATE,
  PACKET_SIZE,
  PS_SHARED,
  W_IP4,
  W_IP6_DST,
  W_IP6_SRC,
  W_L4,
  W_TUNNEL,
} from './layout';
import { PROTO_UDP, setWord, TYPE_IP4, TYPE_IP6 } from './rewrite';

export const TUNNEL_SIZE: u32 = 128;
const UNDERLAY: u32 = 4;
const HEADER_BYTES: u32 = 8;
const FLAGS: u32 = 12;
const OUTER_L3: u32 = 16;
const HEADERS: u32 = 32;

export const TUNNEL_NONE: u32 = 0;
export const TUNNEL_GENEVE: u32 = 1;
export const TUNNEL_VXLAN: u32 = 2;
/** The outer header is IPv6. */
export const TF_IP6: u32 = 1;
/** UDP has a checksum; over IPv6 it always has. */
export const TF_CHECKSUM: u32 = 2;

const PORT_GENEVE: u32 = 6081;
const PORT_VXLAN: u32 = 4789;
const PORTS_FIRST: u32 = 32768;
const PORTS: u32 = 61000 - 32768;
const LONGEST: u32 = 0xffff;

/** Geneve: bytes of the base header, and OVN's option. */
const BASE: u32 = 8;
const TYPE_ETHERNET: u32 = 0x6558;
const OPTION_OVN: u32 = 0x01028001;
const OPTION_CRITICAL: u32 = 0x8000;

const ECN: u32 = 3;
const ECN_CE: u32 = 3;
const ECN_ECT0: u32 = 2;

/** An end: next in its list, kind, port, IPv6 or not; five words of addresses. */
const END_SIZE: u32 = 64;
const END_KIND: u32 = 4;
const END_PORT: u32 = 8;
const END_WORDS: u32 = 16;
const END_HEADS: u32 = 1024;
const SALT: u32 = 5;

/** A packet of which a frame is sent through a tunnel while another one remains. */
const COPY: usize = memory.data(32, 16);
/** Where the host writes the addresses of an end: W_IP4, IP6_SRC (2), IP6_DST (2). */
const ADDRESSES: usize = memory.data(40, 16);

let tunnels: usize = 0;
let tunnelCount: u32 = 0;
let ends: usize = 0;
let endHeads: usize = 0;
let endCount: u32 = 0;
let most: u32 = 0;

/** Makes room for tunnels 0 to `count` - 1 and as many ends; false if there is no memory. */
export function initTunnels(count: u32): bool {
  tunnels = reserve((count as usize) * TUNNEL_SIZE);
  ends = reserve((count as usize) * END_SIZE);
  endHeads = reserve(END_HEADS * 4);
  tunnelCount = count;
  most = count;
  return tunnels !== 0 && ends !== 0 && endHeads !== 0;
}

/** The record of a tunnel, for the host to write; 0 if the number is too high. */
export function tunnelRecord(tunnel: u32): usize {
  return tunnel < tunnelCount ? tunnels + tunnel * TUNNEL_SIZE : 0;
}

/** Where the addresses of an end are written before `addEnd`: those of the packets that come in. */
export function endAddresses(): usize {
  return ADDRESSES;
}

/** Forgets all ends. */
export function clearEnds(): void {
  memory.fill(endHeads, 0, END_HEADS * 4);
  endCount = 0;
}

/** Packets of this kind between the addresses at `endAddresses` come in by `port`; false if there are too many. */
export function addEnd(kind: u32, port: u32): bool {
  if (endCount === most) return false;
  const end = ends + endCount * END_SIZE;
  const head = endHeads + (endHash(kind, ADDRESSES) << 2);
  endCount += 1;
  store<u32>(end, load<u32>(head));
  store<u32>(end, kind, END_KIND);
  store<u32>(end, port, END_PORT);
  memory.copy(end + END_WORDS, ADDRESSES, 40);
  store<u32>(head, end as u32);
  return true;
}

function endHash(kind: u32, addresses: usize): u32 {
  let hash = begin(SALT + kind);
  for (let i = 0; i < 5; i++) hash = mix(hash, load<u64>(addresses + (i << 3)));
  return finish(hash) & (END_HEADS - 1);
}

/** Sends the packet through a tunnel; packet and flow stay as they are, but for P_ROOM. */
export function sendThrough(packet: usize, flow: usize, tunnel: u32, id: u32, option: u32, queue: u32): void {
  const record = tunnelRecord(tunnel);
  if (record === 0 || load<u32>(record) === TUNNEL_NONE) {
    countDrop(DROP_NO_TUNNEL);
    return;
  }
  const size = load<u32>(record, HEADER_BYTES);
  const length = load<u32>(packet, P_LENGTH);
  if (size + length > LONGEST) {
    countDrop(DROP_TOO_LONG);
    return;
  }
  let inner: usize = load<u32>(packet, P_FRAME);
  if (load<u32>(packet, P_ROOM) >= size) {
    // The room before the frame is used up; the frame itself is not its own any more.
    store<u32>(packet, 0, P_ROOM);
    store<u32>(packet, load<u32>(packet, P_STATE) | PS_SHARED, P_STATE);
  } else {
    memory.copy(COPY, packet, PACKET_SIZE);
    if (!copyFrame(COPY)) return;
    inner = load<u32>(COPY, P_FRAME);
  }
  const outer = inner - size;
  memory.copy(outer, record + HEADERS, size);
  fillTunnel(outer, size, load<u32>(record), id, option);
  fillOuter(record, outer, size + length, flow);
  putOut(load<u32>(record, UNDERLAY), outer, size + length, load<u32>(packet, P_INDEX), queue);
}

function fillTunnel(outer: usize, size: u32, kind: u32, id: u32, option: u32): void {
  if (kind === TUNNEL_GENEVE) {
    const header = outer + size - BASE - 8;
    store<u32>(header, bswap<u32>(id << 8), 4);
    store<u32>(header, bswap<u32>(option), 12);
  } else {
    store<u32>(outer + size - 4, bswap<u32>(id << 8));
  }
}

/** Lengths, ECN, source port and checksums. */
function fillOuter(record: usize, outer: usize, length: u32, flow: usize): void {
  const l3 = load<u32>(record, OUTER_L3);
  const header = outer + l3;
  const flags = load<u32>(record, FLAGS);
  const isIp6 = (flags & TF_IP6) !== 0;
  const udp = header + (isIp6 ? 40 : 20);
  const udpLength = length - ((udp - outer) as u32);
  const hash = symmetricHash(flow);
  setBe16(udp, PORTS_FIRST + ((((hash as u64) * (PORTS as u64)) >> 32) as u32));
  setBe16(udp + 4, udpLength);
  setBe16(udp + 6, 0);
  const ecn = outerEcn(flow);
  if (isIp6) {
    setBe16(header, be16(header) | (ecn << 4));
    setBe16(header + 4, udpLength);
  } else {
    store<u8>(header + 1, ((load<u8>(header + 1) as u32) | ecn) as u8);
    setBe16(header + 2, length - l3);
    setBe16(header + 10, 0);
    setBe16(header + 10, checksum(header, 20));
  }
  if (!(flags & (TF_IP6 | TF_CHECKSUM))) return;
  const addresses: usize = isIp6 ? 8 : 12;
  const size: u32 = isIp6 ? 16 : 4;
  const pseudo = pseudoHeader(header + addresses, header + addresses + size, size, PROTO_UDP, udpLength);
  const check = fold(add(pseudo, udp, udpLength));
  setBe16(udp + 6, check === 0 ? 0xffff : check);
}

/** The inner packet's ECN; congestion that was experienced inside is not claimed outside (Open vSwitch). */
function outerEcn(flow: usize): u32 {
  const type = (load<u64>(flow) >> B_ETH_TYPE) as u32;
  if (type !== TYPE_IP4 && type !== TYPE_IP6) return 0;
  const ecn = (load<u64>(flow, W_L4 << 3) >> B_TOS) as u32 & ECN;
  return ecn === ECN_CE ? ECN_ECT0 : ecn;
}

/**
 * Looks whether a packet of the underlay, of which `flow` is the flow, is for
 * the end of a tunnel.  If so it becomes the inner packet, flow and all.  False
 * if it was for a tunnel and is dropped (counted).
 */
export function receive(packet: usize, flow: usize): bool {
  const l4 = load<u64>(flow, W_L4 << 3);
  const port = (l4 >> B_L4_DST) as u32 & 0xffff;
  if (port !== PORT_GENEVE && port !== PORT_VXLAN) return true;
  if ((l4 as u32 & 0xff) !== PROTO_UDP || load<u16>(packet, P_PAYLOAD) === 0) return true;
  const kind = port === PORT_GENEVE ? TUNNEL_GENEVE : TUNNEL_VXLAN;
  const end = findEnd(kind, flow);
  if (end === 0) return true;
  const offset = isRightOuter(packet, flow) && ((l4 >> B_FRAG) & 3) === 0 ? innerOffset(packet, kind) : 0;
  if (offset === 0) {
    countDrop(DROP_TUNNEL_FRAME);
    return false;
  }
  const header = load<u32>(packet, P_FRAME) + load<u16>(packet, P_PAYLOAD);
  const id = be32(header + 4) >> 8;
  const option: u64 = kind === TUNNEL_GENEVE ? ovnOption(header) : 0;
  const outerTos = (l4 >> B_TOS) as u32 & ECN;
  store<u32>(packet, load<u32>(packet, P_FRAME) + offset, P_FRAME);
  store<u32>(packet, (load<u16>(packet, P_END) as u32) - offset, P_LENGTH);
  store<u32>(packet, load<u32>(packet, P_ROOM) + offset, P_ROOM);
  store<u32>(packet, load<u32>(end, END_PORT), P_IN_PORT);
  if (!extract(packet, flow)) {
    countDrop(DROP_SHORT_FRAME);
    return false;
  }
  store<u64>(flow, (option << B_TUN_OPTION) | (id as u64), W_TUNNEL << 3);
  return outerTos !== ECN_CE || markCongestion(packet, flow);
}

function findEnd(kind: u32, flow: usize): usize {
  store<u64>(ADDRESSES, load<u64>(flow, W_IP4 << 3));
  v128.store(ADDRESSES, v128.load(flow, W_IP6_SRC << 3), 8);
  v128.store(ADDRESSES, v128.load(flow, W_IP6_DST << 3), 24);
  let end: usize = load<u32>(endHeads + (endHash(kind, ADDRESSES) << 2));
  while (end !== 0 && (load<u32>(end, END_KIND) !== kind || !isSame(end + END_WORDS, ADDRESSES))) end = load<u32>(end);
  return end;
}

function isSame(a: usize, b: usize): bool {
  for (let i = 0; i < 5; i++) if (load<u64>(a + (i << 3)) !== load<u64>(b + (i << 3))) return false;
  return true;
}

/** Whether the outer headers' checksums are right and the UDP length is the packet's. */
function isRightOuter(packet: usize, flow: usize): bool {
  const frame: usize = load<u32>(packet, P_FRAME);
  const header = frame + load<u16>(packet, P_L3);
  const l4: u32 = load<u16>(packet, P_L4);
  const udp = frame + l4;
  const isIp6 = ((load<u64>(flow) >> B_ETH_TYPE) as u32) === TYPE_IP6;
  const length = (load<u16>(packet, P_END) as u32) - l4;
  if (!isIp6 && (load<u8>(header) !== 0x45 || checksum(header, 20) !== 0)) return false;
  if (be16(udp + 4) !== length) return false;
  if (load<u16>(udp, 6) === 0) return true;
  const addresses: usize = isIp6 ? 8 : 12;
  const size: u32 = isIp6 ? 16 : 4;
  const pseudo = pseudoHeader(header + addresses, header + addresses + size, size, PROTO_UDP, length);
  return fold(add(pseudo, udp, length)) === 0;
}

/** Where in the frame the inner one begins; 0 if the tunnel's header is not as it should be. */
function innerOffset(packet: usize, kind: u32): u32 {
  const at: u32 = load<u16>(packet, P_PAYLOAD);
  const end: u32 = load<u16>(packet, P_END);
  if (end - at < BASE) return 0;
  const header = load<u32>(packet, P_FRAME) + at;
  if (kind === TUNNEL_VXLAN) {
    // The flag "the VNI is valid", and none of those that change what follows (RFC 7348 section 5).
    return load<u32>(header) === 0x08 && load<u8>(header, 7) === 0 ? at + BASE : 0;
  }
  if (load<u8>(header) >> 6 !== 0 || be16(header + 2) !== TYPE_ETHERNET) return 0;
  const options = (load<u8>(header) & 0x3f) << 2;
  if (options > end - at - BASE) return 0;
  return areOptionsKnown(header + BASE, options) ? at + BASE + options : 0;
}

/** Whether options keep to their bounds, and the critical ones are known (RFC 8926 section 3.5). */
function areOptionsKnown(at: usize, length: u32): bool {
  while (length >= 4) {
    const head = be32(at);
    const size: u32 = 4 + ((head & 0x1f) << 2);
    if (size > length) return false;
    if (head & OPTION_CRITICAL && (head & 0xffffff1f) !== OPTION_OVN) return false;
    at += size;
    length -= size;
  }
  return length === 0;
}

/** What OVN's option says; 0 without one. */
function ovnOption(header: usize): u64 {
  let at = header + BASE;
  const end = at + ((load<u8>(header) & 0x3f) << 2);
  while (at < end) {
    const head = be32(at);
    if ((head & 0xffffff1f) === OPTION_OVN) return be32(at + 4);
    at += 4 + ((head & 0x1f) << 2);
  }
  return 0;
}

/** Congestion experienced outside is passed on; a packet that cannot say so is dropped (RFC 6040). */
function markCongestion(packet: usize, flow: usize): bool {
  const type = (load<u64>(flow) >> B_ETH_TYPE) as u32;
  if (type !== TYPE_IP4 && type !== TYPE_IP6) return true;
  const ecn = (load<u64>(flow, W_L4 << 3) >> B_TOS) & ECN;
  if (ecn === 0) {
    countDrop(DROP_TUNNEL_FRAME);
    return false;
  }
  setWord(packet, flow, W_L4, (ECN_CE as u64) << B_TOS, (ECN as u64) << B_TOS);
  return true;
}
