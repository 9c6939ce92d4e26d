/**
 * Where a switch sends packets through conntrack and commits connections:
 * ls_in_pre_stateful, ls_out_pre_stateful, ls_in_stateful, ls_out_stateful.
 */
import type { Emit } from '../emit.ts';
import {
  REG_LABEL,
  REGBIT_ACL_LABEL,
  REGBIT_CONNTRACK_COMMIT,
  REGBIT_CONNTRACK_DEFRAG,
  REGBIT_CONNTRACK_NAT,
  stages,
} from '../stages.ts';

export function buildPreStateful(emit: Emit): void {
  emit(stages.ls_in_pre_stateful, 0, '1', 'next;', 6123);
  emit(stages.ls_out_pre_stateful, 0, '1', 'next;', 6124);
  emit(stages.ls_in_pre_stateful, 110, `${REGBIT_CONNTRACK_NAT} == 1`, 'ct_lb_mark;', 6132);
  emit(stages.ls_out_pre_stateful, 110, `${REGBIT_CONNTRACK_NAT} == 1`, 'ct_lb_mark;', 6135);
  emit(stages.ls_in_pre_stateful, 100, `${REGBIT_CONNTRACK_DEFRAG} == 1`, 'ct_next;', 6140);
  emit(stages.ls_out_pre_stateful, 100, `${REGBIT_CONNTRACK_DEFRAG} == 1`, 'ct_next;', 6143);
}

/** Whatever comes this far is allowed, so that a connection that was blocked before no longer is. */
export function buildStateful(emit: Emit): void {
  emit(stages.ls_in_stateful, 0, '1', 'next;', 7580);
  emit(stages.ls_out_stateful, 0, '1', 'next;', 7581);
  const labelled = `${REGBIT_CONNTRACK_COMMIT} == 1 && ${REGBIT_ACL_LABEL} == 1`;
  const commitLabel = `ct_commit { ct_mark.blocked = 0; ct_label.label = ${REG_LABEL}; }; next;`;
  emit(stages.ls_in_stateful, 100, labelled, commitLabel, 7592);
  emit(stages.ls_out_stateful, 100, labelled, commitLabel, 7596);
  const unlabelled = `${REGBIT_CONNTRACK_COMMIT} == 1 && ${REGBIT_ACL_LABEL} == 0`;
  const commit = 'ct_commit { ct_mark.blocked = 0; }; next;';
  emit(stages.ls_in_stateful, 100, unlabelled, commit, 7607);
  emit(stages.ls_out_stateful, 100, unlabelled, commit, 7611);
}
