import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { formatProblem } from '../../engine/origin.ts';
import { readManifests } from '../../engine/spec/read.ts';
import type { SpecProblem } from '../../engine/spec/resources.ts';

const folder = new URL('../../examples/broken/', import.meta.url);
const names = readdirSync(folder).sort();
const files = names.map((file) => ({ file, text: readFileSync(new URL(file, folder), 'utf8') }));

/** Examples whose complaint has the name of a wider class. */
const widerIds: Record<string, string> = {
  'subnet-not-ipv4': 'subnet-invalid',
  'wrong-type-text': 'wrong-type',
  'yaml-alias-bomb': 'yaml-alias',
  'yaml-tab': 'yaml-syntax',
};

const alone = new Map(files.map((file) => [file.file, readManifests([file]).problems]));

test('what is said of each broken example', async () => {
  const lines = [...alone.values()].flat().map((problem) => `${formatProblem(problem)}  [${problem.id}]`);
  // Renew it with `npx vitest run test/spec/broken.test.ts --update`, and read the difference.
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('broken.txt');
});

test.each(names)('%s is complained of for what it is named after, and for nothing else', (file) => {
  const stem = file.replace('.yaml', '');
  const problems = alone.get(file) ?? [];
  expect(new Set(problems.map(({ id }) => id))).toEqual(new Set([widerIds[stem] ?? stem]));
  for (const { severity, hint } of problems) expect(severity === 'note' || hint).toBeTruthy();
});

test('read together, all keep their complaints and none gets another', () => {
  const keys = (problems: SpecProblem[]) =>
    problems.map(({ file, line, column, id }) => `${file}:${line}:${column} ${id}`);
  const together = keys(readManifests(files).problems);
  const expected = keys([...alone.values()].flat()).filter((key) => !key.endsWith('nothing-to-read'));
  expect(together.sort()).toEqual(expected.sort());
});

test('there is an example for every complaint that a manifest can cause', () => {
  const source = new URL('../../engine/spec/', import.meta.url);
  const written = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [...readFileSync(new URL(file, source), 'utf8').matchAll(/\bid: '([a-z-]+)'/g)])
    .map(([, id]) => id);
  // Too large or no text at all, no example of either being worth its place; not of one version; never seen.
  const without = [
    'file-too-large',
    'not-text',
    'immutable-field',
    'invalid-annotation',
    'wrong-value',
    'isolation-class-assumed',
  ];
  const shown = [...alone.values()].flat().map(({ id }) => id);
  expect(written.length).toBeGreaterThan(50);
  expect(written.filter((id) => ![...shown, ...without].includes(id))).toEqual([]);
});
