/** lr_out_delivery: what has come this far leaves by its enabled port. */
import { stages } from '../stages.ts';
import type { Router } from './router.ts';

export function buildDelivery({ dp, drop, emit, relaysMulticast }: Router): void {
  const stage = stages.lr_out_delivery;
  for (const { row, quoted, networks } of dp.ports) {
    if (row.enabled === false) continue;
    if (relaysMulticast) {
      // Multicast has not passed the routing stage, which sets the source address.
      const match = `(ip4.mcast || ip6.mcast) && outport == ${quoted}`;
      emit(stage, 110, match, `eth.src = ${networks.mac}; output;`, 12989);
    }
    emit(stage, 100, `outport == ${quoted}`, 'output;', 12995);
    emit(stage, 0, '1', drop, 12998);
  }
}
