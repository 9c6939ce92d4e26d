/**
 * What the comparison with the real data plane stands on: there are topologies enough, and two real worlds are
 * the same.  The comparison itself is in plane-switches.test.ts and the others beside it (plane/suite.ts).
 *
 * With LFLOW_RECORD=1 some topologies become recordings.
 */
import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import { placementOf } from '../../engine/program/index.ts';
import { compareRepeated, compareSteps, type Step } from '../oracle/exchange.ts';
import { formatPlaneRecording, planeRecordingUrl } from '../oracle/plane-recording.ts';
import { seedAndRuns, wholeNumber } from '../oracle/seed.ts';
import { southboundOf, southboundTables } from '../oracle/southbound.ts';
import { inRealWorld, playAll } from './plane/both.ts';
import { northboundOfCentral } from './plane/scene.ts';
import { wantedOf } from './plane/suite.ts';
import { allPlaneTopologies } from './plane/topologies.ts';

const { seed, runs } = seedAndRuns(500);
const options = { seed, count: runs, batch: wholeNumber('LFLOW_BATCH') ?? 10 };
const topologies = wantedOf(allPlaneTopologies);

test('there are enough topologies, each with a name of its own', () => {
  expect(allPlaneTopologies.length).toBeGreaterThan(80);
  expect(new Set(allPlaneTopologies.map(({ name }) => name)).size).toBe(allPlaneTopologies.length);
});

/** With hashes, translation and errors: what OVN leaves to chance would be seen here. */
const twice = new Set(['three backends', 'ACL reject', 'translation on a gateway router']);

describe.each(topologies.filter(({ name }) => twice.has(name)))('two real worlds: $name', (topology) => {
  test('are the same', async () => {
    const first = await inRealWorld(topology, (peer, scene) => playAll(peer, scene, options));
    const again = (): Promise<Step[]> => inRealWorld(topology, (peer, scene) => playAll(peer, scene, options, first));
    const second = await again();
    if (compareSteps(first, second).length === 0) return;
    // Open vSwitch lets go of a fragment after a time, whatever is sent then: a third world tells which of two went by the clock.
    const third = await again();
    const told = compareRepeated([first, second, third]);
    expect(told.join('\n')).toBe('');
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
