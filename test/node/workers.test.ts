/** Several workers are one chassis: whole conversations, with translation both ways, come out as of one engine. */
import { describe, expect, test } from 'vitest';
import { createNode, type Node, type NodeOptions, type Received } from '../../engine/node/index.ts';
import { createWorkers, type Workers } from '../../engine/node/workers/index.ts';
import { Steering } from '../../engine/node/workers/steering.ts';
import { fragmentsOf, icmpError } from '../oracle/answers.ts';
import { play, type Step } from '../oracle/exchange.ts';
import { echo, frame, protocols, tcp, udp, whoHas, zeros } from '../oracle/frames.ts';
import { conversationsOf } from '../ovn/plane/conversations.ts';
import { knownNetworks, ofExample, optionsOf, placed, recorded } from '../plane/networks.ts';

/** Threads run what was built. */
const thread = new URL('../../dist/engine/node/workers/thread.js', import.meta.url);

const textOf = (received: readonly Received[]): string[] =>
  received.map(({ port, frame: bytes }) => `${port} ${Buffer.from(bytes).toString('hex')}`).sort();

/** Runs with one engine and with workers of the same options. */
async function withBoth(options: NodeOptions, act: (node: Node, workers: Workers) => Promise<void> | void) {
  const node = createNode(options);
  const workers = createWorkers({ ...options, workers: 3, thread });
  try {
    await act(node, workers);
  } finally {
    await workers.close();
  }
}

/** What both answer; the same. */
function sendBoth(node: Node, workers: Workers, port: string, frames: readonly Uint8Array[], name: string): Received[] {
  for (const each of frames) {
    node.send(port, each);
    workers.send(port, each);
  }
  const received = node.received();
  const where = `${name}, into ${port}: ${frames.map((each) => Buffer.from(each).toString('hex')).join(' ')}`;
  expect(textOf(workers.received()), where).toEqual(textOf(received));
  return received;
}

function compareCounters(node: Node, workers: Workers): void {
  const [one, all] = [node.stats(), workers.stats()];
  expect(all.ports).toEqual(one.ports);
  expect(all.drops).toEqual(one.drops);
  const flows = (stats: typeof one) =>
    stats.flows.map((each) => `${each.flow.uuid} ${each.packets} ${each.bytes}`).sort();
  expect(flows(all)).toEqual(flows(one));
}

const wanted = ['two-vpcs.yaml', 'isolated-networks.yaml', 'gateway-nat', 'loadBalancers', 'distributed'];

test('says at once that workers have nothing to run', () => {
  const { southbound } = placed(ofExample('two-vpcs.yaml'));
  const nowhere = new URL('nowhere.js', thread);
  expect(() => createWorkers({ southbound, chassis: 'here', workers: 2, thread: nowhere })).toThrow(
    'there is no program for workers at file:',
  );
});

describe('conversations', () => {
  test.each(
    knownNetworks()
      .filter(({ name }) => wanted.includes(name))
      .map((each) => [each.name, each] as const),
  )('%s', async (name, network) => {
    const all = placed(network);
    await withBoth(optionsOf(all), async (node, workers) => {
      const networks = new Map(node.ports.map((port) => [port.name, port.network ?? port.name]));
      const entrances = new Set([...networks.keys(), ...networks.values()]);
      let out: Received[] = [];
      await play(
        {
          async bind() {},
          async localnet() {},
          async ready() {},
          async send(port, frames) {
            if (!entrances.has(port)) return;
            const list = frames instanceof Uint8Array ? [frames] : frames;
            out.push(...sendBoth(node, workers, port, list, name));
          },
          async learn() {
            node.advance(100);
            workers.advance(100);
          },
          async forgetConnections() {
            node.forgetConnections();
            workers.forgetConnections();
          },
          received: () => out.splice(0).map((each) => ({ ...each, port: networks.get(each.port) ?? each.port })),
          async stop() {
            out = [];
          },
        },
        // Fragments without a first one are held: one engine may let them through.
        conversationsOf(all.scene).filter(({ name: what }) => !what.startsWith('fragments')),
      );
      compareCounters(node, workers);
    });
  });

  test.each(['translation-on-a-gateway-router', 'ACL-allow-related'])('recorded: %s', async (name) => {
    const { options, steps } = recorded(name);
    await withBoth(options, (node, workers) => {
      for (const step of steps.filter(isTalk)) sendBoth(node, workers, step.port, step.sent, step.conversation);
    });
  });
});

const isTalk = ({ conversation, sent }: Step): boolean =>
  /^(?:ping|TCP|UDP|ICMP)/.test(conversation) && sent.length > 0;

test('fragments in any order reach the connection of their datagram', async () => {
  const all = placed(ofExample('two-vpcs.yaml'));
  await withBoth(optionsOf(all), (node, workers) => {
    let outputs = 0;
    for (const { mac, ip4, port: entrance, gateways, isOutside } of all.scene.hosts) {
      const [gateway] = gateways;
      if (isOutside || !ip4 || !gateway) continue;
      for (let port = 1000; port < 1010; port++) {
        const ip = { src: ip4, dst: '198.51.100.7', id: port };
        const whole = frame({ src: mac, dst: gateway.mac }, ip, protocols.udp, udp(port, 53, zeros(3000)));
        sendBoth(node, workers, entrance, [whole], 'whole');
        outputs += sendBoth(node, workers, entrance, fragmentsOf(whole, 1392, port).reverse(), 'reversed').length;
      }
    }
    expect(outputs).toBeGreaterThanOrEqual(40);
  });
});

