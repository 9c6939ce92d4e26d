/** Rows of a file whose schema may be older or newer, as rows with the columns of a schema that we know. */
import { isList, membersOf, type Row } from './columns.ts';
import type { FileTable } from './database.ts';
import { type Column, defaultValue } from './schema.ts';
import type { AtomValue, Value } from './values.ts';

/** A reader of rows with the columns that we know; those that the file lacks get their defaults. */
export function rowReader(
  columns: Readonly<Record<string, Column>>,
  table: FileTable,
): (uuid: string, row: Row) => object {
  const places = Object.entries(columns).map(([name, column]) => ({ name, column, place: table.places.get(name) }));
  return (uuid, row) => {
    const values = places.map(({ name, column, place }): [string, unknown] => {
      return [name, place === undefined ? defaultValue(column) : fitted(column, row[place])];
    });
    return { ...Object.fromEntries(values), _uuid: uuid };
  };
}

/** A value in the shape that we know, whatever the shape that its release gave it. */
function fitted(column: Column, value: Value): unknown {
  if (column.shape === 'map') {
    if (typeof value !== 'object' || isList(value)) return {};
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key, atomOf(column.value ?? 'string', each)]),
    );
  }
  const members = membersOf(value).map((each) => atomOf(column.key, each));
  if (column.shape === 'set') return members;
  return members[0] ?? defaultValue(column);
}

function atomOf(atom: Column['key'], value: AtomValue): AtomValue {
  if (atom === 'integer' || atom === 'real') return Number(value);
  return atom === 'boolean' ? value === true : String(value);
}
