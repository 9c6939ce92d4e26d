/** Northbound databases that between them show every flow of the router pipeline. */

import { insertRow, type Northbound } from '../../../engine/ovsdb/northbound.ts';
import { balancerTopologies } from '../balancers.ts';
import { featureTopologies } from '../features.ts';
import {
  addGatewayChassis,
  addLocalnet,
  addNat,
  addPolicy,
  addPort,
  addRoute,
  addRouter,
  addRouterPort,
  addSwitch,
  attach,
  northbound,
} from './build.ts';

/** A router between two networks, with everything that a port's own networks can be. */
function distributed(): Northbound {
  const nb = northbound();
  for (const name of ['a', 'b', 'c', 'd']) addSwitch(nb, name);
  addRouter(nb, 'r');
  addRouterPort(nb, 'r', 'r:a', '02:00:00:00:0a:01', ['192.178.0.1/16']);
  addRouterPort(nb, 'r', 'r:b', '02:00:00:00:0b:01', ['192.188.0.1/16', '10.5.0.1/24', 'fd00:b::1/64']);
  addRouterPort(nb, 'r', 'r:c', '02:00:00:00:0C:01', ['fd00:c::1/64', 'fd00:c:1::1/48', 'fe80::77/64']);
  addRouterPort(nb, 'r', 'r:d', '02:00:00:00:0d:01', ['10.6.0.1/30'], { enabled: false });
  addRouterPort(nb, 'r', 'r:nowhere', '02:00:00:00:0e:01', ['10.7.0.1/31', '10.7.0.2/32']);
  for (const name of ['a', 'b', 'c', 'd']) attach(nb, name, `r:${name}`);
  addPort(nb, 'a', 'a1', ['02:00:00:00:0a:11 192.178.0.11']);
  addPort(nb, 'a', 'a2', ['02:00:00:00:0a:12 192.178.0.12', 'unknown']);
  addPort(nb, 'a', 'a3', ['02:00:00:00:0a:13']);
  addPort(nb, 'a', 'a4', ['02:00:00:00:0a:14 172.16.0.1 192.178.0.14 fd00:b::14']);
  addRouterPort(nb, 'r', 'r:e', '02:00:00:00:0f:01', ['fe80:0:0:1::1/10', '10.8.0.1/29']);
  addSwitch(nb, 'e', { other_config: { subnet: '10.8.0.0/29', ipv6_prefix: 'fe80::' } });
  attach(nb, 'e', 'r:e');
  addPort(nb, 'e', 'e1', ['dynamic']);
  addPort(nb, 'e', 'e2', ['02:00:00:00:0f:12 dynamic']);
  addPort(nb, 'e', 'e3', ['dynamic 10.8.0.5']);
  addPort(nb, 'a', 'a5', ['02:00:00:00:0a:15 192.178.0.15'], { enabled: false });
  addPort(nb, 'b', 'b1', ['02:00:00:00:0b:11 192.188.0.11 10.5.0.11 fd00:b::11', '02:00:00:00:0b:12 10.5.0.12']);
  addPort(nb, 'b', 'b2', ['unknown']);
  addPort(nb, 'c', 'c1', ['02:00:00:00:0c:11 fd00:c::11 fd00:c:1:2::11 fe80::11']);
  return nb;
}

/** What a VPC becomes: a distributed router, a gateway router a node with source NAT, a shared outside. */
function vpc(): Northbound {
  const nb = northbound();
  for (const name of ['a', 'b', 'join', 'ext']) addSwitch(nb, name);
  addLocalnet(nb, 'ext', 'ext:physnet');
  addRouter(nb, 'v');
  addRouterPort(nb, 'v', 'v:a', '02:00:00:00:0a:01', ['192.178.0.1/16']);
  addRouterPort(nb, 'v', 'v:b', '02:00:00:00:0b:01', ['192.188.0.1/16']);
  addRouterPort(nb, 'v', 'v:join', '02:00:00:00:00:01', ['100.64.0.1/16']);
  for (const name of ['a', 'b', 'join']) attach(nb, name, `v:${name}`);
  for (const node of [1, 2]) {
    const gateway = `v@n${node}`;
    addPort(nb, 'a', `a1@n${node}`, [`02:00:00:00:0a:1${node} 192.178.0.1${node}`]);
    addPort(nb, 'b', `b1@n${node}`, [`02:00:00:00:0b:1${node} 192.188.0.1${node}`]);
    addRouter(nb, gateway, { options: { chassis: `n${node}`, always_learn_from_arp_request: 'false' } });
    addRouterPort(nb, gateway, `${gateway}:join`, `02:00:00:00:10:0${node}`, [`100.64.0.${node + 1}/16`]);
    addRouterPort(nb, gateway, `${gateway}:ext`, `02:00:00:00:20:0${node}`, [`30.30.0.${node + 1}/16`]);
    attach(nb, 'join', `${gateway}:join`);
    attach(nb, 'ext', `${gateway}:ext`);
    addRoute(nb, gateway, '0.0.0.0/0', '30.30.0.1');
    for (const network of ['192.178.0.0/16', '192.188.0.0/16']) {
      addRoute(nb, gateway, network, '100.64.0.1');
      addNat(nb, gateway, 'snat', `30.30.0.${node + 1}`, network);
    }
    addPolicy(nb, gateway, 100, `inport == "${gateway}:ext" && !ct.rpl`, 'drop');
    addPolicy(nb, 'v', 100, `inport == "v:a" && ip4.src == 192.178.0.1${node}`, 'reroute', {
      nexthops: [`100.64.0.${node + 1}`],
    });
  }
  addRoute(nb, 'v', '0.0.0.0/0', '100.64.0.2');
  insertRow(nb, 'Address_Set', 'gateways', { name: 'gateways', addresses: ['30.30.0.2', '30.30.0.3'] });
  addPolicy(nb, 'v', 1000, 'ip4.dst == $gateways', 'drop');
  addPolicy(nb, 'v', 500, 'inport == "v:a" && outport == "v:b"', 'drop');
  return nb;
}

