/** Northbound databases that between them show every southbound table that is not about flows. */
import { insertRow, type Northbound, type NorthboundColumns, rowUuid } from '../../../engine/ovsdb/northbound.ts';
import {
  addGatewayChassis,
  addLocalnet,
  addNat,
  addPort,
  addRoute,
  addRouter,
  addRouterPort,
  addSwitch,
  attach,
  northbound,
} from '../router/build.ts';

function addChassisGroup(nb: Northbound, name: string, chassis: Record<string, number>): string {
  const ha_chassis = Object.entries(chassis).map(([chassis_name, priority]) => {
    const columns = { chassis_name, priority, external_ids: { note: 'not kept' } };
    return insertRow(nb, 'HA_Chassis', `${name} ${chassis_name}`, columns)._uuid;
  });
  return insertRow(nb, 'HA_Chassis_Group', name, { name, ha_chassis, external_ids: { note: 'not kept' } })._uuid;
}

function addBalancer(
  nb: Northbound,
  on: { table: 'Logical_Switch' | 'Logical_Router'; names: string[] },
  name: string,
  columns: Partial<NorthboundColumns<'Load_Balancer'>>,
  checks: Partial<NorthboundColumns<'Load_Balancer_Health_Check'>>[] = [],
): void {
  const health_check = checks.map(
    (check, at) => insertRow(nb, 'Load_Balancer_Health_Check', `${name} ${at}`, check)._uuid,
  );
  const { _uuid } = insertRow(nb, 'Load_Balancer', name, { name, health_check, ...columns });
  for (const user of on.names) nb[on.table].get(rowUuid(on.table, user))?.load_balancer.push(_uuid);
}

/** Who may serve a port: distributed gateway ports and external ports, by groups and by gateway chassis. */
function gateways(): Northbound {
  const nb = northbound();
  addSwitch(nb, 'in');
  addSwitch(nb, 'out');
  addSwitch(nb, 'far');
  addLocalnet(nb, 'out', 'ln');
  const group = addChassisGroup(nb, 'ha', { n1: 10, n2: 20, n3: 20 });
  addChassisGroup(nb, 'unused', { n1: 1 });
  addPort(nb, 'in', 'external', ['02:00:00:00:00:01 10.0.0.1'], { type: 'external', ha_chassis_group: group });
  addPort(nb, 'in', 'alone', ['02:00:00:00:00:02 10.0.0.2'], { type: 'external' });
  addPort(nb, 'in', 'plain', ['02:00:00:00:00:03 10.0.0.3'], { ha_chassis_group: group });
  addRouter(nb, 'r');
  addRouterPort(nb, 'r', 'r-in', '02:00:00:00:01:01', ['10.0.0.254/24']);
  attach(nb, 'in', 'r-in', { options: { 'nat-addresses': 'router' } });
  addRouterPort(nb, 'r', 'r-out', '02:00:00:00:01:02', ['172.16.0.1/24', '172.16.1.1/24', 'fd00::1/64']);
  addGatewayChassis(nb, 'r-out', { n1: 5, n2: 7 });
  attach(nb, 'out', 'r-out', { options: { 'nat-addresses': 'router' } });
  addRouterPort(nb, 'r', 'r-far', '02:00:00:00:01:03', ['172.17.0.1/24'], { ha_chassis_group: group });
  attach(nb, 'far', 'r-far', { options: { 'nat-addresses': '02:00:00:00:77:77 172.17.0.9' } });
  addNat(nb, 'r', 'snat', '172.16.0.1', '10.0.0.0/24');
  addNat(nb, 'r', 'dnat_and_snat', '172.16.0.10', '10.0.0.3', {
    gateway_port: rowUuid('Logical_Router_Port', 'r-out'),
  });
  addNat(nb, 'r', 'dnat_and_snat', '172.17.0.10', '10.0.0.1');
  addRouter(nb, 'empty');
  addRouterPort(nb, 'empty', 'nobody', '02:00:00:00:02:02', ['172.18.0.1/24']);
  const vacant = insertRow(nb, 'HA_Chassis_Group', 'vacant', { name: 'vacant' })._uuid;
  addRouterPort(nb, 'empty', 'vacant', '02:00:00:00:02:03', ['172.19.0.1/24'], { ha_chassis_group: vacant });
  return nb;
}

