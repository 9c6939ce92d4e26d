/** The order in which datapaths, ports and groups are looked at. */

/** Rows in the order of their names, those of one name in that of their UUIDs. */
export function sortedByName<R extends { name: string; _uuid: string }>(rows: Iterable<R>): R[] {
  return [...rows].sort((a, b) => (a.name === b.name ? compare(a._uuid, b._uuid) : compare(a.name, b.name)));
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
