/**
 * The southbound database that a real ovn-northd wrote, as `Southbound`: what the
 * executors read, so that they can be compared with OVN on OVN's own flows.
 *
 *     const southbound = southboundOf(await central.rows('OVN_Southbound', southboundTables));
 */
import { readFileSync } from 'node:fs';
import { databaseOf, type JsonRow } from '../../engine/ovsdb/database.ts';
import { parseSchema } from '../../engine/ovsdb/file-schema.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import { readSouthbound, type southboundTables } from '../../engine/ovsdb/southbound-db.ts';

export { southboundTables } from '../../engine/ovsdb/southbound-db.ts';

export type SouthboundRows = Record<(typeof southboundTables)[number], JsonRow[]>;

/** The rows of a database of the OVN that is installed. */
export function southboundOf(rows: SouthboundRows): Southbound {
  const schema = parseSchema(JSON.parse(readFileSync('/usr/share/ovn/ovn-sb.ovsschema', 'utf8')));
  return readSouthbound(databaseOf(schema, rows)).southbound;
}
