/** What is in a set: its packets, conjunctions, size. */
import { checkValue, type Layout } from './fields.ts';
import type { Kernel } from './kernel.ts';
import type { Literal, PacketSet } from './space.ts';

/** A packet of the set, with as few ones as a way down to the left gives; undefined of the empty set. */
export function firstPacket(kernel: Kernel, layout: Layout, set: PacketSet): bigint[] | undefined {
  if (set === 0) return undefined;
  const packet = layout.fields.map(() => 0n);
  let at = set;
  while (at > 1) {
    const low = kernel.low(at);
    if (low !== 0) {
      at = low;
    } else {
      const variable = kernel.variable(at);
      const field = layout.fieldOf[variable] ?? 0;
      packet[field] = (packet[field] ?? 0n) | bitOf(layout, variable);
      at = kernel.high(at);
    }
  }
  return packet;
}

/** Throws a RangeError unless the packet has a value for each field, which fits. */
export function contains(kernel: Kernel, layout: Layout, set: PacketSet, packet: readonly bigint[]): boolean {
  if (packet.length !== layout.fields.length) {
    throw new RangeError(`a packet has ${layout.fields.length} fields, not ${packet.length}`);
  }
  for (const [i, field] of layout.fields.entries()) checkValue(field, packet[i] ?? 0n);
  let at = set;
  while (at > 1) {
    const variable = kernel.variable(at);
    const value = packet[layout.fieldOf[variable] ?? 0] ?? 0n;
    at = value & bitOf(layout, variable) ? kernel.high(at) : kernel.low(at);
  }
  return at === 1;
}

/** The value of a field that has just this bit. */
function bitOf({ fields, first, fieldOf }: Layout, variable: number): bigint {
  const field = fieldOf[variable] ?? 0;
  return 1n << BigInt((first[field] ?? 0) + (fields[field]?.width ?? 0) - 1 - variable);
}

/** The demands that all packets of the set meet, as bits (variable * 2 + value) in ascending order; none of the empty set. */
export function commonBits(kernel: Kernel, set: PacketSet): readonly number[] {
  if (set === 0) return [];
  const known = new Map<PacketSet, readonly number[]>([[1, []]]);
  const bitsOfSet = (at: PacketSet): readonly number[] => {
    const found = known.get(at);
    if (found) return found;
    const variable = kernel.variable(at);
    const [low, high] = [kernel.low(at), kernel.high(at)];
    let bits: readonly number[];
    if (low === 0) bits = [variable * 2 + 1, ...bitsOfSet(high)];
    else if (high === 0) bits = [variable * 2, ...bitsOfSet(low)];
    else bits = inBoth(bitsOfSet(low), bitsOfSet(high));
    known.set(at, bits);
    return bits;
  };
  return bitsOfSet(set);
}

/** What stands in two ascending lists. */
function inBoth(a: readonly number[], b: readonly number[]): readonly number[] {
  if (a === b) return a;
  const both: number[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const [left, right] = [a[i] as number, b[j] as number];
    if (left === right) both.push(left);
    if (left <= right) i++;
    if (right <= left) j++;
  }
  return both;
}

/** Calls with conjunctions that together are the set and do not overlap, until it returns false. */
export function cubes(
  kernel: Kernel,
  layout: Layout,
  set: PacketSet,
  visit: (literals: Literal[]) => boolean | undefined,
): void {
  /** The way down to here, variables * 2 + value; and what is on the other side of each. */
  const path: number[] = [];
  const others: PacketSet[] = [];
  let at = set;
  for (;;) {
    if (at > 1) {
      path.push(kernel.variable(at) * 2);
      others.push(kernel.high(at));
      at = kernel.low(at);
      continue;
    }
    if (at === 1 && visit(literalsOf(layout, path)) === false) return;
    // Back to the last variable that was 0.
    while ((path.at(-1) ?? 0) & 1) {
      path.pop();
      others.pop();
    }
    const last = path.pop();
    if (last === undefined) return;
    path.push(last + 1);
    at = others[path.length - 1] ?? 0;
  }
}

export function literalsOf(layout: Layout, bits: readonly number[]): Literal[] {
  const literals: { field: number; value: bigint; mask: bigint }[] = [];
  for (const bit of bits) {
    const field = layout.fieldOf[bit >> 1] ?? 0;
    let literal = literals.at(-1);
    if (literal?.field !== field) {
      literal = { field, value: 0n, mask: 0n };
      literals.push(literal);
    }
    const one = bitOf(layout, bit >> 1);
    literal.mask |= one;
    if (bit & 1) literal.value |= one;
  }
  return literals;
}

/** How many packets are in the set; Infinity from 2^1024 on. */
export function count(kernel: Kernel, layout: Layout, set: PacketSet): number {
  /** Of the variables from the set's first one on. */
  const known = new Map<PacketSet, number>([
    [0, 0],
    [1, 1],
  ]);
  const countFrom = (at: PacketSet, variable: number): number => {
    const below = known.get(at) ?? 0;
    return below === 0 ? 0 : below * 2 ** ((at <= 1 ? layout.variables : kernel.variable(at)) - variable);
  };
  const nodes: PacketSet[] = [];
  eachNode(kernel, set, (node) => nodes.push(node));
  // Children have smaller numbers than their parents.
  for (const node of nodes.sort((a, b) => a - b)) {
    for (const side of [node, node + 1]) {
      const next = kernel.variable(side) + 1;
      known.set(side, countFrom(kernel.low(side), next) + countFrom(kernel.high(side), next));
    }
  }
  return countFrom(set, 0);
}

/** Calls once with each node below and of the set, without regard to complements. */
export function eachNode(kernel: Kernel, set: PacketSet, visit: (node: PacketSet) => void): void {
  const seen = new Set<PacketSet>([0]);
  const waiting = [set & ~1];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    visit(node);
    waiting.push(kernel.low(node) & ~1, kernel.high(node) & ~1);
  }
}
