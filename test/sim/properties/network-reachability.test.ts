import { describe, expect, it } from 'vitest';
import { computeSouthbound } from '../../../engine/northd/index.ts';
import { insertRow, type Northbound, type NorthboundColumns } from '../../../engine/ovsdb/northbound.ts';
import type { LogicalFlow } from '../../../engine/ovsdb/southbound.ts';
import { networkReachability } from '../../../sim/properties/network-reachability.ts';
import { openView } from '../../../sim/properties/open-view.ts';
import { analyse, networkOf } from '../../../sim/symbolic/index.ts';
import {
  addLocalnet,
  addPort,
  addRouter,
  addRouterPort,
  addSwitch,
  attach,
  northbound,
} from '../../northd/router/build.ts';
import { addAcl, addPortGroup, globalOptions, logicalSwitch } from '../../northd/topologies.ts';
import { network, node, resourcesOf, unknownMac, vf, vpc } from '../../topology.ts';
import { flowsView, manifestView, rows, verdicts, viewOf, violationOf } from './views.ts';

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

/** A switch with three hosts, b with port security, behind a router. */
function switched(change: (nb: Northbound) => void = () => undefined): Northbound {
  const nb = northbound();
  addSwitch(nb, 's');
  addPort(nb, 's', 'a', ['02:00:00:00:00:01 10.0.0.1']);
  addPort(nb, 's', 'b', ['02:00:00:00:00:02 10.0.0.2'], { port_security: ['02:00:00:00:00:02 10.0.0.2'] });
  addPort(nb, 's', 'c', ['02:00:00:00:00:03 10.0.0.3']);
  addRouter(nb, 'r');
  addRouterPort(nb, 'r', 'r-s', '02:00:00:00:00:ff', ['10.0.0.254/24']);
  attach(nb, 's', 'r-s');
  change(nb);
  return nb;
}

/** The view of what `damage` leaves of the flows of a database. */
function damaged(nb: Northbound, damage: (flow: LogicalFlow) => LogicalFlow | undefined) {
  const { southbound } = computeSouthbound(nb);
  const flows = southbound.flows.flatMap((flow) => damage(flow) ?? []);
  expect(flows).not.toEqual(southbound.flows);
  return openView(analyse(networkOf({ ...southbound, flows })), [], nb);
}

const without =
  (stage: string, match: RegExp) =>
  (flow: LogicalFlow): LogicalFlow | undefined =>
    flow.stage === stage && match.test(flow.match) ? undefined : flow;
const widened =
  (stage: string, match: RegExp) =>
  (flow: LogicalFlow): LogicalFlow =>
    flow.stage === stage && match.test(flow.match) ? { ...flow, match: '1' } : flow;

const denying =
  (direction: 'from-lport' | 'to-lport', match: string, allowed?: string) =>
  (nb: Northbound): void => {
    addAcl(nb, logicalSwitch(nb, 's'), direction, 100, match, 'drop');
    if (allowed) addAcl(nb, logicalSwitch(nb, 's'), direction, 200, allowed, 'allow-related');
  };