/** Routers that are each other's peers without a switch, in a chain; one end disabled, one dangling. */
function peers(): Northbound {
  const nb = northbound();
  for (const name of ['r1', 'r2', 'r3']) addRouter(nb, name, name === 'r3' ? { options: { chassis: 'n1' } } : {});
  addRouterPort(nb, 'r1', 'r1-r2', '02:00:00:00:12:01', ['10.0.12.1/24'], { peer: 'r2-r1' });
  addRouterPort(nb, 'r2', 'r2-r1', '02:00:00:00:12:02', ['10.0.12.2/24'], { peer: 'r1-r2' });
  addRouterPort(nb, 'r2', 'r2-r3', '02:00:00:00:23:02', ['10.0.23.2/24', '10.1.23.2/24', 'fd23::2/64'], {
    peer: 'r3-r2',
  });
  addRouterPort(nb, 'r3', 'r3-r2', '02:00:00:00:23:03', ['10.0.23.3/24', '10.1.23.3/24', 'fd23::3/64'], {
    peer: 'r2-r3',
  });
  addRouterPort(nb, 'r3', 'r3-gone', '02:00:00:00:23:04', ['10.9.0.1/24'], { peer: 'no-such-port' });
  addRouterPort(nb, 'r3', 'r3-one-way', '02:00:00:00:23:05', ['10.9.1.1/24'], { peer: 'r1-r2' });
  addRouterPort(nb, 'r1', 'r1-off', '02:00:00:00:23:06', ['10.9.2.1/24'], { peer: 'r2-off', enabled: false });
  addRouterPort(nb, 'r2', 'r2-off', '02:00:00:00:23:07', ['10.9.2.2/24'], { peer: 'r1-off' });
  addRoute(nb, 'r1', '10.0.23.0/24', '10.0.12.2');
  addRoute(nb, 'r3', '10.0.12.0/24', '10.0.23.2');
  addRoute(nb, 'r3', 'fd12::/64', 'fd23::2');
  return nb;
}

/** Static routes of every kind, good and bad. */
function routes(): Northbound {
  const nb = northbound();
  for (const name of ['a', 'b', 'c']) addSwitch(nb, name);
  addRouter(nb, 'r');
  addRouterPort(nb, 'r', 'r:a', '02:00:00:00:0a:01', ['10.0.1.1/24', 'fd01::1/64'], {
    options: { route_table: 'red' },
  });
  addRouterPort(nb, 'r', 'r:b', '02:00:00:00:0b:01', ['10.0.2.1/24', 'fd02::1/64'], {
    options: { route_table: 'blue' },
  });
  addRouterPort(nb, 'r', 'r:c', '02:00:00:00:0c:01', ['10.0.3.1/24', '10.0.4.1/24', 'fd03::1/64']);
  for (const name of ['a', 'b', 'c']) attach(nb, name, `r:${name}`);
  addRoute(nb, 'r', '0.0.0.0/0', '10.0.3.254');
  addRoute(nb, 'r', '::/0', 'fd03::fe');
  addRoute(nb, 'r', '172.16.1.7/12', '10.0.4.9');
  addRoute(nb, 'r', '172.17.0.0/16', '10.0.4.9', { policy: 'dst-ip' });
  addRoute(nb, 'r', '10.0.1.0/24', '10.0.2.9', { policy: 'src-ip' });
  addRoute(nb, 'r', '0.0.0.0/0', '10.0.2.9', { policy: 'src-ip' });
  addRoute(nb, 'r', 'fd01::/64', 'fd02::9', { policy: 'src-ip' });
  addRoute(nb, 'r', '192.168.1.0/24', 'discard');
  addRoute(nb, 'r', 'fd99::5/64', 'discard');
  addRoute(nb, 'r', '192.168.2.0/24', '', { output_port: 'r:b' });
  addRoute(nb, 'r', '192.168.3.0/24', '99.0.0.1', { output_port: 'r:b' });
  addRoute(nb, 'r', '192.168.4.0/24', '10.0.3.8', { output_port: 'r:c' });
  addRoute(nb, 'r', 'fd98::/64', 'fd77::1', { output_port: 'r:b' });
  addRoute(nb, 'r', '192.168.5.0/24', '10.0.4.8/32', { output_port: 'r:c' });
  addRoute(nb, 'r', '192.168.6.0/24', '10.0.1.8', { route_table: 'red' });
  addRoute(nb, 'r', '192.168.6.0/24', '10.0.2.8', { route_table: 'blue' });
  addRoute(nb, 'r', '192.168.6.0/24', '10.0.3.8', { route_table: 'green' });
  addRoute(nb, 'r', '192.168.7.0/24', '10.0.3.7', { options: { origin: 'connected' } });
  addRoute(nb, 'r', '10.0.1.0/24', '10.0.3.7');
  addRoute(nb, 'r', '192.168.8.9', '10.0.3.7');
  addRoute(nb, 'r', 'fd97::1', 'fd03::7');
  addRoute(nb, 'r', 'fd96::/16', 'fe80::7');
  addRoute(nb, 'r', 'FD95::/16', 'FD03::A');
  // What follows is refused, with a warning.
  addRoute(nb, 'r', '192.168.20.0/24', '99.0.0.1');
  addRoute(nb, 'r', '192.168.21.0/24', '99.0.0.1', { output_port: 'no-such-port' });
  addRoute(nb, 'r', '192.168.22.0/24', 'fd02::9');
  addRoute(nb, 'r', '192.168.23.0/24', '10.0.3.0/24');
  addRoute(nb, 'r', 'nonsense', '10.0.3.7');
  addRoute(nb, 'r', '192.168.24.0/24', 'nonsense');
  addRoute(nb, 'r', '192.168.25.0/24', '');
  addRoute(nb, 'r', '192.168.26.0/33', '10.0.3.7');
  return nb;
}

