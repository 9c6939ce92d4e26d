/**
 * `log(...)`: the line that ovn-controller writes about a packet, whose fields
 * stand there as Open vSwitch prints a flow (ovs-fields(7)).
 *
 *     name="web", verdict=drop, severity=info, direction=to-lport: udp,vlan_tci=0x0000,dl_src=...
 */
import { parseFrame } from '../../frame.ts';
import { formatEthernet, formatIpv4, formatIpv6 } from '../../lang/addresses.ts';
import type { ActionBody } from '../../lang/ir.ts';
import type { Pipeline } from '../../ovsdb/southbound.ts';
import { setU16, u16 } from './bytes.ts';
import {
  ETH_TYPE_ARP,
  ETH_TYPE_IP,
  ETH_TYPE_IPV6,
  ETH_TYPE_QINQ,
  ETH_TYPE_RARP,
  ETH_TYPE_VLAN,
  type IpHeaders,
  PROTO_ICMP,
  PROTO_ICMPV6,
  PROTO_IGMP,
  PROTO_SCTP,
  PROTO_TCP,
  PROTO_UDP,
  portsOf,
  readIp,
} from './headers.ts';

type Log = Extract<ActionBody, { type: 'log' }>;

/** The line for a packet that met the action in `pipeline`. */
export function aclLog(frame: Uint8Array, { name, verdict, severity }: Log, pipeline: Pipeline): string {
  const direction = pipeline === 'ingress' ? 'from-lport' : 'to-lport';
  const label = JSON.stringify(name || '<unnamed>');
  return `name=${label}, verdict=${verdict}, severity=${severity}, direction=${direction}: ${flowText(frame)}`;
}

type Fields = Record<string, bigint>;

/** A frame's fields in the form of Open vSwitch; those that a broken header does not have are zero. */
export function flowText(frame: Uint8Array): string {
  const { fields } = parseFrame(frame, { vlanLimit: 2 });
  const type = Number(fields['eth.type'] ?? 0n);
  const ethernet = [
    ...tags(frame),
    `dl_src=${formatEthernet(fields['eth.src'] ?? 0n)}`,
    `dl_dst=${formatEthernet(fields['eth.dst'] ?? 0n)}`,
  ];
  if (type === ETH_TYPE_ARP) return ['arp', ...ethernet, ...arp(fields)].join();
  if (type === ETH_TYPE_RARP) return ['rarp', ...ethernet, ...arp(asArp(frame))].join();
  if (type !== ETH_TYPE_IP && type !== ETH_TYPE_IPV6) {
    return [...ethernet, `dl_type=0x${type.toString(16).padStart(4, '0')}`].join();
  }
  return ipText(frame, fields, ethernet, type === ETH_TYPE_IP);
}

/** The tags, and that no more follow where there is room for one. */
function tags(frame: Uint8Array): string[] {
  const words: string[] = [];
  for (const [i, at] of [12, 16].entries()) {
    const number = i === 0 ? '' : String(i);
    const isTag = at + 6 <= frame.length && [ETH_TYPE_VLAN, ETH_TYPE_QINQ].includes(u16(frame, at));
    if (!isTag) return [...words, `vlan_tci${number}=0x0000`];
    const tci = u16(frame, at + 2);
    words.push(`dl_vlan${number}=${tci & 0xfff}`, `dl_vlan_pcp${number}=${tci >>> 13}`);
  }
  return words;
}

function arp(fields: Fields): string[] {
  return [
    `arp_spa=${formatIpv4(fields['arp.spa'] ?? 0n)}`,
    `arp_tpa=${formatIpv4(fields['arp.tpa'] ?? 0n)}`,
    `arp_op=${fields['arp.op'] ?? 0}`,
    `arp_sha=${formatEthernet(fields['arp.sha'] ?? 0n)}`,
    `arp_tha=${formatEthernet(fields['arp.tha'] ?? 0n)}`,
  ];
}

/** The fields of a reverse request, whose form is that of ARP; its type stands behind tags, or LLC and SNAP. */
function asArp(frame: Uint8Array): Fields {
  const at = [12, 16, 20, 24, 28].find((each) => u16(frame, each) === ETH_TYPE_RARP);
  if (at === undefined) return {};
  const other = frame.slice();
  setU16(other, at, ETH_TYPE_ARP);
  return parseFrame(other, { vlanLimit: 2 }).fields;
}

