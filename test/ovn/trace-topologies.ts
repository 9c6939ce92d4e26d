/**
 * Northbound databases for comparing traces, as scripts of ovn-nbctl commands:
 * between them they use every action that ovn-northd writes for switches and
 * routers.
 */
import type { Learned } from '../oracle/sandbox.ts';

export interface TraceTopologyScript {
  name: string;
  northbound: string;
  learned: Learned;
}

/** Two networks of a VPC, its router, and a gateway router on each of two nodes. */
const gateways = `
set -eu
ovn-nbctl set nb_global . options:mac_prefix=0a:00:00 options:svc_monitor_mac=0a:00:00:00:00:01
ovn-nbctl ls-add red -- ls-add blue -- lr-add vpc -- ls-add join -- ls-add out
ovn-nbctl set logical_switch red other_config:subnet=192.168.1.0/24
dhcp=$(ovn-nbctl create dhcp_options cidr=192.168.1.0/24 options='"lease_time"="3600" "router"="192.168.1.1" "server_id"="192.168.1.1" "server_mac"="02:00:00:00:0a:01" "mtu"="9000"')
k=0
for net in red blue; do k=$((k+1)); mac=02:00:00:00:0$k
  ovn-nbctl lrp-add vpc vpc-$net $mac:01 192.168.$k.1/24 fd00:$k::1/64
  ovn-nbctl lsp-add $net $net-vpc -- lsp-set-type $net-vpc router -- lsp-set-addresses $net-vpc router -- lsp-set-options $net-vpc router-port=vpc-$net
  ovn-nbctl lsp-add $net $net-1 -- lsp-set-addresses $net-1 "$mac:11 192.168.$k.11 fd00:$k::11" -- lsp-set-port-security $net-1 "$mac:11 192.168.$k.11 fd00:$k::11"
  ovn-nbctl lsp-add $net $net-2 -- lsp-set-addresses $net-2 "$mac:12 192.168.$k.12" -- lsp-set-port-security $net-2 "$mac:12 192.168.$k.0/24"
  ovn-nbctl lsp-add $net $net-3 -- lsp-set-addresses $net-3 "$mac:13 192.168.$k.13" unknown
  ovn-nbctl acl-add $net from-lport 1001 "arp.spa == 192.168.$k.1 || ip4.src == 192.168.$k.1 || eth.src == $mac:01" drop
  ovn-nbctl acl-add $net from-lport 1002 "inport == \\"$net-vpc\\"" allow
done
ovn-nbctl lsp-set-dhcpv4-options red-1 $dhcp
ovn-nbctl lsp-add red dyn -- lsp-set-addresses dyn dynamic
ovn-nbctl lrp-add vpc vpc-join 02:00:00:00:00:01 100.64.0.1/16
ovn-nbctl lsp-add join join-vpc -- lsp-set-type join-vpc router -- lsp-set-addresses join-vpc router -- lsp-set-options join-vpc router-port=vpc-join
ovn-nbctl lsp-add out ln -- lsp-set-type ln localnet -- lsp-set-addresses ln unknown -- lsp-set-options ln network_name=physnet -- set logical_switch_port ln tag=17
for n in 1 2; do
  ovn-nbctl lr-add gw$n -- set logical_router gw$n options:chassis=n$n options:always_learn_from_arp_request=false
  ovn-nbctl lrp-add gw$n gw$n-join 02:00:00:00:10:0$n 100.64.0.$((n+1))/16 -- lrp-add gw$n gw$n-out 02:00:00:00:20:0$n 30.30.0.$((n+1))/16
  ovn-nbctl lsp-add join join-gw$n -- lsp-set-type join-gw$n router -- lsp-set-addresses join-gw$n router -- lsp-set-options join-gw$n router-port=gw$n-join
  ovn-nbctl lsp-add out out-gw$n -- lsp-set-type out-gw$n router -- lsp-set-addresses out-gw$n router -- lsp-set-options out-gw$n router-port=gw$n-out
  ovn-nbctl lr-route-add gw$n 0.0.0.0/0 30.30.0.1 -- lr-route-add gw$n 192.168.0.0/16 100.64.0.1
  ovn-nbctl lr-nat-add gw$n snat 30.30.0.$((n+1)) 192.168.1.0/24
  ovn-nbctl lr-policy-add gw$n 100 "inport == \\"gw$n-out\\" && !ct.rpl" drop
  ovn-nbctl lr-policy-add vpc 100 "inport == \\"vpc-red\\" && ip4.src == 192.168.1.1$n && outport == \\"vpc-join\\"" reroute 100.64.0.$((n+1))
done
ovn-nbctl lr-nat-add gw2 dnat_and_snat 30.30.0.77 192.168.2.12
ovn-nbctl lr-route-add vpc 0.0.0.0/0 100.64.0.2 -- lr-policy-add vpc 500 'ip4.src == 192.168.2.13' drop
`;

