/** Conjunctions of values of variables, from the last one up: a node each. */
import { bitsAt, levelCount, make, NONE } from './nodes';

/**
 * The packets that have the first `count` of the bits at `bitsAt`, each variable * 2 + value in
 * ascending order.  Bits that contradict each other give the empty set, others that are in no
 * order, or of variables that there are not, NONE.
 */
export function cube(count: u32): u32 {
  const end = bitsAt() + ((count as usize) << 2);
  let contradictory = false;
  for (let at = bitsAt(); at < end; at += 4) {
    const bit = load<u32>(at);
    if (bit >= levelCount() << 1) return NONE;
    if (at === bitsAt()) continue;
    const before = load<u32>(at - 4);
    if (bit < before) return NONE;
    if ((bit ^ before) === 1) contradictory = true;
  }
  if (contradictory) return 0;
  let set: u32 = 1;
  for (let at = end; at > bitsAt(); ) {
    at -= 4;
    const bit = load<u32>(at);
    // A bit that is there twice.
    if (at + 4 < end && bit === load<u32>(at + 4)) continue;
    set = (bit & 1) === 1 ? make(bit >> 1, 0, set) : make(bit >> 1, set, 0);
  }
  return set;
}
