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

/** Calls with conjunctions that together are the set and do not overlap, until it returns false. */
export function cubes(
  kernel: Kernel,
  layout: Layout,
  set: PacketSet,
  visit: (literals: Literal[]) => boolean | undefined,
): void {
  /** The way down to here: variables * 2 + value. */
  const path: number[] = [];
  const descend = (at: PacketSet): boolean => {
    if (at === 0) return true;
    if (at === 1) return visit(literalsOf(layout, path)) !== false;
    const variable = kernel.variable(at);
    for (const [value, below] of [kernel.low(at), kernel.high(at)].entries()) {
      path.push(variable * 2 + value);
      if (!descend(below)) return false;
      path.pop();
    }
    return true;
  };
  descend(set);
}

function literalsOf(layout: Layout, bits: readonly number[]): Literal[] {
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
  const levelOf = (at: PacketSet) => (at <= 1 ? layout.variables : kernel.variable(at));
  /** Of the variables from the set's first one on. */
  const known = new Map<PacketSet, number>([
    [0, 0],
    [1, 1],
  ]);
  const countBelow = (at: PacketSet, level: number): number => {
    const below = countOf(at);
    return below === 0 ? 0 : below * 2 ** (levelOf(at) - level);
  };
  const countOf = (at: PacketSet): number => {
    const before = known.get(at);
    if (before !== undefined) return before;
    const next = kernel.variable(at) + 1;
    const result = countBelow(kernel.low(at), next) + countBelow(kernel.high(at), next);
    known.set(at, result);
    return result;
  };
  return countBelow(set, 0);
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
