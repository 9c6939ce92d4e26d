/** What the emulated device does to frames: what they are when they come out, and where. */
import { describe, expect, test } from 'vitest';
import { parseFrame, withChecksums } from '../../engine/frame.ts';
import { type Action, CONNTRACK, CONNTRACK_STATE, type Rule } from '../../engine/offload/rules.ts';
import { type Bytes, frame, icmp, ip4, protocols, rawFrame, tcp, tcpFlags, udp } from '../oracle/frames.ts';
import { emulated, install } from './rules.ts';
import { bytesOf, dns, ethernet, hex, ip, ip6, out, rule, send, toHex, web } from './world.ts';

/** What a frame has become when it comes out; its checksums are right. */
async function changed(actions: readonly Action[], bytes: Uint8Array): Promise<Uint8Array> {
  const device = await emulated();
  await install(device, rule([{ type: 'eth' }], [...actions, out]));
  const { outputs } = await send(device, bytes);
  expect(outputs).toHaveLength(1);
  const made = bytesOf(outputs[0]?.frame ?? '');
  expect(parseFrame(made, { vlanLimit: 2 }).problems).toEqual([]);
  return made;
}

const fieldsOf = (bytes: Uint8Array) => parseFrame(bytes, { vlanLimit: 2 }).fields;

describe('of several rules', () => {
  const bytes = frame(ethernet, ip, protocols.tcp, web);
  const to = (port: string): Action => ({ type: 'represented_port', ethdev_port_id: port });

  test('the one of the lowest number takes a packet, whenever it was made', async () => {
    const device = await emulated();
    await install(device, rule([], [to('pf0vf2')], { priority: 5 }), rule([], [to('pf0vf1')], { priority: 4 }));
    expect((await send(device, bytes)).outputs).toEqual([{ software: false, port: 'pf0vf1', frame: hex(bytes) }]);
  });

  test('those of other groups only take what jumps there, as it is by then; what none takes goes to software', async () => {
    const device = await emulated();
    await install(
      device,
      rule(
        [{ type: 'eth' }],
        [
          { type: 'set_ttl', ttl_value: 9 },
          { type: 'jump', group: 7 },
        ],
      ),
      rule([{ type: 'eth' }, { type: 'ipv4', spec: { ttl: 64 } }], [to('pf0vf1')], { group: 7 }),
    );
    const fate = await send(device, bytes);
    expect(fate).toMatchObject({ group: 7, missed: true, outputs: [{ software: true, port: 'pf0vf0' }] });
    expect(fieldsOf(bytesOf(fate.outputs[0]?.frame ?? ''))['ip.ttl']).toBe(9n);
  });

  test('a circle of groups ends', async () => {
    const device = await emulated();
    await install(
      device,
      rule([], [{ type: 'jump', group: 1 }]),
      rule([], [{ type: 'jump', group: 2 }], { group: 1 }),
      rule([], [{ type: 'jump', group: 1 }], { group: 2 }),
    );
    expect((await send(device, bytes)).outputs).toEqual([]);
  });

  test('registers follow a packet, and begin as 0', async () => {
    const device = await emulated();
    await install(
      device,
      rule(
        [
          { type: 'tag', spec: { index: 3, data: 0 } },
          { type: 'meta', spec: { data: 0 } },
        ],
        [
          { type: 'set_tag', index: 3, data: 0xabcd, mask: 0xff },
          { type: 'set_meta', data: 5, mask: 0xffffffff },
          { type: 'mark', id: 6 },
          {
            type: 'modify_field',
            op: 'add',
            dst_type: 'tag',
            dst_level: 3,
            src_type: 'value',
            src_value: '00000001',
            width: 32,
          },
          {
            type: 'modify_field',
            op: 'set',
            dst_type: 'tag',
            dst_level: 4,
            dst_offset: 8,
            src_type: 'ipv4_dst',
            src_offset: 24,
            width: 8,
          },
          { type: 'jump', group: 1 },
        ],
      ),
      rule(
        [
          { type: 'tag', spec: { index: 3, data: 0xce } },
          { type: 'tag', spec: { index: 4, data: 0x0a00 } },
          { type: 'meta', spec: { data: 5 } },
          { type: 'mark', spec: { id: 6 } },
        ],
        [out],
        { group: 1 },
      ),
    );
    expect((await send(device, bytes)).outputs).toHaveLength(1);
  });
});

