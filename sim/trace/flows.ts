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
import { type FlowIndex, indexFlows } from './flow-index.ts';
import { allOf, type Condition, compileMatch, conditionOf, type MatchContext, type Test } from './matcher.ts';
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

/** How often packets have looked into a table; and from some time on, its flows indexed. */
export interface TableLookup {
  visits: number;
  index: FlowIndex<TableFlow> | undefined;
  /**
   * Where every packet meets a flow that traces leave out: this flow and those of the
   * tables behind for which that is so, too, and the table that the packet then comes to.
   */
  leap: { flows: readonly LogicalFlow[]; to: number } | undefined;
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

/** A table, at a packet's look at it; indexed once that is worth it. */
export function lookInto(
  topology: TraceTopology,
  datapath: TraceDatapath,
  pipeline: Pipeline,
  table: number,
): TableLookup {
  const lookups = datapath.lookups[pipeline];
  let lookup = lookups[table];
  if (!lookup) {
    lookup = { visits: 0, index: undefined, leap: undefined };
    lookups[table] = lookup;
  }
  if (lookup.index) return lookup;
  const flows = datapath.tables[pipeline][table] ?? [];
  if (++lookup.visits > visitsBeforeIndex || flows.length < fewFlows) {
    lookup.index = indexOf(topology, datapath, flows);
    const passed = passedFlow(topology, datapath, lookup.index);
    if (passed) lookup.leap = leapFrom(topology, datapath, pipeline, table, passed);
  }
  return lookup;
}

function leapFrom(
  topology: TraceTopology,
  datapath: TraceDatapath,
  pipeline: Pipeline,
  table: number,
  first: LogicalFlow,
): { flows: readonly LogicalFlow[]; to: number } {
  if (table + 1 >= datapath.tables[pipeline].length) return { flows: [first], to: table + 1 };
  const { leap } = lookInto(topology, datapath, pipeline, table + 1);
  return leap ? { flows: [first, ...leap.flows], to: leap.to } : { flows: [first], to: table + 1 };
}

function indexOf(topology: TraceTopology, datapath: TraceDatapath, flows: readonly TableFlow[]): FlowIndex<TableFlow> {
  return indexFlows(
    flows.flatMap((entry) => {
      const condition = conditionOfFlow(topology, datapath, entry);
      // What is not understood might match anything, and is told of.
      return condition?.rest === false ? [] : [{ flow: entry, required: condition?.required ?? [] }];
    }),
  );
}

function passedFlow(
  topology: TraceTopology,
  datapath: TraceDatapath,
  index: FlowIndex<TableFlow>,
): LogicalFlow | undefined {
  const [first] = 'flows' in index ? index.flows : [];
  return first && executable(topology, datapath, first)?.trivial ? first.flow : undefined;
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
  const asked = new Set(words.map(wordText));
  const open = choices.filter(
    ({ alternatives }) => !alternatives.some((all) => all.every((word) => asked.has(wordText(word)))),
  );
  return { required: words, rest: allOf(open.map(({ test }) => test)) };
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
      operations.map(({ printed }) => printed),
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
