/** `lflow offload verify`: what it prints, and how it ends. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import type { Rule, RuleSet } from '../../engine/offload/rules.ts';
import { offload } from './command.ts';

vi.setConfig({ testTimeout: 120_000 });

const folder = mkdtempSync(join(tmpdir(), 'lflow-verify-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const input = 'examples/two-networks.yaml';
const node = 'testnet1-1';

function fileOf(rules: readonly Rule[], more: Partial<RuleSet> = {}): string {
  const file = join(folder, 'rules.json');
  writeFileSync(file, JSON.stringify({ node, device: 'connectx-6-dx-sws', rules, ...more }));
  return file;
}

const verify = (file: string, ...args: string[]) => offload('verify', input, '--node', node, '--rules', file, ...args);

const fromHost: Rule = {
  group: 0,
  priority: 0,
  pattern: [{ type: 'represented_port', spec: { ethdev_port_id: 'pf0vf2' } }, { type: 'eth' }],
  actions: [{ type: 'drop' }],
  cookie: 'nothing passes',
};

test('rules that leave everything to software are right', async () => {
  const { status, answer } = await verify(fileOf([]));
  expect({ status, answer }).toEqual({
    status: 0,
    answer: `HOLDS: 0 rules of ${node} do with all packets what the logical flows do\n`,
  });
});

test('a rule that drops what the flows let pass is shown with a packet that was sent', async () => {
  const { status, answer } = await verify(fileOf([fromHost]));
  expect(status).toBe(1);
  const [headline, sentence, example = ''] = answer.split('\n');
  expect(headline).toBe(`VIOLATED: 1 rules of ${node} do not what the logical flows do`);
  expect(sentence).toMatch(
    /^ {2}hardware drops it, by rules\[0\] \(group 0, priority 0, nothing passes\); the logical flows /,
  );
  expect(example).toMatch(/^ {4}for example .*, in by pf0vf2 \(default\/testnet1-vf2@testnet1-1\)$/);
});

test('as JSON', async () => {
  const { status, answer } = await verify(fileOf([fromHost], { device: 'connectx-6-dx-hws' }), '--format', 'json');
  const { violations, ...rest } = JSON.parse(answer);
  expect(status).toBe(1);
  expect(rest).toEqual({
    verdict: 'violated',
    node,
    device: 'connectx-6-dx-hws',
    rules: 1,
    reasons: [],
    refused: [],
    unmet: [],
  });
  expect(violations[0].packet).toMatchObject({ devicePort: 'pf0vf2', frame: expect.stringMatching(/^[0-9a-f]+$/) });
  expect(violations[0].rule).toEqual({ index: 0, group: 0, priority: 0, cookie: 'nothing passes' });
});

test('a rule that the device does not take', async () => {
  const rule: Rule = { ...fromHost, actions: [{ type: 'dec_ttl' }, { type: 'jump', group: 3 }] };
  const { status, answer } = await verify(fileOf([rule]), '--device', 'connectx-6-dx-hws');
  expect(status).toBe(1);
  expect(answer).toContain(
    'does not take them:\n  rules[0].actions[0] (dec_ttl): dec_ttl: hardware steering takes it only',
  );
  expect(answer).toContain('rules[0].actions[1] (jump): the jump goes to group 3, which has no rule');
});

test('what is not understood', async () => {
  const rule: Rule = { ...fromHost, actions: [{ type: 'sample', ratio: 1, actions: [] }, { type: 'drop' }] };
  const { status, answer } = await verify(fileOf([rule], { device: 'bluefield-3-doca-hws' }));
  expect(answer).toMatch(
    /^UNKNOWN: .*\n {2}rules\[0\] .*: what sample does is not compared with logical flows, for example of /,
  );
  expect(status).toBe(1);
  expect(answer).toContain('rules[0].actions[0] (sample).actions: no action ends the packet');
});

test('rules of another node, and files that are none', async () => {
  const other = await verify(fileOf([], { node: 'elsewhere' }));
  expect(other.status).toBe(2);
  expect(other.said).toContain('are for node "elsewhere", not for "testnet1-1"');
  const broken = join(folder, 'broken.json');
  writeFileSync(broken, '{"node": "x"');
  expect((await verify(broken)).status).toBe(2);
});
