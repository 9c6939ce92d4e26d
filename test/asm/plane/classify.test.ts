/** `lookup` meets the flow that the language says, and looks at no more of the packet than it must. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FLOW_WORDS, KEY_WORDS } from '../../../asm/plane/layout.ts';
import { annotate, evaluate, parseMatch } from '../../../engine/lang/index.ts';
import type { LogicalFlow } from '../../../engine/ovsdb/southbound.ts';
import { compileTables } from '../../../engine/program/tables.ts';
import {
  classifierOf,
  environment,
  fieldOf,
  flowOf,
  microflow,
  Plane,
  type Words,
  words,
} from '../../program/classifying.ts';

const ports = { p1: 1, p2: 2, p3: 3, group: 0x8000 };
const names = new Map(Object.entries(ports).map(([name, key]) => [key, name]));
const env = environment(ports, {
  addressSets: new Map([
    ['a', ['10.0.0.1', '10.0.0.2', '10.0.1.0/24', '10.0.0.5', '192.168.0.0/16', '10.0.0.77']],
    ['b', ['10.0.0.9', '10.0.2.0/23', '10.0.0.1', '172.16.0.1', '10.0.0.2', '8.8.8.8']],
    ['six', ['fd00::1', 'fd00::2', 'fd00:0:0:1::/64', 'fe80::/10', 'fd00::5']],
  ]),
  portGroups: new Map([['pg', ['p1', 'p3', 'nowhere']]]),
  isResident: (port) => port === 'p1',
});

const address = fc.constantFrom(
  ...['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.9', '10.0.1.7', '10.0.2.7', '192.168.3.4', '8.8.8.8', '224.0.0.1'],
);
const prefix = fc.tuple(address, fc.constantFrom(8, 16, 23, 24, 25, 30, 32)).map(([ip, length]) => {
  const bits = ip.split('.').reduce((value, byte) => value * 256 + Number(byte), 0);
  const kept = length === 32 ? bits : bits - (bits % 2 ** (32 - length));
  return `${[24, 16, 8, 0].map((shift) => Math.floor(kept / 2 ** shift) % 256).join('.')}/${length}`;
});
const address6 = fc.constantFrom('fd00::1', 'fd00::2', 'fd00:0:0:1::7', 'fe80::1', 'ff02::1', 'fd00::/64', 'fd00::/8');
const port = fc.constantFrom(0, 53, 80, 81, 443, 1000, 1024, 2047, 65535);
const mac = fc.constantFrom('00:00:00:00:00:01', '02:00:00:00:00:02', '33:33:00:00:00:01', 'ff:ff:ff:ff:ff:ff');
const name = fc.constantFrom('"p1"', '"p2"', '"p3"', '"group"', '"nowhere"', '@pg', '{"p1", "p2"}');
const transport = fc.constantFrom('tcp', 'udp', 'sctp');
const end = fc.constantFrom('src', 'dst');

const literal = fc.oneof(
  fc.constantFrom(
    ...['ip4', 'ip6', 'ip', 'arp', 'tcp', 'udp', 'icmp4', 'icmp6', 'nd_ns', 'nd', 'eth.bcast', 'eth.mcast', '1', '0'],
    ...['ip.is_frag', 'ip.later_frag', '!ip.later_frag', 'vlan.present', 'vlan.vid == 5', 'ip.ttl == {0, 1}'],
    ...['ct.new', 'ct.est && !ct.rpl', '!ct.trk', 'ct_mark.blocked == 0', 'ct_label[96..127] == 7', 'ct_state == 0x21'],
    ...[
      'reg0[3..7] == 5',
      'reg0[3]',
      'flags.loopback',
      'xxreg0 == 5',
      'xreg1[0..47] == 3',
      'reg9 > 2',
      'pkt.mark == 1',
    ],
    ...['arp.op == 1', 'arp.op == 0x101', 'arp.tpa == 10.0.0.1', 'arp.spa == 10.0.0.0/24', 'nd.target == fd00::1'],
    ...['ip.proto == {6, 17}', 'ip.dscp == 10', 'icmp4.type == 8', 'icmp6.type == {135, 136}', 'tcp.flags == 2/18'],
    ...[
      'is_chassis_resident("p1")',
      '!is_chassis_resident("p2")',
      'ct_state == 0x10000',
      'arp.sha == 02:00:00:00:00:02',
    ],
    ...['ip4.src == $a && ip4.dst == $b', 'ip4.src == $a && ip4.dst == $b && tcp.dst == {80, 81, 443}'],
    ...['ip6.src == $six && ip6.dst == $six', 'inport == @pg && ip4.src == $a && ip4.dst == $b', 'ip4.src != $a'],
  ),
  fc.tuple(end, prefix).map(([which, value]) => `ip4.${which} == ${value}`),
  fc.tuple(end, address).map(([which, value]) => `ip4.${which} != ${value}`),
  fc.tuple(end, address6).map(([which, value]) => `ip6.${which} == ${value}`),
  fc.tuple(transport, end, port).map(([proto, which, value]) => `${proto}.${which} == ${value}`),
  fc.tuple(transport, end, port, port).map(([proto, which, low, high]) => `${low} <= ${proto}.${which} < ${high}`),
  fc.tuple(end, mac).map(([which, value]) => `eth.${which} == ${value}`),
  fc.tuple(fc.constantFrom('inport', 'outport'), name).map(([which, value]) => `${which} == ${value}`),
);

const match = fc.oneof(
  { weight: 2, arbitrary: literal },
  { weight: 3, arbitrary: fc.array(literal, { minLength: 2, maxLength: 4 }).map((all) => `(${all.join(') && (')})`) },
  { weight: 1, arbitrary: fc.array(literal, { minLength: 2, maxLength: 3 }).map((all) => `(${all.join(') || (')})`) },
);

/** Many flows of one form, so that subtables become large. */
const series = fc.tuple(
  fc.integer({ min: 5, max: 40 }),
  fc.constantFrom<(i: number) => string>(
    (i) => `ip4.dst == 10.0.${i}.0/24`,
    (i) => `ip4 && ip4.src == 10.0.0.${i} && tcp.dst == ${70 + i}`,
    (i) => `ip6.dst == fd00:0:0:${i}::/64`,
    (i) => `ip6.src == fd00::${i}`,
    (i) => `eth.dst == 02:00:00:00:00:${i + 10}`,
    (i) => `udp.dst == ${40 + i}`,
    (i) => `inport == "p${1 + (i % 4)}" && eth.src == 02:00:00:00:00:0${i % 10}`,
    (i) => `reg9 == ${i} && ip4.dst == 10.0.0.${i}`,
    (i) => `ip4.src == {10.0.${i}.1, 10.0.0.${i}, 10.0.0.1} && ip4.dst == $b && tcp.dst == {80, ${i}}`,
  ),
);

