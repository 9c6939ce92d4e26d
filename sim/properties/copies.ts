/** Values of packets where they end, compared with what the packets were when they were sent. */
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import type { Value } from '../symbolic/index.ts';

/** The packets of which a value is what a field was when they were sent; not those of which it happens to be. */
export function copiesOf(space: Space, { pieces, width, options, constant }: Value, field: number): PacketSet {
  if (options) {
    return space.orAll(options.map(({ packets, value }) => space.and(packets, copiesOf(space, value, field))));
  }
  if (constant !== undefined) {
    return space.cube([{ field, value: constant, mask: (1n << BigInt(width)) - 1n }]);
  }
  const [piece] = pieces;
  return piece?.kind === 'input' && piece.field === field && piece.n === width ? space.all : space.empty;
}
