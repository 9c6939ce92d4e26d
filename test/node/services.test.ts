/** What a chassis does besides forwarding: waiting packets, announcements, probes, limits, ageing of what is due. */
import { describe, expect, test } from 'vitest';
import { createFleet, createNode, type Node } from '../../engine/node/index.ts';
import { computeSouthbound } from '../../engine/northd/index.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import type { ControllerServices, Southbound } from '../../engine/ovsdb/southbound.ts';
import { placementOf } from '../../engine/program/index.ts';
import {
  addLocalnet,
  addPort,
  addRouter,
  addRouterPort,
  addSwitch,
  attach,
  northbound,
} from '../northd/router/build.ts';
import { headersOf, tcpAnswer } from '../oracle/answers.ts';
import { echo, isAt, tcpFlags } from '../oracle/frames.ts';

const a1 = { mac: '02:00:00:00:01:01', ip: '10.0.1.1' } as const;
const gateway = { mac: '02:00:00:00:01:fe', ip: '10.0.1.254' } as const;

/** A host, a router, and a network behind it that has a host of its own and a way outside. */
function topology(): Northbound {
  const nb = northbound();
  addSwitch(nb, 'a');
  addSwitch(nb, 'b');
  addRouter(nb, 'r');
  addPort(nb, 'a', 'a1', [`${a1.mac} ${a1.ip}`]);
  addPort(nb, 'b', 'b1', ['02:00:00:00:02:01 10.0.2.1', 'unknown']);
  addLocalnet(nb, 'b', 'ln');
  addRouterPort(nb, 'r', 'r-a', gateway.mac, [`${gateway.ip}/24`]);
  addRouterPort(nb, 'r', 'r-b', '02:00:00:00:02:fe', ['10.0.2.254/24']);
  attach(nb, 'a', 'r-a');
  attach(nb, 'b', 'r-b');
  return nb;
}

const services: ControllerServices = {
  dns: [],
  serviceMonitors: [],
  multicast: [],
  bfd: [],
  meters: [],
  natAddresses: new Map(),
  ports: new Map(),
};

function nodeWith(
  more: Partial<ControllerServices> = {},
  change: (southbound: Southbound) => Southbound = (s) => s,
): Node {
  const nb = topology();
  const southbound = change({ ...computeSouthbound(nb).southbound, services: { ...services, ...more } });
  return createNode({ southbound, chassis: 'here', placement: placementOf(nb), bindings: ['a1', 'b1'] });
}

const way = { src: a1.mac, dst: gateway.mac };
const request = (sequence: number): Uint8Array => echo(way, { src: a1.ip, dst: '10.0.2.77' }, { sequence });
const stranger = { mac: '02:00:00:00:02:77', ip: '10.0.2.77' } as const;
const router = { mac: '02:00:00:00:02:fe', ip: '10.0.2.254' } as const;

const arpOf = (frame: Uint8Array) => headersOf(frame)?.arp;

describe('packets that wait for a neighbour', () => {
  test('leave when it answers: the last three', () => {
    const node = nodeWith();
    for (const sequence of [1, 2, 3, 4]) node.send('a1', request(sequence));
    const asked = node.received().filter(({ port, frame }) => port === 'b1' && arpOf(frame)?.op === 1);
    expect(asked).toHaveLength(4);
    expect(asked.map(({ frame }) => arpOf(frame)?.tpa)).toEqual(Array(4).fill(stranger.ip));
    node.send('b1', isAt(stranger, router));
    const sent = node.received().filter(({ frame }) => headersOf(frame)?.ip?.dst === stranger.ip);
    expect(sent.filter(({ port }) => port === 'b1').map(({ frame }) => frame.at(14 + 20 + 7))).toEqual([2, 3, 4]);
    expect(node.learned().macBindings).toMatchObject([{ logicalPort: 'r-b', ip: stranger.ip, mac: stranger.mac }]);
  });

  test('are given up after ten seconds', () => {
    const node = nodeWith();
    node.send('a1', request(1));
    node.advance(10_001);
    node.received();
    node.send('b1', isAt(stranger, router));
    expect(node.received().filter(({ frame }) => headersOf(frame)?.ip?.dst === stranger.ip)).toEqual([]);
  });
});

test('addresses on a physical network are announced five times, ever more slowly', () => {
  const node = nodeWith();
  const times: number[] = [];
  for (let second = 1; second <= 60; second++) {
    node.advance(1000);
    const said = node.received().filter(({ port, frame }) => port === 'ln' && arpOf(frame)?.spa === '10.0.2.1');
    if (said.length > 0) times.push(second);
    expect(said.every(({ frame }) => arpOf(frame)?.tpa === '10.0.2.1')).toBe(true);
  }
  expect(times).toEqual([1, 3, 7, 15, 31]);
});

describe('a backend that is asked whether it lives', () => {
  const monitor = {
    logicalPort: 'b1',
    ip: '10.0.2.1',
    port: 8080,
    protocol: 'tcp',
    srcMac: '0a:00:00:00:00:01',
    srcIp: '10.0.2.250',
    options: { interval: '5', timeout: '3', success_count: '1', failure_count: '2' },
  } as const;

  test('is online when it accepts, and offline after silence twice', () => {
    const node = nodeWith({ serviceMonitors: [monitor] }, (southbound) => ({
      ...southbound,
      addressSets: new Map([...southbound.addressSets, ['svc_monitor_mac', [monitor.srcMac]]]),
    }));
    node.advance(1);
    const probe = node.received().find(({ port, frame }) => port === 'b1' && headersOf(frame)?.ip?.dst === monitor.ip);
    if (!probe) throw new Error('nobody asks');
    node.send('b1', tcpAnswer(probe.frame, tcpFlags.syn | tcpFlags.ack));
    expect(node.events()).toMatchObject([{ type: 'service', port: 8080, status: 'online' }]);
    node.advance(12_000);
    expect(node.events()).toEqual([]);
    node.advance(10_000);
    expect(node.events()).toMatchObject([{ type: 'service', status: 'offline' }]);
  });
});

