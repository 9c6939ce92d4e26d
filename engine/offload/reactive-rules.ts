/**
 * Rules for packets that went one way through the data plane (reactive-follow.ts).
 *
 *     group 0   from a tunnel's other end -> 1, all others -> 2
 *     group 1   what tunnels bring: rules of megaflows
 *     group 2   what hosts and networks send: rules of megaflows; packets of a connection -> its look-up -> 3
 *     group 3   packets that were found to belong to their connection: rules of connections
 *
 * Devices that do not tell what a look-up found (DOCA Flow, where a connection is an entry of a pipe that takes its packets
 * or does not) have the rules of connections in group 2.
 *
 * A rule takes packets that are the same in all bits that were looked at, or fewer.  One of a connection takes the packets
 * of one direction, without those by which TCP opens and closes it: these software has to see.
 */
import { B_FRAG, B_TCP_FLAGS, B_TOS, B_TTL, W_DERIVED, W_IP4, W_L4 } from '../../asm/plane/layout.ts';
import { formatIpv4, formatIpv6 } from '../lang/addresses.ts';
import type { Literal, SetField } from '../sets/index.ts';
import { classActions, type DevicePorts, inOrder, optionOf } from './actions.ts';
import { type Capabilities, whyNotAction, whyNotItem } from './capabilities/types.ts';
import { checkRules } from './check.ts';
import type { Change, Exit } from './classes.ts';
import { isExclusive, itemsOf } from './pattern.ts';
import type { Reason, ReasonCode } from './plan.ts';
import type { Way } from './reactive-follow.ts';
import { type Action, CONNTRACK, CONNTRACK_STATE, type Item, type Rule, type Tuple } from './rules.ts';

/** Where packets came from, in the device's terms. */
export type Entrance =
  /** `devicePort` is the representor of a host, or the uplink for what a physical network sends. */
  | { readonly kind: 'port'; readonly devicePort: string; readonly isNetwork: boolean }
  | {
      readonly kind: 'tunnel';
      readonly chassis: string;
      readonly vni: number;
      readonly inKey: number;
      readonly outKey: number;
    };

/** The node's hardware, as rules have to know it. */
export interface RuleTarget {
  readonly device: DevicePorts & { readonly node: string };
  readonly capabilities: Capabilities;
  /** Seconds after which a rule that met no packet is told. */
  readonly idle: number;
}

/** What rules for one way are; `rules` without a connection's action, whose number is the caller's. */
export interface WayRules {
  /** Equal for ways of which the rules would take the same packets. */
  readonly key: string;
  /** What takes the packets where they come in: group 1 or 2. */
  readonly pattern: readonly Item[];
  readonly actions: readonly Action[];
  readonly tunnelled: boolean;
  /** Of a connection's packets: which direction they are of, and what both directions look like where they come in. */
  readonly connection?: {
    readonly direction: 'opener' | 'reply';
    readonly protocol: 'tcp' | 'udp';
    readonly coming: Tuple;
    /** The same packets as they leave. */
    readonly leaving: Tuple;
  };
}

/** The groups of a rule set. */
export const groups = { entry: 0, tunnels: 1, hosts: 2, found: 3 } as const;

const IP4 = 0x800n;
const IP6 = 0x86ddn;
const TCP = 6n;
const UDP = 17n;

interface Part {
  readonly name: string;
  readonly word: number;
  readonly ofs: number;
  readonly width: number;
}

const part = (name: string, word: number, ofs: number, width: number): Part => ({ name, word, ofs, width });

