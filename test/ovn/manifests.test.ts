/**
 * From manifests all the way, beside the real OVN: the northbound database that
 * they ask for goes into an OVN central as the script that `lflow nb --format
 * nbctl` prints; the flows that ovn-northd makes of it must be ours, and what
 * ovn-trace says of random packets must be what we say.
 *
 * For every example and for random topologies: LFLOW_SEED repeats a run,
 * LFLOW_RUNS (100) and LFLOW_PACKETS (20 a topology) set its size.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { computeSouthbound } from '../../engine/northd/index.ts';
import { lflowList } from '../../engine/northd/lflow-list.ts';
import { formatProblem } from '../../engine/origin.ts';
import { nbctlScript } from '../../engine/ovsdb/nbctl.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import { readManifests } from '../../engine/spec/read.ts';
import { northboundOf } from '../../engine/vpc/index.ts';
import { exampleManifests } from '../examples/manifests.ts';
import { compareFlows, flowsOf } from '../oracle/compare.ts';
import { type Central, startCentral } from '../oracle/sandbox.ts';
import { seedAndRuns, wholeNumber } from '../oracle/seed.ts';
import { compareTrace, tracer, withLearned } from '../oracle/traces.ts';
import { neighboursOf, randomProbe } from './random-microflows.ts';
import { randomManifests } from './random-topologies.ts';

const packets = wholeNumber('LFLOW_PACKETS') ?? 20;
const { seed, runs } = seedAndRuns(50);

/** What was compared, told at the end. */
const tally = { topologies: 0, flows: 0, detailed: 0, minimal: 0, skipped: new Map<string, number>() };

let central: Central;
beforeAll(async () => {
  central = await startCentral();
});
afterAll(async () => {
  await central.stop();
  const { topologies, flows, detailed, minimal, skipped } = tally;
  const reasons = [...skipped].map(([reason, count]) => `${count} skipped: ${reason}`);
  const traces = [`${detailed} traces equal in detail`, `${minimal} in brief`, ...reasons].join(', ');
  process.stdout.write(`${topologies} topologies, ${flows} flows equal; ${traces}\n`);
});

function northbound(file: string, text: string): Northbound {
  const { resources, problems } = readManifests([{ file, text }]);
  const errors = problems.filter(({ severity }) => severity === 'error');
  expect(errors.map(formatProblem)).toEqual([]);
  return northboundOf(resources);
}

/** The lines of `ovn-sbctl lflow-list` without UUIDs, in an order of their own under each datapath's title. */
function sortedList(text: string): string[] {
  const sections = text.replace(/\([0-9a-f]{8}-[0-9a-f-]{27}\)/g, '(UUID)').split(/^(?=Datapath: )/m);
  return sections
    .map((section) => {
      const [title, ...lines] = section.trimEnd().split('\n');
      return [title, ...lines.sort()].join('\n');
    })
    .sort();
}

async function compareAll(nb: Northbound, packetSeed: number): Promise<void> {
  await central.load(nbctlScript(nb));
  const { southbound } = computeSouthbound(nb);
  expect(compareFlows(await central.flows(), flowsOf(southbound))).toBe('');
  expect(sortedList(lflowList(southbound))).toEqual(sortedList(await central.sbctl('lflow-list')));
  tally.topologies++;
  tally.flows += southbound.flows.length;

  // In every other topology the chassis know their neighbours already, so that packets get further.
  const learned = packetSeed % 2 === 0 ? neighboursOf(nb) : { macBindings: [], fdb: [] };
  await central.learn(learned);
  const ours = tracer(withLearned(southbound, learned));
  const probes = fc.sample(randomProbe(nb), { seed: packetSeed, numRuns: packets });
  const verdicts = await Promise.all(probes.map((probe) => compareTrace(central, ours, probe)));
  for (const verdict of verdicts) {
    if (verdict.kind === 'different') expect.fail(verdict.report);
    else if (verdict.kind === 'equal') tally[verdict.form === 'minimal' ? 'minimal' : 'detailed']++;
    else tally.skipped.set(verdict.reason, (tally.skipped.get(verdict.reason) ?? 0) + 1);
  }
}

const folder = new URL('../../examples/', import.meta.url);

test('a flow that we left out would be noticed, and a trace without it', async () => {
  const file = 'single-vpc.yaml';
  const nb = northbound(file, readFileSync(new URL(file, folder), 'utf8'));
  await central.load(nbctlScript(nb));
  const { southbound } = computeSouthbound(nb);
  const lacking = { ...southbound, flows: southbound.flows.filter(({ stage }) => stage !== 'ls_in_check_port_sec') };
  expect(compareFlows(await central.flows(), flowsOf(lacking))).toMatch(/missing .*ls_in_check_port_sec/);
  const port = [...nb.Logical_Switch_Port.values()].find(({ type }) => type === '');
  const probe = { microflow: `inport == "${port?.name}"`, ct: [] };
  expect(await compareTrace(central, tracer(southbound), probe)).toEqual({ kind: 'equal', form: 'detailed' });
  expect((await compareTrace(central, tracer(lacking), probe)).kind).toBe('different');
});

describe('examples', () => {
  test('are there', () => {
    expect(exampleManifests.length).toBeGreaterThan(0);
  });

  test.each(exampleManifests)('%s', async (file) => {
    await compareAll(northbound(file, readFileSync(new URL(file, folder), 'utf8')), seed);
  });
});

let isTold = false;

/** Says what failed first at once: making the topology smaller takes a while. */
function tellOnce(error: Error): never {
  if (!isTold) process.stdout.write(`${error.message}\n`);
  isTold = true;
  throw error;
}

test(`${runs} random topologies`, async () => {
  await fc.assert(
    fc.asyncProperty(randomManifests, fc.nat(), async (text, packetSeed) => {
      await compareAll(northbound('random.yaml', text), packetSeed).catch(tellOnce);
    }),
    { seed, numRuns: runs },
  );
});

test('little was skipped', () => {
  const skipped = [...tally.skipped.values()].reduce((sum, count) => sum + count, 0);
  expect(tally.detailed).toBeGreaterThan(tally.topologies * packets * 0.8);
  expect(skipped).toBeLessThan(tally.topologies * packets * 0.1);
});
