/**
 * Logical flows, table by table, made ready for the packet plane: a *blob* a
 * table, which `lookup` of asm/plane/classify.ts searches, and a number a flow.
 *
 * A blob knows its flows by their *rank*, 0 for the one that is tried first:
 * by falling priority, those of the same priority in the order given.  So tables
 * of different datapaths that match alike share one blob, however different
 * their actions; `TableUse.numbers` leads from rank to flow number.
 */
import {
  type Action,
  type Expr,
  formatMatch,
  LangError,
  type MatchEnvironment,
  parseFlowActions,
} from '../lang/index.ts';
import type { DhcpOption, LogicalFlow, Pipeline } from '../ovsdb/southbound.ts';
import { buildClassifier, type Classifier, type KeyedMatch } from './classifier.ts';
import { MatchCompiler, type MatchContext } from './matches.ts';
import { FlowNumbers, type NumberedFlows, sameFlows } from './numbers.ts';

/** The flows of one table of one datapath. */
export interface TableInput {
  /** Number of the datapath in the program (DATAPATH of a packet's flow), not its tunnel key. */
  readonly datapath: number;
  readonly pipeline: Pipeline;
  readonly table: number;
  readonly flows: readonly LogicalFlow[];
}

/** What flows refer to by name. */
export interface TableEnvironment extends Omit<MatchEnvironment, 'datapathKey'> {
  /** Tunnel key of a datapath, by its number; matters to port groups only. */
  datapathKey(datapath: number): number;
  /** Tunnel key of a port or multicast group of that datapath; undefined if it has none of that name. */
  portKey(datapath: number, name: string): number | undefined;
  /** Whether `is_chassis_resident` holds for the port. */
  isResident(port: string): boolean;
  /** Names that `put_dhcp_opts` knows; OVN's own unless given. */
  readonly dhcpOptions?: readonly DhcpOption[];
  readonly dhcpv6Options?: readonly DhcpOption[];
}

/** A flow with its number and what it does. */
export interface CompiledFlow {
  /** Dense, from 0; stable from one compilation to the next as long as the flow stays the same. */
  readonly number: number;
  /** Number of its datapath. */
  readonly datapath: number;
  readonly flow: LogicalFlow;
  /** Flows of the same pipeline, table and action text share one array. */
  readonly actions: readonly Action[];
}

/** The table that packets of a datapath look into. */
export interface TableUse {
  readonly datapath: number;
  readonly pipeline: Pipeline;
  readonly table: number;
  /** Index in `CompiledTables.blobs`; -1 where no look-up is needed: see `always`. */
  readonly blob: number;
  /** Where `blob` is -1: number of the flow that every packet meets, -1 if none can match. */
  readonly always: number;
  /** Flow numbers by rank: `lookup` returns an index of this. */
  readonly numbers: Uint32Array;
}

export interface CompiledTables {
  /** Position-independent, a multiple of 8 bytes long, to be put at a multiple of 8. `lookup` writes into its own part of it. */
  readonly blobs: readonly Uint8Array[];
  /** In the order of the input. */
  readonly tables: readonly TableUse[];
  /** All flows that were understood, in the order of the input. */
  readonly flows: readonly CompiledFlow[];
  /** Numbers are below this. */
  readonly numbersEnd: number;
  /** Sentences about flows that were left out. */
  readonly problems: readonly string[];
}

/** The tables of these flows, from nothing. */
export function compileTables(inputs: readonly TableInput[], environment: TableEnvironment): CompiledTables {
  return new TableCompiler().compile(inputs, environment);
}

/**
 * Compiles again and again: what flows and tables have not changed are not parsed
 * and built anew, and flows keep their numbers.
 */
export class TableCompiler {
  private readonly matches = new MatchCompiler();
  private readonly numbers = new FlowNumbers();
  private actions = new ParsedActions();
  private classifiers: ReadonlyMap<string, Classifier> = new Map();
  private tables: ReadonlyMap<string, TableRecord> = new Map();
  /** What the environment of the last compilation said, as texts: objects may have been changed in place. */
  private parsedWith = '';
  private namesText = '';
  /** Stands for address sets, port groups and templates as long as they are what they were. */
  private names: object = {};

