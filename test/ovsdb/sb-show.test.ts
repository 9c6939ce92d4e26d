import { expect, test } from 'vitest';
import { sbShow } from '../../engine/ovsdb/sb-show.ts';
import { addSouthboundRow, emptySouthbound } from '../../engine/ovsdb/southbound-schema.ts';

test('chassis, their tunnels and their ports, as ovn-sbctl show prints them', () => {
  const rows = emptySouthbound();
  const encap = (type: string, ip: string) =>
    addSouthboundRow(rows, 'Encap', `${type} ${ip}`, { type, ip, options: { csum: 'true', 'a key': 'b' } })._uuid;
  const chassis = (name: string, hostname: string, encaps: string[]) =>
    addSouthboundRow(rows, 'Chassis', name, { name, hostname, encaps })._uuid;
  const first = chassis('c1', '', [encap('geneve', '1.2.3.4')]);
  chassis('0b', 'host.example', [encap('vxlan', '1.2.3.5'), encap('geneve', '1.2.3.5')]);
  for (const logical_port of ['v/2', 'v1', 'true', '11111111-1111-1111-1111-111111111111']) {
    addSouthboundRow(rows, 'Port_Binding', logical_port, { logical_port, chassis: first });
  }
  addSouthboundRow(rows, 'Port_Binding', 'unbound', { logical_port: 'unbound' });
  expect(sbShow(rows)).toBe(`Chassis "0b"
    hostname: host.example
    Encap geneve
        ip: "1.2.3.5"
        options: {"a key"=b, csum="true"}
    Encap vxlan
        ip: "1.2.3.5"
        options: {"a key"=b, csum="true"}
Chassis c1
    Encap geneve
        ip: "1.2.3.4"
        options: {"a key"=b, csum="true"}
    Port_Binding "11111111-1111-1111-1111-111111111111"
    Port_Binding "true"
    Port_Binding "v/2"
    Port_Binding v1
`);
});

test('a database that nobody has registered with is empty', () => {
  expect(sbShow(emptySouthbound())).toBe('');
});
