import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listedNetworks } from '../../cli/networks.ts';
import { answerOf } from '../answer.ts';

const examples = fileURLToPath(new URL('../../examples/', import.meta.url));

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lflow-networks-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A folder with empty files, and a list. */
function listed(files: readonly string[], ...list: string[]): string {
  for (const file of files) {
    mkdirSync(join(folder, file, '..'), { recursive: true });
    writeFileSync(join(folder, file), '');
  }
  writeFileSync(join(folder, 'lflow.yaml'), `${list.join('\n')}\n`);
  return folder;
}

async function networks(...list: string[]) {
  const files = ['a.yaml', 'b.yaml', 'x/1.db', 'y/1.db', 'y/policy.yaml', 'x/policy.yaml'];
  const found = (await listedNetworks(listed(files, 'lflow: 1', 'networks:', ...list))) ?? [];
  const own = (path: string) => relative(folder, path);
  return found.map(({ input, policy }) => (policy === undefined ? own(input) : [own(input), own(policy)]));
}

describe('a list of networks', () => {
  test('names files and folders by patterns, the list itself aside', async () => {
    expect(await networks("  - '*.yaml'", '  - x')).toEqual(['a.yaml', 'b.yaml', 'x']);
    expect(await networks("  - '{y,x}/*.db'")).toEqual(['x/1.db', 'y/1.db']);
  });

  test('says which policy is whose: beside the network, or in the folder of the list', async () => {
    expect(await networks("  - { each: '*/1.db', policy: ./policy.yaml }")).toEqual([
      ['x/1.db', 'x/policy.yaml'],
      ['y/1.db', 'y/policy.yaml'],
    ]);
    expect(await networks('  - { each: a.yaml, policy: x/policy.yaml }')).toEqual([['a.yaml', 'x/policy.yaml']]);
  });

  test('has a network once, as the first entry has it', async () => {
    expect(await networks('  - { each: x/1.db, policy: ./policy.yaml }', "  - '*/*.db'")).toEqual([
      ['x/1.db', 'x/policy.yaml'],
      'y/1.db',
    ]);
  });

  test('that there is not is no list', async () => {
    expect(await listedNetworks(folder)).toBeUndefined();
    expect(await listedNetworks(join(folder, 'nowhere'))).toBeUndefined();
  });

  test.each([
    [['lflow: 1', 'networks:', '  - nothing-*.yaml'], ':3:5: nothing matches "nothing-*.yaml"; leave it out'],
    [['lflow: 1', 'networks:', '  - 7'], ':3:5: this is no network; write a file name'],
    [['lflow: 1', 'networks:', '  - { each: a.yaml, polcy: b }'], ':3:5: this is no network'],
    [['lflow: 1', 'network: [a.yaml]'], ':1:1: this is no list of networks; write lflow: 1'],
    [['lflow: 1', 'networks: [a.yaml]', 'more: 1'], ':3:1: the list has no field "more"'],
    [['lflow: 2', 'networks: [a.yaml]'], 'this is no list of networks'],
    [['lflow: [1'], ':2:1: '],
    [[''], 'this is no list of networks'],
  ])('%j is refused', async (list, message) => {
    await expect(listedNetworks(listed(['a.yaml'], ...list))).rejects.toThrow(message);
  });
});

describe('verify', { timeout: 120_000 }, () => {
  const list = (...names: string[]) =>
    ['lflow: 1', 'networks:', ...names.map((name) => `  - '${relative(folder, join(examples, name))}'`)].join('\n');

  test('verifies each network of a list by itself, and ends as the worst of them does', async () => {
    writeFileSync(
      join(folder, 'lflow.yaml'),
      list('properties/source-guarded/holds.db', 'properties/address-unique/violated.db'),
    );
    const { status, answer } = await answerOf('verify', folder, '--workers', '1');
    expect(status).toBe(1);
    expect(answer).toMatch(/^holds .*source-guarded\/holds\.db: \d+ hold \(/m);
    expect(answer).toMatch(/^violated .*address-unique\/violated\.db: \d+ hold, \d violated \(/m);
    expect(answer).toMatch(/^ {4}violated: address-unique, /m);
    expect(answer).toMatch(/^2 networks: 1 hold, 1 violated\.$/m);
    const json = await answerOf('verify', folder, '--workers', '1', '--format', 'json');
    expect(JSON.parse(json.answer).networks).toHaveLength(2);
  });

  test('goes on after a network that cannot be read, and ends with status 2', async () => {
    writeFileSync(join(folder, 'bad.yaml'), 'kind: Nothing\n');
    writeFileSync(join(folder, 'lflow.yaml'), `${list('properties/source-guarded/holds.db')}\n  - bad.yaml\n`);
    const { status, said, answer } = await answerOf('verify', folder, '--workers', '1');
    expect(status).toBe(2);
    expect(said).toContain('bad.yaml:1:1: ');
    expect(answer).toMatch(/^2 networks: 1 hold, 1 could not be verified\.$/m);
  });

  test('takes a folder with a list alone', async () => {
    writeFileSync(join(folder, 'lflow.yaml'), list('single-vpc.yaml'));
    const { status, said } = await answerOf('verify', join(examples, 'single-vpc.yaml'), folder);
    expect(status).toBe(2);
    expect(said).toContain('give the folder alone');
  });

  test('says what is about one network alone', async () => {
    writeFileSync(join(folder, 'lflow.yaml'), list('single-vpc.yaml'));
    for (const option of [
      ['--format', 'html'],
      ['--format', 'sarif'],
      ['--policy', 'p.yaml'],
      ['--against', 'x'],
    ]) {
      const { status, said } = await answerOf('verify', folder, ...option);
      expect(status).toBe(2);
      expect(said).toContain('lflow.yaml lists 1; give one of them');
    }
  });

  test('of the examples finds all that are listed', async () => {
    const found = (await listedNetworks(examples)) ?? [];
    expect(found.length).toBeGreaterThan(80);
    expect(found.filter(({ policy }) => policy !== undefined).length).toBeGreaterThanOrEqual(16);
  });
});
