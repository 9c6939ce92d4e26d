import { describe, expect, test } from 'vitest';
import { createNode } from '../../engine/node/index.ts';
import { computeSouthbound } from '../../engine/northd/index.ts';
import { ProgramBuilder, placementOf } from '../../engine/program/index.ts';
import { addPort, addRouter, addRouterPort, addSwitch, attach, northbound } from '../northd/router/build.ts';
import { echoReply, headersOf, icmpOf } from '../oracle/answers.ts';
import { echo, whoHas } from '../oracle/frames.ts';

const hosts = {
  a1: { mac: '02:00:00:00:01:01', ip: '10.0.1.1' },
  a2: { mac: '02:00:00:00:01:02', ip: '10.0.1.2' },
  b1: { mac: '02:00:00:00:02:01', ip: '10.0.2.1' },
} as const;

function routed() {
  const nb = northbound();
  addSwitch(nb, 'a');
  addSwitch(nb, 'b');
  addRouter(nb, 'r');
  for (const [name, { mac, ip }] of Object.entries(hosts)) addPort(nb, name.slice(0, 1), name, [`${mac} ${ip}`]);
  addRouterPort(nb, 'r', 'r-a', '02:00:00:00:01:fe', ['10.0.1.254/24']);
  addRouterPort(nb, 'r', 'r-b', '02:00:00:00:02:fe', ['10.0.2.254/24']);
  attach(nb, 'a', 'r-a');
  attach(nb, 'b', 'r-b');
  return nb;
}

function nodeOf(nb = routed(), builder?: ProgramBuilder) {
  const { southbound } = computeSouthbound(nb);
  const bindings = Object.keys(hosts);
  return createNode({
    southbound,
    chassis: 'here',
    placement: placementOf(nb),
    bindings,
    ...(builder && { builder }),
  });
}

describe('a chassis', () => {
  test('answers for the router, and routes', () => {
    const node = nodeOf();
    expect(node.problems).toEqual([]);
    node.send('a1', whoHas(hosts.a1, '10.0.1.254'));
    const [answer, ...others] = node.received();
    expect(others).toEqual([]);
    expect(answer?.port).toBe('a1');
    expect(headersOf(answer?.frame ?? new Uint8Array())?.arp).toMatchObject({ op: 2, sha: '02:00:00:00:01:fe' });

    const way = { src: hosts.a1.mac, dst: '02:00:00:00:01:fe' };
    node.send('a1', echo(way, { src: hosts.a1.ip, dst: hosts.b1.ip }));
    const [there] = node.received();
    expect(there?.port).toBe('b1');
    const { eth, ip } = headersOf(there?.frame ?? new Uint8Array()) ?? {};
    expect(eth).toMatchObject({ src: '02:00:00:00:02:fe', dst: hosts.b1.mac });
    expect(ip).toMatchObject({ src: hosts.a1.ip, dst: hosts.b1.ip });
    node.send('b1', echoReply(there?.frame ?? new Uint8Array()));
    const [back] = node.received();
    expect(back?.port).toBe('a1');
    expect(icmpOf(back?.frame ?? new Uint8Array())?.type).toBe(0);
  });

  test('is made again by the same builder, and knows nothing of the connections of the first one', () => {
    const builder = new ProgramBuilder();
    const way = { src: hosts.a1.mac, dst: '02:00:00:00:01:fe' };
    const ping = echo(way, { src: hosts.a1.ip, dst: hosts.b1.ip });
    const [first, second, alone] = [nodeOf(routed(), builder), nodeOf(routed(), builder), nodeOf()].map((node) => {
      node.send('a1', ping);
      return { image: node.program.image, received: node.received() };
    });
    expect(first?.received).toHaveLength(1);
    expect(second).toEqual(first);
    expect(alone).toEqual(first);
  });

  test('routes a packet of protocol 0 without a change of its IP header, as Open vSwitch does', () => {
    const node = nodeOf();
    const way = { src: hosts.a1.mac, dst: '02:00:00:00:01:fe' };
    const ping = Uint8Array.from(echo(way, { src: hosts.a1.ip, dst: hosts.b1.ip }));
    const odd = ping.slice();
    odd[23] = 0;
    node.send('a1', [ping, odd]);
    const [first, second] = node.received();
    expect(first?.frame[22]).toBe((ping[22] ?? 0) - 1);
    expect(second?.port).toBe('b1');
    expect(headersOf(second?.frame ?? new Uint8Array())?.eth.src).toBe('02:00:00:00:02:fe');
    expect(second?.frame.subarray(14)).toEqual(odd.subarray(14));
  });

  test('says who is not there', () => {
    expect(() => nodeOf().send('zz', new Uint8Array(64))).toThrow('there is no port "zz" on chassis "here"');
  });
});
