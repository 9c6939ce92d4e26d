/**
 * Random switches: few names and few addresses, so that ports, ACLs, groups and
 * dynamic addresses meet, and now and then something that is wrong.
 */
import fc from 'fast-check';
import { insertRow, type Northbound, rowUuid } from '../../engine/ovsdb/northbound.ts';
import { northboundKeys } from './options.ts';
import {
  addGatewayChassis,
  addLocalnet,
  addNat,
  addPort,
  addRouter,
  addRouterPort,
  addSwitch,
  attach,
  northbound,
} from './router/build.ts';
import { addAcl, addPortGroup, globalOptions, logicalSwitch } from './topologies.ts';

const switches = ['s0', 's1', 's2'];
const digit = fc.integer({ min: 1, max: 9 });

/** Each option is there or not. */
function options(values: Record<string, string[]>): fc.Arbitrary<Record<string, string>> {
  const model = Object.fromEntries(
    Object.entries(values).map(([key, choices]) => [key, fc.option(fc.constantFrom(...choices), { nil: '' })] as const),
  );
  return fc
    .record(model)
    .map((chosen) => Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== '')));
}

const address = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(
        digit,
        fc.array(
          fc.oneof(
            digit.map((n) => `10.0.0.${n}`),
            digit.map((n) => `fd00::${n}`),
          ),
          { maxLength: 3 },
        ),
      )
      .map(([n, ips]) => [`02:00:00:00:00:0${n}`, ...ips].join(' ')),
  },
  { weight: 2, arbitrary: fc.constant('unknown') },
  {
    weight: 4,
    arbitrary: fc.oneof(
      fc.constantFrom('dynamic', 'router', '0a:00:00:00:00:09 dynamic', '2:0:0:0:0:A dynamic'),
      digit.map((n) => `dynamic 10.0.0.${n}`),
      digit.map((n) => `dynamic fd00::${n}`),
      digit.map((n) => `dynamic 10.0.0.${n} fd00::${n}`),
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom('', 'nonsense', '02:00:00:00:00:0A 10.0.0.300 10.0.0.1', 'dynamic x') },
);

const port = fc.record({
  on: fc.constantFrom(...switches),
  type: fc.oneof(
    { weight: 6, arbitrary: fc.constant('') },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        'localport',
        'localnet',
        'virtual',
        'external',
        'vtep',
        'remote',
        'router',
        'l2gateway',
        'odd',
      ),
    },
  ),
  addresses: fc.uniqueArray(address, { maxLength: 3 }),
  security: fc.uniqueArray(address, { maxLength: 2 }),
  enabled: fc.constantFrom(undefined, undefined, true, false),
  dynamic: fc.constantFrom(
    undefined,
    undefined,
    '0a:00:00:00:00:05 10.0.0.5',
    '0b:00:00:00:00:06 10.0.0.6 fd00::6',
    'bad',
  ),
  dhcpv4: fc.constantFrom(undefined, 0, 1, 2),
  dhcpv6: fc.constantFrom(undefined, 0, 1, 2),
  options: options({
    hostname: ['"h"'],
    localnet_learn_fdb: ['true'],
    mcast_flood: ['true'],
    mcast_flood_reports: ['true'],
    'virtual-ip': ['10.0.0.9', 'fd00::9', 'x'],
    'virtual-parents': ['p0', 'p0,p1', 'nobody'],
    'requested-tnl-key': ['7', '9'],
    arp_proxy: ['10.0.9.0/24', 'fd00::', 'nonsense'],
    'router-port': ['r:own', 'g:own', 'nowhere'],
    'nat-addresses': ['router', '02:00:00:00:00:01 10.0.0.1'],
    'requested-chassis': ['n1', 'n1,n2'],
  }),
  parent: fc.constantFrom(undefined, undefined, undefined, 'p0'),
  tag: fc.constantFrom(undefined, undefined, 7),
});

const qos = fc.record({
  direction: fc.constantFrom('from-lport', 'to-lport'),
  priority: fc.integer({ min: 0, max: 3 }),
  match: fc.constantFrom('ip4', '1', 'inport == "p0"'),
  dscp: fc.constantFrom(undefined, 0, 63),
  rate: fc.constantFrom(undefined, undefined, 100),
  burst: fc.constantFrom(undefined, 7),
});

const acl = fc.record({
  direction: fc.constantFrom('from-lport' as const, 'to-lport' as const),
  priority: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constant(32767)),
  match: fc.constantFrom('ip4', 'tcp.dst == 80', '1', 'inport == @g0', 'ip4.src == $g1_ip4'),
  action: fc.constantFrom('allow', 'allow-related', 'allow-stateless', 'drop', 'reject'),
  log: fc.boolean(),
  name: fc.constantFrom(undefined, 'n'),
  severity: fc.constantFrom(undefined, 'debug', 'alert', 'info', 'notice', 'warning'),
  meter: fc.constantFrom(undefined, 'm', 'fair', 'nobody'),
  label: fc.constantFrom(0, 0, 7),
  options: options({ 'apply-after-lb': ['true'], 'log-related': ['true'] }),
});

