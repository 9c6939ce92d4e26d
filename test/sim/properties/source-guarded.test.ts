import { describe, expect, it } from 'vitest';
import { computeSouthbound } from '../../../engine/northd/index.ts';
import { openView } from '../../../sim/properties/open-view.ts';
import { sourceGuarded } from '../../../sim/properties/source-guarded.ts';
import { analyse, networkOf } from '../../../sim/symbolic/index.ts';
import { addPort, addSwitch, northbound } from '../../northd/router/build.ts';
import { addAcl, logicalSwitch } from '../../northd/topologies.ts';
import { network, node, resourcesOf, vf, vpc } from '../../topology.ts';
import { exampleView, flowsView, manifestView, policies, rows, verdicts, violationOf } from './views.ts';

describe('properties/source-guarded', () => {
  it('is violated', () => {
    expect(verdicts(sourceGuarded, exampleView('properties/source-guarded', 'bad'))).toEqual(['net: violated']);
  });

  it('holds, put right', () => {
    expect(verdicts(sourceGuarded, exampleView('properties/source-guarded', 'good'))).toEqual(['net: holds']);
  });
});

describe('hosts that a policy trusts', () => {
  const policy = `
lflow: 1
sets: { firewall: { switch: net } }
builtin: { source-guarded: { trusted: [firewall] } }`;

  it('may send from any address', () => {
    expect(verdicts(sourceGuarded, exampleView('properties/source-guarded', 'bad', policy))).toEqual(['net: vacuous']);
  });
});

describe('ports without port security', () => {
  it('are told as warnings', () => {
    const [check] = [...sourceGuarded.checks(exampleView('properties/source-guarded', 'bad'))];
    expect(check).toMatchObject({ subject: 'net', severity: 'warning' });
  });
});

describe('frames from groups in a database', () => {
  /** The flow that drops them is taken away; every port has port security, as far as it goes. */
  const view = (action?: 'drop' | 'reject') => {
    const nb = northbound();
    addSwitch(nb, 's');
    const entries = ['02:00:00:00:00:01 10.0.0.1', '03:00:00:00:00:02 10.0.0.2'];
    for (const [at, entry] of entries.entries()) addPort(nb, 's', `p${at}`, [entry], { port_security: [entry] });
    if (action) addAcl(nb, logicalSwitch(nb, 's'), 'to-lport', 1, 'tcp', action);
    const { southbound } = computeSouthbound(nb);
    const flows = southbound.flows.filter(
      ({ stage, match }) => stage !== 'ls_in_check_port_sec' || match !== 'eth.src[40]',
    );
    return openView(analyse(networkOf({ ...southbound, flows })), [], nb);
  };

  it.each([undefined, 'drop'] as const)('are delivered nowhere: with the ACL %s', (action) => {
    expect(violationOf(sourceGuarded, view(action), 's').sentence).toMatch(/with a group address as its source$/);
  });

  it('may be, where an ACL rejects broadcasts', () => {
    expect(verdicts(sourceGuarded, view('reject'))).toEqual(['s: holds']);
  });
});

describe('a VPC', () => {
  const resources = () =>
    resourcesOf(vpc('red'), network('red-a', 'red', '10.1.0.0/24'), vf('red-a', 2), vf('red-a', 3), node('n0', 'red'));
  const sentence = (view: ReturnType<typeof manifestView>) =>
    violationOf(sourceGuarded, view, 'default/red-a').sentence;
  const without = (match: string) =>
    flowsView(resources(), (flow) =>
      flow.stage === 'ls_in_check_port_sec' && flow.match === match ? undefined : flow,
    );

  it('is guarded', () => {
    expect(verdicts(sourceGuarded, manifestView(resources()))).toEqual(['default/red-a: holds']);
  });

  it('is not, if its router passes on what is from elsewhere', () => {
    const view = manifestView(resources(), (nb) => {
      const [router] = rows(nb, 'Logical_Router', ({ name }) => name === 'default/red');
      for (const row of policies(nb, /^1$/, 1)) if (router?.policies.includes(row._uuid)) row.action = 'allow';
    });
    expect(sentence(view)).toMatch(/a packet of default\/red-a with a source address of another network is routed to /);
  });

  it('is not, if tags pass', () => {
    expect(sentence(without('vlan.present'))).toMatch(/ that has a VLAN's tag arrives at /);
  });

  it('is not, if a group is a sender', () => {
    expect(sentence(without('eth.src[40]'))).toMatch(/ arrives at .* with a group address as its source$/);
  });

  const withoutInput = (match: RegExp) =>
    flowsView(resources(), (flow) => (flow.stage === 'lr_in_ip_input' && match.test(flow.match) ? undefined : flow));

  it.each([
    ['from nobody', /^ip4.src_mcast/, / with a source address that no host has comes out of a router/],
    [
      "from its router's own addresses",
      /^ip4.src == .10.1.0.1, 10.1.0.255. /,
      / with a source address that no host has /,
    ],
    ['to everybody', /^eth.bcast$/, / in a frame to everybody comes out of a router/],
  ])('is not, if a router passes on what is sent %s', (_, match, wanted) => {
    expect(sentence(withoutInput(match))).toMatch(wanted);
  });

  it('is not, if a router takes what is sent to no address', () => {
    const view = flowsView(resources(), (flow) =>
      flow.stage === 'lr_in_ip_input' ? { ...flow, match: flow.match.replace(' || ip4.dst == 0.0.0.0/8', '') } : flow,
    );
    expect(sentence(view)).toMatch(
      / with an address of the loopback network or of none as its destination comes out of a router/,
    );
  });

  it("is not, if a switch leads frames for another one's MAC address to a router, which takes them", () => {
    const view = flowsView(resources(), (flow) => {
      const isLed = flow.stage === 'ls_in_l2_lkup' && flow.actions.includes(':router"');
      const isTaken = flow.stage === 'lr_in_admission' && flow.match.startsWith('eth.dst');
      if (!isLed && !isTaken) return flow;
      return { ...flow, match: flow.match.replace(/^eth\.dst == (\S+)/, 'eth.dst == {$1, 02:00:00:00:00:77}') };
    });
    expect(sentence(view)).toMatch(/ in a frame for another one's MAC address comes out of a router/);
  });
});
