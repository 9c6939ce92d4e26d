/**
 * A northbound database as a POSIX shell script of ovn-nbctl commands
 * (ovn-nbctl(8), "Database Commands") that recreates it, UUIDs included, in an
 * empty northbound database.
 *
 * Everything follows from `northboundSchema`.  A row that lives by itself is
 * created in one transaction with the rows that it keeps alive; what would
 * exceed the limits of a command line follows in further transactions.
 */
import type { Origin } from '../origin.ts';
import { type Northbound, type NorthboundTable, northboundRoots, northboundSchema } from './northbound.ts';
import { type Column, defaultValue } from './schema.ts';

/**
 * Bytes of arguments in one invocation: below the 128 KiB that the strictest
 * systems allow for all arguments, with room for the environment.
 */
const invocationLimit = 96 * 1024;

/** Bytes of the children that come with a row, of the members of a set, of a map. */
const portionLimit = 24 * 1024;

/** Bytes of one argument: Linux allows 128 KiB. */
const wordLimit = 120 * 1024;

/**
 * The script that recreates `nb`: `sh nb.sh [OPTION...]`, where the options
 * (`--db=tcp:HOST:PORT`) go to every ovn-nbctl; without any, the environment's
 * OVN_NB_DB decides, as ovn-nbctl(8) says.  Columns with default values, rows
 * that nothing keeps alive and weak references to rows that are not there are
 * left out.  NB_Global's options are added to those that ovn-northd has set.
 *
 * Throws RangeError if a string cannot be stored in OVSDB (RFC 7047, section
 * 3.1: Unicode without NUL) or is too long for a command line.
 */
export function nbctlScript(nb: Northbound): string {
  const invocations = packed(stepsOf(nb)).map(invocation);
  return [
    '#!/bin/sh',
    '# Recreates a northbound database in an empty one; needs ovn-nbctl 23.03 or newer.',
    '# Usage: sh FILE [--db=tcp:HOST:PORT] [OPTION OF ovn-nbctl...]',
    'set -eu',
    'exec >/dev/null',
    ...invocations,
    '',
  ].join('\n');
}

/** One command of ovn-nbctl, as shell words without the quoting. */
type Words = string[];

/** Commands that belong into one transaction. */
interface Step {
  comment?: string;
  commands: Words[];
}

type Atom = string | number | boolean;
type Row = Readonly<Record<string, unknown>> & { _uuid: string; origin?: Origin };

/** A row of one table, found by its UUID. */
interface Located {
  table: NorthboundTable;
  row: Row;
}

/** How to create a row: what must come in one transaction, and what may follow in others. */
interface Expansion {
  head: Words[];
  tail: Step[];
}

/** What people look for first comes first; a row that another one needs comes before it anyway. */
const leadingTables: NorthboundTable[] = ['NB_Global', 'Logical_Switch', 'Logical_Router'];

function columnsOf(table: NorthboundTable): [string, Column][] {
  return Object.entries<Column>(northboundSchema[table]);
}

/** Whether `column` keeps the rows alive that it points to. */
function owns(column: Column): boolean {
  return column.refType === 'strong' && !northboundRoots.has(column.refTable as NorthboundTable);
}

/** A column's atoms: none if it holds its default value; a map's pairs are not among them. */
function atomsOf(column: Column, value: unknown): Atom[] {
  if (column.shape === 'map' || value === undefined) return [];
  if (column.shape === 'set') return value as Atom[];
  const atom = value as Atom;
  return column.shape === 'required' && (atom === '' || atom === 0 || atom === false) ? [] : [atom];
}

/** What is known while the steps are made, in the order of the script. */
interface Plan {
  rows: Map<string, Located>;
  /** For each row that is kept alive, the row that needs no other to live and keeps it. */
  roots: Map<string, Located>;
  steps: Step[];
  /** Rows of which some command was made, and those that exist when the next step runs. */
  started: Set<string>;
  finished: Set<string>;
  /** Weak references to rows that did not exist when their turn came. */
  waiting: { located: Located; column: string; targets: string[] }[];
}

/** All steps in order: rows, each after those that it needs, and the weak references that had to wait. */
function stepsOf(nb: Northbound): Step[] {
  const rows = new Map<string, Located>();
  for (const table of Object.keys(northboundSchema) as NorthboundTable[]) {
    for (const row of nb[table].values()) rows.set(row._uuid, { table, row });
  }
  const roots = rootsOf(rows);
  const plan: Plan = { rows, roots, steps: [], started: new Set(), finished: new Set(), waiting: [] };
  for (const table of new Set([...leadingTables, ...northboundRoots])) {
    for (const row of nb[table].values()) addRoot(plan, { table, row });
  }
  for (const { located, column, targets } of plan.waiting) {
    const made = targets.filter((uuid) => plan.finished.has(uuid));
    plan.steps.push(
      ...inPortions(made, sizeOfMember).map((uuids) => ({ commands: [addWords(located, column, uuids)] })),
    );
  }
  return plan.steps.filter(({ commands }) => commands.length > 0);
}

