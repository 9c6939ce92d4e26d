/** The rows of a southbound database file, of any OVN release, with the columns of schema 20.27.0. */
import { rowsOf } from './columns.ts';
import type { Database } from './database.ts';
import { rowReader } from './row-reader.ts';
import { emptySouthbound, type SouthboundRows, type SouthboundTable, southboundSchema } from './southbound-schema.ts';

/**
 * The rows as they are, in order of their UUIDs.  Columns that the file lacks have
 * their defaults; what it has and we do not know is left out.
 */
export function readSouthboundRows(database: Database): SouthboundRows {
  const result = emptySouthbound();
  for (const name of Object.keys(southboundSchema) as SouthboundTable[]) {
    const table = database.tables.get(name);
    if (!table) continue;
    const read = rowReader(southboundSchema[name], table);
    const rows = result[name] as Map<string, unknown>;
    for (const [uuid, row] of rowsOf(database, name)) rows.set(uuid, read(uuid, row));
  }
  return result;
}
