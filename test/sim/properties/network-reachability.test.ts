import { describe, expect, it } from 'vitest';
import { networkReachability } from '../../../sim/properties/network-reachability.ts';
import { network, node, resourcesOf, unknownMac, vf, vpc } from '../../topology.ts';
import { exampleView, manifestView, rows, verdicts, violationOf } from './views.ts';

const inside = () =>
  resourcesOf(
    vpc('red'),
    network('red-a', 'red', '10.1.0.0/24', { externallyRouted: false }),
    network('red-b', 'red', '10.2.0.0/24', { externallyRouted: false }),
    vf('red-a', 2),
    vf('red-a', 3, unknownMac),
    vf('red-b', 4),
    node('n0', 'red'),
  );

describe('hosts of one network', () => {
  it('find and reach each other', () => {
    const view = manifestView(inside());
    expect(verdicts(networkReachability, view)).toEqual(['default/red-a: holds', 'default/red-b: vacuous']);
  });

  it('do not, if an ACL drops what one of them sends', () => {
    const view = manifestView(inside(), (nb) => {
      for (const row of rows(nb, 'ACL', ({ priority }) => priority === 1001)) row.match = 'tcp.dst == 80';
    });
    expect(violationOf(networkReachability, view, 'default/red-a')).toMatchObject({
      kind: 'missing',
      sentence: 'a packet of a host of default/red-a does not arrive at another one',
    });
  });

  it('do not find each other, if an ACL drops what they ask', () => {
    const view = manifestView(inside(), (nb) => {
      for (const row of rows(nb, 'ACL', ({ priority }) => priority === 1001)) row.match = 'arp.op == 1';
    });
    expect(violationOf(networkReachability, view, 'default/red-a').sentence).toMatch(/^an ARP request/);
  });
});

describe('a database', () => {
  it('does not say who is to be reached', () => {
    const view = exampleView('properties/gateway-answers', 'good');
    expect(verdicts(networkReachability, view)).toEqual(['net: vacuous']);
  });
});
