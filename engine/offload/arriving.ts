/**
 * What tunnels bring: the packets inside as rules see them, and what of a cover for one port is a cover for another.
 *
 * Hosts of a node mostly differ by their MAC address alone.  To exchange two unicast addresses changes nothing of
 * conjunctions that ask for one of the two, for a group's address or not at all for the destination: so a cover for
 * one port becomes one for another.
 */
import type { Literal, PacketSet, Space } from '../sets/index.ts';
import { type DevicePorts, isUsable, optionOf } from './actions.ts';
import { type Capabilities, whyNotItem } from './capabilities/types.ts';
import type { NodeClass, NodeTraffic, TunnelEntry } from './classes.ts';
import type { Cover, Ranked } from './cover.ts';
import { changedAlike, fieldNames } from './families.ts';
import type { Item, Rule } from './rules.ts';

/** Fields that rules do not look at inside of tunnels. */
const unmatched = [
  ...['ip.frag', 'tcp.flags', 'pkt.len', 'payload', 'pkt.mark'],
  ...['arp.op', 'arp.spa', 'arp.tpa', 'arp.sha', 'arp.tha'],
];

/** The packets of a class inside of a tunnel, as far as rules see them, whoever sent them. */
export function packetsInside({ space, possible }: NodeTraffic, { senders }: TunnelEntry, one: NodeClass): PacketSet {
  const names = fieldNames(space);
  const hidden = ['inport', ...unmatched].map(names.index);
  const packets = changedAlike(space, one, one.packets);
  const bad = space.forget(space.diff(space.and(possible, senders), packets), hidden);
  return space.diff(space.forget(packets, hidden), bad);
}

/** The VNI and OVN's option: the port that a packet is for, and who sent it, unless that may be anybody. */
export function outerItems(vni: number, outKey: number, inKey?: number): Item[] {
  const data = optionOf(inKey ?? 0, outKey)
    .toString(16)
    .padStart(8, '0');
  return [
    { type: 'eth', spec: { has_vlan: 0 } },
    { type: 'ipv4' },
    { type: 'udp', spec: { dst: 6081 } },
    { type: 'geneve', spec: { vni } },
    {
      type: 'geneve_opt',
      spec: { class: 0x102, type: 0x80, data },
      ...(inKey === undefined && { mask: { class: 0xffff, type: 0xff, data: '0000ffff' } }),
    },
  ];
}

/** Rules by which what other nodes send through tunnels gets to a group. */
export function intoGroup(
  node: string,
  { device, capabilities }: { readonly device: DevicePorts; readonly capabilities: Capabilities },
  group: number,
): Rule[] {
  const local = device.tunnels.get(node);
  if (!local || !isUsable(local)) return [];
  const hasLength = whyNotItem(capabilities, 'geneve', 'optlen') === undefined;
  const peers = [...device.tunnels].filter(([name, end]) => name !== node && isUsable(end));
  return peers.map(([, { ip }]): Rule => {
    const pattern: Item[] = [
      { type: 'represented_port', spec: { ethdev_port_id: device.uplink } },
      { type: 'eth', spec: { has_vlan: 0 } },
      // A tunnel that says that there is congestion marks the packet inside, which rules do not.
      {
        type: 'ipv4',
        spec: { tos: 0, fragment_offset: 0, src: ip, dst: local.ip },
        mask: { tos: 3, fragment_offset: 0x3fff, src: '255.255.255.255', dst: '255.255.255.255' },
      },
      { type: 'udp', spec: { dst: 6081 } },
      // Headers of one length are taken off: those with OVN's option alone.
      ...(hasLength ? [{ type: 'geneve', spec: { optlen: 2 } } as const] : []),
    ];
    return { group: 0, priority: 0, pattern, actions: [{ type: 'jump', group }] };
  });
}

const groupBit = 1n << 40n;

/** The one unicast address that the packets of all sets are for, and what is alike where only it differs. */
export function addressInside(
  space: Space,
  sets: readonly PacketSet[],
): { readonly address: bigint; readonly key: string } | undefined {
  const names = fieldNames(space);
  const field = names.index('eth.dst');
  const unicast = space.cube([{ field, value: 0n, mask: groupBit }]);
  const found = space.and(space.forget(space.orAll(sets), names.without(['eth.dst'])), unicast);
  const address = space.pick(found)?.[field];
  if (address === undefined) return undefined;
  const literal = names.literal('eth.dst', address);
  const only = space.cube([literal]);
  if (found !== only) return undefined;
  return { address, key: sets.map((set) => `${space.restrict(set, [literal])} ${space.diff(set, only)}`).join(' ') };
}

/** Whether a cover for a host becomes one for another by exchanging their addresses. */
export function isReaddressable<T>(space: Space, { ranked }: Cover<T>, address: bigint): boolean {
  const whole = fieldNames(space).literal('eth.dst', address);
  return ranked.every(({ literals }) =>
    literals.every(({ field, value, mask }) => {
      const isForGroup = (value & mask & groupBit) !== 0n;
      const isThis = mask === whole.mask && value === address;
      return field !== whole.field || isForGroup || isThis || mask === groupBit;
    }),
  );
}

/** A cover for a host, and whose it is. */
export interface Addressed<T> {
  readonly cover: Cover<T>;
  readonly address: bigint;
  /** What its cells were for. */
  readonly targets: readonly T[];
}

/** The conjunctions for the host with another address, whose cells are for `targets`. */
export function readdressed<T>(
  space: Space,
  { cover, address, targets: before }: Addressed<T>,
  to: bigint,
  targets: readonly T[],
): Pick<Cover<T>, 'ranked'> {
  const field = fieldNames(space).index('eth.dst');
  const others = new Map(before.map((target, index) => [target, targets[index]]));
  const ranked = cover.ranked.map(({ literals, target, ...rest }): Ranked<T> => {
    const changed = literals.map((literal): Literal => {
      return literal.field === field && literal.value === address ? { ...literal, value: to } : literal;
    });
    return { ...rest, literals: changed, target: target === undefined ? undefined : others.get(target) };
  });
  return { ranked };
}
