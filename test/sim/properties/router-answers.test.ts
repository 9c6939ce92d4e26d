import { describe, expect, it } from 'vitest';
import { insertRow, type Northbound } from '../../../engine/ovsdb/northbound.ts';
import type { LogicalFlow } from '../../../engine/ovsdb/southbound.ts';
import { gatewayAnswers } from '../../../sim/properties/gateway-answers.ts';
import type { View } from '../../../sim/properties/view.ts';
import {
  addLocalnet,
  addPort,
  addRouter,
  addRouterPort,
  addSwitch,
  attach,
  northbound,
} from '../../northd/router/build.ts';
import { addAcl, logicalSwitch } from '../../northd/topologies.ts';
import { changedView, rows, verdicts, viewOf, violationOf } from './views.ts';

const asItIs = () => {};
const without = (stage: string, match: RegExp) => (flow: LogicalFlow) =>
  flow.stage === stage && match.test(flow.match) ? undefined : flow;

const sentenceOn = (view: View, subject: string): string => violationOf(gatewayAnswers, view, subject).sentence;
const verdictOn = (view: View, subject: string): string | undefined =>
  verdicts(gatewayAnswers, view).find((text) => text.startsWith(`${subject}: `));

/** Adds a row and refers to it. */
function acl(nb: Northbound, change: { direction: string; match: string; action: string }): void {
  const uuid = '00000000-0000-4000-8000-0000000000aa';
  const row = {
    uuid,
    name: undefined,
    priority: 1000,
    label: 0,
    log: false,
    meter: undefined,
    severity: undefined,
    options: {},
    external_ids: {},
    ...change,
  };
  nb.ACL.set(uuid, row as unknown as typeof nb.ACL extends Map<string, infer Row> ? Row : never);
  for (const one of rows(nb, 'Logical_Switch', ({ name }) => name === 'net')) one.acls.push(uuid);
}

describe('a network and its router', () => {
  const example = 'properties/gateway-answers';
  const side = 'net: lr-net';

  it('hold, whichever database is known', () => {
    const wanted = ['net: holds', `${side}: holds`, 'net: lr: holds'];
    expect(verdicts(gatewayAnswers, changedView(example, asItIs))).toEqual(wanted);
    expect(verdicts(gatewayAnswers, changedView(example, asItIs, undefined, 'southbound'))).toEqual(wanted);
  });

  it.each([
    [/^inport == "lr-net" && ip4 && ip.ttl/, 'a packet that runs out of hops at 10.0.0.1 gets no answer'],
    [/ 10.0.0.1 .* tcp$/, /^a TCP segment that opens a connection for 10.0.0.1 gets /],
    [/ 10.0.0.1 .* sctp$/, /^an SCTP packet for 10.0.0.1 gets /],
    [/ 10.0.0.1 .* udp$/, /^a UDP datagram for 10.0.0.1 gets /],
    [/^ip4 && ip4.dst == 10.0.0.1 && !ip.later_frag$/, /^a packet of another protocol for 10.0.0.1 gets /],
    [/^arp \|\| nd$/, undefined],
  ])('needs what a router says of itself: %s', (match, wanted) => {
    const view = changedView(example, asItIs, without('lr_in_ip_input', match));
    if (wanted === undefined) expect(verdictOn(view, side)).toBe(`${side}: holds`);
    else expect(sentenceOn(view, side)).toMatch(wanted);
  });

  it('asks for the link-local address who may use his own', () => {
    const open = (nb: Northbound) => {
      for (const row of rows(nb, 'Logical_Switch_Port', ({ name }) => name === 'vm')) row.port_security = [];
    };
    const flow = (one: LogicalFlow) => (/nd_ns && .*nd.target == fe80/.test(one.match) ? undefined : one);
    expect(sentenceOn(changedView(example, open, flow), side)).toMatch(/^a neighbour solicitation for fe80::/);
    expect(verdictOn(changedView(example, asItIs, flow), side)).toBe(`${side}: holds`);
    const echo = without('lr_in_ip_input', /icmp6.type == 128/);
    expect(sentenceOn(changedView(example, open, echo), side)).toMatch(/^an echo request to fe80::/);
  });

  it.each([
    ['drop', 'from-lport', 'ip4 && ip.ttl == 1'],
    ['drop', 'to-lport', 'icmp4.type == 11'],
    ['drop', 'to-lport', 'ip4.src == 10.0.0.1 && tcp'],
    ['reject', 'from-lport', 'ip4.dst == 10.0.0.1 && udp'],
  ])('does not miss what ACLs %s: %s %s', (action, direction, match) => {
    const view = changedView(example, (nb) => acl(nb, { direction, match, action }));
    expect(verdictOn(view, side)).toBe(`${side}: holds`);
  });

  it('expects nothing for a host whose port is switched off', () => {
    const view = changedView(example, (nb) => {
      for (const row of rows(nb, 'Logical_Switch_Port', ({ name }) => name === 'vm')) {
        row.enabled = false;
        row.port_security = [];
      }
    });
    expect(verdictOn(view, side)).toBeUndefined();
  });

  it('expects nothing of a port that is switched off', () => {
    const view = changedView(example, (nb) => {
      for (const row of rows(nb, 'Logical_Router_Port', () => true)) row.enabled = false;
    });
    expect(verdictOn(view, side)).toBeUndefined();
  });

  it('refuses nothing for what a load balancer has', () => {
    const view = changedView(example, (nb) => {
      const uuid = '00000000-0000-4000-8000-0000000000bb';
      const row = { uuid, name: 'lb', vips: { '10.0.0.1:33434': '10.0.0.5:80' }, protocol: 'udp' };
      const rest = { options: {}, external_ids: {}, health_check: [], ip_port_mappings: {}, selection_fields: [] };
      nb.Load_Balancer.set(uuid, { ...row, ...rest } as never);
      for (const one of rows(nb, 'Logical_Switch', ({ name }) => name === 'net')) one.load_balancer.push(uuid);
    });
    expect(verdictOn(view, side)).toBe(`${side}: holds`);
  });

  it('has nobody who answers for addresses that nobody has', () => {
    const widened = (flow: LogicalFlow) =>
      flow.stage === 'ls_in_arp_rsp' && flow.priority === 50 && /arp.tpa == 10.0.0.1 /.test(flow.match)
        ? { ...flow, match: 'arp.op == 1' }
        : flow;
    expect(sentenceOn(changedView(example, asItIs, widened), side)).toBe(
      'an ARP request for an address of 10.0.0.0/24 that nobody has is answered',
    );
    const proxy = (nb: Northbound) => {
      for (const row of rows(nb, 'Logical_Switch_Port', ({ type }) => type === 'router')) {
        row.options = { ...row.options, arp_proxy: '10.0.0.0/24' };
      }
    };
    expect(verdictOn(changedView(example, proxy), side)).toBe(`${side}: holds`);
  });
});

