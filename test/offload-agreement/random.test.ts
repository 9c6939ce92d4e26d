/**
 * Random topologies by data planes alone, and by data planes beside devices: the same bytes.
 *
 * LFLOW_SEED repeats a run; LFLOW_TOPOLOGIES (3) is how many topologies there are, LFLOW_RUNS (20) how many random frames
 * each port sends.  A long run: `LFLOW_TOPOLOGIES=100 LFLOW_RUNS=500 npx vitest run --project dpdk test/offload-agreement/random`.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { capabilitiesOf } from '../../engine/offload/capabilities/index.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import { readManifests } from '../../engine/spec/read.ts';
import { northboundOf } from '../../engine/vpc/index.ts';
import { seedAndRuns, wholeNumber } from '../oracle/seed.ts';
import { sceneOf } from '../ovn/plane/scene.ts';
import { randomManifests } from '../ovn/random-topologies.ts';
import { agree } from './agree.ts';

/** Ports of a topology: there is somebody to talk to, and its planning takes seconds. */
const [fewest, most] = [2, 6];
/** Devices take turns: one whose connections are entries of a pipe, one that asks for what a look-up found. */
const devices = ['bluefield-3-doca-hws', 'connectx-6-dx-sws'];

const { seed, runs } = seedAndRuns(20);
const count = wholeNumber('LFLOW_TOPOLOGIES') ?? 3;

/** Topologies of the size that is wanted. */
function topologies(): Northbound[] {
  const found: Northbound[] = [];
  for (let at = 0; found.length < count; at++) {
    const [text = ''] = fc.sample(randomManifests, { seed: seed + at, numRuns: 1 });
    const nb = northboundOf(readManifests([{ file: 'random.yaml', text }]).resources);
    const { length } = sceneOf(nb).vifs;
    if (length >= fewest && length <= most) found.push(nb);
  }
  return found;
}

const tally = { sent: 0, frames: 0, hardware: 0 };

test.each(topologies().map((nb, index) => [index + 1, nb] as const))(
  'topology %i',
  async (number, nb) => {
    const device = devices[number % devices.length] ?? '';
    const capabilities = capabilitiesOf(device);
    if (!capabilities) throw new Error(`no device ${device}`);
    const options = { capabilities, seed: seed + number, random: runs };
    for (const [carrier, found] of await agree(nb, ['proactive', 'reactive'], options)) {
      const { sent, frames, hardware, rules, differences } = found;
      process.stdout.write(
        `topology ${number} on ${device}, ${carrier}: ${sent} frames, ${hardware} of ${frames} in hardware, ${rules} rules\n`,
      );
      expect(differences, carrier).toEqual([]);
      tally.sent += sent;
      tally.frames += frames;
      tally.hardware += hardware;
    }
  },
  600_000,
);

test('some frames are in hardware', () => {
  process.stdout.write(
    `${count} topologies: ${tally.sent} frames sent, ${tally.hardware} of ${tally.frames} in hardware\n`,
  );
  expect(tally.hardware).toBeGreaterThan(0);
});
