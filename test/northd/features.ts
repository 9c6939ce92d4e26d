/**
 * Northbound databases that between them make use of every column and option
 * that no other topology uses: most change no flow, which is what they show.
 */
import {
  insertRow,
  type Northbound,
  type NorthboundRow,
  type NorthboundTable,
  rowUuid,
} from '../../engine/ovsdb/northbound.ts';
import { northboundKeys } from './options.ts';
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
} from './router/build.ts';

function row<T extends NorthboundTable>(nb: Northbound, table: T, name: string): NorthboundRow<T> {
  const rows: Map<string, NorthboundRow<T>> = nb[table];
  const found = rows.get(rowUuid(table, name));
  if (!found) throw new Error(`no ${table} ${name}`);
  return found;
}

function settings(nb: Northbound): NorthboundRow<'NB_Global'> {
  const [global] = nb.NB_Global.values();
  return global;
}

/** A switch and a router with something of everything, for what changes no flow. */
function small(): Northbound {
  const nb = northbound();
  for (const name of ['s', 'ext']) addSwitch(nb, name);
  addLocalnet(nb, 'ext', 'ext:ln');
  addRouter(nb, 'r', { enabled: true });
  addRouterPort(nb, 'r', 'r:s', '02:00:00:00:00:01', ['10.0.0.1/24', 'fd00::1/64'], { enabled: true });
  addRouterPort(nb, 'r', 'r:ext', '02:00:00:00:00:02', ['30.0.0.1/24']);
  attach(nb, 's', 'r:s');
  attach(nb, 'ext', 'r:ext');
  addGatewayChassis(nb, 'r:ext', { n1: 10, n2: 5 });
  addPort(nb, 's', 'p', ['02:00:00:00:00:11 10.0.0.11'], { up: true, enabled: true });
  addPort(nb, 's', 'q', ['02:00:00:00:00:12 10.0.0.12'], { up: false });
  addRoute(nb, 'r', '0.0.0.0/0', '30.0.0.254');
  addPolicy(nb, 'r', 5, 'ip4', 'allow');
  addNat(nb, 'r', 'snat', '30.0.0.1', '10.0.0.0/24');
  return nb;
}

/** NB_Global's options that are there for other parts of OVN, and how OVN is reached. */
function otherSettings(): Northbound {
  const nb = small();
  const global = settings(nb);
  global.name = 'zone';
  global.ipsec = true;
  global.external_ids = { owner: 'somebody' };
  Object.assign(global.options, {
    'bfd-min-rx': '1000',
    'bfd-decay-min-rx': '2000',
    'bfd-min-tx': '100',
    'bfd-mult': '5',
    mac_binding_removal_limit: '100',
    northd_probe_interval: '7000',
    northd_trim_timeout: '1000',
    use_parallel_build: 'true',
    lb_hairpin_use_ct_mark: 'false',
    max_tunid: '1000',
    'ic-route-adv': 'true',
    'ic-route-learn': 'true',
    'ic-route-adv-default': 'true',
    'ic-route-learn-default': 'true',
    'ic-route-blacklist': '10.0.0.0/8',
    unheardOf: 'true',
  });
  const connection = insertRow(nb, 'Connection', 'c', {
    target: 'ptcp:16641:127.0.0.1',
    max_backoff: 1000,
    inactivity_probe: 5000,
    other_config: { dscp: '48' },
    external_ids: { a: 'b' },
  });
  global.connections.push(connection._uuid);
  const ssl = insertRow(nb, 'SSL', 's', {
    private_key: 'key',
    certificate: 'certificate',
    ca_cert: 'ca',
    bootstrap_ca_cert: true,
    ssl_protocols: 'TLSv1.2',
    ssl_ciphers: 'HIGH',
    external_ids: { a: 'b' },
  });
  global.ssl = ssl._uuid;
  return nb;
}

/** Flows that several switches share are stored for each. */
function withoutGroups(): Northbound {
  const nb = small();
  settings(nb).options.use_logical_dp_groups = 'false';
  return nb;
}

