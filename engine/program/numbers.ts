/** Numbers of logical flows, which counters and caches refer to. */
import type { LogicalFlow } from '../ovsdb/southbound.ts';

/** Flows of one table, and their numbers. */
export interface NumberedFlows {
  readonly flows: readonly LogicalFlow[];
  readonly numbers: Uint32Array;
}

/**
 * Gives each flow of a table a number, and the same one in the next generation as long as
 * it stays the same flow.  A number that is no longer in use is given out again, but
 * not before the next generation but one.
 */
export class FlowNumbers {
  /** All numbers given out are below this. */
  end = 0;
  private free: number[] = [];
  /** Released in the generation before, and in this one. */
  private soonFree: number[] = [];
  private released: number[] = [];

  /** Begins a generation. */
  begin(): void {
    for (const number of this.soonFree) this.free.push(number);
    this.soonFree = this.released;
    this.released = [];
  }

  /** The numbers of a table's flows; `before` is what the table had, which may not be asked about again. */
  of(flows: readonly LogicalFlow[], before?: NumberedFlows): Uint32Array {
    const numbers = new Uint32Array(flows.length);
    let start = 0;
    let end = flows.length;
    if (before) {
      let oldEnd = before.flows.length;
      const same = (a: number, b: number) => isSame(before.flows[a] as LogicalFlow, flows[b] as LogicalFlow);
      for (; start < end && start < oldEnd && same(start, start); start++) {
        numbers[start] = before.numbers[start] as number;
      }
      for (; end > start && oldEnd > start && same(oldEnd - 1, end - 1); end--, oldEnd--) {
        numbers[end - 1] = before.numbers[oldEnd - 1] as number;
      }
      this.renumber(flows, numbers, start, end, before, oldEnd);
    } else {
      for (let i = start; i < end; i++) numbers[i] = this.fresh();
    }
    return numbers;
  }

  /** These are no longer in use. */
  release(numbers: Iterable<number>): void {
    for (const number of numbers) this.released.push(number);
  }

  /** Numbers for `flows` from `start` to `end`, of which some may be anywhere in `before` from `start` to `oldEnd`. */
  private renumber(
    flows: readonly LogicalFlow[],
    numbers: Uint32Array,
    start: number,
    end: number,
    before: NumberedFlows,
    oldEnd: number,
  ): void {
    const old = new Map<string, number[]>();
    for (let i = start; i < oldEnd; i++) {
      const { uuid } = before.flows[i] as LogicalFlow;
      const sharing = old.get(uuid);
      if (sharing) sharing.push(i);
      else old.set(uuid, [i]);
    }
    for (let i = start; i < end; i++) {
      const flow = flows[i] as LogicalFlow;
      const candidates = old.get(flow.uuid) ?? [];
      const index = candidates.findIndex((candidate) => isSame(before.flows[candidate] as LogicalFlow, flow));
      const [taken] = index < 0 ? [] : candidates.splice(index, 1);
      numbers[i] = taken === undefined ? this.fresh() : (before.numbers[taken] as number);
    }
    for (const left of old.values()) {
      for (const index of left) this.released.push(before.numbers[index] as number);
    }
  }

  private fresh(): number {
    return this.free.pop() ?? this.end++;
  }
}

/** Whether packets cannot tell the one from the other. */
function isSame(a: LogicalFlow, b: LogicalFlow): boolean {
  return (
    a === b ||
    (a.uuid === b.uuid &&
      a.datapath === b.datapath &&
      a.pipeline === b.pipeline &&
      a.table === b.table &&
      a.priority === b.priority &&
      a.match === b.match &&
      a.actions === b.actions &&
      a.controllerMeter === b.controllerMeter)
  );
}

/** Whether two tables have the same flows in the same order, down to where each comes from. */
export function sameFlows(a: readonly LogicalFlow[], b: readonly LogicalFlow[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    const one = a[i] as LogicalFlow;
    const other = b[i] as LogicalFlow;
    if (one !== other && !(isSame(one, other) && one.hint === other.hint && one.source === other.source)) return false;
  }
  return true;
}
