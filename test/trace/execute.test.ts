/** What ovn-trace's recordings do not show: walks that do not end, flows that are not understood, odd databases. */
import { describe, expect, test } from 'vitest';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import {
  assumedConntrack,
  type LastHop,
  parseCtState,
  parsePacket,
  prepare,
  type TraceOptions,
  type TraceResult,
  type TraceTopology,
  traceFlow,
  traceJson,
  traceText,
  trackingConntrack,
} from '../../sim/trace/index.ts';
import { type SwitchText, southboundFrom } from './southbound.ts';

const sw = (flows: string[], ports: SwitchText['ports'] = { a: {}, b: {} }): TraceTopology =>
  prepare(southboundFrom({ sw: { ports, flows } }));

function trace(topology: TraceTopology, microflow: string, options?: TraceOptions): TraceResult {
  const { datapath, packet } = parsePacket(topology, microflow);
  return traceFlow(topology, datapath, packet, options);
}

function minimal(topology: TraceTopology, microflow: string, options?: TraceOptions): string[] {
  const { packet } = parsePacket(topology, microflow);
  return traceText(packet, trace(topology, microflow, options), ['minimal'])
    .split('\n')
    .slice(1, -1);
}

const outputs = ({ deliveries }: TraceResult): string[] => deliveries.map(({ port }) => port.binding.logicalPort);

describe('a forwarding group', () => {
  const group = (members: string) =>
    sw([`0 0 1 => fwd_group(childports=${members});`, 'egress 0 0 1 => output;'], { a: {}, b: {}, c: {} });
  const onChassis = (): TraceOptions => ({ conntrack: trackingConntrack(), onChassis: true });
  const packet = 'inport == "a"';

  test('sends to one of its ports: the first, or the one that was told', () => {
    expect(outputs(trace(group('"b","c"'), packet, onChassis()))).toEqual(['b']);
    expect(outputs(trace(group('"b","c"'), packet, { ...onChassis(), selectId: 2 }))).toEqual(['c']);
  });

  test('is none without all of its ports', () => {
    const result = trace(group('"b","nobody"'), packet, onChassis());
    expect({ outputs: outputs(result), gaps: result.gaps }).toEqual({ outputs: [], gaps: [] });
  });

  test('goes nowhere in ovn-trace, and a trace says that it is more', () => {
    const result = trace(group('"b","c"'), packet);
    expect(outputs(result)).toEqual([]);
    expect(result.gaps).toEqual([expect.stringContaining('fwd_group')]);
  });
});

describe('what a trace is told', () => {
  const output = 'egress 0 0 1 => output;';

  test('is the port that a switch learned an address on', () => {
    const learned = sw(['0 0 1 => outport = get_fdb(eth.dst); next;', '1 0 1 => output;', output]);
    expect(outputs(trace(learned, 'inport == "a"'))).toEqual([]);
    expect(outputs(trace(learned, 'inport == "a"', { learnedPort: () => 2 }))).toEqual(['b']);
  });

  test('is that a name is known', () => {
    const named = sw(['0 0 1 => reg0[4] = dns_lookup(); next;', '1 1 reg0[4] => outport = "b"; output;', output]);
    const asked = 'inport == "a" && ip4 && udp.dst == 53';
    expect(outputs(trace(named, asked))).toEqual([]);
    const result = trace(named, asked, { isNameKnown: true });
    expect({ outputs: outputs(result), gaps: result.gaps }).toEqual({ outputs: ['b'], gaps: [] });
  });

  test('is that it is on a chassis, whose neighbour solicitations are not forwarded packets', () => {
    const asking = sw([
      '0 0 1 => nd_ns { nd.target = ip6.dst; next; };',
      '1 1 nd_ns && ip.ttl == 255 => outport = "b"; output;',
      output,
    ]);
    const packet = 'inport == "a" && ip6 && ip.ttl == 63';
    expect(outputs(trace(asking, packet))).toEqual([]);
    expect(outputs(trace(asking, packet, { onChassis: true }))).toEqual(['b']);
  });
});

