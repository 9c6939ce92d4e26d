/** One chassis: its program, its packet plane, and what ovn-controller does around them. */
import * as layout from '../../asm/plane/layout.ts';
import { FLOW_SIZE, FLOW_WORDS, KEY_WORDS, W_DATAPATH } from '../../asm/plane/layout.ts';
import { formatIpv4, formatIpv6 } from '../lang/index.ts';
import type { Southbound } from '../ovsdb/southbound.ts';
import { changedTables, type Placement, type Program, ProgramBuilder, portsHere } from '../program/index.ts';
import { type Flow, flowOf, readField } from './flow.ts';
import { type Asked, answerAlone, type Reentry } from './host.ts';
import { type LearnedExports, LearnedTables } from './learned.ts';
import { macText, Neighbors } from './neighbors.ts';
import {
  type CacheCounters,
  Plane,
  type PlaneExports,
  type PlaneOptions,
  type PortCounters,
  type Punt,
} from './plane.ts';
import { type NodePort, PhysicalPorts } from './ports.ts';

export interface NodeOptions {
  readonly southbound: Southbound;
  /** Name of the chassis. */
  readonly chassis: string;
  /** What the southbound rows do not say of ports: `placementOf` of engine/program. */
  readonly placement?: Placement;
  /** Logical ports (VIFs) that are plugged in here; without it those that the database binds to this chassis. */
  readonly bindings?: readonly string[];
  /** Physical networks that this chassis is connected to; without it all. */
  readonly networks?: readonly string[];
  /** What stands behind a physical network: a switch that learns addresses (without it), or a hub. */
  readonly wire?: 'switch' | 'hub';
  /** Sizes of the packet plane. */
  readonly plane?: PlaneOptions;
}

/** A frame that left by a port. */
export interface Received {
  readonly port: string;
  readonly frame: Uint8Array;
}

export interface FlowCounters {
  readonly flow: Program['flows'][number]['flow'];
  readonly packets: bigint;
  readonly bytes: bigint;
}

export interface NodeStats {
  readonly ports: readonly { readonly port: string; readonly counters: PortCounters }[];
  readonly caches: CacheCounters;
  /** Packets dropped, by reason: `no-flow`, `loopback`, ... */
  readonly drops: Readonly<Record<string, bigint>>;
  /** Logical flows that packets met. */
  readonly flows: readonly FlowCounters[];
}

export interface Node {
  readonly ports: readonly NodePort[];
  /** What the program does not understand, or leaves out: sentences. */
  readonly problems: readonly string[];
  readonly program: Program;
  /**
   * Frames come in by a port, or from the wire of a physical network (by the name of the network or of
   * one of its localnet ports).  When this returns, all that they cause has left.  Throws a RangeError for a
   * port that is not here.
   */
  send(port: string, frames: Uint8Array | readonly Uint8Array[]): void;
  /** What ports were sent since the last call, in order. */
  received(): Received[];
  /** Lets time pass. */
  advance(milliseconds: number): void;
  /** Takes another database into use; connections survive. */
  update(southbound: Southbound, placement?: Placement): void;
  /** Forgets all tracked connections. */
  forgetConnections(): void;
  stats(): NodeStats;
  /** What carries the packets: for load that comes from memory. `physicalPort` gives its numbers. */
  readonly plane: Plane;
  /** Number of a port on the plane. */
  physicalPort(port: string): number | undefined;
}

/** A chassis.  Throws a RangeError if there is not enough memory. */
export function createNode(options: NodeOptions): Node {
  return new ChassisNode(options);
}

interface ConntrackExports extends LearnedExports {
  refreeze(id: number, flow: number): number;
  findFrozen(id: number): number;
  frozenMetadata(record: number): number;
}

/** Times that a frame may go over the wires of this chassis from one of its networks' ports to another. */
const MAX_CROSSINGS = 64;

interface Waiting {
  readonly port: number;
  readonly frame: Uint8Array;
  readonly crossings: number;
}

