import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseFrame, withChecksums } from '../../engine/frame.ts';
import { be, bytes, checked, ethernet, ip4, ip6, pseudo, tcp, udp } from './build.ts';

const a4 = 0x0a000002;
const b4 = 0x0a000103;
const a6 = 0xfd00_0000_0000_0000_0000_0000_0000_0002n;
const b6 = 0xfe80_0000_0000_0000_0123_4567_89ab_cdefn;
const word = fc.nat(0xffff);
const byte = fc.nat(0xff);
const data = fc.uint8Array({ maxLength: 40 });

const ethernetFields = (type: bigint) => ({
  'eth.dst': 0x020000000002n,
  'eth.src': 0x020000000001n,
  'eth.type': type,
});

const ipFields = (proto: number, more: Record<string, bigint> = {}) => ({
  'ip.proto': BigInt(proto),
  'ip.ttl': 64n,
  'ip.dscp': 0n,
  'ip.ecn': 0n,
  'ip.frag': 0n,
  ...more,
});

const ip4Fields = (proto: number, more: Record<string, bigint> = {}) => ({
  ...ethernetFields(0x800n),
  'ip4.src': BigInt(a4),
  'ip4.dst': BigInt(b4),
  ...ipFields(proto, more),
});

const ip6Fields = (proto: number, more: Record<string, bigint> = {}) => ({
  ...ethernetFields(0x86ddn),
  'ip6.src': a6,
  'ip6.dst': b6,
  'ip6.label': 0n,
  ...ipFields(proto, more),
});

describe('Ethernet', () => {
  test('of a type without a network layer', () => {
    expect(parseFrame(ethernet(0x88cc, bytes('0207')))).toEqual({ fields: ethernetFields(0x88ccn), problems: [] });
  });

  test('gives nothing for less than a header', () => {
    const { fields, problems } = parseFrame(ethernet(0x800, bytes()).subarray(0, 13));
    expect(fields).toEqual({});
    expect(problems).toEqual(['the frame is shorter than an Ethernet header (14 bytes)']);
  });

  test('802.1Q: the tag, bit 12 set, and what it carries', () => {
    const frame = ethernet(0x800, ip4({ src: a4, dst: b4, proto: 99 }, bytes()), bytes('8100 6064'));
    expect(parseFrame(frame).fields).toEqual({ ...ip4Fields(99), 'vlan.tci': 0x7064n });
  });

  test('a tag that is cut off is no tag', () => {
    const { fields, problems } = parseFrame(bytes('020000000002 020000000001 8100 0064'));
    expect(fields).toEqual(ethernetFields(0x8100n));
    expect(problems).toEqual(['the VLAN tag is cut off']);
  });

  test('802.1ad: one tag is taken off, two if the switch is told to', () => {
    const frame = ethernet(0x800, ip4({ src: a4, dst: b4, proto: 99 }, bytes()), bytes('88a8 0007 8100 0008'));
    const outer = parseFrame(frame);
    expect(outer.fields).toEqual({ ...ethernetFields(0x8100n), 'vlan.tci': 0x1007n });
    expect(outer.problems).toHaveLength(1);
    const both = parseFrame(frame, { vlanLimit: 2 });
    expect(both).toEqual({ fields: { ...ip4Fields(99), 'vlan.tci': 0x1007n }, problems: [] });
    expect(parseFrame(frame, { vlanLimit: 0 }).fields).toEqual(ethernetFields(0x88a8n));
  });

  test('802.3: a type behind SNAP counts, anything else has none', () => {
    const packet = ip4({ src: a4, dst: b4, proto: 99 }, bytes());
    expect(parseFrame(ethernet(36, bytes('aaaa03 000000 0800', packet))).fields).toEqual(ip4Fields(99));
    expect(parseFrame(ethernet(36, bytes('aaaa03 00000c 0800', packet))).fields).toEqual(ethernetFields(0x5ffn));
    expect(parseFrame(ethernet(3, bytes('424203'))).fields).toEqual(ethernetFields(0x5ffn));
  });
});

