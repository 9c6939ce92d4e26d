/**
 * Who is chosen among the members of a group: a backend, a route, a port of a
 * forwarding group.  Packets of one direction of a connection fall to the same
 * member, and to the one that they fall to in Open vSwitch 3.1 without a hash
 * of the network card (ofproto/ofproto-dpif.c, `dp_hash` groups; lib/hash.h):
 *
 *     groupHash(packet, flow)             backends, ports of forwarding groups
 *     symmetricGroupHash(flow)            routes: `select`
 *     memberOf, equalMember               whom these two fall to
 *     takeBytes, endBytes                 the hash of fields that backends or routes name: `hash_fields`
 *     memberByScore                       whom that falls to
 */
import {
  B_ETH_TYPE,
  B_FRAG,
  B_L4_DST,
  B_L4_SRC,
  P_FRAME,
  P_L4,
  P_PAYLOAD,
  W_IP4,
  W_IP6_DST,
  W_IP6_SRC,
  W_L4,
} from './layout';
import { TYPE_IP4, TYPE_IP6 } from './rewrite';

const PROTO_ICMP4: u32 = 1;
const PROTO_TCP: u32 = 6;
const PROTO_UDP: u32 = 17;
const PROTO_ICMP6: u32 = 58;
const PROTO_SCTP: u32 = 132;

/** Slots that members share: at least so many, at most so many. */
const LEAST_SLOTS: u32 = 16;
const MOST_SLOTS: u32 = 256;

/** How often each member has been given a slot. */
const GIVEN: usize = memory.data(256 * 4, 16);

/**
 * The hash by which a group chooses: of addresses, protocol and ports of the flow as it is now.  The flow of a
 * first fragment has no ports, but the packet has.
 */
export function groupHash(packet: usize, flow: usize): u32 {
  const type = (load<u64>(flow) >> B_ETH_TYPE) as u32;
  let hash: u32 = 0;
  if (type === TYPE_IP4 || type === TYPE_IP6) {
    if (type === TYPE_IP6) {
      for (let word: u32 = W_IP6_SRC; word < (W_IP6_DST as u32) + 2; word++) {
        const sent = bswap<u64>(load<u64>(flow + (word << 3)));
        hash = add(add(hash, sent as u32), (sent >> 32) as u32);
      }
    } else {
      const addresses = load<u64>(flow, W_IP4 << 3);
      hash = add(add(hash, bswap<u32>((addresses >> 32) as u32)), bswap<u32>(addresses as u32));
    }
    const l4 = load<u64>(flow, W_L4 << 3);
    const proto = l4 as u32 & 0xff;
    hash = add(hash, proto);
    if (hasPorts(proto)) {
      const source: u32 = bswap<u16>((l4 >> B_L4_SRC) as u16);
      const destination: u32 = bswap<u16>((l4 >> B_L4_DST) as u16);
      const isFirst = ((l4 >> B_FRAG) & 3) === 1;
      hash = add(hash, isFirst ? portsOfFirst(packet, proto) : source | (destination << 16));
    }
  }
  // Hashed once more, as a number on its own.
  return end(add(add(end(hash ^ 42), 0), 0) ^ 8);
}

/**
 * The hash by which routes are chosen, for both directions the same: of addresses and protocol,
 * of TCP and SCTP the ports, too, but not of fragments (lib/flow.c, `flow_hash_symmetric_l3l4`).  0 without an IP header.
 */
export function symmetricGroupHash(flow: usize): u32 {
  const type = (load<u64>(flow) >> B_ETH_TYPE) as u32;
  if (type !== TYPE_IP4 && type !== TYPE_IP6) return 0;
  let hash: u32 = 0;
  if (type === TYPE_IP6) {
    for (let word: u32 = 0; word < 2; word++) {
      const one = load<u64>(flow + ((W_IP6_SRC + word) << 3));
      const both = bswap<u64>(one ^ load<u64>(flow + ((W_IP6_DST + word) << 3)));
      hash = add(add(hash, both as u32), (both >> 32) as u32);
    }
  } else {
    const addresses = load<u64>(flow, W_IP4 << 3);
    hash = add(hash, bswap<u32>(((addresses >> 32) as u32) ^ (addresses as u32)));
  }
  const l4 = load<u64>(flow, W_L4 << 3);
  const proto = l4 as u32 & 0xff;
  hash = add(hash, proto);
  if ((proto === PROTO_TCP || proto === PROTO_SCTP) && ((l4 >> B_FRAG) & 3) === 0) {
    hash = add(hash, bswap<u16>(((l4 >> B_L4_SRC) as u16) ^ ((l4 >> B_L4_DST) as u16)));
  }
  return end(hash);
}

