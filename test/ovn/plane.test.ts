/**
 * Frames beside the real data plane, topology by topology: what hosts say to each other, to
 * routers and to the world outside, then random frames, go into ovn-controller and ovs-vswitchd
 * and into a chassis of lflow's own that reads the same southbound database.  Every port should be
 * sent the same bytes.  Two real worlds are, so whatever differs is lflow's doing: it is printed, counted, and
 * bounded, for each topology and altogether (`test/ovn/plane/bounds.ts`).
 *
 * LFLOW_SEED repeats a run; LFLOW_RUNS (500) is the number of random frames a topology;
 * LFLOW_BATCH (10) is how many of them are sent at once; LFLOW_TOPOLOGY picks topologies by a
 * part of their names.  With LFLOW_RECORD=1 some topologies become recordings.
 */
import { writeFile } from 'node:fs/promises';
import { afterAll, describe, expect, test } from 'vitest';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import { placementOf } from '../../engine/program/index.ts';
import { compareSteps, type Step } from '../oracle/exchange.ts';
import { nodeWorld } from '../oracle/node-world.ts';
import { peerChassis } from '../oracle/packet-peer.ts';
import { formatPlaneRecording, planeRecordingUrl } from '../oracle/plane-recording.ts';
import { seedAndRuns, wholeNumber } from '../oracle/seed.ts';
import { southboundOf, southboundTables } from '../oracle/southbound.ts';
import { inRealWorld, playAll } from './plane/both.ts';
import { type Agreement, agreementOf, exceeded, leastEqual, leastForAll, leastForOne, total } from './plane/bounds.ts';
import { comparedSteps, southboundFor } from './plane/differences.ts';
import { northboundOfCentral } from './plane/scene.ts';
import { planeTopologies } from './plane/topologies.ts';

const { seed, runs } = seedAndRuns(500);
const batch = wholeNumber('LFLOW_BATCH') ?? 10;
const wanted = process.env.LFLOW_TOPOLOGY ?? '';

const tally = { topologies: 0, equal: 0, frames: 0, received: 0 };
const agreements: Agreement[] = [];
afterAll(() => {
  const { topologies, equal, frames, received } = tally;
  const { conversations, random } = total(agreements);
  process.stdout.write(
    `${topologies} topologies, ${equal} of them equal: ${frames} frames sent, ${received} received in the real world; ` +
      `different: ${conversations.different} of ${conversations.count} conversations, ` +
      `${random.different} of ${random.count} batches of random frames\n`,
  );
});

const topologies = planeTopologies.filter(({ name }) => name.includes(wanted));

test('there are enough of them, each with a name of its own', () => {
  expect(planeTopologies.length).toBeGreaterThan(40);
  expect(new Set(planeTopologies.map(({ name }) => name)).size).toBe(planeTopologies.length);
});

const options = { seed, count: runs, batch };

describe.each(topologies)('$name', (topology) => {
  test('frames', async () => {
    await inRealWorld(topology, async (peer, scene, central) => {
      const rows = southboundOf(await central.rows('OVN_Southbound', southboundTables));
      const southbound = southboundFor(topology.name, rows);
      const placement = placementOf(await northboundOfCentral(central));
      const theirs = await playAll(peer, scene, options);
      const { vifs: bindings, networks } = scene;
      const node = nodeWorld({ southbound, placement, chassis: peerChassis, bindings, networks });
      const ours = await playAll(node, scene, options, theirs);
      const agreement = agreementOf(comparedSteps(topology.name, theirs), comparedSteps(topology.name, ours));
      for (const text of agreement.told) process.stdout.write(`${topology.name}: ${text}\n`);
      agreements.push(agreement);
      if (agreement.conversations.different + agreement.random.different === 0) tally.equal++;
      tally.topologies++;
      tally.frames += theirs.flatMap(({ sent }) => sent).length;
      tally.received += theirs.flatMap(({ received }) => received).length;
      expect(theirs.flatMap(({ received }) => received).length).toBeGreaterThan(100);
      expect(exceeded(agreement, leastForOne)).toEqual([]);
    });
  });
});

const all = wanted === '' ? test : undefined;
all?.('altogether', () => {
  expect(exceeded(total(agreements), leastForAll)).toEqual([]);
  expect(tally.equal).toBeGreaterThanOrEqual(leastEqual);
});

/** With hashes, translation and errors: what OVN leaves to chance would be seen here. */
const twice = new Set(['three backends', 'ACL reject', 'translation on a gateway router']);

describe.each(topologies.filter(({ name }) => twice.has(name)))('two real worlds: $name', (topology) => {
  test('are the same', async () => {
    const first = await inRealWorld(topology, (peer, scene) => playAll(peer, scene, options));
    const second = await inRealWorld(topology, (peer, scene) => playAll(peer, scene, options, first));
    expect(compareSteps(first, second).join('\n')).toBe('');
  });
});

/** Between them they have most of what a data plane does. */
const recorded = new Set([
  'ACL allow-related',
  'ACL reject',
  'DHCPv4',
  'floating addresses',
  'hairpin',
  'nested containers',
  'small MTU outside',
  'translation on a gateway router',
]);

const record = process.env.LFLOW_RECORD === '1' ? test : undefined;
record?.each(topologies.filter(({ name }) => recorded.has(name)))('recording of $name', async (topology) => {
  const text = await inRealWorld(topology, async (peer, scene, central) => {
    const southbound = southboundOf(await central.rows('OVN_Southbound', southboundTables));
    const steps = (await playAll(peer, scene, { seed: 1, count: 200, batch: 10 })).filter(isShort);
    const { vifs, networks } = scene;
    return formatPlaneRecording({
      southbound: withoutSentinel(southbound),
      placement: placementOf(await northboundOfCentral(central)),
      vifs: [...vifs],
      networks: [...networks],
      steps,
    });
  });
  await writeFile(planeRecordingUrl(topology.name), text);
});

const isShort = ({ sent, received, note }: Step): boolean =>
  note === undefined && [...sent, ...received.map(({ frame }) => frame)].every(({ length }) => length < 700);

/** Without the switch that the peer has for itself. */
function withoutSentinel(southbound: Southbound): Southbound {
  const { datapaths, ports, flows, multicastGroups } = southbound;
  const own = new Set(datapaths.filter(({ name }) => name.startsWith('lflow-sentinel')).map(({ uuid }) => uuid));
  const isOther = ({ datapath }: { datapath: string }): boolean => !own.has(datapath);
  return {
    ...southbound,
    datapaths: datapaths.filter(({ uuid }) => !own.has(uuid)),
    ports: ports.filter(isOther),
    flows: flows.filter(isOther),
    multicastGroups: multicastGroups.filter(isOther),
  };
}
