/** Which frames a pattern takes, item by item and field by field. */
import { describe, expect, test } from 'vitest';
import { CONNTRACK, ITEMS, type Item } from '../../engine/offload/rules.ts';
import { arp, type Bytes, echo, frame, icmp, protocols, sctp, u16, udp } from '../oracle/frames.ts';
import { emulated, install } from './rules.ts';
import { dns, ethernet, hex, ip, ip6, out, rule, send, web } from './world.ts';

/** Whether a pattern takes a frame. */
async function takes(pattern: readonly Item[], bytes: Uint8Array, port?: string): Promise<boolean> {
  const device = await emulated();
  await install(device, rule(pattern, [{ type: 'drop' }]));
  return !(await send(device, bytes, port)).missed;
}

describe('a pattern', () => {
  const geneveHeader = (options: Bytes, vni: number, type = 0x6558): Bytes => [
    ...[options.length / 4, 0, ...u16(type), vni >>> 16, (vni >>> 8) & 255, vni & 255, 0, ...options],
  ];
  const inner = [...frame(ethernet, ip, protocols.tcp, web)];
  const option: Bytes = [1, 2, 0x80, 1, 0, 1, 0, 7];
  const geneve = frame(ethernet, ip, protocols.udp, udp(5000, 6081, [...geneveHeader(option, 77), ...inner]));
  const vxlan = frame(ethernet, ip, protocols.udp, udp(5000, 4789, [8, 0, 0, 0, 0, 0, 9, 0, ...inner]));
  const tagged = frame({ ...ethernet, tags: [0x6005] }, ip, protocols.tcp, web);
  const doubly = frame({ ...ethernet, tags: [0x000a, 0x6005] }, ip, protocols.tcp, web);
  const plain = frame(ethernet, ip, protocols.tcp, web);
  const first = frame(ethernet, { ...ip, fragment: 0x2000 }, protocols.tcp, web);
  const six = frame(ethernet, ip6, protocols.udp, dns);
  const sixFragment = frame(
    ethernet,
    { ...ip6, extensions: [{ number: 44, bytes: [0, 0, 0, 1, 0, 0, 0, 9] }] },
    protocols.udp,
    dns,
  );
  const who = arp(ethernet, { op: 1, sha: ethernet.src, spa: '10.0.0.1', tpa: '10.0.0.254' });
  const eth: Item = { type: 'eth' };
  const v4: Item = { type: 'ipv4' };
  const toGeneve: readonly Item[] = [eth, v4, { type: 'udp' }];

  const cases: readonly (readonly [string, readonly Item[], Uint8Array, boolean])[] = [
    ['without items takes all', [], who, true],
    ['takes the header that it names', [eth, v4, { type: 'tcp' }], plain, true],
    ['takes no other', [eth, v4, { type: 'udp' }], plain, false],
    ['may begin with IP', [v4, { type: 'tcp', spec: { dst: 80 } }], plain, true],
    ['may begin with IP behind tags', [v4, { type: 'tcp', spec: { dst: 80 } }], doubly, true],
    ['may not begin with TCP', [{ type: 'tcp', spec: { dst: 80 } }], plain, false],
    ['compares values', [eth, { type: 'ipv4', spec: { dst: '10.0.0.3' } }], plain, false],
    ['compares MAC addresses', [{ type: 'eth', spec: { src: ethernet.src, dst: ethernet.dst } }], plain, true],
    ['compares them all', [{ type: 'eth', spec: { src: ethernet.src, dst: ethernet.src } }], plain, false],
    [
      'looks at masked bits only',
      [eth, { type: 'ipv4', spec: { dst: '10.0.0.200' }, mask: { dst: '255.255.255.0' } }],
      plain,
      true,
    ],
    ['knows ranges', [eth, v4, { type: 'tcp', spec: { dst: 79 }, last: { dst: 81 } }], plain, true],
    ['knows their beginning', [eth, v4, { type: 'tcp', spec: { dst: 81 }, last: { dst: 90 } }], plain, false],
    ['knows their end', [eth, v4, { type: 'tcp', spec: { dst: 70 }, last: { dst: 79 } }], plain, false],
    [
      'knows ranges of addresses',
      [eth, { type: 'ipv4', spec: { dst: '10.0.0.1' }, last: { dst: '10.0.1.0' } }],
      plain,
      true,
    ],
    [
      'and where they end',
      [eth, { type: 'ipv4', spec: { dst: '9.255.255.255' }, last: { dst: '10.0.0.1' } }],
      plain,
      false,
    ],
    ['without a VLAN item takes tags as well', [eth, v4], tagged, true],
    ['and looks at the type behind them', [{ type: 'eth', spec: { type: 0x0800 } }, v4], tagged, true],
    ['unless it says that there are none', [{ type: 'eth', spec: { has_vlan: 0 } }], tagged, false],
    ['or that there are', [{ type: 'eth', spec: { has_vlan: 1 } }], tagged, true],
    ['looks at the tag', [eth, { type: 'vlan', spec: { vid: 5, pcp: 3, dei: 0 } }, v4], tagged, true],
    ['and at its number', [eth, { type: 'vlan', spec: { vid: 6 } }], tagged, false],
    ['with a VLAN item takes no frame without', [eth, { type: 'vlan' }], plain, false],
    [
      'looks at both tags',
      [eth, { type: 'vlan', spec: { vid: 10 } }, { type: 'vlan', spec: { vid: 5 } }, v4],
      doubly,
      true,
    ],
    ['knows that there is one more', [eth, { type: 'vlan', spec: { has_more_vlan: 0 } }], doubly, false],
    ['sees no ports of a first fragment', [eth, v4, { type: 'tcp' }], first, false],
    [
      'sees that it is one',
      [eth, { type: 'ipv4', spec: { fragment_offset: 0x2000 }, mask: { fragment_offset: 0x3fff } }],
      first,
      true,
    ],
    ['takes IPv6', [eth, { type: 'ipv6', spec: { src: 'fd00::1', has_frag_ext: 0 } }, { type: 'udp' }], six, true],
    ['knows fragments of IPv6', [eth, { type: 'ipv6', spec: { has_frag_ext: 1 } }], sixFragment, true],
    ['and sees nothing behind', [eth, { type: 'ipv6' }, { type: 'udp' }], sixFragment, false],
    ['takes ARP', [eth, { type: 'arp_eth_ipv4', spec: { op: 1, spa: '10.0.0.1', tpa: '10.0.0.254' } }], who, true],
    ['takes no other ARP', [eth, { type: 'arp_eth_ipv4', spec: { sha: ethernet.dst } }], who, false],
    ['takes ICMP', [eth, v4, { type: 'icmp', spec: { type: 8, code: 0, ident: 1 } }], echo(ethernet, ip), true],
    ['takes ICMPv6', [eth, { type: 'ipv6' }, { type: 'icmp6', spec: { type: 128 } }], echo(ethernet, ip6), true],
    [
      'takes SCTP',
      [eth, v4, { type: 'sctp', spec: { dst: 9 } }],
      frame(ethernet, ip, protocols.sctp, sctp(8, 9)),
      true,
    ],
    ['takes Geneve', [...toGeneve, { type: 'geneve', spec: { vni: 77, protocol: 0x6558, optlen: 2 } }], geneve, true],
    ['compares its VNI', [...toGeneve, { type: 'geneve', spec: { vni: 78 } }], geneve, false],
    [
      'takes an option of it',
      [...toGeneve, { type: 'geneve' }, { type: 'geneve_opt', spec: { class: 0x102, type: 0x80, data: '00010007' } }],
      geneve,
      true,
    ],
    [
      'compares the data of the option',
      [...toGeneve, { type: 'geneve' }, { type: 'geneve_opt', spec: { class: 0x102, type: 0x80, data: '00010008' } }],
      geneve,
      false,
    ],
    [
      'as far as its mask goes',
      [
        ...toGeneve,
        { type: 'geneve' },
        { type: 'geneve_opt', spec: { class: 0x102, data: '00010008' }, mask: { data: 'ffff0000' } },
      ],
      geneve,
      true,
    ],
    [
      'looks into the tunnel',
      [...toGeneve, { type: 'geneve' }, eth, v4, { type: 'tcp', spec: { dst: 80 } }],
      geneve,
      true,
    ],
    ['and sees what is not there', [...toGeneve, { type: 'geneve' }, eth, v4, { type: 'udp' }], geneve, false],
    ['takes VXLAN', [...toGeneve, { type: 'vxlan', spec: { vni: 9 } }, eth, v4, { type: 'tcp' }], vxlan, true],
    ['knows the port', [{ type: 'represented_port', spec: { ethdev_port_id: 'pf0vf0' } }], plain, true],
    ['and another', [{ type: 'represented_port', spec: { ethdev_port_id: 'pf0vf1' } }], plain, false],
    ['knows that software did not send it', [{ type: 'port_representor' }], plain, false],
    ['knows that nothing is tracked', [{ type: 'conntrack', spec: { flags: CONNTRACK.valid } }], plain, false],
    ['takes no frame that is cut', [eth, v4, { type: 'tcp' }], plain.slice(0, 50), false],
    ['but what is left of it', [eth, v4], plain.slice(0, 50), true],
    ['takes nothing of a stump', [eth], plain.slice(0, 9), false],
  ];

  test.each(cases)('%s', async (_, pattern, bytes, expected) => {
    expect(await takes(pattern, bytes)).toBe(expected);
  });

  test('takes neighbour solicitations by their target', async () => {
    const target = [0xfe, 0x80, ...new Array<number>(13).fill(0), 7];
    const nd = frame(ethernet, ip6, protocols.icmp6, icmp(135, 0, 0, target));
    const to = (address: string): Item[] => [
      eth,
      { type: 'ipv6' },
      { type: 'icmp6_nd_ns', spec: { target_addr: address } },
    ];
    expect(await takes(to('fe80::7'), nd)).toBe(true);
    expect(await takes(to('fe80::8'), nd)).toBe(false);
    expect(await takes([eth, { type: 'ipv6' }, { type: 'icmp6_nd_na' }], nd)).toBe(false);
  });

  test('knows what software sends', async () => {
    const device = await emulated();
    await install(device, rule([{ type: 'port_representor', spec: { port_id: 'p0' } }], [out]));
    const [fate] = await device.receive('p0', [hex(plain)], true);
    expect(fate?.missed).toBe(false);
    expect((await send(device, plain, 'p0')).missed).toBe(true);
  });
});

