/**
 * Hostile frames through whole programs, in the module whose every access is asserted: nothing traps, work is
 * bounded, every frame is accounted for, and memory does not grow.
 */
import { performance } from 'node:perf_hooks';
import { beforeAll, describe, expect, test } from 'vitest';
import { wasm } from '#asm/plane-checked';
import { withChecksums } from '../../engine/frame.ts';
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
import {
  type Bytes,
  frame,
  ipv6Packet,
  protocols,
  rawFrame,
  tcp,
  tcpFlags,
  u16,
  udp,
  zeros,
} from '../oracle/frames.ts';
import { mutants } from '../oracle/mutations.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { planeRecordings, recorded } from './networks.ts';

const { seed, runs } = seedAndRuns(400);

const chassis = 'here';
const small = { module: wasm, megaflows: 256, connections: 512, entries: 256, ports: 64 } as const;

/** One switch and two routers that send to each other whatever they do not know; translation on the way. */
function looping(): Node {
  const nb = northbound();
  addSwitch(nb, 'a');
  addSwitch(nb, 'b');
  for (const name of ['r', 's']) addRouter(nb, name, { options: { chassis } });
  addPort(nb, 'a', 'a1', ['02:00:00:00:01:01 10.0.1.1 fd01::1']);
  addPort(nb, 'a', 'a2', ['02:00:00:00:01:02 10.0.1.2 fd01::2']);
  addRouterPort(nb, 'r', 'r-a', '02:00:00:00:01:fe', ['10.0.1.254/24', 'fd01::fe/64']);
  attach(nb, 'a', 'r-a');
  addRouterPort(nb, 'r', 'r-b', '02:00:00:00:02:01', ['10.0.2.1/24', 'fd02::1/64']);
  addRouterPort(nb, 's', 's-b', '02:00:00:00:02:02', ['10.0.2.2/24', 'fd02::2/64']);
  attach(nb, 'b', 'r-b');
  attach(nb, 'b', 's-b');
  addRoute(nb, 'r', '0.0.0.0/0', '10.0.2.2');
  addRoute(nb, 's', '0.0.0.0/0', '10.0.2.1');
  addRoute(nb, 'r', '::/0', 'fd02::2');
  addRoute(nb, 's', '::/0', 'fd02::1');
  addNat(nb, 'r', 'snat', '10.0.2.1', '10.0.1.0/24');
  const { southbound } = computeSouthbound(nb);
  return createNode({ southbound, chassis, placement: placementOf(nb), bindings: ['a1', 'a2'], plane: small });
}

const way = { src: '02:00:00:00:01:01', dst: '02:00:00:00:01:fe' };
const near = { src: '02:00:00:00:01:01', dst: '02:00:00:00:01:02' };
const far4 = { src: '10.0.1.1', dst: '198.51.100.7' };
const far6 = { src: 'fd01::1', dst: '2001:db8::7' };
const own4 = { src: '10.0.1.1', dst: '10.0.1.2' };
const own6 = { src: 'fd01::1', dst: 'fd01::2' };

const datagram = (data: Bytes = zeros(24)) => frame(near, own4, protocols.udp, udp(4000, 53, data));
const segment = frame(
  near,
  own4,
  protocols.tcp,
  tcp({ src: 4000, dst: 80, flags: tcpFlags.syn, options: [2, 4, 5, 180] }),
);

let node: Node;
beforeAll(() => {
  node = looping();
});

const dropsOf = (): Readonly<Record<string, bigint>> => node.stats().drops;

/** What a send adds to the counters of drops. */
function dropped(port: string, frames: readonly Uint8Array[]): Record<string, number> {
  const before = dropsOf();
  node.send(port, frames);
  const after = dropsOf();
  return Object.fromEntries(
    Object.entries(after).flatMap(([name, count]) => {
      const more = Number(count - (before[name] ?? 0n));
      return more === 0 ? [] : [[name, more]];
    }),
  );
}

