/**
 * A northbound database as it is kept, of any OVN release, as the rows that
 * northd reads: those of schema 7.0.0.
 */
import { membersOf, rowsOf } from './columns.ts';
import type { Database, FileTable } from './database.ts';
import { shown } from './file-schema.ts';
import { emptyNorthbound, type Northbound, type NorthboundTable, northboundSchema } from './northbound.ts';
import { rowReader } from './row-reader.ts';
import type { Column } from './schema.ts';
import { defaultOf, type Value } from './values.ts';

/** The name in its schema. */
export const northboundName = 'OVN_Northbound';

export interface NorthboundReading {
  northbound: Northbound;
  /** What the database has that northd will not see, and references that lead nowhere: sentences without a full stop. */
  warnings: string[];
}

/**
 * Reads the rows, in order of their UUIDs.  Columns that an older release does
 * not have get their defaults; what a newer one has and we do not stays in
 * `database`, and is told where it says something.
 */
export function readNorthbound(database: Database): NorthboundReading {
  const northbound = emptyNorthbound();
  const warnings: string[] = [];
  for (const [name, table] of database.tables) {
    if (isKnown(name)) {
      warnings.push(...unknownColumns(name, table));
      const rows = northbound[name] as Map<string, unknown>;
      const read = rowReader(northboundSchema[name], table);
      for (const [uuid, row] of rowsOf(database, name)) rows.set(uuid, read(uuid, row));
    } else if (table.rows.size > 0) {
      warnings.push(
        `${rowCount(table.rows.size)} of table ${shown(name)}, which OVN 23.03 does not have, ${are(table.rows.size)} left out`,
      );
    }
  }
  warnings.push(...danglingReferences(northbound));
  return { northbound, warnings };
}

function isKnown(name: string): name is NorthboundTable {
  return Object.hasOwn(northboundSchema, name);
}

const rowCount = (count: number): string => (count === 1 ? 'one row' : `${count} rows`);
const are = (count: number): string => (count === 1 ? 'is' : 'are');

/** Columns that we do not know and that have other values than their defaults. */
function unknownColumns(name: NorthboundTable, { schema, places, rows }: FileTable): string[] {
  return schema.columns
    .filter((column) => !Object.hasOwn(northboundSchema[name], column.name))
    .flatMap((column) => {
      const place = places.get(column.name) ?? -1;
      const usual = JSON.stringify(defaultOf(column));
      const used = [...rows.values()].filter((row) => JSON.stringify(row[place]) !== usual).length;
      if (used === 0) return [];
      return [
        `column ${shown(column.name)} of table ${name}, which OVN 23.03 does not have, is not looked at; ${rowCount(used)} use${used === 1 ? 's' : ''} it`,
      ];
    });
}

/** References to rows that are not there: OVSDB never leaves one, an edited file may. */
function danglingReferences(northbound: Northbound): string[] {
  return (Object.keys(northboundSchema) as NorthboundTable[]).flatMap((table) => {
    const rows = [...northbound[table].values()] as unknown as Record<string, Value>[];
    return Object.entries<Column>(northboundSchema[table]).flatMap(([name, { refTable, shape }]) => {
      if (refTable === undefined || shape === 'map') return [];
      const targets: ReadonlyMap<string, unknown> = northbound[refTable as NorthboundTable];
      const lost = rows.flatMap((row) => membersOf(row[name])).filter((uuid) => !targets.has(String(uuid))).length;
      if (lost === 0) return [];
      return [
        `column ${name} of table ${table} refers to ${rowCount(lost)} of ${refTable} that ${lost === 1 ? 'does' : 'do'} not exist`,
      ];
    });
  });
}