/** What gateways announce (`nat-addresses`), by every way to ask for it. */
function announcements(): Northbound {
  const nb = northbound();
  for (const name of ['in', 'side', 'out', 'dry']) addSwitch(nb, name);
  addLocalnet(nb, 'out', 'ln');
  addPort(nb, 'in', 'vm', ['02:00:00:00:00:01 10.0.0.1']);
  addRouter(nb, 'r');
  addRouterPort(nb, 'r', 'r-in', '02:00:00:00:01:01', ['10.0.0.254/24'], {
    options: { 'reside-on-redirect-chassis': 'true' },
  });
  attach(nb, 'in', 'r-in');
  addRouterPort(nb, 'r', 'r-side', '02:00:00:00:01:03', ['10.1.0.254/24', '172.16.0.77/32']);
  attach(nb, 'side', 'r-side', { options: { 'nat-addresses': 'router', 'exclude-lb-vips-from-garp': 'true' } });
  addRouterPort(nb, 'r', 'r-out', '02:00:00:00:01:02', ['172.16.0.1/24']);
  addGatewayChassis(nb, 'r-out', { n1: 5 });
  attach(nb, 'out', 'r-out', { options: { 'nat-addresses': 'router' } });
  addNat(nb, 'r', 'snat', '172.16.0.1', '10.0.0.0/24');
  addNat(nb, 'r', 'snat', '172.16.0.77', '10.1.0.0/24');
  addNat(nb, 'r', 'dnat', '172.16.0.11', '10.0.0.1');
  addNat(nb, 'r', 'dnat_and_snat', 'fd00::10', 'fd01::1');
  addNat(nb, 'r', 'dnat_and_snat', '172.16.0.12', '10.0.0.1', {
    logical_port: 'vm',
    external_mac: '02:00:00:00:AA:01',
  });
  addBalancer(nb, { table: 'Logical_Router', names: ['r', 'gw'] }, 'lb', {
    vips: { '172.16.0.20:80': '10.0.0.1:80', '[fd00::20]:80': '[fd01::1]:80', '10.99.0.1': '10.0.0.1' },
  });
  addRouter(nb, 'gw', { options: { chassis: 'n1' }, load_balancer: [rowUuid('Load_Balancer', 'lb')] });
  addRouterPort(nb, 'gw', 'gw-out', '02:00:00:00:02:01', ['172.16.0.2/24', 'fd00::2/64']);
  attach(nb, 'out', 'gw-out', { options: { 'nat-addresses': 'router' } });
  addRouterPort(nb, 'gw', 'gw-dry', '02:00:00:00:02:02', ['172.20.0.2/24']);
  attach(nb, 'dry', 'gw-dry', { options: { 'nat-addresses': '02:00:00:00:77:77 172.20.0.9' } });
  addRouterPort(nb, 'gw', 'gw-side', '02:00:00:00:02:03', ['10.1.0.253/24']);
  attach(nb, 'side', 'gw-side', { options: { 'nat-addresses': 'rubbish' } });
  addNat(nb, 'gw', 'dnat_and_snat', '172.16.0.30', '10.0.0.1', {
    logical_port: 'vm',
    external_mac: '02:00:00:00:aa:02',
  });
  addRouter(nb, 'plain');
  addRouterPort(nb, 'plain', 'plain-side', '02:00:00:00:03:01', ['10.1.0.252/24']);
  attach(nb, 'side', 'plain-side', { options: { 'nat-addresses': 'router' } });
  return nb;
}

