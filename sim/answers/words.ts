/**
 * A set of packets in short words: `any`, `icmp`, `tcp/443`, or a line for each
 * kind of traffic with where it comes from and goes to.
 *
 * Words speak of what people ask about: protocols, destination ports, types of
 * ICMP and, in lines, IP addresses.  Words that say more than the set has (because not
 * all packets that they name are in it) are marked by `including`.
 */
import { formatIpv4, formatIpv6 } from '../../engine/lang/index.ts';
import type { Literal, PacketSet, Space } from '../../engine/sets/index.ts';
import { fieldIndex, packetFields } from '../symbolic/fields.ts';
import { etherTypes, protocols } from './packet.ts';
import { addressText, numberText, type Range, rangesOf } from './ranges.ts';

export interface WordsOptions {
  /** The packets that are spoken of at all, e.g. those that honest hosts send; all unless given. */
  readonly among?: PacketSet;
  /** So many kinds of traffic, or lines, at most; 8 unless given. */
  readonly limit?: number;
  /** Words name what some packets at least are there of, and say no more than that. */
  readonly anyOf?: boolean;
}

const field = {
  type: fieldIndex('eth.type'),
  proto: fieldIndex('ip.proto'),
  icmp: fieldIndex('icmp.type'),
  port: fieldIndex('tp.dst'),
  src4: fieldIndex('ip4.src'),
  dst4: fieldIndex('ip4.dst'),
  src6: fieldIndex('ip6.src'),
  dst6: fieldIndex('ip6.dst'),
} as const;

const is = (index: number, value: bigint): Literal => ({
  field: index,
  value,
  mask: (1n << BigInt(packetFields[index]?.width ?? 0)) - 1n,
});

/** A kind of traffic in a set, and its packets. */
interface Kind {
  readonly words: string;
  readonly packets: PacketSet;
}

