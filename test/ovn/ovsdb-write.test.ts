/** Files that lflow writes, in the hands of a real ovsdb-server. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readDatabase } from '../../engine/ovsdb/file.ts';
import { northboundSchema } from '../../engine/ovsdb/northbound.ts';
import { northboundFacts } from '../../engine/ovsdb/northbound-facts.ts';
import { schemaJson } from '../../engine/ovsdb/schema-json.ts';
import { southboundFacts, southboundSchema } from '../../engine/ovsdb/southbound-schema.ts';
import { writeDatabase } from '../../engine/ovsdb/write.ts';
import { startDatabaseServer } from '../oracle/ovsdb-server.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { randomNorthbound } from '../ovsdb/random-northbound.ts';
import { rowsIn, rowsOfDump } from '../ovsdb/rows.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lflow-write-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const tool = (...args: string[]): string => execFileSync('ovsdb-tool', args, { cwd: folder, encoding: 'utf8' }).trim();

/** OVN's own schema, with what needs not be said left out as ours leaves it out. */
function installed(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'), (key, value) => {
    if (key === 'isRoot' && value === false) return undefined;
    if (key === 'refType' && value === 'strong') return undefined;
    // An atom of which nothing is said but its type, and a column of exactly one such atom.
    if (value !== null && typeof value === 'object' && Object.keys(value).length === 1) {
      if (typeof value.key === 'string') return value.key;
      if ((key === 'key' || key === 'value') && typeof value.type === 'string') return value.type;
    }
    return value;
  });
}

describe.each([
  ['nb', northboundSchema, northboundFacts],
  ['sb', southboundSchema, southboundFacts],
] as const)('the schema of %s', (name, schema, facts) => {
  const path = `/usr/share/ovn/ovn-${name}.ovsschema`;

  test('is what OVN has, with its checksum', () => {
    expect(schemaJson(schema, facts)).toEqual(installed(path));
  });

  test('needs no conversion', () => {
    writeFileSync(join(folder, 'x.db'), writeDatabase(schema, facts, {}));
    expect(tool('needs-conversion', 'x.db', path)).toBe('no');
  });
});

test('a server on a file of ours has the rows that were written', async () => {
  const { seed, runs } = seedAndRuns(20);
  await fc.assert(
    fc.asyncProperty(randomNorthbound(), async (nb) => {
      const bytes = writeDatabase(northboundSchema, northboundFacts, nb);
      writeFileSync(join(folder, 'nb.db'), bytes);
      const server = await startDatabaseServer(folder, 'nb');
      try {
        const file = readDatabase(bytes);
        expect(rowsOfDump(file, await server.dump('OVN_Northbound'))).toEqual(rowsIn(file));
      } finally {
        await server.stop();
      }
    }),
    { seed, numRuns: runs },
  );
});