describe('a packet that goes round', () => {
  const twoRouters = (actions: string): Southbound => {
    const flows = ['0 50 ip.ttl == 1 => drop;', `0 0 1 => ${actions}`, 'egress 0 0 1 => output;'];
    return southboundFrom({
      ra: { kind: 'router', ports: { 'ra-rb': { type: 'patch', options: { peer: 'rb-ra' } } }, flows },
      rb: { kind: 'router', ports: { 'rb-ra': { type: 'patch', options: { peer: 'ra-rb' } } }, flows },
    });
  };
  const back = 'outport = inport; flags.loopback = 1;';

  test('is followed as long as it lives', () => {
    const topology = prepare(twoRouters(`ip.ttl--; ${back} output;`));
    const result = trace(topology, 'inport == "ra-rb" && ip4 && ip.ttl == 255');
    const { packet } = parsePacket(topology, 'inport == "ra-rb" && ip4 && ip.ttl == 255');
    const text = traceText(packet, result, ['detailed', 'summary', 'minimal']);
    expect(result.gaps).toEqual([]);
    expect(text.match(/^ip\.ttl--;$/gm)?.length).toBe(254);
    expect(JSON.stringify(traceJson(topology, packet, result)).length).toBeGreaterThan(1000);
  });

  test('is given up on where it lives for ever', () => {
    const topology = prepare(twoRouters(`${back} output;`));
    const result = trace(topology, 'inport == "ra-rb"');
    const { packet } = parsePacket(topology, 'inport == "ra-rb"');
    expect(traceText(packet, result, ['summary'])).toContain('*** the packet goes round in a loop; giving up;');
    expect(result.gaps).toEqual(['the packet goes round in a loop, which was not followed to its end']);
  });

  test('is given up on where it multiplies', () => {
    const copies = `clone { ${back} output; }; clone { ${back} output; }; ${back} output;`;
    const result = trace(prepare(twoRouters(copies)), 'inport == "ra-rb"');
    expect(result.gaps.length).toBe(1);
  });

  test.each([
    ['ovn-trace', assumedConntrack],
    ['a chassis', trackingConntrack],
  ])('does not, where only the datapath before lets it go back: with %s', (_, conntrack) => {
    const patch = (peer: string): SwitchText['ports'][string] => ({ type: 'patch', options: { peer } });
    const topology = prepare(
      southboundFrom({
        here: {
          ports: { a: {}, out: patch('in') },
          flows: ['0 0 1 => flags.loopback = 1; outport = "out"; output;', 'egress 0 0 1 => output;'],
        },
        there: {
          ports: { in: patch('out') },
          flows: ['0 0 1 => outport = inport; output;', 'egress 0 0 1 => output;'],
        },
      }),
    );
    const result = trace(topology, 'inport == "a"', { conntrack: conntrack() });
    expect(result.gaps).toEqual([]);
    expect(outputs(result)).toEqual([]);
  });

  test('is given up on where a table leads to itself', () => {
    const result = trace(sw(['0 0 1 => next(pipeline=ingress, table=0);']), 'inport == "a"');
    expect(result.gaps.length).toBe(1);
  });
});

