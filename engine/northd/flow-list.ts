/** The flows of one datapath as a list that single flows come into and go out of. */
import type { LogicalFlow } from '../ovsdb/southbound.ts';
import { compareFlows } from './emit.ts';

/** What turns one list into another. */
export interface FlowChanges {
  readonly gone: readonly LogicalFlow[];
  readonly come: readonly LogicalFlow[];
}

/** The flows that only one of the lists has. */
export function flowChanges(before: readonly LogicalFlow[], after: readonly LogicalFlow[]): FlowChanges {
  const old = new Map(before.map((flow) => [flow.uuid, flow]));
  const come: LogicalFlow[] = [];
  for (const flow of after) {
    const same = old.get(flow.uuid);
    if (same && isSame(same, flow)) old.delete(flow.uuid);
    else come.push(flow);
  }
  return { gone: [...old.values()], come };
}

/**
 * The list after the changes; it stays as it is itself.  Undefined where that cannot be told from the list: a flow
 * that goes is not there as it was, or one that comes or goes has the match and the priority of another.
 */
export function withChanges(
  list: readonly LogicalFlow[],
  { gone, come }: FlowChanges,
  repeated: ReadonlySet<string>,
): LogicalFlow[] | undefined {
  if ([...gone, ...come].some(({ uuid }) => repeated.has(uuid))) return undefined;
  const removed = new Set<number>();
  for (const flow of gone) {
    const at = placeOf(list, flow);
    const found = list[at];
    if (!found || !isSame(found, flow) || isTwin(list[at - 1], flow) || isTwin(list[at + 1], flow)) return undefined;
    removed.add(at);
  }
  const added = [...come].sort(compareInTables).map((flow) => ({ flow, at: placeOf(list, flow) }));
  for (const [index, { flow, at }] of added.entries()) {
    if (isTwin(added[index - 1]?.flow, flow)) return undefined;
    // The flow that goes may be what this one takes the place of.
    if ([at - 1, at].some((beside) => !removed.has(beside) && isTwin(list[beside], flow))) return undefined;
    if (removed.has(at - 1) && isTwin(list[at - 2], flow)) return undefined;
    if (removed.has(at) && isTwin(list[at + 1], flow)) return undefined;
  }
  return merged(list, removed, added);
}

function merged(
  list: readonly LogicalFlow[],
  removed: ReadonlySet<number>,
  added: readonly { readonly flow: LogicalFlow; readonly at: number }[],
): LogicalFlow[] {
  const edits = [
    ...[...removed].map((at) => ({ at, flow: undefined })),
    // What comes at a place stands before what was there.
    ...added,
  ].sort((a, b) => a.at - b.at || Number(b.flow !== undefined) - Number(a.flow !== undefined));
  const pieces: (readonly LogicalFlow[])[] = [];
  let done = 0;
  for (const { at, flow } of edits) {
    pieces.push(list.slice(done, at));
    done = at;
    if (flow) pieces.push([flow]);
    else done++;
  }
  pieces.push(list.slice(done));
  return ([] as LogicalFlow[]).concat(...pieces);
}

/** Where the flow stands, or would stand. */
function placeOf(list: readonly LogicalFlow[], flow: LogicalFlow): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareInTables(list[middle] as LogicalFlow, flow) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function compareInTables(a: LogicalFlow, b: LogicalFlow): number {
  if (a.pipeline !== b.pipeline) return a.pipeline === 'ingress' ? -1 : 1;
  return a.table - b.table || compareFlows(a, b);
}

const isTwin = (a: LogicalFlow | undefined, b: LogicalFlow): boolean =>
  a !== undefined &&
  a.pipeline === b.pipeline &&
  a.table === b.table &&
  a.priority === b.priority &&
  a.match === b.match;

function isSame(a: LogicalFlow, b: LogicalFlow): boolean {
  return (
    a.uuid === b.uuid &&
    isTwin(a, b) &&
    a.actions === b.actions &&
    a.source === b.source &&
    a.hint === b.hint &&
    a.controllerMeter === b.controllerMeter
  );
}
