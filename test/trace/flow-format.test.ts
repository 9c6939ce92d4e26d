/** What ovn-trace 23.03.1 printed for these microflows, on a port whose tunnel key is 2. */
import { expect, test } from 'vitest';
import { formatFlow, parsePacket, prepare } from '../../sim/trace/index.ts';
import { southboundFrom } from './southbound.ts';

const topology = prepare(southboundFrom({ sw: { ports: { a: {}, b: {} }, flows: [] } }));

const line = (microflow: string): string => formatFlow(parsePacket(topology, `inport == "b" && ${microflow}`).packet);

const none = 'vlan_tci=0x0000,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00';
const base = `reg14=0x2,${none}`;
const ip4 = `${base},nw_src=0.0.0.0,nw_dst=0.0.0.0`;
const ip6 = `${base},ipv6_src=::,ipv6_dst=::,ipv6_label=0x00000`;
const rest = 'nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=no';
const hopLimit = 'nw_tos=0,nw_ecn=0,nw_ttl=255,nw_frag=no';

test.each([
  ['eth.type == 0x1234', `${base},dl_type=0x1234`],
  ['1', `${base},dl_type=0x0000`],
  ['rarp', `rarp,${base},arp_spa=0.0.0.0,arp_tpa=0.0.0.0,arp_op=0,arp_sha=00:00:00:00:00:00,arp_tha=00:00:00:00:00:00`],
  [
    'arp.op == 256',
    `arp,${base},arp_spa=0.0.0.0,arp_tpa=0.0.0.0,arp_op=0,arp_sha=00:00:00:00:00:00,arp_tha=00:00:00:00:00:00`,
  ],
  ['eth.type == 0x8847', `mpls,${base},mpls_label=0,mpls_tc=0,mpls_ttl=0,mpls_bos=0,mpls_lse1=0,mpls_lse2=0`],
  ['eth.type == 0x8848', `mplsm,${base},mpls_label=0,mpls_tc=0,mpls_ttl=0,mpls_bos=0,mpls_lse1=0,mpls_lse2=0`],
  [
    'eth.type == 0x894f',
    `${base},dl_type=0x894f,nsh_flags=0,nsh_ttl=0,nsh_mdtype=0,nsh_np=0,nsh_spi=0x0,nsh_si=0,nw_proto=0,${rest}`,
  ],
  ['nd_rs', `icmp6,${ip6},${hopLimit},icmp_type=133,icmp_code=0`],
  [
    'icmp6.type == 128 && ip6.src == ::1 && ip6.label == 5 && ip.dscp == 3 && ip.ecn == 1',
    `icmp6,${base},ipv6_src=::1,ipv6_dst=::,ipv6_label=0x00005,${rest},icmp_type=128,icmp_code=0`,
  ],
  [
    'nd_ns && nd.target == fe80::1 && nd.sll == 02:02:02:02:02:02',
    `icmp6,${ip6},${hopLimit},icmp_type=135,icmp_code=0,nd_target=fe80::1,nd_sll=02:02:02:02:02:02,nd_tll=00:00:00:00:00:00`,
  ],
  ['icmp6.type == 135 && icmp6.code == 1', `icmp6,${ip6},${rest},icmp_type=135,icmp_code=1`],
  ['ip4 && tcp.flags == 2', `tcp,${ip4},${rest},tp_src=0,tp_dst=0,tcp_flags=syn`],
  ['ip4 && tcp', `tcp,${ip4},${rest},tp_src=0,tp_dst=0,tcp_flags=0`],
  [
    'ip6 && tcp.flags == 0xfff && ip6.src == 2001:db8:0:0:1:0:0:1',
    `tcp6,${base},ipv6_src=2001:db8::1:0:0:1,ipv6_dst=::,ipv6_label=0x00000,${rest},tp_src=0,tp_dst=0,tcp_flags=fin|syn|rst|psh|ack|urg|ece|cwr|ns|[200]|[400]|[800]`,
  ],
  ['ip4 && udp.src == 3 && ip.frag == 1', `udp,${ip4},nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=first,tp_src=3,tp_dst=0`],
  ['ip4 && udp.src == 3 && ip.frag == 3', `udp,${ip4},nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=later`],
  ['ip4 && ip.later_frag', `ip,${ip4},nw_proto=0,nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=<error>`],
  ['igmp', `ip,${ip4},nw_proto=2,${rest},tp_src=0,tp_dst=0`],
  ['ip4 && sctp.src == 3', `sctp,${ip4},${rest},tp_src=3,tp_dst=0`],
  ['ip6 && sctp.src == 3', `sctp6,${ip6},${rest},tp_src=3,tp_dst=0`],
  ['ip6 && ip.proto == 99', `ipv6,${ip6},nw_proto=99,${rest}`],
  ['ip4 && ip.proto == 58', `ip,${ip4},nw_proto=58,${rest},tp_src=0,tp_dst=0`],
  [
    'vlan.vid == 5 && vlan.pcp == 2',
    'reg14=0x2,dl_vlan=5,dl_vlan_pcp=2,vlan_tci1=0x0000,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,dl_type=0x0000',
  ],
  [
    'vlan.tci == 5',
    'reg14=0x2,vlan_tci=0x0005,vlan_tci1=0x0000,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,dl_type=0x0000',
  ],
  [
    'ct.est && ct_mark == 5 && ct_label == 7 && pkt.mark == 3 && reg0 == 1 && xxreg1 == 0x123456789abcdef0123 && flags.loopback && ip4',
    `pkt_mark=0x3,ct_state=est|trk,ct_mark=0x5,ct_label=0x7,ip,reg0=0x1,reg5=0x123,reg6=0x456789ab,reg7=0xcdef0123,reg10=0x1,reg14=0x2,${none},nw_src=0.0.0.0,nw_dst=0.0.0.0,nw_proto=0,${rest}`,
  ],
  [
    'ct_label == 0x123456789abcdef0123456789 && ct_state == 0xff',
    `ct_state=new|est|rel|rpl|inv|trk|snat|dnat,ct_label=0x123456789abcdef0123456789,${base},dl_type=0x0000`,
  ],
])('%s', (microflow, expected) => {
  expect(line(microflow)).toBe(expected);
});