const logicalSwitchMade = fc.record({
  acls: fc.array(acl, { maxLength: 3 }),
  config: options({
    mcast_snoop: ['true'],
    mcast_flood_unregistered: ['true'],
    'vlan-passthru': ['true'],
    'interconn-ts': ['ts'],
    mcast_querier: ['false', 'true'],
    'requested-tnl-key': ['9'],
  }),
  qos: fc.array(qos, { maxLength: 2 }),
  /** One at most: with several ovn-northd may skip some or never end. */
  forwards: fc.option(fc.record({ liveness: fc.boolean(), ports: fc.subarray(['p1', 'p0', 'p2']) }), {
    nil: undefined,
  }),
  dns: fc.boolean(),
  copp: fc.boolean(),
  /** Attached to the distributed router, to the gateway router, with a gateway port. */
  routers: fc.record({
    distributed: fc.boolean(),
    gateway: fc.boolean(),
    redirect: fc.boolean(),
    enabled: fc.boolean(),
  }),
  localnet: fc.boolean(),
});

// Not a subnet whose broadcast address a port asks for: ovn-northd changes its mind with every look.
const ipam = options({
  subnet: ['10.0.0.0/24', '10.0.0.0/28', '10.0.0.0/32', 'x'],
  exclude_ips: ['10.0.0.2..10.0.0.4', '10.0.0.3 10.0.0.5', '9.9.9.9 10.0.0.2', '10.0.0.4 x 10.0.0.5'],
  ipv6_prefix: ['fd00::', 'fd00::/64', 'fd00::/65', 'x'],
  mac_only: ['true'],
});

/** What a random database is made of: small enough to shrink well. */
export const randomSwitches = fc.record({
  switches: fc.tuple(logicalSwitchMade, logicalSwitchMade, logicalSwitchMade),
  /** Of the first switch alone: who is served first of several switches is arbitrary in ovn-northd. */
  ipam,
  ports: fc.array(port, { maxLength: 7 }),
  groups: fc.array(
    fc.record({ ports: fc.uniqueArray(fc.integer({ min: 0, max: 6 })), acls: fc.array(acl, { maxLength: 2 }) }),
    {
      maxLength: 2,
    },
  ),
  nats: fc.array(
    fc.record({
      type: fc.constantFrom('snat', 'dnat', 'dnat_and_snat'),
      external: fc.constantFrom('10.0.0.8', '30.0.0.1', 'fd00::8', 'nonsense'),
      port: fc.constantFrom(undefined, 'p0'),
      mac: fc.constantFrom(undefined, '02:00:00:00:99:01', '02:00:00:00:99:02', '02:00:00:00:99:0A'),
    }),
    { maxLength: 3 },
  ),
  globals: options({
    default_acl_drop: ['true'],
    use_ct_inv_match: ['false'],
    ignore_lsp_down: ['false'],
    debug_drop_collector_set: ['1', '4294967295'],
    debug_drop_domain_id: ['254', '255'],
    use_logical_dp_groups: ['false'],
  }),
  limited: fc.subarray(northboundKeys['Copp.meters'] as string[]),
});

type Made<T> = T extends fc.Arbitrary<infer V> ? V : never;

/** The database of a random value. */
export function northboundOf(made: Made<typeof randomSwitches>): Northbound {
  const nb = northbound();
  globalOptions(nb, made.globals);
  addMeters(nb, made.limited);
  addDhcpOptions(nb);
  addRouter(nb, 'r');
  addRouter(nb, 'g', { options: { chassis: 'n1' } });
  for (const [i, one] of made.switches.entries()) addMadeSwitch(nb, `s${i}`, one, i === 0 ? made.ipam : {});
  for (const [i, one] of made.ports.entries()) addMadePort(nb, `p${i}`, one);
  for (const [i, { ports, acls }] of made.groups.entries()) {
    const group = addPortGroup(
      nb,
      `g${i}`,
      ports.filter((n) => n < made.ports.length).map((n) => `p${n}`),
    );
    for (const { direction, priority, match, action, ...rest } of acls) {
      addAcl(nb, group, direction, priority, match, action, rest);
    }
  }
  for (const { type, external, port: logical_port, mac: external_mac } of made.nats) {
    addNat(nb, 'r', type, external, '10.0.0.7', { logical_port, external_mac });
  }
  return nb;
}

function addMeters(nb: Northbound, limited: readonly string[]): void {
  for (const [name, fair] of [
    ['m', false],
    ['fair', true],
  ] as const) {
    const band = insertRow(nb, 'Meter_Band', name, { action: 'drop', rate: 10 });
    insertRow(nb, 'Meter', name, { name, unit: 'pktps', bands: [band._uuid], fair });
  }
  insertRow(nb, 'Copp', 'c', {
    name: 'c',
    meters: Object.fromEntries(limited.map((protocol, i) => [protocol, ['m', 'fair', 'nobody'][i % 3]])),
  });
}

