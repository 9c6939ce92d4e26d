import { describe, expect, it } from 'vitest';
import { noBlackhole } from '../../../sim/properties/no-blackhole.ts';
import { network, node, resourcesOf, vf, vpc } from '../../topology.ts';
import { exampleView, manifestView, rows, verdicts, violationOf } from './views.ts';

describe('a policy that sends a network to a firewall', () => {
  it('holds with a default route', () => {
    const view = exampleView('field/policy-without-route', 'good');
    expect(verdicts(noBlackhole, view)).toEqual(['net: holds', 'transit: holds']);
  });

  it('is violated without one', () => {
    const view = exampleView('field/policy-without-route', 'bad');
    expect(violationOf(noBlackhole, view, 'net').sentence).toBe(
      'a packet of a host of net is lost: there is no route for it',
    );
  });

  it('is excused by a policy that says so only for the pair that it names', () => {
    const policy = `
lflow: 1
sets: { hosts: { switch: net }, firewall: { switch: transit } }
builtin: { no-blackhole: { except: [{ from: hosts, to: firewall }] } }`;
    const view = exampleView('field/policy-without-route', 'bad', policy);
    expect(verdicts(noBlackhole, view)).toEqual(['net: violated', 'transit: holds']);
  });
});

describe('a VPC', () => {
  const inside = () =>
    resourcesOf(
      vpc('red'),
      network('red-a', 'red', '10.1.0.0/24', { externallyRouted: false }),
      network('red-b', 'red', '10.2.0.0/24', { externallyRouted: false }),
      vf('red-a', 2),
      vf('red-b', 3),
      node('n0', 'red'),
    );

  it('loses nothing', () => {
    expect(verdicts(noBlackhole, manifestView(inside()))).toEqual(['default/red-a: holds', 'default/red-b: holds']);
  });

  it('loses what port security of its destination drops', () => {
    const view = manifestView(inside(), (nb) => {
      for (const row of rows(nb, 'Logical_Switch_Port', ({ name }) => /red-b-vf/.test(name))) {
        row.port_security = row.port_security.map((mac) => `${mac} 10.2.0.200`);
      }
    });
    expect(violationOf(noBlackhole, view, 'default/red-a').sentence).toMatch(
      /port security of its destination drops it$/,
    );
  });
});
