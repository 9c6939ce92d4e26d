import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { capped, loadTopology, readInputs } from '../../cli/input.ts';
import { formatProblem, InputError } from '../../engine/origin.ts';
import { maxTextLength } from '../../engine/spec/limits.ts';
import { topology, vpc } from '../spec/manifests.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lflow-input-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string | Buffer): string {
  const file = join(folder, name);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, content);
  return file;
}

const yaml = (documents: object[]): string => documents.map((each) => JSON.stringify(each)).join('\n---\n');

/** What is wrong with the inputs, the folder's name left out. */
async function complaints(...paths: string[]): Promise<string[]> {
  const { problems } = await readInputs(paths);
  return problems.map((problem) => formatProblem(problem).replaceAll(`${folder}/`, ''));
}

describe('inputs', () => {
  test('are files, and folders with theirs, in the order of their names', async () => {
    const [classes, aVpc, network, attached] = topology();
    write('tree/b/net.yml', yaml([network]));
    write('tree/a.yaml', yaml([classes, aVpc]));
    write('tree/c.json', yaml([attached]));
    for (const ignored of ['notes.txt', '.hidden.yaml', '.git/x.yaml', 'node_modules/x.yaml'])
      write(`tree/${ignored}`, ':');
    const { manifests, problems } = await readInputs([join(folder, 'tree')]);
    expect(problems).toEqual([]);
    expect(manifests.map(({ kind, origin }) => `${origin.file.slice(folder.length)} ${kind}`)).toEqual([
      '/tree/a.yaml IsolationClass',
      '/tree/a.yaml DPUVPC',
      '/tree/b/net.yml DPUVirtualNetwork',
      '/tree/c.json DPUServiceInterface',
    ]);
  });

  test('are read once, however often they are named', async () => {
    const file = write('once/a.yaml', yaml(topology()));
    expect(await complaints(file, join(folder, 'once'), join(folder, 'once/../once/a.yaml'), file)).toEqual([]);
  });

  test('are standard input', async () => {
    const terminal = Object.getOwnPropertyDescriptor(process, 'stdin') ?? {};
    const input = new PassThrough();
    Object.defineProperty(process, 'stdin', { value: input, configurable: true });
    input.end(yaml([vpc('a', { tenant: 1 })]));
    const said = await complaints('-');
    Object.defineProperty(process, 'stdin', terminal);
    expect(said).toEqual(['standard input:1:124: spec.tenant: the number 1 is not a text; put it in quotes: "1"']);
  });

  test('make up as many nodes as told', async () => {
    const file = write('nodes.yaml', yaml(topology()));
    expect((await readInputs([file], { nodes: 5 })).resources.nodes).toHaveLength(5);
  });
});

describe('what cannot be read is told, all of it', () => {
  test('with the rest', async () => {
    const file = write('one.yaml', yaml([vpc('a', { tenant: 1 })]));
    expect(await complaints(join(folder, 'absent.yaml'), file)).toEqual([
      'absent.yaml:1:1: cannot be read: no such file or directory; check the path',
      'one.yaml:1:124: spec.tenant: the number 1 is not a text; put it in quotes: "1"',
    ]);
  });

  test('folders without manifests', async () => {
    mkdirSync(join(folder, 'empty/deep'), { recursive: true });
    expect(await complaints(join(folder, 'empty'))).toEqual([
      'empty:1:1: the folder has no YAML or JSON file; give a folder of manifests',
    ]);
  });

  test('binary files, and those that are too large', async () => {
    const bytes = Buffer.from(Array.from({ length: 1000 }, (_, index) => (index * 7919) % 256));
    const [binary] = await complaints(write('random.yaml', bytes));
    expect(binary).toBe('random.yaml:1:1: the file is not text in UTF-8; give manifests as YAML or JSON in UTF-8');
    const [control] = await complaints(write('control.yaml', 'a: \u0001'));
    expect(control).toContain('the file is not text: it holds a control character (0x01)');
    const [large] = await complaints(write('large.yaml', Buffer.alloc(maxTextLength + 1, 'a')));
    expect(large).toBe(
      'large.yaml:1:1: the file is too large: 16 MB; at most 16 MB are read; split it into several files',
    );
  });

  test('what is no file, without waiting for it', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const socket = join(folder, 'socket');
    const server = createServer().listen(socket);
    await new Promise((resolve) => server.once('listening', resolve));
    expect(await complaints('/dev/zero', pipe, socket)).toEqual([
      '/dev/zero:1:1: it is a device, not a file; give a file or a folder',
      'pipe:1:1: it is a pipe, not a file; give - and let it write to standard input',
      'socket:1:1: it is a socket, not a file; give a file or a folder',
    ]);
    server.close();
  });

  test('links that lead nowhere or in a circle', async () => {
    mkdirSync(join(folder, 'links'));
    symlinkSync('nowhere', join(folder, 'links/a.yaml'));
    symlinkSync('b.yaml', join(folder, 'links/b.yaml'));
    expect(await complaints(join(folder, 'links'))).toEqual([
      'links/a.yaml:1:1: cannot be read: no such file or directory; check the path',
      'links/b.yaml:1:1: cannot be read: its symbolic links go in a circle; check the path',
    ]);
  });

  test('files that vanish while they are read', async () => {
    const deleting = spawn(process.execPath, [
      '-e',
      `
      const fs = require('node:fs');
      const file = ${JSON.stringify(join(folder, 'vanishing/a.yaml'))};
      const end = Date.now() + 1500;
      while (Date.now() < end) { fs.writeFileSync(file, '[1]'); fs.rmSync(file); }
    `,
    ]);
    mkdirSync(join(folder, 'vanishing'));
    const ended = new Promise((resolve) => deleting.once('exit', resolve));
    let isOver = false;
    void ended.then(() => {
      isOver = true;
    });
    while (!isOver) expect(await complaints(join(folder, 'vanishing'))).toHaveLength(1);
  });
});

describe('loadTopology', () => {
  test('gives the resources, and says warnings and notes', async () => {
    const file = write('noted.yaml', yaml([...topology().slice(1), { apiVersion: 'v1', kind: 'Pod' }]));
    const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const { networks } = await loadTopology([file]);
    const [[said]] = stderr.mock.calls;
    stderr.mockRestore();
    expect(networks).toHaveLength(1);
    expect(said).toContain('note: spec.isolationClassName: no IsolationClass is given');
    expect(said).toContain('note: kind: a resource of kind Pod is skipped');
  });

  test('throws all complaints at once, but no more than can be read', async () => {
    const file = write('bad.yaml', yaml(Array.from({ length: 500 }, (_, index) => vpc(`vpc${index}`, { tenant: 1 }))));
    const error = await loadTopology([file]).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InputError);
    const { problems } = error as InputError;
    expect(problems).toHaveLength(101);
    expect(problems[100].message).toBe('400 more complaints are not shown');
  });
});

test('where there are too many complaints, errors are shown before warnings', () => {
  const problem = (line: number, severity: 'error' | 'note') => {
    return { file: 'a', line, column: 1, severity, id: 'x', path: '', message: 'm' };
  };
  const problems = Array.from({ length: 150 }, (_, index) => problem(index + 1, index < 100 ? 'note' : 'error'));
  const shown = capped(problems);
  expect(shown.filter(({ severity }) => severity === 'error')).toHaveLength(50);
  expect(shown.map(({ line }) => line).slice(0, 100)).toEqual(
    [...shown.map(({ line }) => line).slice(0, 100)].sort((a, b) => a - b),
  );
});