class ChassisNode implements Node, Reentry {
  program: Program;
  private readonly options: NodeOptions;
  private placement: Placement | undefined;
  private readonly builder = new ProgramBuilder();
  private readonly physical: PhysicalPorts;
  readonly plane: Plane;
  private readonly exports: ConntrackExports;
  private readonly flowAt: number;
  private readonly neighbors: Neighbors;
  private southbound: Southbound;
  private now = 0;
  private waiting: Waiting[] = [];
  private batch: Waiting[] = [];
  private out: Received[] = [];

  constructor(options: NodeOptions) {
    this.options = options;
    this.southbound = options.southbound;
    this.placement = options.placement;
    this.plane = new Plane(options.plane);
    this.exports = this.plane.exports as PlaneExports & ConntrackExports;
    this.flowAt = this.plane.reserve(FLOW_SIZE);
    this.neighbors = new Neighbors(new LearnedTables(this.exports));
    this.physical = new PhysicalPorts(options.wire ?? 'switch');
    this.program = this.build();
    this.load(undefined);
  }

  get ports(): readonly NodePort[] {
    return this.physical.ports;
  }

  get problems(): readonly string[] {
    return this.program.problems;
  }

  send(port: string, frames: Uint8Array | readonly Uint8Array[]): void {
    const all = frames instanceof Uint8Array ? [frames] : frames;
    const wire = this.physical.wireOf(port);
    const number = this.physical.numberOf(port);
    if (!wire && number === undefined)
      throw new RangeError(`there is no port "${port}" on chassis "${this.options.chassis}"`);
    for (const frame of all) {
      if (wire) this.crossWire(wire.carry(frame, undefined), frame, 0);
      else if (number !== undefined) this.waiting.push({ port: number, frame, crossings: 0 });
    }
    this.run();
  }

  received(): Received[] {
    return this.out.splice(0);
  }

  advance(milliseconds: number): void {
    this.now += milliseconds;
    this.run();
  }

  update(southbound: Southbound, placement = this.placement): void {
    this.southbound = southbound;
    this.placement = placement;
    const old = this.program;
    this.program = this.build();
    this.load(old);
  }

  physicalPort(port: string): number | undefined {
    return this.physical.numberOf(port);
  }

  forgetConnections(): void {
    this.exports.ctFlush(-1);
  }

  stats(): NodeStats {
    const numbers = this.program.flows.map(({ number }) => number);
    const counters = this.plane.flowCounters(numbers);
    const drops = this.plane.dropCounters();
    return {
      ports: this.ports.map(({ name }) => ({
        port: name,
        counters: this.plane.portCounters(this.physical.numberOf(name) ?? 0),
      })),
      caches: this.plane.cacheCounters(),
      drops: Object.fromEntries(dropReasons.map(([name, reason]) => [name, drops[reason] ?? 0n])),
      flows: this.program.flows.flatMap(({ number, flow }) => {
        const counted = counters.get(number);
        return counted && counted.packets > 0n ? [{ flow, ...counted }] : [];
      }),
    };
  }

  refreeze(recirc: number, flow: Flow): number {
    this.plane.memory().set(new Uint8Array(flow.buffer, flow.byteOffset, FLOW_SIZE), this.flowAt);
    return this.exports.refreeze(recirc, this.flowAt);
  }

  inject(frame: Uint8Array, flow: Flow): void {
    this.plane.inject(frame, new Uint8Array(flow.buffer, flow.byteOffset, FLOW_SIZE), this.now);
  }

  private build(): Program {
    const { chassis, bindings, networks } = this.options;
    const { southbound, placement } = this;
    const names = bindings ? [...bindings, ...networkPorts(southbound)] : portsHere(southbound, chassis, placement);
    this.physical.use(names, southbound, networks);
    return this.builder.build({
      southbound,
      chassis,
      ports: this.physical.numbers,
      ...(placement && { placement }),
    });
  }

