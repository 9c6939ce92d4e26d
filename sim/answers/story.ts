/**
 * What is sent, in order, to see what a proof says: the packets that open
 * connections, the answers of hosts, what comes back over a wire outside, and last
 * the packet that the proof is about.
 */

import type { LogicalFlow } from '../../engine/ovsdb/southbound.ts';
import { fieldIndex } from '../symbolic/fields.ts';
import type { NetworkPort } from '../symbolic/types.ts';
import {
  etherTypes,
  fieldReader,
  isIcmpError,
  networkOf,
  type PacketValues,
  packetOf,
  protocols,
  transportOf,
} from './packet.ts';

/** Where a packet ends, as the proof has it. */
export type Expected =
  /** It comes out of this port. */
  | { readonly kind: 'arrives'; readonly port: string }
  /**
   * It comes out of none of these; or, where a flow is given, a copy of it ends there; else it comes out nowhere. As the
   * answer to a packet it is lost, too, if it comes with other addresses or ports than that had.
   */
  | {
      readonly kind: 'lost';
      readonly ports?: readonly string[];
      readonly flow?: LogicalFlow;
      readonly asked?: PacketValues;
    }
  /** It goes on and on. */
  | { readonly kind: 'loops' };

/** One thing that is sent. */
export type Send = { readonly expected: Expected } & (
  | { readonly kind: 'packet'; readonly packet: PacketValues; readonly port: NetworkPort }
  /** The host that got what was sent before answers it. */
  | { readonly kind: 'answer' }
  /** What came out before goes in again by this port: a wire outside joins them; `as` it looks then, where that is told. */
  | { readonly kind: 'crossing'; readonly port: NetworkPort; readonly as?: PacketValues }
);

/** The last one is what the proof is about. */
export interface Story {
  readonly sends: readonly [Send, ...Send[]];
}

/** The packet whose circumstances (`neighbor.*`, `choice.*`) count for the nth of what is sent: itself, or what it follows. */
export function circumstancesOf({ sends }: Story, index: number): PacketValues {
  for (let at = index; at >= 0; at--) {
    const send = sends[at];
    if (send?.kind === 'packet') return send.packet;
    if (send?.kind === 'crossing' && send.as) return send.as;
  }
  return [];
}

/** Fields in which an answer has what the question has in the other. */
const exchanged: readonly (readonly [string, string])[] = [
  ['eth.src', 'eth.dst'],
  ['ip4.src', 'ip4.dst'],
  ['ip6.src', 'ip6.dst'],
];

/**
 * How a host answers a packet: a SYN by SYN-ACK, other segments by an ACK, datagrams by datagrams, echo requests
 * by replies; undefined for what nobody answers.
 */
export function answerTo(packet: PacketValues): PacketValues | undefined {
  const read = fieldReader(packet);
  const changes = transportChanges(packet);
  if (!changes) return undefined;
  const swapped = exchanged.flatMap(([a, b]) => [[a, read(b)] as const, [b, read(a)] as const]);
  return withFields(packet, {
    ...Object.fromEntries(swapped),
    'ip.ttl': 64n,
    'ip.frag': 0n,
    payload: 0n,
    'pkt.len': 64n,
    ...changes,
  });
}

/** The packet with other values in some fields. */
export function withFields(packet: PacketValues, fields: Readonly<Record<string, bigint>>): PacketValues {
  const changed = [...packet];
  for (const [name, value] of Object.entries(fields)) changed[fieldIndex(name)] = value;
  return Array.from(changed, (value) => value ?? 0n);
}

