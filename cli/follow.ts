/**
 * A network whose files change: what the files still say stays the very objects, documents that were there before are not
 * parsed, and the logical flows are computed anew only where what the files say is another.
 *
 *     const load = openFollowing();
 *     await load(inputs);
 *     await load(inputs);     // again, whenever the files have changed
 */
import { differenceOf } from '../engine/northd/difference.ts';
import { createNorthd, type Northd } from '../engine/northd/incremental.ts';
import type { Northbound } from '../engine/ovsdb/northbound.ts';
import { openYamlMemory } from '../engine/spec/yaml-memory.ts';
import { openNorthboundMaker } from '../engine/vpc/index.ts';
import { type InputOptions, readSources, type Sources } from './input.ts';
import { type LoadedNetwork, type loadNetwork, networkIn, tell } from './topology.ts';

export interface Follower {
  /** The network as its files are now. Fails as `loadNetwork` does; the next one then follows the last one that could be read. */
  loadFrom(sources: Sources, options?: InputOptions): LoadedNetwork;
}

/** What was read, and the computation that follows it. */
interface Known {
  readonly northbound: Northbound;
  readonly northd: Northd;
}

/** Loads networks as `loadNetwork`; each list of inputs is followed by itself. */
export function openFollowing(): typeof loadNetwork {
  const followers = new Map<string, Follower>();
  return async (inputs, options) => {
    const key = inputs.join('\0');
    const follower = followers.get(key) ?? openFollower();
    followers.set(key, follower);
    return follower.loadFrom(await readSources(inputs), options);
  };
}

/** Opens a follower, which knows of no network yet. */
export function openFollower(): Follower {
  let known: Known | undefined;
  const memory = openYamlMemory();
  const make = openNorthboundMaker();
  return {
    loadFrom(sources, options = {}) {
      const found = networkIn(sources, { ...options, memory }, make);
      if ('southbound' in found) return found;
      const before = known;
      // Should a change not come to its end, nothing follows from it.
      known = undefined;
      known = before ? following(before, found.northbound) : begun(found.northbound);
      const { southbound, warnings } = known.northd.computation();
      tell(warnings);
      return { southbound, northbound: known.northbound, plans: found.plans };
    },
  };
}

const begun = (northbound: Northbound): Known => ({ northbound, northd: createNorthd(northbound) });

function following({ northbound: before, northd }: Known, after: Northbound): Known {
  const { changes, northbound } = differenceOf(before, after);
  northd.apply(changes);
  return { northbound, northd };
}
