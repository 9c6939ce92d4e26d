/**
 * A chassis and the tracer agree on whole frames of conversations, through connections that both remember: what
 * leaves the chassis is what the tracer delivers.  tables.test.ts compares single tables, of all three executors.
 */
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { parseFrame } from '../../engine/frame.ts';
import { createNode, type Node } from '../../engine/node/index.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import type { Placement } from '../../engine/program/index.ts';
import {
  type Conntrack,
  emptyPacket,
  fields,
  type Packet,
  prepare,
  refusingPortZero,
  type TracePort,
  type TraceTopology,
  traceFlow,
  trackingConntrack,
  writeBits,
} from '../../sim/trace/index.ts';
import { play } from '../oracle/exchange.ts';
import type { PacketWorld, Received } from '../oracle/packet-world.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { conversationsOf } from '../ovn/plane/conversations.ts';
import { randomManifests } from '../ovn/random-topologies.ts';
import { flowOf, headerText } from '../program/plane.ts';
import { alwaysEstablished, onOneChassis, physicalTypes } from '../program/traced.ts';
import { knownNetworks, type Network, ofManifests, optionsOf, placed } from './networks.ts';

const { seed, runs } = seedAndRuns(3);

const tally = { frames: 0, outputs: 0, translated: 0 };
afterAll(() => {
  expect(tally.frames).toBeGreaterThan(2000);
  expect(tally.outputs).toBeGreaterThan(1000);
  expect(tally.translated).toBeGreaterThan(200);
});

/** The tracer's packet of a frame. */
function packetOf(frame: Uint8Array): Packet {
  const packet = emptyPacket();
  for (const [name, value] of Object.entries(parseFrame(frame).fields)) {
    const where = fields[name];
    if (where) writeBits(packet, where, value);
  }
  return packet;
}

const headers = (packet: Packet): string => headerText(flowOf(packet, 0));

/** One database, on a chassis and before the tracer; both remember connections and learn the same. */
class Both {
  readonly node: Node;
  private readonly southbound: Southbound;
  private topology: TraceTopology;
  private learned = 0;
  private conntrack: Conntrack = refusingPortZero(trackingConntrack());
  private readonly networks: ReadonlyMap<string, string>;

  constructor(network: Network) {
    const all = placed(network);
    // Which of several backends or next hops is taken is left to each.
    this.southbound = onOneChassis(all.southbound);
    this.node = createNode({ ...optionsOf(all), southbound: this.southbound });
    this.topology = prepare(this.southbound);
    this.networks = new Map(
      this.node.ports.flatMap((port) => (port.network === undefined ? [] : [[port.name, port.network] as const])),
    );
  }

  forgetConnections(): void {
    this.node.forgetConnections();
    this.conntrack = refusingPortZero(trackingConntrack());
  }

  /** What the frame causes; compared, if the host had no part in it. */
  send(port: string, frame: Uint8Array): Received[] {
    const before = this.node.plane.cacheCounters().punts;
    this.learn();
    this.node.send(port, frame);
    const received = this.node.received();
    const traced = this.trace(port, frame);
    if (this.node.plane.cacheCounters().punts === before && traced) {
      const ours = received.map((out) => `${out.port}: ${headers(packetOf(out.frame))}`).sort();
      expect(ours, `into ${port}: ${Buffer.from(frame).toString('hex')}`).toEqual(traced);
      tally.frames++;
      tally.outputs += ours.length;
      const own = packetOf(frame);
      const addresses = (packet: Packet) => ['ip4.src', 'ip4.dst'].map((name) => fieldText(packet, name)).join();
      if (received.some((out) => addresses(packetOf(out.frame)) !== addresses(own))) tally.translated++;
    }
    return received.map((out) => ({ ...out, port: this.networks.get(out.port) ?? out.port }));
  }

  /** The tracer knows what the chassis has learned. */
  private learn(): void {
    const { macBindings, fdb } = this.node.learned();
    if (macBindings.length + fdb.length === this.learned) return;
    this.learned = macBindings.length + fdb.length;
    const own = new Set(macBindings.map(({ logicalPort, ip }) => `${logicalPort} ${ip}`));
    const given = this.southbound.macBindings.filter(({ logicalPort, ip }) => !own.has(`${logicalPort} ${ip}`));
    this.topology = prepare({ ...this.southbound, macBindings: [...given, ...macBindings], fdb: [...fdb] });
  }