describe('what is not understood', () => {
  test('a flow that does not parse is left out with a warning', () => {
    const topology = sw([
      '0 100 nonsense == 1 => drop;',
      '0 50 1 => do_nonsense;',
      '0 0 1 => outport = "b"; output;',
      'egress 0 0 1 => output;',
    ]);
    const result = trace(topology, 'inport == "a"');
    expect(outputs(result)).toEqual(['b']);
    expect(result.gaps).toEqual(topology.warnings);
    expect(trace(topology, 'inport == "a"').gaps).toEqual(topology.warnings);
    expect(topology.warnings).toEqual([
      expect.stringMatching(
        /^a logical flow of sw, ingress_0, priority 100 is not understood and left out: .*nonsense/,
      ),
      expect.stringMatching(
        /^a logical flow of sw, ingress_0, priority 50 is not understood and left out: .*do_nonsense/,
      ),
    ]);
  });

  test('an action that is not modelled is a gap', () => {
    const topology = sw(['0 0 1 => reg0[0] = chk_ecmp_nh(); outport = "b"; output;', 'egress 0 0 1 => output;']);
    const result = trace(topology, 'inport == "a"');
    expect(outputs(result)).toEqual(['b']);
    expect(result.gaps).toEqual(['the action reg0[0] = chk_ecmp_nh(); is not modelled']);
  });

  test('references that lead nowhere are warnings', () => {
    const southbound = southboundFrom({ sw: { ports: { a: {} }, flows: ['0 0 1 => drop;'] } });
    const [port] = southbound.ports;
    const [flow] = southbound.flows;
    if (!port || !flow) throw new Error('there are a port and a flow');
    southbound.ports.push({ ...port, logicalPort: 'x', datapath: 'nowhere' }, port);
    southbound.flows.push({ ...flow, datapath: 'nowhere' });
    southbound.multicastGroups.push({
      uuid: 'm',
      datapath: port.datapath,
      name: 'g',
      tunnelKey: 40000,
      ports: ['nobody'],
    });
    southbound.macBindings.push({ logicalPort: 'a', ip: 'no address', mac: '02:00:00:00:00:01' });
    const topology = prepare(southbound);
    expect(topology.warnings.length).toBe(5);
    expect(trace(topology, 'inport == "a"').gaps).toEqual([]);
  });
});

test('no flow matches: an implicit drop', () => {
  const topology = sw(['0 0 arp => next;']);
  const { packet } = parsePacket(topology, 'inport == "a" && ip4');
  expect(traceText(packet, trace(topology, 'inport == "a" && ip4'), ['detailed'])).toContain(
    ' 0. ingress_0: no match (implicit drop)\n',
  );
});

test('overlapping flows are told, if asked for', () => {
  const topology = sw(['0 50 ip4 => drop;', '0 50 ip => outport = "b"; output;', '0 0 1 => drop;']);
  const result = trace(topology, 'inport == "a" && ip4', { findOverlaps: true });
  expect(result.overlaps.map(({ taken, other }) => [taken.match, other.match])).toEqual([['ip4', 'ip']]);
  expect(trace(topology, 'inport == "a" && ip6', { findOverlaps: true }).overlaps).toEqual([]);
});

test('push and pop', () => {
  const topology = sw([
    '0 0 1 => push(eth.src); push(ip4.dst); pop(ip4.src); pop(eth.dst); pop(eth.src); drop;'.replace(' drop;', ''),
  ]);
  expect(minimal(topology, 'inport == "a" && ip4.dst == 1.2.3.4 && eth.src == 02:00:00:00:00:01')).toEqual([
    'push(eth.src) -> 0x20000000001;',
    'push(ip4.dst) -> 0x1020304;',
    'pop(ip4.src) <- 0x1020304;',
    'pop(eth.dst) <- 0x20000000001;',
    'pop(eth.src) <- /* empty stack */;',
  ]);
});

describe('choices', () => {
  const topology = sw([
    '0 50 ip => ct_lb_mark(backends=10.0.0.1:80,10.0.0.2:81);',
    '0 0 1 => reg0[0..15] = select(7, 8);',
    '1 10 ip4.dst == 10.0.0.2 && tcp.dst == 81 => outport = "b"; output;',
    '1 10 reg0[0..15] == 8 => outport = "b"; output;',
    '1 0 1 => drop;',
    'egress 0 0 1 => output;',
  ]);
  const call = 'inport == "a" && ip4.dst == 10.9.9.9 && tcp';

  test('the backend is the first, unless it is chosen', () => {
    expect(outputs(trace(topology, call))).toEqual([]);
    const lbDst = { family: 4, value: 0x0a000002n, port: 0 } as const;
    expect(outputs(trace(topology, call, { conntrack: assumedConntrack({ lbDst }) }))).toEqual(['b']);
  });

  test('the member of a select is the first, unless it is chosen', () => {
    expect(outputs(trace(topology, 'inport == "a"'))).toEqual([]);
    expect(outputs(trace(topology, 'inport == "a"', { selectId: 8 }))).toEqual(['b']);
  });
});

