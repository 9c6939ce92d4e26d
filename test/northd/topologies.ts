/** Northbound databases that between them show every flow of the switch pipeline. */
import { insertRow, type Northbound, type NorthboundColumns, rowUuid } from '../../engine/ovsdb/northbound.ts';
import { balancerTopologies } from './balancers.ts';
import { featureTopologies } from './features.ts';
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

type Extra<T extends Parameters<typeof insertRow>[1]> = Partial<NorthboundColumns<T>>;

export function logicalSwitch(nb: Northbound, name: string) {
  const row = nb.Logical_Switch.get(rowUuid('Logical_Switch', name));
  if (!row) throw new Error(`no switch ${name}`);
  return row;
}

export function addAcl(
  nb: Northbound,
  owner: { acls: string[] },
  direction: 'from-lport' | 'to-lport',
  priority: number,
  match: string,
  action: string,
  extra: Extra<'ACL'> = {},
): void {
  const key = `${nb.ACL.size}`;
  owner.acls.push(insertRow(nb, 'ACL', key, { direction, priority, match, action, ...extra })._uuid);
}

export function addPortGroup(nb: Northbound, name: string, ports: string[]) {
  return insertRow(nb, 'Port_Group', name, {
    name,
    ports: ports.map((port) => rowUuid('Logical_Switch_Port', port)),
  });
}

export function globalOptions(nb: Northbound, options: Record<string, string>): void {
  for (const row of nb.NB_Global.values()) Object.assign(row.options, options);
}

/** All kinds of ports and addresses. */
function ports(): Northbound {
  const nb = northbound();
  addSwitch(nb, 's');
  addPort(nb, 's', 'plain', ['02:00:00:00:00:01 10.0.0.1']);
  addPort(nb, 's', 'both', ['02:00:00:00:00:02 10.0.0.2 10.0.0.22 fd00::2', '02:00:00:00:00:12 10.0.0.12']);
  addPort(nb, 's', 'macOnly', ['02:00:00:00:00:0A'], { port_security: ['02:00:00:00:00:0a 10.0.0.0/24'] });
  addPort(nb, 's', 'unknown', ['unknown']);
  addPort(nb, 's', 'unknownToo', ['02:00:00:00:00:04 10.0.0.4', 'unknown']);
  addPort(nb, 's', 'guarded', ['unknown', '02:00:00:00:00:05'], { port_security: ['02:00:00:00:00:05'] });
  addPort(nb, 's', 'off', ['02:00:00:00:00:06 10.0.0.6'], { enabled: false });
  addPort(nb, 's', 'offUnknown', ['unknown'], { enabled: false });
  addPort(nb, 's', 'local', ['02:00:00:00:00:07 10.0.0.7'], { type: 'localport' });
  addPort(nb, 's', 'child', ['02:00:00:00:00:08 10.0.0.8'], { parent_name: 'plain', tag: 42 });
  addPort(nb, 's', 'none', []);
  addPort(nb, 's', 'bad', ['no address', '02:00:00:00:00:09 10.0.0.9 rubbish 10.0.0.10']);
  addPort(nb, 's', 'orphan', ['router'], { type: 'router', options: { 'router-port': 'nowhere' } });
  addPort(nb, 's', 'vip', ['02:00:00:00:00:0c 10.0.0.50'], {
    type: 'virtual',
    options: { 'virtual-ip': '10.0.0.50', 'virtual-parents': 'plain,both,nowhere' },
  });
  addPort(nb, 's', 'vip6', ['02:00:00:00:00:0d'], {
    type: 'virtual',
    options: { 'virtual-ip': 'fd00::50', 'virtual-parents': 'plain' },
  });
  addPort(nb, 's', 'strange', ['02:00:00:00:00:0e'], { options: { 'requested-chassis': 'n1' } });
  addSwitch(nb, 'empty');
  addSwitch(nb, 'passthru', { other_config: { 'vlan-passthru': 'true' } });
  addPort(nb, 'passthru', 'tagged', ['02:00:00:00:01:01 10.1.0.1 fd00::1']);
  return nb;
}

