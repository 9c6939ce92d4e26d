/** Neighbour discovery (RFC 4861): what `nd_ns { }` asks, what `nd_na { }` and `nd_na_router { }` answer. */
import { Writer } from './bytes.ts';
import { composeIp, fillTransportChecksum, ICMP_CHECKSUM } from './compose.ts';
import { ethDst, ethSrc, ipDst, ipSrc, PROTO_ICMPV6, readIp } from './headers.ts';

const SOLICITATION = 135;
const ADVERTISEMENT = 136;
const SOURCE_LINK_LAYER = 1;
const TARGET_LINK_LAYER = 2;

/** Flags of an advertisement: RFC 4861 section 4.4. */
const ROUTER = 0x80000000;
const SOLICITED = 0x40000000;
const OVERRIDE = 0x20000000;

/**
 * `nd_ns { }`: asks for the address that the IPv6 packet goes to, from the
 * link-local address of the MAC address that it comes from.  A VLAN tag is lost.
 */
export function neighborSolicitation(frame: Uint8Array): Uint8Array | undefined {
  const ip = readIp(frame);
  if (ip?.family !== 6) return undefined;
  const target = ipDst(frame, ip);
  const group = solicitedNode(target);
  const ethernet = Uint8Array.of(0x33, 0x33, ...group.subarray(12));
  const way = { ethDst: ethernet, ethSrc: ethSrc(frame), src: linkLocal(ethSrc(frame)), dst: group };
  return compose(way, SOLICITATION, 0, target, SOURCE_LINK_LAYER);
}

/**
 * `nd_na { }` and, from a router, `nd_na_router { }`: says that the target of a
 * solicitation is the MAC address which that was sent to.  A VLAN tag is lost.
 */
export function neighborAdvertisement(frame: Uint8Array, isRouter: boolean): Uint8Array | undefined {
  const ip = readIp(frame);
  if (ip?.family !== 6 || ip.proto !== PROTO_ICMPV6 || ip.l4 + 24 > ip.end) return undefined;
  const type = frame[ip.l4];
  if ((type !== SOLICITATION && type !== ADVERTISEMENT) || frame[ip.l4 + 1] !== 0) return undefined;
  const target = frame.subarray(ip.l4 + 8, ip.l4 + 24);
  const way = { ethDst: ethSrc(frame), ethSrc: ethDst(frame), src: target, dst: ipSrc(frame, ip) };
  const flags = (isRouter ? ROUTER : 0) + SOLICITED + OVERRIDE;
  return compose(way, ADVERTISEMENT, flags, target, TARGET_LINK_LAYER);
}

type Way = Parameters<typeof composeIp>[0];

/** Type, code, checksum, flags, target, and one option with the sender's link-layer address. */
function compose(way: Way, type: number, flags: number, target: Uint8Array, option: number): Uint8Array {
  const message = new Writer(32).u8(type).u8(0).u16(0).u32(flags).put(target);
  const payload = message.u8(option).u8(1).put(way.ethSrc).done();
  fillTransportChecksum(way, PROTO_ICMPV6, payload, ICMP_CHECKSUM);
  return composeIp(way, PROTO_ICMPV6, 255, payload);
}

/** ff02::1:ff00:0/104 with the last 24 bits of the address: RFC 4291 section 2.7.1. */
function solicitedNode(ip: Uint8Array): Uint8Array {
  const group = new Uint8Array(16);
  group.set([0xff, 0x02], 0);
  group.set([1, 0xff, ...ip.subarray(13)], 11);
  return group;
}

/** fe80::/64 with the interface identifier that the MAC address gives: RFC 4291 appendix A. */
export function linkLocal(mac: Uint8Array): Uint8Array {
  const ip = new Uint8Array(16);
  ip.set([0xfe, 0x80], 0);
  ip.set([mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]], 8);
  return ip;
}
