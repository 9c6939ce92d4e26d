import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { DatabaseError, isDatabaseFile, type ReadOptions, readDatabase } from '../../engine/ovsdb/file.ts';
import { bytesOf, fileOf, record, recordOf, small, uuid } from './records.ts';
import { rowsIn, rowsOfDump } from './rows.ts';

const recording = (name: string): Buffer => readFileSync(new URL(`files/${name}`, import.meta.url));

describe('what a real ovsdb-server wrote', () => {
  test.each([
    ['standalone', 'standalone'],
    ['standalone-whole-columns', 'standalone'],
    ['standalone-compacted', 'standalone'],
    ['clustered', 'clustered'],
    ['clustered-compacted', 'clustered'],
    ['clustered-follower', 'clustered'],
  ])('%s', (name, format) => {
    const file = readDatabase(recording(`${name}.db`));
    expect(file.format).toBe(format);
    expect(file.notes).toEqual([]);
    const rows = rowsIn(file);
    expect(rows).toEqual(rowsOfDump(file, recording(`${name}.dump`).toString()));
    expect(Object.keys(rows)).toContain('Net');
  });

  test('each cut off anywhere: what is whole is read, and what is not is told', () => {
    for (const name of ['standalone.db', 'clustered.db']) {
      const bytes = recording(name);
      let last = 0;
      for (let length = bytes.indexOf('\n', bytes.indexOf('\n') + 1) + 1; length < bytes.length; length += 97) {
        const { notes, records } = readDatabase(bytes.subarray(0, length));
        const isWhole = notes.every((note) => !note.startsWith('the file ends within record'));
        expect(isWhole).toBe(bytes.subarray(length, length + 6).toString() === 'OVSDB ');
        expect(records).toBeGreaterThanOrEqual(last);
        last = records;
      }
      expect(last).toBeGreaterThan(30);
    }
  });
});

const row = { name: 'a', set: ['set', ['x', 'y']], map: ['map', [['k', 'v']]] };
const insert = { T: { [uuid(1)]: row }, _date: 1, _comment: 'insert' };
const none = { set: [], map: {} };

/** The rows of table T by the last digits of their UUIDs. */
function rows(records: readonly unknown[], magic: 'JSON' | 'CLUSTER' = 'JSON'): Record<string, unknown> {
  const found = rowsIn(readDatabase(fileOf(records, magic))).T ?? {};
  return Object.fromEntries(Object.entries(found).map(([key, value]) => [String(Number(key.slice(-6))), value]));
}

describe('a standalone file', () => {
  test('of a schema alone is an empty database', () => {
    const file = readDatabase(fileOf([small]));
    expect(file.schema).toMatchObject({ name: 'Small', version: '1.0.0' });
    expect(file.tables.get('T')?.rows.size).toBe(0);
  });

  test('inserts, with defaults for what it does not name; modifies; deletes', () => {
    expect(rows([small, insert, { T: { [uuid(2)]: {} } }])).toEqual({
      1: { name: 'a', set: ['"x"', '"y"'], map: { k: 'v' } },
      2: { name: '', ...none },
    });
    expect(rows([small, insert, { T: { [uuid(1)]: { set: 'z', map: ['map', []] } } }])).toEqual({
      1: { name: 'a', set: ['"z"'], map: {} },
    });
    expect(rows([small, insert, { T: { [uuid(1)]: null } }])).toEqual({});
  });

  test('has differences', () => {
    const change = {
      set: ['set', ['y', 'z']],
      map: [
        'map',
        [
          ['k', 'w'],
          ['l', ''],
        ],
      ],
      name: 'b',
    };
    expect(rows([small, insert, { T: { [uuid(1)]: change }, _is_diff: true }])).toEqual({
      1: { name: 'b', set: ['"x"', '"z"'], map: { k: 'w', l: '' } },
    });
    const back = { set: ['set', ['x', 'y']], map: ['map', [['k', 'v']]] };
    expect(rows([small, insert, { _is_diff: true, T: { [uuid(1)]: back } }])).toEqual({ 1: { name: 'a', ...none } });
  });

  test('may have line feeds and spaces in its JSON, and members in any order', () => {
    const spaced = ` {\n "_x" : [ 1 , {} ] ,\n "T" : { "${uuid(1)}" : { "name" : "\\u0041" } } }\n`;
    expect(rows([`${JSON.stringify(small, null, 2)}\n`, spaced])).toEqual({ 1: { name: 'A', ...none } });
  });

  test('keeps names that JavaScript treats in its own way', () => {
    const pairs = [
      ['__proto__', 'p'],
      ['constructor', 'c'],
      ['', 'e'],
    ];
    const text = JSON.stringify({ T: { [uuid(1)]: { map: ['map', pairs] } } });
    const [, only] = Object.entries(rows([small, text]))[0] ?? [];
    expect(Object.entries((only as { map: object }).map).sort()).toEqual([
      ['', 'e'],
      ['__proto__', 'p'],
      ['constructor', 'c'],
    ]);
    expect(({} as Record<string, unknown>).p).toBeUndefined();
  });
});

