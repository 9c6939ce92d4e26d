/**
 * Parts of a northbound network that know nothing of each other: datapaths that no
 * port, name or shared row ties together.  What a stage reads of a datapath and its
 * neighbours is all in one part, so a part can be computed by itself.
 */
import type { Northbound, NorthboundRow, NorthboundTable } from '../ovsdb/northbound.ts';
import { isDynamicAddress } from './addresses.ts';
import { rowsOf } from './topology.ts';

/** What ties a datapath to others. */
export interface DatapathFacts {
  readonly table: 'Logical_Switch' | 'Logical_Router';
  /** UUID of its row. */
  readonly uuid: string;
  /** UUIDs of the rows that are its own: ports, rules, and theirs. */
  readonly rows: readonly string[];
  /** Names of its ports. */
  readonly names: readonly string[];
  /** Names of ports that it refers to. */
  readonly links: readonly string[];
  /** Keys of what it has in common with others that have the same key. */
  readonly shared: readonly string[];
}

/** The key of switches whose ports are given addresses, which depend on each other's. */
const addressManagement = 'addresses';

/** The facts of one datapath. */
export function datapathFacts(nb: Northbound, uuid: string): DatapathFacts | undefined {
  const router = nb.Logical_Router.get(uuid);
  if (router) return routerFacts(nb, router);
  const found = nb.Logical_Switch.get(uuid);
  return found && switchFacts(nb, found);
}

function switchFacts(nb: Northbound, row: NorthboundRow<'Logical_Switch'>): DatapathFacts {
  const ports = rowsOf(nb, 'Logical_Switch_Port', row.ports);
  const isManaged = ports.some(({ addresses }) => addresses.some(isDynamicAddress));
  return {
    table: 'Logical_Switch',
    uuid: row._uuid,
    rows: [...row.ports, ...row.acls, ...row.qos_rules, ...row.forwarding_groups],
    names: ports.map(({ name }) => name),
    links: ports.flatMap(({ type, options }) => [
      ...(type === 'router' && options['router-port'] !== undefined ? [options['router-port']] : []),
      ...(options['virtual-parents']?.split(',') ?? []),
    ]),
    shared: [...sharedRows(nb, row), ...row.dns_records, ...(isManaged ? [addressManagement] : [])],
  };
}

function routerFacts(nb: Northbound, row: NorthboundRow<'Logical_Router'>): DatapathFacts {
  const ports = rowsOf(nb, 'Logical_Router_Port', row.ports);
  const nats = rowsOf(nb, 'NAT', row.nat);
  return {
    table: 'Logical_Router',
    uuid: row._uuid,
    rows: [
      ...row.ports,
      ...row.static_routes,
      ...row.policies,
      ...row.nat,
      ...ports.flatMap(({ gateway_chassis }) => gateway_chassis),
    ],
    names: ports.map(({ name }) => name),
    links: [...ports.map(({ peer }) => peer), ...nats.map(({ logical_port }) => logical_port)].filter(
      (name) => name !== undefined,
    ),
    shared: sharedRows(nb, row),
  };
}

function sharedRows(nb: Northbound, row: { load_balancer: string[]; load_balancer_group: string[] }): string[] {
  const groups = rowsOf(nb, 'Load_Balancer_Group', row.load_balancer_group);
  return [...row.load_balancer, ...groups.flatMap((group) => group.load_balancer)];
}

/** A part of a network: its datapaths, and the groups and load balancers that belong to them. */
export interface Component {
  readonly datapaths: readonly DatapathFacts[];
  readonly groups: ReadonlySet<string>;
  readonly balancers: ReadonlySet<string>;
}

/** The parts, and what tells whether they are still the same when a datapath is not. */
export interface Partition {
  readonly components: readonly Component[];
  /** By port name. */
  readonly owners: Map<string, string>;
  /** Names that ports of several datapaths have. */
  readonly twins: ReadonlySet<string>;
  /** Names of ports, and UUIDs of their rows, that something elsewhere refers to. */
  readonly claims: ReadonlySet<string>;
  /** Names of ports that flows of other ports depend on; of each group one on each switch does. */
  readonly anchors: ReadonlySet<string>;
  /** UUIDs of port groups' ACLs. */
  readonly groupRules: ReadonlySet<string>;
  /** Ports are given addresses, which depend on all others'. */
  readonly isManaged: boolean;
}

/**
 * Whether a datapath that was `before` and is `after` leaves the parts as they are,
 * and nobody elsewhere refers to the ports that came or went.  Then `partition`
 * knows the names of its ports.
 */
export function keepsParts(partition: Partition, before: DatapathFacts, after: DatapathFacts): boolean {
  const { owners, twins, claims, isManaged } = partition;
  const isSame = (a: readonly string[], b: readonly string[]) =>
    a.length === b.length && a.every((each, at) => each === b[at]);
  if (isManaged || !isSame(before.links, after.links) || !isSame(before.shared, after.shared)) return false;
  const old = new Set(before.names);
  const fresh = new Set(after.names);
  const gone = before.names.filter((name) => !fresh.has(name));
  const come = after.names.filter((name) => !old.has(name));
  if (fresh.size !== after.names.length || come.some((name) => owners.has(name) || claims.has(name))) return false;
  if (gone.some((name) => twins.has(name) || claims.has(name))) return false;
  if ([...before.rows, ...after.rows].some((row) => claims.has(row))) return false;
  for (const name of gone) owners.delete(name);
  for (const name of come) owners.set(name, after.uuid);
  return true;
}

