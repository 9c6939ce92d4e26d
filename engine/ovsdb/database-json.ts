/**
 * A database as JSON that programs read and `diff` compares: every table with
 * every column, in order.
 */
import type { Column, Schema } from './schema.ts';
import type { TablesToWrite } from './write.ts';

/**
 * The text, with a line of its own for each column.  An optional column without
 * a value is null.  Order carries no meaning, so everything is sorted: rows by the
 * column that names them, sets by their members, maps by their keys.  A row's
 * `origin`, where it has one, comes last.
 */
export function databaseJson(schema: Schema, tables: TablesToWrite): string {
  const all = Object.entries(schema).map(([table, columns]) => [table, tableRows(columns, tables[table])]);
  return `${JSON.stringify(Object.fromEntries(all), null, 2)}\n`;
}

type Value = Readonly<Record<string, unknown>>;

function tableRows(schema: Schema[string], found: ReadonlyMap<string, object> = new Map()): Value[] {
  const columns = Object.entries(schema);
  const naming = columns.find(([, column]) => column.shape === 'required' && column.key === 'string')?.[0];
  const key = (row: Value): [unknown, unknown] => [naming === undefined ? '' : row[naming], row._uuid];
  return ([...found.values()] as Value[])
    .map((row) => ({ key: key(row), row: rowOf(columns, row) }))
    .sort((a, b) => compare(a.key[0], b.key[0]) || compare(a.key[1], b.key[1]))
    .map(({ row }) => row);
}

function rowOf(columns: [string, Column][], row: Value): Value {
  const values = columns.map(([name, column]) => [name, cellOf(column, row[name])]);
  return { _uuid: row._uuid, ...Object.fromEntries(values), ...(row.origin !== undefined && { origin: row.origin }) };
}

function cellOf(column: Column, value: unknown): unknown {
  if (column.shape === 'optional') return value ?? null;
  if (column.shape === 'set') return [...(value as unknown[])].sort(compare);
  if (column.shape !== 'map') return value;
  return Object.fromEntries(Object.entries(value as Value).sort(([a], [b]) => compare(a, b)));
}

/** By code unit (numbers by size), so that no locale changes the order. */
function compare(a: unknown, b: unknown): number {
  if (a === b) return 0;
  return (a as string | number) < (b as string | number) ? -1 : 1;
}
