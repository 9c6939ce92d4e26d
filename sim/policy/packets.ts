/** Conditions and traffic as sets of packets. */

import { annotate } from '../../engine/lang/index.ts';
import { parseMatch } from '../../engine/lang/match.ts';
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { fieldIndex, headerFields } from '../symbolic/fields.ts';
import { type Certainty, matching, type Names, type Test, testOf } from '../symbolic/matching.ts';
import { places, type Store } from '../symbolic/store.ts';
import { constantOf, createValues, inputOf } from '../symbolic/value.ts';
import type { EdgePlace } from './inventory.ts';
import type { Prefix, Traffic } from './policy.ts';
import { formatPrefix } from './prefix.ts';
import { type Condition, type Extent, isMember } from './select.ts';

const values = createValues();

/** Packets as they are sent. */
export const sent: Store = {
  id: 0,
  values: places.map(({ width }, place) =>
    place < headerFields ? inputOf(values, place, width) : constantOf(values, width, 0n),
  ),
  next: new Map(),
};

/** Nothing in a policy's matches is about names. */
const nameless: Names = { numberOf: () => undefined, isResident: () => false };

const tests = new Map<string, Test>();

/** The packets that match a text of the language, looking as the store says. */
export function matchSet(space: Space, text: string, store: Store = sent, certainty: Certainty = 'must'): PacketSet {
  let test = tests.get(text);
  if (!test) {
    test = testOf(annotate(parseMatch(text)), nameless);
    if (tests.size < maxTests) tests.set(text, test);
  }
  return matching(space, store, test, certainty);
}

const maxTests = 10_000;

const opposite = (certainty: Certainty): Certainty => (certainty === 'may' ? 'must' : 'may');

/** The packets that are of the traffic, looking as the store says. */
export function trafficSet(
  space: Space,
  traffic: Traffic | undefined,
  store: Store = sent,
  certainty: Certainty = 'must',
): PacketSet {
  if (!traffic) return space.all;
  switch (traffic.kind) {
    case 'match':
      return matching(space, store, testOf(traffic.expr, nameless), certainty);
    case 'not':
      return space.not(trafficSet(space, traffic.term, store, opposite(certainty)));
    case 'or':
      return space.orAll(traffic.terms.map((term) => trafficSet(space, term, store, certainty)));
    case 'and':
      return allOf(
        space,
        traffic.terms.map((term) => trafficSet(space, term, store, certainty)),
      );
  }
}

/** What is in all of the sets. */
export const allOf = (space: Space, sets: Iterable<PacketSet>): PacketSet => {
  let all = space.all;
  for (const set of sets) all = space.and(all, set);
  return all;
};

/** The packets whose address meets a condition; `ofPrefix` says which have an address of a range. */
export function conditionSet(
  space: Space,
  condition: Condition,
  ofPrefix: (prefix: Prefix, certainty: Certainty) => PacketSet,
  certainty: Certainty = 'must',
): PacketSet {
  const known = { may: new Map<Condition, PacketSet>(), must: new Map<Condition, PacketSet>() };
  const setOf = (each: Condition, side: Certainty): PacketSet => {
    if (typeof each === 'boolean') return each ? space.all : space.empty;
    let set = known[side].get(each);
    if (set === undefined) {
      set = make(each, side);
      known[side].set(each, set);
    }
    return set;
  };
  const make = (each: Exclude<Condition, boolean>, side: Certainty): PacketSet => {
    switch (each.kind) {
      case 'prefix':
        return ofPrefix(each.prefix, side);
      case 'not':
        return space.not(setOf(each.term, opposite(side)));
      case 'or':
        return space.orAll(each.terms.map((term) => setOf(term, side)));
      case 'and':
        return allOf(
          space,
          each.terms.map((term) => setOf(term, side)),
        );
    }
  };
  return setOf(condition, certainty);
}

/** The packets from an address of the range, or that ask or tell in its name by ARP. */
export const fromPrefix = (space: Space, prefix: Prefix): PacketSet => matchSet(space, sourceText(prefix));

const sourceText = (prefix: Prefix): string => {
  const text = formatPrefix(prefix);
  return prefix.family === 4 ? `ip4.src == ${text} || arp.spa == ${text}` : `ip6.src == ${text}`;
};

/** The packets to an address of the range, or that ask for one by ARP or ND. */
export const toPrefix = (
  space: Space,
  prefix: Prefix,
  store: Store = sent,
  certainty: Certainty = 'must',
): PacketSet => {
  const text = formatPrefix(prefix);
  const match =
    prefix.family === 4 ? `ip4.dst == ${text} || arp.tpa == ${text}` : `ip6.dst == ${text} || nd.target == ${text}`;
  return matchSet(space, match, store, certainty);
};

const inport = fieldIndex('inport');

/** The packets that enter by one of the ports. */
export const enteringBy = (space: Space, edges: readonly EdgePlace[]): PacketSet =>
  space.oneOf(
    inport,
    edges.map(({ port }) => BigInt(port.number)),
  );

/**
 * The packets that enter by the ports of an extent.  What a host sends is from it, whatever source it writes; where
 * hosts are not known, and outside, the source address tells who it is from.
 */
export function sentFrom(space: Space, { groups }: Extent): PacketSet {
  return space.orAll(
    groups.flatMap(({ condition, edges }) => {
      const members = edges.filter((edge) => isMember(edge, condition) === true);
      const others = edges.filter((edge) => isMember(edge, condition) === undefined);
      const from = conditionSet(space, condition, (prefix) => fromPrefix(space, prefix));
      return [enteringBy(space, members), space.and(enteringBy(space, others), from)];
    }),
  );
}
