/**
 * The schema that a database file carries: RFC 7047, section 3.2.  Nothing here
 * knows OVN: whatever tables and columns a file has are read.
 */
import type { Atom, Column } from './schema.ts';

/** A column as a file's schema describes it. */
export interface FileColumn extends Column {
  readonly name: string;
  /** How many members a value has at least. */
  readonly min: 0 | 1;
  /** A value may have more than one member: then a change may be written as the difference, see `values.ts`. */
  readonly isComposite: boolean;
  /** Its values are never in a file. */
  readonly isEphemeral: boolean;
}

export interface FileTableSchema {
  readonly name: string;
  readonly columns: readonly FileColumn[];
  /** Its rows live without being referred to. */
  readonly isRoot: boolean;
}

export interface FileSchema {
  /** `OVN_Northbound`, `OVN_Southbound`, ... */
  readonly name: string;
  /** E.g. `7.0.0`; '' where the schema has none. */
  readonly version: string;
  readonly tables: readonly FileTableSchema[];
}

/** What is wrong with a schema or a value, as a sentence without a full stop. */
export class ValueError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ValueError';
  }
}

/** No real database has more tables, or more columns in a table. */
const maxTables = 1000;
const maxColumns = 1000;

type Json = Readonly<Record<string, unknown>>;

/** Reads a schema; throws `ValueError` if it is none. */
export function parseSchema(json: unknown): FileSchema {
  if (!isObject(json) || typeof json.name !== 'string' || !isObject(json.tables)) {
    throw new ValueError('a schema needs a name and tables');
  }
  const tables = Object.entries(json.tables);
  if (tables.length > maxTables) {
    throw new ValueError(`the schema has ${tables.length} tables; at most ${maxTables} are read`);
  }
  const version = typeof json.version === 'string' ? json.version : '';
  return { name: json.name, version, tables: tables.map(([name, table]) => parseTable(name, table)) };
}

function parseTable(name: string, json: unknown): FileTableSchema {
  if (!isObject(json) || !isObject(json.columns)) {
    throw new ValueError(`table ${shown(name)} of the schema has no columns`);
  }
  const columns = Object.entries(json.columns);
  if (columns.length > maxColumns) {
    const message = `table ${shown(name)} of the schema has ${columns.length} columns; at most ${maxColumns} are read`;
    throw new ValueError(message);
  }
  return {
    name,
    columns: columns.map(([column, type]) => parseColumn(name, column, type)),
    isRoot: json.isRoot === true,
  };
}

function parseColumn(table: string, name: string, json: unknown): FileColumn {
  const type = isObject(json) ? json.type : undefined;
  const full: Json = isObject(type) ? type : { key: type };
  const key = parseBase(full.key);
  const value = full.value === undefined ? undefined : parseBase(full.value);
  const { min = 1, max = 1 } = full;
  const isMax = max === 'unlimited' || (typeof max === 'number' && Number.isInteger(max) && max >= 1);
  if (!key || (full.value !== undefined && !value) || (min !== 0 && min !== 1) || !isMax) {
    throw new ValueError(`column ${shown(name)} of table ${shown(table)} of the schema has no type of OVSDB`);
  }
  const isEphemeral = isObject(json) && json.ephemeral === true;
  const column = { name, min, isComposite: max !== 1, isEphemeral, ...key } as const;
  if (value) return { ...column, shape: 'map', value: value.key };
  if (max !== 1) return { ...column, shape: 'set' };
  return { ...column, shape: min === 1 ? 'required' : 'optional' };
}

const atoms: readonly Atom[] = ['string', 'integer', 'boolean', 'real', 'uuid'];

function parseBase(json: unknown): Pick<Column, 'key' | 'refTable' | 'refType'> | undefined {
  const base: Json = isObject(json) ? json : { type: json };
  const key = atoms.find((atom) => atom === base.type);
  if (key === undefined) return undefined;
  if (typeof base.refTable !== 'string') return { key };
  return { key, refTable: base.refTable, refType: base.refType === 'weak' ? 'weak' : 'strong' };
}

function isObject(json: unknown): json is Json {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/** A name from a file, fit to be printed: in quotes, short, without control characters. */
export function shown(name: string): string {
  return JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}...` : name);
}
