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
import { Batch, COMMAND, CONTROL_WORDS, COUNT, FAILED, FRAMES, GO_ON, IDLE, MORE, STATE } from './batch.ts';
import { type Answer, type Command, type Learned, portNames, type Start } from './messages.ts';
import { Steering } from './steering.ts';

export interface WorkersOptions extends Omit<NodeOptions, 'learningDelay'> {
  /** How many threads; each needs the memory of a packet plane. */
  readonly workers: number;
  /** Bytes for the frames of a batch, each way, of each worker; default 4 MB. */
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

/** A worker that does not answer for so long has died. */
const PATIENCE = 120_000;
const BATCH_BYTES = 4 << 20;
/** Fragments that are held; then the oldest are dropped. */
const MOST_HELD = 256;

/** Main's side of a worker. */
class Thread {
  private readonly worker: Worker;
  private readonly control: Int32Array<SharedArrayBuffer>;
  private readonly inputs: Batch;
  private readonly outputs: Batch;
  private readonly messages: MessagePort;

  constructor(options: NodeOptions, bytes: number, thread: URL) {
    const shared = new SharedArrayBuffer(4 * CONTROL_WORDS);
    const [input, output] = [new SharedArrayBuffer(bytes), new SharedArrayBuffer(bytes)];
    const { port1, port2 } = new MessageChannel();
    this.control = new Int32Array(shared);
    this.inputs = new Batch(input);
    this.outputs = new Batch(output);
    this.messages = port1;
    const start: Start = { options, control: shared, input, output, messages: port2 };
    this.worker = new Worker(thread, { workerData: start, transferList: [port2] });
    this.worker.unref();
    this.messages.unref();
  }

  /** False if the batch is full. */
  push(port: number, frame: Uint8Array): boolean {
    return this.inputs.push(port, frame);
  }

  /** Has the worker process what was pushed; says whether there is anything. */
  begin(): boolean {
    const { count } = this.inputs;
    if (count === 0) return false;
    this.inputs.clear();
    Atomics.store(this.control, COUNT, count);
    this.wake(FRAMES);
    return true;
  }

  tell(command: Command): void {
    this.messages.postMessage(command);
    this.wake(COMMAND);
  }

  /** Waits until the worker has done what it was told, and takes what it sends. */
  finish(take: (port: number, frame: Uint8Array) => void): Answer {
    for (;;) {
      const state = Atomics.load(this.control, STATE);
      if (state === FRAMES || state === COMMAND || state === GO_ON) {
        if (Atomics.wait(this.control, STATE, state, PATIENCE) === 'timed-out') {
          throw new Error('a worker thread does not answer any more; close the workers and create new ones');
        }
        continue;
      }
      if (state === FAILED) throw new Error(`a worker thread failed: ${this.answer().error ?? 'it does not say why'}`);
      for (const { port, frame } of this.outputs.read(Atomics.load(this.control, COUNT))) take(port, frame);
      if (state === IDLE) return this.answer();
      if (state === MORE) this.wake(GO_ON);
    }
  }

  async close(): Promise<void> {
    this.messages.close();
    await this.worker.terminate();
  }

  private answer(): Answer {
    return (receiveMessageOnPort(this.messages)?.message as Answer | undefined) ?? {};
  }

  private wake(state: number): void {
    Atomics.store(this.control, STATE, state);
    Atomics.notify(this.control, STATE);
  }
}

class WorkerChassis implements Workers {
  ports: readonly NodePort[] = [];
  problems: readonly string[] = [];
  private readonly chassis: string;
  private readonly threads: readonly Thread[];
  private readonly steering: Steering;
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
    this.steering = new Steering(workers);
    this.threads = Array.from({ length: workers }, () => new Thread(options, batchBytes, program));
    this.usePorts(this.command({ type: 'start' }));
  }

  send(port: string, frames: Uint8Array | readonly Uint8Array[]): void {
    this.sendAll((frames instanceof Uint8Array ? [frames] : frames).map((frame) => ({ port, frame })));
  }

  sendAll(frames: readonly Received[]): void {
    for (const { port, frame } of frames) {
      if (!this.numbers.has(port)) throw new RangeError(`there is no port "${port}" on chassis "${this.chassis}"`);
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

  /** Puts a frame into its worker's batch, or keeps it for later. */
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
    if (!thread || thread.push(number, frame)) return;
    this.process();
    if (!thread.push(number, frame)) {
      throw new RangeError(`a frame of ${frame.length} bytes is more than a batch holds`);
    }
  }

  private process(): void {
    const busy = this.threads.map((thread) => thread.begin());
    const answers = this.threads.map((thread, worker) => (busy[worker] ? this.finish(thread, worker) : {}));
    this.share(answers);
  }

  /** Has all workers do something; what they send by themselves, worker 0 sends. */
  private command(command: Command): Answer[] {
    for (const thread of this.threads) thread.tell(command);
    const answers = this.threads.map((thread, worker) =>
      worker === 0 ? this.finish(thread, worker) : thread.finish(() => {}),
    );
    this.share(answers);
    return answers;
  }

  private finish(thread: Thread, worker: number): Answer {
    return thread.finish((number, frame) => {
      const port = this.names[number];
      if (port === undefined) return;
      this.steering.sent(frame, worker);
      this.out.push({ port, frame });
    });
  }

  /** Tells every worker what the others have learned. */
  private share(answers: readonly Answer[]): void {
    const news = answers.map(({ learned }) => learned);
    for (const [worker, thread] of this.threads.entries()) {
      const others = news.filter((each, from): each is Learned => each !== undefined && from !== worker);
      if (others.length === 0) continue;
      const macBindings = others.flatMap((each) => each.macBindings);
      const fdb = others.flatMap((each) => each.fdb);
      thread.tell({ type: 'learn', learned: { macBindings, fdb } });
      this.finish(thread, worker);
    }
  }

  private usePorts(answers: readonly Answer[]): void {
    const [first] = answers;
    this.ports = first?.ports ?? [];
    this.problems = first?.problems ?? [];
    this.names = portNames(this.ports);
    this.numbers = new Map(this.names.map((name, number) => [name, number]));
  }
}

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
