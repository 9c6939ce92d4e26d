/** The sources keep to the rules of docs/architecture.md, and each rule notices when it is broken. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { complaints, importsOf } from './structure/rules.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const folders = ['asm', 'engine', 'sim', 'native', 'cli', 'web', 'bench', 'scripts', 'test'];

function readSources(): Map<string, string> {
  const present = readdirSync(root, { withFileTypes: true });
  const inFolders = present
    .filter((entry) => entry.isDirectory() && folders.includes(entry.name))
    .flatMap((entry) =>
      readdirSync(join(root, entry.name), { recursive: true, encoding: 'utf8' }).map((path) => `${entry.name}/${path}`),
    );
  const files = [...present.map((entry) => entry.name), ...inFolders].filter((path) =>
    /\.(ts|tsx|js|cc|h)$/.test(path),
  );
  return new Map(files.sort().map((file) => [file, readFileSync(join(root, file), 'utf8')]));
}

test('the sources are as they should be', () => {
  const sources = readSources();
  expect(sources.has('engine/origin.ts') && sources.has('index.ts')).toBe(true);
  expect(complaints(sources)).toEqual([]);
});

describe('importsOf', () => {
  test('finds every form of import, over lines too, and resolves it', () => {
    const text = `
      import a, { b } from './a.ts';
      import type { C } from "../c.ts";
      export * from './d/e.ts';
      export {
        f,
      } from '../../engine/f.ts';
      import '#asm';
      import './g.ts';
      const h = await import('./h.ts');
      import fs from 'node:fs';
      // import no from './comment.ts';
      /* import no from './comment.ts'; */
    `;
    expect(importsOf('sim/x/y.ts', text).sort()).toEqual(
      [
        'sim/x/a.ts',
        'sim/c.ts',
        'sim/x/d/e.ts',
        'engine/f.ts',
        'asm/index.ts',
        'sim/x/g.ts',
        'sim/x/h.ts',
        'node:fs',
      ].sort(),
    );
  });
});

describe('a planted violation is noticed:', () => {
  const planted = (files: Record<string, string>) => complaints(new Map(Object.entries(files)));

  test.each([
    ['engine/a.ts', "import { b } from '../sim/b.ts';"],
    ['engine/a.ts', "export { b } from '../cli/b.ts';"],
    ['sim/trace/a.ts', "import { b } from '../../cli/b.ts';"],
    ['sim/a.ts', "import { b } from '../native/index.ts';"],
    ['native/a.ts', "import type { b } from '../engine/b.ts';"],
    ['asm/a.ts', "import { b } from '../engine/b';"],
    ['index.ts', "export { b } from './cli/b.ts';"],
    ['engine/a.ts', "const b = await import('../sim/b.ts');"],
    ['engine/a.ts', "import { b } from '../../elsewhere/b.ts';"],
  ])('%s with %s', (file, text) => {
    expect(planted({ [file]: text })).toHaveLength(1);
  });

  test.each(["import { readFile } from 'node:fs';", "import path from 'path';"])('%s under engine and sim', (text) => {
    expect(planted({ 'engine/vpc/a.ts': text })).toHaveLength(1);
    expect(planted({ 'sim/a.ts': text })).toHaveLength(1);
    expect(planted({ 'engine/ovsdb/a.ts': text, 'engine/node/a.ts': text, 'cli/a.ts': text })).toEqual([]);
  });

  test('files in a circle', () => {
    const found = planted({
      'engine/a.ts': "import './b.ts';",
      'engine/b.ts': "import './c.ts';",
      'engine/c.ts': "import './a.ts';",
    });
    expect(found).toContain('a circle: engine/a.ts -> engine/b.ts -> engine/c.ts -> engine/a.ts');
  });

  test('files in a circle of types are in none, modules are', () => {
    const text = "import type { B } from './b.ts';";
    expect(planted({ 'engine/vpc/a.ts': text, 'engine/vpc/b.ts': "import { a } from './a.ts';" })).toEqual([]);
    expect(
      planted({
        'engine/vpc/a.ts': "import type { B } from '../spec/b.ts';",
        'engine/spec/b.ts': "import { a } from '../vpc/a.ts';",
      }),
    ).toEqual(['a circle: engine/vpc -> engine/spec -> engine/vpc']);
  });

  test('modules in a circle whose files are in none', () => {
    const found = planted({
      'engine/vpc/a.ts': "import '../spec/b.ts';",
      'engine/vpc/c.ts': '',
      'engine/spec/b.ts': '',
      'engine/spec/d.ts': "import '../vpc/c.ts';",
    });
    expect(found).toEqual(['a circle: engine/vpc -> engine/spec -> engine/vpc']);
  });

  test('a file too long, unless a program wrote it', () => {
    const long = 'x\n'.repeat(700);
    expect(planted({ 'cli/a.ts': long })).toHaveLength(1);
    expect(planted({ 'cli/a.ts': `/** Generated from b. */\n${long}` })).toEqual([]);
  });

  test.each([`// TO${'DO: x'}`, `// FIX${'ME'}`, `// @ts-${'ignore'}`, `// biome-${'ignore'} x`, `x as ${'any'};`])(
    '%s',
    (text) => {
      expect(planted({ 'test/a.ts': `\n${text}` })).toEqual([expect.stringMatching(/^test\/a\.ts:2: has /)]);
    },
  );

  test('and what is right is not', () => {
    expect(
      planted({
        'index.ts': "export { a } from './engine/a.ts';",
        'cli/a.ts': "import '../native/index.ts'; import { a } from '../sim/a.ts';",
        'sim/a.ts': "import { a } from '../engine/a.ts';",
        'engine/a.ts': "import { wasm } from '#asm'; import yaml from 'yaml';",
        'asm/index.ts': "export { x } from './bytes';",
        'asm/bytes.ts': '',
        'native/index.ts': "import { readFile } from 'node:fs';",
      }),
    ).toEqual([]);
  });
});
