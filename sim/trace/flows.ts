/**
 * Logical flows as they are executed.  A flow's match is read when a packet first
 * looks at it, its actions when one first matches; texts that many flows share
 * are read once.  A table that packets look into again and again is indexed.
 */
import {
  annotate,
  type Expr,
  type FlowActions,
  LangError,
  parseFlowActions,
  parseMatch,
} from '../../engine/lang/index.ts';
import type { LogicalFlow, Pipeline } from '../../engine/ovsdb/southbound.ts';
import { type IndexCode, type IndexedFlow, writeIndex } from './flow-index.ts';
import { type Condition, compileMatch, conditionFrom, conditionOf, type MatchContext, type Test } from './matcher.ts';
import { type Printed, printedFlow } from './nodes.ts';
import { type Operation, operationsOf } from './operations.ts';
import { type PlainMatch, readPlain } from './plain.ts';
import { portKey, shown, type TraceDatapath, type TraceTopology } from './topology.ts';

/** A flow as it is executed by packets that its match lets through. */
export interface ExecutableFlow {
  flow: LogicalFlow;
  /** What the actions take for granted: who has it not has not matched. */
  prereqs: Test;
  operations: readonly Operation[];
  /** `25. ls_in_l2_lkup (northd.c:1): MATCH, priority 50, uuid 01234567`. */
  printed: Printed;
  /** The flow matches everything and only goes on to the next table: traces leave it out. */
  trivial: boolean;
}

/** A flow in its table. */
export interface TableFlow {
  flow: LogicalFlow;
  condition: Condition | undefined;
  executable: ExecutableFlow | undefined;
  /** Why it cannot be executed: a sentence. */
  problem: string | undefined;
}

/** The ways into the tables of a pipeline that packets have looked into. */
export interface FlowWays {
  /** How often packets have looked into each table. */
  visits: number[];
  /**
   * Of each table that is indexed: where its index starts in `code`.  Where every packet meets a flow that traces leave
   * out: minus the number of a leap.
   */
  starts: number[];
  code: IndexCode;
  /** By their numbers in `code`. */
  entries: TableFlow[];
  /** The same flows, and what has been made of those that packets met. */
  flows: LogicalFlow[];
  executables: (ExecutableFlow | undefined)[];
  /** From 1 on. */
  leaps: Leap[];
}

/** Flows that every packet meets that looks into the first one's table, and the table that it comes to then. */
export interface Leap {
  flows: readonly LogicalFlow[];
  to: number;
}

/** What texts mean, by the text and what else it depends on. */
export interface FlowCache {
  conditions: Map<string, Condition>;
  expressions: Map<string, Expr>;
  actions: Map<string, FlowActions>;
  operations: Map<string, readonly Operation[]>;
}

/** Tables that few packets look into are not worth reading whole, unless they are small. */
const visitsBeforeIndex = 3;
const fewFlows = 4;

/**
 * A packet looks into a table: the table is indexed once that is worth it.  Returns what `FlowWays` then has in
 * `starts`, 0 if the table is not indexed.
 */
export function lookInto(topology: TraceTopology, datapath: TraceDatapath, pipeline: Pipeline, table: number): number {
  const ways = datapath.ways[pipeline];
  const known = ways.starts[table];
  if (known) return known;
  const flows = datapath.tables[pipeline][table] ?? [];
  const visits = (ways.visits[table] ?? 0) + 1;
  ways.visits[table] = visits;
  if (visits <= visitsBeforeIndex && flows.length >= fewFlows) return 0;
  const indexed = indexedFlows(topology, datapath, ways, flows);
  const passed = passedFlow(topology, datapath, ways, indexed[0]);
  const start = passed
    ? 1 - ways.leaps.push(leapFrom(topology, datapath, pipeline, table, passed))
    : writeIndex(ways.code, indexed);
  ways.starts[table] = start;
  return start;
}