/** Sends each frame alone; none may cause more than so many outputs. */
function sendAll(frames: readonly Uint8Array[], port = 'a1', most = 8): number {
  let outputs = 0;
  for (const each of frames) {
    node.send(port, each);
    const count = node.received().length;
    expect(count, Buffer.from(each).toString('hex')).toBeLessThanOrEqual(most);
    outputs += count;
  }
  return outputs;
}

describe('drops are counted where they happen', () => {
  test('frames without an Ethernet header, and too long ones', () => {
    expect(dropped('a1', [new Uint8Array(0), new Uint8Array(13)])).toEqual({ 'short-frame': 2 });
    expect(dropped('a1', [new Uint8Array(65530), new Uint8Array(70_000)])).toEqual({ 'too-long': 2 });
    node.received();
  });

  test('a frame back to where it came from', () => {
    const back = frame({ ...near, dst: near.src }, own4, protocols.udp, udp(1, 2));
    expect(dropped('a1', [back])).toEqual({ loopback: 1 });
    expect(node.received()).toEqual([]);
  });

  test('routers that route to each other: until there is no hop left, or the walk is too deep', () => {
    const reasons: string[] = [];
    for (const [ip, ttl] of [
      [far4, 255],
      [far4, 40],
      [far6, 255],
      [far6, 3],
    ] as const) {
      const loop = frame(way, { ...ip, ttl }, protocols.udp, udp(4000 + ttl, 53));
      const before = performance.now();
      const drops = dropped('a1', [loop]);
      expect(performance.now() - before).toBeLessThan(2000);
      reasons.push(...Object.entries(drops).map(([name, count]) => `${name} ${count}`));
      expect(node.received().length).toBeLessThanOrEqual(1);
    }
    // Translated packets come back from the router's own address; hops end in a flow; IPv6 goes round until it is cut short.
    expect(reasons).toEqual(['flow 1', 'flow 1', 'recirc-limit 1', 'flow 1']);
    const { caches } = node.stats();
    // A pass finds a hop or more; hops are 255 at most, and each packet is looked up again for each translation.
    expect(caches.recirculations).toBeLessThan(4n * 64n);
  });

  test('nobody there', () => {
    const unknown = frame({ ...near, dst: '02:00:00:00:09:09' }, own4, protocols.udp, udp(1, 2));
    expect(dropped('a1', [unknown])).toEqual({ flow: 1 });
    expect(node.received()).toEqual([]);
  });
});

describe('lengths that lie', () => {
  const whole = [
    datagram(),
    segment,
    frame(near, own6, protocols.udp, udp(4000, 53, zeros(24))),
    frame(near, own6, protocols.tcp, tcp({ src: 4000, dst: 80, flags: tcpFlags.syn })),
    frame(way, { ...far4, ttl: 9 }, protocols.udp, udp(4000, 53, zeros(9))),
    frame({ ...near, tags: [5, 6] }, own4, protocols.udp, udp(4000, 53)),
    rawFrame(way, 0x806, zeros(28)),
  ];

  test('every beginning of a frame', () => {
    for (const each of whole) {
      for (let length = 0; length <= each.length; length++) sendAll([each.slice(0, length)]);
    }
  });

  test('every value of the bytes that have lengths in them', () => {
    const at = { ip4: [14, 16, 17, 20, 21], udp4: [38, 39], tcp4: [46], ip6: [18, 19, 20] };
    const cases = [
      [datagram(), [...at.ip4, ...at.udp4]],
      [segment, [...at.ip4, ...at.tcp4]],
      [whole[2] ?? datagram(), at.ip6],
    ] as const;
    for (const [each, places] of cases) {
      for (const place of places) {
        for (let value = 0; value < 256; value += 5) {
          const bad = each.slice();
          bad[place] = value;
          sendAll([bad, withChecksums(bad)]);
        }
      }
    }
  });

  test('a TCP data offset that cannot be: no ports, so no flow that asks for them', () => {
    for (const offset of [0, 1, 4, 7, 15]) {
      const bad = segment.slice();
      bad[46] = offset << 4;
      expect(sendAll([bad, withChecksums(bad)])).toBe(2);
    }
  });
});

