/**
 * Conjunctions of packet fields as items of rules, and which of them a device
 * can match at all.
 */
import { formatEthernet, formatIpv4, formatIpv6 } from '../lang/addresses.ts';
import type { Literal, SetField } from '../sets/index.ts';
import { type Capabilities, whyNotItem } from './capabilities/types.ts';
import type { Grammar } from './cover.ts';
import { bitsOf, type Item, type ItemType, itemFields } from './rules.ts';

const IP4 = 0x800n;
const IP6 = 0x86ddn;
const ARP = new Set([0x806n, 0x8035n]);
const TCP = 6n;
const UDP = 17n;
const ICMP = 1n;
const ICMP6 = 58n;

/** What a device is asked to match. */
export interface PatternOptions {
  readonly fields: readonly SetField[];
  readonly capabilities: Capabilities;
  /** Words of the pattern that stand before what the packet says, such as those of a tunnel. */
  readonly otherWords?: number;
  /** Whether rules of this device match Geneve's option, beside which it may not know other items. */
  readonly hasTunnels: boolean;
}

/** From the last to keep to the first to leave out. */
const keep = [
  ...['eth.type', 'ip.proto', 'vlan.tci', 'inport', 'eth.dst', 'ip4.dst', 'ip6.dst', 'icmp.type', 'tp.dst', 'ip.ttl'],
  ...['ip.ecn', 'ip4.src', 'ip6.src', 'eth.src', 'tp.src', 'icmp.code', 'ip.dscp', 'ip6.label'],
];

/** The fields that conjunctions may have, for a device; `inport` is the port that a packet comes from. */
export function createGrammar(options: PatternOptions): Grammar {
  const { fields } = options;
  const indices = new Map(fields.map(({ name }, index) => [name, index]));
  const index = (name: string): number => indices.get(name) ?? -1;
  const full = (name: string): bigint => (1n << BigInt(fields[index(name)]?.width ?? 0)) - 1n;
  const isMatched = (name: string, type: bigint, proto: bigint): boolean =>
    applies(name, type, proto) && itemOf(name, type, proto, options) !== undefined;
  const order = [...keep].reverse();
  const [typeAt, protoAt] = [index('eth.type'), index('ip.proto')];

  /** A field's value, if all of it is asked for. */
  const whole = (literals: readonly Literal[], name: string): bigint | undefined =>
    literals.find(({ field, mask }) => field === index(name) && mask === full(name))?.value;

  return {
    fieldsOf(packet) {
      const [type, proto] = [packet[typeAt] ?? 0n, packet[protoAt] ?? 0n];
      return order.filter((name) => index(name) >= 0 && isMatched(name, type, proto)).map(index);
    },
    sayable(literals) {
      const type = whole(literals, 'eth.type');
      const proto = type === IP4 || type === IP6 ? whole(literals, 'ip.proto') : undefined;
      return literals.filter(({ field, mask, value }) => {
        const name = fields[field]?.name ?? '';
        if (name === 'inport') return mask === full(name);
        // A tag is there or not; what it says beyond that is not asked.
        if (name === 'vlan.tci') return (mask & 0x1000n) !== 0n && (value === 0n || mask === 0x1000n);
        return isMatched(name, type ?? -1n, proto ?? -1n);
      });
    },
    isDivisible(field, literals) {
      const name = fields[field]?.name ?? '';
      if (name === 'inport' || name === 'vlan.tci') return false;
      const others = literals.filter((literal) => literal.field !== field).map((one) => fields[one.field]?.name ?? '');
      if (name === 'eth.type') return !others.some((other) => /^(ip|arp|nd|tp|icmp|tcp)/.test(other));
      if (name === 'ip.proto') return !others.some((other) => /^(nd|tp|icmp|tcp)/.test(other));
      return true;
    },
    isOutside: ({ field }) => outside.has(fields[field]?.name ?? ''),
    weight: (literals) =>
      literals.reduce((sum, { field, mask }) => sum + (fields[field]?.name === 'ip.ecn' ? 0 : onesIn(mask)), 0),
    fits: (literals) => {
      const { value } = options.capabilities.limits.matchDwords ?? {};
      return (
        value === undefined ||
        value === null ||
        wordsOf(itemsOf(literals, options)) + (options.otherWords ?? 0) <= value
      );
    },
  };
}

