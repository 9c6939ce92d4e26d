/** A frame taken apart, for people. */
import { parseFrame, parseHex } from '../../engine/frame.ts';
import { formatEthernet, formatIpv4, formatIpv6 } from '../../engine/lang/index.ts';

export interface DecodedField {
  /** `Ethernet`, `IPv4`, ... */
  readonly layer: string;
  /** As OVN calls it. */
  readonly name: string;
  readonly value: string;
}

const layers: readonly (readonly [RegExp, string])[] = [
  [/^eth\./, 'Ethernet'],
  [/^vlan\./, 'VLAN'],
  [/^arp\./, 'ARP'],
  [/^ip6\./, 'IPv6'],
  [/^ip4\./, 'IPv4'],
  [/^ip\./, 'IP'],
  [/^nd\./, 'Neighbour discovery'],
  [/^tcp\./, 'TCP'],
  [/^udp\./, 'UDP'],
  [/^sctp\./, 'SCTP'],
  [/^icmp4\./, 'ICMP'],
  [/^icmp6\./, 'ICMPv6'],
];

const flagNames = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR', 'NS'];
const protocolNames: Readonly<Record<string, string>> = { 1: 'ICMP', 6: 'TCP', 17: 'UDP', 58: 'ICMPv6', 132: 'SCTP' };

/** The fields that OVN sees in a frame, outermost first, and what is wrong with it; nothing of what is no hexadecimal. */
export function decodedFields(hex: string): DecodedField[] {
  if (!/^([0-9a-f]{2})+$/i.test(hex)) return [];
  const { fields, problems } = parseFrame(parseHex(hex));
  const known = Object.entries(fields).map(([name, value]) => ({
    layer: layerOf(name),
    name,
    value: shown(name, value),
  }));
  return [...known, ...problems.map((value) => ({ layer: 'Mistake', name: '', value }))];
}

const layerOf = (name: string): string => layers.find(([pattern]) => pattern.test(name))?.[1] ?? '';

function shown(name: string, value: bigint): string {
  if (/^(eth\.(src|dst)|arp\.[st]ha|nd\.[st]ll)$/.test(name)) return formatEthernet(value);
  if (/^(ip4\.|arp\.[st]pa$)/.test(name)) return formatIpv4(value);
  if (/^(ip6\.(src|dst)|nd\.target)$/.test(name)) return formatIpv6(value);
  if (/^(eth\.type|vlan\.tci|ip6\.label)$/.test(name)) return `0x${value.toString(16)}`;
  if (name === 'tcp.flags')
    return flagNames.filter((_, bit) => ((value >> BigInt(bit)) & 1n) === 1n).join(' ') || 'none';
  const meaning = name === 'ip.proto' ? protocolNames[String(value)] : undefined;
  return meaning ? `${value} (${meaning})` : String(value);
}
