/** One chassis: its program, its packet plane, and what ovn-controller does around them. */
import { ACTION_OPENS, RESUME_OUTPUT, RESUME_TABLE } from '../../asm/plane/image.ts';
import * as layout from '../../asm/plane/layout.ts';
import {
  B_FLAGS,
  B_OUTPORT,
  B_RECIRC,
  FLOW_SIZE,
  FLOW_WORDS,
  KEY_WORDS,
  W_DATAPATH,
  W_IN,
  W_PORTS,
} from '../../asm/plane/layout.ts';
import { formatEthernet, formatIpv4, formatIpv6, parseEthernet } from '../lang/index.ts';
import type { ControllerServices, Southbound } from '../ovsdb/southbound.ts';
import {
  type ChassisMacs,
  changedTables,
  NO_PLACEMENT,
  type Placement,
  type Program,
  ProgramBuilder,
  type ProgramDatapath,
  portsHere,
  waitsForMachine,
} from '../program/index.ts';
import { Advertisements } from './advertisements.ts';
import { Ageing } from './ageing.ts';
import { Announcements } from './announcements.ts';
import type { BfdState } from './answer/index.ts';
import { type Asked, type Chassis, type LocalPlace, portByKey, type Timed } from './chassis.ts';
import { type Activation, type VirtualClaim, withClaims } from './claims.ts';
import { Delayed } from './delayed.ts';
import { datapathOf, type Flow, flowOf, wordOf } from './flow.ts';
import { answer, type Findings } from './host.ts';
import { type Address, LearnedTables } from './learned.ts';
import { Limits } from './limits.ts';
import { Monitors, type ServiceStatus } from './monitors.ts';
import { NameRecords } from './names.ts';
import { type LearnedAddress, type LearnedBinding, Neighbors, parseAddress } from './neighbors.ts';
import { PendingPackets } from './pending.ts';
import { type CacheCounters, Plane, type PlaneOptions, type PortCounters, type Punt } from './plane.ts';
import { type NodePort, PhysicalPorts } from './ports.ts';
import { Random } from './random.ts';
import { Sessions } from './sessions.ts';
import { Snooping } from './snooping.ts';
import { setTunnels, type TunnelOptions, tunnelsOf } from './tunnels.ts';

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
  /** The tunnels to other chassis; encapsulated frames leave and come in by the port UNDERLAY. */
  readonly tunnels?: TunnelOptions;
  /** MAC addresses of chassis on physical networks; without them what is routed leaves with the router's. */
  readonly chassisMacs?: ChassisMacs;
  /** What stands behind a physical network: a switch that learns addresses (without it), or a hub. */
  readonly wire?: 'switch' | 'hub';
  /**
   * Milliseconds until what was learned from packets is in force, as the southbound database
   * takes some time; without it nothing has to be waited for.
   */
  readonly learningDelay?: number;
  /** What transaction numbers, jitter and hashes start from. */
  readonly seed?: bigint;
  /** Sizes of the packet plane; or one that served another chassis, and is empty. */
  readonly plane?: PlaneOptions | Plane;
  /** Builds the programs. One that has built for such a network before, for a chassis that is no more, is soon done. */
  readonly builder?: ProgramBuilder;
}

/** A frame that left by a port. */
export interface Received {
  readonly port: string;
  readonly frame: Uint8Array;
  /** The queue of the port that a flow chose for it (`set_queue`); without it none. */
  readonly queue?: number;
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
  /** Packets that a CoPP meter kept from the controller. */
  readonly limited: bigint;
  /** Logical flows that packets met. */
  readonly flows: readonly FlowCounters[];
}

/** What a chassis tells of what it met. */
export type NodeEvent =
  /** An ACL's log, as ovn-controller writes it. */
  | { readonly type: 'log'; readonly line: string }
  /** `trigger_event`: a row of Controller_Event. */
  | { readonly type: 'event'; readonly name: string; readonly options: Readonly<Record<string, string>> }
  /** A load balancer's backend came to life, or died: Service_Monitor's status. */
  | {
      readonly type: 'service';
      readonly logicalPort: string;
      readonly ip: string;
      readonly port: number;
      readonly protocol: 'tcp' | 'udp';
      readonly status: ServiceStatus;
    }
  /** A BFD session has another state. */
  | { readonly type: 'bfd'; readonly logicalPort: string; readonly dstIp: string; readonly state: BfdState };

