import { describe, expect, it } from 'vitest';
import { type ScenarioKind, scenarioOf } from '../../../bench/peer/scenarios.ts';
import { complaintsOf, measurePlane, type PlaneMeasurement } from '../../../bench/plane/run.ts';

const chassis = 'here';
const effort = { seconds: 0.001, runs: 1 };

describe('the scenarios on the packet plane', () => {
  it.each<[ScenarioKind, number]>([
    ['east-west', 1],
    ['east-west', 1000],
    ['source-nat', 100],
    ['new-connections', 192],
    ['misses', 96],
  ])('%s of %i is what it is called', (kind, count) => {
    const [measured] = measurePlane(scenarioOf(kind, count, chassis), chassis, effort);
    expect(measured?.packets).toBeGreaterThan(0);
    expect(measured?.delivered).toBe(measured?.packets);
  });

  it('is refused where the neighbour is not known', () => {
    const scenario = { ...scenarioOf('source-nat', 10, chassis), neighbours: [] };
    expect(() => measurePlane(scenario, chassis, effort)).toThrow(/delivered: 0\.0000 for each packet/);
  });
});

describe('complaints', () => {
  const caches = {
    connections: 0,
    megaflows: 100,
    misses: 0,
    recirculations: 0,
    unkept: 0,
    connectionsNew: 0,
    punts: 0,
  };
  const measured: PlaneMeasurement = {
    packets: 100,
    seconds: 1,
    coreSeconds: 1,
    mpps: 1,
    delivered: 100,
    opened: 0,
    caches,
    drops: 0,
  };

  it('are none about what was expected', () => {
    expect(complaintsOf({ kind: 'east-west' }, measured)).toEqual([]);
  });

  it('are of packets that did not arrive, and of connections that were not established', () => {
    expect(complaintsOf({ kind: 'east-west' }, { ...measured, delivered: 99, drops: 1 })).toEqual([
      'delivered: 0.9900 for each packet, not 1 to 1',
      'drops: 0.0100 for each packet, not 0 to 0',
    ]);
    expect(complaintsOf({ kind: 'source-nat' }, measured)).toEqual([
      'connections: 0.0000 for each packet, not 0.9 to 1',
    ]);
    expect(complaintsOf({ kind: 'east-west' }, { ...measured, packets: 0 })).toEqual(['no packets came in']);
  });
});
