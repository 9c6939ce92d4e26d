import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../../cli/program.ts';
import { type Answered, answerOf } from '../answer.ts';

const example = fileURLToPath(new URL('../../examples/two-tenants.yaml', import.meta.url));

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lflow-nb-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const nb = (...args: string[]): Promise<Answered> => answerOf('nb', ...args);

test('shows switches and routers', async () => {
  const { status, answer } = await nb(example);
  expect(status).toBe(0);
  expect(answer).toMatch(/^switch [0-9a-f-]{36} \(default\/bluenet\)$/m);
  expect(answer).toMatch(/^router [0-9a-f-]{36} \(default\/bluevpc\)$/m);
  expect(answer).toMatch(/^ {4}nat [0-9a-f-]{36}$/m);
});

test('JSON leads back to the manifests', async () => {
  const { status, answer } = await nb(example, '--format', 'json');
  expect(status).toBe(0);
  const switches: { name: string; origin: { file: string; line: number } }[] = JSON.parse(answer).Logical_Switch;
  const { origin } = switches.find(({ name }) => name === 'default/bluenet') ?? {};
  expect(origin?.file).toBe(example);
  const lines = readFileSync(example, 'utf8').split('\n');
  expect(lines.slice((origin?.line ?? 0) - 1, (origin?.line ?? 0) + 3).join('\n')).toContain('name: bluenet');
});

test('the script is one that a shell can read', async () => {
  const { status, answer } = await nb(example, '--format', 'nbctl');
  expect(status).toBe(0);
  expect(answer).toContain('create Logical_Switch name=default/bluenet');
  execFileSync('sh', ['-n'], { input: answer });
});

test('a database file is one, of the same rows', async () => {
  const file = join(folder, 'nb.db');
  expect(await run(['nb', example, '--format', 'ovsdb', '-o', file])).toBe(0);
  expect(readFileSync(file, 'latin1')).toMatch(/^OVSDB JSON /);
  const rows = async (input: string) =>
    JSON.parse((await nb(input, '--format', 'json')).answer, (key, value) => (key === 'origin' ? undefined : value));
  expect(await rows(file)).toEqual(await rows(example));
});

test('the same manifests, the same bytes', async () => {
  for (const format of ['show', 'json', 'nbctl', 'ovsdb']) {
    const [one, other] = [await nb(example, '--format', format), await nb(example, '--format', format)];
    expect(one.answer).toBe(other.answer);
  }
});

test('what no database can hold ends in a sentence', async () => {
  const odd = join(folder, 'odd.yaml');
  writeFileSync(odd, readFileSync(example, 'utf8').replace(/tenant: \w+/, 'tenant: "a\\0b"'));
  const { status, said } = await nb(odd, '--format', 'nbctl');
  expect(status).toBe(2);
  expect(said).toMatch(/\\u0000/);
  expect(said).not.toMatch(/internal error|\n\s+at /);
});

test('input that is wrong is refused', async () => {
  const { status, said } = await nb(join(folder, 'missing.yaml'));
  expect(status).toBe(2);
  expect(said).toContain('missing.yaml');
});
