/** IP_Multicast: how chassis treat IGMP and MLD on a switch, ovn-sb(5) and Logical_Switch other_config, ovn-nb(5). */
import { addSouthboundRow, type SouthboundRow, type SouthboundRows } from '../../ovsdb/southbound-schema.ts';
import { booleanOption, integerOption } from '../options.ts';
import type { SwitchDatapath, Topology } from '../topology.ts';

/** A row for each switch. */
export function addIpMulticast({ switches }: Topology, rows: SouthboundRows): void {
  for (const dp of switches) {
    const row = made.get(dp) ?? addSouthboundRow(rows, 'IP_Multicast', dp.uuid, settings(dp));
    made.set(dp, row);
    rows.IP_Multicast.set(row._uuid, row);
  }
}

/** By datapath, which many computations may share. */
const made = new WeakMap<SwitchDatapath, SouthboundRow<'IP_Multicast'>>();

function settings({ uuid, row: { other_config: config } }: SwitchDatapath) {
  const idleTimeout = within(15, integerOption(config, 'mcast_idle_timeout', 300), 3600);
  return {
    datapath: uuid,
    enabled: booleanOption(config, 'mcast_snoop', false),
    querier: booleanOption(config, 'mcast_querier', true),
    eth_src: config.mcast_eth_src ?? '',
    ip4_src: config.mcast_ip4_src ?? '',
    ip6_src: config.mcast_ip6_src ?? '',
    table_size: integerOption(config, 'mcast_table_size', 2048),
    idle_timeout: idleTimeout,
    query_interval: within(1, integerOption(config, 'mcast_query_interval', Math.floor(idleTimeout / 2)), 3600),
    query_max_resp: integerOption(config, 'mcast_query_max_response', 1),
  };
}

function within(min: number, value: number, max: number): number {
  // A negative number is a very large one to ovn-northd.
  return value < 0 ? max : Math.min(Math.max(min, value), max);
}