const table = fc
  .tuple(
    fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), match), { maxLength: 12 }),
    fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), series), { maxLength: 3 }),
  )
  .map(([single, many]) => [
    ...single,
    ...many.flatMap(([priority, [count, text]]) =>
      Array.from({ length: count }, (_, i): [number, string] => [priority + (i % 2), text(i)]),
    ),
  ])
  .map((flows) => flows.map(([priority, text], i) => flowOf(priority, text, { uuid: `${i}` })));

const ip4Value = address.map((ip) => ip.split('.').reduce((value, byte) => value * 256n + BigInt(byte), 0n));
const ip6Value = fc.constantFrom(
  ...['fd000000000000000000000000000001', 'fd000000000000010000000000000007', 'fe800000000000000000000000000001'],
  ...['ff020000000000000000000000000001', 'fd000000000000000000000000000009', '0'],
);
const macValue = mac.map((text) => BigInt(`0x${text.replaceAll(':', '')}`));
const small = fc.integer({ min: 0, max: 40 }).map(BigInt);

const packet: fc.Arbitrary<Words> = fc
  .record({
    'eth.type': fc.constantFrom(0x800n, 0x86ddn, 0x806n, 0x1234n),
    'eth.src': macValue,
    'eth.dst': macValue,
    'vlan.tci': fc.constantFrom(0n, 0x1005n, 0x1006n, 5n),
    'ip.proto': fc.constantFrom(0n, 1n, 2n, 6n, 17n, 58n, 132n),
    'ip.ttl': fc.constantFrom(0n, 1n, 64n, 255n),
    'ip.frag': fc.constantFrom(0n, 1n, 3n),
    'ip.dscp': fc.constantFrom(0n, 10n),
    'ip4.src': fc.oneof(
      ip4Value,
      small.map((i) => 0x0a000000n + i),
    ),
    'ip4.dst': fc.oneof(
      ip4Value,
      small.map((i) => 0x0a000001n + (i << 8n)),
    ),
    'ip6.src': ip6Value.map((text) => BigInt(`0x${text}`)),
    'ip6.dst': ip6Value.map((text) => BigInt(`0x${text}`)),
    'nd.target': fc.constantFrom(0n, 0xfd000000000000000000000000000001n),
    'arp.sha': macValue,
    'tcp.src': fc.oneof(port.map(BigInt), small),
    'tcp.dst': fc.oneof(
      port.map(BigInt),
      small.map((i) => i + 60n),
    ),
    'tcp.flags': fc.constantFrom(0n, 2n, 18n),
    ct_state: fc.constantFrom(0n, 0x21n, 0x22n, 0x2an, 0x30n),
    ct_mark: fc.constantFrom(0n, 1n),
    ct_label: fc.constantFrom(0n, 7n << 96n),
    inport: fc.constantFrom(0n, 1n, 2n, 3n, 4n),
    outport: fc.constantFrom(0n, 1n, 2n, 3n, 0x8000n),
    flags: fc.constantFrom(0n, 1n),
    xxreg0: fc.constantFrom(0n, 5n, 5n << 99n),
    xxreg1: fc.constantFrom(0n, 3n),
    xreg4: fc.oneof(small, fc.constantFrom(0n, 3n << 32n)),
    'pkt.mark': fc.constantFrom(0n, 1n),
  })
  .map((fields) => words(fields));

