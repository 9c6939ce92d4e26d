/** The northbound rows of each part of a network: those that its switches and routers lead to. */
import {
  emptyNorthbound,
  type Northbound,
  type NorthboundRow,
  type NorthboundTable,
  northboundSchema,
} from '../../engine/ovsdb/northbound.ts';
import type { Column } from '../../engine/ovsdb/schema.ts';

/** The columns by which rows of a table lead to others: name, and the other table. */
const references: ReadonlyMap<string, readonly { name: string; table: NorthboundTable }[]> = new Map(
  Object.entries(northboundSchema).map(([table, columns]) => [
    table,
    Object.entries(columns as Readonly<Record<string, Column>>).flatMap(([name, { refTable }]) =>
      refTable === undefined ? [] : [{ name, table: refTable as NorthboundTable }],
    ),
  ]),
);

type AnyTable = ReadonlyMap<string, { readonly _uuid: string }>;

/** Told of a row that is led to, or of a UUID that no row has; says whether to follow it further. */
type Visit = (table: NorthboundTable, uuid: string, row: object | undefined) => boolean;

/** Goes to a row, and to those that it leads to. */
function follow(northbound: Northbound, table: NorthboundTable, uuid: string, visit: Visit): void {
  const row = (northbound[table] as AnyTable).get(uuid);
  if (!visit(table, uuid, row) || !row) return;
  const columns = row as Readonly<Record<string, unknown>>;
  for (const { name, table: other } of references.get(table) ?? []) {
    const value = columns[name];
    if (typeof value === 'string') follow(northbound, other, value, visit);
    else if (Array.isArray(value)) for (const each of value as string[]) follow(northbound, other, each, visit);
  }
}

const datapathTables = ['Logical_Switch', 'Logical_Router'] as const;

/** Goes to all rows that these switches' and routers' rows lead to. */
function followDatapaths(northbound: Northbound, uuids: readonly string[], visit: Visit): void {
  for (const uuid of uuids) for (const table of datapathTables) follow(northbound, table, uuid, visit);
}

/** Tables of rows that somebody wrote to decide something: those that nothing leads to are the first part's. */
export const decisive: ReadonlySet<string> = new Set<NorthboundTable>([
  'ACL',
  'Load_Balancer',
  'Logical_Router_Policy',
  'Logical_Router_Static_Route',
  'NAT',
  'QoS',
]);

/** Whose a row is: numbers of parts. */
type Owners = ReadonlyMap<object, ReadonlySet<number>>;

/**
 * A database for each part, `datapaths` being the UUIDs of its switches' and routers' rows; rows stand in their order.
 * A row that several parts lead to is in all of them; a port group has the ports of the part alone.
 */
export function northboundsOf(northbound: Northbound, datapaths: readonly (readonly string[])[]): Northbound[] {
  const owners = ownersOf(northbound, datapaths);
  const made = datapaths.map(() => emptyNorthbound());
  for (const [table, rows] of Object.entries(northbound) as [NorthboundTable, Map<string, { _uuid: string }>][]) {
    if (table === 'Port_Group') continue;
    const tables = made.map((database) => database[table] as Map<string, object>);
    for (const [uuid, row] of rows) {
      const own = owners.get(row);
      if (own) for (const part of own) tables[part]?.set(uuid, row);
      else if (decisive.has(table)) tables[0]?.set(uuid, row);
    }
  }
  for (const group of northbound.Port_Group.values()) {
    for (const [part, ports] of portsByPart(northbound, group, owners)) {
      made[part]?.Port_Group.set(group._uuid, { ...group, ports });
    }
  }
  return made;
}

function ownersOf(northbound: Northbound, datapaths: readonly (readonly string[])[]): Owners {
  const owners = new Map<object, Set<number>>();
  const claim =
    (part: number): Visit =>
    (_, __, row) => {
      if (!row) return false;
      const known = owners.get(row) ?? new Set();
      owners.set(row, known);
      if (known.has(part)) return false;
      known.add(part);
      return true;
    };
  for (const [part, uuids] of datapaths.entries()) followDatapaths(northbound, uuids, claim(part));
  for (const group of northbound.Port_Group.values()) {
    for (const part of portsByPart(northbound, group, owners).keys()) {
      for (const acl of group.acls) follow(northbound, 'ACL', acl, claim(part));
    }
  }
  return owners;
}

function portsByPart(
  northbound: Northbound,
  { ports }: NorthboundRow<'Port_Group'>,
  owners: Owners,
): Map<number, string[]> {
  const found = new Map<number, string[]>();
  for (const uuid of ports) {
    for (const part of owners.get(northbound.Logical_Switch_Port.get(uuid) ?? {}) ?? []) {
      const list = found.get(part);
      if (list) list.push(uuid);
      else found.set(part, [uuid]);
    }
  }
  return found;
}

/** What one part leads to: its own database, and all UUIDs that were looked for on the way. */
export interface Reached {
  readonly northbound: Northbound;
  readonly uuids: ReadonlySet<string>;
}

/**
 * The database of the part that has these switches and routers, as `northboundsOf` gives it but for rows that nothing
 * leads to; `rankOf` says where a row stands in its table.
 */
export function reachedFrom(
  northbound: Northbound,
  datapaths: readonly string[],
  rankOf: (uuid: string) => number,
): Reached {
  const uuids = new Set<string>();
  const found = new Map<NorthboundTable, Set<string>>();
  const visit: Visit = (table, uuid, row) => {
    uuids.add(uuid);
    if (!row) return false;
    const known = found.get(table) ?? new Set();
    found.set(table, known);
    if (known.has(uuid)) return false;
    known.add(uuid);
    return true;
  };
  followDatapaths(northbound, datapaths, visit);
  const own = found.get('Logical_Switch_Port') ?? new Set();
  const groups = [...northbound.Port_Group.values()].flatMap((group) => {
    const ports = group.ports.filter((uuid) => own.has(uuid));
    return ports.length > 0 ? [{ ...group, ports }] : [];
  });
  for (const { acls } of groups) for (const acl of acls) follow(northbound, 'ACL', acl, visit);
  const made = emptyNorthbound();
  for (const [table, members] of found) {
    const rows = made[table] as Map<string, object>;
    for (const uuid of [...members].sort((a, b) => rankOf(a) - rankOf(b))) {
      const row = (northbound[table] as AnyTable).get(uuid);
      if (row) rows.set(uuid, row);
    }
  }
  for (const group of groups) made.Port_Group.set(group._uuid, group);
  return { northbound: made, uuids };
}