/** Physical networks, VTEP gateways and ports outside OVN. */
function physical(): Northbound {
  const nb = northbound();
  for (const name of ['ext', 'learn', 'vtep']) addSwitch(nb, name);
  addLocalnet(nb, 'ext', 'ext:a');
  addLocalnet(nb, 'ext', 'ext:b', { tag: 7 });
  addLocalnet(nb, 'learn', 'learn:a', { options: { network_name: 'physnet', localnet_learn_fdb: 'true' } });
  addPort(nb, 'vtep', 'ramp', ['unknown'], {
    type: 'vtep',
    options: { 'vtep-physical-switch': 'p', 'vtep-logical-switch': 'l' },
  });
  addPort(nb, 'vtep', 'v1', ['02:00:00:00:0f:01 10.3.0.1']);
  const group = insertRow(nb, 'HA_Chassis_Group', 'g', { name: 'g' });
  const dhcp = insertRow(nb, 'DHCP_Options', 'd', {
    cidr: '10.2.0.0/24',
    options: { server_id: '10.2.0.1', server_mac: '02:00:00:00:02:01', lease_time: '3600' },
  });
  addPort(nb, 'ext', 'sriov', ['02:00:00:00:02:11 10.2.0.11 fd00:2::11'], {
    type: 'external',
    ha_chassis_group: group._uuid,
    dhcpv4_options: dhcp._uuid,
  });
  addPort(nb, 'ext', 'sriovToo', ['02:00:00:00:02:12 10.2.0.12', 'unknown'], {
    type: 'external',
    dhcpv4_options: dhcp._uuid,
  });
  addRouter(nb, 'r');
  addRouterPort(nb, 'r', 'r:ext', '02:00:00:00:02:01', ['10.2.0.1/24', 'fd00:2::1/64']);
  addRouterPort(nb, 'r', 'r:vtep', '02:00:00:00:03:01', ['10.3.0.1/24']);
  addRouterPort(nb, 'r', 'r:vtep2', '02:00:00:00:03:02', ['10.4.0.1/24']);
  addRouterPort(nb, 'r', 'r:vtep3', '02:00:00:00:03:03', ['10.5.0.1/24']);
  attach(nb, 'ext', 'r:ext');
  for (const port of ['r:vtep', 'r:vtep2', 'r:vtep3']) attach(nb, 'vtep', port);
  addGatewayChassis(nb, 'r:vtep', { n1: 10 });
  addGatewayChassis(nb, 'r:vtep2', { n1: 10 });
  return nb;
}

function dhcp(): Northbound {
  const nb = northbound();
  addSwitch(nb, 's');
  const v4 = insertRow(nb, 'DHCP_Options', 'v4', {
    cidr: '10.0.0.0/24',
    options: {
      server_id: '10.0.0.1',
      server_mac: '02:00:00:00:00:FF',
      lease_time: '3600',
      router: '10.0.0.1',
      mtu: '9000',
      T1: '7',
      hostname: '"all"',
      dns_server: '{1.1.1.1, 8.8.8.8}',
    },
  })._uuid;
  const incomplete = insertRow(nb, 'DHCP_Options', 'incomplete', {
    cidr: '10.0.0.0/24',
    options: { router: '10.0.0.1' },
  })._uuid;
  const bad = insertRow(nb, 'DHCP_Options', 'bad', {
    cidr: '10.0.0.0/33',
    options: { server_id: '10.0.0.1', server_mac: '02:00:00:00:00:ff', lease_time: '3600' },
  })._uuid;
  const v6 = insertRow(nb, 'DHCP_Options', 'v6', {
    cidr: 'fd00::/64',
    options: { server_id: '02:00:00:00:00:FF', dns_server: 'fd00::53' },
  })._uuid;
  const stateless = insertRow(nb, 'DHCP_Options', 'v6s', {
    cidr: 'fd00::/64',
    options: { server_id: '02:00:00:00:00:ff', dhcpv6_stateless: 'true' },
  })._uuid;
  const empty = insertRow(nb, 'DHCP_Options', 'v6e', { cidr: 'fd00::/64', options: {} })._uuid;
  addPort(nb, 's', 'one', ['02:00:00:00:00:01 10.0.0.11 fd00::11'], { dhcpv4_options: v4, dhcpv6_options: v6 });
  addPort(nb, 's', 'two', ['02:00:00:00:00:02 192.168.0.1 10.0.0.12 10.0.0.13', '02:00:00:00:00:03 10.0.0.14'], {
    dhcpv4_options: v4,
    dhcpv6_options: stateless,
    options: { hostname: '"two"' },
  });
  addPort(nb, 's', 'three', ['02:00:00:00:00:04 10.0.0.15 fd00::15'], {
    dhcpv4_options: incomplete,
    dhcpv6_options: stateless,
  });
  addPort(nb, 's', 'four', ['02:00:00:00:00:05 10.0.0.16 fd00::16'], { dhcpv4_options: bad, dhcpv6_options: empty });
  addPort(nb, 's', 'five', ['02:00:00:00:00:06'], { dhcpv4_options: v4 });
  addPort(nb, 's', 'six', ['02:00:00:00:00:07 10.0.0.17'], { dhcpv4_options: v4, enabled: false });
  addPort(nb, 's', 'seven', ['02:00:00:00:00:08 10.0.0.18', 'unknown'], { dhcpv4_options: v4 });
  return nb;
}

