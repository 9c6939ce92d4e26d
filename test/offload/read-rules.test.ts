/** A file of rules is read whole, or refused with the place and the mistake. */
import { expect, test } from 'vitest';
import { readRuleSet } from '../../engine/offload/read-rules.ts';
import type { RuleSet } from '../../engine/offload/rules.ts';

const ruleSet: RuleSet = {
  node: 'worker1',
  device: 'bluefield-3-doca-hws',
  indirect: [{ id: 1, action: { type: 'conntrack', enable: 1 } }],
  meters: [{ mtr_id: 1, cir: 125_000_000, cbs: 100_000 }],
  rules: [
    {
      group: 0,
      priority: 7,
      cookie: 'x',
      pattern: [
        { type: 'eth', spec: { dst: '02:00:00:00:00:01' } },
        { type: 'ipv4', spec: { dst: '10.0.0.0' }, mask: { dst: '255.255.255.0' } },
        { type: 'geneve_opt', spec: { class: 0x102, type: 0x80, length: 1, data: '00010002' } },
      ],
      actions: [
        { type: 'modify_field', op: 'set', dst_type: 'ipv4_ttl', src_type: 'value', src_value: '3f', width: 8 },
        { type: 'vxlan_encap', definition: [{ type: 'ipv6', spec: { src: 'fd00::1' } }] },
        { type: 'sample', ratio: 1, actions: [{ type: 'drop' }] },
        { type: 'represented_port', ethdev_port_id: 'pf0vf2' },
      ],
    },
  ],
};

const complaints = (value: unknown) =>
  readRuleSet(typeof value === 'string' ? value : JSON.stringify(value), 'r.json').problems.map(
    ({ path, message, hint }) => `${path}: ${message}${hint ? `; ${hint}` : ''}`,
  );

test('a set of rules, and the one of a plan', () => {
  expect(readRuleSet(JSON.stringify(ruleSet), 'r.json')).toEqual({ ruleSet, problems: [] });
  expect(readRuleSet(JSON.stringify({ node: 'worker1', ruleSet, traffic: [] }), 'r.json')).toEqual({
    ruleSet,
    problems: [],
  });
});

const withItem = (item: unknown) => ({ ...ruleSet, rules: [{ ...ruleSet.rules[0], pattern: [item] }] });
const withAction = (action: unknown) => ({ ...ruleSet, rules: [{ ...ruleSet.rules[0], actions: [action] }] });

test.each([
  ['{', ': it is not JSON'],
  ['[]', ': a set of rules is an object with node, device and rules'],
  ['{"node": 1, "device": "x", "rules": []}', 'node: it has to be a name'],
  ['{"node": "a", "device": "x"}', 'rules: it is missing'],
  ['{"node": "a", "device": "x", "rules": 3}', 'rules: 3 is not a list'],
  ['{"node": "a", "device": "x", "rules": [null]}', 'rules[0]: null is not an object'],
  ['{"node": "a", "device": "x", "rules": [], "rule": []}', 'rule: there is no such field here; perhaps rules'],
  ['{"ruleSet": {"node": "a", "device": "x", "rules": [{}]}}', 'ruleSet.rules[0].group: nothing is no number'],
  [{ ...ruleSet, rules: [{ ...ruleSet.rules[0], domain: 'up' }] }, 'rules[0].domain: "up" is no domain'],
  [{ ...ruleSet, rules: [{ ...ruleSet.rules[0], priority: -1 }] }, 'rules[0].priority: -1 is no number'],
  [withItem({ type: 'ipv5' }), 'rules[0].pattern[0].type: there is no item "ipv5"; perhaps ipv4'],
  [withItem({ type: 'constructor' }), 'rules[0].pattern[0].type: there is no item "constructor"'],
  [withItem({ type: 'ipv4', spec: { dst: '10.0.0' } }), 'rules[0].pattern[0].spec.dst: "10.0.0" is no IPv4 address'],
  [
    withItem({ type: 'ipv6', spec: { dst: '10.0.0.1' } }),
    'rules[0].pattern[0].spec.dst: "10.0.0.1" is no IPv6 address',
  ],
  [withItem({ type: 'eth', mask: { src: 'ff' } }), 'rules[0].pattern[0].mask.src: "ff" is no MAC address'],
  [withItem({ type: 'vlan', spec: { vid: 4096 } }), 'rules[0].pattern[0].spec.vid: 4096 is no number from 0 to 4095'],
  [withItem({ type: 'vlan', spec: 3 }), 'rules[0].pattern[0].spec: 3 is not an object of fields'],
  [withItem({ type: 'vlan', vid: 3 }), 'rules[0].pattern[0].vid: there is no such field here'],
  [
    withItem({ type: 'geneve_opt', spec: { data: '0G' } }),
    'rules[0].pattern[0].spec.data: "0G" is not at most 124 bytes',
  ],
  [withAction({ type: 'jump', group: 1.5 }), 'rules[0].actions[0].group: 1.5 is no number'],
  [withAction({ type: 'jump', grupo: 1 }), 'rules[0].actions[0].grupo: there is no such field here; known are group'],
  [withAction({ type: 'modify_field', op: 'mul' }), 'rules[0].actions[0].op: "mul" is not known'],
  [
    withAction({ type: 'sample', actions: [{ type: 'drop' }, 3] }),
    'rules[0].actions[0].actions[1]: 3 is not an object',
  ],
  [
    withAction({ type: 'represented_port', ethdev_port_id: null }),
    'rules[0].actions[0].ethdev_port_id: null is no number from 0 to 65535; give the name of a representor',
  ],
  [{ ...ruleSet, meters: [{ mtr_id: 1, cir: -1, cbs: 1 }] }, 'meters[0].cir: -1 is no number'],
  [{ ...ruleSet, indirect: [{ id: 1 }] }, 'indirect[0].action: nothing is no action'],
])('%j is refused', (value, complaint) => {
  expect(complaints(value).join('\n')).toContain(complaint);
});

test('of very many mistakes some are told', () => {
  expect(complaints({ ...ruleSet, rules: Array.from({ length: 500 }, () => ({})) })).toHaveLength(100);
});
