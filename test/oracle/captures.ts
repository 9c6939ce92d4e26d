/** Captures (pcap, in the machine's byte order) that a switch writes while they are read: ovs-vswitchd's dummy devices. */
import { closeSync, existsSync, openSync, readSync } from 'node:fs';

/** The frames of a growing capture. */
export interface Capture {
  /** The whole frames that were added since the last call. */
  read(): Uint8Array[];
  close(): void;
}

const fileHeader = 24;
const recordHeader = 16;

/** Reads the capture at `path`, which need not be there yet. */
export function openCapture(path: string): Capture {
  let file: number | undefined;
  let at = fileHeader;
  let chunk = Buffer.alloc(1 << 16);
  return {
    read() {
      if (file === undefined) {
        if (!existsSync(path)) return [];
        file = openSync(path, 'r');
      }
      const frames: Uint8Array[] = [];
      for (;;) {
        const length = readSync(file, chunk, 0, chunk.length, at);
        let next = 0;
        while (next + recordHeader <= length) {
          const end = next + recordHeader + chunk.readUInt32LE(next + 8);
          if (end > length) break;
          frames.push(Uint8Array.from(chunk.subarray(next + recordHeader, end)));
          next = end;
        }
        at += next;
        if (next > 0) continue;
        if (length < chunk.length) return frames;
        chunk = Buffer.alloc(chunk.length * 2);
      }
    },
    close() {
      if (file !== undefined) closeSync(file);
      file = undefined;
    },
  };
}
