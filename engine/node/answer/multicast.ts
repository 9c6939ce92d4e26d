/**
 * Multicast group membership: what `igmp` reads from a host's message (IGMP,
 * RFC 1112, 2236, 3376; MLD, RFC 2710, 3810), and what a querier asks.
 */
import { addWords, checksumOf, setU16, u16, Writer } from './bytes.ts';
import { composeIp, ICMP_CHECKSUM, pseudoHeader } from './compose.ts';
import { type IpHeaders, ipDst, ipSrc, PROTO_HOPOPTS, PROTO_ICMPV6, PROTO_IGMP, readIp } from './headers.ts';

/** What a message says, and whom it is to be passed on to. */
export interface MembershipMessage {
  /** A query comes from a multicast router; everything else from a host. */
  readonly kind: 'query' | 'report' | 'leave';
  /**
   * The port that it came in by is to be known as one to a router.  An MLD query
   * from the unspecified address is passed on all the same.
   */
  readonly isRouter: boolean;
  /** The groups that are entered or left, addresses of 4 or 16 bytes, in the message's order. */
  readonly groups: readonly { readonly address: Uint8Array; readonly joins: boolean }[];
}

/** IGMP's types: RFC 9776 section 4. */
const IGMP_QUERY = 0x11;
const IGMP_REPORT_V1 = 0x12;
const IGMP_REPORT_V2 = 0x16;
const IGMP_LEAVE = 0x17;
const IGMP_REPORT_V3 = 0x22;

/** MLD's types: RFC 3810 section 5. */
const MLD_QUERY = 130;
const MLD_REPORT = 131;
const MLD_DONE = 132;
const MLD_REPORT_V2 = 143;

/** Types of records in reports: RFC 3376 section 4.2.12. */
const MODE_IS_INCLUDE = 1;
const CHANGE_TO_INCLUDE = 3;
const BLOCK_OLD_SOURCES = 6;

/** Reads a message; undefined if it is none, is cut off, or has a wrong checksum. */
export function readMembership(frame: Uint8Array): MembershipMessage | undefined {
  const ip = readIp(frame);
  if (!ip || ip.l4 + 8 > ip.end) return undefined;
  if (ip.family === 4) return ip.proto === PROTO_IGMP ? readIgmp(frame, ip) : undefined;
  return ip.proto === PROTO_ICMPV6 ? readMld(frame, ip) : undefined;
}

function readIgmp(frame: Uint8Array, { l4, end }: IpHeaders): MembershipMessage | undefined {
  if (checksumOf(addWords(frame, l4, end)) !== 0) return undefined;
  const group = frame.subarray(l4 + 4, l4 + 8);
  switch (frame[l4]) {
    case IGMP_QUERY:
      return { kind: 'query', isRouter: true, groups: [] };
    case IGMP_REPORT_V1:
    case IGMP_REPORT_V2:
      return { kind: 'report', isRouter: false, groups: [{ address: group, joins: true }] };
    case IGMP_LEAVE:
      return { kind: 'leave', isRouter: false, groups: [{ address: group, joins: false }] };
    case IGMP_REPORT_V3:
      return { kind: 'report', isRouter: false, groups: readRecords(frame, l4, 4, false) };
    default:
      return undefined;
  }
}

function readMld(frame: Uint8Array, ip: IpHeaders): MembershipMessage | undefined {
  const { l4, end } = ip;
  const sum = pseudoHeader(ipSrc(frame, ip), ipDst(frame, ip), PROTO_ICMPV6, end - l4);
  if (checksumOf(addWords(frame, l4, end, sum)) !== 0) return undefined;
  const type = frame[l4];
  const group = frame.subarray(l4 + 8, l4 + 24);
  const isWhole = l4 + 24 <= frame.length;
  switch (type) {
    case MLD_QUERY:
      return { kind: 'query', isRouter: ipSrc(frame, ip).some((byte) => byte !== 0), groups: [] };
    case MLD_REPORT:
    case MLD_DONE: {
      const joins = type === MLD_REPORT;
      const groups = isWhole ? [{ address: group, joins }] : [];
      return { kind: joins ? 'report' : 'leave', isRouter: false, groups };
    }
    case MLD_REPORT_V2:
      return { kind: 'report', isRouter: false, groups: readRecords(frame, l4, 16, true) };
    default:
      return undefined;
  }
}