/** What a chassis has learned from packets. */
export interface LearnedState {
  readonly macBindings: readonly LearnedBinding[];
  readonly fdb: readonly LearnedAddress[];
  /** Ports that waited here for their machine, which came: `activation-strategy` of ovn-nb(5). */
  readonly activated?: readonly Activation[];
  /** Grows whenever something becomes known, or known otherwise. */
  readonly version: number;
}

export interface Node {
  readonly ports: readonly NodePort[];
  /** What the program does not understand, or leaves out: sentences. */
  readonly problems: readonly string[];
  readonly program: Program;
  /** Milliseconds since the node began. */
  readonly now: number;
  /** The packet plane, for those who drive it themselves: what it puts out meanwhile is not received here. */
  readonly plane: Plane;
  /** The plane's number of a port. */
  physicalPort(port: string): number | undefined;
  /**
   * Frames come in by a port, or from the wire of a physical network (by the name of the network or of
   * one of its localnet ports).  When this returns, all that they cause has left.  Throws a RangeError for a
   * port that is not here.
   */
  send(port: string, frames: Uint8Array | readonly Uint8Array[]): void;
  /** The same for frames of several ports, in this order. */
  sendAll(frames: readonly Received[]): void;
  /** What ports were sent since the last call, in order. */
  received(): Received[];
  /** Lets time pass; does what is due meanwhile. */
  advance(milliseconds: number): void;
  /** Takes another database into use; connections and what was learned survive. */
  update(southbound: Southbound, placement?: Placement): void;
  /** Forgets all tracked connections. */
  forgetConnections(): void;
  /** What was learned so far. */
  learned(): LearnedState;
  /** Learns it as if packets had said so; what was learned later stands. */
  learn(state: Omit<LearnedState, 'version'>): void;
  /** What there was to tell since the last call. */
  events(): NodeEvent[];
  stats(): NodeStats;
}

/** A chassis.  Throws a RangeError if there is not enough memory. */
export function createNode(options: NodeOptions): Node {
  return new ChassisNode(options);
}

/** The port of a chassis where encapsulated frames go in and out. */
export const UNDERLAY = 'underlay';

/** Times that a frame may go over the wires of this chassis from one of its networks' ports to another. */
const MAX_CROSSINGS = 64;
/** Events that are kept until somebody asks. */
const MAX_EVENTS = 10_000;
/** MLF_LOCAL_ONLY: the packet stays on this chassis. */
const LOCAL_ONLY = 1n << (4n + BigInt(B_FLAGS));

/** Physical port of the first tunnel, behind the one of the underlay. */
export const FIRST_TUNNEL = 1;

interface Waiting {
  readonly port: number;
  readonly frame: Uint8Array;
  readonly crossings: number;
}

const NO_SERVICES: ControllerServices = {
  dns: [],
  serviceMonitors: [],
  multicast: [],
  bfd: [],
  meters: [],
  natAddresses: new Map(),
  ports: new Map(),
};