/** Router advertisements and prefixes: every option, with numbers out of bounds. */
function advertisements(): Northbound {
  const nb = northbound();
  addSwitch(nb, 's');
  addRouter(nb, 'r');
  const configs: Record<string, Record<string, string>> = {
    all: {
      address_mode: 'slaac',
      mtu: '1400',
      rdnss: 'fd00::53',
      dnssl: 'a.example',
      max_interval: '100',
      min_interval: '50',
      router_preference: 'HIGH',
      route_info: 'HIGH-fd05::/64',
    },
    little: { address_mode: 'dhcpv6_stateful', router_preference: 'MIDDLE', mtu: '1279' },
    long: { address_mode: 'dhcpv6_stateless', max_interval: '9999', min_interval: '9999', router_preference: 'LOW' },
    short: { address_mode: 'slaac', max_interval: '1', min_interval: '0' },
    eight: { address_mode: 'slaac', max_interval: '8', mtu: 'large' },
    wrong: { address_mode: 'sleek' },
    none: {},
  };
  for (const [at, [name, config]] of Object.entries(configs).entries()) {
    const networks = name === 'little' ? ['10.0.0.1/24'] : [`10.${at}.0.1/24`, `fd00:${at}::1/64`, `fd00:f${at}::1/48`];
    addRouterPort(nb, 'r', name, `02:00:00:00:00:0${at + 1}`, networks, {
      ipv6_ra_configs: { ...config, send_periodic: 'true' },
      options: { prefix: String(at % 2 === 0), prefix_delegation: String(at % 3 === 0) },
    });
    attach(nb, 's', name);
  }
  addRouterPort(nb, 'r', 'asked', '02:00:00:00:01:01', ['fd01::1/64'], { ipv6_ra_configs: { address_mode: 'slaac' } });
  attach(nb, 's', 'asked');
  addRouterPort(nb, 'r', 'local', '02:00:00:00:01:02', ['fe80::1/64', 'fd02::1/64'], {
    ipv6_ra_configs: { address_mode: 'slaac', send_periodic: 'true' },
    enabled: false,
    options: { prefix: 'true', prefix_delegation: 'true' },
  });
  attach(nb, 's', 'local');
  addRouterPort(nb, 'r', 'alone', '02:00:00:00:01:03', ['fd03::1/64'], {
    ipv6_ra_configs: { address_mode: 'slaac', send_periodic: 'true' },
    options: { prefix: 'true' },
  });
  return nb;
}

/** Nested ports, queues, mirrors and what else stands in a port's row. */
function ports(): Northbound {
  const nb = northbound();
  addSwitch(nb, 's');
  addSwitch(nb, 't');
  const mirrors = ['one', 'two', 'three'].map(
    (name, index) =>
      insertRow(nb, 'Mirror', name, {
        name,
        filter: index === 0 ? 'from-lport' : 'to-lport',
        type: index === 1 ? 'erspan' : 'gre',
        sink: `192.0.2.${index}`,
        index,
        external_ids: { note: 'not kept' },
      })._uuid,
  );
  addPort(nb, 's', 'vm', ['02:00:00:00:00:01'], { mirror_rules: mirrors.slice(0, 2), external_ids: { a: 'b' } });
  addPort(nb, 's', 'named', ['unknown'], { external_ids: { 'neutron:port_name': 'a name' }, up: true });
  addPort(nb, 's', 'first', [], { parent_name: 'vm', tag_request: 0 });
  addPort(nb, 't', 'second', [], { parent_name: 'third', tag_request: 0 });
  addPort(nb, 's', 'third', [], { parent_name: 'vm', tag_request: 7 });
  addPort(nb, 's', 'fourth', [], { parent_name: 'vm', tag: 1 });
  addPort(nb, 's', 'fifth', [], { parent_name: 'other', tag_request: 0 });
  addPort(nb, 's', 'asked', [], { tag_request: 9 });
  addPort(nb, 's', 'kept', [], { parent_name: 'other', tag_request: 0, tag: 77 });
  addPort(nb, 's', 'nothing', [], { tag_request: 0 });
  addLocalnet(nb, 's', 'limited', { options: { network_name: 'a', qos_max_rate: '1000' }, tag: 17 });
  addLocalnet(nb, 't', 'burst', { options: { network_name: 'b', qos_burst: '1000' } });
  addLocalnet(nb, 't', 'least', { options: { network_name: 'c', qos_min_rate: '1000' } });
  addPort(nb, 't', 'slow', [], { options: { qos_max_rate: '1', 'requested-chassis': 'n1,n2' } });
  addPort(nb, 't', 'gate', ['unknown'], {
    type: 'l2gateway',
    options: { network_name: 'd', 'l2gateway-chassis': 'n1', qos_max_rate: '1' },
  });
  return nb;
}

