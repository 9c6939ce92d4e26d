/** What matches refer to by name: Address_Set and Port_Group rows, ovn-sb(5). */
import { parsePortAddresses } from './addresses.ts';
import { sortedSet } from './options.ts';
import { answeredSets } from './router/virtual-addresses.ts';
import { rowsOf, type Topology } from './topology.ts';

/**
 * The address sets: those of the northbound database, `NAME_ip4` and `NAME_ip6`
 * of each port group, `_rtr_lb_KEY_ip4` and `_rtr_lb_KEY_ip6` of each router with
 * load balancers, and `svc_monitor_mac`.
 */
export function addressSets(topology: Topology): Map<string, string[]> {
  const { nb } = topology;
  const sets = new Map([['svc_monitor_mac', [topology.svcMonitorMac]]]);
  for (const group of nb.Port_Group.values()) {
    const ipv4: string[] = [];
    const ipv6: string[] = [];
    for (const row of rowsOf(nb, 'Logical_Switch_Port', group.ports)) {
      const port = topology.ports.get(row.name);
      const dynamic = port?.kind === 'switch-port' ? port.dynamicAddresses : undefined;
      for (const text of [...row.addresses, ...(dynamic === undefined ? [] : [dynamic])]) {
        const parsed = parsePortAddresses(text)?.addresses;
        for (const { address } of parsed?.ipv4 ?? []) ipv4.push(address);
        for (const { address } of parsed?.ipv6 ?? []) ipv6.push(address);
      }
    }
    sets.set(`${group.name}_ip4`, sortedSet(ipv4));
    sets.set(`${group.name}_ip6`, sortedSet(ipv6));
  }
  for (const dp of topology.routers) for (const [name, addresses] of answeredSets(dp)) sets.set(name, addresses);
  for (const { name, addresses } of nb.Address_Set.values()) sets.set(name, sortedSet(addresses));
  return sets;
}

/** The port groups that have a port on a switch, with the names of those ports. */
export function portGroups(topology: Topology): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const { name, ports } of topology.nb.Port_Group.values()) {
    const names = rowsOf(topology.nb, 'Logical_Switch_Port', ports).map((row) => row.name);
    const members = sortedSet(names.filter((port) => topology.ports.get(port)?.kind === 'switch-port'));
    if (members.length > 0) groups.set(name, members);
  }
  return groups;
}