const onesIn = (mask: bigint): number => mask.toString(2).replaceAll('0', '').length;

/** Whether packets of this type and protocol have the field. */
function applies(name: string, type: bigint, proto: bigint): boolean {
  const isIp = type === IP4 || type === IP6;
  if (name.startsWith('ip4.')) return type === IP4;
  if (name.startsWith('ip6.')) return type === IP6;
  if (name.startsWith('ip.')) return isIp;
  if (name.startsWith('arp.')) return ARP.has(type);
  if (name.startsWith('tp.')) return isIp && (proto === TCP || proto === UDP);
  if (name.startsWith('icmp.')) return (type === IP4 && proto === ICMP) || (type === IP6 && proto === ICMP6);
  if (name.startsWith('tcp.')) return isIp && proto === TCP;
  return true;
}

/** The item and field that a field of packets is matched by; undefined if the device does not match it. */
function itemOf(name: string, type: bigint, proto: bigint, options: PatternOptions): [ItemType, string] | undefined {
  const place = placeOf(name, type, proto);
  if (!place) return undefined;
  const [item, field] = place;
  if (whyNotItem(options.capabilities, item, field) !== undefined) return undefined;
  const isExcluded = options.hasTunnels && isExclusive(options.capabilities, item);
  return isExcluded ? undefined : place;
}

/** Whether the device cannot match the item as long as it matches Geneve's option. */
export function isExclusive({ exclusive }: Capabilities, item: ItemType): boolean {
  return exclusive.some(({ items }) => {
    const others = items.filter((group) => !group.includes('geneve_opt'));
    return others.length < items.length && others.some((group) => group.includes(item));
  });
}

function placeOf(name: string, type: bigint, proto: bigint): [ItemType, string] | undefined {
  const ip: ItemType = type === IP6 ? 'ipv6' : 'ipv4';
  const transport: ItemType = proto === TCP ? 'tcp' : 'udp';
  switch (name) {
    case 'inport':
      return ['represented_port', 'ethdev_port_id'];
    case 'eth.dst':
      return ['eth', 'dst'];
    case 'eth.src':
      return ['eth', 'src'];
    case 'eth.type':
      return ['eth', 'type'];
    case 'vlan.tci':
      return ['eth', 'has_vlan'];
    case 'ip4.src':
    case 'ip6.src':
      return [ip, 'src'];
    case 'ip4.dst':
    case 'ip6.dst':
      return [ip, 'dst'];
    case 'ip6.label':
      return ['ipv6', 'flow'];
    case 'ip.proto':
      return [ip, 'proto'];
    case 'ip.ttl':
      return [ip, type === IP6 ? 'hop' : 'ttl'];
    case 'ip.dscp':
    case 'ip.ecn':
      return [ip, type === IP6 ? 'tc' : 'tos'];
    case 'tp.src':
      return [transport, 'src'];
    case 'tp.dst':
      return [transport, 'dst'];
    case 'icmp.type':
      return [type === IP6 ? 'icmp6' : 'icmp', 'type'];
    case 'icmp.code':
      return [type === IP6 ? 'icmp6' : 'icmp', 'code'];
    default:
      return undefined;
  }
}

/** Items that no packet's field alone asks for: which port packets come from. */
export type PortName = (number: number) => string;

interface Asked {
  readonly spec: Record<string, number | string>;
  readonly mask: Record<string, number | string>;
}

/** Fields that are seen of any frame, whatever stands behind its Ethernet header. */
const outside = new Set(['inport', 'eth.dst', 'eth.src', 'eth.type', 'vlan.tci']);

/**
 * The items for a conjunction; ports are left out unless they are named.  Where nothing behind Ethernet is asked for, the
 * item of IP is there only if `needsHeader`: it takes no frame whose IP header cannot be read.
 */