/** Ports of a first fragment, as they were sent, in 32 bits of memory; 0 without a whole header. */
function portsOfFirst(packet: usize, proto: u32): u32 {
  if (load<u16>(packet, P_PAYLOAD) === 0) return 0;
  const at = <usize>load<u32>(packet, P_FRAME) + load<u16>(packet, P_L4);
  if (proto !== PROTO_ICMP4 && proto !== PROTO_ICMP6) return load<u32>(at);
  return ((load<u8>(at) as u32) << 8) | ((load<u8>(at, 1) as u32) << 24);
}

function hasPorts(proto: u32): bool {
  return (
    proto === PROTO_TCP || proto === PROTO_UDP || proto === PROTO_ICMP4 || proto === PROTO_ICMP6 || proto === PROTO_SCTP
  );
}

/**
 * Which of `count` members a hash falls to.  Member i has the weight at
 * `weights + i * stride`; no weight is 0.  Slots are given one by one to the
 * member that has the least for its weight, as seats are by Webster's method.
 * Members that are too many, or too different, have equal shares.
 */
export function memberOf(hash: u32, count: u32, weights: usize, stride: usize): u32 {
  if (count <= 1) return 0;
  let total: u64 = 0;
  let least: u32 = u32.MAX_VALUE;
  let most: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const weight = load<u32>(weights + (i as usize) * stride);
    total += weight;
    least = min(least, weight);
    most = max(most, weight);
  }
  if (least === most) return equalMember(hash, count);
  const slots = least === 0 ? MOST_SLOTS + 1 : slotsFor((total + least - 1) / least);
  if (slots > MOST_SLOTS) return hash % count;
  memory.fill(GIVEN, 0, count << 2);
  let winner: u32 = 0;
  for (let slot: u32 = 0; slot <= (hash & (slots - 1)); slot++) {
    winner = 0;
    for (let i: u32 = 1; i < count; i++) {
      if (claim(i, weights, stride) > claim(winner, weights, stride)) winner = i;
    }
    const at = GIVEN + ((winner as usize) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
  return winner;
}

/** Which of `count` members of equal weight a hash falls to. */
export function equalMember(hash: u32, count: u32): u32 {
  const slots = slotsFor(count);
  return slots > MOST_SLOTS ? hash % count : (hash & (slots - 1)) % count;
}

/** What a hash of fields begins with: that of the number 0. */
export function startBytes(): u32 {
  return end(add(add(0, 0), 0) ^ 8);
}

/** Takes `count` bytes of a field into a hash, four at most: the lowest bytes of `value`, a number. */
export function takeBytes(hash: u32, value: u32, count: u32): u32 {
  return add(hash, bswap<u32>(value << ((4 - count) << 3)));
}

/** Ends what was taken of one field of `count` bytes. */
export function endBytes(hash: u32, count: u32): u32 {
  return end(hash ^ count);
}

/** Which of `count` members a hash of fields falls to: each draws a number, and multiplies it by its weight. */
export function memberByScore(hash: u32, count: u32, weights: usize, stride: usize): u32 {
  let best: u32 = 0;
  let most: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const drawn = end(add(add(i, 0), hash) ^ 8) & 0xffff;
    const score = drawn * load<u32>(weights + (i as usize) * stride);
    if (score < most) continue;
    most = score;
    best = i;
  }
  return best;
}

function claim(member: u32, weights: usize, stride: usize): f64 {
  const given = load<u32>(GIVEN + ((member as usize) << 2));
  return (load<u32>(weights + (member as usize) * stride) as f64) / ((given * 2 + 1) as f64);
}

function slotsFor(shares: u64): u32 {
  let slots = LEAST_SLOTS;
  while ((slots as u64) < shares && slots <= MOST_SLOTS) slots <<= 1;
  return slots;
}

/** One word more, in MurmurHash3's way. */
function add(hash: u32, word: u32): u32 {
  word = rotl<u32>(word * 0xcc9e2d51, 15) * 0x1b873593;
  return rotl<u32>(hash ^ word, 13) * 5 + 0xe6546b64;
}

function end(hash: u32): u32 {
  hash = (hash ^ (hash >> 16)) * 0x85ebca6b;
  hash = (hash ^ (hash >> 13)) * 0xc2b2ae35;
  return hash ^ (hash >> 16);
}
