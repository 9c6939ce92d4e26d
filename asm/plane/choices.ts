/**
 * Who is chosen while a packet is translated: by a hash that the packet brought, or by the
 * hash of fields that a flow names (A_HASH; groups.ts).
 */
import { endBytes, equalMember, memberByScore, memberOf, startBytes, takeBytes } from './groups';
import { B_ETH_TYPE, B_FRAG, B_HASH_BOTH, W_DERIVED, W_ETH_DST, W_L4 } from './layout';
import { readPiece } from './pieces';
import { TYPE_IP4, TYPE_IP6 } from './rewrite';
import { FLOW } from './translation';
import { look } from './wildcards';

/** Words of a field of A_HASH. */
const FIELD_WORDS: u32 = 3;
const LATER: u32 = 2;

/** The hash of A_HASH, for the choice that follows; `isFields`: there was one. */
let fields: u32 = 0;
let isFields: bool = false;

/** A_HASH: `count` fields from `at` on.  A field that the packet cannot have is not taken in. */
export function hashFields(at: usize, count: u32): void {
  let hash = startBytes();
  for (let i: u32 = 0; i < count; i++) {
    const field = at + ((<usize>(i * FIELD_WORDS)) << 2);
    const head = load<u32>(field);
    if (canHave(head & 0xffff, (head >> 16) & 0xff)) hash = hashField(hash, field, head >> 24);
  }
  fields = hash;
  isFields = true;
}

/** Whether a choice by fields is to be made now; it is made once. */
export function choosesByFields(): bool {
  const is = isFields;
  isFields = false;
  return is;
}

/** Whom the hash of fields falls to; weights as in `memberByScore`. */
export function memberByFields(count: u32, weights: usize, stride: usize): u32 {
  return memberByScore(fields, count, weights, stride);
}

/** Whom a packet falls to that may come either way: routes. */
export function memberBothWays(count: u32, weights: usize, stride: usize): u32 {
  if (count <= 1) return 0;
  return memberOf(brought(B_HASH_BOTH), count, weights, stride);
}

/** Whom a packet falls to among equals: ports of a forwarding group. */
export function memberOneWay(count: u32): u32 {
  return count <= 1 ? 0 : equalMember(brought(0), count);
}

function brought(bit: u64): u32 {
  look(W_DERIVED, (<u64>0xff) << bit);
  return <u32>(load<u64>(FLOW + W_DERIVED * 8) >> bit) & 0xff;
}

/** What a field presupposes: an Ethernet type, 0 for any, 1 for either of IP; a protocol, 0 for any. */
function canHave(type: u32, proto: u32): bool {
  if (type === 0) return true;
  look(W_ETH_DST, (<u64>0xffff) << B_ETH_TYPE);
  const own = <u32>(load<u64>(FLOW + W_ETH_DST * 8) >> B_ETH_TYPE);
  if (type === 1 ? own !== TYPE_IP4 && own !== TYPE_IP6 : own !== type) return false;
  if (proto === 0) return true;
  look(W_L4, 0xff | ((<u64>LATER) << B_FRAG));
  const l4 = load<u64>(FLOW + W_L4 * 8);
  return (<u32>l4 & 0xff) === proto && (<u32>(l4 >> B_FRAG) & LATER) === 0;
}

/** Takes in a field of `bytes` bytes: one piece, or two of eight bytes each. */
function hashField(hash: u32, field: usize, bytes: u32): u32 {
  if (bytes === 16) {
    hash = takeLong(takeLong(hash, readPiece(load<u32>(field, 4)), 8), readPiece(load<u32>(field, 8)), 8);
  } else {
    hash = takeLong(hash, readPiece(load<u32>(field, 4)), bytes);
  }
  return endBytes(hash, bytes);
}

function takeLong(hash: u32, value: u64, bytes: u32): u32 {
  if (bytes <= 4) return takeBytes(hash, <u32>value, bytes);
  return takeBytes(takeBytes(hash, <u32>(value >> ((bytes - 4) << 3)), 4), <u32>value, bytes - 4);
}
