/** What load balancers can do on switches and routers, feature by feature. */
import type { Feature } from './trace-features.ts';

const upstream = { macBindings: [{ logicalPort: 'r-out', ip: '10.0.9.1', mac: '02:00:00:00:99:01' }] };

export const balancerFeatures: readonly Feature[] = [
  {
    name: 'balancers of a switch',
    base: 'pair',
    commands: `
ovn-nbctl lb-add t 10.0.1.100:80 10.0.1.2:8080 tcp -- lb-add u 10.0.1.101:53 10.0.1.2:53 udp -- lb-add s 10.0.1.102:99 10.0.2.1:99 sctp -- lb-add all 10.0.1.103 10.0.2.2
ovn-nbctl ls-lb-add a t -- ls-lb-add a u -- ls-lb-add a s -- ls-lb-add a all
`,
    packets: [
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:fe && ip4.src == 10.0.1.1 && ip4.dst == 10.0.1.100 && ip.ttl == 64 && tcp.dst == 80',
        ct: ['new', 'new'],
      },
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:fe && ip4.src == 10.0.1.1 && ip4.dst == 10.0.1.101 && ip.ttl == 64 && udp.dst == 53',
        ct: ['new', 'new'],
      },
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:fe && ip4.src == 10.0.1.1 && ip4.dst == 10.0.1.102 && ip.ttl == 64 && sctp.dst == 99',
        ct: ['new', 'new'],
      },
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:fe && ip4.src == 10.0.1.1 && ip4.dst == 10.0.1.103 && ip.ttl == 64 && tcp.dst == 80',
        ct: ['new', 'new'],
      },
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:fe && ip4.src == 10.0.1.1 && ip4.dst == 10.0.1.100 && ip.ttl == 64 && tcp.dst == 80',
        ct: [],
      },
    ],
  },
  {
    name: 'balancers with IPv6',
    base: 'pair',
    commands: `
ovn-nbctl lb-add t6 '[fd00:1::100]:80' '[fd00:1::2]:8080' tcp -- lb-add all6 fd00:1::101 fd00:2::1 -- ls-lb-add a t6 -- ls-lb-add a all6 -- ls-lb-add b t6
`,
  },
  {
    name: 'hairpin',
    base: 'pair',
    commands: `
ovn-nbctl lb-add self 10.0.1.100:80 10.0.1.1:80 tcp -- lb-add self2 10.0.1.101:81 10.0.1.2:8081 tcp -- lb-add six '[fd00:1::100]:80' '[fd00:1::1]:80' tcp
ovn-nbctl set load_balancer self2 options:hairpin_snat_ip='"10.0.1.201"' -- ls-lb-add a self -- ls-lb-add a self2 -- ls-lb-add a six
`,
    packets: [
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:fe && ip4.src == 10.0.1.1 && ip4.dst == 10.0.1.100 && ip.ttl == 64 && tcp.dst == 80',
        ct: ['new', 'new'],
      },
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:fe && ip4.src == 10.0.1.1 && ip4.dst == 10.0.1.100 && ip.ttl == 64 && tcp.dst == 80',
        ct: ['est'],
      },
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:fe && ip6.src == fd00:1::1 && ip6.dst == fd00:1::100 && ip.ttl == 64 && tcp.dst == 80',
        ct: ['new', 'new'],
      },
      {
        microflow:
          'inport == "a2" && eth.src == 02:00:00:00:01:02 && eth.dst == 02:00:00:00:01:fe && ip4.src == 10.0.1.2 && ip4.dst == 10.0.1.101 && ip.ttl == 64 && tcp.dst == 81',
        ct: ['new', 'new'],
      },
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:fe && ip4.src == 10.0.1.1 && ip4.dst == 10.0.1.101 && ip.ttl == 64 && tcp.dst == 81',
        ct: ['new', 'new'],
      },
    ],
  },
  {
    name: 'affinity',
    base: 'gateway',
    commands: `
ovn-nbctl lb-add aff 10.0.9.80:80 10.0.1.1:8080 tcp -- lb-add aff6 '[fd00:9::80]:80' '[fd00:1::1]:8080' tcp
for l in aff aff6; do ovn-nbctl set load_balancer $l options:affinity_timeout=60 -- ls-lb-add a $l -- lr-lb-add r $l; done
`,
    learned: upstream,
    packets: [
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:fe && ip4.src == 10.0.1.1 && ip4.dst == 10.0.9.80 && ip.ttl == 64 && tcp.dst == 80',
        ct: ['new', 'new'],
      },
      {
        microflow:
          'inport == "o1" && eth.src == 02:00:00:00:09:01 && eth.dst == 02:00:00:00:09:fe && ip4.src == 10.0.9.1 && ip4.dst == 10.0.9.80 && ip.ttl == 64 && tcp.dst == 80',
        ct: ['new', 'new'],
      },
      {
        microflow:
          'inport == "o1" && eth.src == 02:00:00:00:09:01 && eth.dst == 02:00:00:00:09:fe && ip6.src == fd00:9::1 && ip6.dst == fd00:9::80 && ip.ttl == 64 && tcp.dst == 80',
        ct: ['new', 'new'],
      },
    ],
  },
  {
    name: 'health checks',
    base: 'pair',
    commands: `
ovn-nbctl lb-add hc 10.0.1.100:80 10.0.1.1:8080 tcp -- ls-lb-add a hc
ovn-nbctl set load_balancer hc ip_port_mappings:10.0.1.1=a1:10.0.1.250
ovn-nbctl --id=@h create load_balancer_health_check vip='"10.0.1.100:80"' options:interval=5 -- add load_balancer hc health_check @h > /dev/null
`,
    packets: [
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == 0a:00:00:00:00:01 && ip4.src == 10.0.1.1 && ip4.dst == 10.0.1.250 && ip.ttl == 64 && tcp.src == 8080',
        ct: [],
      },
    ],
  },
  {
    name: 'balancers without backends',
    base: 'gateway',
    commands: `
ovn-nbctl lb-add no 10.0.9.80:80 '' tcp -- lb-add event 10.0.9.81:80 '' tcp -- lb-add silent 10.0.9.82:80 '' tcp
ovn-nbctl set load_balancer no options:reject=true -- set load_balancer event options:event=true
for l in no event silent; do ovn-nbctl ls-lb-add a $l -- lr-lb-add r $l; done
`,
    learned: upstream,
    packets: [
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:fe && ip4.src == 10.0.1.1 && ip4.dst == 10.0.9.80 && ip.ttl == 64 && tcp.dst == 80',
        ct: ['new', 'new'],
      },
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:fe && ip4.src == 10.0.1.1 && ip4.dst == 10.0.9.81 && ip.ttl == 64 && tcp.dst == 80',
        ct: ['new', 'new'],
      },
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:fe && ip4.src == 10.0.1.1 && ip4.dst == 10.0.9.82 && ip.ttl == 64 && tcp.dst == 80',
        ct: ['new', 'new'],
      },
      {
        microflow:
          'inport == "o1" && eth.src == 02:00:00:00:09:01 && eth.dst == 02:00:00:00:09:fe && ip4.src == 10.0.9.1 && ip4.dst == 10.0.9.80 && ip.ttl == 64 && tcp.dst == 80',
        ct: ['new', 'new'],
      },
      {
        microflow:
          'inport == "o1" && eth.src == 02:00:00:00:09:01 && eth.dst == 02:00:00:00:09:fe && ip4.src == 10.0.9.1 && ip4.dst == 10.0.9.81 && ip.ttl == 64 && tcp.dst == 80',
        ct: ['new', 'new'],
      },
    ],
  },
  {
    name: 'balancers that skip source translation',
    base: 'gateway',
    commands: `
ovn-nbctl set logical_router r options:lb_force_snat_ip="10.0.9.211 fd00:9::211"
ovn-nbctl lb-add skip 10.0.9.80:80 10.0.1.1:8080 tcp -- lb-add force 10.0.9.81:80 10.0.1.2:8080 tcp -- lb-add six '[fd00:9::80]:80' '[fd00:1::1]:8080' tcp
ovn-nbctl set load_balancer skip options:skip_snat=true
for l in skip force six; do ovn-nbctl lr-lb-add r $l; done
`,
    learned: upstream,
  },
  {
    name: 'balancers of a distributed router',
    base: 'distributed',
    commands: `
ovn-nbctl lb-add d 10.0.9.80:80 10.0.1.1:8080 tcp -- lb-add d6 '[fd00:9::80]:80' '[fd00:1::1]:8080' tcp -- lr-lb-add r d -- lr-lb-add r d6 -- lr-nat-add r snat 10.0.9.254 10.0.1.0/24
`,
    learned: upstream,
  },
  {
    name: 'groups of balancers',
    base: 'pair',
    commands: `
l=$(ovn-nbctl create load_balancer name=g protocol=tcp vips:'"10.0.8.80:80"'='"10.0.1.1:80"' vips:'"10.0.8.81:81"'='"10.0.2.1:81"')
g=$(ovn-nbctl create load_balancer_group name=lbg load_balancer=$l)
ovn-nbctl set logical_switch a load_balancer_group=$g -- set logical_switch b load_balancer_group=$g -- set logical_router r load_balancer_group=$g
`,
  },
  {
    name: 'backends behind a stateful ACL',
    base: 'pair',
    commands: `
ovn-nbctl lb-add t 10.0.1.100:80 10.0.1.2:8080 tcp -- ls-lb-add a t
ovn-nbctl --log acl-add a to-lport 1001 'outport == "a2" && tcp' allow-related -- acl-add a to-lport 1000 'outport == "a2" && ip' drop -- --log acl-add a from-lport 1000 'inport == "a1" && tcp' allow-related
`,
    packets: [
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:fe && ip4.src == 10.0.1.1 && ip4.dst == 10.0.1.100 && ip.ttl == 64 && tcp.dst == 80',
        ct: ['new', 'new', 'new'],
      },
    ],
  },
  {
    // The last one: the chassis stay.
    name: 'chassis that do not know ct_lb_mark',
    base: 'distributed',
    commands: `
for n in n1 n2; do ovn-sbctl remove chassis $n other_config ct-no-masked-label; done
ovn-nbctl lb-add t 10.0.1.100:80 10.0.1.2:8080 tcp -- ls-lb-add a t -- lr-lb-add r t
ovn-nbctl acl-add a to-lport 1001 'outport == "a2" && tcp' allow-related -- acl-add a to-lport 1000 'outport == "a2"' drop
`,
    learned: upstream,
    packets: [
      {
        microflow:
          'inport == "a1" && eth.src == 02:00:00:00:01:01 && eth.dst == 02:00:00:00:01:fe && ip4.src == 10.0.1.1 && ip4.dst == 10.0.1.100 && ip.ttl == 64 && tcp.dst == 80',
        ct: ['new', 'new'],
      },
    ],
  },
];
