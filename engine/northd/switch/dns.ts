/** DNS answers from the switch's own records: ls_in_dns_lookup, ls_in_dns_response. */
import { coppMeter } from '../copp.ts';
import type { Emit } from '../emit.ts';
import { REGBIT_DNS_LOOKUP_RESULT, stages } from '../stages.ts';
import { rowsOf, type SwitchDatapath, type Topology } from '../topology.ts';

export function buildDns(dp: SwitchDatapath, topology: Topology, emit: Emit): void {
  emit(stages.ls_in_dns_lookup, 0, '1', 'next;', 8865);
  emit(stages.ls_in_dns_response, 0, '1', 'next;', 8866);
  if (!hasDnsRecords(dp, topology)) return;
  const lookup = `${REGBIT_DNS_LOOKUP_RESULT} = dns_lookup(); next;`;
  const meter = coppMeter(topology.nb, dp.row.copp, 'dns');
  emit(stages.ls_in_dns_lookup, 100, 'udp.dst == 53', lookup, 8880, undefined, meter);
  const answered = `udp.dst == 53 && ${REGBIT_DNS_LOOKUP_RESULT}`;
  emit(stages.ls_in_dns_response, 100, answered, response('ip4'), 8889);
  emit(stages.ls_in_dns_response, 100, answered, response('ip6'), 8894);
}

/** Whether the switch has any DNS record. */
export function hasDnsRecords(dp: SwitchDatapath, topology: Topology): boolean {
  return rowsOf(topology.nb, 'DNS', dp.row.dns_records).some(({ records }) => Object.keys(records).length > 0);
}

function response(ip: 'ip4' | 'ip6'): string {
  return (
    `eth.dst <-> eth.src; ${ip}.src <-> ${ip}.dst; udp.dst = udp.src; udp.src = 53; ` +
    'outport = inport; flags.loopback = 1; output;'
  );
}
