import { describe, expect, it } from 'vitest';
import { noTransit } from '../../../sim/properties/no-transit.ts';
import { exampleView, verdicts } from './views.ts';

describe('properties/no-transit', () => {
  it('is violated', () => {
    expect(verdicts(noTransit, exampleView('properties/no-transit', 'bad'))).toEqual(['gw: violated']);
  });

  it('holds, put right', () => {
    expect(verdicts(noTransit, exampleView('properties/no-transit', 'good'))).toEqual(['gw: holds']);
  });
});
