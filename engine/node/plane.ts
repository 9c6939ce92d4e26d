/**
 * The packet plane, typed: one instance of the WebAssembly module `#asm/plane`
 * is one chassis.
 *
 *     const plane = new Plane({ ports: 64 });
 *     plane.load(program.image, changed, program.thresholds);
 *     plane.addPort(1);
 *     plane.push(1, frame);
 *     plane.process(milliseconds, { output(port, frame) {}, punt(punt) {} });
 *
 * What flows learn and what conntrack knows are reached by `plane.exports`.
 */
import { instantiateSync } from '@assemblyscript/loader';
import { wasm } from '#asm/plane';
import {
  LEARNED_AFFINITY,
  LEARNED_FDB,
  LEARNED_HAIRPIN,
  LEARNED_NEIGHBOR,
  LEARNED_NEXT_HOP,
} from '../../asm/plane/image.ts';
import { FLOW_SIZE, HEADROOM, MAX_THRESHOLDS } from '../../asm/plane/layout.ts';
import type { PlaneExports } from './plane-exports.ts';

/** How much room is made; numbers are counts. */
export interface PlaneOptions {
  /** Physical ports: their numbers are below this one. */
  ports?: number;
  megaflows?: number;
  /** Tracked connections. */
  connections?: number;
  /** Directions of connections whose packets go by heart; a power of two. */
  entries?: number;
  /** Tunnels, and ends of them. */
  tunnels?: number;
  meters?: number;
  /** VLAN tags that flows have fields for (2): `vlan-limit` of ovs-vswitchd.conf.db(5), which ovn-controller sets to as many as there can be. */
  vlanLimit?: 1 | 2;
  /** What hashes start from, so that senders cannot know them. */
  seed?: bigint;
  /** The module's bytes, if not the usual ones: `#asm/plane-checked` has every assertion. */
  module?: Uint8Array<ArrayBuffer>;
}

/** What becomes of packets. */
export interface Outlet {
  /**
   * A frame that leaves by a physical port.  The bytes are the plane's: they are
   * good until the call returns.  `index` counts the frames since the last
   * `process`; -1 for an injected one.  `queue` is the queue of the port that a flow
   * chose (`set_queue`, of northbound `qos_max_rate` and its like), 0 for none.
   */
  output(port: number, frame: Uint8Array, index: number, queue: number): void;
  /** A packet that waits for the host.  `inject` may be called from here. */
  punt(punt: Punt): void;
}

/** A packet that met an action of the host's. */
export interface Punt {
  /** Number of the action. */
  action: number;
  /** Goes into RECIRC of the flow if the packet is to go on where it stopped; 0 if it is not. */
  recirc: number;
  /** Physical port that the packet came in by. */
  inPort: number;
  index: number;
  /** FLOW_SIZE bytes: all words (asm/plane/layout.ts). */
  flow: Uint8Array;
  frame: Uint8Array;
}

export interface PortCounters {
  packetsIn: bigint;
  bytesIn: bigint;
  packetsOut: bigint;
  bytesOut: bigint;
}

/** How packets were found. */
export interface CacheCounters {
  /** By their connection's entry. */
  connections: bigint;
  /** By a megaflow; a packet that comes again counts again. */
  megaflows: bigint;
  /** Translations. */
  misses: bigint;
  recirculations: bigint;
  /** Translations that could not be kept. */
  unkept: bigint;
  connectionsNew: bigint;
  punts: bigint;
}

/** Outer headers of a tunnel, as `asm/plane/encap.ts` wants them. */
export interface TunnelHeaders {
  kind: 'geneve' | 'vxlan';
  /** Physical port of the underlay. */
  underlay: number;
  ip6: boolean;
  /** Whether UDP over IPv4 gets a checksum. */
  checksum: boolean;
  /** Ethernet to the end of Geneve's option or VXLAN's header. */
  headers: Uint8Array;
  /** Where the IP header begins. */
  l3: number;
}