/** Headers in the words of a flow; those of IPv6 addresses have two. */
const ethernet = [part('eth.dst', 0, 0, 48), part('eth.src', 1, 0, 48)];
const ip4 = [part('ip4.src', W_IP4, 32, 32), part('ip4.dst', W_IP4, 0, 32)];
const ip = [
  part('ip.ttl', W_L4, B_TTL, 8),
  part('ip.dscp', W_L4, B_TOS + 2, 6),
  part('ip.ecn', W_L4, B_TOS, 2),
  part('ip.proto', W_L4, 0, 8),
];
const ip6 = [part('ip6.src', 7, 0, 128), part('ip6.dst', 9, 0, 128)];
const ports = [part('tp.src', W_L4, 48, 16), part('tp.dst', W_L4, 32, 16)];
const icmp = [part('icmp.type', W_L4, 48, 16), part('icmp.code', W_L4, 32, 16)];
const tuple = new Set(['ip4.src', 'ip4.dst', 'ip6.src', 'ip6.dst', 'ip.proto', 'tp.src', 'tp.dst']);

const fields: readonly SetField[] = [
  ...[
    { name: 'inport', width: 20 },
    { name: 'eth.type', width: 16 },
    { name: 'vlan.tci', width: 16 },
  ],
  ...[...ethernet, ...ip4, ...ip, ...ip6, ...ports].map(({ name, width }) => ({ name, width })),
  ...icmp.map(({ name }) => ({ name, width: 8 })),
];
const indexOf = new Map(fields.map(({ name }, index) => [name, index]));

const ones = (width: number): bigint => (1n << BigInt(width)) - 1n;

/** The bits of a part. */
function bitsOf(words: BigUint64Array, { word, ofs, width }: Part): bigint {
  const first = words[word] ?? 0n;
  if (width === 128) return (first << 64n) | (words[word + 1] ?? 0n);
  return (first >> BigInt(ofs)) & ones(width);
}

class Refused extends Error {
  readonly reason: Reason;
  constructor(code: ReasonCode, detail: string) {
    super(detail);
    this.reason = { code, detail };
  }
}

/** Makes the rules of a way, or says why there are none. */
export function rulesOfWay(
  way: Way,
  from: Entrance,
  out: Exit | 'drop',
  target: RuleTarget,
): WayRules | { readonly reason: Reason } {
  try {
    return made(way, from, out, target);
  } catch (error) {
    if (error instanceof Refused) return { reason: error.reason };
    throw error;
  }
}