/** Names, meters, sessions, neighbours and variables. */
function services(): Northbound {
  const nb = northbound();
  const names: Record<string, string>[] = [
    { 'WWW.Example.com': '10.0.0.1 FD01::5', '1.0.0.10.in-addr.arpa': 'WWW.example.com' },
    { unused: '10.0.0.2' },
  ];
  for (const [at, records] of names.entries()) {
    insertRow(nb, 'DNS', String(at), { records, external_ids: { note: 'not kept' } });
  }
  const dns_records = [rowUuid('DNS', '0')];
  addSwitch(nb, 's', {
    dns_records,
    other_config: {
      mcast_snoop: 'true',
      mcast_querier: 'true',
      mcast_eth_src: '02:00:00:00:00:99',
      mcast_ip4_src: '10.0.0.254',
      mcast_ip6_src: 'fe80::1',
      mcast_idle_timeout: '100',
      mcast_query_interval: '60',
      mcast_table_size: '77',
      mcast_query_max_response: '5',
    },
  });
  addSwitch(nb, 't', {
    dns_records,
    other_config: { mcast_idle_timeout: '1', mcast_query_interval: '0', mcast_querier: 'false' },
  });
  addSwitch(nb, 'u', {
    other_config: { mcast_idle_timeout: '9999', mcast_table_size: 'many', mcast_query_interval: '9999' },
  });
  const bands = (name: string, rate: number, burst_size: number) => [
    insertRow(nb, 'Meter_Band', name, { action: 'drop', rate, burst_size })._uuid,
  ];
  insertRow(nb, 'Meter', 'fair', { name: 'fair', unit: 'pktps', fair: true, bands: bands('fair', 100, 10) });
  insertRow(nb, 'Meter', 'common', { name: 'common', unit: 'kbps', fair: false, bands: bands('common', 200, 0) });
  const acls: string[] = nb.Logical_Switch.get(rowUuid('Logical_Switch', 's'))?.acls ?? [];
  for (const [at, columns] of [
    { log: true, meter: 'fair', severity: 'info', name: 'first' },
    { log: true, meter: 'fair' },
    { log: false, meter: 'fair' },
    { log: true, meter: 'common' },
    { log: true, meter: 'none' },
  ].entries()) {
    const rule = { direction: 'to-lport', priority: 1000 + at, match: 'ip4', action: 'drop' };
    acls.push(insertRow(nb, 'ACL', String(at), { ...rule, ...columns })._uuid);
  }
  addRouter(nb, 'r');
  addRouterPort(nb, 'r', 'r-s', '02:00:00:00:00:01', ['10.0.0.1/24']);
  attach(nb, 's', 'r-s');
  const session = (name: string, columns: Partial<NorthboundColumns<'BFD'>>) =>
    insertRow(nb, 'BFD', name, { logical_port: 'r-s', external_ids: { a: 'b' }, options: { c: 'd' }, ...columns })
      ._uuid;
  const watched = session('watched', { dst_ip: '10.0.0.2' });
  const other = session('other', { dst_ip: '10.0.0.3', min_tx: 500, min_rx: 0, detect_mult: 3 });
  const far = session('far', { dst_ip: '10.9.0.3' });
  session('idle', { dst_ip: '10.0.0.4' });
  session('nowhere', { dst_ip: '10.0.0.5', logical_port: 'nowhere' });
  addRoute(nb, 'r', '10.1.0.0/24', '10.0.0.2', { bfd: watched });
  addRoute(nb, 'r', '10.2.0.0/24', '10.0.0.9', { bfd: other });
  addRoute(nb, 'r', '10.3.0.0/24', '10.9.0.3', { bfd: far });
  const mapping = { ip: '10.0.0.7', mac: '02:00:00:00:00:07' };
  insertRow(nb, 'Static_MAC_Binding', 'a', { ...mapping, logical_port: 'r-s', override_dynamic_mac: true });
  insertRow(nb, 'Static_MAC_Binding', 'b', { ...mapping, logical_port: 'nowhere' });
  insertRow(nb, 'Chassis_Template_Var', 'n1', { chassis: 'n1', variables: { a: 'b' }, external_ids: { c: 'd' } });
  insertRow(nb, 'Address_Set', 'set', { name: 'set', addresses: ['10.0.0.9', '10.0.0.8'] });
  return nb;
}

