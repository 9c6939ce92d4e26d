import { describe, expect, test } from 'vitest';
import { plainOf } from '../../../sim/jobs/plain.ts';
import { givenUp, openVerifier, type Runner, verifyNetwork, verifyPart } from '../../../sim/verifier.ts';
import { vf } from '../../topology.ts';
import { subjectOf, tenant } from './alike/subjects.ts';
import { bothWays } from './both-ways.ts';
import { cheap, said, twoVpcs } from './subjects.ts';

const timeout = 120_000;

test('VPCs that have nothing to do with each other are verified without the whole network', { timeout }, () => {
  const { plan, asked, parts, together } = bothWays(twoVpcs(), cheap);
  expect(plan.partition.parts).toHaveLength(2);
  expect(asked).toEqual([]);
  expect(parts).toEqual(together);
  expect(parts.verdict).toBe('holds');
});

describe('a verifier', { timeout }, () => {
  test('does what changed, and says the same as one that knows nothing', () => {
    const verifier = openVerifier({ properties: cheap });
    verifier.verify(twoVpcs(2));
    expect(verifier.last).toEqual({ parts: 2, verified: 2 });
    verifier.verify(twoVpcs(2));
    expect(verifier.last).toEqual({ parts: 2, verified: 0 });
    const after = verifier.verify(twoVpcs(3));
    expect(verifier.last).toEqual({ parts: 2, verified: 1 });
    expect(said(after)).toEqual(said(verifyNetwork(twoVpcs(3), { properties: cheap })));
  });

  test('verifies one of two parts that are alike, and says the same as if it had verified both', () => {
    const verifier = openVerifier({ properties: cheap });
    const found = verifier.verify(twoVpcs());
    expect(verifier.last).toEqual({ parts: 2, verified: 1 });
    const { parts } = bothWays(twoVpcs(), cheap);
    expect(said(found)).toEqual(parts);
    // The one that was verified changes: the other one still knows what it is.
    verifier.verify(twoVpcs(2));
    expect(verifier.last).toEqual({ parts: 2, verified: 1 });
    expect(said(verifier.verify(twoVpcs()))).toEqual(parts);
    expect(verifier.last).toEqual({ parts: 2, verified: 0 });
  });

  test('has its parts verified by others, who are given plain data', async () => {
    const runner: Runner = async (parts, common) =>
      parts.map((part) =>
        structuredClone(verifyPart(structuredClone(plainOf(part)), structuredClone(plainOf(common)))),
      );
    const there = await openVerifier({ properties: cheap }).verifyBy(runner, twoVpcs(2));
    expect(said(there)).toEqual(said(verifyNetwork(twoVpcs(2), { properties: cheap })));
  });

  test('says of a part that was given up that nothing is known, and of what depends on it', async () => {
    const runner: Runner = async ([first, second], common) =>
      first && second ? [givenUp(first, common, 'it was too cold'), verifyPart(second, common)] : [];
    const { verdict, properties, matrix } = await openVerifier({ properties: cheap }).verifyBy(runner, twoVpcs(2));
    expect(matrix).toBeUndefined();
    expect(verdict).toBe('unknown');
    const found = properties.map(({ id, subject, verdict: each }) => `${id} ${subject} ${each}`);
    // The other one's gateway could be the lost part's door to it.
    expect(found).toContain('tenant-isolation default/red → default/blue unknown');
    expect(found).toContain('tenant-isolation default/blue → default/red unknown');
    expect(found.filter((text) => text.startsWith('no-transit')).sort()).toEqual([
      'no-transit default/blue unknown',
      'no-transit default/red holds',
    ]);
    expect(properties.find(({ id, verdict: each }) => id === 'no-transit' && each === 'unknown')?.reason).toBe(
      'it was too cold',
    );
  });
});

describe('a part that is begun ahead', { timeout }, () => {
  const four = ['blue', 'green', 'red', 'white'].flatMap(tenant);
  const quiet = { properties: cheap };
  const verified: Runner = async (parts, common) => parts.map((part) => verifyPart(part, common));

  /** What is given ahead, and what is given when the others are known. */
  function watching(): { runner: Runner; early: string[]; later: string[] } {
    const early: string[] = [];
    const later: string[] = [];
    const ahead: Runner['ahead'] = async (part, common) => {
      early.push(part.name);
      return verifyPart(part, common);
    };
    const run: Runner = async (parts, common, space) => {
      later.push(...parts.map(({ name }) => name));
      return verified(parts, common, space);
    };
    return { runner: Object.assign(run, { ahead }), early, later };
  }

  test('tells the others, and is not verified twice; after a change none is begun', async () => {
    const { runner, early, later } = watching();
    const verifier = openVerifier(quiet);
    expect(said(await verifier.verifyBy(runner, subjectOf(four)))).toEqual(said(verifyNetwork(subjectOf(four), quiet)));
    expect([early.length, later.length]).toEqual([1, 0]);
    expect(verifier.last).toEqual({ parts: 4, verified: 1 });
    const changed = subjectOf([...four, vf('rednet', 2)]);
    expect(said(await verifier.verifyBy(runner, changed))).toEqual(said(verifyNetwork(changed, quiet)));
    expect([early.length, later.length]).toEqual([1, 1]);
  });

  test('is one of those that are looked at, where others are unlike it', async () => {
    const { runner, early, later } = watching();
    const unlike = subjectOf([...four, vf('bluenet', 2)]);
    const verifier = openVerifier(quiet);
    expect(said(await verifier.verifyBy(runner, unlike))).toEqual(said(verifyNetwork(unlike, quiet)));
    expect(early).toHaveLength(1);
    expect(later).toHaveLength(1);
    expect(later).not.toEqual(early);
    expect(verifier.last).toEqual({ parts: 4, verified: 2 });
  });

  test('is not begun where few are, and what it fails of is told', async () => {
    const { runner: watched, early } = watching();
    let prepared = 0;
    const runner = Object.assign(watched, { prepare: () => void prepared++ });
    await openVerifier(quiet).verifyBy(runner, twoVpcs());
    expect([early.length, prepared]).toEqual([0, 0]);
    const failing = Object.assign(verified.bind(undefined), { ahead: () => Promise.reject(new Error('too cold')) });
    await expect(openVerifier(quiet).verifyBy(failing, subjectOf(four))).rejects.toThrow('too cold');
  });
});
