/** The examples that come in pairs: the property that a pair is about tells the one from the other, and shows how. */
import { describe, expect, test } from 'vitest';
import { pairs } from './pairs.ts';
import { large, verified, violations } from './verified.ts';

describe.each(pairs.filter(({ name }) => !large.has(name)))('$name', { timeout: 120_000 }, (pair) => {
  const { property } = pair.expected;

  test(`${pair.bad} violates ${property}, and what is shown was seen`, () => {
    const found = violations(verified(pair, 'bad'), pair.expected);
    expect(found.length).toBeGreaterThan(0);
    for (const { reason, counterexample } of found) {
      expect(reason).toMatch(/\S/);
      if (counterexample) expect(counterexample.replayed).toMatchObject({ tracer: true });
      if (counterexample) expect(counterexample.replayed.plane).not.toBe(false);
    }
  });

  test(`${pair.good} does not`, () => {
    const findings = verified(pair, 'good');
    expect(findings.filter(({ verdict }) => verdict !== 'holds' && verdict !== 'vacuous')).toEqual([]);
    expect(findings.map(({ verdict }) => verdict)).toContain('holds');
  });
});
