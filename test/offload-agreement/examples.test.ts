/**
 * Examples by data planes alone, and by data planes beside devices: the same bytes.
 *
 * LFLOW_SEED repeats a run; LFLOW_RUNS (10) is how many random frames each port sends.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { capabilitiesOf } from '../../engine/offload/capabilities/index.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import { readManifests } from '../../engine/spec/read.ts';
import { northboundOf } from '../../engine/vpc/index.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { agree } from './agree.ts';

const examples = ['single-vpc', 'two-networks', 'isolated-networks', 'two-tenants', 'two-vpcs', 'service-interface'];

function example(name: string): Northbound {
  const text = readFileSync(new URL(`../../examples/${name}.yaml`, import.meta.url), 'utf8');
  return northboundOf(readManifests([{ file: `${name}.yaml`, text }]).resources);
}

const bluefield = capabilitiesOf('bluefield-3-doca-hws');
if (!bluefield) throw new Error('no such device');

test.each(examples)('examples/%s.yaml', async (name) => {
  const { seed, runs } = seedAndRuns(10);
  for (const [carrier, found] of await agree(example(name), ['proactive', 'reactive'], {
    capabilities: bluefield,
    seed,
    random: runs,
  })) {
    const { sent, frames, hardware, rules, differences } = found;
    process.stdout.write(
      `${name}, ${carrier}: ${sent} frames sent, ${hardware} of ${frames} in hardware, ${rules} rules at the end\n`,
    );
    expect(differences, carrier).toEqual([]);
    expect(hardware).toBeGreaterThan(0);
  }
});