/** Gives numbers to the flows of a table, and tells what they insist on. */
function indexedFlows(
  topology: TraceTopology,
  datapath: TraceDatapath,
  ways: FlowWays,
  flows: readonly TableFlow[],
): IndexedFlow[] {
  const indexed: IndexedFlow[] = [];
  for (const entry of flows) {
    const condition = conditionOfFlow(topology, datapath, entry);
    // What is not understood might match anything, and is told of.
    if (condition?.rest === false) continue;
    const { required = [], choices = [], remainder = true } = condition ?? {};
    const number = ways.entries.push(entry) - 1;
    ways.flows.push(entry.flow);
    ways.executables.push(entry.executable);
    indexed.push({ number, required, choices, isGuarded: remainder !== true });
  }
  return indexed;
}

/** The table's first flow, if all packets meet it and traces leave it out. */
function passedFlow(
  topology: TraceTopology,
  datapath: TraceDatapath,
  ways: FlowWays,
  first: IndexedFlow | undefined,
): LogicalFlow | undefined {
  if (!first || first.required.length > 0 || first.choices.length > 0 || first.isGuarded) return undefined;
  const entry = ways.entries[first.number];
  return entry && executable(topology, datapath, entry)?.trivial ? entry.flow : undefined;
}

function leapFrom(
  topology: TraceTopology,
  datapath: TraceDatapath,
  pipeline: Pipeline,
  table: number,
  first: LogicalFlow,
): Leap {
  const isLast = table + 1 >= datapath.tables[pipeline].length;
  const next = isLast ? 0 : lookInto(topology, datapath, pipeline, table + 1);
  const leap = next < 0 ? datapath.ways[pipeline].leaps[-next] : undefined;
  return leap ? { flows: [first, ...leap.flows], to: leap.to } : { flows: [first], to: table + 1 };
}

/**
 * What a flow asks of a packet; undefined if its match does not parse, which
 * `entry.problem` and `topology.warnings` then tell.
 */
export function conditionOfFlow(
  topology: TraceTopology,
  datapath: TraceDatapath,
  entry: TableFlow,
): Condition | undefined {
  if (entry.condition || entry.problem !== undefined) return entry.condition;
  understand(topology, datapath, entry, () => {
    entry.condition = condition(topology, datapath, entry.flow.match);
  });
  return entry.condition;
}

/** The flow made executable; undefined as with `conditionOfFlow`, for its actions as well. */
export function executable(
  topology: TraceTopology,
  datapath: TraceDatapath,
  entry: TableFlow,
): ExecutableFlow | undefined {
  if (entry.executable || entry.problem !== undefined) return entry.executable;
  understand(topology, datapath, entry, () => {
    entry.executable = compile(topology, datapath, entry);
  });
  return entry.executable;
}

/** Does what may find the flow not to be understood. */
function understand(topology: TraceTopology, datapath: TraceDatapath, entry: TableFlow, read: () => void): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof LangError)) throw error;
    const { stage, table, priority } = entry.flow;
    const place = `${datapath.binding.name}, ${stage || `table ${table}`}, priority ${priority}`;
    entry.problem = `a logical flow of ${place} is not understood and left out: ${error.message}`;
    topology.warnings.push(entry.problem);
  }
}

