import { describe, expect, it } from 'vitest';
import { findingOf, overallVerdict } from '../../../sim/answers/findings.ts';
import type { Answers } from '../../../sim/answers/index.ts';
import type { Judgement } from '../../../sim/properties/property.ts';
import type { Finding, Severity, Verdict } from '../../../sim/verdict.ts';

const place = (line: number) => ({ file: 'a.yaml', line, column: 1 });
const answers: Answers = { explain: ({ sentence }) => ({ reason: `${sentence}, seen`, source: [place(1), place(2)] }) };
const check = (judgement: Judgement) => ({ subject: 'red', source: [place(1)], judge: () => judgement });
const property = { id: 'no-loop', severity: 'error' as const };

describe('what is told of a check', () => {
  it('is its judgement, explained where it is broken, each place once', () => {
    const told = (judgement: Judgement) => findingOf(property, check(judgement), answers);
    const common = { id: 'no-loop', subject: 'red', severity: 'error', method: 'proof', source: [place(1)] };
    expect(told({ verdict: 'holds' })).toEqual({ ...common, verdict: 'holds' });
    expect(told({ verdict: 'unknown', reason: 'odd' })).toEqual({ ...common, verdict: 'unknown', reason: 'odd' });
    const broken = told({ verdict: 'violated', violation: { kind: 'written', sentence: 'it is so' } });
    expect(broken).toEqual({ ...common, verdict: 'violated', reason: 'it is so, seen', source: [place(1), place(2)] });
  });

  it('is not known where chance decides whether it is seen', () => {
    const left: Answers = { explain: ({ sentence }) => ({ reason: sentence, source: [], isLeftToChance: true }) };
    const judgement: Judgement = { verdict: 'violated', violation: { kind: 'written', sentence: 'it is so' } };
    const reason = 'it is so, or not: which of several flows of one priority packets meet is left to chance';
    expect(findingOf(property, check(judgement), left)).toMatchObject({ verdict: 'unknown', reason });
  });

  it('is vacuous without being judged', () => {
    const never = (): Judgement => {
      throw new Error('judged');
    };
    const vacuous = { subject: 'red', source: [], vacuous: 'no port', judge: never };
    expect(findingOf(property, vacuous, answers)).toMatchObject({ verdict: 'vacuous', reason: 'no port' });
  });

  it('has the severity of the check, if that has its own', () => {
    const mild = { ...check({ verdict: 'holds' }), severity: 'info' as const };
    expect(findingOf(property, mild, answers).severity).toBe('info');
  });
});

describe('the verdict on everything', () => {
  const finding = (verdict: Verdict, severity: Severity = 'error', isExcused = false): Finding => ({
    id: 'x',
    subject: 'x',
    verdict,
    severity,
    method: 'proof',
    source: [],
    ...(isExcused && { excused: { reason: 'lab' } }),
  });

  it.each<[Verdict, Finding[]]>([
    ['vacuous', []],
    ['vacuous', [finding('vacuous'), finding('vacuous', 'info')]],
    ['holds', [finding('vacuous'), finding('holds')]],
    ['unknown', [finding('unknown'), finding('holds')]],
    ['violated', [finding('unknown'), finding('violated'), finding('holds')]],
    ['holds', [finding('violated', 'warning'), finding('holds')]],
    ['holds', [finding('violated', 'error', true), finding('unknown', 'info')]],
  ])('is %s', (expected, findings) => {
    expect(overallVerdict(findings)).toBe(expected);
  });
});
