/**
 * The walk of one packet through the logical pipelines: table by table, action
 * by action, through patch ports into the next datapath, along every fork.
 */
import type { LogicalFlow, Pipeline } from '../../engine/ovsdb/southbound.ts';
import { execute } from './actions.ts';
import { isSpent } from './assignments.ts';
import { assumedConntrack } from './ct.ts';
import { candidates, following, isGuarded, isPassed, markPassed, nextCandidate, numberOf } from './flow-index.ts';
import {
  conditionOfFlow,
  type ExecutableFlow,
  executable,
  type FlowWays,
  type Leap,
  lookInto,
  type TableFlow,
} from './flows.ts';
import { meets, type Test } from './matcher.ts';
import { append, meet, say } from './nodes.ts';
import type { Operation } from './operations.ts';
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
import type { TraceDatapath, TraceTopology } from './topology.ts';

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
    lastHop: options.lastHop ?? 'goes-on',
    ...(options.selectId !== undefined && { selectId: options.selectId }),
    onChassis: options.onChassis ?? false,
    ...(options.isNameKnown && { isNameKnown: true }),
    ...(options.learnedPort && { learnedPort: options.learnedPort }),
    findOverlaps: options.findOverlaps ?? false,
    result,
    depth: 0,
    tablesLeft: maxTables + maxTablesPerPort * topology.ports.size,
    walk: (start) => walk(run, start),
    perform: (start, operations) => perform(run, start, operations),
  };
  const inport = nameOfKey(datapath, packet.words[slot.inport] as number);
  const node = append(result.nodes, 'pipeline', `ingress(dp="${datapath.friendlyName}", inport="${inport}")`);
  walk(run, {
    place: { datapath, pipeline: 'ingress', table: 0, passed: 0 },
    packet: clonePacket(packet),
    shared: false,
    into: node.subs,
  });
  return result;
}

/** Follows the packet from a table on until it ends; the packet changes on the way. */
function walk(run: Run, start: Continuation): void {
  run.depth++;
  for (let next: Continuation | undefined = start; next; next = visit(run, next)) {
    if (run.depth <= maxDepth && run.tablesLeft > 0 && next.place.passed <= maxPassed) continue;
    say(next.into, 'error', '*** the packet goes round in a loop; giving up');
    addGap(run, 'the packet goes round in a loop, which was not followed to its end');
    break;
  }
  run.depth--;
}

function visit(run: Run, { place, packet, shared, into }: Continuation): Continuation | undefined {
  const { datapath, pipeline, passed } = place;
  const { flow, table } = lookup(run, place, packet);
  if (!flow) {
    const number = String(table).padStart(2);
    const stage = stageName(datapath, pipeline, table);
    append(into, 'table', `${number}. ${stage === undefined ? '' : `${stage}: `}no match (implicit drop)`);
    return undefined;
  }
  const node = meet(into, flow.printed, flow.flow);
  return perform(
    run,
    { place: { datapath, pipeline, table, passed }, packet, shared, into: node.subs },
    flow.operations,
  );
}

/** The flow that the packet meets first, past those that say nothing; and the table that it is in. */
function lookup(run: Run, place: Place, packet: Packet): { flow: ExecutableFlow | undefined; table: number } {
  const { datapath, pipeline } = place;
  const ways = datapath.ways[pipeline];
  const met = run.result.flows;
  for (let table = place.table; ; ) {
    run.tablesLeft--;
    const start = ways.starts[table] || lookInto(run.topology, datapath, pipeline, table);
    if (start < 0) {
      const { flows, to } = ways.leaps[-start] as Leap;
      for (let i = 0; i < flows.length; i++) met.push(flows[i] as LogicalFlow);
      table = to;
      continue;
    }
    let flow: ExecutableFlow | undefined;
    if (start > 0) {
      const at = matchIndexed(run, datapath, ways, start, packet);
      const number = numberOf(ways.code.words, at);
      if (at > 0 && isPassed(ways.code.words, at)) {
        met.push(ways.flows[number] as LogicalFlow);
        table++;
        continue;
      }
      flow = at === 0 ? undefined : ways.executables[number];
      if (flow?.trivial) markPassed(ways.code.words, at);
    } else {
      flow = match(run, datapath, datapath.tables[pipeline][table] ?? [], packet);
    }
    if (flow) met.push(flow.flow);
    if (!flow?.trivial) return { flow, table };
    table++;
  }
}

