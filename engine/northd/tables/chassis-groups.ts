/** HA_Chassis_Group and HA_Chassis: which chassis may serve a port, ovn-sb(5). */
import type { Northbound } from '../../ovsdb/northbound.ts';
import { addSouthboundRow, type SouthboundRows } from '../../ovsdb/southbound-schema.ts';
import { type Port, rowsOf } from '../topology.ts';

/** Chassis that may serve a port: the name of their group, and each with its priority. */
export interface ChassisGroup {
  readonly name: string;
  readonly members: readonly { readonly chassis_name: string; readonly priority: number }[];
}

/**
 * The group of an external port, or of the port that stands for a distributed
 * gateway port; gateway chassis are a group with the port's name.  Undefined for
 * other ports.
 */
export function chassisGroup(nb: Northbound, port: Port): ChassisGroup | undefined {
  if (port.kind === 'switch-port') {
    return port.row.type === 'external' ? namedGroup(nb, port.row.ha_chassis_group) : undefined;
  }
  if (!port.redirect) return undefined;
  if (port.row.ha_chassis_group !== undefined) return namedGroup(nb, port.row.ha_chassis_group);
  return { name: port.name, members: rowsOf(nb, 'Gateway_Chassis', port.row.gateway_chassis) };
}

function namedGroup(nb: Northbound, uuid: string | undefined): ChassisGroup | undefined {
  const row = nb.HA_Chassis_Group.get(uuid ?? '');
  return row && { name: row.name, members: rowsOf(nb, 'HA_Chassis', row.ha_chassis) };
}

/** The names of a group's chassis, the most wanted first. */
export function wantedChassis({ members }: ChassisGroup): string[] {
  return members
    .toSorted((a, b) => b.priority - a.priority || (a.chassis_name < b.chassis_name ? -1 : 1))
    .map(({ chassis_name }) => chassis_name);
}

/** Adds the group where it is not there yet; gives its UUID. */
export function addChassisGroup({ name, members }: ChassisGroup, rows: SouthboundRows): string {
  const chassis = members.map(({ chassis_name, priority }) => {
    const columns = { priority, external_ids: { 'chassis-name': chassis_name } };
    return addSouthboundRow(rows, 'HA_Chassis', `${name}\0${chassis_name}`, columns)._uuid;
  });
  return addSouthboundRow(rows, 'HA_Chassis_Group', name, { name, ha_chassis: chassis })._uuid;
}