/** external_ids of every table that has them, and the names beside the names. */
function identities(): Northbound {
  const nb = small();
  const switchRow = row(nb, 'Logical_Switch', 's');
  const port = row(nb, 'Logical_Switch_Port', 'p');
  const router = row(nb, 'Logical_Router', 'r');
  const routerPort = row(nb, 'Logical_Router_Port', 'r:s');
  const external_ids = { a: 'b' };
  switchRow.acls.push(insertRow(nb, 'ACL', 'a', { direction: 'from-lport', match: 'ip4', action: 'drop' })._uuid);
  switchRow.qos_rules.push(
    insertRow(nb, 'QoS', 'q', { direction: 'to-lport', match: 'ip4', action: { dscp: 3 } })._uuid,
  );
  switchRow.dns_records.push(insertRow(nb, 'DNS', 'd', { records: { 'a.b': '10.0.0.1' } })._uuid);
  const group = { name: 'f', vip: '10.0.0.9', vmac: '02:00:00:00:00:99', child_port: ['p', 'q'] };
  switchRow.forwarding_groups.push(insertRow(nb, 'Forwarding_Group', 'f', group)._uuid);
  port.dhcpv4_options = insertRow(nb, 'DHCP_Options', 'd', { cidr: '10.0.0.0/24' })._uuid;
  const mirror = { name: 'm', filter: 'from-lport', sink: '10.9.9.9', type: 'gre', index: 7 };
  port.mirror_rules.push(insertRow(nb, 'Mirror', 'm', mirror)._uuid);
  const band = insertRow(nb, 'Meter_Band', 'b', { action: 'drop', rate: 100, burst_size: 10 })._uuid;
  insertRow(nb, 'Meter', 'm', { name: 'm', unit: 'kbps', bands: [band] });
  insertRow(nb, 'Copp', 'c', { name: 'c', meters: { arp: 'm' } });
  insertRow(nb, 'Address_Set', 'as', { name: 'as', addresses: ['10.0.0.1'] });
  insertRow(nb, 'Port_Group', 'pg', { name: 'pg', ports: [port._uuid] });
  insertRow(nb, 'Chassis_Template_Var', 'n1', { chassis: 'n1', variables: { a: 'b' } });
  const bfd = { logical_port: 'r:ext', dst_ip: '30.0.0.254', min_tx: 100, min_rx: 200, detect_mult: 3 };
  insertRow(nb, 'BFD', 'b', { ...bfd, options: { a: 'b' } });
  const member = insertRow(nb, 'HA_Chassis', 'h', { chassis_name: 'n1', priority: 10 })._uuid;
  insertRow(nb, 'HA_Chassis_Group', 'h', { name: 'h', ha_chassis: [member] });
  const check = insertRow(nb, 'Load_Balancer_Health_Check', 'h', {
    vip: '10.0.0.99:80',
    options: { interval: '5', timeout: '20', success_count: '3', failure_count: '3' },
  });
  const balancer = insertRow(nb, 'Load_Balancer', 'lb', {
    name: 'lb',
    vips: { '10.0.0.99:80': '10.0.0.11:80' },
    ip_port_mappings: { '10.0.0.11': 'p:10.0.0.2' },
    health_check: [check._uuid],
    options: { ct_flush: 'true' },
  });
  switchRow.load_balancer.push(balancer._uuid);
  for (const chassis of nb.Gateway_Chassis.values()) chassis.options = { a: 'b' };
  for (const rows of Object.values<Map<string, object>>(nb)) {
    for (const one of rows.values()) if ('external_ids' in one) Object.assign(one, { external_ids });
  }
  switchRow.external_ids = { ...external_ids, 'neutron:network_name': 'blue' };
  router.external_ids = { ...external_ids, 'neutron:router_name': 'red' };
  port.external_ids = { ...external_ids, 'neutron:port_name': 'green' };
  routerPort.external_ids = { ...external_ids, 'neutron:port_name': 'grey' };
  const [route] = nb.Logical_Router_Static_Route.values();
  route.external_ids = { ...external_ids, 'ic-learned-route': rowUuid('Logical_Router_Static_Route', 'other') };
  return nb;
}