class ChassisNode implements Node, Chassis, Findings {
  readonly name: string;
  now = 0;
  /** As it was given. */
  private given: Southbound;
  /** With what chassis wrote into it. */
  southbound: Southbound;
  program: Program;
  private readonly options: NodeOptions;
  private placement: Placement;
  private readonly builder: ProgramBuilder;
  private readonly physical: PhysicalPorts;
  readonly plane: Plane;
  private readonly exports: Plane['exports'];
  private readonly flowAt: number;
  private readonly neighbors: Neighbors;
  private readonly pending = new PendingPackets(this);
  private readonly snooping = new Snooping(this, () => this.claimsChanged());
  private readonly announcements = new Announcements(this);
  private readonly advertisements = new Advertisements(this);
  private readonly monitors = new Monitors(this, ({ logicalPort, ip, port, protocol }, status) =>
    this.tell({ type: 'service', logicalPort, ip, port, protocol, status }),
  );
  private readonly sessions = new Sessions(this, ({ logicalPort, dstIp }, state) =>
    this.tell({ type: 'bfd', logicalPort, dstIp, state }),
  );
  private readonly limits = new Limits();
  private readonly learning: Delayed;
  private readonly timed: readonly Timed[];
  private readonly claims = new Map<string, VirtualClaim>();
  /** Names of ports. */
  private readonly activated = new Set<string>();
  private names = new NameRecords(NO_SERVICES);
  private readonly chance: Random;
  private actions = new Map<number, Program['actions'][number]>();
  private datapaths = new Map<number, ProgramDatapath>();
  private places = new Map<string, LocalPlace>();
  private isStale = false;
  private waiting: Waiting[] = [];
  private batch: Waiting[] = [];
  private out: Received[] = [];
  private told: NodeEvent[] = [];
  private limited = 0n;

  constructor(options: NodeOptions) {
    this.options = options;
    this.builder = options.builder ?? new ProgramBuilder();
    this.name = options.chassis;
    this.given = options.southbound;
    this.southbound = options.southbound;
    this.placement = placementIn(options.southbound, options.placement);
    this.chance = new Random(Number((options.seed ?? 1n) & 0xffffffffn));
    const { plane, seed } = options;
    this.plane = plane instanceof Plane ? plane : new Plane({ ...(seed !== undefined && { seed }), ...plane });
    this.exports = this.plane.exports;
    this.flowAt = this.plane.flowAt;
    this.neighbors = new Neighbors(new LearnedTables(this.exports));
    this.learning = new Delayed(this, options.learningDelay ?? 0);
    const { learning, pending, snooping, announcements, advertisements, monitors, sessions } = this;
    const ageing = new Ageing(this, this.neighbors);
    this.timed = [learning, pending, snooping, announcements, advertisements, monitors, sessions, ageing];
    const { tunnels } = options;
    this.physical = new PhysicalPorts(options.wire ?? 'switch', tunnels && UNDERLAY, tunnels?.peers.length ?? 0);
    this.program = this.build();
    this.load(undefined);
  }

  get ports(): readonly NodePort[] {
    return this.physical.ports;
  }

  get problems(): readonly string[] {
    return this.program.problems;
  }

  physicalPort(port: string): number | undefined {
    return this.physical.numberOf(port);
  }

  get services(): ControllerServices {
    return this.given.services ?? NO_SERVICES;
  }

  send(port: string, frames: Uint8Array | readonly Uint8Array[]): void {
    this.mustHave(port);
    for (const frame of frames instanceof Uint8Array ? [frames] : frames) this.enqueue(port, frame);
    this.process();
  }

  sendAll(frames: readonly Received[]): void {
    for (const { port } of frames) this.mustHave(port);
    for (const { port, frame } of frames) this.enqueue(port, frame);
    this.process();
  }

  private mustHave(port: string): void {
    if (this.physical.wireOf(port) || this.physical.numberOf(port) !== undefined) return;
    const names = this.ports.map(({ name }) => `"${name}"`).join(', ');
    throw new RangeError(`there is no port "${port}" on chassis "${this.name}"; there are ${names || 'none'}`);
  }

  private enqueue(port: string, frame: Uint8Array): void {
    const wire = this.physical.wireOf(port);
    const number = this.physical.numberOf(port);
    if (wire) this.crossWire(wire.carry(frame, undefined), frame, 0);
    else if (number !== undefined) this.waiting.push({ port: number, frame, crossings: 0 });
  }

  received(): Received[] {
    return this.out.splice(0);
  }

  advance(milliseconds: number): void {
    const end = this.now + milliseconds;
    for (;;) {
      const due = Math.min(...this.timed.map((each) => each.due()));
      if (due > end) break;
      this.now = Math.max(this.now, due);
      for (const each of this.timed) if (each.due() <= this.now) each.run();
      this.process();
    }
    this.now = end;
    this.process();
  }