describe('ARP', () => {
  const message = (op: number) => bytes('0001 0800 06 04', be(op, 2), '020000000001 0a000002 000000000000 0a000001');

  test('has its fields', () => {
    expect(parseFrame(ethernet(0x806, message(1)))).toEqual({
      fields: {
        ...ethernetFields(0x806n),
        'arp.op': 1n,
        'arp.spa': 0x0a000002n,
        'arp.tpa': 0x0a000001n,
        'arp.sha': 0x020000000001n,
        'arp.tha': 0n,
      },
      problems: [],
    });
  });

  test('RARP has none that OVN knows', () => {
    expect(parseFrame(ethernet(0x8035, message(3)))).toEqual({ fields: ethernetFields(0x8035n), problems: [] });
  });

  test('an operation above 255 matches nothing', () => {
    const { fields, problems } = parseFrame(ethernet(0x806, message(0x101)));
    expect(fields['arp.op']).toBe(0n);
    expect(problems).toHaveLength(1);
  });

  test('cut off, or about something else, it has no fields', () => {
    const short = parseFrame(ethernet(0x806, message(1).subarray(0, 27)));
    expect(short.fields).toEqual(ethernetFields(0x806n));
    expect(short.problems).toHaveLength(1);
    const other = parseFrame(ethernet(0x806, bytes('0006', message(1).subarray(2))));
    expect(other.fields).toEqual(ethernetFields(0x806n));
    expect(other.problems).toHaveLength(1);
  });
});

describe('IPv4', () => {
  test('its header, whatever is in it', () => {
    const words = fc.integer({ min: 0, max: 10 });
    fc.assert(
      fc.property(byte, byte, words, data, (tos, ttl, options, payload) => {
        const header = { src: a4, dst: b4, proto: 253, tos, ttl, options: new Uint8Array(4 * options).fill(1) };
        expect(parseFrame(ethernet(0x800, ip4(header, payload)))).toEqual({
          fields: ip4Fields(253, { 'ip.ttl': BigInt(ttl), 'ip.dscp': BigInt(tos >> 2), 'ip.ecn': BigInt(tos & 3) }),
          problems: [],
        });
      }),
    );
  });

  test('fragments: ports in the first only', () => {
    const segment = udp(1, 2);
    const first = parseFrame(ethernet(0x800, ip4({ src: a4, dst: b4, proto: 17, fragment: 0x2000 }, segment)));
    expect(first.fields).toEqual({ ...ip4Fields(17, { 'ip.frag': 1n }), 'udp.src': 1n, 'udp.dst': 2n });
    const later = parseFrame(ethernet(0x800, ip4({ src: a4, dst: b4, proto: 17, fragment: 0x0005 }, segment)));
    expect(later).toEqual({ fields: ip4Fields(17, { 'ip.frag': 3n }), problems: [] });
  });

  test('"do not fragment" is no fragment', () => {
    const frame = ethernet(0x800, ip4({ src: a4, dst: b4, proto: 99, fragment: 0x4000 }, bytes()));
    expect(parseFrame(frame).fields['ip.frag']).toBe(0n);
  });

  test('a wrong checksum is said, and changes no field', () => {
    const frame = ethernet(0x800, ip4({ src: a4, dst: b4, proto: 99 }, bytes()));
    frame[24] = (frame[24] ?? 0) ^ 1;
    expect(parseFrame(frame)).toEqual({
      fields: ip4Fields(99),
      problems: ['the checksum of the IPv4 header is wrong'],
    });
  });

  test('padding is not payload', () => {
    const segment = checked(udp(1, 2, bytes('aa')), 6, pseudo(a4, b4, 4, 17, 9));
    const frame = bytes(ethernet(0x800, ip4({ src: a4, dst: b4, proto: 17 }, segment)), 'ffffffff');
    expect(parseFrame(frame).problems).toEqual([]);
  });

  test.each([
    ['a length of header below 20', (p: Uint8Array) => p.set([0x44]), 'the IPv4 header length'],
    ['a length of header above the total', (p: Uint8Array) => p.set([0x46]), 'the IPv4 header length'],
    ['a total above what is there', (p: Uint8Array) => p.set([0, 21], 2), 'the packet is shorter'],
  ])('%s gives no fields', (_, spoil, problem) => {
    const packet = ip4({ src: a4, dst: b4, proto: 99 }, bytes());
    spoil(packet);
    const parsed = parseFrame(ethernet(0x800, packet));
    expect(parsed.fields).toEqual(ethernetFields(0x800n));
    expect(parsed.problems.join()).toContain(problem);
  });

  test('another version is said', () => {
    const packet = ip4({ src: a4, dst: b4, proto: 99 }, bytes());
    packet[0] = 0x65;
    expect(parseFrame(ethernet(0x800, packet)).problems.join()).toContain('the IP version');
  });
});

