import { describe, expect, test } from 'vitest';
import { computeSouthbound, formatWarning } from '../../engine/northd/index.ts';
import { lflowList } from '../../engine/northd/lflow-list.ts';
import { emptyNorthbound, insertRow, type Northbound } from '../../engine/ovsdb/northbound.ts';
import { addPort, addRouter, addRouterPort, addSwitch, attach, northbound } from './router/build.ts';
import { addAcl, addPortGroup, globalOptions, logicalSwitch, switchTopologies } from './topologies.ts';

function warningIds(nb: Northbound): string[] {
  return computeSouthbound(nb).warnings.map(({ id }) => id);
}

function keysOf(nb: Northbound): Record<string, number> {
  const { southbound } = computeSouthbound(nb);
  const datapaths = southbound.datapaths.map(({ name, tunnelKey }) => [name, tunnelKey]);
  const ports = southbound.ports.map(({ logicalPort, tunnelKey }) => [logicalPort, tunnelKey]);
  return Object.fromEntries([...datapaths, ...ports]);
}

test('an empty database has no flows', () => {
  const { southbound, warnings } = computeSouthbound(emptyNorthbound());
  expect(southbound.flows).toEqual([]);
  expect(lflowList(southbound)).toBe('');
  expect(warnings).toEqual([]);
});

describe('the same database, the same answer', () => {
  /** `nb` with the rows of every table in the opposite order. */
  function reversed(nb: Northbound): Northbound {
    const tables = Object.entries<Map<string, unknown>>(nb).map(([table, rows]) => [
      table,
      new Map([...rows].reverse()),
    ]);
    return Object.fromEntries(tables) as Northbound;
  }

  for (const [name, make] of Object.entries(switchTopologies)) {
    test(name, () => {
      const one = computeSouthbound(make()).southbound;
      const { southbound: other } = computeSouthbound(reversed(make()));
      expect(other.flows).toEqual(one.flows);
      expect(other.datapaths).toEqual(one.datapaths);
      expect(other.ports).toEqual(one.ports);
      expect(other.multicastGroups).toEqual(one.multicastGroups);
    });
  }
});

test('the database stays as it was', () => {
  for (const make of Object.values(switchTopologies)) {
    const nb = make();
    computeSouthbound(nb);
    expect(nb).toEqual(make());
  }
});

