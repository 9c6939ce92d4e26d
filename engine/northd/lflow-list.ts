/** Logical flows in the form of `ovn-sbctl lflow-list`, ovn-sbctl(8). */
import type { DatapathBinding, LogicalFlow, Southbound } from '../ovsdb/southbound.ts';

/**
 * All flows, as ovn-sbctl prints them: datapaths by name, ingress before
 * egress, tables in order, in each table falling priorities, then matches,
 * then actions.  With `only`, the flows of those datapaths.
 */
export function lflowList(southbound: Southbound, only: readonly DatapathBinding[] = southbound.datapaths): string {
  const flows = new Map<string, LogicalFlow[]>(only.map(({ uuid }) => [uuid, []]));
  for (const flow of southbound.flows) flows.get(flow.datapath)?.push(flow);
  const lines: string[] = [];
  for (const datapath of [...only].sort(compareDatapaths)) {
    let pipeline = '';
    for (const flow of (flows.get(datapath.uuid) ?? []).sort(compareFlows)) {
      if (flow.pipeline !== pipeline) {
        pipeline = flow.pipeline;
        lines.push(`Datapath: ${datapathLabel(datapath)}  Pipeline: ${pipeline}\n`);
      }
      lines.push(flowLine(flow), '\n');
    }
  }
  return lines.join('');
}

/** One flow's line. */
export function flowLine({ table, stage, priority, match, actions }: LogicalFlow): string {
  const place = `table=${String(table).padEnd(2)}(${stage.padEnd(19)})`;
  return `  ${place}, priority=${String(priority).padEnd(5)}, match=(${match}), action=(${actions})`;
}

/** `"NAME" (UUID)`, or `"NAME" aka "OTHER" (UUID)` where a datapath has a second name. */
export function datapathLabel({ name, uuid, externalIds: { name2 } }: DatapathBinding): string {
  return `"${name}"${name2 ? ` aka "${name2}"` : ''} (${uuid})`;
}

function compareDatapaths(a: DatapathBinding, b: DatapathBinding): number {
  return compare(a.name, b.name) || compare(a.uuid, b.uuid);
}

function compareFlows(a: LogicalFlow, b: LogicalFlow): number {
  if (a.pipeline !== b.pipeline) return a.pipeline === 'ingress' ? -1 : 1;
  return a.table - b.table || b.priority - a.priority || compare(a.match, b.match) || compare(a.actions, b.actions);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