function eachAction(nb: Northbound, owner: { acls: string[] }, actions: string[], match: string, from: number): void {
  let priority = from;
  for (const direction of ['from-lport', 'to-lport'] as const) {
    for (const action of actions) addAcl(nb, owner, direction, priority++, match, action);
  }
}

const stateless = ['allow', 'allow-stateless', 'drop', 'reject'];

/** Switches whose ACLs follow no connection. */
function statelessAcls(): Northbound {
  const nb = northbound();
  for (const name of ['s', 't']) addSwitch(nb, name);
  addPort(nb, 's', 's1', ['02:00:00:00:00:01 10.0.0.1']);
  addPort(nb, 't', 't1', ['02:00:00:00:00:02 10.0.0.2']);
  addPort(nb, 't', 't2', ['02:00:00:00:00:03 10.0.0.3 fd00::3']);
  eachAction(nb, logicalSwitch(nb, 's'), stateless, 'ip4.src == 10.0.0.1 || tcp.dst == 80', 100);
  addAcl(nb, logicalSwitch(nb, 's'), 'from-lport', 0, 'ip6', 'drop', { options: { 'apply-after-lb': 'true' } });
  const group = addPortGroup(nb, 'pg', ['t1', 't2', 's1']);
  addAcl(nb, group, 'to-lport', 1, 'outport == @pg && ip4.src == $pg_ip4', 'drop', {
    log: true,
    name: 'no "way"',
    severity: 'alert',
  });
  addAcl(nb, group, 'from-lport', 2, 'inport == @pg', 'reject', { log: true, meter: 'slow' });
  addAcl(nb, group, 'from-lport', 3, 'inport == @pg', 'allow', { log: true, meter: 'fair', label: 7 });
  addAcl(nb, group, 'from-lport', 3, 'inport == @pg', 'allow', { log: true, meter: 'nowhere' });
  const band = insertRow(nb, 'Meter_Band', 'b', { action: 'drop', rate: 100 })._uuid;
  const band2 = insertRow(nb, 'Meter_Band', 'b2', { action: 'drop', rate: 100 })._uuid;
  insertRow(nb, 'Meter', 'slow', { name: 'slow', unit: 'pktps', bands: [band] });
  insertRow(nb, 'Meter', 'fair', { name: 'fair', unit: 'pktps', bands: [band2], fair: true });
  insertRow(nb, 'Address_Set', 'as', { name: 'as', addresses: ['10.0.0.0/8', '1.1.1.1'] });
  addAcl(nb, logicalSwitch(nb, 't'), 'from-lport', 32767, 'ip4.src == $as', 'allow-stateless', { log: true });
  addPortGroup(nb, 'lonely', []);
  return nb;
}