/** Addresses of packets that come in through a tunnel; IPv4 in the lowest 32 bits. */
export interface TunnelEnd {
  kind: 'geneve' | 'vxlan';
  ip6: boolean;
  /** The other chassis. */
  remote: bigint;
  /** This chassis. */
  local: bigint;
  /** Physical port that the inner frames come in by. */
  port: number;
}

/** What tables may take of the 4 GB that there are. */
const MOST_BYTES = 3 * 2 ** 30;
const PORT_PRESENT = 1;
const PORT_UNDERLAY = 2;
const MAX_INPUTS = 1024;
const INPUT_SIZE = 16;
/** Bytes for the frames of a batch, and for injected ones. */
const FRAMES = 16 << 20;
const INJECTED = 4 << 20;
/** Bytes behind a frame that may be read. */
const SLACK = 16;
const MAX_FRAME = 0xffff - 8;
const PUNT_HEADER = 32;
const TUNNEL_HEADERS = 32;
const MAX_HEADERS = 96;
const kinds = { geneve: 1, vxlan: 2 } as const;

const usualPorts = 1024;
const usualTunnels = 1024;
const usualMeters = 1024;

const learnedKinds = [LEARNED_NEIGHBOR, LEARNED_FDB, LEARNED_AFFINITY, LEARNED_HAIRPIN, LEARNED_NEXT_HOP];

export class Plane {
  private readonly options: PlaneOptions;
  readonly exports: PlaneExports;
  private readonly frames: number;
  private readonly injected: number;
  private readonly flow: number;
  /** FLOW_SIZE bytes for the host's own use. */
  readonly flowAt: number;
  private readonly images: [Region, Region] = [emptyRegion(), emptyRegion()];
  private pushed = 0;
  private frameEnd = 0;
  private injectedEnd = 0;
  private image = 0;
  private bytes = new Uint8Array();
  private view = new DataView(new ArrayBuffer(0));

  /** Throws a RangeError if there is not so much memory. */
  constructor(options: PlaneOptions = {}) {
    this.options = options;
    this.exports = instantiateSync<PlaneExports & Record<string, unknown>>(options.module ?? wasm).exports;
    const seed = options.seed ?? 0n;
    if (seed !== 0n) {
      const words = [Number(seed & 0xffffffffn), Number((seed >> 32n) & 0xffffffffn)] as const;
      this.exports.setSeed(...words);
      this.exports.ctSeed(...words);
    }
    this.exports.setTagLimit(options.vlanLimit ?? 2);
    const { ports = usualPorts, megaflows = 65536, connections = 65536, entries = 65536 } = options;
    const { tunnels = usualTunnels, meters = usualMeters } = options;
    // Bytes of each, so that no product leaves the 32 bits that the module counts in.
    const bytes = ports * 64 + megaflows * 264 + connections * 224 + entries * 264 + tunnels * 192 + meters * 32;
    const done = bytes < MOST_BYTES && this.exports.initPlane(ports, megaflows, connections, entries, tunnels, meters);
    if (!done) throw new RangeError('there is not enough memory for a packet plane of this size');
    this.frames = this.reserve(FRAMES);
    this.injected = this.reserve(INJECTED);
    this.flow = this.reserve(FLOW_SIZE);
    this.flowAt = this.reserve(FLOW_SIZE);
  }

  /**
   * Forgets the chassis that it served, for another one: ports, tunnels, meters, connections and what was learned; what was
   * counted stays, and so does the seed.  False if fragments wait for the rest of their datagram: then it cannot be used before
   * their time is over.
   */
  empty(): boolean {
    const { exports, options } = this;
    const { ports = usualPorts, tunnels = usualTunnels, meters = usualMeters } = options;
    for (let port = 0; port < ports; port++) exports.setPort(port, 0);
    for (let tunnel = 0; tunnel < tunnels; tunnel++) this.setTunnel(tunnel);
    for (let meter = 0; meter < meters; meter++) exports.setMeter(meter, 0, 0, 0);
    exports.clearEnds();
    exports.ctFlush(-1);
    if (exports.learnedCount() > 0) for (const kind of learnedKinds) exports.forgetAll(kind, 0xffffffff);
    exports.invalidateAll();
    exports.release();
    this.pushed = 0;
    this.frameEnd = 0;
    this.injectedEnd = 0;
    return exports.ctFragments() === 0;
  }

