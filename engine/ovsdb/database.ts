/**
 * A database of any schema in memory, and the transactions that a file records.
 * A row is an array of its columns' values, in the order of its table's columns.
 */
import { type FileColumn, type FileSchema, type FileTableSchema, shown, ValueError } from './file-schema.ts';
import { eachMember, isNull, JsonError, parseSpan, type Range, type Span } from './json-scan.ts';
import { DatabaseError } from './record.ts';
import { applyDifference, costOf, type Draft, defaultOf, isUuid, parseValue, settled, type Value } from './values.ts';

/** A table with its rows. */
export interface FileTable {
  readonly schema: FileTableSchema;
  /** A column's place in a row, by name. */
  readonly places: ReadonlyMap<string, number>;
  /** By UUID, in the order in which they came. */
  readonly rows: ReadonlyMap<string, readonly Value[]>;
}

/** All rows of a file. */
export interface Database {
  readonly schema: FileSchema;
  readonly tables: ReadonlyMap<string, FileTable>;
}

/** How much is read before a file is refused. */
export interface Limits {
  /** Rows at any one time; 4 million unless told. */
  rows: number;
  /** What the rows take in memory, roughly, in bytes; 1.5 GB unless told. */
  memory: number;
}

export const usualLimits: Limits = { rows: 4_000_000, memory: 1_500_000_000 };

/** A table while its file is read. */
interface DraftTable {
  schema: FileTableSchema;
  places: Map<string, number>;
  defaults: readonly Value[];
  rows: Map<string, Draft[]>;
}

/** A database while its file is read. */
export interface DraftDatabase {
  schema: FileSchema;
  tables: Map<string, DraftTable>;
  limits: Limits;
  rowCount: number;
  memory: number;
  /** Rows that have drafts of values. */
  drafts: Set<Draft[]>;
}

/** A database without rows. */
export function openDatabase(schema: FileSchema, limits: Limits): DraftDatabase {
  const tables = schema.tables.map((table): [string, DraftTable] => {
    const places = new Map(table.columns.map(({ name }, place) => [name, place]));
    return [table.name, { schema: table, places, defaults: table.columns.map(defaultOf), rows: new Map() }];
  });
  return { schema, tables: new Map(tables), limits, rowCount: 0, memory: 0, drafts: new Set() };
}

/** The database as it is after the last transaction. */
export function closeDatabase({ schema, tables, drafts }: DraftDatabase): Database {
  for (const row of drafts) {
    for (let place = 0; place < row.length; place++) row[place] = settled(row[place]);
  }
  drafts.clear();
  return { schema, tables: tables as Map<string, FileTable> };
}

/** A row in the JSON notation of RFC 7047, section 5.1, its UUID under `_uuid`. */
export type JsonRow = Readonly<Record<string, unknown>>;

/**
 * A database of rows that a server was asked for, by table.  Throws `ValueError`
 * if a row is not as the schema asks.
 */
export function databaseOf(schema: FileSchema, rows: Readonly<Record<string, readonly JsonRow[]>>): Database {
  const database = openDatabase(schema, usualLimits);
  for (const [name, found] of Object.entries(rows)) {
    const table = database.tables.get(name);
    if (!table) throw new ValueError(`there is no table ${shown(name)} in its schema`);
    for (const { _uuid: uuid, _version: _, ...columns } of found) {
      changeRow(database, table, Array.isArray(uuid) ? String(uuid[1]) : '', columns, false);
    }
  }
  return closeDatabase(database);
}

/**
 * Applies the transaction whose JSON is at `range`.  Throws `JsonError` or
 * `DatabaseError` if it is not as the schema asks or the database grows too
 * large, which is then of no use.
 */
export function applyTransaction(database: DraftDatabase, bytes: Uint8Array, range: Range): void {
  const changes = new Map<DraftTable, Span>();
  let isDifference = false;
  eachMember(bytes, range, (name, value) => {
    if (name === '_is_diff') isDifference = parseSpan(bytes, value) === true;
    if (name.startsWith('_')) return;
    const table = database.tables.get(name);
    if (!table) throw new JsonError(`there is no table ${shown(name)} in its schema`, value.start);
    changes.set(table, value);
  });
  for (const [table, rows] of changes) {
    eachMember(bytes, rows, (uuid, row) => {
      try {
        changeRow(database, table, uuid, isNull(bytes, row) ? null : parseSpan(bytes, row), isDifference);
      } catch (error) {
        if (!(error instanceof ValueError)) throw error;
        throw new JsonError(`row ${shown(uuid)} of table ${shown(table.schema.name)}: ${error.message}`, row.start);
      }
    });
  }
}

function changeRow(
  database: DraftDatabase,
  table: DraftTable,
  uuid: string,
  change: unknown,
  isDifference: boolean,
): void {
  if (!isUuid(uuid)) throw new ValueError('its name is not a UUID');
  const row = table.rows.get(uuid);
  if (change === null) {
    if (!row) throw new ValueError('it is deleted, but was never there');
    deleteRow(database, table, uuid, row);
  } else if (typeof change !== 'object' || Array.isArray(change)) {
    throw new ValueError('it should be an object or null');
  } else {
    setColumns(database, table, row ?? insertRow(database, table, uuid), change, row !== undefined && isDifference);
  }
}

function insertRow(database: DraftDatabase, table: DraftTable, uuid: string): Draft[] {
  if (database.rowCount >= database.limits.rows) {
    throw new DatabaseError(`the database is too large: more than ${database.limits.rows} rows, and no more are read`);
  }
  const row = [...table.defaults];
  table.rows.set(uuid, row);
  database.rowCount++;
  take(database, rowCost(table));
  return row;
}

/** What a row takes beside its values: its array, its UUID and its place in the table. */
const rowCost = ({ defaults }: DraftTable): number => 130 + 8 * defaults.length;

function deleteRow(database: DraftDatabase, table: DraftTable, uuid: string, row: Draft[]): void {
  table.rows.delete(uuid);
  database.drafts.delete(row);
  database.rowCount--;
  database.memory -= rowCost(table) + row.reduce((sum: number, value) => sum + costOf(value), 0);
}

function setColumns(
  database: DraftDatabase,
  table: DraftTable,
  row: Draft[],
  change: object,
  isDifference: boolean,
): void {
  for (const name of Object.keys(change)) {
    const json = (change as JsonRow)[name];
    const place = table.places.get(name);
    if (place === undefined) throw new ValueError(`there is no column ${shown(name)} in its schema`);
    const column = table.schema.columns[place] as FileColumn;
    if (isDifference && column.isComposite) {
      const before = row[place];
      row[place] = applyDifference(column, before, json);
      database.drafts.add(row);
      // A large set is not counted again at every small change: that counts as if it only added.
      take(database, before === row[place] ? costOf(parseValue(column, json)) : costOf(row[place]) - costOf(before));
    } else {
      const value = parseValue(column, json);
      take(database, costOf(value) - costOf(row[place]));
      row[place] = value;
    }
  }
}

function take(database: DraftDatabase, bytes: number): void {
  database.memory += bytes;
  if (database.memory <= database.limits.memory) return;
  const limit = Math.round(database.limits.memory / 1e6);
  throw new DatabaseError(`the database is too large: its rows take more than ${limit} MB of memory`);
}