/** Routes of one prefix and several next hops. */
function ecmp(): Northbound {
  const nb = northbound();
  for (const name of ['a', 'b']) addSwitch(nb, name);
  for (const [name, options] of [
    ['r', {}],
    ['g', { chassis: 'n1' }],
  ] as const) {
    addRouter(nb, name, { options });
    const octet = name === 'r' ? 1 : 2;
    const keys = { 'requested-tnl-key': String(octet + 5) };
    addRouterPort(nb, name, `${name}:a`, `02:00:00:00:0a:0${octet}`, [`10.0.1.${octet}/24`, `fd01::${octet}/64`], {
      options: keys,
    });
    addRouterPort(nb, name, `${name}:b`, `02:00:00:00:0b:0${octet}`, [`10.0.2.${octet}/24`], {
      options: { 'requested-tnl-key': '3' },
    });
    attach(nb, 'a', `${name}:a`);
    attach(nb, 'b', `${name}:b`);
    for (const nexthop of ['10.0.1.9', '10.0.1.8', '10.0.2.9']) addRoute(nb, name, '0.0.0.0/0', nexthop);
    for (const nexthop of ['fd01::9', 'fd01::8']) addRoute(nb, name, 'fd99::/32', nexthop);
    addRoute(nb, name, '172.16.0.0/12', '10.0.1.9', { options: { ecmp_symmetric_reply: 'true' } });
    addRoute(nb, name, '172.16.0.0/12', '10.0.1.7', { options: { ecmp_symmetric_reply: 'true' } });
    addRoute(nb, name, '172.16.0.0/12', '10.0.2.7', { options: { ecmp_symmetric_reply: 'true' } });
    addRoute(nb, name, '172.18.5.1', '10.0.1.9', { policy: 'src-ip', options: { ecmp_symmetric_reply: 'true' } });
    addRoute(nb, name, '172.18.5.1', '10.0.1.8', { policy: 'src-ip', options: { ecmp_symmetric_reply: 'true' } });
    addRoute(nb, name, '172.20.5.1/14', '10.0.1.9', { options: { ecmp_symmetric_reply: 'true' } });
    addRoute(nb, name, '172.20.5.1/14', '10.0.1.8');
    addRoute(nb, name, '172.20.6.1/14', '10.0.1.7');
    addRoute(nb, name, 'fd98::/32', 'fd01::9', { options: { ecmp_symmetric_reply: 'true' } });
    addRoute(nb, name, 'fd98::/32', 'fd01::8', { options: { ecmp_symmetric_reply: 'false' } });
    addRoute(nb, name, '10.7.0.0/16', '10.0.1.9', { route_table: 'red' });
    addRoute(nb, name, '10.7.0.0/16', '10.0.1.8', { route_table: 'red' });
    addRoute(nb, name, '10.7.0.0/16', '10.0.1.7');
    addRoute(nb, name, '10.8.0.0/16', '10.0.1.9');
    addRoute(nb, name, '10.8.0.0/16', '10.0.1.9', { output_port: `${name}:b` });
    addRoute(nb, name, '10.9.0.0/16', '10.0.1.9');
    addRoute(nb, name, '10.9.0.0/16', 'discard');
    addRoute(nb, name, '10.10.0.0/16', '10.0.1.9', { options: { origin: 'connected' } });
    addRoute(nb, name, '10.10.0.0/16', '10.0.1.8', { options: { origin: 'connected' } });
  }
  return nb;
}

/** Routing policies of every kind, good and bad. */
function policies(): Northbound {
  const nb = northbound();
  addSwitch(nb, 'a');
  addSwitch(nb, 'b');
  addRouter(nb, 'r');
  addRouterPort(nb, 'r', 'r:a', '02:00:00:00:0a:01', ['10.0.1.1/24', 'fd01::1/64']);
  addRouterPort(nb, 'r', 'r:b', '02:00:00:00:0b:01', ['10.0.2.1/24', '10.0.3.1/24']);
  attach(nb, 'a', 'r:a');
  attach(nb, 'b', 'r:b');
  addPolicy(nb, 'r', 10, 'ip4.src == 10.0.1.0/24', 'allow');
  addPolicy(nb, 'r', 11, '1', 'allow', { options: { pkt_mark: '100' } });
  addPolicy(nb, 'r', 12, 'ip4.src == 10.0.1.7', 'drop', { options: { pkt_mark: '100' } });
  addPolicy(nb, 'r', 13, 'ip4.src == 10.0.1.8', 'reroute', { nexthop: '10.0.2.9' });
  addPolicy(nb, 'r', 14, 'ip4.src == 10.0.1.9', 'reroute', { nexthops: ['10.0.3.9'], options: { pkt_mark: '7' } });
  addPolicy(nb, 'r', 15, 'ip6', 'reroute', { nexthops: ['fd01::9'] });
  addPolicy(nb, 'r', 16, 'ip4', 'reroute', {
    nexthops: ['10.0.1.9', '10.0.2.9', '10.0.3.9'],
    options: { pkt_mark: '7' },
  });
  addPolicy(nb, 'r', 17, 'ip6.src == fd02::/64', 'reroute', { nexthops: ['fd01::8', 'fd01::9'] });
  addPolicy(nb, 'r', 32767, '  ip4 &&   tcp.dst == 80  ', 'allow');
  addPolicy(nb, 'r', 19, 'ip4', 'allow', { options: { pkt_mark: 'nonsense' } });
  addPolicy(nb, 'r', 20, 'ip4', 'allow', { options: { pkt_mark: '4294967295' } });
  // What follows is refused or cut short, with a warning.
  addPolicy(nb, 'r', 21, 'ip4', 'reroute', { nexthops: ['99.0.0.1'] });
  addPolicy(nb, 'r', 22, 'ip4', 'reroute', { nexthops: ['10.0.1.9', 'fd01::9'] });
  addPolicy(nb, 'r', 23, 'ip4', 'reroute', { nexthops: ['10.0.1.9', '99.0.0.1'] });
  addPolicy(nb, 'r', 24, 'ip4', 'reroute');
  addPolicy(nb, 'r', 25, 'ip4', 'reroute', { nexthops: ['10.0.1.1/24'] });
  return nb;
}

