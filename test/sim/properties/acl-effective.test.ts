import { describe, expect, it } from 'vitest';
import { matchSet } from '../../../sim/policy/packets.ts';
import { aclEffective } from '../../../sim/properties/acl-effective.ts';
import { openView } from '../../../sim/properties/open-view.ts';
import type { View } from '../../../sim/properties/view.ts';
import { analyse, inportIn, networkOf } from '../../../sim/symbolic/index.ts';
import { addPort, addRouter, addRouterPort, addSwitch, attach, northbound } from '../../northd/router/build.ts';
import { addAcl, addPortGroup } from '../../northd/topologies.ts';
import { exampleView, verdicts, viewOf, violationOf } from './views.ts';

describe('what is denied on its way to a port', () => {
  const good = () => exampleView('field/catch-all-allow', 'good');
  const subject = 'group, priority 100: outport == @group && ip4';

  it('does not arrive', () => {
    expect(verdicts(aclEffective, good())).toEqual([
      'isolation, priority 400: outport == @isolation && ip4.src == 10.99.2.0/24: holds',
      `${subject}: holds`,
    ]);
  }, 120_000);

  it('does, if the flow that drops it is not there', () => {
    const { southbound, northbound } = good();
    const flows = southbound.flows.filter(
      ({ stage, match }) => !(stage === 'ls_out_acl' && match.includes('outport == @group && ip4')),
    );
    expect(flows.length).toBeLessThan(southbound.flows.length);
    const view = openView(analyse(networkOf({ ...southbound, flows })), [], northbound);
    expect(violationOf(aclEffective, view, subject)).toMatchObject({
      kind: 'goes',
      sentence: 'a packet that it denies arrives at vm, of net',
    });
  }, 120_000);
});

describe('a host that nobody may open connections to', () => {
  const network = (action: 'allow-related' | 'allow-stateless') => {
    const nb = northbound();
    addSwitch(nb, 's');
    addPort(nb, 's', 'host', ['02:00:00:00:00:01 10.0.0.1']);
    addPort(nb, 's', 'other', ['02:00:00:00:00:02 10.0.0.2']);
    addRouter(nb, 'r');
    addRouterPort(nb, 'r', 'to-s', '02:00:00:00:00:fe', ['10.0.0.254/24']);
    attach(nb, 's', 'to-s');
    const group = addPortGroup(nb, 'group', ['host']);
    addAcl(nb, group, 'from-lport', 200, 'inport == @group && ip4', action);
    addAcl(nb, group, 'to-lport', 100, 'outport == @group && ip4', 'drop');
    return viewOf(nb);
  };
  const holding = ['group, priority 100: outport == @group && ip4: holds'];
  const isAnswered = ({ analysis: { space, classes, network: all } }: View): boolean => {
    const host = all.ports.get('host');
    const own = host ? inportIn(space, [host]) : space.empty;
    return classes.some(({ end, packets, store }) => {
      const isBack = end.kind === 'sender' || (end.kind === 'port' && end.port === host);
      return isBack && space.intersects(space.and(packets, own), matchSet(space, 'icmp4.type == 0', store));
    });
  };

  it('is answered by its gateway', () => {
    const view = network('allow-related');
    expect(verdicts(aclEffective, view)).toEqual(holding);
    expect(isAnswered(view)).toBe(true);
  }, 120_000);

  it('is not answered where nobody remembers that it asked', () => {
    const view = network('allow-stateless');
    expect(verdicts(aclEffective, view)).toEqual(holding);
    expect(isAnswered(view)).toBe(false);
  }, 120_000);
});
