/** Logical flows as the analysis executes them, by table, and a way to those that a store can meet. */
import {
  type Action,
  annotate,
  type Expr,
  LangError,
  type MatchEnvironment,
  parseFlowActions,
  parseMatch,
} from '../../engine/lang/index.ts';
import type { LogicalFlow, MulticastGroup, Pipeline } from '../../engine/ovsdb/southbound.ts';
import { always, combined, type Names, type Test, testOf } from './matching.ts';
import { read, type Store } from './store.ts';
import type { Network, NetworkDatapath, NetworkPort } from './types.ts';
import type { Value } from './value.ts';

/** A flow; `problem` says why it is not understood: then there are no `actions`, and `test` is true of more than match it. */
export interface SymbolicFlow {
  readonly flow: LogicalFlow;
  readonly test: Test;
  readonly actions: readonly Action[];
  readonly problem?: string;
}

/** A multicast group, numbered beyond all ports. */
export interface SymbolicGroup {
  readonly number: number;
  readonly name: string;
  readonly ports: readonly NetworkPort[];
}

export interface SymbolicTable {
  /** By falling priority. */
  readonly flows: readonly SymbolicFlow[];
  readonly indexes: readonly FlowIndex[];
  /** Set where all packets meet one flow, which does nothing but bring them into a later table of the pipeline: that flow, and where. */
  readonly passed?: { readonly flow: LogicalFlow; readonly table: number };
}

/** The flows of a table by the value that they want these bits of a place to have. */
interface FlowIndex {
  readonly place: number;
  readonly mask: bigint;
  readonly byValue: ReadonlyMap<bigint, readonly number[]>;
  /** Those that do not ask. */
  readonly rest: readonly number[];
}

export interface SymbolicDatapath {
  readonly datapath: NetworkDatapath;
  readonly groupsByNumber: ReadonlyMap<number, SymbolicGroup>;
  readonly groupsByName: ReadonlyMap<string, SymbolicGroup>;
  readonly tables: Readonly<Record<Pipeline, readonly (SymbolicTable | undefined)[]>>;
}

/** What texts mean, for all datapaths. */
export interface Texts {
  readonly environment: MatchEnvironment;
  readonly expressions: Map<string, Expr>;
  readonly tests: Map<string, Test>;
  readonly actions: Map<string, { actions: readonly Action[]; prereqs: Expr }>;
}

export function createTexts({ southbound }: Network): Texts {
  const { addressSets, portGroups, templates } = southbound;
  const chassisTemplates = templates && [...templates.values()];
  return {
    environment: {
      addressSets,
      portGroups,
      ...(chassisTemplates?.length === 1 && { templates: new Map(Object.entries(chassisTemplates[0] ?? {})) }),
    },
    expressions: new Map(),
    tests: new Map(),
    actions: new Map(),
  };
}

/** Fewer flows than this are all looked at. */
const fewFlows = 8;

/** Reads the flows of datapaths. */
export function readDatapaths(
  network: Network,
  wanted: readonly NetworkDatapath[],
  texts: Texts,
): Map<string, SymbolicDatapath> {
  const flows = new Map(wanted.map(({ uuid }) => [uuid, [] as LogicalFlow[]]));
  for (const flow of network.southbound.flows) flows.get(flow.datapath)?.push(flow);
  const groups = groupsOf(network, new Set(wanted.map(({ uuid }) => uuid)));
  return new Map(
    wanted.map((datapath) => {
      const ofDatapath = groups.get(datapath.uuid) ?? [];
      return [datapath.uuid, readDatapath(network, datapath, flows.get(datapath.uuid) ?? [], ofDatapath, texts)];
    }),
  );
}

