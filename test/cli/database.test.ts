import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { run } from '../../cli/program.ts';
import { fileOf, small } from '../ovsdb/records.ts';

const recording = (name: string): string => fileURLToPath(new URL(`../ovsdb/files/${name}`, import.meta.url));
const [nb, sb] = [recording('ovn-nb.db'), recording('ovn-sb.db')];
const manifests = fileURLToPath(new URL('../../examples/two-vpcs.yaml', import.meta.url));

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lflow-database-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string | Uint8Array): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

/** What a command prints, says, and ends with. */
async function lflow(...args: string[]) {
  const file = join(folder, 'answer');
  let said = '';
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += text;
    return true;
  });
  const status = await run([...args, '-o', file]);
  stderr.mockRestore();
  return { status, said: said.replaceAll(`${folder}/`, ''), answer: status === 0 ? readFileSync(file, 'utf8') : '' };
}

/** Columns are padded in another way, and order within a priority is not promised. */
const squeezed = (text: string): string[] =>
  text
    .replace(/ +(?=[,)])/g, '')
    .split('\n')
    .sort();

describe('a southbound file', () => {
  test('flows: those that ovn-sbctl lflow-list prints', async () => {
    const { status, said, answer } = await lflow('flows', sb);
    expect({ status, said }).toEqual({ status: 0, said: '' });
    expect(squeezed(answer)).toEqual(squeezed(readFileSync(recording('ovn-sb.lflow-list'), 'utf8')));
    expect((await lflow('flows', sb, 'net')).answer).toBe(answer);
  });

  test('flows as JSON', async () => {
    const { answer } = await lflow('flows', sb, '--format', 'json');
    const flows: { datapath: string; hint?: string }[] = JSON.parse(answer);
    expect(new Set(flows.map(({ datapath }) => datapath))).toEqual(new Set(['net']));
    expect(flows.some(({ hint }) => hint !== undefined)).toBe(true);
  });

  test('trace: the text of ovn-trace', async () => {
    const [microflow = '', ...lines] = readFileSync(recording('ovn-sb.trace'), 'utf8').split('\n');
    expect(await lflow('trace', sb, microflow)).toEqual({ status: 0, said: '', answer: lines.join('\n') });
    expect((await lflow('trace', sb, 'net', microflow)).answer).toBe(lines.join('\n'));
  });

  test('from standard input', async () => {
    const terminal = Object.getOwnPropertyDescriptor(process, 'stdin') ?? {};
    const input = new PassThrough();
    Object.defineProperty(process, 'stdin', { value: input, configurable: true });
    const bytes = readFileSync(sb);
    input.write(bytes.subarray(0, 3));
    input.end(bytes.subarray(3));
    const { status, answer } = await lflow('flows', '-');
    Object.defineProperty(process, 'stdin', terminal);
    expect(status).toBe(0);
    expect(answer).toBe((await lflow('flows', sb)).answer);
  });

  test('nb has nothing to print', async () => {
    const { status, said } = await lflow('nb', sb);
    expect(status).toBe(2);
    expect(said).toContain('is a southbound database');
  });
});

describe('a northbound file', () => {
  test('nb prints it in every form', async () => {
    expect((await lflow('nb', nb)).answer).toMatch(/^switch [0-9a-f-]{36} \(net\)\n {4}port a\n/);
    const tables = JSON.parse((await lflow('nb', nb, '--format', 'json')).answer);
    expect(tables.Logical_Switch).toMatchObject([{ name: 'net' }]);
    expect((await lflow('nb', nb, '--format', 'nbctl')).answer).toContain('create Logical_Switch name=net');
  });

  test('flows computes what ovn-northd wrote for it', async () => {
    const anonymous = (text: string) => squeezed(text.replace(/\([0-9a-f-]{36}\)/g, ''));
    const { status, answer } = await lflow('flows', nb);
    expect(status).toBe(0);
    expect(anonymous(answer)).toEqual(anonymous(readFileSync(recording('ovn-sb.lflow-list'), 'utf8')));
  });

  test('trace', async () => {
    const [microflow = ''] = readFileSync(recording('ovn-sb.trace'), 'utf8').split('\n');
    expect((await lflow('trace', nb, microflow, '--minimal')).answer).toContain('output("b");');
  });
});

describe('what cannot be used ends in a sentence:', () => {
  test.each([
    ['two databases', ['flows', nb, sb], 'it is the second database of the command'],
    [
      'a database and manifests',
      ['flows', nb, manifests],
      'it is a database, which is a whole network, and there are manifests',
    ],
    ['describe', ['describe', nb], 'it is an OVSDB database, and this needs manifests'],
    ['tcp', ['flows', 'tcp:127.0.0.1:6642'], 'ovsdb-client backup tcp:127.0.0.1:6642 OVN_Southbound > southbound.db'],
    ['a cluster', ['flows', 'ssl:a:6642,ssl:b:6642'], 'ovsdb-client backup ssl:a:6642 OVN_Southbound'],
    ['a socket', ['nb', 'unix:/run/ovn/ovnnb_db.sock'], 'is an endpoint of a running database server'],
  ])('%s', async (_, args, sentence) => {
    const { status, said } = await lflow(...args);
    expect(status).toBe(2);
    expect(said).toContain(sentence);
    expect(said.trim().split('\n')).toHaveLength(1);
  });

  test('a database of something else', async () => {
    const { status, said } = await lflow('flows', write('other.db', fileOf([small])));
    expect(status).toBe(2);
    expect(said).toBe(
      'other.db:1:1: it is a database of the schema "Small"; give one of OVN_Northbound or of OVN_Southbound\n',
    );
  });

  test('one that is damaged, with its line and what to do', async () => {
    const bytes = readFileSync(recording('standalone.db'));
    const second = bytes.indexOf('OVSDB JSON', 20);
    bytes[bytes.indexOf('\n', second) + 20] ^= 1;
    const { status, said } = await lflow('flows', write('damaged.db', bytes));
    expect(status).toBe(2);
    expect(said).toMatch(/^damaged\.db:3:1: record 2, at byte \d+ of \d+, is corrupt: its checksum is /);
    expect(said).toContain(`head -c ${second}`);
  });
});

test('a file whose last record is cut off is read, with a note', async () => {
  const bytes = readFileSync(nb);
  const more = write(
    'cut.db',
    Buffer.concat([bytes, Buffer.from('OVSDB JSON 123 0123456789012345678901234567890123456789\n{"_da')]),
  );
  const { status, said, answer } = await lflow('nb', more);
  expect(status).toBe(0);
  expect(said).toMatch(/^cut\.db:1:1: note: the file ends within record \d+, whose \d+ bytes are left out/);
  expect(answer).toBe((await lflow('nb', nb)).answer);
});

test('help names databases', async () => {
  for (const command of ['flows', 'trace', 'nb']) {
    let printed = '';
    const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      printed += text;
      return true;
    });
    await run([command, '--help']);
    stdout.mockRestore();
    expect(printed).toContain('OVSDB file');
  }
});