/** Adds the steps of a row that needs no other to live, after those of the rows that it points to. */
function addRoot(plan: Plan, root: Located): void {
  if (plan.started.has(root.row._uuid)) return;
  plan.started.add(root.row._uuid);
  const members = family(root, plan.rows);
  for (const needed of members.flatMap(references)) {
    const owner = plan.roots.get(needed);
    if (owner) addRoot(plan, owner);
  }
  const { head, tail } = expand(plan, root);
  plan.steps.push({ comment: commentOf(root), commands: head }, ...tail);
  for (const member of members) plan.finished.add(member.row._uuid);
}

/** A row that another one keeps alive, by one of that one's columns. */
interface Child {
  column: string;
  uuid: string;
  expansion: Expansion;
}

function expand(plan: Plan, located: Located): Expansion {
  const create = firstWords(located);
  const { words, tail } = settings(plan, located);
  const children = childrenOf(plan, located);
  const size = ({ expansion, uuid }: Child) => bytesOf(expansion.head) + sizeOfMember(uuid);
  const [inline = [], ...portions] = inPortions(children, size);
  words.push(...byColumn(inline).map(([column, uuids]) => `${column}=${uuids.join(',')}`));
  // There is a row in NB_Global already; `create` takes one setting at least.
  const isNeeded = words.length > 0 || located.table !== 'NB_Global';
  if (words.length === 0) words.push(defaultWord(located.table));
  const later = portions.map((portion) => ({
    commands: [...headsOf(portion), ...byColumn(portion).map(([column, uuids]) => addWords(located, column, uuids))],
  }));
  return {
    head: [...(isNeeded ? [[...create, ...words]] : []), ...headsOf(inline)],
    tail: [...tail, ...later, ...children.flatMap(({ expansion }) => expansion.tail)],
  };
}

function recordOf({ table, row }: Located): string {
  return table === 'NB_Global' ? '.' : row._uuid;
}

function firstWords({ table, row }: Located): Words {
  return table === 'NB_Global' ? ['set', table, '.'] : [`--id=${row._uuid}`, 'create', table];
}

function addWords(located: Located, column: string, members: readonly string[]): Words {
  return ['add', located.table, recordOf(located), column, ...members];
}

/** What a row's own columns are set to when it is created, and what does not fit there. */
function settings(plan: Plan, located: Located): { words: Words; tail: Step[] } {
  const { table, row } = located;
  const words: Words = [];
  const tail: Step[] = [];
  for (const [column, type] of columnsOf(table)) {
    if (type.shape === 'map') {
      const pairs = mapWords(column, row[column] as Record<string, Atom>);
      const [first = [], ...rest] = inPortions(pairs, sizeOfMember);
      words.push(...first);
      tail.push(...rest.map((more) => ({ commands: [['set', table, recordOf(located), ...more]] })));
    } else if (!owns(type)) {
      const atoms = type.refType === 'weak' ? present(plan, located, column, type) : atomsOf(type, row[column]);
      const texts = atoms.map((atom) => atomText(type.key, atom));
      const [first, ...rest] = inPortions(texts, sizeOfMember);
      if (first) words.push(`${column}=${first.join(',')}`);
      tail.push(...rest.map((members) => ({ commands: [addWords(located, column, members)] })));
    }
  }
  return { words, tail };
}

/** The rows that a column of weak references points to and that exist by now; those that will exist wait. */
function present(plan: Plan, located: Located, column: string, type: Column): string[] {
  const uuids = (atomsOf(type, located.row[column]) as string[]).filter((uuid) => plan.rows.has(uuid));
  const late = uuids.filter((uuid) => !plan.finished.has(uuid));
  if (late.length > 0) plan.waiting.push({ located, column, targets: late });
  return uuids.filter((uuid) => plan.finished.has(uuid));
}

/** The rows that a row keeps alive; one that another keeps alive as well is created once. */
function childrenOf(plan: Plan, { table, row }: Located): Child[] {
  return columnsOf(table)
    .filter(([, type]) => owns(type))
    .flatMap(([column, type]) =>
      (atomsOf(type, row[column]) as string[]).map((uuid) => {
        const child = plan.started.has(uuid) ? undefined : plan.rows.get(uuid);
        plan.started.add(uuid);
        return { column, uuid, expansion: child ? expand(plan, child) : { head: [], tail: [] } };
      }),
    );
}

/** See `Plan.roots`. */
function rootsOf(rows: Map<string, Located>): Map<string, Located> {
  const roots = new Map<string, Located>();
  for (const located of rows.values()) {
    if (!northboundRoots.has(located.table)) continue;
    for (const member of family(located, rows)) roots.set(member.row._uuid, located);
  }
  return roots;
}