/** Every option of a DHCP server and one that DHCP does not know; a meter for every kind of packet. */
function everyDhcpOption(): Northbound {
  const nb = northbound();
  addSwitch(nb, 's');
  const numbers = [
    'T1',
    'T2',
    'arp_cache_timeout',
    'default_ttl',
    'lease_time',
    'mtu',
    'tcp_keepalive_interval',
    'tcp_ttl',
  ];
  const flags = ['ethernet_encap', 'ip_forward_enable', 'router_discovery', 'dhcpv6_stateless'];
  const texts = [
    'bootfile_name',
    'bootfile_name_alt',
    'domain_name',
    'domain_search_list',
    'hostname',
    'path_prefix',
    'wpad',
  ];
  const sample = (key: string): string => {
    if (key === 'server_mac') return '02:00:00:00:00:fe';
    if (key === 'netbios_node_type') return '8';
    if (key === 'tftp_server') return '"10.0.0.2"';
    if (key.endsWith('classless_static_route')) return '{30.0.0.0/24,10.0.0.4,0.0.0.0/0,10.0.0.1}';
    if (key === 'policy_filter') return '{10.0.0.0, 255.255.255.0}';
    if (numbers.includes(key)) return '100';
    if (flags.includes(key)) return '1';
    return texts.includes(key) || key === 'domain_search' ? `"${key}.example"` : '10.0.0.1';
  };
  const keys = northboundKeys['DHCP_Options.options'];
  const options = { ...Object.fromEntries(keys.map((key) => [key, sample(key)])), unheard_of: '7' };
  const dhcpv4_options = insertRow(nb, 'DHCP_Options', '4', { cidr: '10.0.0.0/24', options })._uuid;
  const v6 = { server_id: '02:00:00:00:00:fe', dns_server: 'fd00::1', domain_search: '"example"', unheard_of: '7' };
  const dhcpv6_options = insertRow(nb, 'DHCP_Options', '6', { cidr: 'fd00::/64', options: v6 })._uuid;
  const both = { dhcpv4_options, dhcpv6_options };
  addPort(nb, 's', 'p', ['02:00:00:00:00:01 10.0.0.11 fd00::11'], { ...both, options: { hostname: 'mine' } });
  const meters = Object.fromEntries(northboundKeys['Copp.meters'].map((protocol) => [protocol, 'm']));
  const band = insertRow(nb, 'Meter_Band', 'b', { action: 'drop', rate: 100, burst_size: 10 })._uuid;
  insertRow(nb, 'Meter', 'm', { name: 'm', unit: 'pktps', bands: [band] });
  const copp = insertRow(nb, 'Copp', 'c', { name: 'c', meters })._uuid;
  row(nb, 'Logical_Switch', 's').copp = copp;
  addRouter(nb, 'r', { copp });
  addRouterPort(nb, 'r', 'r:s', '02:00:00:00:00:fe', ['10.0.0.1/24', 'fd00::1/64'], {
    ipv6_ra_configs: { address_mode: 'slaac' },
  });
  attach(nb, 's', 'r:s');
  return nb;
}

