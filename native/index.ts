/**
 * The TypeScript face of the native addon.  The addon may not have been built
 * (`npm install` without a compiler): then everything here says so, and
 * nothing throws.
 */
import { createRequire } from 'node:module';
import type { Machine } from './machine.ts';

export type { Library, Machine, Netdev, PciDevice } from './machine.ts';

/** What could be found out about this machine. */
export type Detection =
  | { addon: 'dpdk' | 'plain'; machine: Machine }
  /** `missing: ` and why. */
  | { addon: 'missing'; reason: string };

interface Addon {
  detect(root: string): Machine;
}

const require = createRequire(import.meta.url);

/**
 * Looks at this machine: processor, packet sockets, DPDK and DOCA, huge pages,
 * NVIDIA network controllers.  `root` stands before /proc and /sys, so that
 * another machine's files can be looked at; what the process itself may do and
 * load is always this machine's.
 */
export function detect(root = ''): Detection {
  // The build against DPDK does not load where DPDK is not installed.
  const dpdk = load('#addon/dpdk/Release');
  if (typeof dpdk !== 'string') return { addon: 'dpdk', machine: dpdk.detect(root) };
  const plain = load('#addon/Release');
  if (typeof plain !== 'string') return { addon: 'plain', machine: plain.detect(root) };
  return { addon: 'missing', reason: `missing: ${plain}` };
}

/** The addon, or why there is none. */
function load(name: string): Addon | string {
  try {
    const addon: Addon = require(name);
    return addon;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND') {
      return 'the native addon was not built';
    }
    const [first] = String(error instanceof Error ? error.message : error).split('\n');
    return `the native addon does not load: ${first}`;
  }
}
