/**
 * Changes that leave all that ties datapaths to each other as it is: hosts that come, go or are other ones, rules of
 * a switch, routes, policies and unattached ports of a router.  What they reach is known without looking at the rest.
 */
import type { Northbound, NorthboundRow, NorthboundTable } from '../ovsdb/northbound.ts';
import { type NorthboundChange, uuidOf } from './change.ts';
import type { Partition } from './components.ts';
import { isHost } from './sketch.ts';

/** What changes, by UUIDs of northbound rows. */
export interface SmallChange {
  /** Hosts by their switch: those that come, go or change. */
  readonly hosts: ReadonlyMap<string, ReadonlySet<string>>;
  /** Switches that have other rules. */
  readonly ruled: ReadonlySet<string>;
  /** Routers with other rows. */
  readonly routers: ReadonlySet<string>;
  /** Rows that become a datapath's own, and those that are no longer. */
  readonly adopted: readonly Ownership[];
  readonly released: readonly Ownership[];
  /** Names of ports that come, with their datapaths; names that go. */
  readonly named: ReadonlyMap<string, string>;
  readonly unnamed: readonly string[];
}

interface Ownership {
  readonly row: string;
  readonly datapath: string;
}

/** What is known of the network as it was before the change. */
export interface Known {
  readonly nb: Northbound;
  /** Whose a row is: UUIDs of datapaths' rows. */
  readonly owners: ReadonlyMap<string, ReadonlySet<string>>;
  readonly partition: Partition;
}

/** More rows than this are not few: their places would be looked for one by one. */
const few = 64;

/** Fewer ports than a datapath has tunnel keys for. */
const manyPorts = 32_000;

/** What changes that are not yet made amount to; undefined if they are more than small. */
export function smallChange(known: Known, changes: readonly NorthboundChange[]): SmallChange | undefined {
  if (known.partition.isManaged || changes.length > few) return undefined;
  const look: Look = {
    ...known,
    fresh: new Map(changes.map((change) => [uuidOf(change), change])),
    hosts: new Map(),
    routerPorts: new Map(),
    ruled: new Set(),
    routers: new Set(),
    adopted: [],
    released: [],
    named: new Map(),
    unnamed: [],
  };
  const isSmall = [...look.fresh].every(([uuid, change]) => {
    if (change.table === 'Logical_Switch') return 'row' in change && noteSwitch(look, change.row);
    if (change.table === 'Logical_Router') return 'row' in change && noteRouter(look, change.row);
    return ownTables.has(change.table) && noteOwnRow(look, change.table, uuid);
  });
  return isSmall && keepsPorts(look) ? look : undefined;
}

/** What is being found out. */
interface Look extends Known {
  readonly fresh: ReadonlyMap<string, NorthboundChange>;
  readonly hosts: Map<string, Set<string>>;
  /** As `hosts`, of routers. */
  readonly routerPorts: Map<string, Set<string>>;
  readonly ruled: Set<string>;
  readonly routers: Set<string>;
  readonly adopted: Ownership[];
  readonly released: Ownership[];
  readonly named: Map<string, string>;
  readonly unnamed: string[];
}

/** Tables besides datapaths whose rows' changes may be small. */
const ownTables: ReadonlySet<NorthboundTable> = new Set<NorthboundTable>([
  'Logical_Switch_Port',
  'ACL',
  'QoS',
  'Logical_Router_Port',
  'Logical_Router_Static_Route',
  'Logical_Router_Policy',
]);

function noteSwitch(look: Look, row: NorthboundRow<'Logical_Switch'>): boolean {
  const before = look.nb.Logical_Switch.get(row._uuid);
  if (!before || !differsOnlyIn(before, row, ['ports', 'acls', 'qos_rules'])) return false;
  // Ports may be too many for their tunnel keys.
  if (row.ports.length >= manyPorts) return false;
  const hosts = noteMoves(look, before.ports, row.ports, row._uuid);
  const rules = [
    noteMoves(look, before.acls, row.acls, row._uuid),
    noteMoves(look, before.qos_rules, row.qos_rules, row._uuid),
  ];
  if (rules.some((moved) => moved !== undefined && moved.length > 0)) look.ruled.add(row._uuid);
  addTo(look.hosts, row._uuid, hosts ?? []);
  return hosts !== undefined && !rules.includes(undefined);
}

function noteRouter(look: Look, row: NorthboundRow<'Logical_Router'>): boolean {
  const before = look.nb.Logical_Router.get(row._uuid);
  if (!before || before.enabled === false || !differsOnlyIn(before, row, ['ports', 'static_routes', 'policies'])) {
    return false;
  }
  look.routers.add(row._uuid);
  const ports = noteMoves(look, before.ports, row.ports, row._uuid);
  addTo(look.routerPorts, row._uuid, ports ?? []);
  const rules = [
    noteMoves(look, before.static_routes, row.static_routes, row._uuid),
    noteMoves(look, before.policies, row.policies, row._uuid),
  ];
  return ports !== undefined && !rules.includes(undefined);
}

