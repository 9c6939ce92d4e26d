/** What logical switches can do, feature by feature. */
import type { Feature } from './trace-features.ts';

export const switchFeatures: readonly Feature[] = [
  {
    name: 'port security',
    base: 'pair',
    commands: `
ovn-nbctl lsp-set-port-security a1 "02:00:00:00:01:01 10.0.1.1 fd00:1::1" -- lsp-set-port-security a2 "02:00:00:00:01:02" \\
  -- lsp-set-port-security b1 "02:00:00:00:02:01 10.0.2.1" -- lsp-set-port-security b2 "02:00:00:00:02:02 fd00:2::2"
`,
  },
  {
    name: 'unknown and learned addresses',
    base: 'pair',
    commands: `
ovn-nbctl lsp-set-addresses a2 "02:00:00:00:01:02 10.0.1.2" unknown -- lsp-set-addresses b2 unknown
ovn-nbctl lsp-add a disabled -- lsp-set-addresses disabled "02:00:00:00:01:0c 10.0.1.12" -- lsp-set-enabled disabled disabled
`,
    learned: {
      fdb: [
        { logicalPort: 'a2', mac: '02:00:00:00:77:01' },
        { logicalPort: 'b2', mac: '02:00:00:00:77:02' },
      ],
    },
  },
  {
    name: 'ACL allow-related',
    base: 'pair',
    commands: `
ovn-nbctl acl-add a from-lport 1002 'inport == "a1" && ip4 && tcp.dst == 80' allow-related
ovn-nbctl acl-add a to-lport 1002 'outport == "a2" && ip' allow-related
ovn-nbctl acl-add a to-lport 1001 'ip4 && udp' drop
ovn-nbctl acl-add b from-lport 900 'ip6' allow-related
`,
  },
  {
    name: 'ACL allow-stateless',
    base: 'pair',
    commands: `
ovn-nbctl acl-add a from-lport 1002 'inport == "a1" && ip4' allow-stateless -- acl-add a to-lport 1002 'outport == "a1" && ip4' allow-stateless
ovn-nbctl acl-add a to-lport 1001 'outport == "a2" && tcp' allow-related -- acl-add a to-lport 1000 'outport == "a2" && ip' drop
`,
  },
  {
    name: 'ACL reject',
    base: 'pair',
    commands: `
ovn-nbctl acl-add a from-lport 1002 'inport == "a1" && tcp.dst == 22' reject -- acl-add a to-lport 1002 'outport == "a2"' reject
ovn-nbctl acl-add b to-lport 1002 'outport == "b1" && ip4' reject -- acl-add b to-lport 1003 'outport == "b1" && icmp' allow-related
`,
  },
  {
    name: 'ACL log and labels',
    base: 'pair',
    commands: `
ovn-nbctl meter-add m drop 10 pktps
ovn-nbctl --name=web --log --severity=alert --meter=m acl-add a to-lport 1002 'outport == "a1" && tcp.dst == 80' allow-related
ovn-nbctl --log acl-add a to-lport 1001 'outport == "a1" && udp' drop
ovn-nbctl --name=no --log acl-add a from-lport 1001 'inport == "a2" && icmp4' reject
ovn-nbctl --label=77 acl-add a to-lport 1003 'outport == "a2" && tcp' allow-related -- --label=78 acl-add a from-lport 1003 'inport == "a2" && tcp' allow-related
`,
  },
  {
    name: 'ACL after load balancing, default drop',
    base: 'pair',
    commands: `
ovn-nbctl set nb_global . options:default_acl_drop=true
ovn-nbctl --apply-after-lb acl-add a from-lport 1002 'inport == "a1" && ip4.dst == 10.0.2.1' allow-related
ovn-nbctl --apply-after-lb acl-add a from-lport 1001 'inport == "a1" && ip4.dst == 10.0.2.2' reject
ovn-nbctl acl-add a to-lport 1001 'outport == "a2" && ip4' allow
`,
  },
  {
    name: 'port groups and address sets',
    base: 'pair',
    commands: `
ovn-nbctl create address_set name=four addresses='"10.0.1.1" "10.0.2.0/25"' -- create address_set name=six addresses='"fd00:2::1" "fd00:2::2"' > /dev/null
ovn-nbctl pg-add web a1 b1
ovn-nbctl acl-add web to-lport 1002 'outport == @web && ip4.src == $four' allow-related
ovn-nbctl acl-add web to-lport 1002 'outport == @web && ip6.src == $six' allow
ovn-nbctl acl-add web from-lport 1001 'inport == @web && ip4.dst == $web_ip4' reject
ovn-nbctl acl-add web to-lport 1000 'outport == @web && ip' drop
`,
  },
  {
    name: 'QoS',
    base: 'pair',
    commands: `
ovn-nbctl qos-add a from-lport 100 'ip4.src == 10.0.1.1' dscp=46 -- qos-add a from-lport 99 'tcp' rate=1000 burst=100
ovn-nbctl qos-add a to-lport 100 'ip4.dst == 10.0.1.2' rate=500 -- qos-add b to-lport 10 'ip6' dscp=8 rate=9 burst=2
uplink b; ovn-nbctl set logical_switch_port b1 options:qos_max_rate=1000000 options:qos_burst=1000
`,
  },
  {
    name: 'DHCPv4',
    base: 'pair',
    commands: `
d=$(ovn-nbctl create dhcp_options cidr=10.0.1.0/24 options='"lease_time"="3600" "router"="10.0.1.254" "server_id"="10.0.1.254" "server_mac"="02:00:00:00:01:fe" "dns_server"="{10.0.1.53,10.0.1.54}" "domain_name"="\\"ovn.org\\"" "mtu"="1400" "classless_static_route"="{10.9.0.0/16,10.0.1.9, 0.0.0.0/0,10.0.1.254}"')
ovn-nbctl lsp-set-dhcpv4-options a1 $d -- lsp-set-dhcpv4-options a2 $d -- lsp-set-port-security a1 "02:00:00:00:01:01 10.0.1.1"
`,
  },
  {
    name: 'DHCPv6',
    base: 'pair',
    commands: `
d=$(ovn-nbctl create dhcp_options cidr='"fd00:1::/64"' options='"server_id"="02:00:00:00:01:fe" "dns_server"="{fd00:1::53,fd00:1::54}" "domain_search"="\\"example\\""')
s=$(ovn-nbctl create dhcp_options cidr='"fd00:1::/64"' options='"server_id"="02:00:00:00:01:fe" "dhcpv6_stateless"="true"')
ovn-nbctl lsp-set-dhcpv6-options a1 $d -- lsp-set-dhcpv6-options a2 $s
ovn-nbctl acl-add a to-lport 1000 'ip6' allow-related
`,
    packets: [
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == 33:33:00:01:00:02 && ip6.src == fe80::ff:fe00:101 && ip6.dst == ff02::1:2 && ip.ttl == 1 && udp.src == 546 && udp.dst == 547',
        ct: [],
      },
    ],
  },
  {
    name: 'DNS',
    base: 'pair',
    commands: `
d=$(ovn-nbctl create dns records='"vm1.example"="10.0.1.1 fd00:1::1" "vm2.example"="10.0.1.2"')
ovn-nbctl set logical_switch a dns_records=$d -- acl-add a from-lport 1000 'ip' allow-related
`,
    packets: [
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:fe && ip4.src == 10.0.1.1 && ip4.dst == 10.0.2.1 && ip.ttl == 64 && udp.dst == 53',
        ct: ['new'],
      },
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:fe && ip6.src == fd00:1::1 && ip6.dst == fd00:2::1 && ip.ttl == 64 && udp.dst == 53',
        ct: [],
      },
    ],
  },
  {
    name: 'virtual ports',
    base: 'pair',
    commands: `
ovn-nbctl lsp-add a vip4 -- lsp-set-type vip4 virtual -- lsp-set-addresses vip4 "02:00:00:00:01:50 10.0.1.50" -- set logical_switch_port vip4 options:virtual-ip=10.0.1.50 options:virtual-parents='"a1,a2"'
ovn-nbctl lsp-add b vip6 -- lsp-set-type vip6 virtual -- set logical_switch_port vip6 options:virtual-ip='"fd00:2::50"' options:virtual-parents=b1
`,
    packets: [
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == ff:ff:ff:ff:ff:ff && arp.op == 1 && arp.spa == 10.0.1.50 && arp.tpa == 10.0.1.50',
        ct: [],
      },
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:50 && ip4.src == 10.0.1.1 && ip4.dst == 10.0.1.50 && ip.ttl == 64',
        ct: [],
      },
    ],
  },
  {
    name: 'forwarding groups',
    base: 'pair',
    commands: `
ovn-nbctl --liveness fwd-group-add live a 10.0.1.70 02:00:00:00:01:70 a1 a2 -- fwd-group-add plain b 10.0.2.70 02:00:00:00:02:70 b1 b2
`,
    packets: [
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:70 && ip4.src == 10.0.1.1 && ip4.dst == 10.0.1.70 && ip.ttl == 64',
        ct: [],
      },
      {
        microflow:
          'inport == "b1" && eth.src == 02:00:00:00:02:01 && eth.dst == 02:00:00:00:02:70 && ip4 && ip.ttl == 64',
        ct: [],
      },
    ],
  },
  {
    name: 'external ports',
    base: 'distributed',
    commands: `
ovn-nbctl lsp-add out ext -- lsp-set-type ext external -- lsp-set-addresses ext "02:00:00:00:09:20 10.0.9.32 fd00:9::20"
d=$(ovn-nbctl create dhcp_options cidr=10.0.9.0/24 options='"lease_time"="60" "router"="10.0.9.254" "server_id"="10.0.9.254" "server_mac"="02:00:00:00:09:fe"')
ovn-nbctl ha-chassis-group-add hg -- ha-chassis-group-add-chassis hg n1 10
ovn-nbctl lsp-set-dhcpv4-options ext $d -- set logical_switch_port ext ha_chassis_group=$(ovn-nbctl --bare --columns=_uuid find ha_chassis_group name=hg)
`,
  },
  {
    name: 'nested containers',
    base: 'pair',
    commands: `
ovn-nbctl lsp-add a c1 a1 5 -- lsp-set-addresses c1 "02:00:00:00:01:c1 10.0.1.101" -- lsp-add b c2 a1 6 -- lsp-set-addresses c2 "02:00:00:00:02:c2 10.0.2.102"
ovn-nbctl lsp-set-port-security c1 "02:00:00:00:01:c1 10.0.1.101"
`,
  },
  {
    name: 'localport, l2gateway and vtep',
    base: 'distributed',
    commands: `
ovn-nbctl lsp-add a local -- lsp-set-type local localport -- lsp-set-addresses local "02:00:00:00:01:0a 10.0.1.10"
ovn-nbctl lsp-add b l2 -- lsp-set-type l2 l2gateway -- lsp-set-addresses l2 unknown -- lsp-set-options l2 network_name=physnet l2gateway-chassis=n1
ovn-nbctl lsp-add b vt -- lsp-set-type vt vtep -- lsp-set-addresses vt unknown -- lsp-set-options vt vtep-physical-switch=p vtep-logical-switch=l
ovn-nbctl set logical_switch out other_config:vlan-passthru=true
`,
  },
  {
    name: 'multicast snooping',
    base: 'pair',
    commands: `
ovn-nbctl set logical_switch a other_config:mcast_snoop=true other_config:mcast_querier=true other_config:mcast_eth_src=02:00:00:00:01:fd other_config:mcast_ip4_src=10.0.1.253 other_config:mcast_ip6_src=fe80\\\\:\\\\:1
ovn-nbctl set logical_switch b other_config:mcast_snoop=true other_config:mcast_querier=false other_config:mcast_flood_unregistered=true
ovn-nbctl set logical_switch_port a1 options:mcast_flood=true -- set logical_switch_port a2 options:mcast_flood_reports=true
`,
  },
  {
    name: 'multicast relay',
    base: 'pair',
    commands: `
ovn-nbctl set logical_switch a other_config:mcast_snoop=true other_config:mcast_querier=false -- set logical_switch b other_config:mcast_snoop=true other_config:mcast_querier=false
ovn-nbctl set logical_router r options:mcast_relay=true -- set logical_router_port r-a options:mcast_flood=true -- set logical_router_port r-b options:mcast_flood=true
`,
  },
  {
    name: 'multicast groups that hosts joined',
    base: 'pair',
    commands: `
ovn-nbctl set logical_switch a other_config:mcast_snoop=true other_config:mcast_querier=false -- set logical_switch b other_config:mcast_snoop=true other_config:mcast_querier=false
ovn-nbctl set logical_router r options:mcast_relay=true
ovn-nbctl --wait=sb sync
ovn-sbctl --may-exist chassis-add n1 geneve 10.9.9.1
chassis=$(ovn-sbctl --bare --columns=_uuid find chassis name=n1)
join() {
  datapath=$(ovn-sbctl --bare --columns=_uuid find datapath_binding external_ids:name=$1)
  port=$(ovn-sbctl --bare --columns=_uuid find port_binding logical_port=$2)
  ovn-sbctl create igmp_group "address=\\"$3\\"" datapath=$datapath chassis=$chassis ports=$port
}
join a a2 239.1.1.1; join b b1 239.1.1.1; join b b2 239.1.1.2; join a a1 ff0e::1:2; join b b2 ff0e::1:2
`,
    matches: [
      'ls_in_l2_lkup: eth.mcast && ip4 && ip4.dst == 239.1.1.1',
      'ls_in_l2_lkup: eth.mcast && ip4 && ip4.dst == 239.1.1.2',
      'ls_in_l2_lkup: eth.mcast && ip6 && ip6.dst == ff0e::1:2',
      'lr_in_ip_routing: ip4 && ip4.dst == 239.1.1.1',
      'lr_in_ip_routing: ip4 && ip4.dst == 239.1.1.2',
      'lr_in_ip_routing: ip6 && ip6.dst == ff0e::1:2',
    ],
    packets: ['239.1.1.1', '239.1.1.2', '239.9.9.9', 'ff0e::1:2', 'ff0e::1:3'].flatMap((group) =>
      [
        { port: 'a1', mac: '02:00:00:00:01:01', ip4: '10.0.1.1', ip6: 'fd00:1::1' },
        { port: 'b2', mac: '02:00:00:00:02:02', ip4: '10.0.2.2', ip6: 'fd00:2::2' },
      ].map(({ port, mac, ip4, ip6 }) => {
        const isIp4 = group.includes('.');
        const addresses = isIp4
          ? `ip4.src == ${ip4} && ip4.dst == ${group}`
          : `ip6.src == ${ip6} && ip6.dst == ${group}`;
        const target = isIp4 ? '01:00:5e:01:01:01' : '33:33:00:01:00:02';
        return {
          microflow: `inport == "${port}" && eth.src == ${mac} && eth.dst == ${target} && ${addresses} && ip.ttl == 64 && udp.dst == 9`,
          ct: [],
        };
      }),
    ),
  },
  {
    name: 'ARP proxy and silent ports',
    base: 'pair',
    commands: `
ovn-nbctl lsp-set-options a-r router-port=r-a arp_proxy="0a:58:a9:fe:01:01 169.254.239.254 169.254.239.2"
ovn-nbctl set logical_switch_port b1 options:disable_arp_nd_rsp=true -- set logical_switch b other_config:vlan-passthru=true
`,
  },
  {
    name: 'transit switch and unicast peers',
    base: 'pair',
    commands: `
ovn-nbctl ls-add ts -- set logical_switch ts other_config:interconn-ts=ts -- lr-add r2
attach r ts 5
ovn-nbctl lrp-add r2 r2-ts 02:00:00:00:05:fd 10.0.5.253/24 -- lsp-add ts ts-r2 -- lsp-set-type ts-r2 router -- lsp-set-addresses ts-r2 router -- lsp-set-options ts-r2 router-port=r2-ts
ovn-nbctl lsp-add ts far -- lsp-set-type far remote -- lsp-set-addresses far "02:00:00:00:05:09 10.0.5.9/24"
ovn-nbctl lr-route-add r 10.8.0.0/16 10.0.5.253
`,
  },
];
