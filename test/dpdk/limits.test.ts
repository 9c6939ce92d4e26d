/** The emulated device holds rules against a capability file, as the device that the file tells of would. */
import { expect, test } from 'vitest';
import { type Capabilities, capabilitiesOf } from '../../engine/offload/capabilities/index.ts';
import type { Action, Item, Rule } from '../../engine/offload/rules.ts';
import { emulated, install } from './rules.ts';

function known(device: string): Capabilities {
  const capabilities = capabilitiesOf(device);
  if (!capabilities) throw new Error(device);
  return capabilities;
}

const eth: Item = { type: 'eth' };
const drop: Action = { type: 'drop' };
const rule = (pattern: readonly Item[], actions: readonly Action[], more: Partial<Rule> = {}): Rule => {
  return { group: 1, priority: 0, pattern, actions, ...more };
};
const modify = (
  dst_type: 'ipv6_src' | 'ipv4_ttl' | 'tag',
  width: number,
  dst_level = 0,
  op: 'set' | 'sub' = 'set',
): Action => {
  const src_value = '00'.repeat(Math.ceil(width / 8));
  return { type: 'modify_field', op, dst_type, dst_level, src_type: 'value', src_value, width };
};
const geneve: readonly Item[] = [eth, { type: 'ipv4' }, { type: 'udp' }, { type: 'geneve' }];
const option = (type: number, words: number): Item => {
  return { type: 'geneve_opt', spec: { class: 0x102, type, data: 'ff'.repeat(words * 4) } };
};

const cases: readonly (readonly [string, Rule, string | undefined])[] = [
  [
    'connectx-6-dx-hws',
    rule([eth, { type: 'arp_eth_ipv4' }], [drop]),
    'pattern[1] (arp_eth_ipv4): arp_eth_ipv4: the parser',
  ],
  [
    'connectx-6-dx-hws',
    rule([eth], [{ type: 'dec_ttl' }, drop]),
    'actions[0] (dec_ttl): dec_ttl: hardware steering takes it only',
  ],
  ['connectx-6-dx-sws', rule([eth], [{ type: 'dec_ttl' }, drop]), undefined],
  [
    'connectx-6-dx-hws',
    rule([eth, { type: 'ipv6', spec: { src: 'fd00::1', dst: 'fd00::2' } }], [drop]),
    'the pattern: the device has 5 matchDwords, and this needs 8',
  ],
  ['bluefield-3-doca-hws', rule([eth, { type: 'ipv6', spec: { src: 'fd00::1', dst: 'fd00::2' } }], [drop]), undefined],
  [
    'bluefield-3-doca-hws',
    rule([eth, { type: 'icmp', spec: { seq: 3 } }], [drop]),
    'pattern[1] (icmp): icmp: the device does not look at seq',
  ],
  ['connectx-6-dx-hws', rule([{ type: 'tag', spec: { index: 3, data: 1 } }], [drop]), undefined],
  [
    'connectx-6-dx-hws',
    rule([{ type: 'tag', spec: { index: 4, data: 1 } }], [drop]),
    'pattern[0] (tag): the device has 4 tags, and this needs 5',
  ],
  ['connectx-6-dx-hws', rule([eth], [modify('tag', 32, 4), drop]), 'actions[0] (modify_field): the device has 4 tags'],
  ['kernel-tc', rule([eth], [modify('tag', 32), drop]), 'actions[0] (modify_field): the device does not write tag'],
  [
    'connectx-6-dx-hws',
    rule([eth], [modify('ipv4_ttl', 8, 0, 'sub'), drop]),
    'actions[0] (modify_field): the device has no operation sub',
  ],
  [
    'connectx-6-dx-hws',
    rule([eth], [...Array.from({ length: 9 }, () => modify('ipv6_src', 128)), drop]),
    'the actions: the device has 32 modifyCommands, and this needs 36',
  ],
  [
    'connectx-6-dx-hws',
    rule([eth], [...Array.from({ length: 5 }, () => modify('ipv6_src', 128)), drop], { group: 0 }),
    'the actions: the device has 16 modifyCommandsRoot, and this needs 20',
  ],
  [
    'connectx-6-dx-hws',
    rule([eth], [drop], { priority: 21844 }),
    'priority: the device has 21844 priorities, and this needs 21845',
  ],
  [
    'connectx-6-dx-hws',
    rule([eth], [drop], { group: 65532 }),
    'group: the device has 65532 groups, and this needs 65533',
  ],
  [
    'connectx-6-dx-hws',
    rule([eth], [{ type: 'jump', group: 65532 }]),
    'actions[0] (jump): the device has 65532 groups',
  ],
  [
    'connectx-6-dx-hws',
    rule([eth, { type: 'vlan' }, { type: 'vlan' }], [drop]),
    'the pattern: the device has 1 vlanTags, and this needs 2',
  ],
  [
    'connectx-6-dx-hws',
    rule([eth], [{ type: 'raw_encap', data: '00'.repeat(129) }, drop]),
    'actions[0] (raw_encap): the device has 128 encapBytes',
  ],
  ['connectx-6-dx-hws', rule([...geneve, option(0x80, 4)], [drop]), undefined],
  ['connectx-6-dx-hws', rule([...geneve, option(0x80, 5)], [drop]), 'the pattern: the device has 5 matchDwords'],
  [
    'connectx-6-dx-hws',
    rule([eth], [modify('ipv4_ttl', 8), { type: 'count' }, drop]),
    'actions[1] (count): count comes too late',
  ],
  ['connectx-6-dx-hws', rule([eth], [{ type: 'count' }, modify('ipv4_ttl', 8), drop]), undefined],
  [
    'connectx-6-dx-hws',
    rule([eth], [{ type: 'conntrack', enable: 1 }, drop], { group: 0 }),
    'actions[0] (conntrack): connections are not tracked in group 0',
  ],
];

