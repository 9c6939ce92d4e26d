import { describe, expect, it } from 'vitest';
import { gatewayAnswers } from '../../../sim/properties/gateway-answers.ts';
import { network, node, resourcesOf, vf, vpc } from '../../topology.ts';
import { changedView, exampleView, flowsView, manifestView, rows, verdicts, violationOf } from './views.ts';

describe('a network and its router', () => {
  const all = ['net: holds', 'net: lr-net: holds', 'net: lr: holds'];

  it('holds where the switch knows the right MAC address', () => {
    expect(verdicts(gatewayAnswers, exampleView('properties/gateway-answers', 'good'))).toEqual(all);
  });

  it('holds where the ACLs of hosts are stateful: the answer belongs to what was asked', () => {
    expect(verdicts(gatewayAnswers, exampleView('field/dhcp-denied', 'good'))).toEqual(all);
  });

  it('is violated where it does not', () => {
    const view = exampleView('properties/gateway-answers', 'bad');
    expect(violationOf(gatewayAnswers, view, 'net').sentence).toMatch(/10\.0\.0\.1 gets an answer, but not/);
  });
});

describe('hosts of a database that are not expected to be answered', () => {
  const verdictOf = (change: (port: { addresses: string[]; port_security: string[]; enabled?: boolean }) => void) => {
    const view = changedView('properties/gateway-answers', (nb) => {
      for (const port of nb.Logical_Switch_Port.values()) if (port.type === '') change(port);
    });
    return verdicts(gatewayAnswers, view)[0];
  };

  it('are those whose port is switched off', () => {
    const off = verdictOf((port) => {
      port.enabled = false;
    });
    expect(off).toBe('net: vacuous');
  });

  it("are those that have the gateway's own address", () => {
    const same = verdictOf((port) => {
      port.addresses = ['0a:00:00:00:00:09 10.0.0.1'];
      port.port_security = [];
    });
    expect(same).toBe('net: vacuous');
  });
});

describe('a VPC without a way outside', () => {
  const inside = () =>
    resourcesOf(
      vpc('red'),
      network('red-a', 'red', '10.1.0.0/24', { externallyRouted: false }),
      vf('red-a', 2),
      vf('red-a', 3),
      node('n0', 'red'),
    );

  it('has a gateway that answers', () => {
    expect(verdicts(gatewayAnswers, manifestView(inside()))).toEqual(['default/red-a: holds']);
  });

  it('has none, if ACLs drop what the router answers', () => {
    const view = manifestView(inside(), (nb) => {
      for (const row of rows(nb, 'ACL', ({ priority }) => priority === 1002)) row.action = 'drop';
    });
    expect(violationOf(gatewayAnswers, view, 'default/red-a').sentence).toBe(
      'an echo request to 10.1.0.1 gets no answer',
    );
  });

  it('has none, if the router is another one', () => {
    const view = manifestView(inside(), (nb) => {
      for (const row of rows(nb, 'Logical_Switch_Port', ({ type }) => type === 'router')) row.type = '';
    });
    expect(verdicts(gatewayAnswers, view)).toEqual(['default/red-a: vacuous']);
  });
});

describe('a VPC with a way outside', () => {
  const outward = () =>
    resourcesOf(vpc('red'), network('red-a', 'red', '10.1.0.0/24'), vf('red-a', 2), node('n0', 'red'));
  const expiring = (inport: string) =>
    flowsView(outward(), (flow) =>
      flow.stage === 'lr_in_ip_input' && flow.priority === 31 && flow.match.includes(`"${inport}"`) ? undefined : flow,
    );

  it('tells hosts and the world of packets that expire', () => {
    expect(verdicts(gatewayAnswers, manifestView(outward()))).toEqual(['default/red-a: holds']);
  });

  it.each([
    ['the gateway of the network', 'default/red:red-a', '10.1.0.1'],
    ["the node's gateway, to hosts", 'default/red@n0+join', '100.64.0.2'],
    ["the node's gateway, to the world", 'default/red@n0+external', '30.30.0.2'],
  ])('does not, if %s is silent', (_, inport, address) => {
    expect(violationOf(gatewayAnswers, expiring(inport), 'default/red-a').sentence).toBe(
      `a packet that runs out of hops at ${address} gets no answer`,
    );
  });

  it.each([
    [
      'who opens a connection with it',
      'lr_in_ip_input',
      / 10.1.0.1 .* tcp$/,
      /^a TCP segment that opens a connection for 10.1.0.1 gets /,
    ],
    ['who sends it a datagram', 'lr_in_ip_input', / 10.1.0.1 .* udp$/, /^a UDP datagram for 10.1.0.1 gets /],
    [
      'who speaks another protocol to it',
      'lr_in_ip_input',
      /^ip4 && ip4.dst == 10.1.0.1 && !ip.later_frag$/,
      /^a packet of another protocol for /,
    ],
    ['who looks for its link-local address', 'ls_in_arp_rsp', /^1$/, /gets no answer$/],
  ])('answers %s', (_, stage, match, wanted) => {
    const view = flowsView(outward(), (flow) => (flow.stage === stage && match.test(flow.match) ? undefined : flow));
    expect(violationOf(gatewayAnswers, view, 'default/red-a').sentence).toMatch(wanted);
  });

  it('is found by who is on the wire with it', () => {
    const view = flowsView(outward(), (flow) =>
      flow.stage === 'lr_in_ip_input' && /arp.tpa == 30.30.0.2/.test(flow.match) ? undefined : flow,
    );
    expect(violationOf(gatewayAnswers, view, 'default/red-a').sentence).toBe(
      'an ARP request of the next hop outside for 30.30.0.2 gets no answer',
    );
  });
});

describe('where a policy leads answers elsewhere', () => {
  const example = 'field/policy-without-route';

  it('the gateway is found all the same', () => {
    const all = verdicts(gatewayAnswers, exampleView(example, 'good'));
    expect(all).toContain('net: violated');
    expect(all).toContain('net: neighbours: holds');
  });

  it('it is not, where the host gets nothing out of its port', () => {
    const view = changedView(
      example,
      () => {},
      (flow) => (flow.stage === 'ls_in_apply_port_sec' && flow.priority === 50 ? { ...flow, match: '1' } : flow),
    );
    expect(violationOf(gatewayAnswers, view, 'net: neighbours').sentence).toBe(
      'an ARP request for 10.0.1.1 gets no answer',
    );
  });
});