/** A row that datapaths have as their own; what becomes one's own is seen where the datapath changes. */
function noteOwnRow(look: Look, table: NorthboundTable, uuid: string): boolean {
  const { nb, owners, partition, fresh } = look;
  const holders = owners.get(uuid) ?? [];
  for (const at of holders) {
    if (table === 'Logical_Switch_Port') addTo(look.hosts, at, [uuid]);
    if (table === 'Logical_Router_Port') addTo(look.routerPorts, at, [uuid]);
    if (nb.Logical_Router.has(at)) look.routers.add(at);
    else if (table !== 'Logical_Switch_Port') look.ruled.add(at);
  }
  if (table !== 'ACL') return true;
  // Groups have ACLs, too, which reach further.
  const isWanted = [...fresh.values()].some(
    (change) => change.table === 'Logical_Switch' && 'row' in change && change.row.acls.includes(uuid),
  );
  return !partition.groupRules.has(uuid) && (owners.has(uuid) || isWanted);
}

/** Rows that are not at the same place of both lists; undefined if they are many, or one would have two owners. */
function noteMoves(
  { owners, adopted, released }: Look,
  before: readonly string[],
  after: readonly string[],
  datapath: string,
): string[] | undefined {
  let from = 0;
  const most = Math.min(before.length, after.length);
  while (from < most && before[from] === after[from]) from++;
  let behind = 0;
  while (behind < most - from && before[before.length - 1 - behind] === after[after.length - 1 - behind]) behind++;
  const old = new Set(before.slice(from, before.length - behind));
  const fresh = new Set(after.slice(from, after.length - behind));
  if (old.size > few || fresh.size > few) return undefined;
  for (const row of old) if (!fresh.has(row)) released.push({ row, datapath });
  for (const row of fresh) {
    if (old.has(row)) continue;
    if (owners.has(row) || adopted.some((other) => other.row === row)) return undefined;
    adopted.push({ row, datapath });
  }
  return [...new Set([...old, ...fresh])];
}

/** Whether the ports that change are of the simple kind, and their names nobody else's, nor waited for. */
function keepsPorts(look: Look): boolean {
  for (const [at, uuids] of look.hosts) {
    for (const uuid of uuids) if (!keepsPort(look, 'Logical_Switch_Port', uuid, at, isHost)) return false;
  }
  for (const [at, uuids] of look.routerPorts) {
    for (const uuid of uuids) if (!keepsPort(look, 'Logical_Router_Port', uuid, at, isUnattached)) return false;
  }
  return true;
}

function isUnattached({ peer, gateway_chassis, ha_chassis_group }: NorthboundRow<'Logical_Router_Port'>): boolean {
  return peer === undefined && gateway_chassis.length === 0 && ha_chassis_group === undefined;
}

function keepsPort<T extends 'Logical_Switch_Port' | 'Logical_Router_Port'>(
  look: Look,
  table: T,
  uuid: string,
  datapath: string,
  isSimple: (row: NorthboundRow<T>) => boolean,
): boolean {
  const { claims, twins, owners: names } = look.partition;
  const rows: Map<string, NorthboundRow<T>> = look.nb[table];
  const before = rows.get(uuid);
  const change = look.fresh.get(uuid);
  let after = before;
  if (change) after = change.table === table && 'row' in change ? (change.row as NorthboundRow<T>) : undefined;
  for (const row of [before, after]) {
    if (row && (!isSimple(row) || claims.has(row.name) || twins.has(row.name))) return false;
  }
  const holders = look.owners.get(uuid);
  if (claims.has(uuid) || (holders && holders.size > 1)) return false;
  const wasThere = holders !== undefined && before !== undefined;
  const isThere = after !== undefined && look.released.every(({ row }) => row !== uuid);
  if (wasThere && isThere && before.name === after?.name) return true;
  if (wasThere) look.unnamed.push(before.name);
  if (!isThere || !after) return true;
  if (names.has(after.name) || look.named.has(after.name)) return false;
  look.named.set(after.name, datapath);
  return true;
}

function addTo(sets: Map<string, Set<string>>, key: string, values: readonly string[]): void {
  const set = sets.get(key);
  if (!set) sets.set(key, new Set(values));
  else for (const value of values) set.add(value);
}

/** Whether rows of a table are the same but for some columns. */
function differsOnlyIn<Row extends object>(a: Row, b: Row, columns: readonly (keyof Row)[]): boolean {
  const all = new Set([...Object.keys(a), ...Object.keys(b)]) as Set<keyof Row>;
  return [...all].every((column) => columns.includes(column) || sameValue(a[column], b[column]));
}

/** Whether two values of a column are the same. */
export const sameValue = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);
