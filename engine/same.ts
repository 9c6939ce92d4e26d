/** Whether two pieces of plain data are the same: what has stayed the very object is not looked at again. */

/**
 * Compares objects, lists, maps, sets and primitive values; what functions are in them says nothing, nor what is in fields of
 * objects that are not to be read.
 */
export function isSame(a: unknown, b: unknown, unread?: ReadonlySet<string>): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a === 'function') return typeof b === 'function';
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) return Array.isArray(b) && isSameList(a, b, unread);
  if (a instanceof Map) return b instanceof Map && a.size === b.size && isSameList([...a], [...b], unread);
  if (a instanceof Set) return b instanceof Set && a.size === b.size && isSameList([...a], [...b], unread);
  if (Array.isArray(b) || b instanceof Map || b instanceof Set) return false;
  return isSameRecord(a as Readonly<Record<string, unknown>>, b as Readonly<Record<string, unknown>>, unread);
}

function isSameList(a: readonly unknown[], b: readonly unknown[], unread?: ReadonlySet<string>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!isSame(a[i], b[i], unread)) return false;
  return true;
}

function isSameRecord(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
  unread?: ReadonlySet<string>,
): boolean {
  let keys = 0;
  for (const key in a) {
    if (unread?.has(key)) continue;
    keys += 1;
    if (!isSame(a[key], b[key], unread) || !(key in b)) return false;
  }
  for (const key in b) if (!unread?.has(key)) keys -= 1;
  return keys === 0;
}
