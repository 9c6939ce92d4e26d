/** What is said of rules without a device is what the emulated device says of them. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { capabilitiesOf, devices } from '../../engine/offload/capabilities/index.ts';
import { checkRules } from '../../engine/offload/check.ts';
import type { Action, Rule, RuleSet } from '../../engine/offload/rules.ts';
import { action, emulated, item, PORTS } from './rules.ts';

const shared: Action = { type: 'conntrack', enable: 1 };
const meters = [{ mtr_id: 1, cir: 1000, cbs: 1000 }];

const ends: readonly Action[] = [
  { type: 'drop' },
  { type: 'represented_port', ethdev_port_id: 'p0' },
  { type: 'port_representor', port_id: 'pf0vf0' },
  { type: 'jump', group: 1 },
  { type: 'jump', group: 70000 },
];

const itemTypes = ['eth', 'vlan', 'ipv4', 'ipv6', 'tcp', 'udp', 'icmp', 'icmp6', 'geneve', 'geneve_opt', 'tag', 'meta'];
const moreTypes = ['arp_eth_ipv4', 'sctp', 'conntrack', 'represented_port', 'icmp6_nd_ns', 'vxlan', 'mark'];
const actionTypes = ['count', 'age', 'modify_field', 'set_tag', 'dec_ttl', 'raw_encap', 'raw_decap', 'set_mac_src'];
const moreActions = ['set_ipv6_src', 'of_pop_vlan', 'of_push_vlan', 'conntrack', 'sample', 'drop', 'set_ttl', 'mark'];

const few = <T>(one: fc.Arbitrary<T>, maxLength: number) => fc.array(one, { maxLength });
const items = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...itemTypes).chain(item) },
  { weight: 1, arbitrary: fc.constantFrom(...moreTypes).chain(item) },
);
const ownActions = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...actionTypes).chain((type) => action(type)) },
  { weight: 1, arbitrary: fc.constantFrom(...moreActions).chain((type) => action(type)) },
  { weight: 1, arbitrary: fc.constant<Action>({ type: 'meter', mtr_id: 1 }) },
  { weight: 1, arbitrary: fc.constant<Action>({ type: 'meter', mtr_id: 2 }) },
);

const rule = fc.record<Rule>({
  group: fc.constantFrom(0, 1, 2, 65530, 65532),
  priority: fc.constantFrom(0, 1, 21843, 21844, 100000),
  pattern: few(items, 4),
  actions: fc
    .tuple(few(ownActions, 3), fc.option(fc.constantFrom(...ends), { freq: 10 }))
    .map(([list, end]) => [...list, ...(end ? [end] : [])]),
});

/** What only a whole set shows. */
const ofWays = /has no rule$|may come back to group/;

async function agree(device: string | undefined, rules: readonly Rule[]): Promise<void> {
  const capabilities = device === undefined ? undefined : capabilitiesOf(device);
  const ruleSet: RuleSet = { node: 'n', device: 'd', meters, indirect: [{ id: 1, action: shared }], rules };
  const made = checkRules(ruleSet, capabilities, { ports: PORTS }).filter(({ message }) => !ofWays.test(message));
  const emulator = await emulated(capabilities);
  await emulator.createMeter(meters[0] as (typeof meters)[number]);
  await emulator.createIndirect(1, shared);
  for (const [index, one] of rules.entries()) {
    const [outcome] = await emulator.create([one]);
    const said = made.filter((problem) => problem.rule === index).map(({ message }) => message);
    const where = `${device} rules[${index}] ${JSON.stringify(one)}: the device says ${outcome?.error}, here ${said}`;
    expect(said.length > 0, where).toBe(outcome?.error !== undefined);
  }
}

test.each([...devices, undefined])('rules at random for %s are refused by both or by none', async (device) => {
  await fc.assert(
    fc.asyncProperty(fc.array(rule, { minLength: 1, maxLength: 12 }), (rules) => agree(device, rules)),
    { numRuns: 150 },
  );
});

test('a few rules that are as a planner makes them are taken by both', async () => {
  const rules: Rule[] = [
    {
      group: 0,
      priority: 0,
      pattern: [
        { type: 'represented_port', spec: { ethdev_port_id: 'pf0vf0' } },
        { type: 'eth', spec: { has_vlan: 0 } },
      ],
      actions: [{ type: 'jump', group: 1 }],
    },
    {
      group: 1,
      priority: 0,
      pattern: [{ type: 'eth', spec: { dst: '02:00:00:00:00:01' } }, { type: 'ipv4' }],
      actions: [{ type: 'count' }, { type: 'represented_port', ethdev_port_id: 'p0' }],
    },
  ];
  for (const device of devices.filter((name) => name !== 'kernel-tc')) await agree(device, rules);
  await agree(undefined, rules);
});
