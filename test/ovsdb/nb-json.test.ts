import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nbJson } from '../../engine/ovsdb/nb-json.ts';
import { emptyNorthbound, insertRow, type Northbound, northboundSchema } from '../../engine/ovsdb/northbound.ts';
import { randomNorthbound } from './random-northbound.ts';

/** The same rows, each table's and each set's in the opposite order. */
function reversed(nb: Northbound): Northbound {
  const tables = Object.entries(nb).map(([table, rows]) => {
    const turned = [...(rows as Map<string, Record<string, unknown>>)].reverse().map(([uuid, row]) => {
      const columns = Object.entries(row).reverse();
      const values = columns.map(([name, value]) => [name, Array.isArray(value) ? [...value].reverse() : value]);
      return [uuid, Object.fromEntries(values)] as const;
    });
    return [table, new Map(turned)];
  });
  return Object.fromEntries(tables) as Northbound;
}

test('the text does not depend on the order in which rows were made', () => {
  fc.assert(
    fc.property(randomNorthbound(), (nb) => {
      expect(nbJson(reversed(nb))).toBe(nbJson(nb));
    }),
    { numRuns: 30 },
  );
});

test('holds every table, every column and the origins', () => {
  const nb = emptyNorthbound();
  const origin = { file: 'net.yaml', line: 7, column: 3, resource: 'DPUVirtualNetwork/default/net' };
  const options = { 'router-port': 'b', a: '1' };
  const port = insertRow(
    nb,
    'Logical_Switch_Port',
    'p',
    { name: 'p', addresses: ['unknown', '02:aa'], options },
    origin,
  );
  const data: Record<string, unknown[]> = JSON.parse(nbJson(nb));
  expect(Object.keys(data)).toEqual(Object.keys(northboundSchema));
  expect(data.Logical_Switch_Port).toEqual([
    {
      _uuid: port._uuid,
      name: 'p',
      type: '',
      options: { a: '1', 'router-port': 'b' },
      parent_name: null,
      tag_request: null,
      tag: null,
      addresses: ['02:aa', 'unknown'],
      dynamic_addresses: null,
      port_security: [],
      up: null,
      enabled: null,
      dhcpv4_options: null,
      dhcpv6_options: null,
      mirror_rules: [],
      ha_chassis_group: null,
      external_ids: {},
      origin,
    },
  ]);
});
