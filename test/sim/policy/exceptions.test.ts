import { expect, test } from 'vitest';
import { excused, inventoryOf, isEnabled } from '../../../sim/policy/index.ts';
import type { Finding, Verdict } from '../../../sim/verdict.ts';
import { example, policyOf } from '../rules/networks.ts';

const { network, plans } = example('two-tenants');
const inventory = inventoryOf(network, plans);

const finding = (id: string, subject: string, verdict: Verdict = 'violated'): Finding => ({
  id,
  subject,
  severity: 'error',
  verdict,
  method: 'proof',
  source: [],
});

const excuse = (exception: string, one: Finding, today = '2026-11-21', ports: string[] = []) => {
  const policy = policyOf(`lflow: 1\nbuiltin: {except: [{id: gateway-answers, reason: NET-42, ${exception}}]}`);
  const asked = ports.flatMap((name) => network.ports.get(name) ?? []);
  return excused(one, policy, inventory, today, asked).excused;
};

const about = finding('gateway-answers', 'default/rednet');

test.each([
  ['on: {network: rednet}', about, true],
  ['on: {vpc: redvpc}', about, true],
  ['on: {network: bluenet}', about, false],
  ['on: {network: rednte}', about, false],
  ['on: {not: {network: rednte}}', about, false],
  ['until: 2026-11-21', about, true],
  ['until: 2026-11-20', about, false],
  ['until: 2026-11-22', finding('no-loop', 'default/rednet'), false],
  ['until: 2026-11-22', { ...about, verdict: 'holds' as const }, false],
  ['until: 2026-11-22', { ...about, verdict: 'unknown' as const }, true],
  ['from: {vpc: redvpc}, to: {vpc: bluevpc}', finding('gateway-answers', 'default/redvpc → default/bluevpc'), true],
  ['from: {vpc: bluevpc}, to: {vpc: redvpc}', finding('gateway-answers', 'default/redvpc → default/bluevpc'), false],
])('%s of %o: %s', (exception, one, isExcused) => {
  expect(excuse(exception, one) !== undefined).toBe(isExcused);
});

test('an excuse says why and until when', () => {
  expect(excuse('until: 2027-01-31', about)).toEqual({ reason: 'NET-42', until: '2027-01-31' });
});

test('a finding about ports is excused by their names', () => {
  const one = finding('gateway-answers', 'something');
  expect(excuse('on: {node: worker1}', one)).toBeUndefined();
  expect(excuse('on: {node: worker1}', one, '2026-11-21', ['default/rednet-vf2@worker1'])).toBeDefined();
  expect(excuse('on: {node: worker1}', one, '2026-11-21', ['default/rednet-vf2@worker2'])).toBeUndefined();
});

test('which built-in properties are checked', () => {
  const enabled = (builtin: string) => {
    const policy = policyOf(`lflow: 1\nbuiltin: ${builtin}`);
    return ['no-loop', 'gateway-answers'].filter((id) => isEnabled(id, policy));
  };
  expect(enabled('{enable: all}')).toEqual(['no-loop', 'gateway-answers']);
  expect(enabled('{disable: [no-loop]}')).toEqual(['gateway-answers']);
  expect(enabled('{enable: [no-loop]}')).toEqual(['no-loop']);
  expect(enabled('{enable: no-loop, disable: [no-loop]}')).toEqual([]);
  expect(isEnabled('no-loop', undefined)).toBe(true);
});