function condition(topology: TraceTopology, datapath: TraceDatapath, text: string): Condition {
  const { conditions } = topology.cache;
  // Ports have other numbers on each datapath, and a port group may mean another set of ports.
  const key = /["@]/.test(text) ? `${datapath.binding.tunnelKey} ${text}` : text;
  let known = conditions.get(key);
  if (!known) {
    const plain = readPlain(text, (name) => portKey(topology, datapath, name));
    known = plain
      ? plainCondition(plain)
      : conditionOf(expression(topology, datapath, text), contextOf(topology, datapath));
    conditions.set(key, known);
  }
  return known;
}

/** A choice one of whose alternatives is asked for anyway needs no look. */
function plainCondition({ words, choices }: PlainMatch): Condition {
  if (choices.length === 0) return conditionFrom(words, []);
  const asked = new Set(words.map(wordText));
  const open = choices.filter(
    ({ alternatives }) => !alternatives.some((all) => all.every((word) => asked.has(wordText(word)))),
  );
  return conditionFrom(words, open);
}

function wordText({ at, mask, value }: { at: number; mask: number; value: number }): string {
  return `${at} ${mask} ${value}`;
}

function contextOf(topology: TraceTopology, datapath: TraceDatapath): MatchContext {
  return {
    portKey: (name) => portKey(topology, datapath, name),
    isResident: (name) => name === '' || topology.ports.has(name),
  };
}

function expression(topology: TraceTopology, datapath: TraceDatapath, text: string): Expr {
  const key = text.includes('@') ? `${datapath.binding.tunnelKey} ${text}` : text;
  const { expressions } = topology.cache;
  let expr = expressions.get(key);
  if (!expr) {
    expr = annotate(parseMatch(text, { ...topology.environment, datapathKey: datapath.binding.tunnelKey }));
    expressions.set(key, expr);
  }
  return expr;
}

function compile(topology: TraceTopology, datapath: TraceDatapath, entry: TableFlow): ExecutableFlow {
  const { flow } = entry;
  const matches = condition(topology, datapath, flow.match);
  const { actions, prereqs } = parsedActions(topology, flow);
  const needed = compileMatch(prereqs, contextOf(topology, datapath));
  const operations = operationsFor(topology, datapath, flow, { actions, prereqs });
  const matchesAll = matches.required.length === 0 && matches.rest === true && needed === true;
  return {
    flow,
    prereqs: needed,
    operations,
    printed: printedFlow(
      titleOf(topology, flow),
      operations.flatMap(({ node: { printed } }) => printed ?? []),
    ),
    trivial: matchesAll && leadsToTable(operations) === flow.table + 1,
  };
}

/** The table that actions go on to, where that is all they do. */
function leadsToTable([only, ...more]: readonly Operation[]): number | undefined {
  return only?.action.type === 'next' && more.length === 0 ? only.action.table : undefined;
}

/** "next;" means another table in each table. */
function actionsKey({ pipeline, table, actions }: LogicalFlow): string {
  return `${pipeline} ${table} ${actions}`;
}

/** The prerequisites come annotated. */
function parsedActions(topology: TraceTopology, flow: LogicalFlow): FlowActions {
  const key = actionsKey(flow);
  const cached = topology.cache.actions.get(key);
  if (cached) return cached;
  const { dhcpOptions, dhcpv6Options } = topology.southbound;
  const context = { pipeline: flow.pipeline, table: flow.table, dhcpOptions, dhcpv6Options };
  const { actions, prereqs } = parseFlowActions(flow.actions, context);
  const parsed = { actions, prereqs: annotate(prereqs) };
  topology.cache.actions.set(key, parsed);
  return parsed;
}

function operationsFor(
  topology: TraceTopology,
  datapath: TraceDatapath,
  flow: LogicalFlow,
  { actions }: FlowActions,
): readonly Operation[] {
  const { operations } = topology.cache;
  const key = flow.actions.includes('"') ? `${datapath.binding.tunnelKey} ${actionsKey(flow)}` : actionsKey(flow);
  let known = operations.get(key);
  if (!known) {
    known = operationsOf(actions, {
      portKey: (name) => portKey(topology, datapath, name),
      shown: (text) => shown(topology, text),
    });
    operations.set(key, known);
  }
  return known;
}

function titleOf(topology: TraceTopology, flow: LogicalFlow): string {
  const place = flow.stage && flow.source ? `${flow.stage} (${flow.source})` : flow.stage || `(${flow.source})`;
  const label = flow.stage || flow.source ? `${place}: ` : '';
  const number = String(flow.table).padStart(2);
  return `${number}. ${label}${shown(topology, flow.match).trimEnd()}, priority ${flow.priority}, uuid ${flow.uuid.slice(0, 8)}`;
}
