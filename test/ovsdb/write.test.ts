import { TextEncoder } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readDatabase } from '../../engine/ovsdb/file.ts';
import { emptyNorthbound, insertRow, type Northbound, northboundSchema } from '../../engine/ovsdb/northbound.ts';
import { readNorthbound } from '../../engine/ovsdb/northbound-db.ts';
import { northboundFacts } from '../../engine/ovsdb/northbound-facts.ts';
import { southboundFacts, southboundSchema } from '../../engine/ovsdb/southbound-schema.ts';
import { writeDatabase } from '../../engine/ovsdb/write.ts';
import { randomNorthbound } from './random-northbound.ts';

const write = (nb: Northbound): Uint8Array => writeDatabase(northboundSchema, northboundFacts, nb);

/** A database in an order of its own: members of sets and rows by their names. */
function sorted(nb: Northbound): unknown {
  const value = (each: unknown): unknown => (Array.isArray(each) ? [...new Set(each)].sort() : each);
  return Object.fromEntries(
    Object.entries(nb).map(([table, rows]) => [
      table,
      [...rows]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([uuid, row]) => [
          uuid,
          Object.fromEntries(Object.entries(row).map(([name, each]) => [name, value(each)])),
        ]),
    ]),
  );
}

test('what was written is read again, and reading it writes the same bytes', () => {
  fc.assert(
    fc.property(randomNorthbound(), (nb) => {
      const bytes = write(nb);
      const { northbound, warnings } = readNorthbound(readDatabase(bytes));
      expect(warnings).toEqual([]);
      expect(sorted(northbound)).toEqual(sorted(nb));
      expect(Buffer.from(write(northbound)).equals(bytes)).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test('the order of rows and members does not show', () => {
  const make = (...names: string[]): Northbound => {
    const nb = emptyNorthbound();
    for (const name of names) insertRow(nb, 'Address_Set', name, { name, addresses: names });
    return nb;
  };
  expect(Buffer.from(write(make('a', 'b'))).equals(write(make('b', 'a')))).toBe(true);
});

test('defaults are left out, single members stand for themselves, and columns that are never kept are not written', () => {
  const nb = emptyNorthbound();
  insertRow(nb, 'Connection', 'c', { target: 'ptcp:6641', is_connected: true, other_config: { b: '1', a: '2' } });
  insertRow(nb, 'Address_Set', 's', { name: 's', addresses: ['10.0.0.1'] });
  const text = Buffer.from(write(nb)).toString();
  const [, body = ''] = text.split(/OVSDB JSON \d+ [0-9a-f]{40}\n/).slice(1);
  const [set] = Object.values(JSON.parse(body).Address_Set);
  expect(set).toEqual({ name: 's', addresses: '10.0.0.1' });
  const [row] = Object.values(JSON.parse(body).Connection);
  expect(row).toEqual({
    target: 'ptcp:6641',
    other_config: [
      'map',
      [
        ['a', '2'],
        ['b', '1'],
      ],
    ],
  });
});

test('lengths are in bytes', () => {
  const nb = emptyNorthbound();
  insertRow(nb, 'Address_Set', 'x', { name: 'größe €' });
  const bytes = write(nb);
  expect(readDatabase(bytes).notes).toEqual([]);
  expect(new TextEncoder().encode('größe €').length).toBe(11);
});

describe('what no server would take is refused with a sentence', () => {
  const refused: Record<string, [(nb: Northbound) => void, string]> = {
    'a number out of bounds': [
      (nb) => insertRow(nb, 'HA_Chassis', 'x', { chassis_name: 'n', priority: 40000 }),
      'column priority of table HA_Chassis is 40000; it should be from 0 to 32767',
    ],
    'a number below': [
      (nb) => insertRow(nb, 'Connection', 'x', { target: 't', max_backoff: 1 }),
      'column max_backoff of table Connection is 1; it should be at least 1000',
    ],
    'a text that is none of those allowed': [
      (nb) => insertRow(nb, 'NAT', 'x', { type: 'both' }),
      'column type of table NAT is "both"; it should be one of dnat, snat, dnat_and_snat',
    ],
    'a text that is too long': [
      (nb) => insertRow(nb, 'ACL', 'x', { name: 'x'.repeat(64), direction: 'to-lport', action: 'drop' }),
      `column name of table ACL is longer than 63 characters: "${'x'.repeat(64)}"`,
    ],
    'a value of a map out of bounds': [
      (nb) => insertRow(nb, 'QoS', 'x', { direction: 'to-lport', action: { dscp: 64 } }),
      'column action of table QoS is 64; it should be from 0 to 63',
    ],
    'a key of a map': [
      (nb) => insertRow(nb, 'QoS', 'x', { direction: 'to-lport', action: { mark: 1 } }),
      'column action of table QoS is "mark"; it should be one of dscp',
    ],
    'no member where one is needed': [
      (nb) => insertRow(nb, 'Logical_Router_Port', 'x', { name: 'p' }),
      'column networks of table Logical_Router_Port is empty; it needs a value',
    ],
    'a reference that leads nowhere': [
      (nb) => insertRow(nb, 'Logical_Switch', 'x', { acls: ['11111111-1111-1111-1111-111111111111'] }),
      'column acls of table Logical_Switch refers to row 11111111-1111-1111-1111-111111111111 of ACL, which does not exist',
    ],
    'two rows with one index': [
      (nb) => ['x', 'y'].map((key) => insertRow(nb, 'Static_MAC_Binding', key, { logical_port: 'p', ip: '10.0.0.1' })),
      'table Static_MAC_Binding has two rows with the same logical_port and ip: "p","10.0.0.1"',
    ],
    'too many rows': [
      (nb) => ['x', 'y'].map((key) => insertRow(nb, 'NB_Global', key, {})),
      'table NB_Global has 2 rows; at most 1 are allowed',
    ],
  };
  for (const [name, [make, message]] of Object.entries(refused)) {
    test(name, () => {
      const nb = emptyNorthbound();
      make(nb);
      expect(() => write(nb)).toThrow(message);
    });
  }
});

test('weak references that lead nowhere are left out', () => {
  const nb = emptyNorthbound();
  insertRow(nb, 'Load_Balancer_Group', 'g', { name: 'g', load_balancer: ['11111111-1111-1111-1111-111111111111'] });
  const { northbound } = readNorthbound(readDatabase(write(nb)));
  expect([...northbound.Load_Balancer_Group.values()][0]?.load_balancer).toEqual([]);
});

test('an empty southbound database is one', () => {
  const file = readDatabase(writeDatabase(southboundSchema, southboundFacts, {}));
  expect(file.schema.name).toBe('OVN_Southbound');
  expect(file.schema.version).toBe('20.27.0');
  expect([...file.tables.keys()]).toEqual(Object.keys(southboundSchema));
});
