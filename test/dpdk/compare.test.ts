/** What a device has, beside what it should have: equal behind every exchange, and each difference told. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Rule, RuleSet } from '../../engine/offload/rules.ts';
import { applyRules, compareRules, isSame } from '../../native/offload/index.ts';
import { emulated, PORTS, rules } from './rules.ts';

const ruleSet: RuleSet = {
  node: 'worker1',
  device: 'any',
  indirect: [
    { id: 40, action: { type: 'conntrack', enable: 1, liberal: 1 } },
    { id: 9, action: { type: 'conntrack', enable: 1, state: 1 } },
  ],
  meters: [{ mtr_id: 70, cir: 1000, cbs: 2000 }],
  rules: [
    {
      group: 0,
      priority: 3,
      pattern: [{ type: 'eth' }, { type: 'ipv4', spec: { dst: '10.0.0.1' } }],
      actions: [{ type: 'jump', group: 5 }],
      cookie: 'first',
    },
    {
      group: 5,
      priority: 0,
      pattern: [{ type: 'eth' }, { type: 'ipv4', spec: { proto: 6 } }, { type: 'tcp' }],
      actions: [
        { type: 'indirect', id: 9, reply: 1 },
        { type: 'count' },
        { type: 'represented_port', ethdev_port_id: 1 },
      ],
      cookie: 'connection',
    },
    {
      group: 5,
      priority: 1,
      pattern: [{ type: 'eth', spec: { type: 0x806 } }],
      actions: [{ type: 'meter', mtr_id: 70 }, { type: 'drop' }],
    },
    {
      group: 5,
      priority: 2,
      pattern: [{ type: 'eth' }],
      actions: [{ type: 'indirect', id: 40 }, { type: 'drop' }],
      cookie: 'other',
    },
  ],
};

test('a device without rules lacks them all; one that was given them lacks none', async () => {
  const device = await emulated();
  expect(await compareRules(device, ruleSet)).toMatchObject({ generation: 0, missing: ruleSet.rules, same: 0 });
  for (let turn = 1; turn < 4; turn++) {
    await applyRules(device, ruleSet);
    const found = await compareRules(device, ruleSet);
    expect(found).toEqual({
      generation: turn,
      same: 4,
      missing: [],
      changed: [],
      foreign: [],
      outside: [],
      shared: [],
    });
    expect(isSame(found)).toBe(true);
  }
});

test('any rule that a device takes is found again as it was', { timeout: 60_000 }, async () => {
  const device = await emulated();
  await fc.assert(
    fc.asyncProperty(fc.array(rules, { maxLength: 4 }), async (made) => {
      // As a set of rules has them: of the switch, no shared actions, the groups not too many.
      const kept = made
        .map(({ domain: _, ...rule }): Rule => ({ ...rule, group: rule.group % 7 }))
        .filter(({ actions }) => !actions.some(({ type }) => ['indirect', 'meter', 'jump', 'sample'].includes(type)));
      const outcomes = await device.validate(kept.map((rule) => ({ ...rule, group: rule.group + 1 })));
      const set = { ...ruleSet, rules: kept.filter((_, index) => outcomes[index]?.error === undefined) };
      await applyRules(device, set);
      expect(isSame(await compareRules(device, set))).toBe(true);
    }),
    { numRuns: 100 },
  );
});

test('a rule that was destroyed, one that was added, one with other actions, one with another pattern', async () => {
  const device = await emulated();
  await applyRules(device, ruleSet);
  const installed = await device.list();
  const found = (cookie: string) => {
    const one = installed.find(({ rule }) => rule.cookie === cookie);
    if (!one) throw new Error(cookie);
    return one;
  };
  const [first, connection, other] = [found('first'), found('connection'), found('other')];
  await device.destroy([first.id, connection.id, other.id]);
  const stranger: Rule = {
    group: connection.rule.group,
    priority: 9,
    pattern: [{ type: 'eth' }],
    actions: [{ type: 'drop' }],
  };
  const outside: Rule = {
    group: 0,
    priority: 0,
    pattern: [{ type: 'eth', spec: { type: 0x86dd } }],
    actions: [{ type: 'drop' }],
  };
  await device.create([
    { ...connection.rule, actions: [{ type: 'drop' }] },
    { ...other.rule, pattern: [{ type: 'eth', spec: { type: 0x800 } }], cookie: 'other' },
    stranger,
    outside,
  ]);
  const difference = await compareRules(device, ruleSet);
  expect(difference.missing).toEqual([ruleSet.rules[0]]);
  expect(difference.changed.map(({ wanted, parts }) => [wanted.cookie, parts])).toEqual([
    ['connection', ['actions']],
    ['other', ['pattern']],
  ]);
  expect(difference.foreign.map(({ rule }) => [rule.group, rule.priority])).toEqual([[5, 9]]);
  expect(difference.outside.map(({ rule }) => rule.group)).toEqual([0]);
  expect(difference.same).toBe(1);
  expect(isSame(difference)).toBe(false);
  // The rule that somebody else put before ours goes, and all is as it should be.
  await applyRules(device, ruleSet);
  expect(isSame(await compareRules(device, ruleSet))).toBe(true);
  expect(await device.list()).toHaveLength(5);
});

test('a place, a meter and a connection that are others', async () => {
  const device = await emulated();
  await applyRules(device, ruleSet);
  const [one, two] = ruleSet.indirect ?? [];
  if (!one || !two) throw new Error('no connections');
  const different: RuleSet = {
    ...ruleSet,
    indirect: [{ ...two, id: 40 }, two],
    meters: [{ mtr_id: 70, cir: 999, cbs: 2000 }],
    rules: ruleSet.rules.map((rule, index) => (index === 0 ? { ...rule, priority: 4 } : rule)),
  };
  const { shared, changed, missing, foreign } = await compareRules(device, different);
  expect(shared).toEqual([
    'the shared action 40 of the rule set, 0 in the device, is another there',
    'the meter 70 of the rule set, 0 in the device, passes 1000 bytes a second (burst 2000) and not 999 (burst 2000)',
  ]);
  expect(changed.map(({ parts }) => parts)).toEqual([['place']]);
  expect([missing, foreign]).toEqual([[], []]);
});

test('ports are the same by name and by number', async () => {
  const device = await emulated();
  const to = (ethdev_port_id: string | number): RuleSet => ({
    node: 'worker1',
    device: 'any',
    rules: [
      { group: 0, priority: 0, pattern: [{ type: 'eth' }], actions: [{ type: 'represented_port', ethdev_port_id }] },
    ],
  });
  await applyRules(device, to(2));
  expect(isSame(await compareRules(device, to(PORTS[2])))).toBe(true);
  expect(isSame(await compareRules(device, to(PORTS[1])))).toBe(false);
});