/** Gateway routers with every kind of NAT, good and bad. */
function gatewayNat(): Northbound {
  const nb = northbound();
  for (const name of ['join', 'ext']) addSwitch(nb, name);
  addLocalnet(nb, 'ext', 'ext:physnet', { tag_request: 7 });
  insertRow(nb, 'Address_Set', 'as', { name: 'allowed', addresses: ['1.2.3.4'] });
  const [allowed] = nb.Address_Set.keys();
  addRouter(nb, 'g', { options: { chassis: 'n1' } });
  addRouterPort(nb, 'g', 'g:join', '02:00:00:00:10:01', ['100.64.0.2/16', 'fd64::2/64']);
  addRouterPort(nb, 'g', 'g:ext', '02:00:00:00:20:01', ['30.30.0.2/16', '30.31.0.2/16', 'fd30::2/64']);
  attach(nb, 'join', 'g:join');
  attach(nb, 'ext', 'g:ext');
  addNat(nb, 'g', 'snat', '30.30.0.2', '192.168.0.0/16');
  addNat(nb, 'g', 'snat', '30.30.0.2', '192.169.0.0/24');
  addNat(nb, 'g', 'snat', '30.30.0.3', '10.0.0.5');
  addNat(nb, 'g', 'snat', '30.30.0.3', '0.0.0.0/0');
  addNat(nb, 'g', 'snat', '30.30.0.4', '10.1.0.0/16', { external_port_range: '1024-65535' });
  addNat(nb, 'g', 'snat', 'fd30::2', 'fd01::/64');
  addNat(nb, 'g', 'dnat', '30.30.0.5', '10.0.0.6');
  addNat(nb, 'g', 'dnat', '30.30.0.5', '10.0.0.7', { external_port_range: '80' });
  addNat(nb, 'g', 'dnat', 'fd30::5', 'fd01::6');
  addNat(nb, 'g', 'dnat_and_snat', '30.30.0.8', '10.0.0.8');
  addNat(nb, 'g', 'dnat_and_snat', '30.30.0.9', '10.0.0.9', { options: { stateless: 'true' } });
  addNat(nb, 'g', 'dnat_and_snat', 'fd30::8', 'fd01::8');
  addNat(nb, 'g', 'dnat_and_snat', '30.30.0.10', '10.0.0.10', {
    logical_port: 'vm',
    external_mac: '02:00:00:00:30:10',
  });
  addNat(nb, 'g', 'snat', '30.30.0.11', '10.2.0.0/16', { allowed_ext_ips: allowed });
  addNat(nb, 'g', 'dnat_and_snat', '30.30.0.12', '10.0.0.12', { exempted_ext_ips: allowed });
  addNat(nb, 'g', 'dnat_and_snat', '30.30.0.13', '10.0.0.13', {
    allowed_ext_ips: allowed,
    options: { stateless: 'true' },
  });
  addNat(nb, 'g', 'snat', '30.30.0.14', '10.3.7.9/16', { options: { stateless: 'true' } });
  // What follows is refused, with a warning.
  addNat(nb, 'g', 'snat', 'nonsense', '10.4.0.0/16');
  addNat(nb, 'g', 'snat', '30.30.0.0/16', '10.4.0.0/16');
  addNat(nb, 'g', 'snat', '30.30.0.15', 'nonsense');
  addNat(nb, 'g', 'dnat', '30.30.0.16', '10.5.0.0/16');
  addNat(nb, 'g', 'dnat', '30.30.0.17', 'fd01::9');
  addNat(nb, 'g', 'snat', '30.30.0.18', '10.6.0.0/16', { allowed_ext_ips: allowed, exempted_ext_ips: allowed });
  // NAT of a router that is neither bound to a chassis nor has a gateway port does nothing but answer ARP.
  addRouter(nb, 'r');
  addRouterPort(nb, 'r', 'r:join', '02:00:00:00:00:01', ['100.64.0.1/16']);
  attach(nb, 'join', 'r:join');
  addNat(nb, 'r', 'snat', '100.64.0.1', '192.168.0.0/16');
  addNat(nb, 'r', 'dnat', '100.64.0.9', '192.168.0.9');
  return nb;
}

