/**
 * Every row of every southbound table beside the real ovn-northd's.  With
 * LFLOW_RECORD=1 its answers become the recordings that `npm test` compares with.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { computeTables } from '../../engine/northd/index.ts';
import { type Database, databaseOf } from '../../engine/ovsdb/database.ts';
import { readDatabase } from '../../engine/ovsdb/file.ts';
import { parseSchema } from '../../engine/ovsdb/file-schema.ts';
import { nbctlScript } from '../../engine/ovsdb/nbctl.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import { readNorthbound } from '../../engine/ovsdb/northbound-db.ts';
import { type SouthboundTable, southboundSchema } from '../../engine/ovsdb/southbound-schema.ts';
import { writeSouthbound } from '../../engine/ovsdb/write-databases.ts';
import { readManifests } from '../../engine/spec/read.ts';
import { northboundOfPlan, planTopology } from '../../engine/vpc/index.ts';
import { exampleManifests } from '../examples/manifests.ts';
import { northboundOf as randomNorthbound, randomSwitches } from '../northd/random.ts';
import { randomRouters, northboundOf as routersOf } from '../northd/router/random.ts';
import { topologies } from '../northd/router/topologies.ts';
import { record } from '../northd/tables/recordings.ts';
import { lineDifferences, tableLines } from '../northd/tables/rows.ts';
import { tableTopologies } from '../northd/tables/topologies.ts';
import { switchTopologies } from '../northd/topologies.ts';
import { type Central, startCentral } from '../oracle/sandbox.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { traceTopologies } from './trace-topologies.ts';

let central: Central;
beforeAll(async () => {
  central = await startCentral();
});
afterAll(() => central.stop());

const examples = new URL('../../examples/', import.meta.url);

const schema = parseSchema(JSON.parse(readFileSync('/usr/share/ovn/ovn-sb.ovsschema', 'utf8')));

async function real(): Promise<Database> {
  const names = Object.keys(southboundSchema) as SouthboundTable[];
  return databaseOf(schema, await central.rows('OVN_Southbound', names));
}

function ours(nb: Northbound): Database {
  return readDatabase(writeSouthbound(computeTables(nb).tables));
}

async function differences(nb: Northbound, recording?: string): Promise<string> {
  await central.load(nbctlScript(nb));
  const lines = tableLines(await real());
  if (recording && process.env.LFLOW_RECORD === '1') await record(recording, lines);
  return lineDifferences(lines, tableLines(ours(nb)));
}

describe('topologies of the tables', () => {
  for (const [name, make] of Object.entries(tableTopologies)) {
    test(name, async () => {
      expect(await differences(make(), name)).toBe('');
    });
  }
});

describe('topologies of the flows', () => {
  for (const [name, make] of Object.entries({ ...switchTopologies, ...topologies })) {
    test(name, async () => {
      expect(await differences(make())).toBe('');
    });
  }
});

async function chassis(): Promise<string[]> {
  return (await central.rows('OVN_Southbound', ['Chassis'])).Chassis.map(({ name }) => String(name));
}

describe('topologies of the traces', () => {
  for (const { name, northbound } of traceTopologies) {
    test(name, async () => {
      await central.load(northbound);
      // Some have chassis, which are not in a database that is computed.
      for (const each of await chassis()) await central.sbctl('chassis-del', each);
      await central.settle();
      const nb = readNorthbound(readDatabase(readFileSync(join(central.directory, 'nb.db')))).northbound;
      expect(lineDifferences(tableLines(await real()), tableLines(ours(nb)))).toBe('');
    });
  }
});

describe('random topologies', () => {
  const { seed, runs } = seedAndRuns(40);
  test('of switches', async () => {
    await fc.assert(
      fc.asyncProperty(randomSwitches, async (made) => {
        expect(await differences(randomNorthbound(made))).toBe('');
      }),
      { seed, numRuns: runs },
    );
  });
  test('of routers', async () => {
    await fc.assert(
      fc.asyncProperty(randomRouters, async (made) => {
        expect(await differences(routersOf(made))).toBe('');
      }),
      { seed, numRuns: runs },
    );
  });
});

describe('examples', () => {
  for (const file of exampleManifests) {
    test(file, async () => {
      const { resources } = readManifests([{ file, text: readFileSync(new URL(file, examples), 'utf8') }]);
      expect(await differences(northboundOfPlan(planTopology(resources)))).toBe('');
    });
  }
});
