/**
 * What ovn-controller answers: from a frame that a flow hands to it, the frame
 * that goes on.  Nothing here sends, waits or remembers; all of it takes any
 * bytes, and answers nothing to what it cannot read.
 *
 * Three kinds of actions come here.
 *
 * - Those in braces (`arp { }`, `reject { }`, ...) make a new frame, on which the
 *   actions in the braces run: `nestedAnswer`.
 * - Those that give a flow a bit (`put_dhcp_opts`, `dns_lookup`, ...) change the
 *   frame and let it go on where it was: `Resumed`.
 * - Those that tell a chassis something (`igmp`, `handle_bfd_msg`, ...): readers.
 *
 * Then there is what a chassis sends by itself.
 */
import type { NestedName } from '../../lang/ir.ts';
import { arpRequest } from './arp.ts';
import { icmpError } from './icmp.ts';
import { neighborAdvertisement, neighborSolicitation } from './neighbor.ts';
import { reject, sctpAbort, tcpReset } from './reset.ts';

export { aclLog, flowText } from './acl-log.ts';
export { arpRequest, gratuitousArp, reverseArp } from './arp.ts';
export {
  type BfdControl,
  type BfdState,
  type BfdWay,
  bfdControl,
  bfdStates,
  type ReceivedBfd,
  readBfd,
} from './bfd.ts';
export { ipBytes, macBytes } from './compose.ts';
export { dhcpv4Answer, type Resumed } from './dhcpv4.ts';
export { dhcpv6Answer } from './dhcpv6.ts';
export { dnsAnswer } from './dns.ts';
export { icmpError, putFragmentMtu } from './icmp.ts';
export { igmpQuery, type MembershipMessage, mldQuery, type Querier, readMembership } from './multicast.ts';
export { type NatAddresses, readNatAddresses } from './nat-addresses.ts';
export { linkLocal, neighborAdvertisement, neighborSolicitation } from './neighbor.ts';
export {
  type DelegatedPrefix,
  type PrefixAnswer,
  type PrefixClient,
  prefixRequest,
  readPrefixAnswer,
} from './prefix-delegation.ts';
export { reject, sctpAbort, tcpReset } from './reset.ts';
export {
  type PeriodicAdvertisement,
  periodicAdvertisement,
  routerAdvertisementAnswer,
} from './router-advertisement.ts';
export {
  answersProbe,
  type MonitoredService,
  readServiceAnswer,
  type ServiceAnswer,
  tcpProbe,
  tcpProbeEnd,
  udpProbe,
} from './service-monitor.ts';

const nested: Readonly<Record<NestedName, (frame: Uint8Array) => Uint8Array | undefined>> = {
  clone: (frame) => frame,
  arp: arpRequest,
  nd_ns: neighborSolicitation,
  nd_na: (frame) => neighborAdvertisement(frame, false),
  nd_na_router: (frame) => neighborAdvertisement(frame, true),
  icmp4: (frame) => icmpError(frame, { tellsPort: true, turns: false }),
  icmp6: (frame) => icmpError(frame, { tellsPort: true, turns: false }),
  icmp4_error: (frame) => icmpError(frame, { tellsPort: false, turns: false }),
  icmp6_error: (frame) => icmpError(frame, { tellsPort: false, turns: false }),
  tcp_reset: (frame) => tcpReset(frame),
  sctp_abort: (frame) => sctpAbort(frame),
  reject,
};

/** The frame on which the actions in the braces of `name { }` run; undefined if there is none for this packet. */
export function nestedAnswer(name: NestedName, frame: Uint8Array): Uint8Array | undefined {
  return nested[name](frame);
}
