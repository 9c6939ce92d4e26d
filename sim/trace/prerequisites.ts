/** Which fields a packet has: Open vSwitch does not assign to a field that the packet has not. */
import { etherType, isIp, type Packet, protocol, slot } from './packet.ts';

function is(packet: Packet, at: number, value: number): boolean {
  return packet.words[at] === value;
}

function isTransport(packet: Packet, proto: number): boolean {
  const laterFragment = ((packet.words[slot.nwFrag] as number) & 2) !== 0;
  return isIp(packet) && is(packet, slot.nwProto, proto) && !laterFragment;
}

function isNeighborDiscovery(packet: Packet): boolean {
  const type = packet.words[slot.tpSrc];
  return (
    is(packet, slot.ethType, etherType.ip6) && isTransport(packet, protocol.icmp6) && (type === 135 || type === 136)
  );
}

const byPrefix: Readonly<Record<string, (packet: Packet) => boolean>> = {
  ip: isIp,
  ip4: (packet) => is(packet, slot.ethType, etherType.ip4),
  ip6: (packet) => is(packet, slot.ethType, etherType.ip6),
  arp: (packet) => is(packet, slot.ethType, etherType.arp) || is(packet, slot.ethType, etherType.rarp),
  tcp: (packet) => isTransport(packet, protocol.tcp),
  udp: (packet) => isTransport(packet, protocol.udp),
  sctp: (packet) => isTransport(packet, protocol.sctp),
  icmp4: (packet) => is(packet, slot.ethType, etherType.ip4) && isTransport(packet, protocol.icmp),
  icmp6: (packet) => is(packet, slot.ethType, etherType.ip6) && isTransport(packet, protocol.icmp6),
  nd: (packet) => isNeighborDiscovery(packet) && is(packet, slot.tpDst, 0),
};

/** Whether a packet has a field. */
export type FieldTest = (packet: Packet) => boolean;

/** The test for the field of that name (`LangSymbol.field`); undefined where every packet has it. */
export function fieldTest(field: string): FieldTest | undefined {
  if (field === 'nd.sll') return (packet) => isDiscoveryOf(packet, 135);
  if (field === 'nd.tll') return (packet) => isDiscoveryOf(packet, 136);
  const dot = field.indexOf('.');
  return dot < 0 ? undefined : byPrefix[field.slice(0, dot)];
}

/** A packet with `nd.target` whose ICMPv6 type is this one. */
function isDiscoveryOf(packet: Packet, type: number): boolean {
  return isNeighborDiscovery(packet) && is(packet, slot.tpDst, 0) && is(packet, slot.tpSrc, type);
}

/** True if the packet has the field of that name (`LangSymbol.field`). */
export function hasField(packet: Packet, field: string): boolean {
  return fieldTest(field)?.(packet) ?? true;
}