  /**
   * Takes a program's image into use.  `changed` has the bits of the tables that
   * are not as they were (all without): megaflows that depend on them go,
   * connections stay.  Throws an Error if the image is none.
   */
  load(image: Uint8Array, changed?: bigint, thresholds: readonly number[] = []): void {
    if (thresholds.length > MAX_THRESHOLDS) {
      throw new RangeError(`a program has ${MAX_THRESHOLDS} different packet sizes at most, not ${thresholds.length}`);
    }
    // The region that is not in use.
    const region = this.images[this.image === 0 ? 1 : 0];
    if (region.size < image.length) {
      this.exports.giveBack(region.at, region.size);
      region.size = 0;
      // Room for some growth.
      const size = image.length + (image.length >> 1);
      region.at = this.reserve(size);
      region.size = size;
    }
    this.memory().set(image, region.at);
    if (!this.exports.loadImage(region.at, image.length)) throw new Error('these bytes are no image of a program');
    this.image = 1 - this.image;
    const view = this.data();
    const at = this.exports.thresholdsAt();
    for (const [i, bytes] of thresholds.entries()) view.setUint32(at + 4 * i, bytes, true);
    this.exports.setThresholds(thresholds.length);
    if (changed === undefined) this.exports.invalidateAll();
    else this.exports.invalidateTables(changed);
  }

  /** Frames may come in and go out by this physical port; `underlay`: tunnels end here. */
  addPort(port: number, options: { underlay?: boolean } = {}): void {
    if (!this.exports.setPort(port, PORT_PRESENT | (options.underlay ? PORT_UNDERLAY : 0))) {
      throw new RangeError(`there is no room for a physical port ${port}; ask for more \`ports\``);
    }
  }

  /** Frames for this port are dropped from now on. */
  removePort(port: number): void {
    this.exports.setPort(port, 0);
  }

  /** Puts a frame into the next batch; false if that is full. */
  push(port: number, frame: Uint8Array): boolean {
    const slot = (HEADROOM + frame.length + SLACK + 63) & ~63;
    if (this.pushed === MAX_INPUTS || this.frameEnd + slot > FRAMES) return false;
    const at = this.frames + this.frameEnd + HEADROOM;
    this.memory().set(frame, at);
    const input = this.exports.inputsAt() + this.pushed * INPUT_SIZE;
    const view = this.data();
    view.setUint32(input, port, true);
    view.setUint32(input + 4, at, true);
    view.setUint32(input + 8, frame.length, true);
    this.pushed += 1;
    this.frameEnd += slot;
    return true;
  }

  /** Processes the batch, and tells what came of it.  `milliseconds` since the engine started, rounded. */
  process(milliseconds: number, outlet: Outlet): void {
    let first = 0;
    let left = this.pushed;
    for (;;) {
      const taken = this.exports.process(left, milliseconds);
      this.drain(outlet, first);
      this.exports.release();
      first += taken;
      left -= taken;
      if (left <= 0) break;
      const inputs = this.exports.inputsAt();
      this.memory().copyWithin(inputs, inputs + taken * INPUT_SIZE, inputs + (taken + left) * INPUT_SIZE);
    }
    this.pushed = 0;
    this.frameEnd = 0;
    this.injectedEnd = 0;
  }