function transportChanges(packet: PacketValues): Record<string, bigint> | undefined {
  const read = fieldReader(packet);
  const ports = { 'tp.src': read('tp.dst'), 'tp.dst': read('tp.src') };
  switch (transportOf(read)) {
    case 'tcp': {
      const flags = read('tcp.flags');
      if ((flags & 0x17n) === 2n) return { ...ports, 'tcp.flags': 0x12n };
      return (flags & 0x16n) === 0x10n ? { ...ports, 'tcp.flags': 0x10n } : undefined;
    }
    case 'udp':
    case 'sctp':
      return ports;
    case 'icmp4':
      return read('icmp.type') === 8n ? { 'icmp.type': 0n, 'icmp.code': 0n } : undefined;
    case 'icmp6':
      return read('icmp.type') === 128n ? { 'icmp.type': 129n, 'icmp.code': 0n } : undefined;
    case 'none':
      return undefined;
  }
}

/**
 * The first packet of the connection that a packet belongs to: the same headers if it goes the opener's way,
 * those of the other end (`opener.*`, where it was translated; the connection that it was a reply to last is the one that
 * was opened first) if it is a reply.  Only the fields that a tracker looks at are in it. An ICMP error may come from
 * anybody on the way, about any protocol.
 */
export function openerOf(packet: PacketValues, isReply: boolean): Readonly<Record<string, bigint>> {
  const read = fieldReader(packet);
  const family = networkOf(read) === 'ip6' ? '6' : '4';
  const name = (end: 'src' | 'dst'): string => `ip${family}.${end}`;
  const third = (field: string): bigint => (/^(src|dst)4$/.test(field) ? read(`opener.2.${field}`) : 0n);
  const told = (field: string, otherwise: bigint): bigint =>
    third(field) || read(`opener.1.${field}`) || read(`opener.${field}`) || otherwise;
  if (isIcmpError(read)) {
    const [own, dst] = [read(name('dst')), told(`dst${family}`, 0n)];
    const ends = isReply
      ? { [name('src')]: told(`src${family}`, own), ...(dst && { [name('dst')]: dst }) }
      : { [name('dst')]: own };
    return { 'eth.type': read('eth.type'), ...ends };
  }
  const type = { 'eth.type': read('eth.type'), 'ip.proto': read('ip.proto'), ...openingFields(packet) };
  const ends = (src: bigint, dst: bigint, sport: bigint, dport: bigint) => ({
    [name('src')]: src,
    [name('dst')]: dst,
    ...(hasPorts(packet) && { 'tp.src': sport, 'tp.dst': dport }),
  });
  if (!isReply) return { ...type, ...ends(read(name('src')), read(name('dst')), read('tp.src'), read('tp.dst')) };
  return {
    ...type,
    ...ends(
      told(`src${family}`, read(name('dst'))),
      told(`dst${family}`, read(name('src'))),
      told('sport', read('tp.dst')),
      told('dport', read('tp.src')),
    ),
  };
}

const hasPorts = (packet: PacketValues): boolean => ['tcp', 'udp', 'sctp'].includes(transportOf(fieldReader(packet)));

function openingFields(packet: PacketValues): Record<string, bigint> {
  switch (transportOf(fieldReader(packet))) {
    case 'tcp':
      return { 'tcp.flags': 2n };
    case 'icmp4':
      return { 'icmp.type': 8n, 'icmp.code': 0n };
    case 'icmp6':
      return { 'icmp.type': 128n, 'icmp.code': 0n };
    default:
      return {};
  }
}

/** Whether a packet that came out is the one that went in, on its way, and not one about it. */
export function isSameKind(sent: PacketValues, arrived: PacketValues): boolean {
  const [a, b] = [fieldReader(sent), fieldReader(arrived)];
  if (a('eth.type') !== b('eth.type')) return false;
  const fields = a('eth.type') === etherTypes.arp ? ['arp.op'] : ['ip.proto'];
  const isIcmp = a('ip.proto') === protocols.icmp4 || a('ip.proto') === protocols.icmp6;
  return [...fields, ...(isIcmp ? ['icmp.type'] : [])].every((name) => a(name) === b(name));
}

