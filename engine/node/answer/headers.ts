/**
 * Where a frame's headers are, as Open vSwitch finds them in what it hands to
 * ovn-controller (flow_extract() of Open vSwitch 3.1, with up to two VLAN tags).
 *
 *     0           14 + 4 a tag        l3            l4                  end
 *     | Ethernet, tags | (LLC, SNAP)  | IP, options | transport, payload | padding
 */
import { u16 } from './bytes.ts';

export const ETH_TYPE_IP = 0x0800;
export const ETH_TYPE_ARP = 0x0806;
export const ETH_TYPE_RARP = 0x8035;
export const ETH_TYPE_VLAN = 0x8100;
export const ETH_TYPE_QINQ = 0x88a8;
export const ETH_TYPE_IPV6 = 0x86dd;

export const PROTO_HOPOPTS = 0;
export const PROTO_ICMP = 1;
export const PROTO_IGMP = 2;
export const PROTO_TCP = 6;
export const PROTO_UDP = 17;
export const PROTO_ROUTING = 43;
export const PROTO_FRAGMENT = 44;
export const PROTO_AH = 51;
export const PROTO_ICMPV6 = 58;
export const PROTO_DSTOPTS = 60;
export const PROTO_SCTP = 132;

export interface IpHeaders {
  readonly family: 4 | 6;
  /** TCI of the outermost VLAN tag; undefined without one. */
  readonly tci: number | undefined;
  /** Offset of the IP header. */
  readonly l3: number;
  /** Offset of what follows the IP header and its extensions. */
  readonly l4: number;
  /** Offset where the packet ends and the padding begins, never behind the frame. */
  readonly end: number;
  /** Of the transport header; 44 for an IPv6 fragment that is not the first. */
  readonly proto: number;
}

/**
 * The headers of an IP packet; undefined for everything else, and for a packet that its own lengths contradict.
 * With `mayBeCut` IPv6's extension headers may be cut off: then there is no transport header.
 */
export function readIp(frame: Uint8Array, { mayBeCut = false } = {}): IpHeaders | undefined {
  if (frame.length < 14) return undefined;
  let at = 12;
  let tci: number | undefined;
  for (let tags = 0; tags < 2 && isTag(u16(frame, at)) && at + 6 <= frame.length; tags++) {
    tci ??= u16(frame, at + 2);
    at += 4;
  }
  let type = u16(frame, at);
  at += 2;
  // 802.3 with LLC and SNAP: RFC 1042.
  const isSnap = type < 0x600 && at + 8 <= frame.length && u16(frame, at) === 0xaaaa && frame[at + 2] === 3;
  if (isSnap && frame[at + 3] === 0 && u16(frame, at + 4) === 0) {
    type = u16(frame, at + 6);
    at += 8;
  }
  if (type === ETH_TYPE_IP) return readIpv4(frame, at, tci);
  return type === ETH_TYPE_IPV6 ? readIpv6(frame, at, tci, mayBeCut) : undefined;
}

const isTag = (type: number): boolean => type === ETH_TYPE_VLAN || type === ETH_TYPE_QINQ;

function readIpv4(frame: Uint8Array, l3: number, tci: number | undefined): IpHeaders | undefined {
  if (l3 + 20 > frame.length) return undefined;
  const headerLength = (frame[l3] & 15) * 4;
  const totalLength = u16(frame, l3 + 2);
  if (headerLength < 20 || totalLength < headerLength || l3 + totalLength > frame.length) return undefined;
  return { family: 4, tci, l3, l4: l3 + headerLength, end: l3 + totalLength, proto: frame[l3 + 9] };
}

function readIpv6(frame: Uint8Array, l3: number, tci: number | undefined, mayBeCut: boolean): IpHeaders | undefined {
  if (l3 + 40 > frame.length) return undefined;
  const end = l3 + 40 + u16(frame, l3 + 4);
  if (end > frame.length) return undefined;
  let proto = frame[l3 + 6];
  let l4 = l3 + 40;
  for (;;) {
    const length = extensionLength(frame, l4, proto);
    if (length === 0) return { family: 6, tci, l3, l4, end, proto };
    if (l4 + Math.max(length, 8) > end) return mayBeCut ? { family: 6, tci, l3, l4: end, end, proto: 0 } : undefined;
    const isLater = proto === PROTO_FRAGMENT && (u16(frame, l4 + 2) & 0xfff8) !== 0;
    proto = isLater ? PROTO_FRAGMENT : frame[l4];
    l4 += length;
    if (isLater) return { family: 6, tci, l3, l4, end, proto };
  }
}

/** Bytes of the extension header at `at`, 0 if `proto` is none: RFC 8200 section 4, RFC 4302 section 2.2. */
function extensionLength(frame: Uint8Array, at: number, proto: number): number {
  switch (proto) {
    case PROTO_HOPOPTS:
    case PROTO_ROUTING:
    case PROTO_DSTOPTS:
      return ((frame[at + 1] ?? 0) + 1) * 8;
    case PROTO_AH:
      return ((frame[at + 1] ?? 0) + 2) * 4;
    case PROTO_FRAGMENT:
      return 8;
    default:
      return 0;
  }
}

/** Ethernet addresses of a frame that has an Ethernet header. */
export const ethDst = (frame: Uint8Array): Uint8Array => frame.subarray(0, 6);
export const ethSrc = (frame: Uint8Array): Uint8Array => frame.subarray(6, 12);

/** Addresses of an IP packet: 4 or 16 bytes. */
export function ipSrc(frame: Uint8Array, { family, l3 }: IpHeaders): Uint8Array {
  return family === 4 ? frame.subarray(l3 + 12, l3 + 16) : frame.subarray(l3 + 8, l3 + 24);
}

export function ipDst(frame: Uint8Array, { family, l3 }: IpHeaders): Uint8Array {
  return family === 4 ? frame.subarray(l3 + 16, l3 + 20) : frame.subarray(l3 + 24, l3 + 40);
}

/**
 * The UDP payload: where it begins and where it ends by UDP's own length or the
 * packet's, whichever comes first.  Undefined if this is no UDP packet.
 */
export function udpPayload(frame: Uint8Array, ip: IpHeaders): { at: number; end: number } | undefined {
  if (ip.proto !== PROTO_UDP || ip.l4 + 8 > ip.end) return undefined;
  return { at: ip.l4 + 8, end: Math.min(ip.end, ip.l4 + u16(frame, ip.l4 + 4)) };
}

/** Bytes of a transport header with ports. */
const portHeaders: Readonly<Record<number, number>> = { [PROTO_TCP]: 20, [PROTO_UDP]: 8, [PROTO_SCTP]: 12 };

/**
 * The ports of a packet, and TCP's twelve flags.  As for Open vSwitch, all are 0
 * in a fragment that is not the first, where the header is cut off, and where
 * TCP's data begin within the header or behind the packet.
 */
export function portsOf(frame: Uint8Array, ip: IpHeaders): { src: number; dst: number; flags: number } {
  const { family, l3, l4, end, proto } = ip;
  const header = portHeaders[proto] ?? Number.POSITIVE_INFINITY;
  const isTcp = proto === PROTO_TCP && l4 + header <= end;
  const length = isTcp ? (frame[l4 + 12] >>> 4) * 4 : header;
  const isLater = family === 4 && (u16(frame, l3 + 6) & 0x1fff) !== 0;
  if (isLater || length < header || l4 + length > end) return { src: 0, dst: 0, flags: 0 };
  return { src: u16(frame, l4), dst: u16(frame, l4 + 2), flags: isTcp ? u16(frame, l4 + 12) & 0xfff : 0 };
}
