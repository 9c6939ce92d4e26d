/** The journal of rules in hardware: what it keeps when its writer is killed at any byte. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { RuleSet } from '../../engine/offload/rules.ts';
import { hashOf, inForce, openJournal, readJournal, type Subject } from '../../native/offload/journal.ts';

const folder = mkdtempSync(join(tmpdir(), 'lflow-journal-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
const fresh = () => join(folder, `${files++}.jsonl`);

const subject: Subject = { node: 'worker1', device: 'any', rules: 12, hash: 'ab' };

test('what was intended, and how it ended, is read again', async () => {
  const file = fresh();
  const journal = await openJournal(file);
  expect(journal.entries).toEqual([]);
  const forced = { why: 'the link\nis down', against: ['x is violated'] };
  const first = await journal.intend({ ...subject, forced }, { generation: 1, before: 0 });
  await journal.end(first, { outcome: 'applied', created: 12, removed: 0, leftovers: 3 });
  const second = await journal.intend(subject, { generation: 2, before: 1 });
  await journal.close();
  const { entries, unended, problems } = await readJournal(file);
  expect(problems).toEqual([]);
  expect(entries).toMatchObject([
    { event: 'intended', id: first, ...subject, forced, generation: 1, before: 0, by: { pid: process.pid } },
    { event: 'ended', id: first, outcome: 'applied', created: 12, leftovers: 3 },
    { event: 'intended', id: second, generation: 2 },
  ]);
  expect(unended.map(({ id }) => id)).toEqual([second]);
});

test('a line that was cut off at any byte hides no other one', async () => {
  const whole = fresh();
  const journal = await openJournal(whole);
  const first = await journal.intend(subject, { generation: 1, before: 0 });
  await journal.end(first, { outcome: 'refused', why: 'no' });
  await journal.close();
  const text = readFileSync(whole, 'utf8');
  const lineEnd = text.indexOf('\n') + 1;
  const edges = [0, lineEnd, text.length - 1].flatMap((at) => [at - 2, at - 1, at, at + 1]);
  const cuts = [...edges, ...Array.from({ length: 40 }, (_, index) => index * 11)];
  for (const cut of cuts.filter((at) => at >= 0 && at < text.length)) {
    const file = fresh();
    writeFileSync(file, text.slice(0, cut));
    const next = await openJournal(file);
    // A line without its end that can be read was written.
    const lines = (cut >= lineEnd - 1 ? 1 : 0) + (cut >= text.length - 1 ? 1 : 0);
    expect(next.entries).toHaveLength(lines);
    expect(next.unended).toHaveLength(lines === 1 ? 1 : 0);
    const isHalf = cut > 0 && cut !== lineEnd && cut !== lineEnd - 1 && cut !== text.length - 1;
    expect(next.problems).toHaveLength(isHalf ? 1 : 0);
    const id = await next.intend(subject, { generation: 5, before: 4 });
    await next.end(id, { outcome: 'interrupted', inForce: 'old' });
    await next.close();
    const after = await readJournal(file);
    expect(after.entries.slice(lines)).toMatchObject([
      { id, generation: 5 },
      { id, outcome: 'interrupted' },
    ]);
    rmSync(file);
  }
});

test('a file that is something else is left alone', async () => {
  const file = fresh();
  for (const text of ['root:x:0:0\n', '{"kind": "List"}\n', '[]\n', '{"event":"other","id":"x"}\n']) {
    writeFileSync(file, text);
    await expect(openJournal(file)).rejects.toThrow(`${file} is no journal of rules in hardware`);
    expect(readFileSync(file, 'utf8')).toBe(text);
  }
  await expect(openJournal(folder)).rejects.toThrow(`the journal ${folder} cannot be read: it is not a file`);
  await expect(openJournal(join(folder, 'no/journal'))).rejects.toThrow('its folder does not exist; --journal gives');
});

test('an entry that somebody wrote by hand and wrongly is told', async () => {
  const file = fresh();
  const journal = await openJournal(file);
  await journal.intend(subject, { generation: 1, before: 0 });
  await journal.close();
  appendFileSync(file, '{"event":"intended","id":"x","generation":"two","before":1}\nnull\n');
  const { entries, problems } = await readJournal(file);
  expect(entries).toHaveLength(1);
  expect(problems.map((problem) => problem.replace(file, 'F'))).toEqual([
    'F:2: the line is not whole; who wrote it was killed before he began',
    'F:3: the line is not whole; who wrote it was killed before he began',
  ]);
});

test('the generation of the device tells which rules are in force', () => {
  const intended = { generation: 7, before: 6 };
  expect([7, 6, 0, 8].map((generation) => inForce(intended, generation))).toEqual(['new', 'old', 'neither', 'neither']);
});

test('the hash is that of what a rule set says, whatever the order of its names', () => {
  const rules: RuleSet = { node: 'a', device: 'b', rules: [{ group: 0, priority: 1, pattern: [], actions: [] }] };
  const same = { rules: [{ actions: [], pattern: [], priority: 1, group: 0 }], device: 'b', node: 'a' };
  expect(hashOf(rules)).toMatch(/^[0-9a-f]{64}$/);
  expect(hashOf(same)).toBe(hashOf(rules));
  expect(hashOf({ ...rules, rules: [] })).not.toBe(hashOf(rules));
});
