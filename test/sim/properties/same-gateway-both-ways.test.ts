import { describe, expect, it } from 'vitest';
import { sameGatewayBothWays } from '../../../sim/properties/same-gateway-both-ways.ts';
import { network, node, resourcesOf, vf, vpc } from '../../topology.ts';
import { exampleView, manifestView, policies, verdicts, violationOf } from './views.ts';

describe('a VPC on two nodes', () => {
  const twoNodes = () =>
    resourcesOf(
      vpc('red'),
      network('red-a', 'red', '10.1.0.0/24'),
      vf('red-a', 2),
      node('n0', 'red'),
      node('n1', 'red'),
    );

  it('has a gateway for each host', () => {
    expect(verdicts(sameGatewayBothWays, manifestView(twoNodes()))).toEqual(['default/red: holds']);
  }, 120_000);

  it('has not, if its router chooses anew for each packet', () => {
    const view = manifestView(twoNodes(), (nb) => {
      const [one, other] = policies(nb, /ip4\.src ==/, 300);
      if (one && other) one.nexthops = [...one.nexthops, ...other.nexthops];
    });
    expect(violationOf(sameGatewayBothWays, view, 'default/red').sentence).toMatch(/leave by .* or by /);
  }, 120_000);
});

describe('a network without a way outside', () => {
  it('has no gateways to choose from', () => {
    const view = exampleView('properties/gateway-answers', 'good');
    expect(verdicts(sameGatewayBothWays, view)).toEqual(['lr: vacuous']);
  });
});
