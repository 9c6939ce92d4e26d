import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Answered, answerOf } from '../answer.ts';

const example = fileURLToPath(new URL('../../examples/two-tenants.yaml', import.meta.url));

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lflow-flows-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const flows = (...args: string[]): Promise<Answered> => answerOf('flows', ...args);

const title = /^Datapath: "(.*)" \([0-9a-f-]{36}\) {2}Pipeline: (ingress|egress)$/;
const line = /^ {2}table=\d+ *\(l[sr]_(in|out)_\w+ *\), priority=\d+ *, match=\(.+\), action=\(.+\)$/;

test('all flows in the form of lflow-list', async () => {
  const { status, answer } = await flows(example);
  expect(status).toBe(0);
  const lines = answer.trimEnd().split('\n');
  expect(lines.filter((text) => !title.test(text) && !line.test(text))).toEqual([]);
  const titles = lines.filter((text) => title.test(text)).map((text) => title.exec(text)?.slice(1).join(' '));
  expect(titles).toContain('default/bluenet ingress');
  expect(titles).toContain('default/bluenet egress');
  expect(new Set(titles).size).toBe(titles.length);
});

test('the flows of one datapath, by its name and by the beginning of its UUID', async () => {
  const { answer: all } = await flows(example);
  const { status, answer } = await flows(example, 'default/bluenet');
  expect(status).toBe(0);
  expect(answer).toContain('Pipeline: egress');
  expect(all).toContain(answer);
  expect(answer.match(/^Datapath: "(?!default\/bluenet")/gm)).toBeNull();
  const [, uuid] = /\(([0-9a-f-]{36})\)/.exec(answer) ?? [];
  expect((await flows(example, uuid.slice(0, 8))).answer).toBe(answer);
});

test('a name that is neither a file nor a datapath', async () => {
  const { status, said } = await flows(example, 'default/bleunet');
  expect(status).toBe(2);
  expect(said).toContain(
    'there is neither a file nor a datapath "default/bleunet"; the datapaths are "default/bluenet"',
  );
});

test('JSON has the same flows, and leads back to the manifests', async () => {
  const { answer } = await flows(example);
  const { status, answer: json } = await flows(example, '--format', 'json');
  expect(status).toBe(0);
  const list: {
    datapath: string;
    stage: string;
    match: string;
    hint?: string;
    origin?: { file: string; line: number };
  }[] = JSON.parse(json);
  expect(list.length).toBe(answer.split('\n').filter((text) => line.test(text)).length);
  const caused = list.filter(({ origin }) => origin !== undefined);
  expect(caused.length).toBeGreaterThan(0);
  expect(new Set(caused.map(({ origin }) => origin?.file))).toEqual(new Set([example]));
  expect(list.filter(({ hint, origin }) => hint !== undefined && origin === undefined)).toEqual([]);
});

test('the same manifests, the same bytes', async () => {
  const [one, other] = [await flows(example), await flows(example)];
  expect(one.answer).toBe(other.answer);
});
