/**
 * From a set of packets to one that a person believes.
 *
 * First comes a packet that its sender might send without meaning harm (its own
 * addresses), then what people try first: an echo request, a datagram, a TCP
 * connection to a well-known port.  What does not matter is as usual: 64 hops,
 * no VLAN tag, no fragment, addresses that somebody has.
 */

import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import type { Literal, PacketSet, Space } from '../../engine/sets/index.ts';
import { fieldIndex, lookups, packetFields } from '../symbolic/fields.ts';
import type { Network, NetworkPort } from '../symbolic/types.ts';
import type { Sent } from '../verdict.ts';
import { frameOf } from './frame.ts';
import { addressesOf, type HostAddresses, neighborhoodOf } from './hosts.ts';
import { microflowOf } from './microflow.ts';
import { etherTypes, fieldReader, type PacketValues, payloads, protocols } from './packet.ts';
import { summaryOf } from './summary.ts';

/** A packet, and the port that it enters by. */
export interface Witness {
  readonly packet: PacketValues;
  readonly port: NetworkPort;
}

/** The most believable packet of a set; undefined if there is none that enters by a port of the network. */
export function witnessOf(network: Network, space: Space, packets: PacketSet): Witness | undefined {
  const mark = space.mark();
  const before = space.stats().nodes;
  try {
    const port = chooseInport(network, space, packets);
    if (!port) return undefined;
    const wishes = new Wishes(space, network, port);
    const entering = space.and(packets, wishes.field('inport', port.number));
    const draft = space.pick(entering, wishes.all()) ?? [];
    const packet = space.pick(entering, [...wishes.all(), ...wishes.hopFor(draft)]);
    return packet && { packet, port };
  } finally {
    if (space.stats().nodes - before > manyNodes) space.release(mark);
  }
}

/** Fewer nodes than these, 4 MiB, are not worth the time to let go of them: what is remembered of them is looked for everywhere. */
const manyNodes = 2 ** 18;

/** So many ports are tried for one whose host may be honest. */
const portLimit = 64;

/** The first port by which a packet of the set enters whose host need not lie, or else the first one. */
function chooseInport(network: Network, space: Space, packets: PacketSet): NetworkPort | undefined {
  const inport = fieldIndex('inport');
  let rest = space.forget(
    packets,
    packetFields.map((_, field) => field).filter((field) => field !== inport),
  );
  let first: NetworkPort | undefined;
  for (let tried = 0; tried < portLimit; tried++) {
    const picked = space.pick(rest);
    if (!picked) break;
    const number = picked[inport] ?? 0n;
    const port = network.portsByNumber[Number(number)];
    const entering = space.cube([whole(inport, number)]);
    rest = space.diff(rest, entering);
    if (!port) continue;
    first ??= port;
    if (space.intersects(packets, space.and(entering, honest(space, addressesOf(port))))) return port;
  }
  return first;
}

const whole = (field: number, value: bigint): Literal => ({
  field,
  value,
  mask: (1n << BigInt(packetFields[field]?.width ?? 0)) - 1n,
});

/** What a host with these addresses sends when it is honest. */
function honest(space: Space, hosts: readonly HostAddresses[]): PacketSet {
  const cube = (fields: Record<string, bigint>): PacketSet =>
    space.cube(Object.entries(fields).map(([name, value]) => whole(fieldIndex(name), value)));
  const { ip4, ip6, arp } = etherTypes;
  const other = space.not(space.oneOf(fieldIndex('eth.type'), [ip4, ip6, arp]));
  return space.orAll(
    hosts.flatMap((host) => {
      const sender = { 'eth.src': host.mac };
      return [
        ...host.ip4.map((address) => cube({ ...sender, 'eth.type': ip4, 'ip4.src': address })),
        ...host.ip6.map((address) => cube({ ...sender, 'eth.type': ip6, 'ip6.src': address })),
        ...host.ip4.map((address) => cube({ ...sender, 'eth.type': arp, 'arp.sha': host.mac, 'arp.spa': address })),
        space.and(other, cube(sender)),
      ];
    }),
  );
}

