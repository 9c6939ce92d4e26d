/**
 * What flows ask about load balancers' connections, and next hops: chk_lb_hairpin,
 * ct_snat_to_vip, chk_lb_aff, chk_ecmp_nh and what commits them (ovn-sb(5)).
 */

import { commit, commitZone, emit, emitHead, noteChange, saidInZone } from './emit';
import { A_ADDRESS, LEARNED_AFFINITY, LEARNED_HAIRPIN, LEARNED_NEXT_HOP, NO_FLOW, TABLE_HAIRPIN } from './image';
import {
  B_L4_DST,
  B_L4_SRC,
  CT_COMMIT,
  CT_NAT_SRC,
  CT_NAT_V6,
  DP_CT,
  DP_CT_WORDS,
  W_ETH_DST,
  W_ETH_SRC,
  W_IP4,
  W_IP6_DST,
  W_IP6_SRC,
  W_L4,
  W_REGISTERS,
  W_ZONES,
} from './layout';
import { ask, key, learn } from './learned';
import { assign } from './pieces';
import { codeOf, FLOW, flowOf } from './translation';
import { look } from './wildcards';

/** A field of the flow, of `bits` from bit `low` of a word, looked at. */
function field(word: u32, low: u64, mask: u64): u64 {
  look(word, mask << low);
  return (load<u64>(FLOW + ((<usize>word) << 3)) >> low) & mask;
}

function isIpv6(): bool {
  return field(W_ETH_DST, 48, 0xffff) === 0x86dd;
}

function protocol(): u32 {
  return <u32>field(W_L4, 0, 0xff);
}

function datapathNumber(): u32 {
  return load<u32>(FLOW + 22 * 8);
}

/** Address of the source (high, low), the low half of it for IPv4. */
function source(v6: bool, high: bool): u64 {
  if (v6) return field(high ? W_IP6_SRC : W_IP6_SRC + 1, 0, u64.MAX_VALUE);
  return high ? 0 : field(W_IP4, 32, 0xffffffff);
}

function destination(v6: bool, high: bool): u64 {
  if (v6) return field(high ? W_IP6_DST : W_IP6_DST + 1, 0, u64.MAX_VALUE);
  return high ? 0 : field(W_IP4, 0, 0xffffffff);
}

/** The instruction of the balancer that sent this packet back to where it came from; 0 if none did. */
function balancer(): usize {
  const met = flowOf(0, TABLE_HAIRPIN, FLOW);
  const code: usize = met === NO_FLOW ? 0 : codeOf(met);
  return code && (load<u32>(code, 4) & 0xff) === A_ADDRESS ? code + 4 : 0;
}

/** chk_lb_hairpin: a backend calls its own service; or, with `reply`, chk_lb_hairpin_reply: it answers itself. */
export function checkHairpin(reply: u32): bool {
  if (reply) {
    key(LEARNED_HAIRPIN, datapathNumber(), 0, 0, 0, 0, 0, 0);
    if (!ask()) return false;
    const v6 = isIpv6();
    hairpinKey(v6, <u32>field(W_L4, B_L4_SRC, 0xffff), destination(v6, true), destination(v6, false));
    return ask() !== 0;
  }
  const address = balancer();
  if (!address) return false;
  // What comes back from the backend to the address that the caller will seem to have.
  const v6 = isIpv6();
  key(LEARNED_HAIRPIN, datapathNumber(), 0, 0, 0, 0, 0, 0);
  learn(1, 0, 0, 0);
  const high = load<u64>(address, 4);
  const low = load<u64>(address, 12);
  hairpinKey(v6, <u32>field(W_L4, B_L4_DST, 0xffff), addressHigh(v6, high), addressLow(v6, high, low));
  learn(1, 0, 0, 0);
  return true;
}

/** Backend: the packet's own source address. */
function hairpinKey(v6: bool, port: u32, high: u64, low: u64): void {
  key(LEARNED_HAIRPIN, datapathNumber(), protocol(), port, source(v6, true), source(v6, false), high, low);
}

