import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseFrame } from '../../../engine/frame.ts';
import { frameOf } from '../../../sim/answers/frame.ts';
import { packetOf, payloads } from '../../../sim/answers/packet.ts';

const bits = (width: number) => fc.bigInt(0n, (1n << BigInt(width)) - 1n);
const exactly = (value: number) => fc.constant(BigInt(value));
const ethernet = { 'eth.src': bits(48), 'eth.dst': bits(48) };
const common = { ...ethernet, 'ip.ttl': bits(8), 'ip.dscp': bits(6), 'ip.ecn': bits(2) };
const ip4 = { ...common, 'eth.type': exactly(0x800), 'ip4.src': bits(32), 'ip4.dst': bits(32) };
const ip6 = {
  ...common,
  'eth.type': exactly(0x86dd),
  'ip6.src': bits(128),
  'ip6.dst': bits(128),
  'ip6.label': bits(20),
};
const ports = { 'tp.src': bits(16), 'tp.dst': bits(16) };
const icmp = { 'icmp.type': bits(8), 'icmp.code': bits(8) };

/** OVN's names of the fields that several protocols share here. */
function asParsed(fields: Record<string, bigint>): Record<string, bigint> {
  const transport: Record<string, string> = { 1: 'icmp4', 6: 'tcp', 17: 'udp', 58: 'icmp6', 132: 'sctp' };
  const name = transport[String(fields['ip.proto'])];
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([field]) => !['pkt.len', 'payload'].includes(field))
      .map(([field, value]) => [field.replace(/^(tp|icmp)\./, `${name}.`), value]),
  );
}

/** What the frame parser finds in the frame is what went into it, and nothing is wrong with it. */
function expectSame(fields: Record<string, bigint>): void {
  const parsed = parseFrame(frameOf(packetOf(fields)));
  expect(parsed.problems).toEqual([]);
  expect(parsed.fields).toMatchObject(asParsed(fields));
}

const same = (record: Record<string, fc.Arbitrary<bigint>>) => fc.assert(fc.property(fc.record(record), expectSame));

describe('a frame made of fields says the same', () => {
  it('as ARP', () => {
    const arp = { 'arp.sha': bits(48), 'arp.spa': bits(32), 'arp.tha': bits(48), 'arp.tpa': bits(32) };
    same({ ...ethernet, 'eth.type': exactly(0x806), 'arp.op': fc.constantFrom(1n, 2n), ...arp });
  });

  it.each([
    ['IPv4', ip4],
    ['IPv6', ip6],
  ])('as TCP, UDP and SCTP over %s, of any length', (_name, ip) => {
    const length = fc.bigInt(0n, 2000n);
    same({ ...ip, 'ip.proto': exactly(6), ...ports, 'tcp.flags': bits(12), 'pkt.len': length });
    same({ ...ip, 'ip.proto': exactly(17), ...ports, 'pkt.len': length });
    same({ ...ip, 'ip.proto': exactly(132), ...ports, 'pkt.len': length });
  });

  it('as ICMP and ICMPv6 of all types', () => {
    same({ ...ip4, 'ip.proto': exactly(1), ...icmp });
    // Types 135 and 136 have a target, see below.
    const type = fc.bigInt(0n, 255n).filter((value) => value !== 135n && value !== 136n);
    same({ ...ip6, 'ip.proto': exactly(58), ...icmp, 'icmp.type': type });
  });

  it('as neighbour discovery, with and without an address', () => {
    const message = { ...ip6, 'ip.proto': exactly(58), 'icmp.code': exactly(0), 'nd.target': bits(128) };
    const mac = bits(48).filter((value) => value !== 0n);
    same({ ...message, 'icmp.type': exactly(135), 'nd.sll': mac });
    same({ ...message, 'icmp.type': exactly(136), 'nd.tll': mac });
    same({ ...message, 'icmp.type': fc.constantFrom(135n, 136n) });
  });

  it('as fragments: the first has a transport header, later ones have none', () => {
    for (const ip of [ip4, ip6]) same({ ...ip, 'ip.proto': exactly(17), 'ip.frag': exactly(1), ...ports });
    same({ ...ip4, 'ip.proto': exactly(17), 'ip.frag': exactly(3) });
    same({ ...ip6, 'ip.proto': exactly(44), 'ip.frag': exactly(3) });
  });

  it('with a VLAN tag', () => {
    const tci = fc.bigInt(0n, 0xffffn).map((value) => value | 0x1000n);
    same({ ...ip4, 'ip.proto': exactly(17), ...ports, 'vlan.tci': tci });
  });

  it('as other protocols and Ethernet types', () => {
    same({ ...ip4, 'ip.proto': exactly(47) });
    same({ ...ethernet, 'eth.type': exactly(0x88cc) });
    expect([...frameOf(packetOf({ 'eth.type': 0x5ff })).slice(12, 17)]).toEqual([0, 46, 0x42, 0x42, 3]);
  });
});

