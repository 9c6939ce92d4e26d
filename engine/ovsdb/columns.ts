/**
 * Reading columns of a database whose schema may be older or newer than the one
 * we know: a column may be absent, and what one release keeps as one value
 * another may keep as a set.
 */
import type { Database, FileTable } from './database.ts';
import type { AtomValue, Value } from './values.ts';

export type Row = readonly Value[];

/** Gives one column of a table's rows. */
export type Getter<T> = (row: Row) => T;

/** The rows of a table with their UUIDs, in order of these; none if there is no such table. */
export function rowsOf(database: Database, table: string): [string, Row][] {
  return [...(database.tables.get(table)?.rows ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The column's members, however many it may have; none if there is no such column. */
export function listOf(table: FileTable | undefined, column: string): Getter<readonly AtomValue[]> {
  const place = table?.places.get(column);
  if (place === undefined) return () => [];
  return (row) => membersOf(row[place]);
}

/** The one value, as text; undefined if there is none. */
export function optionalTextOf(table: FileTable | undefined, column: string): Getter<string | undefined> {
  const list = listOf(table, column);
  return (row) => {
    const [value] = list(row);
    return value === undefined ? undefined : String(value);
  };
}

/** The one value, as text; '' if there is none. */
export function textOf(table: FileTable | undefined, column: string): Getter<string> {
  const text = optionalTextOf(table, column);
  return (row) => text(row) ?? '';
}

/** The members, as texts. */
export function textsOf(table: FileTable | undefined, column: string): Getter<string[]> {
  const list = listOf(table, column);
  return (row) => list(row).map(String);
}

/** The one value, as a number; 0 if there is none. */
export function numberOf(table: FileTable | undefined, column: string): Getter<number> {
  const list = listOf(table, column);
  return (row) => Number(list(row)[0] ?? 0);
}

/** A map with its values as texts, not to be changed; empty if there is none. */
export function mapOf(table: FileTable | undefined, column: string): Getter<Record<string, string>> {
  const place = table?.places.get(column);
  const isText = place !== undefined && table?.schema.columns[place]?.value === 'string';
  return (row) => {
    const value = place === undefined ? undefined : row[place];
    if (typeof value !== 'object' || isList(value)) return {};
    if (isText) return value as Record<string, string>;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, String(each)]));
  };
}

/** The atoms of a value that is no map. */
export function membersOf(value: Value): readonly AtomValue[] {
  if (value === undefined) return [];
  if (typeof value !== 'object') return [value];
  return isList(value) ? value : [];
}

export function isList(value: Value): value is readonly AtomValue[] {
  return Array.isArray(value);
}
