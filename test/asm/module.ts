/** The module itself, for tests that look into its memory. */
import { instantiateSync } from '@assemblyscript/loader';
import { wasm } from '#asm';

type Exports = {
  memory: { buffer: ArrayBuffer };
  parseFrame(frame: number, length: number, out: number, tags: number): void;
  fillChecksums(frame: number, length: number, out: number, tags: number): void;
  checksum(at: number, length: number): number;
  update16(check: number, before: number, after: number): number;
  update32(check: number, before: number, after: number): number;
};

export const asm: Exports = instantiateSync<Exports>(wasm).exports;
export const memory = new Uint8Array(asm.memory.buffer);
