/**
 * Load balancing on a switch: ls_in_pre_lb, ls_out_pre_lb, ls_in_lb_aff_check,
 * ls_in_lb, ls_in_lb_aff_learn.  What a load balancer does to all packets of its
 * switch is here; its own flows are not computed: each is a warning.
 */

import { coppMeter } from '../copp.ts';
import type { Emit } from '../emit.ts';
import { booleanOption } from '../options.ts';
import { REGBIT_ACL_STATELESS, REGBIT_CONNTRACK_NAT, stages } from '../stages.ts';
import type { SwitchDatapath, Topology } from '../topology.ts';
import { warn } from '../warning.ts';
import type { AclSummary } from './acl.ts';
import { skipConntrack } from './pre-acl.ts';

export function buildLoadBalancer(dp: SwitchDatapath, topology: Topology, acls: AclSummary, emit: Emit): void {
  buildPreLoadBalancer(dp, topology, acls, emit);
  emit(stages.ls_in_lb_aff_check, 0, '1', 'next;', 7486);
  emit(stages.ls_in_lb, 0, '1', 'next;', 7579);
  emit(stages.ls_in_lb_aff_learn, 0, '1', 'next;', 7487);
  for (const row of dp.loadBalancers) {
    if (Object.keys(row.vips).length === 0) continue;
    const message = `Load balancer "${row.name}" of switch "${dp.name}" is left out: load balancers on switches are not supported`;
    warn(topology.warnings, row, 'load-balancer-left-out', message);
  }
}

/** Which packets a load balancer has to see: with one on the switch, every IP packet. */
function buildPreLoadBalancer(dp: SwitchDatapath, topology: Topology, acls: AclSummary, emit: Emit): void {
  buildInterconnectSnooping(dp, topology, emit);
  emit(stages.ls_in_pre_lb, 110, 'eth.mcast', 'next;', 6033);
  emit(stages.ls_out_pre_lb, 110, 'eth.mcast', 'next;', 6034);
  const discovery = 'nd || nd_rs || nd_ra || mldv1 || mldv2';
  emit(stages.ls_in_pre_lb, 110, discovery, 'next;', 6037);
  emit(stages.ls_out_pre_lb, 110, discovery, 'next;', 6040);
  emit(stages.ls_in_pre_lb, 110, 'eth.dst == $svc_monitor_mac', 'next;', 6045);
  emit(stages.ls_out_pre_lb, 110, 'eth.src == $svc_monitor_mac', 'next;', 6047);
  emit(stages.ls_in_pre_lb, 0, '1', 'next;', 6051);
  emit(stages.ls_out_pre_lb, 0, '1', 'next;', 6052);
  // With a load balancer, what comes from a physical network is balanced too.
  const skipped = dp.hasLbVip ? dp.routerPorts : [...dp.routerPorts, ...dp.localnetPorts];
  skipConntrack(skipped, acls, stages.ls_in_pre_lb, stages.ls_out_pre_lb, emit);
  emit(stages.ls_in_pre_lb, 110, `${REGBIT_ACL_STATELESS} == 1`, 'next;', 6073);
  emit(stages.ls_out_pre_lb, 110, `${REGBIT_ACL_STATELESS} == 1`, 'next;', 6075);
  if (!dp.hasLbVip) return;
  emit(stages.ls_in_pre_lb, 100, 'ip', `${REGBIT_CONNTRACK_NAT} = 1; next;`, 6109);
  emit(stages.ls_out_pre_lb, 100, 'ip', `${REGBIT_CONNTRACK_NAT} = 1; next;`, 6111);
}

/** Group membership that remote availability zones report on a transit switch. */
function buildInterconnectSnooping(dp: SwitchDatapath, topology: Topology, emit: Emit): void {
  const { other_config, copp } = dp.row;
  if (!booleanOption(other_config, 'mcast_snoop', false) || other_config['interconn-ts'] === undefined) return;
  const meter = coppMeter(topology.nb, copp, 'igmp');
  const stage = stages.ls_out_pre_lb;
  for (const { row, quoted } of dp.ports) {
    if (row.type !== 'remote') continue;
    emit(stage, 120, `inport == ${quoted} && igmp`, 'clone { igmp; }; next;', 6009, undefined, meter);
    emit(stage, 120, `inport == ${quoted} && (mldv1 || mldv2)`, 'clone { igmp; }; next;', 6017, undefined, meter);
  }
}
