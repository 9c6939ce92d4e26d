/**
 * A queue of frames in shared memory, from one thread to one other.
 *
 *     const ring = new Ring(ringMemory(1 << 20));
 *     ring.push(port, frame) || ...there is no room...;  ring.publish();        the one thread
 *     for (const { port, frame } of ring.take(most)) ...;  ring.free();         the other one
 *
 * Two words of control in a line of their own, bytes written and bytes read since the beginning (modulo 2^32), then
 * the records: the port's number, the length, the queue (u32 each) and the bytes, on a multiple of eight.  A record lies in one
 * piece: where the rest of the memory is too short, a port of GAP says so.
 *
 * What was published is seen by the other thread with everything that was written before; what was freed may be
 * overwritten.
 */
const HEADER = 12;
const CONTROL = 64;
const WRITTEN = 0;
const READ = 1;
const GAP = 0xffffffff;

/** A frame and the number of the port that it comes or leaves by. */
export interface Numbered {
  readonly port: number;
  readonly frame: Uint8Array;
  /** The queue that it leaves by; 0 for none. */
  readonly queue: number;
}

/** Memory for a ring of at least so many bytes. */
export function ringMemory(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(CONTROL + 2 ** Math.ceil(Math.log2(Math.max(bytes, 64))));
}

export class Ring {
  private readonly control: Int32Array<SharedArrayBuffer>;
  private readonly bytes: Uint8Array<SharedArrayBuffer>;
  private readonly words: Uint32Array<SharedArrayBuffer>;
  private readonly size: number;
  /** Of the writer: bytes written, published or not. */
  private written: number;
  /** Of the reader: bytes taken, freed or not. */
  private taken: number;

  /** One end of the ring in a memory of `ringMemory`. */
  constructor(memory: SharedArrayBuffer) {
    this.control = new Int32Array(memory, 0, 2);
    this.bytes = new Uint8Array(memory, CONTROL);
    this.words = new Uint32Array(memory, CONTROL);
    this.size = this.bytes.length;
    this.written = Atomics.load(this.control, WRITTEN);
    this.taken = Atomics.load(this.control, READ);
  }

  /** Whether a frame of so many bytes can ever be in it, wherever the last one ended. */
  holds(length: number): boolean {
    return HEADER + length + 7 <= this.size / 2;
  }

  /** Writes a frame, which the other end does not see yet; false if there is no room. */
  push(port: number, frame: Uint8Array, queue = 0): boolean {
    const size = sizeOf(frame.length);
    const at = this.written & (this.size - 1);
    const rest = this.size - at;
    const needed = rest < size ? rest + size : size;
    if (((this.written - Atomics.load(this.control, READ)) | 0) + needed > this.size) return false;
    if (rest < size) this.words[at >> 2] = GAP;
    const to = rest < size ? 0 : at;
    this.words[to >> 2] = port;
    this.words[(to >> 2) + 1] = frame.length;
    this.words[(to >> 2) + 2] = queue;
    this.bytes.set(frame, to + HEADER);
    this.written = (this.written + needed) | 0;
    return true;
  }

  /** Shows the other end what was written. */
  publish(): void {
    Atomics.store(this.control, WRITTEN, this.written);
  }

  /** Whether all that was published was taken and freed. */
  get isEmpty(): boolean {
    return Atomics.load(this.control, WRITTEN) === Atomics.load(this.control, READ);
  }

  /**
   * Copies of what was published since, about `most` bytes of it: none if there is nothing.  They share one buffer,
   * which is a copy of so many bytes of this one.
   */
  take(most: number): Numbered[] {
    const waiting = (Atomics.load(this.control, WRITTEN) - this.taken) | 0;
    if (waiting === 0) return [];
    let from = this.taken & (this.size - 1);
    if (this.words[from >> 2] === GAP) {
      this.taken = (this.taken + this.size - from) | 0;
      from = 0;
    }
    const end = from + Math.min((Atomics.load(this.control, WRITTEN) - this.taken) | 0, this.size - from);
    let at = from;
    while (at < end && at - from < most && this.words[at >> 2] !== GAP) at += sizeOf(this.words[(at >> 2) + 1] ?? 0);
    this.taken = (this.taken + at - from) | 0;
    return recordsOf(this.bytes.slice(from, at));
  }

  /** Gives the room of all that was taken back to the writer. */
  free(): void {
    Atomics.store(this.control, READ, this.taken);
  }
}

const sizeOf = (length: number): number => (HEADER + length + 7) & ~7;

function recordsOf(bytes: Uint8Array): Numbered[] {
  const words = new Uint32Array(bytes.buffer);
  const records: Numbered[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = words[(at >> 2) + 1] ?? 0;
    const frame = bytes.subarray(at + HEADER, at + HEADER + length);
    records.push({ port: words[at >> 2] ?? 0, frame, queue: words[(at >> 2) + 2] ?? 0 });
    at += sizeOf(length);
  }
  return records;
}
