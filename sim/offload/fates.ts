/**
 * What the logical flows do with the packets of a node, so that it can be asked
 * for sets of packets: who goes out where, who has more than one fate.
 */
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import type { Analysis, End, Gap, NetworkPort, TrafficClass } from '../symbolic/index.ts';
import { copyFields } from '../symbolic/parts.ts';
import { at } from '../symbolic/store.ts';

/** Packets that end in one way: by the port of this number, or nowhere. */
export type FateKey = number | 'drop' | 'loop' | `made ${string}`;

/** What is known of the packets that end in one way. */
export interface Fate {
  readonly key: FateKey;
  /** Of packets that belong to no connection, and all of them. */
  packets: PacketSet;
  /** Those that open connections on their way. */
  opening: PacketSet;
  /** The classes, and of each the packets that end so (of those that go back to their sender, those of this port). */
  readonly classes: { readonly class: TrafficClass; readonly packets: PacketSet }[];
}

export interface Fates {
  readonly byKey: ReadonlyMap<FateKey, Fate>;
  /** Packets of which more than one thing becomes: copies, or what depends on connections. */
  readonly several: PacketSet;
  /** Packets of which the flows say nothing for certain. */
  readonly gaps: readonly Gap[];
}

/** Sorts the classes of an analysis by where they end. */
export function fatesOf({ classes, gaps, space, network }: Analysis): Fates {
  const byKey = new Map<FateKey, Fate>();
  const add = (key: FateKey, one: TrafficClass, packets: PacketSet): void => {
    if (packets === space.empty) return;
    const fate = byKey.get(key) ?? { key, packets: space.empty, opening: space.empty, classes: [] };
    byKey.set(key, fate);
    fate.packets = space.or(fate.packets, packets);
    if (one.commits.length > 0) fate.opening = space.or(fate.opening, packets);
    fate.classes.push({ class: one, packets });
  };
  for (const one of classes) {
    if (one.end.kind === 'drop' && one.exact && one.copies !== one.packets) {
      // A copy that is dropped is none: dropped are the packets all of whose copies are.
      add('drop', one, space.not(space.forget(space.not(one.copies), copyFields)));
      continue;
    }
    if (one.end.kind === 'sender' && one.made === undefined) {
      for (const port of sendersOf(space, network.portsByNumber, one.packets)) {
        const own = space.cube([{ field: at.inport, value: BigInt(port.number), mask: (1n << 20n) - 1n }]);
        add(port.number, one, space.and(one.packets, own));
      }
    } else add(keyOf(one), one, one.packets);
  }
  let seen = space.empty;
  let several = space.empty;
  for (const { packets } of byKey.values()) {
    if (space.intersects(seen, packets)) several = space.or(several, space.and(seen, packets));
    seen = space.or(seen, packets);
  }
  return { byKey, several, gaps };
}

function keyOf({ end, made }: TrafficClass): FateKey {
  if (made !== undefined) return `made ${made}`;
  return end.kind === 'port' ? end.port.number : end.kind === 'drop' ? 'drop' : 'loop';
}

/** The ports by which packets of a set enter. */
function sendersOf(space: Space, ports: readonly (NetworkPort | undefined)[], packets: PacketSet): NetworkPort[] {
  return ports.flatMap((port) => {
    if (!port?.edge) return [];
    const own = space.cube([{ field: at.inport, value: BigInt(port.number), mask: (1n << 20n) - 1n }]);
    return space.intersects(packets, own) ? [port] : [];
  });
}

/** The first class that a packet is in, other than in the fate that is known. */
export function otherClass(
  { byKey }: Fates,
  space: Space,
  packet: readonly bigint[],
  known?: FateKey,
): { readonly key: FateKey; readonly class: TrafficClass } | undefined {
  for (const { key, classes } of byKey.values()) {
    if (key === known) continue;
    const found = classes.find(({ packets }) => space.contains(packets, packet));
    if (found) return { key, class: found.class };
  }
  return undefined;
}

/** Where the flows bring a packet, in words that follow `the logical flows`. */
export function endWords(end: End, made?: string): string {
  const what = made === undefined ? 'it' : `what they make of it (${made})`;
  switch (end.kind) {
    case 'port':
      return `send ${what} to "${end.port.name}"`;
    case 'sender':
      return `send ${what} back to where it came from`;
    case 'loop':
      return `lead ${what} round and round`;
    case 'drop': {
      const { flow } = end;
      const where = flow
        ? `${flow.stage}, priority ${flow.priority}: ${flow.match}`
        : `table ${end.table} of ${end.datapath.name} has no flow for it`;
      return `drop ${what} (${where})`;
    }
  }
}
