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

const always = (): boolean => true;

const tests = new Map<string, (packet: Packet) => boolean>();

function testOf(field: string): (packet: Packet) => boolean {
  if (field === 'nd.sll') return (packet) => hasField(packet, 'nd.target') && is(packet, slot.tpSrc, 135);
  if (field === 'nd.tll') return (packet) => hasField(packet, 'nd.target') && is(packet, slot.tpSrc, 136);
  return byPrefix[field.slice(0, field.indexOf('.'))] ?? always;
}

/** True if the packet has the field of that name (`LangSymbol.field`). */
export function hasField(packet: Packet, field: string): boolean {
  let test = tests.get(field);
  if (!test) {
    test = testOf(field);
    tests.set(field, test);
  }
  return test(packet);
}
