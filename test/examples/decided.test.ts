/** Networks whose packets go round by translation, errors and resets, or by flows that contradict each other: nothing of them is left open. */
import { describe, expect, test } from 'vitest';
import { pairs } from './pairs.ts';
import { complaints, verified } from './verified.ts';

const names = ['field/reply-by-another-address', 'field/reply-by-another-gateway', 'properties/external-egress-off'];

describe.each(pairs.filter(({ name }) => names.includes(name)))('$name', { timeout: 120_000 }, (pair) => {
  test.each(['bad', 'good'] as const)('every promise is kept or broken: the %s form', (side) => {
    const findings = verified(pair, side, 'all');
    expect(findings.filter(({ verdict }) => verdict === 'unknown')).toEqual([]);
    const shown = findings.flatMap(({ counterexample }) => (counterexample ? [counterexample.replayed] : []));
    if (side === 'bad') expect(shown).not.toEqual([]);
    else expect(complaints(findings)).toEqual([]);
    for (const { tracer, plane, why } of shown)
      expect({ tracer, plane: plane !== false }, why).toEqual({ tracer: true, plane: true });
    expect(findings.filter(({ id, verdict }) => id === 'no-loop' && verdict === 'holds')).not.toEqual([]);
  });
});

test('these are pairs', () => {
  expect(names.filter((name) => !pairs.some((pair) => pair.name === name))).toEqual([]);
});