  compile(inputs: readonly TableInput[], environment: TableEnvironment): CompiledTables {
    const { parsedWith, namesText } = this;
    this.parsedWith = textOf(environment, PARSED_WITH);
    this.namesText = textOf(environment, NAMES);
    const parsesAlike = parsedWith === this.parsedWith;
    const namesAlike = namesText === this.namesText;
    if (!parsesAlike) this.actions = new ParsedActions();
    if (!namesAlike) this.names = {};
    this.matches.begin(this.names);
    const run = new Run(inputs, environment, {
      matches: this.matches,
      numbers: this.numbers,
      actions: this.actions,
      classifiers: this.classifiers,
      tables: this.tables,
      parsesAlike,
      namesAlike,
    });
    this.classifiers = run.classifiers;
    this.tables = run.tables;
    const enough = MEMORY * run.result.flows.length + MEMORY;
    this.actions.forget(enough);
    this.matches.forget(enough);
    return run.result;
  }
}

/** Texts that are remembered for each flow that there is, before all are forgotten. */
const MEMORY = 4;

/** What actions are parsed with, and what matches mean by names that are no ports. */
const PARSED_WITH = ['dhcpOptions', 'dhcpv6Options', 'templates', 'release'] as const;
const NAMES = ['addressSets', 'portGroups', 'templates', 'release'] as const;

function textOf(environment: TableEnvironment, keys: readonly (keyof TableEnvironment)[]): string {
  return JSON.stringify(
    keys.map((key) => environment[key] ?? null),
    (_, value: unknown) => (value instanceof Map ? [...value] : value),
  );
}

/** One table as it was compiled, and what that depends on beside its flows. */
interface TableRecord {
  readonly flows: readonly LogicalFlow[];
  readonly use: TableUse;
  readonly classifier: Classifier;
  readonly classifierKey: string;
  /** By rank. */
  readonly compiled: readonly CompiledFlow[];
  readonly numbered: NumberedFlows;
  readonly problems: readonly string[];
  /** Keys of the ports that matches name. */
  readonly ports: ReadonlyMap<string, number | undefined>;
  /** Where `is_chassis_resident` was asked. */
  readonly residents: ReadonlyMap<string, boolean>;
  /** Matches name address sets and the like; or they cannot be remembered beyond one generation. */
  readonly dependence: 'none' | 'names' | 'all';
}

/** What an earlier compilation left. */
interface Memory {
  readonly matches: MatchCompiler;
  readonly numbers: FlowNumbers;
  readonly actions: ParsedActions;
  readonly classifiers: ReadonlyMap<string, Classifier>;
  readonly tables: ReadonlyMap<string, TableRecord>;
  readonly parsesAlike: boolean;
  readonly namesAlike: boolean;
}

/** One compilation. */
class Run {
  readonly result: CompiledTables;
  readonly classifiers = new Map<string, Classifier>();
  readonly tables = new Map<string, TableRecord>();
  private readonly blobs: Uint8Array[] = [];
  private readonly blobsByHash = new Map<number, number[]>();
  private readonly blobIndex = new Map<Classifier, number>();
  private readonly environment: TableEnvironment;
  private readonly memory: Memory;

  constructor(inputs: readonly TableInput[], environment: TableEnvironment, memory: Memory) {
    this.environment = environment;
    this.memory = memory;
    memory.numbers.begin();
    const tables: TableUse[] = [];
    const flows: CompiledFlow[] = [];
    const problems: string[] = [];
    for (const input of inputs) {
      const key = `${input.datapath} ${input.pipeline} ${input.table}`;
      const record = this.record(input, memory.tables.get(key));
      this.tables.set(key, record);
      tables.push(record.use);
      for (const flow of record.compiled) flows.push(flow);
      for (const problem of record.problems) problems.push(problem);
    }
    for (const [key, { numbered }] of memory.tables) {
      if (!this.tables.has(key)) memory.numbers.release(numbered.numbers);
    }
    this.result = { blobs: this.blobs, tables, flows, numbersEnd: memory.numbers.end, problems };
  }