/**
 * The records of a report, as many as are whole: type, length of auxiliary data,
 * number of sources, group.  To include no source at all is to leave.  OVN takes
 * the length of the auxiliary data as bytes, and stays where it is in IGMP
 * at a record of a type it does not know.
 */
function readRecords(frame: Uint8Array, l4: number, size: 4 | 16, skipsUnknown: boolean): MembershipMessage['groups'] {
  const groups: { address: Uint8Array; joins: boolean }[] = [];
  let at = l4 + 8;
  for (let left = u16(frame, l4 + 6); left > 0 && at + 4 + size <= frame.length; left--) {
    const type = frame[at];
    const sources = u16(frame, at + 2);
    if (type >= MODE_IS_INCLUDE && type <= BLOCK_OLD_SOURCES) {
      const leaves = sources === 0 && (type === MODE_IS_INCLUDE || type === CHANGE_TO_INCLUDE);
      groups.push({ address: frame.subarray(at + 4, at + 4 + size), joins: !leaves });
    } else if (!skipsUnknown) break;
    at += 4 + size + sources * size + frame[at + 1];
  }
  return groups;
}

/** A querier of a datapath: Ethernet address, and how many seconds hosts have for an answer (`IP_Multicast`). */
export interface Querier {
  /** 6 bytes. */
  readonly ethSrc: Uint8Array;
  /** 4 bytes for IGMP, 16 for MLD. */
  readonly src: Uint8Array;
  /** Seconds. */
  readonly maxResponse: number;
}

/** A general IGMPv3 query to 224.0.0.1: RFC 3376 section 4.1. */
export function igmpQuery({ ethSrc, src, maxResponse }: Querier): Uint8Array {
  const tenths = (maxResponse * 10) & 255;
  const payload = new Writer(12).u8(IGMP_QUERY).u8(tenths).zeros(6).u8(0).u8(tenths).u16(0).done();
  setU16(payload, 2, checksumOf(addWords(payload, 0, payload.length)));
  const way = { ethDst: Uint8Array.of(1, 0, 0x5e, 0, 0, 1), ethSrc, src, dst: Uint8Array.of(224, 0, 0, 1) };
  return composeIp(way, PROTO_IGMP, 1, payload);
}

/** The hop-by-hop option that says: this is MLD (RFC 2711). */
const routerAlert = Uint8Array.of(5, 2, 0, 0, 0, 0);

/** ff02::1, and the Ethernet address that OVN sends to. */
const allNodes = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
const allNodesEthernet = Uint8Array.of(0x33, 0x33, 0, 0, 0, 0);

/** A general MLDv2 query to all nodes: RFC 3810 section 5.1. */
export function mldQuery({ ethSrc, src, maxResponse }: Querier): Uint8Array {
  const query = new Writer(28)
    .u8(MLD_QUERY)
    .zeros(3)
    .u16(maxResponse * 1000)
    .u16(0)
    .zeros(16);
  const message = query.u8(0).u8(maxResponse).u16(0).done();
  const sum = pseudoHeader(src, allNodes, PROTO_ICMPV6, message.length);
  setU16(message, ICMP_CHECKSUM, checksumOf(addWords(message, 0, message.length, sum)));
  const payload = new Writer(36).u8(PROTO_ICMPV6).u8(0).put(routerAlert).put(message).done();
  return composeIp({ ethDst: allNodesEthernet, ethSrc, src, dst: allNodes }, PROTO_HOPOPTS, 1, payload);
}
