/** The traffic of a node for ports that others stand for: as it is for those, with other addresses and keys. */

import { parseEthernet, parseIpv4 } from '../../engine/lang/addresses.ts';
import type { Alive, Change, Exit, NodeClass, NodeTraffic, OtherClasses } from '../../engine/offload/classes.ts';
import type { PortBinding } from '../../engine/ovsdb/southbound.ts';
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { fieldIndex } from '../symbolic/fields.ts';
import type { Kind, Twin } from './alike.ts';

/** Packets for a port depend on its address in a way that is not understood, so that it stands for itself alone. */
export class NotAlike extends Error {
  override readonly name = 'NotAlike';
}

/** The chassis that a port is bound to, or asked for on. */
export function chassisOf({ chassis, type, options }: PortBinding): string | undefined {
  const option = type === 'l3gateway' ? 'l3gateway-chassis' : 'requested-chassis';
  return chassis ?? options[option]?.split(',')[0];
}

/** The traffic of a node with that for ports that others stand for.  Throws `NotAlike`. */
export function withAlike(traffic: NodeTraffic, kinds: ReadonlyMap<string, Kind>): NodeTraffic {
  const { space, classes, software, alive, returning } = traffic;
  const { spread, asForOne, targets } = spreading(space, [...kinds.values()]);
  const arp = space.cube([whole(space, 'eth.type', 0x806n)]);
  return {
    ...traffic,
    classes: classes.map((one) => {
      const kind = kinds.get(one.exit.port);
      const others = kind && othersOf(space, one, kind);
      return others ? { ...one, others } : one;
    }),
    // What is software's of packets for a port that is followed stands for the others, too; whoever is known needs not be asked for.
    software: software.map((part) =>
      part.reason.code === 'neighbour-unknown' ? { ...part, packets: space.diff(part.packets, targets) } : part,
    ),
    // They are known not to be behind the port that a packet came in by, which an unknown neighbour may be.
    returning: asForOne(returning),
    // ARP for them is answered by software, where it is not known here that it is for somebody.
    alive: [...alive.flatMap(spread), { packets: arp, among: space.all }],
  };
}

const whole = ({ fields }: Space, name: string, value: bigint) => {
  const field = fieldIndex(name);
  return { field, value, mask: (1n << BigInt(fields[field]?.width ?? 0)) - 1n };
};

const macOf = ({ mac }: Twin): bigint => parseEthernet(mac) ?? 0n;
const ipOf = ({ ip }: Twin): bigint => parseIpv4(ip) ?? 0n;

/** How sets that are right for ports that are followed become sets that are right for those that they stand for, too. */
function spreading(
  space: Space,
  kinds: readonly Kind[],
): {
  /**
   * What is there for a port that is followed also for those that it stands for, and nothing else for these; so with
   * what has its addresses as the sender's, beside what is there of such already.
   */
  spread(part: Alive): Alive[];
  /** A set with what is in it for a port that is followed for those that it stands for, and nothing else for these. */
  asForOne(set: PacketSet): PacketSet;
  /** Packets for those that others stand for. */
  readonly targets: PacketSet;
} {
  const ip4 = space.cube([whole(space, 'eth.type', 0x800n)]);
  const parts = kinds.flatMap((kind) =>
    [
      { name: 'eth.dst', among: space.all, addressOf: macOf },
      { name: 'eth.src', among: space.all, addressOf: macOf },
      { name: 'ip4.dst', among: ip4, addressOf: ipOf },
      { name: 'ip4.src', among: ip4, addressOf: ipOf },
    ].map(({ name, among, addressOf }) => ({
      isTarget: name.endsWith('.dst'),
      among,
      literal: whole(space, name, addressOf(kind)),
      theirs: space.and(among, space.oneOf(fieldIndex(name), kind.others.map(addressOf))),
    })),
  );
  const targets = space.orAll(parts.filter(({ isTarget }) => isTarget).map(({ theirs }) => theirs));
  const seenAs = (set: PacketSet, { among, literal }: (typeof parts)[number]): PacketSet =>
    space.restrict(space.and(set, among), [literal]);
  const image = (set: PacketSet, part: (typeof parts)[number]): PacketSet => space.and(seenAs(set, part), part.theirs);
  const spread = ({ packets, among }: Alive): Alive[] => [
    { packets, among: space.diff(among, targets) },
    ...parts.map((part) => ({ packets: seenAs(space.and(packets, among), part), among: part.theirs })),
  ];
  const asForOne = (set: PacketSet): PacketSet =>
    parts
      .filter(({ isTarget }) => isTarget)
      .reduce((all, part) => space.or(space.diff(all, part.theirs), image(all, part)), set);
  return { spread, asForOne, targets };
}

/** The classes for the ports that one stands for; undefined where it is not told by their addresses where packets go. */
function othersOf(space: Space, { packets, exit, changes }: NodeClass, kind: Kind): OtherClasses | undefined {
  const fields = ['eth.dst', 'ip4.dst'].map(fieldIndex);
  const rest = space.fields.map((_, index) => index).filter((index) => !fields.includes(index));
  const where = space.forget(packets, rest);
  const literals = space.hull(where);
  const has = (name: string, value: bigint): boolean => {
    const { field, mask } = whole(space, name, value);
    return literals.some((literal) => literal.field === field && literal.mask === mask && literal.value === value);
  };
  const [byIp, byMac] = [has('ip4.dst', ipOf(kind)), has('eth.dst', macOf(kind))];
  if (byIp && byMac) throw new NotAlike('packets for a port are told by both of its addresses');
  // Answers to whoever has the port's address as his own; those to others are left to software.
  if (!byIp && !byMac) return undefined;
  return {
    field: fieldIndex(byIp ? 'ip4.dst' : 'eth.dst'),
    members: kind.others.map((twin) => ({
      value: byIp ? ipOf(twin) : macOf(twin),
      exit: exitTo(exit, twin),
      changes: changes.map((change) => changedFor(change, kind, twin)),
    })),
  };
}

function exitTo(exit: Exit, { binding }: Twin): Exit {
  const chassis = chassisOf(binding);
  if (exit.kind !== 'tunnel' || chassis === undefined) throw new NotAlike('a port is not behind a tunnel');
  return { ...exit, chassis, port: binding.logicalPort, outKey: binding.tunnelKey };
}

function changedFor(change: Change, kind: Kind, twin: Twin): Change {
  if (change.kind !== 'set') return change;
  if (change.field === 'eth.dst' && change.value === macOf(kind)) return { ...change, value: macOf(twin) };
  const isMac = change.field.startsWith('eth.') || change.field.startsWith('arp.');
  if (change.value === (isMac ? macOf(kind) : ipOf(kind))) throw new NotAlike('a port is named in another header');
  return change;
}
