/** Rules become the structures of rte_flow.h and come back as they were; what is not right is refused by its place. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ACTIONS,
  type Action,
  actionFields,
  type Fields,
  ITEMS,
  itemFields,
  MODIFIABLE,
  type Rule,
} from '../../engine/offload/rules.ts';
import { openChannel } from '../../native/offload/local.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { action, emulated, item, rules } from './rules.ts';

const { seed, runs } = seedAndRuns(500);

/** As many numbers in a rule as it takes to tell which field has which bits. */
const shape = (all: Readonly<Record<string, Fields>>) =>
  Object.fromEntries(
    Object.entries(all).map(([name, fields]) => [
      name,
      Object.fromEntries(
        Object.entries(fields).map(([field, kind]) => [
          field,
          kind.kind === 'number' ? { kind: kind.kind, bits: kind.bits } : { kind: kind.kind },
        ]),
      ),
    ]),
  );

test('both sides know the same items, actions and fields', async () => {
  const channel = await openChannel({ kind: 'emulated', ports: ['p0'] });
  expect(await channel.ask({ op: 'describe' })).toEqual({
    items: shape(itemFields),
    actions: shape(actionFields),
    modifiable: MODIFIABLE,
  });
  await channel.close();
});

/** Zero numbers that the device tells of every action. */
const conntrackZeros = Object.fromEntries(Object.keys(ACTIONS.conntrack).map((name) => [name, 0]));

async function converter() {
  const device = await emulated();
  await device.createIndirect(7, { type: 'conntrack', enable: 1 });
  return device;
}

const ruleOf = (pattern: Rule['pattern'], actions: readonly Action[]): Rule => ({
  group: 1,
  priority: 2,
  pattern,
  actions,
});

test.each(Object.keys(ITEMS))('item %s comes back', async (type) => {
  const device = await converter();
  await fc.assert(
    fc.asyncProperty(item(type), async (made) => {
      const rule = ruleOf([made], []);
      expect(await device.convert([rule])).toEqual([{ rule }]);
    }),
    { seed, numRuns: Math.ceil(runs / 10) },
  );
});

test.each(Object.keys(ACTIONS))('action %s comes back', async (type) => {
  const device = await converter();
  await fc.assert(
    fc.asyncProperty(action(type), async (made) => {
      const rule = ruleOf([], [made]);
      expect(await device.convert([rule])).toEqual([{ rule }]);
    }),
    { seed, numRuns: Math.ceil(runs / 10) },
  );
});

test('whole rules come back', async () => {
  const device = await converter();
  await fc.assert(
    fc.asyncProperty(fc.array(rules, { maxLength: 4 }), async (list) => {
      expect(await device.convert(list)).toEqual(list.map((rule) => ({ rule })));
    }),
    { seed, numRuns: runs },
  );
});

test('numbers that are not given are 0, masks that are not given are whole, masks of 0 match nothing', async () => {
  const device = await converter();
  const sparse = ruleOf(
    [{ type: 'ipv4', spec: { src: '10.1.2.3', ttl: 9 }, mask: { src: '0.0.0.0', ttl: 255 } }],
    [{ type: 'conntrack', enable: 1 }, { type: 'jump' }],
  );
  expect(await device.convert([sparse])).toEqual([
    {
      rule: ruleOf(
        [{ type: 'ipv4', spec: { ttl: 9 } }],
        [
          { type: 'conntrack', ...conntrackZeros, enable: 1 },
          { type: 'jump', group: 0 },
        ],
      ),
    },
  ]);
});

