/** A chassis of lflow's own as a world that conversations are played in: beside packet-peer.ts. */
import { createFleet, createNode, type FleetOptions, type Node, type NodeOptions } from '../../engine/node/index.ts';
import { underlayOf } from './fabric.ts';
import type { PacketWorld } from './packet-world.ts';

/** What the world outside does with time while hosts wait: `learn` of the real one takes about so long. */
const LEARNING = 100;
/** ... and how long it takes until what was learned is in force. */
const DELAY = 1;
/** Milliseconds that a step takes. */
const STEP = 1;

/**
 * The world of one node.  Localnet ports' frames are received under the name of their physical network, and
 * come from it, as a hub would pass them on.
 */
export function nodeWorld(options: NodeOptions): PacketWorld & { node: Node } {
  const node = createNode({ wire: 'hub', learningDelay: DELAY, ...options });
  const networks = new Map(node.ports.flatMap(({ name, network }) => (network === undefined ? [] : [[name, network]])));
  return {
    node,
    async bind() {},
    async localnet() {},
    async ready() {
      node.received();
    },
    async send(port, frames) {
      // A network that no logical network is connected to is quiet.
      if (options.networks?.includes(port) && ![...networks.values()].includes(port)) return;
      node.send(port, frames);
      node.advance(STEP);
    },
    async learn() {
      node.advance(LEARNING);
    },
    async forgetConnections() {
      node.forgetConnections();
    },
    received: () => node.received().map(({ port, frame }) => ({ port: networks.get(port) ?? port, frame })),
    async stop() {},
  };
}

/** The world of several; encapsulated frames are received under `underlayOf` of the chassis that sent them. */
export function fleetWorld(options: FleetOptions): PacketWorld {
  const fleet = createFleet({ wire: 'hub', learningDelay: DELAY, ...options });
  const ports = [...fleet.nodes.values()].flatMap((node) => node.ports);
  const networks = new Map(ports.flatMap(({ name, network }) => (network === undefined ? [] : [[name, network]])));
  return {
    async bind() {},
    async localnet() {},
    async ready() {
      fleet.received();
      fleet.tunnelled();
    },
    async send(port, frames) {
      fleet.send(port, frames);
      fleet.advance(STEP);
    },
    async learn() {
      fleet.advance(LEARNING);
    },
    async forgetConnections() {
      fleet.forgetConnections();
    },
    received: () => [
      ...fleet.received().map(({ port, frame }) => ({ port: networks.get(port) ?? port, frame })),
      ...fleet.tunnelled().map(({ port, frame }) => ({ port: underlayOf(port), frame })),
    ],
    async stop() {},
  };
}
