/**
 * What is remembered of a network that was taken apart, so that of another one that differs by little no more is looked
 * at than what differs.
 *
 * It is known of which datapaths a part is, by the very objects that ovn-northd's computation keeps of those that it
 * did not compute anew (engine/ovsdb/datapath-rows.ts), and of which northbound rows. Whatever may reach further than
 * the part that it is in (datapaths that come or go, ports that move, addresses of routers) is no small difference.
 */
import { type DatapathRows, listedRows, notedRows } from '../../engine/ovsdb/datapath-rows.ts';
import type { Northbound, NorthboundTable } from '../../engine/ovsdb/northbound.ts';
import type { PortBinding, Southbound } from '../../engine/ovsdb/southbound.ts';
import { isSame } from '../../engine/same.ts';
import { routerName, switchName } from '../../engine/vpc/names.ts';
import type { VpcPlan } from '../../engine/vpc/plan.ts';
import { networkOf } from '../symbolic/index.ts';
import { decisive, reachedFrom } from './northbound.ts';
import { type Part, type Partition, routerAddresses, type Subject, withoutNetworks } from './parts.ts';
import { southboundsOf } from './southbound.ts';

/** A network and its parts; the maps follow the network, so that the ground of the one before is gone. */
export interface Ground {
  readonly subject: Subject;
  readonly partition: Partition;
  readonly rows: readonly DatapathRows[];
  /** Parts by the UUIDs of their datapaths, and by the names of their ports. */
  readonly homes: ReadonlyMap<string, number>;
  readonly ports: Map<string, number>;
  /** Names of ports that nobody has, and the parts that would be another one if somebody had. */
  readonly awaited: Map<string, Set<number>>;
  /** Parts by the names of the routers of their VPCs' plans. */
  readonly planned: ReadonlyMap<string, number>;
  readonly northbound?: Rows;
}

/** The northbound rows of the parts. */
interface Rows {
  /** By UUID, whether there is such a row or not. */
  readonly owners: Map<string, Set<number>>;
  /** Of each part. */
  readonly reached: ReadonlySet<string>[];
  /** Where rows stand in their tables: those that come later have greater numbers, from `next` on. */
  readonly ranks: Map<string, number>;
  next: number;
}

/** Whether a row says nothing as long as no part leads to it: nobody but a port of a switch asks for options of DHCP. */
const isIdle = (uuid: string, ...databases: readonly (Northbound | undefined)[]): boolean =>
  databases.some((northbound) => northbound?.DHCP_Options.has(uuid));

/** More rows or parts than this are not little. */
const few = 1000;
const fewParts = 16;

/** What is to be remembered; undefined where nobody has said which datapaths' rows are the same as before. */
export function groundOf(subject: Subject, partition: Partition): Ground | undefined {
  const { southbound, northbound, plans = [] } = subject;
  const rows = notedRows(southbound);
  if (!rows) return undefined;
  const { parts } = partition;
  const homes = new Map<string, number>();
  const ports = new Map<string, number>();
  const awaited = new Map<string, Set<number>>();
  for (const [part, one] of parts.entries()) {
    for (const { uuid } of one.southbound.datapaths) homes.set(uuid, part);
    for (const { logicalPort } of one.southbound.ports) {
      if (ports.has(logicalPort)) return undefined;
      ports.set(logicalPort, part);
    }
  }
  if (homes.size !== rows.length || parts.reduce((sum, part) => sum + part.plans.length, 0) !== plans.length)
    return undefined;
  for (const [part, one] of parts.entries()) {
    for (const name of namesIn(one)) {
      const home = ports.get(name);
      if (home === undefined) awaited.set(name, (awaited.get(name) ?? new Set()).add(part));
      else if (home !== part) return undefined;
    }
  }
  const planned = new Map(parts.flatMap((one, part) => one.plans.map(({ vpc }) => [routerName(vpc), part] as const)));
  const known = northbound && rowsOf(northbound, parts);
  if ((northbound && !known) || planned.size !== plans.length) return undefined;
  return { subject, partition, rows, homes, ports, awaited, planned, ...(known && { northbound: known }) };
}

/** The names of ports that a part's ports and manifests speak of. */
function namesIn({ southbound, plans }: Part): string[] {
  return [
    ...southbound.ports.flatMap(({ type, options: { peer } }) =>
      peer !== undefined && (type === 'patch' || type === 'l3gateway') ? [peer] : [],
    ),
    ...plans.flatMap(({ networks }) => networks.flatMap((network) => network.ports.map(({ name }) => name))),
  ];
}

