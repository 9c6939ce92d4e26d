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
import { FlowNumbers } from './numbers.ts';

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
  private actions = new Map<string, ParsedActions | string>();
  private classifiers = new Map<string, Classifier>();
  private environment: TableEnvironment | undefined;

  /** An environment that has changed must be another object. */
  compile(inputs: readonly TableInput[], environment: TableEnvironment): CompiledTables {
    const run = new Run(inputs, environment, {
      matches: this.matches,
      numbers: this.numbers,
      oldActions: parsesAlike(this.environment, environment) ? this.actions : new Map(),
      oldClassifiers: this.classifiers,
    });
    this.environment = environment;
    this.actions = run.actions;
    this.classifiers = run.classifiers;
    return run.result;
  }
}

/** Whether actions mean the same in both. */
function parsesAlike(a: TableEnvironment | undefined, b: TableEnvironment): boolean {
  return (
    a?.dhcpOptions === b.dhcpOptions &&
    a?.dhcpv6Options === b.dhcpv6Options &&
    a?.templates === b.templates &&
    a?.release === b.release
  );
}

interface ParsedActions {
  readonly actions: readonly Action[];
  readonly prereqs: Expr;
  /** Stands for `prereqs`; '' where they are true. */
  readonly prereqsKey: string;
}

/** What an earlier compilation left. */
interface Memory {
  readonly matches: MatchCompiler;
  readonly numbers: FlowNumbers;
  readonly oldActions: ReadonlyMap<string, ParsedActions | string>;
  readonly oldClassifiers: ReadonlyMap<string, Classifier>;
}

/** One compilation. */
class Run {
  readonly result: CompiledTables;
  readonly actions = new Map<string, ParsedActions | string>();
  readonly classifiers = new Map<string, Classifier>();
  private readonly blobs: Uint8Array[] = [];
  private readonly blobsByHash = new Map<number, number[]>();
  private readonly blobIndex = new Map<Classifier, number>();
  private readonly flows: CompiledFlow[] = [];
  private readonly problems: string[] = [];
  private readonly environment: TableEnvironment;
  private readonly memory: Memory;

  constructor(inputs: readonly TableInput[], environment: TableEnvironment, memory: Memory) {
    this.environment = environment;
    this.memory = memory;
    memory.matches.begin(environment);
    memory.numbers.begin();
    const contexts = new Map<number, MatchContext>();
    const tables = inputs.map((input) => {
      let context = contexts.get(input.datapath);
      if (!context) {
        const isResident = (port: string) => environment.isResident(port);
        context = { ...environment, datapathKey: environment.datapathKey(input.datapath), isResident };
        contexts.set(input.datapath, context);
      }
      return this.table(input, context);
    });
    const { blobs, flows, problems } = this;
    this.result = { blobs, tables, flows, numbersEnd: memory.numbers.end, problems };
  }

  private table(input: TableInput, context: MatchContext): TableUse {
    const { datapath, pipeline, table } = input;
    const matches: KeyedMatch[] = [];
    const numbers: number[] = [];
    const byPriority = input.flows.toSorted((a, b) => b.priority - a.priority);
    for (const flow of byPriority) {
      const parsed = this.parseActions(flow);
      const match =
        typeof parsed === 'string'
          ? parsed
          : this.memory.matches.compile(flow.match, parsed.prereqs, parsed.prereqsKey, context);
      if (typeof match === 'string' || typeof parsed === 'string') {
        this.problems.push(problemOf(flow, String(match)));
        continue;
      }
      const number = this.memory.numbers.of(flow);
      this.flows.push({ number, datapath, flow, actions: parsed.actions });
      const keys = match.names.map((name) => this.environment.portKey(datapath, name));
      matches.push({ match: match.match, keys });
      numbers.push(number);
    }
    const classifier = this.classifier(matches);
    const common = { datapath, pipeline, table, numbers: Uint32Array.from(numbers) };
    return 'always' in classifier
      ? { ...common, blob: -1, always: numbers[classifier.always] ?? -1 }
      : { ...common, blob: this.indexOf(classifier), always: -1 };
  }

  private parseActions(flow: LogicalFlow): ParsedActions | string {
    // "next;" means another table in each table.
    const key = `${flow.pipeline} ${flow.table} ${flow.actions}`;
    let parsed = this.actions.get(key) ?? this.memory.oldActions.get(key);
    if (parsed === undefined) {
      parsed = parseActions(flow, this.environment);
    }
    this.actions.set(key, parsed);
    return parsed;
  }

  private classifier(matches: readonly KeyedMatch[]): Classifier {
    const key = matches
      .map(({ match, keys }) => (keys.length === 0 ? match.id : `${match.id}:${keys.join(':')}`))
      .join();
    const classifier = this.classifiers.get(key) ?? this.memory.oldClassifiers.get(key) ?? buildClassifier(matches);
    this.classifiers.set(key, classifier);
    return classifier;
  }

  /** Index of a blob; those that are equal have the same. */
  private indexOf(classifier: Classifier & { readonly blob: Uint8Array }): number {
    const known = this.blobIndex.get(classifier);
    if (known !== undefined) {
      return known;
    }
    const { blob } = classifier;
    const hash = hashBytes(blob);
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

function parseActions(flow: LogicalFlow, environment: TableEnvironment): ParsedActions | string {
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

/** FNV-1a over 32-bit words. */
function hashBytes(bytes: Uint8Array): number {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
  let hash = 0x811c9dc5;
  for (const word of words) {
    hash = Math.imul(hash ^ word, 0x01000193);
  }
  return hash >>> 0;
}

function equalBytes(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a?.length === b.length && a.every((byte, index) => byte === b[index]);
}