/** Stateful and stateless ACLs with every verdict, on switches and port groups; address sets; IPv6; DHCPv6. */
const firewall = `
set -eu
ovn-nbctl set nb_global . options:mac_prefix=0a:00:00 options:svc_monitor_mac=0a:00:00:00:00:01
ovn-nbctl ls-add sw -- ls-add free -- lr-add r
ovn-nbctl create address_set name=friends addresses='"10.0.0.2" "10.0.0.128/25"'
dhcp6=$(ovn-nbctl create dhcp_options cidr="fd01\\:\\:/64" options='"server_id"="02:00:00:00:00:fe" "dns_server"="fd01::53"')
for i in 1 2 3 4; do
  ovn-nbctl lsp-add sw p$i -- lsp-set-addresses p$i "02:00:00:00:00:0$i 10.0.0.$i fd01::$i"
  ovn-nbctl lsp-add free f$i -- lsp-set-addresses f$i "02:00:00:00:01:0$i 10.0.1.$i"
done
ovn-nbctl lsp-set-port-security p1 "02:00:00:00:00:01 10.0.0.1 fd01::1" -- lsp-set-port-security p2 "02:00:00:00:00:02"
ovn-nbctl lsp-set-dhcpv6-options p1 $dhcp6 -- lsp-set-enabled p4 disabled
ovn-nbctl lrp-add r r-sw 02:00:00:00:00:fe 10.0.0.254/24 fd01::fe/64 -- lrp-add r r-free 02:00:00:00:01:fe 10.0.1.254/24
for s in sw free; do ovn-nbctl lsp-add $s $s-r -- lsp-set-type $s-r router -- lsp-set-addresses $s-r router -- lsp-set-options $s-r router-port=r-$s; done
ovn-nbctl pg-add web p1 p2 f1
ovn-nbctl --name=in-web --log --severity=notice acl-add web to-lport 2000 'outport == @web && ip4 && tcp.dst == 80' allow-related
ovn-nbctl acl-add web to-lport 1900 'outport == @web && tcp.dst == 22' reject
ovn-nbctl acl-add web to-lport 1900 'outport == @web && udp.dst == 53' reject
ovn-nbctl --log acl-add web from-lport 1900 'inport == @web && ip4.dst == 10.0.1.3' reject
ovn-nbctl acl-add web to-lport 1800 'outport == @web && ip4.src == $friends' allow
ovn-nbctl acl-add web to-lport 1000 'outport == @web && ip4' drop
ovn-nbctl acl-add sw from-lport 1500 'inport == "p3" && ip4' allow-related
ovn-nbctl acl-add sw from-lport 1600 'inport == "p3" && icmp4.type == 8' allow-stateless
ovn-nbctl --label=1234 acl-add sw to-lport 1500 'outport == "p3" && icmp' allow-related
ovn-nbctl acl-add sw to-lport 1400 'outport == "p3" && ip6 && udp' reject
ovn-nbctl --apply-after-lb acl-add sw from-lport 1300 'ip4.dst == 10.0.0.77' drop
ovn-nbctl qos-add sw from-lport 100 'ip4.src == 10.0.0.1' dscp=10 -- qos-add sw to-lport 100 'ip4.dst == 10.0.0.3' rate=100 burst=10
ovn-nbctl acl-add free from-lport 1000 'ip4.dst == 10.0.1.4' drop
`;