/**
 * The parts.  Port groups and load balancers that no datapath has are a part
 * without datapaths.  Where addresses are to be given to ports, all is one part:
 * an address that one port has, no other may get.
 */
export function partitionOf(nb: Northbound, facts: ReadonlyMap<string, DatapathFacts>): Partition {
  const sets = disjointSets();
  const owners = new Map<string, string>();
  const twins = new Set<string>();
  const claims = new Set<string>();
  const anchors = new Set<string>();
  const groupRules = new Set<string>();
  for (const { uuid, names } of facts.values()) {
    for (const name of names) {
      if (owners.has(name)) twins.add(name);
      join(owners, name, uuid);
    }
  }
  const shared = new Map<string, string>();
  for (const { uuid, links, shared: keys } of facts.values()) {
    for (const key of keys) join(shared, key, uuid);
    for (const link of links) {
      claims.add(link);
      anchors.add(link);
      const owner = owners.get(link);
      if (owner !== undefined) sets.join(owner, uuid);
    }
  }
  for (const { _uuid, ports, acls } of nb.Port_Group.values()) {
    for (const acl of acls) groupRules.add(acl);
    for (const port of ports) claims.add(port);
    const anchored = new Set<string>();
    for (const { name } of rowsOf(nb, 'Logical_Switch_Port', ports)) {
      const owner = owners.get(name);
      if (owner === undefined) continue;
      join(shared, _uuid, owner);
      if (!anchored.has(owner)) anchors.add(name);
      anchored.add(owner);
    }
  }
  for (const { _uuid, ip_port_mappings } of nb.Load_Balancer.values()) {
    for (const mapping of Object.values(ip_port_mappings)) {
      const name = mapping.slice(0, Math.max(0, mapping.indexOf(':')));
      const owner = owners.get(name);
      claims.add(name);
      anchors.add(name);
      if (owner !== undefined) join(shared, _uuid, owner);
    }
  }
  const isManaged = shared.has(addressManagement);
  if (isManaged) for (const uuid of facts.keys()) join(shared, addressManagement, uuid);

  const parts = new Map<string, { datapaths: DatapathFacts[]; groups: Set<string>; balancers: Set<string> }>();
  for (const each of facts.values()) partOf(sets.find(each.uuid)).datapaths.push(each);
  const place = (uuid: string) => partOf(shared.has(uuid) ? sets.find(shared.get(uuid) as string) : '');
  for (const uuid of nb.Port_Group.keys()) place(uuid).groups.add(uuid);
  for (const uuid of nb.Load_Balancer.keys()) place(uuid).balancers.add(uuid);
  return { components: [...parts.values()], owners, twins, claims, anchors, groupRules, isManaged };

  /** Makes whoever has a key one part with whoever has it already. */
  function join(holders: Map<string, string>, key: string, uuid: string): void {
    const holder = holders.get(key);
    if (holder === undefined) holders.set(key, uuid);
    else sets.join(holder, uuid);
  }

  function partOf(root: string) {
    let part = parts.get(root);
    if (!part) {
      part = { datapaths: [], groups: new Set(), balancers: new Set() };
      parts.set(root, part);
    }
    return part;
  }
}

/** The rows of a part, and all that belong to no datapath or only to those of the part. */
export function partialNorthbound(nb: Northbound, { datapaths, groups, balancers }: Component): Northbound {
  const of = (table: DatapathFacts['table']) =>
    new Set(datapaths.filter((each) => each.table === table).map(({ uuid }) => uuid));
  return {
    ...nb,
    Logical_Switch: restricted(nb, 'Logical_Switch', of('Logical_Switch')),
    Logical_Router: restricted(nb, 'Logical_Router', of('Logical_Router')),
    Port_Group: restricted(nb, 'Port_Group', groups),
    Load_Balancer: restricted(nb, 'Load_Balancer', balancers),
  };
}

function restricted<T extends NorthboundTable>(
  nb: Northbound,
  table: T,
  uuids: ReadonlySet<string>,
): Map<string, NorthboundRow<T>> {
  const rows: Map<string, NorthboundRow<T>> = nb[table];
  return new Map(
    [...uuids].flatMap((uuid) => {
      const row = rows.get(uuid);
      return row ? [[uuid, row] as const] : [];
    }),
  );
}

interface DisjointSets {
  /** The member that stands for all that are joined with `member`. */
  find(member: string): string;
  join(a: string, b: string): void;
}

function disjointSets(): DisjointSets {
  const parents = new Map<string, string>();
  const find = (member: string): string => {
    let root = member;
    for (let parent = parents.get(root); parent !== undefined; parent = parents.get(root)) root = parent;
    for (let at = member; at !== root; ) {
      const next = parents.get(at) as string;
      parents.set(at, root);
      at = next;
    }
    return root;
  };
  return {
    find,
    join(a, b) {
      const [one, other] = [find(a), find(b)];
      if (one !== other) parents.set(one, other);
    },
  };
}
