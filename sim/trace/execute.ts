/**
 * The walk of one packet through the logical pipelines: table by table, action
 * by action, through patch ports into the next datapath, along every fork.
 */
import { type Action, formatAction } from '../../engine/lang/index.ts';
import type { Pipeline } from '../../engine/ovsdb/southbound.ts';
import { execute } from './actions.ts';
import { assumedConntrack } from './ct.ts';
import { append } from './nodes.ts';
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
import {
  type ExecutableFlow,
  executable,
  flowsFor,
  shown,
  type TableFlow,
  type TraceDatapath,
  type TraceTopology,
} from './topology.ts';

/** Copies of copies deeper than this are made in a loop. */
const maxDepth = 128;
/** Pipelines passed by a packet that loses a hop of its life, 255 at most, on a switch, a router and back. */
const maxPassed = 1200;
/** More tables than any packet visits that is not multiplied in a loop: a flood goes to each port once. */
const maxTables = 40_000;
const maxTablesPerPort = 64;

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
  const result: TraceResult = { nodes: [], deliveries: [], flows: [], gaps: [], overlaps: [] };
  const run: Run = {
    topology,
    conntrack: options.conntrack ?? assumedConntrack(),
    securedNetworks: options.securedNetworks ?? 'as-address',
    ...(options.selectId !== undefined && { selectId: options.selectId }),
    findOverlaps: options.findOverlaps ?? false,
    result,
    depth: 0,
    tablesLeft: maxTables + maxTablesPerPort * topology.ports.size,
    walk: (start) => walk(run, start),
    perform: (start, actions) => perform(run, start, actions),
  };
  const inport = nameOfKey(datapath, packet.words[slot.inport] as number);
  const node = append(result.nodes, 'pipeline', `ingress(dp="${datapath.friendlyName}", inport="${inport}")`);
  walk(run, {
    place: { datapath, pipeline: 'ingress', table: 0, passed: 0 },
    packet: clonePacket(packet),
    into: node.subs,
  });
  return result;
}

/** Follows the packet from a table on until it ends; the packet changes on the way. */
function walk(run: Run, start: Continuation): void {
  run.depth++;
  for (let next: Continuation | undefined = start; next; next = visit(run, next)) {
    if (run.depth <= maxDepth && run.tablesLeft > 0 && next.place.passed <= maxPassed) continue;
    append(next.into, 'error', '*** the packet goes round in a loop; giving up');
    addGap(run, 'the packet goes round in a loop, which was not followed to its end');
    break;
  }
  run.depth--;
}

function visit(run: Run, { place, packet, into }: Continuation): Continuation | undefined {
  const { flow, table } = lookup(run, place, packet);
  if (!flow) {
    const number = String(table).padStart(2);
    const stage = stageName(place.datapath, place.pipeline, table);
    append(into, 'table', `${number}. ${stage === undefined ? '' : `${stage}: `}no match (implicit drop)`);
    return undefined;
  }
  const node = append(into, 'table', flow.title);
  node.flow = flow.flow;
  return perform(run, { place: { ...place, table }, packet, into: node.subs }, flow.actions, flow.texts);
}

/** The flow that the packet meets first, past those that say nothing; and the table that it is in. */
function lookup(run: Run, place: Place, packet: Packet): { flow: ExecutableFlow | undefined; table: number } {
  const { datapath, pipeline } = place;
  for (let table = place.table; ; table++) {
    run.tablesLeft--;
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
  const flows = flowsFor(run.topology, datapath, pipeline, table, packet.words);
  for (let i = 0; i < flows.length; i++) {
    const entry = flows[i] as TableFlow;
    const flow = executable(run.topology, datapath, entry);
    // What is not understood might have matched.
    if (!flow) addGap(run, entry.problem ?? '');
    if (!flow || !matches(flow, packet)) continue;
    if (run.findOverlaps) findOverlaps(run, datapath, flow, flows.slice(i + 1), packet);
    return flow;
  }
  return undefined;
}

function matches({ test }: ExecutableFlow, packet: Packet): boolean {
  return typeof test === 'boolean' ? test : test(packet.words);
}

function findOverlaps(
  run: Run,
  datapath: TraceDatapath,
  taken: ExecutableFlow,
  rest: readonly TableFlow[],
  packet: Packet,
): void {
  for (const entry of rest) {
    if (entry.flow.priority !== taken.flow.priority) return;
    const other = executable(run.topology, datapath, entry);
    if (other && matches(other, packet)) run.result.overlaps.push({ taken: taken.flow, other: other.flow });
  }
}

function stageName(datapath: TraceDatapath, pipeline: Pipeline, table: number): string | undefined {
  return datapath.tables[pipeline][table]?.[0]?.flow.stage || undefined;
}

/** Runs actions on the packet; where the last one leads to is returned, not followed. */
function perform(
  run: Run,
  { place, packet, into }: Continuation,
  actions: readonly Action[],
  texts?: readonly string[],
): Continuation | undefined {
  if (actions.length === 0) append(into, 'action', 'drop;');
  const step: Step = { run, place, packet, into, stack: [] };
  for (let i = 0; i < actions.length; i++) {
    const action = actions[i] as Action;
    append(into, 'action', texts?.[i] ?? shown(run.topology, formatAction(action)));
    const next = execute(step, action);
    if (next && i === actions.length - 1) return next;
    if (next) walk(run, next);
  }
  return undefined;
}
