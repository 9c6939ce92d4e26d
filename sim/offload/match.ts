/**
 * Which packets a pattern takes.  Items follow each other as headers do
 * (docs/offload/emulated.md, and rte_flow.h); what is not known of a packet, for
 * example what stands behind a second VLAN tag, it may have or not.
 */
import { parseEthernet, parseIpv4, parseIpv6 } from '../../engine/lang/addresses.ts';
import { bitsOf, type FieldKind, type Item, itemFields } from '../../engine/offload/rules.ts';
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { composed, constantOf, inputOf, sliceOf, type Value } from '../symbolic/value.ts';
import { fieldIs, hardwareField, widthOf } from './fields.ts';
import { type Hardware, type HardwareState, tags, valueAt } from './state.ts';
import { bitsAre, bitsBetween } from './values.ts';

/** The packets that are surely taken, and those that are taken or not: all of `must` are in `may`. */
export interface Taken {
  readonly must: PacketSet;
  readonly may: PacketSet;
}

/** A rule that cannot be followed at all. */
export class NotFollowed extends Error {
  override readonly name = 'NotFollowed';
}

/** The packets of a state that a pattern takes. Throws `NotFollowed` for what cannot be said of it. */
export function matched(hardware: Hardware, state: HardwareState, pattern: readonly Item[]): Taken {
  const matcher = new Matcher(hardware, state, pattern);
  return matcher.whole();
}

/** The header that was passed last. */
type Position = 'start' | 'eth' | 'vlan' | 'ip4' | 'ip6' | 'end' | 'udp' | 'geneve' | 'lost';

type Spec = Readonly<Record<string, unknown>>;

const transports = ['tcp', 'udp', 'sctp', 'icmp', 'icmp6', 'icmp6_nd_ns', 'icmp6_nd_na'] as const;
const isTransport = (type: string): type is (typeof transports)[number] => transports.some((name) => name === type);

class Matcher {
  private readonly hardware: Hardware;
  private readonly state: HardwareState;
  private readonly pattern: readonly Item[];
  private readonly space: Space;
  private position: Position = 'start';
  /** Whether the headers are those of a tunnel that packets came in by. */
  private outer: boolean;
  private must: PacketSet;
  private may: PacketSet;

  constructor(hardware: Hardware, state: HardwareState, pattern: readonly Item[]) {
    this.hardware = hardware;
    this.state = state;
    this.pattern = pattern;
    this.space = hardware.space;
    this.outer = state.wrapping === 'inside';
    this.must = this.space.all;
    this.may = this.space.all;
  }

  whole(): Taken {
    if (typeof this.state.wrapping !== 'string') throw new NotFollowed('a rule looks at a packet behind raw_encap');
    for (const [index, item] of this.pattern.entries()) {
      this.item(item, this.pattern[index + 1]);
      if (this.may === this.space.empty) break;
    }
    return { must: this.space.and(this.must, this.may), may: this.may };
  }

  /** Only these packets are left, or surely left. */
  private only(may: PacketSet, must = may): void {
    this.may = this.space.and(this.may, may);
    this.must = this.space.and(this.must, must);
  }

  private maybe(may: PacketSet = this.space.all): void {
    this.only(may, this.space.empty);
  }

  private item(item: Item, next: Item | undefined): void {
    switch (item.type) {
      case 'represented_port':
      case 'port_representor':
        this.port(item);
        return;
      case 'tag': {
        const index = item.spec?.index ?? 0;
        if (index >= tags) throw new NotFollowed(`tag ${index} is not followed, only those below ${tags}`);
        if (item.mask?.index !== undefined && item.mask.index !== 0xff) {
          throw new NotFollowed('the index of a tag has a mask');
        }
        this.field(item, 'data', valueAt(this.state, `tag.${index}`));
        return;
      }
      case 'meta':
        this.field(item, 'data', valueAt(this.state, 'meta'));
        return;
      case 'mark':
        this.field(item, 'id', valueAt(this.state, 'mark'));
        return;
      case 'conntrack':
        this.field(item, 'flags', valueAt(this.state, 'conntrack'));
        return;
      default:
        if (this.position === 'lost') this.maybe();
        else if (this.outer) this.outerHeader(item, next);
        else this.header(item, next);
    }
  }

