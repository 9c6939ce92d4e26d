/** A central whose databases are files that lflow wrote, without ovn-northd. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { computeTables } from '../../engine/northd/index.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import { writeNorthbound, writeSouthbound } from '../../engine/ovsdb/write-databases.ts';
import { type Central, startCentral } from '../oracle/sandbox.ts';

const call = promisify(execFile);

/** The file of the southbound database that belongs to a northbound one. */
export const southboundFile = (nb: Northbound): Uint8Array => writeSouthbound(computeTables(nb).tables);

/** A central with both databases of `nb`. */
export async function centralOn(nb: Northbound): Promise<Central> {
  const own = await startCentral({ northd: false });
  const files = { OVN_Northbound: ['nb', writeNorthbound(nb)], OVN_Southbound: ['sb', southboundFile(nb)] } as const;
  const control = (...args: string[]) => call('ovs-appctl', ['-t', join(own.directory, 'ovsdb.ctl'), ...args]);
  for (const [database, [name, bytes]] of Object.entries(files)) {
    await control('ovsdb-server/remove-db', database);
    writeFileSync(join(own.directory, `${name}.db`), bytes);
    await control('ovsdb-server/add-db', join(own.directory, `${name}.db`));
  }
  return own;
}
