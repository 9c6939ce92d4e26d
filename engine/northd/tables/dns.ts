/** DNS: the records that a chassis answers for its switches, ovn-sb(5). */
import { addSouthboundRow, type SouthboundRows } from '../../ovsdb/southbound-schema.ts';
import type { Topology } from '../topology.ts';

/** A row for each northbound one that a switch refers to. */
export function addDns({ nb, switches }: Topology, rows: SouthboundRows): void {
  const users = new Map<string, string[]>();
  for (const { row, uuid } of switches) {
    for (const dns of row.dns_records) users.set(dns, [...(users.get(dns) ?? []), uuid]);
  }
  for (const [dns, datapaths] of users) {
    const records = nb.DNS.get(dns)?.records;
    if (!records) continue;
    // Answers are written in lower case; names are compared so by the chassis.
    const lower = Object.entries(records).map(([name, answer]) => [name, answer.toLowerCase()]);
    addSouthboundRow(rows, 'DNS', dns, {
      records: Object.fromEntries(lower),
      datapaths,
      external_ids: { dns_id: dns },
    });
  }
}
