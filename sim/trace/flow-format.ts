/**
 * The line that ovn-trace starts with: a packet in OpenFlow syntax, as Open
 * vSwitch's `flow_format` writes it.  Registers and other metadata that are
 * zero are left out; which header fields are shown depends on the protocol.
 */
import { ethernetText, ipv4Text } from '../../engine/lang/addresses.ts';
import { etherType, fields, type Packet, protocol, readBits, slot } from './packet.ts';
import { ctStateText, fragText, tcpFlagsText, valueText } from './values.ts';

/** `icmp,reg14=0x2,vlan_tci=0x0000,dl_src=...`. */
export function formatFlow(packet: Packet): string {
  return [
    ...metadata(packet),
    ...kind(packet),
    ...registers(packet),
    ...vlans(packet),
    `dl_src=${ethernet(packet, slot.ethSrc)}`,
    `dl_dst=${ethernet(packet, slot.ethDst)}`,
    ...network(packet),
  ].join(',');
}

function text(packet: Packet, field: keyof typeof fields & string): string {
  const where = fields[field];
  return where ? valueText(readBits(packet, where), where.form) : '';
}

function ethernet(packet: Packet, at: number): string {
  return ethernetText(word(packet, at), word(packet, at + 1));
}

function ipv4(packet: Packet, at: number): string {
  return ipv4Text(word(packet, at));
}

