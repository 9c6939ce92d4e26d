import { describe, expect, it } from 'vitest';
import { natReversed } from '../../../sim/properties/nat-reversed.ts';
import { network, node, resourcesOf, vf, vpc } from '../../topology.ts';
import { exampleView, manifestView, policies, verdicts, violationOf } from './views.ts';

describe('a VPC', () => {
  const masqueraded = () =>
    resourcesOf(vpc('red'), network('red-a', 'red', '10.1.0.0/24'), vf('red-a', 2), node('n0', 'red'));

  it('gets its answers back', () => {
    expect(verdicts(natReversed, manifestView(masqueraded()))).toEqual(['default/red@n0: holds']);
  }, 120_000);

  it('does not, if its gateway lets no answers in', () => {
    const view = manifestView(masqueraded(), (nb) => {
      for (const row of policies(nb, /ct\.rpl/, 400)) row.action = 'drop';
    });
    expect(violationOf(natReversed, view, 'default/red@n0').kind).toBe('unanswered');
  }, 120_000);

  const protocols = ['tcp', 'udp', 'sctp', 'icmp4'];
  it.each(protocols)(
    'does not, if its gateway lets none of %s in',
    (protocol) => {
      const view = manifestView(masqueraded(), (nb) => {
        const rows = policies(nb, /ct\.rpl/, 400);
        expect(rows).not.toEqual([]);
        const others = protocols.filter((one) => one !== protocol).join(' || ');
        for (const row of rows) row.match = `(${row.match}) && (${others})`;
      });
      expect(verdicts(natReversed, view)).toEqual(['default/red@n0: violated']);
    },
    120_000,
  );
});

describe('a network without translation', () => {
  it('has nothing to be reversed', () => {
    expect(verdicts(natReversed, exampleView('properties/gateway-answers', 'good'))).toEqual(['lr: vacuous']);
  });
});

describe('who asks', () => {
  it.each<[string, string]>([
    ['is nobody outside who says that he has a published address', 'field/service-port-loop'],
    ['is no host that sends to a group of MAC addresses what is for one host', 'field/load-balancer-from-inside'],
    ['knows a neighbour where the answer leaves by one', 'field/reply-by-another-address'],
  ])(
    '%s',
    (_, name) => {
      expect(verdicts(natReversed, exampleView(name, 'good'))).toEqual([expect.stringMatching(/: holds$/)]);
    },
    120_000,
  );
});