  /**
   * Sends a frame of the host's own on its way: words W_IN (port and RECIRC),
   * W_TUNNEL and what conntrack said are taken from `flow` (FLOW_SIZE bytes).
   * What comes of it is told by the next `process`, or by the one under way.
   * False if the frame is too short or too long, or there is no room for it.
   */
  inject(frame: Uint8Array, flow: Uint8Array, milliseconds: number): boolean {
    const slot = (HEADROOM + frame.length + SLACK + 63) & ~63;
    if (frame.length > MAX_FRAME || flow.length !== FLOW_SIZE || this.injectedEnd + slot > INJECTED) return false;
    const at = this.injected + this.injectedEnd + HEADROOM;
    const memory = this.memory();
    memory.set(frame, at);
    memory.set(flow, this.flow);
    this.injectedEnd += slot;
    return this.exports.inject(at, frame.length, this.flow, milliseconds) !== 0;
  }

  /** Sets the outer headers of a tunnel; without them, packets for it are dropped. */
  setTunnel(tunnel: number, to?: TunnelHeaders): void {
    const at = this.exports.tunnelRecord(tunnel);
    if (at === 0) throw new RangeError(`there is no room for a tunnel ${tunnel}; ask for more \`tunnels\``);
    const view = this.data();
    view.setUint32(at, to ? kinds[to.kind] : 0, true);
    if (!to) return;
    if (to.headers.length > MAX_HEADERS) {
      throw new RangeError(`the outer headers have ${to.headers.length} bytes, more than ${MAX_HEADERS}`);
    }
    view.setUint32(at + 4, to.underlay, true);
    view.setUint32(at + 8, to.headers.length, true);
    view.setUint32(at + 12, (to.ip6 ? 1 : 0) | (to.checksum ? 2 : 0), true);
    view.setUint32(at + 16, to.l3, true);
    this.memory().set(to.headers, at + TUNNEL_HEADERS);
  }

  /** Sets which packets of the underlay are unpacked. */
  setEnds(ends: Iterable<TunnelEnd>): void {
    this.exports.clearEnds();
    const at = this.exports.endAddresses();
    for (const { kind, ip6, remote, local, port } of ends) {
      const view = this.data();
      const halves = [remote >> 64n, remote, local >> 64n, local];
      view.setBigUint64(at, ip6 ? 0n : (remote << 32n) | local, true);
      for (const [i, half] of halves.entries()) view.setBigUint64(at + 8 + 8 * i, ip6 ? half : 0n, true);
      if (!this.exports.addEnd(kinds[kind], port))
        throw new RangeError('there are too many ends; ask for more `tunnels`');
    }
  }

  /** Sets a meter: packets or kilobits a second, and a burst in the same unit; rate 0 takes it away. */
  setMeter(meter: number, unit: 'packets' | 'kilobits', rate: number, burst: number): void {
    if (!this.exports.setMeter(meter, unit === 'packets' ? 0 : 1, rate, burst)) {
      throw new RangeError(`there is no room for a meter ${meter}; ask for more \`meters\``);
    }
  }

  portCounters(port: number): PortCounters {
    const at = this.exports.portRecord(port);
    if (at === 0) return { packetsIn: 0n, bytesIn: 0n, packetsOut: 0n, bytesOut: 0n };
    const [packetsIn, bytesIn, packetsOut, bytesOut] = this.numbers(at, 4);
    return { packetsIn, bytesIn, packetsOut, bytesOut } as PortCounters;
  }

  cacheCounters(): CacheCounters {
    const [connections, megaflows, misses, recirculations, unkept, connectionsNew, punts] = this.numbers(
      this.exports.cacheCounters(),
      7,
    );
    return { connections, megaflows, misses, recirculations, unkept, connectionsNew, punts } as CacheCounters;
  }

  /** Packets dropped, by `DROP_...` of asm/plane/layout.ts. */
  dropCounters(): bigint[] {
    return this.numbers(this.exports.dropCounters(), 32);
  }