test('every flow, datapath, port and group has a UUID of its own', () => {
  for (const make of Object.values(switchTopologies)) {
    const { flows, datapaths, ports, multicastGroups } = computeSouthbound(make()).southbound;
    for (const rows of [flows, datapaths, ports, multicastGroups]) {
      const uuids = rows.map(({ uuid }) => uuid);
      expect(new Set(uuids).size).toBe(uuids.length);
      for (const uuid of uuids)
        expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
  }
});

describe('tunnel keys', () => {
  test('are counted in order of names', () => {
    const nb = northbound();
    for (const name of ['b', 'a']) addSwitch(nb, name);
    addRouter(nb, 'r');
    for (const name of ['p2', 'p1']) addPort(nb, 'a', name, []);
    expect(keysOf(nb)).toEqual({ a: 1, b: 2, r: 3, p1: 1, p2: 2 });
  });

  test('that are requested come first, and once', () => {
    const nb = northbound();
    addSwitch(nb, 'a');
    addSwitch(nb, 'b', { other_config: { 'requested-tnl-key': '1' } });
    addSwitch(nb, 'c', { other_config: { 'requested-tnl-key': '1' } });
    addPort(nb, 'a', 'p1', []);
    addPort(nb, 'a', 'p2', [], { options: { 'requested-tnl-key': '1' } });
    expect(keysOf(nb)).toEqual({ a: 2, b: 1, c: 3, p1: 2, p2: 1 });
    expect(warningIds(nb)).toEqual(['tunnel-key-taken']);
  });
});

describe('what is passed over is told', () => {
  test('ports of one name', () => {
    const nb = northbound();
    for (const name of ['a', 'b']) addSwitch(nb, name);
    addPort(nb, 'a', 'p', ['02:00:00:00:00:01']);
    const twin = insertRow(nb, 'Logical_Switch_Port', 'twin', { name: 'p', addresses: ['02:00:00:00:00:02'] });
    logicalSwitch(nb, 'b').ports.push(twin._uuid);
    expect(warningIds(nb)).toEqual(['duplicate-port']);
    expect(computeSouthbound(nb).southbound.ports).toHaveLength(1);
  });

  test('references that lead nowhere', () => {
    const nb = northbound();
    addSwitch(nb, 's', { ports: ['gone'], acls: ['gone'], qos_rules: ['gone'], dns_records: ['gone'], copp: 'gone' });
    addPort(nb, 's', 'p', ['02:00:00:00:00:01 10.0.0.1'], { dhcpv4_options: 'gone', dhcpv6_options: 'gone' });
    addPort(nb, 's', 'q', ['router'], { type: 'router', options: { 'router-port': 'gone' } });
    const group = addPortGroup(nb, 'g', ['gone', 'p']);
    group.acls.push('gone');
    addRouter(nb, 'r', { ports: ['gone'], nat: ['gone'], load_balancer: ['gone'], load_balancer_group: ['gone'] });
    const { southbound, warnings } = computeSouthbound(nb);
    expect(warnings.map(({ id }) => id)).toEqual(['no-peer']);
    expect(southbound.portGroups).toEqual(new Map([['g', ['p']]]));
  });

  test('two switch ports of one router port', () => {
    const nb = northbound();
    for (const name of ['a', 'b']) addSwitch(nb, name);
    addRouter(nb, 'r');
    addRouterPort(nb, 'r', 'r:p', '02:00:00:00:00:01', ['10.0.0.1/24']);
    for (const name of ['a', 'b']) attach(nb, name, 'r:p');
    expect(warningIds(nb)).toEqual(['several-peers']);
  });

  test('with the place that caused the row', () => {
    const nb = northbound();
    addSwitch(nb, 's', { other_config: { subnet: 'x' } });
    const row = logicalSwitch(nb, 's');
    row.origin = { file: 'net.yaml', line: 3, column: 7, resource: 'DPUVirtualNetwork/default/net' };
    const [warning] = computeSouthbound(nb).warnings;
    expect(formatWarning(warning)).toBe(
      'net.yaml:3:7: warning: other_config:subnet "x" of switch "s" is not an IPv4 network',
    );
  });
});

describe('dynamic addresses', () => {
  test('follow the gateway in a subnet, and the MAC follows the address', () => {
    const nb = northbound();
    addSwitch(nb, 's', { other_config: { subnet: '192.168.5.0/29', exclude_ips: '192.168.5.3..192.168.5.4' } });
    for (const name of ['a', 'b', 'c', 'd']) addPort(nb, 's', name, ['dynamic']);
    const { dynamicAddresses, warnings } = computeSouthbound(nb);
    expect([...dynamicAddresses.values()].sort()).toEqual([
      '0a:00:00:00:00:01',
      '0a:00:00:a8:05:03 192.168.5.2',
      '0a:00:00:a8:05:06 192.168.5.5',
      '0a:00:00:a8:05:07 192.168.5.6',
    ]);
    expect(warnings.map(({ id }) => id)).toEqual(['subnet-exhausted']);
  });

  test('stay what they were, though a free one would be lower', () => {
    const nb = northbound();
    addSwitch(nb, 's', { other_config: { subnet: '10.0.0.0/8' } });
    addPort(nb, 's', 'kept', ['dynamic'], { dynamic_addresses: '0a:00:00:12:34:56 10.9.9.9' });
    addPort(nb, 's', 'fresh', ['dynamic']);
    const { dynamicAddresses } = computeSouthbound(nb);
    expect(dynamicAddresses.get('kept')).toBe('0a:00:00:12:34:56 10.9.9.9');
    expect(dynamicAddresses.get('fresh')).toBe('0a:00:00:00:00:03 10.0.0.2');
  });

  test('come out of a subnet of any size at once', () => {
    const nb = northbound();
    addSwitch(nb, 's', { other_config: { subnet: '0.0.0.0/0', exclude_ips: '0.0.0.2..200.0.0.0' } });
    addPort(nb, 's', 'p', ['dynamic']);
    expect(computeSouthbound(nb).dynamicAddresses.get('p')).toMatch(/ 200\.0\.0\.1$/);
  });
});

test('flows lead back to what caused them', () => {
  const nb = northbound();
  addSwitch(nb, 's');
  addAcl(nb, logicalSwitch(nb, 's'), 'from-lport', 7, 'ip4', 'drop');
  const [acl] = nb.ACL.values();
  acl.origin = { file: 'net.yaml', line: 1, column: 1, resource: 'DPUVPC/default/v' };
  const { southbound } = computeSouthbound(nb);
  const flow = southbound.flows.find(({ match }) => match === 'ip4');
  expect(flow).toMatchObject({ stage: 'ls_in_acl', priority: 1007, hint: acl._uuid });
  expect(southbound.origins.get(acl._uuid)).toEqual(acl.origin);
});

test('a flow that two rows cause is there once', () => {
  const nb = northbound();
  addSwitch(nb, 's');
  for (let i = 0; i < 2; i++) addAcl(nb, logicalSwitch(nb, 's'), 'to-lport', 7, 'ip4', 'allow');
  expect(computeSouthbound(nb).southbound.flows.filter(({ match }) => match === 'ip4')).toHaveLength(1);
});

test('the listing puts a second name beside the first', () => {
  const nb = northbound();
  addSwitch(nb, 's', { external_ids: { 'neutron:network_name': 'blue' } });
  globalOptions(nb, { svc_monitor_mac: '0A:0:0:0:0:7' });
  const { southbound } = computeSouthbound(nb);
  expect(lflowList(southbound)).toMatch(/^Datapath: "s" aka "blue" \([0-9a-f-]{36}\) {2}Pipeline: ingress\n/);
  expect(southbound.addressSets.get('svc_monitor_mac')).toEqual(['0a:00:00:00:00:07']);
});
