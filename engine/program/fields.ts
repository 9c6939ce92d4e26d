/**
 * Where the fields of the match and action language are in a packet's flow
 * (asm/plane/layout.ts draws it).
 */
import {
  B_CT_MARK,
  B_ETH_TYPE,
  B_FLAGS,
  B_FRAG,
  B_FRAG_MTU,
  B_IP4_SRC,
  B_L4_DST,
  B_L4_SRC,
  B_OUTPORT,
  B_TCP_FLAGS,
  B_TOS,
  B_TTL,
  B_VLAN_TCI,
  W_CT,
  W_CT_LABEL,
  W_DATAPATH,
  W_DERIVED,
  W_ETH_DST,
  W_ETH_SRC,
  W_IP4,
  W_IP6_DST,
  W_IP6_LABEL,
  W_IP6_SRC,
  W_L4,
  W_MARK,
  W_ND_TARGET,
  W_PORTS,
  W_REGISTERS,
  W_SHA,
  W_THA,
} from '../../asm/plane/layout.ts';
import type { FieldRef, LangSymbol } from '../lang/index.ts';

/** Consecutive bits of a field in one word of the flow. */
export interface Piece {
  readonly word: number;
  /** Lowest bit in the word. */
  readonly bit: number;
  readonly width: number;
  /** Lowest bit in the field. */
  readonly ofs: number;
}

const within = (word: number, bit: number, width: number): Piece[] => [{ word, bit, width, ofs: 0 }];

/** 128 bits: the high word first. */
const wide = (word: number): Piece[] => [
  { word, bit: 0, width: 64, ofs: 64 },
  { word: word + 1, bit: 0, width: 64, ofs: 0 },
];

/** ECN is below DSCP in TOS. */
const B_DSCP = B_TOS + 2;

/** By name of the storage (`LangSymbol.field`).  Bits of a field that are in no piece are zero in every packet. */
const STORAGE: Readonly<Record<string, readonly Piece[]>> = {
  inport: within(W_PORTS, 0, 16),
  outport: within(W_PORTS, B_OUTPORT, 16),
  xxreg0: wide(W_REGISTERS),
  xxreg1: wide(W_REGISTERS + 2),
  xreg4: within(W_REGISTERS + 4, 0, 64),
  flags: within(W_DATAPATH, B_FLAGS, 32),
  ct_mark: within(W_CT, B_CT_MARK, 32),
  ct_label: wide(W_CT_LABEL),
  ct_state: within(W_CT, 0, 16),
  'eth.src': within(W_ETH_SRC, 0, 48),
  'eth.dst': within(W_ETH_DST, 0, 48),
  'eth.type': within(W_ETH_DST, B_ETH_TYPE, 16),
  'vlan.tci': within(W_ETH_SRC, B_VLAN_TCI, 16),
  'ip.proto': within(W_L4, 0, 8),
  'ip.dscp': within(W_L4, B_DSCP, 6),
  'ip.ecn': within(W_L4, B_TOS, 2),
  'ip.ttl': within(W_L4, B_TTL, 8),
  'ip.frag': within(W_L4, B_FRAG, 2),
  'ip4.src': within(W_IP4, B_IP4_SRC, 32),
  'ip4.dst': within(W_IP4, 0, 32),
  'ip6.src': wide(W_IP6_SRC),
  'ip6.dst': wide(W_IP6_DST),
  'ip6.label': within(W_IP6_LABEL, 0, 20),
  'icmp4.type': within(W_L4, B_L4_SRC, 8),
  'icmp4.code': within(W_L4, B_L4_DST, 8),
  'icmp6.type': within(W_L4, B_L4_SRC, 8),
  'icmp6.code': within(W_L4, B_L4_DST, 8),
  'arp.op': within(W_L4, 0, 8),
  'arp.spa': within(W_IP4, B_IP4_SRC, 32),
  'arp.tpa': within(W_IP4, 0, 32),
  'arp.sha': within(W_SHA, 0, 48),
  'arp.tha': within(W_THA, 0, 48),
  'nd.target': wide(W_ND_TARGET),
  'nd.sll': within(W_SHA, 0, 48),
  'nd.tll': within(W_THA, 0, 48),
  'tcp.src': within(W_L4, B_L4_SRC, 16),
  'tcp.dst': within(W_L4, B_L4_DST, 16),
  'udp.src': within(W_L4, B_L4_SRC, 16),
  'udp.dst': within(W_L4, B_L4_DST, 16),
  'sctp.src': within(W_L4, B_L4_SRC, 16),
  'sctp.dst': within(W_L4, B_L4_DST, 16),
  'tcp.flags': within(W_DERIVED, B_TCP_FLAGS, 12),
  'pkt.mark': within(W_MARK, 0, 32),
  'icmp4.frag_mtu': within(W_MARK, B_FRAG_MTU, 16),
  'icmp6.frag_mtu': within(W_MARK, B_FRAG_MTU, 32),
};

/** Where a storage is (`LangSymbol.field`), from its highest bits to its lowest; undefined for a predicate. */
export function storagePieces(field: string): readonly Piece[] | undefined {
  return Object.hasOwn(STORAGE, field) ? STORAGE[field] : undefined;
}

/**
 * Where the bits of a reference are, from the highest to the lowest; `ofs` counts
 * from the reference's lowest bit.  The number that a string field holds is whole.
 * Bits that are missing are zero in every packet and cannot be set (ct_state from
 * bit 16, arp.op from bit 8).  None for a predicate.
 */
export function fieldPieces({ symbol, ofs, n }: FieldRef): Piece[] {
  const pieces = storagePieces(symbol.field) ?? [];
  if (symbol.width === 0) {
    return [...pieces];
  }
  const low = symbol.ofs + ofs;
  return pieces.flatMap((piece) => {
    const from = Math.max(low, piece.ofs);
    const to = Math.min(low + n, piece.ofs + piece.width);
    return from < to
      ? [{ word: piece.word, bit: piece.bit + from - piece.ofs, width: to - from, ofs: from - low }]
      : [];
  });
}

/** Bits of one word that a comparison looks at, and what they are to be; the highest 32 bits and the lowest, unsigned. */
export interface WordBits {
  readonly word: number;
  /** Lowest bit of the field in that word: tells fields that share a word apart. */
  readonly bit: number;
  readonly maskHigh: number;
  readonly maskLow: number;
  readonly high: number;
  readonly low: number;
}

/**
 * What a packet's words must be so that `symbol` under `mask` is `value`, one item
 * for each piece of the field that the mask touches; undefined if no packet's can be.
 */
export function comparedBits(symbol: LangSymbol, value: bigint, mask: bigint): WordBits[] | undefined {
  const shift = BigInt(symbol.ofs);
  const bits: WordBits[] = [];
  let [restValue, restMask] = [value << shift, mask << shift];
  for (const { word, bit, width, ofs } of storagePieces(symbol.field) ?? []) {
    const from = BigInt(ofs);
    const within = BigInt.asUintN(width, restMask >> from);
    if (within !== 0n) {
      const at = BigInt(bit);
      const valueAt = BigInt.asUintN(width, restValue >> from) << at;
      const maskAt = within << at;
      bits.push({
        word,
        bit,
        maskHigh: Number(maskAt >> 32n),
        maskLow: Number(maskAt & 0xffffffffn),
        high: Number(valueAt >> 32n),
        low: Number(valueAt & 0xffffffffn),
      });
      restMask &= ~(within << from);
      restValue &= ~(within << from);
    }
  }
  // What is left are bits that no packet has.
  return restValue === 0n ? bits : undefined;
}
