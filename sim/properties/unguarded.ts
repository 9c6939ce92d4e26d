/** What ovn-northd lets pass whatever ACLs say. */

import { formatEthernet, formatIpv4, formatIpv6, parseEthernet } from '../../engine/lang/addresses.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { matchSet } from '../policy/packets.ts';
import { at, type Store } from '../symbolic/index.ts';
import type { Certainty } from '../symbolic/matching.ts';
import { linkLocal, parseAddress } from '../trace/addresses.ts';
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

/**
 * What looks as if a switch's own DHCP server had answered: it passes to ports that have options of DHCP, ovn-northd(8), "Egress
 * Table 4".
 */
export function fromDhcpServers({ northbound, analysis }: View, store: Store, certainty: Certainty): PacketSet {
  const { space } = analysis;
  const answers = [...(northbound?.DHCP_Options.values() ?? [])].flatMap(({ options }) => answersOf(options));
  return space.orAll([...new Set(answers)].map((text) => matchSet(space, text, store, certainty)));
}

/** Of rows for IPv4 the server's MAC address is `server_mac`; of those for IPv6 it is `server_id`: ovn-nb(5), "DHCP_Options TABLE". */
function answersOf({ server_mac: mac = '', server_id: id = '' }: Readonly<Record<string, string>>): string[] {
  const [from, address] = [parseEthernet(mac), parseAddress(id)];
  if (from !== undefined && address?.family === 4) {
    return [
      `eth.src == ${formatEthernet(from)} && ip4.src == ${formatIpv4(address.value)} && udp.src == 67 && udp.dst == 68`,
    ];
  }
  const server = parseEthernet(id);
  if (server === undefined) return [];
  const own = formatIpv6(linkLocal(server));
  return [`eth.src == ${formatEthernet(server)} && ip6.src == ${own} && udp.src == 547 && udp.dst == 546`];
}

/** Packets none of whose neighbours has the chassis' own MAC address: nobody outside has it. */
export function amongStrangers(view: View): PacketSet {
  const { space } = view.analysis;
  const own = monitorsOf(view);
  const fields = space.fields.flatMap(({ name }, field) => (/^neighbor\..*\.mac$/.test(name) ? [field] : []));
  return space.not(space.orAll(fields.map((field) => space.oneOf(field, own))));
}
