/**
 * A chassis with its caches and one that translates every packet are the same to everybody: whole conversations
 * (address translation, load balancers, ICMP errors, fragments) come out byte for byte, in the same order, and
 * the counters of flows, ports and drops say the same.
 */
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { createNode, type Node, type NodeOptions, type Received } from '../../engine/node/index.ts';
import { play, type Step } from '../oracle/exchange.ts';
import type { PacketWorld } from '../oracle/packet-world.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { conversationsOf } from '../ovn/plane/conversations.ts';
import { randomFrames } from '../ovn/plane/random.ts';
import { servicesOf } from '../ovn/plane/services.ts';
import { randomManifests } from '../ovn/random-topologies.ts';
import {
  knownNetworks,
  nodeWithoutCaches,
  ofManifests,
  optionsOf,
  type Placed,
  placed,
  planeRecordings,
  recorded,
} from './networks.ts';

const { seed, runs } = seedAndRuns(60);

const tally = { frames: 0, outputs: 0, byHeart: 0n, byMegaflow: 0n };
afterAll(() => {
  expect(tally.frames).toBeGreaterThan(1000);
  expect(tally.outputs).toBeGreaterThan(1000);
  // Or the comparison said nothing about the caches.
  expect(tally.byHeart).toBeGreaterThan(100n);
  expect(tally.byMegaflow).toBeGreaterThan(1000n);
});

interface Pair {
  cached: Node;
  plain: Node;
}

const pairOf = (options: NodeOptions): Pair => ({ cached: createNode(options), plain: nodeWithoutCaches(options) });

/** Sends the same to both; what came out of both. */
function sendBoth({ cached, plain }: Pair, port: string, frames: readonly Uint8Array[], name: string) {
  for (const frame of frames) cached.send(port, frame);
  for (const frame of frames) plain.send(port, frame);
  const received = cached.received();
  const [ours, theirs] = [textOf(received), textOf(plain.received())];
  expect(theirs, `${name}, into ${port}: ${frames.map(hex).join(' ')}`).toEqual(ours);
  tally.frames += frames.length;
  tally.outputs += received.length;
  return received;
}

const textOf = (received: readonly Received[]): string[] => received.map(({ port, frame }) => `${port} ${hex(frame)}`);

const hex = (frame: Uint8Array): string => Buffer.from(frame).toString('hex');

/** Both as one world of packets. */
function worldOf(pair: Pair, name: string): PacketWorld {
  const networks = new Map(
    pair.cached.ports.flatMap((port) => (port.network === undefined ? [] : [[port.name, port.network]])),
  );
  const entrances = new Set([...pair.cached.ports.map((port) => port.name), ...networks.values()]);
  const { cached, plain } = pair;
  let out: ReturnType<typeof sendBoth> = [];
  return {
    async bind() {},
    async localnet() {},
    async ready() {},
    async send(port, frames) {
      if (!entrances.has(port)) return;
      const all = frames instanceof Uint8Array ? [frames] : frames;
      out.push(...sendBoth(pair, port, all, name));
    },
    async learn() {
      for (const node of [cached, plain]) node.advance(100);
    },
    async forgetConnections() {
      for (const node of [cached, plain]) node.forgetConnections();
    },
    received() {
      const now = out.map(({ port, frame }) => ({ port: networks.get(port) ?? port, frame }));
      out = [];
      return now;
    },
    async stop() {},
  };
}

/** Counters say the same, and only one of the two used caches. */
function compareCounters({ cached, plain }: Pair): void {
  const [one, other] = [cached.stats(), plain.stats()];
  expect(other.drops).toEqual(one.drops);
  expect(other.ports).toEqual(one.ports);
  const counters = (stats: typeof one) =>
    stats.flows.map(({ flow, packets, bytes }) => `${flow.uuid} ${packets} ${bytes}`).sort();
  expect(counters(other)).toEqual(counters(one));
  expect(other.caches.connections).toBe(0n);
  tally.byHeart += one.caches.connections;
  tally.byMegaflow += one.caches.megaflows;
}

/** All that hosts of a network say, then frames near to that. */
async function converse(network: Placed, name: string): Promise<void> {
  const pair = pairOf(optionsOf(network));
  const world = worldOf(pair, name);
  const { scene } = network;
  const steps = await play(world, [...servicesOf(scene), ...conversationsOf(scene)]);
  if (steps.some(({ sent }) => sent.length === 1)) {
    await play(world, [randomFrames(scene, steps, { seed, count: runs, batch: 5 })]);
  }
  compareCounters(pair);
}

describe('with and without caches: networks', () => {
  test.each(knownNetworks().map((network) => [network.name, network] as const))('%s', async (name, network) => {
    await converse(placed(network), name);
  });

  test('random manifests', async () => {
    await fc.assert(
      fc.asyncProperty(randomManifests, (text) => converse(placed(ofManifests('random', text)), 'random')),
      { seed, numRuns: 3 },
    );
  });
});

describe('with and without caches: what real chassis were sent', () => {
  test.each(planeRecordings())('%s', (name) => {
    const { options, steps } = recorded(name);
    const pair = pairOf(options);
    let conversation = '';
    for (const step of steps) {
      if (step.conversation !== conversation) for (const node of [pair.cached, pair.plain]) node.forgetConnections();
      conversation = step.conversation;
      // Three times: what the first packet of a connection, and the next one, leave in a cache serves the third.
      for (let round = 0; round < 3; round++) sendStep(pair, step);
    }
    compareCounters(pair);
  });
});

function sendStep(pair: Pair, { conversation, port, sent, isTaught }: Step): void {
  if (sent.length > 0) sendBoth(pair, port, sent, conversation);
  if (isTaught) for (const node of [pair.cached, pair.plain]) node.advance(100);
}
