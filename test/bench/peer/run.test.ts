import { describe, expect, test } from 'vitest';
import { complaintsOf, type Sighting } from '../../../bench/peer/run.ts';

const fine: Sighting = {
  seconds: 1,
  coreSeconds: 1,
  mpps: 1,
  packets: 1_000_000,
  delivered: 1_000_000,
  opened: 0,
  recirculations: 0,
  emc: 1_000_000,
  megaflow: 0,
  misses: 0,
  lost: 0,
};

describe('complaintsOf', () => {
  test.each([
    ['east-west', fine],
    ['source-nat', { ...fine, recirculations: 2_000_000 }],
    ['new-connections', { ...fine, recirculations: 2_000_000, opened: 995_000 }],
    ['misses', { ...fine, misses: 1_000_000 }],
  ] as const)('%s as it should be', (kind, sighting) => {
    expect(complaintsOf({ kind }, sighting)).toEqual([]);
  });

  test.each([
    ['east-west', { ...fine, delivered: 0 }, 'delivered'],
    ['east-west', { ...fine, recirculations: 1_000_000 }, 'recirculations'],
    ['east-west', { ...fine, misses: 10_000 }, 'misses'],
    ['source-nat', { ...fine, recirculations: 1_000_000 }, 'recirculations'],
    ['source-nat', { ...fine, recirculations: 2_000_000, opened: 500_000 }, 'opened'],
    ['new-connections', { ...fine, recirculations: 2_000_000, opened: 900_000 }, 'opened'],
    ['misses', { ...fine, misses: 900_000 }, 'misses'],
    ['misses', { ...fine, misses: 1_000_000, lost: 20_000 }, 'lost'],
  ] as const)('%s that is another', (kind, sighting, figure) => {
    expect(complaintsOf({ kind }, sighting)).toEqual([expect.stringContaining(figure)]);
  });

  test('without packets nothing else is said', () => {
    expect(complaintsOf({ kind: 'misses' }, { ...fine, packets: 0 })).toEqual(['no packets came in']);
  });
});
