/**
 * Sets as plain data, to be taken to another space of the same fields: in another
 * thread, on another machine, later.
 */
import type { Kernel } from './kernel.ts';
import type { PacketSet } from './space.ts';

/** Sets with all that is below them, each node once, behind those that it is made of. */
export interface SavedSets {
  /** Of the space that they were in. */
  readonly variables: number;
  /** Three numbers a node: its variable, what is below it where that is 0 and where it is 1. */
  readonly nodes: readonly number[];
  /** The sets. A set is twice the place of its node from 1 on, and 1 more for the complement; 0 and 1 are none and all. */
  readonly sets: readonly number[];
}

/** The sets as data. */
export function save(kernel: Kernel, variables: number, sets: readonly PacketSet[]): SavedSets {
  const nodes: number[] = [];
  const places = new Map<PacketSet, number>([[0, 0]]);
  const placed = (set: PacketSet): number => (places.get(set & ~1) ?? 0) * 2 + (set & 1);
  for (const set of sets) {
    kernel.check(set);
    const waiting = [set & ~1];
    while (waiting.length > 0) {
      const node = waiting.at(-1) ?? 0;
      if (places.has(node)) {
        waiting.pop();
        continue;
      }
      const sides = [kernel.low(node) & ~1, kernel.high(node) & ~1];
      const missing = sides.filter((side) => !places.has(side));
      if (missing.length > 0) {
        waiting.push(...missing);
        continue;
      }
      waiting.pop();
      nodes.push(kernel.variable(node), placed(kernel.low(node)), placed(kernel.high(node)));
      places.set(node, nodes.length / 3);
    }
  }
  return { variables, nodes, sets: sets.map(placed) };
}

/** The sets in this space. Throws a RangeError where they are of a space of other fields, or no sets at all. */
export function load(kernel: Kernel, variables: number, saved: SavedSets): PacketSet[] {
  if (saved.variables !== variables) {
    throw new RangeError(`these sets are of packets of ${saved.variables} bits, not of ${variables}`);
  }
  const made: PacketSet[] = [0];
  const setOf = (place: number): PacketSet => {
    const node = made[place >> 1];
    if (node === undefined) throw new RangeError(`${place} is no set among those that were saved`);
    return node ^ (place & 1);
  };
  for (let i = 0; i < saved.nodes.length; i += 3) {
    const [variable = -1, low = -1, high = -1] = saved.nodes.slice(i, i + 3);
    const sides = [setOf(low), setOf(high)] as const;
    const isBelow = sides.every((side) => side <= 1 || kernel.variable(side) > variable);
    if (!Number.isInteger(variable) || variable < 0 || variable >= variables || !isBelow) {
      throw new RangeError(`what was saved as node ${i / 3 + 1} is none`);
    }
    made.push(kernel.node(variable, ...sides));
  }
  return saved.sets.map(setOf);
}