describe('each field of an item is the one of its header:', () => {
  const udp4 = (payload: Bytes, port: number) =>
    frame(ethernet, { ...ip, ttl: 61, tos: 0x2e }, protocols.udp, udp(5000, port, payload));
  const target = [0xfd, ...new Array<number>(14).fill(0), 3];
  const addresses6 = { src: 'fd00::1', dst: 'fd00::2' };
  const wanted: readonly (readonly [readonly Item[], Item & { spec: object }, Uint8Array])[] = [
    [[], { type: 'eth', spec: { ...ethernet, type: 0x0800, has_vlan: 0 } }, udp4([], 7)],
    [
      [{ type: 'eth' }],
      { type: 'vlan', spec: { pcp: 5, dei: 0, vid: 0x123, inner_type: 0x0800, has_more_vlan: 0 } },
      frame({ ...ethernet, tags: [0xa123] }, ip, protocols.udp, dns),
    ],
    [[], { type: 'ipv4', spec: { tos: 0x2e, fragment_offset: 0x4000, ttl: 61, proto: 17, ...ip } }, udp4([], 7)],
    [
      [],
      { type: 'ipv6', spec: { tc: 0x2e, flow: 0x12345, proto: 17, hop: 60, ...addresses6, has_frag_ext: 0 } },
      frame(ethernet, { ...ip6, ttl: 60, tos: 0x2e, label: 0x12345 }, protocols.udp, dns),
    ],
    [
      [{ type: 'ipv6' }],
      { type: 'ipv6_frag_ext', spec: { next_hdr: 17, frag_data: 0x0109 } },
      frame(ethernet, { ...ip6, extensions: [{ number: 44, bytes: [0, 0, 1, 9, 0, 0, 0, 9] }] }, protocols.udp, dns),
    ],
    [
      [{ type: 'ipv4' }],
      { type: 'tcp', spec: { src: 40000, dst: 80, flags: 2 } },
      frame(ethernet, ip, protocols.tcp, web),
    ],
    [[{ type: 'ipv4' }], { type: 'udp', spec: { src: 5000, dst: 7 } }, udp4([], 7)],
    [[{ type: 'ipv4' }], { type: 'sctp', spec: { src: 8, dst: 9 } }, frame(ethernet, ip, protocols.sctp, sctp(8, 9))],
    [
      [{ type: 'ipv4' }],
      { type: 'icmp', spec: { type: 3, code: 4, ident: 0x1234, seq: 0x5678 } },
      frame(ethernet, ip, protocols.icmp, icmp(3, 4, 0x12345678)),
    ],
    [
      [{ type: 'ipv6' }],
      { type: 'icmp6', spec: { type: 2, code: 5 } },
      frame(ethernet, ip6, protocols.icmp6, icmp(2, 5, 0)),
    ],
    [
      [{ type: 'ipv6' }],
      { type: 'icmp6_nd_ns', spec: { target_addr: 'fd00::3' } },
      frame(ethernet, ip6, protocols.icmp6, icmp(135, 0, 0, target)),
    ],
    [
      [{ type: 'ipv6' }],
      { type: 'icmp6_nd_na', spec: { target_addr: 'fd00::3' } },
      frame(ethernet, ip6, protocols.icmp6, icmp(136, 0, 0, target)),
    ],
    [
      [{ type: 'eth' }],
      { type: 'arp_eth_ipv4', spec: { op: 2, sha: ethernet.src, spa: ip.src, tha: ethernet.dst, tpa: ip.dst } },
      arp(ethernet, { op: 2, sha: ethernet.src, spa: ip.src, tha: ethernet.dst, tpa: ip.dst }),
    ],
    [
      [{ type: 'ipv4' }, { type: 'udp' }],
      { type: 'geneve', spec: { optlen: 1, protocol: 0x6558, vni: 0x123456 } },
      udp4([1, 0, 0x65, 0x58, 0x12, 0x34, 0x56, 0, 0, 0, 0, 0], 6081),
    ],
    [
      [{ type: 'ipv4' }, { type: 'udp' }, { type: 'geneve' }],
      { type: 'geneve_opt', spec: { class: 0x102, type: 0x80, length: 1 } },
      udp4([2, 0, 0x65, 0x58, 0, 0, 1, 0, 1, 2, 0x80, 1, 9, 9, 9, 9], 6081),
    ],
    [
      [{ type: 'ipv4' }, { type: 'udp' }],
      { type: 'vxlan', spec: { vni: 0x123456 } },
      udp4([8, 0, 0, 0, 0x12, 0x34, 0x56, 0], 4789),
    ],
  ];
  const other = (value: unknown): unknown => {
    if (typeof value === 'number') return value === 0 ? 1 : value - 1;
    return String(value).includes(':') ? (String(value).length === 17 ? '02:00:00:00:00:99' : 'fd00::99') : '10.0.0.99';
  };
  const fields = wanted.flatMap(([before, item, bytes]) =>
    Object.entries(item.spec).map(([field, value]) => [item.type, field, value, before, bytes] as const),
  );

  test('all of them are here, but for the data of options', () => {
    const headers = Object.entries(ITEMS).filter(([type]) => !/^(?:tag|meta|mark|conntrack|.*port.*)$/.test(type));
    const all = headers.flatMap(([type, list]) => Object.keys(list).map((field) => `${type} ${field}`));
    const here = fields.map(([type, field]) => `${type} ${field}`);
    expect(all.filter((name) => !here.includes(name))).toEqual(['geneve_opt data']);
  });

  test.each(fields)('%s %s', async (type, field, value, before, bytes) => {
    const pattern = (spec: object) => [...before, { type, spec } as Item];
    expect(await takes(pattern({ [field]: value }), bytes)).toBe(true);
    expect(await takes(pattern({ [field]: other(value) }), bytes)).toBe(false);
  });
});
