/**
 * A northbound database as JSON that programs read and `diff` compares.
 *
 *     {
 *       "Logical_Switch": [
 *         { "_uuid": "...", "name": "default/net", "ports": ["..."], ..., "origin": { "file": "net.yaml", ... } }
 *       ],
 *       ...
 *     }
 *
 * Every table is there with every column; an optional one without a value is
 * null.  Order carries no meaning, so everything is sorted: rows by the column
 * that names them, sets by their members, maps by their keys.  A row's `origin`
 * is the place in the manifests that caused it.
 */
import { type Northbound, type NorthboundTable, northboundSchema } from './northbound.ts';
import type { Column } from './schema.ts';

/** The text, with a line of its own for each column. */
export function nbJson(nb: Northbound): string {
  const tables = (Object.keys(northboundSchema) as NorthboundTable[]).map((table) => [table, tableRows(nb, table)]);
  return `${JSON.stringify(Object.fromEntries(tables), null, 2)}\n`;
}

type Value = Readonly<Record<string, unknown>>;

function tableRows(nb: Northbound, table: NorthboundTable): Value[] {
  const columns = Object.entries<Column>(northboundSchema[table]);
  const naming = columns.find(([, column]) => column.shape === 'required' && column.key === 'string')?.[0];
  const rows = [...(nb[table] as Map<string, Value>).values()];
  const key = (row: Value): [unknown, unknown] => [naming === undefined ? '' : row[naming], row._uuid];
  return rows
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
