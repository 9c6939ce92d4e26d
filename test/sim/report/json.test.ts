import { describe, expect, it } from 'vitest';
import { jsonReport } from '../../../sim/report/json.ts';
import { hostile, proven, violated } from './sample.ts';

describe('the report for programs', () => {
  it('is the verification, in a stable order', () => {
    const text = jsonReport({ ...violated });
    expect(JSON.parse(text)).toEqual(violated);
    expect(Object.keys(JSON.parse(text))).toEqual(['verdict', 'topology', 'properties', 'matrix', 'elapsedMs']);
    expect(text.endsWith('}\n')).toBe(true);
    expect(jsonReport(proven)).not.toContain('matrix');
  });

  it('keeps odd names as they are', () => {
    expect(JSON.parse(jsonReport(hostile()))).toEqual(hostile());
  });
});
