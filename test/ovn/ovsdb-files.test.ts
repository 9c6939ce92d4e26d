/**
 * Files that a real ovsdb-server wrote: the rows that are read are those that
 * `ovsdb-client dump` prints.  With LFLOW_RECORD=1 the files, with those dumps,
 * become the recordings that `npm test` reads.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DatabaseFile, readDatabase } from '../../engine/ovsdb/file.ts';
import { type DatabaseServer, startDatabaseServer } from '../oracle/ovsdb-server.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { rowsIn, rowsOfDump } from '../ovsdb/rows.ts';
import { changes, schema, transaction } from './ovsdb-changes.ts';

let folder = '';
let servers: DatabaseServer[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lflow-ovsdb-'));
  servers = [];
  writeFileSync(join(folder, 'schema'), JSON.stringify(schema));
});
afterEach(async () => {
  for (const server of servers) await server.stop();
  rmSync(folder, { recursive: true });
});

const { seed, runs } = seedAndRuns(40);

const tool = (...args: string[]): string => execFileSync('ovsdb-tool', args, { cwd: folder, encoding: 'utf8' });

async function start(name: string, ...options: string[]): Promise<DatabaseServer> {
  const server = await startDatabaseServer(folder, name, options);
  servers.push(server);
  return server;
}

/** Runs transactions that touch everything, the same for one seed. */
async function work(server: DatabaseServer, from = 0): Promise<void> {
  for (const change of fc.sample(changes, { seed: seed + from, numRuns: runs })) {
    await server.transact(schema.name, transaction(change));
  }
}

const read = (name: string): DatabaseFile => readDatabase(readFileSync(join(folder, `${name}.db`)));

/** The file says what the server says; then it may be recorded as `recording`. */
function compare(name: string, dump: string, recording?: string): DatabaseFile {
  const file = read(name);
  expect(rowsIn(file)).toEqual(rowsOfDump(file, dump));
  expect(Object.keys(rowsIn(file))).not.toEqual([]);
  if (recording && process.env.LFLOW_RECORD === '1') {
    const url = (extension: string) => new URL(`../ovsdb/files/${recording}.${extension}`, import.meta.url);
    writeFileSync(url('db'), readFileSync(join(folder, `${name}.db`)));
    writeFileSync(url('dump'), dump);
  }
  return file;
}

describe('standalone', () => {
  test.each([
    ['with differences of columns', 'standalone', []],
    ['without', 'standalone-whole-columns', ['--disable-file-column-diff']],
  ])('%s', async (_, recording, options) => {
    tool('create', 'a.db', 'schema');
    const server = await start('a', ...options);
    await work(server);
    compare('a', await server.dump(schema.name), recording);
    expect(readFileSync(join(folder, 'a.db'), 'utf8').includes('"_is_diff":true')).toBe(options.length === 0);
  });

  test('compacted, and written to again', async () => {
    tool('create', 'a.db', 'schema');
    const server = await start('a');
    await work(server);
    await server.control('ovsdb-server/compact');
    expect(compare('a', await server.dump(schema.name), 'standalone-compacted').records).toBe(2);
    await work(server, 1);
    expect(compare('a', await server.dump(schema.name)).records).toBeGreaterThan(2);
  });

  test('a backup', async () => {
    tool('create', 'a.db', 'schema');
    const server = await start('a');
    await work(server);
    const backup = execFileSync('ovsdb-client', ['backup', server.endpoint, schema.name]);
    const file = readDatabase(backup);
    expect(rowsIn(file)).toEqual(rowsOfDump(file, await server.dump(schema.name)));
  });

  test('killed while it wrote', async () => {
    tool('create', 'a.db', 'schema');
    const server = await start('a');
    await work(server);
    const writing = work(server, 1).catch(() => 'cut off');
    await new Promise((resolve) => setTimeout(resolve, 20));
    await server.stop('KILL');
    expect(await writing).toBe('cut off');
    copyFileSync(join(folder, 'a.db'), join(folder, 'b.db'));
    const again = await start('b');
    const file = read('a');
    expect(rowsIn(file)).toEqual(rowsOfDump(file, await again.dump(schema.name)));
  });

  test('cut off anywhere in its last record', async () => {
    tool('create', 'a.db', 'schema');
    const server = await start('a');
    await work(server);
    const before = await server.dump(schema.name);
    const size = readFileSync(join(folder, 'a.db')).length;
    await server.transact(schema.name, [{ op: 'insert', table: 'Net', row: { name: 'the last' } }]);
    const bytes = readFileSync(join(folder, 'a.db'));
    for (let length = size + 1; length < bytes.length; length += 7) {
      const file = readDatabase(bytes.subarray(0, length));
      expect(file.notes, `${length}`).toEqual([expect.stringContaining('the file ends within record')]);
      expect(rowsIn(file)).toEqual(rowsOfDump(file, before));
    }
    writeFileSync(join(folder, 'c.db'), bytes.subarray(0, size + 99));
    const restarted = await start('c');
    const file = read('c');
    expect(rowsIn(file)).toEqual(rowsOfDump(file, await restarted.dump(schema.name)));
  });
});

