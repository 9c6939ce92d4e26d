import { describe, expect, it } from 'vitest';
import { natScope } from '../../../sim/properties/nat-scope.ts';
import { network, node, resourcesOf, vf, vpc } from '../../topology.ts';
import { exampleView, flowsView, manifestView, rows, verdicts, violationOf } from './views.ts';

describe('a range of ports', () => {
  it('is violated where every port is forwarded', () => {
    const violation = violationOf(natScope, exampleView('field/dnat-port-range', 'bad'), 'gw: dnat 203.0.113.10');
    expect(violation.sentence).toMatch(/translates packets that it does not name$/);
  }, 120_000);

  it('holds where a load balancer forwards one', () => {
    const view = exampleView('field/dnat-port-range', 'good');
    expect(verdicts(natScope, view)).toEqual(['gw: ssh 203.0.113.10:22: holds']);
  }, 120_000);
});

describe('a VPC', () => {
  const masqueraded = () =>
    resourcesOf(vpc('red'), network('red-a', 'red', '10.1.0.0/24'), vf('red-a', 2), node('n0', 'red'));

  it('translates its network', () => {
    expect(verdicts(natScope, manifestView(masqueraded()))).toEqual(['default/red@n0: snat 10.1.0.0/24: holds']);
  }, 120_000);

  it("does not translate its gateway's own errors", () => {
    const view = flowsView(masqueraded(), (flow) =>
      flow.stage === 'lr_out_snat' && flow.match.includes('10.1.0.0/24')
        ? { ...flow, match: flow.match.replace(' && ip4.src == 10.1.0.0/24', '') }
        : flow,
    );
    expect(violationOf(natScope, view, 'default/red@n0: snat 10.1.0.0/24').sentence).toMatch(
      /translates packets that it does not name$/,
    );
  }, 120_000);

  const exempted = '00000000-0000-0000-0000-000000000001';

  it('need not translate what is for those that are exempted', () => {
    const view = manifestView(masqueraded(), (nb) => {
      nb.Address_Set.set(exempted, { _uuid: exempted, name: 'friends', addresses: ['8.8.8.8'], external_ids: {} });
      for (const row of rows(nb, 'NAT', () => true)) row.exempted_ext_ips = exempted;
      for (const row of rows(nb, 'ACL', ({ priority, match }) => priority === 1001 && /ip4$/.test(match)))
        row.match = 'ip6';
    });
    expect(verdicts(natScope, view)).toEqual(['default/red@n0: snat 10.1.0.0/24: holds']);
  }, 120_000);
});
