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
import type { Origin } from '../origin.ts';
import { type DatapathRows, noteRows } from '../ovsdb/datapath-rows.ts';
import type { Northbound, NorthboundRow, NorthboundTable } from '../ovsdb/northbound.ts';
import type { LogicalFlow } from '../ovsdb/southbound.ts';
import { isSame } from '../same.ts';
import { type NorthboundChange, uuidOf } from './change.ts';
import {
  type Component,
  type DatapathFacts,
  datapathFacts,
  keepsParts,
  type Partition,
  partialNorthbound,
  partitionOf,
} from './components.ts';
import { flowChanges, withChanges } from './flow-list.ts';
import { type Computation, computationOf, datapathFlows, datapathRows, originsOf } from './index.ts';
import { type Frame, frameOf, noteHost, type SketchedFlows, type Subject, sketchedFlows } from './sketch.ts';
import { type SmallChange, sameValue, smallChange } from './small-change.ts';
import { buildTopology, type Datapath, type Port, type Topology } from './topology.ts';
import { datapathKeys } from './tunnel-keys.ts';
import type { NorthdWarning } from './warning.ts';

export type { NorthboundChange };

/** A computation that follows its northbound database. */
export interface Northd {
  /**
   * Applies changes, all at once, and computes what they reach: nothing, where rows
   * are only written down elsewhere.  Gives the UUIDs of the southbound datapaths
   * whose flows were computed, and of those that are gone.  Rows are replaced, never changed: those given before must stay as they are.
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
  /** By UUID of their southbound rows. */
  readonly flows: Map<string, DatapathFlows>;
  /** Rows changed since: `topology` is not theirs any more. */
  isOutdated: boolean;
  topology: PartTopology;
}

interface PartTopology {
  readonly datapaths: readonly Datapath[];
  readonly warnings: readonly NorthdWarning[];
}

/** The flows of a datapath, and what was passed over on the way to them. */
interface DatapathFlows {
  readonly flows: readonly LogicalFlow[];
  /** UUIDs of flows that several rows cause. */
  readonly repeated: ReadonlySet<string>;
  readonly warnings: readonly NorthdWarning[];
}

