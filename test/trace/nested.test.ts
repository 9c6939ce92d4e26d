/** What actions in braces make of a packet, as it leaves. */
import { describe, expect, test } from 'vitest';
import { fields, parsePacket, prepare, readBits, traceFlow, trackingConntrack } from '../../sim/trace/index.ts';
import type { Packet, Storage } from '../../sim/trace/packet.ts';
import { southboundFrom } from './southbound.ts';

const mac = (text: string): bigint => BigInt(`0x${text.replaceAll(':', '')}`);
const read = (packet: Packet, ...names: string[]): bigint[] =>
  names.map((name) => readBits(packet, fields[name] as Storage));

/** The packets that come out of b if a's are given to `actions`. */
function made(actions: string, microflow: string): Packet[] {
  const flows = [`0 0 1 => ${actions}`, 'egress 0 0 1 => output;'];
  const topology = prepare(southboundFrom({ sw: { ports: { a: {}, b: {} }, flows } }));
  const { datapath, packet } = parsePacket(topology, `inport == "a" && ${microflow}`);
  const before = packet.words.slice();
  const { deliveries, gaps } = traceFlow(topology, datapath, packet);
  expect(gaps).toEqual([]);
  expect(packet.words).toEqual(before);
  return deliveries.map((delivery) => delivery.packet);
}

const out = 'outport = "b"; output;';
const ethernet = 'eth.src == 02:00:00:00:00:0a && eth.dst == 02:00:00:00:00:0b';
const tcp = `${ethernet} && ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.2 && ip.ttl == 3 && tcp.src == 7 && tcp.dst == 80`;

describe('reject', () => {
  test('answers TCP with a reset', () => {
    const [reset] = made(`reject { ${out} };`, `${tcp} && tcp.flags == 2`) as [Packet];
    expect(read(reset, 'eth.src', 'eth.dst')).toEqual([mac('02:00:00:00:00:0b'), mac('02:00:00:00:00:0a')]);
    expect(read(reset, 'ip4.src', 'ip4.dst', 'ip.ttl', 'tcp.flags')).toEqual([0x0a000002n, 0x0a000001n, 255n, 4n]);
  });

  test('answers what else there is with an ICMP error that quotes it', () => {
    const [error] = made(`reject { ${out} };`, tcp.replaceAll('tcp', 'udp')) as [Packet];
    expect(read(error, 'ip.proto', 'icmp4.type', 'icmp4.code', 'ip.ttl', 'ip4.dst')).toEqual([
      1n,
      3n,
      1n,
      255n,
      0x0a000001n,
    ]);
    expect(read(error.inner as Packet, 'ip.proto', 'udp.dst', 'ip4.dst')).toEqual([17n, 80n, 0x0a000002n]);
  });

  test('does not answer a refusal', () => {
    expect(made(`reject { ${out} };`, `${tcp} && tcp.flags == 4`)).toEqual([]);
    expect(made(`reject { ${out} };`, 'ip4 && icmp4.type == 3')).toEqual([]);
    expect(made(`reject { ${out} };`, 'ip6 && icmp6.type == 1')).toEqual([]);
  });

  test('answers IPv6 and SCTP', () => {
    const [error] = made(`reject { ${out} };`, 'ip6.src == fd00::1 && ip6.dst == fd00::2 && udp') as [Packet];
    expect(read(error, 'ip.proto', 'icmp6.type', 'ip6.dst')).toEqual([58n, 1n, (0xfd00n << 112n) | 1n]);
    const [abort] = made(`reject { ${out} };`, 'ip4 && sctp') as [Packet];
    expect(read(abort, 'ip.proto', 'ip.ttl')).toEqual([132n, 255n]);
  });
});

test('icmp4 keeps the addresses as they are', () => {
  const [error] = made(`icmp4 { icmp4.type = 11; icmp4.code = 0; ip.ttl = 254; ${out} };`, tcp) as [Packet];
  expect(read(error, 'ip4.src', 'icmp4.type', 'icmp4.code', 'ip.ttl')).toEqual([0x0a000001n, 11n, 0n, 254n]);
});

test('arp asks with the addresses of the IPv4 header', () => {
  const [request] = made(`arp { eth.dst = ff:ff:ff:ff:ff:ff; ${out} };`, tcp) as [Packet];
  expect(read(request, 'eth.type', 'arp.op', 'arp.spa', 'arp.tpa')).toEqual([0x806n, 1n, 0x0a000001n, 0x0a000002n]);
  expect(read(request, 'arp.sha', 'arp.tha')).toEqual([mac('02:00:00:00:00:0a'), 0n]);
});

describe('neighbor discovery', () => {
  const solicited = 'ip6.src == fd00::1 && ip6.dst == fd00::abcd:1234';

  test('nd_ns is sent to the group of the address', () => {
    const [question] = made(`nd_ns { nd.target = ip6.dst; ${out} };`, `${solicited} && udp`) as [Packet];
    expect(read(question, 'eth.dst')).toEqual([mac('33:33:ff:cd:12:34')]);
    // ovn-trace leaves the protocol as it is, so the packet has no target that could be set.
    expect(read(question, 'ip.proto', 'nd.target')).toEqual([17n, 0n]);
  });

  test('nd_na answers with what was asked for', () => {
    const asked = `${ethernet} && ip6.src == fd00::1 && nd_ns && nd.target == fd00::2`;
    const [answer] = made(`nd_na { nd.tll = 02:00:00:00:00:0c; ${out} };`, asked) as [Packet];
    expect(read(answer, 'icmp6.type', 'nd.tll', 'eth.dst')).toEqual([
      136n,
      mac('02:00:00:00:00:0c'),
      mac('02:00:00:00:00:0a'),
    ]);
    expect(read(answer, 'ip6.src', 'ip6.dst')).toEqual([(0xfd00n << 112n) | 2n, (0xfd00n << 112n) | 1n]);
  });
});

test('behind a patch port, a tracked packet is one that was not', () => {
  const patch = (peer: string) => ({ type: 'patch', options: { peer } });
  const topology = prepare(
    southboundFrom({
      sw: {
        ports: { a: {}, 'sw-r': patch('r-sw') },
        flows: ['0 0 1 => ct_next;', '1 0 1 => outport = "sw-r"; output;', 'egress 0 0 1 => output;'],
      },
      r: {
        kind: 'router',
        ports: { 'r-sw': patch('sw-r'), 'r-out': {} },
        flows: ['0 10 ct.trk => drop;', '0 0 1 => outport = "r-out"; output;', 'egress 0 0 1 => output;'],
      },
    }),
  );
  const { datapath, packet } = parsePacket(topology, 'inport == "a" && ip4');
  expect(traceFlow(topology, datapath, packet, { conntrack: trackingConntrack() }).deliveries.length).toBe(1);
  // ovn-trace, and so the default, forgets nothing.
  expect(traceFlow(topology, datapath, packet).deliveries.length).toBe(0);
});
