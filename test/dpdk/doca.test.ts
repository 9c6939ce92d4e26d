/**
 * The way to DOCA Flow, on a test double that records its calls (native/test/doca): which are made, in which order and
 * with what, and what is done where one fails.  Whether hardware does what they say is for docs/offload/doca.md.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import type { Action, Item, Rule } from '../../engine/offload/rules.ts';
import { type Double, doubleOf, ealOptions, startDouble } from './doubles.ts';

const folder = mkdtempSync(join(tmpdir(), 'lflow-doca-'));
afterAll(() => rmSync(folder, { recursive: true }));

const options = () => ({ kind: 'doca', eal: ealOptions(), counters: 100 }) as const;
const doubles = [doubleOf('doca-double-33'), doubleOf('doca-double-32')];

/** Starts a double; `fail` is `FUNCTION:N`.  Calls that only wait are left out. */
async function start(fail = '', program = doubles[0] ?? ''): Promise<Double> {
  const double = await startDouble(program, options(), folder, (record) => {
    return { LFLOW_DOCA_RECORD: record, LFLOW_DOCA_FAIL: fail };
  });
  const telling = (calls: readonly string[]) =>
    calls.filter((line) => line !== 'hardware' && line !== 'doca_flow_entries_process');
  return { device: double.device, calls: () => telling(double.calls()), end: async () => telling(await double.end()) };
}

const eth: Item = { type: 'eth' };
const drop: Action = { type: 'drop' };
const rule = (pattern: readonly Item[], actions: readonly Action[], more: Partial<Rule> = {}): Rule => {
  return { group: 0, priority: 3, pattern, actions, ...more };
};

const setUp = [
  'doca_flow_cfg_create',
  'doca_flow_cfg_set_pipe_queues 1',
  'doca_flow_cfg_set_mode_args switch,hws',
  'doca_flow_cfg_set_nr_counters 100',
  'doca_flow_cfg_set_cb_entry_process',
  'doca_flow_init',
  'doca_flow_cfg_destroy',
  ...[0, 1].flatMap((port) => [
    `doca_dpdk_port_as_dev ${port}`,
    'doca_flow_port_cfg_create',
    `doca_flow_port_cfg_set_port_id ${port}`,
    'doca_flow_port_cfg_set_dev',
    `doca_flow_port_start ${port}`,
    'doca_flow_port_cfg_destroy',
  ]),
  'doca_flow_port_switch_get',
  'doca_flow_get_target kernel',
];
const tearDown = [
  'doca_flow_port_pipes_flush',
  'doca_flow_port_stop 1',
  'doca_flow_port_stop 0',
  'doca_flow_destroy',
  'doca_dev_close',
  'doca_dev_close',
];
const pipe = (group: number) => [
  'doca_flow_pipe_cfg_create',
  `doca_flow_pipe_cfg_set_name group ${group}`,
  'doca_flow_pipe_cfg_set_type control',
  `doca_flow_pipe_cfg_set_is_root ${group === 0 ? 'yes' : 'no'}`,
  `doca_flow_pipe_create group ${group}`,
  'doca_flow_pipe_cfg_destroy',
  `doca_flow_pipe_control_add_entry pipe:group ${group} priority=65535 match: fwd=kernel`,
];

test.each(doubles)('DOCA Flow is started, takes rules and is ended in order: %s', async (program) => {
  const { device, calls, end } = await start('', program);
  expect(calls()).toEqual(setUp);
  const outcomes = await device.create([
    rule([eth], [{ type: 'jump', group: 2 }]),
    rule([eth, { type: 'ipv4' }], [{ type: 'count' }, { type: 'age', timeout: 9 }, drop], { group: 2, priority: 1 }),
  ]);
  const ids = outcomes.map(({ id }) => id ?? 0);
  expect(ids).toEqual([1, 2]);
  expect(calls()).toEqual([
    ...pipe(0),
    ...pipe(2),
    'doca_flow_pipe_control_add_entry pipe:group 0 priority=3 match: fwd=pipe:group 2',
    'doca_flow_pipe_control_add_entry pipe:group 2 priority=1 match: outer.ip4 count age=9 fwd=drop',
  ]);
  expect(await device.list()).toMatchObject([{ id: 1 }, { id: 2, packets: 3, bytes: 1500, aged: false }]);
  expect(await device.aged()).toEqual([2]);
  expect(await device.aged()).toEqual([]);
  calls();
  // A pipe goes with the last rule that is in it or leads to it.
  await device.destroy(ids.slice(1));
  expect(calls()).toEqual(['doca_flow_pipe_remove_entry']);
  await device.destroy(ids.slice(0, 1));
  expect(calls()).toEqual([
    'doca_flow_pipe_remove_entry',
    'doca_flow_pipe_destroy group 0',
    'doca_flow_pipe_destroy group 2',
  ]);
  expect(await end()).toEqual(['doca_flow_port_pipes_flush', ...tearDown]);
});

