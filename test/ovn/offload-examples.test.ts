/**
 * The databases of examples/offload and examples/clouds are what their scripts of ovn-nbctl commands make, and those of
 * examples/offload are explained rightly; `LFLOW_RECORD=1 npm run test:ovn -- offload-examples` writes them anew.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { databaseOf } from '../../engine/ovsdb/database.ts';
import { parseSchema } from '../../engine/ovsdb/file-schema.ts';
import { type NorthboundTable, northboundSchema } from '../../engine/ovsdb/northbound.ts';
import { readNorthbound } from '../../engine/ovsdb/northbound-db.ts';
import { exampleFile } from '../examples/file.ts';
import { expected, plannedCodes } from '../offload/complaints.ts';
import { type Central, startCentral } from '../oracle/sandbox.ts';

const examples = fileURLToPath(new URL('../../examples/', import.meta.url));
const namesIn = (folder: string): string[] =>
  readdirSync(join(examples, folder)).filter((name) => existsSync(join(examples, folder, name, 'network.nbctl')));
const names = namesIn('offload');
const scripts = ['offload', 'clouds'].flatMap((folder) => namesIn(folder).map((name) => `${folder}/${name}`));
const tables = Object.keys(northboundSchema) as NorthboundTable[];

let databases: Central;
beforeAll(async () => {
  databases = await startCentral({ northd: false });
});
afterAll(async () => {
  await databases?.stop();
});

test.each(scripts)('the network of %s is what its script makes', async (name) => {
  const schema = parseSchema(JSON.parse(readFileSync('/usr/share/ovn/ovn-nb.ovsschema', 'utf8')));
  await databases.empty();
  await databases.run(readFileSync(join(examples, name, 'network.nbctl'), 'utf8'));
  const rows = await databases.rows('OVN_Northbound', tables);
  const made = exampleFile(readNorthbound(databaseOf(schema, rows)).northbound);
  const file = join(examples, name, 'network.db');
  if (process.env.LFLOW_RECORD === '1') writeFileSync(file, made);
  expect(readFileSync(file, 'utf8')).toBe(new TextDecoder().decode(made));
});

test.each(names)('the network of %s is explained by the right codes', async (name) => {
  const { planned = [] } = expected(name);
  expect(planned).not.toEqual([]);
  expect(await plannedCodes(name)).toEqual(expect.arrayContaining([...planned]));
});