/** Gateway routers' force_snat options, with one address, two, and the router's own. */
function forceSnat(): Northbound {
  const nb = northbound();
  addSwitch(nb, 'join');
  const options: Record<string, string>[] = [
    { dnat_force_snat_ip: '100.64.0.1 fd64::1', lb_force_snat_ip: '100.64.0.9' },
    { dnat_force_snat_ip: '9.9.9.9', lb_force_snat_ip: 'router_ip' },
    { dnat_force_snat_ip: 'nonsense', lb_force_snat_ip: 'fd64::7' },
  ];
  for (const [i, forced] of options.entries()) {
    addRouter(nb, `g${i}`, { options: { chassis: 'n1', ...forced } });
    addRouterPort(nb, `g${i}`, `g${i}:join`, `02:00:00:00:10:0${i}`, [
      `100.64.0.${i + 1}/16`,
      `100.65.0.${i + 1}/16`,
      `fd64::${i + 1}/64`,
    ]);
    attach(nb, 'join', `g${i}:join`);
    addNat(nb, `g${i}`, 'dnat', `30.30.0.${i}`, `10.0.0.${i}`);
  }
  addRouter(nb, 'r', { options: { lb_force_snat_ip: 'router_ip', dnat_force_snat_ip: '100.64.0.20' } });
  addRouterPort(nb, 'r', 'r:join', '02:00:00:00:00:01', ['100.64.0.20/16']);
  attach(nb, 'join', 'r:join');
  return nb;
}

/** Routers on one switch that learn their neighbours or know them, and options that change learning. */
function neighbours(): Northbound {
  const nb = northbound();
  addSwitch(nb, 'join');
  addLocalnet(nb, 'join', 'join:physnet');
  addPort(nb, 'join', 'vm', ['02:00:00:00:00:99 10.0.0.99 fd00::99']);
  const options: Record<string, string>[] = [
    {},
    { dynamic_neigh_routers: 'true' },
    { always_learn_from_arp_request: 'false' },
    { chassis: 'n1', dynamic_neigh_routers: 'true', always_learn_from_arp_request: 'true' },
    { chassis: 'n2', always_learn_from_arp_request: 'nonsense' },
  ];
  for (const [i, option] of options.entries()) {
    addRouter(nb, `r${i}`, { options: option });
    addRouterPort(nb, `r${i}`, `r${i}:join`, `02:00:00:00:00:0${i}`, [`10.0.0.${i + 1}/24`, `fd00::${i + 1}/64`]);
    attach(nb, 'join', `r${i}:join`, i === 2 ? { enabled: false } : {});
  }
  addRouter(nb, 'off', { enabled: false });
  addRouterPort(nb, 'off', 'off:join', '02:00:00:00:00:0f', ['10.0.0.15/24']);
  attach(nb, 'join', 'off:join');
  insertRow(nb, 'Static_MAC_Binding', 'one', {
    logical_port: 'r0:join',
    ip: '10.0.0.50',
    mac: '02:00:00:00:00:50',
    override_dynamic_mac: true,
  });
  insertRow(nb, 'Static_MAC_Binding', 'two', { logical_port: 'r0:join', ip: 'fd00::50', mac: '02:00:00:00:00:50' });
  return nb;
}

/** gateway_mtu and its bypass, on gateway and distributed routers, over switches with and without VLAN. */
function gatewayMtu(): Northbound {
  const nb = northbound();
  for (const name of ['a', 'b', 'c']) addSwitch(nb, name);
  addLocalnet(nb, 'a', 'a:physnet', { tag_request: 7 });
  addLocalnet(nb, 'b', 'b:physnet');
  for (const [name, octet, options] of [
    ['g', 1, { chassis: 'n1' }],
    ['r', 2, {}],
  ] as const) {
    addRouter(nb, name, { options });
    const mtu = { gateway_mtu: '1500' };
    addRouterPort(nb, name, `${name}:a`, `02:00:00:00:0a:0${octet}`, [`10.0.1.${octet}/24`, `fd01::${octet}/64`], {
      options: mtu,
    });
    addRouterPort(nb, name, `${name}:b`, `02:00:00:00:0b:0${octet}`, [`10.0.2.${octet}/24`], {
      options: { gateway_mtu: '9000', gateway_mtu_bypass: 'tcp' },
    });
    addRouterPort(nb, name, `${name}:c`, `02:00:00:00:0c:0${octet}`, [`fd03::${octet}/64`], {
      options: { gateway_mtu: 'nonsense' },
    });
    for (const on of ['a', 'b', 'c']) attach(nb, on, `${name}:${on}`);
  }
  return nb;
}

/** Router advertisements. */
function advertisements(): Northbound {
  const nb = northbound();
  addRouter(nb, 'r');
  const configs: Record<string, string>[] = [
    { address_mode: 'slaac' },
    { address_mode: 'dhcpv6_stateful', mtu: '1400', router_preference: 'HIGH' },
    {
      address_mode: 'dhcpv6_stateless',
      mtu: '1200',
      rdnss: 'fd00::53',
      dnssl: 'example.org',
      route_info: 'HIGH-fd99::/32',
      router_preference: 'MEDIUM',
    },
    { address_mode: 'nonsense' },
    { send_periodic: 'true' },
    { address_mode: 'slaac', send_periodic: 'true' },
  ];
  for (const [i, ipv6_ra_configs] of configs.entries()) {
    addSwitch(nb, `s${i}`);
    const networks = i === 5 ? ['10.0.0.1/24'] : [`fd0${i}::1/64`, `fd1${i}::1/48`];
    addRouterPort(nb, 'r', `r:s${i}`, `02:00:00:00:00:0${i}`, networks, { ipv6_ra_configs });
    attach(nb, `s${i}`, `r:s${i}`);
  }
  addRouterPort(nb, 'r', 'r:alone', '02:00:00:00:00:0a', ['fdaa::1/64'], {
    ipv6_ra_configs: { address_mode: 'slaac' },
  });
  return nb;
}

