/** Reading what came out of a port, and saying it again as a microflow. */
import { formatIpv4 } from '../../../engine/address.ts';
import { fields, type Packet, readBits } from '../../../sim/trace/packet.ts';
import type { FieldReader } from './frame.ts';

/** Reads fields by their names in the match language; throws for a name that it does not have. */
export function fieldReader(packet: Packet): FieldReader {
  return (name) => {
    const field = fields[name];
    if (!field) throw new Error(`no field is named ${name}`);
    return readBits(packet, field);
  };
}

export const macText = (mac: bigint): string => mac.toString(16).padStart(12, '0').match(/../g)?.join(':') ?? '';

export const ipv4Text = (address: bigint): string => formatIpv4(Number(address));

const protocols: Readonly<Record<string, (field: FieldReader) => string[]>> = {
  1: (field) => [`icmp4.type == ${field('icmp4.type')}`, `icmp4.code == ${field('icmp4.code')}`],
  6: (field) => [
    `tcp.src == ${field('tcp.src')}`,
    `tcp.dst == ${field('tcp.dst')}`,
    `tcp.flags == ${field('tcp.flags')}`,
  ],
  17: (field) => [`udp.src == ${field('udp.src')}`, `udp.dst == ${field('udp.dst')}`],
};

function networkText(field: FieldReader): string[] {
  switch (field('eth.type')) {
    case 0x806n:
      return [
        `arp.op == ${field('arp.op')}`,
        `arp.sha == ${macText(field('arp.sha'))}`,
        `arp.spa == ${ipv4Text(field('arp.spa'))}`,
        `arp.tha == ${macText(field('arp.tha'))}`,
        `arp.tpa == ${ipv4Text(field('arp.tpa'))}`,
      ];
    case 0x800n:
      return [
        `ip4.src == ${ipv4Text(field('ip4.src'))}`,
        `ip4.dst == ${ipv4Text(field('ip4.dst'))}`,
        `ip.ttl == ${field('ip.ttl')}`,
        ...(protocols[String(field('ip.proto'))]?.(field) ?? [`ip.proto == ${field('ip.proto')}`]),
      ];
    default:
      return [`eth.type == 0x${field('eth.type').toString(16)}`];
  }
}

/** A packet that stands at a port, as the microflow that enters by it. */
export function microflowText(field: FieldReader, inport: string): string {
  return [
    `inport == "${inport}"`,
    `eth.src == ${macText(field('eth.src'))}`,
    `eth.dst == ${macText(field('eth.dst'))}`,
    ...networkText(field),
  ].join(' && ');
}