describe('--ct', () => {
  const topology = sw([
    '0 0 1 => ct_next;',
    '1 10 ct.new && !ct.rpl => outport = "b"; output;',
    '1 0 1 => drop;',
    'egress 0 0 1 => output;',
  ]);

  test('says what conntrack finds', () => {
    const conntrack = assumedConntrack({ ct: [parseCtState('trk,new')] });
    expect(outputs(trace(topology, 'inport == "a" && ip4', { conntrack }))).toEqual(['b']);
    expect(outputs(trace(topology, 'inport == "a" && ip4'))).toEqual([]);
  });

  test('knows its flags', () => {
    expect(parseCtState('rpl est')).toBe(0x2a);
    expect(() => parseCtState('new,old')).toThrow('old: unknown connection tracking state flag');
  });
});

describe('the last hop', () => {
  const flows = ['0 1 ip => ip.ttl--; outport = "b"; output;', '0 0 1 => outport = "b"; output;'];
  const topology = sw([...flows, 'egress 0 0 1 => output;']);
  const sent = (ttl: number, lastHop?: LastHop): string[] =>
    outputs(trace(topology, `inport == "a" && ip4 && ip.ttl == ${ttl}`, lastHop && { lastHop }));

  test.each([0, 1, 2])('%i: ovn-trace goes on, on a chassis the packet ends', (ttl) => {
    expect(sent(ttl)).toEqual(['b']);
    expect(sent(ttl, 'goes-on')).toEqual(['b']);
    expect(sent(ttl, 'ends')).toEqual(ttl < 2 ? [] : ['b']);
  });

  test('is nothing that a packet without hops could lose', () => {
    expect(outputs(trace(topology, 'inport == "a" && arp', { lastHop: 'ends' }))).toEqual(['b']);
  });
});