/** Multicast relay and static flooding. */
function multicast(): Northbound {
  const nb = northbound();
  for (const name of ['a', 'b']) addSwitch(nb, name, { other_config: { mcast_snoop: 'true', mcast_querier: 'false' } });
  addRouter(nb, 'relay', { options: { mcast_relay: 'true' } });
  addRouter(nb, 'flood', { options: { mcast_relay: 'true' } });
  addRouter(nb, 'norelay');
  for (const [i, name] of ['relay', 'flood', 'norelay'].entries()) {
    for (const on of ['a', 'b']) {
      const options: Record<string, string> = name !== 'relay' && on === 'a' ? { mcast_flood: 'true' } : {};
      addRouterPort(
        nb,
        name,
        `${name}:${on}`,
        `02:00:00:00:0${on}:0${i}`,
        [on === 'a' ? `10.0.1.${i + 1}/24` : `fd02::${i + 1}/64`],
        { options },
      );
      attach(nb, on, `${name}:${on}`);
    }
  }
  return nb;
}

/** Distributed gateway ports, one and two on a router, with centralised and distributed NAT. */
function gatewayPorts(): Northbound {
  const nb = northbound();
  for (const name of ['a', 'ext', 'ext2']) addSwitch(nb, name);
  addLocalnet(nb, 'ext', 'ext:physnet');
  addLocalnet(nb, 'a', 'a:physnet');
  addRouter(nb, 'r', { options: { always_learn_from_arp_request: 'false' } });
  addRouterPort(nb, 'r', 'r:a', '02:00:00:00:0a:01', ['10.0.1.1/24', 'fd01::1/64'], {
    options: { 'reside-on-redirect-chassis': 'true' },
  });
  addRouterPort(nb, 'r', 'r:ext', '02:00:00:00:20:01', ['30.30.0.2/16', 'fd30::2/64'], {
    options: { gateway_mtu: '1500' },
  });
  addGatewayChassis(nb, 'r:ext', { n1: 10, n2: 20 });
  attach(nb, 'a', 'r:a');
  attach(nb, 'ext', 'r:ext');
  addPort(nb, 'a', 'vm', ['02:00:00:00:0a:11 10.0.1.11']);
  addRoute(nb, 'r', '0.0.0.0/0', '30.30.0.1');
  addNat(nb, 'r', 'snat', '30.30.0.2', '10.0.1.0/24');
  addNat(nb, 'r', 'snat', 'fd30::2', 'fd01::/64');
  addNat(nb, 'r', 'dnat', '30.30.0.3', '10.0.1.12');
  addNat(nb, 'r', 'dnat_and_snat', '30.30.0.4', '10.0.1.11', { logical_port: 'vm', external_mac: '02:00:00:00:30:04' });
  addNat(nb, 'r', 'dnat_and_snat', 'fd30::4', 'fd01::11', { logical_port: 'vm', external_mac: '02:00:00:00:30:04' });
  addNat(nb, 'r', 'dnat_and_snat', '30.30.0.5', '10.0.1.13', { options: { stateless: 'true' } });
  addNat(nb, 'r', 'dnat_and_snat', '40.40.0.5', '10.0.1.14', {
    external_port_range: '1-100',
    options: { add_route: 'true' },
  });
  addNat(nb, 'r', 'snat', '40.40.0.6', '10.0.2.0/24');
  addRouter(nb, 'two');
  addRouterPort(nb, 'two', 'two:ext', '02:00:00:00:20:02', ['30.30.0.9/16']);
  addRouterPort(nb, 'two', 'two:ext2', '02:00:00:00:20:03', ['30.31.0.9/16'], {
    options: { 'redirect-type': 'bridged' },
  });
  addGatewayChassis(nb, 'two:ext', { n1: 10 });
  addGatewayChassis(nb, 'two:ext2', { n2: 10 });
  attach(nb, 'ext', 'two:ext');
  attach(nb, 'ext2', 'two:ext2');
  addNat(nb, 'two', 'snat', '30.30.0.9', '10.7.0.0/24');
  addNat(nb, 'two', 'snat', '30.31.0.9', '10.7.0.0/24');
  addNat(nb, 'two', 'snat', '50.31.0.9', '10.7.0.0/24');
  addRouter(nb, 'g', { options: { chassis: 'n1' } });
  addRouterPort(nb, 'g', 'g:ext', '02:00:00:00:20:04', ['30.30.0.12/16']);
  attach(nb, 'ext', 'g:ext');
  addNat(nb, 'g', 'dnat_and_snat', '30.30.0.14', '10.9.1.13', { options: { add_route: 'true' } });
  return nb;
}