  update(southbound: Southbound, placement?: Placement): void {
    this.given = southbound;
    this.placement = placementIn(southbound, placement ?? this.options.placement);
    // A port that does not wait here any more does so again when its machine is to come back.
    const waiting = southbound.ports.filter((port) => waitsForMachine(port, this.name));
    const names = new Set(waiting.map(({ logicalPort }) => logicalPort));
    for (const name of this.activated) if (!names.has(name)) this.activated.delete(name);
    this.rebuild();
  }

  forgetConnections(): void {
    this.exports.ctFlush(-1);
  }

  learned(): LearnedState {
    const { bindings, addresses, version } = this.neighbors;
    return {
      macBindings: [...bindings.values()],
      fdb: [...addresses.values()],
      activated: this.activations(),
      version,
    };
  }

  learn({ macBindings, fdb, activated = [] }: Omit<LearnedState, 'version'>): void {
    for (const { logicalPort, chassis } of activated) if (chassis === this.name) this.machineCame(logicalPort);
    const news = macBindings.filter((binding) => this.neighbors.learnBinding(binding));
    for (const address of fdb) this.neighbors.learnAddress(address);
    for (const { logicalPort, ip, mac } of news) {
      const address = parseAddress(ip);
      const value = parseEthernet(mac);
      if (address && value !== undefined) this.pending.found(logicalPort, address, value);
    }
    this.process();
  }

