import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { computeSouthbound } from '../../engine/northd/index.ts';
import { databaseOf, type JsonRow } from '../../engine/ovsdb/database.ts';
import { readDatabase } from '../../engine/ovsdb/file.ts';
import { parseSchema } from '../../engine/ovsdb/file-schema.ts';
import { nbShow } from '../../engine/ovsdb/nb-show.ts';
import { readNorthbound } from '../../engine/ovsdb/northbound-db.ts';
import { uuid } from './records.ts';

const bytes = readFileSync(new URL('files/ovn-nb.db', import.meta.url));
const to = (id: number) => ['uuid', uuid(id)];

function northbound(tables: Record<string, Record<string, unknown>>, rows: Record<string, JsonRow[]>) {
  const schema = Object.fromEntries(Object.entries(tables).map(([name, columns]) => [name, { columns }]));
  return readNorthbound(databaseOf(parseSchema({ name: 'OVN_Northbound', version: '1', tables: schema }), rows));
}

test('a real one, of the release that we know', () => {
  const { northbound, warnings } = readNorthbound(readDatabase(bytes));
  expect(warnings).toEqual([]);
  expect(nbShow(northbound)).toMatch(
    /^switch [0-9a-f-]{36} \(net\)\n {4}port a\n {8}addresses: \["02:00:00:00:00:0a 10.0.0.10"\]\n {4}port b\n/,
  );
  expect([...northbound.ACL.values()]).toMatchObject([{ action: 'drop', name: undefined, priority: 100, options: {} }]);
  expect([...northbound.Logical_Switch_Port.keys()]).toEqual([...northbound.Logical_Switch_Port.keys()].sort());
  expect(computeSouthbound(northbound).southbound.flows.length).toBeGreaterThan(50);
});

test('what is read may be changed without changing what else is read', () => {
  const { northbound } = readNorthbound(readDatabase(bytes));
  const [a, b] = northbound.Logical_Switch_Port.values();
  a?.port_security.push('x');
  expect(b?.port_security).toEqual([]);
});

test('an older schema: columns that it does not have get their defaults, and other shapes are fitted', () => {
  const { northbound: nb, warnings } = northbound(
    {
      Logical_Switch: { name: { type: { key: 'string', min: 0, max: 'unlimited' } } },
      Logical_Switch_Port: {
        name: { type: 'string' },
        addresses: { type: 'string' },
        tag: { type: { key: 'integer', min: 0, max: 'unlimited' } },
      },
    },
    {
      Logical_Switch: [{ _uuid: to(1), name: 'net' }],
      Logical_Switch_Port: [{ _uuid: to(2), name: 'p', addresses: 'unknown', tag: ['set', [7]] }],
    },
  );
  expect(warnings).toEqual([]);
  expect(nb.Logical_Switch.get(uuid(1))).toMatchObject({
    _uuid: uuid(1),
    name: 'net',
    ports: [],
    other_config: {},
    copp: undefined,
  });
  expect(nb.Logical_Switch_Port.get(uuid(2))).toMatchObject({
    addresses: ['unknown'],
    tag: 7,
    enabled: undefined,
    type: '',
  });
});

test('a newer schema: what we do not know is told where it says something', () => {
  const { warnings } = northbound(
    {
      ACL: {
        priority: { type: 'integer' },
        tier: { type: 'integer' },
        sample: { type: { key: 'string', min: 0, max: 1 } },
      },
      Sample: { metadata: { type: 'integer' } },
      Sampling_App: { id: { type: 'integer' } },
    },
    {
      ACL: [
        { _uuid: to(1), tier: 2 },
        { _uuid: to(2), tier: 0 },
      ],
      Sample: [{ _uuid: to(3) }],
    },
  );
  expect(warnings).toEqual([
    'column "tier" of table ACL, which OVN 23.03 does not have, is not looked at; one row uses it',
    'one row of table "Sample", which OVN 23.03 does not have, is left out',
  ]);
});

test('references that lead nowhere are told, and harm nobody', () => {
  const refs = { type: { key: { type: 'uuid', refTable: 'Logical_Switch_Port' }, min: 0, max: 'unlimited' } };
  const { northbound: nb, warnings } = northbound(
    { Logical_Switch: { name: { type: 'string' }, ports: refs } },
    { Logical_Switch: [{ _uuid: to(1), name: 'net', ports: ['set', [to(2), to(3)]] }] },
  );
  expect(warnings).toEqual([
    'column ports of table Logical_Switch refers to 2 rows of Logical_Switch_Port that do not exist',
  ]);
  expect(computeSouthbound(nb).southbound.datapaths).toHaveLength(1);
});
