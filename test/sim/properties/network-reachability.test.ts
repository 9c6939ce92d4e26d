import { describe, expect, it } from 'vitest';
import { networkReachability } from '../../../sim/properties/network-reachability.ts';
import { network, node, resourcesOf, unknownMac, vf, vpc } from '../../topology.ts';
import { exampleView, flowsView, manifestView, rows, verdicts, violationOf } from './views.ts';

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

describe('a port that may have any MAC address', () => {
  const stranger = () =>
    resourcesOf(
      vpc('red'),
      network('red-a', 'red', '10.1.0.0/24'),
      vf('red-a', 2),
      vf('red-a', 3, unknownMac),
      node('n0', 'red'),
    );

  it('gets what is for addresses that nobody was given', () => {
    expect(verdicts(networkReachability, manifestView(stranger()))).toEqual(['default/red-a: holds']);
  });

  it('does not, if nothing leads there', () => {
    const view = flowsView(stranger(), (flow) => (flow.actions.includes('get_fdb') ? undefined : flow));
    expect(violationOf(networkReachability, view, 'default/red-a').sentence).toMatch(
      /^a frame for a MAC address that nobody was given does not reach all ports/,
    );
  });
});

describe('what hosts hear', () => {
  const two = () =>
    resourcesOf(
      vpc('red'),
      network('red-a', 'red', '10.1.0.0/24'),
      vf('red-a', 2),
      node('n0', 'red'),
      node('n1', 'red'),
    );
  const without = (stage: string, match: RegExp) => () =>
    flowsView(two(), (flow) => (flow.stage === stage && match.test(flow.match) ? undefined : flow));
  const widened = (stage: string, match: RegExp) => () =>
    flowsView(two(), (flow) => (flow.stage === stage && match.test(flow.match) ? { ...flow, match: '1' } : flow));
  const first = /^arp.tpa == 10.1.0.2 && arp.op == 1/;

  it.each([
    [
      'what is for everybody',
      without('ls_in_l2_lkup', /^eth.mcast$/),
      /sends to everybody does not reach all other hosts$/,
    ],
    [
      'no answer to who asks for his own address',
      without('ls_in_arp_rsp', /^arp.tpa == 10.1.0.2 .* inport/),
      /sends to everybody does not reach all other hosts$/,
    ],
    [
      'no answer for what nobody has',
      widened('ls_in_arp_rsp', /^nd_ns && .*0:?\S* && nd.target == \S+$/),
      /for an address that is not its own is answered by the network$/,
    ],
    [
      'what the router asks',
      (): ReturnType<typeof flowsView> =>
        flowsView(two(), (flow) => (flow.stage === 'lr_in_arp_resolve' && flow.match === 'ip4' ? undefined : flow)),
      /^what the router asks for an address of default\/red-a that it does not know, not all hosts hear$/,
    ],
    [
      'no question that is answered for them',
      without('ls_in_arp_rsp', new RegExp(`${first.source}$`)),
      /that the network knows the answer to arrives at/,
    ],
    [
      'nothing for their gateway',
      without('lr_in_ip_input', /^ip4.dst == .10.1.0.1.$/),
      /for an address that no host of default\/red-a can have arrives at/,
    ],
    [
      'nothing for an address whose owner is written down',
      without('lr_in_arp_resolve', /reg0 == 10.1.0.2$/),
      /for another address arrives at/,
    ],
    ['no frame for another one', without('ls_out_apply_port_sec', /reg0/), /for another address arrives at/],
  ])(
    'is %s',
    (_, view, sentence) => {
      expect(violationOf(networkReachability, view(), 'default/red-a').sentence).toMatch(sentence);
    },
    60_000,
  );
});

describe('a database', () => {
  it('does not say who is to be reached', () => {
    const view = exampleView('properties/gateway-answers', 'good');
    expect(verdicts(networkReachability, view)).toEqual(['net: vacuous']);
  });
});