  events(): NodeEvent[] {
    return this.told.splice(0);
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
      limited: this.limited,
      flows: this.program.flows.flatMap(({ number, flow }) => {
        const counted = counters.get(number);
        return counted && counted.packets > 0n ? [{ flow, ...counted }] : [];
      }),
    };
  }

  // Chassis: what the parts of the host use.

  placeOf(logicalPort: string): LocalPlace | undefined {
    return this.places.get(logicalPort);
  }

  random(limit: number): number {
    return this.chance.below(limit);
  }

  enter({ binding, datapath }: LocalPlace, frame: Uint8Array, { localOnly = false } = {}): void {
    const flow = metadataOf(datapath, binding.tunnelKey, 0, localOnly);
    this.inject(this.freeze(flow, RESUME_TABLE), flow, frame);
  }

  deliver(datapath: number, outport: number, frame: Uint8Array, inport = 0): void {
    const flow = metadataOf(datapath, inport, outport, true);
    this.inject(this.freeze(flow, OUTPUT_PLACE), flow, frame);
  }

  resume({ flow, recirc }: Asked, frame: Uint8Array): void {
    this.putFlow(flow);
    this.inject(this.exports.refreeze(recirc, this.flowAt), flow, frame);
  }

  output({ flow }: Asked, frame: Uint8Array): void {
    this.inject(this.freeze(flow, OUTPUT_PLACE), flow, frame);
  }

  // Findings: what packets told the host.

  neighbor(logicalPort: string, address: Address, mac: bigint): void {
    const ip = address.family === 4 ? formatIpv4(address.value) : formatIpv6(address.value);
    const binding = { logicalPort, ip, mac: formatEthernet(mac), since: this.now };
    this.learning.soon(`${logicalPort} ${ip}`, () => {
      this.neighbors.learnBinding(binding);
      this.pending.found(logicalPort, address, mac);
    });
  }

  address(datapathKey: number, portKey: number, mac: bigint): void {
    const address = { datapathKey, portKey, mac: formatEthernet(mac), since: this.now };
    this.learning.soon(`${datapathKey} ${address.mac}`, () => {
      this.neighbors.learnAddress(address);
    });
  }

  waits(asked: Asked, address: Address): void {
    this.pending.keep(asked, address);
  }

  membership(asked: Asked): void {
    this.snooping.hear(asked);
  }

  virtual(logicalPort: string, parent: string): void {
    if (this.claims.get(logicalPort)?.parent === parent) return;
    this.claims.set(logicalPort, { logicalPort, parent, chassis: this.name });
    this.claimsChanged();
  }

  logged(line: string): void {
    this.tell({ type: 'log', line });
  }

  event(name: string, options: Readonly<Record<string, string>>): void {
    this.tell({ type: 'event', name, options });
  }

  serviceAnswer(asked: Asked): void {
    this.monitors.hear(asked);
  }

  bfd(asked: Asked): void {
    this.sessions.hear(asked);
  }

  prefix(_asked: Asked): void {}

  record(datapath: string, name: string): string | undefined {
    return this.names.of(datapath, name);
  }

  private activations(): Activation[] {
    return [...this.activated].map((logicalPort) => ({ logicalPort, chassis: this.name }));
  }

  private machineCame(logicalPort: string): void {
    if (this.activated.has(logicalPort)) return;
    this.activated.add(logicalPort);
    this.claimsChanged();
  }

  private tell(event: NodeEvent): void {
    this.told.push(event);
    if (this.told.length > MAX_EVENTS) this.told.shift();
  }

  /** Groups or virtual ports are not what they were: the program follows when nothing is under way. */
  private claimsChanged(): void {
    this.learning.soon('claims', () => {
      this.isStale = true;
    });
  }

  private rebuild(): void {
    this.isStale = false;
    const old = this.program;
    this.southbound = withClaims(this.given, this.snooping.ports(), [...this.claims.values()], this.activations());
    this.program = this.build();
    this.load(old);
  }

  private build(): Program {
    const { name: chassis, southbound, placement } = this;
    const { bindings, networks } = this.options;
    const names = bindings ? [...bindings, ...networkPorts(southbound)] : portsHere(southbound, chassis, placement);
    this.physical.use(names, southbound, networks);
    const { tunnels, chassisMacs } = this.options;
    return this.builder.build({
      southbound,
      chassis,
      ports: this.physical.numbers,
      placement,
      ...(tunnels && { tunnels: tunnelsOf(tunnels, FIRST_TUNNEL) }),
      ...(chassisMacs && { chassisMacs }),
    });
  }

  private load(old: Program | undefined): void {
    const { program, plane } = this;
    plane.load(program.image, old && changedTables(old, program), program.thresholds);
    const underlay = this.physical.underlay;
    for (const number of this.physical.added.splice(0)) plane.addPort(number, { underlay: number === underlay });
    if (!old && underlay !== undefined && this.options.tunnels) {
      setTunnels(plane, this.options.tunnels, underlay, FIRST_TUNNEL);
    }
    for (const number of this.physical.removed.splice(0)) plane.removePort(number);
    for (const { number, rate, burst } of program.meters) {
      plane.setMeter(number, 'kilobits', Number(rate), Number(burst));
    }
    this.actions = new Map(program.actions.map((action) => [action.number, action]));
    this.datapaths = new Map(program.datapaths.map((datapath) => [datapath.number, datapath]));
    this.places = new Map(
      program.datapaths.flatMap(({ number, view }) =>
        view.ports.map(({ binding }) => [binding.logicalPort, { binding, datapath: number }] as const),
      ),
    );
    this.names = new NameRecords(this.services);
    this.limits.use(this.services.meters, this.now);
    this.neighbors.use(program, this.southbound);
    this.snooping.update();
    this.announcements.update();
    this.advertisements.update();
    this.monitors.update();
    this.sessions.update();
  }

  /** Runs batches until nothing is under way. */
  private process(): void {
    do {
      if (this.isStale) this.rebuild();
      const left: Waiting[] = [];
      this.batch = [];
      for (const each of this.waiting) {
        if (left.length === 0 && this.plane.push(each.port, each.frame)) this.batch.push(each);
        else left.push(each);
      }
      this.waiting = left;
      this.plane.process(this.now, {
        output: (port, frame, index, queue) => this.leave(port, frame.slice(), index, queue),
        punt: (punt) => this.punt(punt),
      });
    } while (this.waiting.length > 0 || this.isStale);
  }

  private leave(number: number, frame: Uint8Array, index: number, queue: number): void {
    const port = this.physical.nameOf(number);
    if (port === undefined) return;
    this.out.push({ port, frame, ...(queue !== 0 && { queue }) });
    const wire = this.physical.wireOf(port);
    if (!wire) return;
    const crossings = (this.batch[index]?.crossings ?? 0) + 1;
    if (crossings <= MAX_CROSSINGS) this.crossWire(wire.carry(frame, number), frame, crossings);
  }

  private crossWire(to: readonly number[], frame: Uint8Array, crossings: number): void {
    for (const port of to) this.waiting.push({ port, frame, crossings });
  }

  private punt({ action: number, recirc, flow: bytes, frame }: Punt): void {
    const record = this.exports.findFrozen(recirc);
    const host = this.actions.get(number);
    if (record === 0 || !(host || number === ACTION_OPENS)) return;
    if (host && !this.limits.pass(host.meter, frame.length, this.now)) {
      this.limited += 1n;
      return;
    }
    const flow = flowOf(bytes);
    const metadata = this.exports.frozenMetadata(record);
    flow.set(new BigUint64Array(this.plane.memory().buffer, metadata, FLOW_WORDS - KEY_WORDS), KEY_WORDS);
    const datapath = this.datapaths.get(datapathOf(flow));
    if (!datapath) return;
    if (!host) {
      const port = portByKey(datapath, Number(wordOf(flow, W_PORTS) & 0xffffn));
      if (port) this.machineCame(port.logicalPort);
      return;
    }
    const pipeline = (this.exports.frozenPlace(record) >> 1) & 1 ? 'egress' : 'ingress';
    answer({ action: host.action, frame, flow, recirc, datapath, pipeline }, this, this);
  }

  private putFlow(flow: Flow): void {
    this.plane.memory().set(new Uint8Array(flow.buffer, flow.byteOffset, FLOW_SIZE), this.flowAt);
  }

  private freeze(flow: Flow, place: number): number {
    this.putFlow(flow);
    return this.exports.freeze(this.flowAt, place, 0) >>> 0;
  }

  private inject(recirc: number, flow: Flow, frame: Uint8Array): void {
    if (recirc === 0) return;
    const again = flow.slice();
    again[W_IN] = BigInt.asUintN(B_RECIRC, wordOf(flow, W_IN)) | (BigInt(recirc >>> 0) << BigInt(B_RECIRC));
    this.plane.inject(frame, new Uint8Array(again.buffer), this.now);
  }
}

