import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { run } from '../../cli/program.ts';
import { writeCapture } from '../../engine/capture/index.ts';
import { whoHas } from '../oracle/frames.ts';

const example = fileURLToPath(new URL('../../examples/isolated-networks.yaml', import.meta.url));
const front = 'default/frontnet-vf2@node-1';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lflow-bench-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function bench(...args: string[]) {
  const file = join(folder, 'answer');
  let said = '';
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += text;
    return true;
  });
  const status = await run(['bench', ...args, '--seconds', '0.02', '-o', file]);
  stderr.mockRestore();
  return { status, said, answer: status === 0 ? readFileSync(file, 'utf8') : '' };
}

test("a network's own traffic: only what may pass, by connections that are established", async () => {
  const { status, answer } = await bench(example, '--node', 'node-1', '--format', 'json');
  expect(status).toBe(0);
  const result = JSON.parse(answer);
  // Networks that must not reach each other talk to the world outside alone, and one not even to that.
  expect(result.conversations).toEqual({ local: 0, outside: 1000 });
  expect(result.frames).toBe(2000);
  expect(result.mpps).toBeCloseTo(result.packets / result.seconds / 1e6);
  expect(result.delivered).toBe(result.packets);
  expect(result.dropped).toBe(0);
  expect(result.caches.misses).toBe(0);
  expect(result.caches.connections).toBe(result.packets);
  expect(result.connectionsPerSecond).toBeGreaterThan(0);
  expect(result.missCost).toBeGreaterThan(0);
  const { p50, p90, p99, p999, max } = result.latency;
  expect([p50, p90, p99, p999, max]).toEqual([p50, p90, p99, p999, max].toSorted((a, b) => a - b));
  expect(result.byFrames.map(({ frames }: { frames: number }) => frames)).toEqual([1, 10, 100, 1000, 2000]);
});

test('for a person', async () => {
  const { answer } = await bench(example, '--node', 'node-2');
  expect(answer).toMatch(
    /^Node node-2: 0 conversations between interfaces, 1000 with the world outside\n\npackets .* in .* s\nspeed +[\d.]+ Mpps$/m,
  );
  expect(answer).toMatch(/^delivered +100\.0%$/m);
});

test('frames of captures, which are tracked by nobody', async () => {
  const file = join(folder, 'in.pcap');
  const bytes = whoHas({ mac: '02:a0:60:4e:d2:61', ip: '10.100.0.2' }, '10.100.0.1');
  writeFileSync(file, writeCapture([{ bytes, timestamp: 1n }]));
  const { answer } = await bench(example, '--node', 'node-1', '--port', `${front}=${file}`, '--format', 'json');
  const result = JSON.parse(answer);
  expect(result.conversations).toBeUndefined();
  expect(result.frames).toBe(1);
  expect(result.delivered).toBe(result.packets);
  expect(result.caches.megaflows).toBe(result.packets);
  expect('connectionsPerSecond' in result).toBe(false);
});

test('a plot', async () => {
  const { answer } = await bench(example, '--node', 'node-1', '--format', 'svg');
  expect(answer).toMatch(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  for (const text of [
    'frames',
    'Mpps',
    'microseconds',
    'Time for a batch of 32',
    '1 k',
    'one batch of so many takes longer',
  ]) {
    expect(answer).toContain(`>${text}<`);
  }
  expect(answer.match(/<polyline points="/g)).toHaveLength(2);
  expect(answer).not.toContain('NaN');
  expect(answer.endsWith('</svg>\n')).toBe(true);
});

test.each([
  ['no seconds', ['--node', 'node-1', '--seconds', '0'], /--seconds 0: give a number of seconds/],
  ['several nodes', [], /say which node with --node: the nodes are "node-1", "node-2"/],
  ['a port that is not there', ['--node', 'node-1', '--port', 'x=y'], /there is no port "x" on node "node-1"/],
])('%s', async (_, args, sentence) => {
  const { status, said } = await bench(example, ...args);
  expect(status).toBe(2);
  expect(said).toMatch(sentence);
});

test('a capture without frames', async () => {
  const file = join(folder, 'empty.pcap');
  writeFileSync(file, writeCapture([]));
  const { status, said } = await bench(example, '--node', 'node-1', '--port', `${front}=${file}`);
  expect(status).toBe(2);
  expect(said).toContain('empty.pcap has no frames');
});
