import { describe, expect, it } from 'vitest';
import { infrastructureUnreachable } from '../../../sim/properties/infrastructure-unreachable.ts';
import { exampleView, verdicts } from './views.ts';

describe('field/cluster-services', () => {
  it('is violated', () => {
    expect(verdicts(infrastructureUnreachable, exampleView('field/cluster-services', 'bad'))).toEqual([
      'tenant: violated',
    ]);
  });

  it('holds, put right', () => {
    expect(verdicts(infrastructureUnreachable, exampleView('field/cluster-services', 'good'))).toEqual([
      'tenant: holds',
    ]);
  });
});