describe('port security', () => {
  const flows = [
    '0 0 1 => reg0[15] = check_in_port_sec(); next;',
    '1 50 reg0[15] == 1 => drop;',
    '1 0 1 => outport = "b"; output;',
    'egress 0 0 1 => reg0[15] = check_out_port_sec(); next;',
    'egress 1 50 reg0[15] == 1 => drop;',
    'egress 1 0 1 => output;',
  ];
  const secured = (a: string, b: string): TraceTopology =>
    sw(flows, { a: { portSecurity: [a] }, b: { portSecurity: [b] } });
  const mac = '02:00:00:00:00:0a';
  const packet = `inport == "a" && eth.src == ${mac} && eth.dst == 02:00:00:00:00:0b`;
  const asNetwork = { securedNetworks: 'as-network' } as const;

  test('a network in an entry is one address to ovn-trace, all of it to a chassis', () => {
    const topology = secured(`${mac} 10.0.0.0/24`, '02:00:00:00:00:0b');
    const sent = `${packet} && ip4.src == 10.0.0.7`;
    expect(outputs(trace(topology, sent))).toEqual([]);
    expect(outputs(trace(topology, sent, asNetwork))).toEqual(['b']);
    expect(outputs(trace(topology, sent.replace('10.0.0.7', '10.0.1.7'), asNetwork))).toEqual([]);
  });

  test('an entry with host bits is one address to both, but hears its broadcasts', () => {
    const topology = secured(mac, '02:00:00:00:00:0b 10.0.0.7/24');
    expect(outputs(trace(topology, `${packet} && ip4.dst == 10.0.0.8`, asNetwork))).toEqual([]);
    expect(outputs(trace(topology, `${packet} && ip4.dst == 10.0.0.7`, asNetwork))).toEqual(['b']);
    expect(outputs(trace(topology, `${packet} && ip4.dst == 10.0.0.255`, asNetwork))).toEqual(['b']);
    expect(outputs(trace(topology, `${packet} && ip4.dst == 10.0.0.255`))).toEqual([]);
  });

  test('a chassis keeps to the families that an entry has addresses of, ovn-trace does not', () => {
    const reaches = (topology: TraceTopology, rest: string): boolean[] =>
      [undefined, asNetwork].map((options) => outputs(trace(topology, `${packet} && ${rest}`, options)).length === 1);
    const dhcp = 'ip4.src == 0.0.0.0 && ip4.dst == 255.255.255.255 && udp.src == 68 && udp.dst == 67';
    const arp = `arp.op == 1 && arp.sha == ${mac} && arp.spa == 10.0.0.7`;
    const ip6 = 'ip6.src == fe80::ff:fe00:a && udp';
    const only6 = secured(`${mac} fd00::7`, '02:00:00:00:00:0b');
    expect(reaches(only6, dhcp)).toEqual([true, false]);
    expect(reaches(only6, arp)).toEqual([true, false]);
    expect(reaches(only6, ip6)).toEqual([true, true]);
    const only4 = secured(`${mac} 10.0.0.7`, '02:00:00:00:00:0b');
    expect(reaches(only4, dhcp)).toEqual([true, true]);
    expect(reaches(only4, arp)).toEqual([true, true]);
    expect(reaches(only4, ip6)).toEqual([true, false]);
    const free = secured(mac, '02:00:00:00:00:0b');
    for (const sent of [dhcp, arp, ip6]) expect(reaches(free, sent)).toEqual([true, true]);
  });

  test('who has no IPv6 address yet may ask a chassis whether somebody has it', () => {
    const topology = secured(`${mac} fd00::7`, '02:00:00:00:00:0b');
    const reaches = (rest: string, options?: TraceOptions): boolean =>
      outputs(trace(topology, `${packet} && ip6.src == :: && ${rest}`, options)).length === 1;
    const report = 'ip6.dst == ff02::16 && icmp6.type == 143 && icmp6.code == 0';
    expect(reaches(report)).toBe(false);
    expect(reaches(report, asNetwork)).toBe(true);
    expect(reaches(report.replace('ff02::16', 'fd00::16'), asNetwork)).toBe(false);
    expect(reaches(report.replace('143', '128'), asNetwork)).toBe(false);
    const asks = 'ip6.dst == ff02::1:ff00:7 && nd_ns && nd.target == fd00::7';
    expect(reaches(asks, asNetwork)).toBe(true);
    // ovn-controller lets solicitations pass, whatever they say of their sender.
    expect(reaches(`${asks} && nd.sll == 02:00:00:00:00:0c`, asNetwork)).toBe(true);
    expect(reaches(`ip6.dst == ff02::1 && nd_na && nd.target == fd00::7`, asNetwork)).toBe(false);
  });

  test('on a chassis the senders of a port may advertise for each other, and frames that are not IP have no address', () => {
    const topology = secured(`${mac} fd00::7`, '02:00:00:00:00:0b');
    const both = sw(flows, { a: { portSecurity: [`${mac} fd00::7`, '02:00:00:00:00:0c fd00::c'] }, b: {} });
    const advertises = `${packet} && ip6.src == fd00::7 && ip6.dst == ff02::1 && nd_na && nd.tll == 02:00:00:00:00:0c`;
    const linkLocal = `${advertises} && nd.target == fe80::ff:fe00:c`;
    expect(outputs(trace(topology, linkLocal, asNetwork))).toEqual([]);
    expect(outputs(trace(both, linkLocal, asNetwork))).toEqual(['b']);
    expect(outputs(trace(both, `${advertises} && nd.target == fd00::c`, asNetwork))).toEqual([]);
    expect(outputs(trace(topology, `${packet} && eth.type == 0x88cc`))).toEqual(['b']);
    expect(outputs(trace(topology, `${packet} && eth.type == 0x88cc`, asNetwork))).toEqual([]);
  });

  test('on a chassis an entry without addresses does not lift what another one of its MAC address demands', () => {
    const b = '02:00:00:00:00:0b';
    const topology = sw(flows, { a: {}, b: { portSecurity: [b, `${b} fd00::7`] } });
    expect(outputs(trace(topology, `${packet} && ip4.dst == 10.0.0.7`))).toEqual(['b']);
    expect(outputs(trace(topology, `${packet} && ip4.dst == 10.0.0.7`, asNetwork))).toEqual([]);
    expect(outputs(trace(topology, `${packet} && ip6.dst == fd00::7`, asNetwork))).toEqual(['b']);
    expect(outputs(trace(topology, `${packet} && eth.type == 0x88cc`, asNetwork))).toEqual(['b']);
  });

  test('ARP, DHCP and neighbor discovery', () => {
    const topology = secured(`${mac} 10.0.0.7 fd00::7`, '02:00:00:00:00:0b');
    const reaches = (rest: string): boolean => outputs(trace(topology, `${packet} && ${rest}`)).length === 1;
    expect(reaches(`arp.op == 1 && arp.sha == ${mac} && arp.spa == 10.0.0.7`)).toBe(true);
    expect(reaches('arp.op == 1 && arp.sha == 02:00:00:00:00:0c && arp.spa == 10.0.0.7')).toBe(false);
    expect(reaches(`arp.op == 1 && arp.sha == ${mac} && arp.spa == 10.0.0.8`)).toBe(false);
    expect(reaches('ip4.src == 0.0.0.0 && ip4.dst == 255.255.255.255 && udp.src == 68 && udp.dst == 67')).toBe(true);
    expect(reaches('ip4.src == 0.0.0.0 && ip4.dst == 10.0.0.1 && udp.src == 68 && udp.dst == 67')).toBe(false);
    expect(reaches('ip6.src == fe80::ff:fe00:a && udp')).toBe(true);
    expect(reaches('ip6.src == fd00::8 && udp')).toBe(false);
    expect(reaches(`ip6.src == fd00::7 && nd_na && nd.target == fd00::7 && nd.tll == ${mac}`)).toBe(true);
    expect(reaches(`ip6.src == fd00::7 && nd_na && nd.target == fd00::9 && nd.tll == ${mac}`)).toBe(false);
    expect(reaches('eth.type == 0x88cc')).toBe(true);
  });
});

