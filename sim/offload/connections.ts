/**
 * Rules of connections.  Such a rule stands for one connection that software has
 * seen, so what it does must be what the flows do with packets of a connection
 * like that; which translation was chosen for it, the rule says.
 */
import type { PacketSet } from '../../engine/sets/index.ts';
import { at, headerPlaces } from '../symbolic/store.ts';
import { differing } from './compare.ts';
import type { Fate } from './fates.ts';
import { circumstanceFields, trackingFields } from './fields.ts';
import type { Sorter } from './sorter.ts';
import type { Hardware, HardwareState } from './state.ts';

/** Packets that a look at their connection found to belong to it. */
export interface ConnectionCase {
  readonly hardware: Hardware;
  readonly sorter: Sorter;
  readonly fate: Fate;
  readonly state: HardwareState;
  readonly packets: PacketSet;
  readonly reply: boolean;
}

/** What is wrong with a rule of a connection, in words that follow `the logical flows`; undefined where nothing is. */
export function connectionProblem(one: ConnectionCase): { packets: PacketSet; sentence: string } | undefined {
  const { hardware, packets, fate, state, sorter, reply } = one;
  const { space } = hardware;
  const several = otherConnections(one);
  if (several !== space.empty) return { packets: several, sentence: 'have more than one connection in these packets' };
  const wanted = reply ? 'reply' : 'established';
  const right: PacketSet[] = [];
  for (const { class: each } of fate.classes) {
    if (each.connection !== wanted || !space.intersects(each.packets, packets)) continue;
    const relevant = space.and(each.copies, space.forget(packets, trackingFields));
    for (const part of sorter.parts(each.store, relevant, headerPlaces)) {
      const wrong = differing(hardware, state, part.store, part.packets, { unknownIsSame: true });
      right.push(space.diff(part.packets, wrong));
    }
  }
  const possible = space.forget(space.orAll(right), circumstanceFields);
  const rest = space.diff(packets, possible);
  if (rest === space.empty) return undefined;
  return { packets: rest, sentence: `do that with no packet of ${reply ? 'a reply' : 'an opener'} of a connection` };
}

const tuple = [at.ip4Src, at.ip4Dst, at.ip6Src, at.ip6Dst, at.tpSrc, at.tpDst];

/** The packets that belong to another connection than the first of them. */
function otherConnections({ hardware: { space }, packets }: ConnectionCase): PacketSet {
  const packet = space.pick(packets);
  if (!packet) return space.empty;
  const whole = (field: number) => {
    const width = space.fields[field]?.width ?? 0;
    return { field, value: packet[field] ?? 0n, mask: (1n << BigInt(width)) - 1n };
  };
  const isV6 = packet[at.ethType] === 0x86ddn;
  const unused = isV6 ? [at.ip4Src, at.ip4Dst] : [at.ip6Src, at.ip6Dst];
  const own = space.cube([at.ethType, at.ipProto, ...tuple.filter((field) => !unused.includes(field))].map(whole));
  return space.diff(packets, own);
}
