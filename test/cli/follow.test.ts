/** A network whose files change is what it is when it is read for the first time. LFLOW_SEED and LFLOW_RUNS (10). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { checksum } from '../../cli/database.ts';
import { type Follower, openFollower, openFollowing } from '../../cli/follow.ts';
import type { Sources } from '../../cli/input.ts';
import type { LoadedNetwork } from '../../cli/topology.ts';
import { computeTables } from '../../engine/northd/index.ts';
import { InputError } from '../../engine/origin.ts';
import { notedRows } from '../../engine/ovsdb/datapath-rows.ts';
import { emptyNorthbound } from '../../engine/ovsdb/northbound.ts';
import { writeNorthbound, writeSouthbound } from '../../engine/ovsdb/write-databases.ts';
import { isSame } from '../../engine/same.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { network, node, vf, vpc } from '../topology.ts';

const { seed, runs } = seedAndRuns(10);

/** Notes about the manifests are nobody's here. */
const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
afterAll(() => stderr.mockRestore());

const yaml = (documents: readonly object[]): string => documents.map((one) => stringify(one)).join('---\n');

const sourcesOf = (files: Readonly<Record<string, string>>): Sources => ({
  manifests: Object.entries(files).map(([file, text]) => ({ file, text })),
  databases: [],
  unread: [],
});

const tenant = (name: string, interfaces: readonly number[]): string =>
  yaml([
    vpc(name),
    node(`node-${name}`, name),
    network(`${name}net`, name, '10.0.0.0/24'),
    ...interfaces.map((id) => vf(`${name}net`, id)),
  ]);

/** All that a network says, where rows of one table may stand in any order. */
const said = ({ southbound, northbound, plans }: LoadedNetwork): unknown => ({
  southbound: { ...southbound, origins: new Map([...southbound.origins].sort()) },
  northbound: Object.entries(northbound ?? {}).map(([table, rows]) => [
    table,
    new Map([...(rows as Map<string, object>)].sort(([a], [b]) => (a < b ? -1 : 1))),
  ]),
  plans,
});

const expectRead = (follower: Follower, sources: Sources): LoadedNetwork => {
  const network = follower.loadFrom(sources);
  // What functions are in plans, which find places, says nothing.
  expect(isSame(said(network), said(openFollower().loadFrom(sources)))).toBe(true);
  return network;
};

const interfaces = fc.uniqueArray(fc.nat(5), { maxLength: 4 });

test('after any changes of files, the network is what one reads who reads it for the first time', () => {
  const steps = fc.array(fc.record({ red: interfaces, blue: interfaces, isOneFile: fc.boolean() }), {
    minLength: 2,
    maxLength: 5,
  });
  fc.assert(
    fc.property(steps, (all) => {
      const follower = openFollower();
      for (const { red, blue, isOneFile } of all) {
        const [one, other] = [tenant('red', red), tenant('blue', blue)];
        expectRead(
          follower,
          sourcesOf(isOneFile ? { 'all.yaml': `${one}---\n${other}` } : { 'red.yaml': one, 'blue.yaml': other }),
        );
      }
    }),
    { seed, numRuns: runs },
  );
});

test('what did not change stays the very object, also where it is written down elsewhere', () => {
  const follower = openFollower();
  const rowsOf = ({ southbound }: LoadedNetwork) =>
    new Map(notedRows(southbound)?.map((rows) => [rows.binding.name, rows]));
  const before = expectRead(follower, sourcesOf({ 'red.yaml': tenant('red', [0]), 'blue.yaml': tenant('blue', [0]) }));
  const after = expectRead(
    follower,
    sourcesOf({ 'red.yaml': tenant('red', [0, 1]), 'blue.yaml': `# blue\n${tenant('blue', [0])}` }),
  );
  const [old, fresh] = [rowsOf(before), rowsOf(after)];
  expect(fresh.get('default/bluenet')).toBeDefined();
  expect(fresh.get('default/bluenet')).toBe(old.get('default/bluenet'));
  expect(fresh.get('default/rednet')).not.toBe(old.get('default/rednet'));
  expect(after.northbound?.DHCP_Options).not.toBe(before.northbound?.DHCP_Options);
  expect(after.northbound?.NB_Global).toBe(before.northbound?.NB_Global);
});

test('a northbound database that changes is followed, and a southbound one is taken as it is', () => {
  const worlds = [[0], [0, 1]].map((ids) =>
    openFollower().loadFrom(sourcesOf({ 'all.yaml': `${tenant('red', ids)}---\n${tenant('blue', [0])}` })),
  );
  const databases = (bytes: Uint8Array): Sources => ({
    manifests: [],
    databases: [{ file: 'x.db', bytes }],
    unread: [],
  });
  const follower = openFollower();
  const [before, after] = worlds.map(({ northbound }) =>
    expectRead(follower, databases(writeNorthbound(northbound ?? emptyNorthbound(), checksum))),
  );
  const switchOf = (network: LoadedNetwork | undefined, name: string) =>
    [...(network?.northbound?.Logical_Switch.values() ?? [])].find((row) => row.name === name);
  expect(switchOf(before, 'default/bluenet')).toBeDefined();
  expect(switchOf(after, 'default/bluenet')).toBe(switchOf(before, 'default/bluenet'));
  expect(switchOf(after, 'default/rednet')).not.toBe(switchOf(before, 'default/rednet'));
  const tables = computeTables(before?.northbound ?? emptyNorthbound()).tables;
  const southbound = follower.loadFrom(databases(writeSouthbound(tables, checksum)));
  expect(southbound.northbound).toBeUndefined();
  expect(southbound.southbound.flows).toHaveLength(before?.southbound.flows.length ?? 0);
});

test('several networks are followed, each by itself', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lflow-follow-'));
  try {
    const files = (['red', 'blue'] as const).map((name) => {
      const file = join(folder, `${name}.yaml`);
      writeFileSync(file, tenant(name, [0]));
      return file;
    });
    const load = openFollowing();
    const before = await Promise.all(files.map((file) => load([file])));
    const after = await Promise.all(files.map((file) => load([file])));
    for (const [index, { northbound }] of after.entries()) {
      expect(northbound).toBeDefined();
      expect(northbound?.Logical_Switch).toBe(before[index]?.northbound?.Logical_Switch);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('what cannot be read is told, and what comes then follows what was there before', () => {
  const follower = openFollower();
  const before = follower.loadFrom(sourcesOf({ 'red.yaml': tenant('red', [0]) }));
  for (const text of ['kind: [', yaml([vpc('red', { isolationClassName: 'nobody' })])]) {
    expect(() => follower.loadFrom(sourcesOf({ 'red.yaml': text }))).toThrow(InputError);
  }
  const after = expectRead(follower, sourcesOf({ 'red.yaml': tenant('red', [0]) }));
  expect(after.northbound?.Logical_Switch).toBe(before.northbound?.Logical_Switch);
});