/** Addresses of the world outside that are nobody's: RFC 5737, RFC 3849. */
const outside: HostAddresses = {
  mac: 0x02005e005301n,
  ip4: [0xcb00710an, 0xc633640an, 0xc000020an],
  ip6: [(0x20010db8n << 96n) | 0x10n],
};

const broadcast = 0xffffffffffffn;

/** Ports that hosts send from. */
const ephemeral = 49152;

/** What is wished of a packet that enters by a port, the dearest first. */
class Wishes {
  private readonly space: Space;
  private readonly port: NetworkPort;
  private readonly near: ReturnType<typeof neighborhoodOf>;

  constructor(space: Space, network: Network, port: NetworkPort) {
    this.space = space;
    this.port = port;
    this.near = neighborhoodOf(network, port);
  }

  /** The packets with this value in a field. */
  field(name: string, value: bigint | number): PacketSet {
    return this.space.cube([whole(fieldIndex(name), BigInt(value))]);
  }

  all(): PacketSet[] {
    return [...this.senders(), ...this.kinds(), ...this.usual(), ...this.targets(), ...usualCircumstances(this.space)];
  }

  /** The next hop that the sender of a packet like this one would give it to. */
  hopFor(draft: PacketValues): PacketSet[] {
    const read = fieldReader(draft);
    const isTarget = ({ ip4, ip6 }: HostAddresses): boolean =>
      read('eth.type') === etherTypes.ip4 ? ip4.includes(read('ip4.dst')) : ip6.includes(read('ip6.dst'));
    const target = this.near.onLink.filter(isTarget);
    return [...target, ...this.near.routers].map(({ mac }) => this.field('eth.dst', mac));
  }

  private both(fields: Readonly<Record<string, bigint | number>>): PacketSet {
    return this.space.cube(Object.entries(fields).map(([name, value]) => whole(fieldIndex(name), BigInt(value))));
  }

  private oneOf(name: string, values: readonly bigint[]): PacketSet {
    return this.space.oneOf(fieldIndex(name), values);
  }

  private senders(): PacketSet[] {
    const hosts = addressesOf(this.port);
    const senders = hosts.length > 0 ? hosts : [outside];
    const [first] = senders;
    return [
      honest(this.space, senders),
      ...(first?.ip4.slice(0, 1) ?? []).map((address) => this.field('ip4.src', address)),
      ...(first?.ip6.slice(0, 1) ?? []).map((address) => this.field('ip6.src', address)),
      this.oneOf(
        'eth.src',
        senders.map(({ mac }) => mac),
      ),
      this.oneOf(
        'ip4.src',
        senders.flatMap(({ ip4 }) => ip4),
      ),
      this.oneOf(
        'ip6.src',
        senders.flatMap(({ ip6 }) => ip6),
      ),
    ];
  }

  private kinds(): PacketSet[] {
    const { ip4, ip6, arp } = etherTypes;
    const over = (fields: Readonly<Record<string, bigint | number>>): PacketSet[] =>
      [ip4, ip6].map((type) => this.both({ 'eth.type': type, 'ip.frag': 0, ...fields }));
    const syn = { 'ip.proto': protocols.tcp, 'tcp.flags': 2 };
    const udp = { 'ip.proto': protocols.udp };
    return [
      this.both({ 'eth.type': ip4, 'ip.frag': 0, 'ip.proto': protocols.icmp4, 'icmp.type': 8, 'icmp.code': 0 }),
      this.both({ 'eth.type': ip6, 'ip.frag': 0, 'ip.proto': protocols.icmp6, 'icmp.type': 128, 'icmp.code': 0 }),
      ...over({ ...udp, payload: payloads.none, 'tp.dst': 53 }),
      ...over({ ...udp, payload: payloads.none }),
      ...over(udp),
      ...[443, 80, 53].flatMap((port) => over({ ...syn, 'tp.dst': port })),
      ...over(syn),
      ...[0x12, 0x10].flatMap((flags) => over({ 'ip.proto': protocols.tcp, 'tcp.flags': flags })),
      ...over({ 'ip.proto': protocols.tcp }),
      this.both({ 'eth.type': arp, 'arp.op': 1, 'eth.dst': broadcast }),
      this.both({ 'eth.type': arp, 'arp.op': 1 }),
      this.both({ 'eth.type': arp }),
      ...over({}),
    ];
  }