/** Load balancers, a distributed gateway port, ECMP routes and policies, NAT on both kinds of routers. */
const balanced = `
set -eu
ovn-nbctl set nb_global . options:mac_prefix=0a:00:00 options:svc_monitor_mac=0a:00:00:00:00:01
ovn-sbctl --may-exist chassis-add n1 geneve 10.9.9.1
ovn-nbctl ls-add sw -- ls-add out -- lr-add r
for i in 1 2 3; do ovn-nbctl lsp-add sw p$i -- lsp-set-addresses p$i "02:00:00:00:00:0$i 10.0.0.$i fd01::$i"; done
ovn-nbctl lrp-add r r-sw 02:00:00:00:00:fe 10.0.0.254/24 fd01::fe/64 -- lrp-add r r-out 02:00:00:00:02:fe 172.16.0.254/24 fd02::fe/64
ovn-nbctl lsp-add sw sw-r -- lsp-set-type sw-r router -- lsp-set-addresses sw-r router -- lsp-set-options sw-r router-port=r-sw
ovn-nbctl lsp-add out out-r -- lsp-set-type out-r router -- lsp-set-addresses out-r router -- lsp-set-options out-r router-port=r-out nat-addresses=router
ovn-nbctl lsp-add out ln -- lsp-set-type ln localnet -- lsp-set-addresses ln unknown -- lsp-set-options ln network_name=physnet
ovn-nbctl lrp-set-gateway-chassis r-out n1 10
ovn-nbctl lr-nat-add r snat 172.16.0.254 10.0.0.0/24 -- lr-nat-add r dnat_and_snat 172.16.0.11 10.0.0.1 -- lr-nat-add r dnat_and_snat 172.16.0.12 10.0.0.2 p2 02:00:00:00:03:02
ovn-nbctl lr-nat-add r snat fd02::fe fd01::/64
ovn-nbctl lr-route-add r 0.0.0.0/0 172.16.0.1 -- --ecmp lr-route-add r 10.7.0.0/16 172.16.0.2 -- --ecmp lr-route-add r 10.7.0.0/16 172.16.0.3
ovn-nbctl lr-route-add r 10.8.0.0/16 discard -- --policy=src-ip lr-route-add r 10.0.0.3 172.16.0.9
ovn-nbctl lr-policy-add r 200 'ip4.dst == 10.5.0.0/16' reroute 172.16.0.4,172.16.0.5 -- lr-policy-add r 100 'ip4.dst == 10.6.0.0/16' allow
ovn-nbctl set logical_router_port r-out options:gateway_mtu=1500
ovn-nbctl lb-add web 10.0.0.100:80 10.0.0.1:8080 tcp -- lb-add dns 10.0.0.101:53 10.0.0.2:53 udp -- lb-add bare 10.0.0.102 10.0.0.3
ovn-nbctl lb-add web6 '[fd01::100]:80' '[fd01::1]:8080' tcp -- lb-add front 172.16.0.80:80 10.0.0.1:8080 tcp
ovn-nbctl ls-lb-add sw web -- ls-lb-add sw dns -- ls-lb-add sw bare -- ls-lb-add sw web6 -- lr-lb-add r front
ovn-nbctl acl-add sw to-lport 1000 'outport == "p1" && tcp.dst == 8080' allow-related
ovn-nbctl lr-add g -- set logical_router g options:chassis=n1 options:lb_force_snat_ip=100.64.9.1
ovn-nbctl lrp-add g g-out 02:00:00:00:04:fe 172.16.0.253/24
ovn-nbctl lsp-add out out-g -- lsp-set-type out-g router -- lsp-set-addresses out-g router -- lsp-set-options out-g router-port=g-out
ovn-nbctl lb-add gfront 172.16.0.90:80 10.0.0.1:8080 tcp -- lr-lb-add g gfront -- lr-route-add g 10.0.0.0/24 172.16.0.254
ovn-nbctl lr-nat-add g dnat 172.16.0.91 10.0.0.2 -- lr-nat-add g snat 172.16.0.253 10.0.0.0/24
`;

