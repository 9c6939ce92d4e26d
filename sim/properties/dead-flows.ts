/** Every row that somebody wrote decides something. */
import { groupBy } from '../../engine/group.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import type { LogicalFlow } from '../../engine/ovsdb/southbound.ts';
import { type Check, holds, type Judgement, type Property, unknown, violated } from './property.ts';
import { settingsIn } from './told.ts';
import type { View } from './view.ts';

/** Tables whose rows somebody writes, and the names of their rows for people. */
const tables = ['ACL', 'NAT', 'Load_Balancer', 'Logical_Router_Policy', 'Logical_Router_Static_Route', 'QoS'] as const;

export const deadFlows: Property = {
  id: 'dead-flows',
  severity: 'warning',
  promise: 'every row that somebody wrote decides something',
  *checks(view) {
    const { northbound, southbound } = view;
    if (!northbound) return;
    const byRow = groupBy(southbound.flows, ({ hint }) => hint ?? '');
    const waiting = settingsIn(view)?.deadPorts === 'any' ? new Set<string>() : waitingForPorts(northbound);
    for (const table of tables) {
      for (const row of northbound[table].values()) {
        const flows = byRow.get(row._uuid.slice(0, 8)) ?? byRow.get(row._uuid) ?? [];
        yield {
          key: row._uuid,
          ...check(view, `${table} ${nameOf(row)}`, flows, row.origin ? [row.origin] : []),
          ...(waiting.has(row._uuid) && { vacuous: 'its port group has no port yet' }),
        };
      }
    }
  },
};

/** ACLs of nothing but port groups without a port. */
function waitingForPorts({ Logical_Switch: switches, Port_Group: groups }: Northbound): Set<string> {
  const waiting = new Set([...groups.values()].flatMap(({ ports, acls }) => (ports.length === 0 ? acls : [])));
  for (const { acls } of switches.values()) for (const acl of acls) waiting.delete(acl);
  for (const { ports, acls } of groups.values()) if (ports.length > 0) for (const acl of acls) waiting.delete(acl);
  return waiting;
}

/** Where a row says something of itself. */
function nameOf(row: object): string {
  const {
    match,
    logical_ip: inside,
    external_ip: outside,
    ip_prefix: prefix,
    name,
    priority,
  } = row as Record<string, unknown>;
  if (inside !== undefined) return `${outside} ${inside}`;
  if (prefix !== undefined) return String(prefix);
  return match === undefined ? String(name) : `${priority} ${match}`;
}

function check(view: View, subject: string, flows: readonly LogicalFlow[], source: Check['source']): Check {
  return { subject, source, judge: () => judge(view, flows) };
}

function judge({ analysis }: View, flows: readonly LogicalFlow[]): Judgement {
  if (flows.some((flow) => analysis.met.has(flow))) return holds;
  const { datapaths } = analysis.network;
  const own = new Set(flows.map(({ datapath }) => datapaths.get(datapath)?.component));
  const gap = analysis.gaps.find(({ datapath }) => own.has(datapath.component));
  if (gap) return unknown(`packets that were not followed to their end may meet it: ${gap.reason}`);
  const sentence =
    flows.length === 0
      ? 'no logical flow comes of it'
      : 'no packet that may be sent meets any of its flows: others take them all, or none can be like that';
  return violated({ kind: 'written', sentence, flows: flows.slice(0, 3) });
}