function word(packet: Packet, at: number): number {
  return packet.words[at] as number;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function metadata(packet: Packet): string[] {
  const parts: string[] = [];
  const mark = word(packet, slot.pktMark);
  const state = word(packet, slot.ctState);
  const ctMark = word(packet, slot.ctMark);
  const label = hasLabel(packet) ? text(packet, 'ct_label') : '0';
  if (mark) parts.push(`pkt_mark=${hex(mark)}`);
  if (state) parts.push(`ct_state=${ctStateText(state)}`);
  if (ctMark) parts.push(`ct_mark=${hex(ctMark)}`);
  if (label !== '0') parts.push(`ct_label=${label}`);
  return parts;
}

function hasLabel({ words }: Packet): boolean {
  for (let i = 0; i < 4; i++) if (words[slot.ctLabel + i] !== 0) return true;
  return false;
}

function registers(packet: Packet): string[] {
  const parts: string[] = [];
  for (let i = 0; i < 16; i++) {
    const value = word(packet, slot.reg0 + i);
    if (value) parts.push(`reg${i}=${hex(value)}`);
  }
  return parts;
}

const ip4Names = new Map<number, string>([
  [protocol.icmp, 'icmp'],
  [protocol.tcp, 'tcp'],
  [protocol.udp, 'udp'],
  [protocol.sctp, 'sctp'],
]);
const ip6Names = new Map<number, string>([
  [protocol.icmp6, 'icmp6'],
  [protocol.tcp, 'tcp6'],
  [protocol.udp, 'udp6'],
  [protocol.sctp, 'sctp6'],
]);
const mpls = 0x8847;
const mplsMulticast = 0x8848;
const nsh = 0x894f;

/** The protocol's name, where Open vSwitch has one. */
function kind(packet: Packet): string[] {
  const proto = word(packet, slot.nwProto);
  switch (word(packet, slot.ethType)) {
    case etherType.ip4:
      return [ip4Names.get(proto) ?? 'ip'];
    case etherType.ip6:
      return [ip6Names.get(proto) ?? 'ipv6'];
    case etherType.arp:
      return ['arp'];
    case etherType.rarp:
      return ['rarp'];
    case mpls:
      return ['mpls'];
    case mplsMulticast:
      return ['mplsm'];
    default:
      return [];
  }
}

function vlans(packet: Packet): string[] {
  const tci = word(packet, slot.vlanTci);
  const first =
    tci & 0x1000
      ? [`dl_vlan=${tci & 0xfff}`, `dl_vlan_pcp=${tci >> 13}`]
      : [`vlan_tci=0x${tci.toString(16).padStart(4, '0')}`];
  // The logical network knows one tag; behind a first one Open vSwitch shows the second, which is absent.
  return tci ? [...first, 'vlan_tci1=0x0000'] : first;
}

function network(packet: Packet): string[] {
  const type = word(packet, slot.ethType);
  switch (type) {
    case etherType.ip4:
      return [`nw_src=${ipv4(packet, slot.nwSrc)}`, `nw_dst=${ipv4(packet, slot.nwDst)}`, ...ip(packet, ip4Names)];
    case etherType.ip6:
      return [
        `ipv6_src=${text(packet, 'ip6.src')}`,
        `ipv6_dst=${text(packet, 'ip6.dst')}`,
        `ipv6_label=0x${word(packet, slot.ip6Label).toString(16).padStart(5, '0')}`,
        ...ip(packet, ip6Names),
      ];
    case etherType.arp:
    case etherType.rarp:
      return arp(packet);
    case mpls:
    case mplsMulticast:
      return ['mpls_label=0', 'mpls_tc=0', 'mpls_ttl=0', 'mpls_bos=0', 'mpls_lse1=0', 'mpls_lse2=0'];
    case nsh:
      return [`dl_type=0x${type.toString(16)}`, ...emptyNsh, ...ip(packet, new Map())];
    default:
      return [`dl_type=0x${type?.toString(16).padStart(4, '0')}`];
  }
}

const emptyNsh = ['nsh_flags=0', 'nsh_ttl=0', 'nsh_mdtype=0', 'nsh_np=0', 'nsh_spi=0x0', 'nsh_si=0'];

function arp(packet: Packet): string[] {
  return [
    `arp_spa=${ipv4(packet, slot.nwSrc)}`,
    `arp_tpa=${ipv4(packet, slot.nwDst)}`,
    `arp_op=${word(packet, slot.nwProto)}`,
    `arp_sha=${ethernet(packet, slot.arpSha)}`,
    `arp_tha=${ethernet(packet, slot.arpTha)}`,
  ];
}

function ip(packet: Packet, names: ReadonlyMap<number, string>): string[] {
  const proto = word(packet, slot.nwProto);
  const tos = word(packet, slot.nwTos);
  const frag = word(packet, slot.nwFrag);
  const parts = names.has(proto) ? [] : [`nw_proto=${proto}`];
  parts.push(`nw_tos=${tos & 0xfc}`, `nw_ecn=${tos & 3}`, `nw_ttl=${word(packet, slot.nwTtl)}`);
  parts.push(`nw_frag=${fragText(frag)}`);
  const laterFragment = (frag & 2) !== 0;
  if (!laterFragment) parts.push(...transport(packet, names, proto));
  return parts;
}

const withPorts: ReadonlySet<number> = new Set(Object.values(protocol));

function transport(packet: Packet, names: ReadonlyMap<number, string>, proto: number): string[] {
  if (!withPorts.has(proto)) return [];
  const source = word(packet, slot.tpSrc);
  const destination = word(packet, slot.tpDst);
  const name = names.get(proto) ?? '';
  if (name === 'icmp' || name === 'icmp6') {
    const neighbor = name === 'icmp6' && destination === 0 && (source === 135 || source === 136);
    return [`icmp_type=${source}`, `icmp_code=${destination}`, ...(neighbor ? neighborFields(packet) : [])];
  }
  const ports = [`tp_src=${source}`, `tp_dst=${destination}`];
  return proto === protocol.tcp ? [...ports, `tcp_flags=${tcpFlagsText(word(packet, slot.tcpFlags))}`] : ports;
}

function neighborFields(packet: Packet): string[] {
  return [
    `nd_target=${text(packet, 'nd.target')}`,
    `nd_sll=${ethernet(packet, slot.arpSha)}`,
    `nd_tll=${ethernet(packet, slot.arpTha)}`,
  ];
}