describe('IPv6', () => {
  test('its header, whatever is in it', () => {
    fc.assert(
      fc.property(byte, byte, fc.nat(0xfffff), data, (trafficClass, hopLimit, label, payload) => {
        const header = { src: a6, dst: b6, next: 253, trafficClass, hopLimit, label };
        expect(parseFrame(ethernet(0x86dd, ip6(header, payload)))).toEqual({
          fields: ip6Fields(253, {
            'ip6.label': BigInt(label),
            'ip.ttl': BigInt(hopLimit),
            'ip.dscp': BigInt(trafficClass >> 2),
            'ip.ecn': BigInt(trafficClass & 3),
          }),
          problems: [],
        });
      }),
    );
  });

  const segment = checked(udp(5, 6, bytes('0102')), 6, pseudo(a6, b6, 16, 17, 10));
  const hopByHop = (next: number) => bytes(next, 0, '010400000000');
  const destination = (next: number) => bytes(next, 1, '010c000000000000000000000000');
  const authentication = (next: number) => bytes(next, 4, new Uint8Array(22));
  const routing = (next: number, left: number) => bytes(next, 2, 2, left, be(0, 4), be(a6, 16));
  const fragment = (next: number, word: number) => bytes(next, 0, be(word, 2), be(77, 4));

  test('a chain of extension headers is walked to its end', () => {
    const chain = bytes(hopByHop(60), destination(43), routing(51, 0), authentication(44), fragment(17, 0), segment);
    expect(parseFrame(ethernet(0x86dd, ip6({ src: a6, dst: b6, next: 0 }, chain)))).toEqual({
      fields: { ...ip6Fields(17), 'udp.src': 5n, 'udp.dst': 6n },
      problems: [],
    });
  });

  test('fragments: ports in the first only, the protocol of a later one is 44', () => {
    const first = ip6({ src: a6, dst: b6, next: 44 }, bytes(fragment(17, 1), segment));
    expect(parseFrame(ethernet(0x86dd, first)).fields).toEqual({
      ...ip6Fields(17, { 'ip.frag': 1n }),
      'udp.src': 5n,
      'udp.dst': 6n,
    });
    const later = ip6({ src: a6, dst: b6, next: 44 }, bytes(fragment(17, 8), segment));
    expect(parseFrame(ethernet(0x86dd, later)).fields).toEqual(ip6Fields(44, { 'ip.frag': 3n }));
  });

  test('with segments left to visit, the checksum is not ours to judge', () => {
    const chain = bytes(routing(17, 1), udp(5, 6, bytes('0102')).fill(0x99, 6, 8));
    expect(parseFrame(ethernet(0x86dd, ip6({ src: a6, dst: b6, next: 43 }, chain))).problems).toEqual([]);
    const done = bytes(routing(17, 0), udp(5, 6, bytes('0102')).fill(0x99, 6, 8));
    expect(parseFrame(ethernet(0x86dd, ip6({ src: a6, dst: b6, next: 43 }, done))).problems).toHaveLength(1);
  });

  test('an extension header that is cut off leaves the addresses only', () => {
    const packet = ip6({ src: a6, dst: b6, next: 0 }, bytes(17, 1, new Uint8Array(13)));
    const { fields, problems } = parseFrame(ethernet(0x86dd, packet));
    expect(fields).toEqual({ ...ethernetFields(0x86ddn), 'ip6.src': a6, 'ip6.dst': b6, 'ip6.label': 0n });
    expect(problems).toEqual(['an IPv6 extension header is cut off']);
  });

  test('a header that is cut off, or a payload, gives no fields', () => {
    const packet = ip6({ src: a6, dst: b6, next: 17 }, segment);
    for (const [length, problem] of [
      [39, 'the IPv6 header is cut off'],
      [49, 'the packet is shorter'],
    ] as const) {
      const parsed = parseFrame(ethernet(0x86dd, packet.subarray(0, length)));
      expect(parsed.fields).toEqual(ethernetFields(0x86ddn));
      expect(parsed.problems.join()).toContain(problem);
    }
  });
});