describe('headers upon headers', () => {
  test('chains of extension headers, tags upon tags', () => {
    const extension = { number: 60, bytes: [0, 0, 1, 4, 0, 0, 0, 0] };
    for (const depth of [1, 8, 64, 500]) {
      const extensions = Array.from({ length: depth }, () => extension);
      sendAll([
        rawFrame(near, 0x86dd, ipv6Packet({ ...own6, extensions }, protocols.udp, udp(1, 2))),
        rawFrame(way, 0x86dd, ipv6Packet({ ...far6, extensions }, protocols.tcp, tcp({ src: 1, dst: 2, flags: 2 }))),
        frame({ ...near, tags: Array.from({ length: depth }, (_, i) => i & 0xfff) }, own4, protocols.udp, udp(1, 2)),
      ]);
    }
  });

  test('fragments that overlap, have no end, or are many', () => {
    const before = node.plane.exports.reserved();
    for (let id = 0; id < 3000; id++) {
      const pieces = [0x2000, 0x2001, 0x2000 | (id & 7), 0x0002, 0x3fff, 0x1fff].map((fragment) =>
        frame(way, { ...far4, id, fragment, ttl: 9 }, protocols.udp, udp(id & 0xffff, 53, zeros(id % 40))),
      );
      node.send('a1', pieces);
    }
    expect(node.received().length).toBeLessThan(6 * 3000 * 2);
    expect(node.plane.exports.reserved() - before).toBeLessThan(16 << 20);
  });

  test('outer headers with odd options are plain packets to who has no tunnel', () => {
    for (const length of [0, 1, 8, 63]) {
      const geneve = [
        length,
        0,
        0x65,
        0x58,
        0,
        0,
        7,
        0,
        ...Array.from({ length: 4 * length }, (_, i) => (i * 37) & 255),
      ];
      sendAll([frame(near, own4, protocols.udp, udp(1, 6081, [...geneve, ...segment]))]);
    }
  });
});

describe('a corpus of frames near to valid ones', () => {
  test.each(planeRecordings())('%s', (name) => {
    const { options, steps } = recorded(name);
    const own = createNode({ ...options, plane: small });
    const pool = steps.flatMap(({ port, sent }) => sent.map((each) => ({ port, frame: each })));
    const hexes = ['02:00:00:00:01:01', '02:00:00:00:01:fe', 'ff:ff:ff:ff:ff:ff', '33:33:00:00:00:01'];
    const source = { seed, pool, macs: hexes, ip4s: ['10.0.1.1', '10.0.1.254'], ip6s: ['fd00:1::1'], ports: [80, 53] };
    const frames = mutants({ ...source, learningPorts: new Set() }, runs);
    let memory = 0;
    let outputs = 0;
    for (const [round, half] of [frames, frames].entries()) {
      for (const { port, frame: each } of half) {
        // With a little garbage in front, too.
        own.send(port, round === 0 ? each : Uint8Array.from([...each.subarray(0, 14), ...u16(round), ...each]));
        const count = own.received().length;
        expect(count).toBeLessThanOrEqual(4 * own.ports.length + 64);
        outputs += count;
        own.advance(7);
      }
      if (round === 0) memory = own.plane.exports.reserved();
    }
    expect(outputs).toBeGreaterThan(20);
    // Every table is there from the beginning; what is cut from blocks comes in pieces.
    expect(own.plane.exports.reserved() - memory).toBeLessThanOrEqual(4 << 20);
    const { ports, drops } = own.stats();
    const taken = ports.reduce((sum, { counters }) => sum + counters.packetsIn, 0n);
    expect(taken).toBeGreaterThan(BigInt(runs));
    expect(Object.values(drops).reduce((sum, count) => sum + count, 0n)).toBeGreaterThan(0n);
  });
});
