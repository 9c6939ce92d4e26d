/**
 * Load balancing on a switch: ls_in_pre_lb, ls_out_pre_lb, ls_in_pre_stateful,
 * ls_in_lb_aff_check, ls_in_lb, ls_in_lb_aff_learn.
 */

import { buildAffinity } from '../affinity.ts';
import { balance, emptyEvent } from '../balance.ts';
import { coppMeter } from '../copp.ts';
import type { Emit } from '../emit.ts';
import type { LoadBalancer, Vip } from '../load-balancer.ts';
import { booleanOption } from '../options.ts';
import {
  REG_LB_AFF_BACKEND_IP4,
  REG_LB_L2_AFF_BACKEND_IP6,
  REG_ORIG_DIP_IPV4,
  REG_ORIG_DIP_IPV6,
  REG_ORIG_TP_DPORT,
  REGBIT_ACL_STATELESS,
  REGBIT_CONNTRACK_COMMIT,
  REGBIT_CONNTRACK_NAT,
  REGBIT_KNOWN_LB_SESSION,
  stages,
} from '../stages.ts';
import type { SwitchDatapath, Topology } from '../topology.ts';
import type { AclSummary } from './acl.ts';
import { skipConntrack } from './pre-acl.ts';

export function buildLoadBalancer(dp: SwitchDatapath, topology: Topology, acls: AclSummary, emit: Emit): void {
  buildPreLoadBalancer(dp, topology, acls, emit);
  emit(stages.ls_in_lb_aff_check, 0, '1', 'next;', 7486);
  emit(stages.ls_in_lb, 0, '1', 'next;', 7579);
  emit(stages.ls_in_lb_aff_learn, 0, '1', 'next;', 7487);
  for (const balancer of dp.loadBalancers) {
    for (const vip of balancer.vips) {
      buildEmptyEvent(dp, balancer, vip, topology, emit);
      buildDefragmentation(balancer, vip, emit);
      buildBalancing(dp, balancer, vip, topology, emit);
      affinity(balancer, vip, emit);
    }
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

function buildEmptyEvent(dp: SwitchDatapath, balancer: LoadBalancer, vip: Vip, topology: Topology, emit: Emit): void {
  const event = emptyEvent(balancer, vip, topology);
  if (!event) return;
  const meter = coppMeter(topology.nb, dp.row.copp, 'event-elb');
  emit(stages.ls_in_pre_lb, 130, event.match, event.actions, 10805, balancer.row, meter);
}

/** The destination is kept in registers, for packets that the backend sends to itself by the virtual address. */
function buildDefragmentation(balancer: LoadBalancer, vip: Vip, emit: Emit): void {
  const match = `${REGBIT_CONNTRACK_NAT} == 1 && ${destination(balancer, vip)}`;
  emit(stages.ls_in_pre_stateful, 120, match, `${keepDestination(vip, vip.family)}ct_lb_mark;`, 7115, balancer.row);
}

function destination({ protocol }: LoadBalancer, { family, address, port }: Vip): string {
  const match = `ip${family}.dst == ${address}`;
  return port === undefined ? match : `${match} && ${protocol}.dst == ${port}`;
}

function keepDestination({ address, port }: Vip, family: '4' | '6'): string {
  const keepAddress = `${family === '4' ? REG_ORIG_DIP_IPV4 : REG_ORIG_DIP_IPV6} = ${address}; `;
  return port === undefined ? keepAddress : `${keepAddress}${REG_ORIG_TP_DPORT} = ${port}; `;
}

/** A new connection gets a backend, which also commits it: the stateful stage must not do that again. */
function buildBalancing(dp: SwitchDatapath, balancer: LoadBalancer, vip: Vip, topology: Topology, emit: Emit): void {
  const { actions, rejects, drops } = balance(balancer, vip, topology, stages.ls_out_qos_mark);
  const uncommit = rejects || drops ? '' : `${REGBIT_CONNTRACK_COMMIT} = 0; `;
  const priority = vip.port === undefined ? 110 : 120;
  const meter = rejects ? coppMeter(topology.nb, dp.row.copp, 'reject') : undefined;
  const match = `ct.new && ${destination(balancer, vip)}`;
  emit(stages.ls_in_lb, priority, match, uncommit + actions, meter === undefined ? 7558 : 7551, balancer.row, meter);
}

function affinity(balancer: LoadBalancer, vip: Vip, emit: Emit): void {
  buildAffinity(balancer, vip, emit, {
    stages: { check: stages.ls_in_lb_aff_check, balance: stages.ls_in_lb, learn: stages.ls_in_lb_aff_learn },
    lines: { check: 7371, balance: 7466, learn: 7460 },
    registers: {
      vip: { '4': REG_ORIG_DIP_IPV4, '6': REG_ORIG_DIP_IPV6 },
      port: REG_ORIG_TP_DPORT,
      backend: { '4': REG_LB_AFF_BACKEND_IP4, '6': REG_LB_L2_AFF_BACKEND_IP6 },
    },
    check: (family, registers) => {
      const isPort = vip.port === undefined ? '' : ` && ${registers.port} == ${vip.port}`;
      return {
        match: `ct.new && ip${family} && ${registers.vip[family]} == ${vip.address}${isPort}`,
        actions: `${REGBIT_KNOWN_LB_SESSION} = chk_lb_aff(); next;`,
      };
    },
    prepare: (family) => `${REGBIT_CONNTRACK_COMMIT} = 0; ${keepDestination(vip, family)}`,
    flag: '',
  });
}
