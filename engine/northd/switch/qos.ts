/** DSCP marks and rate limits: ls_in_qos_mark, ls_in_qos_meter, ls_out_qos_mark, ls_out_qos_meter. */
import type { Emit } from '../emit.ts';
import { stages } from '../stages.ts';
import { rowsOf, type SwitchDatapath, type Topology } from '../topology.ts';

export function buildQos(dp: SwitchDatapath, topology: Topology, emit: Emit): void {
  emit(stages.ls_in_qos_mark, 0, '1', 'next;', 7005);
  emit(stages.ls_out_qos_mark, 0, '1', 'next;', 7006);
  emit(stages.ls_in_qos_meter, 0, '1', 'next;', 7007);
  emit(stages.ls_out_qos_meter, 0, '1', 'next;', 7008);
  for (const rule of rowsOf(topology.nb, 'QoS', dp.row.qos_rules)) {
    const ingress = rule.direction === 'from-lport';
    const { dscp } = rule.action;
    if (dscp !== undefined) {
      const stage = ingress ? stages.ls_in_qos_mark : stages.ls_out_qos_mark;
      emit(stage, rule.priority, rule.match, `ip.dscp = ${dscp}; next;`, 7022, rule);
    }
    const { rate, burst } = rule.bandwidth;
    if (rate) {
      const stage = ingress ? stages.ls_in_qos_meter : stages.ls_out_qos_meter;
      const limits = burst ? `${rate}, ${burst}` : `${rate}`;
      emit(stage, rule.priority, rule.match, `set_meter(${limits}); next;`, 7053, rule);
    }
  }
}