describe('a rule is said in structures of DOCA Flow:', () => {
  const cases: readonly (readonly [string, readonly Item[], readonly Action[], string])[] = [
    [
      'Ethernet and a tag',
      [
        { type: 'eth', spec: { src: '02:00:00:00:00:01', type: 0x800 } },
        { type: 'vlan', spec: { vid: 5 } },
      ],
      [drop],
      'match: outer.eth.src=020000000001/ffffffffffff outer.eth.type=0800/ffff outer.vlans=1 outer.vlan=0005/0fff fwd=drop',
    ],
    [
      'IPv4, its fragments and TCP',
      [
        eth,
        {
          type: 'ipv4',
          spec: { src: '10.0.0.0', ttl: 9, fragment_offset: 0 },
          mask: { src: '255.0.0.0', fragment_offset: 0x3fff },
        },
        { type: 'tcp', spec: { dst: 80, flags: 2 }, mask: { flags: 0x12 } },
      ],
      [drop],
      'match: fragmented=00/ff outer.ip4 src=0a000000/ff000000 ttl=09/ff outer.tcp dport=0050/ffff flags=02/12 fwd=drop',
    ],
    [
      'IPv6 and UDP',
      [eth, { type: 'ipv6', spec: { dst: 'fd00::1', has_frag_ext: 1 } }, { type: 'udp', spec: { src: 53 } }],
      [drop],
      `match: fragmented=01/ff outer.ip6 dst=fd${'0'.repeat(29)}1/${'f'.repeat(32)} outer.udp sport=0035/ffff fwd=drop`,
    ],
    [
      'ICMP',
      [eth, { type: 'ipv4' }, { type: 'icmp', spec: { type: 8, code: 0 } }],
      [drop],
      'match: outer.ip4 outer.icmp type=08/ff code=00/ff fwd=drop',
    ],
    [
      'Geneve and what is in it',
      [
        eth,
        { type: 'ipv4' },
        { type: 'udp' },
        { type: 'geneve', spec: { vni: 0x12345 } },
        eth,
        { type: 'ipv4', spec: { dst: '1.2.3.4' } },
      ],
      [
        { type: 'raw_decap', data: '' },
        { type: 'represented_port', ethdev_port_id: 'net_null1' },
      ],
      'match: outer.ip4 outer.udp geneve vni=01234500/ffffff00 inner.ip4 dst=01020304/ffffffff actions: decap fwd=port:1',
    ],
    [
      'registers and the port',
      [
        { type: 'represented_port', spec: { ethdev_port_id: 1 } },
        { type: 'tag', spec: { index: 2, data: 0x1234 }, mask: { data: 0xffff } },
        { type: 'meta', spec: { data: 7 } },
      ],
      [
        {
          type: 'modify_field',
          op: 'set',
          dst_type: 'tag',
          dst_level: 9,
          src_type: 'value',
          src_value: '00001234',
          width: 32,
        },
        { type: 'port_representor', port_id: 0 },
      ],
      'match: pkt_meta=00000007/ffffffff u32[2]=00001234/0000ffff port_id=0100/ffff actions: u32[9]=00001234/ffffffff fwd=kernel',
    ],
    [
      'changes, and an addition',
      [eth],
      [
        {
          type: 'modify_field',
          op: 'set',
          dst_type: 'mac_dst',
          src_type: 'value',
          src_value: '020000000009',
          width: 48,
        },
        {
          type: 'modify_field',
          op: 'set',
          dst_type: 'ipv4_src',
          dst_offset: 8,
          src_type: 'value',
          src_value: '01020304',
          width: 16,
        },
        { type: 'modify_field', op: 'add', dst_type: 'ipv4_ttl', src_type: 'value', src_value: 'ff', width: 8 },
        drop,
      ],
      'match: actions: outer.eth.dst=020000000009/ffffffffffff outer.ip4 src=00020300/00ffff00 ttl=ff/ff add:outer.ipv4.ttl:8 fwd=drop',
    ],
    [
      'an encapsulation',
      [eth],
      [
        {
          type: 'raw_encap',
          data:
            '020000000002' +
            '020000000001' +
            '0800' +
            '45000000000000004011000014000001' +
            '14000002' +
            '138812b500000000' +
            '0800000000000900',
        },
        drop,
      ],
      'match: actions: encap outer.eth.dst=020000000002/ffffffffffff outer.eth.src=020000000001/ffffffffffff outer.eth.type=0800/ffff ' +
        'outer.vlan=0000/ffff outer.ip4 src=14000001/ffffffff dst=14000002/ffffffff proto=00/ff tos=00/ff ttl=40/ff ' +
        'outer.udp sport=1388/ffff dport=12b5/ffff vxlan vni=00000900/ffffffff fwd=drop',
    ],
  ];

  test('each of these', async () => {
    const { device, calls } = await start();
    for (const [name, pattern, actions, said] of cases) {
      expect((await device.create([rule(pattern, actions)]))[0], name).not.toHaveProperty('error');
      expect(calls().at(-1), name).toBe(`doca_flow_pipe_control_add_entry pipe:group 0 priority=3 ${said}`);
    }
  });

  test('or is refused with the reason, before anything is asked of DOCA', async () => {
    const { device, calls } = await start();
    calls();
    const refusals: readonly (readonly [Rule, string])[] = [
      [
        rule([{ type: 'arp_eth_ipv4' }], [drop]),
        "pattern[0] (arp_eth_ipv4): DOCA Flow's match has no place for this item",
      ],
      [
        rule([{ type: 'geneve_opt', spec: { type: 1 } }], [drop]),
        "pattern[0] (geneve_opt): DOCA Flow's match has no place",
      ],
      [
        rule([{ type: 'tag', spec: { index: 10, data: 1 } }], [drop]),
        "pattern[0] (tag): DOCA Flow's match has no place",
      ],
      [
        rule([{ type: 'udp', spec: { src: 1 }, last: { src: 2 } }], [drop]),
        "pattern[0] (udp): DOCA Flow's control pipes have no ranges",
      ],
      [
        rule([{ type: 'ipv4', spec: { fragment_offset: 0x2000 }, mask: { fragment_offset: 0x3fff } }], [drop]),
        "pattern[0] (ipv4): DOCA Flow's match has no place",
      ],
      [rule([], [{ type: 'dec_ttl' }, drop]), 'actions[0] (dec_ttl): control pipes have no such action here'],
      [
        rule([], [{ type: 'modify_field', op: 'set', dst_type: 'mac_dst', src_type: 'mac_src', width: 48 }, drop]),
        'actions[0] (modify_field): a field is not copied to another',
      ],
      [
        rule([], [{ type: 'raw_encap', data: '00' }, drop]),
        'actions[0] (raw_encap): this is not Ethernet, IP, UDP and VXLAN or Geneve',
      ],
      [rule([], [{ type: 'count' }]), "the actions: no action ends the packet's way"],
      [rule([], [drop], { domain: 'ingress' }), 'domain: only rules of the switch (transfer) are taken'],
      [rule([], [drop], { priority: 65535 }), 'priority: priorities of control pipes are 0 to 65534 here'],
    ];
    for (const [made, why] of refusals) {
      expect((await device.create([made]))[0]?.error).toContain(`the device refuses it for ${why}`);
    }
    expect(calls()).toEqual([]);
    await expect(device.createIndirect(1, { type: 'conntrack' })).rejects.toThrow('entries of a pipe of its own');
    await expect(device.createMeter({ mtr_id: 1, cir: 1, cbs: 1 })).rejects.toThrow('shared resources');
  });
});

