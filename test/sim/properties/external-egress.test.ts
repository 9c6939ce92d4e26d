import { describe, expect, it } from 'vitest';
import { externalEgress } from '../../../sim/properties/external-egress.ts';
import { network, node, resourcesOf, vf, vpc } from '../../topology.ts';
import { exampleView, flowsView, manifestView, policies, verdicts, violationOf } from './views.ts';

describe('properties/external-egress', () => {
  it('is violated', () => {
    expect(verdicts(externalEgress, exampleView('properties/external-egress', 'bad'))).toEqual([
      'net1: holds',
      'net2: violated',
    ]);
  });

  it('holds, put right', () => {
    expect(verdicts(externalEgress, exampleView('properties/external-egress', 'good'))).toEqual([
      'net1: holds',
      'net2: holds',
    ]);
  });
});

describe('a VPC', () => {
  const resources = () =>
    resourcesOf(
      vpc('red'),
      network('red-a', 'red', '10.1.0.0/24'),
      vf('red-a', 2),
      node('n0', 'red'),
      node('n1', 'red'),
    );
  const sentence = (view: ReturnType<typeof manifestView>) =>
    violationOf(externalEgress, view, 'default/red-a').sentence;

  it('holds', () => {
    expect(verdicts(externalEgress, manifestView(resources()))).toEqual(['default/red-a: holds']);
  });

  it('is violated, if an address that nobody was given has no way', () => {
    const view = manifestView(resources(), (nb) => {
      for (const row of policies(nb, /ip4.src == 10.1.0.0\/24$/, 200)) row.match = 'ip4.dst == 0.0.0.1';
    });
    expect(sentence(view)).toBe(
      'what a host of default/red-a sends from an address that nobody was given does not leave',
    );
  });

  it('is violated, if a gateway does not ask for its next hop', () => {
    const view = flowsView(resources(), (flow) =>
      flow.stage === 'lr_in_arp_request' && flow.match.includes('ip4') ? undefined : flow,
    );
    expect(sentence(view)).toBe("an ARP request of default/red's gateway on n0 for its next hop does not leave");
  });

  it('is violated, if who is on the wire outside is not reached there', () => {
    const view = flowsView(resources(), (flow) =>
      flow.stage === 'lr_in_ip_routing' && flow.match.includes('30.30.0.0/16') ? undefined : flow,
    );
    expect(sentence(view)).toBe(
      'what a host of default/red-a sends to an address of the network outside does not leave for it',
    );
  });
});
