/** What a router's rows say that cannot be applied becomes a warning about the very row. */
import { expect, test } from 'vitest';
import { computeSouthbound } from '../../../engine/northd/index.ts';
import { insertRow, type Northbound } from '../../../engine/ovsdb/northbound.ts';
import { addGatewayChassis, addNat, addPolicy, addRoute, addRouter, addRouterPort, northbound } from './build.ts';
import { topologies } from './topologies.ts';

/** Each warning as `ID: what the row is about: MESSAGE`. */
function warningsOf(nb: Northbound): string[] {
  return computeSouthbound(nb).warnings.map(({ id, message, row }) => {
    const about =
      nb.Logical_Router_Static_Route.get(row)?.ip_prefix ??
      nb.Logical_Router_Policy.get(row)?.priority ??
      nb.NAT.get(row)?.external_ip ??
      nb.Logical_Router_Port.get(row)?.name ??
      nb.Logical_Router.get(row)?.name;
    return `${id}: ${about}: ${message}`;
  });
}

test('static routes that lead nowhere', () => {
  const start = 'of router "r" is not applied:';
  const nowhere = 'no port of the router has a network with its nexthop';
  expect(warningsOf(topologies.routes()).sort()).toEqual([
    `bad-route: 192.168.20.0/24: Static route 192.168.20.0/24 ${start} ${nowhere} "99.0.0.1"`,
    `bad-route: 192.168.21.0/24: Static route 192.168.21.0/24 ${start} its output_port "no-such-port" is not a port of the router`,
    `bad-route: 192.168.22.0/24: Static route 192.168.22.0/24 ${start} its nexthop fd02::9 is of the other IP version`,
    `bad-route: 192.168.23.0/24: Static route 192.168.23.0/24 ${start} its nexthop 10.0.3.0/24 is not one address`,
    `bad-route: 192.168.24.0/24: Static route 192.168.24.0/24 ${start} its nexthop "nonsense" is not an IP address`,
    `bad-route: 192.168.25.0/24: Static route 192.168.25.0/24 ${start} ${nowhere} ""`,
    `bad-route: 192.168.26.0/33: Static route 192.168.26.0/33 ${start} its ip_prefix is not an IP address or network`,
    `bad-route: nonsense: Static route nonsense ${start} its ip_prefix is not an IP address or network`,
  ]);
});

test('routing policies that cannot reroute', () => {
  const start = (priority: number) =>
    `bad-policy: ${priority}: Routing policy ${priority} "ip4" of router "r" is not applied:`;
  const nowhere = 'no port of the router has a network with its next hop';
  expect(warningsOf(topologies.policies()).sort()).toEqual([
    `${start(21)} ${nowhere} 99.0.0.1`,
    `${start(22)} its next hops 10.0.1.9 and fd01::9 are of different IP versions`,
    `${start(23)} ${nowhere} 99.0.0.1`,
    `${start(24)} it reroutes without a next hop`,
    `${start(25)} ${nowhere} 10.0.1.1/24`,
  ]);
});

test('a route by the port of another router', () => {
  const nb = northbound();
  for (const [name, octet] of [
    ['r', 1],
    ['other', 2],
  ] as const) {
    addRouter(nb, name);
    addRouterPort(nb, name, `${name}:p`, `02:00:00:00:00:0${octet}`, [`10.0.${octet}.1/24`]);
  }
  addRoute(nb, 'r', '10.9.0.0/16', '10.0.2.9', { output_port: 'other:p' });
  expect(warningsOf(nb)).toEqual([
    'bad-route: 10.9.0.0/16: Static route 10.9.0.0/16 of router "r" is not applied: its output_port "other:p" is not a port of the router',
  ]);
});

