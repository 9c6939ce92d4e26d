/**
 * Packets that a load balancer sends back to their sender, and packets from
 * VTEP gateways: ls_in_pre_hairpin, ls_in_nat_hairpin, ls_in_hairpin.
 */
import type { Emit } from '../emit.ts';
import { REGBIT_FROM_RAMP, REGBIT_HAIRPIN, REGBIT_HAIRPIN_REPLY, stages } from '../stages.ts';
import type { SwitchDatapath } from '../topology.ts';

export function buildHairpin(dp: SwitchDatapath, emit: Emit): void {
  emit(stages.ls_in_pre_hairpin, 0, '1', 'next;', 7624);
  emit(stages.ls_in_nat_hairpin, 0, '1', 'next;', 7625);
  emit(stages.ls_in_hairpin, 0, '1', 'next;', 7626);
  if (dp.hasLbVip) buildLoadBalancerHairpin(dp, emit);
  buildVtepHairpin(dp, emit);
}

/** The source becomes the virtual address, so that the backend's reply comes back through the load balancer. */
function buildLoadBalancerHairpin(dp: SwitchDatapath, emit: Emit): void {
  const check = `${REGBIT_HAIRPIN} = chk_lb_hairpin(); ${REGBIT_HAIRPIN_REPLY} = chk_lb_hairpin_reply(); next;`;
  emit(stages.ls_in_pre_hairpin, 100, 'ip && ct.trk', check, 7633, dp.row);
  const fresh = `ip && ct.new && ct.trk && ${REGBIT_HAIRPIN} == 1`;
  emit(stages.ls_in_nat_hairpin, 100, fresh, 'ct_snat_to_vip; next;', 7642, dp.row);
  const established = `ip && ct.est && ct.trk && ${REGBIT_HAIRPIN} == 1`;
  emit(stages.ls_in_nat_hairpin, 100, established, 'ct_snat;', 7651, dp.row);
  emit(stages.ls_in_nat_hairpin, 90, `ip && ${REGBIT_HAIRPIN_REPLY} == 1`, 'ct_snat;', 7658, dp.row);
  const either = `(${REGBIT_HAIRPIN} == 1 || ${REGBIT_HAIRPIN_REPLY} == 1)`;
  const back = 'eth.dst <-> eth.src; outport = inport; flags.loopback = 1; output;';
  emit(stages.ls_in_hairpin, 1, either, back, 7667);
}

/** What a VTEP gateway sends goes straight to the destination lookup, but for ARP at the gateway chassis. */
function buildVtepHairpin(dp: SwitchDatapath, emit: Emit): void {
  if (!dp.hasVtepPorts) return;
  const lookup = `next(pipeline=ingress, table=${stages.ls_in_l2_lkup.table});`;
  emit(stages.ls_in_hairpin, 1000, `${REGBIT_FROM_RAMP} == 1`, lookup, 7688);
  for (const { peer } of dp.routerPorts) {
    if (!peer?.redirect) continue;
    const resident = `${REGBIT_FROM_RAMP} == 1 && is_chassis_resident(${peer.redirect.quoted})`;
    emit(stages.ls_in_hairpin, 2000, resident, 'next;', 7705);
  }
}
