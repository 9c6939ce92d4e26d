/** The rows of a database in a form that can be compared with what a real ovsdb-server says. */
import type { Database } from '../../engine/ovsdb/database.ts';
import type { FileColumn } from '../../engine/ovsdb/file-schema.ts';
import { parseValue, type Value } from '../../engine/ovsdb/values.ts';

/** Values by column, by UUID, by table; tables without rows are left out. */
export type Rows = Record<string, Record<string, Record<string, unknown>>>;

/** All rows; columns that are never in a file are left out. */
export function rowsIn({ tables }: Database): Rows {
  const result: Rows = {};
  for (const [name, { schema, rows }] of tables) {
    for (const [uuid, row] of rows) {
      const values = schema.columns.flatMap((column, place) => cell(column, row[place]));
      result[name] = { ...result[name], [uuid]: Object.fromEntries(values) };
    }
  }
  return result;
}

/** The rows in what `ovsdb-client dump --format=json` prints, by the same schema. */
export function rowsOfDump({ tables }: Database, dump: string): Rows {
  const result: Rows = {};
  for (const line of dump.trim().split('\n')) {
    const { caption, headings, data }: { caption: string; headings: string[]; data: unknown[][] } = JSON.parse(line);
    const name = caption.replace(/ table$/, '');
    const columns = new Map(tables.get(name)?.schema.columns.map((column) => [column.name, column]));
    for (const cells of data) {
      const [, uuid] = cells[headings.indexOf('_uuid')] as [string, string];
      const values = headings.flatMap((heading, at) => {
        const column = columns.get(heading);
        return column ? cell(column, parseValue(column, cells[at])) : [];
      });
      result[name] = { ...result[name], [uuid]: Object.fromEntries(values) };
    }
  }
  return result;
}

/** Sets carry no order; neither do maps. */
function cell(column: FileColumn, value: Value): [string, unknown][] {
  if (column.isEphemeral) return [];
  if (Array.isArray(value)) return [[column.name, value.map((each) => JSON.stringify(each)).sort()]];
  return [[column.name, value]];
}