describe('a northbound database', () => {
  it('promises that hosts of a switch reach each other', () => {
    expect(verdicts(networkReachability, viewOf(switched()))).toEqual(['s: holds']);
  });

  it.each([
    [
      'a frame for one of them',
      without('ls_in_l2_lkup', /^eth.dst == 02:00:00:00:00:02/),
      /does not arrive at another/,
    ],
    ['any frame', widened('ls_in_check_port_sec', /^vlan.present$/), /is neither answered nor heard$/],
    ['what is for everybody', without('ls_in_l2_lkup', /^eth.mcast$/), /to everybody does not reach all other hosts$/],
    ['questions', without('ls_in_arp_rsp', /^arp.tpa == 10.0.0.2 && arp.op == 1$/), /knows the answer to arrives at/],
    ['announcements', without('ls_in_arp_rsp', /^arp.tpa == 10.0.0.2 .* inport/), /does not reach all other hosts$/],
    ['what port security refuses', without('ls_out_apply_port_sec', /reg0/), /for another address arrives at b, of s$/],
    [
      'frames for others',
      widened('ls_in_l2_lkup', /^eth.dst == 02:00:00:00:00:01/),
      /neither answered nor heard|does not arrive|for another/,
    ],
  ])('is broken where flows mistake %s', (_, damage, sentence) => {
    expect(violationOf(networkReachability, damaged(switched(), damage), 's').sentence).toMatch(sentence);
  });

  it.each([
    [
      'what asks for groups, where they are looked after',
      (nb: Northbound) => Object.assign(logicalSwitch(nb, 's'), { other_config: { mcast_snoop: 'true' } }),
    ],
    [
      'an answer for an address that a router answers for',
      (nb: Northbound) => change(nb, 's-r-s', { options: { 'router-port': 'r-s', arp_proxy: '10.0.0.1' } }),
    ],
    ['what an ACL denies from its sender', denying('from-lport', 'inport == "a" && ip4')],
    ['what an ACL denies on its way to a port', denying('to-lport', 'outport == "b" && tcp.dst == 22')],
    ['what an ACL denies but for an exception', denying('to-lport', 'outport == "b"', 'ip4.src == 10.0.0.1')],
    ['questions that an ACL denies', denying('from-lport', 'arp.op == 1')],
    ['answers that an ACL denies', denying('to-lport', 'outport == "b" && arp.op == 2')],
    [
      'what an ACL of a port group denies',
      (nb: Northbound) => addAcl(nb, addPortGroup(nb, 'pg', ['c']), 'to-lport', 1, 'outport == @pg', 'reject'),
    ],
    ['what a load balancer takes', (nb: Northbound) => addBalancer(nb, 's', '10.0.0.2:80', '10.0.0.3:80')],
    ['what port security of the sender denies', (nb: Northbound) => secure(nb, 'a', '02:00:00:00:00:01 10.0.0.77')],
    [
      'what port security of a switch without tracking denies',
      (nb: Northbound) => secure(nb, 'a', '02:00:00:00:00:09'),
    ],
    ['anything of ports that are off', (nb: Northbound) => change(nb, 'b', { enabled: false })],
    ['anything of ports inside of others', (nb: Northbound) => change(nb, 'b', { parent_name: 'a', tag: 7 })],
    [
      'anything of a MAC address that two ports have',
      (nb: Northbound) => addPort(nb, 's', 'd', ['02:00:00:00:00:02 10.0.0.4']),
    ],
    [
      'an answer of a port that is down',
      (nb: Northbound) => {
        globalOptions(nb, { ignore_lsp_down: 'false' });
        change(nb, 'b', { up: false });
      },
    ],
    [
      'that nobody answers for others',
      (nb: Northbound) => change(nb, 's-r-s', { options: { 'router-port': 'r-s', arp_proxy: '10.0.0.77' } }),
    ],
  ])('does not promise %s', (_, change) => {
    expect(verdicts(networkReachability, viewOf(switched(change)))).toEqual(['s: holds']);
  });

  it('promises all the same what an ACL of a higher priority allows', () => {
    const view = damaged(switched(denying('to-lport', 'outport == "b"', 'ip4.src == 10.0.0.1')), (flow) =>
      flow.stage === 'ls_out_acl' && /10\.0\.0\.1/.test(flow.match) ? undefined : flow,
    );
    expect(violationOf(networkReachability, view, 's').sentence).toMatch(/does not arrive at another one$/);
  });

  it.each([
    [
      'has forwarding groups',
      /^forwarding groups/,
      (nb: Northbound) => {
        const row = logicalSwitch(nb, 's');
        const group = { name: 'fg', vip: '10.0.0.9', vmac: '02:00:00:00:00:09', child_port: ['a'] };
        row.forwarding_groups = [insertRow(nb, 'Forwarding_Group', 'fg', group)._uuid];
      },
    ],
    ['drops by default', /default_acl_drop/, (nb: Northbound) => globalOptions(nb, { default_acl_drop: 'true' })],
    [
      'has no ordinary port',
      /^no ordinary port/,
      (nb: Northbound) => {
        for (const name of ['a', 'b', 'c']) change(nb, name, { enabled: false });
      },
    ],
  ])('promises nothing where it %s', (_, reason, change) => {
    const [check] = networkReachability.checks(viewOf(switched(change)));
    expect(check?.vacuous).toMatch(reason);
  });

  it('is what promises: a southbound database alone does not', () => {
    const { southbound } = computeSouthbound(switched());
    const [check] = networkReachability.checks(openView(analyse(networkOf(southbound))));
    expect(check?.vacuous).toMatch(/^a southbound database does not say/);
  });
});