describe('TCP, UDP, SCTP', () => {
  const options = bytes('020405b4');

  test('ports and all twelve bits of flags, over IPv4 and IPv6', () => {
    fc.assert(
      fc.property(word, word, fc.nat(0xfff), data, (src, dst, flags, payload) => {
        const plain = tcp(src, dst, flags, payload, options);
        const fields = { 'tcp.src': BigInt(src), 'tcp.dst': BigInt(dst), 'tcp.flags': BigInt(flags) };
        const over4 = ip4({ src: a4, dst: b4, proto: 6 }, checked(plain, 16, pseudo(a4, b4, 4, 6, plain.length)));
        expect(parseFrame(ethernet(0x800, over4))).toEqual({ fields: { ...ip4Fields(6), ...fields }, problems: [] });
        const over6 = ip6({ src: a6, dst: b6, next: 6 }, checked(plain, 16, pseudo(a6, b6, 16, 6, plain.length)));
        expect(parseFrame(ethernet(0x86dd, over6))).toEqual({ fields: { ...ip6Fields(6), ...fields }, problems: [] });
      }),
    );
  });

  test('UDP, with and without a checksum', () => {
    const fields = { 'udp.src': 53n, 'udp.dst': 4000n };
    const plain = udp(53, 4000, bytes('01'));
    const none4 = parseFrame(ethernet(0x800, ip4({ src: a4, dst: b4, proto: 17 }, plain)));
    expect(none4).toEqual({ fields: { ...ip4Fields(17), ...fields }, problems: [] });
    const none6 = parseFrame(ethernet(0x86dd, ip6({ src: a6, dst: b6, next: 17 }, plain)));
    expect(none6).toEqual({ fields: { ...ip6Fields(17), ...fields }, problems: ['UDP over IPv6 has no checksum'] });
  });

  test('SCTP', () => {
    const common = bytes(be(36412, 2), be(9, 2), new Uint8Array(8));
    expect(parseFrame(ethernet(0x800, ip4({ src: a4, dst: b4, proto: 132 }, common)))).toEqual({
      fields: { ...ip4Fields(132), 'sctp.src': 36412n, 'sctp.dst': 9n },
      problems: [],
    });
  });

  test.each([
    [6, 19],
    [17, 7],
    [132, 11],
    [1, 7],
  ])('protocol %i with a header of %i bytes has no fields of its own', (proto, length) => {
    const packet = ip4({ src: a4, dst: b4, proto }, new Uint8Array(length));
    expect(parseFrame(ethernet(0x800, packet))).toEqual({
      fields: ip4Fields(proto),
      problems: ['the transport header is cut off'],
    });
  });

  test('any single bit that is wrong in a segment is noticed', () => {
    const plain = tcp(1, 2, 0x18, bytes('68656c6c6f'));
    const good = ethernet(0x800, ip4({ src: a4, dst: b4, proto: 6 }, checked(plain, 16, pseudo(a4, b4, 4, 6, 25))));
    for (let bit = 34 * 8; bit < good.length * 8; bit++) {
      const bad = good.slice();
      bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      // Without a header there is no checksum of it.
      const isOffset = bit >> 2 === 2 * (34 + 12) + 1 && (bad[34 + 12] ?? 0) >> 4 !== 5;
      const problem = isOffset ? 'the TCP data offset' : 'the checksum of the transport header is wrong';
      expect(parseFrame(bad).problems.join()).toContain(problem);
    }
  });

  test('a TCP data offset, a UDP length that cannot be', () => {
    const segment = tcp(1, 2, 0);
    for (const offset of [0x00, 0x40, 0x60, 0xf0]) {
      segment[12] = offset;
      const { fields, problems } = parseFrame(ethernet(0x800, ip4({ src: a4, dst: b4, proto: 6 }, segment)));
      expect(problems.join()).toContain('the TCP data offset');
      expect(fields).toEqual(ip4Fields(6));
    }
    const datagram = udp(1, 2);
    datagram[5] = 9;
    expect(parseFrame(ethernet(0x800, ip4({ src: a4, dst: b4, proto: 17 }, datagram))).problems.join()).toContain(
      'the UDP length',
    );
  });
});

