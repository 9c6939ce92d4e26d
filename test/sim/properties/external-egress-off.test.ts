import { describe, expect, it } from 'vitest';
import { externalEgressOff } from '../../../sim/properties/external-egress-off.ts';
import { network, node, resourcesOf, vf, vpc } from '../../topology.ts';
import { manifestView, policies, verdicts, violationOf } from './views.ts';

/** A VPC with a network that goes out and one that does not. */
const resources = () =>
  resourcesOf(
    vpc('red', { interNetworkAccess: false }),
    network('red-a', 'red', '10.1.0.0/16'),
    network('red-c', 'red', '10.4.0.0/16', { externallyRouted: false }),
    vf('red-a', 2),
    vf('red-c', 4),
    node('n0', 'red'),
  );

describe('a network that is to stay inside', () => {
  it('does', () => {
    expect(verdicts(externalEgressOff, manifestView(resources()))).toEqual([
      'default/red-a: vacuous',
      'default/red-c: holds',
    ]);
  });

  it('does not, if the policies for its neighbour are for it too', () => {
    const view = manifestView(resources(), (nb) => {
      for (const row of policies(nb, /"default\/red:red-a" && outport/, 200))
        row.match = 'outport == "default/red+join"';
      for (const row of policies(nb, /10\.1\.0\.0\/16/, 200))
        row.match = row.match.replace('10.1.0.0/16', '10.4.0.0/16');
    });
    const { sentence } = violationOf(externalEgressOff, view, 'default/red-c');
    expect(sentence).toMatch(/of (a packet of )?default\/red-c leaves by default\/red@n0\+external:localnet/);
  });
});