const server: Record<string, string> = { server_id: '10.0.0.1', server_mac: '02:00:00:00:00:ff', lease_time: '60' };

function addDhcpOptions(nb: Northbound): void {
  const v4: { cidr: string; options: Record<string, string> }[] = [
    { cidr: '10.0.0.0/24', options: { ...server, mtu: '1500', router: '10.0.0.1' } },
    { cidr: '10.0.0.0/24', options: { router: '10.0.0.1' } },
    { cidr: 'x', options: server },
  ];
  const v6: { cidr: string; options: Record<string, string> }[] = [
    { cidr: 'fd00::/64', options: { server_id: '02:00:00:00:00:ff', dns_server: 'fd00::1' } },
    { cidr: 'fd00::/64', options: { server_id: '02:00:00:00:00:ff', dhcpv6_stateless: 'true' } },
    { cidr: 'fd00::/64', options: { server_id: 'x' } },
  ];
  for (const [i, row] of v4.entries()) insertRow(nb, 'DHCP_Options', `4${i}`, row);
  for (const [i, row] of v6.entries()) insertRow(nb, 'DHCP_Options', `6${i}`, row);
}

function addMadeSwitch(
  nb: Northbound,
  name: string,
  made: Made<typeof logicalSwitchMade>,
  ipamConfig: Record<string, string>,
): void {
  const copp = made.copp ? rowUuid('Copp', 'c') : undefined;
  addSwitch(nb, name, { other_config: { ...made.config, ...ipamConfig }, copp });
  for (const { direction, priority, match, action, ...rest } of made.acls) {
    addAcl(nb, logicalSwitch(nb, name), direction, priority, match, action, rest);
  }
  for (const [i, { dscp, rate, burst, ...rule }] of made.qos.entries()) {
    const action: Record<string, number> = dscp === undefined ? {} : { dscp };
    const bandwidth = {
      ...(rate !== undefined && { rate }),
      ...(rate !== undefined && burst !== undefined && { burst }),
    };
    const row = insertRow(nb, 'QoS', `${name} ${i}`, { ...rule, action, bandwidth });
    logicalSwitch(nb, name).qos_rules.push(row._uuid);
  }
  if (made.forwards && made.forwards.ports.length > 0) {
    const { liveness, ports: child_port } = made.forwards;
    const group = { name, vip: '10.0.0.99', vmac: '02:00:00:00:00:99', liveness, child_port };
    logicalSwitch(nb, name).forwarding_groups.push(insertRow(nb, 'Forwarding_Group', name, group)._uuid);
  }
  if (made.dns) {
    const records = insertRow(nb, 'DNS', name, { records: { 'a.example': '10.0.0.1' } });
    logicalSwitch(nb, name).dns_records.push(records._uuid);
  }
  if (made.localnet) addLocalnet(nb, name, `${name}:ln`);
  const n = Number(name.slice(1)) + 1;
  for (const [router, wanted] of [
    ['r', made.routers.distributed],
    ['g', made.routers.gateway],
  ] as const) {
    const lrp = `${router}:${name}`;
    addRouterPort(
      nb,
      router,
      lrp,
      `02:00:00:0${n}:00:0${router === 'r' ? 1 : 2}`,
      [`10.${n}.0.1/24`, `fd0${n}::1/64`],
      {
        enabled: made.routers.enabled ? undefined : false,
        options: { 'reside-on-redirect-chassis': n === 2 ? 'true' : 'false' },
      },
    );
    if (wanted) attach(nb, name, lrp);
    if (router === 'r' && made.routers.redirect) addGatewayChassis(nb, lrp, { n1: 1 });
  }
}

function addMadePort(nb: Northbound, name: string, made: Made<typeof port>): void {
  const given = made.type === 'localnet' ? { ...made.options, network_name: 'physnet' } : made.options;
  const lrp = given['router-port'];
  // Which of two switch ports a router port belongs to is arbitrary in ovn-northd: each gets its own.
  const options = lrp === undefined ? given : { ...given, 'router-port': `${lrp}:${name}` };
  if (lrp === 'r:own' || lrp === 'g:own') {
    addRouterPort(nb, lrp[0], `${lrp}:${name}`, `02:00:00:0a:00:0${name.slice(1)}`, ['10.0.0.9/24', 'fd00::9/64']);
  }
  addPort(nb, made.on, name, made.addresses, {
    type: made.type,
    port_security: made.security,
    enabled: made.enabled,
    dynamic_addresses: made.dynamic,
    dhcpv4_options: made.dhcpv4 === undefined ? undefined : rowUuid('DHCP_Options', `4${made.dhcpv4}`),
    dhcpv6_options: made.dhcpv6 === undefined ? undefined : rowUuid('DHCP_Options', `6${made.dhcpv6}`),
    parent_name: made.parent === name ? undefined : made.parent,
    tag: made.parent === undefined || made.parent === name ? undefined : made.tag,
    tag_request: made.type === 'localnet' ? made.tag : undefined,
    options,
  });
}
