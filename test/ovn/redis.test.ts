/** A real Redis server (Debian's), and workers that are processes of their own: one of them is lost half-way. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { redisRunner } from '../../cli/runners/redis.ts';
import { openVerifier, verifyNetwork } from '../../sim/verifier.ts';
import { cheap, said, twoVpcs } from '../sim/jobs/subjects.ts';

const lflow = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'lflow-redis-'));
const port = 20_000 + (process.pid % 20_000);
const url = `redis://127.0.0.1:${port}`;
const children: ChildProcess[] = [];

/** Starts a program; resolves when it has said what it says when it is ready. */
function started(command: string, args: string[], ready: RegExp): Promise<ChildProcess> {
  const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  return new Promise((resolve, reject) => {
    let heard = '';
    const listen = (chunk: Buffer): void => {
      heard += chunk.toString();
      if (ready.test(heard)) resolve(child);
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.on('error', reject);
    child.on('exit', () => reject(new Error(`${command} ended: ${heard}`)));
  });
}

const worker = (): Promise<ChildProcess> =>
  started(process.execPath, [lflow, 'worker', '--redis', url, '--concurrency', '1'], /at once/);

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => {
    child.once('exit', resolve);
  });

beforeAll(async () => {
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  await started('redis-server', args, /eady to accept connections/);
});

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

const verifiedThere = (patience?: number, onProgress?: (what: string) => void) =>
  openVerifier({ properties: cheap }).verifyBy(
    redisRunner({ url, ...(patience !== undefined && { patience }), ...(onProgress && { onProgress }) }),
    twoVpcs(2),
  );

test('without a worker it is told how to start one', async () => {
  await expect(verifiedThere(2)).rejects.toThrow(
    /^no worker was at the Redis server redis:\/\/127\.0\.0\.1:\d+ for 2 seconds; start one with "lflow worker --redis .*", or give --workers/,
  );
});

test('no server is told as such', async () => {
  const runner = redisRunner({ url: 'redis://127.0.0.1:1' });
  await expect(openVerifier({ properties: cheap }).verifyBy(runner, twoVpcs(2))).rejects.toThrow(
    /^the Redis server at redis:\/\/127\.0\.0\.1:1 cannot be used: /,
  );
  const other = redisRunner({ url: 'http://user:secret@host' });
  await expect(openVerifier({ properties: cheap }).verifyBy(other, twoVpcs(2))).rejects.toThrow(
    /^http:\/\/host is no address of a Redis server; one is redis:\/\/HOST:PORT$/,
  );
});

test('three workers, of which the one that works is killed, find what is found here', async () => {
  const expected = said(verifyNetwork(twoVpcs(2), { properties: cheap }));
  // Alone it takes the first job; the others come when it is gone, and take over what it had.
  const first = await worker();
  const there = verifiedThere(60);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  first.removeAllListeners('exit');
  first.kill('SIGKILL');
  const others = await Promise.all([worker(), worker()]);
  expect(said(await there)).toEqual(expected);

  for (const one of others) {
    one.removeAllListeners('exit');
    const end = ended(one);
    one.kill('SIGTERM');
    expect(await end).toBe(0);
  }
});
