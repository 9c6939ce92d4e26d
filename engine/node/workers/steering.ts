/**
 * Which worker a frame belongs to.
 *
 * A connection belongs to the worker of its first packet, which is chosen by protocol and ports: those of both
 * directions in one number, without addresses.  So connections that want the same translated port of one address
 * meet in one worker, which tells them apart as a single engine does.  Where translation changes a port, the answer
 * would go elsewhere: what a worker sent is remembered by what answers it (answers.ts), and answers follow that.
 *
 * ICMP errors go where the packet goes that they quote, fragments where the first one of their datagram went.
 * What has no ports (ARP, neighbour discovery, IGMP, unknown protocols) or goes to a group belongs to worker 0.
 *
 * Main asks `workerOf`, workers call `sent`; each has a Steering of its own over the same answers.
 */
import { Answers, answersMemory } from './answers.ts';
import { Reading, readFrame } from './reading.ts';

/** Fragments that are remembered; then the oldest are forgotten. */
const MOST = 1 << 17;

export class Steering {
  private readonly workers: number;
  private readonly answers: Answers;
  private readonly fragments = new Map<string, number>();
  private readonly reading: Reading;

  /** `answers`: memory that all who steer the same workers share. */
  constructor(workers: number, answers = answersMemory()) {
    this.workers = workers;
    this.answers = new Answers(answers);
    this.reading = new Reading(this.answers.seeds);
  }

  /** The worker that a frame is for; undefined for a fragment as long as the first one of its datagram has not come. */
  workerOf(frame: Uint8Array): number | undefined {
    if (this.workers === 1 || isGroup(frame)) return 0;
    const { reading } = this;
    if (!readFrame(frame, reading)) return 0;
    if (reading.isLater) return this.fragments.get(reading.fragment ?? '');
    const worker = this.answers.get(reading.key.low, reading.key.high) ?? reading.hash % this.workers;
    if (reading.fragment !== undefined) remember(this.fragments, reading.fragment, worker);
    return worker;
  }

  /** A worker sent a frame: answers to it are the same worker's. */
  sent(frame: Uint8Array, worker: number): void {
    if (this.workers === 1) return;
    const { reading } = this;
    if (!readFrame(frame, reading) || reading.isLater) return;
    const { low, high } = reading.answer;
    // Where the hash says the same, nothing needs to be remembered, unless something else was.
    const known = this.answers.get(low, high) ?? reading.hash % this.workers;
    if (known !== worker) this.answers.put(low, high, worker);
  }

  /** Answers that are remembered. */
  get size(): number {
    return this.answers.size;
  }
}

const isGroup = (frame: Uint8Array): boolean => ((frame[0] ?? 0) & 1) === 1;

function remember(map: Map<string, number>, key: string, worker: number): void {
  map.delete(key);
  map.set(key, worker);
  if (map.size <= MOST) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