  /** Where packets come from. */
  private port(item: Extract<Item, { type: 'represented_port' | 'port_representor' }>): void {
    const isSoftware = item.type === 'port_representor';
    this.only(fieldIs(this.space, 'hw.software', isSoftware ? 1 : 0));
    const { spec, mask, last } = item as { spec?: Spec; mask?: Spec; last?: Spec };
    const name = isSoftware ? 'port_id' : 'ethdev_port_id';
    const port = spec?.[name];
    if (port === undefined) return;
    const whole = mask?.[name];
    if (typeof port !== 'string' || last?.[name] !== undefined || (whole !== undefined && whole !== 0xffff)) {
      throw new NotFollowed('a port is asked for by a number, a mask or a range, not by its name');
    }
    const { arrivesBy, ports } = this.hardware;
    if (arrivesBy !== undefined) {
      this.only(arrivesBy === port ? this.space.all : this.space.empty);
      return;
    }
    const numbers = ports.get(port);
    // A port that is none of the node's: it may be any that packets come in by.
    if (!numbers) this.maybe(this.space.oneOf(hardwareField('inport'), [0n]));
    else this.only(this.space.oneOf(hardwareField('inport'), numbers.map(BigInt)));
  }

  /** The headers of the packet itself. */
  private header(item: Item, next: Item | undefined): void {
    const { kinds } = this.hardware;
    const { space, position } = this;
    if (item.type === 'eth') {
      this.needs(position === 'start');
      this.ethernet(item, next);
      this.position = 'eth';
    } else if (item.type === 'vlan') {
      this.needs(position === 'eth' || position === 'vlan');
      this.vlan(item);
      this.position = 'vlan';
    } else if (item.type === 'ipv4' || item.type === 'ipv6') {
      this.needs(position === 'start' || position === 'eth' || position === 'vlan');
      const kind = item.type === 'ipv4' ? kinds.ip4 : kinds.ip6;
      this.only(space.or(kind, kinds.hidden), kind);
      if (item.type === 'ipv4') this.ipv4(item);
      else this.ipv6(item);
      this.position = item.type === 'ipv4' ? 'ip4' : 'ip6';
    } else if (item.type === 'arp_eth_ipv4') {
      this.needs(position === 'eth' || position === 'vlan');
      this.only(space.or(kinds.arp, kinds.hidden), kinds.arp);
      const names = { op: 'arp.op', sha: 'arp.sha', spa: 'arp.spa', tha: 'arp.tha', tpa: 'arp.tpa' };
      this.places(item, names, kinds.hidden);
      this.position = 'end';
    } else if (item.type === 'ipv6_frag_ext') {
      this.needs(position === 'ip6');
      this.only(space.or(fieldIs(space, 'ip6.fragmented', 1), kinds.hidden), fieldIs(space, 'ip6.fragmented', 1));
      this.input(item, 'next_hdr', 'ip6.behind', kinds.hidden);
      this.input(item, 'frag_data', 'ip6.offset', kinds.hidden);
      this.position = 'end';
    } else if (isTransport(item.type)) {
      this.transport(item, item.type);
    } else if (item.type === 'geneve' || item.type === 'vxlan') {
      // Hosts may send tunnels of their own; what is in them is not looked at.
      this.needs(position === 'udp');
      this.maybe(this.placeIs('tp.dst', item.type === 'geneve' ? 6081 : 4789));
      this.position = 'lost';
    } else {
      this.needs(false);
    }
  }

  private needs(condition: boolean): void {
    if (!condition) this.only(this.space.empty);
  }

  private placeIs(name: string, value: number): PacketSet {
    const place = valueAt(this.state, name);
    return bitsAre(this.space, place, BigInt(value), (1n << BigInt(place.width)) - 1n, this.space.all);
  }