/** `any`, `any IPv4`, `icmp, tcp/443`; `nothing` of an empty set. */
export function trafficWords(space: Space, set: PacketSet, options: WordsOptions = {}): string {
  const { limit = 8 } = options;
  if (set === space.empty) return 'nothing';
  const mark = space.mark();
  const seen = projected(space, set, kindFields);
  const kinds = kindsIn(space, seen, scopeOf(space, options));
  const shown = kinds.slice(0, limit).map(({ words }) => words);
  const more = kinds.length - shown.length;
  const isExact = options.anyOf === true || isCovered(space, seen, set, options);
  space.release(mark);
  return `${isExact ? '' : 'including '}${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** A line for each kind of traffic: `tcp/443 from 10.0.0.0/24 to 10.1.0.5`; none of an empty set. */
export function trafficLines(space: Space, set: PacketSet, options: WordsOptions = {}): string[] {
  const { limit = 8 } = options;
  if (set === space.empty) return [];
  const mark = space.mark();
  const kinds = kindsIn(space, projected(space, set, kindFields), scopeOf(space, options));
  const lines = kinds.flatMap((kind) => linesOf(space, kind, set, options));
  space.release(mark);
  return lines.length > limit ? [...lines.slice(0, limit), `and ${lines.length - limit} more`] : lines;
}

/** What kinds of traffic are told by. */
const kindFields = [field.type, field.proto, field.icmp, field.port];

/** What the set says of some fields alone. */
const projected = (space: Space, set: PacketSet, kept: readonly number[]): PacketSet =>
  space.forget(
    set,
    space.fields.map((_, index) => index).filter((index) => !kept.includes(index)),
  );

/** Whether all packets that the words name are in the set. */
const isCovered = (space: Space, named: PacketSet, set: PacketSet, { among = space.all }: WordsOptions): boolean =>
  space.isSubset(space.and(named, among), set);

/** What there is of each kind at all. */
const scopeOf = (space: Space, { among = space.all }: WordsOptions): PacketSet => projected(space, among, kindFields);

/** The kinds of traffic in a set of which nothing but these fields is known, the largest first. */
function kindsIn(space: Space, set: PacketSet, scope: PacketSet): Kind[] {
  const seen = space.and(set, scope);
  const whole = (words: string, part: PacketSet): Kind | undefined => {
    const all = space.and(scope, part);
    return all !== space.empty && space.isSubset(all, set) ? { words, packets: space.and(set, part) } : undefined;
  };
  const any = whole('any', space.all);
  if (any) return [any];
  const ip4 = space.cube([is(field.type, etherTypes.ip4)]);
  const ip6 = space.cube([is(field.type, etherTypes.ip6)]);
  const ip =
    space.intersects(scope, ip4) && space.intersects(scope, ip6) ? whole('any IP', space.or(ip4, ip6)) : undefined;
  const families = ip ? [ip] : [...familyKinds(space, seen, scope, 4), ...familyKinds(space, seen, scope, 6)];
  return [...families, ...otherKinds(space, seen, scope)];
}

/** Protocols with ports. */
const ported = { tcp: protocols.tcp, udp: protocols.udp, sctp: protocols.sctp } as const;

function familyKinds(space: Space, set: PacketSet, scope: PacketSet, family: 4 | 6): Kind[] {
  const type = is(field.type, family === 4 ? etherTypes.ip4 : etherTypes.ip6);
  const own = space.cube([type]);
  const there = space.and(set, own);
  if (there === space.empty) return [];
  if (space.isSubset(space.and(scope, own), set)) return [{ words: `any IPv${family}`, packets: there }];
  const suffix = family === 4 ? '' : '6';
  const of = (proto: bigint): PacketSet => space.cube([type, is(field.proto, proto)]);
  const icmp = family === 4 ? protocols.icmp4 : protocols.icmp6;
  const kinds = [
    ...valueKinds(space, set, scope, of(icmp), field.icmp, `icmp${suffix}`, (range) => icmpText(range, family)),
    ...Object.entries(ported).flatMap(([name, proto]) =>
      valueKinds(
        space,
        set,
        scope,
        of(proto),
        field.port,
        name + suffix,
        (range) => `${name}${suffix}/${numberText(range)}`,
      ),
    ),
  ];
  const rest = space.diff(own, space.orAll([icmp, ...Object.values(ported)].map(of)));
  const text = (range: Range) => `IPv${family} protocol ${numberText(range)}`;
  return [...kinds, ...valueKinds(space, set, scope, rest, field.proto, `other IPv${family} protocols`, text)];
}

function otherKinds(space: Space, set: PacketSet, scope: PacketSet): Kind[] {
  const { arp, ip4, ip6 } = etherTypes;
  const own = space.cube([is(field.type, arp)]);
  const rest = space.not(space.oneOf(field.type, [arp, ip4, ip6]));
  const text = ({ low, high }: Range) =>
    `Ethernet type 0x${low.toString(16)}${low === high ? '' : `-0x${high.toString(16)}`}`;
  return [
    ...(space.intersects(set, own) ? [{ words: 'arp', packets: space.and(set, own) }] : []),
    ...valueKinds(space, set, scope, rest, field.type, 'other Ethernet types', text),
  ];
}

/** A part of the traffic as a whole, or by the values of a field. */
function valueKinds(
  space: Space,
  set: PacketSet,
  scope: PacketSet,
  part: PacketSet,
  by: number,
  whole: string,
  text: (range: Range) => string,
): Kind[] {
  const there = space.and(set, part);
  if (there === space.empty) return [];
  if (space.isSubset(space.and(scope, part), set)) return [{ words: whole, packets: there }];
  const ranges = rangesOf(space, there, by);
  if (!ranges) return [{ words: `some ${whole}`, packets: there }];
  return ranges.map((range) => ({
    words: text(range),
    packets: space.and(there, space.range(by, range.low, range.high)),
  }));
}

const icmpNames: Readonly<Record<4 | 6, Readonly<Record<string, string>>>> = {
  4: { 0: 'icmp echo reply', 3: 'icmp unreachable', 8: 'icmp echo', 11: 'icmp time exceeded' },
  6: {
    128: 'icmp6 echo',
    129: 'icmp6 echo reply',
    135: 'icmp6 neighbor solicitation',
    136: 'icmp6 neighbor advertisement',
  },
};

function icmpText(range: Range, family: 4 | 6): string {
  const known = range.low === range.high ? icmpNames[family][String(range.low)] : undefined;
  return known ?? `icmp${family === 4 ? '' : '6'}/${numberText(range)}`;
}

/** A kind of traffic by its addresses: one line where every source goes with every destination, else one a destination. */
function linesOf(space: Space, kind: Kind, set: PacketSet, { among = space.all }: WordsOptions): string[] {
  const packets = space.and(set, kind.packets);
  const families = ([4, 6] as const).filter((family) => space.intersects(packets, typed(space, family)));
  const [family, ...more] = families;
  const isExact = (named: PacketSet): boolean => space.isSubset(space.and(named, among), set);
  const line = (words: string, named: PacketSet): string => `${isExact(named) ? '' : 'including '}${words}`;
  // Traffic of both families at once, and such without addresses.
  if (family === undefined || more.length > 0) return [line(kind.words, kind.packets)];
  const src = family === 4 ? field.src4 : field.src6;
  const dst = family === 4 ? field.dst4 : field.dst6;
  const named = (part: PacketSet): PacketSet =>
    [kindFields, [src], [dst]].map((kept) => projected(space, part, kept)).reduce((a, b) => space.and(a, b));
  const told = (part: PacketSet): string => {
    const from = endText(space, part, src, 'from', family, among);
    return line(`${kind.words}${from}${endText(space, part, dst, 'to', family, among)}`, named(part));
  };
  const targets = isExact(named(packets)) ? undefined : rangesOf(space, packets, dst);
  if (!targets || targets.length === 1) return [told(packets)];
  return targets.map(({ low, high }) => told(space.and(packets, space.range(dst, low, high))));
}

const typed = (space: Space, family: 4 | 6): PacketSet =>
  space.cube([is(field.type, family === 4 ? etherTypes.ip4 : etherTypes.ip6)]);

/** So many ranges of addresses are named. */
const addressLimit = 4;

/** ` from 10.0.0.0/24`; nothing where it is any address that there is. */
function endText(space: Space, set: PacketSet, by: number, word: string, family: 4 | 6, among: PacketSet): string {
  const own = projected(space, set, [by]);
  if (space.isSubset(projected(space, space.and(among, typed(space, family)), [by]), own)) return '';
  const ranges = rangesOf(space, own, by);
  if (!ranges) return ` ${word} many addresses`;
  const format = family === 4 ? formatIpv4 : formatIpv6;
  const shown = ranges.slice(0, addressLimit).map((range) => addressText(range, family === 4 ? 32 : 128, format));
  const more = ranges.length - shown.length;
  return ` ${word} ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
