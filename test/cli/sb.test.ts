import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../../cli/program.ts';
import { readDatabase } from '../../engine/ovsdb/file.ts';
import { answerOf } from '../answer.ts';

const example = fileURLToPath(new URL('../../examples/two-tenants.yaml', import.meta.url));
const recording = (name: string): string => fileURLToPath(new URL(`../ovsdb/files/${name}`, import.meta.url));

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lflow-sb-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

test('JSON has every table, with what ovn-northd would write', async () => {
  const { status, answer } = await answerOf('sb', example, '--format', 'json');
  expect(status).toBe(0);
  const tables: Record<string, Record<string, unknown>[]> = JSON.parse(answer);
  const port = tables.Port_Binding?.find(({ logical_port }) => logical_port === 'default/rednet-vf2@worker1');
  expect(port).toMatchObject({ type: '', up: false, chassis: null, mac: ['02:1e:29:98:59:a8 192.178.0.2'] });
  expect(tables.Logical_Flow?.length).toBeGreaterThan(500);
  expect(tables.SB_Global?.[0]).toMatchObject({ options: { northd_internal_version: '23.03.1-20.27.0-70.6' } });
});

test('a database file is one, and has the same flows and traces', async () => {
  const file = join(folder, 'sb.db');
  expect(await run(['sb', example, '--format', 'ovsdb', '-o', file])).toBe(0);
  const { schema, notes } = readDatabase(readFileSync(file));
  expect([schema.name, schema.version, notes]).toEqual(['OVN_Southbound', '20.27.0', []]);
  const flows = async (input: string) => (await answerOf('flows', input)).answer;
  expect(await flows(file)).toBe(await flows(example));
  const microflow = 'inport == "default/rednet-vf2@worker1" && eth.src == 02:1e:29:98:59:a8 && ip4.src == 192.178.0.2';
  const trace = async (input: string) => (await answerOf('trace', input, '--minimal', microflow)).answer;
  expect(await trace(file)).toBe(await trace(example));
});

test('the same manifests, the same bytes', async () => {
  for (const format of ['json', 'ovsdb']) {
    const [one, other] = [
      await answerOf('sb', example, '--format', format),
      await answerOf('sb', example, '--format', format),
    ];
    expect(one.answer).toBe(other.answer);
    expect(one.answer).not.toBe('');
  }
});

test('without chassis there is nothing to show, which is said', async () => {
  const { status, said, answer } = await answerOf('sb', example);
  expect([status, answer]).toEqual([0, '']);
  expect(said).toBe('note: no chassis has registered with this database; --format json prints its rows\n');
});

test('a southbound database is printed as it is', async () => {
  const { status, answer } = await answerOf('sb', recording('ovn-sb.db'), '--format', 'json');
  expect(status).toBe(0);
  const { Logical_Flow: flows } = JSON.parse(answer);
  expect(flows.length).toBe(readDatabase(readFileSync(recording('ovn-sb.db'))).tables.get('Logical_Flow')?.rows.size);
});

test('a southbound database is not written anew', async () => {
  const { status, said } = await answerOf('sb', recording('ovn-sb.db'), '--format', 'ovsdb');
  expect(status).toBe(2);
  expect(said).toContain('ovn-sb.db is a southbound database already; "ovsdb-tool compact" writes it anew');
});
