import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checksum } from '../../cli/database.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import { writeNorthbound } from '../../engine/ovsdb/write-databases.ts';
import type { NetworkDiff } from '../../sim/diff/index.ts';
import { type Answered, answerOf } from '../answer.ts';
import { twoNetworks } from '../networks.ts';
import { addAcl, logicalSwitch } from '../northd/topologies.ts';

const example = (name: string): string => fileURLToPath(new URL(`../../examples/${name}.yaml`, import.meta.url));

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lflow-diff-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const diff = (...args: string[]): Promise<Answered> => answerOf('diff', ...args);

/** An example with some of its text changed. */
function edited(name: string, from: string | RegExp, to: string): string {
  const text = readFileSync(example(name), 'utf8');
  const changed = text.replace(from, to);
  if (changed === text) throw new Error(`${name} has no ${from}`);
  const file = join(folder, `${name}.yaml`);
  writeFileSync(file, changed);
  return file;
}

/** A file with a northbound database. */
function database(name: string, nb: Northbound): string {
  const file = join(folder, name);
  writeFileSync(file, writeNorthbound(nb, checksum));
  return file;
}

test('networks that are separated no longer reach each other', async () => {
  const now = edited('two-networks', 'interNetworkAccess: true', 'interNetworkAccess: false');
  const { status, answer } = await diff(example('two-networks'), now, '--format', 'json');
  const { verdict, ports, changes, doubts }: NetworkDiff = JSON.parse(answer);
  expect({ status, verdict, ports, doubts }).toEqual({
    status: 1,
    verdict: 'changed',
    ports: { new: [], gone: [] },
    doubts: [],
  });
  const lines = changes.map(({ kind, from, to, traffic }) => `${kind} ${from} > ${to}: ${traffic.join('; ')}`);
  // What hosts send themselves comes first; then what only liars sent, whom a gateway's answer went to as to their victim.
  expect(lines.slice(0, 2).sort()).toEqual([
    'denied default/testnet1 > default/testnet2: any',
    'denied default/testnet2 > default/testnet1: any',
  ]);
  expect(lines.slice(2).sort()).toEqual([
    expect.stringMatching(/^denied default\/testnet1 > default\/testnet1: .*icmp from .* to 192\.188\.0\.1$/),
    expect.stringMatching(/^denied default\/testnet2 > default\/testnet2: .*icmp from .* to 192\.178\.0\.1$/),
  ]);
  expect(changes.map(({ obstacle }) => obstacle)).toEqual(
    changes.map(() => expect.stringContaining('a routing policy of default/testvpc (priority 1) drops it: 1')),
  );
});

test('a network that is no longer routed outside is denied the outside', async () => {
  const now = edited('single-vpc', /externallyRouted: true\n +masquerade: true/, 'externallyRouted: false');
  const { status, answer } = await diff(example('single-vpc'), now);
  expect(status).toBe(1);
  expect(answer).toMatch(/^CHANGED: 1 newly denied, 2 ports gone\.$/m);
  expect(answer).toMatch(/^Port that is gone: default\/testvpc@node-1\+external:localnet on outside \(physnet\)$/m);
  expect(answer).toMatch(
    /^Newly denied from default\/testnet1 to outside \(physnet\)\n {2}any to 1\.0\.0\.0-30\.30\.0\.1, /m,
  );
  expect(answer).toMatch(/^ {4}now: no route of default\/testvpc leads to 198\.51\.100\.10/m);
});

test('an ACL in a database is newly denied, and once it is gone newly allowed', async () => {
  const nb = twoNetworks();
  addAcl(nb, logicalSwitch(nb, 'blue'), 'to-lport', 1001, 'ip4.src == 10.0.0.11 && tcp.dst == 22', 'drop');
  const [plain, guarded] = [database('plain.db', twoNetworks()), database('guarded.db', nb)];
  const denied = await diff(plain, guarded);
  expect(denied.status).toBe(1);
  expect(denied.answer).toMatch(/^Newly denied from red to blue\n {2}tcp\/22 from 10\.0\.0\.11$/m);
  const allowed = await diff(guarded, plain, '--format', 'json');
  const { changes }: NetworkDiff = JSON.parse(allowed.answer);
  expect(changes.every(({ kind }) => kind === 'allowed')).toBe(true);
});

test('the same twice is no change', async () => {
  const { status, answer } = await diff(example('two-tenants'), example('two-tenants'));
  expect({ status, answer }).toEqual({ status: 0, answer: expect.stringMatching(/^NOTHING CHANGED: /) });
});

describe('is refused with status 2:', () => {
  test('an input that is not there', async () => {
    const { status, said } = await diff(example('single-vpc'), join(folder, 'nothing'));
    expect({ status, said }).toEqual({ status: 2, said: expect.stringContaining('no such file or directory') });
  });

  test('manifests with mistakes', async () => {
    const { status, said } = await diff(example('broken/vpc-not-found'), example('single-vpc'));
    expect({ status, said }).toEqual({ status: 2, said: expect.stringContaining('vpc-not-found.yaml:') });
  });

  test('standard input for both', async () => {
    const { status, said } = await diff('-', '-');
    expect({ status, said }).toEqual({ status: 2, said: 'lflow: only one of OLD and NEW can be standard input\n' });
  });

  test('one input alone', async () => {
    expect((await diff(example('single-vpc'))).status).toBe(2);
  });
});
