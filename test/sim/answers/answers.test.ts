import { describe, expect, it } from 'vitest';
import { insertRow } from '../../../engine/ovsdb/northbound.ts';
import { openAnswers } from '../../../sim/answers/index.ts';
import { analysed, hostToOutside, masqueraded, neighbours, redToBlue, twoNetworks } from '../../networks.ts';
import { addPort, addRoute, addSwitch, northbound } from '../../northd/router/build.ts';
import { addAcl, logicalSwitch } from '../../northd/topologies.ts';

const seen = { tracer: true, plane: true };

describe('a packet that goes where it should not', () => {
  it('is shown as it goes in and comes out, with its flows, rows and way', () => {
    const { analysis, arriving, usual, port, nb } = analysed(twoNetworks());
    const found = arriving(usual({ ...redToBlue, inport: port('red1').number, 'ip.proto': 1 }), 'blue1');
    const answer = openAnswers(analysis, { northbound: nb }).explain({
      kind: 'goes',
      ...found,
      sentence: 'red meets blue',
    });
    expect(answer.counterexample).toMatchObject({
      inport: 'red1',
      outport: 'blue1',
      summary: 'icmp echo request 10.0.0.11 > 10.1.0.11, from 02:00:00:00:00:01 to 02:00:00:00:ff:00',
      arrives: {
        summary: 'icmp echo request 10.0.0.11 > 10.1.0.11, from 02:00:00:00:ff:01 to 02:00:00:00:00:03, ttl 63',
      },
      replayed: seen,
    });
    expect(answer.counterexample?.trace).toContain('output to "blue1", type ""');
    expect(answer.flows?.map(({ stage }) => stage)).toContain('lr_in_ip_routing');
    expect(answer.reason).toBe(
      'red meets blue: a route leads to router-blue: ip4.dst == 10.1.0.0/24 (Logical_Router_Port router-blue)',
    );
  });

  it('goes out translated, if its next hop is known', () => {
    const { analysis, arriving, usual, port } = analysed(masqueraded());
    const tcp = usual({ ...hostToOutside, inport: port('host').number, 'ip.proto': 6, 'tcp.flags': 2 });
    const { counterexample } = openAnswers(analysis).explain({
      kind: 'goes',
      ...arriving(tcp, 'wire'),
      sentence: 'out',
    });
    expect(counterexample).toMatchObject({
      summary: 'tcp 10.0.0.11:49152 > 8.8.8.8:443, from 02:00:00:00:00:01 to 02:00:00:00:ff:01',
      arrives: { summary: 'tcp 30.30.0.2:49152 > 8.8.8.8:443, from 02:00:00:00:ff:02 to 02:00:00:00:00:77, ttl 63' },
      neighbors: ['gateway-outside 30.30.0.1 02:00:00:00:00:77'],
      replayed: seen,
    });
  });

  it('goes to a next hop that a row of Static_MAC_Binding names', () => {
    const nb = masqueraded();
    const mac = '02:00:00:00:00:99';
    insertRow(nb, 'Static_MAC_Binding', 'next', {
      logical_port: 'gateway-outside',
      ip: '30.30.0.1',
      mac,
      override_dynamic_mac: true,
    });
    const { analysis, arriving, usual, port } = analysed(nb);
    const tcp = usual({ ...hostToOutside, inport: port('host').number, 'ip.proto': 6, 'tcp.flags': 2 });
    const { counterexample } = openAnswers(analysis).explain({
      kind: 'goes',
      ...arriving(tcp, 'wire'),
      sentence: 'out',
    });
    expect(counterexample?.arrives?.summary).toMatch(new RegExp(`to ${mac}, ttl 63$`));
    expect(counterexample?.replayed).toEqual(seen);
  });

  it('as a reply comes after what opens its connection', () => {
    const { analysis, arriving, usual, port } = analysed(masqueraded());
    const from = { 'eth.src': 0x020000000077, 'eth.dst': 0x02000000ff02, 'ip4.src': 0x08080808, 'ip4.dst': 0x1e1e0002 };
    const replies = usual({ ...from, inport: port('wire').number, 'ip.proto': 17 });
    const { counterexample } = openAnswers(analysis).explain({
      kind: 'goes',
      ...arriving(replies, 'host', 'reply'),
      sentence: 'in',
    });
    expect(counterexample?.before).toHaveLength(1);
    expect(counterexample).toMatchObject({
      inport: 'wire',
      outport: 'host',
      before: [{ inport: 'host' }],
      replayed: seen,
    });
    expect(counterexample?.arrives?.summary).toMatch(/^udp .* > 10\.0\.0\.11:/);
  });

  it('as an ICMP error comes after the packet that it is about, and quotes it', () => {
    const { analysis, arriving, usual, port } = analysed(masqueraded());
    const from = { 'eth.src': 0x020000000077, 'eth.dst': 0x02000000ff02, 'ip4.src': 0x1e1e0001, 'ip4.dst': 0x1e1e0002 };
    const kind = { 'ip.proto': 1, 'icmp.type': 3, 'icmp.code': 0 };
    const errors = usual({ ...from, ...kind, inport: port('wire').number });
    const { counterexample } = openAnswers(analysis).explain({
      kind: 'goes',
      ...arriving(errors, 'host', 'reply'),
      sentence: 'in',
    });
    expect(counterexample).toMatchObject({ before: [{ inport: 'host' }], outport: 'host', replayed: seen });
    // The source of the packet that it quotes is the address that the gateway gave it.
    expect(counterexample?.frame).toMatch(/^(..){42}45(..){11}1e1e0002/);
  });

  it('by what a switch has learned, which is told', () => {
    const nb = northbound();
    addSwitch(nb, 's');
    addPort(nb, 's', 'a', ['02:00:00:00:00:01 10.0.0.1']);
    for (const name of ['x', 'y']) addPort(nb, 's', name, ['unknown']);
    const { analysis, usual, port } = analysed(nb);
    const to = { 'eth.src': 0x020000000001, 'eth.dst': 0x020000000009, 'ip4.src': 0x0a000001, 'ip4.dst': 0x0a000009 };
    const packets = usual({ ...to, inport: port('a').number, 'ip.proto': 17, 'choice.0': 2 });
    const lost = { kind: 'missing', packets, to: [port('x')], sentence: 'x hears nothing' } as const;
    expect(openAnswers(analysis).explain(lost).counterexample).toMatchObject({
      learned: ['y 02:00:00:00:00:09'],
      replayed: seen,
    });
  });

  it('as an answer is made of what arrived', () => {
    const { analysis, arriving, usual, port } = analysed(masqueraded());
    const ask = usual({ ...hostToOutside, inport: port('host').number, 'ip.proto': 17, 'tp.dst': 53, 'tp.src': 49152 });
    const opener = arriving(ask, 'wire');
    // What a proof says of the answers: they arrive where the packets came from.
    const back = { ...opener.class, end: { kind: 'port' as const, port: port('host') } };
    const { counterexample } = openAnswers(analysis).explain({
      kind: 'goes',
      class: back,
      packets: opener.packets,
      opener,
      sentence: 'the answer',
    });
    expect(counterexample).toMatchObject({
      inport: 'wire',
      outport: 'host',
      summary: 'udp 8.8.8.8:53 > 30.30.0.2:49152, from 02:00:00:00:00:77 to 02:00:00:00:ff:02',
      arrives: { summary: 'udp 8.8.8.8:53 > 10.0.0.11:49152, from 02:00:00:00:ff:01 to 02:00:00:00:00:01, ttl 63' },
      before: [{ inport: 'host' }],
      replayed: seen,
    });
  });

  it.each([false, true])('over a wire outside goes in again by another port (forwarded there: %s)', (forwarded) => {
    const { analysis, arriving, usual, port, space, is } = analysed(neighbours());
    const [atoB, atRouter] = [0x02000000ff12, 0x020000000099];
    const packets = usual({
      inport: port('a').number,
      'eth.src': 0x020000000001,
      'eth.dst': 0x02000000ff01,
      'ip4.src': 0x0a00000b,
      'ip4.dst': 0x0a01000b,
      'ip.proto': 17,
      'neighbor.0.mac': forwarded ? atRouter : atoB,
    });
    const out = arriving(packets, 'wire-a');
    const entering = usual({
      inport: port('wire-b').number,
      'ip4.src': 0x0a00000b,
      'ip4.dst': 0x0a01000b,
      'ip.ttl': 62,
    });
    const then = forwarded
      ? arriving(space.and(entering, is('eth.dst', atoB)), 'b').class
      : analysis
          .reenter(out.packets, out.class.store, port('wire-b'))
          .find(({ end }) => end.kind === 'port' && end.port === port('b'));
    if (!then) throw new Error('b hears nothing');
    const { counterexample } = openAnswers(analysis).explain({
      kind: 'crosses',
      ...out,
      then,
      port: port('wire-b'),
      ...(forwarded && { entering, forwarded }),
      sentence: 'they meet outside',
    });
    expect(counterexample).toMatchObject({
      inport: 'a',
      outport: 'b',
      arrives: {
        summary: expect.stringMatching(
          /^udp 10\.0\.0\.11:\d+ > 10\.1\.0\.11:\d+, from 02:00:00:00:ff:11 to 02:00:00:00:00:02/,
        ),
      },
      replayed: seen,
    });
    expect(counterexample?.trace).toContain('\n# and in by wire-b\n');
  });

  it('that ends in a drop is seen to be dropped', () => {
    const nb = twoNetworks();
    addAcl(nb, logicalSwitch(nb, 'red'), 'from-lport', 1001, 'tcp.dst == 22', 'drop');
    const { analysis, classes, is, both, space } = analysed(nb);
    const ssh = both(is('eth.type', 0x800), is('ip.proto', 6), is('tp.dst', 22));
    const one = classes.find(
      ({ end, packets }) => end.kind === 'drop' && end.flow?.stage === 'ls_in_acl' && space.intersects(packets, ssh),
    );
    if (!one) throw new Error('nothing is dropped');
    const { counterexample } = openAnswers(analysis).explain({
      kind: 'goes',
      class: one,
      packets: space.and(one.packets, ssh),
      sentence: 'x',
    });
    expect(counterexample?.outport).toBeUndefined();
    expect(counterexample?.replayed).toEqual(seen);
  });

  it('is not played where the network is too large or enough was played', () => {
    const { analysis, arriving, usual, port } = analysed(twoNetworks());
    const found = {
      kind: 'goes' as const,
      ...arriving(usual({ ...redToBlue, inport: port('red1').number }), 'blue1'),
      sentence: 'x',
    };
    const plays = (options: object) => openAnswers(analysis, options).explain(found).counterexample?.replayed;
    expect(plays({ plays: 0 })).toEqual({ tracer: true, plane: 'not run' });
    expect(plays({ playedFlows: 10 })).toEqual({ tracer: true, plane: 'not run' });
  });

  it('whose proof is wrong is told as a mistake of lflow', () => {
    const { analysis, arriving, usual, port } = analysed(twoNetworks());
    const found = arriving(usual({ ...redToBlue, inport: port('red1').number }), 'blue1');
    const wrong = { ...found.class, end: { kind: 'port' as const, port: port('red2') } };
    const { counterexample } = openAnswers(analysis).explain({ kind: 'goes', ...found, class: wrong, sentence: 'x' });
    expect(counterexample?.replayed).toEqual({
      tracer: false,
      plane: false,
      why: 'the proof brings it to red2, the tracer to blue1',
    });
  });
});

