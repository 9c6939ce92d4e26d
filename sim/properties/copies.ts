/** Values of packets where they end, compared with what the packets were when they were sent. */
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import type { Value } from '../symbolic/index.ts';

/** The packets of which a value is what a field was when they were sent. */
export function copiesOf(space: Space, { pieces, width, options }: Value, field: number): PacketSet {
  if (options) {
    return space.orAll(options.map(({ packets, value }) => space.and(packets, copiesOf(space, value, field))));
  }
  let set = space.all;
  let ofs = 0;
  for (const piece of pieces) {
    if (piece.kind === 'input') set = space.and(set, space.same(piece.field, piece.ofs, field, ofs, piece.n));
    else if (piece.kind === 'constant') {
      const shift = BigInt(ofs);
      const mask = ((1n << BigInt(piece.n)) - 1n) << shift;
      set = space.and(set, space.cube([{ field, value: piece.value << shift, mask }]));
    } else return space.empty;
    ofs += piece.n;
  }
  return ofs === width ? set : space.empty;
}
