/**
 * What a part is on its wires, told by a few fields of packets: more than it is, never less, with a quarter of the nodes.
 * Who has nothing to do with others by this has nothing to do with them.
 */

import { isSame } from '../../engine/same.ts';
import type { Rewrite } from '../../engine/sets/index.ts';
import { fieldIndex, packetFields, packetSpace } from '../symbolic/index.ts';
import type { WireSummary } from './wires.ts';

/** What decides mostly who gets packets, and who is asked for an address. */
const told: ReadonlySet<number> = new Set(
  [
    ...['eth.type', 'ip.proto', 'icmp.type', 'arp.op', 'vlan.tci'],
    ...['ip4.dst', 'ip4.src', 'ip6.dst', 'ip6.src', 'arp.tpa', 'nd.target'],
  ].map(fieldIndex),
);

const untold: readonly number[] = packetFields.flatMap((_, field) => (told.has(field) ? [] : [field]));

const known = new WeakMap<WireSummary, WireSummary>();

/** The sums with any value in all other fields. */
export function outlineOf(summary: WireSummary): WireSummary {
  let outline = known.get(summary);
  if (!outline) {
    outline = withoutFields(summary);
    known.set(summary, outline);
  }
  return outline;
}

function withoutFields({ wires, reactions, sets }: WireSummary): WireSummary {
  const space = packetSpace();
  return {
    wires,
    reactions: reactions.map((one) => ({ ...one, rewrites: one.rewrites.flatMap(toldRewrite) })),
    sets: space.save(space.load(sets).map((set) => space.forget(set, untold))),
  };
}

/** What is written to fields that are told; what is copied from others may be any value. */
function toldRewrite(one: Rewrite): Rewrite[] {
  if (!told.has(one.field)) return [];
  if (!('from' in one) || told.has(one.from)) return [one];
  return [{ field: one.field, ofs: one.ofs, n: one.n, kind: 'any' }];
}

const canonical = new WeakMap<WireSummary, WireSummary>();

/** The same, with the nodes of its sets in one order. */
function inOrder(outline: WireSummary): WireSummary {
  let made = canonical.get(outline);
  if (!made) {
    const space = packetSpace();
    made = { ...outline, sets: space.save(space.load(outline.sets)) };
    canonical.set(outline, made);
  }
  return made;
}

/** Whether two outlines say the same. */
export const isSameOutline = (a: WireSummary, b: WireSummary): boolean => a === b || isSame(inOrder(a), inOrder(b));
