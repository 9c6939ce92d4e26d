/**
 * The southbound database of a northbound one that changes: only what a change can
 * reach is computed anew.
 *
 *     const northd = createNorthd(northbound);
 *     northd.apply([{ table: 'Logical_Switch_Port', row }, { table: 'Logical_Switch', row: grown }]);
 *     northd.computation();     // as computeSouthbound of the database as it is now
 *
 * What is reached is a part of the network that nothing ties to the rest
 * (`components.ts`), such as one tenant's VPC.  A change of a row that is no
 * datapath's own reaches everything.
 */
import type { Northbound, NorthboundRow, NorthboundTable } from '../ovsdb/northbound.ts';
import type { LogicalFlow } from '../ovsdb/southbound.ts';
import {
  type Component,
  type DatapathFacts,
  datapathFacts,
  keepsParts,
  type Partition,
  partialNorthbound,
  partitionOf,
} from './components.ts';
import { type Computation, computationOf, datapathFlows } from './index.ts';
import { buildTopology, type Datapath, type Port, type Topology } from './topology.ts';
import { datapathKeys } from './tunnel-keys.ts';
import type { NorthdWarning } from './warning.ts';

/** A row that is inserted or replaces the one with its UUID, or one that is deleted. */
export type NorthboundChange = {
  [T in NorthboundTable]:
    | { readonly table: T; readonly row: NorthboundRow<T> }
    | { readonly table: T; readonly deleted: string };
}[NorthboundTable];

/** A computation that follows its northbound database. */
export interface Northd {
  /**
   * Applies changes, all at once, and computes what they reach.  Gives the UUIDs
   * of the southbound datapaths whose flows were computed, and of those that are
   * gone.  Rows are replaced, never changed: those given before must stay as they are.
   */
  apply(changes: readonly NorthboundChange[]): ReadonlySet<string>;
  /** The flows of a datapath, in order; none if there is no such datapath. */
  flows(datapath: string): readonly LogicalFlow[];
  /** Everything, put together when it is asked for: equal to `computeSouthbound` of the database as it is. */
  computation(): Computation;
}

/** A part as it was computed. */
interface Part {
  readonly component: Component;
  readonly datapaths: readonly Datapath[];
  readonly flows: ReadonlyMap<string, DatapathFlows>;
  readonly warnings: readonly NorthdWarning[];
}

/** The flows of a datapath, and what was passed over on the way to them. */
interface DatapathFlows {
  readonly flows: readonly LogicalFlow[];
  readonly warnings: readonly NorthdWarning[];
}

