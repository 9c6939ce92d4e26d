import { describe, expect, it } from 'vitest';
import { interNetworkAccess } from '../../../sim/properties/inter-network-access.ts';
import { exampleView, verdicts, violationOf } from './views.ts';

describe('properties/inter-network-access', () => {
  it('is violated', () => {
    expect(verdicts(interNetworkAccess, exampleView('properties/inter-network-access', 'bad'))).toEqual([
      'front → data: violated',
      'data → front: violated',
    ]);
  });

  it('holds, put right', () => {
    expect(verdicts(interNetworkAccess, exampleView('properties/inter-network-access', 'good'))).toEqual([
      'front → data: holds',
      'data → front: holds',
    ]);
  });
});

describe('properties/inter-network-access-joined', () => {
  it('is violated: answers get lost one way, requests the other', () => {
    const view = exampleView('properties/inter-network-access-joined', 'bad');
    expect(violationOf(interNetworkAccess, view, 'front → data')).toMatchObject({ kind: 'unanswered' });
    expect(violationOf(interNetworkAccess, view, 'data → front')).toMatchObject({ kind: 'missing' });
  });

  it('holds, put right', () => {
    const view = exampleView('properties/inter-network-access-joined', 'good');
    expect(verdicts(interNetworkAccess, view)).toEqual(['front → data: holds', 'data → front: holds']);
  });
});
