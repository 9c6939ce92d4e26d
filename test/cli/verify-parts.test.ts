/** `lflow verify` with threads, and when files change. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { run } from '../../cli/program.ts';
import { cheapIds, twoVpcManifests } from '../sim/jobs/subjects.ts';

const lflow = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'lflow-parts-'));
const manifests = join(folder, 'vpcs.yaml');
const policy = join(folder, 'policy.yaml');
afterAll(() => rmSync(folder, { recursive: true }));

const write = (interfaces: number): void =>
  writeFileSync(
    manifests,
    twoVpcManifests(interfaces)
      .map((one) => stringify(one))
      .join('---\n'),
  );

async function complaint(...args: string[]): Promise<string> {
  let said = '';
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += text;
    return true;
  });
  const status = await run(['verify', ...args]);
  stderr.mockRestore();
  expect(status).toBe(2);
  return said;
}

test('options that make no sense are refused with a sentence', async () => {
  write(1);
  expect(await complaint(manifests, '--workers', '0')).toMatch(/It is to be a whole number from 1 to 1024/);
  expect(await complaint(manifests, '--watch', '--format', 'json')).toMatch(
    /--watch shows what changes as text, on standard output; leave out --format and -o/,
  );
  expect(await complaint('-', '--watch')).toMatch(/- cannot be watched: .*; --watch is for files and folders/);
  expect(await complaint(manifests, '--redis', 'localhost')).toMatch(/localhost is no address of a Redis server/);
});

test('what changes is told when a file does, and what cannot be read is waited for', { timeout: 240_000 }, async () => {
  write(1);
  writeFileSync(policy, `lflow: 1\nbuiltin: { enable: [${cheapIds.join(', ')}] }\n`);
  const child = spawn(process.execPath, [lflow, 'verify', manifests, '--policy', policy, '--watch', '--workers', '2']);
  let said = '';
  const until = (what: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (what.test(said)) resolve();
      };
      child.stdout.on('data', look);
      child.stderr.on('data', look);
      child.once('exit', () => reject(new Error(`it ended: ${said}`)));
      look();
    });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
  }
  try {
    await until(/^HOLDS/m);
    writeFileSync(manifests, 'kind: [');
    await until(/vpcs\.yaml:1:\d+: /);
    write(2);
    await until(/ {2}holds: 1 of 2 parts verified again in \d+ ms\n/);
    writeFileSync(policy, 'lflow: 1\nbuiltin: { enable: none }\n');
    await until(/policy\.yaml:2:\d+: /);
    writeFileSync(policy, `lflow: 1\nbuiltin: { enable: [${cheapIds.slice(1).join(', ')}] }\n`);
    await until(/ {2}holds: 2 of 2 parts verified again in \d+ ms\n/);
  } finally {
    child.removeAllListeners('exit');
    child.kill('SIGKILL');
  }
});
