/** Rules are held against a capability file where there is no device; test/dpdk/check.test.ts asks the emulated device, too. */
import { expect, test } from 'vitest';
import { type Capabilities, capabilitiesOf } from '../../engine/offload/capabilities/index.ts';
import { checkRules, problemText } from '../../engine/offload/check.ts';
import type { Action, Item, Rule, RuleSet } from '../../engine/offload/rules.ts';

const eth: Item = { type: 'eth' };
const drop: Action = { type: 'drop' };
const rule = (pattern: readonly Item[], actions: readonly Action[], more: Partial<Rule> = {}): Rule => {
  return { group: 0, priority: 0, pattern, actions, ...more };
};
const set = (...rules: readonly Rule[]): RuleSet => ({ node: 'n', device: 'd', rules });
const known = (device: string): Capabilities => {
  const capabilities = capabilitiesOf(device);
  if (!capabilities) throw new Error(device);
  return capabilities;
};
const ports = ['p0', 'pf0vf0'];
const said = (device: string | undefined, ...rules: readonly Rule[]): string[] =>
  checkRules(set(...rules), device === undefined ? undefined : known(device), { ports }).map(problemText);

const to = (port: string): Action => ({ type: 'represented_port', ethdev_port_id: port });
const option = (type: number, words: number): Item => {
  return { type: 'geneve_opt', spec: { class: 0x102, type, data: 'ff'.repeat(words * 4) } };
};

test.each<readonly [string | undefined, Rule, string]>([
  [
    undefined,
    rule([eth], [to('pf0vf7')]),
    'rules[0].actions[0] (represented_port): the device has no port "pf0vf7"; it has p0, pf0vf0',
  ],
  [
    undefined,
    rule([eth], [drop, { type: 'count' }]),
    "rules[0].actions[1] (count): nothing can be done behind the action that ends a packet's way",
  ],
  [undefined, rule([eth], [drop, drop]), "rules[0].actions[1] (drop): a packet's way has ended before this action"],
  [
    undefined,
    rule([eth], [{ type: 'count' }]),
    "rules[0].actions: no action ends the packet's way: jump, drop or a port is missing",
  ],
  [undefined, rule([eth], [{ type: 'meter', mtr_id: 3 }, drop]), 'rules[0].actions[0] (meter): there is no such meter'],
  [
    undefined,
    rule([eth], [{ type: 'indirect', id: 3 }, drop]),
    'rules[0].actions[0] (indirect): there is no indirect action 3',
  ],
  [
    undefined,
    rule([eth], [drop], { domain: 'ingress' }),
    'rules[0].domain: only rules of the switch (transfer) are taken',
  ],
  [
    'connectx-6-dx-hws',
    rule([eth, { type: 'arp_eth_ipv4' }], [drop]),
    'rules[0].pattern[1] (arp_eth_ipv4): arp_eth_ipv4: the parser',
  ],
  [
    'connectx-6-dx-hws',
    rule([eth], [{ type: 'dec_ttl' }, drop]),
    'rules[0].actions[0] (dec_ttl): dec_ttl: hardware steering takes it only',
  ],
  [
    'bluefield-3-doca-hws',
    rule([{ type: 'icmp', spec: { seq: 3 } }], [drop]),
    'rules[0].pattern[0] (icmp): icmp: the device does not look at seq',
  ],
  [
    'connectx-6-dx-hws',
    rule([{ type: 'ipv6', spec: { src: 'fd00::1', dst: 'fd00::2' } }], [drop]),
    'rules[0].pattern: the device has 5 matchDwords, and this needs 8',
  ],
  [
    'connectx-6-dx-hws',
    rule([{ type: 'tag', spec: { index: 4, data: 1 } }], [drop]),
    'rules[0].pattern[0] (tag): the device has 4 tags, and this needs 5',
  ],
  [
    'connectx-6-dx-hws',
    rule([eth], [{ type: 'raw_encap', data: '00'.repeat(129) }, drop]),
    'rules[0].actions[0] (raw_encap): the device has 128 encapBytes, and this needs 129',
  ],
  [
    'connectx-6-dx-hws',
    rule([eth], [drop], { group: 1, priority: 21844 }),
    'rules[0].priority: the device has 21844 priorities, and this needs 21845',
  ],
  [
    'connectx-6-dx-hws',
    rule([eth], [{ type: 'conntrack', enable: 1 }, drop]),
    'rules[0].actions[0] (conntrack): connections are not tracked in group 0',
  ],
])('%s, %j: the place and what is wrong', (device, one, sentence) => {
  const [first = '', ...more] = said(device, one);
  expect(first).toContain(sentence);
  expect(more).toEqual([]);
});

test('an IPv6 mask is counted by its bits', () => {
  const wide = (mask: string) =>
    rule([{ type: 'ipv6', spec: { src: 'fd00::1', dst: 'fd00::' }, mask: { dst: mask } }], [drop]);
  expect(said('connectx-6-dx-hws', wide('ffff:ffff::'))).toEqual([]);
  expect(said('connectx-6-dx-hws', wide('ffff:ffff:8000::'))[0]).toContain('this needs 6');
});

test('actions stand in the order in which the device does them', () => {
  const ttl: Action = {
    type: 'modify_field',
    op: 'add',
    dst_type: 'ipv4_ttl',
    src_type: 'value',
    src_value: 'ff',
    width: 8,
  };
  expect(said('connectx-6-dx-hws', rule([eth], [{ type: 'count' }, ttl, drop]))).toEqual([]);
  expect(said('connectx-6-dx-hws', rule([eth], [ttl, { type: 'count' }, drop]))[0]).toContain('count comes too late');
});

test('what all rules of a device use together is counted over those that it takes', () => {
  const ping = rule([{ type: 'icmp', spec: { type: 8 } }], [drop]);
  const [why, ...more] = said('connectx-6-dx-hws', rule([eth, option(0x80, 1)], [drop]), ping);
  expect(why).toContain('rules[1]: no firmware profile of the flexible parser has both');
  expect(more).toEqual([]);
  const refused = rule([eth, option(0x80, 1)], [{ type: 'dec_ttl' }, drop]);
  expect(said('connectx-6-dx-hws', refused, ping)).toHaveLength(1);
});

test('a jump to the own group, to no rule, and round', () => {
  const jump = (group: number, from: number) => rule([eth], [{ type: 'jump', group }], { group: from });
  expect(said(undefined, jump(0, 0))).toEqual(["rules[0].actions[0] (jump): the jump goes to the rule's own group"]);
  expect(said(undefined, jump(5, 0))).toEqual([
    'rules[0].actions[0] (jump): the jump goes to group 5, which has no rule',
  ]);
  expect(said(undefined, jump(1, 0), jump(2, 1), jump(1, 2))).toEqual([
    'rules[1].actions[0] (jump): from group 2 packets may come back to group 1',
    'rules[2].actions[0] (jump): from group 1 packets may come back to group 2',
  ]);
});
