/**
 * Several chassis in one process: what one of them sends into the underlay comes
 * in at the others, and what one learns all know, as through the southbound database.
 *
 *     const fleet = createFleet({ southbound, chassis: [{ chassis: 'n1', ip: '192.0.2.1', mac: '...' }, ...] });
 *     fleet.send('vm1', frame);
 *     for (const { port, frame } of fleet.received()) ...
 */
import type { Southbound } from '../ovsdb/southbound.ts';
import type { Placement } from '../program/index.ts';
import { createNode, type Node, type NodeOptions, type Received, UNDERLAY } from './node.ts';
import type { NodePort } from './ports.ts';

export interface FleetMember extends Pick<NodeOptions, 'bindings' | 'networks' | 'plane'> {
  readonly chassis: string;
  /** Its address on the underlay. */
  readonly ip: string;
  readonly mac: string;
}

export interface FleetOptions
  extends Pick<NodeOptions, 'southbound' | 'placement' | 'wire' | 'learningDelay' | 'seed' | 'chassisMacs'> {
  readonly chassis: readonly FleetMember[];
  /** Without it Geneve. */
  readonly encapsulation?: 'geneve' | 'vxlan';
  /** Physical networks that chassis share: what leaves one of them there comes in at the others. */
  readonly sharedNetworks?: readonly string[];
}

export interface Fleet {
  /** By the name of the chassis. */
  readonly nodes: ReadonlyMap<string, Node>;
  /** Frames come in by a port of whichever chassis has it; what they cause is done when this returns. */
  send(port: string, frames: Uint8Array | readonly Uint8Array[]): void;
  /** What ports were sent since the last call. */
  received(): Received[];
  /** What was sent through tunnels since the last call, with the chassis that sent it in place of the port. */
  tunnelled(): Received[];
  advance(milliseconds: number): void;
  update(southbound: Southbound, placement?: Placement): void;
  forgetConnections(): void;
}

/** Frames may be handed over so often until all is quiet. */
const MAX_ROUNDS = 256;

/** Chassis that know each other.  Throws a RangeError for addresses that are none. */
export function createFleet(options: FleetOptions): Fleet {
  return new Chassis(options);
}

class Chassis implements Fleet {
  readonly nodes: ReadonlyMap<string, Node>;
  private readonly byMac: ReadonlyMap<string, Node>;
  private out: Received[] = [];
  private carried: Received[] = [];
  private shared = 0;
  private readonly networks: ReadonlySet<string>;
  private readonly members: readonly FleetMember[];

  constructor({ chassis: members, encapsulation = 'geneve', sharedNetworks = [], ...given }: FleetOptions) {
    this.networks = new Set(sharedNetworks);
    this.members = members;
    const common = { ...given, southbound: claimed(given.southbound, members, given.placement) };
    const made = members.map((member) => {
      const { ip, mac, ...own } = member;
      const peers = members.filter((other) => other !== member);
      const tunnels = { type: encapsulation, ip, mac, peers };
      return { member, node: createNode({ ...common, ...own, tunnels }) };
    });
    this.nodes = new Map(made.map(({ member, node }) => [member.chassis, node]));
    this.byMac = new Map(made.map(({ member, node }) => [member.mac.toLowerCase(), node]));
  }

  send(port: string, frames: Uint8Array | readonly Uint8Array[]): void {
    const isMeant = ({ name, network }: NodePort): boolean => name === port || network === port;
    const nodes = [...this.nodes.values()].filter(({ ports }) => ports.some(isMeant));
    if (nodes.length === 0) throw new RangeError(`no chassis has the port "${port}"`);
    // A machine that is on several chassis sends from the first one.
    const isWire = nodes.some(({ ports }) => ports.some((each) => each.network !== undefined && isMeant(each)));
    for (const node of isWire ? nodes : nodes.slice(0, 1)) node.send(port, frames);
    this.carry();
  }

  received(): Received[] {
    return this.out.splice(0);
  }

  tunnelled(): Received[] {
    return this.carried.splice(0);
  }

  advance(milliseconds: number): void {
    for (const node of this.nodes.values()) node.advance(milliseconds);
    this.carry();
  }

  update(southbound: Southbound, placement?: Placement): void {
    const own = claimed(southbound, this.members, placement);
    for (const node of this.nodes.values()) node.update(own, placement);
    this.carry();
  }

  forgetConnections(): void {
    for (const node of this.nodes.values()) node.forgetConnections();
  }

  /** Hands encapsulated frames over, and what was learned, until nothing is under way. */
  private carry(): void {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const arriving: { node: Node; port: string; frame: Uint8Array }[] = [];
      for (const [chassis, node] of this.nodes) {
        for (const received of node.received()) {
          const { port, frame } = received;
          if (port === UNDERLAY) {
            this.carried.push({ ...received, port: chassis });
            const to = this.byMac.get(macAt(frame));
            if (to) arriving.push({ node: to, port, frame });
            continue;
          }
          this.out.push(received);
          const network = node.ports.find(({ name }) => name === port)?.network;
          if (network === undefined || !this.networks.has(network)) continue;
          for (const other of this.nodes.values()) {
            if (other !== node && hasNetwork(other, network)) arriving.push({ node: other, port: network, frame });
          }
        }
      }
      const isNews = this.share();
      if (arriving.length === 0 && !isNews) return;
      for (const { node, port, frame } of arriving) node.send(port, frame);
    }
  }

  /** True if somebody learned something. */
  private share(): boolean {
    const states = [...this.nodes.values()].map((node) => node.learned());
    const count = states.reduce((sum, state) => sum + state.version, 0);
    if (count === this.shared) return false;
    for (const node of this.nodes.values()) for (const state of states) node.learn(state);
    this.shared = [...this.nodes.values()].reduce((sum, node) => sum + node.learned().version, 0);
    return true;
  }
}

/** The database as chassis leave it that have claimed the ports that are plugged in there, and what is nested behind them. */
function claimed(southbound: Southbound, members: readonly FleetMember[], placement?: Placement): Southbound {
  const owners = new Map(members.flatMap(({ chassis, bindings = [] }) => bindings.map((port) => [port, chassis])));
  const details = placement?.ports ?? southbound.services?.ports;
  return {
    ...southbound,
    ports: southbound.ports.map((port) => {
      const chassis = owners.get(details?.get(port.logicalPort)?.parent ?? port.logicalPort);
      // One that several were asked to have is the first one's.
      const isSeveral = port.options['requested-chassis']?.includes(',');
      return port.type === '' && chassis !== undefined && !isSeveral ? { ...port, chassis } : port;
    }),
  };
}

const hasNetwork = ({ ports }: Node, network: string): boolean => ports.some((port) => port.network === network);

const macAt = (frame: Uint8Array): string =>
  [...frame.subarray(0, 6)].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