function made(way: Way, from: Entrance, out: Exit | 'drop', target: RuleTarget): WayRules {
  const { before, looked, tracked } = way;
  const type = (before[0] ?? 0n) >> 48n;
  const proto = type === IP4 || type === IP6 ? (before[W_L4] ?? 0n) & 0xffn : undefined;
  const isTracked = tracked.length > 0;
  refuseWhatIsNotSeen(way, type, isTracked);
  refuseGroups(from, out);
  if (isTracked) refuseConnection(way, from, target, proto);
  else if (way.isLearned) throw new Refused('neighbour-unknown', 'what was learned from packets decides');
  else if (from.kind === 'port' && from.isNetwork) {
    throw new Refused('unsupported-match', 'what a physical network sends is only told apart by connections');
  }
  const header = partsFor(type, proto);
  const changed = header.filter(
    (each) => bitsOf(before, each) !== bitsOf(way.after, each) || bitsOf(way.written, each) !== 0n,
  );
  const masks = new Map(header.map((each) => [each.name, bitsOf(looked, each)]));
  // A part that is not written whole is what the packet had there.
  for (const each of changed)
    if (bitsOf(way.written, each) !== ones(each.width)) masks.set(each.name, ones(each.width));
  if (isTracked) for (const { name, width } of header) if (tuple.has(name)) masks.set(name, ones(width));
  if (
    hasAny(masks, ['tp.src', 'tp.dst', 'icmp.type', 'icmp.code', 'ip4.src', 'ip4.dst', 'ip6.src', 'ip6.dst', 'ip.ttl'])
  ) {
    masks.set('ip.proto', ones(8));
  }
  if (out !== 'drop' && out.kind === 'tunnel' && (type === IP4 || type === IP6)) {
    if (((before[W_L4] ?? 0n) >> BigInt(B_TOS)) & 3n) {
      throw new Refused('not-modelled', 'the packet has ECN bits, which a tunnel repeats in its own header');
    }
    masks.set('ip.ecn', 3n);
  }
  const flags = isTracked && proto === TCP ? 7n : ((looked[W_DERIVED] ?? 0n) >> BigInt(B_TCP_FLAGS)) & 0xfffn;
  const literals: Literal[] = [literal('eth.type', type, ones(16)), literal('vlan.tci', 0n, ones(16))];
  for (const each of header) {
    const mask = masks.get(each.name) ?? 0n;
    if (mask !== 0n) literals.push(literal(each.name, bitsOf(before, each) & mask, mask));
  }
  const inner = withMore(
    itemsOf(literals, { fields, capabilities: target.capabilities, hasTunnels: false }),
    way,
    flags,
  );
  const entrance = entranceItems(from, target);
  const pattern = [...entrance, ...inner];
  const changes = changed.flatMap((each): Change[] => {
    const value = bitsOf(way.after, each);
    if (value === bitsOf(before, each) && masks.get(each.name) === ones(each.width)) return [];
    if (each.name === 'ip.proto' || each.name.startsWith('icmp.'))
      throw new Refused('unsupported-action', `no action writes ${each.name}`);
    if (each.name === 'ip.ttl' && value + 1n === bitsOf(before, each))
      return [{ field: each.name, kind: 'less', amount: 1 }];
    return [{ field: each.name, kind: 'set', value }];
  });
  const actions = actionsFor(changes, from, out, target, type, proto);
  const connection = isTracked ? connectionOf(way, type, proto) : undefined;
  const key = JSON.stringify(pattern);
  const rules: WayRules = {
    key,
    pattern,
    actions,
    tunnelled: from.kind === 'tunnel',
    ...(connection && { connection }),
  };
  refuseByDevice(rules, target);
  return rules;
}

/** What of a packet decided that no rule can ask for. */
function refuseWhatIsNotSeen({ looked }: Way, type: bigint, isTracked: boolean): void {
  if (type < 0x600n) throw new Refused('not-modelled', 'the frame has a length in the place of its type (IEEE 802.3)');
  const derived = looked[W_DERIVED] ?? 0n;
  if (derived >> 28n) throw new Refused('check-pkt-larger', 'the length of the packet decides');
  // What a hash says is the same for all packets with these addresses and ports.
  if (!isTracked && derived & 0xf00000ffn) throw new Refused('ecmp', 'a hash of the packet chooses among several ways');
  const isIp = type === IP4 || type === IP6;
  const others = [11, 12, 13, 14].some((word) => ((looked[word] ?? 0n) & (word === 11 ? ones(48) : ones(64))) !== 0n);
  if (others) throw new Refused('arp-nd', 'fields of neighbour discovery decide');
  if ((looked[15] ?? 0n) !== 0n) throw new Refused('unsupported-match', 'the flow label of IPv6 decides');
  if (!isIp && [W_IP4, W_L4, 7, 8, 9, 10].some((word) => (looked[word] ?? 0n) !== 0n)) {
    throw new Refused('arp-nd', 'fields of a packet that is not IP decide');
  }
}

/** Tunnel keys from here on are of multicast groups, not of ports: ovn-architecture(7), "Tunnel Encapsulations". */
const firstGroup = 0x8000;

/** What goes through a tunnel for a group is a copy of what others get, too. */
function refuseGroups(from: Entrance, out: Exit | 'drop'): void {
  const isOut = out !== 'drop' && out.kind === 'tunnel' && out.outKey >= firstGroup;
  const isIn = from.kind === 'tunnel' && from.outKey >= firstGroup;
  if (isIn || isOut)
    throw new Refused('multicast', 'a tunnel carries the packet for a group, of which others may be members');
}

