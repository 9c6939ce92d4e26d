/** The packet plane with every assertion checked, and programs written by hand. */
import { wasm } from '#asm/plane-checked';
import { Plane, type PlaneExports, type PlaneOptions } from '../../../engine/node/plane.ts';

/** Exports that only tests use. */
export interface CheckedExports extends PlaneExports {
  extract(packet: number, flow: number): number;
  wantHash(on: number): void;
  setWord(packet: number, flow: number, word: number, value: bigint, mask: bigint): void;
  installMegaflow(
    flow: number,
    mask: number,
    program: number,
    words: number,
    tags: bigint,
    visited: bigint,
    flows: number,
    flowsCount: number,
  ): number;
  lookupMegaflow(flow: number): number;
  ageMegaflows(budget: number, idle: number): void;
  dropConnections(): void;
}

export class CheckedPlane extends Plane {
  declare readonly exports: CheckedExports;

  constructor(options: PlaneOptions = {}) {
    super({ ...options, module: wasm });
  }
}

/** One for tests that keep no state in it. */
export const checked = new CheckedPlane({ megaflows: 1024, connections: 1024, entries: 1024 });