const header = {
  server_id: uuid(8),
  name: 'Small',
  local_address: 'unix:a',
  cluster_id: uuid(9),
  prev_servers: {},
  prev_term: 1,
  prev_index: 4,
  prev_eid: uuid(7),
};
const snapshot = { ...header, prev_data: [small, insert] };
const entry = (index: number, change: unknown, schema: unknown = null) => ({
  term: 1,
  index,
  data: [schema, change],
  eid: uuid(index),
});
const named = (number: number, name: string) => ({ T: { [uuid(number)]: { name } } });

describe('a clustered file', () => {
  test('has a snapshot, and entries of which it has those that are committed', () => {
    const log = [snapshot, { term: 2, vote: uuid(8) }, { term: 2, leader: uuid(8) }, { note: 'hello' }];
    expect(rows(log, 'CLUSTER')).toHaveProperty('1.name', 'a');
    const more = [...log, entry(5, named(2, 'b')), { term: 2, index: 6, servers: {} }, entry(7, named(3, 'c'))];
    expect(Object.keys(rows(more, 'CLUSTER'))).toEqual(['1']);
    expect(Object.keys(rows([...more, { commit_index: 6 }], 'CLUSTER'))).toEqual(['1', '2']);
    const file = readDatabase(fileOf([...more, { commit_index: 5 }, { commit_index: 6 }], 'CLUSTER'));
    expect(file.notes).toEqual([expect.stringContaining('the log has one entry after 6')]);
  });

  test('lets a new leader replace what is not committed', () => {
    const log = [
      snapshot,
      entry(5, named(2, 'b')),
      entry(6, named(3, 'c')),
      entry(5, named(4, 'd')),
      { commit_index: 5 },
    ];
    expect(Object.keys(rows(log, 'CLUSTER'))).toEqual(['1', '4']);
  });

  test('begins anew with a schema', () => {
    const schema = { ...small, version: '2.0.0' };
    const file = readDatabase(fileOf([snapshot, entry(5, named(2, 'b'), schema), { commit_index: 5 }], 'CLUSTER'));
    expect(file.schema.version).toBe('2.0.0');
    expect([...(file.tables.get('T')?.rows.keys() ?? [])]).toEqual([uuid(2)]);
  });

  test.each([
    ['a gap in the log', [entry(6, null)], 2, 'its index is 6, but the next entry of the log is 5'],
    ['a commit beyond the log', [{ commit_index: 5 }], 2, 'it commits entry 5 of the log, which ends at 4'],
    ['a commit taken back', [{ commit_index: 3 }], 2, 'it takes back commits'],
    ['a committed entry replaced', [entry(4, null)], 2, 'it would replace entry 4'],
    ['an index that is none', [{ index: 1e300 }], 2, 'its index is no index of a log'],
    [
      'an entry that cannot be applied',
      [entry(5, { U: {} }), { note: '' }, { commit_index: 5 }],
      2,
      'there is no table "U"',
    ],
    ['an entry of one part', [{ index: 5, data: [null] }, { commit_index: 5 }], 2, 'a comma should stand here'],
  ])('is corrupt: %s', (_, records, culprit, message) => {
    const error = errorOf(fileOf([snapshot, ...records], 'CLUSTER'));
    expect(error.message).toContain(message);
    expect(error.place?.record).toBe(culprit);
  });

  test('without data says why', () => {
    expect(errorOf(fileOf([header], 'CLUSTER')).message).toContain('it has no prev_data');
    const joining = { ...header, remote_addresses: ['unix:b'] };
    expect(errorOf(fileOf([joining], 'CLUSTER')).message).toContain('its server has not joined its cluster yet');
    expect(errorOf(fileOf([{ ...header, prev_data: [null, {}] }], 'CLUSTER')).message).toContain(
      'its snapshot has no schema',
    );
  });
});