function refuseConnection(way: Way, from: Entrance, { capabilities }: RuleTarget, proto: bigint | undefined): void {
  const { conntrack } = capabilities;
  const name = proto === TCP ? 'tcp' : 'udp';
  if (!conntrack?.protocols.includes(name)) {
    throw new Refused('unsupported-action', `the device tracks no connections of ${name.toUpperCase()}`);
  }
  if (from.kind === 'tunnel') {
    throw new Refused('unsupported-match', 'devices track connections of packets that come in without a tunnel only');
  }
  if (new Set(way.tracked.map(({ direction }) => direction)).size > 1) {
    throw new Refused('ct-new', 'the packet opens one connection and answers another');
  }
}

function partsFor(type: bigint, proto: bigint | undefined): Part[] {
  if (type !== IP4 && type !== IP6) return [...ethernet];
  const isPorts = proto === TCP || proto === UDP;
  const isIcmp = (type === IP4 && proto === 1n) || (type === IP6 && proto === 58n);
  return [...ethernet, ...(type === IP4 ? ip4 : ip6), ...ip, ...(isPorts ? ports : isIcmp ? icmp : [])];
}

const hasAny = (masks: ReadonlyMap<string, bigint>, names: readonly string[]): boolean =>
  names.some((name) => (masks.get(name) ?? 0n) !== 0n);

/** Types and codes of ICMP have eight bits in a packet. */
function literal(name: string, value: bigint, mask: bigint): Literal {
  const cut = name.startsWith('icmp.') ? 0xffn : -1n;
  return { field: indexOf.get(name) ?? 0, value: value & cut, mask: mask & cut };
}

/** What `itemsOf` does not write: TCP flags, and that the packet is no fragment where that was asked. */
function withMore(items: readonly Item[], { before, looked }: Way, flags: bigint): Item[] {
  const isWhole = ((looked[W_L4] ?? 0n) >> BigInt(B_FRAG)) & 3n;
  const value = Number(((before[W_DERIVED] ?? 0n) >> BigInt(B_TCP_FLAGS)) & flags);
  if (flags > 0xffn) throw new Refused('unsupported-match', 'reserved flags of TCP decide');
  const hasTcp = items.some(({ type }) => type === 'tcp');
  const all: readonly Item[] = flags !== 0n && !hasTcp ? [...items, { type: 'tcp' }] : items;
  return all.map((item): Item => {
    if (item.type === 'tcp' && flags !== 0n) {
      return { type: 'tcp', spec: { ...item.spec, flags: value }, mask: { ...item.mask, flags: Number(flags) } };
    }
    if (item.type === 'ipv4' && isWhole) {
      return {
        type: 'ipv4',
        spec: { ...item.spec, fragment_offset: 0 },
        mask: { ...item.mask, fragment_offset: 0x3fff },
      };
    }
    if (item.type === 'ipv6' && isWhole)
      return { type: 'ipv6', spec: { ...item.spec, has_frag_ext: 0 }, ...(item.mask && { mask: item.mask }) };
    return item;
  });
}

function entranceItems(from: Entrance, { device, capabilities }: RuleTarget): Item[] {
  if (from.kind === 'port') return [{ type: 'represented_port', spec: { ethdev_port_id: from.devicePort } }];
  const other = device.tunnels.get(from.chassis);
  if (!other) throw new Refused('not-modelled', `the address of the tunnel from ${from.chassis} is not known`);
  const hasLength = whyNotItem(capabilities, 'geneve', 'optlen') === undefined;
  const data = optionOf(from.inKey, from.outKey).toString(16).padStart(8, '0');
  return [
    { type: 'represented_port', spec: { ethdev_port_id: device.uplink } },
    { type: 'eth', spec: { has_vlan: 0 } },
    { type: 'ipv4', spec: { src: other.ip } },
    { type: 'udp', spec: { dst: 6081 } },
    { type: 'geneve', spec: { ...(hasLength && { optlen: 2 }), vni: from.vni } },
    { type: 'geneve_opt', spec: { class: 0x102, type: 0x80, data } },
  ];
}