describe('an action changes a packet, and its checksums with it:', () => {
  const tcp4 = frame(ethernet, ip, protocols.tcp, web);
  const udp4 = frame(ethernet, ip, protocols.udp, dns);
  const udp6 = frame(ethernet, ip6, protocols.udp, dns);
  const modify = (dst_type: string, src_value: string, width: number, op = 'set'): Action =>
    ({ type: 'modify_field', op, dst_type, src_type: 'value', src_value, width }) as Action;

  const cases: readonly (readonly [string, Action, Uint8Array, Uint8Array])[] = [
    [
      'set_mac_src',
      { type: 'set_mac_src', mac_addr: ethernet.dst },
      tcp4,
      frame({ ...ethernet, src: ethernet.dst }, ip, 6, web),
    ],
    [
      'set_mac_dst',
      { type: 'set_mac_dst', mac_addr: ethernet.src },
      tcp4,
      frame({ ...ethernet, dst: ethernet.src }, ip, 6, web),
    ],
    [
      'set_ipv4_src',
      { type: 'set_ipv4_src', ipv4_addr: '1.2.3.4' },
      tcp4,
      frame(ethernet, { ...ip, src: '1.2.3.4' }, 6, web),
    ],
    [
      'set_ipv4_dst',
      { type: 'set_ipv4_dst', ipv4_addr: '1.2.3.4' },
      udp4,
      frame(ethernet, { ...ip, dst: '1.2.3.4' }, 17, dns),
    ],
    [
      'set_ipv6_src',
      { type: 'set_ipv6_src', ipv6_addr: 'fd00::9' },
      udp6,
      frame(ethernet, { ...ip6, src: 'fd00::9' }, 17, dns),
    ],
    [
      'set_ipv6_dst',
      { type: 'set_ipv6_dst', ipv6_addr: 'fd00::9' },
      udp6,
      frame(ethernet, { ...ip6, dst: 'fd00::9' }, 17, dns),
    ],
    ['set_ipv4_dscp', { type: 'set_ipv4_dscp', dscp_value: 46 }, tcp4, frame(ethernet, { ...ip, tos: 46 * 4 }, 6, web)],
    [
      'set_ipv6_dscp',
      { type: 'set_ipv6_dscp', dscp_value: 46 },
      udp6,
      frame(ethernet, { ...ip6, tos: 46 * 4 }, 17, dns),
    ],
    ['set_ttl', { type: 'set_ttl', ttl_value: 3 }, tcp4, frame(ethernet, { ...ip, ttl: 3 }, 6, web)],
    ['dec_ttl', { type: 'dec_ttl' }, tcp4, frame(ethernet, { ...ip, ttl: 63 }, 6, web)],
    ['dec_ttl of IPv6', { type: 'dec_ttl' }, udp6, frame(ethernet, { ...ip6, ttl: 63 }, 17, dns)],
    ['add to the TTL', modify('ipv4_ttl', 'ff', 8, 'add'), tcp4, frame(ethernet, { ...ip, ttl: 63 }, 6, web)],
    ['sub of the TTL', modify('ipv4_ttl', '02', 8, 'sub'), tcp4, frame(ethernet, { ...ip, ttl: 62 }, 6, web)],
    [
      'set_tp_src',
      { type: 'set_tp_src', port: 7 },
      tcp4,
      frame(ethernet, ip, 6, tcp({ src: 7, dst: 80, flags: tcpFlags.syn })),
    ],
    ['set_tp_dst', { type: 'set_tp_dst', port: 7 }, udp4, frame(ethernet, ip, 17, udp(40001, 7, [1, 2, 3]))],
    ['modify ports', modify('udp_port_dst', '0007', 16), udp4, frame(ethernet, ip, 17, udp(40001, 7, [1, 2, 3]))],
    ['modify an address', modify('ipv4_src', '01020304', 32), tcp4, frame(ethernet, { ...ip, src: '1.2.3.4' }, 6, web)],
    [
      'modify a long address',
      modify('ipv6_dst', 'fd000000000000000000000000000009', 128),
      udp6,
      frame(ethernet, { ...ip6, dst: 'fd00::9' }, 17, dns),
    ],
    [
      'modify bits in the middle',
      {
        type: 'modify_field',
        op: 'set',
        dst_type: 'ipv4_src',
        dst_offset: 8,
        src_type: 'value',
        src_value: 'ff02ffff',
        width: 16,
      },
      tcp4,
      frame(ethernet, { ...ip, src: '10.2.255.1' }, 6, web),
    ],
    [
      'copy a field',
      { type: 'modify_field', op: 'set', dst_type: 'mac_dst', src_type: 'mac_src', width: 48 },
      tcp4,
      frame({ ...ethernet, dst: ethernet.src }, ip, 6, web),
    ],
    ['what is not there stays so', modify('ipv6_hoplimit', '01', 8), tcp4, tcp4],
  ];

  test.each(cases)('%s', async (_, action, before, after) => {
    expect(hex(await changed([action], before))).toBe(hex(after));
  });

  test('a UDP packet without checksum stays without', async () => {
    const bytes = udp4.slice();
    bytes.set([0, 0], 40);
    const made = await changed([{ type: 'set_ipv4_src', ipv4_addr: '1.2.3.4' }], bytes);
    expect([made[40], made[41]]).toEqual([0, 0]);
  });

  test('VLAN tags come and go', async () => {
    const pushed = await changed(
      [
        { type: 'of_push_vlan', ethertype: 0x8100 },
        { type: 'of_set_vlan_vid', vlan_vid: 9 },
        { type: 'of_set_vlan_pcp', vlan_pcp: 3 },
      ],
      tcp4,
    );
    expect(hex(pushed)).toBe(hex(frame({ ...ethernet, tags: [0x6009] }, ip, 6, web)));
    expect(hex(await changed([{ type: 'of_pop_vlan' }], pushed))).toBe(hex(tcp4));
    expect(hex(await changed([{ type: 'of_pop_vlan' }], tcp4))).toBe(hex(tcp4));
    const numbered = await changed([modify('vlan_id', '0fff', 12)], pushed);
    expect(hex(numbered)).toBe(hex(frame({ ...ethernet, tags: [0x6fff] }, ip, 6, web)));
  });

  test('raw_encap puts a tunnel around it, with lengths and the IPv4 checksum; raw_decap takes it off', async () => {
    const geneve = [0, 0, 0x65, 0x58, 0, 0, 77, 0];
    const outer = frame(ethernet, ip, protocols.udp, udp(5000, 6081, geneve));
    const header = outer.slice();
    header.set([0, 0, 0, 0], 38); // the UDP length and checksum
    header.set([0, 0], 24);
    const wrapped = await changed([{ type: 'raw_encap', data: hex(header) }], tcp4);
    const expected = rawFrame(
      ethernet,
      0x0800,
      [...frame(ethernet, ip, protocols.udp, udp(5000, 6081, [...geneve, ...tcp4]))].slice(14),
    );
    expected.set([0, 0], 40);
    expect(hex(wrapped)).toBe(hex(expected));
    expect(hex(await changed([{ type: 'raw_decap', data: hex(header.slice(0, 42)) }], wrapped))).toBe(hex(tcp4));
    expect(hex(await changed([{ type: 'raw_decap', data: '000000000000' }], tcp4)).length).toBe(hex(tcp4).length - 12);
  });

  test('vxlan_encap and vxlan_decap', async () => {
    const wrapped = await changed(
      [
        {
          type: 'vxlan_encap',
          definition: [
            { type: 'eth', spec: { src: ethernet.src, dst: ethernet.dst } },
            { type: 'ipv4', spec: { src: '20.0.0.1', dst: '20.0.0.2' } },
            { type: 'udp', spec: { src: 7777 } },
            { type: 'vxlan', spec: { vni: 99 } },
          ],
        },
      ],
      tcp4,
    );
    expect(fieldsOf(wrapped)).toMatchObject({ 'ip4.src': BigInt(0x14000001), 'udp.dst': 4789n });
    expect(hex(await changed([{ type: 'vxlan_decap' }], wrapped))).toBe(hex(tcp4));
  });

  test('inside a tunnel by level 2', async () => {
    const inner = [...tcp4];
    const wrapped = frame(ethernet, ip, protocols.udp, udp(5000, 4789, [8, 0, 0, 0, 0, 0, 9, 0, ...inner]));
    wrapped.set([0, 0], 40);
    const action = { ...modify('ipv4_dst', '01020304', 32), dst_level: 2 } as Action;
    const made = await changed([action], wrapped);
    expect(hex(made.slice(50))).toBe(hex(frame(ethernet, { ...ip, dst: '1.2.3.4' }, 6, web)));
    expect(hex(made.slice(0, 50))).toBe(hex(wrapped.slice(0, 50)));
  });
});

