/**
 * What commands of ovn-nbctl make of an empty database: just enough of
 * ovn-nbctl(8) to read `create`, `set` and `add` back, written from the manual
 * and apart from the code that writes them.
 */
import {
  emptyNorthbound,
  type Northbound,
  type NorthboundTable,
  northboundSchema,
} from '../../engine/ovsdb/northbound.ts';
import { type Column, defaultValue } from '../../engine/ovsdb/schema.ts';

type Row = Record<string, unknown>;

/** The database after `calls`, each a call's words. */
export function replay(calls: string[][]): Northbound {
  const nb = emptyNorthbound();
  for (const call of calls) for (const command of split(call)) perform(nb, command);
  return nb;
}

/** The rows of each table without what the commands need not carry: the order of sets and maps, origins. */
export function comparable(nb: Northbound): Record<string, Row[]> {
  const tables = Object.keys(northboundSchema) as NorthboundTable[];
  return Object.fromEntries(
    tables.map((table) => {
      const rows = [...(nb[table] as Map<string, Row>).values()].map(({ origin, ...row }) => {
        if (table === 'NB_Global') row._uuid = 'the only row';
        for (const [name, column] of Object.entries<Column>(northboundSchema[table])) {
          if (column.shape === 'set') row[name] = [...(row[name] as string[])].sort();
        }
        return row;
      });
      return [table, rows.filter(isTold).sort((a, b) => (`${a._uuid}` < `${b._uuid}` ? -1 : 1))];
    }),
  );
}

/** NB_Global is always there, so that a row of defaults is no news. */
function isTold(row: Row): boolean {
  const { _uuid, ...columns } = row;
  return _uuid !== 'the only row' || Object.values(columns).some((value) => !isDefault(value));
}

function isDefault(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return value === undefined || value === '' || value === 0 || value === false;
}

function split(call: string[]): string[][] {
  const commands: string[][] = [[]];
  for (const word of call) {
    if (word === '--') commands.push([]);
    else commands[commands.length - 1]?.push(word);
  }
  // What stands before the first `--` are the options of ovn-nbctl itself.
  return commands.slice(1);
}

function perform(nb: Northbound, command: string[]): void {
  const id = command[0]?.startsWith('--id=') ? command[0].slice(5) : undefined;
  const [verb, table, ...rest] = id === undefined ? command : command.slice(1);
  const name = table as NorthboundTable;
  const rows = nb[name] as Map<string, Row>;
  if (verb === 'create' && id !== undefined) {
    if (rows.has(id)) throw new Error(`${table} ${id} is created twice`);
    rows.set(id, defaults(name, id));
    for (const setting of rest) assign(rows.get(id) as Row, name, setting);
  } else if (verb === 'set' || verb === 'add') {
    const [record = '', ...settings] = rest;
    const row = record === '.' ? globalRow(rows) : rows.get(record);
    if (!row) throw new Error(`${table} has no row ${record}`);
    if (verb === 'set') for (const setting of settings) assign(row, name, setting);
    else add(row, name, settings);
  } else {
    throw new Error(`unexpected command: ${command.join(' ')}`);
  }
}

function globalRow(rows: Map<string, Row>): Row {
  const row = rows.get('.') ?? defaults('NB_Global', '.');
  rows.set('.', row);
  return row;
}

function defaults(table: NorthboundTable, uuid: string): Row {
  const columns = Object.entries<Column>(northboundSchema[table]);
  return { _uuid: uuid, ...Object.fromEntries(columns.map(([name, column]) => [name, defaultValue(column)])) };
}

/** `COLUMN=VALUE` or `COLUMN:KEY=VALUE`. */
function assign(row: Row, table: NorthboundTable, setting: string): void {
  const [, name = '', , key, values = ''] = /^(\w+)(:("(?:[^"\\]|\\.)*"|[^=]*))?=(.*)$/s.exec(setting) ?? [];
  const column = columnOf(table, name);
  if (key !== undefined) (row[name] as Row)[atom(key, 'string') as string] = atom(values, column.value ?? 'string');
  else if (values === '[]' || values === '{}') row[name] = defaultValue(column);
  else if (column.shape === 'set') row[name] = members(values, column);
  else row[name] = atom(values, column.key);
}

function add(row: Row, table: NorthboundTable, words: string[]): void {
  const [name = '', ...values] = words;
  const column = columnOf(table, name);
  const added = values.flatMap((word) => members(word, column));
  row[name] = column.shape === 'set' ? [...(row[name] as unknown[]), ...added] : added[0];
}

function columnOf(table: NorthboundTable, name: string): Column {
  const columns: Readonly<Record<string, Column>> = northboundSchema[table];
  const column = columns[name];
  if (!column) throw new Error(`${table} has no column "${name}"`);
  return column;
}

function members(text: string, column: Column): unknown[] {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[^,"]+/gs) ?? [];
  return tokens.map((token) => atom(token, column.key));
}

function atom(token: string, type: string): unknown {
  if (type === 'integer') return Number(token);
  if (type === 'boolean') return token === 'true';
  if (token.startsWith('"')) return JSON.parse(token);
  if (/[":=, [\]{}!<>]/.test(token)) throw new Error(`${token} is not one word for ovn-nbctl`);
  return token;
}