  /** What leaves by the ports, over the wires between localnet ports too; undefined if the tracer does not know. */
  private trace(port: string, frame: Uint8Array): string[] | undefined {
    const out: string[] = [];
    const members = (network: string) => [...this.networks].flatMap(([name, own]) => (own === network ? [name] : []));
    const entries = (this.networks.has(port) ? [port] : members(port)).map((name) => ({
      name,
      packet: packetOf(frame),
    }));
    if (entries.length === 0) entries.push({ name: port, packet: packetOf(frame) });
    for (let at = 0; at < entries.length && at < 64; at++) {
      const { name, packet } = entries[at] ?? { name: '', packet: emptyPacket() };
      const place = this.topology.ports.get(name);
      if (!place) return undefined;
      const deliveries = this.deliver(place, packet);
      if (!deliveries) return undefined;
      for (const { port: to, packet: leaving } of deliveries) {
        const { type, logicalPort } = to.binding;
        if (!physicalTypes.includes(type)) continue;
        out.push(`${logicalPort}: ${headers(leaving)}`);
        const network = this.networks.get(logicalPort);
        const others = network === undefined ? [] : members(network).filter((other) => other !== logicalPort);
        for (const other of others) entries.push({ name: other, packet: packetOfHeaders(leaving) });
      }
    }
    return out.sort();
  }

  private deliver(place: TracePort, packet: Packet) {
    const inport = fields.inport;
    if (!inport) throw new Error('the tracer has no field inport');
    writeBits(packet, inport, BigInt(place.key));
    // Of a packet's metadata nothing passes a patch port: controller/physical.c.
    const conntrack = { ...this.conntrack, cross: alwaysEstablished.cross };
    const { deliveries, gaps } = traceFlow(this.topology, place.datapath, packet, {
      conntrack,
      securedNetworks: 'as-network',
    });
    return gaps.length > 0 ? undefined : deliveries;
  }
}

const fieldText = (packet: Packet, name: string): string => {
  const where = fields[name];
  return where ? String(packet.words[where.slot]) : '';
};

/** The packet as it is on a wire: without metadata. */
function packetOfHeaders(packet: Packet): Packet {
  const bare = emptyPacket();
  bare.words.set(packet.words);
  for (const name of ['inport', 'outport', 'flags', 'ct_state', 'ct_mark', 'ct_label', 'pkt.mark']) {
    const where = fields[name];
    if (where) writeBits(bare, where, 0n);
  }
  for (let i = 0; i < 10; i++) {
    const where = fields[`reg${i}`];
    if (where) writeBits(bare, where, 0n);
  }
  return bare;
}

/**
 * Load balancers with one backend, routes with one next hop: where there are more, executors may choose differently.
 * And services with affinity each with a backend of its own: those that share one have flows of the same match and
 * priority for clients that are known (northd.c, build_lb_affinity_flows), one of which OVN takes by chance.
 */
function withoutChoices(network: Network): Network {
  const taken = new Set<string>();
  for (const { vips, options } of network.nb.Load_Balancer.values()) {
    for (const [vip, backends] of Object.entries(vips)) {
      const backend = backends.split(',')[0] ?? '';
      vips[vip] = backend;
      if (options.affinity_timeout === undefined) continue;
      const address = backend.replace(/^\[(.*)\]:\d+$|^([\d.]+):\d+$/, '$1$2');
      if (taken.has(address)) delete vips[vip];
      taken.add(address);
    }
  }
  return network;
}

/** Choices, tags and ports of other devices are not in the logical pipelines, or not the same in both. */
const isSpecial = ({ flows, ports }: Southbound, { ports: placements }: Placement): boolean =>
  flows.some(({ actions }) => /\b(?:select|fwd_group)\(/.test(actions)) ||
  ports.some(({ type }) => type === 'external') ||
  [...placements.values()].some(({ parent, tag }) => parent !== undefined || tag !== undefined);

async function converse(network: Network): Promise<void> {
  const { scene, southbound, placement } = placed(withoutChoices(network));
  if (isSpecial(southbound, placement)) return;
  const both = new Both(network);
  const out: Received[] = [];
  const world: PacketWorld = {
    async bind() {},
    async localnet() {},
    async ready() {},
    async send(port, frames) {
      if (!both.node.ports.some((one) => one.name === port || one.network === port)) return;
      for (const frame of frames instanceof Uint8Array ? [frames] : frames) out.push(...both.send(port, frame));
    },
    async learn() {
      both.node.advance(100);
    },
    async forgetConnections() {
      both.forgetConnections();
    },
    received: () => out.splice(0),
    async stop() {},
  };
  // What the tracer tracks: requests and their answers; it knows nothing of fragments, and errors only by guessing.
  const kinds = /^(?:ping |TCP |UDP )/;
  await play(
    world,
    conversationsOf(scene).filter(({ name }) => kinds.test(name)),
  );
}

describe('conversations on a chassis and in the tracer', () => {
  test.each(knownNetworks().map((network) => [network.name, network] as const))('%s', async (_, network) => {
    await converse(network);
  });

  test('random manifests', async () => {
    await fc.assert(
      fc.asyncProperty(randomManifests, (text) => converse(ofManifests('random', text))),
      { seed, numRuns: runs },
    );
  });
});
