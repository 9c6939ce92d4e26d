/**
 * Writes a database as a standalone OVSDB file, ovsdb(5): a record with the
 * schema, and one with a transaction that inserts every row (RFC 7047,
 * section 5.1).  The same rows always give the same bytes.
 */
import type { Checksum } from './record.ts';
import { type Atom, type Column, defaultValue, type Schema } from './schema.ts';
import { type AtomLimits, type ColumnLimits, type SchemaFacts, schemaJson } from './schema-json.ts';
import { sha1 } from './sha1.ts';

/** Rows by table and UUID; what is not among the schema's columns is not written. */
export type TablesToWrite = Readonly<Record<string, ReadonlyMap<string, object>>>;

/** A row that no OVSDB server would take: a sentence without a full stop. */
export class WriteError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'WriteError';
  }
}

/**
 * The file.  Weak references to rows that are not there are left out, as a server
 * would; throws `WriteError` where a server would refuse the rows: a value out of
 * its column's limits, a set that needs a member, a strong reference that leads
 * nowhere, two rows with the same index, or too many rows.
 */
export function writeDatabase(
  schema: Schema,
  facts: SchemaFacts,
  tables: TablesToWrite,
  checksum: Checksum = sha1,
): Uint8Array {
  const encoder = new TextEncoder();
  const record = (parts: readonly string[]): Uint8Array[] => {
    const json = joined(parts.map((part) => encoder.encode(part)));
    return [encoder.encode(`OVSDB JSON ${json.length} ${checksum(json)}\n`), json];
  };
  const rows = Object.keys(schema).flatMap((table, at) => [
    `${at === 0 ? '{' : ','}${JSON.stringify(table)}:{`,
    ...rowTexts(schema, facts, table, tables),
    '}',
  ]);
  return joined([...record([JSON.stringify(schemaJson(schema, facts)), '\n']), ...record([...rows, '}\n'])]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

type Row = Readonly<Record<string, unknown>>;

function rowTexts(schema: Schema, facts: SchemaFacts, table: string, tables: TablesToWrite): string[] {
  const rows = tables[table] ?? new Map();
  const most = facts.maxRows[table] ?? Number.POSITIVE_INFINITY;
  if (rows.size > most) throw new WriteError(`table ${table} has ${rows.size} rows; at most ${most} are allowed`);
  for (const index of facts.indexes[table] ?? []) refuseTwins(table, index, rows);
  const columns = Object.entries(schema[table] ?? {}).flatMap(([name, column]): ColumnToWrite[] => {
    const limits = facts.limits[table]?.[name] ?? {};
    const targets = tables[column.refTable ?? ''];
    return limits.ephemeral ? [] : [{ table, name, column, limits, ...(targets && { targets }) }];
  });
  const texts: string[] = [];
  for (const uuid of [...rows.keys()].sort()) {
    const row = rows.get(uuid) as Row;
    const values = columns.flatMap((column) => cellText(column, row[column.name]) ?? []);
    texts.push(`${texts.length === 0 ? '' : ','}"${uuid}":{${values.join(',')}}`);
  }
  return texts;
}

function refuseTwins(table: string, index: readonly string[], rows: ReadonlyMap<string, object>): void {
  const seen = new Set<string>();
  for (const row of rows.values()) {
    const values = JSON.stringify(index.map((column) => (row as Row)[column] ?? null));
    if (!seen.has(values)) seen.add(values);
    else
      throw new WriteError(`table ${table} has two rows with the same ${index.join(' and ')}: ${values.slice(1, -1)}`);
  }
}

/** A column, and what is known of the values that it may have. */
interface ColumnToWrite {
  readonly table: string;
  readonly name: string;
  readonly column: Column;
  readonly limits: ColumnLimits;
  /** The rows that it may refer to. */
  readonly targets?: ReadonlyMap<string, object>;
}

/** `"NAME":VALUE`, or undefined for the default, which a file leaves out. */
function cellText(given: ColumnToWrite, value: unknown): string | undefined {
  const json = valueJson(given, value ?? defaultValue(given.column));
  return json === undefined ? undefined : `${JSON.stringify(given.name)}:${JSON.stringify(json)}`;
}

function valueJson(given: ColumnToWrite, value: unknown): unknown {
  const { column, limits } = given;
  const { shape, key } = column;
  if (shape === 'required') {
    const atom = atomJson(given, key, limits.key, value);
    if (atom === undefined) throw lost(given, value);
    return value === defaultValue(column) ? undefined : atom;
  }
  if (shape === 'optional') return value === undefined ? undefined : atomJson(given, key, limits.key, value);
  const json = shape === 'map' ? mapJson(given, value as Row) : setJson(given, value as unknown[]);
  if (json !== undefined || !limits.atLeastOne) return json;
  throw new WriteError(`column ${given.name} of table ${given.table} is empty; it needs a value`);
}

function setJson(given: ColumnToWrite, value: readonly unknown[]): unknown {
  const { column, limits } = given;
  const members = [...new Set(value)].sort(compare);
  const atoms = members
    .map((each) => atomJson(given, column.key, limits.key, each))
    .filter((atom) => atom !== undefined);
  if (atoms.length === 0) return undefined;
  return atoms.length === 1 ? atoms[0] : ['set', atoms];
}

function mapJson(given: ColumnToWrite, value: Row): unknown {
  const { column, limits } = given;
  const pairs = Object.entries(value)
    .sort(([a], [b]) => compare(a, b))
    .map(([key, each]) => [
      atomJson(given, column.key, limits.key, key),
      atomJson(given, column.value ?? 'string', limits.value, each),
    ])
    .filter(([, each]) => each !== undefined);
  return pairs.length === 0 ? undefined : ['map', pairs];
}

/** An atom; undefined for a weak reference that leads nowhere. */
function atomJson(given: ColumnToWrite, atom: Atom, limits: AtomLimits | undefined, value: unknown): unknown {
  if (limits !== undefined) refuseOutside(given, limits, value);
  if (atom !== 'uuid') return value;
  if (given.targets === undefined || given.targets.has(String(value))) return ['uuid', value];
  if (given.column.refType === 'strong') throw lost(given, value);
  return undefined;
}

function lost({ table, name, column }: ColumnToWrite, value: unknown): WriteError {
  return new WriteError(
    `column ${name} of table ${table} refers to row ${value} of ${column.refTable}, which does not exist`,
  );
}

function refuseOutside({ table, name }: ColumnToWrite, limits: AtomLimits, value: unknown): void {
  if ('includes' in limits) {
    if (limits.includes(String(value))) return;
    throw new WriteError(`column ${name} of table ${table} is "${value}"; it should be one of ${limits.join(', ')}`);
  }
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, maxLength } = limits;
  if (maxLength !== undefined) {
    if ([...String(value)].length <= maxLength) return;
    throw new WriteError(`column ${name} of table ${table} is longer than ${maxLength} characters: "${value}"`);
  }
  if (Number(value) >= min && Number(value) <= max) return;
  const allowed = max === Number.POSITIVE_INFINITY ? `at least ${min}` : `from ${min} to ${max}`;
  throw new WriteError(`column ${name} of table ${table} is ${value}; it should be ${allowed}`);
}

function compare(a: unknown, b: unknown): number {
  if (a === b) return 0;
  return (a as string | number) < (b as string | number) ? -1 : 1;
}
