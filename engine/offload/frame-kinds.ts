/** Kinds of frames, and demands on them, that the planning of rules asks for again and again. */
import type { Literal, PacketSet, Space } from '../sets/index.ts';
import { fieldNames } from './families.ts';

/** Ethernet types of VLAN tags as hardware may know them: IEEE 802.1Q, 802.1ad, and one from before them. */
export const tagTypes = [0x8100n, 0x88a8n, 0x9100n];

/** Frames with a VLAN tag. */
export function tagged(space: Space): Literal {
  return { field: fieldNames(space).index('vlan.tci'), value: 0x1000n, mask: 0x1000n };
}

/** A field of which the set has a single value, and what is alike of sets that differ by it alone. */
export function exactField(
  space: Space,
  set: PacketSet,
): { field: number; value: bigint; others: PacketSet } | undefined {
  const names = fieldNames(space);
  const literals = space.hull(set);
  const exact = ['ip4.dst', 'ip6.dst', 'eth.dst'].map((name) => {
    const [field, mask] = [names.index(name), names.literal(name, 0n).mask];
    return literals.find((literal) => literal.field === field && literal.mask === mask);
  });
  const found = exact.find((literal) => literal !== undefined);
  return found && { field: found.field, value: found.value, others: space.restrict(set, [found]) };
}

export const isType = (space: Space, { field }: Literal): boolean => field === fieldNames(space).index('eth.type');

/** IPv4 and IPv6. */
export function typesOf(space: Space): PacketSet[] {
  return [0x800n, 0x86ddn].map((type) => space.cube([fieldNames(space).literal('eth.type', type)]));
}

/** Frames of IP whose header cannot be read: its fields are 0. */
export function unreadableOf(space: Space, types: readonly PacketSet[]): PacketSet {
  const names = space.fields
    .map(({ name }) => name)
    .filter((name) => /^(ip|ip4|ip6|tp|icmp)\.|^tcp\.flags$/.test(name));
  const none = space.cube(names.map((name) => fieldNames(space).literal(name, 0n)));
  return space.and(space.orAll(types), none);
}
