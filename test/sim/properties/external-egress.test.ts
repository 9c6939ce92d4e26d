import { describe, expect, it } from 'vitest';
import { externalEgress } from '../../../sim/properties/external-egress.ts';
import { exampleView, verdicts } from './views.ts';

describe('properties/external-egress', () => {
  it('is violated', () => {
    expect(verdicts(externalEgress, exampleView('properties/external-egress', 'bad'))).toEqual([
      'net1: holds',
      'net2: violated',
    ]);
  });

  it('holds, put right', () => {
    expect(verdicts(externalEgress, exampleView('properties/external-egress', 'good'))).toEqual([
      'net1: holds',
      'net2: holds',
    ]);
  });
});
