/**
 * Loops: packets that come, looking the same but for their time to live, to
 * where they have been.  Places at the start of pipelines and the packets that
 * pass from one to another make a graph; packets that pass all of a circle loop.
 */
import type { PacketSet } from '../../engine/sets/index.ts';
import type { Run } from './run.ts';
import type { NetworkDatapath } from './types.ts';

export interface Loop {
  readonly packets: PacketSet;
  readonly datapaths: readonly NetworkDatapath[];
}

/** A circle is looked for along this many steps at most from each place. */
const maxSteps = 20_000;

/** The packets that may go round. */
export function loopsOf(run: Run): Loop[] {
  return circular(run).flatMap((nodes) => circleIn(run, nodes) ?? []);
}

/** Sets of nodes each of which can be reached from each other (Tarjan's algorithm, without recursion). */
function circular({ edges, nodes }: Run): Set<number>[] {
  const index = new Map<number, number>();
  const low = new Map<number, number>();
  const stack: number[] = [];
  const onStack = new Set<number>();
  const found: Set<number>[] = [];
  for (const start of nodes.values()) {
    if (index.has(start)) continue;
    const work: { node: number; targets: Iterator<number> }[] = [];
    const open = (node: number): void => {
      index.set(node, index.size);
      low.set(node, index.get(node) as number);
      stack.push(node);
      onStack.add(node);
      work.push({ node, targets: (edges.get(node) ?? new Map<number, PacketSet>()).keys() });
    };
    open(start);
    while (work.length > 0) {
      const { node, targets } = work[work.length - 1] as { node: number; targets: Iterator<number> };
      const { value: target, done } = targets.next();
      if (done !== true) {
        if (!index.has(target)) open(target);
        else if (onStack.has(target)) low.set(node, Math.min(low.get(node) as number, index.get(target) as number));
        continue;
      }
      work.pop();
      const parent = work.at(-1)?.node;
      if (parent !== undefined) low.set(parent, Math.min(low.get(parent) as number, low.get(node) as number));
      if (low.get(node) !== index.get(node)) continue;
      const members = new Set<number>();
      for (let member = stack.pop(); member !== undefined; member = stack.pop()) {
        onStack.delete(member);
        members.add(member);
        if (member === node) break;
      }
      if (members.size > 1 || edges.get(node)?.has(node)) found.push(members);
    }
  }
  return found;
}

/** The first circle that some packets pass all of. */
function circleIn({ space, edges, nodePlaces }: Run, members: ReadonlySet<number>): Loop | undefined {
  let steps = 0;
  for (const start of members) {
    const stack: { node: number; packets: PacketSet; path: readonly number[] }[] = [
      { node: start, packets: space.all, path: [start] },
    ];
    for (let top = stack.pop(); top && steps < maxSteps; top = stack.pop()) {
      for (const [target, passing] of edges.get(top.node) ?? []) {
        steps++;
        if (!members.has(target)) continue;
        const packets = space.and(top.packets, passing);
        if (packets === space.empty) continue;
        if (target === start) {
          const datapaths = top.path.map((node) => nodePlaces[node]?.datapath.datapath);
          return { packets, datapaths: [...new Set(datapaths)].filter((one) => one !== undefined) };
        }
        if (!top.path.includes(target)) stack.push({ node: target, packets, path: [...top.path, target] });
      }
    }
  }
  return undefined;
}
