/** The two databases of OVN 23.03 as files that ovsdb-server opens. */
import { type Northbound, northboundSchema } from './northbound.ts';
import { northboundFacts } from './northbound-facts.ts';
import type { Checksum } from './record.ts';
import { type SouthboundRows, southboundFacts, southboundSchema } from './southbound-schema.ts';
import { writeDatabase } from './write.ts';

export { WriteError } from './write.ts';

/** A standalone file of schema OVN_Northbound 7.0.0.  Throws as `writeDatabase` does. */
export function writeNorthbound(nb: Northbound, checksum?: Checksum): Uint8Array {
  return writeDatabase(northboundSchema, northboundFacts, nb, checksum);
}

/** A standalone file of schema OVN_Southbound 20.27.0.  Throws as `writeDatabase` does. */
export function writeSouthbound(tables: SouthboundRows, checksum?: Checksum): Uint8Array {
  return writeDatabase(southboundSchema, southboundFacts, tables, checksum);
}
