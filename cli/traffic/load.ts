/** Load from memory on a node's packet plane, and what that tells of its speed. */
import { readFileSync } from 'node:fs';
import type { CacheCounters, Node } from '../../engine/node/index.ts';

/** Frames that come in by a port, over and over. */
export interface Stream {
  port: string;
  frames: readonly Uint8Array[];
}

/** What `lflow bench` tells; times in nanoseconds. */
export interface BenchResult {
  /** Millions of packets a second. */
  mpps: number;
  packets: number;
  seconds: number;
  /** Of the time-stamp counter, where the system tells how fast that is. */
  cyclesPerPacket?: number;
  /** Of a batch of `batch` packets. */
  latency: { batch: number; p50: number; p90: number; p99: number; p999: number; max: number };
  /** Connections that can be opened in a second; undefined if none of the packets opens any. */
  connectionsPerSecond?: number;
  /** What a packet costs that no cache knows, beside one that it does. */
  missCost: number;
  caches: Record<keyof CacheCounters, number>;
  /** Packets that were sent to ports, and those that were dropped. */
  delivered: number;
  dropped: number;
  /** With so many different frames. */
  byFrames: { frames: number; mpps: number }[];
}

/** Frames in a batch. */
const batch = 32;
/** Frames between two looks at the clock. */
const stride = 64 * batch;
/** Batches whose time is taken one by one. */
const samples = 20_000;

/** Puts the streams on a node, for about so many seconds altogether. */
export function measureLoad(node: Node, streams: readonly Stream[], seconds: number): BenchResult {
  const load = new Load(node, streams);
  load.run(seconds / 5);
  const before = { caches: load.caches(), dropped: load.dropped(), delivered: load.delivered() };
  const { packets, elapsed, cpu } = load.run(seconds);
  const after = load.caches();
  const caches = { ...after };
  for (const name of Object.keys(after) as (keyof CacheCounters)[]) caches[name] -= before.caches[name];
  const dropped = load.dropped() - before.dropped;
  const delivered = load.delivered() - before.delivered;
  const frequency = cyclesPerSecond();
  const latency = load.latency(seconds / 5);
  const byFrames = load.byFrames(seconds / 10);
  const missCost = load.missCost(seconds / 5, elapsed / packets);
  const connections = load.connectionRate(seconds / 5);
  return {
    mpps: packets / elapsed / 1000,
    packets,
    seconds: elapsed / 1000,
    ...(frequency !== undefined && { cyclesPerPacket: (cpu * frequency) / 1e6 / packets }),
    latency,
    ...(connections !== undefined && { connectionsPerSecond: connections }),
    missCost,
    caches,
    delivered,
    dropped,
    byFrames,
  };
}

/** Milliseconds and microseconds of CPU that some packets took. */
interface Pass {
  packets: number;
  elapsed: number;
  cpu: number;
}

class Load {
  private readonly node: Node;
  private readonly streams: readonly Stream[];
  /** Frames after which all have come in: the streams come by turns. */
  private readonly round: number;
  private readonly begin = performance.now();

  constructor(node: Node, streams: readonly Stream[]) {
    this.node = node;
    this.streams = streams;
    this.round = Math.max(...streams.map(({ frames }) => frames.length)) * streams.length;
    this.feed(streams);
  }

  run(seconds: number): Pass {
    const end = performance.now() + seconds * 1000;
    const total = { packets: 0, elapsed: 0, cpu: 0 };
    do add(total, this.send(stride));
    while (performance.now() < end);
    return total;
  }

  /** Percentiles of the time that one batch takes, over about so many seconds at the most. */
  latency(seconds: number): BenchResult['latency'] {
    const { exports } = this.node.plane;
    const end = performance.now() + seconds * 1000;
    const times: number[] = [];
    while (times.length < samples && (times.length < 100 || performance.now() < end)) {
      const from = process.hrtime.bigint();
      exports.replay(1, batch, this.milliseconds());
      times.push(Number(process.hrtime.bigint() - from));
    }
    times.sort((a, b) => a - b);
    const percentile = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
    return {
      batch,
      p50: percentile(0.5),
      p90: percentile(0.9),
      p99: percentile(0.99),
      p999: percentile(0.999),
      max: percentile(1),
    };
  }

  /** Forgets all connections again and again, and counts those that the next packets open. */
  connectionRate(seconds: number): number | undefined {
    const zones = this.zonesOfConnection();
    if (zones === 0) return undefined;
    let opened = 0;
    const total = { packets: 0, elapsed: 0, cpu: 0 };
    do {
      this.node.forgetConnections();
      add(total, this.send(this.round));
      opened += this.node.plane.exports.ctCount(-1) / zones;
    } while (total.elapsed < seconds * 1000);
    return opened / (total.elapsed / 1000);
  }

