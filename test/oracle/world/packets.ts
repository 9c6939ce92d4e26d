/**
 * Packets that hosts send, as microflows: text that `lflow trace` and ovn-trace
 * understand.
 */

/** A MAC and an IPv4 address; of a next hop only the MAC address counts. */
export interface Endpoint {
  mac: string;
  ip: string;
}

/** What stands behind the IP header of a packet. */
export type Transport =
  | { protocol: 'icmp'; type: 'request' | 'reply' | 'time exceeded' }
  | { protocol: 'tcp'; source: number; destination: number; flags: 'syn' | 'syn-ack' | 'ack' | 'fin' }
  | { protocol: 'udp'; source: number; destination: number };

/** An IPv4 packet from one endpoint to another. */
export interface Ipv4Packet {
  inport: string;
  ethSrc: string;
  ethDst: string;
  source: string;
  destination: string;
  transport: Transport;
}

const broadcast = 'ff:ff:ff:ff:ff:ff';

/** What hosts try first: a ping, a web page, a name server. */
export const transports: readonly Transport[] = [
  { protocol: 'icmp', type: 'request' },
  { protocol: 'tcp', source: 49152, destination: 443, flags: 'syn' },
  { protocol: 'udp', source: 49152, destination: 53 },
];

const tcpFlags = { syn: 0x2, 'syn-ack': 0x12, ack: 0x10, fin: 0x1 } as const;
const icmpTypes = { request: 8, reply: 0, 'time exceeded': 11 } as const;

/** What belongs to a connection that nobody opened: no tracker knows it, and source NAT may leave it alone. */
export const strays: readonly Transport[] = [
  { protocol: 'icmp', type: 'reply' },
  { protocol: 'icmp', type: 'time exceeded' },
  { protocol: 'tcp', source: 49152, destination: 443, flags: 'syn-ack' },
  { protocol: 'tcp', source: 49152, destination: 443, flags: 'ack' },
  { protocol: 'tcp', source: 49152, destination: 443, flags: 'fin' },
];

function transportText(transport: Transport): string {
  switch (transport.protocol) {
    case 'icmp':
      return `icmp4.type == ${icmpTypes[transport.type]} && icmp4.code == 0`;
    case 'tcp':
      return `tcp.src == ${transport.source} && tcp.dst == ${transport.destination} && tcp.flags == ${tcpFlags[transport.flags]}`;
    case 'udp':
      return `udp.src == ${transport.source} && udp.dst == ${transport.destination}`;
  }
}

/** What answers a packet of this kind. */
export function answerTo(transport: Transport): Transport {
  switch (transport.protocol) {
    case 'icmp':
      return { protocol: 'icmp', type: 'reply' };
    case 'tcp':
      return { protocol: 'tcp', source: transport.destination, destination: transport.source, flags: 'syn-ack' };
    case 'udp':
      return { protocol: 'udp', source: transport.destination, destination: transport.source };
  }
}

export function ipv4Text(packet: Ipv4Packet): string {
  return [
    `inport == "${packet.inport}"`,
    `eth.src == ${packet.ethSrc}`,
    `eth.dst == ${packet.ethDst}`,
    `ip4.src == ${packet.source}`,
    `ip4.dst == ${packet.destination}`,
    'ip.ttl == 64',
    transportText(packet.transport),
  ].join(' && ');
}

/** A host asks for the MAC address of `target`. */
export function arpRequestText(inport: string, from: Endpoint, target: string): string {
  return [
    `inport == "${inport}"`,
    `eth.src == ${from.mac}`,
    `eth.dst == ${broadcast}`,
    'arp.op == 1',
    `arp.sha == ${from.mac}`,
    `arp.spa == ${from.ip}`,
    `arp.tpa == ${target}`,
  ].join(' && ');
}

/** A host tells everyone, unasked, that it has an address. */
export function arpAnnouncementText(inport: string, claimed: Endpoint, ethSrc: string): string {
  return [
    `inport == "${inport}"`,
    `eth.src == ${ethSrc}`,
    `eth.dst == ${broadcast}`,
    'arp.op == 2',
    `arp.sha == ${claimed.mac}`,
    `arp.spa == ${claimed.ip}`,
    `arp.tha == ${broadcast}`,
    `arp.tpa == ${claimed.ip}`,
  ].join(' && ');
}

/** A host without an address looks for a DHCP server. */
export function dhcpDiscoverText(inport: string, mac: string): string {
  return [
    `inport == "${inport}"`,
    `eth.src == ${mac}`,
    `eth.dst == ${broadcast}`,
    'ip4.src == 0.0.0.0',
    'ip4.dst == 255.255.255.255',
    'ip.ttl == 64',
    'udp.src == 68',
    'udp.dst == 67',
  ].join(' && ');
}
