/**
 * Frames in shared memory: a list of records, each the port's number (u32), the length (u32) and the bytes, on a
 * multiple of eight.  One thread writes while the other waits.
 */
const HEADER = 8;

/** Words of the control block, by which two threads take turns. */
export const STATE = 0;
/** Records in the batch. */
export const COUNT = 1;
export const CONTROL_WORDS = 4;

/** The worker may sleep; main has the batches. */
export const IDLE = 0;
/** The worker has frames to process. */
export const FRAMES = 1;
/** The worker has a message waiting. */
export const COMMAND = 2;
/** The worker has more outputs than fit: main takes these first. */
export const MORE = 3;
/** Main has taken them. */
export const GO_ON = 4;
/** The worker's thread failed, with a message that says why. */
export const FAILED = 5;

/** A list of records in shared memory. */
export class Batch {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private end = 0;
  count = 0;

  constructor(buffer: SharedArrayBuffer) {
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
  }

  clear(): void {
    this.end = 0;
    this.count = 0;
  }

  /** False if there is no room. */
  push(port: number, frame: Uint8Array): boolean {
    const size = (HEADER + frame.length + 7) & ~7;
    if (this.end + size > this.bytes.length) return false;
    this.view.setUint32(this.end, port, true);
    this.view.setUint32(this.end + 4, frame.length, true);
    this.bytes.set(frame, this.end + HEADER);
    this.end += size;
    this.count++;
    return true;
  }

  /** Copies of the first `count` records. */
  *read(count: number): Generator<{ port: number; frame: Uint8Array }> {
    for (let i = 0, at = 0; i < count; i++) {
      const length = this.view.getUint32(at + 4, true);
      yield { port: this.view.getUint32(at, true), frame: this.bytes.slice(at + HEADER, at + HEADER + length) };
      at += (HEADER + length + 7) & ~7;
    }
  }
}