/** Switches whose ACLs follow connections; routers and physical networks beside them. */
function statefulAcls(): Northbound {
  const nb = northbound();
  for (const name of ['s', 't', 'u']) addSwitch(nb, name);
  for (const name of ['s', 't', 'u']) {
    const n = name.charCodeAt(0).toString(16);
    addPort(nb, name, `${name}1`, [`02:00:00:00:${n}:01 10.${n}.0.11 fd00:${n}::11`]);
    addRouterPortWithRouter(nb, name, n);
  }
  addLocalnet(nb, 's', 's:ln');
  const related = [...stateless, 'allow-related'];
  eachAction(nb, logicalSwitch(nb, 's'), related, 'tcp && tcp.dst == {22, 80}', 1000);
  addAcl(nb, logicalSwitch(nb, 's'), 'from-lport', 5, 'udp', 'allow-related', { label: 99, log: true });
  addAcl(nb, logicalSwitch(nb, 's'), 'to-lport', 6, 'icmp4', 'allow-related', {
    label: 98,
    log: true,
    name: 'ping',
    options: { 'log-related': 'true' },
  });
  addAcl(nb, logicalSwitch(nb, 's'), 'from-lport', 7, 'icmp6', 'allow', {
    label: 97,
    log: true,
    severity: 'warning',
    options: { 'log-related': 'true' },
  });
  addAcl(nb, logicalSwitch(nb, 's'), 'from-lport', 8, 'sctp', 'reject', {
    log: true,
    options: { 'apply-after-lb': 'true' },
  });
  addAcl(nb, logicalSwitch(nb, 's'), 'from-lport', 9, 'sctp', 'drop', {
    log: true,
    options: { 'apply-after-lb': 'true' },
  });
  addAcl(nb, logicalSwitch(nb, 's'), 'from-lport', 9, 'sctp', 'allow-related', {
    options: { 'apply-after-lb': 'true' },
  });
  const group = addPortGroup(nb, 'pg', ['t1']);
  addAcl(nb, group, 'to-lport', 1002, 'outport == @pg && ip4', 'allow-related');
  addAcl(nb, group, 'to-lport', 1001, 'outport == @pg && ip', 'drop');
  addAcl(nb, group, 'from-lport', 1003, 'inport == @pg && ip', 'allow-stateless');
  addDhcpAndDns(nb, 't', 't2');
  return nb;
}

function addRouterPortWithRouter(nb: Northbound, on: string, n: string): void {
  addRouter(nb, `r${on}`);
  addRouterPort(nb, `r${on}`, `r:${on}`, `02:00:00:01:${n}:01`, [`10.${n}.0.1/24`, `fd00:${n}::1/64`]);
  attach(nb, on, `r:${on}`);
}

function addDhcpAndDns(nb: Northbound, on: string, port: string): void {
  const v4 = insertRow(nb, 'DHCP_Options', `${on} v4`, {
    cidr: '10.9.0.0/24',
    options: { server_id: '10.9.0.1', server_mac: '02:00:00:00:00:ff', lease_time: '3600' },
  })._uuid;
  const v6 = insertRow(nb, 'DHCP_Options', `${on} v6`, {
    cidr: 'fd09::/64',
    options: { server_id: '02:00:00:00:00:ff' },
  })._uuid;
  addPort(nb, on, port, ['02:00:00:00:09:01 10.9.0.11 fd09::11'], { dhcpv4_options: v4, dhcpv6_options: v6 });
  const records = insertRow(nb, 'DNS', on, {
    records: { 'a.example': '10.9.0.11', 'B.example': '10.9.0.12 fd09::12' },
  });
  logicalSwitch(nb, on).dns_records.push(records._uuid);
}

/** What NB_Global's options change. */
function globals(): Northbound {
  const nb = statefulAcls();
  addSwitch(nb, 'plain');
  addPort(nb, 'plain', 'p1', ['02:00:00:00:0a:01 10.10.0.1'], { type: 'localport' });
  addPort(nb, 'plain', 'p2', ['02:00:00:00:0a:02 10.10.0.2']);
  addAcl(nb, logicalSwitch(nb, 'plain'), 'to-lport', 6, 'icmp4', 'drop');
  globalOptions(nb, {
    default_acl_drop: 'true',
    use_ct_inv_match: 'false',
    ignore_lsp_down: 'false',
    debug_drop_collector_set: '123',
    debug_drop_domain_id: '1',
  });
  return nb;
}

