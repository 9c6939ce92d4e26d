/** Numbers of logical flows, which counters and caches refer to. */
import type { LogicalFlow } from '../ovsdb/southbound.ts';

interface Numbered {
  readonly flow: LogicalFlow;
  readonly number: number;
}

/**
 * Gives each flow a number, and the same one in the next generation as long as it
 * stays the same flow.  A number that is no longer in use is given out again, but
 * not before the next generation but one.
 */
export class FlowNumbers {
  /** All numbers given out are below this. */
  end = 0;
  /** By UUID of the datapath, then of the flow; the flows of a datapath that share a UUID one behind the other. */
  private now = new Map<string, Map<string, Numbered[]>>();
  private before = new Map<string, Map<string, Numbered[]>>();
  /** Free now; free from the next generation on. */
  private free: number[] = [];
  private soonFree: number[] = [];

  /** Begins a generation: flows that are not asked for in it lose their numbers. */
  begin(): void {
    for (const number of this.soonFree.splice(0)) {
      this.free.push(number);
    }
    for (const { number } of numbered(this.before)) {
      this.soonFree.push(number);
    }
    this.before = this.now;
    this.now = new Map();
  }

  /** The flow's number.  A flow is asked for once a generation. */
  of(flow: LogicalFlow): number {
    const known = this.take(flow);
    const number = known?.number ?? this.free.pop() ?? this.end++;
    let ofDatapath = this.now.get(flow.datapath);
    if (!ofDatapath) {
      ofDatapath = new Map();
      this.now.set(flow.datapath, ofDatapath);
    }
    const same = ofDatapath.get(flow.uuid);
    if (same) {
      same.push({ flow, number });
    } else {
      ofDatapath.set(flow.uuid, [{ flow, number }]);
    }
    return number;
  }

  /** What the flow was in the generation before, which then is no longer there. */
  private take(flow: LogicalFlow): Numbered | undefined {
    const ofDatapath = this.before.get(flow.datapath);
    const candidates = ofDatapath?.get(flow.uuid) ?? [];
    const index = candidates.findIndex((candidate) => isSame(candidate.flow, flow));
    return index < 0 ? undefined : candidates.splice(index, 1)[0];
  }
}

function* numbered(generation: ReadonlyMap<string, ReadonlyMap<string, readonly Numbered[]>>): Iterable<Numbered> {
  for (const ofDatapath of generation.values()) {
    for (const flows of ofDatapath.values()) {
      yield* flows;
    }
  }
}

function isSame(a: LogicalFlow, b: LogicalFlow): boolean {
  return (
    a.pipeline === b.pipeline &&
    a.table === b.table &&
    a.priority === b.priority &&
    a.match === b.match &&
    a.actions === b.actions &&
    a.controllerMeter === b.controllerMeter
  );
}