  private usual(): PacketSet[] {
    const none = ['vlan.tci', 'ip.frag', 'ip.dscp', 'ip.ecn', 'ip6.label', 'icmp.code', 'payload', 'pkt.mark'];
    const wide = [443, 80, 53].map((port) => this.field('tp.dst', port));
    return [
      this.field('ip.ttl', 64),
      this.space.range(fieldIndex('ip.ttl'), 2n, 255n),
      ...none.map((name) => this.field(name, 0)),
      this.field('tp.src', ephemeral),
      this.space.range(fieldIndex('tp.src'), BigInt(ephemeral), 65535n),
      ...wide,
      this.space.range(fieldIndex('pkt.len'), 0n, 1514n),
    ];
  }

  /** Addresses that somebody has: the sender's neighbours, other hosts, then the world outside. */
  private targets(): PacketSet[] {
    const { onLink, routers, everywhere } = this.near;
    const hosts = [...everywhere, ...routers];
    const ip4 = hosts.flatMap((host) => host.ip4);
    const ip6 = hosts.flatMap((host) => host.ip6);
    const known = onLink.map(({ mac }) => mac);
    const senders = [...addressesOf(this.port), outside];
    return [
      // Nobody writes to himself.
      this.space.not(
        this.oneOf(
          'ip4.dst',
          senders.flatMap((host) => host.ip4.slice(0, 1)),
        ),
      ),
      ...['ip4.dst', 'arp.tpa'].flatMap((name) => [
        this.oneOf(name, ip4),
        ...outside.ip4.map((ip) => this.field(name, ip)),
      ]),
      ...['ip6.dst', 'nd.target'].flatMap((name) => [
        this.oneOf(name, ip6),
        ...outside.ip6.map((ip) => this.field(name, ip)),
      ]),
      this.oneOf(
        'arp.spa',
        [...addressesOf(this.port), outside].flatMap((host) => host.ip4),
      ),
      this.oneOf('eth.dst', known),
      this.oneOf('eth.dst', [broadcast]),
      this.oneOf('eth.dst', [outside.mac]),
      // A multicast address is nobody's own.
      this.space.cube([{ field: fieldIndex('eth.dst'), value: 0n, mask: 1n << 40n }]),
    ];
  }
}

/** Wishes of what is not the packet's to say: as little as possible has to be known, and what has to be is believable. */
export function usualCircumstances(space: Space): PacketSet[] {
  const numbers = Array.from({ length: lookups }, (_, n) => n);
  const has = (name: string, value: bigint): PacketSet => space.cube([whole(fieldIndex(name), value)]);
  return [
    ...numbers.map((n) => has(`neighbor.${n}.known`, 0n)),
    ...numbers.map((n) => has(`neighbor.${n}.mac`, outside.mac + BigInt(n))),
    ...numbers.map((n) => has(`choice.${n}`, 0n)),
    has('chance', 0n),
  ];
}

/** A packet, and what has to be known of the port that it enters by. */
interface Sendable {
  readonly packet: PacketValues;
  readonly port: { readonly name: string; readonly datapath: { readonly uuid: string } };
}

/** The packet as it is sent: its frame, its microflow and what it is in words. */
export function sentOf({ packet, port }: Sendable, southbound?: Southbound, quoted?: PacketValues): Sent {
  const dnsName = southbound && dnsNameOf(southbound, port.datapath.uuid);
  return {
    inport: port.name,
    frame: hex(frameOf(packet, { ...(dnsName !== undefined && { dnsName }), ...(quoted && { quoted }) })),
    microflow: microflowOf(packet, port.name),
    summary: summaryOf(packet),
  };
}

/** A name that the chassis answers for on this datapath. */
export function dnsNameOf({ services }: Southbound, datapath: string): string | undefined {
  const records = services?.dns.find(({ datapaths }) => datapaths.includes(datapath))?.records ?? {};
  return Object.keys(records)[0];
}

/** Two digits a byte. */
export const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
