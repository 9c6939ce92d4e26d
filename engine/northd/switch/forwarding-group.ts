/** Virtual addresses that a group of ports shares, Forwarding_Group in ovn-nb(5): ls_in_arp_rsp, ls_in_l2_lkup. */
import type { Emit } from '../emit.ts';
import { quote, sortedSet } from '../options.ts';
import { stages } from '../stages.ts';
import { rowsOf, type SwitchDatapath, type Topology } from '../topology.ts';
import { arpReply } from './arp-responder.ts';

export function buildForwardingGroups(dp: SwitchDatapath, topology: Topology, emit: Emit): void {
  for (const group of rowsOf(topology.nb, 'Forwarding_Group', dp.row.forwarding_groups)) {
    if (group.child_port.length === 0) continue;
    const request = `arp.tpa == ${group.vip} && arp.op == 1`;
    emit(stages.ls_in_arp_rsp, 50, request, arpReply(group.vmac, group.vip), 7745, group);
    const children = sortedSet(group.child_port).map(quote).join(',');
    const liveness = group.liveness ? 'liveness="true",' : '';
    const actions = `fwd_group(${liveness}childports=${children});`;
    emit(stages.ls_in_l2_lkup, 50, `eth.dst == ${group.vmac}`, actions, 7768, group);
  }
}
