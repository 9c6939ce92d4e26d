/** Learning of MAC addresses behind ports with unknown addresses: ls_in_lookup_fdb, ls_in_put_fdb. */
import type { Emit } from '../emit.ts';
import { booleanOption } from '../options.ts';
import { REGBIT_LKUP_FDB, stages } from '../stages.ts';
import type { SwitchDatapath, SwitchPort } from '../topology.ts';

export function buildFdb(dp: SwitchDatapath, emit: Emit): void {
  for (const port of dp.ports) {
    if (!learns(port)) continue;
    const match = `inport == ${port.quoted}`;
    const lookup = `${REGBIT_LKUP_FDB} = lookup_fdb(inport, eth.src); next;`;
    emit(stages.ls_in_lookup_fdb, 100, match, lookup, 5736, port.row);
    const put = 'put_fdb(inport, eth.src); next;';
    emit(stages.ls_in_put_fdb, 100, `${match} && ${REGBIT_LKUP_FDB} == 0`, put, 5744, port.row);
  }
  emit(stages.ls_in_lookup_fdb, 0, '1', 'next;', 5757);
  emit(stages.ls_in_put_fdb, 0, '1', 'next;', 5758);
}

function learns(port: SwitchPort): boolean {
  if (!port.hasUnknown || port.portSecurity.length > 0) return false;
  const { type, options } = port.row;
  return type === '' || (type === 'localnet' && booleanOption(options, 'localnet_learn_fdb', false));
}