function actionsFor(
  changes: readonly Change[],
  from: Entrance,
  out: Exit | 'drop',
  { device, capabilities, idle }: RuleTarget,
  type: bigint,
  proto: bigint | undefined,
): Action[] {
  const has = (action: 'count' | 'age' | 'raw_decap'): boolean => whyNotAction(capabilities, action) === undefined;
  const known = { type, ...(proto !== undefined && { proto }) };
  const head: Action[] = [];
  if (from.kind === 'tunnel' && out !== 'drop') {
    if (!has('raw_decap')) throw new Refused('unsupported-action', 'the device takes no tunnel headers off');
    head.push({ type: 'raw_decap', data: '00'.repeat(58) });
  }
  if (!has('age')) throw new Refused('unsupported-action', 'the device does not tell which rules are not used');
  if (out === 'drop')
    return [...(has('count') ? [{ type: 'count' } as const] : []), { type: 'age', timeout: idle }, { type: 'drop' }];
  const inKey = out.kind === 'tunnel' && out.inKey !== 'sender' ? out.inKey : 0;
  const mades = classActions(capabilities, device, out, changes, known, inKey);
  if ('reason' in mades) throw new Refused(mades.reason.code, mades.reason.detail);
  const [first, ...rest] = mades.actions;
  const counted: Action[] =
    first?.type === 'count'
      ? [first, { type: 'age', timeout: idle }, ...rest]
      : [{ type: 'age', timeout: idle }, ...mades.actions];
  return [...head, ...counted];
}

function connectionOf(way: Way, type: bigint, proto: bigint | undefined): NonNullable<WayRules['connection']> {
  return {
    direction: way.tracked[0]?.direction ?? 'opener',
    protocol: proto === TCP ? 'tcp' : 'udp',
    coming: tupleOf(way.before, type),
    leaving: tupleOf(way.after, type),
  };
}

function tupleOf(words: BigUint64Array, type: bigint): Tuple {
  const [src, dst] = type === IP4 ? ip4 : ip6;
  const text = (each: Part | undefined): string => {
    const value = each ? bitsOf(words, each) : 0n;
    return type === IP4 ? formatIpv4(value) : formatIpv6(value);
  };
  const l4 = words[W_L4] ?? 0n;
  return {
    src: text(src),
    dst: text(dst),
    srcPort: Number(l4 >> 48n),
    dstPort: Number((l4 >> 32n) & 0xffffn),
  };
}

/** Refuses what the device's capability file does. */
function refuseByDevice(rules: WayRules, { capabilities, device }: RuleTarget): void {
  const isPing = rules.pattern.some(({ type }) => type === 'icmp' || type === 'icmp6');
  if (isPing && device.tunnels.size > 1 && isExclusive(capabilities, 'icmp')) {
    throw new Refused('geneve-option-profile', 'the device does not look at ICMP beside the option of Geneve');
  }
  const [problem] = checkRules(
    {
      node: device.node,
      device: capabilities.device,
      indirect: [{ id: 0, action: trackingAction }],
      rules: laidOut(rules, { number: 0, connection: 0 }, capabilities),
    },
    capabilities,
  ).filter(({ place }) => !place.includes('jump'));
  if (!problem) return;
  const { place, message } = problem;
  const code: ReasonCode = /matchDwords/.test(message)
    ? 'match-too-wide'
    : /modifyCommands/.test(message)
      ? 'too-many-rewrites'
      : place.includes('pattern')
        ? 'unsupported-match'
        : 'unsupported-action';
  throw new Refused(code, message);
}

/**
 * The state of a connection that software has seen established.  It is liberal: windows have moved on by the time that
 * the device sees its first packet.
 */