describe('a frame', () => {
  const udp = { 'eth.type': 0x800, 'ip.proto': 17, 'eth.src': 0x020000000001, 'tp.src': 68, 'tp.dst': 67 };

  it('is as long as the packet says, or as its headers need', () => {
    expect(frameOf(packetOf({ ...udp, 'pkt.len': 1400 }))).toHaveLength(1400);
    expect(frameOf(packetOf({ ...udp, 'pkt.len': 5 }))).toHaveLength(42);
    expect(frameOf(packetOf({ 'eth.type': 0x806, 'pkt.len': 100 }))).toHaveLength(100);
    expect(frameOf(packetOf({ 'eth.type': 0x88cc, 'pkt.len': 100 }))).toHaveLength(100);
    expect(frameOf(packetOf({ 'eth.type': 0x800, 'ip.proto': 47, 'pkt.len': 100 }))).toHaveLength(100);
  });

  it('asks for an address by DHCP', () => {
    const frame = frameOf(packetOf({ ...udp, payload: payloads.dhcp }));
    const bootp = frame.slice(42);
    expect([...bootp.slice(0, 4)]).toEqual([1, 1, 6, 0]);
    expect([...bootp.slice(28, 34)]).toEqual([2, 0, 0, 0, 0, 1]);
    expect([...bootp.slice(236, 243)]).toEqual([99, 130, 83, 99, 53, 1, 1]);
    expect(bootp.at(-1)).toBe(255);
  });

  it('asks for an address by DHCPv6, and for a name', () => {
    const solicit = frameOf(packetOf({ ...udp, 'eth.type': 0x86dd, payload: payloads.dhcp })).slice(62);
    expect([...solicit.slice(0, 8)]).toEqual([1, 0x6c, 0x66, 0x6c, 0, 1, 0, 10]);
    const question = frameOf(packetOf({ ...udp, payload: payloads.dns }), { dnsName: 'web.red' }).slice(42 + 12);
    expect([...question]).toEqual([3, 0x77, 0x65, 0x62, 3, 0x72, 0x65, 0x64, 0, 0, 1, 0, 1]);
  });

  it('of SCTP has the checksum of RFC 9260', () => {
    const frame = frameOf(packetOf({ ...udp, 'ip.proto': 132 }));
    expect(Buffer.from(frame.slice(34 + 8, 34 + 12)).toString('hex')).toBe('4b245151');
  });

  it('that is an ICMP error quotes a packet of its addressee', () => {
    const fields = { 'eth.type': 0x800, 'ip.proto': 1, 'icmp.type': 3, 'ip4.src': 0x0a000001, 'ip4.dst': 0x0a000002 };
    const quoted = frameOf(packetOf(fields)).slice(42);
    expect([...quoted.slice(12, 20)]).toEqual([10, 0, 0, 2, 10, 0, 0, 1]);
  });
});
