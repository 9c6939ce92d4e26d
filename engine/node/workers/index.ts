/**
 * One chassis on several cores: workers in threads, each with a packet plane of its own and the same program.
 *
 *     const workers = createWorkers({ southbound, chassis: 'node1', workers: 2 });
 *     workers.send('vm1', frames);
 *     for (const { port, frame } of workers.received()) ...
 *     await workers.close();
 *
 * Frames are given to the worker that their connection belongs to (steering.ts), so no connection is known to two
 * of them.  What one learns (neighbours, FDB) is told to the others before `send` returns.  What a chassis does by
 * itself (announcements, queries, checks) worker 0 does alone.  docs/workers.md says what is not the same as with
 * one engine.
 */
import { existsSync } from 'node:fs';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { Southbound } from '../../ovsdb/southbound.ts';
import type { Placement } from '../../program/index.ts';
import type { NodeOptions, NodeStats, Received } from '../node.ts';
import type { NodePort } from '../ports.ts';
import { answersMemory } from './answers.ts';
import {
  type Answer,
  BLOCKED,
  CONTROL_WORDS,
  type Command,
  type Learned,
  OBEYED,
  portNames,
  SENT,
  type Start,
  WAKE,
} from './messages.ts';
import { type Numbered, Ring, ringMemory } from './ring.ts';
import { Steering } from './steering.ts';

export interface WorkersOptions extends Omit<NodeOptions, 'learningDelay'> {
  /** How many threads; each needs the memory of a packet plane. */
  readonly workers: number;
  /** Bytes for the frames on their way to and from each worker, each way; default 4 MB, 256 kB at least. */
  readonly batchBytes?: number;
  /** The program of a worker's thread, if this module is not where it was built. */
  readonly thread?: URL;
}

export interface Workers {
  readonly ports: readonly NodePort[];
  readonly problems: readonly string[];
  /** As `Node.send`: when this returns, all that the frames cause has left.  Throws a RangeError for a port that is not here. */
  send(port: string, frames: Uint8Array | readonly Uint8Array[]): void;
  /** Frames of many ports at once, so that all workers have something to do. */
  sendAll(frames: readonly Received[]): void;
  /** What ports were sent since the last call; packets of one connection in order. */
  received(): Received[];
  advance(milliseconds: number): void;
  update(southbound: Southbound, placement?: Placement): void;
  forgetConnections(): void;
  /** Sums of all workers. */
  stats(): NodeStats;
  /** Ends the threads. */
  close(): Promise<void>;
}

/** Starts the threads.  Throws an Error if one of them cannot do what is asked. */
export function createWorkers(options: WorkersOptions): Workers {
  return new WorkerChassis(options);
}

/** A worker that does not get on for so long has died. */
const PATIENCE = 120_000;
const BATCH_BYTES = 4 << 20;
/** The longest frames fit in any case. */
const LEAST_BYTES = 256 << 10;
/** Frames after which a worker is told that there are any: it begins while main still writes. */
const PUBLISHED = 64;
/** Bytes of frames that main takes at once. */
const PORTION = 1 << 16;
/** Fragments that are held; then the oldest are dropped. */
const MOST_HELD = 256;

/** What workers have in common. */
interface Common {
  readonly workers: number;
  readonly signal: SharedArrayBuffer;
  readonly answers: SharedArrayBuffer;
}

/** Main's side of a worker. */
class Thread {
  private readonly worker: Worker;
  private readonly control: Int32Array<SharedArrayBuffer>;
  private readonly inputs: Ring;
  private readonly outputs: Ring;
  private readonly messages: MessagePort;
  private unpublished = 0;
  private told = 0;
  private heard = 0;
  private failure: string | undefined;

  constructor(options: NodeOptions, worker: number, common: Common, bytes: number, thread: URL) {
    const control = new SharedArrayBuffer(4 * CONTROL_WORDS);
    const [input, output] = [ringMemory(bytes), ringMemory(bytes)];
    const { port1, port2 } = new MessageChannel();
    this.control = new Int32Array(control);
    this.inputs = new Ring(input);
    this.outputs = new Ring(output);
    this.messages = port1;
    const start: Start = { options, worker, ...common, control, input, output, messages: port2 };
    this.worker = new Worker(thread, { workerData: start, transferList: [port2] });
    this.worker.unref();
    this.messages.unref();
  }

  /** Gives the worker a frame; false if there is no room before it has processed others. */
  push(port: number, frame: Uint8Array): boolean {
    if (!this.inputs.holds(frame.length)) {
      throw new RangeError(`a frame of ${frame.length} bytes is more than the memory between threads holds`);
    }
    const isPushed = this.inputs.push(port, frame);
    if (isPushed) this.unpublished++;
    if (!isPushed || this.unpublished >= PUBLISHED) this.publish();
    return isPushed;
  }

