import { expect, test } from 'vitest';
import { aclLog, flowText } from '../../../engine/node/answer/acl-log.ts';
import { bytes, concat, type Ends, icmp, ip, packet, proto, tcp, udp, zeros } from '../../messages.ts';

const four: Ends = { ethSrc: '00:00:00:00:00:0a', ethDst: '00:00:00:00:00:0b', src: '10.0.0.10', dst: '10.0.1.10' };
const six: Ends = { ...four, src: 'fd00::10', dst: 'fd01::10' };
const ethernet = 'dl_src=00:00:00:00:00:0a,dl_dst=00:00:00:00:00:0b';
const log = { type: 'log', verdict: 'drop', severity: 'info' } as const;

test('a line: name, verdict, severity, direction, packet', () => {
  const frame = packet(four, proto.udp, udp(1, 2), { tos: 0xb9 });
  const fields = 'nw_src=10.0.0.10,nw_dst=10.0.1.10,nw_tos=184,nw_ecn=1,nw_ttl=64,nw_frag=no,tp_src=1,tp_dst=2';
  expect(aclLog(frame, log, 'egress')).toBe(
    `name="<unnamed>", verdict=drop, severity=info, direction=to-lport: udp,vlan_tci=0x0000,${ethernet},${fields}`,
  );
  expect(aclLog(frame, { ...log, name: 'a "b"\n', verdict: 'allow' }, 'ingress')).toMatch(
    /^name="a \\"b\\"\\n", verdict=allow, severity=info, direction=from-lport: udp,/,
  );
});

// Each of these lines is what Open vSwitch 3.1 prints.
test.each([
  [
    packet(four, proto.tcp, tcp(1, 2, { flags: 0x12 }), { tags: [0x2005, 7] }),
    `tcp,dl_vlan=5,dl_vlan_pcp=1,dl_vlan1=7,dl_vlan_pcp1=0,${ethernet},nw_src=10.0.0.10,nw_dst=10.0.1.10,nw_tos=0,nw_ecn=0,nw_ttl=64,nw_frag=no,tp_src=1,tp_dst=2,tcp_flags=syn|ack`,
  ],
  [
    packet(six, proto.icmp6, icmp(135, 0, concat(zeros(4), ip('fd00::1'), bytes('0101 000000000001')))),
    `icmp6,vlan_tci=0x0000,${ethernet},ipv6_src=fd00::10,ipv6_dst=fd01::10,ipv6_label=0x00000,nw_tos=0,nw_ecn=0,nw_ttl=64,nw_frag=no,icmp_type=135,icmp_code=0,nd_target=fd00::1,nd_sll=00:00:00:00:00:01,nd_tll=00:00:00:00:00:00`,
  ],
  [
    packet(four, proto.igmp, bytes('16000000 ef010101')),
    `ip,vlan_tci=0x0000,${ethernet},nw_src=10.0.0.10,nw_dst=10.0.1.10,nw_proto=2,nw_tos=0,nw_ecn=0,nw_ttl=64,nw_frag=no,tp_src=22,tp_dst=0`,
  ],
  [
    packet(four, proto.udp, udp(1, 2)).slice(0, 30),
    `ip,vlan_tci=0x0000,${ethernet},nw_src=0.0.0.0,nw_dst=0.0.0.0,nw_proto=0,nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=no`,
  ],
  [
    bytes('00000000000b 00000000000a 8035 0001 0800 0604 0003 00000000000a 0a00000a 000000000000 0a000001'),
    `rarp,vlan_tci=0x0000,${ethernet},arp_spa=10.0.0.10,arp_tpa=10.0.0.1,arp_op=3,arp_sha=00:00:00:00:00:0a,arp_tha=00:00:00:00:00:00`,
  ],
  [concat(bytes('00000000000b 00000000000a 88cc'), zeros(46)), `vlan_tci=0x0000,${ethernet},dl_type=0x88cc`],
])('a packet as a flow: %#', (frame, text) => {
  expect(flowText(frame)).toBe(text);
});
