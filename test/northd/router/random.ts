/**
 * Random routers: few names, few networks and few addresses, so that routes,
 * NAT rules and neighbours meet, and now and then something that is wrong.
 */
import fc from 'fast-check';
import { insertRow, type Northbound, rowUuid } from '../../../engine/ovsdb/northbound.ts';
import { northboundKeys } from '../options.ts';
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

const switches = ['s0', 's1', 's2'];
const octet = fc.integer({ min: 0, max: 3 });

/** An address in one of a few small networks. */
const host4 = fc.tuple(octet, fc.integer({ min: 1, max: 6 })).map(([net, host]) => `10.0.${net}.${host}`);
const host6 = fc.tuple(octet, fc.integer({ min: 1, max: 6 })).map(([net, host]) => `fd0${net}::${host}`);
const host = fc.oneof({ weight: 3, arbitrary: host4 }, { weight: 1, arbitrary: host6 });
const network4 = fc.tuple(host4, fc.constantFrom(8, 16, 24, 24, 24, 30, 32)).map(([ip, length]) => `${ip}/${length}`);
const network6 = fc.tuple(host6, fc.constantFrom(16, 64, 64, 128)).map(([ip, length]) => `${ip}/${length}`);
const network = fc.oneof({ weight: 3, arbitrary: network4 }, { weight: 1, arbitrary: network6 });
const nonsense = fc.constantFrom('nonsense', '', '10.0.0.0/33', '10.0.1', '10.0.0.1 10.0.0.2');

function mostly<T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 30, arbitrary: usual }, { weight: 1, arbitrary: odd });
}

/** Options of which each is there or not. */
function options(values: Record<string, string[]>): fc.Arbitrary<Record<string, string>> {
  const model = Object.fromEntries(
    Object.entries(values).map(([key, choices]) => [key, fc.constantFrom(...choices)] as const),
  );
  return fc.record(model, { requiredKeys: [] }).map((chosen) => ({ ...chosen }) as Record<string, string>);
}

const vif = fc.record({
  type: fc.constantFrom('', '', '', 'localport', 'external', 'virtual', 'vtep', 'remote'),
  /** Not in a network of several routers: which of them resolves it is arbitrary in ovn-northd. */
  virtual: fc.constantFrom('172.16.0.1', 'nonsense'),
  on: fc.constantFrom(...switches),
  ips: fc.uniqueArray(host, { maxLength: 3 }),
  unknown: fc.boolean(),
  enabled: fc.constantFrom(undefined, true, false),
});

const routerPort = fc.record({
  /** The switch it is attached to; `peer` is the port of that number of the next router. */
  to: fc.oneof(fc.constantFrom(...switches), fc.constant(undefined), fc.constant('peer')),
  networks: mostly(fc.uniqueArray(network, { minLength: 1, maxLength: 3 }), fc.tuple(nonsense)),
  enabled: fc.constantFrom(undefined, undefined, undefined, true, false),
  gateway: fc.constantFrom(undefined, undefined, undefined, undefined, 'chassis', 'group'),
  options: options({
    gateway_mtu: ['1500', '0', 'nonsense'],
    gateway_mtu_bypass: ['tcp'],
    route_table: ['red', 'blue'],
    mcast_flood: ['true'],
    'redirect-type': ['bridged', 'overlay'],
    'reside-on-redirect-chassis': ['true'],
    prefix_delegation: ['true'],
    prefix: ['true'],
  }),
  ra: options({
    rdnss: ['fd00::53'],
    dnssl: ['example'],
    route_info: ['HIGH-fd00::/64'],
    send_periodic: ['true'],
    address_mode: ['slaac', 'dhcpv6_stateless', 'nonsense'],
    mtu: ['1400'],
    router_preference: ['LOW'],
  }),
});

const route = fc.record({
  prefix: mostly(fc.oneof(network, fc.constantFrom('0.0.0.0/0', '::/0', '10.0.0.0/14')), nonsense),
  nexthop: mostly(fc.oneof(host, fc.constant('discard')), nonsense),
  policy: fc.constantFrom(undefined, 'dst-ip', 'src-ip'),
  table: fc.constantFrom('', '', 'red', 'green'),
  output: fc.constantFrom(undefined, undefined, 0, 1, 2),
  options: options({ ecmp_symmetric_reply: ['true'], origin: ['connected'] }),
  bfd: fc.constantFrom(undefined, undefined, undefined, 'up', 'down', 'unknown'),
});

const policy = fc.record({
  priority: fc.integer({ min: 0, max: 5 }),
  match: fc.constantFrom('ip4', 'ip6', '1', 'ip4.dst == 10.0.1.0/24', 'inport == "r0:p0"'),
  action: fc.constantFrom('allow', 'drop', 'reroute', 'reroute'),
  nexthop: fc.option(host, { nil: undefined }),
  nexthops: fc.uniqueArray(host, { maxLength: 3 }),
  options: options({ pkt_mark: ['1', '0', '-1', '4294967295', '4294967296', 'nonsense'] }),
});

const nat = fc.record({
  type: fc.constantFrom('snat', 'dnat', 'dnat_and_snat'),
  external: mostly(host, nonsense),
  logical: mostly(fc.oneof(host, network), nonsense),
  range: fc.constantFrom('', '', '1-100'),
  port: fc.constantFrom(undefined, 'v0'),
  mac: fc.constantFrom(undefined, '02:00:00:00:99:01', 'nonsense'),
  gateway: fc.constantFrom(undefined, undefined, 0, 1),
  options: options({ stateless: ['true'], add_route: ['true'] }),
  peers: fc.constantFrom(undefined, undefined, undefined, 'allowed_ext_ips', 'exempted_ext_ips'),
});