/** The place of a packet that goes to its outport; asm/plane/frozen.ts. */
const OUTPUT_PLACE = RESUME_TABLE | (RESUME_OUTPUT << 2);

/** The flow of a packet that the host sends. */
function metadataOf(datapath: number, inport: number, outport: number, localOnly: boolean): Flow {
  const flow = new BigUint64Array(FLOW_WORDS);
  flow[W_DATAPATH] = BigInt(datapath) | (localOnly ? LOCAL_ONLY : 0n);
  flow[W_PORTS] = BigInt(inport) | (BigInt(outport) << BigInt(B_OUTPORT));
  return flow;
}

/** What is known of ports: by the caller, else by the database. */
function placementIn({ services }: Southbound, placement: Placement | undefined): Placement {
  if (placement) return placement;
  return services ? { ports: services.ports, balancers: [] } : NO_PLACEMENT;
}

/** Reasons of drops, by the names of the constants: `DROP_NO_FLOW` is `no-flow`. */
const dropReasons: readonly (readonly [string, number])[] = Object.entries(layout)
  .filter(([name]) => name.startsWith('DROP_') && name !== 'DROP_REASONS')
  .map(([name, reason]) => [name.slice(5).toLowerCase().replaceAll('_', '-'), Number(reason)]);

const networkPorts = ({ ports }: Southbound): string[] =>
  ports.filter(({ type }) => type === 'localnet' || type === 'l2gateway').map(({ logicalPort }) => logicalPort);