/** Routers on switches, their addresses and those of their NAT rules. */
function routers(): Northbound {
  const nb = northbound();
  for (const name of ['a', 'join', 'ext', 'proxy']) addSwitch(nb, name);
  addPort(nb, 'a', 'a1', ['02:00:00:00:0a:11 10.0.0.11']);
  addLocalnet(nb, 'ext', 'ext:ln');
  addRouter(nb, 'v');
  addRouter(nb, 'gw', { options: { chassis: 'n1' } });
  addRouterPort(nb, 'v', 'v:a', '02:00:00:00:0A:01', ['10.0.0.1/24', '10.0.1.1/24', 'fd00::1/64']);
  addRouterPort(nb, 'v', 'v:join', '02:00:00:00:0b:01', ['100.64.0.1/16']);
  addRouterPort(nb, 'v', 'v:ext', '02:00:00:00:0c:01', ['30.0.0.1/24']);
  addRouterPort(nb, 'v', 'v:proxy', '02:00:00:00:0d:01', ['10.5.0.1/24'], {
    options: { 'reside-on-redirect-chassis': 'true' },
  });
  addRouterPort(nb, 'gw', 'gw:join', '02:00:00:00:0b:02', ['100.64.0.2/16']);
  addRouterPort(nb, 'gw', 'gw:ext', '02:00:00:00:0c:02', ['30.0.0.2/24']);
  addRouterPort(nb, 'gw', 'gw:off', '02:00:00:00:0e:02', ['10.6.0.2/24'], { enabled: false });
  attach(nb, 'a', 'v:a');
  attach(nb, 'a', 'gw:off');
  attach(nb, 'join', 'v:join');
  attach(nb, 'join', 'gw:join');
  attach(nb, 'ext', 'v:ext');
  attach(nb, 'ext', 'gw:ext', { options: { 'nat-addresses': 'router' } });
  attach(nb, 'proxy', 'v:proxy', { options: { arp_proxy: '10.5.9.0/24 10.5.8.1 fd00:5::/64' } });
  addLocalnet(nb, 'proxy', 'proxy:ln');
  addGatewayChassis(nb, 'v:ext', { n1: 10, n2: 5 });
  addNat(nb, 'v', 'dnat_and_snat', '30.0.0.10', '10.0.0.11', { logical_port: 'a1', external_mac: '02:00:00:00:0f:01' });
  addNat(nb, 'v', 'dnat_and_snat', '30.0.0.11', '10.0.0.12');
  for (let i = 20; i < 40; i++) {
    const external_mac = `02:00:00:00:0f:${i}`;
    addNat(nb, 'v', 'dnat_and_snat', `30.0.0.${i}`, `10.0.0.${i}`, { logical_port: 'a1', external_mac });
  }
  addNat(nb, 'v', 'snat', '30.0.0.1', '10.0.0.0/24');
  addNat(nb, 'v', 'dnat', 'fd30::10', 'fd00::11');
  addNat(nb, 'gw', 'snat', '30.0.0.2', '10.0.0.0/24');
  addNat(nb, 'gw', 'dnat', '30.0.0.20', '10.0.0.13');
  return nb;
}

/** options:arp_proxy with a MAC address, and an addressless port to a router. */
function arpProxy(): Northbound {
  const nb = northbound();
  addSwitch(nb, 's');
  addRouter(nb, 'r');
  addRouterPort(nb, 'r', 'r:s', '02:00:00:00:0a:01', ['10.0.0.1/24']);
  addRouterPort(nb, 'r', 'r:t', '02:00:00:00:0b:01', ['10.1.0.1/24']);
  attach(nb, 's', 'r:s', {
    options: { arp_proxy: '0a:58:a9:fe:01:01 169.254.239.254 169.254.239.2 fe80::1 fd7b:6b4d::/32' },
  });
  addPort(nb, 's', 's-r:t', ['02:00:00:00:0b:01 10.1.0.1'], {
    type: 'router',
    options: { 'router-port': 'r:t', arp_proxy: 'rubbish' },
  });
  addLocalnet(nb, 's', 's:ln');
  addPort(nb, 's', 's1', ['02:00:00:00:00:01 10.0.0.11']);
  return nb;
}

