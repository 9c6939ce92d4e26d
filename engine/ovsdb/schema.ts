/**
 * OVSDB column types (RFC 7047, section 3.2) as data, and the TypeScript types
 * of rows derived from them.  A table is described once; its rows' types, their
 * default values and every way of printing them follow from that description.
 */

/** What a column's atoms are. */
export type Atom = 'string' | 'integer' | 'boolean' | 'real' | 'uuid';

/**
 * A column: one atom (`required`), at most one (`optional`), a set or a map.
 * `refTable` names the table that a column of UUIDs points into, of a map the
 * one that its values point into; a weak reference does not keep its target alive.
 */
export interface Column {
  readonly shape: 'required' | 'optional' | 'set' | 'map';
  readonly key: Atom;
  readonly value?: Atom;
  readonly refTable?: string;
  readonly refType?: 'strong' | 'weak';
}

export type Table = Readonly<Record<string, Column>>;
export type Schema = Readonly<Record<string, Table>>;

type AtomValue<A> = A extends 'integer' | 'real' ? number : A extends 'boolean' ? boolean : string;

/** The TypeScript type of a column's value; an absent optional is `undefined`. */
export type ColumnValue<C> = C extends { shape: 'required'; key: infer K }
  ? AtomValue<K>
  : C extends { shape: 'optional'; key: infer K }
    ? AtomValue<K> | undefined
    : C extends { shape: 'set'; key: infer K }
      ? AtomValue<K>[]
      : C extends { shape: 'map'; value: infer V }
        ? Record<string, AtomValue<V>>
        : never;

/** The columns of a table's rows. */
export type Columns<T extends Table> = { -readonly [C in keyof T]: ColumnValue<T[C]> };

export const text = { shape: 'required', key: 'string' } as const;
export const integer = { shape: 'required', key: 'integer' } as const;
export const boolean = { shape: 'required', key: 'boolean' } as const;
export const optionalText = { shape: 'optional', key: 'string' } as const;
export const optionalInteger = { shape: 'optional', key: 'integer' } as const;
export const optionalBoolean = { shape: 'optional', key: 'boolean' } as const;
export const textSet = { shape: 'set', key: 'string' } as const;
export const uuidSet = { shape: 'set', key: 'uuid' } as const;
export const map = { shape: 'map', key: 'string', value: 'string' } as const;
export const textToInteger = { shape: 'map', key: 'string', value: 'integer' } as const;

type RefType = 'strong' | 'weak';

/** Exactly one row of `refTable`. */
export function ref(refTable: string, refType: RefType = 'strong') {
  return { shape: 'required', key: 'uuid', refTable, refType } as const;
}

/** At most one row of `refTable`. */
export function optionalRef(refTable: string, refType: RefType = 'strong') {
  return { shape: 'optional', key: 'uuid', refTable, refType } as const;
}

/** Any number of rows of `refTable`. */
export function refs(refTable: string, refType: RefType = 'strong') {
  return { shape: 'set', key: 'uuid', refTable, refType } as const;
}

/** A map whose values are rows of `refTable`. */
export function textToRef(refTable: string, refType: RefType = 'strong') {
  return { shape: 'map', key: 'string', value: 'uuid', refTable, refType } as const;
}

function defaultAtom(atom: Atom): string | number | boolean {
  if (atom === 'integer' || atom === 'real') return 0;
  return atom === 'boolean' ? false : '';
}

/** A column's default value (RFC 7047, section 5.2.1: zero, false, "" or empty). */
export function defaultValue(column: Column): unknown {
  switch (column.shape) {
    case 'required':
      return defaultAtom(column.key);
    case 'optional':
      return undefined;
    case 'set':
      return [];
    case 'map':
      return {};
  }
}