/** Computes `northbound`, which stays as it is, and follows it from there. */
export function createNorthd(northbound: Northbound): Northd {
  const nb = Object.fromEntries(
    Object.entries(northbound).map(([table, rows]) => [table, new Map<string, unknown>(rows)]),
  ) as Northbound;
  const facts = new Map<string, DatapathFacts>();
  /** Datapaths that small changes made others than `facts` says. */
  const outdated = new Set<string>();
  /** Whose a row is: the datapaths that have it as their own. */
  const owners = new Map<string, Set<string>>();
  let parts = new Map<string, Part>();
  /** Names of parts by the UUIDs of their datapaths' rows. */
  const homes = new Map<string, string>();
  const frames = new Map<string, Frame>();
  let partition: Partition | undefined;
  let keys: ReadonlyMap<string, number> = new Map();
  let keyWarnings: NorthdWarning[] = [];
  /** Of all rows; unknown where a change may have changed it. */
  let origins: Map<string, Origin> | undefined;
  const rowsOf = rememberedRows();
  /** UUIDs of the datapaths' rows, as they stand in the whole; unknown where datapaths came or went. */
  let order: readonly string[] | undefined;
  /** Of the datapaths in this order. */
  let ports: Map<string, Port> | undefined;
  lookAtAll();
  refresh(new Set(), true);

  return {
    apply(changes) {
      const others: NorthboundChange[] = [];
      for (const change of changes) {
        if (isMove(nb, change)) make(change);
        else others.push(change);
      }
      if (others.length === 0) return new Set();
      const small = partition && smallChange({ nb, owners, partition }, others);
      return small ? applySmall(others, small) : applyAny(others);
    },
    flows(datapath) {
      for (const part of parts.values()) {
        const found = part.flows.get(datapath);
        if (found) return found.flows;
      }
      return [];
    },
    computation() {
      for (const part of parts.values()) {
        if (!part.isOutdated) continue;
        const before = part.topology;
        part.topology = partTopology(topologyOf(nb, part.component, keys), keys);
        part.isOutdated = false;
        if (ports) replacePorts(ports, before, part.topology);
      }
      origins ??= originsOf(nb);
      const all = [...parts.values()];
      order ??= orderOf(all);
      ports ??= portsOf(all, order);
      return whole({ nb, parts: all, order, ports, keyWarnings, rowsOf, origins });
    },
  };

  function applyAny(changes: readonly NorthboundChange[]): ReadonlySet<string> {
    for (const uuid of outdated) look(uuid);
    const touched = new Set<string>();
    const touch = (uuid: string): boolean => {
      for (const owner of owners.get(uuid) ?? []) touched.add(owner);
      return owners.has(uuid);
    };
    const adopted: NorthboundChange[] = [];
    const groupRules = partition?.groupRules ?? new Set();
    for (const change of changes) {
      const uuid = uuidOf(change);
      if (isDatapath(change.table) && !keepsKey(nb, change)) keys = new Map();
      make(change);
      if (isDatapath(change.table)) touched.add(uuid);
      else if (!touch(uuid) || groupRules.has(uuid)) adopted.push(change);
    }
    for (const uuid of touched) {
      const before = facts.get(uuid);
      look(uuid);
      const after = facts.get(uuid);
      if (!partition || !before || !after || !keepsParts(partition, before, after)) partition = undefined;
    }
    // A row that was nobody's may have become a datapath's own by the same changes.
    const everything = adopted.some((change) => {
      const uuid = uuidOf(change);
      return groupRules.has(uuid) || (!touch(uuid) && !ownedTables.has(change.table));
    });
    if (everything) lookAtAll();
    return refresh(touched, everything);
  }

  function make(change: NorthboundChange): void {
    const rows = nb[change.table] as Map<string, { readonly origin?: Origin }>;
    const fresh = 'row' in change ? (change.row as { readonly origin?: Origin }).origin : undefined;
    if (rows.get(uuidOf(change))?.origin !== fresh) origins = undefined;
    if ('row' in change) rows.set(change.row._uuid, change.row);
    else rows.delete(change.deleted);
  }

  /** Computes what a small change adds and takes away; all flows of its parts where that cannot be told. */
  function applySmall(changes: readonly NorthboundChange[], small: SmallChange): ReadonlySet<string> {
    const touched = new Set([...small.hosts.keys(), ...small.ruled, ...small.routers]);
    const names = new Set([...touched].map((uuid) => homes.get(uuid) ?? ''));
    const near = [...names].flatMap((name) => {
      const part = parts.get(name);
      return part ? [{ part, subject: subjectOf(part, small) }] : [];
    });
    const before = near.map(({ subject }) => sketchedFlows(nb, subject));
    for (const change of changes) make(change);
    note(small);
    const reached = new Set<string>();
    const fresh = near.map(({ part, subject }, index) => changedFlows(part, before[index], sketchedFlows(nb, subject)));
    if (fresh.includes(undefined)) {
      for (const uuid of [...touched, ...outdated]) look(uuid);
      partition = undefined;
      return refresh(touched, false);
    }
    for (const [index, { part }] of near.entries()) {
      part.isOutdated = true;
      for (const [uuid, flows] of fresh[index] ?? []) {
        part.flows.set(uuid, flows);
        reached.add(uuid);
      }
    }
    return reached;
  }

  function subjectOf({ component }: Part, { hosts, ruled, routers }: SmallChange): Subject {
    const drawn = new Map<string, ReadonlySet<string>>(hosts);
    for (const uuid of ruled) if (!drawn.has(uuid)) drawn.set(uuid, new Set());
    // Its neighbours see of a router's new rows only which addresses of its load balancers it can reach.
    const isAll = component.datapaths.some(({ uuid }) => routers.has(uuid) && isBalancing(nb.Logical_Router.get(uuid)));
    if (isAll) {
      for (const { table, uuid } of component.datapaths) {
        if (table === 'Logical_Switch' && !drawn.has(uuid)) drawn.set(uuid, new Set());
      }
    }
    const hasHosts = ({ row }: Datapath) => (hosts.get(row._uuid)?.size ?? 0) > 0;
    const isWanted = (dp: Datapath) => {
      if (isAll || drawn.has(dp.row._uuid) || routers.has(dp.row._uuid)) return true;
      return dp.kind === 'router' && dp.switchPeers.some(hasHosts);
    };
    return { component, keys, hosts: drawn, frame, isWanted };
  }

  function frame(row: NorthboundRow<'Logical_Switch'>): Frame {
    let known = frames.get(row._uuid);
    if (!known && partition) {
      known = frameOf(nb, row, partition);
      frames.set(row._uuid, known);
    }
    return known ?? { fixed: new Set(row.ports), unknown: new Set() };
  }

  /** Keeps what is known of rows, names and hosts up to date with a small change that was made. */
  function note({ hosts, ruled, routers, adopted, released, named, unnamed }: SmallChange): void {
    for (const uuid of [...hosts.keys(), ...ruled, ...routers]) outdated.add(uuid);
    for (const { row, datapath } of released) disown(row, datapath);
    for (const { row, datapath } of adopted) own(row, datapath);
    for (const name of unnamed) partition?.owners.delete(name);
    for (const [name, datapath] of named) partition?.owners.set(name, datapath);
    for (const [at, uuids] of hosts) {
      const known = frames.get(at);
      if (!known) continue;
      for (const uuid of uuids) {
        noteHost(known, uuid, owners.get(uuid)?.has(at) ? nb.Logical_Switch_Port.get(uuid) : undefined);
      }
    }
  }

  function own(row: string, datapath: string): void {
    const holders = owners.get(row);
    if (holders) holders.add(datapath);
    else owners.set(row, new Set([datapath]));
  }

  function disown(row: string, datapath: string): void {
    const holders = owners.get(row);
    holders?.delete(datapath);
    if (holders?.size === 0) owners.delete(row);
  }

  function lookAtAll(): void {
    for (const uuid of [...nb.Logical_Switch.keys(), ...nb.Logical_Router.keys()]) look(uuid);
  }

  /** Learns anew what ties a datapath to others. */
  function look(uuid: string): void {
    for (const row of facts.get(uuid)?.rows ?? []) disown(row, uuid);
    facts.delete(uuid);
    frames.delete(uuid);
    outdated.delete(uuid);
    const found = datapathFacts(nb, uuid);
    if (!found) return;
    facts.set(uuid, found);
    for (const row of found.rows) own(row, uuid);
  }

  /** Computes the parts that are new, or that have a datapath that was touched or has another key. */
  function refresh(touched: ReadonlySet<string>, everything: boolean): ReadonlySet<string> {
    order = undefined;
    ports = undefined;
    const before = parts;
    const reached = new Set<string>();
    if (everything || keys.size === 0) {
      keyWarnings = [];
      keys = datapathKeys(nb, keyWarnings);
    }
    if (everything || !partition) {
      partition = partitionOf(nb, facts);
      frames.clear();
    }
    parts = new Map();
    homes.clear();
    for (const component of partition.components) {
      const name = nameOf(component);
      const known = before.get(name);
      const isCurrent =
        known !== undefined &&
        !everything &&
        !component.datapaths.some(({ uuid }) => touched.has(uuid)) &&
        known.topology.datapaths.every(({ row, tunnelKey }) => keys.get(row._uuid) === tunnelKey);
      const part = isCurrent ? known : computePart(nb, component, keys);
      parts.set(name, part);
      for (const { uuid } of component.datapaths) homes.set(uuid, name);
      if (!isCurrent) for (const uuid of part.flows.keys()) reached.add(uuid);
    }
    for (const [name, { flows }] of before) {
      if (!parts.has(name)) for (const uuid of flows.keys()) reached.add(uuid);
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

const isBalancing = (row: NorthboundRow<'Logical_Router'> | undefined): boolean =>
  row !== undefined && row.load_balancer.length + row.load_balancer_group.length > 0;

/** Whether a row is the same but for where it is written down. */
function isMove(nb: Northbound, change: NorthboundChange): boolean {
  if (!('row' in change)) return false;
  const before: { readonly origin?: Origin } | undefined = nb[change.table].get(change.row._uuid);
  if (!before?.origin || !change.row.origin || before.origin === change.row.origin) return false;
  const { origin } = before;
  return isSame(before, { ...change.row, origin });
}

const isDatapath = (table: NorthboundTable): boolean => table === 'Logical_Switch' || table === 'Logical_Router';

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

/** Tells components apart: by what is in them. */
function nameOf({ datapaths, groups, balancers }: Component): string {
  return [...datapaths.map(({ uuid }) => uuid), '', ...groups, '', ...balancers].join();
}

function topologyOf(nb: Northbound, component: Component, keys: ReadonlyMap<string, number>): Topology {
  const topology = buildTopology(partialNorthbound(nb, component));
  for (const dp of [...topology.switches, ...topology.routers]) dp.tunnelKey = keys.get(dp.row._uuid) ?? 0;
  return topology;
}

/** What is kept of a topology; keys of datapaths are given in view of all of them. */
function partTopology({ switches, routers, warnings }: Topology, keys: ReadonlyMap<string, number>): PartTopology {
  return {
    datapaths: [...switches, ...routers],
    warnings: warnings.filter(({ id, row }) => !id.startsWith('tunnel-key') || !keys.has(row)),
  };
}

function computePart(nb: Northbound, component: Component, keys: ReadonlyMap<string, number>): Part {
  const topology = topologyOf(nb, component, keys);
  const kept = partTopology(topology, keys);
  const flows = kept.datapaths.map((dp): [string, DatapathFlows] => {
    const complaints = topology.warnings.length;
    const repeated = new Set<string>();
    const list = datapathFlows(dp, topology, repeated);
    return [dp.uuid, { flows: list, repeated, warnings: topology.warnings.slice(complaints) }];
  });
  return { component, flows: new Map(flows), isOutdated: false, topology: kept };
}

/** The flows of those datapaths of a part whose sketches are known from before and after; undefined if they do not tell. */
function changedFlows(
  part: Part,
  before: ReadonlyMap<string, SketchedFlows> | undefined,
  after: ReadonlyMap<string, SketchedFlows>,
): Map<string, DatapathFlows> | undefined {
  const fresh = new Map<string, DatapathFlows>();
  for (const [uuid, drawn] of after) {
    const [old, known] = [before?.get(uuid), part.flows.get(uuid)];
    if (!old || !known || old.follows !== drawn.follows || !sameWarnings(old.warnings, drawn.warnings))
      return undefined;
    const repeated = new Set([...known.repeated, ...old.repeated, ...drawn.repeated]);
    const flows = withChanges(known.flows, flowChanges(old.flows, drawn.flows), repeated);
    if (!flows) return undefined;
    fresh.set(uuid, { ...known, flows, repeated });
  }
  return fresh;
}

const sameWarnings = (a: readonly NorthdWarning[], b: readonly NorthdWarning[]): boolean => sameValue(a, b);

type RowsOf = (dp: Datapath, topology: Topology, flows: readonly LogicalFlow[]) => DatapathRows;

/** The rows of datapaths: the very ones of the last time, where neither the datapath nor its flows were computed anew. */
function rememberedRows(): RowsOf {
  const known = new WeakMap<Datapath, DatapathRows>();
  return (dp, topology, flows) => {
    const before = known.get(dp);
    if (before?.flows === flows) return before;
    const rows = before ? { ...before, flows } : datapathRows(dp, topology, flows);
    known.set(dp, rows);
    return rows;
  };
}

/** The UUIDs of all datapaths' rows: switches before routers, by name. */
function orderOf(parts: readonly Part[]): readonly string[] {
  const datapaths = parts.flatMap(({ topology }) => topology.datapaths);
  const inOrder = (kind: Datapath['kind']) => datapaths.filter((dp) => dp.kind === kind).sort(byName);
  return [...inOrder('switch'), ...inOrder('router')].map(({ row }) => row._uuid);
}

/** The ports of all datapaths by name; of those that have the same the last one. */
function portsOf(parts: readonly Part[], order: readonly string[]): Map<string, Port> {
  const byRow = new Map(parts.flatMap(({ topology }) => topology.datapaths.map((dp) => [dp.row._uuid, dp] as const)));
  const ports = new Map<string, Port>();
  for (const uuid of order) for (const port of byRow.get(uuid)?.ports ?? []) ports.set(port.name, port);
  return ports;
}

/** Puts the ports of a part in the place of what they were; nobody else has one with the same name. */
function replacePorts(ports: Map<string, Port>, before: PartTopology, after: PartTopology): void {
  for (const dp of before.datapaths) for (const { name } of dp.ports) ports.delete(name);
  for (const dp of after.datapaths) for (const port of dp.ports) ports.set(port.name, port);
}

/** What a network is put together of. */
interface Pieces {
  readonly nb: Northbound;
  readonly parts: readonly Part[];
  readonly order: readonly string[];
  /** By name; it follows the network, so that it is not to be kept. */
  readonly ports: ReadonlyMap<string, Port>;
  readonly keyWarnings: readonly NorthdWarning[];
  readonly rowsOf: RowsOf;
  readonly origins: Map<string, Origin>;
}

/** The parts as one network. */
function whole({ nb, parts, order, ports, keyWarnings, rowsOf, origins }: Pieces): Computation {
  const byRow = new Map<string, Datapath>();
  const flowsOf = new Map<string, readonly LogicalFlow[]>();
  for (const { topology, flows } of parts) {
    for (const dp of topology.datapaths) byRow.set(dp.row._uuid, dp);
    for (const [uuid, own] of flows) flowsOf.set(uuid, own.flows);
  }
  const datapaths = order.flatMap((uuid) => byRow.get(uuid) ?? []);
  const frame = buildTopology({
    ...nb,
    Logical_Switch: new Map(),
    Logical_Router: new Map(),
    Load_Balancer: new Map(),
  });
  const warnings = [...frame.warnings, ...keyWarnings, ...parts.flatMap(warningsOf)].map((one) => placed(one, origins));
  const switches = datapaths.filter((dp) => dp.kind === 'switch');
  const routers = datapaths.filter((dp) => dp.kind === 'router');
  const topology: Topology = { ...frame, nb, switches, routers, ports, warnings };
  const rows = datapaths.map((dp) => rowsOf(dp, topology, flowsOf.get(dp.uuid) ?? []));
  const { computation } = computationOf(topology, rows, origins);
  noteRows(computation.southbound, rows);
  return computation;
}

/** A warning at the place where its row is written down now. */
function placed(warning: NorthdWarning, origins: ReadonlyMap<string, Origin>): NorthdWarning {
  const origin = warning.origin && origins.get(warning.row);
  return !origin || origin === warning.origin ? warning : { ...warning, origin };
}

function warningsOf({ topology, flows }: Part): NorthdWarning[] {
  const all = [...topology.warnings];
  for (const each of flows.values()) all.push(...each.warnings);
  return all;
}

function byName(a: Datapath, b: Datapath): number {
  return compare(a.name, b.name) || compare(a.row._uuid, b.row._uuid);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
