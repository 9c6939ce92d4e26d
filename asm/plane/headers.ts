/**
 * From any frame to a flow, by the parsers of `asm/`: the general way behind
 * `extract.ts`, with the meaning of Open vSwitch's flow extraction.
 */
import { parseArp } from '../arp';
import { be16 } from '../bytes';
import { parseEthernet } from '../ethernet';
import { parseIcmp4, parseIcmp6 } from '../icmp';
import { parseIp4 } from '../ipv4';
import { parseIp6, TRANSPORT, TRANSPORT_NONE } from '../ipv6';
import * as parsed from '../layout';
import { parseSctp, parseTcp, parseUdp } from '../transport';
import {
  B_ETH_TYPE,
  B_FRAG,
  B_IP4_SRC,
  B_L4_DST,
  B_L4_SRC,
  B_TCP_FLAGS,
  B_TOS,
  B_TTL,
  B_VLAN_TCI,
  P_END,
  P_FRAME,
  P_L3,
  P_L4,
  P_LENGTH,
  P_PAYLOAD,
  P_STATE,
  PS_BAD_IP_CHECKSUM,
  W_DERIVED,
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
import {
  PROTO_ICMP4,
  PROTO_ICMP6,
  PROTO_SCTP,
  PROTO_TCP,
  PROTO_UDP,
  TYPE_ARP,
  TYPE_IP4,
  TYPE_IP6,
  TYPE_RARP,
} from './rewrite';

/** What the parsers write. */
const OUT: usize = memory.data(128, 64);

/** How many VLAN tags a flow has fields for: `vlan-limit` of ovs-vswitchd.conf.db(5). */
let tagLimit: u32 = 1;

/** Sets how many tags are taken off, 1 or 2. */
export function setTagLimit(limit: u32): void {
  tagLimit = limit < 2 ? 1 : 2;
}

/**
 * Fills the words of the flow that come with the frame, but for W_IN and
 * W_TUNNEL, and the offsets of the packet.  Words from W_DERIVED on were zero
 * before.  A frame shorter than an Ethernet header gives nothing, and false.
 */
export function extractHeaders(packet: usize, flow: usize): bool {
  const frame: usize = load<u32>(packet, P_FRAME);
  const length = load<u32>(packet, P_LENGTH);
  memory.fill(OUT, 0, parsed.PARSED_SIZE);
  store<u32>(OUT, length, parsed.END);
  if (!parseEthernet(frame, length, OUT, tagLimit)) return false;
  parseNetwork(frame, length);
  setOffsets(packet);
  setWords(flow);
  return true;
}

function parseNetwork(frame: usize, length: u32): void {
  const type: u32 = load<u16>(OUT, parsed.ETH_TYPE);
  const at = load<u32>(OUT, parsed.L3);
  let found: u32 = TRANSPORT_NONE;
  if (type === TYPE_IP4) found = parseIp4(frame, at, length, OUT) ? TRANSPORT : TRANSPORT_NONE;
  else if (type === TYPE_IP6) found = parseIp6(frame, at, length, OUT);
  else if (type === TYPE_ARP || type === TYPE_RARP) parseArp(frame + at, length - at, OUT);
  if (found === TRANSPORT_NONE) return;
  const l4 = load<u32>(OUT, parsed.L4);
  const header = parseTransport(frame + l4, load<u32>(OUT, parsed.END) - l4);
  if (header !== 0) store<u32>(OUT, l4 + header, parsed.PAYLOAD);
}

function parseTransport(at: usize, length: u32): u32 {
  const proto: u32 = load<u8>(OUT, parsed.PROTO);
  if (proto === PROTO_TCP) return parseTcp(at, length, OUT);
  if (proto === PROTO_UDP) return parseUdp(at, length, OUT);
  if (proto === PROTO_ICMP4) return parseIcmp4(at, length, OUT);
  if (proto === PROTO_ICMP6) return parseIcmp6(at, length, OUT);
  if (proto === PROTO_SCTP) return parseSctp(at, length, OUT);
  return 0;
}

function setOffsets(packet: usize): void {
  store<u16>(packet, load<u32>(OUT, parsed.L3) as u16, P_L3);
  store<u16>(packet, load<u32>(OUT, parsed.L4) as u16, P_L4);
  store<u16>(packet, load<u32>(OUT, parsed.PAYLOAD) as u16, P_PAYLOAD);
  store<u16>(packet, load<u32>(OUT, parsed.END) as u16, P_END);
  const problems = load<u32>(OUT, parsed.PROBLEMS);
  store<u32>(packet, problems & parsed.PROBLEM_IP4_CHECKSUM ? PS_BAD_IP_CHECKSUM : 0, P_STATE);
}

function setWords(flow: usize): void {
  store<u64>(flow, mac(parsed.ETH_DST) | (number16(parsed.ETH_TYPE) << B_ETH_TYPE));
  store<u64>(flow, mac(parsed.ETH_SRC) | (number16(parsed.VLAN_TCI) << B_VLAN_TCI), W_ETH_SRC << 3);
  store<u64>(flow, mac(parsed.SHA) | (number16(parsed.VLAN2_TCI) << B_VLAN_TCI), W_SHA << 3);
  store<u64>(flow, mac(parsed.THA), W_THA << 3);
  const layers = load<u32>(OUT, parsed.LAYERS);
  let proto: u64 = load<u8>(OUT, parsed.PROTO);
  store<u64>(flow, 0, W_IP4 << 3);
  if (layers & (parsed.LAYER_ARP | parsed.LAYER_IP4)) {
    const src: u64 = bswap<u32>(load<u32>(OUT, parsed.SRC));
    store<u64>(flow, (src << B_IP4_SRC) | (bswap<u32>(load<u32>(OUT, parsed.DST)) as u64), W_IP4 << 3);
    if (layers & parsed.LAYER_ARP) proto = number16(parsed.ARP_OP);
  } else if (layers & parsed.LAYER_IP6) {
    setWide(flow, W_IP6_SRC, parsed.SRC);
    setWide(flow, W_IP6_DST, parsed.DST);
    store<u64>(flow, load<u32>(OUT, parsed.IP6_LABEL), W_IP6_LABEL << 3);
  }
  // Open vSwitch looks for it behind IPv4 too.
  setWide(flow, W_ND_TARGET, parsed.ND_TARGET);
  const fragment = number8(parsed.FRAG);
  let l4 = proto | (number8(parsed.TTL) << B_TTL) | (number8(parsed.TOS) << B_TOS) | (fragment << B_FRAG);
  // No fragment has ports, not even the first: Open vSwitch's tables do not look at them (`ovs-ofctl`(8), "frags normal").
  if (fragment === 0) l4 |= (number16(parsed.L4_DST) << B_L4_DST) | (number16(parsed.L4_SRC) << B_L4_SRC);
  store<u64>(flow, l4, W_L4 << 3);
  store<u64>(flow, number16(parsed.TCP_FLAGS) << B_TCP_FLAGS, W_DERIVED << 3);
}

function number8(field: u32): u64 {
  return load<u8>(OUT + field);
}

function number16(field: u32): u64 {
  return load<u16>(OUT + field);
}

function mac(field: u32): u64 {
  const at = OUT + field;
  return ((bswap<u32>(load<u32>(at)) as u64) << 16) | (be16(at + 4) as u64);
}

function setWide(flow: usize, word: u32, field: u32): void {
  const to = flow + (word << 3);
  store<u64>(to, bswap<u64>(load<u64>(OUT + field)));
  store<u64>(to, bswap<u64>(load<u64>(OUT + field, 8)), 8);
}