  private load(old: Program | undefined): void {
    const { program, plane } = this;
    plane.load(program.image, old && changedTables(old, program), program.thresholds);
    for (const number of this.physical.added.splice(0)) plane.addPort(number);
    for (const number of this.physical.removed.splice(0)) plane.removePort(number);
    for (const { number, rate, burst } of program.meters) {
      plane.setMeter(number, 'kilobits', Number(rate), Number(burst));
    }
    this.neighbors.use(program, this.southbound);
  }

  /** Runs batches until nothing is under way. */
  private run(): void {
    do {
      const left: Waiting[] = [];
      this.batch = [];
      for (const each of this.waiting) {
        if (left.length === 0 && this.plane.push(each.port, each.frame)) this.batch.push(each);
        else left.push(each);
      }
      this.waiting = left;
      this.plane.process(this.now, {
        output: (port, frame, index) => this.leave(port, frame.slice(), index),
        punt: (punt) => this.punt(punt),
      });
    } while (this.waiting.length > 0);
  }

  private leave(number: number, frame: Uint8Array, index: number): void {
    const port = this.physical.nameOf(number);
    if (port === undefined) return;
    this.out.push({ port, frame });
    const wire = this.physical.wireOf(port);
    if (!wire) return;
    const crossings = (this.batch[index]?.crossings ?? 0) + 1;
    if (crossings <= MAX_CROSSINGS) this.crossWire(wire.carry(frame, number), frame, crossings);
  }

  private crossWire(to: readonly number[], frame: Uint8Array, crossings: number): void {
    for (const port of to) this.waiting.push({ port, frame, crossings });
  }

  private punt({ action: number, recirc, flow: bytes, frame }: Punt): void {
    const flow = this.withMetadata(flowOf(bytes as Uint8Array<ArrayBuffer>), recirc);
    const action = this.program.actions.find((each) => each.number === number)?.action;
    const datapath = this.program.datapaths.find(
      (each) => BigInt(each.number) === BigInt.asUintN(32, flow[W_DATAPATH] ?? 0n),
    );
    if (!action || !datapath) return;
    const asked: Asked = { action, frame, flow, recirc, datapath };
    if (!answerAlone(asked, this)) this.note(asked);
  }

  private withMetadata(flow: Flow, recirc: number): Flow {
    const record = this.exports.findFrozen(recirc);
    if (record === 0) return flow;
    const metadata = new BigUint64Array(
      this.plane.memory().buffer as ArrayBuffer,
      this.exports.frozenMetadata(record),
      FLOW_WORDS - KEY_WORDS,
    );
    flow.set(metadata, KEY_WORDS);
    return flow;
  }

  private note({ action, flow, datapath }: Asked): void {
    switch (action.type) {
      case 'put_arp':
      case 'put_nd': {
        const key = Number(readField(flow, action.port));
        const port = datapath.view.ports.find(({ binding }) => binding.tunnelKey === key);
        if (!port) return;
        const ip = readField(flow, action.ip);
        const known = this.neighbors.learnBinding({
          logicalPort: port.binding.logicalPort,
          ip: action.type === 'put_arp' ? formatIpv4(ip) : formatIpv6(ip),
          mac: macText(readField(flow, action.mac)),
          since: this.now,
        });
        if (known) this.neighbors.tell();
        break;
      }
      case 'put_fdb': {
        const mac = macText(readField(flow, action.mac));
        const portKey = Number(readField(flow, action.port));
        const datapathKey = datapath.view.binding.tunnelKey;
        if (this.neighbors.learnAddress({ datapathKey, portKey, mac, since: this.now })) this.neighbors.tell();
        break;
      }
      default:
    }
  }
}

/** Reasons of drops, by the names of the constants: `DROP_NO_FLOW` is `no-flow`. */
const dropReasons: readonly (readonly [string, number])[] = Object.entries(layout)
  .filter(([name]) => name.startsWith('DROP_') && name !== 'DROP_REASONS')
  .map(([name, reason]) => [name.slice(5).toLowerCase().replaceAll('_', '-'), Number(reason)]);

const networkPorts = ({ ports }: Southbound): string[] =>
  ports.filter(({ type }) => type === 'localnet' || type === 'l2gateway').map(({ logicalPort }) => logicalPort);