/** Which bits hold constants instead of what the packet came with. */
const known = fc
  .array(fc.tuple(fc.nat(KEY_WORDS - 1), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })), { maxLength: 3 })
  .map((some) => {
    const out = new BigUint64Array(FLOW_WORDS);
    for (const [word, bits] of some) out[word] = bits;
    return out;
  });

/** The first flow, by falling priority, that the language says the packet matches. */
function expected(flows: readonly LogicalFlow[], flow: Words): LogicalFlow | undefined {
  const view = microflow(flow, (key) => names.get(key));
  return flows
    .toSorted((a, b) => b.priority - a.priority)
    .find(({ match: text }) => evaluate(annotate(parseMatch(text, { ...env, datapathKey: 1 })), view, env.isResident));
}

/** What `other` has where nobody looked, and `flow` everywhere else. */
function agreeing(flow: Words, other: Words, wc: Words, constants: Words): Words {
  return flow.map((word, i) => {
    const fixed = i < KEY_WORDS ? (wc[i] ?? 0n) | (constants[i] ?? 0n) : (1n << 64n) - 1n;
    return (word & fixed) | ((other[i] ?? 0n) & ~fixed);
  });
}

test('the flow met is the one that the language says, and any packet that agrees on what was looked at meets it too', () => {
  let met = 0;
  fc.assert(
    fc.property(table, fc.array(packet, { minLength: 8, maxLength: 8 }), known, (flows, packets, constants) => {
      const lookup = classifierOf(flows, env);
      for (const flow of packets) {
        const found = lookup(flow, constants);
        expect(found.flow).toBe(expected(flows, flow));
        met += found.flow ? 1 : 0;
        for (const other of packets) {
          const alike = agreeing(flow, other, found.wc, constants);
          expect(lookup(alike, constants).flow).toBe(found.flow);
        }
      }
    }),
    { numRuns: 300 },
  );
  expect(met).toBeGreaterThan(300);
});

/** Of the bits looked at, those of a field. */
function seen(wc: Words, field: string): bigint {
  return fieldOf(wc, field);
}

const ip4 = { 'eth.type': 0x800n, 'ip.proto': 6n };
const PREFIX = (length: number) => 0xffffffffn - 0xffffffffn / (1n << BigInt(length));