test('NAT rules that cannot be applied, each once', () => {
  const ids = warningsOf(topologies['gateway-nat']()).map((warning) => warning.split(': ').slice(0, 2).join(' '));
  expect(ids.sort()).toEqual(
    // Of the two of 100.64.0.x: their router is not bound to a chassis.
    ['nonsense', '30.30.0.0/16', '100.64.0.1', '100.64.0.9', '30.30.0.15', '30.30.0.16', '30.30.0.17', '30.30.0.18']
      .map((ip) => `bad-nat ${ip}`)
      .sort(),
  );
});

test('options and addresses that are none', () => {
  expect(warningsOf(topologies['force-snat']())).toEqual([
    'bad-address: g2: options:dnat_force_snat_ip "nonsense" of router "g2" should be an IPv4 address, an IPv6 address, or one of each',
    'bad-address: r: options:lb_force_snat_ip "router_ip" of router "r" should be an IPv4 address, an IPv6 address, or one of each',
  ]);
  expect(warningsOf(topologies.advertisements())).toEqual([
    'bad-address-mode: r:s3: ipv6_ra_configs:address_mode "nonsense" of router port "r:s3" is none of slaac, dhcpv6_stateful, dhcpv6_stateless',
  ]);
});

test('load balancers with virtual addresses or backends that cannot be read', () => {
  const nb = northbound();
  const vips = {
    x: '10.0.0.2',
    '10.0.0.1:80': '10.0.0.2',
    '10.0.0.2': '10.0.0.3:80',
    '10.0.0.3': 'fd00::1',
    '10.0.0.4:80': '10.0.0.3:80,y',
    '10.0.0.5': '10.0.0.3',
  };
  const check = insertRow(nb, 'Load_Balancer_Health_Check', 'c', { vip: '10.0.0.5' })._uuid;
  const options = { neighbor_responder: 'some' };
  insertRow(nb, 'Load_Balancer', 'lb', { name: 'lb', vips, options, protocol: 'sctp', health_check: [check] });
  insertRow(nb, 'Load_Balancer', 't', {
    name: 't',
    vips: { 'a:b:c': '^b', '^v': 'a:b:c' },
    options: { template: 'true' },
  });
  const warnings = computeSouthbound(nb).warnings.map(({ id, message }) => `${id}: ${message}`);
  expect(warnings.sort()).toEqual([
    'bad-load-balancer: "10.0.0.1:80" of load balancer "lb" is left out: its backend "10.0.0.2" has no port number',
    'bad-load-balancer: "10.0.0.2" of load balancer "lb" is left out: its backend "10.0.0.3:80" has a port number, though the virtual address has none',
    'bad-load-balancer: "10.0.0.3" of load balancer "lb" is left out: its backend "fd00::1" is of the other IP version',
    'bad-load-balancer: "10.0.0.4:80" of load balancer "lb" is left out: its backend "y" should be an IP address and a port number',
    'bad-load-balancer: "^v" of load balancer "t" is left out: its backend "a:b:c" should be an IP address',
    'bad-load-balancer: "a:b:c" of load balancer "t" is left out: it should be a template as in ^vip, ^vip:80 or ^vip:^port',
    'bad-load-balancer: "x" of load balancer "lb" is left out: it should be an IP address, or an IP address and a port number as in 10.0.0.1:80',
    'bad-load-balancer: Load balancer "lb" is of protocol sctp, for which there are no health checks',
    'bad-load-balancer: options:neighbor_responder "some" of load balancer "lb" is taken for "reachable"',
  ]);
});

