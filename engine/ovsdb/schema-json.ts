/**
 * A schema as a database file carries it: RFC 7047, section 3.2, from the tables
 * and columns that we know and the facts that their types do not tell.
 */
import type { Column, Schema } from './schema.ts';

/** The atoms that are allowed: the texts listed, integers within bounds, or texts up to a length. */
export type AtomLimits =
  | readonly string[]
  | { readonly min?: number; readonly max?: number; readonly maxLength?: number };

/** What a column's values must be beyond their type. */
export interface ColumnLimits {
  /** A set or a map needs a member. */
  readonly atLeastOne?: true;
  readonly key?: AtomLimits;
  /** Of a map's values. */
  readonly value?: AtomLimits;
  /** Its values are never kept in a file. */
  readonly ephemeral?: true;
}

/** What there is to know of a schema beside its columns' types. */
export interface SchemaFacts {
  readonly name: string;
  readonly version: string;
  /** `cksum` of OVN's own file. */
  readonly checksum: string;
  /** Tables whose rows live without being referred to. */
  readonly roots: ReadonlySet<string>;
  /** Sets of columns whose values no two rows of a table share. */
  readonly indexes: Readonly<Record<string, readonly (readonly string[])[]>>;
  readonly maxRows: Readonly<Record<string, number>>;
  /** By table and column. */
  readonly limits: Readonly<Record<string, Readonly<Record<string, ColumnLimits>>>>;
}

type Json = Readonly<Record<string, unknown>>;

/** The schema in the notation of RFC 7047. */
export function schemaJson(schema: Schema, facts: SchemaFacts): Json {
  const { name, version, checksum, roots, indexes, maxRows, limits } = facts;
  const tables = Object.entries(schema).map(([table, columns]) => {
    const types = Object.entries(columns).map(([column, type]) => [column, columnJson(type, limits[table]?.[column])]);
    const rows = maxRows[table];
    return [
      table,
      {
        columns: Object.fromEntries(types),
        ...(indexes[table] && { indexes: indexes[table] }),
        ...(roots.has(table) && { isRoot: true }),
        ...(rows !== undefined && { maxRows: rows }),
      },
    ];
  });
  return { cksum: checksum, name, tables: Object.fromEntries(tables), version };
}

function columnJson(column: Column, limits: ColumnLimits = {}): Json {
  return { ...(limits.ephemeral && { ephemeral: true }), type: typeJson(column, limits) };
}

function typeJson({ shape, key, value, refTable, refType }: Column, limits: ColumnLimits): unknown {
  const target = refTable === undefined ? {} : { refTable, ...(refType === 'weak' && { refType }) };
  const base = value === undefined ? atomJson(key, target, limits.key) : atomJson(key, {}, limits.key);
  if (shape === 'required') return typeof base === 'string' ? base : { key: base };
  return {
    key: base,
    ...(value !== undefined && { value: atomJson(value, target, limits.value) }),
    min: limits.atLeastOne ? 1 : 0,
    max: shape === 'optional' ? 1 : 'unlimited',
  };
}

/** An atom's type; its name alone where there is nothing else to say. */
function atomJson(type: string, target: Json, limits: AtomLimits = {}): unknown {
  const bounds = isList(limits)
    ? { enum: ['set', limits] }
    : {
        ...(limits.min !== undefined && { minInteger: limits.min }),
        ...(limits.max !== undefined && { maxInteger: limits.max }),
        ...(limits.maxLength !== undefined && { maxLength: limits.maxLength }),
      };
  const base = { type, ...target, ...bounds };
  return Object.keys(base).length === 1 ? type : base;
}

function isList(limits: AtomLimits): limits is readonly string[] {
  return Array.isArray(limits);
}
