/** What can be sent to another thread or machine. */

/** A copy of data without the functions in it (manifests know how to find the places of their parts); shared objects stay shared. */
export function plainOf<T>(data: T): T {
  return copyOf(data, new Map()) as T;
}

function copyOf(value: unknown, known: Map<object, unknown>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const before = known.get(value);
  if (before !== undefined) return before;
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    known.set(value, list);
    for (const each of value) list.push(copyOf(each, known));
    return list;
  }
  if (value instanceof Map) {
    const map = new Map<unknown, unknown>();
    known.set(value, map);
    for (const [key, each] of value) map.set(key, copyOf(each, known));
    return map;
  }
  if (value instanceof Set) return value;
  const record: Record<string, unknown> = {};
  known.set(value, record);
  for (const [key, each] of Object.entries(value)) {
    if (typeof each !== 'function') record[key] = copyOf(each, known);
  }
  return record;
}
