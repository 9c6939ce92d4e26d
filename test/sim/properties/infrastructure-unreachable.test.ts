import { describe, expect, it } from 'vitest';
import { infrastructureUnreachable } from '../../../sim/properties/infrastructure-unreachable.ts';
import { network, node, resourcesOf, vf, vpc } from '../../topology.ts';
import { exampleView, manifestView, policies, verdicts, violationOf } from './views.ts';

describe('field/cluster-services', () => {
  it('is violated', () => {
    expect(verdicts(infrastructureUnreachable, exampleView('field/cluster-services', 'bad'))).toEqual([
      'tenant: violated',
    ]);
  });

  it('holds, put right', () => {
    expect(verdicts(infrastructureUnreachable, exampleView('field/cluster-services', 'good'))).toEqual([
      'tenant: holds',
    ]);
  });
});

describe("a VPC's gateways", () => {
  const resources = () =>
    resourcesOf(
      vpc('red'),
      network('red-a', 'red', '10.1.0.0/24'),
      vf('red-a', 2),
      node('n0', 'red'),
      node('n1', 'red'),
    );
  const judged = (view: ReturnType<typeof manifestView>) =>
    violationOf(infrastructureUnreachable, view, 'default/red-a').sentence;

  it('are kept apart from hosts, without a policy', () => {
    expect(verdicts(infrastructureUnreachable, manifestView(resources()))).toEqual(['default/red-a: holds']);
  });

  it('are not, if the VPC lets through what is for them', () => {
    const view = manifestView(resources(), (nb) => {
      for (const row of policies(nb, /\$vpc_external/, 400)) row.match = row.match.replace('$vpc_external, ', '');
    });
    expect(judged(view)).toMatch(/^a packet of default\/red-a for the address of a gateway comes out of /);
  });

  it('are not, if a gateway lets in what is from them', () => {
    const view = manifestView(resources(), (nb) => {
      for (const row of policies(nb, /ip4.src == \$vpc_external/, 500)) row.match = 'ip4.dst == 0.0.0.1';
    });
    expect(judged(view)).toMatch(/from outside, from the address of a gateway, arrives at default\/red-a-vf2@n[01]/);
  });
});
