/** A packet of the analysis in words. */
import { formatEthernet, formatIpv4, formatIpv6 } from '../../engine/lang/index.ts';
import {
  fieldReader,
  isNeighborDiscovery,
  neighborTypes,
  networkOf,
  type PacketValues,
  payloads,
  type ReadField,
  transportOf,
  vlanPresent,
} from './packet.ts';

/** `tcp 10.0.0.2:49152 > 10.0.1.3:443, from 02:..:01 to 02:..:02`, and what else is not as usual. */
export function summaryOf(packet: PacketValues): string {
  const read = fieldReader(packet);
  const macs = `from ${formatEthernet(read('eth.src'))} to ${formatEthernet(read('eth.dst'))}`;
  return [networkWords(read), macs, ...oddities(read)].join(', ');
}

function networkWords(read: ReadField): string {
  switch (networkOf(read)) {
    case 'arp':
      return arpWords(read);
    case 'rarp':
      return 'rarp';
    case 'ip4':
      return ipWords(read, formatIpv4(read('ip4.src')), formatIpv4(read('ip4.dst')), (address) => address);
    case 'ip6':
      return ipWords(read, formatIpv6(read('ip6.src')), formatIpv6(read('ip6.dst')), (address) => `[${address}]`);
    case 'other':
      return read('eth.type') < 0x600n ? 'IEEE 802.2 frame' : `Ethernet type 0x${read('eth.type').toString(16)}`;
  }
}

function arpWords(read: ReadField): string {
  const [sender, target] = [formatIpv4(read('arp.spa')), formatIpv4(read('arp.tpa'))];
  const hardware = formatEthernet(read('arp.sha'));
  switch (read('arp.op')) {
    case 1n:
      return `arp request who has ${target}, tell ${sender} (${hardware})`;
    case 2n:
      return `arp reply ${sender} is at ${hardware}`;
    default:
      return `arp operation ${read('arp.op')} of ${sender} (${hardware}) about ${target}`;
  }
}

function ipWords(read: ReadField, src: string, dst: string, host: (address: string) => string): string {
  const transport = transportOf(read);
  switch (transport) {
    case 'icmp4':
    case 'icmp6':
      return `${icmpWords(read, transport)} ${src} > ${dst}`;
    case 'tcp':
    case 'udp':
    case 'sctp': {
      const ends = `${host(src)}:${read('tp.src')} > ${host(dst)}:${read('tp.dst')}`;
      return [transport + payloadWords(read), ...(transport === 'tcp' ? tcpWords(read) : []), ends].join(' ');
    }
    case 'none':
      return `ip protocol ${read('ip.proto')} ${src} > ${dst}`;
  }
}

function payloadWords(read: ReadField): string {
  const payload = read('payload');
  return payload === payloads.dhcp ? ' (DHCP)' : payload === payloads.dns ? ' (DNS)' : '';
}

const flagNames = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'];

/** Nothing for a SYN, the packet that one expects. */
function tcpWords(read: ReadField): string[] {
  const flags = read('tcp.flags');
  if (flags === 2n) return [];
  const names = flagNames.filter((_, bit) => ((flags >> BigInt(bit)) & 1n) === 1n);
  return [names.length === 0 ? 'without flags' : names.join('-')];
}

const icmpNames: Readonly<Record<'icmp4' | 'icmp6', Readonly<Record<string, string>>>> = {
  icmp4: { 0: 'echo reply', 3: 'unreachable', 5: 'redirect', 8: 'echo request', 11: 'time exceeded' },
  icmp6: {
    1: 'unreachable',
    2: 'packet too big',
    3: 'time exceeded',
    128: 'echo request',
    129: 'echo reply',
    133: 'router solicitation',
    134: 'router advertisement',
    135: 'neighbor solicitation',
    136: 'neighbor advertisement',
  },
};

function icmpWords(read: ReadField, transport: 'icmp4' | 'icmp6'): string {
  const protocol = transport === 'icmp4' ? 'icmp' : 'icmp6';
  const known = icmpNames[transport][String(read('icmp.type'))] ?? `type ${read('icmp.type')}`;
  const code = read('icmp.code') === 0n ? '' : ` code ${read('icmp.code')}`;
  return `${protocol} ${known}${code}${neighborWords(read)}`;
}

function neighborWords(read: ReadField): string {
  if (!isNeighborDiscovery(read)) return '';
  const isSolicitation = read('icmp.type') === neighborTypes.solicitation;
  const mac = read(isSolicitation ? 'nd.sll' : 'nd.tll');
  const target = ` ${isSolicitation ? 'for' : 'about'} ${formatIpv6(read('nd.target'))}`;
  return mac === 0n ? target : `${target} (${formatEthernet(mac)})`;
}

/** Hops that packets of hosts have left, and that neighbour discovery has. */
const usualHops = [64n, 255n];

function oddities(read: ReadField): string[] {
  const network = networkOf(read);
  const isIp = network === 'ip4' || network === 'ip6';
  const tci = read('vlan.tci');
  const fragment = read('ip.frag');
  return [
    ...(isIp && !usualHops.includes(read('ip.ttl')) ? [`ttl ${read('ip.ttl')}`] : []),
    ...(isIp && fragment !== 0n ? [(fragment & 2n) === 0n ? 'first fragment' : 'later fragment'] : []),
    ...((tci & vlanPresent) === 0n ? [] : [`vlan ${tci & 0xfffn}`]),
    ...(isIp && read('ip.dscp') !== 0n ? [`dscp ${read('ip.dscp')}`] : []),
    ...(read('pkt.len') > 1514n ? [`${read('pkt.len')} bytes`] : []),
    ...(read('pkt.mark') === 0n ? [] : [`mark ${read('pkt.mark')}`]),
  ];
}
