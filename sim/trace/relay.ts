/** DHCP relay, as ovn-trace of later releases than 23.03 tells it. */
import { formatFieldRef } from '../../engine/lang/fields.ts';
import type { FieldRef } from '../../engine/lang/ir.ts';
import { assignBit } from './assignments.ts';
import { say } from './nodes.ts';
import { isRegister, resolveField, slot } from './packet.ts';
import { addGap } from './run.ts';
import type { Step } from './step.ts';

const request = '/* We assume that this packet is DHCPDISCOVER or DHCPREQUEST. */';
const response =
  '/* We assume that this packet is DHCPOFFER or DHCPACK and DHCP broadcast flag is set. ' +
  'Dest IP is set to broadcast. Dest MAC is set to broadcast but in real network this is unicast ' +
  'which is extracted from DHCP header. */';

/**
 * `R = dhcp_relay_req_chk(...)` and `R = dhcp_relay_resp_chk(...)`: the message is
 * taken for one that passes.  Whom a response is for stands in the message; here
 * it is for everybody.
 */
export function relayDhcp(
  { run, packet, into }: Step,
  { type, dst }: { type: 'dhcp_relay_req_chk' | 'dhcp_relay_resp_chk'; dst: FieldRef },
): void {
  say(into, 'error', type === 'dhcp_relay_req_chk' ? request : response);
  if (type === 'dhcp_relay_resp_chk') {
    addGap(run, 'the action dhcp_relay_resp_chk sends a response to whom its message names; here it goes to everybody');
    packet.words[slot.nwDst] = 0xffffffff;
    packet.words[slot.ethDst] = 0xffff;
    packet.words[slot.ethDst + 1] = 0xffffffff;
  }
  const bits = resolveField(dst);
  if (bits && !isRegister(bits.where)) say(into, 'modify', `${formatFieldRef(dst)} = 1`);
  assignBit(packet, dst, true);
}
