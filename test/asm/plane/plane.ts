/** The packet plane with every assertion checked, and programs written by hand. */
import { wasm } from '#asm/plane-checked';
import { Plane, type PlaneOptions } from '../../../engine/node/plane.ts';

export class CheckedPlane extends Plane {
  constructor(options: PlaneOptions = {}) {
    super({ ...options, module: wasm });
  }
}

/** One for tests that keep no state in it. */
export const checked = new CheckedPlane({ megaflows: 1024, connections: 1024, entries: 1024 });