  /** A connection has an entry in each zone that it is committed to: how many, on the average; 0 if none is. */
  private zonesOfConnection(): number {
    let entries = 0;
    let connections = 0;
    for (const stream of this.streams) {
      this.feed(firstFrames([stream], 1));
      this.node.forgetConnections();
      this.send(batch);
      const count = this.node.plane.exports.ctCount(-1);
      entries += count;
      if (count > 0) connections += 1;
    }
    this.feed(this.streams);
    return connections === 0 ? 0 : entries / connections;
  }

  /**
   * Forgets all megaflows again and again, and sends one packet of each stream, so that
   * each is the first of its kind; `hit` milliseconds are what a packet takes that a cache knows.
   */
  missCost(seconds: number, hit: number): number {
    const { exports } = this.node.plane;
    const some = this.streams.slice(0, batch);
    this.feed(firstFrames(some, some.length));
    const before = this.caches().misses;
    const total = { packets: 0, elapsed: 0, cpu: 0 };
    do {
      exports.invalidateAll();
      const from = performance.now();
      total.packets += exports.replay(1, some.length, this.milliseconds());
      total.elapsed += performance.now() - from;
    } while (total.elapsed < seconds * 1000);
    this.feed(this.streams);
    const misses = this.caches().misses - before;
    return Math.max(0, ((total.elapsed - hit * total.packets) / Math.max(misses, 1)) * 1e6);
  }

  /** Speed with the first 1, 10, 100, ... frames of the streams. */
  byFrames(seconds: number): BenchResult['byFrames'] {
    const all = this.streams.reduce((sum, { frames }) => sum + frames.length, 0);
    const counts: number[] = [];
    for (let count = 1; count < all; count *= 10) counts.push(count);
    const measured = [...counts, all].map((count) => {
      this.feed(firstFrames(this.streams, count));
      this.send(Math.max(2 * count, stride));
      const { packets, elapsed } = this.run(seconds);
      return { frames: count, mpps: packets / elapsed / 1000 };
    });
    this.feed(this.streams);
    return measured;
  }

  caches(): Record<keyof CacheCounters, number> {
    const counters = Object.entries(this.node.plane.cacheCounters());
    return Object.fromEntries(counters.map(([name, count]) => [name, Number(count)])) as Record<
      keyof CacheCounters,
      number
    >;
  }

  dropped(): number {
    return Number(this.node.plane.dropCounters().reduce((sum, count) => sum + count, 0n));
  }

  delivered(): number {
    return this.node.ports.reduce((sum, { name }) => {
      const port = this.node.physicalPort(name);
      return port === undefined ? sum : sum + Number(this.node.plane.portCounters(port).packetsOut);
    }, 0);
  }

  private feed(streams: readonly Stream[]): void {
    const { plane } = this.node;
    plane.exports.clearCaptures();
    for (const { port, frames } of streams) {
      const number = this.node.physicalPort(port);
      if (number !== undefined) plane.addCapture(number, frames);
    }
  }

  private send(frames: number): Pass {
    const cpu = process.cpuUsage();
    const from = performance.now();
    const packets = this.node.plane.exports.replay(Math.ceil(frames / batch), batch, this.milliseconds());
    const elapsed = performance.now() - from;
    const { user, system } = process.cpuUsage(cpu);
    return { packets, elapsed, cpu: user + system };
  }

  private milliseconds(): number {
    return Math.round(performance.now() - this.begin);
  }
}

function add(total: Pass, { packets, elapsed, cpu }: Pass): void {
  total.packets += packets;
  total.elapsed += elapsed;
  total.cpu += cpu;
}

/** The streams cut down to so many frames, from each its first ones. */
function firstFrames(streams: readonly Stream[], count: number): Stream[] {
  let left = count;
  return streams.flatMap(({ port, frames }, index) => {
    const share = Math.min(frames.length, Math.ceil(left / (streams.length - index)));
    left -= share;
    return share === 0 ? [] : [{ port, frames: frames.slice(0, share) }];
  });
}

/** The time-stamp counter's speed, which Linux tells of x86: proc(5), /proc/cpuinfo. */
function cyclesPerSecond(): number | undefined {
  try {
    const megahertz = Number(/^cpu MHz\s*:\s*([\d.]+)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]);
    return megahertz > 0 ? megahertz * 1e6 : undefined;
  } catch {
    return undefined;
  }
}
