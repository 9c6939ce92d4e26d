import { describe, expect, it } from 'vitest';
import { externalIngressBlocked } from '../../../sim/properties/external-ingress-blocked.ts';
import { network, node, resourcesOf, vf, vpc } from '../../topology.ts';
import { manifestView, policies, verdicts, violationOf } from './views.ts';

const resources = () =>
  resourcesOf(vpc('red'), network('red-a', 'red', '10.1.0.0/16'), vf('red-a', 2), node('n0', 'red'));

describe('a masqueraded network', () => {
  it('is not reached from outside', () => {
    expect(verdicts(externalIngressBlocked, manifestView(resources()))).toEqual(['default/red-a: holds']);
  });

  it('is, if more than answers comes in', () => {
    const view = manifestView(resources(), (nb) => {
      for (const row of policies(nb, /ct\.rpl/, 400))
        row.match = row.match.replace('ct.rpl', 'ip4.dst == 10.1.0.2 && udp.dst == 53');
    });
    const { sentence } = violationOf(externalIngressBlocked, view, 'default/red-a');
    expect(sentence).toBe('a packet from outside, of no connection, arrives at default/red-a-vf2@n0, of default/red-a');
  });
});
