/** `lflow policy`: what a policy means in a network. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { answerOf } from '../answer.ts';

const folder = mkdtempSync(join(tmpdir(), 'lflow-policy-'));
afterAll(() => rmSync(folder, { recursive: true }));

const example = (name: string): string => fileURLToPath(new URL(`../../examples/${name}.yaml`, import.meta.url));

/** What the command writes or says, and ends with. */
async function policy(...args: string[]) {
  const { status, said, answer } = await answerOf('policy', ...args);
  return { status, said: status === 2 ? said : answer };
}

const right = example('policies/two-tenants');
const broken = example('policies/two-tenants-broken');
const network = example('two-tenants');

test('sets are told with their ports, and rules in words', async () => {
  const { status, said } = await policy(right, network);
  expect(status).toBe(0);
  expect(said).toMatch(/^.*two-tenants\.yaml: \d+ sets, \d+ rules\n\n/);
  expect(said).toContain('red: 2 ports\n  default/rednet-vf2@worker1  on default/rednet');
});

test('what is named and is not there is told, and ends with status 1', async () => {
  const { status, said } = await policy(broken, network);
  expect(status).toBe(1);
  expect(said).toContain(
    'typo: nothing from red arrives at vpc bleuvpc\n  there is no vpc "bleuvpc"; did you mean "bluevpc"?\nlater: nothing from red arrives at vpc greenvpc\nfrozen: ',
  );
});

test('some sets alone, and for programs', async () => {
  const { said } = await policy(right, network, '--set', 'red', '--format', 'json');
  const { sets, rules } = JSON.parse(said);
  expect(sets.map(({ name, ports }: { name: string; ports: unknown[] }) => [name, ports.length])).toEqual([['red', 2]]);
  expect(rules).toEqual([]);
});

test('without a network the form alone is checked', async () => {
  const { status, said } = await policy(broken);
  expect(status).toBe(0);
  expect(said).toMatch(/two-tenants-broken\.yaml: 2 sets, 7 rules\n\nred\n\nworld\n\nno-telnet: nothing of tcp\/23/);
});

test('mistakes are told with what would be right', async () => {
  expect(await policy(right, network, '--set', 'rad')).toMatchObject({
    status: 2,
    said: expect.stringContaining('did you mean red?'),
  });
  const wrong = join(folder, 'wrong.yaml');
  writeFileSync(wrong, 'lflow: 1\nrules:\n  - { id: x, nevr: {} }\n');
  expect(await policy(wrong)).toMatchObject({ status: 2, said: expect.stringContaining('wrong.yaml:3:') });
  expect(await policy(join(folder, 'none.yaml'))).toMatchObject({
    status: 2,
    said: expect.stringContaining('there is no such file'),
  });
});
