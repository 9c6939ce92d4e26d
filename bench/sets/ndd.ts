/**
 * Diagrams with a node a field: what is under measurement beside the flat ones.
 *
 * A node has edges to different children; an edge's label is a set of values of
 * the node's field, a set of the space over the field's variables.  Labels of a
 * node are disjoint, none is empty; values without an edge lead to the empty set.
 * A node whose only edge has all values is its child.  (The "network decision
 * diagram" of NSDI 2025.)
 */
import type { Space } from '../../engine/sets/index.ts';
import type { Diagrams } from './diagrams.ts';

const CACHE = 1 << 16;
const HEADS = 1 << 16;

const AND = 1;
const OR = 2;
const DIFF = 3;

/** Edges under way: labels and children. */
interface Edges {
  readonly labels: number[];
  readonly children: number[];
}

export function fieldDiagrams(space: Space): Diagrams {
  const start = space.mark();
  const fieldOf = space.fields.flatMap(({ width }, field) => Array<number>(width).fill(field));
  const bottom = space.fields.length;
  /** Of each node: its field, and where its edges are. */
  const fields: number[] = [bottom, bottom];
  const firsts: number[] = [0, 0];
  const counts: number[] = [0, 0];
  const next: number[] = [0, 0];
  const labels: number[] = [];
  const children: number[] = [];
  const heads = new Int32Array(HEADS);
  const cacheKeys = new Int32Array(3 * CACHE);
  const cacheResults = new Int32Array(CACHE);
  let steps = 0;

  const place = (a: number, b: number, operation: number): number =>
    (Math.imul(Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b) ^ operation, 0xc2b2ae35) >>> 16) & (CACHE - 1);
  const recall = (a: number, b: number, operation: number): number => {
    steps += 1;
    const at = place(a, b, operation);
    const isKnown = cacheKeys[3 * at] === a && cacheKeys[3 * at + 1] === b && cacheKeys[3 * at + 2] === operation;
    return isKnown ? (cacheResults[at] ?? -1) : -1;
  };
  const remember = (a: number, b: number, operation: number, result: number): number => {
    const at = place(a, b, operation);
    cacheKeys[3 * at] = a;
    cacheKeys[3 * at + 1] = b;
    cacheKeys[3 * at + 2] = operation;
    cacheResults[at] = result;
    return result;
  };

  /** One edge a child, by their numbers. */
  const merged = (edges: Edges): Edges => {
    const byChild = new Map<number, number>();
    for (const [i, child] of edges.children.entries()) {
      const label = edges.labels[i] ?? 0;
      const before = byChild.get(child);
      byChild.set(child, before === undefined ? label : space.or(before, label));
    }
    const sorted = [...byChild].sort(([a], [b]) => a - b);
    return { labels: sorted.map(([, label]) => label), children: sorted.map(([child]) => child) };
  };
  const make = (field: number, edges: Edges): number => {
    if (edges.children.length === 0) return 0;
    const { labels: newLabels, children: newChildren } = edges.children.length > 1 ? merged(edges) : edges;
    if (newChildren.length === 1 && newLabels[0] === 1) return newChildren[0] ?? 0;
    let hash = field;
    for (let i = 0; i < newChildren.length; i++) {
      hash = Math.imul(hash ^ (newLabels[i] ?? 0), 0x9e3779b1) ^ Math.imul(newChildren[i] ?? 0, 0x85ebca6b);
      hash ^= hash >>> 15;
    }
    const head = Math.imul(hash, 0xc2b2ae35) >>> 16;
    for (let node = heads[head] ?? 0; node !== 0; node = next[node] ?? 0) {
      if (fields[node] !== field || counts[node] !== newChildren.length) continue;
      const first = firsts[node] ?? 0;
      if (newChildren.every((child, i) => children[first + i] === child && labels[first + i] === newLabels[i])) {
        return node;
      }
    }
    const node = fields.length;
    fields.push(field);
    firsts.push(children.length);
    counts.push(newChildren.length);
    next.push(heads[head] ?? 0);
    heads[head] = node;
    for (const label of newLabels) labels.push(label);
    for (const child of newChildren) children.push(child);
    return node;
  };

  const add = (edges: Edges, label: number, child: number): void => {
    if (label === 0 || child === 0) return;
    edges.labels.push(label);
    edges.children.push(child);
  };
  /** What is left of all values without the labels of a node. */
  const restOf = (node: number): number => {
    let rest = 1;
    const first = firsts[node] ?? 0;
    for (let i = first; i < first + (counts[node] ?? 0); i++) rest = space.diff(rest, labels[i] ?? 0);
    return rest;
  };
  /** Calls with all pairs of edges whose labels have values in common; then with what only one of them has. */
  const pairs = (a: number, b: number, both: (label: number, a: number, b: number) => void, rests?: Edges[]): void => {
    const [firstA, firstB] = [firsts[a] ?? 0, firsts[b] ?? 0];
    const [endA, endB] = [firstA + (counts[a] ?? 0), firstB + (counts[b] ?? 0)];
    const restsB = labels.slice(firstB, endB);
    for (let i = firstA; i < endA; i++) {
      let left = labels[i] ?? 0;
      for (let j = firstB; j < endB && left !== 0; j++) {
        const label = space.and(left, labels[j] ?? 0);
        if (label === 0) continue;
        both(label, children[i] ?? 0, children[j] ?? 0);
        left = space.diff(left, label);
        restsB[j - firstB] = space.diff(restsB[j - firstB] ?? 0, label);
      }
      if (rests?.[0]) add(rests[0], left, children[i] ?? 0);
    }
    if (rests?.[1]) for (const [j, label] of restsB.entries()) add(rests[1], label, children[firstB + j] ?? 0);
  };
  /** Calls with each edge of a node. */
  const edgesOf = (node: number, visit: (label: number, child: number) => void): void => {
    const first = firsts[node] ?? 0;
    const end = first + (counts[node] ?? 0);
    for (let i = first; i < end; i++) visit(labels[i] ?? 0, children[i] ?? 0);
  };

  const and = (a: number, b: number): number => {
    if (a === b) return a;
    if (a > b) return and(b, a);
    if (a <= 1) return a === 0 ? 0 : b;
    const known = recall(a, b, AND);
    if (known >= 0) return known;
    const [fieldA, fieldB] = [fields[a] ?? 0, fields[b] ?? 0];
    const edges: Edges = { labels: [], children: [] };
    if (fieldA === fieldB) pairs(a, b, (label, x, y) => add(edges, label, and(x, y)));
    else if (fieldA < fieldB) edgesOf(a, (label, child) => add(edges, label, and(child, b)));
    else edgesOf(b, (label, child) => add(edges, label, and(child, a)));
    return remember(a, b, AND, make(Math.min(fieldA, fieldB), edges));
  };
  const or = (a: number, b: number): number => {
    if (a === b) return a;
    if (a > b) return or(b, a);
    if (a <= 1) return a === 0 ? b : 1;
    const known = recall(a, b, OR);
    if (known >= 0) return known;
    const [fieldA, fieldB] = [fields[a] ?? 0, fields[b] ?? 0];
    const edges: Edges = { labels: [], children: [] };
    if (fieldA === fieldB) {
      pairs(a, b, (label, x, y) => add(edges, label, or(x, y)), [edges, edges]);
    } else {
      const [above, below] = fieldA < fieldB ? [a, b] : [b, a];
      add(edges, restOf(above), below);
      edgesOf(above, (label, child) => add(edges, label, or(child, below)));
    }
    return remember(a, b, OR, make(Math.min(fieldA, fieldB), edges));
  };
  const diff = (a: number, b: number): number => {
    if (a === 0 || a === b || b === 1) return 0;
    if (b === 0) return a;
    const known = recall(a, b, DIFF);
    if (known >= 0) return known;
    const [fieldA, fieldB] = [fields[a] ?? 0, fields[b] ?? 0];
    const edges: Edges = { labels: [], children: [] };
    if (fieldA === fieldB) {
      pairs(a, b, (label, x, y) => add(edges, label, diff(x, y)), [edges]);
    } else if (fieldA < fieldB) {
      edgesOf(a, (label, child) => add(edges, label, diff(child, b)));
    } else {
      add(edges, restOf(b), a);
      edgesOf(b, (label, child) => add(edges, label, diff(a, child)));
    }
    return remember(a, b, DIFF, make(Math.min(fieldA, fieldB), edges));
  };

  return {
    cube(bits) {
      let set = 1;
      for (let end = bits.length; end > 0; ) {
        const field = fieldOf[(bits[end - 1] ?? 0) >> 1] ?? 0;
        let from = end - 1;
        while (from > 0 && fieldOf[(bits[from - 1] ?? 0) >> 1] === field) from -= 1;
        set = make(field, { labels: [space.cubeBits(bits.subarray(from, end))], children: [set] });
        end = from;
      }
      return set;
    },
    and,
    or,
    diff,
    nodes: () => fields.length + space.stats().nodes,
    // As they would be in WebAssembly: a node as a flat one, two words an edge.
    bytes: () => fields.length * 16 + labels.length * 8 + space.stats().bytes,
    steps: () => steps + space.stats().steps,
    clear() {
      space.release(start);
      for (const list of [fields, firsts, counts, next]) list.length = 2;
      labels.length = 0;
      children.length = 0;
      heads.fill(0);
      cacheKeys.fill(0);
    },
  };
}