describe('rules', () => {
  const bytes = frame(ethernet, ip, protocols.udp, dns);

  test('count packets and bytes, tell how long they were idle, and age once', async () => {
    const device = await emulated();
    const [id] = await install(device, rule([{ type: 'eth' }], [{ type: 'count' }, { type: 'age', timeout: 30 }, out]));
    await send(device, bytes);
    await send(device, bytes);
    expect(await device.list()).toMatchObject([{ id, packets: 2, bytes: bytes.length * 2, idle: 0, aged: false }]);
    expect(await device.aged()).toEqual([]);
    await device.advance(31);
    expect(await device.aged()).toEqual([id]);
    expect(await device.aged()).toEqual([]);
    expect(await device.list()).toMatchObject([{ idle: 31, aged: true }]);
    await send(device, bytes);
    expect(await device.list()).toMatchObject([{ idle: 0, aged: false }]);
  });

  test('drop what is beyond a meter', async () => {
    const device = await emulated();
    await device.createMeter({ mtr_id: 4, cir: bytes.length, cbs: bytes.length * 2 });
    await install(device, rule([], [{ type: 'meter', mtr_id: 4 }, out]));
    const passed = async () => (await send(device, bytes)).outputs.length;
    expect([await passed(), await passed(), await passed()]).toEqual([1, 1, 0]);
    await device.advance(1);
    expect([await passed(), await passed()]).toEqual([1, 0]);
    await expect(device.destroyMeter(4)).rejects.toThrow('a rule still uses the meter');
    await device.flush();
    await device.destroyMeter(4);
    expect(await device.validate([rule([], [{ type: 'meter', mtr_id: 4 }, out])])).toEqual([
      { error: 'the device refuses it for actions[0] (meter): there is no such meter' },
    ]);
  });

  test('sample one in so many', async () => {
    const device = await emulated();
    const mirror: Action = {
      type: 'sample',
      ratio: 2,
      actions: [
        { type: 'set_ttl', ttl_value: 1 },
        { type: 'represented_port', ethdev_port_id: 'pf0vf2' },
      ],
    };
    await install(device, rule([], [mirror, out]));
    const ports = async () =>
      (await send(device, bytes)).outputs.map(({ port, frame: sent }) => [port, fieldsOf(bytesOf(sent))['ip.ttl']]);
    expect(await ports()).toEqual([
      ['pf0vf2', 1n],
      ['pf0vf1', 64n],
    ]);
    expect(await ports()).toEqual([['pf0vf1', 64n]]);
  });

  test.each<readonly [Action[], string]>([
    [[], "the actions: no action ends the packet's way: jump, drop or a port is missing"],
    [[{ type: 'drop' }, out], "actions[1] (represented_port): a packet's way has ended before this action"],
    [[out, { type: 'count' }], "actions[1] (count): nothing can be done behind the action that ends a packet's way"],
    [[{ type: 'jump', group: 0 }], "actions[0] (jump): the jump goes to the rule's own group"],
    [[{ type: 'represented_port', ethdev_port_id: 17 }], 'actions[0] (represented_port): there is no such port'],
    [[{ type: 'sample', ratio: 0, actions: [] }, out], 'actions[0] (sample): the ratio is 0'],
    [
      [{ type: 'vxlan_encap', definition: [] }, out],
      'actions[0] (vxlan_encap): the definition is not eth, ipv4 or ipv6, udp, vxlan',
    ],
  ])('with actions that make no sense are refused: %j', async (actions, why) => {
    const device = await emulated();
    expect(await device.validate([rule([], actions)])).toEqual([{ error: `the device refuses it for ${why}` }]);
  });
});

