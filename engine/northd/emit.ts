/**
 * How stages hand over their flows.
 *
 * A stage family is a function of a datapath and the topology that calls `emit`
 * once a flow:
 *
 *     export function buildPortSecurity(dp: SwitchDatapath, emit: Emit): void {
 *       emit(stages.ls_in_check_port_sec, 100, 'vlan.present', 'drop;', 8418);
 *     }
 */
import type { LogicalFlow } from '../ovsdb/southbound.ts';
import type { Stage } from './stages.ts';

/**
 * Adds one flow.  `line` is the line of northd.c of OVN 23.03.1 that writes the
 * same flow (`external_ids:source`), `hint` the northbound row that caused it,
 * `meter` the CoPP meter of its controller actions.
 */
export type Emit = (
  stage: Stage,
  priority: number,
  match: string,
  actions: string,
  line: number,
  hint?: { readonly _uuid: string },
  meter?: string,
) => void;

/** The flows of one datapath while they are being collected. */
export interface FlowTable {
  readonly emit: Emit;
  /**
   * Appends the collected flows to `list`: by stage, within a stage by falling
   * priority, then match, then actions.  Of flows that are the same in all of
   * these only the first that was emitted remains, as in ovn-northd; its UUID
   * goes to `repeated`.
   */
  appendTo(list: LogicalFlow[], repeated?: Set<string>): void;
}

/** An empty table for the datapath whose UUID is `datapath` and whose stages are `pipeline`. */
export function flowTable(datapath: string, pipeline: readonly Stage[]): FlowTable {
  const byStage: LogicalFlow[][] = pipeline.map(() => []);
  return {
    emit(stage, priority, match, actions, line, hint, meter) {
      byStage[stage.index].push({
        uuid: '',
        datapath,
        pipeline: stage.pipeline,
        table: stage.table,
        stage: stage.name,
        priority,
        match,
        actions,
        source: sourceOfLine(line),
        hint: hint?._uuid,
        controllerMeter: meter,
      });
    },
    appendTo(list, repeated) {
      const nameUuid = uuidMaker(datapath);
      for (const flows of byStage) {
        flows.sort(compareFlows);
        let last: LogicalFlow | undefined;
        for (const flow of flows) {
          const isTwin = last !== undefined && flow.priority === last.priority && flow.match === last.match;
          if (isTwin && flow.actions === last?.actions) {
            repeated?.add(last.uuid);
            continue;
          }
          flow.uuid = nameUuid(flow, isTwin);
          list.push(flow);
          last = flow;
        }
      }
    },
  };
}

/** The order of the flows of one stage: falling priority, then match, then actions. */
export function compareFlows(a: LogicalFlow, b: LogicalFlow): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  if (a.match !== b.match) return a.match < b.match ? -1 : 1;
  if (a.actions !== b.actions) return a.actions < b.actions ? -1 : 1;
  return 0;
}

/** Longer than northd.c: an array of a given size does not turn into a hash table. */
const sources = new Array<string>(16384);

function sourceOfLine(line: number): string {
  sources[line] ??= `northd.c:${line}`;
  return sources[line];
}

/**
 * Makes UUIDs (version 8) of a datapath's flows: of what identifies one, its
 * stage, priority and match, and only where that is the same of two, `isTwin`,
 * of its actions too.  Two hashes of 32 bits each do: a cryptographic one would
 * cost more than computing the flow, and nobody gains by making two collide.
 */
function uuidMaker(datapath: string): (flow: LogicalFlow, isTwin: boolean) => string {
  const end = `-8${datapath.slice(1, 4)}-${datapath.slice(24)}`;
  return ({ pipeline, table, priority, match, actions }, isTwin) => {
    const place = (pipeline === 'ingress' ? 0 : 0x8000) + table;
    let a = 0x9e3779b9 ^ Math.imul(place + 1, 0x85ebca6b);
    let b = 0xc2b2ae35 ^ Math.imul(priority + 1, 0x27d4eb2f);
    for (let i = 0; i < match.length; i++) {
      const code = match.charCodeAt(i);
      a = Math.imul(a ^ code, 0x01000193);
      b = (((b << 5) - b) | 0) ^ code;
    }
    for (let i = 0; isTwin && i < actions.length; i++) a = Math.imul(a ^ actions.charCodeAt(i), 0x01000193);
    a = Math.imul(a ^ (b >>> 15), 0x85ebca6b);
    b = Math.imul(b ^ (a >>> 13), 0xc2b2ae35);
    a ^= a >>> 16;
    b ^= b >>> 16;
    return hex4(a >>> 16) + hex4(a & 0xffff) + (middle(b >>> 16) + version(b & 0xfff)) + end;
  };
}

// Digits by their value, each made once: the parts that all UUIDs share.
const hex4 = remembered(0x10000, (value) => value.toString(16).padStart(4, '0'));
const middle = remembered(0x10000, (value) => `-${hex4(value)}`);
const version = remembered(0x1000, (value) => `-8${hex4(value).slice(1)}`);

function remembered(count: number, make: (value: number) => string): (value: number) => string {
  const made = new Array<string>(count);
  return (value) => {
    made[value] ??= make(value);
    return made[value];
  };
}