describe('of what need not be known, little is looked at:', () => {
  const routes = classifierOf([
    ...Array.from({ length: 200 }, (_, i) => flowOf(24 * 3, `ip4.dst == 10.0.${i}.0/24`)),
    ...Array.from({ length: 10 }, (_, i) => flowOf(32 * 3, `ip4.dst == 172.16.0.${i * 20}`)),
    flowOf(16 * 3, 'ip4.dst == 192.168.0.0/16'),
    flowOf(8 * 3, 'ip4.dst == 10.0.0.0/8'),
    flowOf(0, 'ip4.dst == 0.0.0.0/0'),
  ]);
  const route = (dst: bigint) => {
    const { flow, wc } = routes(words({ ...ip4, 'ip4.dst': dst, 'tcp.dst': 80n, 'ip4.src': 7n }));
    return { match: flow?.match, bits: seen(wc, 'ip4.dst'), others: wc };
  };

  test('a route of 24 bits is found by 24 bits', () => {
    expect(route(0x0a000709n)).toMatchObject({ match: 'ip4.dst == 10.0.7.0/24', bits: PREFIX(24) });
  });

  test('shorter routes are told from the longer ones by the bits in which they differ', () => {
    // 10.200 differs from 10.0.* in the ninth bit, from 172.* in the first.
    expect(route(0x0ac80000n)).toMatchObject({ match: 'ip4.dst == 10.0.0.0/8', bits: PREFIX(9) });
    expect(route(0xc0a80101n)).toMatchObject({ match: 'ip4.dst == 192.168.0.0/16', bits: PREFIX(16) });
    // 0.* differs from 10.* in the fifth bit.
    expect(route(0x01010101n)).toMatchObject({ match: 'ip4.dst == 0.0.0.0/0', bits: PREFIX(5) });
  });

  test('nothing but the type and the destination is looked at', () => {
    const { others } = route(0x0a000709n);
    const rest = others.map((word, i) => word & ~(words({ 'eth.type': 0xffffn, 'ip4.dst': 0xffffffffn })[i] ?? 0n));
    expect([...rest]).toEqual(new Array(KEY_WORDS).fill(0n));
  });

  test('routes of IPv6 are trimmed over both words', () => {
    const lookup = classifierOf([
      ...Array.from({ length: 50 }, (_, i) => flowOf(10, `ip6.dst == fd00::${i.toString(16)}:0/112`)),
      flowOf(1, 'ip6'),
    ]);
    const look = (dst: bigint) => lookup(words({ 'eth.type': 0x86ddn, 'ip6.dst': dst })).wc;
    const first = (n: bigint) => ((1n << n) - 1n) << (128n - n);
    expect(seen(look((0xfdn << 120n) | 0x310005n), 'ip6.dst')).toBe(first(112n));
    expect(seen(look(0xfen << 120n), 'ip6.dst')).toBe(first(7n));
    expect(seen(look((0xfdn << 120n) | (1n << 60n)), 'ip6.dst')).toBe(first(68n));
  });

  test('who sends UDP is not asked for his TCP ports', () => {
    const lookup = classifierOf([
      ...Array.from({ length: 30 }, (_, i) => flowOf(10, `ip4 && tcp.dst == ${i + 1000}`)),
      flowOf(0, '1'),
    ]);
    const { wc } = lookup(words({ 'eth.type': 0x800n, 'ip.proto': 17n, 'udp.dst': 1005n }));
    expect(seen(wc, 'tcp.dst')).toBe(0n);
    expect(seen(wc, 'ip.proto')).toBe(0xffn);
  });

  test('one port among few leaves the others their freedom', () => {
    const lookup = classifierOf([flowOf(10, 'ip4 && tcp.dst == 80'), flowOf(0, '1')]);
    // 443 and 80 differ in the eighth bit.
    expect(seen(lookup(words({ ...ip4, 'tcp.dst': 443n })).wc, 'tcp.dst')).toBe(0xff00n);
    expect(seen(lookup(words({ ...ip4, 'tcp.dst': 80n })).wc, 'tcp.dst')).toBe(0xffffn);
    const other = lookup(words({ 'eth.type': 0x806n, 'tcp.dst': 80n })).wc;
    expect([seen(other, 'tcp.dst'), seen(other, 'ip.proto')]).toEqual([0n, 0n]);
  });

  test('ACLs of other ports of the switch look at nothing', () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`port${i}`, i + 1]));
    const lookup = classifierOf(
      [
        ...Array.from({ length: 100 }, (_, i) =>
          flowOf(10, `inport == "port${i}" && ip4.src == 10.0.0.${i} && tcp.dst == 80`),
        ),
        flowOf(0, '1'),
      ],
      environment(many),
    );
    expect([...lookup(words({ ...ip4, inport: 500n, 'ip4.src': 0x0a000001n })).wc]).toEqual(
      new Array(KEY_WORDS).fill(0n),
    );
    // That port's own ACL is looked at, down to what decides.
    const { flow, wc } = lookup(words({ ...ip4, inport: 5n, 'ip4.src': 0x0b000001n, 'tcp.dst': 80n }));
    expect(flow?.match).toBe('1');
    expect(seen(wc, 'tcp.dst')).toBe(0n);
  });

  test('what is known already is not looked at', () => {
    const constants = words({ 'eth.type': 0xffffn, 'ip4.dst': 0xffffffffn });
    const flow = words({ ...ip4, 'ip4.dst': 0x0a000709n });
    expect([...routes(flow, constants).wc]).toEqual(new Array(KEY_WORDS).fill(0n));
  });

  test('a lower flow is not searched for once a higher one is found', () => {
    const lookup = classifierOf([flowOf(10, 'eth.mcast'), flowOf(5, 'ip4.dst == 10.0.0.1'), flowOf(0, '1')]);
    const { wc } = lookup(words({ ...ip4, 'eth.dst': 0x333300000001n }));
    expect(wc[2]).toBe(0n);
    expect(seen(wc, 'eth.dst')).toBe(1n << 40n);
  });
});

