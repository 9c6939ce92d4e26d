/**
 * Ways without end: rings of many routers, over switches and over patch ports between routers, and packets that come
 * back to where they came from.  Work is bounded, every packet is accounted for, and those that have a way take it.
 */
import { performance } from 'node:perf_hooks';
import { describe, expect, test } from 'vitest';
import { wasm } from '#asm/plane-checked';
import { parseFrame } from '../../engine/frame.ts';
import { createNode, type Node } from '../../engine/node/index.ts';
import { computeSouthbound } from '../../engine/northd/index.ts';
import { placementOf } from '../../engine/program/index.ts';
import {
  addNat,
  addPort,
  addRoute,
  addRouter,
  addRouterPort,
  addSwitch,
  attach,
  northbound,
} from '../northd/router/build.ts';
import { frame, icmp, protocols, tcp, tcpFlags, udp } from '../oracle/frames.ts';

const chassis = 'here';
const plane = { module: wasm, megaflows: 256, connections: 512, entries: 256, ports: 64 } as const;

const hex = (value: number) => value.toString(16).padStart(2, '0');
const macOf = (from: number, to: number) => `02:00:00:01:${hex(from)}:${hex(to)}`;

interface Shape {
  readonly routers: number;
  /** How a router reaches the next one. */
  readonly by: 'switch' | 'patch';
  /** Every second router translates what it sends on, and tracks connections for that. */
  readonly translates?: boolean;
}

/** Routers in a ring, each of which sends to the next what it does not know; a switch with hosts at the first and the last. */
function ring({ routers, by, translates = false }: Shape): Node {
  const nb = northbound();
  for (let i = 0; i < routers; i++) {
    addRouter(nb, `r${i}`, translates && i % 2 === 0 ? { options: { chassis } } : {});
  }
  for (const [name, at, net] of [
    ['a', 0, 1],
    ['z', routers - 1, 2],
  ] as const) {
    addSwitch(nb, name);
    for (const host of [1, 2]) {
      addPort(nb, name, `${name}${host}`, [`02:00:00:00:0${net}:0${host} 10.0.${net}.${host} fd0${net}::${host}`]);
    }
    addRouterPort(nb, `r${at}`, `r-${name}`, `02:00:00:00:0${net}:fe`, [`10.0.${net}.254/24`, `fd0${net}::fe/64`]);
    attach(nb, name, `r-${name}`);
  }
  for (let i = 0; i < routers; i++) {
    const to = (i + 1) % routers;
    const nets = (host: number) => [`10.1.${i}.${host}/24`, `fd10:${hex(i)}::${host}/64`];
    const [here, there] = [`r${i}-next`, `r${to}-back`];
    const isPatch = by === 'patch';
    addRouterPort(nb, `r${i}`, here, macOf(i, 1), nets(1), isPatch ? { peer: there } : {});
    addRouterPort(nb, `r${to}`, there, macOf(i, 2), nets(2), isPatch ? { peer: here } : {});
    if (!isPatch) {
      addSwitch(nb, `t${i}`);
      attach(nb, `t${i}`, here);
      attach(nb, `t${i}`, there);
    }
    addRoute(nb, `r${i}`, '0.0.0.0/0', `10.1.${i}.2`);
    addRoute(nb, `r${i}`, '::/0', `fd10:${hex(i)}::2`);
    if (translates && i % 2 === 0) addNat(nb, `r${i}`, 'snat', `10.1.${i}.1`, '10.0.0.0/8');
  }
  const { southbound } = computeSouthbound(nb);
  const bindings = ['a1', 'a2', 'z1', 'z2'];
  return createNode({ southbound, chassis, placement: placementOf(nb), bindings, plane });
}

const toGateway = { src: '02:00:00:00:01:01', dst: '02:00:00:00:01:fe' };
const nowhere = { 4: { src: '10.0.1.1', dst: '198.51.100.7' }, 6: { src: 'fd01::1', dst: '2001:db8::7' } } as const;

const dropsOf = (node: Node): bigint => Object.values(node.stats().drops).reduce((sum, count) => sum + count, 0n);

