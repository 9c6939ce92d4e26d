/** What ovn-northd lets pass whatever ACLs say. */

import { formatEthernet, parseEthernet } from '../../engine/lang/addresses.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { matchSet } from '../policy/packets.ts';
import { at, type Store } from '../symbolic/index.ts';
import type { Certainty } from '../symbolic/matching.ts';
import type { View } from './view.ts';

/**
 * Neighbour discovery and multicast listeners' reports, which flows of priority 65532 allow where a switch has stateful
 * ACLs, and what is sent to the chassis' own address for health checks (`$svc_monitor_mac`): ovn-northd(8),
 * "Ingress Table 8".
 */
export function passingAcls(view: View): PacketSet {
  const { space } = view.analysis;
  return space.or(matchSet(space, 'nd || nd_ra || nd_rs || mldv1 || mldv2'), space.oneOf(at.ethDst, monitorsOf(view)));
}

/** The chassis' own addresses; what is no MAC address is nobody's. */
const monitorsOf = ({ southbound }: View): bigint[] =>
  (southbound.addressSets.get('svc_monitor_mac') ?? []).flatMap((text) => parseEthernet(text) ?? []);

/** What looks as if the chassis itself had sent it to check a host's health: no ACL is asked on its way to a port, ovn-northd(8), "Egress Table 4". */
export function fromMonitors(view: View, store: Store, certainty: Certainty): PacketSet {
  const { space } = view.analysis;
  return space.orAll(
    monitorsOf(view).map((mac) => matchSet(space, `eth.src == ${formatEthernet(mac)}`, store, certainty)),
  );
}

/** Packets none of whose neighbours has the chassis' own MAC address: nobody outside has it. */
export function amongStrangers(view: View): PacketSet {
  const { space } = view.analysis;
  const own = monitorsOf(view);
  const fields = space.fields.flatMap(({ name }, field) => (/^neighbor\..*\.mac$/.test(name) ? [field] : []));
  return space.not(space.orAll(fields.map((field) => space.oneOf(field, own))));
}
