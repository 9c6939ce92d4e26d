import { expect, test } from 'vitest';
import { computeSouthbound } from '../../engine/northd/index.ts';
import { writtenIn } from '../../engine/northd/written.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import { addSouthboundRow, emptySouthbound, type SouthboundRows } from '../../engine/ovsdb/southbound-schema.ts';
import { crowded, type Writing, writtenTopologies } from './written.ts';

/** Southbound rows as chassis leave them; those of ovn-northd as far as these refer to them. */
function rowsOf(nb: Northbound, { tunnels = [], groups = [], status = {}, parents = {} }: Writing): SouthboundRows {
  const rows = emptySouthbound();
  const { datapaths, ports, services } = computeSouthbound(nb).southbound;
  const chassis = addSouthboundRow(rows, 'Chassis', 'n1', { name: 'n1' })._uuid;
  for (const type of tunnels) addSouthboundRow(rows, 'Encap', type, { type, ip: '192.0.2.1', chassis_name: 'n1' });
  for (const { uuid, tunnelKey, externalIds } of datapaths) {
    rows.Datapath_Binding.set(uuid, {
      _uuid: uuid,
      tunnel_key: tunnelKey,
      load_balancers: [],
      external_ids: externalIds,
    });
  }
  const bindings = new Map(
    ports.map(({ logicalPort, datapath, tunnelKey }) => {
      const parent = parents[logicalPort];
      const claim = parent === undefined ? {} : { chassis, virtual_parent: parent };
      const row = { logical_port: logicalPort, datapath, tunnel_key: tunnelKey, ...claim };
      return [logicalPort, addSouthboundRow(rows, 'Port_Binding', logicalPort, row)._uuid];
    }),
  );
  for (const { on, address, ports: members } of groups) {
    const datapath = datapaths.find(({ name }) => name === on)?.uuid;
    const uuids = members.flatMap((name) => bindings.get(name) ?? []);
    addSouthboundRow(rows, 'IGMP_Group', `${on} ${address}`, { address, datapath, chassis, ports: uuids });
  }
  for (const [at, { logicalPort, ip, port, protocol }] of (services?.serviceMonitors ?? []).entries()) {
    const row = { logical_port: logicalPort, ip, port, protocol, status: status[logicalPort] };
    addSouthboundRow(rows, 'Service_Monitor', `${at}`, row);
  }
  return rows;
}

function flowsWith(name: string, text: string): string[] {
  const { nb, writing } = writtenTopologies[name]?.() ?? crowded();
  const { flows, datapaths } = computeSouthbound(nb, rowsOf(nb, writing)).southbound;
  const names = new Map(datapaths.map((dp) => [dp.uuid, dp.name]));
  return flows
    .filter(({ match }) => match.includes(text))
    .map(({ datapath, actions }) => `${names.get(datapath)}: ${actions}`)
    .sort();
}

test('a group goes to those who asked, and to routers that relay', () => {
  expect(flowsWith('groups', '239.0.1.68')).toEqual([
    'flooding: clone { outport = "_MC_mrouter_flood"; output; };outport = "239.0.1.68"; output; ',
    'one: clone { outport = "_MC_mrouter_flood"; output; };clone { outport ="_MC_static"; output; };outport = "239.0.1.68"; output; ',
    'plain: clone { outport = "_MC_mrouter_flood"; output; };outport = "239.0.1.68"; output; ',
    'relay: outport = "239.0.1.68"; ip.ttl--; next;',
    'static: clone { outport = "_MC_static"; ip.ttl--; next; };outport = "239.0.1.68"; ip.ttl--; next;',
    'three: outport = "239.0.1.68"; output; ',
    'two: clone { outport = "_MC_mrouter_flood"; output; };outport = "239.0.1.68"; output; ',
  ]);
});

test('a group whose members all get everything is none; one of a link leaves no router', () => {
  expect(flowsWith('groups', '239.0.1.71')).toEqual([]);
  expect(flowsWith('groups', '239.0.1.73')).toEqual([]);
  expect(flowsWith('groups', 'ff02::5').map((line) => line.split(':')[0])).toEqual(['two']);
  expect(flowsWith('groups', 'ff05::1234').map((line) => line.split(':')[0])).toEqual(['relay', 'two']);
  expect(flowsWith('groups', 'rubbish')).toEqual([]);
});

test('a virtual port is where its parent is', () => {
  expect(flowsWith('virtual', 'reg0 == 10.0.0.50')).toContain('r: eth.dst = 02:00:00:00:00:01; next;');
  expect(flowsWith('virtual', 'reg0 == 10.0.0.51')).toEqual([]);
});

test('backends that do not answer are not chosen, those nobody has asked yet are', () => {
  const [all] = flowsWith('health', 'ip4.dst == 30.0.0.100 && tcp.dst == 80');
  expect(all).toMatch(/backends=10\.0\.0\.11:80[);]/);
});

test('tunnels of VXLAN leave less room for keys', () => {
  const { nb, writing } = writtenTopologies.vxlan();
  const { southbound, warnings } = computeSouthbound(nb, rowsOf(nb, writing));
  const keys = new Map(southbound.datapaths.map(({ name, tunnelKey }) => [name, tunnelKey]));
  expect([keys.get('b'), keys.get('transit')]).toEqual([4095, 5000]);
  expect([keys.get('a'), keys.get('c'), keys.get('r')]).toEqual([1, 2, 3]);
  expect(warnings.filter(({ id }) => id === 'tunnel-key-too-large')).toHaveLength(6);
  expect(computeSouthbound(nb).warnings).toEqual([]);
});

test('what gets no key has no flows and no binding', () => {
  const { nb, writing } = crowded();
  const { southbound, warnings } = computeSouthbound(nb, rowsOf(nb, writing));
  expect(southbound.ports).toHaveLength(2047);
  expect(warnings.map(({ id }) => id)).toEqual(Array(13).fill('tunnel-keys-exhausted'));
  expect(southbound.multicastGroups.find(({ name }) => name === '_MC_flood')?.ports).toHaveLength(2047);
});

test('rows that refer to nothing say nothing', () => {
  const rows = emptySouthbound();
  const nowhere = '00000000-0000-4000-8000-000000000000';
  addSouthboundRow(rows, 'IGMP_Group', 'a', { address: '239.0.0.1', datapath: nowhere, ports: [nowhere] });
  addSouthboundRow(rows, 'IGMP_Group', 'b', { address: '239.0.0.1', ports: [] });
  const { groups, parents, failed, hasVxlan } = writtenIn(rows);
  expect([groups.size, parents.size, failed.size, hasVxlan]).toEqual([0, 0, 0, false]);
});