describe('products of large sets', () => {
  const addresses = (base: number) => Array.from({ length: 1000 }, (_, i) => `10.${base}.${i >> 8}.${i & 255}`);
  const sets = environment(
    {},
    {
      addressSets: new Map([
        ['a', addresses(1)],
        ['b', addresses(2)],
      ]),
    },
  );
  const flows = [flowOf(10, 'ip4.src == $a && ip4.dst == $b && tcp.dst == {80, 443}'), flowOf(0, '1')];

  test('take as many entries as their factors have members', () => {
    const { blobs } = compileTables([{ datapath: 0, pipeline: 'ingress', table: 0, flows }], sets);
    expect(blobs.reduce((size, blob) => size + blob.length, 0)).toBeLessThan(200_000);
  });

  test.each([
    [0x0a010001n, 0x0a020301n, 443n, 10],
    [0x0a0103e7n, 0x0a020000n, 80n, 10],
    [0x0a0103e8n, 0x0a020000n, 80n, 0],
    [0x0a020001n, 0x0a010001n, 80n, 0],
    [0x0a010001n, 0x0a020301n, 81n, 0],
  ])('%i to %i, port %i: the flow of priority %i', (src, dst, dport, priority) => {
    const lookup = classifierOf(flows, sets);
    const flow = words({ ...ip4, 'ip4.src': src, 'ip4.dst': dst, 'tcp.dst': dport });
    // What one look-up left must not help the next.
    for (let i = 0; i < 3; i++) expect(lookup(flow).flow?.priority).toBe(priority);
  });

  test("what one packet met of a product is not held to the next one's credit", () => {
    const lookup = classifierOf(flows, sets);
    lookup(words({ ...ip4, 'ip4.src': 0x0a010001n, 'tcp.dst': 80n }));
    expect(lookup(words({ ...ip4, 'ip4.dst': 0x0a020001n, 'tcp.dst': 80n })).flow?.priority).toBe(0);
  });
});

test('a table that was cut short or altered is noticed, not read past its end', () => {
  const flows = Array.from({ length: 20 }, (_, i) => flowOf(10, `ip4.dst == 10.0.0.${i} && tcp.dst == ${i}`));
  const { blobs } = compileTables([{ datapath: 0, pipeline: 'ingress', table: 0, flows }], environment());
  const [blob] = blobs;
  if (!blob) throw new Error('there is a blob');
  const plane = new Plane();
  const flow = words({ ...ip4, 'ip4.dst': 0x0a000003n, 'tcp.dst': 3n });
  const short = blob.slice();
  new Uint32Array(short.buffer)[0] = blob.length / 2;
  expect(plane.lookup(plane.place(blob), flow).rank).toBe(3);
  expect(() => plane.lookup(plane.place(short), flow)).toThrow();
});