/** IP multicast snooping, flooding and relay. */
function multicast(): Northbound {
  const nb = northbound();
  const snoop = { mcast_snoop: 'true', mcast_querier: 'false' };
  addSwitch(nb, 'snoop', { other_config: snoop });
  addSwitch(nb, 'relay', { other_config: snoop });
  addSwitch(nb, 'flood', { other_config: { ...snoop, mcast_flood_unregistered: 'true' } });
  addSwitch(nb, 'static', { other_config: { ...snoop, 'interconn-ts': 'ts' } });
  addPort(nb, 'snoop', 'm1', ['02:00:00:00:00:01 10.0.0.1']);
  addPort(nb, 'static', 'm2', ['02:00:00:00:00:02'], { options: { mcast_flood: 'true', mcast_flood_reports: 'true' } });
  addPort(nb, 'static', 'm3', ['02:00:00:00:00:03'], { type: 'remote' });
  addPort(nb, 'static', 'm4', ['02:00:00:00:00:04'], { enabled: false, options: { mcast_flood: 'true' } });
  addRouter(nb, 'r', { options: { mcast_relay: 'true' } });
  for (const [name, n] of [
    ['relay', 1],
    ['static', 2],
  ] as const) {
    addRouterPort(nb, 'r', `r:${name}`, `02:00:00:00:01:0${n}`, [`10.${n}.0.1/24`]);
    attach(nb, name, `r:${name}`);
  }
  const copp = insertRow(nb, 'Copp', 'c', { name: 'c', meters: { igmp: 'slow', 'nd-na': 'fair', dns: 'nowhere' } });
  const band = insertRow(nb, 'Meter_Band', 'b', { action: 'drop', rate: 100 })._uuid;
  const band2 = insertRow(nb, 'Meter_Band', 'b2', { action: 'drop', rate: 100 })._uuid;
  insertRow(nb, 'Meter', 'slow', { name: 'slow', unit: 'pktps', bands: [band] });
  insertRow(nb, 'Meter', 'fair', { name: 'fair', unit: 'pktps', bands: [band2], fair: true });
  addDhcpAndDns(nb, 'static', 'm5');
  logicalSwitch(nb, 'static').copp = copp._uuid;
  return nb;
}

function qos(): Northbound {
  const nb = northbound();
  addSwitch(nb, 's');
  const rules: Extra<'QoS'>[] = [
    { priority: 100, direction: 'from-lport', match: 'ip4', action: { dscp: 32 } },
    { priority: 101, direction: 'to-lport', match: 'ip4', action: { dscp: 0 } },
    { priority: 102, direction: 'from-lport', match: 'ip6', bandwidth: { rate: 100, burst: 1000 } },
    { priority: 103, direction: 'to-lport', match: 'ip6', action: { dscp: 1 }, bandwidth: { rate: 100 } },
  ];
  for (const rule of rules) {
    logicalSwitch(nb, 's').qos_rules.push(insertRow(nb, 'QoS', `${rule.priority}`, rule)._uuid);
  }
  const group = insertRow(nb, 'Forwarding_Group', 'f', {
    name: 'f',
    vip: '10.0.0.99',
    vmac: '02:00:00:00:00:99',
    liveness: true,
    child_port: ['p2', 'p1'],
  });
  logicalSwitch(nb, 's').forwarding_groups.push(group._uuid);
  addPort(nb, 's', 'p1', ['02:00:00:00:00:01']);
  addPort(nb, 's', 'p2', ['02:00:00:00:00:02']);
  return nb;
}

/** One port for each way of asking for an address. */
function addDynamicPorts(nb: Northbound, on: string): void {
  addPort(nb, on, `${on}1`, ['dynamic']);
  addPort(nb, on, `${on}2`, ['02:00:00:00:00:02 dynamic']);
  addPort(nb, on, `${on}3`, ['dynamic', 'unknown']);
  addPort(nb, on, `${on}4`, ['dynamic 10.0.0.77']);
  addPort(nb, on, `${on}5`, ['dynamic fd00::77']);
  addPort(nb, on, `${on}6`, ['dynamic 10.0.0.78 fd00::78']);
}