/** ct_snat_to_vip: the caller's address becomes the service's, so that the answer comes back. */
export function snatToVip(): void {
  const address = balancer();
  if (!address) return;
  const v6 = ((load<u32>(address) >> 8) & 0xff) !== 0;
  const zone = <u32>(load<u64>(FLOW + W_ZONES * 8) >> 32) & 0xffff;
  commit(FLOW);
  commitZone(zone);
  emitHead(DP_CT, DP_CT_WORDS, zone);
  emit(CT_COMMIT | CT_NAT_SRC | (v6 ? CT_NAT_V6 : 0));
  for (let i = 0; i < 10; i++) emit(0);
  for (let i: usize = 0; i < 4; i++) emit(load<u32>(address + 4 + i * 4));
  emit(0);
  emit(0);
  noteChange();
  saidInZone(zone);
}

/** Halves of an address that code has as bytes in the order of the wire. */
function addressHigh(v6: bool, high: u64): u64 {
  return v6 ? bswap<u64>(high) : 0;
}

function addressLow(v6: bool, high: u64, low: u64): u64 {
  return v6 ? bswap<u64>(low) : <u64>bswap<u32>(<u32>high);
}

/** chk_lb_aff: a client that keeps its backend; reg4 or xxreg1, and reg8[0..15], say which. */
export function checkSession(): bool {
  const number = datapathNumber();
  key(LEARNED_AFFINITY, number, 0, 0, 0, 0, 0, 0);
  if (!ask()) return false;
  const v6 = isIpv6();
  const proto = protocol();
  const port = <u32>field(W_L4, B_L4_DST, 0xffff);
  let found: usize = 0;
  for (let i = 0; i < 2 && !found; i++) {
    key(
      LEARNED_AFFINITY,
      number,
      i === 0 ? proto : 0,
      i === 0 ? port : 0,
      source(v6, true),
      source(v6, false),
      destination(v6, true),
      destination(v6, false),
    );
    found = ask();
  }
  if (!found) return false;
  if (v6) {
    assign(W_REGISTERS + 2, load<u64>(found), u64.MAX_VALUE);
    assign(W_REGISTERS + 3, load<u64>(found, 8), u64.MAX_VALUE);
  } else {
    assign(W_REGISTERS + 2, load<u64>(found, 8) << 32, (<u64>0xffffffff) << 32);
  }
  assign(W_REGISTERS + 4, (<u64>load<u16>(found, 22)) << 32, (<u64>0xffff) << 32);
  return true;
}

/** commit_lb_aff. */
export function commitSession(pc: usize): void {
  const v6 = ((load<u32>(pc) >> 8) & 0xff) !== 0;
  const ports = load<u32>(pc, 36);
  const rest = load<u32>(pc, 40);
  const number = datapathNumber();
  key(LEARNED_AFFINITY, number, 0, 0, 0, 0, 0, 0);
  learn(1, 0, 0, 0);
  const vip = load<u64>(pc, 4);
  const service = addressHigh(v6, vip);
  const low = addressLow(v6, vip, load<u64>(pc, 12));
  key(LEARNED_AFFINITY, number, rest & 0xff, ports & 0xffff, source(v6, true), source(v6, false), service, low);
  const backend = load<u64>(pc, 20);
  learn(addressHigh(v6, backend), addressLow(v6, backend, load<u64>(pc, 28)), ports >> 16, rest >> 16);
}

/** chk_ecmp_nh and, with `mac`, chk_ecmp_nh_mac: the connection's next hop is known, with this MAC address. */
export function checkNextHop(mac: u32): bool {
  key(LEARNED_NEXT_HOP, datapathNumber(), 0, 0, 0, 0, 0, 0);
  if (!ask()) return false;
  nextHopKey();
  const found = ask();
  if (!found) return false;
  return !mac || load<u64>(found) === field(W_ETH_SRC, 0, 0xffff_ffff_ffff);
}

/** commit_ecmp_nh. */
export function commitNextHop(): void {
  key(LEARNED_NEXT_HOP, datapathNumber(), 0, 0, 0, 0, 0, 0);
  learn(1, 0, 0, 0);
  nextHopKey();
  learn(field(W_ETH_SRC, 0, 0xffff_ffff_ffff), 0, 0, 20);
}

function nextHopKey(): void {
  const v6 = isIpv6();
  const ports = <u32>field(W_L4, 32, 0xffffffff);
  key(
    LEARNED_NEXT_HOP,
    datapathNumber(),
    protocol(),
    ports,
    source(v6, true),
    source(v6, false),
    destination(v6, true),
    destination(v6, false),
  );
}