describe('of a database is not promised', () => {
  const two = (): Northbound => {
    const nb = northbound();
    addSwitch(nb, 's');
    addPort(nb, 's', 'a0', ['02:00:00:00:00:01 10.0.0.1']);
    addPort(nb, 's', 'b', ['02:00:00:00:00:02 10.0.0.2']);
    return nb;
  };

  it('that nobody answers for the address that asks after backends', () => {
    const nb = two();
    const vips = { '10.9.0.1:80': '10.0.0.1:80' };
    const health_check = [insertRow(nb, 'Load_Balancer_Health_Check', 'hc', { vip: '10.9.0.1:80' })._uuid];
    const rest = { protocol: 'tcp', health_check, ip_port_mappings: { '10.0.0.1': 'a0:10.0.0.9' } };
    logicalSwitch(nb, 's').load_balancer = [insertRow(nb, 'Load_Balancer', 'lb', { name: 'lb', vips, ...rest })._uuid];
    expect(computeSouthbound(nb).southbound.flows.some(({ match }) => /arp.tpa == 10\.0\.0\.9/.test(match))).toBe(true);
    expect(verdicts(networkReachability, viewOf(nb))).toEqual(['s: holds']);
  });

  it.each([
    ['and names it', { peer: 'z-r' }, 's: vacuous'],
    ['that it does not name', {}, 's: holds'],
  ])("anything, where a router's port is joined with another router as well, %s", (_, named, said) => {
    const nb = two();
    addRouter(nb, 'r');
    addRouter(nb, 'z');
    addRouterPort(nb, 'r', 'r-s', '02:00:00:00:ff:01', ['10.0.0.254/24'], named);
    addRouterPort(nb, 'z', 'z-r', '02:00:00:00:ff:02', ['10.1.0.254/24'], { peer: 'r-s' });
    attach(nb, 's', 'r-s');
    expect(verdicts(networkReachability, viewOf(nb))).toEqual([said]);
  });
});

describe('connections that the ACLs of a database let through', () => {
  const guarded = () => switched(denying('to-lport', 'outport == "b" && ip', 'ip4.src == 10.0.0.1'));

  it('are remembered', () => {
    expect(verdicts(networkReachability, viewOf(guarded()))).toEqual(['s: holds']);
  });

  it.each([
    ['answers are dropped', without('ls_in_acl', /ct.rpl && ct_mark.blocked == 0$/)],
    ['nothing is committed', without('ls_in_stateful', /reg0/)],
  ])('are not where %s', (_, damage) => {
    const found = violationOf(
      networkReachability,
      damaged(switched(denying('from-lport', 'inport == "b" && ip', 'inport == "a"')), damage),
      's',
    );
    expect(found.sentence).toBe('what s answers to a host of s does not come back');
  });

  it('need not be, where ACLs allow without a state', () => {
    const nb = switched((some) => {
      const acls = logicalSwitch(some, 's');
      addAcl(some, acls, 'from-lport', 100, 'inport == "a" && tcp.dst == 80', 'allow-stateless');
      addAcl(some, acls, 'from-lport', 100, 'inport == "a" && tcp.dst == 22', 'allow-related');
      addAcl(some, acls, 'to-lport', 50, 'outport == "a" && tcp.src == 80', 'drop');
    });
    expect(verdicts(networkReachability, viewOf(nb))).toEqual(['s: holds']);
  });
});

describe('a physical network on a switch', () => {
  const wired = () => switched((nb) => addLocalnet(nb, 's', 'wire'));

  it('hears what is for strangers alone', () => {
    expect(verdicts(networkReachability, viewOf(wired()))).toEqual(['s: holds']);
  });

  it('is missed where nothing leads there', () => {
    const view = damaged(wired(), without('ls_in_l2_unknown', /outport == "none"/));
    expect(violationOf(networkReachability, view, 's').sentence).toMatch(
      /^a frame for a MAC address that nobody was given/,
    );
  });

  it('gets no frame for a host', () => {
    const view = damaged(wired(), (flow) =>
      flow.stage === 'ls_in_l2_lkup' && /^eth.dst == 02:00:00:00:00:02/.test(flow.match)
        ? { ...flow, actions: `clone { outport = "wire"; output; }; ${flow.actions}` }
        : flow,
    );
    expect(violationOf(networkReachability, view, 's').sentence).toMatch(/for another address arrives at wire$/);
  });
});

function change(nb: Northbound, port: string, columns: Partial<NorthboundColumns<'Logical_Switch_Port'>>): void {
  for (const row of rows(nb, 'Logical_Switch_Port', ({ name }) => name === port)) Object.assign(row, columns);
}

const secure = (nb: Northbound, port: string, entry: string): void => change(nb, port, { port_security: [entry] });

function addBalancer(nb: Northbound, name: string, vip: string, backends: string): void {
  const { _uuid } = insertRow(nb, 'Load_Balancer', 'lb', { name: 'lb', vips: { [vip]: backends } });
  logicalSwitch(nb, name).load_balancer.push(_uuid);
}
