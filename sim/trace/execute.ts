/**
 * The walk of one packet through the logical pipelines: table by table, action
 * by action, through patch ports into the next datapath, along every fork.
 */
import { type Action, formatAction } from '../../engine/lang/index.ts';
import type { Pipeline } from '../../engine/ovsdb/southbound.ts';
import { execute, goOn } from './actions.ts';
import { assumedConntrack } from './ct.ts';
import { append, type TraceNode } from './nodes.ts';
import { clonePacket, type Packet, slot } from './packet.ts';
import {
  addGap,
  type Continuation,
  nameOfKey,
  type Place,
  type Run,
  type TraceOptions,
  type TraceResult,
} from './run.ts';
import type { Step } from './step.ts';
import { type ExecutableFlow, executable, shown, type TraceDatapath, type TraceTopology } from './topology.ts';

/** Datapaths nested deeper than this are a loop. */
const maxDepth = 128;
/** More tables than any packet visits that is not multiplied in a loop. */
const maxTables = 100_000;

/**
 * Traces a packet that enters `datapath` by the port in its `inport`.  `packet`
 * is not changed.  Never throws for what a database says; what is not understood
 * is in `gaps` and in `topology.warnings`.
 */
export function traceFlow(
  topology: TraceTopology,
  datapath: TraceDatapath,
  packet: Packet,
  options: TraceOptions = {},
): TraceResult {
  const result: TraceResult = { nodes: [], deliveries: [], flows: [], gaps: [] };
  const run: Run = {
    topology,
    conntrack: options.conntrack ?? assumedConntrack(),
    securedNetworks: options.securedNetworks ?? 'as-address',
    ...(options.selectId !== undefined && { selectId: options.selectId }),
    result,
    depth: 0,
    tables: 0,
    walk: (place, copy, into) => walk(run, place, copy, into),
    perform: (place, copy, actions, into) => performAll(run, place, copy, actions, into),
  };
  const inport = nameOfKey(datapath, packet.words[slot.inport] as number);
  const node = append(result.nodes, 'pipeline', `ingress(dp="${datapath.friendlyName}", inport="${inport}")`);
  walk(run, { datapath, pipeline: 'ingress', table: 0 }, clonePacket(packet), node.subs);
  return result;
}

/** Follows the packet from a table on until it ends; `packet` changes on the way. */
function walk(run: Run, start: Place, packet: Packet, into: TraceNode[]): void {
  run.depth++;
  let next: Continuation | undefined = { place: start, into };
  while (next) {
    if (run.depth > maxDepth || run.tables > maxTables) {
      append(next.into, 'error', '*** the packet goes round in a loop; giving up');
      addGap(run, 'the packet goes round in a loop, which was not followed to its end');
      break;
    }
    next = visit(run, next, packet);
  }
  run.depth--;
}

function visit(run: Run, { place, into }: Continuation, packet: Packet): Continuation | undefined {
  const { flow, table } = lookup(run, place, packet);
  const number = String(table).padStart(2);
  if (!flow) {
    const stage = stageName(place.datapath, place.pipeline, table);
    append(into, 'table', `${number}. ${stage === undefined ? '' : `${stage}: `}no match (implicit drop)`);
    return undefined;
  }
  const node = append(into, 'table', `${number}. ${flow.title}`);
  node.flow = flow.flow;
  return perform(run, { ...place, table }, packet, flow.actions, node.subs, flow.texts);
}

/** The flow that the packet meets first, past those that say nothing; and the table that it is in. */
function lookup(run: Run, place: Place, packet: Packet): { flow: ExecutableFlow | undefined; table: number } {
  const { datapath, pipeline } = place;
  for (let table = place.table; ; table++) {
    run.tables++;
    const flow = match(run, datapath, pipeline, table, packet);
    if (flow) run.result.flows.push(flow.flow);
    if (!flow?.trivial) return { flow, table };
  }
}

function match(
  run: Run,
  datapath: TraceDatapath,
  pipeline: Pipeline,
  table: number,
  packet: Packet,
): ExecutableFlow | undefined {
  for (const entry of datapath.tables[pipeline][table] ?? []) {
    const flow = executable(run.topology, datapath, entry);
    if (!flow) continue;
    const { test } = flow;
    if (test === true || (test !== false && test(packet.words))) return flow;
  }
  return undefined;
}

function stageName(datapath: TraceDatapath, pipeline: Pipeline, table: number): string | undefined {
  return datapath.tables[pipeline][table]?.[0]?.flow.stage || undefined;
}

/** Runs actions on the packet, also what a last `next` leads to. */
function performAll(run: Run, place: Place, packet: Packet, actions: readonly Action[], into: TraceNode[]): void {
  const next = perform(run, place, packet, actions, into);
  if (next) walk(run, next.place, packet, next.into);
}

/** Runs actions on the packet; where a last `next` leads to is returned, not done. */
function perform(
  run: Run,
  place: Place,
  packet: Packet,
  actions: readonly Action[],
  into: TraceNode[],
  texts?: readonly string[],
): Continuation | undefined {
  if (actions.length === 0) {
    append(into, 'action', 'drop;');
    return undefined;
  }
  const step: Step = { run, place, packet, into, stack: [] };
  for (const [i, action] of actions.entries()) {
    append(into, 'action', texts?.[i] ?? shown(run.topology, formatAction(action)));
    if (action.type !== 'next') {
      execute(step, action);
      continue;
    }
    const next = goOn(place, packet, action, into);
    if (i === actions.length - 1) return next;
    walk(run, next.place, packet, next.into);
  }
  return undefined;
}
