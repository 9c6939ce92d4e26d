import { expect, test } from 'vitest';
import { nbShow } from '../../engine/ovsdb/nb-show.ts';
import { emptyNorthbound, insertRow } from '../../engine/ovsdb/northbound.ts';

test('a switch with ports of every kind', () => {
  const nb = emptyNorthbound();
  const port = (name: string, columns = {}) => insertRow(nb, 'Logical_Switch_Port', name, { name, ...columns })._uuid;
  const ports = [
    port('vif', { addresses: ['unknown', '02:00:00:00:00:01 10.0.0.2'], external_ids: { 'neutron:port_name': 'web' } }),
    port('to-router', { type: 'router', addresses: ['router'], options: { 'router-port': 'lrp' } }),
    port('child', { parent_name: 'vif', tag: 5 }),
    port('localnet', { type: 'localnet', addresses: ['unknown'] }),
  ];
  const row = insertRow(nb, 'Logical_Switch', 's', { name: 'default/net', ports });
  expect(nbShow(nb)).toBe(`switch ${row._uuid} (default/net)
    port vif (aka web)
        addresses: ["02:00:00:00:00:01 10.0.0.2", "unknown"]
    port to-router
        type: router
        router-port: lrp
    port child
        parent: vif
        tag: 5
    port localnet
        type: localnet
        addresses: ["unknown"]
`);
});

test('a router with ports, gateway chassis and NAT', () => {
  const nb = emptyNorthbound();
  const chassis = [1, 30, 20].map(
    (priority) =>
      insertRow(nb, 'Gateway_Chassis', `${priority}`, { name: `g${priority}`, chassis_name: `c${priority}`, priority })
        ._uuid,
  );
  const lrp = insertRow(nb, 'Logical_Router_Port', 'lrp', {
    name: 'lrp',
    mac: '02:00:00:00:00:02',
    networks: ['fd00::1/64', '10.0.0.1/24'],
    gateway_chassis: chassis,
  });
  const nat = insertRow(nb, 'NAT', 'n', {
    type: 'snat',
    external_ip: '30.30.0.2',
    logical_ip: '10.0.0.0/24',
    external_port_range: '1-30000',
  });
  const row = insertRow(nb, 'Logical_Router', 'r', {
    name: 'r',
    ports: [lrp._uuid],
    nat: [nat._uuid],
    external_ids: { 'neutron:router_name': 'edge' },
  });
  expect(nbShow(nb)).toBe(`router ${row._uuid} (r) (aka edge)
    port lrp
        mac: "02:00:00:00:00:02"
        networks: ["10.0.0.1/24", "fd00::1/64"]
        gateway chassis: [c30 c20 c1]
    nat ${nat._uuid}
        external ip: "30.30.0.2"
        external port(s): "1-30000"
        logical ip: "10.0.0.0/24"
        type: "snat"
`);
});

test('an empty database shows nothing', () => {
  expect(nbShow(emptyNorthbound())).toBe('');
});