function errorOf(bytes: Uint8Array, options?: ReadOptions): DatabaseError {
  try {
    readDatabase(bytes, options);
  } catch (error) {
    if (error instanceof DatabaseError) return error;
    throw error;
  }
  throw new Error('it was read');
}

describe('what is corrupt is told, with how far it could be read', () => {
  const good = fileOf([small, insert]);

  test.each([
    ['a checksum', record(insert).replace(/"a"/, '"b"'), 'its checksum is '],
    ['a length too small', record(insert).replace(/JSON (\d+)/, 'JSON 10'), 'its checksum is '],
    [
      'a length beyond the next record',
      record(insert).replace(/JSON (\d+)/, 'JSON 99999') + record(insert),
      'its length is 99999, but the file ends after',
    ],
    [
      'a length that is none',
      record(insert).replace(/JSON (\d+)/, 'JSON -1'),
      'it should begin with "OVSDB MAGIC LENGTH SHA1"',
    ],
    ['a length of 0', record(''), 'its length is 0'],
    ['zeros', '\0'.repeat(512), '512 zero bytes stand where a record should begin'],
    ['garbage', '\u001b[31mgarbage'.repeat(20), 'but begins with ".[31mgarbage'],
    [
      'the other kind of record',
      record(insert, 'CLUSTER'),
      'a record of a clustered database in a standalone database',
    ],
    ['no JSON', record('{"T":{oops}}\n'), 'it is not JSON: a member needs a name'],
    ['JSON that does not end', record('{"T":{'), 'it is not JSON'],
    ['something after the JSON', record('{"T":{}} {}'), 'something follows its end'],
    ['a member twice parted', record('{"T":{},}'), 'nothing follows a comma'],
    ['a row that is no JSON', record(`{"T":{"${uuid(2)}":{"name":nul}}}`), 'it is not JSON'],
    ['a table that is not there', record({ U: {} }), 'there is no table "U" in its schema'],
    [
      'a column that is not there',
      record({ T: { [uuid(2)]: { size: 1 } } }),
      'there is no column "size" in its schema',
    ],
    [
      'a value of another type',
      record({ T: { [uuid(2)]: { name: 1 } } }),
      'column "name" holds the number 1 where its type is string',
    ],
    ['a map that is none', record({ T: { [uuid(2)]: { map: 'x' } } }), 'column "map" is not a map'],
    [
      'two values for one',
      record({ T: { [uuid(2)]: { name: ['set', ['a', 'b']] } } }),
      'holds 2 values instead of one',
    ],
    ['a row that is none', record({ T: { [uuid(2)]: [] } }), 'it should be an object or null'],
    ['a name that is no UUID', record({ T: { x: {} } }), 'row "x" of table "T": its name is not a UUID'],
    ['an unknown row deleted', record({ T: { [uuid(2)]: null } }), 'it is deleted, but was never there'],
    ['no UTF-8', recordOf(Buffer.from(`{"T":{"${uuid(2)}":{"name":"\u00ff"}}}`, 'latin1')), 'it is not text in UTF-8'],
    [
      'JSON nested too deep',
      record({ T: { [uuid(2)]: JSON.parse('['.repeat(200) + ']'.repeat(200)) } }),
      'nested more than 100',
    ],
  ])('%s', (_, bad, message) => {
    const bytes = Buffer.concat([good, typeof bad === 'string' ? bytesOf(bad) : bad]);
    const error = errorOf(bytes);
    expect(error.message).toContain(message);
    expect(error.message).toMatch(/^record 3, at byte \d+ of \d+, is corrupt: .*; the 2 before it can be read$/);
    expect(error.message).not.toMatch(/[^ -~]/);
    expect(error.place?.record).toBe(3);
    // And so it is: what is told to be whole can be read.
    expect(error.readable).toBe(good.length);
    expect(rowsIn(readDatabase(bytes.subarray(0, error.readable)))).toEqual(rowsIn(readDatabase(good)));
  });
});

