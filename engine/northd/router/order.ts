/**
 * OVSDB keeps a set of references in the order of the UUIDs, and ovn-northd
 * walks it so: it numbers route tables and ECMP groups, and decides between
 * equals, by that order.
 */
import type { NorthboundRow, NorthboundTable } from '../../ovsdb/northbound.ts';
import { type RouterDatapath, type RouterPort, rowsOf, type Topology } from '../topology.ts';

/** The rows that `uuids` refer to, in the order of their UUIDs. */
export function rowsByUuid<T extends NorthboundTable>(
  topology: Topology,
  table: T,
  uuids: readonly string[],
): NorthboundRow<T>[] {
  return rowsOf(topology.nb, table, [...uuids].sort());
}

/** The router's ports in the order of their rows' UUIDs. */
export function portsByUuid(dp: RouterDatapath): RouterPort[] {
  return [...dp.ports].sort((a, b) => (a.row._uuid < b.row._uuid ? -1 : 1));
}

/** The router's distributed gateway ports in the order of their rows' UUIDs. */
export function gatewayPortsByUuid(dp: RouterDatapath): RouterPort[] {
  return portsByUuid(dp).filter(({ redirect }) => redirect !== undefined);
}