  private record(input: TableInput, before: TableRecord | undefined): TableRecord {
    if (!before || !this.holds(before, input)) return this.table(input, before);
    this.classifiers.set(before.classifierKey, before.classifier);
    if (before.use.blob < 0) return before;
    const blob = this.indexOf(before.classifier);
    return blob === before.use.blob ? before : { ...before, use: { ...before.use, blob } };
  }

  /** Whether compiling the table would come to the same again. */
  private holds(before: TableRecord, { datapath, flows }: TableInput): boolean {
    const { memory, environment } = this;
    if (!memory.parsesAlike || before.dependence === 'all') return false;
    if (before.dependence === 'names' && !memory.namesAlike) return false;
    if (!sameFlows(before.flows, flows)) return false;
    for (const [name, key] of before.ports) if (environment.portKey(datapath, name) !== key) return false;
    for (const [name, answer] of before.residents) if (environment.isResident(name) !== answer) return false;
    return true;
  }

  private table(input: TableInput, before: TableRecord | undefined): TableRecord {
    const { datapath, pipeline, table } = input;
    const { memory, environment } = this;
    const ports = new Map<string, number | undefined>();
    const residents = new Map<string, boolean>();
    let dependence: TableRecord['dependence'] = 'none';
    const context: MatchContext = {
      ...environment,
      datapathKey: environment.datapathKey(datapath),
      isResident: (port) => {
        const answer = environment.isResident(port);
        residents.set(port, answer);
        return answer;
      },
      noteDependence: (on) => {
        if (dependence !== 'all') dependence = on;
      },
    };
    const matches: KeyedMatch[] = [];
    const understood: LogicalFlow[] = [];
    const actions: (readonly Action[])[] = [];
    const problems: string[] = [];
    for (const flow of input.flows.toSorted((a, b) => b.priority - a.priority)) {
      const parsed = memory.actions.of(flow, environment);
      const match =
        typeof parsed === 'string'
          ? parsed
          : memory.matches.compile(flow.match, parsed.prereqs, parsed.prereqsKey, context);
      if (typeof match === 'string' || typeof parsed === 'string') {
        problems.push(problemOf(flow, String(match)));
        continue;
      }
      understood.push(flow);
      actions.push(parsed.actions);
      matches.push({ match: match.match, keys: this.keysOf(match.names, datapath, ports) });
    }
    const numbers = memory.numbers.of(understood, before?.numbered);
    const compiled = understood.map((flow, rank): CompiledFlow => {
      return { number: numbers[rank] as number, datapath, flow, actions: actions[rank] ?? [] };
    });
    const classifierKey = keyOf(matches);
    const classifier =
      this.classifiers.get(classifierKey) ?? memory.classifiers.get(classifierKey) ?? buildClassifier(matches);
    this.classifiers.set(classifierKey, classifier);
    const always = 'always' in classifier ? (numbers[classifier.always] ?? -1) : -1;
    const blob = 'always' in classifier ? -1 : this.indexOf(classifier);
    const use = { datapath, pipeline, table, numbers, blob, always };
    const numbered = { flows: understood, numbers };
    const { flows } = input;
    return { flows, use, classifier, classifierKey, compiled, numbered, problems, ports, residents, dependence };
  }

  private keysOf(
    names: readonly string[],
    datapath: number,
    ports: Map<string, number | undefined>,
  ): readonly (number | undefined)[] {
    if (names.length === 0) return NO_KEYS;
    return names.map((name) => {
      const key = this.environment.portKey(datapath, name);
      ports.set(name, key);
      return key;
    });
  }

