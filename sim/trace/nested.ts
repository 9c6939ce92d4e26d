/**
 * The packets that actions in braces make of the one they run on: which fields
 * ovn-trace sets before the actions inside run.  What it does not set, the new
 * packet has from the old one.
 */
import type { NestedName } from '../../engine/lang/ir.ts';
import { clonePacket, copyWords, etherType, type Packet, protocol, slot } from './packet.ts';

const tcpReset = 4;
const unreachable = { icmp4: 3, icmp6: 1 } as const;

/** The name of the node and the packet that it starts with. */
export interface NestedPacket {
  title: string;
  packet: Packet;
}

/**
 * What `NAME { ... }` makes of a packet.  Undefined where nothing is made of it:
 * a reject of what itself is a refusal would go back and forth for ever.  `onChassis`, packets of neighbour discovery
 * are as they leave a chassis: controller/pinctrl.c, compose_nd_na and compose_nd_ns.
 */
export function nestedPacket(name: NestedName, packet: Packet, onChassis = false): NestedPacket | undefined {
  switch (name) {
    case 'clone':
      return { title: 'clone', packet: clonePacket(packet) };
    case 'arp':
      return { title: 'arp', packet: arpRequest(packet) };
    case 'nd_na':
    case 'nd_na_router':
      return { title: 'nd_na', packet: discovering(neighborAdvertisement(packet), onChassis) };
    case 'nd_ns':
      return { title: 'nd_ns', packet: discovering(neighborSolicitation(packet), onChassis) };
    case 'icmp4':
    case 'icmp4_error':
      return { title: 'icmp4', packet: icmpError(packet, 'icmp4') };
    case 'icmp6':
    case 'icmp6_error':
      return { title: 'icmp6', packet: icmpError(packet, 'icmp6') };
    case 'tcp_reset':
      return { title: 'tcp_reset', packet: reset(packet, protocol.tcp) };
    case 'sctp_abort':
      return { title: 'sctp_abort', packet: abort(packet) };
    case 'reject':
      return reject(packet);
  }
}

function reject(packet: Packet): NestedPacket | undefined {
  const { words } = packet;
  const ip4 = words[slot.ethType] === etherType.ip4;
  const proto = words[slot.nwProto];
  if (proto === protocol.tcp || proto === protocol.sctp) {
    if (words[slot.tcpFlags] === tcpReset) return undefined;
    const answer = proto === protocol.tcp ? reset(packet, protocol.tcp) : abort(packet);
    return { title: proto === protocol.tcp ? 'tcp_reset' : 'sctp_abort', packet: turnBack(answer, packet) };
  }
  const name = ip4 ? 'icmp4' : 'icmp6';
  if (words[slot.tpSrc] === unreachable[name]) return undefined;
  return { title: name, packet: turnBack(icmpError(packet, name), packet) };
}

/** Sends the answer where the packet came from. */
function turnBack(answer: Packet, packet: Packet): Packet {
  copyWords(answer, slot.ethDst, packet, slot.ethSrc, 2);
  copyWords(answer, slot.ethSrc, packet, slot.ethDst, 2);
  if (packet.words[slot.ethType] === etherType.ip4) {
    copyWords(answer, slot.nwDst, packet, slot.nwSrc, 1);
    copyWords(answer, slot.nwSrc, packet, slot.nwDst, 1);
  } else {
    copyWords(answer, slot.ip6Dst, packet, slot.ip6Src, 4);
    copyWords(answer, slot.ip6Src, packet, slot.ip6Dst, 4);
  }
  return answer;
}

/** Sender and target addresses are where the IPv4 header's were. */
function arpRequest(packet: Packet): Packet {
  const made = clonePacket(packet);
  const { words } = made;
  words[slot.nwFrag] = 0;
  words[slot.nwTos] = 0;
  words[slot.nwTtl] = 0;
  words[slot.tcpFlags] = 0;
  words[slot.ethType] = etherType.arp;
  words[slot.nwProto] = 1;
  copyWords(made, slot.arpSha, packet, slot.ethSrc, 2);
  words.fill(0, slot.arpTha, slot.arpTha + 2);
  return made;
}

function discovering(made: Packet, onChassis: boolean): Packet {
  const { words } = made;
  if (!onChassis) return made;
  words[slot.nwProto] = protocol.icmp6;
  words[slot.nwTtl] = 255;
  words[slot.tpDst] = 0;
  return made;
}

function neighborAdvertisement(packet: Packet): Packet {
  const made = clonePacket(packet);
  copyWords(made, slot.ethSrc, packet, slot.ethDst, 2);
  copyWords(made, slot.ethDst, packet, slot.ethSrc, 2);
  copyWords(made, slot.ip6Dst, packet, slot.ip6Src, 4);
  copyWords(made, slot.ip6Src, packet, slot.ndTarget, 4);
  made.words[slot.tpSrc] = 136;
  made.words.fill(0, slot.arpSha, slot.arpSha + 2);
  copyWords(made, slot.arpTha, packet, slot.ethDst, 2);
  return made;
}

/** The solicited-node group's Ethernet address: RFC 4861, section 4.3; RFC 2464, section 7. */
function neighborSolicitation(packet: Packet): Packet {
  const made = clonePacket(packet);
  const { words } = made;
  words[slot.ethDst] = 0x3333;
  words[slot.ethDst + 1] = 0xff000000 | ((packet.words[slot.ip6Dst + 3] as number) & 0xffffff);
  words[slot.tpSrc] = 135;
  words.fill(0, slot.arpSha, slot.arpSha + 2);
  copyWords(made, slot.arpTha, packet, slot.ethDst, 2);
  return made;
}

/** Destination unreachable, host unreachable, unless the actions inside say otherwise. */
function icmpError(packet: Packet, name: 'icmp4' | 'icmp6'): Packet {
  const made = clonePacket(packet);
  made.words[slot.nwProto] = name === 'icmp4' ? protocol.icmp : protocol.icmp6;
  made.words[slot.nwTtl] = 255;
  made.words[slot.tpSrc] = unreachable[name];
  made.words[slot.tpDst] = 1;
  made.inner = packet.inner ?? clonePacket(packet);
  return made;
}

function reset(packet: Packet, proto: number): Packet {
  const made = clonePacket(packet);
  made.words[slot.nwProto] = proto;
  made.words[slot.nwTtl] = 255;
  made.words[slot.tcpFlags] = tcpReset;
  return made;
}

/** ovn-trace makes the abort of an SCTP association over IPv6 a TCP packet. */
function abort(packet: Packet): Packet {
  return reset(packet, packet.words[slot.ethType] === etherType.ip4 ? protocol.sctp : protocol.tcp);
}
