/**
 * Which packets a port may send and receive: ls_in_check_port_sec,
 * ls_in_apply_port_sec, ls_out_check_port_sec, ls_out_apply_port_sec.
 *
 * The addresses themselves are not in flows: check_in_port_sec() and
 * check_out_port_sec() look at the port's binding.
 */
import { queueOf } from '../bindings.ts';
import type { Emit } from '../emit.ts';
import { booleanOption } from '../options.ts';
import { REGBIT_FROM_RAMP, REGBIT_PORT_SEC_DROP, stages } from '../stages.ts';
import type { SwitchDatapath, SwitchPort, Topology } from '../topology.ts';

export function buildPortSecurity(dp: SwitchDatapath, topology: Topology, emit: Emit): void {
  const { drop } = topology.drop;
  if (!isVlanTransparent(dp)) emit(stages.ls_in_check_port_sec, 100, 'vlan.present', drop, 8424);
  emit(stages.ls_in_check_port_sec, 100, 'eth.src[40]', drop, 8429);
  emit(stages.ls_in_check_port_sec, 50, '1', `${REGBIT_PORT_SEC_DROP} = check_in_port_sec(); next;`, 8432);
  for (const port of dp.ports) buildPort(port, topology, emit);
  emit(stages.ls_in_apply_port_sec, 50, `${REGBIT_PORT_SEC_DROP} == 1`, drop, 8435);
  emit(stages.ls_in_apply_port_sec, 0, '1', 'next;', 8438);

  emit(stages.ls_out_check_port_sec, 100, 'eth.mcast', `${REGBIT_PORT_SEC_DROP} = 0; next;`, 5770);
  emit(stages.ls_out_check_port_sec, 0, '1', `${REGBIT_PORT_SEC_DROP} = check_out_port_sec(); next;`, 5772);
  emit(stages.ls_out_apply_port_sec, 50, `${REGBIT_PORT_SEC_DROP} == 1`, drop, 5775);
  emit(stages.ls_out_apply_port_sec, 0, '1', 'output;', 5777);
}

/** Whether frames with a VLAN tag pass the switch untouched (other_config:vlan-passthru). */
export function isVlanTransparent(dp: SwitchDatapath): boolean {
  return booleanOption(dp.row.other_config, 'vlan-passthru', false);
}

/**
 * A disabled port is silent and deaf; a VTEP gateway's packets have been through the
 * first half of a pipeline; what has a limited bandwidth goes through a queue.
 */
function buildPort(port: SwitchPort, topology: Topology, emit: Emit): void {
  const { row, quoted } = port;
  if (row.type === 'external') return;
  if (row.enabled === false) {
    emit(stages.ls_in_check_port_sec, 100, `inport == ${quoted}`, `${REGBIT_PORT_SEC_DROP} = 1; next;`, 5673, row);
    emit(stages.ls_in_l2_unknown, 50, `outport == ${quoted}`, topology.drop.drop, 5680, row);
  } else if (row.type === 'vtep') {
    const actions = `${REGBIT_FROM_RAMP} = 1; next(pipeline=ingress, table=${stages.ls_in_hairpin.table});`;
    emit(stages.ls_in_check_port_sec, 70, `inport == ${quoted}`, actions, 5695, row);
  } else {
    const queue = queueOf(row);
    if (queue === undefined) return;
    const checked = `set_queue(${queue}); ${REGBIT_PORT_SEC_DROP} = check_in_port_sec(); next;`;
    emit(stages.ls_in_check_port_sec, 70, `inport == ${quoted}`, checked, 5702, row);
    emit(stages.ls_out_apply_port_sec, 100, `outport == ${quoted}`, `set_queue(${queue}); output;`, 5712, row);
  }
}
