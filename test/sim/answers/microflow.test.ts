import { describe, expect, it } from 'vitest';
import { parseMicroflow } from '../../../engine/lang/index.ts';
import { microflowOf, quoted } from '../../../sim/answers/microflow.ts';
import { packetOf } from '../../../sim/answers/packet.ts';
import { summaryOf } from '../../../sim/answers/summary.ts';

const ethernet = { 'eth.src': 0x020000000001, 'eth.dst': 0x020000000002 };
const ip4 = { ...ethernet, 'eth.type': 0x800, 'ip.ttl': 64, 'ip4.src': 0x0a000002, 'ip4.dst': 0x0a000103 };
const ip6 = { ...ethernet, 'eth.type': 0x86dd, 'ip.ttl': 64, 'ip6.src': 0xfd00n << 112n, 'ip6.dst': 1n };
const macs = 'from 02:00:00:00:00:01 to 02:00:00:00:00:02';
const start = 'inport == "a" && eth.src == 02:00:00:00:00:01 && eth.dst == 02:00:00:00:00:02';

const cases: [string, Record<string, bigint | number>, string, string][] = [
  [
    'TCP',
    { ...ip4, 'ip.proto': 6, 'tp.src': 49152, 'tp.dst': 443, 'tcp.flags': 2 },
    `${start} && ip4.src == 10.0.0.2 && ip4.dst == 10.0.1.3 && ip.ttl == 64 && tcp.src == 49152 && tcp.dst == 443 && tcp.flags == 2`,
    `tcp 10.0.0.2:49152 > 10.0.1.3:443, ${macs}`,
  ],
  [
    'a strange TCP packet',
    { ...ip4, 'ip.proto': 6, 'tp.dst': 22, 'tcp.flags': 0x11, 'ip.ttl': 1, 'vlan.tci': 0x1005, 'ip.dscp': 46 },
    `${start} && vlan.tci == 0x1005 && ip4.src == 10.0.0.2 && ip4.dst == 10.0.1.3 && ip.ttl == 1 && tcp.src == 0 && tcp.dst == 22 && tcp.flags == 17`,
    `tcp FIN-ACK 10.0.0.2:0 > 10.0.1.3:22, ${macs}, ttl 1, vlan 5, dscp 46`,
  ],
  [
    'a ping',
    { ...ip4, 'ip.proto': 1, 'icmp.type': 8 },
    `${start} && ip4.src == 10.0.0.2 && ip4.dst == 10.0.1.3 && ip.ttl == 64 && icmp4.type == 8 && icmp4.code == 0`,
    `icmp echo request 10.0.0.2 > 10.0.1.3, ${macs}`,
  ],
  [
    'UDP over IPv6, marked',
    { ...ip6, 'ip.proto': 17, 'tp.src': 546, 'tp.dst': 547, 'ip6.label': 5, 'pkt.mark': 7, payload: 1 },
    `${start} && ip6.src == fd00:: && ip6.dst == ::1 && ip6.label == 0x5 && ip.ttl == 64 && udp.src == 546 && udp.dst == 547 && pkt.mark == 7`,
    `udp (DHCP) [fd00::]:546 > [::1]:547, ${macs}, mark 7`,
  ],
  [
    'a neighbour solicitation',
    { ...ip6, 'ip.proto': 58, 'ip.ttl': 255, 'icmp.type': 135, 'nd.target': 1, 'nd.sll': 0x020000000001 },
    `${start} && ip6.src == fd00:: && ip6.dst == ::1 && ip.ttl == 255 && icmp6.type == 135 && icmp6.code == 0 && nd.target == ::1 && nd.sll == 02:00:00:00:00:01`,
    `icmp6 neighbor solicitation for ::1 (02:00:00:00:00:01) fd00:: > ::1, ${macs}`,
  ],
  [
    'ARP',
    { ...ethernet, 'eth.type': 0x806, 'arp.op': 1, 'arp.sha': 1, 'arp.spa': 0x0a000002, 'arp.tpa': 0x0a000001 },
    `${start} && arp.op == 1 && arp.sha == 00:00:00:00:00:01 && arp.spa == 10.0.0.2 && arp.tha == 00:00:00:00:00:00 && arp.tpa == 10.0.0.1`,
    `arp request who has 10.0.0.1, tell 10.0.0.2 (00:00:00:00:00:01), ${macs}`,
  ],
  [
    'a later fragment',
    { ...ip4, 'ip.proto': 6, 'ip.frag': 3 },
    `${start} && ip4.src == 10.0.0.2 && ip4.dst == 10.0.1.3 && ip.ttl == 64 && ip.frag == 3 && ip.proto == 6`,
    `ip protocol 6 10.0.0.2 > 10.0.1.3, ${macs}, later fragment`,
  ],
  [
    'an unknown type',
    { ...ethernet, 'eth.type': 0x88cc },
    `${start} && eth.type == 0x88cc`,
    `Ethernet type 0x88cc, ${macs}`,
  ],
];

describe.each(cases)('%s', (_name, fields, microflow, summary) => {
  it('is a microflow that the language takes, with the same values', () => {
    expect(microflowOf(packetOf(fields), 'a')).toBe(microflow);
    const parsed = parseMicroflow(microflow);
    expect(parsed.strings[0]).toBe('a');
  });

  it('is said in words', () => {
    expect(summaryOf(packetOf(fields))).toBe(summary);
  });
});

it("a port's name is quoted as the language reads it", () => {
  const name = 'odd "name" \\ with\nall';
  const text = microflowOf(packetOf({ 'eth.type': 0x88cc }), name);
  expect(parseMicroflow(text).strings[0]).toBe(name);
});

it("a port's name may end with a backslash, which quoted strings of the language do not", () => {
  expect(quoted('a\\')).toBe('"a\\u005c"');
  expect(JSON.parse(quoted('a\\'))).toBe('a\\');
});