/** Computes `northbound`, which stays as it is, and follows it from there. */
export function createNorthd(northbound: Northbound): Northd {
  const nb = Object.fromEntries(
    Object.entries(northbound).map(([table, rows]) => [table, new Map<string, unknown>(rows)]),
  ) as Northbound;
  const facts = new Map<string, DatapathFacts>();
  /** Whose a row is: the datapaths that have it as their own. */
  const owners = new Map<string, Set<string>>();
  let parts = new Map<string, Part>();
  /** Names of parts by the UUIDs of their datapaths' rows. */
  const homes = new Map<string, string>();
  let partition: Partition | undefined;
  let keys: ReadonlyMap<string, number> = new Map();
  let keyWarnings: NorthdWarning[] = [];
  lookAtAll();
  refresh(new Set(), true);

  return {
    apply(changes) {
      const touched = new Set<string>();
      const touch = (uuid: string): boolean => {
        for (const owner of owners.get(uuid) ?? []) touched.add(owner);
        return owners.has(uuid);
      };
      const adopted: NorthboundChange[] = [];
      let areHosts = true;
      for (const change of changes) {
        const uuid = uuidOf(change);
        areHosts &&= isAboutHosts(nb, change);
        if (isDatapath(change.table) && !keepsKey(nb, change)) keys = new Map();
        const rows = nb[change.table] as Map<string, unknown>;
        if ('row' in change) rows.set(uuid, change.row);
        else rows.delete(uuid);
        if (isDatapath(change.table)) touched.add(uuid);
        else if (!touch(uuid)) adopted.push(change);
      }
      for (const uuid of touched) {
        const before = facts.get(uuid);
        look(uuid);
        const after = facts.get(uuid);
        if (!partition || !before || !after || !keepsParts(partition, before, after)) partition = undefined;
      }
      // A row that was nobody's may have become a datapath's own by the same changes.
      const everything = adopted.some((change) => !touch(uuidOf(change)) && !ownedTables.has(change.table));
      if (everything) lookAtAll();
      return !everything && areHosts && partition ? refreshHosts(touched) : refresh(touched, everything);
    },
    flows(datapath) {
      for (const part of parts.values()) {
        const found = part.flows.get(datapath);
        if (found) return found.flows;
      }
      return [];
    },
    computation() {
      return whole(nb, [...parts.values()], keyWarnings);
    },
  };

  function lookAtAll(): void {
    for (const uuid of [...nb.Logical_Switch.keys(), ...nb.Logical_Router.keys()]) look(uuid);
  }

  /** Learns anew what ties a datapath to others. */
  function look(uuid: string): void {
    for (const row of facts.get(uuid)?.rows ?? []) {
      const holders = owners.get(row);
      holders?.delete(uuid);
      if (holders?.size === 0) owners.delete(row);
    }
    facts.delete(uuid);
    const found = datapathFacts(nb, uuid);
    if (!found) return;
    facts.set(uuid, found);
    for (const row of found.rows) {
      const holders = owners.get(row);
      if (holders) holders.add(uuid);
      else owners.set(row, new Set([uuid]));
    }
  }

  /** Hosts came, went or changed: computes their switches and the routers beside these. */
  function refreshHosts(touched: ReadonlySet<string>): ReadonlySet<string> {
    const reached = new Set<string>();
    for (const name of new Set([...touched].map((uuid) => homes.get(uuid) ?? ''))) {
      const known = parts.get(name);
      if (!known) continue;
      const part = computePart(nb, known.component, keys, known, touched);
      parts.set(name, part);
      for (const [uuid, flows] of part.flows) if (known.flows.get(uuid) !== flows) reached.add(uuid);
    }
    return reached;
  }

  /** Computes the parts that are new, or that have a datapath that was touched or has another key. */
  function refresh(touched: ReadonlySet<string>, everything: boolean): ReadonlySet<string> {
    const before = parts;
    const reached = new Set<string>();
    if (everything || keys.size === 0) {
      keyWarnings = [];
      keys = datapathKeys(nb, keyWarnings);
    }
    if (everything || !partition) partition = partitionOf(nb, facts);
    parts = new Map();
    homes.clear();
    for (const component of partition.components) {
      const name = nameOf(component);
      const known = before.get(name);
      const isCurrent =
        known !== undefined &&
        !everything &&
        !component.datapaths.some(({ uuid }) => touched.has(uuid)) &&
        known.datapaths.every(({ row, tunnelKey }) => keys.get(row._uuid) === tunnelKey);
      const part = isCurrent ? known : computePart(nb, component, keys);
      parts.set(name, part);
      for (const { uuid } of component.datapaths) homes.set(uuid, name);
      if (!isCurrent) for (const uuid of part.flows.keys()) reached.add(uuid);
    }
    for (const [name, { datapaths }] of before) {
      if (!parts.has(name)) for (const { uuid } of datapaths) reached.add(uuid);
    }
    return reached;
  }
}

/** Tables whose rows live as a datapath's own: one that no datapath has, reaches nothing. */
const ownedTables: ReadonlySet<NorthboundTable> = new Set<NorthboundTable>([
  'Logical_Switch',
  'Logical_Router',
  'Logical_Switch_Port',
  'Logical_Router_Port',
  'QoS',
  'Forwarding_Group',
  'Logical_Router_Static_Route',
  'Logical_Router_Policy',
  'NAT',
]);

const isDatapath = (table: NorthboundTable): boolean => table === 'Logical_Switch' || table === 'Logical_Router';

/** Whether a change is about hosts' ports alone, which only their own switch and its routers look at. */
function isAboutHosts(nb: Northbound, change: NorthboundChange): boolean {
  if (change.table === 'Logical_Switch') {
    const before = nb.Logical_Switch.get(uuidOf(change));
    if (!before || !('row' in change)) return false;
    const { ports: _, ...others } = change.row;
    return Object.entries(others).every(([column, value]) => sameValue(before[column as keyof typeof others], value));
  }
  if (change.table !== 'Logical_Switch_Port') return false;
  const before = nb.Logical_Switch_Port.get(uuidOf(change));
  return (before?.type ?? '') === '' && (!('row' in change) || change.row.type === '');
}

