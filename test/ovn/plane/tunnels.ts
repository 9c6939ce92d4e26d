/** Topologies that stand on two chassis, `left` and `right`; the physical network is at the right one, or at both. */

export interface TunnelTopology {
  name: string;
  northbound: string;
  encapsulation: 'geneve' | 'vxlan';
  /** Logical ports on the right chassis; all others are on the left one. */
  right: readonly string[];
  /** Logical ports on both chassis. */
  both?: readonly string[];
  /** Both chassis are on the physical network. */
  isShared?: boolean;
  /** Each chassis has a MAC address of its own there. */
  hasMacs?: boolean;
}

const prelude = `
set -eu
ovn-nbctl set nb_global . options:mac_prefix=0a:00:00 options:svc_monitor_mac=0a:00:00:00:00:01
host() { ovn-nbctl lsp-add $1 $2 -- lsp-set-addresses $2 "02:00:00:00:0$4:0$3 10.0.$4.$3 fd00:$4::$3"; }
attach() {
  ovn-nbctl lrp-add $1 $1-$2 02:00:00:00:0$3:fe 10.0.$3.254/24 fd00:$3::fe/64 -- lsp-add $2 $2-$1 \\
    -- lsp-set-type $2-$1 router -- lsp-set-addresses $2-$1 router -- lsp-set-options $2-$1 router-port=$1-$2
}
ovn-nbctl ls-add a -- ls-add b -- lr-add r
host a a1 1 1; host a a2 2 1; host b b1 1 2; host b b2 2 2
attach r a 1; attach r b 2
`;

const outside = `
ovn-nbctl ls-add out -- lsp-add out ln -- lsp-set-type ln localnet -- lsp-set-addresses ln unknown -- lsp-set-options ln network_name=physnet
attach r out 9
ovn-nbctl lr-route-add r 0.0.0.0/0 10.0.9.1 -- lr-route-add r ::/0 fd00:9::1
`;

const right = ['a2', 'b2'];

/** Gives datapaths and ports tunnel keys that do not depend on the order of their UUIDs, which are random. */
export const fixedTunnelKeys = `
k=0; for name in $(ovn-nbctl --bare --columns=name list logical_switch | sort); do k=$((k+1)); ovn-nbctl set logical_switch $name other_config:requested-tnl-key=$k; done
for name in $(ovn-nbctl --bare --columns=name list logical_router | sort); do k=$((k+1)); ovn-nbctl set logical_router $name options:requested-tnl-key=$k; done
for name in $(ovn-nbctl --bare --columns=name list logical_switch_port | sort); do k=$((k+1)); ovn-nbctl set logical_switch_port $name options:requested-tnl-key=$k; done
for name in $(ovn-nbctl --bare --columns=name list logical_router_port | sort); do k=$((k+1)); ovn-nbctl set logical_router_port $name options:requested-tnl-key=$k; done
`;

