/**
 * What chassis have written into a southbound database, as far as logical flows follow from it: ovn-sb(5), Encap,
 * IGMP_Group, Service_Monitor and Port_Binding.
 */
import type { SouthboundRows } from '../ovsdb/southbound-schema.ts';
import { parseExactIpv4, parseExactIpv6 } from './addresses.ts';

/** By names of ports and UUIDs of northbound rows: the southbound rows of two databases have different ones. */
export interface Written {
  /** Somebody's tunnels are VXLAN's, which leaves datapaths 12 bits and ports 11. */
  readonly hasVxlan: boolean;
  /** Members of IP multicast groups, by the UUID of their switch's row, then by the group's address. */
  readonly groups: ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>;
  /** Keys (`checkKey`) of the backends that do not answer their health checks. */
  readonly failed: ReadonlySet<string>;
  /** Ports by the virtual port that is theirs at the moment. */
  readonly parents: ReadonlyMap<string, string>;
}

/** Nobody wrote anything. */
export const nothingWritten: Written = {
  hasVxlan: false,
  groups: new Map(),
  failed: new Set(),
  parents: new Map(),
};

/** The name under which chassis report multicast routers that they have heard of, in place of an address. */
export const routersGroup = 'mrouters';

/** Tells watched backends apart. */
export function checkKey(port: string, ip: string, portNumber: number, protocol: string): string {
  return [port, ip, portNumber, protocol].join('\0');
}

/** What the rows of a southbound database say; rows that refer to nothing say nothing. */
export function writtenIn(rows: SouthboundRows): Written {
  const names = new Map([...rows.Port_Binding.values()].map(({ _uuid, logical_port }) => [_uuid, logical_port]));
  const groups = new Map<string, Map<string, Set<string>>>();
  for (const { address, datapath, ports } of rows.IGMP_Group.values()) {
    const on = rows.Datapath_Binding.get(datapath ?? '')?.external_ids['logical-switch'];
    if (on === undefined || !isGroup(address)) continue;
    const here = groups.get(on) ?? new Map<string, Set<string>>();
    groups.set(on, here);
    const members = here.get(address) ?? new Set();
    here.set(address, members);
    for (const uuid of ports) members.add(names.get(uuid) ?? '');
  }
  const failed = [...rows.Service_Monitor.values()].flatMap(({ logical_port, ip, port, protocol, status }) =>
    status === undefined || status === 'online' ? [] : [checkKey(logical_port, ip, port, protocol ?? 'tcp')],
  );
  const parents = [...rows.Port_Binding.values()].flatMap(({ logical_port, chassis, virtual_parent }) =>
    chassis === undefined || virtual_parent === undefined ? [] : [[logical_port, virtual_parent] as const],
  );
  return {
    hasVxlan: [...rows.Encap.values()].some(({ type }) => type === 'vxlan'),
    groups,
    failed: new Set(failed),
    parents: new Map(parents),
  };
}

function isGroup(address: string): boolean {
  return address === routersGroup || parseExactIpv4(address) !== undefined || parseExactIpv6(address) !== undefined;
}
