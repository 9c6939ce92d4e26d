/** A schema with every kind of column, and random transactions that use all of it. */
import fc from 'fast-check';

const unlimited = 'unlimited';

export const schema = {
  name: 'Everything',
  version: '1.0.0',
  tables: {
    Net: {
      isRoot: true,
      columns: {
        name: { type: 'string' },
        count: { type: 'integer' },
        share: { type: 'real' },
        enabled: { type: 'boolean' },
        tag: { type: { key: 'integer', min: 0, max: 1 } },
        tags: { type: { key: 'string', min: 0, max: unlimited } },
        numbers: { type: { key: 'integer', min: 0, max: unlimited } },
        options: { type: { key: 'string', value: 'string', min: 0, max: unlimited } },
        only: { type: { key: 'string', value: 'integer', min: 0, max: 1 } },
        names: { type: { key: 'integer', value: 'string', min: 0, max: unlimited } },
        flags: { type: { key: 'boolean', value: 'boolean', min: 0, max: unlimited } },
        networks: { type: { key: 'string', min: 1, max: unlimited } },
        ports: { type: { key: { type: 'uuid', refTable: 'Port' }, min: 0, max: unlimited } },
        peers: { type: { key: { type: 'uuid', refTable: 'Net', refType: 'weak' }, min: 0, max: unlimited } },
      },
    },
    Port: { columns: { name: { type: 'string' }, addresses: { type: { key: 'string', min: 0, max: unlimited } } } },
    Unused: { isRoot: true, columns: { name: { type: 'string' } } },
  },
};

const word = fc.constantFrom(
  '',
  'a',
  'b',
  'ls0',
  '"quoted"',
  'a\nb\\',
  'Grüße 🛰',
  '__proto__',
  'constructor',
  'x'.repeat(200),
);
const integer = fc.integer({ min: -5, max: 5 });
const setOf = (members: fc.Arbitrary<unknown>) =>
  fc.uniqueArray(members, { maxLength: 6 }).map((values) => ['set', values]);
const mapOf = (key: fc.Arbitrary<unknown>, value: fc.Arbitrary<unknown>, maxLength = 6) =>
  fc.uniqueArray(fc.tuple(key, value), { maxLength, selector: ([each]) => each }).map((pairs) => ['map', pairs]);

const columns = fc.record(
  {
    count: fc.oneof(integer, fc.constant(2 ** 52)),
    share: fc.constantFrom(0, 0.5, -1.25, 1e100),
    enabled: fc.boolean(),
    tag: fc.oneof(integer, fc.constant(['set', []])),
    tags: setOf(word),
    numbers: setOf(integer),
    options: mapOf(word, word),
    only: mapOf(word, integer, 1),
    names: mapOf(integer, word),
    flags: mapOf(fc.boolean(), fc.boolean()),
    networks: fc.constantFrom(['set', ['10.0.0.0/24']], ['set', ['10.0.0.0/24', '10.0.1.0/24']], 'fd00::/64'),
  },
  { requiredKeys: [] },
);

type Change =
  | { kind: 'insert'; name: string; row: object; ports: number }
  | { kind: 'update'; name: string; row: object }
  | { kind: 'mutate'; name: string; tags: unknown; options: unknown }
  | { kind: 'forget' | 'delete' | 'peer'; name: string };

/** Few names, so that changes meet the same rows again and again. */
const name = fc.constantFrom('n1', 'n2', 'n3', 'n4');

export const changes: fc.Arbitrary<Change> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('insert' as const), name, row: columns, ports: fc.nat(3) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('update' as const), name, row: columns }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('mutate' as const),
      name,
      tags: setOf(word),
      options: mapOf(word, word),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('forget' as const, 'delete' as const, 'peer' as const), name }),
  },
);

/** The operations of a change. */
export function transaction(change: Change): object[] {
  const where = [['name', '==', change.name]];
  const comment = { op: 'comment', comment: `${change.kind} ${change.name}` };
  switch (change.kind) {
    case 'insert': {
      const ports = Array.from({ length: change.ports }, (_, at) => `p${at}`);
      return [
        ...ports.map((id) => ({ op: 'insert', table: 'Port', 'uuid-name': id, row: { name: id } })),
        {
          op: 'insert',
          table: 'Net',
          'uuid-name': 'it',
          row: {
            networks: 'fe80::/64',
            ...change.row,
            name: change.name,
            ports: ['set', ports.map((id) => ['named-uuid', id])],
          },
        },
        comment,
      ];
    }
    case 'update':
      return [{ op: 'update', table: 'Net', where, row: change.row }, comment];
    case 'mutate':
      return [
        {
          op: 'mutate',
          table: 'Net',
          where,
          mutations: [
            ['tags', 'insert', change.tags],
            ['options', 'insert', change.options],
            ['count', '+=', 1],
          ],
        },
        {
          op: 'mutate',
          table: 'Net',
          where: [['name', '!=', change.name]],
          mutations: [['tags', 'delete', change.tags]],
        },
      ];
    case 'peer':
      return [
        {
          op: 'insert',
          table: 'Net',
          'uuid-name': 'it',
          row: { networks: 'fe80::/64', name: change.name, peers: ['named-uuid', 'it'] },
        },
      ];
    case 'forget':
      return [{ op: 'update', table: 'Net', where, row: { ports: ['set', []], tags: ['set', []] } }];
    case 'delete':
      return [{ op: 'delete', table: 'Net', where }];
  }
}
