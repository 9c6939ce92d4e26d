import { describe, expect, it } from 'vitest';
import { insertRow, type Northbound } from '../../../engine/ovsdb/northbound.ts';
import { natUnique } from '../../../sim/properties/nat-unique.ts';
import { changedView, exampleView, verdicts, violationOf } from './views.ts';

const name = 'field/one-address-two-networks';

describe('a forward at an address of another router', () => {
  it('holds where it has an address of its own', () => {
    expect(verdicts(natUnique, exampleView(name, 'good'))).toEqual([
      '10.64.52.11: holds',
      '10.64.52.12: holds',
      '10.64.52.20: holds',
    ]);
  }, 120_000);

  it('is violated where it has not', () => {
    const view = exampleView(name, 'bad');
    expect(verdicts(natUnique, view)).toEqual(['10.64.52.11: violated', '10.64.52.12: holds']);
    expect(violationOf(natUnique, view, '10.64.52.11').sentence).toMatch(/is of port .* and of forward /);
  }, 120_000);
});

describe('a service of several routers', () => {
  /** Each router on the wire has a load balancer with the same VIP: one row for all, or a row each. */
  const served = (rows: 'one' | 'each') =>
    changedView(name, (nb) => {
      const routers = [...nb.Logical_Router.values()];
      expect(routers.length).toBeGreaterThan(1);
      const services = (rows === 'one' ? [0] : [...routers.keys()]).map((n) => service(nb, n));
      for (const [n, router] of routers.entries()) {
        router.load_balancer = [(services[n] ?? services[0])?._uuid ?? ''];
      }
    });
  const service = (nb: Northbound, n: number) =>
    insertRow(nb, 'Load_Balancer', `service${n}`, {
      name: `service${n}`,
      protocol: 'tcp',
      vips: { '10.96.0.10:80': '10.99.0.1:8080' },
    });

  it('is one where it is one row, by whichever of them packets come', () => {
    expect(verdicts(natUnique, served('one'))).toContain('10.96.0.10: holds');
  }, 120_000);

  it('is none where each has one of its own', () => {
    expect(verdicts(natUnique, served('each'))).toContain('10.96.0.10: violated');
  }, 120_000);
});