const ND_SOLICITATION = 135;
const ND_ADVERTISEMENT = 136;
/** `ip.frag` of a fragment that is not the first. */
const LATER = 2n;

function ipText(frame: Uint8Array, fields: Fields, ethernet: string[], isV4: boolean): string {
  const ip = readIp(frame);
  const proto = ip?.proto ?? 0;
  const named = names[proto] !== undefined && (proto !== PROTO_ICMP || isV4) && (proto !== PROTO_ICMPV6 || !isV4);
  const plain = isV4 ? 'ip' : 'ipv6';
  const name = !named ? plain : isV4 || proto === PROTO_ICMPV6 ? names[proto] : `${names[proto]}6`;
  const addresses = isV4
    ? [`nw_src=${formatIpv4(fields['ip4.src'] ?? 0n)}`, `nw_dst=${formatIpv4(fields['ip4.dst'] ?? 0n)}`]
    : [
        `ipv6_src=${formatIpv6(fields['ip6.src'] ?? 0n)}`,
        `ipv6_dst=${formatIpv6(fields['ip6.dst'] ?? 0n)}`,
        `ipv6_label=0x${(fields['ip6.label'] ?? 0n).toString(16).padStart(5, '0')}`,
      ];
  const fragment = fields['ip.frag'] ?? 0n;
  const isLater = (fragment & LATER) !== 0n;
  const words = [
    name,
    ...ethernet,
    ...addresses,
    ...(named ? [] : [`nw_proto=${proto}`]),
    `nw_tos=${(fields['ip.dscp'] ?? 0n) << 2n}`,
    `nw_ecn=${fields['ip.ecn'] ?? 0}`,
    `nw_ttl=${fields['ip.ttl'] ?? 0}`,
    `nw_frag=${isLater ? 'later' : fragment === 0n ? 'no' : 'first'}`,
    ...(ip && !isLater ? transport(frame, ip, fields, isV4) : []),
  ];
  return words.join();
}

const names: Readonly<Record<number, string>> = {
  [PROTO_ICMP]: 'icmp',
  [PROTO_TCP]: 'tcp',
  [PROTO_UDP]: 'udp',
  [PROTO_ICMPV6]: 'icmp6',
  [PROTO_SCTP]: 'sctp',
};

function transport(frame: Uint8Array, ip: IpHeaders, fields: Fields, isV4: boolean): string[] {
  const { l4, end, proto } = ip;
  if (proto === PROTO_TCP || proto === PROTO_UDP || proto === PROTO_SCTP) {
    const { src, dst, flags } = portsOf(frame, ip);
    const ports = [`tp_src=${src}`, `tp_dst=${dst}`];
    return proto === PROTO_TCP ? [...ports, `tcp_flags=${tcpFlags(flags)}`] : ports;
  }
  if (![PROTO_ICMP, PROTO_IGMP, PROTO_ICMPV6].includes(proto)) return [];
  const [type, code] = l4 + 8 <= end ? [frame[l4], frame[l4 + 1]] : [0, 0];
  if (proto !== (isV4 ? PROTO_ICMP : PROTO_ICMPV6)) return [`tp_src=${type}`, `tp_dst=${code}`];
  const words = [`icmp_type=${type}`, `icmp_code=${code}`];
  if (isV4 || (type !== ND_SOLICITATION && type !== ND_ADVERTISEMENT) || code !== 0) return words;
  return [
    ...words,
    `nd_target=${formatIpv6(fields['nd.target'] ?? 0n)}`,
    `nd_sll=${formatEthernet(fields['nd.sll'] ?? 0n)}`,
    `nd_tll=${formatEthernet(fields['nd.tll'] ?? 0n)}`,
  ];
}

/** From the lowest bit up. */
const flagNames = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr', 'ns', '[200]', '[400]', '[800]'];

function tcpFlags(flags: number): string {
  return flagNames.filter((_, bit) => (flags >>> bit) & 1).join('|') || '0';
}
