/**
 * Values of columns as files have them: RFC 7047, section 5.1, and the
 * differences that ovsdb-server writes instead of large values that changed a
 * little (`_is_diff`).
 */
import { type FileColumn, shown, ValueError } from './file-schema.ts';
import type { Atom } from './schema.ts';

export type AtomValue = string | number | boolean;

/**
 * A column's value: an atom, `undefined` where an optional one is absent, the
 * members of a set, or a map's values by key.  UUIDs are texts.  Integers beyond
 * 2^53 are rounded to what a number can hold.
 */
export type Value = AtomValue | undefined | readonly AtomValue[] | Readonly<Record<string, AtomValue>>;

/** A value that may be changed by differences: sets and maps in a form where one member costs one step. */
export type Draft = Exclude<Value, undefined> | undefined | Set<AtomValue> | Map<AtomValue, AtomValue>;

const noMembers: readonly AtomValue[] = Object.freeze([]);
const noPairs: Readonly<Record<string, AtomValue>> = Object.freeze({});

const defaultAtoms: Record<Atom, AtomValue> = {
  string: '',
  integer: 0,
  real: 0,
  boolean: false,
  uuid: '00000000-0000-0000-0000-000000000000',
};

/** The value of a column that a new row does not name (RFC 7047, section 5.2.1). */
export function defaultOf({ shape, key, value, min }: FileColumn): Value {
  if (shape === 'required') return defaultAtoms[key];
  if (shape === 'optional') return undefined;
  if (shape === 'set') return min === 0 ? noMembers : [defaultAtoms[key]];
  return min === 0 || value === undefined ? noPairs : record([[defaultAtoms[key], defaultAtoms[value]]]);
}

/** A value from its JSON; throws `ValueError` if it is none of the column's type. */
export function parseValue(column: FileColumn, json: unknown): Value {
  if (column.shape === 'map') {
    const pairs = parsePairs(column, json);
    return pairs.length === 0 ? noPairs : record(pairs);
  }
  const members = parseMembers(column, json);
  if (column.shape === 'set') return members.length === 0 ? noMembers : members;
  if (members.length > 1 || (column.shape === 'required' && members.length === 0)) {
    throw wrong(column, `holds ${members.length} values instead of one`);
  }
  return members[0];
}

/**
 * What a value becomes by a difference.  A member of a set that is in both goes,
 * any other comes; so does a map's pair, and one whose key is there with another
 * value replaces it.  Where a column holds at most one value, the difference is
 * the new value.  It is, too, where the value so far is the default: for columns
 * that need a member that contradicts what a standalone server writes, but it is
 * what every server makes of it when it reads its file.
 */
export function applyDifference(column: FileColumn, before: Draft, json: unknown): Draft {
  if (!column.isComposite || (column.min === 1 && isDefault(column, before))) return parseValue(column, json);
  if (column.shape === 'map') {
    const pairs = before instanceof Map ? before : new Map(Object.entries(before ?? {}).map(typedKey(column)));
    for (const [key, value] of parsePairs(column, json)) {
      if (pairs.get(key) === value) pairs.delete(key);
      else pairs.set(key, value);
    }
    return pairs;
  }
  const members = before instanceof Set ? before : new Set(Array.isArray(before) ? before : []);
  for (const member of parseMembers(column, json)) {
    if (!members.delete(member)) members.add(member);
  }
  return members;
}

function isDefault(column: FileColumn, draft: Draft): boolean {
  const isOne = draft instanceof Set || draft instanceof Map ? draft.size === 1 : true;
  return isOne && JSON.stringify(settled(draft)) === JSON.stringify(defaultOf(column));
}

/** The value that a draft stands for, its members in order: as a database would be dumped. */
export function settled(draft: Draft): Value {
  if (draft instanceof Set) return [...draft].sort(compare);
  if (draft instanceof Map) return record([...draft].sort(([a], [b]) => compare(a, b)));
  return draft;
}

