/** What devices can do with rules, as data: one file a device and mode, each entry with its source. */
import bluefield2 from './bluefield-2-doca.json' with { type: 'json' };
import bluefield3 from './bluefield-3-doca-hws.json' with { type: 'json' };
import connectx6Hws from './connectx-6-dx-hws.json' with { type: 'json' };
import connectx6Sws from './connectx-6-dx-sws.json' with { type: 'json' };
import kernelTc from './kernel-tc.json' with { type: 'json' };
import { readCapabilities } from './read.ts';
import type { Capabilities } from './types.ts';

export { type CapabilityFile, readCapabilities } from './read.ts';
export {
  type Ability,
  type Capabilities,
  type Limit,
  type LimitName,
  whyNotAction,
  whyNotItem,
} from './types.ts';

const files = [bluefield2, bluefield3, connectx6Hws, connectx6Sws, kernelTc];

/** The names of the devices that are known. */
export const devices: readonly string[] = files.map(({ device }) => device);

const known = new Map<string, Capabilities>();

/** What a device of that name can do; undefined where it is not known. */
export function capabilitiesOf(device: string): Capabilities | undefined {
  const found = known.get(device);
  if (found) return found;
  const file = files.find((each) => each.device === device);
  if (!file) return undefined;
  const { capabilities, problems } = readCapabilities(JSON.stringify(file), `${device}.json`);
  if (!capabilities) throw new Error(`${device}.json is not as schema.json says: ${problems[0]?.message}`);
  known.set(device, capabilities);
  return capabilities;
}