describe('a connection', () => {
  const segment = (reply: boolean, flags: number, seq: number, ack: number, data: Bytes = []) => {
    const ports = reply ? { src: 80, dst: 40000 } : { src: 40000, dst: 80 };
    const addresses = reply ? { src: ip.dst, dst: ip.src } : ip;
    return frame(ethernet, addresses, protocols.tcp, tcp({ ...ports, flags, seq, ack, window: 1000, data }));
  };
  const { ack, fin, rst, syn } = tcpFlags;

  /** Each direction jumps through the connection; then what is found decides the port. */
  async function tracked(state: Action) {
    const device = await emulated();
    await device.createIndirect(1, state);
    const towards = (dst: string, reply: number): Rule =>
      rule(
        [{ type: 'eth' }, { type: 'ipv4', spec: { dst } }, { type: 'tcp' }],
        [
          { type: 'indirect', id: 1, reply },
          { type: 'jump', group: 2 },
        ],
        { group: 1 },
      );
    const found = (flags: number, port: string): Rule =>
      rule(
        [{ type: 'conntrack', spec: { flags }, mask: { flags } }],
        [{ type: 'represented_port', ethdev_port_id: port }],
        { group: 2 },
      );
    await install(
      device,
      rule([{ type: 'eth' }], [{ type: 'jump', group: 1 }]),
      towards(ip.dst, 0),
      towards(ip.src, 1),
      { ...found(CONNTRACK.changed, 'pf0vf2'), priority: 0 },
      { ...found(CONNTRACK.valid, 'pf0vf1'), priority: 1 },
      { ...found(CONNTRACK.invalid, 'p0'), priority: 2 },
    );
    return async (...sent: readonly Uint8Array[]) => {
      const fates = await device.receive('pf0vf0', sent.map(hex));
      const names: Record<string, string> = { pf0vf2: 'changed', pf0vf1: 'valid', p0: 'invalid' };
      return fates.map(({ missed, outputs: [first] }) => (missed ? 'neither' : names[first?.port ?? '']));
    };
  }

  const established: Action = {
    type: 'conntrack',
    is_orig: 1,
    enable: 1,
    live: 1,
    state: CONNTRACK_STATE.established,
    ...{ orig_sent_end: 101, orig_reply_end: 1101, orig_max_win: 1000, orig_max_ack: 501 },
    ...{ rply_sent_end: 501, rply_reply_end: 1501, rply_max_win: 1000, rply_max_ack: 101 },
  };

  test('that is established takes what fits its windows, and closes', async () => {
    const send = await tracked(established);
    expect(
      await send(
        segment(false, ack, 101, 501, [1, 2, 3]),
        segment(true, ack, 501, 104),
        segment(true, ack, 501, 9999),
        segment(false, ack, 50_000, 501, [1]),
        segment(false, syn, 1, 0),
      ),
    ).toEqual(['valid', 'valid', 'invalid', 'invalid', 'invalid']);
    expect(
      await send(
        segment(false, fin | ack, 104, 501),
        segment(true, ack, 501, 105),
        segment(true, fin | ack, 501, 105),
        segment(false, ack, 105, 502),
        segment(false, ack, 105, 502),
      ),
    ).toEqual(['changed', 'changed', 'changed', 'changed', 'invalid']);
  });

  test('ends with a reset', async () => {
    const send = await tracked(established);
    expect(await send(segment(true, rst, 501, 0), segment(false, ack, 101, 501))).toEqual(['changed', 'invalid']);
  });

  test('becomes established by an acknowledgement', async () => {
    const send = await tracked({ ...established, state: CONNTRACK_STATE.synRecv } as Action);
    expect(await send(segment(false, ack, 101, 501), segment(false, ack, 101, 501))).toEqual(['changed', 'valid']);
  });

  test('that is liberal takes what does not fit', async () => {
    const send = await tracked({ ...established, liberal: 1 } as Action);
    expect(await send(segment(false, ack, 50_000, 9999, [1]))).toEqual(['valid']);
  });

  test('that is disabled tells neither', async () => {
    const send = await tracked({ ...established, enable: 0 } as Action);
    expect(await send(segment(false, ack, 101, 501))).toEqual(['neither']);
  });

  test('stays while a rule uses it', async () => {
    const device = await emulated();
    await device.createIndirect(1, established);
    await expect(device.createIndirect(1, established)).rejects.toThrow('there is an indirect action 1 already');
    const [id = 0] = await install(device, rule([], [{ type: 'indirect', id: 1, reply: 1 }, out]));
    expect((await device.list())[0]?.rule.actions[0]).toEqual({ type: 'indirect', id: 1, reply: 1 });
    await expect(device.destroyIndirect(1)).rejects.toThrow('a rule still uses it');
    await device.destroy([id]);
    await device.destroyIndirect(1);
    await expect(device.destroyIndirect(1)).rejects.toThrow('there is no indirect action 1');
    await expect(device.createIndirect(2, { type: 'drop' })).rejects.toThrow('rules share connections only');
  });

  test('translates as its rules say, there and back', async () => {
    const device = await emulated();
    const out4 = rule(
      [{ type: 'eth' }, { type: 'ipv4', spec: { src: ip.src } }],
      [
        { type: 'set_ipv4_src', ipv4_addr: '30.0.0.1' },
        { type: 'set_tp_src', port: 1024 },
        { type: 'represented_port', ethdev_port_id: 'p0' },
      ],
    );
    const back = rule(
      [{ type: 'eth' }, { type: 'ipv4', spec: { dst: '30.0.0.1' } }, { type: 'tcp', spec: { dst: 1024 } }],
      [
        { type: 'set_ipv4_dst', ipv4_addr: ip.src },
        { type: 'set_tp_dst', port: 40000 },
        { type: 'represented_port', ethdev_port_id: 'pf0vf0' },
      ],
    );
    await install(device, out4, back);
    const sent = await send(device, segment(false, ack, 1, 1));
    const seen = fieldsOf(bytesOf(sent.outputs[0]?.frame ?? ''));
    expect([seen['ip4.src'], seen['tcp.src']]).toEqual([BigInt(0x1e000001), 1024n]);
    const answer = frame(
      ethernet,
      { src: ip.dst, dst: '30.0.0.1' },
      protocols.tcp,
      tcp({ src: 80, dst: 1024, flags: ack }),
    );
    const returned = await send(device, answer, 'p0');
    const arrived = frame(
      ethernet,
      { src: ip.dst, dst: ip.src },
      protocols.tcp,
      tcp({ src: 80, dst: 40000, flags: ack }),
    );
    expect(returned.outputs).toEqual([{ software: false, port: 'pf0vf0', frame: hex(arrived) }]);
  });
});