describe('where a call fails', () => {
  const whole = rule([eth], [{ type: 'jump', group: 2 }]);

  test.each([
    'doca_flow_pipe_cfg_create:1',
    'doca_flow_pipe_cfg_set_type:1',
    'doca_flow_pipe_create:1',
    'doca_flow_pipe_create:2',
    'doca_flow_pipe_control_add_entry:1',
    'doca_flow_pipe_control_add_entry:3',
    'doca_flow_entries_process:3',
    'hardware:1',
    'hardware:3',
  ])('%s: a creation leaves no pipe behind, and works when it is tried again', async (fail) => {
    const { device, calls, end } = await start(fail);
    const reason = fail.startsWith('hardware') ? 'the hardware did not do it' : 'Memory allocation failure';
    expect((await device.create([whole]))[0]?.error).toContain(reason);
    const made = calls();
    const count = (call: string) => made.filter((line) => line.startsWith(call)).length;
    const failed = fail.startsWith('doca_flow_pipe_create') ? 1 : 0;
    expect(count('doca_flow_pipe_destroy')).toBe(count('doca_flow_pipe_create') - failed);
    expect(count('doca_flow_pipe_cfg_destroy')).toBe(count('doca_flow_pipe_cfg_create'));
    expect((await device.create([whole]))[0]).toEqual({ id: 1 });
    expect(calls()).toEqual([...pipe(0), ...pipe(2), expect.stringContaining('fwd=pipe:group 2')]);
    expect((await end()).slice(-tearDown.length)).toEqual(tearDown);
  });

  test('a rule that cannot be removed stays', async () => {
    const { device } = await start('doca_flow_pipe_remove_entry:1');
    await device.create([whole]);
    expect((await device.destroy([1]))[0]?.error).toContain('Memory allocation failure');
    expect(await device.list()).toHaveLength(1);
    expect(await device.destroy([1])).toEqual([{}]);
  });

  test('counters that cannot be read are told with the rule', async () => {
    const { device } = await start('doca_flow_resource_query_entry:1');
    await device.create([rule([eth], [{ type: 'count' }, drop])]);
    expect((await device.list())[0]?.error).toContain('Memory allocation failure');
  });

  test.each([
    ['doca_flow_cfg_create:1', 'DOCA Flow does not start in mode switch,hws: Memory allocation failure'],
    ['doca_flow_init:1', 'DOCA Flow does not start in mode switch,hws: Memory allocation failure'],
    ['doca_flow_port_start:2', 'DOCA Flow does not start port net_null1: Memory allocation failure'],
    ['doca_flow_port_switch_get:1', 'the first port has no switch; is the device in switchdev mode'],
    ['doca_flow_get_target:1', 'DOCA Flow has no way to the kernel for what no rule takes'],
  ])('%s: it does not start, says why, and takes back what was started', async (fail, why) => {
    const socket = join(folder, 'fails');
    const record = join(folder, `${fail}.calls`);
    const env = { ...process.env, XDG_RUNTIME_DIR: folder, LFLOW_DOCA_RECORD: record, LFLOW_DOCA_FAIL: fail };
    await expect(promisify(execFile)(doubles[0] ?? '', [socket, JSON.stringify(options())], { env })).rejects.toThrow(
      why,
    );
    expect(existsSync(socket)).toBe(false);
    const calls = readFileSync(record, 'utf8').trimEnd().split('\n');
    const count = (call: string) => calls.filter((line) => line.startsWith(call)).length;
    const failed = (call: string) => (fail.startsWith(call) ? 1 : 0);
    expect(count('doca_flow_port_stop')).toBe(count('doca_flow_port_start') - failed('doca_flow_port_start'));
    expect(count('doca_flow_destroy')).toBe(count('doca_flow_init') - failed('doca_flow_init'));
    expect(count('doca_dev_close')).toBe(count('doca_dpdk_port_as_dev'));
    expect(count('doca_flow_port_cfg_destroy')).toBe(count('doca_flow_port_cfg_create'));
  });
});