test.each(cases)('%s takes %j or says why not', async (device, made, why) => {
  const emulator = await emulated(known(device));
  const [outcome] = await emulator.validate([made]);
  if (why === undefined) expect(outcome).toEqual({});
  else expect(outcome?.error).toContain(`the device refuses it for ${why}`);
});

test('the words of Geneve options are those of all rules together', async () => {
  const device = await emulated({
    ...known('connectx-6-dx-sws'),
    limits: { geneveOptionDwords: { value: 7, source: 'x' } },
  });
  const [id = 0] = await install(device, rule([...geneve, option(0x80, 4)], [drop]));
  const second = rule([...geneve, option(0x81, 1)], [drop]);
  const third = rule([...geneve, option(0x82, 1)], [drop]);
  await install(device, second, rule([...geneve, option(0x80, 4)], [drop]));
  expect((await device.validate([third]))[0]?.error).toContain('the device has 7 geneveOptionDwords, and this needs 9');
  await device.destroy([id]);
  expect((await device.validate([third]))[0]?.error).toContain('needs 9');
  await device.flush();
  await install(device, second, third);
});

test('what excludes each other is refused whichever comes second, and only while the first is there', async () => {
  const device = await emulated(known('connectx-6-dx-hws'));
  const ping = rule([eth, { type: 'ipv4' }, { type: 'icmp', spec: { type: 8 } }], [drop]);
  const bare = rule([eth, { type: 'ipv4' }, { type: 'icmp' }], [drop]);
  const tlv = rule([...geneve, option(0x80, 1)], [drop]);
  const [id = 0] = await install(device, tlv, bare);
  expect((await device.create([ping]))[0]?.error).toContain('no firmware profile of the flexible parser has both');
  await device.destroy([id]);
  await install(device, ping);
  expect((await device.create([tlv]))[0]?.error).toContain('no firmware profile');
});

test('rules, counters, meters and connections are counted, and given back', async () => {
  const few = (value: number) => ({ value, source: 'x' });
  const base = { ...known('connectx-6-dx-sws'), order: undefined };
  const device = await emulated({
    ...base,
    limits: { rules: few(2), counters: few(1), meters: few(1), connections: few(1) },
  });
  const counting = rule([eth], [{ type: 'count' }, drop]);
  const [first = 0] = await install(device, counting);
  expect((await device.create([counting]))[0]?.error).toContain('the device has 1 counters, and this needs 2');
  await install(device, rule([eth], [drop]));
  expect((await device.create([rule([eth], [drop])]))[0]?.error).toContain('the device has 2 rules, and this needs 3');
  await device.destroy([first]);
  await install(device, counting);
  await device.createMeter({ mtr_id: 1, cir: 1, cbs: 1 });
  await expect(device.createMeter({ mtr_id: 2, cir: 1, cbs: 1 })).rejects.toThrow('the device has 1 meters');
  await device.createIndirect(1, { type: 'conntrack' });
  await expect(device.createIndirect(2, { type: 'conntrack' })).rejects.toThrow('the device has 1 connections');
  await device.destroyMeter(1);
  await device.createMeter({ mtr_id: 2, cir: 1, cbs: 1 });
});