function groupsOf(network: Network, wanted: ReadonlySet<string>): Map<string, SymbolicGroup[]> {
  const { southbound, portsByNumber, ports } = network;
  const byUuid = new Map([...ports.values()].map((port) => [port.binding.uuid, port]));
  const groups = new Map<string, SymbolicGroup[]>();
  southbound.multicastGroups.forEach((group: MulticastGroup, index) => {
    if (!wanted.has(group.datapath)) return;
    const members = group.ports.flatMap((uuid) => byUuid.get(uuid) ?? []);
    const made = { number: portsByNumber.length + index, name: group.name, ports: members };
    const known = groups.get(group.datapath);
    if (known) known.push(made);
    else groups.set(group.datapath, [made]);
  });
  return groups;
}

function readDatapath(
  network: Network,
  datapath: NetworkDatapath,
  flows: readonly LogicalFlow[],
  groups: readonly SymbolicGroup[],
  texts: Texts,
): SymbolicDatapath {
  const groupsByName = new Map(groups.map((group) => [group.name, group]));
  const names: Names = {
    numberOf(name) {
      if (name === '' || name === 'none') return 0;
      const port = network.ports.get(name);
      if (port) return port.datapath === datapath ? port.number : undefined;
      return groupsByName.get(name)?.number;
    },
    isResident: (name) => name === '' || (network.isResident?.(name) ?? network.ports.has(name)),
  };
  const key = network.southbound.datapaths.find(({ uuid }) => uuid === datapath.uuid)?.tunnelKey ?? 0;
  const sorted: Record<Pipeline, SymbolicFlow[][]> = { ingress: [], egress: [] };
  for (const flow of flows) {
    const tables = sorted[flow.pipeline];
    tables[flow.table] ??= [];
    tables[flow.table]?.push(readFlow(network, flow, names, key, texts));
  }
  const tablesOf = (tables: SymbolicFlow[][]) => Array.from(tables, (table) => table && tableOf(table));
  return {
    datapath,
    groupsByNumber: new Map(groups.map((group) => [group.number, group])),
    groupsByName,
    tables: { ingress: tablesOf(sorted.ingress), egress: tablesOf(sorted.egress) },
  };
}

function readFlow(network: Network, flow: LogicalFlow, names: Names, key: number, texts: Texts): SymbolicFlow {
  let test = always;
  try {
    test = testOfText(flow.match, names, key, texts);
    const { actions, prereqs } = actionsOf(network, flow, texts);
    const needed = testOf(prereqs, names);
    return { flow, actions, test: needed === always ? test : combined('and', [test, needed]) };
  } catch (error) {
    if (!(error instanceof LangError)) throw error;
    return { flow, actions: [], test, problem: error.message };
  }
}

