/**
 * What chassis know of ports beyond `PortBinding`: columns of the southbound
 * database that have no place there.  `placementOf` takes it from the northbound rows.
 */
import type { Northbound } from '../ovsdb/northbound.ts';
import type { LoadBalancer } from '../ovsdb/southbound.ts';

export interface PortPlacement {
  /** The port of the machine that a nested port (a container) stands behind. */
  parent?: string;
  /** VLAN id of a nested port, a localnet port or an l2gateway port. */
  tag?: number;
  /** Chassis that may serve a chassisredirect or external port, the most wanted first. */
  chassis?: readonly string[];
}

export interface Placement {
  /** By name of the logical port. */
  ports: ReadonlyMap<string, PortPlacement>;
  /** Load balancers with the UUIDs of their southbound datapaths' northbound rows. */
  balancers: readonly LoadBalancer[];
}

export const NO_PLACEMENT: Placement = { ports: new Map(), balancers: [] };

/** The placement that ovn-northd would write for this northbound database. */
export function placementOf(nb: Northbound): Placement {
  const ports = new Map<string, PortPlacement>();
  for (const row of nb.Logical_Switch_Port.values()) {
    const placement: PortPlacement = {
      ...(row.parent_name !== undefined && row.parent_name !== '' && { parent: row.parent_name }),
      ...(row.tag !== undefined && row.tag !== 0 && { tag: row.tag }),
      ...(row.type === 'external' && { chassis: haChassis(nb, row.ha_chassis_group) }),
    };
    if (Object.keys(placement).length > 0) ports.set(row.name, placement);
  }
  for (const row of nb.Logical_Router_Port.values()) {
    const chassis =
      row.ha_chassis_group === undefined
        ? gatewayChassis(nb, row.gateway_chassis)
        : haChassis(nb, row.ha_chassis_group);
    if (chassis.length > 0) ports.set(`cr-${row.name}`, { chassis });
  }
  return { ports, balancers: balancersOf(nb) };
}

/** Names by falling priority; among equals by name. */
function ordered(rows: readonly { chassis_name: string; priority: number }[]): string[] {
  return rows
    .toSorted((a, b) => b.priority - a.priority || (a.chassis_name < b.chassis_name ? -1 : 1))
    .map(({ chassis_name }) => chassis_name);
}

function gatewayChassis(nb: Northbound, rows: readonly string[]): string[] {
  return ordered(rows.map((uuid) => nb.Gateway_Chassis.get(uuid)).filter((row) => row !== undefined));
}

function haChassis(nb: Northbound, group: string | undefined): string[] {
  const members = nb.HA_Chassis_Group.get(group ?? '')?.ha_chassis ?? [];
  return ordered(members.map((uuid) => nb.HA_Chassis.get(uuid)).filter((row) => row !== undefined));
}

/** `datapaths` are the UUIDs of logical switches: only they ask for hairpins. */
function balancersOf(nb: Northbound): LoadBalancer[] {
  const users = new Map<string, string[]>();
  for (const row of nb.Logical_Switch.values()) {
    const grouped = row.load_balancer_group.flatMap((uuid) => nb.Load_Balancer_Group.get(uuid)?.load_balancer ?? []);
    for (const uuid of new Set([...row.load_balancer, ...grouped])) {
      users.set(uuid, [...(users.get(uuid) ?? []), row._uuid]);
    }
  }
  return [...nb.Load_Balancer.values()].map(({ _uuid, name, vips, protocol, options }) => {
    return { uuid: _uuid, name, vips, ...(protocol && { protocol }), options, datapaths: users.get(_uuid) ?? [] };
  });
}
