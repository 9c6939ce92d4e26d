/** lr_out_post_snat and lr_out_egr_loop: what is sent to a NAT address from inside turns around at the gateway port. */
import { REGBIT_DST_NAT_IP_LOCAL, REGBIT_EGRESS_LOOPBACK, stages } from '../stages.ts';
import type { Router } from './router.ts';

const registers = Array.from({ length: 10 }, (_, i) => `reg${i} = 0; `).join('');

const turnAround = `clone { ct_clear; inport = outport; outport = ""; eth.dst <-> eth.src; flags = 0; flags.loopback = 1; flags.use_snat_zone = ${REGBIT_DST_NAT_IP_LOCAL}; ${registers}${REGBIT_EGRESS_LOOPBACK} = 1; next(pipeline=ingress, table=${stages.lr_in_admission.table}); };`;

export function buildEgressLoopback({ emit, nat }: Router): void {
  emit(stages.lr_out_post_snat, 0, '1', 'next;', 14251);
  emit(stages.lr_out_egr_loop, 0, '1', 'next;', 14252);
  for (const { row, family, gatewayPort, distributedMac } of nat.rules) {
    if (!gatewayPort?.redirect) continue;
    const where = distributedMac === undefined ? gatewayPort.redirect.quoted : `"${row.logical_port}"`;
    const match = `ip${family}.dst == ${row.external_ip} && outport == ${gatewayPort.quoted} && is_chassis_resident(${where})`;
    emit(stages.lr_out_egr_loop, 100, match, turnAround, 14524, row);
  }
}
