import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Verdict, Verification } from '../../sim/verdict.ts';
import { type Answered, answerOf } from '../answer.ts';

const examples = fileURLToPath(new URL('../../examples/', import.meta.url));
const example = (...path: string[]): string => join(examples, ...path);
const oneVpc = example('single-vpc.yaml');
/** Two ACLs, of which the one that allows is above the one that denies. */
const database = example('field', 'catch-all-allow', 'broken.db');

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lflow-verify-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A policy file with this text below its first line. */
function policyFile(...lines: string[]): string {
  const file = join(folder, 'policy.yaml');
  writeFileSync(file, `${['lflow: 1', ...lines].join('\n')}\n`);
  return file;
}

const verify = (...args: string[]): Promise<Answered> => answerOf('verify', ...args);

/** The verdict on a network for a policy: its exit status, the verdict of the whole and of each property and rule. */
async function verdicts(input: string, ...policy: string[]) {
  const { status, answer } = await verify(input, '--policy', policyFile(...policy), '--format', 'json');
  const verification: Verification = JSON.parse(answer);
  const found = verification.properties.map(({ id, verdict }): [string, Verdict] => [id, verdict]);
  return { status, verdict: verification.verdict, found: Object.fromEntries(found), verification };
}

describe('what is proven of a VPC', () => {
  test('holds, or is about nothing', async () => {
    const { status, verdict, found, verification } = await verdicts(
      oneVpc,
      'builtin: { enable: [tenant-isolation, no-transit, address-unique] }',
    );
    expect(found).toEqual({ 'tenant-isolation': 'vacuous', 'no-transit': 'holds', 'address-unique': 'holds' });
    expect([status, verdict]).toEqual([0, 'holds']);
    expect(verification.topology).toMatchObject({ vpcs: 1, networks: 1, interfaces: 2, nodes: 2 });
  });

  test('about nothing at all is vacuous, which is no failure', async () => {
    const { status, verdict } = await verdicts(oneVpc, 'builtin: { enable: [tenant-isolation] }');
    expect([status, verdict]).toEqual([0, 'vacuous']);
  });

  test('is broken by a packet, which is shown with the lines to blame', async () => {
    const { status, verdict, found, verification } = await verdicts(
      oneVpc,
      'builtin: { enable: [no-transit] }',
      'sets: { net: { network: testnet1 }, world: { external: true } }',
      'rules:',
      '  - { id: no-way-out, never: { from: net, to: world, traffic: tcp/443 } }',
      '  - { id: no-way-in, never: { from: world, to: net } }',
    );
    expect(found).toEqual({ 'no-transit': 'holds', 'no-way-out': 'violated', 'no-way-in': 'holds' });
    expect([status, verdict]).toEqual([1, 'violated']);
    const broken = verification.properties.find(({ id }) => id === 'no-way-out');
    expect(broken?.counterexample).toMatchObject({
      inport: expect.stringMatching(/^default\/testnet1-vf2@node-[12]$/),
      microflow: expect.stringContaining('tcp.dst == 443'),
      frame: expect.stringMatching(/^([0-9a-f]{2}){54,}$/),
      replayed: { tracer: true },
    });
    expect(broken?.source[0]).toMatchObject({ file: join(folder, 'policy.yaml'), line: 5 });
  });
});

describe('what is proven of a database', () => {
  test('is told by the rows in it', async () => {
    const { status, found, verification } = await verdicts(
      database,
      'builtin: { enable: [acl-effective, address-unique] }',
    );
    expect(status).toBe(1);
    expect(found['address-unique']).toBe('holds');
    const broken = verification.properties.find(({ verdict }) => verdict === 'violated');
    expect(broken?.id).toBe('acl-effective');
    expect(broken?.reason).toContain('ACLs of higher priority allow all that it denies');
    const fixed = await verdicts(
      example('field', 'catch-all-allow', 'fixed.db'),
      'builtin: { enable: [acl-effective] }',
    );
    expect([fixed.status, fixed.verdict]).toEqual([0, 'holds']);
  });

  test('stays unknown where nobody can tell', async () => {
    const { status, verdict, verification } = await verdicts(
      database,
      'builtin: { enable: [address-unique] }',
      'sets: { net: { switch: net } }',
      'rules:',
      '  - { id: frozen, unchanged: { from: net, to: net, against: last-release } }',
    );
    expect([status, verdict]).toEqual([3, 'unknown']);
    expect(verification.properties.find(({ id }) => id === 'frozen')?.reason).toContain('last-release');
  });
});

test.each([
  ['text', /^✗ acl-effective +violated[\s\S]*^VIOLATED: 1 promise is broken/m],
  ['json', /^\{\n {2}"verdict": "violated"/],
  ['junit', /^<\?xml[\s\S]*<failure/],
  ['sarif', /"ruleId": "acl-effective"/],
  ['html', /^<!DOCTYPE html>[\s\S]*acl-effective/],
])('the verdict as %s', async (format, expected) => {
  const policy = policyFile('builtin: { enable: [acl-effective] }');
  const { status, answer } = await verify(database, '--policy', policy, '--format', format);
  expect(status).toBe(1);
  expect(answer).toMatch(expected);
});

test('broken manifests are refused, all complaints at once', async () => {
  const files = ['subnet-overlap.yaml', 'vpc-not-found.yaml'].map((name) => example('broken', name));
  const { status, said } = await verify(...files);
  expect(status).toBe(2);
  for (const file of files) expect(said).toMatch(new RegExp(`^${file}:\\d+:\\d+: \\S+: .+; .+$`, 'm'));
});

test('a folder that is not there is refused with a sentence', async () => {
  const { status, said } = await verify(join(folder, 'nothing'));
  expect(status).toBe(2);
  expect(said).toMatch(/nothing:1:1: cannot be read: no such file or directory/);
});

test('a policy is refused with the place of each mistake, and one that is not there with a sentence', async () => {
  const wrong = await verify(database, '--policy', policyFile('sets:', '  net: { swich: net }'));
  expect(wrong.status).toBe(2);
  expect(wrong.said).toMatch(/policy\.yaml:3:\d+: sets\.net\.swich: .*"switch"/);
  const missing = await verify(database, '--policy', join(folder, 'none.yaml'));
  expect(missing.status).toBe(2);
  expect(missing.said).toContain('none.yaml:1:1: the policy cannot be read: there is no such file');
});