  private isTagged(): PacketSet {
    return bitsAre(this.space, valueAt(this.state, 'vlan.tci'), 0x1000n, 0x1000n, this.space.all);
  }

  private ethernet(item: Extract<Item, { type: 'eth' }>, next: Item | undefined): void {
    const { hidden } = this.hardware.kinds;
    this.places(item, { dst: 'eth.dst', src: 'eth.src' }, this.space.empty);
    const tagged = this.space.or(this.isTagged(), hidden);
    if (next?.type === 'vlan' && item.spec?.type !== undefined) {
      // The type of the tag, of which logical flows only know that it is one.
      this.maybe(tagged);
    } else {
      this.places(item, { type: 'eth.type' }, hidden);
    }
    if (item.spec?.has_vlan !== undefined && item.mask?.has_vlan !== 0) {
      this.only(item.spec.has_vlan === 1 ? tagged : this.space.not(tagged));
    }
  }

  private vlan(item: Extract<Item, { type: 'vlan' }>): void {
    const { space, hardware } = this;
    const { hidden } = hardware.kinds;
    const tagged = this.isTagged();
    const second = this.position === 'vlan';
    if (second) this.maybe(hidden);
    else this.only(space.or(tagged, hidden), tagged);
    const tci = valueAt(this.state, 'vlan.tci');
    const unsure = second ? space.all : hidden;
    this.field(item, 'pcp', slice(this.hardware, tci, 13, 3), unsure);
    this.field(item, 'vid', slice(this.hardware, tci, 0, 12), unsure);
    // Logical flows have the bit that says that there is a tag in the place of this one.
    if (item.spec?.dei !== undefined && item.mask?.dei !== 0) this.maybe();
    this.field(item, 'inner_type', valueAt(this.state, 'eth.type'), unsure);
    if (item.spec?.has_more_vlan !== undefined && item.mask?.has_more_vlan !== 0) {
      const more = item.spec.has_more_vlan === 1 ? hidden : space.not(hidden);
      if (second) this.maybe();
      else this.only(more);
    }
  }

  private ipv4(item: Extract<Item, { type: 'ipv4' }>): void {
    const { hidden } = this.hardware.kinds;
    this.field(item, 'tos', this.trafficClass(), hidden);
    this.input(item, 'fragment_offset', 'ip4.offset', hidden);
    this.places(item, { ttl: 'ip.ttl', proto: 'ip.proto', src: 'ip4.src', dst: 'ip4.dst' }, hidden);
  }

  private ipv6(item: Extract<Item, { type: 'ipv6' }>): void {
    const { hidden } = this.hardware.kinds;
    this.field(item, 'tc', this.trafficClass(), hidden);
    this.input(item, 'proto', 'ip6.next', hidden);
    this.input(item, 'has_frag_ext', 'ip6.fragmented', hidden);
    this.places(item, { flow: 'ip6.label', hop: 'ip.ttl', src: 'ip6.src', dst: 'ip6.dst' }, hidden);
  }

  private trafficClass(): Value {
    const [ecn, dscp] = [valueAt(this.state, 'ip.ecn'), valueAt(this.state, 'ip.dscp')];
    return composed(this.hardware.values, [...ecn.pieces, ...dscp.pieces]);
  }