function testOfText(text: string, names: Names, key: number, texts: Texts): Test {
  // Names mean other ports on each datapath; what no name is in is the same on all.
  const isShared = !/["@]/.test(text) && !text.includes('is_chassis_resident');
  const known = isShared ? texts.tests.get(text) : undefined;
  if (known) return known;
  const expr = annotate(parseMatch(text, { ...texts.environment, datapathKey: key }));
  const test = testOf(expr, names);
  if (isShared) texts.tests.set(text, test);
  return test;
}

function actionsOf(network: Network, flow: LogicalFlow, texts: Texts): { actions: readonly Action[]; prereqs: Expr } {
  const key = `${flow.pipeline} ${flow.table} ${flow.actions}`;
  let known = texts.actions.get(key);
  if (!known) {
    const { dhcpOptions, dhcpv6Options } = network.southbound;
    const context = { pipeline: flow.pipeline, table: flow.table, dhcpOptions, dhcpv6Options };
    const { actions, prereqs } = parseFlowActions(flow.actions, context);
    known = { actions, prereqs: annotate(prereqs) };
    texts.actions.set(key, known);
  }
  return known;
}

function tableOf(flows: SymbolicFlow[]): SymbolicTable {
  flows.sort((a, b) => b.flow.priority - a.flow.priority);
  const passed = passedBy(flows);
  return { flows, indexes: flows.length < fewFlows ? [] : indexesOf(flows), ...(passed && { passed }) };
}

/** Where the flows, one alone, bring all packets as they are. */
export function passedBy([one, ...more]: readonly SymbolicFlow[]): SymbolicTable['passed'] {
  if (!one || more.length > 0 || one.problem !== undefined || one.test !== always) return undefined;
  const [action, ...others] = one.actions;
  const { flow } = one;
  const isLater = action?.type === 'next' && action.pipeline === flow.pipeline && action.table > flow.table;
  return isLater && others.length === 0 ? { flow, table: action.table } : undefined;
}

interface Asked {
  readonly place: number;
  readonly mask: bigint;
  readonly byValue: Map<bigint, number[]>;
  count: number;
}

function indexesOf(flows: readonly SymbolicFlow[]): FlowIndex[] {
  const asked = new Map<string, Asked>();
  flows.forEach(({ test }, position) => {
    for (const term of test.type === 'and' ? test.terms : [test]) {
      if (term.type !== 'bits' || !term.equal) continue;
      const key = `${term.place} ${term.mask}`;
      let index = asked.get(key);
      if (!index) {
        index = { place: term.place, mask: term.mask, byValue: new Map(), count: 0 };
        asked.set(key, index);
      }
      const list = index.byValue.get(term.value);
      if (list) {
        // A test may ask the same twice.
        if (list.at(-1) !== position) list.push(position);
      } else index.byValue.set(term.value, [position]);
      index.count++;
    }
  });
  return [...asked.values()]
    .filter(({ count }) => count >= fewFlows)
    .map(({ place, mask, byValue }) => {
      const asking = new Set([...byValue.values()].flat());
      const rest = flows.flatMap((_, position) => (asking.has(position) ? [] : [position]));
      return { place, mask, byValue, rest };
    });
}

/** The flows of a table that packets of a store may meet, by falling priority: some that they cannot meet may be among them. */
export function candidates({ flows, indexes }: SymbolicTable, store: Store): readonly SymbolicFlow[] {
  let best: { some: readonly (readonly number[])[]; rest: readonly number[] } | undefined;
  let size = flows.length;
  for (const { place, mask, byValue, rest } of indexes) {
    if (rest.length >= size) continue;
    const constants = constantsUnder(read(store, place), mask);
    if (!constants) continue;
    const some = constants.flatMap((value) => {
      const list = byValue.get(value);
      return list ? [list] : [];
    });
    const count = some.reduce((sum, list) => sum + list.length, rest.length);
    if (count < size) {
      best = { some, rest };
      size = count;
    }
  }
  if (!best) return flows;
  const positions = [...best.rest, ...best.some.flat()].sort((a, b) => a - b);
  return positions.map((position) => flows[position] as SymbolicFlow);
}

/** The constants that bits of a value may be, if they are constant for all packets. */
function constantsUnder(value: Value, mask: bigint): bigint[] | undefined {
  if (!value.options) {
    const bits = constantBits(value, mask);
    return bits === undefined ? undefined : [bits];
  }
  const constants = new Set<bigint>();
  for (const option of value.options) {
    const bits = constantBits(option.value, mask);
    if (bits === undefined) return undefined;
    constants.add(bits);
  }
  return [...constants];
}

/** What bits of a value without options are, if all of them are constant. */
export function constantBits(value: Value, mask: bigint): bigint | undefined {
  if (value.constant !== undefined) return value.constant & mask;
  if (value.options) return undefined;
  let ofs = 0;
  let bits = 0n;
  for (const piece of value.pieces) {
    const wanted = (mask >> BigInt(ofs)) & ((1n << BigInt(piece.n)) - 1n);
    if (wanted !== 0n) {
      if (piece.kind !== 'constant') return undefined;
      bits |= (piece.value & wanted) << BigInt(ofs);
    }
    ofs += piece.n;
  }
  return bits;
}