/** A row and all those that it keeps alive. */
function family(root: Located, rows: Map<string, Located>): Located[] {
  const members = new Map([[root.row._uuid, root]]);
  for (const { table, row } of members.values()) {
    for (const [name, column] of columnsOf(table)) {
      if (!owns(column)) continue;
      for (const uuid of atomsOf(column, row[name]) as string[]) {
        const child = rows.get(uuid);
        if (child) members.set(uuid, child);
      }
    }
  }
  return [...members.values()];
}

/** The rows that a row points to without keeping them alive by that alone. */
function references({ table, row }: Located): string[] {
  return columnsOf(table).flatMap(([name, column]) =>
    column.refTable !== undefined && !owns(column) ? (atomsOf(column, row[name]) as string[]) : [],
  );
}

function headsOf(children: { expansion: Expansion }[]): Words[] {
  return children.flatMap((child) => child.expansion.head);
}

function byColumn(children: { column: string; uuid: string }[]): [string, string[]][] {
  const columns = [...new Set(children.map(({ column }) => column))];
  const uuidsOf = (name: string) => children.filter(({ column }) => column === name).map(({ uuid }) => uuid);
  return columns.map((column) => [column, uuidsOf(column)]);
}

/** Bytes that a member of a list takes, about. */
function sizeOfMember(text: string): number {
  return text.length + 1;
}

/** `items` in runs of at most `portionLimit` bytes, one item at least in each. */
function inPortions<T>(items: readonly T[], sizeOf: (item: T) => number): T[][] {
  const portions: T[][] = [];
  let room = 0;
  for (const item of items) {
    const size = sizeOf(item);
    if (portions.length === 0 || size > room) {
      portions.push([]);
      room = portionLimit;
    }
    portions[portions.length - 1]?.push(item);
    room -= size;
  }
  return portions;
}

/** A setting that changes nothing: `create` takes one at least. */
function defaultWord(table: NorthboundTable): string {
  const [[name, column]] = columnsOf(table);
  if (column.shape === 'map') return `${name}={}`;
  return `${name}=${column.shape === 'required' ? atomText(column.key, defaultValue(column) as Atom) : '[]'}`;
}

function mapWords(column: string, map: Record<string, Atom>): Words {
  return Object.entries(map).map(([key, value]) => `${column}:${stringText(key)}=${atomText(typeof value, value)}`);
}

function atomText(type: string, atom: Atom): string {
  return type === 'string' ? stringText(`${atom}`) : `${atom}`;
}

/** A string as ovs-vsctl(8) and its kin read it: bare where nothing in it has a meaning, or in JSON's quotes. */
function stringText(text: string): string {
  if (/^[\w./@%+-]+$/.test(text)) return text;
  if (text.includes('\0') || /\p{Cs}/u.test(text)) {
    throw new RangeError(
      `${JSON.stringify(text)} cannot be stored in an OVSDB database: strings are Unicode without NUL`,
    );
  }
  return JSON.stringify(text);
}

const encoder = new TextEncoder();

function bytes(word: string): number {
  return encoder.encode(word).length;
}

function bytesOf(commands: readonly Words[]): number {
  return commands.flat().reduce((sum, word) => sum + bytes(word) + 1, 0);
}

/** Steps gathered into invocations of bounded size. */
function packed(steps: readonly Step[]): Step[][] {
  const invocations: Step[][] = [];
  let room = 0;
  for (const step of steps) {
    const size = bytesOf(step.commands);
    if (size > room || invocations.length === 0) {
      invocations.push([]);
      room = invocationLimit;
    }
    invocations[invocations.length - 1]?.push(step);
    room -= size;
  }
  return invocations;
}

/** Shell text that runs `steps` as one transaction; the subshell forgets the arguments gathered for it. */
function invocation(steps: readonly Step[]): string {
  const gathered = steps.flatMap(({ comment, commands }) => [
    ...(comment === undefined ? [] : [`  # ${comment}`]),
    '  set -- "$@" \\',
    commands.map((words) => `    -- ${words.map(shellWord).join(' ')}`).join(' \\\n'),
  ]);
  return ['', '(', ...gathered, '  ovn-nbctl "$@"', ')'].join('\n');
}

function shellWord(word: string): string {
  if (bytes(word) > wordLimit) {
    throw new RangeError(
      `a value of ${word.length} characters (${word.slice(0, 60)}...) is too long for a command line`,
    );
  }
  return /^[\w./@%+=:,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** What the row is, in the words of its first column that names it, and where it came from. */
function commentOf({ table, row }: Located): string {
  const naming = columnsOf(table).find(([, column]) => column.shape === 'required' && column.key === 'string');
  const name = naming ? row[naming[0]] : '';
  const { origin } = row;
  const words = [table, ...(name ? [name] : []), ...(origin ? [`(${origin.file}:${origin.line})`] : [])].join(' ');
  // A line break would end the comment and start a command.
  return /\p{Cc}/u.test(words) ? JSON.stringify(words) : words;
}