/** Undefined where a row that decides something is in no part by itself. */
function rowsOf(northbound: Northbound, parts: readonly Part[]): Rows | undefined {
  const ranks = new Map<string, number>();
  for (const rows of Object.values(northbound)) for (const uuid of rows.keys()) ranks.set(uuid, ranks.size);
  const owners = new Map<string, Set<number>>();
  const reached = parts.map(({ southbound }, part) => {
    const { uuids } = reachedFrom(northbound, datapathsOf(southbound), (uuid) => ranks.get(uuid) ?? 0);
    for (const uuid of uuids) owners.set(uuid, (owners.get(uuid) ?? new Set()).add(part));
    return uuids;
  });
  for (const table of decisive) {
    for (const uuid of northbound[table as NorthboundTable].keys()) if (!owners.has(uuid)) return undefined;
  }
  return { owners, reached, ranks, next: ranks.size };
}

const datapathsOf = ({ datapaths }: Southbound): string[] => datapaths.map(({ northboundUuid }) => northboundUuid);

/** A network that differs by little from one before. */
export interface Difference {
  readonly ground: Ground;
  /** Numbers of the parts that are not as they were. */
  readonly changed: readonly number[];
}

/** What differs between a network and the one of the ground; undefined where that may be more than some parts' own. */
export function differenceFrom(ground: Ground, subject: Subject): Difference | undefined {
  const rows = notedRows(subject.southbound);
  const before = ground.subject;
  if (!rows || rows.length !== ground.rows.length || !subject.northbound !== !before.northbound) return undefined;
  const plans = planChanges(before.plans, subject.plans);
  if (!plans) return undefined;
  const changed = new Set<number>();
  for (const name of plans.keys()) changed.add(ground.planned.get(name) as number);
  for (const [index, one] of rows.entries()) {
    const old = ground.rows[index] as DatapathRows;
    if (one === old) continue;
    if (!isSame(one.binding, old.binding)) return undefined;
    changed.add(ground.homes.get(one.binding.uuid) as number);
  }
  if (!noteShared(ground, subject.southbound, changed)) return undefined;
  const moved = ground.northbound && rowChanges(ground, subject.northbound as Northbound);
  if (ground.northbound && !moved) return undefined;
  for (const uuid of moved?.changed ?? []) {
    const own = ground.northbound?.owners.get(uuid);
    // What no part has, the whole network may be asked about.
    if ((!own || own.size === 0) && !isIdle(uuid, before.northbound, subject.northbound)) return undefined;
    for (const part of own ?? []) changed.add(part);
  }
  for (const uuid of moved?.appended ?? [])
    for (const part of ground.northbound?.owners.get(uuid) ?? []) changed.add(part);
  if (changed.size > fewParts) return undefined;
  return differing(ground, { subject, rows, plans, moved }, [...changed]);
}

/** Plans that are others now, by the names of their VPCs' routers. */
type PlanChanges = ReadonlyMap<string, VpcPlan>;

/** Undefined where more differs than who is in which network of a plan, and where that is written down. */
function planChanges(before: readonly VpcPlan[] = [], after: readonly VpcPlan[] = []): PlanChanges | undefined {
  if (before.length !== after.length) return undefined;
  const changed = new Map<string, VpcPlan>();
  for (const [index, plan] of after.entries()) {
    const old = before[index] as VpcPlan;
    if (isSame(old, plan)) continue;
    if (!isSame(frameOf(old), frameOf(plan))) return undefined;
    changed.set(routerName(plan.vpc), plan);
  }
  return changed;
}

/** What others know of a plan, and which switches are its. */
const frameOf = (plan: VpcPlan): unknown => [
  withoutNetworks(plan),
  plan.networks.map(({ network }) => switchName(network)),
];

/** The plans of a part after a change. */
const plansAfter = ({ plans }: Part, changes: PlanChanges): readonly VpcPlan[] =>
  plans.map((plan) => changes.get(routerName(plan.vpc)) ?? plan);

