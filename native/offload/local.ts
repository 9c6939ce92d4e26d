/** A device in this process, by the addon that is built against DPDK. */
import { createRequire } from 'node:module';
import type { Answer, Channel, DeviceOptions } from './protocol.ts';

/** What native/offload/addon.cc exports. */
interface Addon {
  open(options: string): { readonly device: object; readonly opened: Promise<string> };
  request(device: object, request: string): Promise<string>;
  close(device: object): Promise<string>;
}

const require = createRequire(import.meta.url);

/** Opens a device; rejects, with a sentence, where there is no addon or the device does not open. */
export async function openChannel(options: DeviceOptions): Promise<Channel> {
  const addon = load();
  const { device, opened } = addon.open(JSON.stringify(options));
  await opened;
  return {
    ask: async (request) => parse(await addon.request(device, JSON.stringify(request))),
    close: async () => {
      await addon.close(device);
    },
  };
}

function parse(text: string): Answer {
  return JSON.parse(text);
}

function load(): Addon {
  try {
    const addon: Addon = require('#offload');
    return addon;
  } catch (error) {
    const [first] = String(error instanceof Error ? error.message : error).split('\n');
    throw new Error(
      `the addon for rules in hardware does not load: ${first}; install libdpdk-dev and cmake, then npm run build:dpdk`,
    );
  }
}
