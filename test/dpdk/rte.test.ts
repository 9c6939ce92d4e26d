/** What is asked of rte_flow(3) and rte_mtr(3), on a test double that records the calls (native/test/rte). */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Action, Rule } from '../../engine/offload/rules.ts';
import { applyRules } from '../../native/offload/index.ts';
import { type Double, doubleOf, ealOptions, startDouble } from './doubles.ts';

const folder = mkdtempSync(join(tmpdir(), 'lflow-rte-'));
afterAll(() => rmSync(folder, { recursive: true }));

const start = (fail = '', message = ''): Promise<Double> =>
  startDouble(doubleOf('rte-double'), { kind: 'dpdk', eal: ealOptions() }, folder, (record) => ({
    LFLOW_RTE_RECORD: record,
    LFLOW_RTE_FAIL: fail,
    ...(message !== '' && { LFLOW_RTE_MESSAGE: message }),
  }));

const rule = (actions: readonly Action[], more: Partial<Rule> = {}): Rule => {
  return { group: 1, priority: 2, pattern: [{ type: 'eth' }], actions, ...more };
};
const drop: Action = { type: 'drop' };

test('rules of the switch go by the proxy of the first port, others by the port', async () => {
  const { device, calls, end } = await start();
  expect(calls()).toEqual(['rte_flow_pick_transfer_proxy port 0']);
  await device.validate([rule([drop])]);
  const [first] = await device.create([rule([drop]), rule([drop], { domain: 'ingress' })]);
  expect(first).toEqual({ id: 1 });
  expect(calls()).toEqual([
    'rte_flow_validate port 1 transfer group 1 priority 2 pattern eth actions drop',
    'rte_flow_create port 1 transfer group 1 priority 2 pattern eth actions drop',
    'rte_flow_create port 0 ingress group 1 priority 2 pattern eth actions drop',
  ]);
  await device.destroy([1, 2]);
  expect(calls()).toEqual(['rte_flow_destroy port 1 flow 1', 'rte_flow_destroy port 0 flow 2']);
  await device.flush();
  expect(calls()).toEqual(['rte_flow_flush port 1', 'rte_flow_flush port 0']);
  expect(await end()).toEqual(['rte_flow_flush port 1', 'rte_flow_flush port 0']);
});

test('counters and ages are read with the actions of the rule, and aged rules by their context', async () => {
  const { device, calls } = await start();
  await device.create([rule([drop]), rule([{ type: 'count' }, { type: 'age', timeout: 5 }, drop])]);
  calls();
  expect(await device.list()).toMatchObject([{ id: 1 }, { id: 2, packets: 3, bytes: 1500, aged: true, idle: 17 }]);
  expect(calls()).toEqual(['rte_flow_query port 1 count', 'rte_flow_query port 1 age']);
  expect(await device.aged()).toEqual([2]);
  expect(calls()).toEqual(['rte_flow_get_aged_flows port 1 0', 'rte_flow_get_aged_flows port 1 1']);
});

test('a shared connection is turned to the direction of each rule that uses it', async () => {
  const { device, calls, end } = await start();
  await device.createIndirect(4, { type: 'conntrack', is_orig: 1, enable: 1 });
  await device.create([rule([{ type: 'indirect', id: 4 }, drop]), rule([{ type: 'indirect', id: 4, reply: 1 }, drop])]);
  expect(calls().slice(1)).toEqual([
    'rte_flow_action_handle_create port 1 transfer conntrack',
    'rte_flow_action_handle_update port 1 original',
    expect.stringMatching(/^rte_flow_create /),
    'rte_flow_action_handle_update port 1 reply',
    expect.stringMatching(/^rte_flow_create /),
  ]);
  // Rules go before what they use.
  expect(await end()).toEqual([
    'rte_flow_flush port 1',
    'rte_flow_flush port 0',
    'rte_flow_action_handle_destroy port 1',
  ]);
});

test('a meter is a profile, a policy that drops what is red, and the meter; a failure takes back what was made', async () => {
  const { device, calls } = await start();
  calls();
  await device.createMeter({ mtr_id: 6, cir: 1000, cbs: 2000 });
  await device.destroyMeter(6);
  expect(calls()).toEqual([
    'rte_mtr_meter_profile_add port 0 6 cir 1000 cbs 2000',
    'rte_mtr_meter_policy_add port 0 6 red drops',
    'rte_mtr_create port 0 6 profile 6 policy 6 enabled shared',
    'rte_mtr_destroy port 0 6',
    'rte_mtr_meter_policy_delete port 0 6',
    'rte_mtr_meter_profile_delete port 0 6',
  ]);
  const failing = await start('rte_mtr_create:1');
  await expect(failing.device.createMeter({ mtr_id: 6, cir: 1, cbs: 1 })).rejects.toThrow('Operation not supported');
  expect(failing.calls().slice(-2)).toEqual([
    'rte_mtr_meter_policy_delete port 0 6',
    'rte_mtr_meter_profile_delete port 0 6',
  ]);
});

test('what a driver says is told with the place that it names', async () => {
  const { device } = await start('rte_flow_create:2', 'no more counters');
  expect(await device.create([rule([drop]), rule([{ type: 'count' }, drop])])).toEqual([
    { id: 1 },
    { error: 'the device refuses it for actions[1] (drop): no more counters' },
  ]);
  const silent = await start('rte_flow_validate:1');
  expect(await silent.device.validate([rule([drop])])).toEqual([
    { error: 'the device refuses it: Operation not supported' },
  ]);
});

test('a rule that cannot be destroyed stays, and sets are exchanged by one creation or one destruction', async () => {
  const { device, calls } = await start('rte_flow_destroy:1');
  await device.create([rule([drop])]);
  expect(await device.destroy([1])).toEqual([{ error: 'the device refuses it: Operation not supported' }]);
  await device.destroy([1]);
  const set = { node: 'worker1', device: 'any', rules: [rule([drop], { group: 0 })] };
  await applyRules(device, set);
  calls();
  await applyRules(device, set);
  expect(calls().filter((line) => !line.startsWith('rte_flow_validate'))).toEqual([
    'rte_flow_create port 1 transfer group 2 priority 2 pattern eth actions drop',
    'rte_flow_create port 1 transfer group 0 priority 1 pattern eth actions jump',
    expect.stringMatching(/^rte_flow_destroy port 1 /),
    expect.stringMatching(/^rte_flow_destroy port 1 /),
  ]);
});