/** Notes whose are the sets and groups that are others now; all else that datapaths do not have has to be the same. */
function noteShared({ subject, partition }: Ground, southbound: Southbound, changed: Set<number>): boolean {
  const before: Readonly<Record<string, unknown>> = { ...subject.southbound };
  for (const [column, value] of Object.entries(southbound)) {
    if (listed.has(column) || isSame(value, before[column])) continue;
    if (column !== 'addressSets' && column !== 'portGroups') return false;
    const [old, fresh] = [subject.southbound[column], southbound[column]];
    if (old.size !== fresh.size) return false;
    for (const [name, members] of fresh) {
      const known = old.get(name);
      if (!known) return false;
      if (isSame(known, members)) continue;
      for (const [part, one] of partition.parts.entries()) if (one.southbound[column].has(name)) changed.add(part);
    }
  }
  return Object.keys(southbound).length === Object.keys(before).length;
}

/** Columns that are looked at datapath by datapath; origins are looked up of the flows of parts that changed. */
const listed: ReadonlySet<string> = new Set(['datapaths', 'ports', 'flows', 'multicastGroups', 'origins']);

/** UUIDs of northbound rows that are others, or gone, and of those that now stand at the ends of their tables. */
interface RowChanges {
  readonly changed: readonly string[];
  readonly appended: readonly string[];
}

function rowChanges({ subject }: Ground, northbound: Northbound): RowChanges | undefined {
  const changed: string[] = [];
  const appended: string[] = [];
  for (const [table, rows] of Object.entries(northbound) as [NorthboundTable, ReadonlyMap<string, object>][]) {
    const before: ReadonlyMap<string, object> | undefined = subject.northbound?.[table];
    if (rows === before) continue;
    if (!before) return undefined;
    const known = changed.length + appended.length;
    tableChanges(before, rows, changed, appended);
    const all = changed.length + appended.length;
    // Groups are of several parts.
    if (all > few || (table === 'Port_Group' && all > known)) return undefined;
  }
  return { changed, appended };
}

/** Goes through two tables side by side: what stands behind what came in between counts as appended. */
function tableChanges(
  before: ReadonlyMap<string, object>,
  after: ReadonlyMap<string, object>,
  changed: string[],
  appended: string[],
): void {
  const old = before.entries();
  let next = old.next();
  for (const [uuid, row] of after) {
    if (changed.length > few || appended.length > few) return;
    while (!next.done && next.value[0] !== uuid) {
      changed.push(next.value[0]);
      next = old.next();
    }
    if (next.done) appended.push(uuid);
    else {
      if (next.value[1] !== row) changed.push(uuid);
      next = old.next();
    }
  }
  for (; !next.done && changed.length <= few; next = old.next()) changed.push(next.value[0]);
}

/** A network that comes after another, and what it has that the other had not. */
interface Next {
  readonly subject: Subject;
  readonly rows: readonly DatapathRows[];
  readonly plans: PlanChanges;
  readonly moved: RowChanges | undefined;
}

/** The ground with these parts made anew. */
function differing(ground: Ground, next: Next, numbers: readonly number[]): Difference | undefined {
  const { partition, homes, northbound: known } = ground;
  const { subject, rows, plans, moved } = next;
  const names = namesAfter(ground, next, numbers);
  if (!names) return undefined;
  const ranks = new Map(moved?.appended.map((uuid, index) => [uuid, (known?.next ?? 0) + index]));
  const rankOf = (uuid: string): number => ranks.get(uuid) ?? known?.ranks.get(uuid) ?? 0;
  const parts = [...partition.parts];
  const reached = new Map<number, ReadonlySet<string>>();
  const changed: number[] = [];
  for (const part of numbers) {
    const before = parts[part] as Part;
    const listed = listedRows(rows.filter(({ binding }) => homes.get(binding.uuid) === part));
    const [southbound] = southboundsOf(
      { ...subject.southbound, ...listed },
      {
        count: 1,
        ofDatapath: (uuid) => (homes.get(uuid) === part ? 0 : undefined),
        ofPort: (name) => (names.homeOf(name) === part ? 0 : undefined),
      },
    );
    if (!southbound || !keepsShape(before.southbound, southbound)) return undefined;
    const made = subject.northbound && reachedFrom(subject.northbound, datapathsOf(southbound), rankOf);
    if (made) reached.set(part, made.uuids);
    const own: Part = { ...before, southbound, plans: plansAfter(before, plans) };
    const fresh: Part = made ? { ...own, northbound: made.northbound } : own;
    if (isSame(before, fresh)) continue;
    parts[part] = fresh;
    changed.push(part);
  }
  if (known && !keepsRows(known, subject.northbound as Northbound, reached, moved)) return undefined;
  names.apply();
  if (known) apply(known, reached, ranks);
  return { ground: { ...ground, subject, rows, partition: { ...partition, parts } }, changed };
}

