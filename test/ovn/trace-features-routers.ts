/** What logical routers can do, feature by feature. */
import type { Feature } from './trace-features.ts';

const upstream = { macBindings: [{ logicalPort: 'r-out', ip: '10.0.9.1', mac: '02:00:00:00:99:01' }] };

export const routerFeatures: readonly Feature[] = [
  {
    name: 'plain routing',
    base: 'pair',
    commands: '',
    learned: {
      macBindings: [
        { logicalPort: 'r-a', ip: '10.0.1.77', mac: '02:00:00:00:01:77' },
        { logicalPort: 'r-b', ip: 'fd00:2::77', mac: '02:00:00:00:02:77' },
      ],
    },
    packets: [
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == 33:33:ff:00:00:02 && ip6.src == fd00:1::1 && ip6.dst == ff02::1:ff00:2 && ip.ttl == 255 && nd_ns && nd.target == fd00:1::2 && nd.sll == 02:00:00:00:01:01',
        ct: [],
      },
    ],
  },
  {
    name: 'distributed gateway',
    base: 'distributed',
    commands: `
ovn-nbctl lr-nat-add r snat 10.0.9.254 10.0.0.0/16 -- lr-nat-add r snat fd00:9::fe fd00:1::/64
`,
    learned: upstream,
    packets: [
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:fe && ip6.src == fd00:1::1 && ip6.dst == fd00:9::77 && ip.ttl == 64 && udp.dst == 53',
        ct: [],
      },
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:fe && ip4.src == 10.0.1.1 && ip4.dst == 10.0.9.77 && ip.ttl == 64',
        ct: [],
      },
    ],
  },
  {
    name: 'floating addresses',
    base: 'distributed',
    commands: `
ovn-nbctl lr-nat-add r dnat_and_snat 10.0.9.11 10.0.1.1 -- lr-nat-add r dnat_and_snat 10.0.9.12 10.0.1.2 a2 02:00:00:00:09:12
ovn-nbctl lr-nat-add r dnat_and_snat fd00:9::11 fd00:1::1 -- lr-nat-add r dnat 10.0.9.13 10.0.2.1
`,
    learned: upstream,
  },
  {
    name: 'stateless translation',
    base: 'distributed',
    commands: `
ovn-nbctl --stateless lr-nat-add r dnat_and_snat 10.0.9.11 10.0.1.1 -- --stateless lr-nat-add r dnat_and_snat 10.0.9.12 10.0.1.2 a2 02:00:00:00:09:12
ovn-nbctl --stateless lr-nat-add r dnat_and_snat fd00:9::11 fd00:1::1
`,
    learned: upstream,
  },
  {
    name: 'translation on a gateway router',
    base: 'gateway',
    commands: `
ovn-nbctl lr-nat-add r snat 10.0.9.200 10.0.1.0/24 -- lr-nat-add r snat 10.0.9.201 10.0.1.1 -- lr-nat-add r dnat 10.0.9.13 10.0.2.1 -- lr-nat-add r dnat_and_snat 10.0.9.14 10.0.2.2
ovn-nbctl lr-nat-add r dnat_and_snat fd00:9::14 fd00:2::2
`,
    learned: upstream,
  },
  {
    name: 'port ranges',
    base: 'gateway',
    commands: `
ovn-nbctl --portrange lr-nat-add r dnat_and_snat 10.0.9.11 10.0.1.1 1-3000 -- --portrange lr-nat-add r snat 10.0.9.200 10.0.2.0/24 4000-5000
`,
    learned: upstream,
  },
  {
    name: 'exempted and allowed addresses',
    base: 'gateway',
    commands: `
e=$(ovn-nbctl create address_set name=ex addresses='"10.7.0.0/16"'); k=$(ovn-nbctl create address_set name=ok addresses='"10.8.0.0/16"')
ovn-nbctl lr-nat-add r snat 10.0.9.200 10.0.1.0/24 -- lr-nat-add r dnat_and_snat 10.0.9.14 10.0.2.2
ovn-nbctl --is-exempted lr-nat-update-ext-ip r snat 10.0.1.0/24 ex -- lr-nat-update-ext-ip r dnat_and_snat 10.0.9.14 ok
`,
    learned: upstream,
  },
  {
    name: 'forced source translation',
    base: 'gateway',
    commands: `
ovn-nbctl set logical_router r options:dnat_force_snat_ip=10.0.9.210 options:lb_force_snat_ip=router_ip
ovn-nbctl lr-nat-add r dnat 10.0.9.13 10.0.2.1 -- lb-add lb 10.0.9.80:80 10.0.1.1:8080,10.0.1.2:8080 -- lr-lb-add r lb
`,
    learned: upstream,
  },
  {
    name: 'equal-cost routes',
    base: 'distributed',
    commands: `
ovn-nbctl --ecmp lr-route-add r 10.7.0.0/16 10.0.9.2 -- --ecmp lr-route-add r 10.7.0.0/16 10.0.9.3 -- --ecmp lr-route-add r 10.7.0.0/16 10.0.9.4
ovn-nbctl --ecmp lr-route-add r fd07::/64 fd00:9::2 -- --ecmp lr-route-add r fd07::/64 fd00:9::3
`,
    learned: upstream,
  },
  {
    name: 'symmetric replies',
    base: 'gateway',
    commands: `
ovn-nbctl --ecmp-symmetric-reply lr-route-add r 10.7.0.0/16 10.0.9.2 r-out -- --ecmp-symmetric-reply lr-route-add r 10.7.0.0/16 10.0.9.3 r-out
ovn-nbctl --ecmp-symmetric-reply lr-route-add r fd07::/64 fd00:9::2 r-out
`,
    learned: upstream,
    packets: [
      {
        microflow:
          'inport == "o1" && eth.src == 02:00:00:00:09:01 && eth.dst == 02:00:00:00:09:fe && ip4.src == 10.7.0.5 && ip4.dst == 10.0.1.1 && ip.ttl == 64 && tcp.dst == 80',
        ct: ['new', 'new'],
      },
      {
        microflow:
          'inport == "o1" && eth.src == 02:00:00:00:09:01 && eth.dst == 02:00:00:00:09:fe && ip4.src == 10.7.0.5 && ip4.dst == 10.0.1.1 && ip.ttl == 64 && tcp.dst == 80',
        ct: ['est', 'est'],
      },
      {
        microflow:
          'inport == "o1" && eth.src == 02:00:00:00:09:01 && eth.dst == 02:00:00:00:09:fe && ip6.src == fd07::5 && ip6.dst == fd00:1::1 && ip.ttl == 64 && udp.dst == 80',
        ct: ['new', 'new'],
      },
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:fe && ip4.src == 10.0.1.1 && ip4.dst == 10.7.0.5 && ip.ttl == 64 && tcp.src == 80',
        ct: ['est,rpl', 'est,rpl'],
      },
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:fe && ip6.src == fd00:1::1 && ip6.dst == fd07::5 && ip.ttl == 64 && udp.src == 80',
        ct: ['est,rpl'],
      },
    ],
  },
  {
    name: 'policies',
    base: 'distributed',
    commands: `
ovn-nbctl lr-policy-add r 300 'ip4.dst == 10.5.0.0/16' reroute 10.0.9.2,10.0.9.3 -- lr-policy-add r 200 'inport == "r-a" && ip4.dst == 10.0.2.2' drop
ovn-nbctl lr-policy-add r 100 'ip4.src == 10.0.1.1' reroute 10.0.9.4 -- lr-policy-add r 99 'ip6.dst == fd00:2::1' allow pkt_mark=100 -- lr-policy-add r 98 'ip6.src == fd00:1::1' reroute fd00:9::4
`,
    learned: upstream,
  },
  {
    name: 'route tables',
    base: 'distributed',
    commands: `
ovn-nbctl lrp-set-options r-a route_table=ra -- --route-table=ra lr-route-add r 10.6.0.0/16 10.0.9.6 -- --route-table=rb lr-route-add r 10.6.0.0/16 10.0.9.7
ovn-nbctl lrp-set-options r-b route_table=rb
`,
    learned: upstream,
  },
  {
    name: 'source routes and discard',
    base: 'distributed',
    commands: `
ovn-nbctl --policy=src-ip lr-route-add r 10.0.1.1/32 10.0.9.5 -- lr-route-add r 10.66.0.0/16 discard -- lr-route-add r fd66::/64 discard -- --policy=src-ip lr-route-add r 10.0.2.2/32 discard
`,
    learned: upstream,
  },
  {
    name: 'router advertisements',
    base: 'pair',
    commands: `
ovn-nbctl set logical_router_port r-a ipv6_ra_configs:address_mode=slaac ipv6_ra_configs:send_periodic=true ipv6_ra_configs:mtu=1450 ipv6_ra_configs:router_preference=HIGH ipv6_ra_configs:route_info='"HIGH-fd09::/64"'
ovn-nbctl set logical_router_port r-b ipv6_ra_configs:address_mode=dhcpv6_stateful ipv6_ra_configs:dnssl=example.com ipv6_ra_configs:rdnss='"fd00:2::53"'
`,
  },
  {
    name: 'MTU of a distributed gateway',
    base: 'distributed',
    commands: `
ovn-nbctl lrp-set-options r-out gateway_mtu=1500 -- lr-nat-add r snat 10.0.9.254 10.0.1.0/24
`,
    learned: upstream,
    packets: [
      {
        microflow:
          'inport == "r-a" && reg9[1] == 1 && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:fe && ip4.src == 10.0.1.1 && ip4.dst == 8.8.8.8 && ip.ttl == 64 && udp.dst == 53',
        ct: [],
      },
      {
        microflow:
          'inport == "r-a" && reg9[1] == 1 && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:fe && ip6.src == fd00:1::1 && ip6.dst == fd00:9::77 && ip.ttl == 64 && udp.dst == 53',
        ct: [],
      },
      {
        microflow:
          'inport == "r-out" && reg9[1] == 1 && eth.src == 02:00:00:00:09:01 && eth.dst == 02:00:00:00:09:fe && ip4.src == 8.8.8.8 && ip4.dst == 10.0.1.1 && ip.ttl == 64 && udp.dst == 53',
        ct: [],
      },
      {
        microflow:
          'inport == "r-out" && reg9[1] == 1 && eth.src == 02:00:00:00:09:01 && eth.dst == 02:00:00:00:09:fe && ip6.src == fd00:9::1 && ip6.dst == fd00:1::1 && ip.ttl == 64',
        ct: [],
      },
    ],
  },
  {
    name: 'MTU of a gateway router',
    base: 'gateway',
    commands: `
ovn-nbctl lrp-set-options r-out gateway_mtu=1400 gateway_mtu_bypass=tcp
`,
    learned: upstream,
    packets: [
      {
        microflow:
          'inport == "r-a" && reg9[1] == 1 && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:fe && ip4.src == 10.0.1.1 && ip4.dst == 8.8.8.8 && ip.ttl == 64 && udp.dst == 53',
        ct: [],
      },
      {
        microflow:
          'inport == "r-a" && reg9[1] == 1 && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:fe && ip6.src == fd00:1::1 && ip6.dst == fd00:9::77 && ip.ttl == 64 && udp.dst == 53',
        ct: [],
      },
      {
        microflow:
          'inport == "r-out" && reg9[1] == 1 && eth.src == 02:00:00:00:09:01 && eth.dst == 02:00:00:00:09:fe && ip4.src == 8.8.8.8 && ip4.dst == 10.0.1.1 && ip.ttl == 64 && udp.dst == 53',
        ct: [],
      },
      {
        microflow:
          'inport == "r-out" && reg9[1] == 1 && eth.src == 02:00:00:00:09:01 && eth.dst == 02:00:00:00:09:fe && ip6.src == fd00:9::1 && ip6.dst == fd00:1::1 && ip.ttl == 64',
        ct: [],
      },
    ],
  },
  {
    name: 'control plane meters',
    base: 'pair',
    commands: `
for m in arp-m icmp-m rst-m; do ovn-nbctl meter-add $m drop 100 pktps; done
c=$(ovn-nbctl create copp name=c meters:arp=arp-m meters:arp-resolve=arp-m meters:icmp4-error=icmp-m meters:icmp6-error=icmp-m meters:tcp-reset=rst-m meters:reject=rst-m)
ovn-nbctl set logical_router r copp=$c -- set logical_switch a copp=$c -- acl-add a to-lport 1000 'outport == "a1" && udp' reject
`,
  },
  {
    name: 'BFD',
    base: 'distributed',
    commands: `
b=$(ovn-nbctl create bfd logical_port=r-out dst_ip=10.0.9.3)
ovn-nbctl --bfd lr-route-add r 10.44.0.0/16 10.0.9.2 r-out -- --bfd=$b lr-route-add r 10.45.0.0/16 10.0.9.3 r-out
`,
    learned: upstream,
    packets: [
      {
        microflow:
          'inport == "r-out" && eth.src == 02:00:00:00:09:03 && eth.dst == 02:00:00:00:09:fe && ip4.src == 10.0.9.3 && ip4.dst == 10.0.9.254 && ip.ttl == 255 && udp.dst == 3784',
        ct: [],
      },
    ],
  },
  {
    name: 'static neighbours',
    base: 'distributed',
    commands: `
ovn-nbctl static-mac-binding-add r-out 10.0.9.1 02:00:00:00:98:01
ovn-nbctl create static_mac_binding logical_port=r-out ip=10.0.9.3 mac='"02:00:00:00:98:03"' override_dynamic_mac=true > /dev/null
`,
    learned: {
      macBindings: [...upstream.macBindings, { logicalPort: 'r-out', ip: '10.0.9.3', mac: '02:00:00:00:99:03' }],
    },
  },
  {
    name: 'learning from requests for the router only',
    base: 'gateway',
    commands: `
ovn-nbctl set logical_router r options:always_learn_from_arp_request=false options:dynamic_neigh_routers=true
`,
    learned: upstream,
  },
  {
    name: 'centralised networks on a VLAN',
    base: 'distributed',
    commands: `
uplink a; ovn-nbctl set logical_switch_port ln-a tag=11
ovn-nbctl lrp-set-options r-a reside-on-redirect-chassis=true -- lrp-set-redirect-type r-out bridged
`,
    learned: upstream,
  },
  {
    name: 'groups of chassis',
    base: 'distributed',
    commands: `
ovn-nbctl lrp-del-gateway-chassis r-out n1 -- ha-chassis-group-add hg -- ha-chassis-group-add-chassis hg n1 10 -- ha-chassis-group-add-chassis hg n2 20
ovn-nbctl set logical_router_port r-out ha_chassis_group=$(ovn-nbctl --bare --columns=_uuid find ha_chassis_group name=hg)
ovn-nbctl lr-nat-add r snat 10.0.9.254 10.0.1.0/24
`,
    learned: upstream,
  },
  {
    name: 'delegated prefixes',
    base: 'gateway',
    commands: `
ovn-nbctl lrp-set-options r-out prefix_delegation=true -- lrp-set-options r-a prefix=true
`,
    learned: upstream,
    packets: [
      {
        microflow:
          'inport == "r-out" && eth.src == 02:00:00:00:09:01 && eth.dst == 02:00:00:00:09:fe && ip6.src == fe80::1 && ip6.dst == fe80::ff:fe00:9fe && ip.ttl == 64 && udp.src == 547 && udp.dst == 546',
        ct: [],
      },
    ],
  },
  {
    name: 'routers side by side',
    base: 'pair',
    commands: `
ovn-nbctl lr-add q -- lrp-add r r-q 02:00:00:00:06:01 169.254.6.1/30 fd06::1/64 peer=q-r -- lrp-add q q-r 02:00:00:00:06:02 169.254.6.2/30 fd06::2/64 peer=r-q
ovn-nbctl ls-add c; host c c1 1 3; attach q c 3
ovn-nbctl lr-route-add r 10.0.3.0/24 169.254.6.2 -- lr-route-add r fd00:3::/64 fd06::2 -- lr-route-add q 10.0.0.0/16 169.254.6.1 -- lr-route-add q fd00::/16 fd06::1
`,
  },
];
