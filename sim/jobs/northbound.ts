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

/** Tables of rows that somebody wrote to decide something: those that nothing leads to are the first part's. */
const decisive: ReadonlySet<string> = new Set<NorthboundTable>([
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
  const reach = (table: NorthboundTable, uuid: string, part: number): void => {
    const row = (northbound[table] as Map<string, object>).get(uuid);
    if (!row) return;
    const known = owners.get(row) ?? new Set();
    owners.set(row, known);
    if (known.has(part)) return;
    known.add(part);
    const columns = row as Readonly<Record<string, unknown>>;
    for (const { name, table: other } of references.get(table) ?? []) {
      const value = columns[name];
      if (typeof value === 'string') reach(other, value, part);
      else if (Array.isArray(value)) for (const each of value as string[]) reach(other, each, part);
    }
  };
  for (const [part, uuids] of datapaths.entries()) {
    for (const uuid of uuids)
      for (const table of ['Logical_Switch', 'Logical_Router'] as const) reach(table, uuid, part);
  }
  for (const group of northbound.Port_Group.values()) {
    for (const part of portsByPart(northbound, group, owners).keys()) {
      for (const acl of group.acls) reach('ACL', acl, part);
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