  private transport(item: Item, type: (typeof transports)[number]): void {
    const { kinds } = this.hardware;
    const isFamily = type === 'icmp' ? this.position === 'ip4' : this.position === 'ip6' || !type.startsWith('icmp');
    this.needs((this.position === 'ip4' || this.position === 'ip6') && isFamily);
    const kind = { tcp: kinds.tcp, udp: kinds.udp, sctp: kinds.sctp, icmp: kinds.icmp4 } as Record<string, PacketSet>;
    const own = kind[type] ?? kinds.icmp6;
    this.only(this.space.or(own, kinds.hidden), own);
    const { hidden } = kinds;
    this.position = type === 'udp' ? 'udp' : 'end';
    if (type === 'tcp' || type === 'udp' || type === 'sctp') {
      this.places(item, { src: 'tp.src', dst: 'tp.dst' }, hidden);
      if (type === 'tcp')
        this.field(item, 'flags', slice(this.hardware, valueAt(this.state, 'tcp.flags'), 0, 8), hidden);
      return;
    }
    if (type === 'icmp' || type === 'icmp6') {
      this.places(item, { type: 'icmp.type', code: 'icmp.code' }, hidden);
      this.input(item, 'ident', 'icmp.ident', hidden);
      this.input(item, 'seq', 'icmp.seq', hidden);
      return;
    }
    const wanted = this.placeIs('icmp.type', type === 'icmp6_nd_ns' ? 135 : 136);
    this.only(this.space.or(wanted, hidden));
    // Logical flows see a target only where the code is 0.
    const unsure = this.space.or(hidden, this.space.not(this.placeIs('icmp.code', 0)));
    this.places(item, { target_addr: 'nd.target' }, unsure);
  }

  /** The headers of a tunnel, up to the Ethernet header inside. */
  private outerHeader(item: Item, next: Item | undefined): void {
    const { position } = this;
    switch (item.type) {
      case 'eth':
        if (position === 'geneve') {
          this.outer = false;
          this.position = 'start';
          this.header(item, next);
          return;
        }
        this.needs(position === 'start');
        this.input(item, 'dst', 'outer.eth.dst');
        this.input(item, 'src', 'outer.eth.src');
        this.constant(item, 'type', 16, this.isOuter6() ? 0x86dd : 0x800);
        this.constant(item, 'has_vlan', 1, 0);
        this.position = 'eth';
        return;
      case 'ipv4':
        this.needs((position === 'start' || position === 'eth') && !this.isOuter6());
        this.input(item, 'src', 'outer.ip4.src');
        this.constant(item, 'dst', 32, this.hardware.outerAddress ?? 0n);
        this.input(item, 'tos', 'outer.tos');
        this.input(item, 'ttl', 'outer.ttl');
        this.input(item, 'fragment_offset', 'outer.offset');
        this.constant(item, 'proto', 8, 17);
        this.position = 'ip4';
        return;
      case 'ipv6':
        this.needs((position === 'start' || position === 'eth') && this.isOuter6());
        this.constant(item, 'dst', 128, this.hardware.outerAddress ?? 0n);
        // Who sends by IPv6 is not followed.
        if (item.spec?.src !== undefined && item.mask?.src !== '::') this.maybe();
        this.input(item, 'tc', 'outer.tos');
        this.input(item, 'hop', 'outer.ttl');
        this.constant(item, 'proto', 8, 17);
        this.constant(item, 'has_frag_ext', 1, 0);
        if (item.spec?.flow !== undefined && item.mask?.flow !== 0) this.maybe();
        this.position = 'ip6';
        return;
      case 'udp':
        this.needs(position === 'ip4' || position === 'ip6');
        this.input(item, 'src', 'outer.tp.src');
        this.constant(item, 'dst', 16, 6081);
        this.position = 'udp';
        return;
      case 'geneve':
        this.needs(position === 'udp');
        this.input(item, 'vni', 'geneve.vni');
        this.constant(item, 'protocol', 16, 0x6558);
        // There may be other options beside OVN's.
        if (item.spec?.optlen !== undefined && item.mask?.optlen !== 0) this.maybe();
        this.position = 'geneve';
        return;
      case 'geneve_opt':
        this.needs(position === 'geneve');
        this.option(item);
        return;
      default:
        // The inner packet begins with Ethernet; IP inside may be asked for at once.
        if (position === 'geneve') this.only(this.space.empty);
        else this.needs(false);
    }
  }

  private isOuter6(): boolean {
    return this.hardware.outerFamily === 6;
  }

