/** The northbound database file of an example: the same bytes, whatever UUIDs its rows had. */
import { createHash } from 'node:crypto';
import { type Northbound, type NorthboundTable, northboundSchema, rowUuid } from '../../engine/ovsdb/northbound.ts';
import { northboundFacts } from '../../engine/ovsdb/northbound-facts.ts';
import { writeDatabase } from '../../engine/ovsdb/write.ts';

const uuids = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const tables = Object.keys(northboundSchema) as NorthboundTable[];

interface Named {
  table: NorthboundTable;
  uuid: string;
  /** What tells the row from all others of its table. */
  name: string;
}

/**
 * The file with UUIDs made of what the rows are: of their name, or where they have
 * none, of their columns and of the names of the rows that refer to them.
 * Throws RangeError if two rows cannot be told apart.
 */
export function exampleFile(nb: Northbound): Uint8Array {
  const rows = tables.flatMap((table) =>
    [...nb[table]].map(([uuid, row]) => ({ table, uuid, json: JSON.stringify(row) })),
  );
  const identities: Named[] = rows.map(({ table, uuid, json }) => {
    const { name } = JSON.parse(json) as { name?: unknown };
    if (typeof name === 'string' && name !== '') return { table, uuid, name };
    const owners = rows
      .filter((other) => other.uuid !== uuid && other.json.includes(uuid))
      .map((other) => nameIn(other.json));
    return { table, uuid, name: `${json.replace(uuids, '')} of ${owners.sort().join()}` };
  });
  const renamed = new Map(identities.map(({ table, uuid, name }) => [uuid, rowUuid(table, name)]));
  if (new Set(renamed.values()).size < rows.length) throw new RangeError('two rows of the example are the same');
  const written = tables.map((table) => {
    const members = rows
      .filter((row) => row.table === table)
      .map(({ json }) => {
        const row = JSON.parse(json.replace(uuids, (uuid) => renamed.get(uuid) ?? uuid)) as { _uuid: string };
        return [row._uuid, sortedSets(row)] as const;
      });
    return [table, new Map(members.sort(([a], [b]) => (a < b ? -1 : 1)))] as const;
  });
  return writeDatabase(northboundSchema, northboundFacts, Object.fromEntries(written), (bytes) =>
    createHash('sha1').update(bytes).digest('hex'),
  );
}

const nameIn = (json: string): string => String((JSON.parse(json) as { name?: unknown }).name);

/** Sets have no order; their members follow each other as texts do. */
function sortedSets<T extends object>(row: T): T {
  const sorted = Object.entries(row).map(([column, value]) => [
    column,
    Array.isArray(value) ? [...value].sort() : value,
  ]);
  return Object.fromEntries(sorted) as T;
}