test('a router without ports or with all kinds of hostile strings does not stop the others', () => {
  const nb = northbound();
  addRouter(nb, 'hostile', {
    options: { chassis: '', lb_force_snat_ip: '\0', always_learn_from_arp_request: '\u{1f600}' },
  });
  const odd = ['', ' ', '/', ':', '::', '0', '1.2.3.4/', '/24', '1e9', '-1', '\u{1f600}', 'x'.repeat(10_000), '%s%n'];
  for (const [i, text] of odd.entries()) {
    addRouterPort(nb, 'hostile', `p${i}${text}`, i % 2 ? text : `02:00:00:00:00:${10 + i}`, [text, '10.0.0.1/24'], {
      options: { gateway_mtu: text, route_table: text },
      ipv6_ra_configs: { address_mode: 'slaac', mtu: text },
      peer: text,
    });
    addRoute(nb, 'hostile', text, text, { output_port: text, route_table: text });
    addPolicy(nb, 'hostile', i, text, 'reroute', { nexthops: [text, `${text}.`], options: { pkt_mark: text } });
    addPolicy(nb, 'hostile', i, text, text);
    addNat(nb, 'hostile', 'dnat_and_snat', text, text, { external_mac: text, logical_port: text, gateway_port: text });
  }
  addRouter(nb, 'good');
  addRouterPort(nb, 'good', 'good:p', '02:00:00:00:00:01', ['10.0.0.1/24']);
  const { southbound, warnings } = computeSouthbound(nb);
  expect(warnings.length).toBeGreaterThan(odd.length);
  expect(southbound.flows.some(({ match }) => match === 'outport == "good:p"')).toBe(true);
});

test.each(['10.0.0.1 10.0.0.2', '10.0.0.1/24', 'fd00::1 fd00::2', 'fd00::1/64', ''])(
  'a forced source that is not one address: "%s"',
  (text) => {
    const nb = northbound();
    addRouter(nb, 'g', { options: { chassis: 'n1', lb_force_snat_ip: text, dnat_force_snat_ip: '10.0.0.1 fd00::1' } });
    const { southbound, warnings } = computeSouthbound(nb);
    expect(warnings.map(({ id }) => id)).toEqual(['bad-address']);
    expect(southbound.flows.filter(({ match }) => match.includes('force_snat_for_lb'))).toEqual([]);
    expect(southbound.flows.filter(({ match }) => match.includes('force_snat_for_dnat'))).toHaveLength(2);
  },
);

test('load balancers that are not all that they could be', () => {
  const nb = northbound();
  const check = insertRow(nb, 'Load_Balancer_Health_Check', 'c', { vip: '10.0.0.5' })._uuid;
  const vips = { '10.0.0.5': '10.0.0.3,10.0.0.4,10.0.0.6' };
  const ip_port_mappings = { '10.0.0.3': 'nobody:10.0.0.2', '10.0.0.4': 'x' };
  const lb = insertRow(nb, 'Load_Balancer', 'lb', { name: 'lb', vips, ip_port_mappings, health_check: [check] });
  addRouter(nb, 'r', { load_balancer: [lb._uuid] });
  for (const i of [1, 2]) {
    addRouterPort(nb, 'r', `r:${i}`, `02:00:00:00:00:0${i}`, [`10.0.${i}.1/24`]);
    addGatewayChassis(nb, `r:${i}`, { n1: 1 });
  }
  const [first] = [...nb.Logical_Router_Port.values()].sort((a, b) => (a._uuid < b._uuid ? -1 : 1));
  const why = 'its health is to be watched, but ip_port_mappings does not say PORT:SOURCE_IP of it';
  expect(computeSouthbound(nb).warnings.map(({ id, message }) => `${id}: ${message}`)).toEqual([
    ...[3, 4, 6].map(
      (n) => `unwatched-backend: Backend 10.0.0.${n} of "10.0.0.5" of load balancer "lb" is never used: ${why}`,
    ),
    `load-balancer-at-one-gateway-port: Router "r" has load balancers and several distributed gateway ports: they balance at "${first.name}" alone`,
  ]);
});

test('a network of no address at all', () => {
  const nb = northbound();
  addRouter(nb, 'r');
  addRouterPort(nb, 'r', 'r:zero', '02:00:00:00:00:01', ['0.0.0.0/0']);
  expect(warningsOf(nb)).toEqual([
    'bad-address: r:zero: "0.0.0.0/0" in networks of router port "r:zero" is not an IP network',
  ]);
});
