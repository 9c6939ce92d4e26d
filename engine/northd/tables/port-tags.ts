/** VLAN tags of nested ports and of localnet ports: Logical_Switch_Port tag and tag_request, ovn-nb(5). */
import type { SwitchDatapath, SwitchPort } from '../topology.ts';

const maxTag = 4095;

/**
 * The tags that ovn-northd gives to ports, by port: what `tag_request` says, or,
 * where that is 0, the lowest one that no other port with the same parent has.
 */
export function portTags(switches: readonly SwitchDatapath[]): ReadonlyMap<SwitchPort, number> {
  const tags = new Map<SwitchPort, number>();
  const used = new Map<string, Set<number>>();
  const waiting: SwitchPort[] = [];
  for (const { ports } of switches) {
    for (const port of ports) {
      const { tag, tag_request: request, parent_name: parent } = port.row;
      const known = request === undefined || request === 0 ? tag : request;
      if (known !== undefined && known !== 0) {
        tags.set(port, known);
        if (parent) tagsBehind(parent).add(known);
      } else if (request === 0 && parent) waiting.push(port);
    }
  }
  for (const port of waiting) {
    const taken = tagsBehind(port.row.parent_name ?? '');
    let tag = 1;
    while (taken.has(tag)) tag++;
    if (tag > maxTag) continue;
    taken.add(tag);
    tags.set(port, tag);
  }
  return tags;

  function tagsBehind(parent: string): Set<number> {
    let behind = used.get(parent);
    if (!behind) {
      behind = new Set();
      used.set(parent, behind);
    }
    return behind;
  }
}