  /** Has the worker begin with what was pushed. */
  publish(): void {
    if (this.unpublished === 0) return;
    this.unpublished = 0;
    this.inputs.publish();
    this.wake();
  }

  tell(command: Command): void {
    this.told++;
    this.messages.postMessage(command);
    this.wake();
  }

  /** Whether the worker has done all that it was given.  What came of that is there to be taken. */
  get isIdle(): boolean {
    return this.inputs.isEmpty && Atomics.load(this.control, OBEYED) === this.told;
  }

  /** What it has sent so far. */
  *outgoing(): Generator<Numbered> {
    for (;;) {
      const frames = this.outputs.take(PORTION);
      if (frames.length === 0) return;
      this.outputs.free();
      if (Atomics.load(this.control, BLOCKED) === 1) this.wake();
      yield* frames;
    }
  }

  /** What it has said so far.  Throws an Error if it failed. */
  answers(): Answer[] {
    const answers: Answer[] = [];
    for (; this.heard !== Atomics.load(this.control, SENT); this.heard++) {
      answers.push((receiveMessageOnPort(this.messages)?.message as Answer | undefined) ?? {});
    }
    this.failure ??= answers.find(({ error }) => error !== undefined)?.error;
    if (this.failure !== undefined) throw new Error(`a worker thread failed: ${this.failure}`);
    return answers;
  }

  async close(): Promise<void> {
    this.messages.close();
    await this.worker.terminate();
  }

  private wake(): void {
    Atomics.add(this.control, WAKE, 1);
    Atomics.notify(this.control, WAKE);
  }
}

class WorkerChassis implements Workers {
  ports: readonly NodePort[] = [];
  problems: readonly string[] = [];
  private readonly chassis: string;
  private readonly threads: readonly Thread[];
  private readonly steering: Steering;
  private readonly signal: Int32Array<SharedArrayBuffer>;
  private names: readonly string[] = [];
  private numbers = new Map<string, number>();
  private out: Received[] = [];
  /** Fragments that came before the first one of their datagram. */
  private readonly held: Received[] = [];

  constructor({ workers, batchBytes = BATCH_BYTES, thread, ...options }: WorkersOptions) {
    if (!(Number.isInteger(workers) && workers > 0)) throw new RangeError(`${workers} workers: give a number above 0`);
    const program = thread ?? new URL('./thread.js', import.meta.url);
    // Main would wait for a thread that has nothing to run, and sleeping it would not hear of it.
    if (program.protocol === 'file:' && !existsSync(program)) {
      throw new Error(`there is no program for workers at ${program}; name it by \`thread\``);
    }
    this.chassis = options.chassis;
    const common: Common = { workers, signal: new SharedArrayBuffer(4), answers: answersMemory() };
    this.signal = new Int32Array(common.signal);
    this.steering = new Steering(workers, common.answers);
    const bytes = Math.max(batchBytes, LEAST_BYTES);
    this.threads = Array.from({ length: workers }, (_, worker) => new Thread(options, worker, common, bytes, program));
    this.usePorts(this.command({ type: 'start' }));
  }

  send(port: string, frames: Uint8Array | readonly Uint8Array[]): void {
    this.sendAll((frames instanceof Uint8Array ? [frames] : frames).map((frame) => ({ port, frame })));
  }

  sendAll(frames: readonly Received[]): void {
    for (const { port } of frames) {
      if (!this.numbers.has(port)) throw new RangeError(`there is no port "${port}" on chassis "${this.chassis}"`);
    }
    for (const { port, frame } of frames) {
      this.give({ port, frame });
      // The first fragment of a datagram may be what others waited for.
      if (this.held.length > 0) for (const each of this.held.splice(0)) this.give(each);
    }
    this.process();
  }

  received(): Received[] {
    return this.out.splice(0);
  }

  advance(milliseconds: number): void {
    this.command({ type: 'advance', milliseconds });
  }

  update(southbound: Southbound, placement?: Placement): void {
    this.usePorts(this.command({ type: 'update', southbound, ...(placement && { placement }) }));
  }

  forgetConnections(): void {
    this.command({ type: 'forget' });
  }

  stats(): NodeStats {
    const all = this.command({ type: 'stats' }).flatMap(({ stats }) => stats ?? []);
    const [first, ...others] = all;
    if (!first) throw new Error('no worker gave its counters');
    return others.reduce(sum, first);
  }

