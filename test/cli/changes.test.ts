import { expect, test } from 'vitest';
import { changesText } from '../../cli/changes.ts';
import type { Finding, Verdict, Verification } from '../../sim/verdict.ts';

const finding = (id: string, verdict: Verdict, reason?: string): Finding => ({
  id,
  subject: 'red',
  severity: 'error',
  verdict,
  ...(reason !== undefined && { reason }),
  method: 'proof',
  source: [],
});

const of = (verdict: Verdict, ...properties: Finding[]): Verification => ({
  verdict,
  topology: { vpcs: 1, networks: 1, interfaces: 1, nodes: 1, logicalFlows: 1 },
  properties,
  elapsedMs: 12,
});

const work = { parts: 3, verified: 1 };

test('what is another finding now is told, with what it was', () => {
  const before = of(
    'holds',
    finding('no-loop', 'holds'),
    finding('nat-unique', 'holds'),
    finding('mtu-fits', 'vacuous', 'x'),
  );
  const now = of(
    'violated',
    finding('no-loop', 'violated', 'it goes round'),
    finding('nat-unique', 'holds'),
    finding('no-transit', 'holds'),
  );
  expect(changesText(before, now, work, '12:00:00')).toBe(
    [
      '12:00:00  violated: 1 of 3 parts verified again in 12 ms',
      '  no-loop, red: holds, now violated: it goes round',
      '  mtu-fits, red: vacuous, now gone',
      '  1 finding that holds is new',
      '',
    ].join('\n'),
  );
  const fewer = of('violated', finding('no-loop', 'violated', 'it goes round'));
  expect(changesText(now, fewer, work, 'T').split('\n').slice(1)).toEqual(['  2 findings that held are gone', '']);
});

test('another reason is another finding; of two that are called alike the second is the second', () => {
  const before = of('unknown', finding('a', 'unknown', 'x'), finding('a', 'holds'));
  const now = of('unknown', finding('a', 'unknown', 'y'), finding('a', 'holds'));
  expect(changesText(before, now, work, 'T')).toContain('  a, red: unknown, now unknown: y\n');
  expect(changesText(now, now, { parts: 1, verified: 0 }, 'T')).toBe(
    'T  unknown: 0 of 1 part verified again in 12 ms\n  nothing has changed\n',
  );
});