test('many frames at once come out as of one engine, those of a connection in order, however little room there is', async () => {
  const all = placed(ofExample('two-vpcs.yaml'));
  const options = optionsOf(all);
  const hosts = all.scene.hosts.flatMap(({ mac, ip4, port, gateways: [gateway], isOutside }) =>
    isOutside || !ip4 || !gateway ? [] : [{ mac, ip4, port, gateway: gateway.mac }],
  );
  /** Longer than all rings together; a number says which one of its connection it is. */
  const wave = (count: number): Received[] =>
    Array.from({ length: count }, (_, i) => {
      const { mac, ip4, port, gateway } = hosts[i % hosts.length] ?? expect.fail('there are no hosts');
      const connection = 1000 + (i % 37);
      const data = [i & 255, i >> 8, 0, 0, ...zeros(1200)];
      const ip = { src: ip4, dst: '198.51.100.7' };
      return { port, frame: frame({ src: mac, dst: gateway }, ip, protocols.udp, udp(connection, 53, data)) };
    });
  const node = createNode(options);
  const workers = createWorkers({ ...options, workers: 3, thread, batchBytes: 1 });
  try {
    // What is learned of the world outside, nobody has to wait for afterwards.
    for (const each of [node, workers]) {
      for (const one of wave(hosts.length)) each.sendAll([one]);
      each.advance(1000);
      each.received();
    }
    const many = wave(3000);
    node.sendAll(many);
    workers.sendAll(many);
    const [expected, got] = [node.received(), workers.received()];
    expect(expected.length).toBeGreaterThanOrEqual(2000);
    expect(textOf(got)).toEqual(textOf(expected));
    expect(inOrder(got)).toEqual(inOrder(expected));
    expect(() => workers.sendAll([many[0] ?? expect.fail(), { port: 'nobody', frame: new Uint8Array(60) }])).toThrow(
      'nobody',
    );
    expect(workers.received()).toEqual([]);
  } finally {
    await workers.close();
  }
});

/** What each port was sent of each connection: numbers of frames. */
function inOrder(received: readonly Received[]): Record<string, number[]> {
  const orders: Record<string, number[]> = {};
  for (const { port, frame: bytes } of received) {
    if (bytes.length < 1000) continue;
    const key = `${port} ${Buffer.from(bytes.subarray(26, 38)).toString('hex')}`;
    orders[key] = [...(orders[key] ?? []), new DataView(bytes.buffer, bytes.byteOffset).getUint32(42, true)];
  }
  return orders;
}

describe('steering', () => {
  const steering = new Steering(4);
  const there = { src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02' };
  const ip = { src: '10.0.0.1', dst: '10.0.0.2' };
  const back = { src: ip.dst, dst: ip.src };
  const datagram = (from: number, to: number, way = ip) => frame(there, way, protocols.udp, udp(from, to, zeros(64)));

  test('both directions of a connection meet, and its fragments and the errors about it', () => {
    const used = new Set<number>();
    for (let port = 1000; port < 1200; port++) {
      const out = datagram(port, 53);
      const worker = steering.workerOf(out) ?? 0;
      used.add(worker);
      expect(steering.workerOf(datagram(53, port, back))).toBe(worker);
      const [first, ...later] = fragmentsOf(out, 32, port);
      for (const each of later) expect(steering.workerOf(each)).toBe(undefined);
      for (const each of [first ?? out, ...later]) expect(steering.workerOf(each)).toBe(worker);
      expect(steering.workerOf(icmpError(out, 'portUnreachable'))).toBe(worker);
      const segment = tcp({ src: port, dst: 80, flags: 2 });
      const answer = tcp({ src: 80, dst: port, flags: 18 });
      expect(steering.workerOf(frame(there, ip, protocols.tcp, segment))).toBe(
        steering.workerOf(frame(there, back, protocols.tcp, answer)),
      );
    }
    expect([...used].sort()).toEqual([0, 1, 2, 3]);
    expect(steering.size).toBe(0);
  });

  test('answers to translated ports follow who sent', () => {
    for (let port = 2000; port < 2100; port++) {
      const worker = steering.workerOf(datagram(port, 53)) ?? 0;
      const translated = datagram(port * 7, 53, { ...ip, src: '30.0.0.1' });
      steering.sent(translated, worker);
      expect(steering.workerOf(datagram(53, port * 7, { src: ip.dst, dst: '30.0.0.1' }))).toBe(worker);
      expect(steering.workerOf(icmpError(translated, 'portUnreachable'))).toBe(worker);
    }
    expect(steering.size).toBeGreaterThan(20);
  });

  test("what has no ports, goes to a group, or is cut off, is the first one's", () => {
    expect(steering.workerOf(whoHas({ mac: there.src, ip: ip.src }, ip.dst))).toBe(0);
    const cut = datagram(1, 2);
    for (let length = 0; length < 42; length++) expect(steering.workerOf(cut.slice(0, length))).toBe(0);
    expect(steering.workerOf(frame({ ...there, dst: 'ff:ff:ff:ff:ff:ff' }, ip, protocols.udp, udp(7, 9)))).toBe(0);
    expect(steering.workerOf(echo(there, ip))).toBe(steering.workerOf(echo(there, back)));
  });
});
