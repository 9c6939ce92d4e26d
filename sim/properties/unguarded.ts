/** What ovn-northd lets pass whatever ACLs say. */

import { parseEthernet } from '../../engine/lang/index.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { matchSet } from '../policy/packets.ts';
import type { Store } from '../symbolic/index.ts';
import type { Certainty } from '../symbolic/matching.ts';
import type { View } from './view.ts';

/**
 * Neighbour discovery and multicast listeners' reports, which flows of priority 65532 allow where a switch has stateful
 * ACLs, and what is sent to the chassis' own address for health checks (`$svc_monitor_mac`): ovn-northd(8),
 * "Ingress Table 8".
 */
export function passingAcls({ analysis: { space }, southbound }: View): PacketSet {
  const monitors = southbound.addressSets.get('svc_monitor_mac') ?? [];
  return space.orAll([
    matchSet(space, 'nd || nd_ra || nd_rs || mldv1 || mldv2'),
    ...monitors.map((mac) => matchSet(space, `eth.dst == ${mac}`)),
  ]);
}

/** What looks as if the chassis itself had sent it to check a host's health: no ACL is asked on its way to a port, ovn-northd(8), "Egress Table 4". */
export function fromMonitors({ analysis: { space }, southbound }: View, store: Store, certainty: Certainty): PacketSet {
  const monitors = southbound.addressSets.get('svc_monitor_mac') ?? [];
  return space.orAll(monitors.map((mac) => matchSet(space, `eth.src == ${mac}`, store, certainty)));
}

/** Packets none of whose neighbours has the chassis' own MAC address: nobody outside has it. */
export function amongStrangers({ analysis: { space }, southbound }: View): PacketSet {
  const own = (southbound.addressSets.get('svc_monitor_mac') ?? []).flatMap((text) => parseEthernet(text) ?? []);
  const fields = space.fields.flatMap(({ name }, field) => (/^neighbor\..*\.mac$/.test(name) ? [field] : []));
  return space.not(space.orAll(fields.map((field) => space.oneOf(field, own))));
}
