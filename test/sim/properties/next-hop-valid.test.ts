import { describe, expect, it } from 'vitest';
import { nextHopValid } from '../../../sim/properties/next-hop-valid.ts';
import { network, node, resourcesOf, vf, vpc } from '../../topology.ts';
import { changedView, exampleView, flowsView, manifestView, rows, verdicts, violationOf } from './views.ts';

const twoNodes = () =>
  resourcesOf(vpc('red'), network('red-a', 'red', '10.1.0.0/24'), vf('red-a', 2), node('n0', 'red'), node('n1', 'red'));

describe('the routes of a VPC', () => {
  it('lead where they are meant to', () => {
    expect(verdicts(nextHopValid, manifestView(twoNodes()))).toEqual([
      'default/red: holds',
      'default/red@n0: holds',
      'default/red@n1: holds',
    ]);
  });

  it('do not, if what is left over leaves by the second node', () => {
    const view = manifestView(twoNodes(), (nb) => {
      const [router] = rows(nb, 'Logical_Router', ({ name }) => name === 'default/red');
      const routes = rows(
        nb,
        'Logical_Router_Static_Route',
        ({ _uuid }) => router?.static_routes.includes(_uuid) ?? false,
      );
      for (const route of routes) route.nexthop = '100.64.0.3';
    });
    expect(violationOf(nextHopValid, view, 'default/red').sentence).toBe(
      'the route to 0.0.0.0/0 by 100.64.0.3 should lead to 100.64.0.2',
    );
  });

  it('do not, if a router has to ask for another one', () => {
    const view = flowsView(twoNodes(), (flow) =>
      flow.stage === 'lr_in_arp_resolve' && flow.match.endsWith('reg0 == 100.64.0.1') ? undefined : flow,
    );
    expect(violationOf(nextHopValid, view, 'default/red@n0').sentence).toMatch(/but the router asks for it$/);
  });
});

describe('the policies of a router', () => {
  const example = 'field/policy-without-route';

  it('lead to somebody', () => {
    expect(verdicts(nextHopValid, exampleView(example, 'good'))).toEqual(['router: holds']);
  });

  it.each([
    ['10.0.0.77', 'has a next hop that nobody on transit has'],
    ['100.64.0.9', 'has a next hop in no network of the router'],
    ['10.0.0.1', 'leads to the router itself'],
  ])('do not, by %s', (hop, fault) => {
    const view = changedView(example, (nb) => {
      for (const row of rows(nb, 'Logical_Router_Policy', () => true)) row.nexthops = [hop];
    });
    expect(violationOf(nextHopValid, view, 'router').sentence).toBe(
      `the policy 100 ip4.src == 10.0.1.0/24 by ${hop} ${fault}`,
    );
  });
});
