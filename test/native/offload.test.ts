/** The lists of sources of the addon that needs DPDK are right, and where it was not built that is said. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const project = fileURLToPath(new URL('../..', import.meta.url));

test('every source of native/offload is in a list of the build', () => {
  const lists: Record<string, string[]> = JSON.parse(
    readFileSync(join(project, 'native/offload/sources.json'), 'utf8'),
  );
  const listed = Object.values(lists).flat();
  for (const source of listed) expect(existsSync(join(project, source)), source).toBe(true);
  const sources = ['native/offload', 'native/test'].flatMap((folder) =>
    readdirSync(join(project, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.cc'))
      .map((name) => `${folder}/${name}`),
  );
  expect(sources.filter((name) => !listed.includes(name))).toEqual([]);
});

const copy = mkdtempSync(join(tmpdir(), 'lflow-offload-copy-'));
afterAll(() => rmSync(copy, { recursive: true }));

test('a package whose addon was not built says so, and how to build it', () => {
  cpSync(join(project, 'dist/native'), join(copy, 'dist/native'), { recursive: true });
  writeFileSync(
    join(copy, 'package.json'),
    JSON.stringify({ type: 'module', imports: { '#offload': './build/dpdk/Release/lflow-offload.node' } }),
  );
  const index = JSON.stringify(pathToFileURL(join(copy, 'dist/native/offload/index.js')).href);
  const script = `import { openDevice } from ${index};
    await openDevice({ kind: 'emulated', ports: ['p0'] }).catch((error) => console.log(error.message));`;
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  expect(said).toMatch(/^the addon for rules in hardware does not load: .*npm run build:dpdk$/m);
});
