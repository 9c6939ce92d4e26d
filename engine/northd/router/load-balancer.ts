/**
 * lr_in_defrag, lr_in_lb_aff_check, lr_in_lb_aff_learn and lr_in_ecmp_stateful: what passes through unless a load
 * balancer or a route with symmetric replies (ecmp.ts) wants it.  The flows of load balancers on routers are not
 * computed: each is a warning.
 */
import { stages } from '../stages.ts';
import { warn } from '../warning.ts';
import type { Router } from './router.ts';

export function buildLoadBalancer({ dp, emit, topology }: Router): void {
  emit(stages.lr_in_defrag, 0, '1', 'next;', 14243);
  emit(stages.lr_in_lb_aff_check, 0, '1', 'next;', 7490);
  emit(stages.lr_in_lb_aff_learn, 0, '1', 'next;', 7491);
  emit(stages.lr_in_ecmp_stateful, 0, '1', 'next;', 14253);
  for (const row of dp.loadBalancers) {
    if (Object.keys(row.vips).length === 0) continue;
    const message = `Load balancer "${row.name}" of router "${dp.name}" is left out: load balancers on routers are not supported`;
    warn(topology.warnings, row, 'load-balancer-left-out', message);
  }
}