const sameValue = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);

/** Whether a change of a datapath's row leaves all that tunnel keys are given by. */
function keepsKey(nb: Northbound, change: NorthboundChange): boolean {
  const of = (row: NorthboundRow<'Logical_Switch'> | NorthboundRow<'Logical_Router'>) => [
    row.name,
    'enabled' in row ? row.enabled !== false : true,
    ('other_config' in row ? row.other_config : row.options)['requested-tnl-key'],
  ];
  if (!('row' in change) || !(change.table === 'Logical_Switch' || change.table === 'Logical_Router')) return false;
  const before = nb[change.table].get(change.row._uuid);
  return before !== undefined && sameValue(of(before), of(change.row));
}

const uuidOf = (change: NorthboundChange): string => ('row' in change ? change.row._uuid : change.deleted);

/** Tells components apart: by what is in them. */
function nameOf({ datapaths, groups, balancers }: Component): string {
  return [...datapaths.map(({ uuid }) => uuid), '', ...groups, '', ...balancers].join();
}

/** Computes a part; what is `known` of it stays, but for datapaths that were touched and routers beside those. */
function computePart(
  nb: Northbound,
  component: Component,
  keys: ReadonlyMap<string, number>,
  known?: Part,
  touched: ReadonlySet<string> = new Set(),
): Part {
  const topology = buildTopology(partialNorthbound(nb, component));
  const datapaths = [...topology.switches, ...topology.routers];
  // Keys of datapaths are given in view of all of them.
  const warnings = topology.warnings.filter(({ id, row }) => !id.startsWith('tunnel-key') || !keys.has(row));
  for (const dp of datapaths) dp.tunnelKey = keys.get(dp.row._uuid) ?? 0;
  const isNear = (dp: Datapath): boolean =>
    touched.has(dp.row._uuid) || (dp.kind === 'router' && dp.switchPeers.some(({ row }) => touched.has(row._uuid)));
  const flows = datapaths.map((dp): [string, DatapathFlows] => {
    const before = isNear(dp) ? undefined : known?.flows.get(dp.uuid);
    if (before) return [dp.uuid, before];
    const complaints = topology.warnings.length;
    return [dp.uuid, { flows: datapathFlows(dp, topology), warnings: topology.warnings.slice(complaints) }];
  });
  return { component, datapaths, flows: new Map(flows), warnings };
}

/** The parts as one network. */
function whole(nb: Northbound, parts: readonly Part[], keyWarnings: readonly NorthdWarning[]): Computation {
  const datapaths = new Map(parts.flatMap((part) => part.datapaths.map((dp) => [dp.row._uuid, dp] as const)));
  const frame = buildTopology({
    ...nb,
    Logical_Switch: new Map(),
    Logical_Router: new Map(),
    Load_Balancer: new Map(),
  });
  const inOrder = <T extends Datapath>(kind: T['kind']): T[] =>
    [...datapaths.values()].filter((dp): dp is T => dp.kind === kind).sort(byName);
  const switches = inOrder<Topology['switches'][number]>('switch');
  const routers = inOrder<Topology['routers'][number]>('router');
  const ports = new Map<string, Port>();
  const flowsOf = new Map(parts.flatMap((part) => [...part.flows]));
  for (const dp of [...switches, ...routers]) for (const port of dp.ports) ports.set(port.name, port);
  const warnings = [...frame.warnings, ...keyWarnings, ...parts.flatMap(warningsOf)];
  const topology: Topology = { ...frame, nb, switches, routers, ports, warnings };
  const flows = [...switches, ...routers].flatMap(({ uuid }) => flowsOf.get(uuid)?.flows ?? []);
  return computationOf(topology, flows).computation;
}

function warningsOf({ warnings, flows }: Part): NorthdWarning[] {
  return [...warnings, ...[...flows.values()].flatMap((each) => each.warnings)];
}

function byName(a: Datapath, b: Datapath): number {
  return compare(a.name, b.name) || compare(a.row._uuid, b.row._uuid);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
