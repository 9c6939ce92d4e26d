/** What goes through conntrack before the ACLs look at it: ls_in_pre_acl, ls_out_pre_acl. */
import type { Emit } from '../emit.ts';
import { REGBIT_ACL_STATELESS, REGBIT_CONNTRACK_DEFRAG, type Stage, stages } from '../stages.ts';
import type { SwitchDatapath, SwitchPort } from '../topology.ts';
import { type AclSummary, aclPriority } from './acl.ts';

export function buildPreAcl(dp: SwitchDatapath, acls: AclSummary, emit: Emit): void {
  emit(stages.ls_in_pre_acl, 0, '1', 'next;', 5869);
  emit(stages.ls_out_pre_acl, 0, '1', 'next;', 5870);
  emit(stages.ls_in_pre_acl, 110, 'eth.dst == $svc_monitor_mac', 'next;', 5872);
  emit(stages.ls_out_pre_acl, 110, 'eth.src == $svc_monitor_mac', 'next;', 5875);
  if (!acls.hasStateful) {
    if (dp.hasLbVip) buildStatelessFilters(acls, emit);
    return;
  }
  skipConntrack([...dp.routerPorts, ...dp.localnetPorts], acls, stages.ls_in_pre_acl, stages.ls_out_pre_acl, emit);
  buildStatelessFilters(acls, emit);
  const discovery = 'nd || nd_rs || nd_ra || mldv1 || mldv2 || (udp && udp.src == 546 && udp.dst == 547)';
  emit(stages.ls_in_pre_acl, 110, discovery, 'next;', 5901);
  emit(stages.ls_out_pre_acl, 110, discovery, 'next;', 5904);
  emit(stages.ls_in_pre_acl, 110, 'eth.mcast', 'next;', 5909);
  emit(stages.ls_out_pre_acl, 110, 'eth.mcast', 'next;', 5911);
  // Both directions, whatever the ACLs' direction: replies have to be followed too.
  emit(stages.ls_in_pre_acl, 100, 'ip', `${REGBIT_CONNTRACK_DEFRAG} = 1; next;`, 5922);
  emit(stages.ls_out_pre_acl, 100, 'ip', `${REGBIT_CONNTRACK_DEFRAG} = 1; next;`, 5924);
}

/**
 * Keeps what comes from or goes to routers or physical networks, at `ports`, out
 * of conntrack: the two directions of such a connection can run on two chassis,
 * which do not share their connections.
 */
export function skipConntrack(
  ports: readonly SwitchPort[],
  acls: AclSummary,
  ingress: Stage,
  egress: Stage,
  emit: Emit,
): void {
  const egressActions = acls.hasStateful ? 'next;' : 'ct_clear; next;';
  for (const { quoted, row } of ports) {
    emit(ingress, 110, `ip && inport == ${quoted}`, 'next;', 5806, row);
    emit(egress, 110, `ip && outport == ${quoted}`, egressActions, 5809, row);
  }
}

function buildStatelessFilters(acls: AclSummary, emit: Emit): void {
  for (const acl of acls.acls) {
    if (acl.action !== 'allow-stateless') continue;
    const actions = `${REGBIT_ACL_STATELESS} = 1; next;`;
    if (acl.direction === 'from-lport') emit(stages.ls_in_pre_acl, aclPriority(acl), acl.match, actions, 5824, acl);
    else emit(stages.ls_out_pre_acl, aclPriority(acl), acl.match, actions, 5830, acl);
  }
}