describe('a rule that is not right is refused by its place:', () => {
  const wrong: readonly (readonly [unknown, string])[] = [
    [{}, 'group: a number from 0 to 4294967295 is missing'],
    [[], 'a rule is an object with group, priority, pattern and actions'],
    [{ group: 1, priority: -1 }, 'priority: a number from 0 to 4294967295 is missing'],
    [{ group: 1, priority: 1, actions: [] }, 'pattern: a list of items is missing'],
    [{ ...ruleOf([], []), prio: 3 }, 'prio: a rule has no such field'],
    [{ ...ruleOf([], []), domain: 'in' }, 'domain: it is transfer, ingress or egress, not "in"'],
    [{ ...ruleOf([], []), pattern: [{ type: 'ip' }] }, 'pattern[0].type: there is no item "ip"'],
    [
      { ...ruleOf([], []), pattern: [{ type: 'eth' }, { type: 'ipv4', spec: { dest: '1.2.3.4' } }] },
      'pattern[1].spec.dest: ipv4 has no such field',
    ],
    [
      { ...ruleOf([], []), pattern: [{ type: 'ipv4', spec: { dst: '1.2.3' } }] },
      'pattern[0].spec.dst: "1.2.3" is no IPv4 address such as 10.0.0.1',
    ],
    [
      { ...ruleOf([], []), pattern: [{ type: 'ipv6', spec: { dst: 'fd00::g' } }] },
      'pattern[0].spec.dst: "fd00::g" is no IPv6 address such as fd00::1',
    ],
    [
      { ...ruleOf([], []), pattern: [{ type: 'eth', spec: { dst: '02-00-00-00-00-01' } }] },
      'pattern[0].spec.dst: "02-00-00-00-00-01" is no MAC address such as 02:00:00:00:00:01',
    ],
    [
      { ...ruleOf([], []), pattern: [{ type: 'vlan', spec: { vid: 4096 } }] },
      'pattern[0].spec.vid: 4096 is no integer of 12 bits',
    ],
    [
      { ...ruleOf([], []), pattern: [{ type: 'vlan', mask: { vid: 1 } }] },
      'pattern[0].mask.vid: the field has no value in spec',
    ],
    [
      { ...ruleOf([], []), pattern: [{ type: 'ipv4', spec: { ttl: 1 }, last: { tos: 3 } }] },
      'pattern[0].last.tos: the field has no value in spec',
    ],
    [
      { ...ruleOf([], []), pattern: [{ type: 'represented_port', spec: { ethdev_port_id: 'pf9' } }] },
      'pattern[0].spec.ethdev_port_id: the device has no port "pf9"; it has p0, pf0vf0, pf0vf1, pf0vf2',
    ],
    [
      { ...ruleOf([], []), pattern: [{ type: 'geneve_opt', spec: { data: '00112233', length: 2 } }] },
      'pattern[0].spec.length: it is not the length of data, which has 1 words',
    ],
    [
      { ...ruleOf([], []), pattern: [{ type: 'geneve_opt', spec: { data: '001122' } }] },
      'pattern[0].spec.data: it is not of whole words of four bytes',
    ],
    [{ ...ruleOf([], []), actions: [{ type: 'jmp' }] }, 'actions[0].type: there is no action "jmp"'],
    [{ ...ruleOf([], []), actions: [{ type: 'drop', group: 1 }] }, 'actions[0].group: drop has no such field'],
    [{ ...ruleOf([], []), actions: [{ type: 'indirect', id: 3 }] }, 'actions[0].id: there is no indirect action 3'],
    [
      { ...ruleOf([], []), actions: [{ type: 'raw_encap', data: '0g' }] },
      'actions[0].data: "0g" is not hexadecimal: two digits of 0-9 and a-f for each byte',
    ],
    [
      {
        ...ruleOf([], []),
        actions: [
          { type: 'modify_field', op: 'set', dst_type: 'ipv4_ttl', src_type: 'value', src_value: '01', width: 9 },
        ],
      },
      'actions[0].width: the bits from dst_offset on are none, or more than the 8 of ipv4_ttl',
    ],
    [
      {
        ...ruleOf([], []),
        actions: [
          { type: 'modify_field', op: 'set', dst_type: 'ipv4_src', src_type: 'value', src_value: '01', width: 8 },
        ],
      },
      'actions[0].src_value: ipv4_src has 4 bytes',
    ],
    [
      { ...ruleOf([], []), actions: [{ type: 'sample', ratio: 1, actions: [{ type: 'count', id: 1 }] }] },
      'actions[0].actions[0].id: count has no such field',
    ],
    [
      { ...ruleOf([], []), actions: [{ type: 'vxlan_encap', definition: [{ type: 'eth', spec: 3 }] }] },
      'actions[0].definition[0].spec: an object of fields is missing',
    ],
  ];

  test.each(wrong)('%j', async (rule, error) => {
    const device = await converter();
    expect(await device.convert([rule as Rule])).toEqual([{ error }]);
    expect(await device.validate([rule as Rule])).toEqual([{ error }]);
    expect(await device.create([rule as Rule])).toEqual([{ error }]);
    expect(await device.list()).toEqual([]);
  });

  test('whatever it is, the device goes on', async () => {
    const device = await converter();
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.jsonValue(), async (one, other) => {
        const nonsense = { ...ruleOf([], []), pattern: [one, { type: 'eth', spec: other }], actions: other };
        await device.create([one as unknown as Rule, nonsense as unknown as Rule]);
        expect(await device.list()).toEqual([]);
      }),
      { seed, numRuns: runs },
    );
  });
});