describe('what can be read off the configuration', () => {
  it('needs no packet', () => {
    const { analysis, southbound } = analysed(twoNetworks());
    const flow = southbound.flows[0];
    const answer = openAnswers(analysis).explain({
      kind: 'written',
      sentence: 'two rows say the same',
      rows: ['NAT a', 'NAT b'],
      flows: flow ? [flow] : [],
    });
    expect(answer.reason).toBe('two rows say the same: NAT a, NAT b');
    expect(answer.flows).toHaveLength(1);
    expect(answer.counterexample).toBeUndefined();
  });
});

describe('a promised packet that does not arrive', () => {
  /** From red1 to blue1, as honest hosts send it. */
  function missing(nb: ReturnType<typeof twoNetworks>, more: Record<string, number> = {}) {
    const { analysis, usual, port } = analysed(nb);
    const packets = usual({ ...redToBlue, inport: port('red1').number, 'ip.proto': 17, ...more });
    const answer = openAnswers(analysis, { northbound: nb }).explain({
      kind: 'missing',
      packets,
      to: [port('blue1')],
      sentence: 'udp is lost',
    });
    return { ...answer, whats: answer.obstacles?.map(({ what }) => what) };
  }

  it('has all that stands in its way told, in order', () => {
    const nb = twoNetworks();
    addAcl(nb, logicalSwitch(nb, 'red'), 'from-lport', 1002, 'udp', 'drop', { name: 'no-udp' });
    addAcl(nb, logicalSwitch(nb, 'red'), 'from-lport', 1001, 'ip4', 'drop');
    addRoute(nb, 'router', '10.1.0.0/28', 'discard');
    addAcl(nb, logicalSwitch(nb, 'blue'), 'to-lport', 900, 'ip4.src == 10.0.0.0/24', 'drop');
    const { whats, obstacles, reason, counterexample } = missing(nb);
    expect(whats).toEqual([
      'an ACL of red (priority 1002) denies it: udp',
      'an ACL of red (priority 1001) denies it: ip4',
      'a route of router discards it: reg7 == 0 && ip4.dst == 10.1.0.0/28',
      'an ACL of blue (priority 900) denies it: ip4.src == 10.0.0.0/24',
    ]);
    expect(obstacles?.[0]?.flow).toMatchObject({ row: 'ACL no-udp', stage: 'ls_in_acl' });
    expect(reason).toBe('udp is lost: an ACL of red (priority 1002) denies it: udp, and 3 more in its way');
    expect(counterexample).toMatchObject({ inport: 'red1', replayed: seen });
    expect(counterexample?.outport).toBeUndefined();
  });

  it('has the route that is missing told, and what comes after it', () => {
    const nb = twoNetworks();
    for (const row of nb.Logical_Router_Port.values()) if (row.name === 'router-blue') row.networks = ['10.9.0.1/24'];
    addAcl(nb, logicalSwitch(nb, 'blue'), 'to-lport', 900, 'udp', 'drop');
    expect(missing(nb).whats).toEqual([
      'no route of router leads to 10.1.0.11',
      'an ACL of blue (priority 900) denies it: udp',
    ]);
  });

  it('has port security told, and a MAC address that nobody has', () => {
    const nb = twoNetworks();
    for (const row of nb.Logical_Switch_Port.values())
      if (row.name === 'red1') row.port_security = ['02:00:00:00:00:09'];
    expect(missing(nb).whats).toEqual(["port security of red does not allow the packet's addresses"]);
    expect(missing(twoNetworks(), { 'eth.dst': 0x020000000077 }).whats).toEqual([
      'no port of red has the MAC address 02:00:00:00:00:77',
    ]);
  });

  it('is told of its time to live', () => {
    expect(missing(twoNetworks(), { 'ip.ttl': 1 }).whats?.[0]).toBe('its time to live ends at router');
  });

  it('whose answer is lost has what is in the way of the answer told', () => {
    const nb = twoNetworks();
    addAcl(nb, logicalSwitch(nb, 'blue'), 'from-lport', 1000, 'icmp4.type == 0', 'drop');
    const { analysis, arriving, usual, port } = analysed(nb);
    const ping = usual({ ...redToBlue, inport: port('red1').number, 'ip.proto': 1, 'icmp.type': 8, 'icmp.code': 0 });
    const { obstacles, counterexample } = openAnswers(analysis).explain({
      kind: 'unanswered',
      ...arriving(ping, 'blue1'),
      sentence: 'no answer',
    });
    expect(obstacles?.map(({ what }) => what)).toEqual(['an ACL of blue (priority 1000) denies it: icmp4.type == 0']);
    expect(counterexample).toMatchObject({ inport: 'blue1', before: [{ inport: 'red1' }], replayed: seen });
  });
});
