/** Every built-in property has a page, every example a property, and every link in the pages leads somewhere. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { pairs } from './pairs.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = join(root, 'docs/properties');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

const index = read('docs/properties/README.md');
/** The ids of the tables, with the severity that stands there. */
const listed = new Map(
  [...index.matchAll(/^\| \[([a-z-]+)\]\(\1\.md\) \| .+ \| (\w+) \|$/gm)].map((row) => [row[1], row[2]]),
);
const ids = readdirSync(folder)
  .filter((name) => name.endsWith('.md') && name !== 'README.md')
  .map((name) => name.slice(0, -3));

test('the tables have every page', () => {
  expect(ids.length).toBeGreaterThan(20);
  expect([...listed.keys()].sort()).toEqual([...ids].sort());
});

/** Targets of the links in a page, without those that leave the project. */
const linksIn = (text: string): string[] =>
  [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target).filter((target) => !/^https?:/.test(target));

/** Anchors of a page, as they are made of its headings. */
const anchorsIn = (text: string): string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );

function deadLinks(file: string): string[] {
  return linksIn(read(file)).filter((target) => {
    const [path = '', anchor] = target.split('#');
    const file2 = path === '' ? file : join(dirname(file), path);
    if (!existsSync(join(root, file2))) return true;
    return anchor !== undefined && !anchorsIn(read(file2)).includes(anchor);
  });
}

/** What is broken by other rows than a manifest's, or by flows alone: no pair of northbound databases shows it. */
const ofManifests = new Set(['network-reachability']);

describe.each(ids)('%s', (id) => {
  const file = `docs/properties/${id}.md`;
  const text = read(file);

  test('has all its parts', () => {
    const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual([
      id,
      'What is promised',
      'What violates it',
      'How it is proven',
      'Examples',
      'When it fails',
      'Exceptions',
    ]);
    expect(text).toContain(`\n| severity | ${listed.get(id)} |\n`);
  });

  test('its commands name files that exist, and one of them a pair that is about it', () => {
    const files = [...text.matchAll(/^lflow verify (.+)$/gm)].flatMap(([, words = '']) =>
      words.split(' ').filter((word) => word.startsWith('examples/')),
    );
    expect(files.filter((name) => !existsSync(join(root, name)))).toEqual([]);
    expect(files).not.toEqual([]);
    if (ofManifests.has(id)) return;
    const about = pairs.filter(({ expected }) => expected.property === id);
    const shown = about.filter((pair) => files.includes(`examples/${pair.name}/${pair.bad}.db`));
    expect(shown).not.toEqual([]);
  });
});

test.each(['README', ...ids].map((id) => `docs/properties/${id}.md`))('the links of %s', (file) => {
  expect(deadLinks(file)).toEqual([]);
});

describe.each(pairs.filter(({ name }) => name.startsWith('field/')))('$name', ({ name, folder: place, expected }) => {
  test('tells where it was told, what catches it, and stands in the table', () => {
    const text = read(`examples/${name}/README.md`);
    expect(deadLinks(`examples/${name}/README.md`)).toEqual([]);
    for (const thread of expected.threads ?? ['no thread']) expect(text).toContain(`<${thread}>`);
    expect(text).toContain(`](../../../docs/properties/${expected.property}.md)`);
    expect(text.includes('--policy ')).toBe(existsSync(join(place, 'policy.yaml')));
    expect(index).toContain(`](../../examples/${name}/README.md)`);
  });
});

test('a pair is about a property that has a page', () => {
  expect(pairs.map(({ expected }) => expected.property).filter((id) => !ids.includes(id))).toEqual([]);
});