describe('ICMP', () => {
  test('type and code, over IPv4 and IPv6', () => {
    const over4 = checked(bytes('0301 0000 00000000 45'), 2);
    expect(parseFrame(ethernet(0x800, ip4({ src: a4, dst: b4, proto: 1 }, over4)))).toEqual({
      fields: { ...ip4Fields(1), 'icmp4.type': 3n, 'icmp4.code': 1n },
      problems: [],
    });
    const over6 = checked(bytes('0104 0000 00000000'), 2, pseudo(a6, b6, 16, 58, 8));
    expect(parseFrame(ethernet(0x86dd, ip6({ src: a6, dst: b6, next: 58 }, over6)))).toEqual({
      fields: { ...ip6Fields(58), 'icmp6.type': 1n, 'icmp6.code': 4n },
      problems: [],
    });
  });

  const discovery = (type: number, options: string, code = 0) => {
    const plain = bytes(type, code, be(0, 6), be(b6, 16), options);
    const message = checked(plain, 2, pseudo(a6, b6, 16, 58, plain.length));
    return parseFrame(ethernet(0x86dd, ip6({ src: a6, dst: b6, next: 58, hopLimit: 255 }, message)));
  };
  const icmp = (type: number, code = 0) => ({
    ...ip6Fields(58, { 'ip.ttl': 255n }),
    'icmp6.type': BigInt(type),
    'icmp6.code': BigInt(code),
  });

  test('neighbour discovery: target and link-layer addresses, other options stepped over', () => {
    expect(discovery(135, '0e01 000000000000 0101 020000000001')).toEqual({
      fields: { ...icmp(135), 'nd.target': b6, 'nd.sll': 0x020000000001n },
      problems: [],
    });
    expect(discovery(136, '0201 020000000009')).toEqual({
      fields: { ...icmp(136), 'nd.target': b6, 'nd.tll': 0x020000000009n },
      problems: [],
    });
  });

  test('of another code, or another type, it is no neighbour discovery', () => {
    expect(discovery(135, '', 1)).toEqual({ fields: icmp(135, 1), problems: [] });
    expect(discovery(134, '')).toEqual({ fields: icmp(134), problems: [] });
  });

  test('an address said twice takes all back, as in Open vSwitch', () => {
    const { fields, problems } = discovery(135, '0101 020000000001 0101 020000000002');
    expect(fields).toEqual(icmp(135));
    expect(problems).toHaveLength(1);
  });

  test('an option of length zero, or one that is cut off, ends the options', () => {
    for (const options of ['0100 020000000001', '0102 020000000001']) {
      const { fields, problems } = discovery(135, options);
      expect(fields).toEqual({ ...icmp(135), 'nd.target': b6 });
      expect(problems).toHaveLength(1);
    }
  });
});

describe('withChecksums', () => {
  const spoiled = (frame: Uint8Array, ...at: number[]) => {
    const out = frame.slice();
    for (const offset of at) out.set([0xde, 0xad], offset);
    return out;
  };

  test('mends what was spoiled, in IPv4 and in IPv6, and leaves the given frame alone', () => {
    const plain = tcp(1, 2, 0x10, bytes('010203'));
    const over4 = ethernet(0x800, ip4({ src: a4, dst: b4, proto: 6 }, checked(plain, 16, pseudo(a4, b4, 4, 6, 23))));
    const bad4 = spoiled(over4, 24, 50);
    expect(withChecksums(bad4)).toEqual(over4);
    expect(bad4[24]).toBe(0xde);
    const over6 = ethernet(0x86dd, ip6({ src: a6, dst: b6, next: 6 }, checked(plain, 16, pseudo(a6, b6, 16, 6, 23))));
    expect(withChecksums(spoiled(over6, 70))).toEqual(over6);
  });

  test('a UDP checksum that comes to zero is sent as ones', () => {
    // The source port is chosen so that everything sums to ffff.
    const zero = checked(udp(0, 2), 6, pseudo(a4, b4, 4, 17, 8)).subarray(6, 8);
    const frame = ethernet(0x800, ip4({ src: a4, dst: b4, proto: 17 }, bytes(zero, udp(0, 2).subarray(2))));
    expect(withChecksums(frame).subarray(40, 42)).toEqual(bytes('ffff'));
    expect(parseFrame(withChecksums(frame)).problems).toEqual([]);
  });

  test('leaves a fragment its transport checksum', () => {
    const frame = ethernet(0x800, ip4({ src: a4, dst: b4, proto: 17, fragment: 0x2000 }, udp(1, 2).fill(7, 6, 8)));
    expect(withChecksums(frame)).toEqual(frame);
  });
});
