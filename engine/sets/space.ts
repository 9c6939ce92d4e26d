/**
 * Sets of packets, as numbers.
 *
 *     const space = createSpace([{ name: 'eth.type', width: 16 }, { name: 'ip4.dst', width: 32 }]);
 *     const web = space.cube([{ field: 0, value: 0x800n, mask: 0xffffn }]);
 *     space.isEmpty(space.and(web, other));
 *
 * A packet is here one value for each field of the space.  A set is a node of a
 * decision diagram in WebAssembly memory (asm/sets); equal sets are equal
 * numbers, as long as the space lives and nothing below them was released.
 */

import type { SavedSets } from './saved.ts';

/** A set of packets; what `release` has dropped is no longer one. */
export type PacketSet = number;

/** A field of the packets of a space: the first ones stand at the top of the diagrams. */
export interface SetField {
  readonly name: string;
  /** Bits, at least 1. */
  readonly width: number;
}

/** Demands that the bits of `mask` of a field have the values in `value`; bit 0 is the lowest. */
export interface Literal {
  /** Index in the space's `fields`. */
  readonly field: number;
  readonly value: bigint;
  readonly mask: bigint;
}

/**
 * What becomes of `n` bits of a field from `ofs` on, when packets are rewritten:
 * they are set to a constant, copied from bits of the packet as it was, or
 * (`plus`, whole fields of at most 16 bits only) changed by an amount, modulo 2^n.
 */
export type Rewrite = { readonly field: number; readonly ofs: number; readonly n: number } & (
  | { readonly kind: 'constant'; readonly value: bigint }
  | { readonly kind: 'copy'; readonly from: number; readonly fromOfs: number }
  | { readonly kind: 'plus'; readonly from: number; readonly amount: number }
  /** Any value at all. */
  | { readonly kind: 'any' }
);

/** Where `mark` stood. */
export type Mark = number;

/** How much there is, and how much was done since the space was made. */
export interface SpaceStats {
  /** Nodes that are there now, and how many there were at most. */
  nodes: number;
  peakNodes: number;
  /** Bytes of memory. */
  bytes: number;
  /** Steps of operations, and how many of them the cache of results answered. */
  steps: number;
  hits: number;
}

/**
 * Thrown where a space would need more memory than it was allowed.  All sets that there were
 * are still there; `release` makes room.
 */
export class SpaceFull extends Error {
  override readonly name = 'SpaceFull';
}

/**
 * Numbers that are no set of the space (any more), fields that it does not have, values
 * that do not fit into their field: RangeError, and nothing happens.
 */
export interface Space {
  readonly fields: readonly SetField[];
  /** 0. */
  readonly empty: PacketSet;
  /** 1. */
  readonly all: PacketSet;

  /** Bits of all fields together: the variables of the diagrams. */
  readonly variables: number;
  /** The variable of a field's bit (0 is the lowest): fields as `order` says, and of each the highest bit first. */
  variableOf(field: number, bit: number): number;

  /** The packets that meet all demands; built bottom-up, without an operation a demand. */
  cube(literals: readonly Literal[]): PacketSet;
  /**
   * `cube` of demands that are prepared: the first `n` of `bits`, each variable * 2 + value,
   * in ascending order.  The way to build very many.
   */
  cubeBits(bits: ArrayLike<number>, n?: number): PacketSet;
  /** The packets whose field is `low` to `high`, inclusive. */
  range(field: number, low: bigint, high: bigint): PacketSet;
  /** The packets whose field is one of the values (all of its bits). */
  oneOf(field: number, values: Iterable<bigint>): PacketSet;
  /** The packets in which `n` bits of two fields are the same. */
  same(a: number, aOfs: number, b: number, bOfs: number, n: number): PacketSet;

  and(a: PacketSet, b: PacketSet): PacketSet;
  or(a: PacketSet, b: PacketSet): PacketSet;
  /** What is in `a` and not in `b`. */
  diff(a: PacketSet, b: PacketSet): PacketSet;
  not(a: PacketSet): PacketSet;
  orAll(sets: readonly PacketSet[]): PacketSet;
  /** Whether there is a packet in both; builds nothing. */
  intersects(a: PacketSet, b: PacketSet): boolean;
  /** Whether all of `a` is in `b`; builds nothing. */
  isSubset(a: PacketSet, b: PacketSet): boolean;

  /** The packets that are in the set for some values of these fields: what the fields say is forgotten. */
  forget(set: PacketSet, fields: readonly number[]): PacketSet;
  /** `forget` of what `and` with the demands gives, over just the bits that they name. */
  restrict(set: PacketSet, literals: readonly Literal[]): PacketSet;
  /** What packets of the set look like once rewritten; fields without a rewrite stay. All rewrites happen at once. */
  image(set: PacketSet, rewrites: readonly Rewrite[]): PacketSet;
  /** The packets that are in the set once rewritten. A rewrite of kind `any`: for some value. */
  preimage(set: PacketSet, rewrites: readonly Rewrite[]): PacketSet;

  /**
   * A packet of the set, a value for each field; undefined of the empty set. Each preference in
   * turn is met if there still is such a packet; bits that nothing asks about are 0.
   */
  pick(set: PacketSet, preferences?: readonly PacketSet[]): bigint[] | undefined;
  contains(set: PacketSet, packet: readonly bigint[]): boolean;
  /** Calls with conjunctions that together are the set and do not overlap, until it returns false. */
  cubes(set: PacketSet, visit: (literals: Literal[]) => boolean | undefined): void;
  /** The demands that all packets of the set meet: the smallest conjunction around it; none of the empty set. */
  hull(set: PacketSet): Literal[];
  /** How many packets; a number that large is not exact. */
  count(set: PacketSet): number;
  /** Nodes that the set's diagram has; 0 for `empty` and `all`. */
  size(set: PacketSet): number;
  /** The fields that decide whether a packet is in the set. */
  support(set: PacketSet): number[];

  /** The sets as plain data, and such data as sets of this space, which has to have the same fields (else RangeError). */
  save(sets: readonly PacketSet[]): SavedSets;
  load(saved: SavedSets): PacketSet[];

  mark(): Mark;
  /** Drops all sets made since the mark but those in `keep`, which it gives the new numbers of. */
  release(mark: Mark, keep?: readonly PacketSet[]): PacketSet[];
  stats(): SpaceStats;
}

export interface SpaceOptions {
  /** Bytes; 1 GiB unless given, 256 KiB at least. */
  limit?: number;
  /** Indices of the fields from the top of diagrams on, each once; as they stand unless given. */
  order?: readonly number[];
  /** Entries of the cache of results at most, as a power of two; 16 unless given. */
  cacheLog?: number;
}