describe('clustered', () => {
  test('one server, then compacted, then written to again', async () => {
    tool('create-cluster', 'a.db', 'schema', 'unix:a.raft');
    const server = await start('a');
    await work(server);
    compare('a', await server.dump(schema.name), 'clustered');
    await server.control('ovsdb-server/compact');
    await work(server, 1);
    compare('a', await server.dump(schema.name), 'clustered-compacted');
  });

  test('three servers, each with its own copy', async () => {
    tool('create-cluster', 'a.db', 'schema', 'unix:a.raft');
    const leader = await start('a');
    for (const name of ['b', 'c']) {
      tool('join-cluster', `${name}.db`, schema.name, `unix:${name}.raft`, 'unix:a.raft');
      if (name === 'b') expect(() => read('b')).toThrow('has not joined its cluster yet');
      const follower = await start(name);
      await expect
        .poll(() => follower.control('cluster/status', schema.name), { timeout: 20_000 })
        .toContain('Status: cluster member');
    }
    await work(leader);
    const dump = await leader.dump(schema.name);
    for (const server of servers) {
      await expect.poll(() => server.dump(schema.name), { timeout: 20_000 }).toBe(dump);
    }
    compare('a', dump);
    compare('b', dump, 'clustered-follower');
    compare('c', dump);
    for (const name of ['b', 'c']) expect(rowsIn(read(name))).toEqual(rowsIn(read('a')));
    await servers[2]?.control('cluster/leave', schema.name);
    const hasLeft = [expect.stringContaining('has left the cluster')];
    await expect.poll(() => read('c').notes, { timeout: 20_000 }).toEqual(hasLeft);
    expect(rowsIn(read('c'))).toEqual(rowsIn(read('a')));
  });

  test('as a real tool makes it standalone', async () => {
    tool('create-cluster', 'a.db', 'schema', 'unix:a.raft');
    const server = await start('a');
    await work(server);
    await server.stop();
    tool('cluster-to-standalone', 'b.db', 'a.db');
    expect(rowsIn(read('b'))).toEqual(rowsIn(read('a')));
  });
});

test('differences from a default that has a member, as servers read them', async () => {
  for (const cluster of [false, true]) {
    const name = cluster ? 'a' : 'b';
    if (cluster) tool('create-cluster', 'a.db', 'schema', 'unix:a.raft');
    else tool('create', 'b.db', 'schema');
    const server = await start(name);
    const update = (networks: unknown) => [{ op: 'update', table: 'Net', where: [], row: { networks } }];
    await server.transact(schema.name, [{ op: 'insert', table: 'Net', row: { name: 'x' } }]);
    await server.transact(schema.name, update(['set', ['b', 'c']]));
    await server.transact(schema.name, update(['set', ['', 'c']]));
    await server.stop();
    const again = await start(name);
    compare(name, await again.dump(schema.name));
  }
});

test('a schema that changed while the database lived', async () => {
  for (const cluster of [false, true]) {
    const name = cluster ? 'a' : 'b';
    if (cluster) tool('create-cluster', 'a.db', 'schema', 'unix:a.raft');
    else tool('create', 'b.db', 'schema');
    const server = await start(name);
    await work(server);
    const { Net, ...others } = schema.tables;
    const { tags: _, ...columns } = Net.columns;
    const changed = {
      ...schema,
      version: '2.0.0',
      tables: { ...others, Net: { ...Net, columns: { ...columns, more: { type: 'string' } } } },
    };
    writeFileSync(join(folder, 'changed'), JSON.stringify(changed));
    execFileSync('ovsdb-client', ['convert', server.endpoint, join(folder, 'changed')]);
    const file = compare(name, await server.dump(schema.name));
    expect(file.schema.version).toBe('2.0.0');
    expect(file.tables.get('Net')?.places.has('more')).toBe(true);
    expect(file.tables.get('Net')?.places.has('tags')).toBe(false);
  }
});