/** What is rare: NAT without conntrack for some peers only, redirection by bridging, a virtual port, a VTEP gateway. */
function gatewayPortRarities(): Northbound {
  const nb = northbound();
  for (const name of ['a', 'ext', 'vtep']) addSwitch(nb, name);
  addLocalnet(nb, 'ext', 'ext:physnet', { tag_request: 7 });
  addPort(nb, 'vtep', 'vtep:gw', ['unknown'], { type: 'vtep' });
  addPort(nb, 'a', 'vm', ['02:00:00:00:0a:11 10.0.1.11']);
  addPort(nb, 'a', 'vip', ['02:00:00:00:0a:12 10.0.1.12'], {
    type: 'virtual',
    options: { 'virtual-ip': '10.0.1.12', 'virtual-parents': 'vm' },
  });
  addPort(nb, 'a', 'vip6', [], { type: 'virtual', options: { 'virtual-ip': 'fd01::12', 'virtual-parents': 'vm' } });
  addPort(nb, 'a', 'viq', [], { type: 'virtual', options: { 'virtual-ip': '10.9.1.12', 'virtual-parents': 'vm' } });
  insertRow(nb, 'Address_Set', 'as', { name: 'peers', addresses: ['1.2.3.4'] });
  const [peers] = nb.Address_Set.keys();
  addRouter(nb, 'r');
  addRouterPort(nb, 'r', 'r:a', '02:00:00:00:0a:01', ['10.0.1.1/24', 'fd01::1/64']);
  addRouterPort(nb, 'r', 'r:ext', '02:00:00:00:20:01', ['30.30.0.2/16'], {
    options: { 'redirect-type': 'bridged', gateway_mtu: '1500', gateway_mtu_bypass: 'tcp' },
  });
  addGatewayChassis(nb, 'r:ext', { n1: 10 });
  attach(nb, 'a', 'r:a');
  attach(nb, 'ext', 'r:ext');
  addNat(nb, 'r', 'dnat_and_snat', '30.30.0.4', '10.0.1.11', { logical_port: 'vm', external_mac: '02:00:00:00:30:04' });
  addNat(nb, 'r', 'dnat_and_snat', '30.30.0.5', '10.0.1.12', {
    logical_port: 'vip',
    external_mac: '02:00:00:00:30:05',
  });
  addNat(nb, 'r', 'dnat_and_snat', 'fd30::4', 'fd01::11', { logical_port: 'vm', external_mac: '2:0:0:0:30:4' });
  addNat(nb, 'r', 'dnat_and_snat', '30.30.0.6', '10.0.1.13', {
    allowed_ext_ips: peers,
    options: { stateless: 'true' },
  });
  addNat(nb, 'r', 'dnat_and_snat', '30.30.0.7', '10.0.1.14', {
    allowed_ext_ips: peers,
    options: { stateless: 'true' },
  });
  addNat(nb, 'r', 'dnat_and_snat', '30.30.0.8', '10.0.1.15', {
    exempted_ext_ips: peers,
    options: { stateless: 'true' },
  });
  addNat(nb, 'r', 'dnat_and_snat', '30.30.0.9', '10.0.1.16', { exempted_ext_ips: peers });
  addNat(nb, 'r', 'snat', '30.30.0.10', '10.0.1.0/25', { allowed_ext_ips: peers });
  addNat(nb, 'r', 'snat', '30.30.0.11', '10.0.2.0/25', { options: { stateless: 'true' } });
  addNat(nb, 'r', 'dnat_and_snat', '30.30.0.12', '10.0.1.17', { logical_port: 'vm', external_mac: 'nonsense' });
  addRouter(nb, 'v');
  addRouterPort(nb, 'v', 'v:vtep', '02:00:00:00:40:01', ['10.4.0.1/16']);
  addGatewayChassis(nb, 'v:vtep', { n1: 10 });
  attach(nb, 'vtep', 'v:vtep');
  addNat(nb, 'v', 'dnat_and_snat', '10.4.0.6', '10.0.1.13', {
    allowed_ext_ips: peers,
    options: { stateless: 'true' },
    gateway_port: [...nb.Logical_Router_Port.values()].find(({ name }) => name === 'v:vtep')?._uuid,
  });
  addRouterPort(nb, 'v', 'v:off', '02:00:00:00:40:02', ['10.5.0.1/16'], {
    enabled: false,
    options: { mcast_flood: 'true' },
  });
  addGatewayChassis(nb, 'v:off', { n1: 10 });
  return nb;
}

/** The same with drops that are sampled. */
function sampledRarities(): Northbound {
  const nb = gatewayPortRarities();
  Object.assign([...nb.NB_Global.values()][0].options, { debug_drop_collector_set: '7' });
  return nb;
}

/** Routes that BFD watches. */
function bfd(): Northbound {
  const nb = northbound();
  addSwitch(nb, 'a');
  addRouter(nb, 'r');
  addRouterPort(nb, 'r', 'r:a', '02:00:00:00:0a:01', ['10.0.1.1/24', 'fd01::1/64']);
  addRouterPort(nb, 'r', 'r:b', '02:00:00:00:0b:01', ['10.0.2.1/24', '10.0.3.1/24']);
  attach(nb, 'a', 'r:a');
  const session = (name: string, logical_port: string, dst_ip: string, status: string | undefined) =>
    insertRow(nb, 'BFD', name, { logical_port, dst_ip, status })._uuid;
  addRoute(nb, 'r', '10.7.0.0/16', '10.0.1.7', { bfd: session('up', 'r:a', '10.0.1.7', 'up') });
  addRoute(nb, 'r', '10.8.0.0/16', '10.0.1.8', { bfd: session('down', 'r:a', '10.0.1.8', 'down') });
  addRoute(nb, 'r', '10.9.0.0/16', '10.0.2.9', { bfd: session('other', 'r:b', '10.0.2.99', 'down') });
  addRoute(nb, 'r', '10.10.0.0/16', '10.0.2.10', { bfd: session('none', 'r:b', '10.0.2.10', undefined) });
  return nb;
}

