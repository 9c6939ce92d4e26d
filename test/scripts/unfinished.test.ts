import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'lflow-unfinished-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What is said of a report with these files, by their names, with what became of their tests. */
function saidOf(files: Record<string, readonly string[]>): { status: number | null; stdout: string } {
  const testResults = Object.entries(files).map(([name, statuses]) => ({
    name,
    status: statuses.includes('failed') ? 'failed' : 'passed',
    assertionResults: statuses.map((status) => ({ status })),
  }));
  const numFailedTests = Object.values(files)
    .flat()
    .filter((one) => one === 'failed').length;
  const report = join(folder, 'report.json');
  writeFileSync(report, JSON.stringify({ numFailedTests, testResults }));
  const { status, stdout } = spawnSync('node', ['scripts/unfinished.js', report], { encoding: 'utf8' });
  return { status, stdout };
}

test('a file of which tests have no result is to run again, and so is one that has none at all', () => {
  const files = { 'a.test.ts': ['passed', 'pending'], 'b.test.ts': ['passed', 'skipped'], 'c.test.ts': [] };
  expect(saidOf(files)).toEqual({ status: 0, stdout: 'a.test.ts\nc.test.ts\n' });
});

test('nothing runs again where a test failed, or where all have their results', () => {
  expect(saidOf({ 'a.test.ts': ['passed', 'pending'], 'b.test.ts': ['failed'] })).toEqual({ status: 1, stdout: '' });
  expect(saidOf({ 'a.test.ts': ['passed'] })).toEqual({ status: 1, stdout: '' });
});
