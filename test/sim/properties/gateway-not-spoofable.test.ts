import { describe, expect, it } from 'vitest';
import { gatewayNotSpoofable } from '../../../sim/properties/gateway-not-spoofable.ts';
import { network, node, resourcesOf, unknownMac, vf, vpc } from '../../topology.ts';
import { exampleView, judgementOn, manifestView, rows, verdicts, violationOf } from './views.ts';

describe('two hosts and a router', () => {
  it('holds with port security', () => {
    const view = exampleView('properties/gateway-not-spoofable', 'good');
    expect(verdicts(gatewayNotSpoofable, view)).toEqual(['net: holds']);
  });

  it('is violated without', () => {
    const view = exampleView('properties/gateway-not-spoofable', 'bad');
    expect(violationOf(gatewayNotSpoofable, view, 'net').sentence).toMatch(/claims an address .* arrives at vm[12]/);
  });
});

describe('a VPC', () => {
  const inside = (...others: object[]) =>
    resourcesOf(
      vpc('red'),
      network('red-a', 'red', '10.1.0.0/24', { externallyRouted: false }),
      vf('red-a', 2),
      ...others,
      node('n0', 'red'),
    );

  it('holds', () => {
    const view = manifestView(inside(vf('red-a', 3)));
    expect(verdicts(gatewayNotSpoofable, view)).toEqual(['default/red-a: holds']);
  });

  it('is violated, if no ACL guards the gateway', () => {
    const view = manifestView(inside(vf('red-a', 3)), (nb) => {
      for (const row of rows(nb, 'ACL', ({ priority }) => priority === 1001)) row.match = 'arp.spa == 0.0.0.1';
    });
    expect(violationOf(gatewayNotSpoofable, view, 'default/red-a').sentence).toMatch(/claims an address/);
  });

  // MLD and what is for the service monitor skip ACLs (ovn-northd(8), ACLs of switches), and are not held against them.
  it('holds, if a port may send from any MAC address', () => {
    const view = manifestView(inside(vf('red-a', 3, unknownMac)));
    expect(judgementOn(gatewayNotSpoofable, view, 'default/red-a')).toEqual({ verdict: 'holds' });
  });
});