/** Whether a packet that came out is one that should not: it is sent to one of the ports, and what was asked is answered by it. */
export function isUnwanted(
  { ports, asked }: Extract<Expected, { kind: 'lost' }>,
  sent: PacketValues,
  came: { readonly port: string; readonly packet: PacketValues },
): boolean {
  if (!isSameKind(sent, came.packet) || !(ports?.includes(came.port) ?? true)) return false;
  return asked === undefined || answersTo(asked, came.packet);
}

/** Whether a packet has another's addresses and ports, exchanged. */
function answersTo(asked: PacketValues, came: PacketValues): boolean {
  const [a, b] = [fieldReader(asked), fieldReader(came)];
  const pairs: (readonly [string, string])[] = [
    ['ip4.src', 'ip4.dst'],
    ['ip6.src', 'ip6.dst'],
    ...(hasPorts(asked) ? [['tp.src', 'tp.dst'] as const] : []),
  ];
  return pairs.every(([one, other]) => a(one) === b(other) && a(other) === b(one));
}

/** Fields that a router changes when it forwards a packet. */
const hopFields: ReadonlySet<string> = new Set(['eth.src', 'eth.dst', 'ip.ttl']);

/** What stays the same of a packet that comes in again from a wire: all that is said of it, or what a router leaves alone. */
export function seenAgain(left: PacketValues, isForwarded: boolean): Readonly<Record<string, bigint>> {
  const read = fieldReader(left);
  const kept = compared.filter((name) => !(isForwarded && hopFields.has(name)));
  return Object.fromEntries(kept.map((name) => [name, read(name)]));
}

/** Fields in which the tracer and the data plane have to agree. */
const compared: readonly string[] = [
  'eth.src',
  'eth.dst',
  'eth.type',
  'vlan.tci',
  'ip4.src',
  'ip4.dst',
  'ip6.src',
  'ip6.dst',
  'ip.proto',
  'ip.ttl',
  'ip.frag',
  'tp.src',
  'tp.dst',
  'tcp.flags',
  'icmp.type',
  'icmp.code',
  'arp.op',
  'arp.sha',
  'arp.spa',
  'arp.tha',
  'arp.tpa',
  'nd.target',
];

/** The first of the fields that matter in which a packet of the tracer and one of the data plane are not the same. */
export function difference(traced: PacketValues, played: PacketValues): string | undefined {
  const [a, b] = [fieldReader(traced), fieldReader(played)];
  const differing = compared.filter((name) => a(name) !== b(name));
  return isEnding(a, b) ? differing.find((name) => !endingFields.has(name)) : differing[0];
}

/** Fields in which ovn-trace's resets and aborts are not those on the wire: pinctrl.c, pinctrl_handle_tcp_reset and _sctp_abort. */
const endingFields: ReadonlySet<string> = new Set(['ip.ttl', 'tp.src', 'tp.dst', 'tcp.flags']);

const [tcp, sctp, rst, ack] = [6n, 132n, 4n, 16n];

/** Whether these are an end of a connection that the network made, by the tracer and on the wire: there the ports have changed sides. */
function isEnding(traced: (name: string) => bigint, played: (name: string) => bigint): boolean {
  const isCrossed = traced('tp.src') === played('tp.dst') && traced('tp.dst') === played('tp.src');
  const proto = traced('ip.proto');
  if (!isCrossed || proto !== played('ip.proto')) return false;
  return proto === sctp || (proto === tcp && traced('tcp.flags') === rst && played('tcp.flags') === (rst | ack));
}

/** The packet with what OVN calls its fields: `tcp.src`, `icmp4.type`, ... */
export function packetOfFields(fields: Readonly<Record<string, bigint>>): PacketValues {
  const known = Object.entries(fields).map(([name, value]) => [sharedName(name), value] as const);
  return packetOf(Object.fromEntries(known));
}

/** Fields of protocols that exclude each other have one name here. */
export const sharedName = (name: string): string =>
  name.replace(/^(tcp|udp|sctp)\.(src|dst)$/, 'tp.$2').replace(/^icmp[46]\./, 'icmp.');
