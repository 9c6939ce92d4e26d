/** lr_out_chk_dnat_local: was, or will, the destination be translated on this chassis too? */
import { REGBIT_DST_NAT_IP_LOCAL, stages } from '../stages.ts';
import type { Router } from './router.ts';

export function buildCheckDnatLocal({ dp, emit, isGateway, nat }: Router): void {
  const stage = stages.lr_out_chk_dnat_local;
  const isLocal = `${REGBIT_DST_NAT_IP_LOCAL} = 1; next;`;
  emit(stage, 0, '1', `${REGBIT_DST_NAT_IP_LOCAL} = 0; next;`, 14245);
  for (const { row, family, gatewayPort, distributedMac } of nat.rules) {
    if (!gatewayPort?.redirect) continue;
    const where = distributedMac === undefined ? gatewayPort.redirect.quoted : `"${row.logical_port}"`;
    const match = `ip && ip${family}.dst == ${row.external_ip} && is_chassis_resident(${where})`;
    emit(stage, 50, match, isLocal, 13858, row);
  }
  if (nat.rows.length > 0 && (isGateway || dp.gatewayPorts.length > 0)) {
    emit(stage, 50, 'ip && ct_mark.natted == 1', isLocal, 14544, dp.row);
  }
}
