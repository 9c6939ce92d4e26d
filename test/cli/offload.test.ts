/** `lflow offload` where rules cannot get into hardware: a machine without DPDK. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const project = fileURLToPath(new URL('../..', import.meta.url));

/** The package as it is where `npm run build:dpdk` was not run. */
const bare = mkdtempSync(join(tmpdir(), 'lflow-bare-'));
afterAll(() => rmSync(bare, { recursive: true }));
for (const name of ['dist', 'build/asm', 'package.json'])
  cpSync(join(project, name), join(bare, name), { recursive: true });
symlinkSync(join(project, 'node_modules'), join(bare, 'node_modules'));
const rules = join(bare, 'rules.json');
writeFileSync(rules, JSON.stringify({ node: 'worker1', device: 'bluefield-3-doca-hws', rules: [] }));

const network = join(project, 'examples/offload/arp/network.db');

test.each([
  ['dump'],
  ['diff', network, '--node', 'worker1', '--rules', rules],
  ['apply', network, '--node', 'worker1', '--rules', rules, '--force', 'a test'],
])('%s says what to install', (...args) => {
  const main = join(bare, 'dist/cli/main.js');
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    [main, 'offload', ...args, '--socket', join(bare, 'none')],
    { encoding: 'utf8' },
  );
  expect(stderr).toMatch(
    /^lflow: no device answers at .*none: .*; lflow-device was not built on this machine: install libdpdk-dev, cmake and pkg-config, then npm run build:dpdk \(docs\/offload\/binding\.md\)$/m,
  );
  expect([status, stdout]).toEqual([2, '']);
});