test('a meter limits what the controller is asked, by the clock', () => {
  const meter = { name: 'arp', unit: 'pktps', rate: 2, burst: 0 } as const;
  const node = nodeWith({ meters: [meter] }, (southbound) => ({
    ...southbound,
    flows: southbound.flows.map((flow) =>
      flow.stage === 'lr_in_arp_request' ? { ...flow, controllerMeter: 'arp' } : flow,
    ),
  }));
  const asked = (): number => {
    for (let sequence = 0; sequence < 10; sequence++) node.send('a1', request(sequence));
    return node.received().filter(({ port, frame }) => port === 'b1' && arpOf(frame)?.op === 1).length;
  };
  expect(asked()).toBe(2);
  expect(node.stats().limited).toBe(8n);
  node.advance(500);
  node.received();
  expect(asked()).toBe(1);
});

test('neighbours are forgotten after the time that the router says', () => {
  const node = nodeWith({}, (southbound) => ({
    ...southbound,
    datapaths: southbound.datapaths.map((datapath) =>
      datapath.kind === 'router'
        ? { ...datapath, externalIds: { mac_binding_age_threshold: '10.0.0.0/16:0;60' } }
        : datapath,
    ),
  }));
  node.send('b1', isAt(stranger, router));
  const known = (): boolean => node.learned().macBindings.some(({ ip }) => ip === stranger.ip);
  node.advance(59_000);
  expect(known()).toBe(true);
  node.advance(1000);
  expect(known()).toBe(false);
  node.received();
  node.send('a1', request(1));
  const asked = node.received().filter(({ port, frame }) => port === 'b1' && arpOf(frame)?.tpa === stranger.ip);
  expect(asked).toHaveLength(1);
});

test('another database is taken into use: what was learned stays, what is gone is gone', () => {
  const nb = topology();
  const { southbound } = computeSouthbound(nb);
  const node = createNode({ southbound, chassis: 'here', placement: placementOf(nb), bindings: ['a1', 'b1'] });
  node.send('b1', isAt(stranger, router));
  node.received();
  const later = topology();
  addPort(later, 'a', 'a2', ['02:00:00:00:01:02 10.0.1.2']);
  node.update(computeSouthbound(later).southbound, placementOf(later));
  node.send('a1', request(1));
  const sent = node.received().filter(({ frame }) => headersOf(frame)?.ip?.dst === stranger.ip);
  expect(sent.map(({ port }) => port)).toContain('b1');
});

test('a fleet: what one chassis learns the other knows', () => {
  const nb = topology();
  const { southbound } = computeSouthbound(nb);
  const fleet = createFleet({
    southbound,
    placement: placementOf(nb),
    chassis: [
      { chassis: 'n1', ip: '192.0.2.1', mac: '02:00:00:00:ee:01', bindings: ['a1'], networks: [] },
      { chassis: 'n2', ip: '192.0.2.2', mac: '02:00:00:00:ee:02', bindings: ['b1'], networks: ['physnet'] },
    ],
  });
  fleet.send('b1', isAt(stranger, router));
  expect(fleet.nodes.get('n1')?.learned().macBindings).toMatchObject([{ ip: stranger.ip, mac: stranger.mac }]);
  expect(() => fleet.send('nowhere', request(1))).toThrow('no chassis has the port "nowhere"');
});

test.each(['geneve', 'vxlan'] as const)('a fleet: packets go through %s', (encapsulation) => {
  const nb = northbound();
  addSwitch(nb, 's');
  addPort(nb, 's', 'left', ['02:00:00:00:05:01 10.0.5.1']);
  addPort(nb, 's', 'right', ['02:00:00:00:05:02 10.0.5.2']);
  const fleet = createFleet({
    southbound: computeSouthbound(nb).southbound,
    placement: placementOf(nb),
    encapsulation,
    chassis: [
      { chassis: 'n1', ip: '192.0.2.1', mac: '02:00:00:00:ee:01', bindings: ['left'] },
      { chassis: 'n2', ip: '192.0.2.2', mac: '02:00:00:00:ee:02', bindings: ['right'] },
    ],
  });
  const ends = [
    { src: '02:00:00:00:05:01', dst: '02:00:00:00:05:02' },
    { src: '10.0.5.1', dst: '10.0.5.2' },
  ] as const;
  const sent = echo(...ends);
  fleet.send('left', sent);
  expect(fleet.received()).toEqual([{ port: 'right', frame: sent }]);
  const [outer, ...others] = fleet.tunnelled();
  expect(others).toEqual([]);
  expect(outer?.port).toBe('n1');
  const { eth, ip } = headersOf(outer?.frame ?? new Uint8Array()) ?? {};
  expect(eth).toMatchObject({ src: '02:00:00:00:ee:01', dst: '02:00:00:00:ee:02' });
  expect(ip).toMatchObject({ src: '192.0.2.1', dst: '192.0.2.2', protocol: 17 });
  expect(Buffer.from(outer?.frame ?? []).includes(Buffer.from(sent))).toBe(true);
});