  /** Index of a blob; those that are equal have the same. */
  private indexOf(classifier: Classifier): number {
    const known = this.blobIndex.get(classifier);
    if (known !== undefined || 'always' in classifier) return known ?? -1;
    const { blob } = classifier;
    const hash = hashBlob(blob);
    const candidates = this.blobsByHash.get(hash) ?? [];
    let index = candidates.find((candidate) => equalBytes(this.blobs[candidate], blob));
    if (index === undefined) {
      index = this.blobs.push(blob) - 1;
      this.blobsByHash.set(hash, [...candidates, index]);
    }
    this.blobIndex.set(classifier, index);
    return index;
  }
}

const NO_KEYS: readonly number[] = [];

/** A text that is the same for matches whose classifiers are the same. */
function keyOf(matches: readonly KeyedMatch[]): string {
  let text = '';
  for (const { match, keys } of matches) {
    text += `${match.id},`;
    for (const key of keys) text += `:${key},`;
  }
  return text;
}

interface Parsed {
  readonly actions: readonly Action[];
  readonly prereqs: Expr;
  /** Stands for `prereqs`; '' where they are true. */
  readonly prereqsKey: string;
}

/** Actions by table and text, or why there are none. */
class ParsedActions {
  /** "next;" means another table in each table. */
  private readonly byTable = new Map<number, Map<string, Parsed | string>>();
  private size = 0;

  of(flow: LogicalFlow, environment: TableEnvironment): Parsed | string {
    const table = flow.table * 2 + (flow.pipeline === 'ingress' ? 0 : 1);
    let texts = this.byTable.get(table);
    if (!texts) {
      texts = new Map();
      this.byTable.set(table, texts);
    }
    let parsed = texts.get(flow.actions);
    if (parsed === undefined) {
      parsed = parseActions(flow, environment);
      texts.set(flow.actions, parsed);
      this.size++;
    }
    return parsed;
  }

  /** Forgets all if there are more than that. */
  forget(enough: number): void {
    if (this.size <= enough) return;
    this.byTable.clear();
    this.size = 0;
  }
}

function parseActions(flow: LogicalFlow, environment: TableEnvironment): Parsed | string {
  const { pipeline, table } = flow;
  const { dhcpOptions, dhcpv6Options, templates, release } = environment;
  try {
    const { actions, prereqs } = parseFlowActions(flow.actions, {
      pipeline,
      table,
      ...(dhcpOptions && { dhcpOptions }),
      ...(dhcpv6Options && { dhcpv6Options }),
      ...(templates && { templates }),
      ...(release && { release }),
    });
    const isTrue = prereqs.type === 'boolean' && prereqs.value;
    return { actions, prereqs, prereqsKey: isTrue ? '' : formatMatch(prereqs) };
  } catch (error) {
    if (error instanceof LangError) {
      return error.message;
    }
    throw error;
  }
}

/** Longer matches and actions are cut in sentences. */
const MAX_QUOTED = 300;

function problemOf(flow: LogicalFlow, why: string): string {
  const { stage, pipeline, table, priority, match, actions } = flow;
  const place = stage || `${pipeline} table ${table}`;
  return `${place}: the flow of priority ${priority} with match "${brief(match)}" and actions "${brief(actions)}" is left out: ${why}`;
}

/** Text as it may stand in a sentence. */
function brief(text: string): string {
  return text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}...` : text;
}

function wordsOf(blob: Uint8Array): Uint32Array {
  return new Uint32Array(blob.buffer, blob.byteOffset, blob.byteLength >> 2);
}

const hashes = new WeakMap<Uint8Array, number>();

/** Hash of a blob's words, which is computed once. */
export function hashBlob(blob: Uint8Array): number {
  let hash = hashes.get(blob);
  if (hash === undefined) {
    hash = 0x811c9dc5;
    for (const word of wordsOf(blob)) hash = Math.imul(hash ^ word, 0x01000193) ^ (hash >>> 15);
    hashes.set(blob, hash);
  }
  return hash;
}

function equalBytes(a: Uint8Array | undefined, b: Uint8Array): boolean {
  if (a?.length !== b.length) return false;
  const [one, other] = [wordsOf(a), wordsOf(b)];
  return one.every((word, index) => word === other[index]);
}
