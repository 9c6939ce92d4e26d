/** The packets of a class, put together of its parts where somebody asks for them. */
import { groupBy } from '../../engine/group.ts';
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { fieldIndex, lookups } from './fields.ts';
import type { ClassPart } from './types.ts';

/** Fields that tell copies apart. */
export const copyFields: readonly number[] = Array.from({ length: lookups }, (_, n) => fieldIndex(`copy.${n}`));

/** The packets of parts, with which of its copies each is. */
export const copiesOf = (space: Space, parts: readonly ClassPart[]): PacketSet => space.orAll(byLineage(space, parts));

/**
 * The packets of parts, whichever copies they are. What tells copies apart is forgotten before parts are put together: those of
 * other ways have other copies, and a set that told all of them apart would be some ten times as large.
 */
export const packetsOfParts = (space: Space, parts: readonly ClassPart[]): PacketSet => {
  const some = byLineage(space, parts);
  return space.orAll(some.map((packets) => space.forget(packets, copyFields)));
};

/** Guards are small: those of one lineage are put together before they are brought to its packets. */
const byLineage = (space: Space, parts: readonly ClassPart[]): PacketSet[] =>
  [...groupBy(parts, ({ lineage }) => lineage)].map(([lineage, some]) =>
    space.and(lineage.packets, space.orAll(some.map(({ guard }) => guard))),
  );