/** Meters for what goes to ovn-controller, and sampled instead of silent drops. */
function metersAndSamples(): Northbound {
  const nb = northbound();
  Object.assign([...nb.NB_Global.values()][0].options, { debug_drop_collector_set: '7', debug_drop_domain_id: '9' });
  const protocols = [
    'arp',
    'arp-resolve',
    'bfd',
    'icmp4-error',
    'icmp6-error',
    'nd-na',
    'nd-ns',
    'nd-ns-resolve',
    'nd-ra-opts',
    'tcp-reset',
  ];
  const meters: Record<string, string> = {};
  for (const [i, protocol] of protocols.entries()) {
    const band = insertRow(nb, 'Meter_Band', protocol, { action: 'drop', rate: 100 });
    const fair = i % 2 === 0 ? undefined : true;
    insertRow(nb, 'Meter', protocol, { name: `m-${protocol}`, unit: 'pktps', bands: [band._uuid], fair });
    meters[protocol] = `m-${protocol}`;
  }
  const copp = insertRow(nb, 'Copp', 'copp', { name: 'copp', meters })._uuid;
  for (const name of ['a', 'b']) addSwitch(nb, name);
  addLocalnet(nb, 'b', 'b:physnet');
  for (const [name, octet, options] of [
    ['r', 1, {}],
    ['g', 2, { chassis: 'n1', mcast_relay: 'true' }],
  ] as const) {
    addRouter(nb, name, { options: { ...options }, copp });
    addRouterPort(nb, name, `${name}:a`, `02:00:00:00:0a:0${octet}`, [`10.0.1.${octet}/24`, `fd01::${octet}/64`], {
      ipv6_ra_configs: { address_mode: 'slaac' },
      options: { gateway_mtu: '1500', mcast_flood: String(octet === 2) },
    });
    addRouterPort(nb, name, `${name}:b`, `02:00:00:00:0b:0${octet}`, [`10.0.2.${octet}/24`, `fd02::${octet}/64`]);
    attach(nb, 'a', `${name}:a`);
    attach(nb, 'b', `${name}:b`);
    addNat(nb, name, 'snat', `10.0.2.${octet}`, '10.0.1.0/24');
    addNat(nb, name, 'dnat_and_snat', `fd02::1${octet}`, `fd01::1${octet}`);
    addRoute(nb, name, 'fd99::/32', 'fd01::99');
    addRoute(nb, name, '10.99.0.0/16', 'discard');
    addPolicy(nb, name, 5, 'ip4', 'drop');
  }
  addGatewayChassis(nb, 'r:b', { n1: 1 });
  const external_mac = '02:00:00:00:0b:77';
  addNat(nb, 'r', 'dnat_and_snat', '10.0.2.77', '10.0.1.77', { logical_port: 'vm', external_mac });
  insertRow(nb, 'BFD', 'session', { logical_port: 'r:a', dst_ip: '10.0.1.7' });
  return nb;
}

/** Databases with mistakes in them: northd passes over each. */
function mistakes(): Northbound {
  const nb = northbound();
  addSwitch(nb, 'a');
  addRouter(nb, 'r');
  addRouterPort(nb, 'r', 'r:badmac', 'nonsense', ['10.0.0.1/24']);
  addRouterPort(nb, 'r', 'r:badnet', '02:00:00:00:00:01', ['nonsense']);
  addRouterPort(nb, 'r', 'r:half', '02:00:00:00:00:03', ['10.0.3.1/24', 'nonsense']);
  addRouterPort(nb, 'r', 'r:nomask', '02:00:00:00:00:04', ['10.0.4.1']);
  addRouterPort(nb, 'r', 'r:ok', '02:00:00:00:00:05', ['10.0.5.1/24']);
  addRouterPort(nb, 'r', 'r:"quoted"\\', '02:00:00:00:00:06', ['10.0.6.1/24']);
  for (const port of ['badmac', 'badnet', 'half', 'nomask', 'ok', '"quoted"\\']) attach(nb, 'a', `r:${port}`);
  attach(nb, 'a', 'no-such-port');
  addPort(nb, 'a', 'dangling', ['router'], { type: 'router' });
  addPort(nb, 'a', 'bad', ['nonsense']);
  addPort(nb, 'a', 'second', ['02:00:00:00:00:11 10.0.5.11 nonsense']);
  addRoute(nb, 'r', '10.8.0.0/16', '10.0.5.7');
  addRoute(nb, 'r', '10.81.0.0/16', ' 10.0.5.7');
  addRoute(nb, 'r', '10.82.0.0/16', '10.0.5.263');
  addRoute(nb, 'r', ' 10.83.0.0/16', '10.0.5.8');
  addPolicy(nb, 'r', 7, 'ip4', 'reroute', { nexthop: ' 10.0.5.7' });
  addRouter(nb, 'empty');
  addRouter(nb, 'g', { options: { chassis: 'n1' } });
  addRouterPort(nb, 'g', 'g:zero', '02:00:00:00:00:07', [
    '0.0.0.0/0',
    ' 10.0.7.1/24',
    '10. 0.8.1/24',
    '::/0',
    ' fd07::1/64',
  ]);
  addNat(nb, 'g', 'snat', '10.0.7.7', '10.0.0.1/255.0.255.0');
  addNat(nb, 'g', 'snat', 'fd07::7', 'fd00::/ff00:ff00::');
  addNat(nb, 'g', 'snat', '10.0.7.8', '10.0.0.1/255.0.x.0');
  addNat(nb, 'g', 'snat', 'fd07::8', 'fd00::/x::');
  addNat(nb, 'g', 'dnat', '10.0.7.9', '10.0.0.1/255.0.255.255');
  return nb;
}

/** By name: what the tests compare with real ovn-northd. */
export const topologies: Readonly<Record<string, () => Northbound>> = {
  distributed,
  vpc,
  peers,
  routes,
  ecmp,
  policies,
  'gateway-nat': gatewayNat,
  'force-snat': forceSnat,
  neighbours,
  'gateway-mtu': gatewayMtu,
  advertisements,
  multicast,
  'gateway-ports': gatewayPorts,
  'gateway-port-rarities': gatewayPortRarities,
  'sampled-rarities': sampledRarities,
  bfd,
  'meters-and-samples': metersAndSamples,
  ...balancerTopologies,
  ...featureTopologies,
  mistakes,
};