const shapes: readonly Shape[] = [
  { routers: 3, by: 'switch' },
  { routers: 7, by: 'switch' },
  { routers: 3, by: 'patch' },
  { routers: 8, by: 'patch' },
  { routers: 24, by: 'patch' },
  { routers: 4, by: 'switch', translates: true },
  { routers: 6, by: 'patch', translates: true },
];

describe.each(shapes)('$routers routers by $by, translation: $translates', (shape) => {
  const node = ring(shape);
  const { routers, translates } = shape;

  test('what nobody knows goes round until there is no hop left, or the walk is too deep', () => {
    for (const family of translates ? ([4] as const) : ([4, 6] as const)) {
      for (const ttl of [255, 64, routers + 1, 2]) {
        const frames = [
          frame(toGateway, { ...nowhere[family], ttl }, protocols.udp, udp(4000 + ttl, 53)),
          frame(toGateway, { ...nowhere[family], ttl }, protocols.tcp, tcp({ src: ttl, dst: 80, flags: tcpFlags.syn })),
        ];
        for (const each of frames) {
          const before = dropsOf(node);
          const { misses } = node.plane.cacheCounters();
          const start = performance.now();
          node.send('a1', each);
          expect(performance.now() - start).toBeLessThan(2000);
          // At most an error to the sender.
          const received = node.received();
          expect(received.length).toBeLessThanOrEqual(1);
          for (const { port } of received) expect(port).toBe('a1');
          const ends = Number(dropsOf(node) - before) + received.length;
          expect(ends).toBeGreaterThanOrEqual(1);
          expect(ends).toBeLessThanOrEqual(3);
          expect(node.plane.cacheCounters().misses - misses).toBeLessThan(300n);
        }
      }
    }
  });

  test('again and again: memory stays as it is', () => {
    let reserved = 0;
    for (let i = 0; i < 600; i++) {
      node.send('a1', frame(toGateway, { ...nowhere[4], ttl: 255 - (i % 250) }, protocols.udp, udp(i, 53)));
      expect(node.received().length).toBeLessThanOrEqual(1);
      node.advance(10);
      // Each number of hops has been there once.
      if (i === 260) reserved = node.plane.exports.reserved();
    }
    expect(node.plane.exports.reserved() - reserved).toBeLessThanOrEqual(1 << 20);
  });

  test('what is known at the other end arrives, a hop less for each router', () => {
    node.forgetConnections();
    const ip = { src: '10.0.1.1', dst: '10.0.2.1', ttl: 64 };
    node.send('a1', frame(toGateway, ip, protocols.udp, udp(4001, 53)));
    const [out, ...others] = node.received();
    expect(others).toEqual([]);
    expect(out?.port).toBe('z1');
    const { fields } = parseFrame(out?.frame ?? new Uint8Array());
    expect(fields['ip.ttl']).toBe(BigInt(64 - routers));
  });

  test('hairpins: through the gateway to a neighbour, to itself, to the gateway from its own address', () => {
    for (const [dst, port] of [
      ['10.0.1.2', 'a2'],
      ['10.0.1.1', 'a1'],
    ] as const) {
      node.send('a1', frame(toGateway, { src: '10.0.1.1', dst, ttl: 9 }, protocols.udp, udp(4002, 53)));
      const received = node.received();
      expect(received.map((each) => each.port)).toEqual([port]);
      expect(parseFrame(received[0]?.frame ?? new Uint8Array()).fields['ip.ttl']).toBe(8n);
    }
    const before = dropsOf(node);
    const ping = icmp(8, 0, 1);
    for (const src of ['10.0.1.254', '10.1.0.1', '10.1.0.2', '127.0.0.1', '0.0.0.0', '255.255.255.255', '224.0.0.1']) {
      for (const dst of ['10.0.1.254', '10.1.0.1', '10.1.0.2', '127.0.0.1', '224.0.0.1', '255.255.255.255', src]) {
        node.send('a1', frame(toGateway, { src, dst, ttl: 255 }, protocols.icmp, ping));
        expect(node.received().length, `${src} to ${dst}`).toBeLessThanOrEqual(3);
      }
    }
    expect(dropsOf(node)).toBeGreaterThan(before);
  });
});
