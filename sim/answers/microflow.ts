/** A packet of the analysis as ovn-trace and `lflow trace` take it: OVN's match language, one value a field. */
import { formatEthernet, formatIpv4, formatIpv6 } from '../../engine/lang/index.ts';
import {
  fieldReader,
  isNeighborDiscovery,
  neighborTypes,
  networkOf,
  type PacketValues,
  type ReadField,
  transportOf,
  vlanPresent,
} from './packet.ts';

/** A port's name as a constant of the match language. */
export const quoted = (name: string): string => JSON.stringify(name).replace(/\\\\"$/, '\\u005c"');

/**
 * `inport == "a" && eth.src == ...`.  What a microflow cannot say is left out: the
 * payload, the length, the fields that ovn-trace ignores (DSCP and ECN).
 */
export function microflowOf(packet: PacketValues, inport: string): string {
  const read = fieldReader(packet);
  const tci = read('vlan.tci');
  const mark = read('pkt.mark');
  return [
    `inport == ${quoted(inport)}`,
    `eth.src == ${formatEthernet(read('eth.src'))}`,
    `eth.dst == ${formatEthernet(read('eth.dst'))}`,
    ...((tci & vlanPresent) === 0n ? [] : [`vlan.tci == 0x${tci.toString(16)}`]),
    ...networkText(read),
    ...(mark === 0n ? [] : [`pkt.mark == ${mark}`]),
  ].join(' && ');
}

function networkText(read: ReadField): string[] {
  switch (networkOf(read)) {
    case 'ip4': {
      const addresses = [`ip4.src == ${formatIpv4(read('ip4.src'))}`, `ip4.dst == ${formatIpv4(read('ip4.dst'))}`];
      return [...addresses, ...ipText(read)];
    }
    case 'ip6': {
      const addresses = [`ip6.src == ${formatIpv6(read('ip6.src'))}`, `ip6.dst == ${formatIpv6(read('ip6.dst'))}`];
      const label = read('ip6.label');
      return [...addresses, ...(label === 0n ? [] : [`ip6.label == 0x${label.toString(16)}`]), ...ipText(read)];
    }
    case 'arp':
      return [
        `arp.op == ${read('arp.op')}`,
        `arp.sha == ${formatEthernet(read('arp.sha'))}`,
        `arp.spa == ${formatIpv4(read('arp.spa'))}`,
        `arp.tha == ${formatEthernet(read('arp.tha'))}`,
        `arp.tpa == ${formatIpv4(read('arp.tpa'))}`,
      ];
    default:
      return [`eth.type == 0x${read('eth.type').toString(16)}`];
  }
}

function ipText(read: ReadField): string[] {
  const fragment = read('ip.frag');
  return [
    `ip.ttl == ${read('ip.ttl')}`,
    ...(fragment === 0n ? [] : [`ip.frag == ${fragment}`]),
    ...transportText(read),
  ];
}

function transportText(read: ReadField): string[] {
  const transport = transportOf(read);
  switch (transport) {
    case 'icmp4':
    case 'icmp6': {
      const type = [`${transport}.type == ${read('icmp.type')}`, `${transport}.code == ${read('icmp.code')}`];
      return isNeighborDiscovery(read) ? [...type, ...neighborText(read)] : type;
    }
    case 'tcp':
    case 'udp':
    case 'sctp': {
      const ports = [`${transport}.src == ${read('tp.src')}`, `${transport}.dst == ${read('tp.dst')}`];
      return transport === 'tcp' ? [...ports, `tcp.flags == ${read('tcp.flags')}`] : ports;
    }
    case 'none':
      return [`ip.proto == ${read('ip.proto')}`];
  }
}

function neighborText(read: ReadField): string[] {
  const option = read('icmp.type') === neighborTypes.solicitation ? 'nd.sll' : 'nd.tll';
  const target = `nd.target == ${formatIpv6(read('nd.target'))}`;
  // The language takes these fields only of hop limit 255; the value is the packet's own.
  if (read('ip.ttl') !== 255n) return [];
  return read(option) === 0n ? [target] : [target, `${option} == ${formatEthernet(read(option))}`];
}