export const tunnelTopologies: readonly TunnelTopology[] = [
  { name: 'a distributed router', northbound: prelude, encapsulation: 'geneve', right },
  {
    name: 'broadcasts and unknown addresses',
    northbound: `${prelude}
ovn-nbctl lsp-set-addresses a2 "02:00:00:00:01:02 10.0.1.2 fd00:1::2" unknown -- lsp-add a a3 -- lsp-set-addresses a3 unknown
ovn-nbctl set logical_switch b other_config:mcast_snoop=true other_config:mcast_querier=false
`,
    encapsulation: 'geneve',
    right: [...right, 'a3'],
  },
  {
    name: 'a gateway on the other chassis',
    northbound: `${prelude}${outside}
ovn-nbctl lrp-set-gateway-chassis r-out right 20 -- lr-nat-add r snat 10.0.9.254 10.0.0.0/16 -- lr-nat-add r dnat_and_snat 10.0.9.11 10.0.1.1
ovn-nbctl lb-add web 10.0.9.80:80 10.0.1.1:8080 tcp -- lr-lb-add r web -- lb-add in 10.0.2.100:80 10.0.1.2:8080 tcp -- ls-lb-add b in
`,
    encapsulation: 'geneve',
    right,
  },
  {
    name: 'a gateway router on the other chassis',
    northbound: `${prelude}
ovn-nbctl ls-add join -- lr-add g -- set logical_router g options:chassis=right -- ls-add out
ovn-nbctl lsp-add out ln -- lsp-set-type ln localnet -- lsp-set-addresses ln unknown -- lsp-set-options ln network_name=physnet
attach r join 7
ovn-nbctl lrp-add g g-join 02:00:00:00:07:01 10.0.7.1/24 -- lsp-add join join-g -- lsp-set-type join-g router -- lsp-set-addresses join-g router -- lsp-set-options join-g router-port=g-join
attach g out 9
ovn-nbctl lr-route-add g 10.0.0.0/16 10.0.7.254 -- lr-route-add g 0.0.0.0/0 10.0.9.1 -- lr-nat-add g snat 10.0.9.254 10.0.0.0/16 -- lr-route-add r 0.0.0.0/0 10.0.7.1
`,
    encapsulation: 'geneve',
    right,
  },
  {
    name: 'ACLs at both ends',
    northbound: `${prelude}
ovn-nbctl acl-add a from-lport 1000 'inport == "a1" && ip' allow-related -- acl-add a to-lport 1001 'outport == "a2" && icmp' allow-related -- acl-add a to-lport 1000 'outport == "a2" && ip' reject
ovn-nbctl acl-add b to-lport 1000 'outport == "b2" && udp' drop -- acl-add b to-lport 1000 'outport == "b2" && tcp' allow-related
`,
    encapsulation: 'geneve',
    right,
  },
  { name: 'a distributed router over VXLAN', northbound: prelude, encapsulation: 'vxlan', right },
  {
    name: 'a gateway over VXLAN',
    northbound: `${prelude}${outside}
ovn-nbctl lrp-set-gateway-chassis r-out right 20 -- lr-nat-add r snat 10.0.9.254 10.0.0.0/16
`,
    encapsulation: 'vxlan',
    right,
  },
  {
    name: 'a bridged gateway port',
    northbound: `${prelude}${outside}
ovn-nbctl lrp-set-gateway-chassis r-out right 20 -- lrp-set-redirect-type r-out bridged -- lr-nat-add r snat 10.0.9.254 10.0.0.0/16
`,
    encapsulation: 'geneve',
    right,
    isShared: true,
  },
  {
    name: 'a bridged gateway port on a VLAN',
    northbound: `${prelude}${outside}
ovn-nbctl set logical_switch_port ln tag=17 -- lrp-set-gateway-chassis r-out right 20 -- lrp-set-redirect-type r-out bridged
`,
    encapsulation: 'geneve',
    right,
    isShared: true,
  },
  {
    name: 'switches on physical networks',
    northbound: `${prelude}${outside}
for s in a b; do ovn-nbctl lsp-add $s ln-$s -- lsp-set-type ln-$s localnet -- lsp-set-addresses ln-$s unknown -- lsp-set-options ln-$s network_name=physnet; done
ovn-nbctl set logical_switch_port ln-a tag=11 -- set logical_switch_port ln-b tag=12
ovn-nbctl lrp-set-gateway-chassis r-out right 20 -- lrp-set-options r-a reside-on-redirect-chassis=true -- lrp-set-options r-b reside-on-redirect-chassis=true
`,
    encapsulation: 'geneve',
    right,
    isShared: true,
  },
  {
    name: 'routers behind the MAC addresses of chassis',
    northbound: `${prelude}
for s in a b; do ovn-nbctl lsp-add $s ln-$s -- lsp-set-type ln-$s localnet -- lsp-set-addresses ln-$s unknown -- lsp-set-options ln-$s network_name=physnet; done
ovn-nbctl set logical_switch_port ln-a tag=11 -- set logical_switch_port ln-b tag=12
`,
    encapsulation: 'geneve',
    right,
    isShared: true,
    hasMacs: true,
  },
  {
    name: 'a bridged gateway port behind the MAC addresses of chassis',
    northbound: `${prelude}${outside}
ovn-nbctl set logical_switch_port ln tag=17 -- lrp-set-gateway-chassis r-out right 20 -- lrp-set-redirect-type r-out bridged
`,
    encapsulation: 'geneve',
    right,
    isShared: true,
    hasMacs: true,
  },
  {
    name: 'a machine on two chassis',
    northbound: `${prelude}
ovn-nbctl lsp-set-options a2 requested-chassis=left,right -- set logical_switch a other_config:mcast_snoop=true other_config:mcast_querier=false
ovn-nbctl acl-add a to-lport 1000 'outport == "a2" && udp' allow-related
`,
    encapsulation: 'geneve',
    right: ['b2'],
    both: ['a2'],
  },
  {
    name: 'a machine on two chassis and a physical network',
    northbound: `${prelude}
ovn-nbctl lsp-set-options b2 requested-chassis=right,left
ovn-nbctl lsp-add b ln-b -- lsp-set-type ln-b localnet -- lsp-set-addresses ln-b unknown -- lsp-set-options ln-b network_name=physnet
`,
    encapsulation: 'geneve',
    right: ['a2'],
    both: ['b2'],
    isShared: true,
  },
];