/** Addresses out of a subnet, some of them taken, kept, wrong or wanted twice. */
function ipam(): Northbound {
  const nb = northbound();
  const exclude = '10.0.0.2 10.0.0.5..10.0.0.9';
  addSwitch(nb, 's', { other_config: { subnet: '10.0.0.0/24', exclude_ips: exclude, ipv6_prefix: 'fd00::' } });
  addSwitch(nb, 'small', { other_config: { subnet: '10.1.0.0/29', exclude_ips: '10.1.0.3 oops' } });
  addDynamicPorts(nb, 's');
  addPort(nb, 's', 'fixed', ['02:00:00:00:00:11 10.0.0.3', '0a:00:00:00:00:05 10.0.0.77']);
  addPort(nb, 's', 'old', ['dynamic'], { dynamic_addresses: '0a:00:00:00:00:33 10.0.0.33' });
  addPort(nb, 's', 'older', ['dynamic'], { dynamic_addresses: '0b:00:00:00:00:33 10.1.0.33 fd00::5' });
  addPort(nb, 's', 'oldest', ['02:00:00:00:00:12 10.0.0.12'], { dynamic_addresses: '0a:00:00:00:00:44 10.0.0.44' });
  addPort(nb, 's', 'excluded', ['dynamic'], { dynamic_addresses: '0a:00:00:00:00:35 10.0.0.6' });
  for (let i = 0; i < 7; i++) addPort(nb, 'small', `small${i}`, ['dynamic']);
  addRouter(nb, 'r');
  addRouterPort(nb, 'r', 'r:s', '0a:00:00:00:00:04', ['10.0.0.4/24']);
  attach(nb, 's', 'r:s');
  return nb;
}

/** Addresses without a subnet, or where nothing is given out at all. */
function ipamOf(name: string, other_config: Record<string, string>): () => Northbound {
  return () => {
    const nb = northbound();
    addSwitch(nb, name, { other_config });
    addDynamicPorts(nb, name);
    const group = addPortGroup(nb, 'pg', [`${name}1`, `${name}2`, `${name}4`]);
    addAcl(nb, group, 'to-lport', 1, 'ip4.src == $pg_ip4', 'drop');
    return nb;
  };
}

/** What load balancers do to all packets of their switches. */
function loadBalancers(): Northbound {
  const nb = statefulAcls();
  addSwitch(nb, 'plain');
  addRouterPortWithRouter(nb, 'plain', '70');
  const balancer = insertRow(nb, 'Load_Balancer', 'lb', { name: 'lb', vips: { '10.9.9.9:80': '10.9.9.1:80' } });
  const idle = insertRow(nb, 'Load_Balancer', 'idle', { name: 'idle' });
  const group = insertRow(nb, 'Load_Balancer_Group', 'g', { name: 'g', load_balancer: [balancer._uuid] });
  logicalSwitch(nb, 'plain').load_balancer.push(balancer._uuid);
  logicalSwitch(nb, 's').load_balancer_group.push(group._uuid);
  logicalSwitch(nb, 'u').load_balancer.push(idle._uuid);
  return nb;
}

export const switchTopologies: Record<string, () => Northbound> = {
  ports,
  physical,
  dhcp,
  statelessAcls,
  statefulAcls,
  loadBalancers,
  ...balancerTopologies,
  ...featureTopologies,
  globals,
  routers,
  arpProxy,
  multicast,
  qos,
  ipam,
  ipamMacOnly: ipamOf('macs', { mac_only: 'true' }),
  ipamIpv6: ipamOf('six', { ipv6_prefix: 'fd06::/64' }),
  ipamNone: ipamOf('none', {}),
  ipamBad: ipamOf('bad', { subnet: '10.0.0.0/32', ipv6_prefix: 'fd00::/65', exclude_ips: 'x', mac_only: 'true' }),
};