/** Whether a part is still one part, and knows the others, and is known to them, by the same addresses. */
function keepsShape(before: Southbound, after: Southbound): boolean {
  const shape = (southbound: Southbound) => {
    const { components, datapaths } = networkOf(southbound);
    return [components.map((one) => one.map(({ uuid }) => uuid)), [...datapaths.values()].flatMap(routerAddresses)];
  };
  return isSame(shape(before), shape(after));
}

/** Names of ports, as they are after a change. */
interface Names {
  homeOf(name: string): number | undefined;
  apply(): void;
}

/** Undefined where a name is in two places, or leads from one part to another. */
function namesAfter(
  { partition, homes, ports, awaited }: Ground,
  { rows, plans }: Next,
  numbers: readonly number[],
): Names | undefined {
  const overlay = new Map<string, number | undefined>();
  const homeOf = (name: string) => (overlay.has(name) ? overlay.get(name) : ports.get(name));
  const changed = new Set(numbers);
  for (const part of numbers)
    for (const { logicalPort } of partition.parts[part]?.southbound.ports ?? []) overlay.set(logicalPort, undefined);
  const fresh: [number, readonly PortBinding[]][] = [];
  for (const one of rows) {
    const part = homes.get(one.binding.uuid) as number;
    if (changed.has(part)) fresh.push([part, one.ports]);
  }
  for (const [part, own] of fresh) {
    for (const { logicalPort } of own) {
      if (homeOf(logicalPort) !== undefined) return undefined;
      overlay.set(logicalPort, part);
      for (const other of awaited.get(logicalPort) ?? []) if (other !== part) return undefined;
    }
  }
  const waiting: [string, number][] = [];
  for (const part of numbers) {
    const ofPart = fresh.flatMap(([home, own]) => (home === part ? own : []));
    const before = partition.parts[part] as Part;
    const southbound = { ...before.southbound, ports: ofPart };
    for (const name of namesIn({ ...before, southbound, plans: plansAfter(before, plans) })) {
      const home = homeOf(name);
      if (home === undefined) waiting.push([name, part]);
      else if (home !== part) return undefined;
    }
  }
  return {
    homeOf,
    apply() {
      for (const [name, part] of overlay) {
        if (part === undefined) ports.delete(name);
        else ports.set(name, part);
      }
      for (const [name, part] of waiting) awaited.set(name, (awaited.get(name) ?? new Set()).add(part));
    },
  };
}

/** Whether each row that was a part's is one's still, or gone, and each that came is one's. */
function keepsRows(
  { owners, reached }: Rows,
  northbound: Northbound,
  fresh: ReadonlyMap<number, ReadonlySet<string>>,
  moved: RowChanges | undefined,
): boolean {
  const isThere = (uuid: string): boolean => Object.values(northbound).some((rows) => rows.has(uuid));
  const isOwned = (uuid: string): boolean => {
    for (const own of fresh.values()) if (own.has(uuid)) return true;
    for (const part of owners.get(uuid) ?? []) if (!fresh.has(part)) return true;
    return false;
  };
  const mayStay = (uuid: string): boolean => isOwned(uuid) || isIdle(uuid, northbound);
  for (const uuid of moved?.appended ?? []) if (!mayStay(uuid)) return false;
  for (const [part, own] of fresh) {
    for (const uuid of reached[part] ?? []) if (!own.has(uuid) && !mayStay(uuid) && isThere(uuid)) return false;
  }
  return true;
}

function apply(rows: Rows, fresh: ReadonlyMap<number, ReadonlySet<string>>, more: ReadonlyMap<string, number>): void {
  const { owners, reached, ranks } = rows;
  for (const [uuid, rank] of more) ranks.set(uuid, rank);
  rows.next += more.size;
  for (const [part, own] of fresh) {
    for (const uuid of reached[part] ?? []) if (!own.has(uuid)) owners.get(uuid)?.delete(part);
    for (const uuid of own) owners.set(uuid, (owners.get(uuid) ?? new Set()).add(part));
    reached[part] = own;
  }
}
