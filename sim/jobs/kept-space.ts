/**
 * The space in which parts are verified one after the other. What was found out about sets in it stays known: when a part
 * is verified again after a change, most steps were taken before.
 */
import type { Space } from '../../engine/sets/index.ts';
import { packetSpace } from '../symbolic/index.ts';

/** Gives the space for the next part: the last one, or another one where that has grown too large. */
export type KeptSpace = () => Space;

const MIB = 2 ** 20;

/** The memory that a space may have when another part comes in, unless told otherwise. */
const usualBytes = 512 * MIB;
/** The memory that each part may count on. */
const ofPart = 1024 * MIB;
/** Entries of the cache of results: so many that the steps of a part of a hundred ports have room. */
const cacheLog = 22;

/** Keeps a space, none at first. */
export function keptSpace(mostBytes = usualBytes): KeptSpace {
  let space: Space | undefined;
  return () => {
    if (!space || space.stats().bytes > mostBytes) space = packetSpace({ limit: mostBytes + ofPart, cacheLog });
    return space;
  };
}