/** Where the flow stands in the index that the packet meets in a table; 0 if it meets none. */
function matchIndexed(
  run: Run,
  datapath: TraceDatapath,
  { code: { words: code }, entries, executables }: FlowWays,
  start: number,
  packet: Packet,
): number {
  const { words } = packet;
  let at = nextCandidate(code, words, candidates(code, start, words));
  for (; at > 0; at = nextCandidate(code, words, following(code, at))) {
    if (isPassed(code, at) && !run.findOverlaps) return at;
    const number = numberOf(code, at);
    if (isGuarded(code, at) && !decides(entries[number]?.condition?.remainder ?? true, packet)) continue;
    const known = executables[number];
    if (known && !decides(known.prereqs, packet)) continue;
    const flow = known ?? taken(run, datapath, entries[number] as TableFlow, packet);
    if (!flow) continue;
    executables[number] = flow;
    if (run.findOverlaps) findOverlaps(run, datapath, flow, flowsBehind(code, at, entries), packet);
    return at;
  }
  return 0;
}

/** The flows behind one in its leaf. */
function flowsBehind(code: Int32Array, at: number, entries: readonly TableFlow[]): TableFlow[] {
  const behind: TableFlow[] = [];
  for (let next = following(code, at); numberOf(code, next) >= 0; next = following(code, next)) {
    behind.push(entries[numberOf(code, next)] as TableFlow);
  }
  return behind;
}

function match(
  run: Run,
  datapath: TraceDatapath,
  flows: readonly TableFlow[],
  packet: Packet,
): ExecutableFlow | undefined {
  for (let i = 0; i < flows.length; i++) {
    const entry = flows[i] as TableFlow;
    const condition = conditionOfFlow(run.topology, datapath, entry);
    if (condition && !meets(condition, packet.words)) continue;
    const flow = taken(run, datapath, entry, packet);
    if (!flow) continue;
    if (run.findOverlaps) findOverlaps(run, datapath, flow, flows.slice(i + 1), packet);
    return flow;
  }
  return undefined;
}

/** The flow, which the packet's match has led to; undefined if its actions do not let the packet have it. */
function taken(run: Run, datapath: TraceDatapath, entry: TableFlow, packet: Packet): ExecutableFlow | undefined {
  const flow = executable(run.topology, datapath, entry);
  // What is not understood might have matched.
  if (!flow) addGap(run, entry.problem ?? '');
  return flow && decides(flow.prereqs, packet) ? flow : undefined;
}

function decides(test: Test, packet: Packet): boolean {
  return typeof test === 'boolean' ? test : test(packet.words);
}

function findOverlaps(
  run: Run,
  datapath: TraceDatapath,
  chosen: ExecutableFlow,
  rest: readonly TableFlow[],
  packet: Packet,
): void {
  for (const entry of rest) {
    if (entry.flow.priority !== chosen.flow.priority) return;
    const condition = conditionOfFlow(run.topology, datapath, entry);
    if (!condition || !meets(condition, packet.words)) continue;
    const other = executable(run.topology, datapath, entry);
    if (other && decides(other.prereqs, packet)) run.result.overlaps.push({ taken: chosen.flow, other: other.flow });
  }
}

function stageName(datapath: TraceDatapath, pipeline: Pipeline, table: number): string | undefined {
  return datapath.tables[pipeline][table]?.[0]?.flow.stage || undefined;
}

/** Runs actions on the packet; where the last one leads to is returned, not followed. */
function perform(
  run: Run,
  { place, packet, shared, into }: Continuation,
  operations: readonly Operation[],
): Continuation | undefined {
  if (operations.length === 0) say(into, 'action', 'drop;');
  const step: Step = { run, place, packet, last: false, into, stack: [] };
  const end = operations.length - 1;
  for (let i = 0; i <= end; i++) {
    const operation = operations[i] as Operation;
    step.last = i === end && !shared;
    into.push(operation.node);
    if (operation.action.type === 'ip.ttl--' && run.lastHop === 'ends' && isSpent(packet)) {
      say(into, 'error', '*** no hop left');
      return undefined;
    }
    const next = execute(step, operation);
    if (next && i === end) return next;
    if (next) walk(run, next);
  }
  return undefined;
}