describe('two networks of a router', () => {
  const example = 'properties/inter-network-access-joined';
  const subject = (view: View): string =>
    verdicts(gatewayAnswers, view)
      .find((text) => /: .*: /.test(text))
      ?.replace(/: \w+$/, '') ?? '';

  it('get answers from all of its addresses', () => {
    const view = changedView(example, asItIs);
    expect(verdictOn(view, subject(view))).toMatch(/: holds$/);
    const silent = changedView(example, asItIs, without('lr_in_ip_input', /^ip4.dst == .*icmp4.type == 8/));
    expect(sentenceOn(silent, subject(silent))).toMatch(
      /^an echo request to 10\.0\.\d\.1, 10\.0\.\d\.1 gets no answer$/,
    );
  });
});

describe('a gateway router on a wire', () => {
  const example = 'field/dnat-port-range';
  const side = 'outside: gw-outside';

  it.each([
    [
      /inport == "gw-outside" && arp.op == 1 && arp.tpa == 203.0.113.2 /,
      'an ARP request for 203.0.113.2 gets no answer',
    ],
    [/inport == "gw-outside" .*nd_ns/, /^a neighbour solicitation for fe80::.* gets no answer$/],
    [/ip4.dst == 203.0.113.2 && icmp4.type == 8/, 'an echo request to 203.0.113.2 gets no answer'],
    [/^inport == "gw-outside" && ip4 && ip.ttl/, 'a packet that runs out of hops at 203.0.113.2 gets no answer'],
  ])('answers, unless it has no %s', (match, wanted) => {
    expect(verdictOn(changedView(example, asItIs), side)).toBe(`${side}: holds`);
    expect(sentenceOn(changedView(example, asItIs, without('lr_in_ip_input', match)), side)).toMatch(wanted);
  });
});