test('any bytes are taken as a frame', async () => {
  const device = await emulated();
  const all: Action[] = [
    { type: 'dec_ttl' },
    { type: 'of_pop_vlan' },
    { type: 'raw_decap', data: toHex(ip4('1.2.3.4')) },
    { type: 'set_ipv4_src', ipv4_addr: '1.1.1.1' },
    { type: 'set_tp_src', port: 1 },
    { type: 'of_push_vlan', ethertype: 0x8100 },
    { type: 'raw_encap', data: '00' },
  ];
  await device.createIndirect(1, { type: 'conntrack', enable: 1 });
  await install(
    device,
    rule(
      [
        { type: 'eth' },
        { type: 'ipv4' },
        { type: 'udp' },
        { type: 'geneve' },
        { type: 'geneve_opt', spec: { data: '00000000' } },
      ],
      [...all, out],
    ),
    rule([{ type: 'ipv6' }, { type: 'icmp6_nd_ns', spec: { target_addr: '::' } }], [...all, out], { priority: 1 }),
    rule([], [{ type: 'indirect', id: 1 }, ...all, out], { priority: 2 }),
  );
  let seed = 12345;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const seeds = [
    frame(
      ethernet,
      ip,
      protocols.udp,
      udp(1, 6081, [2, 0, 0x65, 0x58, 0, 0, 1, 0, 1, 2, 0x80, 1, 0, 0, 0, 0, ...frame(ethernet, ip6, 6, web)]),
    ),
    frame({ ...ethernet, tags: [1, 2] }, ip, protocols.tcp, web),
    frame(ethernet, ip6, protocols.icmp6, icmp(135, 0, 0, [])),
  ];
  for (let i = 0; i < 3000; i++) {
    const made = (seeds[i % seeds.length] ?? new Uint8Array()).slice();
    for (let j = random(6); j > 0; j--) made[random(made.length)] = random(256);
    const cut = withChecksums(made).slice(0, 1 + random(made.length));
    const [fate] = await device.receive('pf0vf0', [hex(cut)]);
    expect(fate).toBeDefined();
  }
});