test('a flow leads to the place in the manifests that caused it', () => {
  const southbound = southboundFrom({ sw: { ports: { a: {} }, flows: ['0 0 1 => drop;'] } });
  const [flow] = southbound.flows;
  if (flow) flow.hint = 'row';
  const origin = { file: 'a.yaml', line: 3, column: 1, resource: 'DPUVPC/default/v' };
  southbound.origins.set('row', origin);
  const topology = prepare(southbound);
  const { packet } = parsePacket(topology, 'inport == "a"');
  const { trace: nodes } = traceJson(topology, packet, trace(topology, 'inport == "a"'));
  expect(nodes.map(({ type }) => type)).toEqual(['pipeline', 'table']);
  expect(nodes[1]).toMatchObject({
    flow: { datapath: 'sw', match: '1', origin },
    steps: [{ type: 'action', text: 'drop;' }],
  });
});

test('names are shown as people know them', () => {
  const id = '5c7c0f5e-7d0b-5a4e-9f63-0e2b6d6c1f10';
  const southbound = southboundFrom({
    [`sw-${id}`]: {
      ports: { a: { externalIds: { name: 'a "port"' } }, [id]: {} },
      flows: [`0 0 inport == "a" => outport = "${id}"; output;`],
    },
  });
  const shown = (friendlyNames: boolean): string => {
    const topology = prepare(southbound, { friendlyNames });
    const { packet } = parsePacket(topology, 'inport == "a"');
    return traceText(packet, trace(topology, 'inport == "a"'), ['detailed']);
  };
  expect(shown(true)).toContain('ingress(dp="sw-5c7c0f", inport="a "port"")');
  expect(shown(true)).toContain('0. ingress_0: inport == "a \\"port\\"", priority 0');
  expect(shown(true)).toContain('outport = "5c7c0f";');
  expect(shown(false)).toContain(`outport = "${id}";`);
});