/** About how many bytes of memory a value takes. */
export function costOf(draft: Draft): number {
  if (typeof draft === 'string') return 16 + draft.length;
  if (typeof draft !== 'object') return 0;
  if (Array.isArray(draft)) return draft.length === 0 ? 0 : draft.reduce((sum, each) => sum + 8 + costOf(each), 24);
  if (draft instanceof Set) return sum(draft, (each) => 32 + costOf(each));
  if (draft instanceof Map) return sum(draft, ([key, value]) => 48 + costOf(key) + costOf(value));
  return sum(Object.keys(draft), (key) => 48 + costOf(key) + costOf((draft as Record<string, AtomValue>)[key]));
}

function sum<T>(items: Iterable<T>, of: (item: T) => number): number {
  let total = 0;
  for (const item of items) total += of(item);
  return total;
}

function record(pairs: readonly (readonly [AtomValue, AtomValue])[]): Record<string, AtomValue> {
  const result: Record<string, AtomValue> = {};
  for (const [key, value] of pairs) {
    const name = String(key);
    // An assignment to this name would not make a property.
    if (name === '__proto__') Object.defineProperty(result, name, { ...ownProperty, value });
    else result[name] = value;
  }
  return result;
}

const ownProperty = { enumerable: true, writable: true, configurable: true };

/** The keys of a record are texts; those of a map are what the column says. */
function typedKey({ key: atom }: FileColumn): (pair: [string, AtomValue]) => [AtomValue, AtomValue] {
  if (atom === 'integer' || atom === 'real') return ([key, value]) => [Number(key), value];
  if (atom === 'boolean') return ([key, value]) => [key === 'true', value];
  return (pair) => pair;
}

function compare(a: AtomValue, b: AtomValue): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** A set's members; an atom stands for a set of one. */
function parseMembers(column: FileColumn, json: unknown): AtomValue[] {
  if (!isTagged(json, 'set')) return [parseAtom(column, column.key, json)];
  return json[1].map((member) => parseAtom(column, column.key, member));
}

function parsePairs(column: FileColumn, json: unknown): [AtomValue, AtomValue][] {
  if (!isTagged(json, 'map')) throw wrong(column, 'is not a map');
  return json[1].map((pair) => {
    if (!Array.isArray(pair) || pair.length !== 2) throw wrong(column, 'holds a pair that is none');
    return [parseAtom(column, column.key, pair[0]), parseAtom(column, column.value ?? 'string', pair[1])];
  });
}

function isTagged(json: unknown, tag: 'set' | 'map'): json is [string, unknown[]] {
  return Array.isArray(json) && json.length === 2 && json[0] === tag && Array.isArray(json[1]);
}

const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether a text is a UUID in its usual form. */
export function isUuid(text: string): boolean {
  return uuidForm.test(text);
}

function parseAtom(column: FileColumn, atom: Atom, json: unknown): AtomValue {
  if (atom === 'uuid') {
    const [tag, uuid] = Array.isArray(json) && json.length === 2 ? json : [];
    if (tag === 'uuid' && typeof uuid === 'string' && isUuid(uuid)) return uuid;
  } else if (atom === 'string') {
    if (typeof json === 'string') return json;
  } else if (atom === 'boolean') {
    if (typeof json === 'boolean') return json;
  } else if (typeof json === 'number' && (atom === 'integer' ? Number.isInteger(json) : Number.isFinite(json))) {
    return json;
  }
  throw wrong(column, `holds ${kindOf(json)} where its type is ${atom}`);
}

function kindOf(json: unknown): string {
  if (json === null) return 'null';
  if (Array.isArray(json)) return 'an array';
  if (typeof json === 'number') return `the number ${json}`;
  return typeof json === 'object' ? 'an object' : typeof json === 'string' ? 'a text' : `the value ${json}`;
}

const wrong = (column: FileColumn, what: string): ValueError => new ValueError(`column ${shown(column.name)} ${what}`);