export function itemsOf(
  literals: readonly Literal[],
  { fields, capabilities }: PatternOptions,
  portName?: PortName,
  needsHeader = false,
): Item[] {
  const named = new Map(literals.map((literal) => [fields[literal.field]?.name ?? '', literal]));
  const type = wholeOf(named, fields, 'eth.type') ?? -1n;
  const proto = wholeOf(named, fields, 'ip.proto') ?? -1n;
  const asked = new Map<ItemType, Asked>();
  const itemFor = (item: ItemType): Asked => {
    const known = asked.get(item) ?? { spec: {}, mask: {} };
    asked.set(item, known);
    return known;
  };
  const port = named.get('inport');
  if (port && portName) itemFor('represented_port').spec.ethdev_port_id = portName(Number(port.value));
  itemFor('eth');
  const isBare =
    !needsHeader &&
    [...named.keys()].every((name) => outside.has(name)) &&
    whyNotItem(capabilities, 'eth', 'type') === undefined;
  if (type === IP4 && !isBare) itemFor('ipv4');
  if (type === IP6 && !isBare) itemFor('ipv6');
  if (named.has('tp.src') || named.has('tp.dst')) itemFor(proto === TCP ? 'tcp' : 'udp');
  if (named.has('icmp.type') || named.has('icmp.code')) itemFor(type === IP6 ? 'icmp6' : 'icmp');
  for (const [name, literal] of named) {
    // What the item of IP says by being there.
    const isSaid = name === 'eth.type' && !isBare && (type === IP4 || type === IP6);
    if (name !== 'inport' && !isSaid) ask(name, literal, type, proto, itemFor);
  }
  return [...asked].map(([item, { spec, mask }]) => toItem(item, spec, mask));
}

function wholeOf(named: ReadonlyMap<string, Literal>, fields: readonly SetField[], name: string): bigint | undefined {
  const literal = named.get(name);
  const width = fields.find((field) => field.name === name)?.width ?? 0;
  return literal && literal.mask === (1n << BigInt(width)) - 1n ? literal.value : undefined;
}

function ask(name: string, literal: Literal, type: bigint, proto: bigint, itemFor: (item: ItemType) => Asked): void {
  const place = placeOf(name, type, proto);
  if (!place) return;
  const [item, field] = place;
  const { spec, mask } = itemFor(item);
  const kind = itemFields[item]?.[field];
  if (!kind) return;
  if (name === 'vlan.tci') {
    spec[field] = literal.value === 0n ? 0 : 1;
    return;
  }
  if (name === 'ip.dscp' || name === 'ip.ecn') {
    const shift = name === 'ip.dscp' ? 2 : 0;
    spec[field] = Number(spec[field] ?? 0) | (Number(literal.value) << shift);
    mask[field] = Number(mask[field] ?? 0) | (Number(literal.mask) << shift);
    return;
  }
  spec[field] = textOf(kind.kind, literal.value);
  if (literal.mask !== (1n << BigInt(bitsOf(kind))) - 1n) mask[field] = textOf(kind.kind, literal.mask);
}

function textOf(kind: string, value: bigint): number | string {
  if (kind === 'mac') return formatEthernet(value);
  if (kind === 'ipv4') return formatIpv4(value);
  if (kind === 'ipv6') return formatIpv6(value);
  return Number(value);
}

function toItem(type: ItemType, spec: Asked['spec'], mask: Asked['mask']): Item {
  return {
    type,
    ...(Object.keys(spec).length > 0 && { spec }),
    ...(Object.keys(mask).length > 0 && { mask }),
  } as Item;
}

/** Words of four bytes that a pattern looks at, as capability files count them. */
export function wordsOf(items: readonly Item[]): number {
  return items.reduce((sum, { type, spec = {}, mask = {} }) => {
    const bits = Object.keys(spec).reduce((all, field) => {
      const kind = itemFields[type]?.[field];
      if (!kind) return all;
      const value = Reflect.get(mask, field);
      if (kind.kind === 'hex') return all + String(Reflect.get(spec, field)).length * 4;
      return all + (value === undefined ? bitsOf(kind) : bitsIn(kind.kind, value));
    }, 0);
    return sum + Math.ceil(bits / 32);
  }, 0);
}

function bitsIn(kind: string, value: unknown): number {
  const number = kind === 'number' ? BigInt(Number(value)) : undefined;
  if (number === undefined) return kind === 'mac' ? 48 : kind === 'ipv4' ? 32 : 128;
  return onesIn(number);
}