export const trackingAction: Action = {
  type: 'conntrack',
  enable: 1,
  is_orig: 1,
  live: 1,
  state: CONNTRACK_STATE.established,
  liberal: 1,
};

/** What rules of a way are known by: a number of their own, and that of the connection's shared action. */
export interface Place {
  readonly number: number;
  readonly connection: number;
}

/** The rules of a way in their groups, the one that packets meet first in front. */
export function laidOut(rules: WayRules, { number, connection }: Place, capabilities: Capabilities): Rule[] {
  const group = rules.tunnelled ? groups.tunnels : groups.hosts;
  const cookie = `megaflow ${number}`;
  if (!rules.connection) return [{ group, priority: 0, pattern: rules.pattern, actions: rules.actions, cookie }];
  const reply = rules.connection.direction === 'reply' ? 1 : 0;
  const own: Action = { type: 'indirect', id: connection, reply };
  if (whyNotItem(capabilities, 'conntrack') !== undefined) {
    return [
      { group, priority: 0, pattern: rules.pattern, actions: inOrder(capabilities, [own, ...rules.actions]), cookie },
    ];
  }
  const valid: Item = { type: 'conntrack', spec: { flags: CONNTRACK.valid }, mask: { flags: CONNTRACK.valid } };
  const tagged = tagging(capabilities, number + 1);
  const look: Action[] = [own, ...(tagged ? [tagged] : [])];
  const pattern: Item[] = tagged
    ? [{ type: 'tag', spec: { index: 0, data: number + 1 } }, valid, { type: 'eth' }]
    : [valid, ...rules.pattern];
  return [
    { group, priority: 0, pattern: rules.pattern, actions: [...look, { type: 'jump', group: groups.found }], cookie },
    { group: groups.found, priority: 0, pattern, actions: rules.actions, cookie },
  ];
}

/** Writes a number that follows the packet to the next group; undefined where the device has none, then its headers are asked again. */
function tagging(capabilities: Capabilities, own: number): Action | undefined {
  const most = capabilities.limits.tags?.value ?? null;
  if ((most !== null && most < 1) || whyNotItem(capabilities, 'tag') !== undefined) return undefined;
  if (whyNotAction(capabilities, 'set_tag') === undefined)
    return { type: 'set_tag', index: 0, data: own, mask: 0xffffffff };
  if (whyNotAction(capabilities, 'modify_field', 'tag') !== undefined) return undefined;
  const src_value = own.toString(16).padStart(8, '0');
  return { type: 'modify_field', op: 'set', dst_type: 'tag', dst_level: 0, src_type: 'value', src_value, width: 32 };
}

/** The rules that lead packets to the groups: they are there from the beginning. */
export function entryRules({ device, capabilities }: RuleTarget): Rule[] {
  const own = device.tunnels.get(device.node);
  const peers =
    own && whyNotItem(capabilities, 'geneve') === undefined
      ? [...device.tunnels].filter(([name]) => name !== device.node)
      : [];
  const tunnels = peers.map(
    ([name, { ip }]): Rule => ({
      group: groups.entry,
      priority: 0,
      pattern: [
        { type: 'represented_port', spec: { ethdev_port_id: device.uplink } },
        { type: 'eth', spec: { has_vlan: 0 } },
        {
          type: 'ipv4',
          spec: { tos: 0, fragment_offset: 0, src: ip, dst: own?.ip ?? ip },
          mask: { tos: 3, fragment_offset: 0x3fff, src: '255.255.255.255', dst: '255.255.255.255' },
        },
        { type: 'udp', spec: { dst: 6081 } },
      ],
      actions: [{ type: 'jump', group: groups.tunnels }],
      cookie: `from ${name}`,
    }),
  );
  const all: Rule = {
    group: groups.entry,
    priority: 1,
    pattern: [{ type: 'eth' }],
    actions: [{ type: 'jump', group: groups.hosts }],
    cookie: 'all others',
  };
  return [...tunnels, all];
}