describe('somebody on a wire', () => {
  const built = (change: (nb: Northbound) => void = asItIs): View => {
    const nb = northbound();
    addSwitch(nb, 's');
    addLocalnet(nb, 's', 'ln');
    addPort(nb, 's', 'vm', ['02:00:00:00:00:01 10.0.0.1']);
    addRouter(nb, 'g', { options: { chassis: 'n1' } });
    addRouterPort(nb, 'g', 'g-s', '02:00:00:00:ff:01', ['10.0.0.254/24']);
    attach(nb, 's', 'g-s');
    change(nb);
    return viewOf(nb);
  };
  const verdict = (view: View): string | undefined => verdictOn(view, 's: g-s');

  it('is answered', () => {
    expect(verdict(built())).toBe('s: g-s: holds');
  });

  it('does not have the MAC address of a forwarding group', () => {
    const grouped = built((nb) => {
      const row = { name: 'f', vip: '10.0.0.99', vmac: '02:00:00:00:00:99', child_port: ['vm'] };
      logicalSwitch(nb, 's').forwarding_groups.push(insertRow(nb, 'Forwarding_Group', 'f', row)._uuid);
    });
    expect(verdict(grouped)).toBe('s: g-s: holds');
  });

  it('is not answered by ACLs that reject ARP, and does not miss it', () => {
    const rejecting = built((nb) => addAcl(nb, logicalSwitch(nb, 's'), 'from-lport', 1, 'arp', 'reject'));
    expect(verdict(rejecting)).toBe('s: g-s: holds');
  });

  it('gets nothing by a port that is not for strangers', () => {
    const shut = built((nb) => {
      for (const row of rows(nb, 'Logical_Switch_Port', ({ name }) => name === 'ln')) row.addresses = [];
    });
    expect(verdict(shut)).toBe('s: g-s: holds');
  });

  it('may ask for any address of a router, in a frame to everybody', () => {
    const view = built((nb) => {
      addRouterPort(nb, 'g', 'g-alone', '02:00:00:00:ff:02', ['10.7.0.9/24']);
    });
    expect(verdictOn(view, 's: g')).toBe('s: g: holds');
  });

  it('is told by errors that come from a service, whoever they are from', () => {
    const view = built((nb) => {
      const vips = { '10.0.5.5:80': '10.0.0.1:80' };
      logicalSwitch(nb, 's').load_balancer = [insertRow(nb, 'Load_Balancer', 'lb', { name: 'lb', vips })._uuid];
    });
    expect(verdictOn(view, 's: g')).not.toMatch(/violated/);
  });
});

describe('hosts of one MAC address', () => {
  it('are not asked about', () => {
    const view = changedView('properties/gateway-answers', (nb) => {
      addPort(nb, 'net', 'twin', ['']);
      for (const row of rows(nb, 'Logical_Switch_Port', ({ name }) => name === 'twin')) {
        row.addresses = rows(nb, 'Logical_Switch_Port', ({ name }) => name === 'vm').flatMap((vm) => vm.addresses);
      }
    });
    expect(verdictOn(view, 'net: lr-net')).toBe('net: lr-net: holds');
  });
});

describe('a distributed gateway port', () => {
  const example = 'field/reply-by-another-address';
  const side = 'outside: share-outside';
  const forNat = without('lr_in_ip_input', /arp.tpa == 172.16.10.122 && is_chassis_resident/);

  it("answers for its NAT rules' addresses", () => {
    expect(verdictOn(changedView(example, asItIs), side)).toBe(`${side}: holds`);
    expect(sentenceOn(changedView(example, asItIs, forNat), side)).toBe(
      'an ARP request for 172.16.10.122 gets no answer',
    );
  });

  it('is not known to, where only the southbound database is', () => {
    expect(verdictOn(changedView(example, asItIs, forNat, 'southbound'), side)).toBe(`${side}: holds`);
  });

  it('does not where somebody else has the address, too', () => {
    const twice = (nb: Northbound) => {
      for (const row of rows(nb, 'Logical_Router_Port', ({ name }) => name === 'share-inside')) {
        row.networks = [...row.networks, '172.16.10.122/32'];
      }
    };
    expect(verdictOn(changedView(example, twice, forNat), side)).toBe(`${side}: holds`);
  });
});

describe('policies', () => {
  const example = 'properties/gateway-answers';
  const policy = (action: string, match: string) => (nb: Northbound) => {
    const uuid = '00000000-0000-4000-8000-0000000000cc';
    const row = { uuid, priority: 100, match, action, nexthops: action === 'reroute' ? ['10.0.0.9'] : [] };
    const rest = { nexthop: undefined, bfd_sessions: [], options: {}, external_ids: {} };
    nb.Logical_Router_Policy.set(uuid, { ...row, ...rest } as never);
    for (const one of rows(nb, 'Logical_Router', () => true)) one.policies.push(uuid);
  };

  it.each([
    ['reroute', 'ip4.src == 10.0.0.0/24'],
    ['drop', 'ip4.src == 10.0.0.1'],
  ])('that %s excuse a silent router', (action, match) => {
    const view = changedView(example, policy(action, match));
    expect(verdictOn(view, 'net: lr-net')).toBe('net: lr-net: holds');
  });
});
