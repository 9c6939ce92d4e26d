/**
 * ICMP errors (RFC 792, RFC 4443): what `icmp4 { }`, `icmp6 { }`, their `_error`
 * forms and `reject { }` make of a packet, and the MTU that a flow writes into one.
 *
 * Where a flow turns a packet round, its nested actions do; they set type and
 * code too, where these are not "destination unreachable" and what is written here.
 */
import { addWords, checksumOf, setU16, setU32, Writer } from './bytes.ts';
import {
  composeIp,
  fillIpv4Checksum,
  fillTransportChecksum,
  ICMP_CHECKSUM,
  pseudoHeader,
  pushVlan,
} from './compose.ts';
import type { IpHeaders } from './headers.ts';
import { ethDst, ethSrc, ipDst, ipSrc, PROTO_ICMP, PROTO_ICMPV6, PROTO_UDP, readIp } from './headers.ts';

const UNREACHABLE4 = 3;
const UNREACHABLE6 = 1;
/** Codes of "unreachable": host and port (RFC 792); prohibited and port (RFC 4443 section 3.1). */
const HOST4 = 1;
const PORT4 = 3;
const PROHIBITED6 = 1;
const PORT6 = 4;

/** How much of the packet goes into the error: what a frame of 576 or 1 280 bytes has room for. */
const ROOM4 = 576 - 14 - 20 - 8;
const ROOM6 = 1280 - 14 - 40 - 8;

export interface IcmpErrorForm {
  /** The code tells of UDP that its port is not reachable. */
  readonly tellsPort: boolean;
  /** The error goes back where the packet came from; otherwise it goes on to where the packet goes. */
  readonly turns: boolean;
}

/**
 * "Destination unreachable" about an IP packet, with as much of it as there is
 * room for, hop limit 255, and the packet's VLAN tag.
 */
export function icmpError(frame: Uint8Array, form: IcmpErrorForm): Uint8Array | undefined {
  const ip = readIp(frame, { mayBeCut: true });
  if (!ip) return undefined;
  const way = wayOf(frame, ip, form.turns);
  return pushVlan(ip.family === 4 ? error4(frame, ip, way, form) : error6(frame, ip, way, form), ip.tci);
}

type Way = Parameters<typeof composeIp>[0];

/** The way of an answer to the packet, or of one that goes on in its place. */
export function wayOf(frame: Uint8Array, ip: IpHeaders, turns: boolean): Way {
  const way = { ethDst: ethDst(frame), ethSrc: ethSrc(frame), src: ipSrc(frame, ip), dst: ipDst(frame, ip) };
  return turns ? { ethDst: way.ethSrc, ethSrc: way.ethDst, src: way.dst, dst: way.src } : way;
}

function error4(frame: Uint8Array, { l3, end }: IpHeaders, way: Way, { tellsPort }: IcmpErrorForm): Uint8Array {
  const quoted = frame.subarray(l3, Math.min(end, l3 + ROOM4));
  const code = tellsPort && frame[l3 + 9] === PROTO_UDP ? PORT4 : HOST4;
  const payload = unreachable(UNREACHABLE4, code, quoted);
  setU16(payload, ICMP_CHECKSUM, checksumOf(addWords(payload, 0, payload.length)));
  return composeIp(way, PROTO_ICMP, 255, payload);
}

function error6(frame: Uint8Array, { l3, end }: IpHeaders, way: Way, { tellsPort }: IcmpErrorForm): Uint8Array {
  const quoted = frame.subarray(l3, Math.min(end, l3 + ROOM6));
  // Only the first header's next header counts, whatever extensions there are.
  const code = tellsPort && frame[l3 + 6] === PROTO_UDP ? PORT6 : PROHIBITED6;
  const payload = unreachable(UNREACHABLE6, code, quoted);
  fillTransportChecksum(way, PROTO_ICMPV6, payload, ICMP_CHECKSUM);
  return composeIp(way, PROTO_ICMPV6, 255, payload);
}

function unreachable(type: number, code: number, quoted: Uint8Array): Uint8Array {
  return new Writer(8 + quoted.length).u8(type).u8(code).zeros(6).put(quoted).done();
}

/**
 * `icmp4.frag_mtu = MTU;` and `icmp6.frag_mtu = MTU;`: the ICMP message with the
 * MTU in it (RFC 1191 section 4, RFC 4443 section 3.2) and new checksums;
 * the frame itself if it is no ICMP message of that family.
 */
export function putFragmentMtu(frame: Uint8Array, mtu: number): Uint8Array {
  const ip = readIp(frame);
  if (ip?.proto !== (ip?.family === 4 ? PROTO_ICMP : PROTO_ICMPV6) || ip.l4 + 8 > ip.end) return frame;
  const changed = frame.slice();
  if (ip.family === 4) {
    const before = addWords(frame, ip.l4 + 6, ip.l4 + 8);
    setU16(changed, ip.l4 + 6, mtu);
    const sum = (~((frame[ip.l4 + 2] << 8) | frame[ip.l4 + 3]) & 0xffff) + (~before & 0xffff) + (mtu & 0xffff);
    setU16(changed, ip.l4 + ICMP_CHECKSUM, checksumOf(sum));
    fillIpv4Checksum(changed, ip.l3);
  } else {
    setU32(changed, ip.l4 + 4, mtu);
    setU16(changed, ip.l4 + ICMP_CHECKSUM, 0);
    const sum = pseudoHeader(ipSrc(changed, ip), ipDst(changed, ip), PROTO_ICMPV6, ip.end - ip.l4);
    setU16(changed, ip.l4 + ICMP_CHECKSUM, checksumOf(addWords(changed, ip.l4, ip.end, sum)));
  }
  return changed;
}
