/** lr_out_undnat and lr_out_post_undnat: replies of translated destinations get their external source back. */
import { stages } from '../stages.ts';
import type { NatRule } from './nat.ts';
import type { Router } from './router.ts';

export function buildUndnat(router: Router): void {
  const { dp, emit, isGateway, nat } = router;
  const stage = stages.lr_out_undnat;
  emit(stage, 0, '1', 'next;', 14249);
  if (isGateway && (nat.rows.length > 0 || dp.hasLbVip)) {
    emit(stage, 100, 'nd || nd_rs || nd_ra', 'next;', 14324);
    emit(stage, 50, 'ip', 'flags.loopback = 1; ct_dnat;', 14326);
  }
  for (const rule of nat.rules) if (rule.row.type !== 'snat') undnat(router, rule);
}

function undnat({ emit }: Router, { row, family, stateless, gatewayPort, distributedMac }: NatRule): void {
  if (!gatewayPort?.redirect) return;
  const resident = distributedMac === undefined ? ` && is_chassis_resident(${gatewayPort.redirect.quoted})` : '';
  const match = `ip && ip${family}.src == ${row.logical_ip} && outport == ${gatewayPort.quoted}${resident}`;
  const setSource = distributedMac === undefined ? '' : `eth.src = ${distributedMac}; `;
  const translate = stateless ? 'next;' : 'ct_dnat_in_czone;';
  emit(stages.lr_out_undnat, 100, match, setSource + translate, 13828, row);
}

export function buildPostUndnat({ dp, emit, isGateway, nat }: Router): void {
  const stage = stages.lr_out_post_undnat;
  emit(stage, 0, '1', 'next;', 14250);
  // Connections in the other direction are committed too: uncommitted ones cannot be offloaded.
  if (isGateway && (nat.rows.length > 0 || dp.hasLbVip)) {
    emit(stage, 50, 'ip && ct.new', 'ct_commit { } ; next; ', 14328);
  }
}