  private option(item: Extract<Item, { type: 'geneve_opt' }>): void {
    const { space } = this;
    const { spec = {}, mask = {} } = item;
    const isOvn =
      (((spec.class ?? 0x102) ^ 0x102) & (mask.class ?? 0xffff)) === 0 &&
      (((spec.type ?? 0x80) ^ 0x80) & (mask.type ?? 0xff)) === 0 &&
      (spec.length ?? 1) === 1 &&
      (spec.data === undefined || spec.data.length === 8) &&
      item.last === undefined;
    // Another option may be there as well.
    if (!isOvn) {
      this.maybe();
      return;
    }
    const present = fieldIs(space, 'geneve.option', 1);
    const isWhole = spec.class === 0x102 && spec.type === 0x80 && (mask.class ?? 0xffff) === 0xffff;
    if (isWhole && (mask.type ?? 0xff) === 0xff) this.only(present);
    else this.only(space.all, present);
    if (spec.data === undefined) return;
    const wanted = Number.parseInt(spec.data, 16);
    const bits = mask.data === undefined ? 0xffffffff : Number.parseInt(mask.data, 16);
    const out = BigInt(bits & 0xffff);
    this.only(
      space.cube([{ field: hardwareField('geneve.out'), value: BigInt(wanted & bits & 0xffff) & out, mask: out }]),
    );
    const inBits = (bits >>> 16) & 0xffff;
    if (inBits === 0) return;
    const keys = this.hardware.inKeys ?? new Map<number, number>();
    const numbers = [...keys].flatMap(([number, key]) =>
      ((key ^ (wanted >>> 16)) & inBits) === 0 ? [BigInt(number)] : [],
    );
    this.only(space.oneOf(hardwareField('inport'), numbers));
  }

  /** Fields that are places of logical flows; `unsure`: packets of which hardware may see something else there. */
  private places(item: Item, names: Readonly<Record<string, string>>, unsure: PacketSet): void {
    for (const [name, place] of Object.entries(names)) this.field(item, name, valueAt(this.state, place), unsure);
  }

  /** A field that no rule changes. */
  private input(item: Item, name: string, field: string, unsure = this.space.empty): void {
    const index = hardwareField(field);
    this.field(item, name, inputOf(this.hardware.values, index, widthOf(index)), unsure);
  }

  private constant(item: Item, name: string, width: number, value: number | bigint): void {
    this.field(item, name, constantOf(this.hardware.values, width, BigInt(value)));
  }

  private field(item: Item, name: string, value: Value, unsure = this.space.empty): void {
    const kind = itemFields[item.type]?.[name];
    const { spec, mask, last } = item as { spec?: Spec; mask?: Spec; last?: Spec };
    if (!kind || spec?.[name] === undefined) return;
    const all = (1n << BigInt(bitsOf(kind))) - 1n;
    const bits = mask?.[name] === undefined ? all : numberOf(kind, mask[name]);
    const low = numberOf(kind, spec[name]) & bits;
    const high = last?.[name] === undefined ? 0n : numberOf(kind, last[name]);
    const { space } = this;
    const fits = (unless: PacketSet) =>
      high === 0n
        ? bitsAre(space, value, low, bits, unless)
        : bitsBetween(space, value, low, high & bits, bits, unless);
    const may = space.or(fits(space.all), unsure);
    this.only(may, value.vague || unsure !== space.empty ? space.diff(fits(space.empty), unsure) : may);
  }
}

function slice({ values, space }: Hardware, value: Value, ofs: number, n: number): Value {
  return sliceOf(values, space, value, ofs, n);
}

/** A field's value as a number; zero for what is not written as it should be. */
export function numberOf(kind: FieldKind, value: unknown): bigint {
  if (typeof value === 'number') return BigInt(value);
  if (typeof value !== 'string') return 0n;
  switch (kind.kind) {
    case 'mac':
      return parseEthernet(value) ?? 0n;
    case 'ipv4':
      return parseIpv4(value) ?? 0n;
    case 'ipv6':
      return parseIpv6(value) ?? 0n;
    default:
      return value === '' ? 0n : BigInt(`0x${value}`);
  }
}
