/**
 * Features that only packets show, or that packets show better than traces: on the bases of topologies.ts.
 * None compares `ip.dscp` or `ip.ecn`: the flows that ovn-controller 23.03 makes of that leave the comparison
 * out (a mask of fewer bits than a byte has is not taken), while ovn-trace, and lflow, heed it.
 */
import type { Feature } from '../trace-features.ts';

export const planeFeatures: readonly Feature[] = [
  {
    name: 'a switch alone',
    base: 'pair',
    commands: `
ovn-nbctl ls-add s -- lsp-add s s1 -- lsp-set-addresses s1 "02:00:00:00:05:01 10.0.5.1" -- lsp-add s s2 -- lsp-set-addresses s2 "02:00:00:00:05:02 10.0.5.2"
ovn-nbctl lsp-add s s3 -- lsp-set-addresses s3 unknown -- lsp-add s s4 -- lsp-set-addresses s4 unknown
`,
  },
  {
    name: 'QoS marks',
    base: 'pair',
    commands: `
ovn-nbctl qos-add a from-lport 100 'ip4.src == 10.0.1.1' dscp=46 -- qos-add a from-lport 99 'tcp' rate=1000000 burst=1000000 dscp=10
ovn-nbctl qos-add a to-lport 100 'ip4.dst == 10.0.1.2' dscp=20 -- qos-add a to-lport 90 'udp' dscp=21 -- qos-add b to-lport 10 'ip6' dscp=8
`,
  },
  {
    name: 'provider network with a tag',
    base: 'distributed',
    commands: `
ovn-nbctl set logical_switch_port ln-out tag=17 -- lr-nat-add r snat 10.0.9.254 10.0.1.0/24 -- lr-nat-add r dnat_and_snat 10.0.9.11 10.0.2.1
`,
  },
  {
    name: 'a gateway of layer 2',
    base: 'pair',
    commands: `
ovn-nbctl lsp-add a l2 -- lsp-set-type l2 l2gateway -- lsp-set-addresses l2 "02:00:00:00:01:0c 10.0.1.12 fd00:1::c" unknown -- lsp-set-options l2 network_name=physnet l2gateway-chassis=peer
ovn-nbctl acl-add a to-lport 1000 'outport == "l2" && udp' allow-related -- acl-add a from-lport 900 'inport == "l2" && tcp.dst == 22' drop
`,
  },
  {
    name: 'a gateway of layer 2 with a tag',
    base: 'pair',
    commands: `
ovn-nbctl lsp-add b l2 -- lsp-set-type l2 l2gateway -- lsp-set-addresses l2 unknown -- lsp-set-options l2 network_name=physnet l2gateway-chassis=peer -- set logical_switch_port l2 tag=11
`,
  },
  {
    name: 'tags that pass',
    base: 'pair',
    commands: `
uplink a; ovn-nbctl set logical_switch a other_config:vlan-passthru=true -- set logical_switch b other_config:vlan-passthru=true
`,
  },
  {
    name: 'children on VLANs with ACLs',
    base: 'pair',
    commands: `
ovn-nbctl lsp-add a c1 a1 5 -- lsp-set-addresses c1 "02:00:00:00:01:c1 10.0.1.101 fd00:1::101" -- lsp-add a c2 a1 6 -- lsp-set-addresses c2 "02:00:00:00:01:c2 10.0.1.102"
ovn-nbctl lsp-add b c3 b1 5 -- lsp-set-addresses c3 "02:00:00:00:02:c3 10.0.2.103 fd00:2::103"
ovn-nbctl acl-add a to-lport 1001 'outport == "c1" && tcp.dst == 80' allow-related -- acl-add a to-lport 1000 'outport == "c1" && ip' drop
`,
  },
  {
    name: 'three backends',
    base: 'gateway',
    commands: `
host a a3 3 1
ovn-nbctl lb-add t 10.0.9.80:80 10.0.1.1:8080,10.0.1.2:8080,10.0.1.3:8080 tcp -- lb-add u 10.0.2.100:53 10.0.1.1:53,10.0.1.2:53,10.0.1.3:53 udp
ovn-nbctl lb-add t6 '[fd00:9::80]:80' '[fd00:1::1]:8080,[fd00:1::2]:8080,[fd00:1::3]:8080' tcp
ovn-nbctl lr-lb-add r t -- lr-lb-add r t6 -- ls-lb-add b u -- ls-lb-add a t
`,
  },
  {
    name: 'backends by source address',
    base: 'pair',
    commands: `
ovn-nbctl lb-add t 10.0.2.100:80 10.0.1.1:8080,10.0.1.2:8080 tcp -- ls-lb-add b t -- set load_balancer t selection_fields="ip_src,ip_dst"
`,
  },
  {
    name: 'affinity among two backends',
    base: 'gateway',
    commands: `
ovn-nbctl lb-add aff 10.0.9.80:80 10.0.1.1:8080,10.0.1.2:8080 tcp -- set load_balancer aff options:affinity_timeout=60 -- lr-lb-add r aff -- ls-lb-add b aff
`,
  },
  {
    name: 'two load balancers and source translation',
    base: 'distributed',
    commands: `
ovn-nbctl lb-add in 10.0.1.100:80 10.0.2.1:8080 tcp -- lb-add out 10.0.9.80:80 10.0.1.1:8080 tcp -- ls-lb-add a in -- lr-lb-add r out
ovn-nbctl lr-nat-add r snat 10.0.9.254 10.0.0.0/16 -- lr-nat-add r dnat_and_snat 10.0.9.12 10.0.2.2 b2 02:00:00:00:09:12
ovn-nbctl acl-add a to-lport 1000 'outport == "a1" && ip4' allow-related -- acl-add b from-lport 900 'inport == "b2" && udp' reject
`,
  },
  {
    name: 'IPv6 translated on a gateway router',
    base: 'gateway',
    commands: `
ovn-nbctl lr-nat-add r snat fd00:9::fe fd00:1::/64 -- lr-nat-add r dnat fd00:9::13 fd00:2::1 -- lr-nat-add r snat 10.0.9.254 10.0.0.0/16
`,
  },
  {
    name: 'replies only',
    base: 'distributed',
    commands: `
ovn-nbctl lr-nat-add r snat 10.0.9.254 10.0.1.0/24
ovn-nbctl acl-add a from-lport 1000 'inport == "a1" && ip' allow-related -- acl-add a to-lport 1000 'outport == "a1" && ip' drop
ovn-nbctl acl-add b to-lport 1001 'outport == "b1" && icmp' allow-related -- acl-add b to-lport 1000 'outport == "b1" && ip' reject
`,
  },
  {
    name: 'priorities and sets',
    base: 'pair',
    commands: `
ovn-nbctl create address_set name=near addresses='"10.0.1.0/25"' -- create address_set name=far addresses='"10.0.2.1" "fd00:2::1"' > /dev/null
ovn-nbctl pg-add all a1 a2 b1 b2
ovn-nbctl acl-add all to-lport 2000 'outport == @all && ip4.src == {10.0.1.1, 10.0.2.2} && tcp.dst == {80, 443, 8000}' allow-related
ovn-nbctl acl-add all to-lport 1900 'outport == @all && ip4.src == $near && tcp' reject
ovn-nbctl acl-add all to-lport 1800 'outport == @all && ip6.src == $far_ip6 || ip6.src == fd00:1::/64' allow
ovn-nbctl acl-add all to-lport 1700 'outport == @all && 53 <= udp.dst <= 80' allow-related
ovn-nbctl acl-add all to-lport 1600 'outport == @all && icmp4.type != 8 && icmp4' drop
ovn-nbctl acl-add all to-lport 1500 'outport == @all && udp' drop
ovn-nbctl acl-add all from-lport 1000 'inport == @all && ip.ttl < 3' drop
ovn-nbctl acl-add all from-lport 900 'inport == @all && ip4 && udp.src == 46' allow-stateless
`,
  },
  {
    name: 'small MTU outside',
    base: 'gateway',
    commands: `
ovn-nbctl lrp-set-options r-out gateway_mtu=1300 -- lr-nat-add r snat 10.0.9.254 10.0.0.0/16 -- lr-nat-add r dnat_and_snat 10.0.9.14 10.0.2.2
`,
  },
  {
    name: 'a chain of three routers',
    base: 'pair',
    commands: `
ovn-nbctl lr-add q -- lr-add p -- ls-add c -- ls-add d
ovn-nbctl lrp-add r r-q 02:00:00:00:06:01 169.254.6.1/30 fd06::1/64 peer=q-r -- lrp-add q q-r 02:00:00:00:06:02 169.254.6.2/30 fd06::2/64 peer=r-q
ovn-nbctl lrp-add q q-p 02:00:00:00:07:01 169.254.7.1/30 fd07::1/64 peer=p-q -- lrp-add p p-q 02:00:00:00:07:02 169.254.7.2/30 fd07::2/64 peer=q-p
host c c1 1 3; attach p c 3; host d d1 1 4; attach q d 4
ovn-nbctl lr-route-add r 10.0.0.0/16 169.254.6.2 -- lr-route-add r fd00::/16 fd06::2
ovn-nbctl lr-route-add q 10.0.3.0/24 169.254.7.2 -- lr-route-add q fd00:3::/64 fd07::2 -- lr-route-add q 10.0.0.0/16 169.254.6.1 -- lr-route-add q fd00::/16 fd06::1
ovn-nbctl lr-route-add p 0.0.0.0/0 169.254.7.1 -- lr-route-add p ::/0 fd07::1
`,
  },
  {
    name: 'two gateway routers on one network',
    base: 'pair',
    commands: `
ovn-nbctl ls-add join -- ls-add out -- lr-add g -- set logical_router g options:chassis=peer -- lr-add h -- set logical_router h options:chassis=peer
uplink out
attach r join 7
for n in g h; do k=$([ $n = g ] && echo 1 || echo 2)
  ovn-nbctl lrp-add $n $n-join 02:00:00:00:07:0$k 10.0.7.$k/24 -- lsp-add join join-$n -- lsp-set-type join-$n router -- lsp-set-addresses join-$n router -- lsp-set-options join-$n router-port=$n-join
  ovn-nbctl lrp-add $n $n-out 02:00:00:00:09:0$k 10.0.9.10$k/24 -- lsp-add out out-$n -- lsp-set-type out-$n router -- lsp-set-addresses out-$n router -- lsp-set-options out-$n router-port=$n-out
  ovn-nbctl lr-route-add $n 10.0.0.0/16 10.0.7.254 -- lr-route-add $n 0.0.0.0/0 10.0.9.1 -- lr-nat-add $n snat 10.0.9.10$k 10.0.$k.0/24
done
ovn-nbctl lr-route-add r 0.0.0.0/0 10.0.7.1 -- --policy=src-ip lr-route-add r 10.0.2.0/24 10.0.7.2
`,
  },
  {
    name: 'port security with everything',
    base: 'distributed',
    commands: `
ovn-nbctl lsp-set-port-security a1 "02:00:00:00:01:01 10.0.1.1 fd00:1::1" "02:00:00:00:01:0a 10.0.1.0/28" -- lsp-set-port-security a2 "02:00:00:00:01:02 10.0.1.2/24" \\
  -- lsp-set-port-security b1 "02:00:00:00:02:01 fd00:2::/64" -- lsp-set-port-security o1 "02:00:00:00:09:09 10.0.9.9 224.0.0.0/4"
ovn-nbctl lr-nat-add r snat 10.0.9.254 10.0.0.0/16
`,
  },
];
