/** Logical_DP_Group: the datapaths that share a row, ovn-sb(5). */
import { addSouthboundRow, type SouthboundRow, type SouthboundRows } from '../../ovsdb/southbound-schema.ts';

/** The row of Logical_DP_Group with these datapaths for rows of table `user`, which share them with no other table. */
export function addDatapathGroup(
  user: 'Load_Balancer' | 'Logical_Flow',
  datapaths: readonly string[],
  rows: SouthboundRows,
): SouthboundRow<'Logical_DP_Group'> {
  const sorted = datapaths.toSorted();
  return addSouthboundRow(rows, 'Logical_DP_Group', `${user}\0${sorted.join()}`, { datapaths: sorted });
}