describe('what is no database, or none that can be used', () => {
  test.each([
    ['nothing', '', 'it is no OVSDB file'],
    ['a manifest', 'kind: DPUVPC', 'it is no OVSDB file'],
    ['a first record that is cut off', record(small).slice(0, 80), 'the file ends within its first record'],
    ['a first line that is cut off', 'OVSDB JSON 12', 'the file ends within its first record'],
    ['a first record that is no schema', record(insert), 'record 1, at byte 0'],
    [
      'a schema without a type of a column',
      record({ ...small, tables: { T: { columns: { a: {} } } } }),
      'column "a" of table "T"',
    ],
    [
      'a schema of too many tables',
      record({
        name: 'x',
        tables: Object.fromEntries(Array.from({ length: 1001 }, (_, at) => [`t${at}`, { columns: {} }])),
      }),
      'at most 1000',
    ],
  ])('%s', (_, text, message) => {
    expect(errorOf(bytesOf(text)).message).toContain(message);
  });

  test('is told from one by its first bytes', () => {
    expect(isDatabaseFile(fileOf([small]))).toBe(true);
    for (const text of ['', 'OVSD', 'kind: x', ' OVSDB JSON 1']) expect(isDatabaseFile(bytesOf(text))).toBe(false);
  });
});

describe('what is too large is refused before it fills the memory', () => {
  const rowsOf = (count: number, row: string): string =>
    `{"T":{${Array.from({ length: count }, (_, at) => `"${uuid(at)}":${row}`).join(',')}}}`;

  test('rows', () => {
    const limits = { rows: 100 };
    const bytes = (count: number) => fileOf([small, rowsOf(count, '{}')]);
    expect(readDatabase(bytes(100), { limits }).tables.get('T')?.rows.size).toBe(100);
    expect(errorOf(bytes(101), { limits }).message).toBe(
      'the database is too large: more than 100 rows, and no more are read',
    );
  });

  test('rows that are gone do not count', () => {
    const turn = [{ T: { [uuid(1)]: row } }, { T: { [uuid(1)]: null } }];
    const records = [small, ...Array.from({ length: 500 }, () => turn).flat()];
    expect(rowsIn(readDatabase(fileOf(records), { limits: { rows: 1, memory: 1000 } }))).toEqual({});
  });

  test('values', () => {
    const bytes = fileOf([small, rowsOf(1000, `{"set":["set",["${'x'.repeat(1000)}"]]}`)]);
    expect(errorOf(bytes, { limits: { memory: 1_000_000 } }).message).toContain('take more than 1 MB of memory');
    expect(readDatabase(bytes, { limits: { memory: 2_000_000 } }).records).toBe(2);
  });

  test('one row of very many members', () => {
    const bytes = fileOf([small, `{"T":{"${uuid(1)}":{"set":["set",[${'"",'.repeat(5_000_000)}""]]}}}`]);
    expect(errorOf(bytes).message).toContain('is too large');
  });

  test('a file, without looking at it', () => {
    const bytes = { length: 2 ** 31 } as Uint8Array;
    expect(errorOf(bytes).message).toContain('the file is too large');
  });

  test('and many small differences of a large set take no longer than they should', () => {
    const members = Array.from({ length: 20_000 }, (_, at) => `m${at}`);
    const first = { T: { [uuid(1)]: { set: ['set', members] } } };
    const changes = Array.from({ length: 20_000 }, (_, at) => ({
      T: { [uuid(1)]: { set: `n${at}` } },
      _is_diff: true,
    }));
    const [only] =
      readDatabase(fileOf([small, first, ...changes]))
        .tables.get('T')
        ?.rows.values() ?? [];
    expect(only?.[1]).toHaveLength(40_000);
  }, 10_000);
});