  /** Packets and bytes that met each of these logical flows. */
  flowCounters(flows: Iterable<number>): Map<number, { packets: bigint; bytes: bigint }> {
    this.exports.pushAllCounters();
    const counters = new Map<number, { packets: bigint; bytes: bigint }>();
    for (const flow of flows) {
      const at = this.exports.flowCounter(flow);
      const [packets = 0n, bytes = 0n] = at === 0 ? [] : this.numbers(at, 2);
      counters.set(flow, { packets, bytes });
    }
    return counters;
  }

  /** Keeps frames that `replay` sends in again and again by a port. */
  addCapture(port: number, frames: readonly Uint8Array[]): void {
    const sizes = frames.map((frame) => 16 + ((frame.length + 15) & ~15));
    const at = this.exports.addCapture(
      port,
      sizes.reduce((sum, size) => sum + size, 0),
    );
    if (at === 0) throw new RangeError('there is not enough memory for this capture');
    let to = at;
    const memory = this.memory();
    const view = this.data();
    for (const [i, frame] of frames.entries()) {
      view.setUint32(to, frame.length, true);
      memory.set(frame, to + 16);
      to += sizes[i] ?? 0;
    }
    view.setUint32(to, 0, true);
  }

  /** The module's memory as it is now; growth makes it another one. */
  memory(): Uint8Array {
    if (this.bytes.buffer !== this.exports.memory.buffer) {
      this.bytes = new Uint8Array(this.exports.memory.buffer);
      this.view = new DataView(this.exports.memory.buffer);
    }
    return this.bytes;
  }

  /** The same, for numbers; they are little-endian. */
  data(): DataView {
    this.memory();
    return this.view;
  }

  /** A region that is kept until `exports.giveBack`.  Throws a RangeError if there is no memory left. */
  reserve(bytes: number): number {
    const at = this.exports.reserve(bytes) >>> 0;
    if (at === 0) throw new RangeError(`there is no memory for ${bytes} bytes more in the packet plane`);
    return at;
  }

  /** Tells of outputs and punts until there is no more; those of frames injected meanwhile too. */
  private drain(outlet: Outlet, first: number): void {
    let outputs = 0;
    let punts = 0;
    let puntAt = this.exports.puntsAt();
    while (outputs < this.exports.outputsCount() || punts < this.exports.puntsCount()) {
      for (; outputs < this.exports.outputsCount(); outputs++) {
        const view = this.data();
        const at = this.exports.outputsAt() + outputs * 16;
        const frame = view.getUint32(at + 4, true);
        const index = view.getInt32(at + 12, true);
        const bytes = this.memory().subarray(frame, frame + view.getUint16(at + 8, true));
        const queue = view.getUint16(at + 10, true);
        outlet.output(view.getUint32(at, true), bytes, index < 0 ? -1 : first + index, queue);
      }
      if (punts === this.exports.puntsCount()) break;
      const view = this.data();
      const size = view.getUint32(puntAt, true);
      outlet.punt(this.readPunt(puntAt, first));
      puntAt += size;
      punts += 1;
    }
  }

  /** Copies: the host keeps a punt for as long as it likes. */
  private readPunt(at: number, first: number): Punt {
    const view = this.data();
    const index = view.getInt32(at + 16, true);
    const flow = at + PUNT_HEADER;
    const frame = flow + FLOW_SIZE;
    return {
      action: view.getUint32(at + 4, true),
      recirc: view.getUint32(at + 8, true),
      inPort: view.getUint32(at + 20, true),
      index: index < 0 ? -1 : first + index,
      flow: this.memory().slice(flow, frame),
      frame: this.memory().slice(frame, frame + view.getUint32(at + 12, true)),
    };
  }

  private numbers(at: number, count: number): bigint[] {
    const view = this.data();
    return Array.from({ length: count }, (_, i) => view.getBigUint64(at + 8 * i, true));
  }
}

interface Region {
  at: number;
  size: number;
}

function emptyRegion(): Region {
  return { at: 0, size: 0 };
}