/** Load balancers of switches and routers, and the health of what stands behind them. */
function balancers(): Northbound {
  const nb = northbound();
  for (const name of ['s', 't']) addSwitch(nb, name);
  addPort(nb, 's', 'a', ['02:00:00:00:00:0a 10.0.0.10']);
  addPort(nb, 't', 'b', ['02:00:00:00:00:0b 10.0.0.11']);
  addRouter(nb, 'r');
  const both = { table: 'Logical_Switch', names: ['s', 't'] } as const;
  const one = { table: 'Logical_Switch', names: ['s'] } as const;
  addBalancer(nb, { ...both, names: [...both.names] }, 'both', {
    vips: { '10.9.0.1:80': '10.0.0.10:8080,10.0.0.11:8080' },
    protocol: 'udp',
    options: { hairpin_snat_ip: '10.9.0.99', hairpin_orig_tuple: 'false' },
    external_ids: { note: 'not kept' },
  });
  addBalancer(nb, { ...one, names: [...one.names] }, 'one', { vips: { '10.9.0.2': '10.0.0.10' } });
  addBalancer(nb, { ...one, names: [...one.names] }, 'template', {
    vips: { '^vip:^port': '^backends' },
    protocol: 'tcp',
    options: { template: 'true', 'address-family': 'ipv4' },
  });
  addBalancer(nb, { table: 'Logical_Router', names: ['r'] }, 'router', { vips: { '10.9.0.3:80': '10.0.0.10:80' } });
  const grouped = insertRow(nb, 'Load_Balancer', 'grouped', { name: 'grouped', vips: { '10.9.0.4': '10.0.0.11' } });
  const group = insertRow(nb, 'Load_Balancer_Group', 'g', { name: 'g', load_balancer: [grouped._uuid] });
  nb.Logical_Switch.get(rowUuid('Logical_Switch', 't'))?.load_balancer_group.push(group._uuid);
  addBalancer(
    nb,
    { table: 'Logical_Switch', names: [] },
    'watched',
    {
      vips: {
        '10.9.0.5:80': '10.0.0.10:80,10.0.0.11:81,10.0.0.12:82,10.0.0.13:83,10.0.0.14:84',
        '10.9.0.6': '10.0.0.10',
        '10.9.0.7:80': '10.0.0.10:80',
        '[fd00::9]:80': '[fd00::10]:80',
      },
      ip_port_mappings: {
        '10.0.0.10': 'a:10.0.0.1',
        '10.0.0.11': 'b',
        '10.0.0.12': 'nowhere:10.0.0.1',
        '10.0.0.13': 'b:nonsense',
        '[fd00::10]': 'a:[fd00::1]',
      },
    },
    [
      { vip: '10.9.0.5:80', options: { interval: '5', timeout: '20', success_count: '3', failure_count: '4' } },
      { vip: '10.9.0.6' },
      { vip: '[fd00::9]:80', options: { interval: '7' }, external_ids: { note: 'not kept' } },
    ],
  );
  addBalancer(
    nb,
    { table: 'Logical_Switch', names: [] },
    'sctp',
    { vips: { '10.9.0.8:80': '10.0.0.10:80' }, protocol: 'sctp', ip_port_mappings: { '10.0.0.10': 'a:10.0.0.1' } },
    [{ vip: '10.9.0.8:80' }],
  );
  return nb;
}

/** Groups with members on several switches, on none, and without any. */
function groups(): Northbound {
  const nb = northbound();
  for (const name of ['s', 't', 'u']) {
    addSwitch(nb, name);
    addPort(nb, name, `${name}1`, [`02:00:00:00:00:01 10.0.0.1 fd00::1`]);
    addPort(nb, name, `${name}2`, ['dynamic', 'unknown']);
  }
  const members = (...names: string[]) => names.map((name) => rowUuid('Logical_Switch_Port', name));
  insertRow(nb, 'Port_Group', 'wide', { name: 'wide', ports: members('s1', 's2', 't1') });
  insertRow(nb, 'Port_Group', 'narrow', { name: 'narrow', ports: members('u2') });
  insertRow(nb, 'Port_Group', 'empty', { name: 'empty' });
  for (const global of nb.NB_Global.values()) {
    Object.assign(global.options, { ignore_lsp_down: 'false', anything: 'else', max_tunid: '7' });
    Object.assign(global, { ipsec: true, name: 'zone', external_ids: { a: 'b' } });
  }
  return nb;
}

export const tableTopologies: Readonly<Record<string, () => Northbound>> = {
  gateways,
  announcements,
  advertisements,
  ports,
  services,
  balancers,
  groups,
};
