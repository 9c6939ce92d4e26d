/**
 * What is kept from part to part, where parts are verified one after the other: the space, in which what was found out about
 * sets stays known, and what counterexamples are played with: programs, whose tables stay compiled, and a data plane. When a
 * part is verified again after a change, most of both was there before.
 */
import type { Space } from '../../engine/sets/index.ts';
import { type Backstage, openBackstage } from '../answers/index.ts';
import { packetSpace } from '../symbolic/index.ts';

export interface Kept {
  /** Gives the space for the next part: the last one, or another one where that has grown too large. */
  space(): Space;
  readonly backstage: Backstage;
}

const MIB = 2 ** 20;

/** The memory that a space may have when another part comes in, unless told otherwise. */
const usualBytes = 512 * MIB;
/** The memory that each part may count on. */
const ofPart = 1024 * MIB;
/** Entries of the cache of results: so many that the steps of a part of a hundred ports have room. */
const cacheLog = 22;

/** Keeps nothing at first. */
export function openKept(mostBytes = usualBytes): Kept {
  let space: Space | undefined;
  return {
    space() {
      if (!space || space.stats().bytes > mostBytes) space = packetSpace({ limit: mostBytes + ofPart, cacheLog });
      return space;
    },
    backstage: openBackstage(),
  };
}

/** For a part that none comes after. */
export const forOnce = (): Kept => ({ space: packetSpace, backstage: openBackstage() });