/** What a switch port can be, and what its options say to ovn-controller. */
function everyPortOption(): Northbound {
  const nb = small();
  addPort(nb, 's', 'vif', ['02:00:00:00:00:21 10.0.0.21'], {
    options: {
      'requested-chassis': 'n1,n2',
      'activation-strategy': 'rarp',
      'iface-id-ver': '7',
      qos_min_rate: '100',
      qos_max_rate: '200',
      qos_burst: '300',
      hostname: 'h',
      'vif-plug-type': 'representor',
      'vif-plug-mtu-request': '1500',
      'vif-plug:representor:pf-mac': '02:00:00:00:00:77',
      'requested-tnl-key': '77',
      nonsense: 'true',
    },
  });
  addPort(nb, 's', 'l2', ['unknown'], {
    type: 'l2gateway',
    options: { network_name: 'physnet', 'l2gateway-chassis': 'n1' },
  });
  addPort(nb, 's', 'nested', ['02:00:00:00:00:22 10.0.0.22'], { parent_name: 'vif', tag_request: 0 });
  addPort(nb, 's', 'tagged', ['02:00:00:00:00:23 10.0.0.23'], { parent_name: 'vif', tag_request: 9 });
  addPort(nb, 's', 'alien', ['02:00:00:00:00:24 10.0.0.24'], {
    type: 'remote',
    options: { 'requested-chassis': 'n9' },
  });
  addLocalnet(nb, 'ext', 'ext:qinq', { options: { network_name: 'other', ethtype: '802.1ad' }, tag_request: 8 });
  const names: Record<string, Record<string, string>> = {
    all: { 'nat-addresses': 'router' },
    some: { 'nat-addresses': 'router', 'exclude-lb-vips-from-garp': 'true' },
    given: { 'nat-addresses': '02:00:00:00:00:02 30.0.0.5 30.0.0.6' },
    wrong: { 'nat-addresses': 'nonsense' },
  };
  for (const [i, [name, options]] of Object.entries(names).entries()) {
    addRouter(nb, name, {
      options: i === 0 ? { chassis: 'n1', 'snat-ct-zone': '7', mac_binding_age_threshold: '60' } : {},
    });
    addRouterPort(nb, name, `${name}:ext`, `02:00:00:00:07:0${i}`, [`30.0.0.10${i}/24`]);
    attach(nb, 'ext', `${name}:ext`, { options });
    if (i > 0) addGatewayChassis(nb, `${name}:ext`, { n1: 1 });
    addNat(nb, name, 'dnat_and_snat', `30.0.0.20${i}`, '10.0.0.11');
    addNat(nb, name, 'dnat_and_snat', `30.0.0.21${i}`, '10.0.0.12', {
      logical_port: 'q',
      external_mac: `02:00:00:00:08:0${i}`,
    });
    const vips = { [`30.0.0.22${i}:80`]: '10.0.0.11:80' };
    row(nb, 'Logical_Router', name).load_balancer.push(insertRow(nb, 'Load_Balancer', name, { name, vips })._uuid);
    row(nb, 'Logical_Router', name).options['requested-tnl-key'] = String(200 + i);
  }
  row(nb, 'Logical_Switch', 's').other_config = {
    'requested-tnl-key': '300',
    mcast_snoop: 'true',
    mcast_querier: 'true',
    mcast_eth_src: '02:00:00:00:00:31',
    mcast_ip4_src: '10.0.0.31',
    mcast_ip6_src: 'fe80::31',
    mcast_table_size: '100',
    mcast_idle_timeout: '200',
    mcast_query_interval: '50',
    mcast_query_max_response: '2',
  };
  return nb;
}

/** What a router port's options and router advertisements say. */
function everyRouterPortOption(): Northbound {
  const nb = small();
  const members = ['n1', 'n2'].map(
    (chassis_name, i) => insertRow(nb, 'HA_Chassis', chassis_name, { chassis_name, priority: 10 + i })._uuid,
  );
  const group = insertRow(nb, 'HA_Chassis_Group', 'g', { name: 'g', ha_chassis: members })._uuid;
  addRouter(nb, 'ha');
  addRouterPort(nb, 'ha', 'ha:ext', '02:00:00:00:05:01', ['30.0.0.51/24', 'fd30::51/64'], {
    ha_chassis_group: group,
    options: { 'redirect-type': 'overlay', 'requested-tnl-key': '55' },
  });
  attach(nb, 'ext', 'ha:ext');
  addRouterPort(nb, 'ha', 'ha:s', '02:00:00:00:05:02', ['10.0.0.51/24'], {
    options: { prefix: 'true', prefix_delegation: 'true', nonsense: 'x' },
    ipv6_prefix: ['fd55::/64'],
    ipv6_ra_configs: {
      address_mode: 'slaac',
      send_periodic: 'true',
      max_interval: '60',
      min_interval: '20',
      mtu: '1400',
      rdnss: 'fd00::53',
      dnssl: 'example',
      route_info: 'LOW-fd77::/64,HIGH-fd78::/64',
      router_preference: 'LOW',
    },
  });
  attach(nb, 's', 'ha:s');
  addPort(nb, 'ext', 'sriov', ['02:00:00:00:05:11 30.0.0.61'], { type: 'external', ha_chassis_group: group });
  const router = row(nb, 'Logical_Router', 'ha');
  router.options.mac_binding_age_threshold = '60';
  router.options['snat-ct-zone'] = '7';
  return nb;
}

/** By name: each is compared with ovn-northd's switch pipeline and with its router pipeline. */
export const featureTopologies: Readonly<Record<string, () => Northbound>> = {
  otherSettings,
  withoutGroups,
  identities,
  everyDhcpOption,
  everyPortOption,
  everyRouterPortOption,
};