/** Odd ports: multicast snooping, a virtual port, a localport, a chain of patched routers, names to be shortened. */
const odd = `
set -eu
ovn-nbctl set nb_global . options:mac_prefix=0a:00:00 options:svc_monitor_mac=0a:00:00:00:00:01
ovn-nbctl ls-add sw-5c7c0f5e-7d0b-5a4e-9f63-0e2b6d6c1f10 -- ls-add s2
s=sw-5c7c0f5e-7d0b-5a4e-9f63-0e2b6d6c1f10
ovn-nbctl set logical_switch $s external_ids:neutron\\\\:network_name=friendly other_config:mcast_snoop=true other_config:mcast_flood_unregistered=false other_config:mcast_eth_src=02:00:00:00:00:fd other_config:mcast_ip4_src=10.0.0.253
for i in 1 2 3; do ovn-nbctl lsp-add $s p$i-5c7c0f5e-7d0b-5a4e-9f63-0e2b6d6c1f1$i -- lsp-set-addresses p$i-5c7c0f5e-7d0b-5a4e-9f63-0e2b6d6c1f1$i "02:00:00:00:00:0$i 10.0.0.$i"; done
ovn-nbctl lsp-add $s named -- lsp-set-addresses named "02:00:00:00:00:09 10.0.0.9" -- set logical_switch_port named external_ids:neutron\\\\:port_name="a port"
ovn-nbctl lsp-add $s local -- lsp-set-type local localport -- lsp-set-addresses local "02:00:00:00:00:0a 10.0.0.10"
ovn-nbctl lsp-add $s virt -- lsp-set-type virt virtual -- set logical_switch_port virt options:virtual-ip=10.0.0.50 options:virtual-parents=named
ovn-nbctl lr-add ra -- lr-add rb
ovn-nbctl lrp-add ra ra-s 02:00:00:00:00:fe 10.0.0.254/24 -- lrp-add ra ra-b 02:00:00:00:01:01 100.64.0.1/30 peer=rb-a -- lrp-add rb rb-a 02:00:00:00:01:02 100.64.0.2/30 peer=ra-b -- lrp-add rb rb-s 02:00:00:00:02:fe 10.0.2.254/24
ovn-nbctl lsp-add $s s-ra -- lsp-set-type s-ra router -- lsp-set-addresses s-ra router -- lsp-set-options s-ra router-port=ra-s
ovn-nbctl lsp-add s2 s2-rb -- lsp-set-type s2-rb router -- lsp-set-addresses s2-rb router -- lsp-set-options s2-rb router-port=rb-s
ovn-nbctl lsp-add s2 q1 -- lsp-set-addresses q1 "02:00:00:00:02:01 10.0.2.1" -- lsp-add s2 q2 -- lsp-set-addresses q2 unknown
ovn-nbctl lr-route-add ra 10.0.2.0/24 100.64.0.2 -- lr-route-add rb 10.0.0.0/24 100.64.0.1
ovn-nbctl lr-route-add ra 10.9.0.0/16 100.64.0.2 -- lr-route-add rb 10.9.0.0/16 100.64.0.1
ovn-nbctl set logical_router ra options:mcast_relay=true
d=$(ovn-nbctl create dns records:vm.example=10.0.0.1); ovn-nbctl set logical_switch s2 dns_records=$d
`;

export const traceTopologies: readonly TraceTopologyScript[] = [
  {
    name: 'gateways',
    northbound: gateways,
    learned: {
      macBindings: [
        { logicalPort: 'gw1-out', ip: '30.30.0.1', mac: '02:00:00:00:99:01' },
        { logicalPort: 'vpc-red', ip: '192.168.1.99', mac: '02:00:00:00:99:99' },
        { logicalPort: 'vpc-red', ip: 'fd00:1::99', mac: '02:00:00:00:99:99' },
      ],
      fdb: [
        { logicalPort: 'red-3', mac: '02:00:00:00:77:77' },
        { logicalPort: 'ln', mac: '02:00:00:00:99:01' },
      ],
    },
  },
  { name: 'firewall', northbound: firewall, learned: { macBindings: [], fdb: [] } },
  {
    name: 'balanced',
    northbound: balanced,
    learned: { macBindings: [{ logicalPort: 'r-out', ip: '172.16.0.1', mac: '02:00:00:00:99:01' }], fdb: [] },
  },
  { name: 'odd', northbound: odd, learned: { macBindings: [], fdb: [] } },
];