  async close(): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.close()));
  }

  /** Gives a frame to its worker, or keeps it for later. */
  private give({ port, frame }: Received): void {
    const number = this.numbers.get(port);
    if (number === undefined) return;
    const worker = this.steering.workerOf(frame);
    if (worker === undefined) {
      this.held.push({ port, frame });
      if (this.held.length > MOST_HELD) this.held.shift();
      return;
    }
    const thread = this.threads[worker];
    while (thread && !thread.push(number, frame)) {
      // Room comes with what the worker gets done; it may itself wait for room for what it sends.
      const seen = Atomics.load(this.signal, 0);
      const took = this.takeAll();
      if (!took && !thread.isIdle) this.wait(seen);
    }
  }

  /** Waits until all frames given are processed, and what was learned is known to all. */
  private process(): void {
    for (const thread of this.threads) thread.publish();
    this.share(this.settle(() => true));
  }

  /** Has all workers do something; what they send by themselves, worker 0 sends. */
  private command(command: Command): Answer[] {
    for (const thread of this.threads) thread.tell(command);
    const answers = this.settle((worker) => worker === 0);
    this.share(answers);
    return answers;
  }

  /** Waits until all workers have done what they were given; takes what those send who may, and gives what each said. */
  private settle(mayTake: (worker: number) => boolean): Answer[] {
    const answers: Answer[] = this.threads.map(() => ({}));
    for (;;) {
      const seen = Atomics.load(this.signal, 0);
      const areIdle = this.threads.map((thread) => thread.isIdle);
      for (const [worker, thread] of this.threads.entries()) {
        this.take(thread, mayTake(worker));
        answers[worker] = thread.answers().reduce(joined, answers[worker] ?? {});
      }
      if (areIdle.every((isIdle) => isIdle)) return answers;
      this.wait(seen);
    }
  }

  /** Sleeps until a worker has got on since `seen`. */
  private wait(seen: number): void {
    if (Atomics.wait(this.signal, 0, seen, PATIENCE) === 'timed-out') {
      throw new Error('a worker thread does not answer any more; close the workers and create new ones');
    }
  }

  /** Takes what workers have sent so far; says whether it was anything. */
  private takeAll(): boolean {
    const before = this.out.length;
    for (const thread of this.threads) this.take(thread, true);
    return this.out.length > before;
  }

  private take(thread: Thread, isWanted: boolean): void {
    for (const { port: number, frame, queue } of thread.outgoing()) {
      const port = this.names[number];
      if (port !== undefined && isWanted) this.out.push({ port, frame, ...(queue !== 0 && { queue }) });
    }
  }

  /** Tells every worker what the others have learned. */
  private share(answers: readonly Answer[]): void {
    const news = answers.map(({ learned }) => learned);
    let isNews = false;
    for (const [worker, thread] of this.threads.entries()) {
      const others = news.filter((each, from): each is Learned => each !== undefined && from !== worker);
      if (others.length === 0) continue;
      const macBindings = others.flatMap((each) => each.macBindings);
      const fdb = others.flatMap((each) => each.fdb);
      const activated = others.flatMap((each) => each.activated ?? []);
      thread.tell({ type: 'learn', learned: { macBindings, fdb, activated } });
      isNews = true;
    }
    if (isNews) this.settle(() => true);
  }

  private usePorts(answers: readonly Answer[]): void {
    const [first] = answers;
    this.ports = first?.ports ?? [];
    this.problems = first?.problems ?? [];
    this.names = portNames(this.ports);
    this.numbers = new Map(this.names.map((name, number) => [name, number]));
  }
}

/** What was said first, and then more. */
function joined(one: Answer, other: Answer): Answer {
  const learned = one.learned && other.learned ? both(one.learned, other.learned) : (one.learned ?? other.learned);
  return { ...one, ...other, ...(learned && { learned }) };
}

const both = (one: Learned, other: Learned): Learned => ({
  macBindings: [...one.macBindings, ...other.macBindings],
  fdb: [...one.fdb, ...other.fdb],
  activated: [...(one.activated ?? []), ...(other.activated ?? [])],
});

function sum(one: NodeStats, other: NodeStats): NodeStats {
  const flows = new Map(one.flows.map((each) => [each.flow.uuid + each.flow.datapath, each]));
  for (const each of other.flows) {
    const key = each.flow.uuid + each.flow.datapath;
    const before = flows.get(key);
    flows.set(key, before ? { flow: each.flow, ...added(counts(before), counts(each)) } : each);
  }
  return {
    ports: one.ports.map(({ port, counters }, i) => {
      const others = other.ports[i]?.counters;
      return { port, counters: others ? added({ ...counters }, { ...others }) : counters };
    }),
    caches: added({ ...one.caches }, { ...other.caches }),
    drops: added({ ...one.drops }, { ...other.drops }),
    limited: one.limited + other.limited,
    flows: [...flows.values()],
  };
}

const counts = ({ packets, bytes }: { packets: bigint; bytes: bigint }) => ({ packets, bytes });

function added<T extends Record<string, bigint>>(one: T, other: T): T {
  return Object.fromEntries(Object.entries(one).map(([key, value]) => [key, value + (other[key] ?? 0n)])) as T;
}