const router = fc.record({
  options: options({
    chassis: ['n1'],
    always_learn_from_arp_request: ['true', 'false'],
    dynamic_neigh_routers: ['true', 'false'],
    mcast_relay: ['true'],
    dnat_force_snat_ip: ['10.0.0.1', '10.0.1.1 fd01::1'],
    lb_force_snat_ip: ['10.0.2.1', 'router_ip'],
  }),
  enabled: fc.constantFrom(undefined, undefined, undefined, undefined, false),
  copp: fc.boolean(),
  ports: fc.array(routerPort, { maxLength: 3 }),
  routes: fc.array(route, { maxLength: 6 }),
  policies: fc.array(policy, { maxLength: 4 }),
  nat: fc.array(nat, { maxLength: 4 }),
});

/** What a random database is made of: small enough to shrink well. */
export const randomRouters = fc.record({
  routers: fc.array(router, { minLength: 1, maxLength: 4 }),
  vifs: fc.array(vif, { maxLength: 5 }),
  localnets: fc.uniqueArray(fc.constantFrom(...switches)),
  tagged: fc.boolean(),
  globals: options({ debug_drop_collector_set: ['3'], use_logical_dp_groups: ['false'] }),
  limited: fc.subarray(northboundKeys['Copp.meters'] as string[]),
});

type Made<T> = T extends fc.Arbitrary<infer V> ? V : never;

/** The database of a random value. */
export function northboundOf(made: Made<typeof randomRouters>): Northbound {
  const { routers, vifs, localnets, tagged } = made;
  const nb = northbound();
  for (const row of nb.NB_Global.values()) Object.assign(row.options, made.globals);
  const band = insertRow(nb, 'Meter_Band', 'm', { action: 'drop', rate: 10 })._uuid;
  insertRow(nb, 'Meter', 'm', { name: 'm', unit: 'pktps', bands: [band] });
  insertRow(nb, 'Copp', 'c', {
    name: 'c',
    meters: Object.fromEntries(made.limited.map((protocol) => [protocol, 'm'])),
  });
  insertRow(nb, 'HA_Chassis_Group', 'g', { name: 'g' });
  insertRow(nb, 'Address_Set', 'peers', { name: 'peers', addresses: ['1.2.3.4'] });
  for (const name of switches) addSwitch(nb, name);
  for (const on of localnets) addLocalnet(nb, on, `${on}:physnet`, tagged ? { tag_request: 7 } : {});
  for (const [i, { on, ips, unknown, enabled, type, virtual }] of vifs.entries()) {
    const own = [`02:00:00:00:aa:0${i}`, ...ips].join(' ');
    const options: Record<string, string> =
      type === 'virtual' ? { 'virtual-ip': virtual, 'virtual-parents': 'v0,v1' } : {};
    addPort(nb, on, `v${i}`, unknown ? [own, 'unknown'] : [own], { enabled, type, options });
  }
  for (const [i, made] of routers.entries()) addRandomRouter(nb, i, made, routers.length);
  return nb;
}

function addRandomRouter(nb: Northbound, i: number, made: Made<typeof router>, count: number): void {
  const name = `r${i}`;
  const copp = made.copp ? rowUuid('Copp', 'c') : undefined;
  addRouter(nb, name, { options: made.options, enabled: made.enabled, copp });
  const rows = made.ports.map((port, p) => {
    const lrp = `${name}:p${p}`;
    addRouterPort(nb, name, lrp, `02:00:00:00:0${i}:0${p}`, port.networks, {
      enabled: port.enabled,
      // ovn-northd's choice of keys is arbitrary, and symmetric ECMP replies mention them.
      options: { ...port.options, 'requested-tnl-key': String(10 + p) },
      ipv6_ra_configs: port.ra,
      ha_chassis_group: port.gateway === 'group' ? rowUuid('HA_Chassis_Group', 'g') : undefined,
      peer: port.to === 'peer' ? `r${(i + 1) % count}:p${p}` : undefined,
    });
    if (port.gateway === 'chassis') addGatewayChassis(nb, lrp, { n1: 1 });
    if (port.to !== undefined && port.to !== 'peer') attach(nb, port.to, lrp);
    return [...nb.Logical_Router_Port.values()].at(-1)?._uuid;
  });
  for (const { prefix, nexthop, policy: by, table, output, options: with_, bfd } of made.routes) {
    const output_port = output === undefined ? undefined : `${name}:p${output}`;
    const session = bfd && insertSession(nb, output_port ?? `${name}:p0`, nexthop, bfd);
    addRoute(nb, name, prefix, nexthop, { policy: by, route_table: table, output_port, options: with_, bfd: session });
  }
  for (const { priority, match, action, ...rest } of made.policies) addPolicy(nb, name, priority, match, action, rest);
  for (const rule of made.nat) {
    addNat(nb, name, rule.type, rule.external, rule.logical, {
      external_port_range: rule.range,
      logical_port: rule.port,
      external_mac: rule.mac,
      gateway_port: rule.gateway === undefined ? undefined : rows[rule.gateway],
      options: rule.options,
      ...(rule.peers && { [rule.peers]: rowUuid('Address_Set', 'peers') }),
    });
  }
}

/** The BFD session with a neighbour: there is one at most. */
function insertSession(nb: Northbound, logical_port: string, dst_ip: string, status: string): string {
  const key = `${logical_port} ${dst_ip}`;
  const uuid = rowUuid('BFD', key);
  if (!nb.BFD.has(uuid))
    insertRow(nb, 'BFD', key, { logical_port, dst_ip, status: status === 'unknown' ? undefined : status });
  return uuid;
}
