import { describe, expect, test } from 'vitest';
import type { Space } from '../../../engine/sets/index.ts';
import { openKept } from '../../../sim/jobs/kept.ts';
import { fieldIndex } from '../../../sim/symbolic/index.ts';
import { openVerifier, type Runner, verifyNetwork, verifyPart } from '../../../sim/verifier.ts';
import { cheap, said, twoVpcs } from './subjects.ts';

describe('a space that is kept', () => {
  test('is the same one for part after part, and remembers what was found', () => {
    const kept = openKept();
    const one = kept.space();
    const sets = () => one.and(one.range(fieldIndex('ip4.src'), 3n, 77n), one.range(fieldIndex('ip4.dst'), 5n, 99n));
    const found = sets();
    const { steps, nodes } = one.stats();
    expect(kept.space()).toBe(one);
    expect(sets()).toBe(found);
    expect(one.stats().nodes).toBe(nodes);
    // Each of the three is one step again: the first one, which is known.
    expect(one.stats().steps - steps).toBeLessThanOrEqual(3);
  });

  test('is another one when it has grown', () => {
    const kept = openKept(0);
    expect(kept.space()).not.toBe(kept.space());
  });
});

test('who verifies parts in this process takes the space of before', { timeout: 120_000 }, async () => {
  const spaces = new Set<Space>();
  const runner: Runner = async (parts, common, kept) => {
    spaces.add(kept.space());
    return parts.map((part) => verifyPart(part, common, kept));
  };
  const verifier = openVerifier({ properties: cheap });
  for (const hosts of [2, 3]) {
    const found = await verifier.verifyBy(runner, twoVpcs(hosts));
    expect(said(found)).toEqual(said(verifyNetwork(twoVpcs(hosts), { properties: cheap })));
  }
  expect(spaces.size).toBe(1);
});

test('a network that changes again and again is verified as if it were new', { timeout: 120_000 }, () => {
  const verifier = openVerifier({ properties: cheap });
  for (const hosts of [2, 3, 1, 3, 2]) {
    const found = verifier.verify(twoVpcs(hosts));
    expect(said(found)).toEqual(said(verifyNetwork(twoVpcs(hosts), { properties: cheap })));
  }
});
